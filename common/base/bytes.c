/* SPDX-License-Identifier: MIT */
/* Comparison, search and cutting of borrowed bytes. */
#include "base/bytes.h"

#include "base/assert.h"

#include <stdint.h>

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool bytes_equal_nocase(struct bytes b, const char *text)
{
    size_t i = 0;

    for (; i < b.len && text[i] != '\0'; i++) {
        if (fold(b.data[i]) != fold(text[i])) {
            return false;
        }
    }
    return i == b.len && text[i] == '\0';
}

bool bytes_equal_text(struct bytes b, const char *text)
{
    return bytes_equal(b, bytes_from_text(text));
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

bool bytes_has_prefix(struct bytes b, const char *prefix)
{
    return bytes_begins_with(b, bytes_from_text(prefix));
}

bool bytes_begins_with(struct bytes b, struct bytes beginning)
{
    return b.len >= beginning.len && bytes_equal(bytes_prefix(b, beginning.len), beginning);
}

size_t bytes_find_byte(struct bytes b, char byte)
{
    const char *found = b.len > 0 ? memchr(b.data, byte, b.len) : NULL;

    return found != NULL ? (size_t)(found - b.data) : SIZE_MAX;
}

struct bytes bytes_trim(struct bytes b)
{
    while (b.len > 0 && is_space(b.data[0])) {
        b = bytes_from(b, 1);
    }
    while (b.len > 0 && is_space(b.data[b.len - 1])) {
        b.len--;
    }
    return b;
}

struct bytes bytes_next_word(struct bytes *rest, char separator)
{
    struct bytes word;
    size_t end;

    while (rest->len > 0 && rest->data[0] == separator) {
        *rest = bytes_from(*rest, 1);
    }
    end = bytes_find_byte(*rest, separator);
    word = bytes_prefix(*rest, end < rest->len ? end : rest->len);
    *rest = bytes_from(*rest, word.len);
    return word;
}

struct bytes bytes_next_field(struct bytes *rest, char separator)
{
    size_t end = bytes_find_byte(*rest, separator);
    struct bytes field = bytes_prefix(*rest, end < rest->len ? end : rest->len);

    *rest = bytes_from(*rest, field.len < rest->len ? field.len + 1 : field.len);
    return field;
}

bool bytes_equal_constant_time(struct bytes a, struct bytes b)
{
    unsigned difference = a.len != b.len;

    for (size_t i = 0; i < a.len && i < b.len; i++) {
        difference |= (unsigned)(unsigned char)(a.data[i] ^ b.data[i]);
    }
    return difference == 0;
}

void bytes_to_text(struct bytes b, char *out, size_t size)
{
    size_t len;

    ASSERT(size > 0);
    len = b.len < size - 1 ? b.len : size - 1;
    if (len > 0) {
        memcpy(out, b.data, len);
    }
    out[len] = '\0';
}
