/* SPDX-License-Identifier: MIT */
/* The terminal on standard input and output: its mode and its width. */
#ifndef STARLING_CLI_TERMINAL_H
#define STARLING_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "base/attr.h"

struct terminal {
    bool is_raw;
    struct termios usual;
};

/* Are both ends a terminal that understands cursor movement?  term is $TERM, or NULL. */
bool terminal_can_edit(const char *term);
/* Key by key, without echo or signals; false when the terminal refuses. */
MUST_USE bool terminal_make_raw(struct terminal *terminal);
void terminal_restore(struct terminal *terminal);
size_t terminal_columns(void);

#endif
