/* SPDX-License-Identifier: MIT */
/* The lines that were entered, oldest first, at most HISTORY_MAX; kept in a file of the user.
 * All-zero is empty. */
#ifndef STARLING_CLI_HISTORY_H
#define STARLING_CLI_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/vec.h"

enum {
    HISTORY_MAX = 500,
};

struct history {
    VEC(char *) lines; /* owned */
};

void history_deinit(struct history *history);
/* Add a line, unless it is empty or the same as the last. */
void history_add(struct history *history, struct bytes line);
/* back 0 is the newest; NULL when there are not so many. */
const char *history_at(const struct history *history, size_t back);
/* The newest line from back on that contains text; SIZE_MAX when there is none. */
size_t history_find(const struct history *history, struct bytes text, size_t back);
/* Add the lines of a file; a file that is not there is an empty one. */
MUST_USE bool history_load(struct history *history, const char *path, struct errmsg *error);
/* Replace the file; only its owner may read it. */
MUST_USE bool history_save(const struct history *history, const char *path, struct errmsg *error);
/* Do the words hold a password that should not be kept? */
bool history_is_secret(const struct bytes *words, size_t word_count);

#endif
