/* SPDX-License-Identifier: MIT */
/* One byte at a time, as what follows the line may be for somebody else.  On a terminal each
 * character is shown as a star; stars and prompt go to standard error. */
#include "cli/askpass.h"

#include "cli/terminal.h"
#include "cli/utf8.h"

#include <stdio.h>
#include <unistd.h>

enum {
    CTRL_C = 3,
    CTRL_D = 4,
    BACKSPACE = 8,
    CTRL_U = 21,
    DELETE = 127,
};

static void drop_characters(struct buf *password, bool is_all)
{
    do {
        if (password->len == 0) {
            return;
        }
        password->len = utf8_previous(buf_bytes(password), password->len);
        fputs("\b \b", stderr);
    } while (is_all);
}

/* Is the line over?  *is_given_up: nothing is wanted any more. */
static bool take_key(struct buf *password, unsigned char c, bool *is_given_up)
{
    switch (c) {
    case '\r':
    case '\n':
        return true;
    case CTRL_C:
    case CTRL_D:
        *is_given_up = c == CTRL_C || password->len == 0;
        return true;
    case BACKSPACE:
    case DELETE:
        drop_characters(password, false);
        return false;
    case CTRL_U:
        drop_characters(password, true);
        return false;
    default:
        buf_append_byte(password, (char)c);
        if (c < 0x80 || c >= 0xc0) { /* bytes inside a character have no star of their own */
            fputc('*', stderr);
        }
        return false;
    }
}

static bool read_typed(struct buf *out)
{
    bool is_given_up = false;
    unsigned char c;

    fputs("Please input password: ", stderr);
    while (read(STDIN_FILENO, &c, 1) == 1) {
        if (take_key(out, c, &is_given_up)) {
            break;
        }
    }
    fputs("\r\n", stderr);
    return !is_given_up;
}

bool askpass_read(struct buf *out)
{
    struct terminal terminal = {0};
    bool is_ok;
    char c;

    if (isatty(STDIN_FILENO) != 0 && terminal_make_raw(&terminal)) {
        is_ok = read_typed(out);
        terminal_restore(&terminal);
        return is_ok;
    }
    is_ok = false;
    while (read(STDIN_FILENO, &c, 1) == 1) {
        is_ok = true;
        if (c == '\n') {
            break;
        }
        buf_append_byte(out, c);
    }
    return is_ok;
}
