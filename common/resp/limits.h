/* SPDX-License-Identifier: MIT */
/* What a reader accepts from a peer.  Every declared size is checked before memory is taken
 * for it. */
#ifndef STARLING_RESP_LIMITS_H
#define STARLING_RESP_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct resp_limits {
    uint64_t max_args;         /* words of one request, or items of one aggregate */
    uint64_t max_bulk_bytes;   /* one word */
    uint64_t max_inline_bytes; /* one inline line, and any protocol line */
    uint64_t max_depth;        /* nesting of a reply value, at most RESP_DEPTH_MAX */
    bool is_unauthenticated;   /* the words of an error: the peer may do better after AUTH */
};

enum {
    RESP_DEPTH_MAX = 64
};

/* For peers that have authenticated, and before. */
#define RESP_LIMITS_DEFAULT                                                                        \
    ((struct resp_limits){.max_args = 1024 * 1024,                                                 \
                          .max_bulk_bytes = UINT64_C(512) * 1024 * 1024,                           \
                          .max_inline_bytes = 64 * 1024,                                           \
                          .max_depth = 32})
#define RESP_LIMITS_UNAUTHENTICATED                                                                \
    ((struct resp_limits){.max_args = 10,                                                          \
                          .max_bulk_bytes = 16384,                                                 \
                          .max_inline_bytes = 64 * 1024,                                           \
                          .max_depth = 8,                                                          \
                          .is_unauthenticated = true})

#endif
