/* SPDX-License-Identifier: MIT */
/* The id of a history: which stream of changes an offset counts in.
 *
 * Forty letters and digits, or empty for "none", which is what all-zero is.  Ours are lower-case hex
 * digits, those of other servers what they send.
 *
 * Invariants:  (1) text is terminated, and nothing but zeros follows its end
 * Plain value: copied, never shared. */
#ifndef STARLING_BASE_HISTORY_H
#define STARLING_BASE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"

struct rng;

enum {
    HISTORY_ID_LEN = 40
};

struct history_id {
    char text[HISTORY_ID_LEN + 1];
};

static inline bool history_id_is_empty(const struct history_id *id)
{
    return id->text[0] == '\0';
}

/* Two that are empty are equal. */
static inline bool history_id_equal(const struct history_id *a, const struct history_id *b)
{
    return memcmp(a->text, b->text, sizeof(a->text)) == 0;
}

/* A number that tells it from others as good as surely, for where 41 bytes are too many. */
static inline uint64_t history_mark(const struct history_id *id)
{
    uint64_t first;
    uint64_t second;

    memcpy(&first, id->text, sizeof(first));
    memcpy(&second, id->text + sizeof(first), sizeof(second));
    return first * UINT64_C(0x9e3779b97f4a7c15) + second;
}

/* Is it the id that text names?  An empty id is named by nothing. */
bool history_id_is(const struct history_id *id, struct bytes text);
/* False, and *out untouched, unless text is forty letters and digits. */
MUST_USE bool history_id_parse(struct bytes text, struct history_id *out);
/* The same, but one to forty of them: what our own files may hold. */
MUST_USE bool history_id_parse_any(struct bytes text, struct history_id *out);
/* A new one, drawn at random. */
struct history_id history_id_make(struct rng *rng);

#endif
