/* SPDX-License-Identifier: MIT */
/* A push parser.  A snapshot is a row of items (an opcode, a length, a string ...); each state
 * below eats one whole item, so that everything which must survive between two feeds is the
 * state, a few fields and the beginning of at most one item:
 *
 *     MAGIC -> OPCODE -> EOF       -> CHECKSUM -> DONE
 *                     -> AUX_NAME  -> AUX_VALUE -> OPCODE
 *                     -> (type)    -> KEY -> VALUE ... -> OPCODE  one record
 *                     -> MODULE_ID -> MODULE_ITEM ... -> OPCODE
 *                     -> one more item -> OPCODE
 *
 * An item that is cut off says how many bytes it needs at least; until so many are held, it is
 * not looked at again.  As that is never more than its real length, an item that was held is
 * used up exactly. */
#include "persist/rdb.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/crc.h"
#include "base/mem.h"
#include "base/num.h"
#include "persist/rdb_format.h"
#include "store/value_space.h"

#include <inttypes.h>

#define OFFSET_MAX (INT64_C(1) << 62) /* of a log: can be added to */

enum {
    KEEP_SCRATCH = 1024 * 1024, /* scratch above this is given back after its record */
};

enum state {
    STATE_MAGIC,
    STATE_OPCODE,
    STATE_CHECKSUM,
    STATE_DONE,
    STATE_SELECTDB,
    STATE_EXPIRE_S,
    STATE_EXPIRE_MS,
    STATE_SIZES,
    STATE_LENS, /* lens_left of them, skipped */
    STATE_FREQUENCY,
    STATE_AUX_NAME,
    STATE_AUX_VALUE,
    STATE_LIBRARY,
    STATE_MODULE_ID,
    STATE_MODULE_ITEM,
    STATE_MODULE_STRING,
    STATE_KEY,
    STATE_VALUE,
};

struct rdb_reader {
    struct rdb_reader_options options;
    struct rdb_info info;
    enum state state;
    unsigned version;
    unsigned lens_left;
    uint64_t offset; /* where the current item starts */
    uint64_t crc;    /* of what was fed in whole calls, and in the end of all before the checksum */
    struct buf held; /* the beginning of the current item, when it was cut off */
    uint64_t needed; /* how long held must become */
    struct buf key;  /* or the name of an AUX field */
    struct buf text; /* any other string */
    struct value_reader reader; /* of the record's value */
    unsigned db;
    int64_t expire_at_ms;
    bool has_history_id;
    bool has_offset;
};

/* An item at the front of the bytes at hand. */
struct item {
    struct decoder d;
    uint64_t needed; /* set with VALUE_CODEC_MORE */
    struct errmsg *error;
};

typedef enum value_codec_status step_fn(struct rdb_reader *r, struct item *item);

/* ---- parts of items -------------------------------------------------------------------------- */

static enum value_codec_status want_fixed(struct item *item, size_t len)
{
    if (decoder_left(&item->d) < len) {
        item->needed = (uint64_t)item->d.at + len;
        return VALUE_CODEC_MORE;
    }
    return VALUE_CODEC_OK;
}

static enum value_codec_status read_len(struct item *item, uint64_t *out)
{
    bool is_encoding;
    enum value_codec_status status = value_decode_len(&item->d, out, &is_encoding);

    item->needed = (uint64_t)item->d.in.len + 1;
    if (status == VALUE_CODEC_ERROR || (status == VALUE_CODEC_OK && is_encoding)) {
        errmsg_set(item->error, "a length is not encoded as one");
        return VALUE_CODEC_ERROR;
    }
    return status;
}

static enum value_codec_status read_string(struct rdb_reader *r, struct item *item, struct buf *out)
{
    buf_clear(out);
    return value_decode_string(&item->d, r->options.max_value_bytes, out, &item->needed,
                               item->error);
}

/* ---- the steps: one item each ---------------------------------------------------------------- */

/* The version behind the magic; false when it is no number. */
static bool read_version(struct bytes digits, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        *out = *out * 10 + (uint64_t)(digits.data[i] - '0');
    }
    return true;
}

static enum value_codec_status step_magic(struct rdb_reader *r, struct item *item)
{
    uint64_t version;
    struct bytes magic;
    bool is_valkey;

