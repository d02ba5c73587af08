/* SPDX-License-Identifier: MIT */
/* The owner's side, rule by rule: see copies/lender.h.  All of it together with borrowers is in test_protocol.c. */
#include "copies/lender.h"

#include <criterion/criterion.h>

#include <stdio.h>

enum {
    LEASE_MS = 250,
};

static const struct mono_time start = {.us = 1000000000};

static struct mono_time after_ms(int64_t ms)
{
    return mono_add_ms(start, ms);
}

static struct bytes name_of(const char *text)
{
    return bytes_from_text(text);
}

static struct cluster_id id_of(unsigned number)
{
    struct cluster_id id;

    snprintf(id.text, sizeof(id.text), "%040x", number);
    return id;
}

/* Peers 0 to count - 1 on links 1 to count, each with a lease from the start. */
static struct lender lender_with(int count)
{
    struct lender l;

    lender_init(&l, 1);
    for (int i = 0; i < count; i++) {
        const struct cluster_id id = id_of((unsigned)i);

        cr_assert_eq(lender_join(&l, &id, (uint64_t)i + 1), i);
        cr_assert_eq(lender_grant(&l, i, start, LEASE_MS, 100000), LEASE_MS);
    }
    return l;
}

static void lend(struct lender *l, int peer, const char *key)
{
    cr_assert(lender_lend(l, peer, start, name_of(key)));
}

static void change(struct lender *l, int64_t at_ms, const char *key, uint64_t version)
{
    cr_assert(lender_note_change(l, after_ms(at_ms), name_of(key), version));
}

static uint64_t limit_at(const struct lender *l, int64_t ms)
{
    lender_check(l);
    return lender_limit(l, after_ms(ms));
}

static void expect_message(const struct lender *l, size_t index, uint64_t link, uint64_t version,
                           const char *key)
{
    const struct lender_message *message;

    cr_assert_lt(index, l->outbox.count);
    message = &l->outbox.items[index];
    cr_expect_eq(message->link, link);
    cr_expect_eq(message->version, version);
    cr_expect_eq(message->is_all, key == NULL);
    cr_expect(key == NULL ||
              bytes_equal(bytes_make(l->outbox_keys.data + message->key_at, message->key_len),
                          bytes_from_text(key)));
}

/* ---- (1) a key is noted as lent before its value leaves ----------------------------------------- */

Test(lender, what_is_lent_is_known_as_such_by_key_and_by_holder)
{
    struct lender l = lender_with(2);

    cr_expect_not(lender_has_lent(&l, name_of("a")));
    lend(&l, 0, "a");
    lend(&l, 0, "a");
    cr_expect(lender_has_lent(&l, name_of("a")));
    lend(&l, 1, "a");
    cr_expect(lender_has_lent(&l, name_of("a")));
    cr_expect(lender_has_lent(&l, name_of("a")));
    cr_expect_not(lender_has_lent(&l, name_of("b")));
    cr_expect_eq(l.lent, 3);
    lender_check(&l);
    lender_deinit(&l);
}

Test(lender, nothing_is_lent_to_a_peer_without_a_lease)
{
    struct lender l = lender_with(1);
    const struct cluster_id id = id_of(7);
    int peer = lender_join(&l, &id, 7);

    cr_expect_not(lender_lend(&l, peer, start, name_of("a")));
    cr_expect_not(lender_lend(&l, 0, after_ms(LEASE_MS), name_of("a")));
    cr_expect_not(lender_has_lent(&l, name_of("a")));
    cr_expect(lender_lend(&l, 0, after_ms(LEASE_MS - 1), name_of("a")));
    lender_deinit(&l);
}

Test(lender, no_more_keys_are_lent_than_there_is_room_for_but_those_to_others_as_well)
{
    struct lender l = lender_with(2);
    char key[16];

    for (int i = 0; i < LENDER_KEYS_MAX; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        lend(&l, 0, key);
    }
    cr_expect_not(lender_lend(&l, 0, start, name_of("beyond")));
    cr_expect(lender_lend(&l, 1, start, name_of("key7")));
    change(&l, 0, "key9", 10);
    cr_expect(lender_lend(&l, 0, start, name_of("beyond")));
    lender_check(&l);
    lender_deinit(&l);
}

/* ---- (2) every peer that has it is sent INVALIDATE, and has it no more -------------------------- */

Test(lender, behind_a_change_those_who_have_the_key_are_told_in_order_and_nobody_else)
{
    struct lender l = lender_with(3);

    lend(&l, 0, "a");
    lend(&l, 2, "a");
    lend(&l, 1, "b");
    change(&l, 1, "a", 10);
    change(&l, 1, "b", 20);
    cr_assert_eq(l.outbox.count, 3);
    expect_message(&l, 0, 1, 10, "a");
    expect_message(&l, 1, 3, 10, "a");
    expect_message(&l, 2, 2, 20, "b");
    lender_clear_outbox(&l);
    cr_expect_eq(l.outbox.count, 0);
    lender_deinit(&l);
}

