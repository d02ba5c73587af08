/* SPDX-License-Identifier: MIT */
/* Command line flags as tables: each row names a flag, its value, the field of an options struct
 * that it fills, and says in a sentence what it does.  Parsing and help are made from the rows.
 *
 * Rows are written with the macros at the end, in a file that defines FLAG_OF as the struct. */
#ifndef STARLING_CLI_FLAGS_H
#define STARLING_CLI_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
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
    const char *value; /* its name in help, "<host>"; NULL: it takes none */
    const char *help; /* a sentence without its full stop; NULL: another name of the row in front */
    size_t field;     /* offset in the options struct */
    int64_t min;
    int64_t max;
    flag_call_fn *call;
};

/* A group of flags; title is its heading in help.  Groups of one title may follow each other. */
struct flag_table {
    const char *title;
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
/* Append the heading of each group and its flags, sentences aligned. */
void flags_write_help(const struct flag_table *tables, size_t table_count, struct buf *out);

/* ---- rows -------------------------------------------------------------------------------------- */

#define FLAG_ROW_BOOL(flag, to, sentence)                                                          \
    {                                                                                              \
        .name = (flag), .kind = FLAG_BOOL, .help = (sentence), .field = offsetof(FLAG_OF, to)      \
    }
#define FLAG_ROW_TEXT(flag, of, to, sentence)                                                      \
    {                                                                                              \
        .name = (flag), .kind = FLAG_TEXT, .value = (of), .help = (sentence),                      \
        .field = offsetof(FLAG_OF, to)                                                             \
    }
#define FLAG_ROW_NUMBER(flag, of, to, least, most, sentence)                                       \
    {                                                                                              \
        .name = (flag), .kind = FLAG_NUMBER, .value = (of), .help = (sentence),                    \
        .field = offsetof(FLAG_OF, to), .min = (least), .max = (most)                              \
    }
#define FLAG_ROW_SECONDS(flag, to, least_ms, sentence)                                             \
    {                                                                                              \
        .name = (flag), .kind = FLAG_SECONDS, .value = "<seconds>", .help = (sentence),            \
        .field = offsetof(FLAG_OF, to), .min = (least_ms)                                          \
    }
#define FLAG_ROW_CALL(flag, of, function, sentence)                                                \
    {                                                                                              \
        .name = (flag), .kind = FLAG_CALL, .value = (of), .help = (sentence), .call = (function)   \
    }
#define FLAG_ROW_ALONE(flag, function, sentence)                                                   \
    {                                                                                              \
        .name = (flag), .kind = FLAG_CALL_ALONE, .help = (sentence), .call = (function)            \
    }

#endif
