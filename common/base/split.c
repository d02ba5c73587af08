/* SPDX-License-Identifier: MIT */
/* Words are unescaped one after the other into one buffer; their places become pointers once it
 * no longer grows. */
#include "base/split.h"

#include <ctype.h>
#include <string.h>

void split_deinit(struct split *split)
{
    VEC_DEINIT(&split->words);
    VEC_DEINIT(&split->ends);
    buf_deinit(&split->text);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return c;
    }
}

/* at is behind the opening quote; returns the index behind the closing one, 0 when there is
 * none. */
static size_t take_quoted(struct buf *out, struct bytes line, size_t at, char quote)
{
    while (at < line.len) {
        char c = line.data[at];
        char next = at + 1 < line.len ? line.data[at + 1] : '\0';

        if (c == quote) {
            bool is_end = at + 1 == line.len || isspace((unsigned char)next) != 0;

            return is_end ? at + 1 : 0;
        }
        if (c == '\\' && quote == '"' && at + 1 < line.len) {
            if (next == 'x' && line.len - at > 3 && hex_value(line.data[at + 2]) >= 0 &&
                hex_value(line.data[at + 3]) >= 0) {
                c = (char)(hex_value(line.data[at + 2]) * 16 + hex_value(line.data[at + 3]));
                at += 4;
            } else {
                c = unescape(next);
                at += 2;
            }
        } else if (c == '\\' && quote == '\'' && next == '\'') {
            c = '\'';
            at += 2;
        } else {
            at++;
        }
        buf_append_byte(out, c);
    }
    return 0;
}

static size_t take_word(struct buf *out, struct bytes line, size_t at)
{
    while (at < line.len && isspace((unsigned char)line.data[at]) == 0) {
        char c = line.data[at];

        if (c == '"' || c == '\'') {
            return take_quoted(out, line, at + 1, c);
        }
        buf_append_byte(out, c);
        at++;
    }
    return at;
}

bool split_line(struct split *split, struct bytes line)
{
    size_t at = 0;
    size_t start = 0;

    split->words.count = 0;
    split->ends.count = 0;
    buf_clear(&split->text);
    for (;;) {
        while (at < line.len && isspace((unsigned char)line.data[at]) != 0) {
            at++;
        }
        if (at == line.len) {
            break;
        }
        at = take_word(&split->text, line, at);
        if (at == 0) {
            return false;
        }
        VEC_PUSH(&split->ends, split->text.len);
    }
    (void)buf_reserve(&split->text, 1); /* so that even empty words have an address */
    for (size_t i = 0; i < split->ends.count; i++) {
        VEC_PUSH(&split->words, bytes_make(split->text.data + start, split->ends.items[i] - start));
        start = split->ends.items[i];
    }
    return true;
}

static bool is_plain(struct bytes word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.data[i];

        if (c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\') {
            return false;
        }
    }
    return word.len > 0;
}

void split_append_quoted(struct buf *out, struct bytes word)
{
    static const char named[] = "\n\r\t\b\a\"\\";
    static const char names[] = "nrtba\"\\";

    buf_append_byte(out, '"');
    for (size_t i = 0; i < word.len; i++) {
        char c = word.data[i];
        const char *found = c != '\0' ? strchr(named, c) : NULL;

        if (found != NULL) {
            buf_append_byte(out, '\\');
            buf_append_byte(out, names[found - named]);
        } else if (c < ' ' || c > '~') {
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)c);
        } else {
            buf_append_byte(out, c);
        }
    }
    buf_append_byte(out, '"');
}

void split_append_word(struct buf *out, struct bytes word)
{
    if (is_plain(word)) {
        buf_append_bytes(out, word);
    } else {
        split_append_quoted(out, word);
    }
}
