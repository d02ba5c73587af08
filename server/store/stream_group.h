/* SPDX-License-Identifier: MIT */
/* Groups of consumers of a stream (store/stream.h), what was delivered to them and is pending.
 *
 * A pending entry is an id that was delivered to a consumer and not acknowledged; the entry of the stream with this
 * id may be gone meanwhile.  Those of a group lie in an index by id (store/id_index.h), without an allocation
 * for each; the ids of each consumer's lie in another.  A consumer can release what is pending of it: that is pending of
 * nobody then, and known in the order in which it was released.
 *
 * Groups and consumers are handed out by pointer: it is valid until the group or consumer is removed.  Both are
 * in the order of their names' bytes.
 *
 * Invariants:  (1) the pending entries of a group are those of its consumers, each once, and the released ones
 *              (2) names are unique: of groups in a stream, of consumers in a group
 * Times are in milliseconds since 1970. */
#ifndef STARLING_STORE_STREAM_GROUP_H
#define STARLING_STORE_STREAM_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "store/stream_id.h"
#include "store/value.h"

#define STREAM_READ_UNKNOWN UINT64_MAX  /* how many entries a group has read */
#define STREAM_NEVER        INT64_C(-1) /* a consumer was not active yet */

struct id_index;
struct stream;
struct stream_consumer;
struct stream_group;

/* ---- groups ------------------------------------------------------------------------------------------ */

size_t stream_group_count(const struct stream *s);
/* By its place in the order of names, less than the count. */
struct stream_group *stream_group_at(const struct stream *s, size_t place);
struct stream_group *stream_group_find(const struct stream *s, struct bytes name);

struct bytes stream_group_name(const struct stream_group *g);
/* Of the last entry that was delivered. */
struct stream_id stream_group_last_id(const struct stream_group *g);
/* How many entries were delivered or passed over, or STREAM_READ_UNKNOWN. */
uint64_t stream_group_entries_read(const struct stream_group *g);
uint64_t stream_group_pending_count(const struct stream_group *g);
/* Of those the ones that are released. */
uint64_t stream_group_released_count(const struct stream_group *g);
size_t stream_group_consumer_count(const struct stream_group *g);
/* How many entries are still to be delivered (below 0 when the group claims to have read more than there ever
 * were); false when deletions have made that unknown. */
MUST_USE bool stream_group_lag(const struct stream *s, const struct stream_group *g, int64_t *out);

/* NULL when there is one of this name. */
struct stream_group *stream_group_create(struct value_draft *draft, struct bytes name,
                                         struct stream_id last_id, uint64_t entries_read);
/* With all that is pending; false when there is none. */
bool stream_group_destroy(struct value_draft *draft, struct bytes name);
void stream_group_set(struct value_draft *draft, struct stream_group *g, struct stream_id last_id,
                      uint64_t entries_read);
/* The entry with this id, which is above the group's last id, is delivered: that becomes it, and the number of
 * entries read goes on or is found out. */
void stream_group_advance(struct value_draft *draft, struct stream_group *g, struct stream_id id);

/* ---- consumers --------------------------------------------------------------------------------------- */

struct stream_consumer *stream_consumer_at(const struct stream_group *g, size_t place);
struct stream_consumer *stream_consumer_find(const struct stream_group *g, struct bytes name);

struct bytes stream_consumer_name(const struct stream_consumer *c);
/* When it last asked for something, */
int64_t stream_consumer_seen_at_ms(const struct stream_consumer *c);
/* and when it last got something, or STREAM_NEVER. */
int64_t stream_consumer_active_at_ms(const struct stream_consumer *c);
uint64_t stream_consumer_pending_count(const struct stream_consumer *c);

/* Seen now, never active.  NULL when there is one of this name. */
struct stream_consumer *stream_consumer_create(struct value_draft *draft, struct stream_group *g,
                                               struct bytes name, int64_t now_ms);
/* What is pending of it goes, too; *pending_count is how much that was.  False when there is none. */
bool stream_consumer_delete(struct value_draft *draft, struct stream_group *g, struct bytes name,
                            uint64_t *pending_count);
/* While its stream is open for change.  That is no change of the stream: replicas are not told, and who waits for the key
 * is not woken by somebody else who waits. */
void stream_consumer_put_times(struct stream_consumer *c, int64_t seen_at_ms, int64_t active_at_ms);

/* ---- pending entries --------------------------------------------------------------------------------- */

struct stream_pending {
    struct stream_id id;
    struct stream_consumer *consumer; /* NULL: it is released, */
    int64_t delivered_at_ms; /* and this is its place in the order of releases, from 1 on */
    uint64_t delivery_count;
};

/* False when it is not pending.  out may be NULL. */
bool stream_pending_find(const struct stream_group *g, struct stream_id id,
                         struct stream_pending *out);
/* It becomes pending, or what was known of it is replaced: delivered to this consumer, at this time; without a consumer
 * it becomes the last one that was released. */
void stream_pending_put(struct value_draft *draft, struct stream_group *g,
                        const struct stream_pending *pending);
/* False when it was not pending. */
bool stream_pending_remove(struct value_draft *draft, struct stream_group *g, struct stream_id id);

/* Pending entries in the order of their ids. */
struct stream_pending_reader {
    const struct stream_group *group;
    const struct id_index *ids; /* the group's, or a consumer's */
    uint32_t leaf;              /* where the next one is in there */
    uint32_t item;
    bool is_of_consumer;
    bool is_done;
    struct stream_id last;
};

/* Stand before the first from `first` on; `last` is included.  consumer NULL: of all. */
void stream_pending_read(const struct stream_group *g, const struct stream_consumer *consumer,
                         struct stream_id first, struct stream_id last,
                         struct stream_pending_reader *out);
bool stream_pending_next(struct stream_pending_reader *r, struct stream_pending *out);
/* The smallest and the greatest id; false when nothing is pending. */
bool stream_pending_edges(const struct stream_group *g, struct stream_id *first,
                          struct stream_id *last);

#endif
