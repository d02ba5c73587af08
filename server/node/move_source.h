/* SPDX-License-Identifier: MIT */
/* Slots that others fetch from us: the source's side of moves (move/giver.h decides).
 *
 * A receiver is a client that has proven which node it is (REPLCONF node, replication/introduction.h), and asks:
 *
 *     CLUSTER SYNCSLOTS BEGIN <move> <run> ...   +YES, or -LATER, -NEVER, -GIVEN
 *     CLUSTER SYNCSLOTS NEXT <move>              [stage, bytes of the log behind it, requests], or -LATER
 *     CLUSTER SYNCSLOTS HOLD <move>              the same, with writes to the slots held from now on, or -LATER
 *     CLUSTER SYNCSLOTS COMMIT <move>            -GIVEN: that is what was wanted; or -LATER
 *     CLUSTER SYNCSLOTS CANCEL <move>            +YES, or -GIVEN
 *
 * Requests are those of the image (node/move_image.h), then those of the log from there on that are about the slots
 * (move/filter.h).  While writes are held, who would change a key of the slots waits (HOLD_MOVING), and so do those who write
 * without naming keys, and EXEC with writes.  From COMMIT on nothing of the slots is served (cluster/ranges.h).
 *
 * A move that this node asks for ends by itself when the receiver's shard has had no primary that can be reached for repl-timeout:
 * then nothing was given, and nothing has to be undone here.
 *
 * Invariants:  (1) an attempt is its session's, a session has one at most, and a move has one at most
 *              (2) held has the slots of the attempts that hold, and no others */
#ifndef STARLING_NODE_MOVE_SOURCE_H
#define STARLING_NODE_MOVE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bitset.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "council/shard_ranges.h"
#include "move/filter.h"
#include "move/giver.h"
#include "node/disk_feed.h"
#include "node/move_report.h"
#include "spec/slot.h"

struct node;
struct request;
struct session;

struct move_attempt {
    struct session *session;
    struct shard_range range; /* as it will be given */
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)];
    struct giver giver;
    struct filter filter;
    struct disk_feed disk;
    uint64_t cursor;   /* of the log, behind the image */
    uint64_t hold_end; /* of the log when writes were held: behind it nothing concerns the slots */
    uint64_t sent_bytes;
    int64_t began_unix_ms;
    struct mono_time held_at;
    bool is_broken; /* it cannot go on, since */
    struct errmsg problem;
    bool is_withdrawn; /* cancelled here, and reported so; is_broken, too */
};

/* A move that we ask for while nobody could fetch it. */
struct move_ask {
    struct cluster_id id;
    struct mono_time since;
};

struct move_source {
    struct move_attempt *items[SHARD_RANGES_MAX];
    size_t count;
    uint64_t held[BITSET_WORDS(SLOT_COUNT)];
    bool is_holding;
    struct move_ask asks[SHARD_RANGES_MAX];
    size_t ask_count;
    bool was_awaiting; /* somebody was kept waiting for slots that change hands */
    struct move_reports reports;
    uint64_t sent_bytes; /* ever, */
    uint64_t given;      /* moves, */
    int64_t held_us;     /* writes were held in all, */
    int64_t longest_held_us;
};

#define MOVE_SOURCE_NOBODY "the receiver's shard has no primary that can be reached"

/* ---- what receivers ask; each answers ------------------------------------------------------- */

void move_source_begin(struct node *node, struct request *request, const struct cluster_id *id,
                       const uint64_t *slots);
void move_source_next(struct node *node, struct request *request, const struct cluster_id *id);
void move_source_hold(struct node *node, struct request *request, const struct cluster_id *id);
void move_source_commit(struct node *node, struct request *request, const struct cluster_id *id);
void move_source_cancel(struct node *node, struct request *request, const struct cluster_id *id);
/* The move was cancelled here: nothing of it is given any more, writes are not held for it, and it is
 * among the reports, whether its receiver can be told so or not. */
void move_source_withdraw(struct node *node, const struct shard_range *range);
/* Is the client a primary of this cluster that has proven it?  Else it was told so. */
bool move_source_knows(struct request *request);

/* ---- what it means to others ------------------------------------------------------------------ */

static inline bool move_source_holds(const struct move_source *source)
{
    return source->is_holding;
}

/* Would the request change what is held? */
bool move_source_is_in_the_way(const struct node *node, const struct request *request);
/* The attempt of that move, or NULL. */
const struct move_attempt *move_source_find(const struct node *node, const struct cluster_id *id);
/* One that fetches any of these slots and was not cancelled, or NULL. */
const struct move_attempt *move_source_of_slots(const struct node *node, const uint64_t *slots);
/* Begin the walk of one that waits for its turn; true when one was begun. */
bool move_source_start_image_when_wanted(struct node *node);
/* The offset that the log is needed from; UINT64_MAX for none. */
static inline uint64_t move_source_keep_from(const struct move_source *source)
{
    uint64_t oldest = UINT64_MAX;

    for (size_t i = 0; i < source->count; i++) {
        const struct move_attempt *a = source->items[i];

        if (!a->is_broken && a->giver.phase != GIVER_TURN && a->cursor < oldest) {
            oldest = a->cursor;
        }
    }
    return oldest;
}
/* The session, a receiver's or not, is about to go. */
void move_source_session_closed(struct node *node, struct session *s);
/* In each pass: holds whose time is up, receivers that are silent. */
void move_source_tick(struct node *node);
struct mono_time move_source_wake_at(const struct node *node);
void move_source_deinit(struct node *node);
void move_source_check(const struct node *node);

#endif
