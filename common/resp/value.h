/* SPDX-License-Identifier: MIT */
/* A reply as an owned tree: what the cli renders, what tests compare, what our own clients
 * of other servers look at.  RESP2 and RESP3. */
#ifndef STARLING_RESP_VALUE_H
#define STARLING_RESP_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "resp/limits.h"
#include "resp/request.h"

enum resp_type {
    RESP_SIMPLE,
    RESP_FAILURE, /* -ERR and !<n> */
    RESP_INTEGER,
    RESP_BULK,
    RESP_NULL,
    RESP_ARRAY,
    RESP_MAP, /* children: key, value, key, value ... */
    RESP_SET,
    RESP_PUSH,
    RESP_DOUBLE,
    RESP_BOOLEAN,
    RESP_VERBATIM,
    RESP_BIG_NUMBER,
};

struct resp_value {
    enum resp_type type;
    struct buf text;       /* simple, failure, bulk, verbatim (without "txt:"), number as sent */
    char verbatim_type[4]; /* "txt", "mkd" */
    int64_t integer;       /* integer, boolean (0 or 1) */
    double number;         /* double */
    struct resp_value *children; /* aggregates */
    size_t child_count;
};

/* Looks for the end of a value in bytes that arrive in pieces, remembering how far it came: n
 * pieces cost O(size + n).  All-zero is a fresh one. */
struct resp_value_scan {
    size_t at;        /* bytes understood */
    size_t scanned;   /* bytes already searched for the end of a line */
    uint64_t pending; /* values still to come, 0 before the first */
};

void resp_value_deinit(struct resp_value *value);
/* RESP_OK: in begins with a whole value of scan->at bytes, and resp_value_read will not ask for
 * more.  On RESP_MORE hand in the same bytes again with more behind them. */
MUST_USE enum resp_status resp_value_scan(struct resp_value_scan *scan, struct bytes in,
                                          const struct resp_limits *limits, struct errmsg *error);
/* Read one value from the front of in.  On RESP_OK *out is filled (release it with deinit) and
 * *consumed says how many bytes it took.  Attributes (|) are skipped. */
MUST_USE enum resp_status resp_value_read(struct bytes in, const struct resp_limits *limits,
                                          struct resp_value *out, size_t *consumed,
                                          struct errmsg *error);
/* The child that follows the given key in a map (or flat RESP2 array), or NULL. */
const struct resp_value *resp_value_find(const struct resp_value *map, const char *key);
bool resp_value_is_text(const struct resp_value *value, const char *text);
static inline struct bytes resp_value_bytes(const struct resp_value *value)
{
    return buf_bytes(&value->text);
}

#endif
