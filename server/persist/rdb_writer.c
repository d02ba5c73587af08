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
void rdb_writer_resume(struct rdb_writer *w, const struct buf *out)
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
    if (!history_id_is_empty(&info->log)) {
        append_aux(out, "starling-log", bytes_from_text(info->log.text));
        append_aux_integer(out, "starling-save", (int64_t)info->save_number);
    }
}

struct rdb_record_head rdb_record_head(const struct rdb_writer *w, const struct entry *e)
{
    return (struct rdb_record_head){.type = value_rdb_type(w->types, e),
                                    .key = entry_key(e),
                                    .expire_at_ms = entry_expire_at_ms(e)};
}

static void select_db(struct rdb_writer *w, struct buf *out, unsigned db)
{
    if (!w->has_db || w->db != db) {
        encode_u8(out, RDB_OP_SELECTDB);
        value_encode_len(out, db);
        w->has_db = true;
        w->db = db;
    }
}

void rdb_writer_sizes(struct rdb_writer *w, struct buf *out, unsigned db,
                      const struct rdb_sizes *sizes)
{
    ASSERT(sizes->volatile_count <= sizes->count);
    rdb_writer_resume(w, out);
    select_db(w, out, db);
    encode_u8(out, RDB_OP_RESIZEDB);
    value_encode_len(out, sizes->count);
    value_encode_len(out, sizes->volatile_count);
}

void rdb_writer_head(struct rdb_writer *w, struct buf *out, unsigned db,
                     const struct rdb_record_head *head)
{
    rdb_writer_resume(w, out);
    select_db(w, out, db);
    if (head->expire_at_ms != EXPIRE_NEVER) {
        encode_u8(out, RDB_OP_EXPIRE_MS);
        encode_u64_le(out, (uint64_t)head->expire_at_ms);
    }
    encode_u8(out, head->type);
    value_encode_string(out, head->key);
}

void rdb_writer_entry(struct rdb_writer *w, struct buf *out, unsigned db, const struct entry *e)
{
    const struct rdb_record_head head = rdb_record_head(w, e);

    rdb_writer_head(w, out, db, &head);
    value_encode_body(w->types, e, out);
}

void rdb_writer_flush(struct rdb_writer *w, struct buf *out)
{
    rdb_writer_resume(w, out);
    w->crc = crc64(w->crc, bytes_from(buf_bytes(out), w->crc_done));
    w->crc_done = out->len;
}

void rdb_writer_end(struct rdb_writer *w, struct buf *out)
{
    rdb_writer_resume(w, out);
    encode_u8(out, RDB_OP_EOF);
    rdb_writer_flush(w, out);
    encode_u64_le(out, w->crc);
    w->crc_done = out->len;
}

struct rdb_writer rdb_writer_aside(const struct rdb_writer *w)
{
    return (struct rdb_writer){.types = w->types};
}

void rdb_writer_joined(struct rdb_writer *w, const struct rdb_writer *aside)
{
    if (aside->has_db) {
        w->has_db = true;
        w->db = aside->db;
    }
}
