/* SPDX-License-Identifier: MIT */
/* The memory of the process as the kernel and malloc see it.  Linux and glibc: what cannot be read
 * counts as 0, unknown.  Any thread; the stack measured is the first thread's. */
#ifndef STARLING_NET_FOOTPRINT_H
#define STARLING_NET_FOOTPRINT_H

#include <stddef.h>

#include "node/env.h"

/* Resident bytes of the process. */
size_t footprint_resident(void);
/* All fields but untouched, which becomes 0. */
void footprint_measure(struct env_memory *out);
/* Give the free pages of malloc's lists back to the system. */
void footprint_release(void);

#endif
