/* SPDX-License-Identifier: MIT */
/* cli/flags: help from tables; and the tables of the program against its page. */
#include "cli/flags.h"

#include "base/mem.h"
#include "cli/bench_options.h"
#include "cli/options.h"
#include "cli/options_flags.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct target {
    bool is_loud;
    const char *name;
    int64_t count;
    int64_t pause_ms;
};

#define FLAG_OF struct target

static const struct flag_row rows[] = {
    FLAG_ROW_BOOL("-l", is_loud, "Loud"),
    FLAG_ROW_BOOL("--loud", is_loud, NULL),
    FLAG_ROW_TEXT("--name", "<text>", name, "A name"),
    FLAG_ROW_NUMBER("--count", "<n>", count, 1, 9, "How many"),
    FLAG_ROW_SECONDS("--a-long-name-for-a-pause", pause_ms, 0, "Rest"),
};
static const struct flag_table table = {"Group", rows, ARRAY_COUNT(rows)};

Test(flags, help_has_a_line_for_each_flag_with_its_names_value_and_sentence)
{
    struct buf out = {0};

    flags_write_help(&table, 1, &out);
    cr_assert_str_eq(buf_text(&out), "Group\n"
                                     "  -l, --loud              Loud\n"
                                     "  --name <text>           A name\n"
                                     "  --count <n>             How many\n"
                                     "  --a-long-name-for-a-pause <seconds>\n"
                                     "                          Rest\n");
    buf_deinit(&out);
    cr_assert_eq(mem_used_total(), 0);
}

Test(flags, groups_of_one_title_share_a_heading)
{
    const struct flag_table tables[] = {
        {"A", rows,     1},
        {"A", rows + 2, 1},
        {"B", rows + 3, 1},
    };
    struct buf out = {0};

    flags_write_help(tables, ARRAY_COUNT(tables), &out);
    cr_assert_str_eq(buf_text(&out), "A\n"
                                     "  -l                      Loud\n"
                                     "  --name <text>           A name\n"
                                     "\n"
                                     "B\n"
                                     "  --count <n>             How many\n");
    buf_deinit(&out);
}

Test(flags, a_flag_without_its_value_is_refused_in_the_usual_words)
{
    char name[] = "--name";
    char *const words[] = {name};
    struct flag_words rest = {.words = words, .count = 1};
    struct target target = {0};
    struct errmsg error = {0};

    cr_assert_eq(flags_take(&table, &target, &rest, &error), FLAG_BAD);
    cr_assert_str_eq(error.text, "Unrecognized option or bad number of args for: '--name'");
}

/* ---- the program's own tables ------------------------------------------------------------------- */

static void read_page(struct buf *out)
{
    FILE *file = fopen("docs/cli.md", "re");
    size_t got;

    cr_assert_not_null(file, "the tests run from the top of the source");
    do {
        got = fread(buf_reserve(out, 65536), 1, 65536, file);
        out->len += got;
    } while (got > 0);
    fclose(file);
}

/* Is `-x`, `-x <value>` or [-x <value>] in the page? */
static bool is_in_page(const char *page, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = strstr(page, name); at != NULL; at = strstr(at + 1, name)) {
        bool begins = at > page && (at[-1] == '`' || at[-1] == '[');

        if (begins && (at[len] == '`' || at[len] == ']' || at[len] == ' ')) {
            return true;
        }
    }
    return false;
}

static void check_tables(const struct flag_table *tables, size_t count)
{
    struct buf page = {0};

    read_page(&page);
    for (size_t i = 0; i < count; i++) {
        cr_assert_not_null(tables[i].rows[0].help);
        for (size_t at = 0; at < tables[i].count; at++) {
            const struct flag_row *row = &tables[i].rows[at];
            bool takes_value = row->kind != FLAG_BOOL && row->kind != FLAG_CALL_ALONE;

            cr_assert(is_in_page(buf_text(&page), row->name), "docs/cli.md lacks %s", row->name);
            cr_assert_eq(row->value != NULL, takes_value, "%s", row->name);
        }
    }
    buf_deinit(&page);
}

Test(flags, every_flag_of_the_program_is_in_its_page)
{
    size_t count;
    const struct flag_table *tables = options_flags(&count);

    check_tables(tables, count);
}

Test(flags, every_flag_of_the_benchmark_is_in_the_page)
{
    struct flag_table tables[BENCH_OPTIONS_TABLES];

    bench_options_tables(tables);
    check_tables(tables, BENCH_OPTIONS_TABLES);
}

Test(flags, no_name_stands_in_the_tables_twice)
{
    size_t count;
    const struct flag_table *tables = options_flags(&count);
    struct buf seen = {0};

    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < tables[i].count; at++) {
            struct buf name = {0};

            buf_printf(&name, " %s ", tables[i].rows[at].name);
            cr_assert_null(strstr(buf_text(&seen), buf_text(&name)), "%s", buf_text(&name));
            buf_append_bytes(&seen, buf_bytes(&name));
            buf_deinit(&name);
        }
    }
    buf_deinit(&seen);
}
