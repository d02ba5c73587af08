/* SPDX-License-Identifier: MIT */
/* The bytes of one benchmark request, prepared once: later only random digits and hash tags are
 * patched in place. */
#ifndef STARLING_CLI_BENCH_REQUEST_H
#define STARLING_CLI_BENCH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/rng.h"
#include "base/vec.h"

enum {
    BENCH_DIGITS = 12, /* of a random number */
    BENCH_TAG = 4,     /* letters of a hash tag, without its braces */
};

/* The tag of the one key that takes a share of the requests; its digits are zeros. */
#define BENCH_HOT_TAG "star"

/* Owns its bytes; all-zero is empty. */
struct bench_request {
    struct buf bytes;
    VEC(size_t) digits_at; /* where BENCH_DIGITS digits stand */
    VEC(size_t) tags_at;   /* where BENCH_TAG letters stand */
};

void bench_request_deinit(struct bench_request *request);
/* Out of words with __rand_int__, __data__ and {tag} in them; without uses_tags the latter is
 * left out. */
void bench_request_build(struct bench_request *request, const struct bytes *words,
                         size_t word_count, struct bytes data, bool uses_tags);
/* Bytes as they are: an inline command. */
void bench_request_build_raw(struct bench_request *request, struct bytes bytes);
/* Patch a copy of the request: other digits below keyspace (0: leave them), another tag (NULL:
 * leave it). */
void bench_request_patch(const struct bench_request *request, char *copy, struct rng *rng,
                         uint64_t keyspace, const char *tag);
/* Make the copy a request of the one key, whatever it was before. */
void bench_request_patch_hot(const struct bench_request *request, char *copy);

/* Bytes of the whole reply in front of in: 0 when more must come, SIZE_MAX when it needs the
 * general reader.  Simple strings, errors, integers and bulk strings only. */
static inline size_t bench_reply_len(struct bytes in)
{
    const char *end;
    size_t len = 0;
    const char *at;

    if (in.len < 3) {
        return 0;
    }
    if (in.data[0] != '+' && in.data[0] != '-' && in.data[0] != ':' && in.data[0] != '$') {
        return SIZE_MAX;
    }
    end = memchr(in.data, '\n', in.len);
    if (end == NULL) {
        return 0;
    }
    if (in.data[0] != '$' || in.data[1] == '-') {
        return (size_t)(end - in.data) + 1;
    }
    for (at = in.data + 1; *at >= '0' && *at <= '9' && at - in.data < 11; at++) {
        len = len * 10 + (size_t)(*at - '0');
    }
    if (*at != '\r') {
        return SIZE_MAX;
    }
    len += (size_t)(end - in.data) + 3;
    return len <= in.len ? len : 0;
}

#endif
