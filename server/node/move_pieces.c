/* SPDX-License-Identifier: MIT */
#include "node/move_pieces.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/num.h"
#include "resp/writer.h"
#include "store/entry.h"
#include "store/stream_codec.h"
#include "store/value.h"
#include "store/value_codec.h"

#include <string.h>

enum {
    PIECE_WORDS = 512,
    PIECE_BYTES = 32 * 1024,
    ELEMENT_WORDS = 2,
    WORDS_MAX = 2 + PIECE_WORDS + ELEMENT_WORDS, /* with the command and the key */
};

/* Which adds elements to a value. */
static struct bytes command_for(uint8_t rdb_type)
{
    switch (rdb_type) {
    case RDB_TYPE_LIST:
        return BYTES_LITERAL("RPUSH");
    case RDB_TYPE_SET:
        return BYTES_LITERAL("SADD");
    case RDB_TYPE_ZSET:
        return BYTES_LITERAL("ZADD");
    case RDB_TYPE_HASH:
    case RDB_TYPE_HASH_VOLATILE:
        return BYTES_LITERAL("HSET");
    default:
        ASSERT(rdb_type == RDB_TYPE_STREAM);
        return BYTES_LITERAL("RESTORE");
    }
}

static bool is_stream(const struct move_pieces *pieces)
{
    return pieces->rdb_type == RDB_TYPE_STREAM;
}

void move_pieces_init(struct move_pieces *pieces, uint8_t rdb_type)
{
    ASSERT(command_for(rdb_type).len > 0);
    *pieces = (struct move_pieces){.rdb_type = rdb_type};
}

void move_pieces_deinit(struct move_pieces *pieces)
{
    buf_deinit(&pieces->given);
    buf_deinit(&pieces->text);
    VEC_DEINIT(&pieces->ends);
    VEC_DEINIT(&pieces->times);
}

struct buf *move_pieces_room(struct move_pieces *pieces)
{
    return &pieces->given;
}

void move_pieces_whole(struct bytes key, struct bytes payload, int64_t expire_at_ms,
                       struct buf *out)
{
    char text[NUM_I64_TEXT];
    size_t len = num_format_i64(text, expire_at_ms == EXPIRE_NEVER ? 0 : expire_at_ms);
    struct bytes words[] = {BYTES_LITERAL("RESTORE"), key,
                            bytes_make(text, len),    payload,
                            BYTES_LITERAL("REPLACE"), BYTES_LITERAL("ABSTTL")};

    resp_write_request(out, words, expire_at_ms == EXPIRE_NEVER ? 5 : 6);
}

/* ---- writing ------------------------------------------------------------------------------------- */

static struct bytes word_at(const struct move_pieces *pieces, size_t place)
{
    size_t begin = place > 0 ? pieces->ends.items[place - 1] : 0;

    return bytes_make(pieces->text.data + begin, pieces->ends.items[place] - begin);
}

static void write_time(struct bytes key, struct bytes field, int64_t expire_at_ms, struct buf *out)
{
    char text[NUM_I64_TEXT];
    struct bytes words[] = {BYTES_LITERAL("HPEXPIREAT"),
                            key,
                            bytes_make(text, num_format_i64(text, expire_at_ms)),
                            BYTES_LITERAL("FIELDS"),
                            BYTES_LITERAL("1"),
                            field};

    resp_write_request(out, words, ARRAY_COUNT(words));
}

static void append_stream(struct bytes key, struct buf *payload, struct buf *out)
{
    struct bytes words[] = {
        BYTES_LITERAL("RESTORE"), key, BYTES_LITERAL("0"), {0}, BYTES_LITERAL("APPEND")};

    value_dump_end(payload, 0);
    words[3] = buf_bytes(payload);
    resp_write_request(out, words, ARRAY_COUNT(words));
}

static void write_nodes(struct move_pieces *pieces, struct bytes key, struct buf *out)
{
    struct buf payload = {0};

    if (pieces->ends.count == 0) {
        return;
    }
    encode_u8(&payload, pieces->rdb_type);
    stream_encode_nodes(buf_bytes(&pieces->text), pieces->ends.count, pieces->entries, &payload);
    append_stream(key, &payload, out);
    buf_deinit(&payload);
    buf_clear(&pieces->text);
    pieces->ends.count = 0;
    pieces->entries = 0;
}

