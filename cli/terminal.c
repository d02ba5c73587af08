/* SPDX-License-Identifier: MIT */
/* Raw only while a line is edited: commands run in the usual mode, so that Ctrl-C is a signal. */
#include "cli/terminal.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    COLUMNS_DEFAULT = 80,
};

bool terminal_can_edit(const char *term)
{
    static const char *const simple[] = {"", "dumb", "cons25", "emacs"};

    if (term == NULL || isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(simple); i++) {
        if (strcmp(term, simple[i]) == 0) {
            return false;
        }
    }
    return true;
}

bool terminal_make_raw(struct terminal *terminal)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &terminal->usual) != 0) {
        return false;
    }
    raw = terminal->usual;
    raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    raw.c_cflag |= CS8;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    terminal->is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
    return terminal->is_raw;
}

void terminal_restore(struct terminal *terminal)
{
    if (terminal->is_raw) {
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->usual);
        terminal->is_raw = false;
    }
}

size_t terminal_columns(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return COLUMNS_DEFAULT;
    }
    return size.ws_col;
}
