/* SPDX-License-Identifier: MIT */
/* Goes through an RDB file record by record without understanding values: it knows how long one of each type is, and hands
 * out its bytes, which RESTORE takes as they are.
 *
 * Files of Redis up to 8.4, of Valkey up to 9, and ours.  Pure: the file is bytes, all of them.  Borrows them; owns the
 * scratch for keys.  Every length is checked against what is there; nothing is allocated for more than the file has,
 * but for a compressed key, which is as long as it says, up to RDB_SKIM_KEY_MAX. */
#ifndef STARLING_CLI_RDB_SKIM_H
#define STARLING_CLI_RDB_SKIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/errmsg.h"

enum {
    RDB_SKIM_NEVER = -1, /* expires */
    RDB_SKIM_KEY_MAX = 512 * 1024 * 1024,
};

struct rdb_record {
    uint64_t db;
    struct bytes key; /* until the next step */
    uint8_t type;
    struct bytes value;   /* as it is in the file; of the file */
    int64_t expire_at_ms; /* Unix ms, or RDB_SKIM_NEVER */
};

struct rdb_skim {
    struct decoder d;
    unsigned version; /* 80 is Valkey's first */
    uint64_t db;
    uint64_t sum;               /* checksum of the first */
    size_t summed;              /* bytes */
    uint64_t skipped_libraries; /* of functions, so far, */
    uint64_t skipped_modules;   /* and values of modules, and what they keep besides */
    struct buf key;
};

enum rdb_skim_step {
    RDB_SKIM_RECORD,
    RDB_SKIM_END,     /* of the file: the checksum, where there is one, is right */
    RDB_SKIM_DAMAGED, /* error says where and what */
};

/* Does a file that begins so look like one? */
bool rdb_skim_is_rdb(struct bytes begin);
/* False, and why, when it is none, or of a version that is not known.  Call deinit in either case. */
MUST_USE bool rdb_skim_init(struct rdb_skim *skim, struct bytes file, struct errmsg *error);
void rdb_skim_deinit(struct rdb_skim *skim);
MUST_USE enum rdb_skim_step rdb_skim_next(struct rdb_skim *skim, struct rdb_record *out,
                                          struct errmsg *error);
/* After the end: what is behind the file's last byte, which may be an AOF. */
struct bytes rdb_skim_rest(const struct rdb_skim *skim);
/* Append what DUMP would say of the value, so that RESTORE takes it. */
void rdb_skim_write_payload(const struct rdb_skim *skim, const struct rdb_record *record,
                            struct buf *out);

#endif
