/* SPDX-License-Identifier: MIT */
/* Is what comes in pieces a whole snapshot?  It begins with a name and a version; from version 5 on it ends with 0xff
 * and a checksum of all before, which is zero when the server makes none.
 *
 * Plain value; all-zero is one of which nothing came yet. */
#ifndef STARLING_CLI_RDB_CHECK_H
#define STARLING_CLI_RDB_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"

enum {
    RDB_HEAD = 9, /* "REDIS0009", "VALKEY080" */
    RDB_TAIL = 8, /* the checksum */
};

struct rdb_check {
    char head[RDB_HEAD];
    size_t head_len;
    char tail[RDB_TAIL]; /* the last bytes that came, not summed yet */
    size_t tail_len;
    char last; /* byte before the tail */
    uint64_t sum;
};

void rdb_check_add(struct rdb_check *check, struct bytes piece);
/* All has come.  False, and the reason, when that is no whole snapshot. */
MUST_USE bool rdb_check_finish(const struct rdb_check *check, struct errmsg *error);

#endif
