/* SPDX-License-Identifier: MIT */
#include "stats/hot_session.h"

#include "base/hash.h"
#include "base/mem.h"

#include <criterion/criterion.h>

static struct hot_session *session_new(const struct hot_session_options *options)
{
    struct hot_session *session = mem_alloc(MEM_NODE, sizeof(*session));

    hot_session_begin(session, options, &(struct hot_session_process){0}, 1);
    return session;
}

static void use(struct hot_session *session, const char *key, uint32_t slot, uint64_t ns)
{
    struct bytes bytes = bytes_from_text(key);
    struct top_key_name name = {.bytes = bytes, .hash = hash_bytes(bytes, 1), .slot = slot};

    hot_session_add(session, &(struct hot_session_use){
                                 .ns = ns, .bytes = ns / 10, .names = &name, .name_count = 1});
}

static size_t list(const struct top_keys *top, const struct top_key **out)
{
    return top_keys_list(top, 1, out, 8);
}

Test(hot_session, adds_up_what_commands_of_each_key_took)
{
    struct hot_session *session =
        session_new(&(struct hot_session_options){.has_cpu = true, .key_count = 8, .ratio = 1});
    const struct top_key *keys[8];

    use(session, "a", 0, 100);
    use(session, "b", 0, 500);
    use(session, "a", 0, 300);
    cr_assert_eq(list(&session->by_ns, keys), 2);
    cr_expect(bytes_equal_text(top_key_bytes(keys[0]), "b"));
    cr_expect_eq(top_key_weight(keys[1]), 400);
    cr_expect_eq(list(&session->by_bytes, keys), 0, "bytes were not asked for");
    cr_expect_eq(session->ns.all, 900);
    mem_free(MEM_NODE, session);
}

Test(hot_session, counts_keys_of_chosen_slots_only_and_commands_of_all)
{
    struct hot_session_options options = {
        .has_net = true, .key_count = 8, .ratio = 1, .has_slots = true};
    struct hot_session *session;
    const struct top_key *keys[8];

    hot_session_add_slot(&options, 16383);
    hot_session_add_slot(&options, 0);
    session = session_new(&options);
    use(session, "in", 16383, 100);
    use(session, "out", 16382, 200);
    hot_session_add(session, &(struct hot_session_use){.ns = 50});
    cr_assert_eq(list(&session->by_bytes, keys), 1);
    cr_expect(bytes_equal_text(top_key_bytes(keys[0]), "in"));
    cr_expect_eq(session->ns.selected, 100);
    cr_expect_eq(session->ns.sampled, 100);
    cr_expect_eq(session->ns.all, 350);
    mem_free(MEM_NODE, session);
}

Test(hot_session, looks_at_one_command_in_so_many)
{
    struct hot_session *session =
        session_new(&(struct hot_session_options){.has_cpu = true, .key_count = 8, .ratio = 10});

    for (int i = 0; i < 10000; i++) {
        use(session, "k", 0, 1);
    }
    cr_expect_eq(session->ns.selected, 10000);
    cr_expect_gt(session->ns.sampled, 800);
    cr_expect_lt(session->ns.sampled, 1200);
    mem_free(MEM_NODE, session);
}

Test(hot_session, counts_a_command_within_another_once)
{
    struct hot_session *session =
        session_new(&(struct hot_session_options){.has_cpu = true, .key_count = 8, .ratio = 1});
    struct top_key_name name = {.bytes = BYTES_LITERAL("k"), .hash = 1};

    hot_session_add(session, &(struct hot_session_use){
                                 .ns = 30, .is_within = true, .names = &name, .name_count = 1});
    hot_session_add(session, &(struct hot_session_use){.ns = 100});
    cr_expect_eq(session->ns.all, 100);
    cr_expect_eq(session->ns.selected, 30);
    mem_free(MEM_NODE, session);
}

Test(hot_session, is_over_after_its_time_and_never_without_one)
{
    struct hot_session *session = session_new(&(struct hot_session_options){
        .has_cpu = true, .key_count = 8, .ratio = 1, .duration_ms = 2000});

    session->began_ms = 1000;
    cr_expect_not(hot_session_is_over(session, 2999));
    cr_expect(hot_session_is_over(session, 3000));
    session->options.duration_ms = 0;
    cr_expect_not(hot_session_is_over(session, INT64_MAX));
    hot_session_end(session, &(struct hot_session_process){.user_us = 5}, 3000);
    cr_expect_not(session->is_active);
    cr_expect_eq(session->after.user_us, 5);
    mem_free(MEM_NODE, session);
}
