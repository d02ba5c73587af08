/* SPDX-License-Identifier: MIT */
/* Strict decoding (no overlong forms, no surrogates); widths from a short table of the blocks
 * that matter on a command line. */
#include "cli/utf8.h"

#include "base/attr.h"

struct utf8_char utf8_decode(struct bytes text)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first;
    size_t len;
    uint32_t code;

    if (text.len == 0) {
        return (struct utf8_char){0};
    }
    first = (unsigned char)text.data[0];
    if (first < 0x80) {
        return (struct utf8_char){.code = first, .len = 1, .is_valid = true};
    }
    len = first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    if (len == 1 || first >= 0xf8 || len > text.len) {
        return (struct utf8_char){.code = first, .len = 1};
    }
    code = first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if ((c & 0xc0) != 0x80) {
            return (struct utf8_char){.code = first, .len = 1};
        }
        code = code << 6 | (c & 0x3f);
    }
    if (code < smallest[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return (struct utf8_char){.code = first, .len = 1};
    }
    return (struct utf8_char){.code = code, .len = len, .is_valid = true};
}

struct range {
    uint32_t first, last;
};

static bool is_in(uint32_t code, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

size_t utf8_width(uint32_t code)
{
    static const struct range none[] = {
        {0x300,  0x36f },
        {0x483,  0x489 },
        {0x591,  0x5bd },
        {0x610,  0x61a },
        {0x64b,  0x65f },
        {0x1ab0, 0x1aff},
        {0x1dc0, 0x1dff},
        {0x200b, 0x200f},
        {0x20d0, 0x20ff},
        {0xfe00, 0xfe0f},
        {0xfe20, 0xfe2f},
        {0xfeff, 0xfeff},
    };
    static const struct range wide[] = {
        {0x1100,  0x115f },
        {0x2e80,  0x303e },
        {0x3041,  0x33ff },
        {0x3400,  0x4dbf },
        {0x4e00,  0x9fff },
        {0xa000,  0xa4cf },
        {0xac00,  0xd7a3 },
        {0xf900,  0xfaff },
        {0xfe30,  0xfe4f },
        {0xff00,  0xff60 },
        {0xffe0,  0xffe6 },
        {0x1f300, 0x1f64f},
        {0x1f680, 0x1f6ff},
        {0x1f900, 0x1f9ff},
        {0x20000, 0x3fffd},
    };

    if (code < 0x300) {
        return 1;
    }
    if (is_in(code, none, ARRAY_COUNT(none))) {
        return 0;
    }
    return is_in(code, wide, ARRAY_COUNT(wide)) ? 2 : 1;
}

size_t utf8_text_width(struct bytes text)
{
    size_t width = 0;
    size_t at = 0;

    while (at < text.len) {
        struct utf8_char c = utf8_decode(bytes_from(text, at));

        width += utf8_width(c.code);
        at += c.len;
    }
    return width;
}

size_t utf8_next(struct bytes text, size_t at)
{
    if (at >= text.len) {
        return text.len;
    }
    at += utf8_decode(bytes_from(text, at)).len;
    while (at < text.len) {
        struct utf8_char mark = utf8_decode(bytes_from(text, at));

        if (utf8_width(mark.code) > 0) {
            break;
        }
        at += mark.len;
    }
    return at;
}

size_t utf8_previous(struct bytes text, size_t at)
{
    size_t start = 0;

    /* Lines are short: walking from the front needs no rules for going backwards. */
    for (size_t next = 0; next < at; next = utf8_next(text, next)) {
        start = next;
    }
    return start;
}