Test(lender, a_key_that_changed_is_lent_no_more_so_that_the_next_change_waits_for_nobody)
{
    struct lender l = lender_with(1);

    lend(&l, 0, "a");
    change(&l, 1, "a", 10);
    lender_take_ack(&l, 0, 10);
    cr_expect_not(lender_has_lent(&l, name_of("a")));
    cr_expect_not(lender_note_change(&l, after_ms(2), name_of("a"), 11));
    cr_expect_eq(limit_at(&l, 2), UINT64_MAX);
    lender_deinit(&l);
}

Test(lender, a_change_of_what_nobody_has_is_nobodys_business)
{
    struct lender l = lender_with(1);

    cr_expect_not(lender_note_change(&l, start, name_of("a"), 10));
    cr_expect_not(lender_note_all_changed(&l, start, 11));
    cr_expect_eq(l.outbox.count, 0);
    cr_expect_eq(limit_at(&l, 0), UINT64_MAX);
    cr_expect_not(lender_is_lending(&l, start));
    lender_deinit(&l);
}

Test(lender, when_all_changed_each_peer_with_anything_is_told_once)
{
    struct lender l = lender_with(3);

    lend(&l, 0, "a");
    lend(&l, 0, "b");
    lend(&l, 1, "b");
    cr_expect(lender_note_all_changed(&l, start, 10));
    cr_assert_eq(l.outbox.count, 2);
    expect_message(&l, 0, 1, 10, NULL);
    expect_message(&l, 1, 2, 10, NULL);
    cr_expect_not(lender_has_lent(&l, name_of("b")));
    cr_expect_eq(lender_change_of(&l, lender_hash(&l, name_of("a"))), 10);
    cr_expect_eq(lender_change_of(&l, lender_hash(&l, name_of("b"))), 10);
    lender_deinit(&l);
}

/* ---- (3) what tells of a change stays while anybody has not acknowledged it --------------------- */

Test(lender, a_change_may_be_shown_when_the_last_of_those_who_had_it_has_acknowledged_it)
{
    struct lender l = lender_with(3);

    lend(&l, 0, "a");
    lend(&l, 1, "a");
    change(&l, 1, "a", 10);
    cr_expect_eq(limit_at(&l, 1), 9);
    lender_take_ack(&l, 0, 10);
    cr_expect_eq(limit_at(&l, 1), 9);
    cr_expect(lender_is_lending(&l, after_ms(1)));
    lender_take_ack(&l, 1, 10);
    cr_expect_eq(limit_at(&l, 1), UINT64_MAX);
    cr_expect_not(lender_is_lending(&l, after_ms(1)));
    lender_deinit(&l);
}

Test(lender, of_several_changes_those_in_front_of_the_first_that_is_open_may_be_shown)
{
    struct lender l = lender_with(1);

    lend(&l, 0, "a");
    lend(&l, 0, "b");
    change(&l, 1, "a", 10);
    change(&l, 1, "b", 20);
    cr_expect_eq(limit_at(&l, 1), 9);
    lender_take_ack(&l, 0, 9);
    cr_expect_eq(limit_at(&l, 1), 9, "that was older");
    lender_take_ack(&l, 0, 10);
    cr_expect_geq(limit_at(&l, 1), 10);
    cr_expect_lt(limit_at(&l, 1), 20);
    lender_take_ack(&l, 0, 20);
    cr_expect_eq(limit_at(&l, 1), UINT64_MAX);
    lender_take_ack(&l, 0, 30);
    cr_expect_eq(limit_at(&l, 1), UINT64_MAX);
    lender_deinit(&l);
}

/* A transaction, or MSET. */
Test(lender, of_several_keys_that_changed_in_one_version_each_is_acknowledged_for_itself)
{
    struct lender l = lender_with(2);

    lend(&l, 0, "a");
    lend(&l, 0, "b");
    lend(&l, 1, "b");
    change(&l, 0, "a", 7);
    change(&l, 0, "b", 7);
    lender_take_ack(&l, 1, 7);
    lender_take_ack(&l, 0, 7);
    cr_expect_eq(limit_at(&l, 1), 6, "that of the one is not that of the other");
    lender_take_ack(&l, 0, 7);
    cr_expect_eq(limit_at(&l, 1), UINT64_MAX);
    lender_deinit(&l);
}

