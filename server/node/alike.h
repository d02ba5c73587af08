/* SPDX-License-Identifier: MIT */
/* Requests that look alike.  A client sends the same command with keys of the same length again and again,
 * and so do its neighbours: the front of such a request, up to its second word, is the same bytes.
 *
 *     *3\r\n$3\r\nSET\r\n$16\r\nkey:000000000042\r\n$3\r\nabc\r\n
 *     |<--- front, 18 bytes --->|
 *
 * What was read and looked up once is remembered by these bytes, so that it need not be parsed again.
 *
 * Invariants:  (1) a place holds what resp_read_request and command_index_find said of its front
 *              (2) fronts are at least ALIKE_MIN and at most ALIKE_MAX bytes, so that three words of eight
 *                  bytes cover them
 * All-zero is empty.  For one command index, which does not change meanwhile. */
#ifndef STARLING_NODE_ALIKE_H
#define STARLING_NODE_ALIKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/vec.h"
#include "node/request.h"
#include "resp/request.h"

enum {
    ALIKE_MIN = 16,
    ALIKE_MAX = 24,
    ALIKE_BITS = 4,
    ALIKE_PLACES = 1 << ALIKE_BITS,
};

struct alike_front {
    uint64_t text[3]; /* bytes 0 to 7, 8 to 15, and the last eight, as the machine reads them */
    uint32_t len;     /* 0: nothing is remembered */
    uint16_t name_len;
    uint16_t word_len; /* of the second word, which follows the front */
    uint32_t word_count;
    const struct command_spec *spec;
};

struct alike {
    struct alike_front fronts[ALIKE_PLACES];
};

/* The request r at the front of in was read and looked up: remember it, if it is short enough. */
void alike_note(struct alike *alike, struct bytes in, const struct resp_words *words,
                const struct request *r);

static inline uint64_t alike_eight(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline size_t alike_place(uint64_t second)
{
    return (size_t)((second * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - ALIKE_BITS));
}

/* Read the request at the front of in as one that looks like another before: its words are appended, and
 * read and spec of r are filled in.  False when it does not, or is not there as a whole. */
static inline bool alike_read(const struct alike *alike, struct bytes in, struct resp_words *words,
                              struct request *r)
{
    const struct alike_front *front;
    struct bytes *word;
    size_t end;
    uint64_t second;

    if (UNLIKELY(in.len < ALIKE_MIN)) {
        return false;
    }
    second = alike_eight(in.data + 8);
    front = &alike->fronts[alike_place(second)];
    end = front->len + (size_t)front->word_len + 2;
    if (UNLIKELY(front->text[1] != second || front->len == 0 || in.len < end ||
                 front->text[0] != alike_eight(in.data) ||
                 front->text[2] != alike_eight(in.data + front->len - 8) ||
                 in.data[end - 2] != '\r' || in.data[end - 1] != '\n')) {
        return false;
    }
    VEC_RESERVE(words, front->word_count);
    word = words->items + words->count;
    word[0] = bytes_make(in.data + 8, front->name_len);
    word[1] = bytes_make(in.data + front->len, front->word_len);
    if (front->word_count > 2) {
        size_t rest = resp_read_words(bytes_from(in, end), word + 2, front->word_count - 2);

        if (UNLIKELY(rest == 0)) {
            return false;
        }
        end += rest;
    }
    r->read.first_word = words->count;
    r->read.word_count = front->word_count;
    r->read.raw = bytes_prefix(in, end);
    r->read.is_inline = false;
    r->spec = front->spec;
    words->count += front->word_count;
    return true;
}

#endif