    if (want_fixed(item, RDB_MAGIC_LEN) != VALUE_CODEC_OK) {
        return VALUE_CODEC_MORE;
    }
    magic = decode_bytes(&item->d, RDB_MAGIC_LEN);
    is_valkey = bytes_has_prefix(magic, "VALKEY");
    if (!is_valkey && !bytes_has_prefix(magic, "REDIS")) {
        errmsg_set(item->error, "this is not a snapshot: it does not begin with REDIS");
        return VALUE_CODEC_ERROR;
    }
    if (!read_version(bytes_from(magic, is_valkey ? 6 : 5), &version)) {
        errmsg_set(item->error, "the version of the snapshot is not a number");
        return VALUE_CODEC_ERROR;
    }
    if (!rdb_version_is_known(version) || is_valkey != (version >= RDB_VERSION_VALKEY)) {
        errmsg_set(item->error, "snapshots of version %" PRIu64 " are not supported, only 1 to %d",
                   version, (int)RDB_VERSION_NEWEST);
        return VALUE_CODEC_ERROR;
    }
    r->version = (unsigned)version;
    r->state = STATE_OPCODE;
    return VALUE_CODEC_OK;
}

static enum value_codec_status refuse_opcode(struct item *item, uint8_t opcode)
{
    if (opcode == RDB_OP_FUNCTION_OLD) {
        errmsg_set(item->error, "functions of a pre-release format are not supported");
    } else if (opcode >= RDB_OP_KEY_META) {
        errmsg_set(item->error, "opcode %u is not supported by this version", (unsigned)opcode);
    } else {
        errmsg_set(item->error, "type %u (%s) is not supported by this version", (unsigned)opcode,
                   value_rdb_type_name(opcode));
    }
    return VALUE_CODEC_ERROR;
}

static enum value_codec_status expect_lens(struct rdb_reader *r, unsigned count)
{
    r->lens_left = count;
    r->state = STATE_LENS;
    return VALUE_CODEC_OK;
}

static enum value_codec_status step_opcode(struct rdb_reader *r, struct item *item)
{
    static const enum state next[] = {
        [RDB_OP_FUNCTION - RDB_OP_SLOT_INFO] = STATE_LIBRARY,
        [RDB_OP_MODULE_AUX - RDB_OP_SLOT_INFO] = STATE_MODULE_ID,
        [RDB_OP_FREQUENCY - RDB_OP_SLOT_INFO] = STATE_FREQUENCY,
        [RDB_OP_AUX - RDB_OP_SLOT_INFO] = STATE_AUX_NAME,
        [RDB_OP_EXPIRE_MS - RDB_OP_SLOT_INFO] = STATE_EXPIRE_MS,
        [RDB_OP_EXPIRE_S - RDB_OP_SLOT_INFO] = STATE_EXPIRE_S,
        [RDB_OP_SELECTDB - RDB_OP_SLOT_INFO] = STATE_SELECTDB,
        [RDB_OP_EOF - RDB_OP_SLOT_INFO] = STATE_CHECKSUM,
    };
    uint8_t opcode;

    if (want_fixed(item, 1) != VALUE_CODEC_OK) {
        return VALUE_CODEC_MORE;
    }
    opcode = decode_u8(&item->d);
    if (opcode < RDB_OP_SLOT_INFO &&
        value_reader_begin(&r->reader, r->options.space, (struct rdb_form){opcode, r->version},
                           r->options.max_value_bytes)) {
        r->state = STATE_KEY;
        return VALUE_CODEC_OK;
    }
    if (opcode == RDB_OP_SLOT_INFO) {
        return expect_lens(r, 3);
    }
    if (opcode == RDB_OP_RESIZEDB) {
        r->state = STATE_SIZES;
        return VALUE_CODEC_OK;
    }
    if (opcode == RDB_OP_IDLE) {
        return expect_lens(r, 1);
    }
    if (opcode < RDB_OP_SLOT_INFO || opcode == RDB_OP_FUNCTION_OLD) {
        return refuse_opcode(item, opcode);
    }
    r->state = next[opcode - RDB_OP_SLOT_INFO];
    ASSERT(r->state != STATE_MAGIC);
    if (opcode == RDB_OP_EOF && r->version < RDB_FIRST_CHECKED_VERSION) {
        r->state = STATE_DONE;
    }
    return VALUE_CODEC_OK;
}

static enum value_codec_status step_checksum(struct rdb_reader *r, struct item *item)
{
    uint64_t stored;

