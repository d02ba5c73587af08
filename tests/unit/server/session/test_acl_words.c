/* SPDX-License-Identifier: MIT */
/* Words about commands: which of them later ones undo, and first arguments. */
#include "session/acl_words.h"

#include "base/attr.h"
#include "base/rng.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>

#include <string.h>
#include <time.h>

static void expect_text(const struct acl_words *words, const char *text)
{
    struct buf out = {0};

    acl_words_check(words);
    acl_words_format(words, &out);
    cr_expect_str_eq(buf_text(&out), text);
    buf_deinit(&out);
}

Test(acl_words, a_later_one_undoes_what_was_said_of_the_same)
{
    struct acl_words words = {0};
    struct acl_words copy;

    acl_words_add(&words, true, BYTES_LITERAL("client|kill"));
    acl_words_add(&words, true, BYTES_LITERAL("clients"));
    acl_words_add(&words, false, BYTES_LITERAL("Client|List"));
    expect_text(&words, " +client|kill +clients -client|list");
    acl_words_add(&words, false, BYTES_LITERAL("client|kill"));
    expect_text(&words, " +clients -client|list -client|kill");
    acl_words_add(&words, true, BYTES_LITERAL("client"));
    expect_text(&words, " +clients +client");
    acl_words_copy(&words, &copy);
    acl_words_add(&words, false, BYTES_LITERAL("clients"));
    acl_words_clear(&words);
    expect_text(&words, "");
    expect_text(&copy, " +clients +client");
    acl_words_clear(&copy);
}

static bool has(const struct acl_words *words, const char *command, const char *arg)
{
    return acl_words_have_first_arg(words, bytes_from_text(command), bytes_from_text(arg));
}

Test(acl_words, first_arguments_hold_until_a_later_word_is_about_their_command)
{
    struct acl_words words = {0};

    acl_words_add_first_arg(&words, BYTES_LITERAL("select|A"));
    acl_words_add_first_arg(&words, BYTES_LITERAL("select|a"));
    acl_words_add_first_arg(&words, BYTES_LITERAL("select|b"));
    acl_words_add_first_arg(&words, BYTES_LITERAL("get|b"));
    expect_text(&words, " +select|a +select|b +get|b");
    cr_expect(has(&words, "select", "A") && has(&words, "select", "b") && has(&words, "get", "B"));
    cr_expect_not(has(&words, "get", "a") || has(&words, "select", "ab") ||
                  has(&words, "select", "") || has(&words, "sel", "a"));
    acl_words_end_first_args(&words, BYTES_LITERAL("select")); /* by a category, say */
    expect_text(&words, " +select|a +select|b +get|b");
    cr_expect(!has(&words, "select", "a") && has(&words, "get", "b"));
    acl_words_add_first_arg(&words, BYTES_LITERAL("select|b"));
    cr_expect(!has(&words, "select", "a") && has(&words, "select", "b"));
    acl_words_add(&words, true, BYTES_LITERAL("select"));
    expect_text(&words, " +get|b +select");
    cr_expect_not(has(&words, "select", "b"));
    acl_words_clear(&words);
}

/* The same by a text that is written anew for each word. */
static void model_add(struct buf *model, bool is_allowed, struct bytes what)
{
    struct buf kept = {0};
    struct bytes rest = buf_bytes(model);

    for (struct bytes word = bytes_next_word(&rest, ' '); word.len > 0;
         word = bytes_next_word(&rest, ' ')) {
        struct bytes name = bytes_from(word, 1);
        bool is_covered = name.len >= what.len && bytes_equal(bytes_prefix(name, what.len), what) &&
                          (name.len == what.len || name.data[what.len] == '|');

        if (!is_covered) {
            buf_append_byte(&kept, ' ');
            buf_append_bytes(&kept, word);
        }
    }
    buf_append_text(&kept, is_allowed ? " +" : " -");
    buf_append_bytes(&kept, what);
    buf_deinit(model);
    *model = kept;
}

Test(acl_words, any_order_of_words_leaves_what_a_plain_text_of_them_would)
{
    static const char *const all[] = {"get",       "set",    "getset", "get|a",       "get|b",
                                      "getset|a",  "@read",  "client", "client|kill", "client|list",
                                      "@readonly", "select", "a",      "a|b",         "a|c"};
    uint64_t seed = seed_get();
    struct acl_words words = {0};
    struct buf model = {0};
    struct rng rng;

    rng_init(&rng, seed);
    for (int i = 0; i < 5000; i++) {
        struct bytes word = bytes_from_text(all[rng_below(&rng, ARRAY_COUNT(all))]);
        bool is_allowed = rng_one_in(&rng, 2);
        struct buf out = {0};

        acl_words_add(&words, is_allowed, word);
        model_add(&model, is_allowed, word);
        acl_words_check(&words);
        acl_words_format(&words, &out);
        SEED_ASSERT(bytes_equal(buf_bytes(&out), buf_bytes(&model)), seed);
        buf_deinit(&out);
    }
    buf_deinit(&model);
    acl_words_clear(&words);
}

/* Were all written anew for each, this would take minutes. */
Test(acl_words, a_hundred_thousand_are_added_in_seconds)
{
    struct acl_words words = {0};
    struct buf text = {0};
    clock_t began = clock();

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100000; i++) {
            buf_clear(&text);
            buf_printf(&text, "get|%d", i);
            acl_words_add_first_arg(&words, buf_bytes(&text));
        }
    }
    cr_expect_eq(words.by_text.count, 100000);
    cr_expect_leq(words.all.count, 200000);
    acl_words_add(&words, true, BYTES_LITERAL("get"));
    expect_text(&words, " +get");
    cr_expect_lt(clock() - began, 10 * CLOCKS_PER_SEC);
    buf_deinit(&text);
    acl_words_clear(&words);
}
