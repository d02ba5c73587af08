/* SPDX-License-Identifier: MIT */
/* Client-side caching: which sessions are to be told when which keys change.
 *
 *     by keys      each key that a session has read is remembered, with the ids of those who did, until it
 *                  changes; with OPTIN only what was read behind CLIENT CACHING YES, with OPTOUT not what was
 *                  read behind CLIENT CACHING NO
 *     BCAST        nothing is remembered: a session is told of all keys that begin with one of its prefixes
 *
 * What changes is put aside here, and whoever owns this tells the sessions: first what is due, then what has
 * changed.  Keys are known by name alone, of whatever database.
 *
 * Invariants:  (1) SESSION_TRACKING is set exactly while the session has a tracker
 *              (2) a key is remembered once, with at least one id; ids of a key ascend
 *              (3) at most max_keys are remembered: the oldest is due when there are more
 *              (4) a prefix is there while a session has it; prefixes of one session do not overlap
 *              (5) a change stands at every prefix that its key begins with, and that was there when it came
 * Ids of sessions that have gone, or track no more, stay with a key until it changes.
 * Owns everything; who frees a session calls tracking_end before.  Loop thread only. */
#ifndef STARLING_SESSION_TRACKING_H
#define STARLING_SESSION_TRACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/hashtable.h"
#include "base/list.h"
#include "base/vec.h"

struct session;

enum tracking_mode {
    TRACKING_KEYS,
    TRACKING_OPTIN,
    TRACKING_OPTOUT,
    TRACKING_BCAST,
};

/* Those who want to be told of keys that begin so. */
struct tracking_prefix {
    struct hashtable_node by_name;
    struct list with_news; /* linked while there are changes */
    uint64_t born;         /* the number of the newest change then */
    VEC(struct session *) sessions;
    VEC(const struct tracking_change *) changes; /* in the order in which they came */
    char name[];
};

/* A length that prefixes have: a change looks for those of each length, not at each of them. */
struct tracking_length {
    size_t len;
    size_t count; /* of prefixes */
};

/* The part of a session with CLIENT TRACKING on. */
struct tracker {
    enum tracking_mode mode;
    bool is_noloop;    /* what it changes itself it is not told */
    bool is_broken;    /* whom it redirects to has gone, and it was told so */
    uint64_t redirect; /* id of the session that is told in its place; 0: itself */
    VEC(struct tracking_prefix *) prefixes;
};

/* A key that sessions have read, or one that is due. */
struct tracked_key {
    struct hashtable_node by_name;
    struct list in_order;
    uint64_t writer; /* id of the session that changed it; 0: nobody's */
    size_t count;
    size_t cap; /* of ids; 0: the one id is in only */
    uint64_t only;
    uint64_t *ids;
    char name[];
};

/* A key that has changed, for those who have prefixes. */
struct tracking_change {
    struct hashtable_node by_name;
    struct list in_order;
    uint64_t writer; /* 0: nobody, or several */
    uint64_t number; /* it stands at all that were born before: later changes have greater ones */
    char name[];
};

struct tracking {
    struct hashtable keys;
    struct list order; /* of keys, oldest first */
    struct list due;   /* no longer in keys: those who read it are to be told */
    struct hashtable prefixes;
    VEC(struct tracking_length) lengths; /* of prefixes, ascending */
    struct list with_news;               /* prefixes whose keys have changed */
    struct hashtable changes;
    struct list changed;
    uint64_t newest_change; /* its number */
    size_t max_keys;        /* 0: as many as there are */
    size_t tracker_count;
    size_t item_count; /* ids of all keys */
    size_t bytes;
    bool was_flushed; /* all trackers are to be told that nothing is as it was */
};

struct tracking_options {
    enum tracking_mode mode;
    bool is_noloop;
    uint64_t redirect;
    const struct bytes *prefixes; /* with TRACKING_BCAST; none: that of all keys */
    size_t prefix_count;
};

/* Does any session track? */
static inline bool tracking_is_on(const struct tracking *tracking)
{
    return tracking->tracker_count > 0;
}

/* hash_seed: a secret. */
void tracking_init(struct tracking *tracking, uint64_t hash_seed);
/* Nobody may track any more. */
void tracking_deinit(struct tracking *tracking);

/* On; of a session that tracks already the options are changed, and prefixes are added: then BCAST stays as it
 * was, and no prefix overlaps. */
void tracking_begin(struct tracking *tracking, struct session *s,
                    const struct tracking_options *options);
void tracking_end(struct tracking *tracking, struct session *s);
/* Two prefixes of which one begins like the other: one of the given, and one given too or the session's own. */
struct tracking_clash {
    struct bytes prefix;
    struct bytes other;
    bool is_own;
};
/* Does any of these clash?  Then *out has the first that was found, borrowed from both. */
MUST_USE bool tracking_find_clash(const struct session *s, const struct bytes *prefixes,
                                  size_t count, struct tracking_clash *out);

/* Is what the session reads now remembered? */
bool tracking_remembers(const struct session *s);
/* The session has read the key. */
void tracking_note_read(struct tracking *tracking, const struct session *s, struct bytes key);
/* The key has changed, come or gone. */
void tracking_note_change(struct tracking *tracking, struct bytes key, uint64_t writer);
/* Many keys went at once: nothing is remembered any more. */
void tracking_note_flush(struct tracking *tracking);

/* Is there anybody to be told of anything? */
bool tracking_has_news(const struct tracking *tracking);
/* The next one that is due, or NULL; the caller's to free. */
struct tracked_key *tracking_take_due(struct tracking *tracking);
void tracking_free_key(struct tracking *tracking, struct tracked_key *key);
uint64_t tracked_key_id(const struct tracked_key *key, size_t i);
/* What has changed was told. */
void tracking_forget_changes(struct tracking *tracking);

void tracking_check(const struct tracking *tracking);

#endif
