/* SPDX-License-Identifier: MIT */
/* Borrowed bytes: a pointer and a length into memory that somebody else owns.
 *
 * Not terminated, may hold any byte.  A struct bytes is passed by value and never
 * stored beyond the life that its giver promised. */
#ifndef STARLING_BASE_BYTES_H
#define STARLING_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const char *data;
    size_t len;
};

#define BYTES_LITERAL(text) ((struct bytes){.data = (text), .len = sizeof(text) - 1})
/* For printf: "%.*s", BYTES_ARGS(b).  Only for text that is known to be short. */
#define BYTES_ARGS(b) (int)(b).len, (b).data

static inline struct bytes bytes_make(const void *data, size_t len)
{
    return (struct bytes){.data = (const char *)data, .len = len};
}

static inline struct bytes bytes_from_text(const char *text)
{
    return (struct bytes){.data = text, .len = strlen(text)};
}

/* len bytes at both.  Short ones, which keys and names are, are compared in two reads that may
 * overlap instead of a call. */
static inline bool bytes_same(const void *a, const void *b, size_t len)
{
    uint64_t head_a;
    uint64_t head_b;
    uint64_t tail_a;
    uint64_t tail_b;

    if (len < 8 || len > 16) {
        return len == 0 || memcmp(a, b, len) == 0;
    }
    memcpy(&head_a, a, 8);
    memcpy(&head_b, b, 8);
    memcpy(&tail_a, (const char *)a + len - 8, 8);
    memcpy(&tail_b, (const char *)b + len - 8, 8);
    return ((head_a ^ head_b) | (tail_a ^ tail_b)) == 0;
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && bytes_same(a.data, b.data, a.len);
}

/* From start on; start may be anything up to b.len. */
static inline struct bytes bytes_from(struct bytes b, size_t start)
{
    /* Of empty bytes without data, even data + 0 is undefined; compilers fold the test away. */
    return bytes_make(start > 0 ? b.data + start : b.data, b.len - start);
}

static inline struct bytes bytes_prefix(struct bytes b, size_t len)
{
    return bytes_make(b.data, len);
}

/* ASCII case folded; text is a C string. */
bool bytes_equal_nocase(struct bytes b, const char *text);
bool bytes_equal_text(struct bytes b, const char *text);
/* Order of memcmp, a prefix before its extension. */
int bytes_compare(struct bytes a, struct bytes b);
bool bytes_has_prefix(struct bytes b, const char *prefix);
bool bytes_begins_with(struct bytes b, struct bytes beginning);
/* First occurrence, or SIZE_MAX. */
size_t bytes_find_byte(struct bytes b, char byte);
struct bytes bytes_trim(struct bytes b);
/* Cut the next word off *rest at any run of separator bytes; empty when none is left. */
struct bytes bytes_next_word(struct bytes *rest, char separator);
/* Cut what stands before the first separator byte off *rest, and that byte; all of it without one.  Unlike
 * words, fields may be empty. */
struct bytes bytes_next_field(struct bytes *rest, char separator);
/* Compare in time that depends on the lengths only: for secrets. */
bool bytes_equal_constant_time(struct bytes a, struct bytes b);
/* Copy as a C string into out of size bytes, cut when too long. */
void bytes_to_text(struct bytes b, char *out, size_t size);

#endif
