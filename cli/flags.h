/* SPDX-License-Identifier: MIT */
/* Command line flags as a table: each row names a flag, what its value looks like and which field
 * of an options struct it fills. */
#ifndef STARLING_CLI_FLAGS_H
#define STARLING_CLI_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"

enum flag_kind {
    FLAG_BOOL,       /* no value; sets a bool */
    FLAG_TEXT,       /* const char *, borrowed from the command line */
    FLAG_NUMBER,     /* int64_t between min and max */
    FLAG_SECONDS,    /* decimals allowed; int64_t milliseconds, at least min */
    FLAG_CALL,       /* a value handed to call */
    FLAG_CALL_ALONE, /* call without a value */
};

typedef bool flag_call_fn(void *options, const char *value, struct errmsg *error);

struct flag_row {
    const char *name;
    enum flag_kind kind;
    size_t field; /* offset in the options struct */
    int64_t min;
    int64_t max;
    flag_call_fn *call;
};

struct flag_table {
    const struct flag_row *rows;
    size_t count;
};

/* What is left of the command line; both are moved on as words are taken. */
struct flag_words {
    char *const *words;
    size_t count;
};

enum flag_outcome {
    FLAG_TAKEN,
    FLAG_UNKNOWN, /* nothing was taken */
    FLAG_BAD,     /* the value is missing or wrong: the message says how */
};

/* Take the flag in front of rest, with its value, into options. */
MUST_USE enum flag_outcome flags_take(const struct flag_table *table, void *options,
                                      struct flag_words *rest, struct errmsg *error);

/* Check the value as the row says and store it: for flags that fill a field and do more. */
MUST_USE bool flags_store(const struct flag_row *row, void *options, const char *value,
                          struct errmsg *error);

#endif
