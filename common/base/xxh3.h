/* SPDX-License-Identifier: MIT */
/* XXH3 of 64 bits with seed 0: a fast hash whose values are the same everywhere, after the
 * specification of Yann Collet.  For digests that clients compute as well; not cryptographic. */
#ifndef STARLING_BASE_XXH3_H
#define STARLING_BASE_XXH3_H

#include <stdint.h>

#include "base/bytes.h"

uint64_t xxh3(struct bytes b);

#endif
