/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "cli/survey.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct survey *survey;
static struct buf text;

static void begin(enum survey_kind kind, size_t top_wanted)
{
    survey = mem_alloc(MEM_CLI, sizeof(*survey));
    survey_init(survey, kind, top_wanted);
}

static void end(void)
{
    survey_deinit(survey);
    mem_free(MEM_CLI, survey);
    buf_deinit(&text);
    cr_assert_eq(mem_used(MEM_CLI), 0);
}

static bool add(const char *name, const char *type, uint64_t size, uint64_t memory)
{
    struct survey_key key = {bytes_from_text(name), bytes_from_text(type), size, memory};

    return survey_add(survey, &key);
}

static const char *summary(void)
{
    buf_clear(&text);
    survey_write_summary(survey, &text);
    return buf_text(&text);
}

static void expect_line(const char *line)
{
    cr_expect_neq(strstr(summary(), line), NULL, "'%s' is not in:\n%s", line, summary());
}

Test(survey, the_first_of_the_biggest_keys_of_a_type_is_named)
{
    begin(SURVEY_SIZES, 0);
    cr_expect(add("a", "list", 3, 900));
    cr_expect_not(add("b", "list", 3, 100));
    cr_expect(add("c\n", "list", 4, 100));
    cr_expect(add("d", "zset", 0, 100));
    expect_line("Sampled 4 keys in the keyspace!\nTotal key length in bytes is 5 (avg len 1.25)\n");
    expect_line("Biggest   list found '\"c\\n\"' has 4 items\n");
    expect_line("Biggest   zset found '\"d\"' has 0 members\n");
    expect_line("3 lists with 10 items (75.00% of keys, avg size 3.33)\n");
    expect_line("0 streams with 0 entries (00.00% of keys, avg size 0.00)\n");
    end();
}

Test(survey, by_memory_the_sizes_do_not_count)
{
    begin(SURVEY_MEMORY, 0);
    cr_expect(add("a", "hash", 1, 900));
    cr_expect_not(add("b", "hash", 500, 100));
    expect_line("Biggest   hash found '\"a\"' has 900 bytes\n");
    expect_line("2 hashs with 1000 bytes (100.00% of keys, avg size 500.00)\n");
    end();
}

Test(survey, progress_is_told_of_the_key_that_was_added)
{
    struct survey_key key = {BYTES_LITERAL("k"), BYTES_LITERAL("set"), 7, 64};

    begin(SURVEY_SIZES, 0);
    survey_add(survey, &key);
    survey_write_progress(survey, &key, 8, &text);
    cr_expect_str_eq(buf_text(&text),
                     "[12.50%] Biggest set    found so far '\"k\"' with 7 members\n");
    buf_clear(&text);
    /* There are more keys by now than there were in the beginning. */
    survey_write_progress(survey, &key, 0, &text);
    cr_expect(bytes_has_prefix(buf_bytes(&text), "[100.00%]"));
    end();
}

Test(survey, the_keys_with_most_memory_are_listed_from_the_largest_down)
{
    begin(SURVEY_BOTH, 3);
    for (uint64_t i = 0; i < 10; i++) {
        char name[8];

        snprintf(name, sizeof(name), "k%llu", (unsigned long long)(i * 7 % 10));
        (void)add(name, "string", i, 100 * (i * 7 % 10));
    }
    cr_assert_eq(survey->top_count, 3);
    cr_expect_str_eq(buf_text(&survey->top[0].name), "k9");
    cr_expect_str_eq(buf_text(&survey->top[1].name), "k8");
    cr_expect_str_eq(buf_text(&survey->top[2].name), "k7");
    expect_line("The 3 keys with most memory\n");
    end();
}

Test(survey, types_that_nobody_knows_are_counted_under_their_names_as_long_as_there_is_room)
{
    begin(SURVEY_BOTH, 0);
    for (int i = 0; i < 2 * SURVEY_TYPES_MAX; i++) {
        char type[64];

        snprintf(type, sizeof(type), "type-%d-%s", i,
                 i % 2 == 0 ? "" : "with-a-name-that-is-very-long-indeed");
        (void)add("k", type, 0, 10);
    }
    cr_assert_eq(survey->type_count, SURVEY_TYPES_MAX);
    cr_assert_eq(survey->count, 2 * SURVEY_TYPES_MAX);
    expect_line("\ntype-0- ");
    expect_line("      -\n");
    end();
}

Test(survey, of_no_keys_there_is_a_summary)
{
    for (enum survey_kind kind = SURVEY_SIZES; kind <= SURVEY_BOTH; kind++) {
        begin(kind, 10);
        expect_line(
            "Sampled 0 keys in the keyspace!\nTotal key length in bytes is 0 (avg len 0.00)\n");
        end();
    }
}

Test(survey, a_size_is_asked_for_by_the_command_of_the_type)
{
    cr_expect_str_eq(survey_size_command(BYTES_LITERAL("stream")), "XLEN");
    cr_expect_str_eq(survey_size_command(BYTES_LITERAL("zset")), "ZCARD");
    cr_expect_eq(survey_size_command(BYTES_LITERAL("ReJSON-RL")), NULL);
}
