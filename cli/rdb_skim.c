/* SPDX-License-Identifier: MIT */
/* What a value consists of is a row in a table: a count of items in front, or none, and what an item is made of.  Streams
 * and what modules keep have functions of their own. */
#include "cli/rdb_skim.h"

#include "base/crc.h"
#include "base/num.h"

#include <inttypes.h>
#include <string.h>

enum {
    SUM_BYTES = 1024 * 1024, /* not yet in the checksum */
    MAGIC_LEN = 9,
    FIRST_CHECKED = 5, /* version: older files have no checksum */
    VERSION_MAX = 12,  /* of Redis, */
    VALKEY_MIN = 80,   /* and of Valkey */
    VALKEY_MAX = 81,
    TYPE_HASH_TTL = 22,    /* of Valkey; in files of Redis it was that of a release candidate, */
    TYPE_HASH_TTL_RC = 23, /* as was this */
    TYPE_MODULE_OLD = 6,
    TYPE_MODULE = 7,
    STREAM_ID_BYTES = 16,
    TIME_BYTES = 8,
};

enum opcode {
    OP_SLOT_INFO = 244,
    OP_FUNCTION = 245,
    OP_MODULE_AUX = 247,
    OP_IDLE = 248,
    OP_FREQUENCY = 249,
    OP_AUX = 250,
    OP_RESIZEDB = 251,
    OP_EXPIRE_MS = 252,
    OP_EXPIRE_S = 253,
    OP_SELECTDB = 254,
    OP_EOF = 255,
};

/* ---- lengths and strings ------------------------------------------------------------------------ */

/* A length; *encoding is 0 to 3 when it is no length but an encoded string, else -1. */
static uint64_t read_any_length(struct decoder *d, int *encoding)
{
    uint8_t first = decode_u8(d);

    *encoding = -1;
    switch (first >> 6) {
    case 0:
        return first;
    case 1:
        return (uint64_t)(first & 0x3f) << 8 | decode_u8(d);
    case 2:
        if (first == 0x80) {
            return decode_u32_be(d);
        }
        if (first == 0x81) {
            return decode_u64_be(d);
        }
        d->failed = true;
        return 0;
    default:
        *encoding = first & 0x3f;
        d->failed = d->failed || *encoding > 3;
        return 0;
    }
}

static uint64_t read_length(struct decoder *d)
{
    int encoding;
    uint64_t length = read_any_length(d, &encoding);

    d->failed = d->failed || encoding >= 0;
    return d->failed ? 0 : length;
}

static struct bytes skip(struct decoder *d, uint64_t length)
{
    if (length > decoder_left(d)) {
        d->failed = true;
        return (struct bytes){0};
    }
    return decode_bytes(d, (size_t)length);
}

static void skip_string(struct decoder *d)
{
    static const uint8_t sizes[] = {1, 2, 4};
    int encoding;
    uint64_t length = read_any_length(d, &encoding);

    if (encoding < 0) {
        (void)skip(d, length);
    } else if (encoding < 3) {
        (void)skip(d, sizes[encoding]);
    } else {
        length = read_length(d);
        (void)read_length(d); /* of what it stands for */
        (void)skip(d, length);
    }
}

/* LZF: literal runs, and copies of what came before. */
static bool expand(struct bytes in, uint64_t length, struct buf *out)
{
    const unsigned char *at = (const unsigned char *)in.data;
    const unsigned char *end = at + in.len;

    if (length > RDB_SKIM_KEY_MAX) {
        return false;
    }
    while (at < end) {
        size_t control = *at++;
        size_t count = control < 32 ? control + 1 : (control >> 5) + 2;
        size_t back;

        if (control < 32) {
            if (count > (size_t)(end - at) || count > length - out->len) {
                return false;
            }
            buf_append(out, at, count);
            at += count;
            continue;
        }
        if (control >> 5 == 7) {
            if (at == end) {
                return false;
            }
            count += *at++;
        }
        if (at == end) {
            return false;
        }
        back = ((control & 31) << 8 | *at++) + 1;
        if (back > out->len || count > length - out->len) {
            return false;
        }
        for (; count > 0; count--) { /* it may read what it writes */
            buf_append_byte(out, out->data[out->len - back]);
        }
    }
    return out->len == length;
}

