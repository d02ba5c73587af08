/* SPDX-License-Identifier: MIT */
/* The types of a server, and one more that reads records of every RDB type which those do not: it
 * knows how long they are and keeps only the number.  Snapshots of servers that have more types can be
 * read with it. */
#ifndef STARLING_TESTS_SKIPPED_H
#define STARLING_TESTS_SKIPPED_H

#include <stdint.h>

#include "store/value.h"

#define SKIPPED ((enum value_type)SKIPPED_NUMBER)

enum {
    SKIPPED_NUMBER = VALUE_TYPE_MAX - 1,
};

struct skipped_types {
    struct value_types types;
    struct value_ops ops; /* which the types point to */
};

/* base has no type of that number. */
void skipped_types_init(struct skipped_types *s, const struct value_types *base);
/* Of a value that was skipped: such values go into no key space. */
uint8_t skipped_rdb_type(const struct value *value);

#endif
