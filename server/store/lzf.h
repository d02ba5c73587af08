/* SPDX-License-Identifier: MIT */
/* LZF, as far as it is needed: expanding what others compressed.
 *
 * A control byte below 32 announces control + 1 literal bytes.  Any other announces a copy from
 * what was already written: its upper three bits, when all are set plus one more byte, are the
 * length - 2; its lower five bits and one byte more are the distance - 1, high bits first. */
#ifndef STARLING_STORE_LZF_H
#define STARLING_STORE_LZF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/bytes.h"

enum {
    LZF_MAX_EXPANSION = 88, /* three bytes become 264 at most */
};

/* Fill exactly out_len bytes from all of in.  False when in is damaged or of another length:
 * what out then holds is undefined. */
MUST_USE bool lzf_expand(struct bytes in, char *out, size_t out_len);

#endif
