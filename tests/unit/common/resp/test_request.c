/* SPDX-License-Identifier: MIT */
/* resp/request. */
#include "resp/request.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "resp/writer.h"

#include "tests/unit/seed.h"

#include <stdio.h>

static const struct resp_limits usual = {.max_args = 1024 * 1024,
                                         .max_bulk_bytes = 512 * 1024 * 1024,
                                         .max_inline_bytes = 64 * 1024,
                                         .max_depth = 32};

struct reading {
    struct resp_reader reader;
    struct resp_words words;
    struct resp_request request;
    struct errmsg error;
};

static enum resp_status read_in(struct reading *r, struct bytes in)
{
    return resp_read_request(&r->reader, in, &usual, &r->words, &r->request, &r->error);
}

static void finish(struct reading *r)
{
    resp_reader_deinit(&r->reader);
    VEC_DEINIT(&r->words);
    cr_assert_eq(mem_used(MEM_BUFFER), 0, "the reader gave everything back");
}

static bool word_is(const struct reading *r, size_t index, struct bytes expected)
{
    cr_assert_lt(index, r->request.word_count);
    return bytes_equal(r->words.items[r->request.first_word + index], expected);
}

Test(request, an_array_of_bulk_strings_is_words_within_the_input)
{
    static const char in[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n\0x\r\nrest";
    struct reading r = {0};

    cr_assert_eq(read_in(&r, BYTES_LITERAL(in)), RESP_OK);
    cr_assert_eq(r.request.word_count, 3);
    cr_assert(word_is(&r, 0, BYTES_LITERAL("SET")) && word_is(&r, 1, BYTES_LITERAL("k")));
    cr_assert(word_is(&r, 2, BYTES_LITERAL("\r\n\0x")));
    cr_assert_eq(r.words.items[1].data, in + 17, "borrowed, not copied");
    cr_assert_eq(r.request.raw.len, sizeof(in) - 1 - 4);
    cr_assert(!r.request.is_inline);
    finish(&r);
}

Test(request, a_pipeline_is_split_one_by_one_into_the_same_words)
{
    struct bytes in = BYTES_LITERAL("*1\r\n$4\r\nPING\r\nGET a\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n");
    struct reading r = {0};

    for (size_t first = 0; in.len > 0; first = r.words.count) {
        cr_assert_eq(read_in(&r, in), RESP_OK);
        cr_assert_eq(r.request.first_word, first);
        in = bytes_from(in, r.request.raw.len);
    }
    cr_assert_eq(r.words.count, 5);
    cr_assert(bytes_equal_text(r.words.items[2], "a") && bytes_equal_text(r.words.items[4], "b"));
    finish(&r);
}

Test(request, nothing_is_consumed_until_all_is_there)
{
    struct bytes in = BYTES_LITERAL("*2\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n");
    struct reading r = {0};

    for (size_t len = 0; len < in.len; len++) {
        cr_assert_eq(read_in(&r, bytes_prefix(in, len)), RESP_MORE, "at %zu", len);
        cr_assert_eq(r.words.count, 0);
    }
    cr_assert_eq(read_in(&r, in), RESP_OK);
    cr_assert(word_is(&r, 1, BYTES_LITERAL("0123456789")));
    cr_assert_eq(r.reader.at, 0, "fresh again");
    finish(&r);
}

Test(request, the_input_may_move_between_pieces)
{
    char first[] = "*2\r\n$3\r\nGET\r\n$3\r\n";
    char all[] = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
    struct reading r = {0};

    cr_assert_eq(read_in(&r, bytes_from_text(first)), RESP_MORE);
    memset(first, '?', sizeof(first) - 1);
    cr_assert_eq(read_in(&r, bytes_from_text(all)), RESP_OK);
    cr_assert(word_is(&r, 0, BYTES_LITERAL("GET")) && word_is(&r, 1, BYTES_LITERAL("key")));
    finish(&r);
}

Test(request, empty_lines_and_arrays_are_requests_without_words)
{
    static const char *const empties[] = {"\n", "\r\n", "  \r\n", "*0\r\n", "*-1\r\n", "*-7\r\n"};
    struct reading r = {0};

    for (size_t i = 0; i < ARRAY_COUNT(empties); i++) {
        cr_assert_eq(read_in(&r, bytes_from_text(empties[i])), RESP_OK, "case %zu", i);
        cr_assert_eq(r.request.word_count, 0);
        cr_assert_eq(r.request.raw.len, strlen(empties[i]));
    }
    finish(&r);
}

static const struct {
    const char *in;
    const char *words[5];
} inlines[] = {
    {"PING\r\n",                       {"PING"}                },
    {"  GET \t key  \n",               {"GET", "key"}          },
    {"set k \"a b\"\r\n",              {"set", "k", "a b"}     },
    {"set k 'a \"b'\r\n",              {"set", "k", "a \"b"}   },
    {"set k \"\\x41\\n\\t\\\"\\q\"\n", {"set", "k", "A\n\t\"q"}},
    {"set k \"\\xzz\"\n",              {"set", "k", "xzz"}     },
    {"set k 'it\\'s \\n'\n",           {"set", "k", "it's \\n"}},
    {"set \"\" ''\n",                  {"set", "", ""}         },
    {"pre\"fix\" x\n",                 {"prefix", "x"}         },
    {"\"a\" \"b\" c\n",                {"a", "b", "c"}         },
};

Test(request, inline_words_are_unquoted_as_clients_expect)
{
    struct reading r = {0};

    for (size_t i = 0; i < ARRAY_COUNT(inlines); i++) {
        size_t count = 0;

        cr_assert_eq(read_in(&r, bytes_from_text(inlines[i].in)), RESP_OK, "%s", inlines[i].in);
        cr_assert(r.request.is_inline);
        for (; inlines[i].words[count] != NULL; count++) {
            cr_assert(word_is(&r, count, bytes_from_text(inlines[i].words[count])), "%s word %zu",
                      inlines[i].in, count);
        }
        cr_assert_eq(r.request.word_count, count, "%s", inlines[i].in);
    }
    finish(&r);
}

Test(request, quoted_words_of_a_batch_stay_until_recycled)
{
    struct reading r = {0};
    char line[64];

    for (int i = 0; i < 200; i++) {
        snprintf(line, sizeof(line), "\"word %d\"\n", i);
        cr_assert_eq(read_in(&r, bytes_from_text(line)), RESP_OK);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(line, sizeof(line), "word %d", i);
        cr_assert(bytes_equal_text(r.words.items[i], line));
    }
    resp_reader_recycle(&r.reader);
    cr_assert_eq(mem_used(MEM_BUFFER), 0);
    finish(&r);
}

static const struct {
    const char *in;
    const char *error;
} refused[] = {
    {"*x\r\n",                   "ERR Protocol error: invalid multibulk length"                },
    {"*1\n",                     "ERR Protocol error: invalid multibulk length"                },
    {"*\r\n",                    "ERR Protocol error: invalid multibulk length"                },
    {"*01\r\n",                  "ERR Protocol error: invalid multibulk length"                },
    {"*1048577\r\n",             "ERR Protocol error: invalid multibulk length"                },
    {"*9999999999999999999\r\n", "ERR Protocol error: invalid multibulk length"                },
    {"*1\r\nPING\r\n",           "ERR Protocol error: expected '$', got 'P'"                   },
    {"*1\r\n\001",               "ERR Protocol error: expected '$', got '\\x01'"               },
    {"*1\r\n$-1\r\n",            "ERR Protocol error: invalid bulk length"                     },
    {"*1\r\n$x\r\n",             "ERR Protocol error: invalid bulk length"                     },
    {"*1\r\n$536870913\r\n",     "ERR Protocol error: invalid bulk length"                     },
    {"*1\r\n$4\r\nPINGxx",       "ERR Protocol error: expected a line end behind a bulk string"},
    {"get \"a\n",                "ERR Protocol error: unbalanced quotes in request"            },
    {"get 'a\r\n",               "ERR Protocol error: unbalanced quotes in request"            },
    {"get \"a\"b\n",             "ERR Protocol error: unbalanced quotes in request"            },
    {"get \"a\\\"\n",            "ERR Protocol error: unbalanced quotes in request"            },
};

Test(request, what_is_not_resp_is_refused_in_the_usual_words)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        struct reading r = {0};

        cr_assert_eq(read_in(&r, bytes_from_text(refused[i].in)), RESP_ERROR, "%s", refused[i].in);
        cr_assert_str_eq(r.error.text, refused[i].error);
        cr_assert_eq(r.words.count, 0);
        finish(&r);
    }
}

