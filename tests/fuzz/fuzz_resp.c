/* SPDX-License-Identifier: MIT */
/* Requests and reply values: whatever the bytes, reading them in pieces gives the same as
 * reading them whole, and nothing outside them is touched.
 *
 * Input: one byte of choices, one byte that seeds the places of the cuts, then the stream. */
#include "tests/fuzz/fuzz.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "resp/request.h"
#include "resp/value.h"

#include <stdlib.h>

enum choices {
    SMALL_LIMITS = 1 << 0,
    STRANGER = 1 << 1,
};

static const struct resp_limits usual = {.max_args = 1024 * 1024,
                                         .max_bulk_bytes = 512 * 1024 * 1024,
                                         .max_inline_bytes = 64 * 1024,
                                         .max_depth = 32};
static const struct resp_limits small = {
    .max_args = 4, .max_bulk_bytes = 20, .max_inline_bytes = 24, .max_depth = 3};

/* What reading a stream came to. */
struct outcome {
    enum resp_status status;
    struct errmsg error;
    uint64_t requests;
    uint64_t sum; /* of all words, in order */
    size_t consumed;
};

/* A copy of exactly the bytes, so that a sanitizer sees any byte read beyond them. */
static struct bytes copy_of(struct bytes b)
{
    char *copy = malloc(b.len > 0 ? b.len : 1);

    ASSERT(copy != NULL);
    if (b.len > 0) {
        memcpy(copy, b.data, b.len);
    }
    return bytes_make(copy, b.len);
}

static void free_copy(struct bytes copy)
{
    char *data;

    memcpy(&data, &copy.data, sizeof(data));
    free(data);
}

static void note_request(struct outcome *o, const struct resp_words *words,
                         const struct resp_request *request, size_t available)
{
    ASSERT(request->raw.len > 0 && request->raw.len <= available);
    for (size_t i = 0; i < request->word_count; i++) {
        o->sum = hash_bytes(words->items[request->first_word + i], o->sum + 1);
    }
    o->sum = hash_bytes((struct bytes){0}, o->sum);
    o->requests++;
    o->consumed += request->raw.len;
}

/* Read the stream as it grows by up to step bytes at a time. */
static struct outcome read_requests(struct bytes in, const struct resp_limits *limits, size_t step,
                                    uint64_t seed)
{
    struct outcome o = {.status = RESP_MORE};
    struct resp_reader reader = {0};
    struct resp_words words = {0};
    struct rng rng;
    size_t end = 0;

    rng_init(&rng, seed);
    while (o.status == RESP_MORE && (end < in.len || in.len == 0)) {
        size_t left = in.len - end;
        size_t grow = left > 0 ? 1 + rng_below(&rng, step < left ? step : left) : 0;
        struct bytes piece;

        end += grow;
        piece = copy_of(bytes_make(in.data + o.consumed, end - o.consumed));
        for (size_t at = 0;;) {
            struct resp_request request;

            o.status = resp_read_request(&reader, bytes_from(piece, at), limits, &words, &request,
                                         &o.error);
            if (o.status != RESP_OK) {
                break;
            }
            note_request(&o, &words, &request, piece.len - at);
            at += request.raw.len;
        }
        resp_reader_recycle(&reader);
        words.count = 0;
        free_copy(piece);
        if (in.len == 0) {
            break;
        }
    }
    resp_reader_deinit(&reader);
    VEC_DEINIT(&words);
    return o;
}

static void check_requests(struct bytes in, const struct resp_limits *limits, uint64_t seed)
{
    struct outcome whole = read_requests(in, limits, SIZE_MAX, 0);

    for (size_t step = 1; step <= 16; step *= 4) {
        struct outcome pieces = read_requests(in, limits, step, seed);

        ASSERT(pieces.status == whole.status);
        ASSERT(pieces.requests == whole.requests && pieces.sum == whole.sum);
        ASSERT(pieces.consumed == whole.consumed);
        ASSERT(strcmp(pieces.error.text, whole.error.text) == 0);
    }
}

static enum resp_status read_value(struct bytes in, const struct resp_limits *limits,
                                   size_t *consumed)
{
    struct bytes copy = copy_of(in);
    struct resp_value value;
    struct errmsg error = {0};
    enum resp_status status = resp_value_read(copy, limits, &value, consumed, &error);

    free_copy(copy); /* the value owns what it holds */
    (void)resp_value_find(&value, "key");
    ASSERT((status == RESP_ERROR) == (error.text[0] != '\0'));
    resp_value_deinit(&value);
    return status;
}

static void check_values(struct bytes in, const struct resp_limits *limits, uint64_t seed)
{
    struct resp_value_scan scan = {0};
    enum resp_status scanned = RESP_MORE;
    size_t whole_consumed;
    enum resp_status whole = read_value(in, limits, &whole_consumed);
    struct rng rng;

    rng_init(&rng, seed);
    for (size_t end = 0; scanned == RESP_MORE;) {
        struct bytes prefix = bytes_prefix(in, end);
        size_t consumed;
        enum resp_status part = read_value(prefix, limits, &consumed);

        scanned = resp_value_scan(&scan, prefix, limits, NULL);
        ASSERT(part == RESP_MORE || (part == whole && consumed == whole_consumed));
        ASSERT(scanned != RESP_OK || (scan.at <= end && part != RESP_MORE));
        ASSERT(scanned != RESP_OK || part != RESP_OK || scan.at == consumed);
        ASSERT(scanned != RESP_ERROR || part == RESP_ERROR);
        ASSERT(scanned != RESP_MORE || part != RESP_OK);
        if (end == in.len) {
            break;
        }
        end += 1 + rng_below(&rng, 1 + (in.len - end) / 8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resp_limits limits = usual;
    struct bytes in;

    if (size < 2) {
        return 0;
    }
    if ((data[0] & SMALL_LIMITS) != 0) {
        limits = small;
    }
    limits.is_unauthenticated = (data[0] & STRANGER) != 0;
    in = bytes_make(data + 2, size - 2);
    check_requests(in, &limits, data[1]);
    check_values(in, &limits, data[1]);
    ASSERT(mem_used_total() == 0);
    return 0;
}