Test(lender, a_key_is_told_of_up_to_its_own_last_change_and_others_of_theirs)
{
    struct lender l = lender_with(1);

    cr_expect_eq(lender_change_of(&l, lender_hash(&l, name_of("a"))), 0);
    lend(&l, 0, "a");
    lend(&l, 0, "b");
    change(&l, 1, "a", 10);
    change(&l, 1, "b", 20);
    cr_expect_eq(lender_change_of(&l, lender_hash(&l, name_of("a"))), 10);
    cr_expect_eq(lender_change_of(&l, lender_hash(&l, name_of("b"))), 20);
    cr_expect_eq(l.last_change, 20);
    lender_deinit(&l);
}

Test(lender, a_peer_whose_lease_is_over_holds_nothing_up_and_time_says_when)
{
    struct lender l = lender_with(2);

    (void)lender_grant(&l, 1, start, 100, 100000);
    lend(&l, 0, "a");
    lend(&l, 1, "a");
    change(&l, 1, "a", 10);
    lender_take_ack(&l, 1, 10);
    cr_expect_eq(lender_wake_at(&l, after_ms(1)).us, after_ms(LEASE_MS).us);
    cr_expect_eq(limit_at(&l, LEASE_MS - 1), 9);
    cr_expect_eq(limit_at(&l, LEASE_MS), UINT64_MAX);
    cr_expect_eq(lender_wake_at(&l, after_ms(LEASE_MS)).us, MONO_NEVER.us);
    lender_deinit(&l);
}

Test(lender, a_peer_whose_connection_is_gone_is_waited_for_until_its_lease_is_over)
{
    struct lender l = lender_with(1);
    const struct cluster_id id = id_of(0);

    lend(&l, 0, "a");
    lender_leave(&l, 1, after_ms(1));
    cr_expect_eq(lender_find(&l, &id), LENDER_NOBODY);
    change(&l, 2, "a", 10);
    cr_expect_eq(l.outbox.count, 0, "it cannot be told");
    cr_expect_eq(limit_at(&l, 2), 9);
    lender_tick(&l, after_ms(LEASE_MS - 1));
    cr_expect_eq(l.peer_count, 1);
    cr_expect_eq(limit_at(&l, LEASE_MS), UINT64_MAX);
    lender_tick(&l, after_ms(LEASE_MS));
    cr_expect_eq(l.peer_count, 0);
    lender_deinit(&l);
}

Test(lender, a_node_that_joins_anew_is_another_peer_and_the_lease_of_the_old_one_still_counts)
{
    struct lender l = lender_with(1);
    const struct cluster_id id = id_of(0);
    int again;

    lend(&l, 0, "a");
    lender_leave(&l, 1, after_ms(1));
    again = lender_join(&l, &id, 2);
    cr_assert_neq(again, 0);
    cr_expect_eq(lender_find(&l, &id), again);
    cr_expect_eq(lender_find_link(&l, 2), again);
    change(&l, 2, "a", 10);
    lender_take_ack(&l, again, 10);
    cr_expect_eq(limit_at(&l, 2), 9);
    lender_deinit(&l);
}

/* ---- (4) grants ride behind the INVALIDATEs ----------------------------------------------------- */

Test(lender, a_peer_without_a_lease_is_told_of_a_change_before_its_next_grant_and_not_waited_for)
{
    struct lender l = lender_with(1);

    lend(&l, 0, "a");
    change(&l, LEASE_MS, "a", 10);
    cr_expect_eq(limit_at(&l, LEASE_MS), UINT64_MAX);
    expect_message(&l, 0, 1, 10, "a");
    cr_expect_gt(lender_grant(&l, 0, after_ms(LEASE_MS), LEASE_MS, 100000), 0);
    cr_expect_eq(limit_at(&l, LEASE_MS), UINT64_MAX);
    lender_deinit(&l);
}

Test(lender, what_was_open_when_a_lease_ended_is_not_after_the_next_grant)
{
    struct lender l = lender_with(1);

    lend(&l, 0, "a");
    change(&l, 1, "a", 10);
    lender_tick(&l, after_ms(LEASE_MS));
    (void)lender_grant(&l, 0, after_ms(LEASE_MS), LEASE_MS, 100000);
    cr_expect_eq(limit_at(&l, LEASE_MS), UINT64_MAX);
    lender_deinit(&l);
}

/* ---- (5) leases --------------------------------------------------------------------------------- */

Test(lender, no_lease_goes_beyond_our_own)
{
    struct lender l = lender_with(1);

    cr_expect_eq(lender_grant(&l, 0, after_ms(1000), 250, 100), 100);
    cr_expect(lender_lend(&l, 0, after_ms(1099), name_of("a")));
    cr_expect_not(lender_lend(&l, 0, after_ms(1100), name_of("a")));
    cr_expect_eq(lender_grant(&l, 0, after_ms(1100), 250, 0), 0);
    cr_expect_eq(lender_grant(&l, 0, after_ms(1100), 250, -5), 0);
    cr_expect_eq(lender_grant(&l, 0, after_ms(1100), 0, 100), 0);
    cr_expect_not(lender_lend(&l, 0, after_ms(1100), name_of("a")));
    lender_deinit(&l);
}