Test(request, endless_lines_are_refused_however_they_come)
{
    static const struct {
        const char *start;
        const char *error;
    } cases[] = {
        {"",        "ERR Protocol error: too big inline request"    },
        {"*",       "ERR Protocol error: too big mbulk count string"},
        {"*1\r\n$", "ERR Protocol error: too big bulk count string" },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct reading r = {0};
        struct buf in = {0};
        enum resp_status status = RESP_MORE;

        buf_append_text(&in, cases[i].start);
        while (status == RESP_MORE) {
            cr_assert_leq(in.len, 70000);
            buf_append_text(&in, "1111111111111111");
            status = read_in(&r, buf_bytes(&in));
        }
        cr_assert_eq(status, RESP_ERROR);
        cr_assert_str_eq(r.error.text, cases[i].error);
        buf_deinit(&in);
        finish(&r);
    }
}

static void expect_unauthenticated(const char *in, const char *error_text)
{
    struct resp_limits limits = RESP_LIMITS_UNAUTHENTICATED;
    struct reading r = {0};

    cr_assert_eq(
        resp_read_request(&r.reader, bytes_from_text(in), &limits, &r.words, &r.request, &r.error),
        RESP_ERROR);
    cr_assert_str_eq(r.error.text, error_text);
    finish(&r);
}

