/* SPDX-License-Identifier: MIT */
/* Depth is bounded by RESP_DEPTH_MAX, which the reader of replies enforces. */
#include "cli/json.h"

#include "cli/quoted.h"
#include "cli/utf8.h"

#include <math.h>

static void write_ascii(struct buf *out, unsigned char c)
{
    if (quoted_escape(out, c)) {
        return;
    }
    if (c == '\f') {
        buf_append_text(out, "\\f");
    } else if (c < 0x20 || c == 0x7f) {
        buf_printf(out, "\\u%04x", c);
    } else {
        buf_append_byte(out, (char)c);
    }
}

static void write_utf8(struct buf *out, struct bytes text)
{
    size_t at = 0;

    buf_append_byte(out, '"');
    while (at < text.len) {
        unsigned char c = (unsigned char)text.data[at];
        struct utf8_char character;

        if (c < 0x80) {
            write_ascii(out, c);
            at++;
            continue;
        }
        character = utf8_decode(bytes_from(text, at));
        if (character.is_valid) {
            buf_append(out, text.data + at, character.len);
        } else {
            buf_append_text(out, "\xef\xbf\xbd");
        }
        at += character.len;
    }
    buf_append_byte(out, '"');
}

void json_write_text(struct buf *out, struct bytes text, bool is_quoted)
{
    struct buf spelled = {0};

    if (!is_quoted) {
        write_utf8(out, text);
        return;
    }
    quoted_encode(&spelled, text); /* its quotes are left out: JSON has its own */
    write_utf8(out, bytes_make(spelled.data + 1, spelled.len - 2));
    buf_deinit(&spelled);
}

static size_t digits_at(struct bytes text, size_t at)
{
    size_t end = at;

    while (end < text.len && text.data[end] >= '0' && text.data[end] <= '9') {
        end++;
    }
    return end - at;
}

/* Is the text a number of JSON as it stands?  "inf", ".5" and "1." are none. */
static bool is_number(struct bytes text)
{
    size_t at = text.len > 0 && text.data[0] == '-' ? 1 : 0;
    size_t digits = digits_at(text, at);

    if (digits == 0 || (digits > 1 && text.data[at] == '0')) {
        return false;
    }
    at += digits;
    if (at < text.len && text.data[at] == '.') {
        digits = digits_at(text, at + 1);
        if (digits == 0) {
            return false;
        }
        at += 1 + digits;
    }
    if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        at += at < text.len && (text.data[at] == '-' || text.data[at] == '+') ? 1 : 0;
        digits = digits_at(text, at);
        if (digits == 0) {
            return false;
        }
        at += digits;
    }
    return at == text.len;
}

static void write_list(struct buf *out, const struct resp_value *value, bool is_quoted)
{
    buf_append_byte(out, '[');
    for (size_t i = 0; i < value->child_count; i++) {
        if (i > 0) {
            buf_append_byte(out, ',');
        }
        json_write(out, &value->children[i], is_quoted);
    }
    buf_append_byte(out, ']');
}

/* JSON has no keys but strings: any other key is spelled as its JSON inside one. */
static void write_key(struct buf *out, const struct resp_value *key, bool is_quoted)
{
    struct buf spelled = {0};

    if (key->type == RESP_BULK || key->type == RESP_SIMPLE || key->type == RESP_VERBATIM) {
        json_write_text(out, resp_value_bytes(key), is_quoted);
        return;
    }
    json_write(&spelled, key, is_quoted);
    json_write_text(out, buf_bytes(&spelled), false);
    buf_deinit(&spelled);
}

static void write_map(struct buf *out, const struct resp_value *value, bool is_quoted)
{
    buf_append_byte(out, '{');
    for (size_t i = 0; i + 1 < value->child_count; i += 2) {
        if (i > 0) {
            buf_append_byte(out, ',');
        }
        write_key(out, &value->children[i], is_quoted);
        buf_append_byte(out, ':');
        json_write(out, &value->children[i + 1], is_quoted);
    }
    buf_append_byte(out, '}');
}

void json_write(struct buf *out, const struct resp_value *value, bool is_quoted)
{
    switch (value->type) {
    case RESP_NULL:
        buf_append_text(out, "null");
        break;
    case RESP_FAILURE:
        buf_append_text(out, "{\"error\":");
        json_write_text(out, resp_value_bytes(value), is_quoted);
        buf_append_byte(out, '}');
        break;
    case RESP_INTEGER:
        buf_append_i64(out, value->integer);
        break;
    case RESP_BOOLEAN:
        buf_append_text(out, value->integer != 0 ? "true" : "false");
        break;
    case RESP_DOUBLE:
        if (is_number(resp_value_bytes(value))) {
            buf_append_bytes(out, resp_value_bytes(value));
        } else if (isfinite(value->number)) {
            buf_printf(out, "%.17g", value->number);
        } else {
            json_write_text(out, resp_value_bytes(value), is_quoted);
        }
        break;
    case RESP_BIG_NUMBER:
    case RESP_SIMPLE:
    case RESP_BULK:
    case RESP_VERBATIM:
        json_write_text(out, resp_value_bytes(value), is_quoted);
        break;
    case RESP_ARRAY:
    case RESP_SET:
    case RESP_PUSH:
        write_list(out, value, is_quoted);
        break;
    case RESP_MAP:
        write_map(out, value, is_quoted);
        break;
    }
}