    if (want_fixed(item, RDB_CHECKSUM_LEN) != VALUE_CODEC_OK) {
        return VALUE_CODEC_MORE;
    }
    stored = decode_u64_le(&item->d);
    /* Zero stands for "none was taken". */
    if (stored != 0 && stored != r->crc) {
        errmsg_set(item->error, "bad checksum");
        return VALUE_CODEC_ERROR;
    }
    r->state = STATE_DONE;
    return VALUE_CODEC_OK;
}

static enum value_codec_status step_selectdb(struct rdb_reader *r, struct item *item)
{
    uint64_t db;
    enum value_codec_status status = read_len(item, &db);

    if (status != VALUE_CODEC_OK) {
        return status;
    }
    if (db >= r->options.database_count) {
        errmsg_set(item->error, "database %" PRIu64 " is beyond the %u that there are", db,
                   r->options.database_count);
        return VALUE_CODEC_ERROR;
    }
    r->db = (unsigned)db;
    r->state = STATE_OPCODE;
    return VALUE_CODEC_OK;
}

/* A time before 1970 is as good as 1970, and cannot be taken for "never". */
static void set_expiry(struct rdb_reader *r, int64_t expire_at_ms)
{
    r->expire_at_ms = expire_at_ms > 0 ? expire_at_ms : 0;
    r->state = STATE_OPCODE;
}

static enum value_codec_status step_expire_s(struct rdb_reader *r, struct item *item)
{
    if (want_fixed(item, 4) != VALUE_CODEC_OK) {
        return VALUE_CODEC_MORE;
    }
    set_expiry(r, (int64_t)(int32_t)decode_u32_le(&item->d) * 1000);
    return VALUE_CODEC_OK;
}

static enum value_codec_status step_expire_ms(struct rdb_reader *r, struct item *item)
{
    if (want_fixed(item, 8) != VALUE_CODEC_OK) {
        return VALUE_CODEC_MORE;
    }
    set_expiry(r, (int64_t)decode_u64_le(&item->d));
    return VALUE_CODEC_OK;
}

/* All records of the database, and behind that those which expire. */
static enum value_codec_status step_sizes(struct rdb_reader *r, struct item *item)
{
    uint64_t count;
    enum value_codec_status status = read_len(item, &count);

    if (status != VALUE_CODEC_OK) {
        return status;
    }
    if (r->options.on_sizes != NULL) {
        r->options.on_sizes(r->options.context, r->db, count);
    }
    return expect_lens(r, 1);
}

static enum value_codec_status step_lens(struct rdb_reader *r, struct item *item)
{
    uint64_t ignored;
    enum value_codec_status status = read_len(item, &ignored);

    if (status == VALUE_CODEC_OK && --r->lens_left == 0) {
        r->state = STATE_OPCODE;
    }
    return status;
}

static enum value_codec_status step_frequency(struct rdb_reader *r, struct item *item)
{
    if (want_fixed(item, 1) != VALUE_CODEC_OK) {
        return VALUE_CODEC_MORE;
    }
    (void)decode_u8(&item->d);
    r->state = STATE_OPCODE;
    return VALUE_CODEC_OK;
}

static enum value_codec_status step_aux_name(struct rdb_reader *r, struct item *item)
{
    enum value_codec_status status = read_string(r, item, &r->key);

    if (status == VALUE_CODEC_OK) {
        r->state = STATE_AUX_VALUE;
    }
    return status;
}

/* Fields that do not look as they should are as good as missing. */
static void note_aux(struct rdb_reader *r, struct bytes name, struct bytes value)
{
    struct rdb_info *info = &r->info;
    int64_t number = 0;
    bool is_number = num_parse_i64(value, &number) && number >= 0;

    if (bytes_equal_text(name, "repl-id") && history_id_parse(value, &info->history)) {
        r->has_history_id = true;
    } else if (bytes_equal_text(name, "repl-offset") && is_number && number >= 0 &&
               number <= OFFSET_MAX) {
        info->offset = (uint64_t)number;
        r->has_offset = true;
    } else if (bytes_equal_text(name, "repl-stream-db") && is_number && number <= INT32_MAX) {
        info->stream_db = (int)number;
    } else if (bytes_equal_text(name, "ctime") && is_number) {
        info->created_unix_s = number;
    } else if (bytes_equal_text(name, "used-mem") && is_number) {
        info->used_memory = (uint64_t)number;
    } else if (bytes_equal_text(name, "starling-log") && history_id_parse(value, &info->log)) {
        info->save_number = 0;
    } else if (bytes_equal_text(name, "starling-save") && is_number) {
        info->save_number = (uint64_t)number;
    }
    info->has_history = r->has_history_id && r->has_offset;
}

