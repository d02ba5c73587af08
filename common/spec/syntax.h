/* SPDX-License-Identifier: MIT */
/* The arguments of a command as a tree, read from the text that commands.def has of them.
 *
 *     text      = option { "|" option }        one of them: "host port | NO ONE"
 *     option    = item { item }                one after the other: "key value [NX|XX]"
 *     item      = WORD                         upper case: a token that stands as it is
 *               | word                         lower case: an argument by its name
 *               | "<" text ">"                 a group
 *               | "[" text "]"                 a group that may be left out
 *               | "[" item { item } "...]"     may be repeated: with "key" before it, "[key ...]"
 *                                              says that key is there once or more often
 *
 * A token in front belongs to what follows it: in "[EX seconds|PERSIST]" EX is the token of the
 * argument seconds, PERSIST an argument that is a token alone.  At the top, where there is but one
 * option, its items are a list and a token belongs to the one item behind it.
 *
 * Invariants: (1) children of a node stand behind it, and are linked by next
 *             (2) a node that is no WORD has at least one child
 * A value; names and tokens borrow from the text. */
#ifndef STARLING_SPEC_SYNTAX_H
#define STARLING_SPEC_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/bytes.h"

enum {
    SYNTAX_NODES_MAX = 96,
    SYNTAX_DEPTH_MAX = 6, /* of groups */
    SYNTAX_NONE = -1,
};

enum syntax_kind {
    SYNTAX_WORD,  /* one argument */
    SYNTAX_TOKEN, /* a token alone */
    SYNTAX_BLOCK, /* children one after the other */
    SYNTAX_ONEOF, /* one of the children */
};

/* What a value looks like, by its name. */
enum syntax_type {
    SYNTAX_STRING,
    SYNTAX_KEY,
    SYNTAX_INTEGER,
    SYNTAX_DOUBLE,
    SYNTAX_UNIX_TIME,
    SYNTAX_PATTERN,
};

struct syntax_node {
    enum syntax_kind kind;
    struct bytes name;  /* of a WORD */
    struct bytes token; /* in front of it, or the TOKEN itself; empty: none */
    bool is_optional;
    bool is_multiple;
    int first_child; /* SYNTAX_NONE: none */
    int next;        /* among its siblings */
};

struct syntax {
    struct syntax_node nodes[SYNTAX_NODES_MAX];
    int count;
    int first; /* the arguments of the command, linked by next; SYNTAX_NONE: it takes none */
};

/* False when the text does not follow the grammar or is too large. */
MUST_USE bool syntax_parse(const char *text, struct syntax *out);
enum syntax_type syntax_type_of(struct bytes name);

#endif
