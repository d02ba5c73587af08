/* SPDX-License-Identifier: MIT */
#include "cli/rdb_position.h"

#include "base/codec.h"
#include "base/num.h"

enum {
    HEAD_BYTES = 9, /* "REDIS0009" */
    FIELD = 0xfa,
    INTEGER_TEXT = 24,
};

/* A string of a field, also when it is kept as an integer: then digits has its text. */
static bool read_string(struct decoder *d, char digits[INTEGER_TEXT], struct bytes *out)
{
    uint8_t first = decode_u8(d);
    int64_t number;

    switch (first >> 6) {
    case 0:
        *out = decode_bytes(d, first);
        return decoder_is_ok(d);
    case 1:
        *out = decode_bytes(d, (size_t)(first & 0x3f) << 8 | decode_u8(d));
        return decoder_is_ok(d);
    case 2:
        *out = decode_bytes(d, first == 0x80 ? decode_u32_be(d) : SIZE_MAX);
        return decoder_is_ok(d);
    default:
        break;
    }
    if (first == 0xc0) {
        uint8_t byte = decode_u8(d);

        number = byte < 0x80 ? byte : byte - 0x100;
    } else if (first == 0xc1) {
        number = (int16_t)decode_u16_le(d);
    } else if (first == 0xc2) {
        number = (int32_t)decode_u32_le(d);
    } else {
        return false;
    }
    *out = bytes_make(digits, num_format_i64(digits, number));
    return decoder_is_ok(d);
}

static void note(struct rdb_position *out, struct bytes name, struct bytes value)
{
    if (bytes_equal_text(name, "starling-log")) {
        if (!history_id_parse(value, &out->log)) {
            out->log = (struct history_id){0};
        }
    } else if (bytes_equal_text(name, "starling-save") &&
               !num_parse_u64(value, &out->save_number)) {
        out->save_number = 0;
    }
}

bool rdb_position_read(struct bytes begin, struct rdb_position *out)
{
    struct decoder d = decoder_make(begin);
    struct bytes head = decode_bytes(&d, HEAD_BYTES);
    bool has_history = false;
    bool has_offset = false;

    *out = (struct rdb_position){0};
    if (!bytes_has_prefix(head, "REDIS") && !bytes_has_prefix(head, "VALKEY")) {
        return false;
    }
    while (decode_u8(&d) == FIELD) {
        char name_digits[INTEGER_TEXT];
        char value_digits[INTEGER_TEXT];
        struct bytes name;
        struct bytes value;

        if (!read_string(&d, name_digits, &name) || !read_string(&d, value_digits, &value)) {
            break;
        }
        if (bytes_equal_text(name, "repl-id")) {
            has_history = history_id_parse(value, &out->history);
        } else if (bytes_equal_text(name, "repl-offset")) {
            has_offset = num_parse_u64(value, &out->offset);
        } else {
            note(out, name, value);
        }
    }
    return has_history && has_offset;
}
