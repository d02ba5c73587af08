/* SPDX-License-Identifier: MIT */
#include "spec/command.h"

#include "base/attr.h"
#include "spec/command_index.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

static const struct command_spec *find(const char *name)
{
    return command_find(bytes_from_text(name));
}

Test(command, each_range_of_the_table_is_sorted_by_name)
{
    for (int id = 1; id < COMMAND_COUNT; id++) {
        const struct command_spec *a = command_spec((enum command_id)(id - 1));
        const struct command_spec *b = command_spec((enum command_id)id);

        if (a->kind == b->kind && (a->kind != COMMAND_SUB || a->parent == b->parent)) {
            cr_assert_lt(strcmp(a->name, b->name), 0, "%s stands before %s", a->name, b->name);
        }
        cr_assert_leq(a->kind, b->kind);
        cr_assert_lt(strlen(b->name), 24, "%s is too long for a name's field", b->name);
    }
}

Test(command, every_command_is_found_by_its_name_in_any_case)
{
    char name[32];

    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        cr_assert_eq((int)spec->id, id);
        for (size_t i = 0; i <= strlen(spec->name); i++) {
            name[i] = (char)(i % 2 == 0 ? toupper(spec->name[i]) : spec->name[i]);
        }
        if (spec->kind == COMMAND_SUB) {
            cr_assert_eq(command_find_sub(command_spec(spec->parent), bytes_from_text(name)), spec);
        } else {
            cr_assert_eq(find(name), spec);
        }
    }
}

/* What both ways of finding a command say of a name. */
static const struct command_spec *find_both(const struct command_index *index, struct bytes name)
{
    const struct command_spec *spec = command_find(name);

    cr_assert_eq(command_index_find(index, name), spec, "'%.*s'", BYTES_ARGS(name));
    return spec;
}

Test(command_index, finds_what_the_table_finds_in_any_case)
{
    static struct command_index index;
    char name[32];

    command_index_init(&index);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);
        size_t len = strlen(spec->name);

        for (size_t i = 0; i < len; i++) {
            name[i] = (char)(i % 2 == 0 ? toupper(spec->name[i]) : spec->name[i]);
        }
        cr_assert(spec->kind == COMMAND_SUB || find_both(&index, bytes_make(name, len)) == spec);
        for (size_t shorter = 0; shorter < len; shorter++) {
            (void)find_both(&index, bytes_make(name, shorter));
        }
        name[len] = '\0';
        (void)find_both(&index, bytes_make(name, len + 1));
        name[len - 1] = (char)(name[len - 1] ^ '\x80');
        cr_assert_null(find_both(&index, bytes_make(name, len)));
    }
}

Test(command, what_is_no_command_is_not_found)
{
    static const char *const names[] = {
        "",        "g",
        "ge",      "gett",
        "getname", "set ",
        " set",    "pexpireatt",
        "zzz",     "aaa",
        "get\x01", "\xff\xff",
        "sEt\xc0", "a name that is longer than any field for one",
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        cr_assert_null(find(names[i]), "'%s'", names[i]);
    }
    cr_assert_null(command_find(bytes_make("get\0", 4)));
    cr_assert_null(command_find_sub(find("client"), BYTES_LITERAL("meet")));
    cr_assert_null(command_find_sub(find("get"), BYTES_LITERAL("get")));
}

Test(command, containers_are_told_from_others)
{
    cr_assert(command_has_subcommands(find("config")));
    cr_assert(command_has_subcommands(find("CLUSTER")));
    cr_assert_not(command_has_subcommands(find("ping")));
    cr_assert_not(command_has_subcommands(find("get")));
    cr_assert_eq(command_find_sub(find("config"), BYTES_LITERAL("SET"))->group,
                 COMMAND_GROUP_SERVER);
}

Test(command, rows_say_what_commands_def_says)
{
    const struct command_spec *get = find("get");
    const struct command_spec *meet = command_find_sub(find("cluster"), BYTES_LITERAL("meet"));

    cr_assert_eq(get->id, COMMAND_GET);
    cr_assert_eq(get->kind, COMMAND_DATA);
    cr_assert_eq(get->arity, 2);
    cr_assert_eq(get->flags, COMMAND_FLAG_READONLY | COMMAND_FLAG_FAST);
    cr_assert_eq(get->group, COMMAND_GROUP_STRING);
    cr_assert_str_eq(get->since, "1.0.0");
    cr_assert_eq(meet->id, COMMAND_CLUSTER_MEET);
    cr_assert_eq(meet->parent, COMMAND_CLUSTER);
    cr_assert_eq(meet->group, COMMAND_GROUP_CLUSTER);
    cr_assert_eq(meet->flags, COMMAND_FLAG_ADMIN | COMMAND_FLAG_STALE | COMMAND_FLAG_NO_ASYNC);
}

Test(command, arity_counts_the_name)
{
    cr_assert(command_arity_fits(find("get"), 2));
    cr_assert_not(command_arity_fits(find("get"), 1));
    cr_assert_not(command_arity_fits(find("get"), 3));
    cr_assert(command_arity_fits(find("del"), 2));
    cr_assert(command_arity_fits(find("del"), 200));
    cr_assert_not(command_arity_fits(find("del"), 1));
}

Test(command_index, a_renamed_command_has_its_new_name_alone_and_a_disabled_one_none)
{
    static struct command_index index;
    struct errmsg error = {0};
    const struct command_spec *get = find("get");

    command_index_init(&index);
    cr_assert(command_index_rename(&index, "GET", "fetch-the-value", &error), "%s", error.text);
    cr_assert(command_index_rename(&index, "flushall", "", &error), "%s", error.text);
    cr_assert_null(command_index_find(&index, bytes_from_text("get")));
    cr_assert_null(command_index_find(&index, bytes_from_text("FLUSHALL")));
    cr_assert_eq(command_index_find(&index, bytes_from_text("Fetch-The-Value")), get);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        if (spec->kind != COMMAND_SUB && spec != get && spec != find("flushall")) {
            cr_assert_eq(command_index_find(&index, bytes_from_text(spec->name)), spec);
        }
    }
    cr_assert(!command_index_rename(&index, "get", "x", &error));
    cr_assert_not_null(strstr(error.text, "No such command"));
    cr_assert(!command_index_rename(&index, "set", "del", &error));
    cr_assert_not_null(strstr(error.text, "already exists"));
    cr_assert(command_index_rename(&index, "fetch-the-value", "get", &error), "%s", error.text);
    cr_assert_eq(command_index_find(&index, bytes_from_text("GET")), get);
    command_index_deinit(&index);
}
