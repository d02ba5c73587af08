/* SPDX-License-Identifier: MIT */
/* A word is expanded into a scratch buffer while its places are noted relative to it; then its
 * header is written and the places are moved behind that. */
#include "cli/bench_request.h"

#include "base/attr.h"

#include <string.h>

static const char digits_mark[] = "__rand_int__";
static const char data_mark[] = "__data__";
static const char tag_mark[] = "{tag}";

void bench_request_deinit(struct bench_request *request)
{
    buf_deinit(&request->bytes);
    VEC_DEINIT(&request->digits_at);
    VEC_DEINIT(&request->tags_at);
}

static void expand(struct bench_request *request, struct buf *out, struct bytes word,
                   struct bytes data, bool uses_tags)
{
    size_t at = 0;

    while (at < word.len) {
        struct bytes rest = bytes_from(word, at);

        if (bytes_has_prefix(rest, digits_mark)) {
            VEC_PUSH(&request->digits_at, out->len);
            buf_append_text(out, "000000000000");
            at += sizeof(digits_mark) - 1;
        } else if (bytes_has_prefix(rest, data_mark)) {
            buf_append_bytes(out, data);
            at += sizeof(data_mark) - 1;
        } else if (bytes_has_prefix(rest, tag_mark)) {
            if (uses_tags) {
                VEC_PUSH(&request->tags_at, out->len + 1);
                buf_append_text(out, "{aaaa}");
            }
            at += sizeof(tag_mark) - 1;
        } else {
            buf_append_byte(out, word.data[at]);
            at++;
        }
    }
}

void bench_request_build(struct bench_request *request, const struct bytes *words,
                         size_t word_count, struct bytes data, bool uses_tags)
{
    struct buf word = {0};

    buf_clear(&request->bytes);
    request->digits_at.count = 0;
    request->tags_at.count = 0;
    buf_printf(&request->bytes, "*%zu\r\n", word_count);
    for (size_t i = 0; i < word_count; i++) {
        size_t first_digits = request->digits_at.count;
        size_t first_tag = request->tags_at.count;

        buf_clear(&word);
        expand(request, &word, words[i], data, uses_tags);
        buf_printf(&request->bytes, "$%zu\r\n", word.len);
        for (size_t j = first_digits; j < request->digits_at.count; j++) {
            request->digits_at.items[j] += request->bytes.len;
        }
        for (size_t j = first_tag; j < request->tags_at.count; j++) {
            request->tags_at.items[j] += request->bytes.len;
        }
        buf_append_bytes(&request->bytes, buf_bytes(&word));
        buf_append_text(&request->bytes, "\r\n");
    }
    buf_deinit(&word);
}

void bench_request_build_raw(struct bench_request *request, struct bytes bytes)
{
    buf_clear(&request->bytes);
    request->digits_at.count = 0;
    request->tags_at.count = 0;
    buf_append_bytes(&request->bytes, bytes);
}

void bench_request_patch(const struct bench_request *request, char *copy, struct rng *rng,
                         uint64_t keyspace, const char *tag)
{
    for (size_t i = 0; keyspace > 0 && i < request->digits_at.count; i++) {
        uint64_t number = rng_below(rng, keyspace);
        char *at = copy + request->digits_at.items[i] + BENCH_DIGITS;

        for (int digit = 0; digit < BENCH_DIGITS; digit++) {
            *--at = (char)('0' + number % 10);
            number /= 10;
        }
    }
    for (size_t i = 0; tag != NULL && i < request->tags_at.count; i++) {
        memcpy(copy + request->tags_at.items[i], tag, BENCH_TAG);
    }
}

void bench_request_patch_hot(const struct bench_request *request, char *copy)
{
    for (size_t i = 0; i < request->digits_at.count; i++) {
        memset(copy + request->digits_at.items[i], '0', BENCH_DIGITS);
    }
    for (size_t i = 0; i < request->tags_at.count; i++) {
        memcpy(copy + request->tags_at.items[i], BENCH_HOT_TAG, BENCH_TAG);
    }
}
