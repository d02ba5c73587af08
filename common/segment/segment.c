/* SPDX-License-Identifier: MIT */
/* Fields one after the other, as the table in the header has them; what is not plausible is refused before its
 * checksum is made. */
#include "segment/segment.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/crc.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_DIGITS = 16,
    CHECKED_HEAD_BYTES = SEGMENT_HEAD_BYTES - 4, /* of a head: what its checksum is of */
    LENGTH_BYTES = 4,
    FLAG_ANEW = 1,
    UNCHECKED_FRAME_BYTES = 8, /* of a frame: length and checksum */
};

static const char magic[] = "STARLING";
static const char extension[] = ".log";

void segment_format_name(uint64_t number, char name[SEGMENT_NAME_SIZE])
{
    ASSERT(number > 0 && number <= SEGMENT_NUMBER_MAX + 1);
    snprintf(name, SEGMENT_NAME_SIZE, "%016" PRIu64 "%s", number, extension);
}

bool segment_parse_name(struct bytes name, uint64_t *number)
{
    uint64_t value = 0;

    if (name.len != NAME_DIGITS + strlen(extension) ||
        !bytes_equal_text(bytes_from(name, NAME_DIGITS), extension)) {
        return false;
    }
    for (size_t i = 0; i < NAME_DIGITS; i++) {
        if (name.data[i] < '0' || name.data[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(name.data[i] - '0');
    }
    if (value == 0 || value > SEGMENT_NUMBER_MAX) {
        return false;
    }
    *number = value;
    return true;
}

/* ---- heads -------------------------------------------------------------------------------------- */

static void encode_history(struct buf *out, const struct history_id *history)
{
    buf_append(out, history->text, HISTORY_ID_LEN);
}

/* Zero bytes may follow the id, and nothing else. */
static bool decode_history(struct decoder *in, struct history_id *out)
{
    struct bytes text = decode_bytes(in, HISTORY_ID_LEN);

    while (text.len > 0 && text.data[text.len - 1] == '\0') {
        text.len--;
    }
    *out = (struct history_id){0};
    return text.len == 0 || history_id_parse_any(text, out);
}

void segment_write_head(struct buf *out, const struct segment_head *head)
{
    size_t start = out->len;

    ASSERT(!history_id_is_empty(&head->history));
    ASSERT(head->durable <= head->start);
    buf_append(out, magic, strlen(magic));
    encode_u32_le(out, SEGMENT_VERSION);
    encode_u32_le(out, head->is_anew ? FLAG_ANEW : 0);
    encode_history(out, &head->history);
    encode_history(out, &head->parent);
    encode_u64_le(out, head->parent_end);
    encode_u64_le(out, head->start);
    encode_u64_le(out, head->durable);
    encode_u64_le(out, (uint64_t)head->begun_unix_ms);
    encode_u32_le(out, 0);
    ASSERT(out->len - start == CHECKED_HEAD_BYTES);
    encode_u32_le(out, crc32c(0, bytes_from(buf_bytes(out), start)));
}

/* What has to be right in heads of all versions. */
static enum segment_status check_head(struct bytes in, struct errmsg *error)
{
    size_t known = in.len < strlen(magic) ? in.len : strlen(magic);
    struct decoder sum;

    if (known > 0 && memcmp(in.data, magic, known) != 0) {
        errmsg_set(error, "it does not begin as a segment of the log");
        return SEGMENT_DAMAGED;
    }
    if (in.len < SEGMENT_HEAD_BYTES) {
        errmsg_set(error, "its head is cut off");
        return SEGMENT_MORE;
    }
    sum = decoder_make(bytes_from(in, CHECKED_HEAD_BYTES));
    if (decode_u32_le(&sum) != crc32c(0, bytes_prefix(in, CHECKED_HEAD_BYTES))) {
        errmsg_set(error, "the checksum of its head is wrong");
        return SEGMENT_DAMAGED;
    }
    return SEGMENT_OK;
}

/* Everything behind the version; false when it is what no head can say. */
static bool decode_head(struct decoder *d, struct segment_head *head)
{
    uint32_t flags = decode_u32_le(d);
    bool is_good = (flags & ~(uint32_t)FLAG_ANEW) == 0;

    head->is_anew = (flags & FLAG_ANEW) != 0;
    is_good = decode_history(d, &head->history) && is_good;
    is_good = decode_history(d, &head->parent) && is_good;
    head->parent_end = decode_u64_le(d);
    head->start = decode_u64_le(d);
    head->durable = decode_u64_le(d);
    head->begun_unix_ms = (int64_t)decode_u64_le(d);
    is_good = decode_u32_le(d) == 0 && is_good;
    return is_good && !history_id_is_empty(&head->history) && head->durable <= head->start;
}

enum segment_status segment_read_head(struct bytes in, struct segment_head *out,
                                      struct errmsg *error)
{
    enum segment_status status = check_head(in, error);
    struct decoder d = decoder_make(in);
    struct segment_head head;
    uint32_t version;

    if (status != SEGMENT_OK) {
        return status;
    }
    decode_bytes(&d, strlen(magic));
    version = decode_u32_le(&d);
    if (version > SEGMENT_VERSION) {
        errmsg_set(error, "it has version %" PRIu32 ", and versions up to %d are known", version,
                   SEGMENT_VERSION);
        return SEGMENT_NEWER;
    }
    if (version == 0 || !decode_head(&d, &head)) {
        errmsg_set(error, "its head says what no head can say");
        return SEGMENT_DAMAGED;
    }
    *out = head;
    return SEGMENT_OK;
}

/* ---- frames ------------------------------------------------------------------------------------- */

static bool is_possible(uint64_t start, uint64_t durable, uint64_t length)
{
    return length > 0 && length <= SEGMENT_FRAME_MAX && durable <= start &&
           start <= UINT64_MAX - length;
}

void segment_write_frame(struct buf *out, const struct segment_frame *frame)
{
    size_t checked = out->len + UNCHECKED_FRAME_BYTES;
    size_t at = out->len + LENGTH_BYTES;
    struct buf sum;

    ASSERT(is_possible(frame->start, frame->durable, frame->bytes.len));
    buf_reserve(out, segment_frame_size(frame));
    encode_u32_le(out, (uint32_t)frame->bytes.len);
    encode_u32_le(out, 0); /* the checksum, when all it is of is there */
    encode_u64_le(out, frame->start);
    encode_u64_le(out, frame->durable);
    encode_u64_le(out, (uint64_t)frame->written_unix_ms);
    buf_append_bytes(out, frame->bytes);
    sum = (struct buf){.data = out->data + at, .cap = LENGTH_BYTES};
    encode_u32_le(&sum, crc32c(0, bytes_from(buf_bytes(out), checked)));
}

size_t segment_peek_frame(struct bytes in, struct segment_frame *out)
{
    struct decoder d = decoder_make(in);
    uint64_t length = decode_u32_le(&d);

    decode_u32_le(&d);
    *out = (struct segment_frame){.start = decode_u64_le(&d)};
    out->durable = decode_u64_le(&d);
    out->written_unix_ms = (int64_t)decode_u64_le(&d);
    ASSERT(decoder_is_ok(&d));
    return is_possible(out->start, out->durable, length) ? SEGMENT_FRAME_HEAD_BYTES + (size_t)length
                                                         : 0;
}

/* Too few bytes for the head of a frame: can they be its beginning? */
static enum segment_status judge_beginning(struct bytes in)
{
    struct decoder d = decoder_make(in);
    uint64_t length = decode_u32_le(&d);

    return !decoder_is_ok(&d) || is_possible(0, 0, length) ? SEGMENT_MORE : SEGMENT_DAMAGED;
}

enum segment_status segment_read_frame(struct bytes in, struct segment_frame *out)
{
    struct segment_frame frame;
    struct decoder d = decoder_make(in);
    size_t size;

    if (in.len < SEGMENT_FRAME_HEAD_BYTES) {
        return judge_beginning(in);
    }
    size = segment_peek_frame(in, &frame);
    if (size == 0) {
        return SEGMENT_DAMAGED;
    }
    if (size > in.len) {
        return SEGMENT_MORE;
    }
    decode_u32_le(&d);
    if (decode_u32_le(&d) != crc32c(0, bytes_from(bytes_prefix(in, size), UNCHECKED_FRAME_BYTES))) {
        return SEGMENT_DAMAGED;
    }
    frame.bytes = bytes_from(bytes_prefix(in, size), SEGMENT_FRAME_HEAD_BYTES);
    *out = frame;
    return SEGMENT_OK;
}
