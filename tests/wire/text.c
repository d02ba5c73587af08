/* SPDX-License-Identifier: MIT */
/* Scripts as text: names in braces, words with escapes, replies as they are compared with what was expected. */
#include "tests/wire/script.h"

#include "base/glob.h"

/* {name} becomes the port of the server, {name.bus} its bus port, {name.dir} its folder. */
void script_expand(struct script *script, struct bytes text, struct buf *out)
{
    while (text.len > 0) {
        size_t close = text.data[0] == '{' ? bytes_find_byte(text, '}') : SIZE_MAX;

        if (close != SIZE_MAX && close > 1) {
            struct bytes name = bytes_prefix(bytes_from(text, 1), close - 1);
            size_t dot = bytes_find_byte(name, '.');
            struct named_server *s =
                script_find_server(script, bytes_prefix(name, dot < name.len ? dot : name.len));

            if (s != NULL) {
                struct bytes part = dot < name.len ? bytes_from(name, dot + 1) : (struct bytes){0};

                if (bytes_equal_text(part, "dir")) {
                    buf_append_text(out, s->server.dir);
                } else {
                    buf_append_i64(out,
                                   s->server.port + (bytes_equal_text(part, "bus") ? 10000 : 0));
                }
                text = bytes_from(text, close + 1);
                continue;
            }
        }
        buf_append_byte(out, text.data[0]);
        text = bytes_from(text, 1);
    }
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One escape of a quoted word; *at stands behind the backslash. */
static void unescape(struct bytes line, size_t *at, struct buf *out)
{
    char c = line.data[*at];

    if (c == 'x' && *at + 2 < line.len && hex_digit(line.data[*at + 1]) >= 0 &&
        hex_digit(line.data[*at + 2]) >= 0) {
        buf_append_byte(out,
                        (char)(hex_digit(line.data[*at + 1]) * 16 + hex_digit(line.data[*at + 2])));
        *at += 3;
        return;
    }
    buf_append_byte(out, c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c);
    (*at)++;
}

/* Words of a line, quoted ones unescaped; the bytes live in storage. */
size_t script_split_words(struct bytes line, struct buf storage[WORDS_MAX],
                          struct bytes words[WORDS_MAX])
{
    size_t count = 0;
    size_t at = 0;

    while (count < WORDS_MAX) {
        bool is_quoted;

        while (at < line.len && line.data[at] == ' ') {
            at++;
        }
        if (at >= line.len) {
            break;
        }
        is_quoted = line.data[at] == '"';
        at += is_quoted ? 1 : 0;
        while (at < line.len && line.data[at] != (is_quoted ? '"' : ' ')) {
            if (is_quoted && line.data[at] == '\\' && at + 1 < line.len) {
                at++;
                unescape(line, &at, &storage[count]);
            } else {
                buf_append_byte(&storage[count], line.data[at++]);
            }
        }
        at += is_quoted ? 1 : 0;
        words[count] = buf_bytes(&storage[count]);
        count++;
    }
    return count;
}

void script_free_words(struct buf storage[WORDS_MAX])
{
    for (int i = 0; i < WORDS_MAX; i++) {
        buf_deinit(&storage[i]);
    }
}

void script_render(const struct resp_value *value, struct buf *out)
{
    switch (value->type) {
    case RESP_SIMPLE:
        buf_append_byte(out, '+');
        buf_append_bytes(out, resp_value_bytes(value));
        break;
    case RESP_FAILURE:
        buf_append_byte(out, '-');
        buf_append_bytes(out, resp_value_bytes(value));
        break;
    case RESP_INTEGER:
    case RESP_BOOLEAN:
        buf_printf(out, ":%lld", (long long)value->integer);
        break;
    case RESP_NULL:
        buf_append_text(out, "(nil)");
        break;
    case RESP_DOUBLE:
        buf_printf(out, "%.17g", value->number);
        break;
    case RESP_BULK:
    case RESP_VERBATIM:
    case RESP_BIG_NUMBER:
        buf_append_bytes(out, resp_value_bytes(value));
        break;
    case RESP_ARRAY:
    case RESP_MAP:
    case RESP_SET:
    case RESP_PUSH:
        buf_append_byte(out, '[');
        for (size_t i = 0; i < value->child_count; i++) {
            if (i > 0) {
                buf_append_byte(out, ' ');
            }
            script_render(&value->children[i], out);
        }
        buf_append_byte(out, ']');
        break;
    }
}

/* Split "NAME> REQUEST < EXPECTED"; the expectation may be missing. */
void script_split_expectation(struct bytes line, struct bytes *request, struct bytes *expected)
{
    *expected = (struct bytes){0};
    *request = line;
    for (size_t i = 0; i + 2 < line.len; i++) {
        if (line.data[i] == ' ' && line.data[i + 1] == '<' && line.data[i + 2] == ' ') {
            *request = bytes_trim(bytes_prefix(line, i));
            *expected = bytes_trim(bytes_from(line, i + 3));
        }
    }
}

bool script_matches(struct script *script, struct bytes expected, struct bytes reply)
{
    struct buf pattern = {0};
    bool is_match;

    if (expected.len >= 2 && expected.data[0] == '"' && expected.data[expected.len - 1] == '"') {
        expected = bytes_prefix(bytes_from(expected, 1), expected.len - 2);
    }
    script_expand(script, expected, &pattern);
    /* Brackets are classes to a glob; here they are arrays. */
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.data[i] == '[') {
            pattern.data[i] = '?';
        }
    }
    is_match = glob_match(buf_bytes(&pattern), reply);
    buf_deinit(&pattern);
    return is_match;
}
