/* SPDX-License-Identifier: MIT */
/* Ids of the entries of a stream: milliseconds, and a sequence within them.  Plain values. */
#ifndef STARLING_STORE_STREAM_ID_H
#define STARLING_STORE_STREAM_ID_H

#include <stdbool.h>
#include <stdint.h>

/* What is counted in streams ends here: what clients can write and read as a number. */
#define STREAM_COUNTER_MAX ((uint64_t)INT64_MAX)

struct stream_id {
    uint64_t ms;
    uint64_t sequence;
};

#define STREAM_ID_MIN ((struct stream_id){0})
#define STREAM_ID_MAX ((struct stream_id){UINT64_MAX, UINT64_MAX})

/* Less than, equal to or greater than 0, as a is to b. */
static inline int stream_id_compare(struct stream_id a, struct stream_id b)
{
    if (a.ms != b.ms) {
        return a.ms < b.ms ? -1 : 1;
    }
    return a.sequence < b.sequence ? -1 : a.sequence > b.sequence;
}

static inline bool stream_id_is_zero(struct stream_id id)
{
    return id.ms == 0 && id.sequence == 0;
}

/* The id behind this one; false, and nothing has changed, when it is the last there can be. */
static inline bool stream_id_next(struct stream_id *id)
{
    if (id->sequence == UINT64_MAX && id->ms == UINT64_MAX) {
        return false;
    }
    id->sequence++;
    id->ms += id->sequence == 0 ? 1 : 0;
    return true;
}

/* The id before this one; false, and nothing has changed, when it is 0-0. */
static inline bool stream_id_previous(struct stream_id *id)
{
    if (stream_id_is_zero(*id)) {
        return false;
    }
    id->ms -= id->sequence == 0 ? 1 : 0;
    id->sequence--;
    return true;
}

#endif