static void write_piece(struct move_pieces *pieces, struct bytes key, struct buf *out)
{
    struct bytes words[WORDS_MAX] = {command_for(pieces->rdb_type), key};
    size_t swap = pieces->rdb_type == RDB_TYPE_ZSET ? 1 : 0; /* scores go before members there */
    size_t count = 2;

    if (is_stream(pieces)) {
        write_nodes(pieces, key, out);
        return;
    }
    ASSERT(pieces->ends.count <= WORDS_MAX - 2);
    for (size_t i = 0; i < pieces->ends.count; i++) {
        words[count++] = word_at(pieces, i ^ swap);
    }
    if (count > 2) {
        resp_write_request(out, words, count);
    }
    for (size_t i = 0; i < pieces->times.count; i++) {
        if (pieces->times.items[i] != 0) {
            write_time(key, word_at(pieces, i * ELEMENT_WORDS), pieces->times.items[i], out);
        }
    }
    buf_clear(&pieces->text);
    pieces->ends.count = 0;
    pieces->times.count = 0;
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* Everything read here was written by an image of ours: it can end too early, and be nothing else wrong. */
static bool has_more(enum value_codec_status status)
{
    ASSERT(status != VALUE_CODEC_ERROR);
    return status == VALUE_CODEC_OK;
}

static bool read_length(struct decoder *d, uint64_t *out)
{
    bool is_encoding;
    bool is_there = has_more(value_decode_len(d, out, &is_encoding));

    ASSERT(!is_there || !is_encoding);
    return is_there;
}

static bool read_words(struct move_pieces *pieces, struct decoder *d, size_t count)
{
    struct errmsg error;
    uint64_t needed;

    for (size_t i = 0; i < count; i++) {
        if (!has_more(value_decode_string(d, UINT64_MAX, &pieces->text, &needed, &error))) {
            return false;
        }
        VEC_PUSH(&pieces->ends, pieces->text.len);
    }
    return true;
}

static bool read_score(struct move_pieces *pieces, struct decoder *d)
{
    char text[NUM_F64_TEXT];
    uint64_t bits = decode_u64_le(d);
    double score;

    if (!decoder_is_ok(d)) {
        return false;
    }
    memcpy(&score, &bits, sizeof(score));
    buf_append(&pieces->text, text, num_format_f64(text, score));
    VEC_PUSH(&pieces->ends, pieces->text.len);
    return true;
}

static bool read_time(struct move_pieces *pieces, struct decoder *d)
{
    uint64_t distance;

    if (!read_length(d, &distance)) {
        return false;
    }
    VEC_PUSH(&pieces->times, distance == 0 ? 0 : pieces->base_ms + (int64_t)distance - 1);
    return true;
}

static bool read_node(struct move_pieces *pieces, struct decoder *d)
{
    struct bytes node;
    uint64_t entries;

    if (!stream_decode_node(d, &node, &entries)) {
        return false;
    }
    pieces->entries += entries;
    buf_append_bytes(&pieces->text, node);
    VEC_PUSH(&pieces->ends, pieces->text.len);
    return true;
}

static bool read_parts(struct move_pieces *pieces, struct decoder *d)
{
    switch (pieces->rdb_type) {
    case RDB_TYPE_ZSET:
        return read_words(pieces, d, 1) && read_score(pieces, d);
    case RDB_TYPE_HASH:
        return read_words(pieces, d, 2);
    case RDB_TYPE_HASH_VOLATILE:
        return read_time(pieces, d) && read_words(pieces, d, 2);
    case RDB_TYPE_STREAM:
        return read_node(pieces, d);
    default:
        return read_words(pieces, d, 1);
    }
}

/* The next element, unless the image has not given all of it. */
static bool read_element(struct move_pieces *pieces, struct decoder *d)
{
    size_t text_len = pieces->text.len;
    size_t end_count = pieces->ends.count;
    size_t time_count = pieces->times.count;
    size_t at = d->at;

    if (pieces->left == 0 || !read_parts(pieces, d)) {
        pieces->text.len = text_len;
        pieces->ends.count = end_count;
        pieces->times.count = time_count;
        d->at = at;
        return false;
    }
    pieces->left--;
    return true;
}

static bool read_begin(struct move_pieces *pieces, struct decoder *d)
{
    int64_t base_ms = pieces->rdb_type == RDB_TYPE_HASH_VOLATILE ? (int64_t)decode_u64_le(d) : 0;

    if (!decoder_is_ok(d) || !read_length(d, &pieces->left)) {
        d->at = 0;
        return false;
    }
    pieces->base_ms = base_ms;
    return true;
}

void move_pieces_take(struct move_pieces *pieces, struct bytes key, struct buf *out)
{
    struct decoder d = decoder_make(buf_bytes(&pieces->given));

    if (!pieces->has_begun && read_begin(pieces, &d)) {
        struct bytes words[] = {BYTES_LITERAL("UNLINK"), key};

        pieces->has_begun = true;
        resp_write_request(out, words, ARRAY_COUNT(words));
    }
    while (pieces->has_begun && read_element(pieces, &d)) {
        if (pieces->ends.count >= PIECE_WORDS || pieces->text.len >= PIECE_BYTES) {
            write_piece(pieces, key, out);
        }
    }
    buf_consume(&pieces->given, d.at);
}

static void write_rest_of_stream(struct move_pieces *pieces, struct bytes key, struct buf *out)
{
    struct buf payload = {0};

    encode_u8(&payload, pieces->rdb_type);
    stream_encode_rest(buf_bytes(&pieces->given), &payload);
    append_stream(key, &payload, out);
    buf_deinit(&payload);
    buf_clear(&pieces->given);
}

void move_pieces_end(struct move_pieces *pieces, struct bytes key, int64_t expire_at_ms,
                     struct buf *out)
{
    char text[NUM_I64_TEXT];
    struct bytes words[] = {BYTES_LITERAL("PEXPIREAT"), key, {0}};

    move_pieces_take(pieces, key, out);
    write_piece(pieces, key, out);
    if (is_stream(pieces)) {
        write_rest_of_stream(pieces, key, out);
    }
    ASSERT(pieces->has_begun && pieces->left == 0 && pieces->given.len == 0);
    if (expire_at_ms != EXPIRE_NEVER) {
        words[2] = bytes_make(text, num_format_i64(text, expire_at_ms));
        resp_write_request(out, words, ARRAY_COUNT(words));
    }
}
