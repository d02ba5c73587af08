/* SPDX-License-Identifier: MIT */
/* Words about commands, as a set of rules has them: +get, -@write, +select|0.  In the order in which they were
 * given, in small letters, without those that a later one has undone.  Some allow a command with one word
 * behind its name (first arguments), as long as no later word is about that command.
 *
 * Invariants:  (1) what two words are about is not the same, nor is one about something of what a later one is
 *                  about
 *              (2) to add a word takes as long among many as among few; to undo some, as long as they are many
 * Owned by value and may be moved; owns its texts.  All-zero is empty. */
#ifndef STARLING_SESSION_ACL_WORDS_H
#define STARLING_SESSION_ACL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hashtable.h"
#include "base/list.h"
#include "base/vec.h"

/* What stands before a bar, or a whole word, and the words that begin so. */
struct acl_subject {
    struct hashtable_node by_name;
    struct list words; /* struct acl_word, of_subject */
    size_t first_args;
    char bytes[];
};

struct acl_word {
    struct hashtable_node by_text; /* without its sign */
    struct list of_subject;
    struct acl_subject *subject;
    size_t place; /* in all */
    bool is_allowed;
    bool is_first_arg;
    char bytes[];
};

struct acl_words {
    VEC(struct acl_word *) all; /* NULL: undone */
    struct hashtable by_text;
    struct hashtable subjects;
    size_t first_args;
};

void acl_words_clear(struct acl_words *words);
/* *out, which holds nothing yet, becomes the same. */
void acl_words_copy(const struct acl_words *words, struct acl_words *out);

/* A word without its sign: a command, something of it behind a bar, or a category.  What was said of the same
 * is undone. */
void acl_words_add(struct acl_words *words, bool is_allowed, struct bytes text);
/* "select|0": allowed with this word behind its name. */
void acl_words_add_first_arg(struct acl_words *words, struct bytes text);
/* A later word was about the command: none of its first arguments is in force any more. */
void acl_words_end_first_args(struct acl_words *words, struct bytes command);
/* Is the command allowed with this word behind its name, in letters of any size? */
bool acl_words_have_first_arg(const struct acl_words *words, struct bytes command,
                              struct bytes arg);

/* Each with its sign, and a blank before it. */
void acl_words_format(const struct acl_words *words, struct buf *out);

void acl_words_check(const struct acl_words *words);

#endif
