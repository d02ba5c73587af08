/* SPDX-License-Identifier: MIT */
/* Bounded text, never allocated: an error message must not fail. */
#include "base/errmsg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void errmsg_set(struct errmsg *error, const char *format, ...)
{
    va_list args;

    if (error == NULL) {
        return;
    }
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
}

void errmsg_wrap(struct errmsg *error, const char *format, ...)
{
    struct errmsg inner;
    va_list args;
    size_t len;

    if (error == NULL) {
        return;
    }
    inner = *error;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    len = strlen(error->text);
    for (size_t i = 0; len + 1 < sizeof(error->text) && i < 2; i++) {
        error->text[len++] = ": "[i];
    }
    for (size_t i = 0; len + 1 < sizeof(error->text) && inner.text[i] != '\0'; i++) {
        error->text[len++] = inner.text[i];
    }
    error->text[len] = '\0';
}