static void read_string(struct decoder *d, struct buf *out)
{
    int encoding;
    uint64_t length = read_any_length(d, &encoding);
    char digits[NUM_I64_TEXT];
    int64_t number = 0;

    buf_clear(out);
    switch (encoding) {
    case -1:
        buf_append_bytes(out, skip(d, length));
        return;
    case 0:
        number = decode_u8(d);
        number = number < 0x80 ? number : number - 0x100;
        break;
    case 1:
        number = (int16_t)decode_u16_le(d);
        break;
    case 2:
        number = (int32_t)decode_u32_le(d);
        break;
    default: {
        uint64_t packed = read_length(d);
        uint64_t whole = read_length(d);
        struct bytes bytes = skip(d, packed);

        d->failed = d->failed || !expand(bytes, whole, out);
        return;
    }
    }
    buf_append(out, digits, num_format_i64(digits, number));
}

/* ---- values ------------------------------------------------------------------------------------- */

/* What an item is made of: s string, d a double as text, e a double as eight bytes, t a time, l a length. */
struct shape {
    const char *before; /* the count of items */
    const char *item;   /* NULL: there is no count, and no item */
};

static const struct shape shapes[] = {
    [0] = {"s",  NULL },
      [1] = {"",   "s"  },
      [2] = {"",   "s"  },
      [3] = {"",   "sd" },
    [4] = {"",   "ss" },
      [5] = {"",   "se" },
      [9] = {"s",  NULL },
      [10] = {"s",  NULL },
    [11] = {"s",  NULL },
      [12] = {"s",  NULL },
      [13] = {"s",  NULL },
      [14] = {"",   "s"  },
    [16] = {"s",  NULL },
      [17] = {"s",  NULL },
      [18] = {"",   "ls" },
      [20] = {"s",  NULL },
    [22] = {"",   "sst"},
      [24] = {"t",  "lss"},
      [25] = {"ts", NULL },
};

static void skip_parts(struct decoder *d, const char *parts)
{
    for (; *parts != '\0' && !d->failed; parts++) {
        uint8_t length;

        switch (*parts) {
        case 's':
            skip_string(d);
            break;
        case 'd':
            length = decode_u8(d);
            (void)skip(d, length < 253 ? length : 0); /* others stand for infinities and none */
            break;
        case 'l':
            (void)read_length(d);
            break;
        default:
            (void)skip(d, TIME_BYTES);
            break;
        }
    }
}

/* Each item has a byte at least, so a count that is a lie ends with the file. */
static void skip_items(struct decoder *d, const char *parts)
{
    uint64_t count = read_length(d);

    for (uint64_t i = 0; i < count && !d->failed; i++) {
        skip_parts(d, parts);
    }
}

static void skip_consumers(struct decoder *d, uint8_t type)
{
    uint64_t count = read_length(d);

    for (uint64_t i = 0; i < count && !d->failed; i++) {
        uint64_t pending;

        skip_parts(d, type >= 21 ? "stt" : "st"); /* seen, and active */
        pending = read_length(d);
        for (uint64_t j = 0; j < pending && !d->failed; j++) {
            (void)skip(d, STREAM_ID_BYTES);
        }
    }
}

static void skip_stream(struct decoder *d, uint8_t type)
{
    uint64_t groups;

    skip_items(d, "ss");
    skip_parts(d, type >= 19 ? "llllllll" : "lll"); /* length, last id; first, deleted, added */
    groups = read_length(d);
    for (uint64_t i = 0; i < groups && !d->failed; i++) {
        uint64_t pending;

        skip_parts(d, type >= 19 ? "slll" : "sll");
        pending = read_length(d);
        for (uint64_t j = 0; j < pending && !d->failed; j++) {
            (void)skip(d, STREAM_ID_BYTES);
            skip_parts(d, "tl");
        }
        skip_consumers(d, type);
    }
}

