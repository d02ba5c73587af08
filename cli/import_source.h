/* SPDX-License-Identifier: MIT */
/* What --import brings: the data of an RDB file, or of an AOF with all its files, as requests to a server.
 *
 * All is read and checked before the first request is made: lengths, checksums, that requests are requests.  An AOF whose
 * last file ends in the middle of a request or a transaction, as after a crash, is cut there, and that is said.
 *
 * Files are mapped, not read, so memory stays flat; owns the mappings. */
#ifndef STARLING_CLI_IMPORT_SOURCE_H
#define STARLING_CLI_IMPORT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "cli/rdb_skim.h"
#include "resp/request.h"

struct import_file {
    char *path;          /* owned */
    struct bytes mapped; /* all of it */
    struct bytes bytes;  /* what counts of it */
    size_t given_back;   /* so many bytes of the mapping were let go again */
};

/* What was found out before anything is sent. */
struct import_facts {
    uint64_t total_bytes;
    uint64_t records;   /* of RDB files, */
    uint64_t requests;  /* and of AOFs */
    uint64_t libraries; /* of functions, which are left out */
    uint64_t modules;   /* and what belongs to modules */
    uint64_t greatest_db;
    bool has_aof;
    struct errmsg cut; /* what is left out at the end; empty: nothing */
    struct errmsg
        unspreadable; /* why it cannot go into a cluster, apart from databases; empty: it can */
};

struct import_source {
    VEC(struct import_file) files;
    struct import_facts facts;
    bool is_for_cluster; /* no databases, no transactions */
    bool replaces;       /* keys that are there */
    size_t file;         /* the one that is being read, */
    bool is_in_rdb;      /* and its part */
    struct rdb_skim skim;
    size_t at;           /* of the AOF in bytes of the file */
    int64_t db;          /* that the server has selected; -1: unknown */
    uint64_t done_bytes; /* of all files */
    uint64_t made;       /* requests so far */
    struct resp_reader reader;
    struct resp_words words;
    struct buf payload;
};

/* Find, map and check the files of the path, which is a file or a directory.  False, and a message.  Close in either
 * case. */
MUST_USE bool import_source_open(struct import_source *source, const char *path,
                                 struct errmsg *error);
void import_source_close(struct import_source *source);
/* Append the next requests, some 64 KB of them or one that is larger.  False at the end: there were none. */
bool import_source_next(struct import_source *source, struct buf *out);

/* ---- for tests -------------------------------------------------------------------------------- */

/* The same of files that are bytes already, borrowed; the last one may end too early. */
void import_source_add(struct import_source *source, const char *name, struct bytes bytes);
MUST_USE bool import_source_check(struct import_source *source, struct errmsg *error);

#endif
