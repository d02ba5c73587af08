/* SPDX-License-Identifier: MIT */
/* One function a grammar rule; each leaves the place behind what it read. */
#include "tests/support/json.h"

#include "base/assert.h"
#include "base/mem.h"

#include <stdint.h>

struct parser {
    struct bytes in;
    size_t at;
    unsigned depth;
    const char *reason; /* of the first failure */
};

static bool fail(struct parser *p, const char *reason)
{
    if (p->reason == NULL) {
        p->reason = reason;
    }
    return false;
}

/* The next byte, or 0 at the end, which is no byte that may stand in JSON. */
static char peek(const struct parser *p)
{
    return p->at < p->in.len ? p->in.data[p->at] : '\0';
}

static bool take(struct parser *p, char byte)
{
    if (p->at == p->in.len || p->in.data[p->at] != byte) {
        return false;
    }
    p->at++;
    return true;
}

static void skip_blanks(struct parser *p)
{
    while (take(p, ' ') || take(p, '\n') || take(p, '\r') || take(p, '\t')) {
    }
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* ---- strings ----------------------------------------------------------------------------------- */

static bool read_hex(struct parser *p, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        char byte = peek(p);
        uint32_t digit;

        if (is_digit(byte)) {
            digit = (uint32_t)(byte - '0');
        } else if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f') {
            digit = (uint32_t)((byte | 0x20) - 'a') + 10;
        } else {
            return fail(p, "four hex digits are missing");
        }
        *out = *out << 4 | digit;
        p->at++;
    }
    return true;
}

static void append_utf8(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_append_byte(out, (char)code);
        return;
    }
    if (code < 0x800) {
        buf_append_byte(out, (char)(0xc0 | code >> 6));
    } else if (code < 0x10000) {
        buf_append_byte(out, (char)(0xe0 | code >> 12));
        buf_append_byte(out, (char)(0x80 | (code >> 6 & 0x3f)));
    } else {
        buf_append_byte(out, (char)(0xf0 | code >> 18));
        buf_append_byte(out, (char)(0x80 | (code >> 12 & 0x3f)));
        buf_append_byte(out, (char)(0x80 | (code >> 6 & 0x3f)));
    }
    buf_append_byte(out, (char)(0x80 | (code & 0x3f)));
}

