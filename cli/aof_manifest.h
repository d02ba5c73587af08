/* SPDX-License-Identifier: MIT */
/* The manifest of an append-only directory of Redis 7: a line for each file,
 *
 *     file appendonly.aof.2.base.rdb seq 2 type b
 *
 * with type b for the base, of which there is one at most, i for what came behind it, in the order of seq, and h for what
 * no longer counts.  Lines that begin with # say nothing.  Names may stand in double quotes. */
#ifndef STARLING_CLI_AOF_MANIFEST_H
#define STARLING_CLI_AOF_MANIFEST_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/vec.h"

/* Names of the files that count, in the order in which they are read.  All-zero is empty. */
struct aof_names {
    VEC(struct buf) items;
};

/* False, and the line that is wrong, when it is no manifest.  Call deinit in either case. */
MUST_USE bool aof_manifest_parse(struct bytes text, struct aof_names *names, struct errmsg *error);
void aof_names_deinit(struct aof_names *names);

#endif
