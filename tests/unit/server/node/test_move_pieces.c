/* SPDX-License-Identifier: MIT */
/* Large values as requests: what the receiver makes of them is the value, as it was when its image began. */
#include "node/inside.h"
#include "node/move_pieces.h"
#include "store/value_image.h"
#include "tests/unit/seed.h"
#include "tests/unit/server/node/lone_node.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum {
    PER_REQUEST = 50,
    LONG_WORD = 5000,
    MOST_WORDS = 516,
    MOST_BYTES = 96 * 1024, /* of a request */
};

struct sides {
    struct lone_node *source;
    struct lone_node *receiver;
    struct rng rng;
};

static struct sides begin(uint64_t seed)
{
    struct sides sides = {.source = lone_node_new(), .receiver = lone_node_new()};

    rng_init(&sides.rng, seed);
    return sides;
}

static void end(struct sides *sides)
{
    lone_node_free(sides->source);
    lone_node_free(sides->receiver);
}

/* Words of many lengths, now and then a long one, integers among them. */
static void append_word(struct rng *rng, uint64_t number, struct buf *line)
{
    size_t more = rng_below(rng, 100) == 0 ? (size_t)rng_below(rng, LONG_WORD) : 0;

    buf_printf(line, rng_below(rng, 2) == 0 ? " w%llu" : " %llu", (unsigned long long)number);
    for (size_t i = 0; i < more; i++) {
        buf_append_byte(line, 'x');
    }
}

struct family {
    const char *command;
    bool has_scores; /* before each element, */
    bool has_values; /* or behind it */
};

static void fill(struct sides *sides, const struct family *family, size_t count)
{
    for (size_t i = 0; i < count; i += PER_REQUEST) {
        struct buf line = {0};

        buf_printf(&line, "%s key", family->command);
        for (size_t k = i; k < i + PER_REQUEST && k < count; k++) {
            if (family->has_scores) {
                buf_printf(&line, rng_below(&sides->rng, 50) == 0 ? " -inf" : " %.17g",
                           (double)rng_u64(&sides->rng) / 3.0 - 1e18);
            }
            append_word(&sides->rng, k, &line);
            if (family->has_values) {
                append_word(&sides->rng, rng_u64(&sides->rng), &line);
            }
        }
        buf_append_text(&line, "\n");
        (void)lone_node_send(sides->source, buf_bytes(&line));
        buf_deinit(&line);
    }
}

static struct entry *find_key(struct lone_node *w)
{
    struct keyspace *ks = w->node->data.keyspace;
    struct key_ref ref = keyspace_ref(ks, 0, BYTES_LITERAL("key"));

    return keyspace_find_any(ks, &ref);
}

/* What the key is moved by; the source changes it meanwhile as the lines say. */
static struct buf move(struct sides *sides, const char *lines)
{
    struct keyspace *ks = sides->source->node->data.keyspace;
    const struct entry *e = find_key(sides->source);
    struct move_pieces pieces;
    struct value_image *image;
    struct buf out = {0};
    int64_t expire_at_ms = entry_expire_at_ms(e);
    bool is_over = false;

    cr_assert(value_image_is_wanted(ks, e));
    move_pieces_init(&pieces, value_rdb_type(keyspace_types(ks), e));
    image = value_image_begin(ks, e);
    while (!is_over) {
        size_t budget = 1 + (size_t)rng_below(&sides->rng, 300);

        is_over = value_image_step(image, &budget, move_pieces_room(&pieces));
        move_pieces_take(&pieces, BYTES_LITERAL("key"), &out);
        if (lines != NULL) {
            (void)lone_node_ask(sides->source, lines);
            lines = NULL;
        }
    }
    move_pieces_end(&pieces, BYTES_LITERAL("key"), expire_at_ms, &out);
    move_pieces_deinit(&pieces);
    value_image_end(ks, image);
    return out;
}

static void apply(struct sides *sides, struct buf *requests, size_t most_bytes)
{
    struct resp_reader reader = {0};
    struct resp_words words = {0};
    struct bytes left = buf_bytes(requests);
    const struct resp_limits limits = {
        .max_args = 1024, .max_bulk_bytes = 1 << 24, .max_inline_bytes = 1024, .max_depth = 2};

    while (left.len > 0) {
        struct resp_request request;
        struct errmsg error;

        cr_assert_eq(resp_read_request(&reader, left, &limits, &words, &request, &error), RESP_OK);
        cr_expect_leq(request.word_count, MOST_WORDS);
        cr_expect_leq(request.raw.len, most_bytes);
        left = bytes_from(left, request.raw.len);
        words.count = 0;
        resp_reader_recycle(&reader);
    }
    resp_reader_deinit(&reader);
    VEC_DEINIT(&words);
    cr_expect_null(strchr(lone_node_send(sides->receiver, buf_bytes(requests)), '-'));
    buf_deinit(requests);
}

/* Of the only key, its value and when it expires. */
static struct digest digest_of(const struct lone_node *w)
{
    struct digest digest = {.types = keyspace_types(w->node->data.keyspace), .lanes = DIGEST_LANES};

    digest_all(w->node, &digest);
    return digest;
}

static void expect_there(const struct sides *sides, const struct digest *expected, uint64_t seed)
{
    struct digest digest = digest_of(sides->receiver);

    SEED_ASSERT(memcmp(digest.sums, expected->sums, sizeof(digest.sums)) == 0, seed);
}