static enum value_codec_status step_aux_value(struct rdb_reader *r, struct item *item)
{
    enum value_codec_status status = read_string(r, item, &r->text);

    if (status == VALUE_CODEC_OK) {
        note_aux(r, buf_bytes(&r->key), buf_bytes(&r->text));
        r->state = STATE_OPCODE;
    }
    return status;
}

static enum value_codec_status step_library(struct rdb_reader *r, struct item *item)
{
    enum value_codec_status status = read_string(r, item, &r->text);

    if (status == VALUE_CODEC_OK) {
        r->info.skipped_libraries++;
        r->state = STATE_OPCODE;
    }
    return status;
}

static enum value_codec_status step_module_id(struct rdb_reader *r, struct item *item)
{
    uint64_t ignored;
    enum value_codec_status status = read_len(item, &ignored);

    if (status == VALUE_CODEC_OK) {
        r->state = STATE_MODULE_ITEM;
    }
    return status;
}

/* The moment at which a module wants its data is an item like the rest. */
static enum value_codec_status step_module_item(struct rdb_reader *r, struct item *item)
{
    uint64_t kind;
    uint64_t ignored;
    size_t fixed = 0;
    enum value_codec_status status = read_len(item, &kind);

    if (status != VALUE_CODEC_OK) {
        return status;
    }
    switch (kind) {
    case RDB_MODULE_END:
        r->state = STATE_OPCODE;
        return VALUE_CODEC_OK;
    case RDB_MODULE_SINT:
    case RDB_MODULE_UINT:
        return read_len(item, &ignored);
    case RDB_MODULE_FLOAT:
        fixed = 4;
        break;
    case RDB_MODULE_DOUBLE:
        fixed = 8;
        break;
    case RDB_MODULE_STRING:
        r->state = STATE_MODULE_STRING;
        return VALUE_CODEC_OK;
    default:
        errmsg_set(item->error, "item %" PRIu64 " of a module's data is unknown", kind);
        return VALUE_CODEC_ERROR;
    }
    status = want_fixed(item, fixed);
    if (status == VALUE_CODEC_OK) {
        (void)decode_bytes(&item->d, fixed);
    }
    return status;
}

static enum value_codec_status step_module_string(struct rdb_reader *r, struct item *item)
{
    enum value_codec_status status = read_string(r, item, &r->text);

    if (status == VALUE_CODEC_OK) {
        r->state = STATE_MODULE_ITEM;
    }
    return status;
}

static enum value_codec_status step_key(struct rdb_reader *r, struct item *item)
{
    enum value_codec_status status = read_string(r, item, &r->key);

    if (status == VALUE_CODEC_OK) {
        r->state = STATE_VALUE;
    }
    return status;
}

/* One item of the value; after the last the record is whole. */
static enum value_codec_status step_value(struct rdb_reader *r, struct item *item)
{
    enum value_codec_status status =
        value_reader_step(&r->reader, &item->d, &item->needed, item->error);
    struct rdb_record record = {.db = r->db, .expire_at_ms = r->expire_at_ms};
    struct value value;

    if (status != VALUE_CODEC_OK || !r->reader.is_done) {
        return status;
    }
    if (!value_reader_is_empty(&r->reader)) {
        value = value_reader_take(&r->reader);
        record.key = buf_bytes(&r->key);
        record.value = &value;
        r->options.on_record(r->options.context, &record);
        value_discard(r->options.space->types, &value);
    }
    r->expire_at_ms = EXPIRE_NEVER;
    r->state = STATE_OPCODE;
    buf_clear(&r->key);
    buf_shrink_when_empty(&r->key, KEEP_SCRATCH);
    buf_clear(&r->text);
    buf_shrink_when_empty(&r->text, KEEP_SCRATCH);
    value_reader_reset(&r->reader);
    return VALUE_CODEC_OK;
}

static step_fn *const steps[] = {
    [STATE_MAGIC] = step_magic,
    [STATE_OPCODE] = step_opcode,
    [STATE_CHECKSUM] = step_checksum,
    [STATE_SELECTDB] = step_selectdb,
    [STATE_EXPIRE_S] = step_expire_s,
    [STATE_EXPIRE_MS] = step_expire_ms,
    [STATE_SIZES] = step_sizes,
    [STATE_LENS] = step_lens,
    [STATE_FREQUENCY] = step_frequency,
    [STATE_AUX_NAME] = step_aux_name,
    [STATE_AUX_VALUE] = step_aux_value,
    [STATE_LIBRARY] = step_library,
    [STATE_MODULE_ID] = step_module_id,
    [STATE_MODULE_ITEM] = step_module_item,
    [STATE_MODULE_STRING] = step_module_string,
    [STATE_KEY] = step_key,
    [STATE_VALUE] = step_value,
};

