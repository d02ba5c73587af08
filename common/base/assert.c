/* SPDX-License-Identifier: MIT */
/* The end of a process that found a bug in itself. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

__attribute__((weak)) void assert_say(const char *text)
{
    fprintf(stderr, "%s\n", text);
    fflush(stderr);
}

void assert_fail(const char *file, int line, const char *condition)
{
    char text[1024];

    snprintf(text, sizeof(text), "%s:%d: assertion failed: %s", file, line, condition);
    assert_say(text);
    abort();
}
