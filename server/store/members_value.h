/* SPDX-License-Identifier: MIT */
/* Values whose memory is members and nothing else: large hashes and sets.  These are the operations of
 * store/value.h that they share. */
#ifndef STARLING_STORE_MEMBERS_VALUE_H
#define STARLING_STORE_MEMBERS_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "store/members.h"

/* The memory of an empty one, which is owned by who asks. */
MUST_USE struct members *members_value_new(struct value_space *space);

size_t members_value_bytes(const void *memory);
size_t members_value_spare_bytes(const void *memory);
void members_value_check(const void *memory);
void *members_value_copy(const void *memory);
size_t members_value_free_cost(const void *memory);
bool members_value_free(void **memory, size_t *budget);
struct members *members_value_members(void *memory);

#endif
