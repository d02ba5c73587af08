/* SPDX-License-Identifier: MIT */
/* Snapshots: RDB files of version 9 with plain types.
 *
 * Format: "REDIS0009", AUX fields, SELECTDB and RESIZEDB for each database that has keys, SELECTDB
 * whenever the database changes, records, EOF, CRC64
 * (Jones) of everything before it, little-endian.
 *
 * The writer appends to a buffer that the caller empties whenever it likes.
 * The reader is pushed bytes in pieces of any size and calls back per record; it never holds more
 * than one record (bounded by bytes really received) and checks every declared size.  Strings: raw,
 * integer and LZF forms.  Types that the key space cannot hold are refused with their name and offset; AUX,
 * RESIZEDB, idle/frequency hints, function libraries (skipped with a note) and slot hints are
 * understood.  Files of Valkey 9, which begin with VALKEY and three digits, are read as well. */
#ifndef STARLING_PERSIST_RDB_H
#define STARLING_PERSIST_RDB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "persist/oplog.h"
#include "store/keyspace.h"
#include "store/value.h"

/* What a snapshot says about itself. */
struct rdb_info {
    struct history_id history; /* empty when unknown */
    uint64_t offset;           /* of the log at the moment of the image */
    int stream_db;             /* database selected in the stream at that moment, -1 none */
    int64_t created_unix_s;
    uint64_t used_memory;
    bool has_history;
    struct history_id log;      /* id of the log on disk that it was made for; empty: none */
    uint64_t save_number;       /* of those that were made for it, ascending */
    uint64_t skipped_libraries; /* function libraries that the reader passed over */
};

/* Of a database, as the writer has counted them. */
struct rdb_sizes {
    uint64_t count;
    uint64_t volatile_count;
};

struct rdb_writer {
    const struct value_types *types; /* of the entries */
    uint64_t crc;
    size_t crc_done; /* bytes of the buffer already in crc */
    unsigned db;
    bool has_db;
};

/* What stands in a record before the value. */
struct rdb_record_head {
    uint8_t type;
    struct bytes key;
    int64_t expire_at_ms;
};

/* What is in out already is not part of the snapshot; from here to the end only the writer
 * appends to it.  Entries are of value_types_builtin, unless w->types is set to others afterwards. */
void rdb_writer_begin(struct rdb_writer *w, struct buf *out, const struct rdb_info *info);
/* Before any record: how many there will be of a database, and how many of them expire. */
void rdb_writer_sizes(struct rdb_writer *w, struct buf *out, unsigned db,
                      const struct rdb_sizes *sizes);
void rdb_writer_entry(struct rdb_writer *w, struct buf *out, unsigned db, const struct entry *e);
/* The same without the value, which the caller appends then (store/value_image.h), calling
 * rdb_writer_resume before each part. */
void rdb_writer_head(struct rdb_writer *w, struct buf *out, unsigned db,
                     const struct rdb_record_head *head);
void rdb_writer_resume(struct rdb_writer *w, const struct buf *out);
/* The head that an entry's record has. */
struct rdb_record_head rdb_record_head(const struct rdb_writer *w, const struct entry *e);
/* Fold what was appended into the checksum; call before the caller takes bytes out of the buffer.
 */
void rdb_writer_flush(struct rdb_writer *w, struct buf *out);
void rdb_writer_end(struct rdb_writer *w, struct buf *out);
/* A writer of records that are put aside, to become part of w's snapshot later: the caller appends them, calling
 * rdb_writer_resume before each part, and says when they are all there. */
struct rdb_writer rdb_writer_aside(const struct rdb_writer *w);
void rdb_writer_joined(struct rdb_writer *w, const struct rdb_writer *aside);

enum rdb_status {
    RDB_OK = 0,
    RDB_MORE,  /* everything was eaten, the end has not come */
    RDB_ERROR, /* damaged or not supported; the message has the offset and the reason */
};

struct rdb_record {
    unsigned db;
    struct bytes key;
    struct value *value; /* may be taken (keyspace_put); else the reader drops it */
    int64_t expire_at_ms;
};

typedef void rdb_record_fn(void *context, const struct rdb_record *record);
/* So many records of the database are said to follow; not to be relied on. */
typedef void rdb_sizes_fn(void *context, unsigned db, uint64_t count);

struct rdb_reader_options {
    rdb_record_fn *on_record; /* the record is valid during the call */
    rdb_sizes_fn *on_sizes;   /* or NULL */
    void *context;
    unsigned database_count;   /* a SELECTDB beyond is an error */
    uint64_t max_value_bytes;  /* a declared size beyond is an error */
    struct value_space *space; /* of the key space that the values are for, borrowed */
};

struct rdb_reader;
struct rdb_reader *rdb_reader_new(const struct rdb_reader_options *options);
void rdb_reader_free(struct rdb_reader *r);
/* Feed the next piece.  On RDB_OK *consumed tells where the snapshot ended within in; on RDB_MORE
 * it is in.len. */
MUST_USE enum rdb_status rdb_reader_feed(struct rdb_reader *r, struct bytes in, size_t *consumed,
                                         struct errmsg *error);
/* Filled as the AUX fields come by; complete after RDB_OK. */
const struct rdb_info *rdb_reader_info(const struct rdb_reader *r);

#endif