Test(lender, a_shorter_grant_does_not_shorten_what_was_granted)
{
    struct lender l = lender_with(1);

    lend(&l, 0, "a");
    cr_expect_eq(lender_grant(&l, 0, after_ms(1), 250, 10), 10);
    change(&l, 2, "a", 10);
    cr_expect_eq(limit_at(&l, LEASE_MS - 1), 9);
    lender_deinit(&l);
}

/* ---- (6) recall --------------------------------------------------------------------------------- */

Test(lender, while_all_is_wanted_back_nothing_is_lent_and_all_who_have_anything_are_told)
{
    struct lender l = lender_with(2);

    lend(&l, 0, "a");
    lend(&l, 1, "b");
    lender_recall(&l, after_ms(1), lender_version_at(10));
    cr_assert_eq(l.outbox.count, 2);
    cr_expect_gt(l.outbox.items[0].version, lender_version_at(10), "what is on its way is older");
    cr_expect_not(lender_lend(&l, 0, after_ms(1), name_of("a")));
    cr_expect(lender_is_lending(&l, after_ms(1)));
    lender_take_ack(&l, 0, lender_version_at(10));
    cr_expect(lender_is_lending(&l, after_ms(1)), "that was the answer to a change before");
    lender_take_ack(&l, 0, l.outbox.items[0].version);
    lender_take_ack(&l, 1, l.outbox.items[1].version);
    cr_expect_not(lender_is_lending(&l, after_ms(1)));
    lender_end_recall(&l);
    cr_expect(lender_lend(&l, 0, after_ms(1), name_of("a")));
    lender_check(&l);
    lender_deinit(&l);
}

/* ---- (7) one connection a node ------------------------------------------------------------------ */

Test(lender, a_node_that_joins_before_its_old_connection_is_known_to_be_gone_is_told_by_the_new_one)
{
    struct lender l = lender_with(1);
    const struct cluster_id id = id_of(0);
    int again = lender_join(&l, &id, 2);

    cr_assert_eq(lender_find(&l, &id), again);
    cr_assert_eq(lender_find_link(&l, 1), LENDER_NOBODY);
    (void)lender_grant(&l, again, after_ms(1), LEASE_MS, 100000);
    lend(&l, lender_find(&l, &id), "a");
    lender_leave(&l, 1, after_ms(2));
    lender_tick(&l, after_ms(LEASE_MS));
    cr_expect_eq(l.peer_count, 1);
    change(&l, LEASE_MS, "a", 10);
    expect_message(&l, 0, 2, 10, "a");
    cr_expect_eq(limit_at(&l, LEASE_MS), 9);
    lender_deinit(&l);
}

Test(lender, what_a_node_had_by_its_old_connection_is_waited_for_until_that_lease_is_over)
{
    struct lender l = lender_with(1);
    const struct cluster_id id = id_of(0);

    lend(&l, 0, "a");
    (void)lender_join(&l, &id, 2);
    change(&l, 1, "a", 10);
    cr_expect_eq(l.outbox.count, 0);
    cr_expect_eq(limit_at(&l, LEASE_MS - 1), 9);
    cr_expect_eq(limit_at(&l, LEASE_MS), UINT64_MAX);
    lender_deinit(&l);
}

/* ---- peers -------------------------------------------------------------------------------------- */

Test(lender, a_peer_more_than_there_is_room_for_is_refused_until_one_is_gone)
{
    struct lender l = lender_with(LENDER_PEERS_MAX);
    const struct cluster_id id = id_of(1000);

    cr_expect_eq(lender_join(&l, &id, 1000), LENDER_NOBODY);
    lend(&l, LENDER_PEERS_MAX - 1, "a");
    change(&l, 1, "a", 10);
    cr_expect_eq(limit_at(&l, 1), 9);
    lender_leave(&l, 5, after_ms(LEASE_MS));
    cr_expect_eq(lender_join(&l, &id, 1000), 4);
    lender_check(&l);
    lender_deinit(&l);
}

Test(lender, one_who_leaves_without_a_lease_has_nothing_from_then_on)
{
    struct lender l = lender_with(2);

    lend(&l, 0, "a");
    lend(&l, 1, "a");
    lender_leave(&l, 1, after_ms(LEASE_MS));
    cr_expect(lender_has_lent(&l, name_of("a")));
    lender_leave(&l, 2, after_ms(LEASE_MS));
    cr_expect_not(lender_has_lent(&l, name_of("a")));
    cr_expect_eq(l.peer_count, 0);
    lender_leave(&l, 99, start);
    lender_check(&l);
    lender_deinit(&l);
}
