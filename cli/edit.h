/* SPDX-License-Identifier: MIT */
/* The line editor without a terminal: keys go in, the bytes that draw the line come out.
 *
 * Invariants:  (1) cursor <= text.len, at the start of a character
 *              (2) browsing or searching never changes the history
 * Owns its buffers.  Borrows history and the functions it was given. */
#ifndef STARLING_CLI_EDIT_H
#define STARLING_CLI_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "cli/history.h"
#include "cli/keys.h"

enum edit_outcome {
    EDIT_GOES_ON,
    EDIT_LINE,         /* entered: text is the line */
    EDIT_END,          /* ctrl-d on an empty line */
    EDIT_INTERRUPTED,  /* ctrl-c */
    EDIT_CLEAR_SCREEN, /* the screen should be cleared before the next drawing */
};

/* The n-th completion of line, written as a whole line; false when there are not so many. */
typedef bool edit_complete_fn(struct bytes line, size_t n, struct buf *out);

struct edit {
    struct buf text;
    size_t cursor;
    const struct history *history;
    edit_complete_fn *complete; /* or NULL */

    size_t history_back; /* 0: the own line, n: the n-th newest of the history */
    struct buf own_line; /* while the history is browsed or searched */

    bool is_searching;
    struct buf query;
    size_t found_back; /* of the line found; SIZE_MAX: none */

    bool is_completing;
    size_t completion; /* which one is shown */
    struct buf stem;   /* what is completed */
};

struct edit_view {
    const char *prompt;
    struct bytes hint; /* behind the line, in grey, when the cursor is at its end */
    size_t columns;
    bool has_colour;
};

void edit_init(struct edit *edit, const struct history *history, edit_complete_fn *complete);
void edit_deinit(struct edit *edit);
/* An empty line. */
void edit_reset(struct edit *edit);
MUST_USE enum edit_outcome edit_key(struct edit *edit, const struct key *key);
/* Append what draws prompt and line over the line that the terminal's cursor is in.  A line that
 * is too long is scrolled so that the cursor can be seen. */
void edit_draw(const struct edit *edit, const struct edit_view *view, struct buf *out);
/* The same without the hint, the terminal's cursor left behind the text: before a new line. */
void edit_draw_end(const struct edit *edit, const struct edit_view *view, struct buf *out);

#endif