/* Behind the id of a module. */
static void skip_module(struct decoder *d)
{
    static const char *const items[] = {"", "l", "l", NULL, "t", "s"};

    while (!d->failed) {
        uint64_t kind = read_length(d);

        if (kind == 0) {
            return;
        }
        if (kind == 3) {
            (void)skip(d, 4);
        } else if (kind < sizeof(items) / sizeof(items[0])) {
            skip_parts(d, items[kind]);
        } else {
            d->failed = true;
        }
    }
}

static bool is_stream(uint8_t type)
{
    return type == 15 || type == 19 || type == 21;
}

/* Is it known how long values of the type are? */
static bool is_known(const struct rdb_skim *skim, uint8_t type)
{
    bool is_valkey = skim->version >= VALKEY_MIN;

    if (type == TYPE_MODULE || is_stream(type)) {
        return true;
    }
    if ((type == TYPE_HASH_TTL && !is_valkey) || type == TYPE_HASH_TTL_RC) {
        return false;
    }
    return type < sizeof(shapes) / sizeof(shapes[0]) && shapes[type].before != NULL;
}

static void skip_value(struct decoder *d, uint8_t type)
{
    if (type == TYPE_MODULE) {
        (void)read_length(d);
        skip_module(d);
    } else if (is_stream(type)) {
        skip_stream(d, type);
    } else {
        skip_parts(d, shapes[type].before);
        if (shapes[type].item != NULL) {
            skip_items(d, shapes[type].item);
        }
    }
}

/* ---- the file ----------------------------------------------------------------------------------- */

bool rdb_skim_is_rdb(struct bytes begin)
{
    return bytes_has_prefix(begin, "REDIS") || bytes_has_prefix(begin, "VALKEY");
}

bool rdb_skim_init(struct rdb_skim *skim, struct bytes file, struct errmsg *error)
{
    bool is_valkey = bytes_has_prefix(file, "VALKEY");
    struct bytes digits;
    bool is_ok = rdb_skim_is_rdb(file) && file.len >= MAGIC_LEN;

    *skim = (struct rdb_skim){.d = decoder_make(file)};
    digits =
        bytes_from(decode_bytes(&skim->d, is_ok ? MAGIC_LEN : 0), is_ok ? (is_valkey ? 6 : 5) : 0);
    for (size_t i = 0; i < digits.len; i++) {
        is_ok = is_ok && digits.data[i] >= '0' && digits.data[i] <= '9';
        skim->version = skim->version * 10 + (unsigned)(digits.data[i] - '0');
    }
    if (!is_ok) {
        errmsg_set(error, "it does not begin as an RDB file");
        return false;
    }
    if (is_valkey ? skim->version < VALKEY_MIN || skim->version > VALKEY_MAX
                  : skim->version < 1 || skim->version > VERSION_MAX) {
        errmsg_set(error, "it has version %u, which is not known", skim->version);
        return false;
    }
    return true;
}

void rdb_skim_deinit(struct rdb_skim *skim)
{
    buf_deinit(&skim->key);
    *skim = (struct rdb_skim){0};
}

static enum rdb_skim_step damaged(size_t at, struct errmsg *error)
{
    errmsg_set(error, "what begins at byte %zu is damaged, or the file ends too early", at);
    return RDB_SKIM_DAMAGED;
}

/* Goes along, so that the file is read once. */
static void sum_up(struct rdb_skim *skim, size_t to)
{
    skim->sum = crc64(skim->sum, bytes_from(bytes_prefix(skim->d.in, to), skim->summed));
    skim->summed = to;
}

static enum rdb_skim_step end(struct rdb_skim *skim, struct errmsg *error)
{
    size_t at = skim->d.at;
    uint64_t stored;

