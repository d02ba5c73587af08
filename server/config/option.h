/* SPDX-License-Identifier: MIT */
/* The rows of both tables, and how values of each kind are read and checked.  For this room alone. */
#ifndef STARLING_CONFIG_OPTION_H
#define STARLING_CONFIG_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

enum option_kind {
    KIND_BOOL,
    KIND_NUMBER,
    KIND_SIZE,
    KIND_TEXT,
    KIND_NAME,
    KIND_WORDS,
    KIND_CHOICE,
};

enum option_rule {
    RULE_OWN, /* of options.def */
    RULE_ANY, /* of foreign.def: see there */
    RULE_ONLY,
    RULE_NEVER,
};

struct option {
    struct config_option public;
    enum option_kind kind;
    enum option_rule rule;
    size_t field; /* RULE_OWN: the place in struct config */
    const char *initial;
    int64_t least;
    int64_t greatest;
    const char *words;
};

/* A value that its directive accepts. */
struct option_value {
    int64_t number; /* BOOL: 0 or 1; CHOICE: the index of the word */
    struct buf text;
};

static inline bool option_is_text(const struct option *option)
{
    return option->kind == KIND_TEXT || option->kind == KIND_NAME || option->kind == KIND_WORDS;
}

const struct option *option_at(size_t index);
const struct option *option_find(struct bytes name);
/* The place of its value in config.foreign. */
size_t option_foreign_index(const struct option *option);

/* Read a value by its kind alone; the text of words has one blank between them afterwards. */
MUST_USE bool option_parse(const struct option *option, struct bytes value,
                           struct option_value *out, struct errmsg *error);
/* As CONFIG GET shows a value that is not text. */
void option_format(const struct option *option, int64_t number, struct buf *out);

/* What single directives ask of their texts beyond the kind.  May replace the text by its plain
 * form, and set what config derives from it. */
MUST_USE bool option_check(struct config *config, const struct option *option, struct buf *text,
                           struct errmsg *error);

#endif