static void move_family(const struct family *family, const char *lines)
{
    uint64_t seed = seed_get();

    for (int round = 0; round < 5; round++) {
        struct sides sides = begin(seed + (uint64_t)round);
        struct buf requests;
        struct digest before;

        fill(&sides, family, 1200 + (size_t)rng_below(&sides.rng, 2400));
        (void)lone_node_ask(sides.receiver, "SET key other\n");
        if (lines != NULL) {
            (void)lone_node_ask(sides.source, lines);
        }
        before = digest_of(sides.source);
        requests = move(&sides, NULL);
        apply(&sides, &requests, MOST_BYTES);
        expect_there(&sides, &before, seed);
        end(&sides);
    }
}

Test(move_pieces, make_a_list_of_itself_in_its_order)
{
    move_family(&(struct family){.command = "RPUSH"}, NULL);
}

Test(move_pieces, make_a_set_of_itself)
{
    move_family(&(struct family){.command = "SADD"}, NULL);
}

Test(move_pieces, make_a_sorted_set_of_itself_with_its_scores_to_the_last_bit)
{
    move_family(&(struct family){.command = "ZADD", .has_scores = true},
                "ZADD key -0 minus +inf most 0.1 tenth\n");
}

Test(move_pieces, make_a_hash_of_itself)
{
    move_family(&(struct family){.command = "HSET", .has_values = true}, NULL);
}

Test(move_pieces, keep_when_fields_of_a_hash_expire)
{
    move_family(&(struct family){.command = "HSET", .has_values = true},
                "HSET key a 1 b 2 c 3\nHPEXPIREAT key 99999999999999 FIELDS 2 a b\n"
                "HPEXPIREAT key 88888888888888 FIELDS 1 c\n");
}

Test(move_pieces, keep_when_the_key_expires)
{
    move_family(&(struct family){.command = "RPUSH"}, "PEXPIREAT key 99999999999999\n");
}

/* With entries of all sizes, some deleted, and the lines behind them. */
static void fill_stream(struct sides *sides, int count, const char *lines)
{
    for (int i = 1; i <= count; i++) {
        struct buf line = {0};

        buf_printf(&line, "XADD key %d-%d", i, i % 3);
        for (uint64_t k = rng_below(&sides->rng, 4); k < 4; k++) {
            append_word(&sides->rng, k, &line);
            append_word(&sides->rng, rng_u64(&sides->rng), &line);
        }
        buf_append_text(&line, "\n");
        (void)lone_node_send(sides->source, buf_bytes(&line));
        buf_deinit(&line);
        if (rng_below(&sides->rng, 7) == 0) {
            buf_printf(&line, "XDEL key %d-%d\n", i, i % 3);
            (void)lone_node_send(sides->source, buf_bytes(&line));
            buf_deinit(&line);
        }
    }
    (void)lone_node_ask(sides->source, lines);
}

static void move_stream(int count, const char *lines, size_t most_bytes)
{
    uint64_t seed = seed_get();

    for (int round = 0; round < 5; round++) {
        struct sides sides = begin(seed + (uint64_t)round);
        struct buf requests;
        struct digest before;

        fill_stream(&sides, count, lines);
        (void)lone_node_ask(sides.receiver, "SET key other\n");
        before = digest_of(sides.source);
        requests = move(&sides, NULL);
        apply(&sides, &requests, most_bytes);
        expect_there(&sides, &before, seed);
        end(&sides);
    }
}

Test(move_pieces, make_a_stream_of_itself_with_its_marks)
{
    move_stream(3000, "XSETID key 99999-1 ENTRIESADDED 123456 MAXDELETEDID 77777-2\n", MOST_BYTES);
}

Test(move_pieces, make_a_stream_of_itself_with_its_groups_and_what_is_pending_there)
{
    move_stream(3000,
                "XGROUP CREATE key one 0\nXGROUP CREATE key two 50\n"
                "XREADGROUP GROUP one ann COUNT 500 STREAMS key >\n"
                "XREADGROUP GROUP one bob COUNT 70 STREAMS key >\n"
                "XREADGROUP GROUP two cid COUNT 3 STREAMS key >\n"
                "XACK key one 7-1 8-2 9-0\nXGROUP CREATECONSUMER key two dan\n",
                MOST_BYTES);
}

Test(move_pieces, make_a_stream_of_what_is_pending_alone)
{
    move_stream(3000,
                "XGROUP CREATE key one 0\n"
                "XREADGROUP GROUP one ann COUNT 3000 STREAMS key >\nXTRIM key MAXLEN 0\n",
                2 * MOST_BYTES);
}

/* Whatever the lines do to the key, which got its last elements by others, while it is moved. */
static void move_while(const struct family *family, const char *last, const char *lines)
{
    uint64_t seed = seed_get();
    struct sides sides = begin(seed);
    struct buf requests;
    struct digest before;

    fill(&sides, family, 4000);
    (void)lone_node_ask(sides.source, last);
    before = digest_of(sides.source);
    requests = move(&sides, lines);
    apply(&sides, &requests, MOST_BYTES);
    expect_there(&sides, &before, seed);
    end(&sides);
}

Test(move_pieces, are_of_the_moment_at_which_the_image_began)
{
    move_while(&(struct family){.command = "HSET", .has_values = true},
               "HSET key changes 1 goes 1\n", "HSET key changes 2 comes 1\nHDEL key goes\n");
}

Test(move_pieces, are_of_a_value_that_goes_away_meanwhile)
{
    move_while(&(struct family){.command = "SADD"}, "SADD key last\n", "DEL key\n");
}
