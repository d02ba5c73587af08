/* SPDX-License-Identifier: MIT */
#include "node/alike.h"

#include "base/attr.h"
#include "base/buf.h"
#include "base/rng.h"
#include "resp/writer.h"
#include "spec/command_index.h"

#include "tests/unit/seed.h"

enum {
    ROUNDS = 200000,
};

/* What is read in the usual way, and as one that looks like another before. */
struct reading {
    struct command_index index;
    struct alike alike;
    struct resp_words words;
    struct request request;
    struct resp_words usual_words;
    struct request usual;
};

static void setup_reading(struct reading *r)
{
    *r = (struct reading){0};
    command_index_init(&r->index);
}

static void end_reading(struct reading *r)
{
    VEC_DEINIT(&r->words);
    VEC_DEINIT(&r->usual_words);
    command_index_deinit(&r->index);
}

/* The usual way; what was read is remembered. */
static bool read_usually(struct reading *r, struct bytes in)
{
    struct resp_reader reader = {0};
    struct errmsg error;
    enum resp_status status;

    r->usual_words.count = 0;
    status = resp_read_request(&reader, in, &RESP_LIMITS_DEFAULT, &r->usual_words, &r->usual.read,
                               &error);
    if (status == RESP_OK && r->usual.read.word_count > 0 && !r->usual.read.is_inline) {
        r->usual.spec = command_index_find(&r->index, r->usual_words.items[0]);
        alike_note(&r->alike, in, &r->usual_words, &r->usual);
    }
    resp_reader_deinit(&reader);
    return status == RESP_OK;
}

static bool read_alike(struct reading *r, struct bytes in)
{
    r->words.count = 0;
    return alike_read(&r->alike, in, &r->words, &r->request);
}

static bool is_the_same(const struct reading *r)
{
    bool is_same = r->request.spec == r->usual.spec &&
                   r->request.read.word_count == r->usual.read.word_count &&
                   r->request.read.raw.len == r->usual.read.raw.len;

    for (size_t i = 0; i < r->words.count && is_same; i++) {
        is_same = r->words.items[i].data == r->usual_words.items[i].data &&
                  r->words.items[i].len == r->usual_words.items[i].len;
    }
    return is_same;
}

Test(alike, a_request_like_one_before_is_read_from_its_front)
{
    struct bytes first = BYTES_LITERAL("*2\r\n$3\r\nGET\r\n$5\r\nkey:1\r\n");
    struct bytes second = BYTES_LITERAL("*2\r\n$3\r\nGET\r\n$5\r\nother\r\n");
    struct reading r;

    setup_reading(&r);
    cr_assert(!read_alike(&r, second), "nothing is known yet");
    cr_assert(read_usually(&r, first));
    cr_assert(read_alike(&r, second));
    cr_assert_eq(r.request.spec->id, COMMAND_GET);
    cr_assert(bytes_equal_text(r.words.items[1], "other"));
    cr_assert_eq(r.request.read.raw.len, second.len);
    end_reading(&r);
}

Test(alike, words_behind_the_second_may_have_any_length)
{
    struct bytes first = BYTES_LITERAL("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1\r\n1\r\n");
    struct bytes second =
        BYTES_LITERAL("*3\r\n$3\r\nSET\r\n$3\r\nkex\r\n$12\r\nlonger value\r\nmore");
    struct reading r;

    setup_reading(&r);
    cr_assert(read_usually(&r, first));
    cr_assert(read_alike(&r, second));
    cr_assert_eq(r.words.count, 3);
    cr_assert(bytes_equal_text(r.words.items[2], "longer value"));
    cr_assert_eq(r.request.read.raw.len, second.len - 4);
    end_reading(&r);
}

Test(alike, a_request_that_is_not_there_as_a_whole_is_left_to_the_reader)
{
    struct bytes whole = BYTES_LITERAL("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n");
    struct reading r;

    setup_reading(&r);
    cr_assert(read_usually(&r, whole));
    for (size_t len = 0; len < whole.len; len++) {
        cr_assert(!read_alike(&r, bytes_prefix(whole, len)), "%zu bytes", len);
        cr_assert_eq(r.words.count, 0);
    }
    cr_assert(read_alike(&r, whole));
    end_reading(&r);
}

Test(alike, a_short_request_is_one_too)
{
    struct bytes in = BYTES_LITERAL("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    struct reading r;

    setup_reading(&r);
    cr_assert(read_usually(&r, in));
    cr_assert(read_alike(&r, in));
    cr_assert_eq(r.words.count, 2);
    end_reading(&r);
}

Test(alike, what_is_no_command_stays_none)
{
    struct bytes in = BYTES_LITERAL("*2\r\n$3\r\nGOT\r\n$5\r\nkey:1\r\n");
    struct reading r;

    setup_reading(&r);
    cr_assert(read_usually(&r, in));
    cr_assert(read_alike(&r, in));
    cr_assert_null(r.request.spec);
    end_reading(&r);
}

static void append_random_request(struct rng *rng, struct buf *out)
{
    static const char *const names[] = {"GET", "get",  "SET",    "MGET", "G",         "GETRANGE",
                                        "DEL", "INCR", "EXISTS", "Get",  "NOSUCHCMD", "PING"};
    struct bytes words[12];
    bool is_usual = rng_below(rng, 2) == 0;
    size_t count = is_usual ? 2 + rng_below(rng, 2) : 1 + rng_below(rng, ARRAY_COUNT(words));
    static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz\r\n$*0123456789abcdefghijklmno"
                               "pqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefg";

    words[0] = bytes_from_text(names[rng_below(rng, is_usual ? 3 : ARRAY_COUNT(names))]);
    for (size_t i = 1; i < count; i++) {
        size_t len =
            is_usual ? 5 + rng_below(rng, 2) : rng_below(rng, rng_below(rng, 8) == 0 ? 120 : 8);

        words[i] = bytes_make(text + rng_below(rng, 8), len);
    }
    resp_write_request(out, words, count);
}

/* Whole requests, torn ones, and such with a byte changed: whatever is read from a front is what the
 * reader would have said. */
Test(alike, what_is_read_from_a_front_is_what_the_reader_says)
{
    uint64_t seed = seed_get();
    uint64_t read_count = 0;
    struct buf in = {0};
    struct reading r;
    struct rng rng;

    setup_reading(&r);
    rng_init(&rng, seed);
    for (int i = 0; i < ROUNDS; i++) {
        bool is_alike;

        buf_clear(&in);
        append_random_request(&rng, &in);
        if (rng_below(&rng, 4) == 0) {
            in.data[rng_below(&rng, in.len)] = "0123456789$*\r\n\0x"[rng_below(&rng, 16)];
        }
        if (rng_below(&rng, 4) == 0) {
            append_random_request(&rng, &in);
        }
        if (rng_below(&rng, 8) == 0) {
            in.len = rng_below(&rng, in.len) + 1;
        }
        is_alike = read_alike(&r, buf_bytes(&in));
        if (is_alike) {
            read_count++;
            SEED_ASSERT(read_usually(&r, buf_bytes(&in)), seed);
            SEED_ASSERT(is_the_same(&r), seed);
        } else {
            (void)read_usually(&r, buf_bytes(&in));
        }
    }
    SEED_ASSERT(read_count > ROUNDS / 100, seed);
    buf_deinit(&in);
    end_reading(&r);
}