Test(request, strangers_are_told_that_they_are)
{
    expect_unauthenticated("*11\r\n", "ERR Protocol error: unauthenticated multibulk length");
    expect_unauthenticated("*1\r\n$16385\r\n", "ERR Protocol error: unauthenticated bulk length");
    expect_unauthenticated("*1048577\r\n", "ERR Protocol error: invalid multibulk length");
}

Test(request, a_declared_count_alone_takes_no_memory)
{
    struct reading r = {0};

    cr_assert_eq(read_in(&r, BYTES_LITERAL("*1048576\r\n$1\r\na\r\n")), RESP_MORE);
    cr_assert_leq(mem_used_total(), 4096);
    finish(&r);
}

/* ---- random requests in random pieces ------------------------------------------------------- */

static void make_requests(struct rng *rng, struct buf *out)
{
    for (uint64_t i = 1 + rng_below(rng, 5); i > 0; i--) {
        struct bytes words[20];
        size_t count = rng_below(rng, ARRAY_COUNT(words)) + 1;

        for (size_t w = 0; w < count; w++) {
            static const char text[300] = "some bytes \r\n and more";

            words[w] = bytes_make(text, rng_below(rng, rng_one_in(rng, 8) ? sizeof(text) : 12));
        }
        resp_write_request(out, words, count);
        if (rng_one_in(rng, 3)) {
            buf_append_text(out, "inline \"quoted word\" 'x'\r\n");
        }
    }
}

/* Read all of in as it grows by pieces of up to step bytes; the sum of all words, in order. */
static uint64_t read_in_pieces(struct rng *rng, struct bytes in, size_t step)
{
    struct reading r = {0};
    uint64_t sum = 0;
    size_t start = 0;
    size_t end = 0;

    while (start < in.len) {
        enum resp_status status = read_in(&r, bytes_make(in.data + start, end - start));

        cr_assert_neq(status, RESP_ERROR, "%s", r.error.text);
        if (status == RESP_MORE) {
            cr_assert_lt(end, in.len);
            end += 1 + rng_below(rng, step);
            end = end < in.len ? end : in.len;
            continue;
        }
        start += r.request.raw.len;
        for (size_t i = 0; i < r.request.word_count; i++) {
            sum = hash_bytes(r.words.items[r.request.first_word + i], sum + 1);
        }
        sum = hash_bytes((struct bytes){0}, sum);
    }
    resp_reader_deinit(&r.reader);
    VEC_DEINIT(&r.words);
    return sum;
}

Test(request, pieces_give_the_same_requests_as_the_whole)
{
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int round = 0; round < 500; round++) {
        struct buf in = {0};
        uint64_t whole;

        make_requests(&rng, &in);
        whole = read_in_pieces(&rng, buf_bytes(&in), in.len);
        SEED_ASSERT(read_in_pieces(&rng, buf_bytes(&in), 1) == whole, seed);
        SEED_ASSERT(read_in_pieces(&rng, buf_bytes(&in), 30) == whole, seed);
        buf_deinit(&in);
    }
}
