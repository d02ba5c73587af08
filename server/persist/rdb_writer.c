/* SPDX-License-Identifier: MIT */
/* The checksum is taken over whole pieces, right before they leave the buffer. */
#include "persist/rdb.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/crc.h"
#include "persist/rdb_format.h"

#include <inttypes.h>

/* Bytes that left the buffer since the last call had been flushed: what is there now is the end
 * of what is in the checksum already. */
static void enter(struct rdb_writer *w, const struct buf *out)
{
    if (w->crc_done > out->len) {
        w->crc_done = out->len;
    }
}

static void append_aux(struct buf *out, const char *name, struct bytes value)
{
    encode_u8(out, RDB_OP_AUX);
    value_encode_string(out, bytes_from_text(name));
    value_encode_string(out, value);
}

static void append_aux_integer(struct buf *out, const char *name, int64_t value)
{
    struct buf text = {0};

    buf_append_i64(&text, value);
    append_aux(out, name, buf_bytes(&text));
    buf_deinit(&text);
}

void rdb_writer_begin(struct rdb_writer *w, struct buf *out, const struct rdb_info *info)
{
    *w = (struct rdb_writer){.types = &value_types_builtin, .crc_done = out->len};
    buf_printf(out, "REDIS%04d", (int)RDB_VERSION);
    append_aux_integer(out, "redis-bits", 64);
    append_aux_integer(out, "ctime", info->created_unix_s);
    append_aux_integer(out, "used-mem", (int64_t)info->used_memory);
    if (info->has_history) {
        if (info->stream_db >= 0) {
            append_aux_integer(out, "repl-stream-db", info->stream_db);
        }
        append_aux(out, "repl-id", bytes_from_text(info->history.text));
        append_aux_integer(out, "repl-offset", (int64_t)info->offset);
    }
}

void rdb_writer_entry(struct rdb_writer *w, struct buf *out, unsigned db, const struct entry *e)
{
    int64_t expire_at_ms = entry_expire_at_ms(e);

    enter(w, out);
    if (!w->has_db || w->db != db) {
        encode_u8(out, RDB_OP_SELECTDB);
        value_encode_len(out, db);
        w->has_db = true;
        w->db = db;
    }
    if (expire_at_ms != EXPIRE_NEVER) {
        encode_u8(out, RDB_OP_EXPIRE_MS);
        encode_u64_le(out, (uint64_t)expire_at_ms);
    }
    encode_u8(out, value_kind_of(w->types, e)->rdb_type);
    value_encode_string(out, entry_key(e));
    value_encode_body(w->types, e, out);
}

void rdb_writer_flush(struct rdb_writer *w, struct buf *out)
{
    enter(w, out);
    w->crc = crc64(w->crc, bytes_from(buf_bytes(out), w->crc_done));
    w->crc_done = out->len;
}

void rdb_writer_end(struct rdb_writer *w, struct buf *out)
{
    enter(w, out);
    encode_u8(out, RDB_OP_EOF);
    rdb_writer_flush(w, out);
    encode_u64_le(out, w->crc);
    w->crc_done = out->len;
}
