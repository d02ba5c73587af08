/* SPDX-License-Identifier: MIT */
/* Patterns of names of keys or of channels, as a set of rules has them: in the order in which they were given.
 *
 * Invariants:  (1) no text is there twice
 *              (2) to add a pattern, and to find one by its text, takes as long among many as among few
 * Owned by value and may be moved; owns its patterns.  All-zero is empty. */
#ifndef STARLING_SESSION_ACL_PATTERNS_H
#define STARLING_SESSION_ACL_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/hashtable.h"
#include "base/vec.h"

/* Most patterns are a prefix and a *; those are compared without the matcher. */
enum acl_pattern_form {
    ACL_PATTERN_GLOB,
    ACL_PATTERN_PREFIX, /* text without its last byte */
};

struct acl_pattern {
    struct hashtable_node by_text; /* its key is the text */
    uint32_t access;               /* of keys: enum acl_access */
    enum acl_pattern_form form;
    char bytes[];
};

struct acl_patterns {
    VEC(struct acl_pattern *) all;
    struct hashtable by_text;
};

void acl_patterns_clear(struct acl_patterns *patterns);
/* *out, which holds nothing yet, becomes the same. */
void acl_patterns_copy(const struct acl_patterns *patterns, struct acl_patterns *out);

/* One that is there already is for this, too. */
void acl_patterns_add(struct acl_patterns *patterns, struct bytes text, uint32_t access);
/* NULL: no pattern is written so. */
const struct acl_pattern *acl_patterns_find(const struct acl_patterns *patterns, struct bytes text);
/* Does one that is for all of this match? */
bool acl_patterns_match(const struct acl_patterns *patterns, struct bytes name, uint32_t access);

static inline struct bytes acl_pattern_text(const struct acl_pattern *pattern)
{
    return pattern->by_text.key;
}

void acl_patterns_check(const struct acl_patterns *patterns);

#endif
