/* SPDX-License-Identifier: MIT */
/* Flushed each time, as what is printed is often followed by waiting. */
#include "cli/print.h"

#include <stdio.h>

void print_buf(const struct buf *text)
{
    if (text->len > 0) {
        fwrite(text->data, 1, text->len, stdout);
    }
    fflush(stdout);
}
