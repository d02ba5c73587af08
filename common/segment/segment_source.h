/* SPDX-License-Identifier: MIT */
/* The folder of a log's files as those who read it see it: a real one (the cli), that of struct fs (the server),
 * or one that tests make up. */
#ifndef STARLING_SEGMENT_SEGMENT_SOURCE_H
#define STARLING_SEGMENT_SEGMENT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/errmsg.h"

typedef void segment_name_fn(void *context, const char *name);

struct segment_source {
    void *ctx; /* the first argument of each */
    /* The names in the folder, in no promised order.  A folder that is not there has none. */
    bool (*list)(void *ctx, segment_name_fn *on_name, void *context, struct errmsg *error);
    bool (*size)(void *ctx, const char *name, uint64_t *size_bytes, struct errmsg *error);
    /* Append up to max_bytes from place on to out; less means that the file ends there. */
    bool (*read)(void *ctx, const char *name, uint64_t place, size_t max_bytes, struct buf *out,
                 struct errmsg *error);
};

#endif
