/* SPDX-License-Identifier: MIT */
/* base/history. */
#include "base/history.h"

#include "base/rng.h"

#include <criterion/criterion.h>

#define OURS "0123456789abcdefABCDEF0123456789zzzzZZZZ"

Test(history_id, is_forty_letters_and_digits)
{
    static const struct {
        const char *text;
        bool is_one;
    } cases[] = {
        {OURS,                                        true },
        {"0000000000000000000000000000000000000000",  true },
        {"",                                          false},
        {"000000000000000000000000000000000000000",   false},
        {"00000000000000000000000000000000000000000", false},
        {"000000000000000000000000000000000000000 ",  false},
        {"-000000000000000000000000000000000000000",  false},
        {"00000000000000000000/0000000000000000000",  false},
        {"00000000000000000000:0000000000000000000",  false},
        {"00000000000000000000@0000000000000000000",  false},
        {"00000000000000000000[0000000000000000000",  false},
        {"00000000000000000000`0000000000000000000",  false},
        {"00000000000000000000{0000000000000000000",  false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct history_id id = {"untouched"};
        bool is_one = history_id_parse(bytes_from_text(cases[i].text), &id);

        cr_expect_eq(is_one, cases[i].is_one, "%s", cases[i].text);
        cr_expect_str_eq(id.text, is_one ? cases[i].text : "untouched");
    }
}

Test(history_id, of_our_own_files_may_be_shorter)
{
    struct history_id id = {"untouched"};
    struct history_id a = {"a"};

    cr_expect_not(history_id_parse_any((struct bytes){0}, &id));
    cr_expect_not(history_id_parse_any(bytes_from_text(OURS "0"), &id));
    cr_expect_not(history_id_parse_any(bytes_from_text("a b"), &id));
    cr_expect_not(history_id_parse_any(bytes_make("a\0b", 3), &id));
    cr_expect_str_eq(id.text, "untouched");
    cr_expect(history_id_parse_any(bytes_from_text("a"), &id));
    cr_expect(history_id_equal(&id, &a), "nothing but zeros follows");
    cr_expect(history_id_parse_any(bytes_from_text(OURS), &id));
    cr_expect_str_eq(id.text, OURS);
}

Test(history_id, is_equal_to_itself_alone)
{
    struct history_id one = {OURS};
    struct history_id same = {0};
    struct history_id other = {OURS};

    cr_assert(history_id_parse(bytes_from_text(OURS), &same));
    other.text[HISTORY_ID_LEN - 1] = 'y';
    cr_expect(history_id_equal(&one, &same));
    cr_expect_not(history_id_equal(&one, &other));
    cr_expect(history_id_is(&one, bytes_from_text(OURS)));
    cr_expect_not(history_id_is(&other, bytes_from_text(OURS)));
    cr_expect_not(history_id_is(&one, bytes_make(OURS, HISTORY_ID_LEN - 1)));
}

Test(history_id, that_is_empty_is_named_by_no_text)
{
    struct history_id none = {0};
    char zeros[HISTORY_ID_LEN] = {0};

    cr_expect(history_id_is_empty(&none));
    cr_expect_not(history_id_is(&none, (struct bytes){0}));
    cr_expect_not(history_id_is(&none, bytes_from_text(OURS)));
    /* Forty NULs come from nowhere but a hostile peer. */
    cr_expect_not(history_id_is(&none, bytes_make(zeros, sizeof(zeros))));
}

Test(history_id, is_drawn_anew_each_time)
{
    struct rng rng;
    struct history_id a;
    struct history_id b;
    struct history_id parsed;

    rng_init(&rng, 5);
    a = history_id_make(&rng);
    b = history_id_make(&rng);
    cr_expect_not(history_id_equal(&a, &b));
    cr_expect(history_id_parse(bytes_from_text(a.text), &parsed));
    cr_expect(history_id_equal(&a, &parsed));
}