/* ---- feeding --------------------------------------------------------------------------------- */

/* Take one item off the front of piece; *used is its length. */
static enum value_codec_status take_item(struct rdb_reader *r, struct bytes piece, size_t *used,
                                         struct errmsg *error)
{
    struct item item = {.d = decoder_make(piece), .error = error};
    enum value_codec_status status = steps[r->state](r, &item);

    ASSERT(decoder_is_ok(&item.d));
    if (status == VALUE_CODEC_ERROR) {
        errmsg_wrap(error, "offset %" PRIu64, r->offset);
    } else if (status == VALUE_CODEC_MORE) {
        ASSERT(item.needed > piece.len);
        r->needed = item.needed;
    } else {
        *used = item.d.at;
        r->offset += *used;
    }
    return status;
}

/* Go on with the item that was cut off. */
static enum value_codec_status feed_held(struct rdb_reader *r, struct bytes *rest,
                                         struct errmsg *error)
{
    uint64_t missing = r->needed - r->held.len;
    size_t take = missing < rest->len ? (size_t)missing : rest->len;
    size_t used;
    enum value_codec_status status;

    buf_append_bytes(&r->held, bytes_prefix(*rest, take));
    *rest = bytes_from(*rest, take);
    if (take < missing) {
        return VALUE_CODEC_MORE;
    }
    status = take_item(r, buf_bytes(&r->held), &used, error);
    if (status == VALUE_CODEC_OK) {
        ASSERT(used == r->held.len);
        buf_clear(&r->held);
        buf_shrink_when_empty(&r->held, KEEP_SCRATCH);
    }
    return status;
}

static enum value_codec_status feed_direct(struct rdb_reader *r, struct bytes *rest,
                                           struct errmsg *error)
{
    size_t used = 0;
    enum value_codec_status status = take_item(r, *rest, &used, error);

    if (status == VALUE_CODEC_MORE) {
        buf_append_bytes(&r->held, *rest);
        used = rest->len;
    }
    *rest = bytes_from(*rest, used);
    return status;
}

struct rdb_reader *rdb_reader_new(const struct rdb_reader_options *options)
{
    struct rdb_reader *r = mem_alloc_zeroed(MEM_SNAPSHOT, sizeof(*r));

    ASSERT(options->on_record != NULL && options->space != NULL);
    r->options = *options;
    r->expire_at_ms = EXPIRE_NEVER;
    r->info.stream_db = -1;
    return r;
}

void rdb_reader_free(struct rdb_reader *r)
{
    if (r == NULL) {
        return;
    }
    buf_deinit(&r->held);
    buf_deinit(&r->key);
    buf_deinit(&r->text);
    value_reader_deinit(&r->reader);
    mem_free(MEM_SNAPSHOT, r);
}

/* One item, or a part of one, off the front of rest, which lies at the end of in.  The checksum is made of many items at
 * once: when the opcode before it has come, of all that is before. */
static enum value_codec_status feed_item(struct rdb_reader *r, struct bytes in, struct bytes *rest,
                                         struct errmsg *error)
{
    bool is_behind = r->state == STATE_CHECKSUM;
    enum value_codec_status status =
        r->held.len > 0 ? feed_held(r, rest, error) : feed_direct(r, rest, error);

    if (r->state == STATE_CHECKSUM && !is_behind) {
        r->crc = crc64(r->crc, bytes_prefix(in, in.len - rest->len));
    }
    return status;
}

enum rdb_status rdb_reader_feed(struct rdb_reader *r, struct bytes in, size_t *consumed,
                                struct errmsg *error)
{
    struct bytes rest = in;

    while (r->state != STATE_DONE) {
        if (rest.len == 0) {
            r->crc = r->state != STATE_CHECKSUM ? crc64(r->crc, in) : r->crc;
            *consumed = in.len;
            return RDB_MORE;
        }
        if (feed_item(r, in, &rest, error) == VALUE_CODEC_ERROR) {
            *consumed = in.len - rest.len;
            return RDB_ERROR;
        }
    }
    *consumed = in.len - rest.len;
    return RDB_OK;
}

const struct rdb_info *rdb_reader_info(const struct rdb_reader *r)
{
    return &r->info;
}
