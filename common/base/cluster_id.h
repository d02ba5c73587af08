/* SPDX-License-Identifier: MIT */
/* The id of a node or of a shard of a cluster: forty lower-case hex digits, or empty for "none", which is what all-zero
 * is.  In bytes it is the twenty that the digits stand for, zeros for none.
 *
 * Plain value: copied, never shared. */
#ifndef STARLING_BASE_CLUSTER_ID_H
#define STARLING_BASE_CLUSTER_ID_H

#include <stdbool.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/codec.h"

enum {
    CLUSTER_ID_LEN = 40,
    CLUSTER_RAW_ID_BYTES = CLUSTER_ID_LEN / 2,
};

struct cluster_id {
    char text[CLUSTER_ID_LEN + 1];
};

static inline bool cluster_id_is_none(const struct cluster_id *id)
{
    return id->text[0] == '\0';
}

static inline bool cluster_id_equal(const struct cluster_id *a, const struct cluster_id *b)
{
    return memcmp(a->text, b->text, CLUSTER_ID_LEN) == 0;
}

/* False, and *out untouched, unless text is 40 lower-case hex digits. */
MUST_USE bool cluster_id_parse(struct bytes text, struct cluster_id *out);

void cluster_id_encode(struct buf *out, const struct cluster_id *id);
void cluster_id_decode(struct decoder *d, struct cluster_id *out);

#endif