static bool read_code(struct parser *p, struct buf *out)
{
    uint32_t code;
    uint32_t low;

    if (!read_hex(p, &code)) {
        return false;
    }
    if (code >= 0xdc00 && code < 0xe000) {
        return fail(p, "half a surrogate pair");
    }
    if (code >= 0xd800 && code < 0xdc00) {
        if (!take(p, '\\') || !take(p, 'u') || !read_hex(p, &low) || low < 0xdc00 ||
            low >= 0xe000) {
            return fail(p, "half a surrogate pair");
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
    return true;
}

static bool read_escape(struct parser *p, struct buf *out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char bytes[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (take(p, 'u')) {
        return read_code(p, out);
    }
    found = peek(p) == '\0' ? NULL : strchr(names, peek(p));
    if (found == NULL) {
        return fail(p, "an unknown escape");
    }
    p->at++;
    buf_append_byte(out, bytes[found - names]);
    return true;
}

/* The sequence that begins there, in its shortest form, no surrogate, no code beyond 10FFFF. */
static bool read_utf8(struct parser *p, struct buf *out)
{
    const uint8_t *at = (const uint8_t *)p->in.data + p->at;
    size_t left = p->in.len - p->at;
    size_t len = *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
    uint8_t low = 0x80; /* what the second byte may be */
    uint8_t high = 0xbf;

    if (*at < 0xc2 || *at > 0xf4 || left < len) {
        return fail(p, "this is not UTF-8");
    }
    low = *at == 0xe0 ? 0xa0 : *at == 0xf0 ? 0x90 : low;
    high = *at == 0xed ? 0x9f : *at == 0xf4 ? 0x8f : high;
    for (size_t i = 1; i < len; i++) {
        if (at[i] < low || at[i] > high) {
            return fail(p, "this is not UTF-8");
        }
        low = 0x80;
        high = 0xbf;
    }
    buf_append(out, at, len);
    p->at += len;
    return true;
}

static bool read_string(struct parser *p, struct buf *out)
{
    if (!take(p, '"')) {
        return fail(p, "a string is missing");
    }
    while (!take(p, '"')) {
        unsigned char byte = (unsigned char)peek(p);

        if (byte < ' ') {
            return fail(p, "a string is not closed, or has a control character");
        }
        if (byte >= 0x80) {
            if (!read_utf8(p, out)) {
                return false;
            }
        } else if (take(p, '\\')) {
            if (!read_escape(p, out)) {
                return false;
            }
        } else {
            buf_append_byte(out, (char)byte);
            p->at++;
        }
    }
    return true;
}

/* ---- other scalars ------------------------------------------------------------------------------- */

static bool read_digits(struct parser *p)
{
    if (!is_digit(peek(p))) {
        return fail(p, "a digit is missing");
    }
    while (is_digit(peek(p))) {
        p->at++;
    }
    return true;
}

static bool read_number(struct parser *p, struct json *out)
{
    size_t start = p->at;

    out->kind = JSON_NUMBER;
    (void)take(p, '-');
    if (!take(p, '0') && !read_digits(p)) {
        return false;
    }
    if (take(p, '.') && !read_digits(p)) {
        return false;
    }
    if (take(p, 'e') || take(p, 'E')) {
        if (!take(p, '+')) {
            (void)take(p, '-');
        }
        if (!read_digits(p)) {
            return false;
        }
    }
    buf_append(&out->text, p->in.data + start, p->at - start);
    return true;
}

static bool read_literal(struct parser *p, struct json *out)
{
    static const struct {
        const char *text;
        enum json_kind kind;
        bool boolean;
    } literals[] = {
        {"null",  JSON_NULL,    false},
        {"true",  JSON_BOOLEAN, true },
        {"false", JSON_BOOLEAN, false},
    };

    for (size_t i = 0; i < ARRAY_COUNT(literals); i++) {
        if (bytes_has_prefix(bytes_from(p->in, p->at), literals[i].text)) {
            out->kind = literals[i].kind;
            out->boolean = literals[i].boolean;
            p->at += strlen(literals[i].text);
            return true;
        }
    }
    return fail(p, "a value is missing");
}

/* ---- arrays and objects ---------------------------------------------------------------------------- */

static bool read_value(struct parser *p, struct json *out);

static struct json_member *add_member(struct json *json)
{
    /* Room doubles: it is full whenever the count is a power of two. */
    if ((json->count & (json->count - 1)) == 0) {
        size_t room = json->count == 0 ? 1 : 2 * json->count;

        json->members = mem_realloc(MEM_TEST, json->members, room * sizeof(*json->members));
    }
    json->members[json->count] = (struct json_member){0};
    return &json->members[json->count++];
}

static bool read_name(struct parser *p, const struct json *json, struct json_member *member)
{
    skip_blanks(p);
    if (!read_string(p, &member->name)) {
        return false;
    }
    for (const struct json_member *other = json->members; other != member; other++) {
        if (bytes_equal(buf_bytes(&other->name), buf_bytes(&member->name))) {
            return fail(p, "a name is there twice");
        }
    }
    skip_blanks(p);
    return take(p, ':') || fail(p, "a colon is missing");
}

static bool read_members(struct parser *p, struct json *out, char end)
{
    skip_blanks(p);
    if (take(p, end)) {
        return true;
    }
    do {
        struct json_member *member = add_member(out);

        if (out->kind == JSON_OBJECT && !read_name(p, out, member)) {
            return false;
        }
        if (!read_value(p, &member->value)) {
            return false;
        }
        skip_blanks(p);
    } while (take(p, ','));
    return take(p, end) || fail(p, "a comma or an end is missing");
}

static bool read_container(struct parser *p, struct json *out)
{
    bool is_array = take(p, '[');
    bool is_read;

    if (!is_array) {
        (void)take(p, '{');
    }
    if (p->depth == JSON_DEPTH_MAX) {
        return fail(p, "nested too deeply");
    }
    out->kind = is_array ? JSON_ARRAY : JSON_OBJECT;
    p->depth++;
    is_read = read_members(p, out, is_array ? ']' : '}');
    p->depth--;
    return is_read;
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static bool read_value(struct parser *p, struct json *out)
{
    skip_blanks(p);
    switch (peek(p)) {
    case '[':
    case '{':
        return read_container(p, out);
    case '"':
        out->kind = JSON_STRING;
        return read_string(p, &out->text);
    default:
        return peek(p) == '-' || is_digit(peek(p)) ? read_number(p, out) : read_literal(p, out);
    }
}

bool json_parse(struct bytes text, struct json *out, struct errmsg *error)
{
    struct parser p = {.in = text};

    *out = (struct json){0};
    if (read_value(&p, out)) {
        skip_blanks(&p);
        if (p.at == text.len) {
            return true;
        }
        (void)fail(&p, "something follows the value");
    }
    ASSERT(p.reason != NULL);
    errmsg_set(error, "at %zu: %s", p.at, p.reason);
    json_deinit(out);
    return false;
}

void json_deinit(struct json *json)
{
    for (size_t i = 0; i < json->count; i++) {
        buf_deinit(&json->members[i].name);
        json_deinit(&json->members[i].value);
    }
    mem_free(MEM_TEST, json->members);
    buf_deinit(&json->text);
    *json = (struct json){0};
}

const struct json *json_member(const struct json *json, const char *name)
{
    for (size_t i = 0; json != NULL && json->kind == JSON_OBJECT && i < json->count; i++) {
        if (bytes_equal_text(buf_bytes(&json->members[i].name), name)) {
            return &json->members[i].value;
        }
    }
    return NULL;
}