    if (skim->version < FIRST_CHECKED) {
        return RDB_SKIM_END;
    }
    stored = decode_u64_le(&skim->d);
    if (!decoder_is_ok(&skim->d)) {
        return damaged(at, error);
    }
    sum_up(skim, at);
    if (stored != 0 && stored != skim->sum) {
        errmsg_set(error, "its checksum is wrong: it is damaged");
        return RDB_SKIM_DAMAGED;
    }
    return RDB_SKIM_END;
}

/* What stands before records; false when the opcode is none of these. */
static bool skip_opcode(struct rdb_skim *skim, uint8_t opcode, struct rdb_record *next)
{
    struct decoder *d = &skim->d;

    switch (opcode) {
    case OP_SLOT_INFO:
        skip_parts(d, "lll");
        return true;
    case OP_FUNCTION:
        skip_string(d);
        skim->skipped_libraries++;
        return true;
    case OP_MODULE_AUX:
        (void)read_length(d);
        skip_module(d);
        skim->skipped_modules++;
        return true;
    case OP_IDLE:
        (void)read_length(d);
        return true;
    case OP_FREQUENCY:
        (void)decode_u8(d);
        return true;
    case OP_AUX:
        skip_parts(d, "ss");
        return true;
    case OP_RESIZEDB:
        skip_parts(d, "ll");
        return true;
    case OP_EXPIRE_MS:
        next->expire_at_ms = (int64_t)decode_u64_le(d);
        break;
    case OP_EXPIRE_S:
        next->expire_at_ms = (int64_t)(int32_t)decode_u32_le(d) * 1000;
        break;
    case OP_SELECTDB:
        skim->db = read_length(d);
        return true;
    default:
        return false;
    }
    /* What has expired before 1970 has expired. */
    next->expire_at_ms = next->expire_at_ms > 0 ? next->expire_at_ms : 1;
    return true;
}

static enum rdb_skim_step unknown(size_t at, uint8_t type, struct errmsg *error)
{
    errmsg_set(error, "at byte %zu is a value of type %u, which is not known%s", at, (unsigned)type,
               type == TYPE_MODULE_OLD ? " (a module's, in a form that tells no length)" : "");
    return RDB_SKIM_DAMAGED;
}

enum rdb_skim_step rdb_skim_next(struct rdb_skim *skim, struct rdb_record *out,
                                 struct errmsg *error)
{
    struct decoder *d = &skim->d;

    *out = (struct rdb_record){.expire_at_ms = RDB_SKIM_NEVER};
    for (;;) {
        size_t at = d->at;
        uint8_t opcode = decode_u8(d);
        size_t value_at;

        if (!decoder_is_ok(d)) {
            return damaged(at, error);
        }
        if (opcode == OP_EOF) {
            return end(skim, error);
        }
        if (skip_opcode(skim, opcode, out)) {
            if (!decoder_is_ok(d)) {
                return damaged(at, error);
            }
            continue;
        }
        if (!is_known(skim, opcode)) {
            return unknown(at, opcode, error);
        }
        read_string(d, &skim->key);
        value_at = d->at;
        skip_value(d, opcode);
        if (!decoder_is_ok(d)) {
            return damaged(at, error);
        }
        if (opcode == TYPE_MODULE) {
            skim->skipped_modules++;
            out->expire_at_ms = RDB_SKIM_NEVER;
            continue;
        }
        if (d->at - skim->summed > SUM_BYTES) {
            sum_up(skim, d->at);
        }
        out->db = skim->db;
        out->key = buf_bytes(&skim->key);
        out->type = opcode;
        out->value = bytes_prefix(bytes_from(d->in, value_at), d->at - value_at);
        return RDB_SKIM_RECORD;
    }
}

struct bytes rdb_skim_rest(const struct rdb_skim *skim)
{
    return bytes_from(skim->d.in, skim->d.at);
}

void rdb_skim_write_payload(const struct rdb_skim *skim, const struct rdb_record *record,
                            struct buf *out)
{
    size_t start = out->len;

    encode_u8(out, record->type);
    buf_append_bytes(out, record->value);
    encode_u16_le(out, (uint16_t)skim->version);
    encode_u64_le(out, crc64(0, bytes_from(buf_bytes(out), start)));
}
