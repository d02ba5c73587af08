/* SPDX-License-Identifier: MIT */
/* What producers have added to a stream (store/stream.h), so that what they send once more is not added again.
 *
 * A producer has a name, and gives each entry a name of its own (an iid).  For some time it is known under which id of the
 * stream that was added: until the duration has passed since the milliseconds of the id, or the producer has added so many
 * others, or the settings are changed.  The entry itself may be gone by then.
 *
 * Invariants:  (1) a pair of producer and iid is known once
 *              (2) a producer that is known has at least one iid, and at most max_count
 *              (3) all iids are in the order in which they were added, and so are those of each producer
 * The table is no part of the serialized form of a stream nor of its digest: what is loaded knows no producers.  A stream
 * without producers has none.  What has expired is not found, and is removed by what is added later.  Times are in
 * milliseconds since 1970.  Owned by its stream.  Loop thread only. */
#ifndef STARLING_STORE_STREAM_PRODUCERS_H
#define STARLING_STORE_STREAM_PRODUCERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "store/stream.h"

enum {
    STREAM_IID_SECONDS_MAX = 86400,
    STREAM_IID_COUNT_MAX = 10000,
};

struct stream_producers;

struct stream_producers_settings {
    uint32_t duration_s;
    uint32_t max_count; /* iids of a producer */
};

struct stream_producers_facts {
    struct stream_producers_settings settings;
    uint64_t producer_count;
    uint64_t iid_count;
    uint64_t added;      /* ever */
    uint64_t duplicates; /* ever: what was sent once more */
};

/* What is tracked, expired or not; `otherwise` are the settings of a stream that has none. */
struct stream_producers_facts
stream_producers_facts(const struct stream *s, const struct stream_producers_settings *otherwise);
/* False when the pair, the name of an iid being `name`, is not known at this time.  out may be NULL. */
bool stream_iid_find(const struct stream *s, struct bytes producer_name, struct bytes name,
                     int64_t now_ms, struct stream_id *out);
/* It was found, and nothing added.  That is no change of the stream. */
void stream_iid_note_duplicate(const struct stream *s);
/* The entry with this id was added; what is known of the pair is replaced. */
void stream_iid_add(struct value_draft *draft, struct bytes producer_name, struct bytes name,
                    struct stream_id id);
/* From now on these; what was known is forgotten, but the counts of all that ever was. */
void stream_producers_set(struct value_draft *draft,
                          const struct stream_producers_settings *settings);

/* ---- for the stream; p may be NULL ------------------------------------------------------------------------ */

size_t stream_producers_bytes(const struct stream_producers *p);
size_t stream_producers_free_cost(const struct stream_producers *p);
/* Free all of it, or what the budget is good for; true when it is gone. */
bool stream_producers_free(struct stream_producers *p, size_t *budget);
struct stream_producers *stream_producers_copy(const struct stream_producers *p);
/* Assert every invariant; slow. */
void stream_producers_check(const struct stream_producers *p);

#endif
