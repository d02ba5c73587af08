/* SPDX-License-Identifier: MIT */
/* Words of the commands that name fields by FIELDS n field ..., with options on either side, and their
 * effects.
 *
 * Times are in unix ms, at most HASH_TIME_MAX. */
#ifndef STARLING_COMMAND_HASH_FIELDS_H
#define STARLING_COMMAND_HASH_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "command/exec.h"
#include "command/expiry.h"

#define HASH_TIME_MAX ((INT64_C(1) << 46) - 1)

enum hash_condition {
    HASH_KEY_NX = 1 << 0, /* of HSETEX: only when there is no such key, or one; */
    HASH_KEY_XX = 1 << 1,
    HASH_FIELDS_NX = 1 << 2, /* when none of the fields is there, or all are */
    HASH_FIELDS_XX = 1 << 3,
    HASH_TIME_NX = 1 << 4, /* of HEXPIRE: of fields without an expiry, with one, */
    HASH_TIME_XX = 1 << 5,
    HASH_TIME_GT = 1 << 6, /* with an earlier one, a later one */
    HASH_TIME_LT = 1 << 7,
};

struct hash_request {
    size_t first; /* argument: the first field */
    size_t count; /* of fields */
    uint32_t conditions;
    enum expiry_kind kind;
    int64_t when_ms; /* 0: kind has no time */
};

/* FIELDS n field ... and nothing else from argument 2 on; false after an error reply. */
MUST_USE bool hash_read_fields(struct exec *x, struct hash_request *out);

/* An option at *index, which is moved behind it; false after an error reply. */
typedef bool hash_option_fn(struct exec *x, size_t *index, struct hash_request *out);

struct hash_syntax {
    size_t from;  /* the first argument that may be an option or FIELDS */
    size_t width; /* words of a field */
    const char *count_error;
    hash_option_fn *option;
};

/* Options and FIELDS n field ... in any order; false after an error reply. */
MUST_USE bool hash_read_request(struct exec *x, const struct hash_syntax *syntax,
                                struct hash_request *out);
void reply_unknown_argument(struct exec *x, size_t index);
/* The number of the argument as a point in time; false after an error reply. */
MUST_USE bool hash_read_time(struct exec *x, size_t index, enum expiry_kind kind, int64_t *out_ms);
/* Is what expires then to go at once?  Only a primary removes. */
bool hash_is_past(const struct exec *x, int64_t when_ms);

/* ---- effects --------------------------------------------------------------------------------------- */

typedef VEC(struct bytes) hash_words;

/* HDEL key field ...; nothing when there are no fields.  The words are given back. */
void effect_hdel(struct exec *x, hash_words *fields_take);
/* HSET key field value ...; the same. */
void effect_hset(struct exec *x, hash_words *fields_take);
/* The words of head, FIELDS, the number of fields, then the fields, each of width words; the same. */
void effect_fields(struct exec *x, const struct bytes *head, size_t head_count, size_t width,
                   hash_words *fields_take);
/* HPEXPIREAT key ms FIELDS n field ... */
void effect_hpexpireat(struct exec *x, int64_t when_ms, hash_words *fields_take);

#endif
