/* SPDX-License-Identifier: MIT */
/* Reading a value that another server wrote as one blob in a compact form (store/foreign.h). */
#ifndef STARLING_STORE_VALUE_COMPACT_H
#define STARLING_STORE_VALUE_COMPACT_H

#include "store/foreign.h"
#include "store/value.h"

/* Take the next of the blob's elements, or those that belong together, into r->draft; false with error when
 * they cannot be. */
typedef bool value_take_fn(struct value_reader *r, struct foreign *f, struct errmsg *error);

/* Eat the blob, which is one string, and all of the value with it: a value_ops.decode for such records. */
MUST_USE enum value_codec_status value_decode_compact(struct value_reader *r, struct decoder *d,
                                                      value_take_fn *take, uint64_t *needed,
                                                      struct errmsg *error);

#endif
