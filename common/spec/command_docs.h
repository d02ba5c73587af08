/* SPDX-License-Identifier: MIT */
/* Facts about commands that nobody needs to run them: what they cost, how a proxy may spread them,
 * what replaces old ones (command_docs.def), and their ACL categories, which follow from a
 * command's row. */
#ifndef STARLING_SPEC_COMMAND_DOCS_H
#define STARLING_SPEC_COMMAND_DOCS_H

#include <stddef.h>
#include <stdint.h>

#include "spec/command.h"

struct command_docs {
    const char *complexity;
    const char *tips;           /* separated by blanks; "" for none */
    const char *replaced_since; /* a version; "" when it is not replaced */
    const char *replaced_by;
};
struct command_docs command_docs(enum command_id id);

enum command_category {
    CATEGORY_KEYSPACE = 1 << 0,
    CATEGORY_READ = 1 << 1,
    CATEGORY_WRITE = 1 << 2,
    CATEGORY_STRING = 1 << 3,
    CATEGORY_CONNECTION = 1 << 4,
    CATEGORY_ADMIN = 1 << 5,
    CATEGORY_DANGEROUS = 1 << 6,
    CATEGORY_FAST = 1 << 7,
    CATEGORY_SLOW = 1 << 8,
    CATEGORY_BLOCKING = 1 << 9,
    CATEGORY_LIST = 1 << 10,
    CATEGORY_HASH = 1 << 11,
    CATEGORY_SET = 1 << 12,
    CATEGORY_SORTED_SET = 1 << 13,
    CATEGORY_STREAM = 1 << 14,
    CATEGORY_BITMAP = 1 << 15,
    CATEGORY_HYPERLOGLOG = 1 << 16,
    CATEGORY_GEO = 1 << 17,
    CATEGORY_PUBSUB = 1 << 18,
    CATEGORY_TRANSACTION = 1 << 19,
};
enum {
    CATEGORY_COUNT = 20
};
/* The categories of a command, one bit each. */
uint32_t command_categories(const struct command_spec *spec);
/* The name of the category with bit index, without its @. */
const char *category_name(size_t index);
/* As COMMAND DOCS and the help name it. */
const char *command_group_name(enum command_group group);

#endif
