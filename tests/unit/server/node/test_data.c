/* SPDX-License-Identifier: MIT */
/* The key space that is served, and the one that was given up. */
#include "base/mem.h"
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <signal.h>

static void set(struct keyspace *ks, const char *key)
{
    struct key_ref ref = keyspace_ref(ks, 0, bytes_from_text(key));

    keyspace_set(ks, &ref, BYTES_LITERAL("v"), EXPIRE_NEVER);
}

Test(data, has_as_many_databases_as_configured_and_one_in_cluster_mode)
{
    struct alone_option options[] = {
        {"databases",       "5"  },
        {"cluster-enabled", "yes"}
    };
    struct alone *a = alone_new(options, 1);
    struct alone *clustered = alone_new(options, 2);

    cr_assert_eq(data_database_count(a->node), 5);
    cr_assert_eq(data_database_count(clustered->node), 1);
    alone_free(a);
    alone_free(clustered);
}

Test(data, that_is_replaced_lives_on_until_the_end_of_the_pass)
{
    struct alone *a = alone_new(NULL, 0);
    struct data *data = &a->node->data;
    struct keyspace *old = data->keyspace;
    struct keyspace *fresh = data_new_keyspace(a->node);

    set(old, "old");
    set(fresh, "fresh");
    data_replace(a->node, fresh);
    data_check_keyspaces(a->node);
    cr_assert_eq(data->keyspace, fresh);
    cr_assert_eq(data->retired, old);
    cr_assert_eq(keyspace_count_all(data->retired), 1);
    alone_pass(a, 1000, ALONE_CLIENTS, (struct bytes){0});
    cr_assert_null(data->retired);
    cr_assert_eq(data->keyspace, fresh);
    alone_free(a);
}

Test(data, can_be_replaced_twice_in_one_pass)
{
    struct alone *a = alone_new(NULL, 0);
    struct keyspace *first = data_new_keyspace(a->node);
    struct keyspace *second = data_new_keyspace(a->node);

    data_replace(a->node, first);
    data_replace(a->node, second);
    cr_assert_eq(a->node->data.keyspace, second);
    cr_assert_eq(a->node->data.retired, first);
    alone_free(a);
}

Test(data, has_fresh_key_spaces_of_its_own_kind)
{
    struct alone *a = alone_new(NULL, 0);
    struct keyspace *fresh = data_new_keyspace(a->node);
    struct key_ref here = keyspace_ref(a->node->data.keyspace, 3, BYTES_LITERAL("k"));
    struct key_ref there = keyspace_ref(fresh, 3, BYTES_LITERAL("k"));

    cr_assert_eq(here.hash, there.hash);
    cr_assert_eq(here.table, there.table);
    cr_assert_eq(keyspace_count_all(fresh), 0);
    keyspace_free(fresh);
    alone_free(a);
}

Test(data, remembers_the_most_memory_that_was_in_use)
{
    struct alone *a = alone_new(NULL, 0);
    void *much = mem_alloc(MEM_TEST, 10 * 1024 * 1024);
    size_t peak = data_note_memory(a->node);

    mem_free(MEM_TEST, much);
    cr_assert_lt(data_note_memory(a->node), peak);
    cr_assert_eq(a->node->data.peak_memory, peak);
    cr_assert_gt(a->node->data.startup_memory, 0);
    alone_free(a);
}

Test(data, is_not_replaced_by_itself, .signal = SIGABRT)
{
    struct alone *a = alone_new(NULL, 0);

    data_replace(a->node, a->node->data.keyspace);
}

Test(data, has_one_size_at_birth, .signal = SIGABRT)
{
    data_note_startup(alone_new(NULL, 0)->node);
}
