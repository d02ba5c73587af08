/* SPDX-License-Identifier: MIT */
/* What owners announce of hot slots, by byte and as other nodes know it. */
#include "copies/hot_slots.h"

#include <criterion/criterion.h>

#include <stdio.h>

static const struct mono_time start = {.us = 1000000000};
static const struct cluster_id nobody;

static struct cluster_id id_of(unsigned number)
{
    struct cluster_id id;

    snprintf(id.text, sizeof(id.text), "%040x", number + 1);
    return id;
}

static struct mono_time after_ms(int64_t ms)
{
    return mono_add_ms(start, ms);
}

/* Members 0 to count - 1, all ready; the owner is 100. */
static struct hot_slot hot_of(uint16_t slot, uint64_t epoch, size_t count)
{
    struct hot_slot hot = {
        .slot = slot, .owner = id_of(100), .epoch = epoch, .member_count = count};

    for (size_t i = 0; i < count; i++) {
        hot.members[i] = (struct hot_member){.node = id_of((unsigned)i), .is_ready = true};
    }
    return hot;
}

static void take(struct hot_slots *table, int64_t at_ms, const struct hot_slot *hot, unsigned me)
{
    const struct cluster_id id = id_of(me);

    hot_slots_take(table, after_ms(at_ms), hot, &id, &nobody);
}

static bool is_hot(const struct hot_slots *table, int64_t at_ms, uint16_t slot)
{
    return hot_slots_find(table, after_ms(at_ms), slot) != NULL;
}

static bool is_accepted(const struct hot_slots *table, int64_t at_ms, uint16_t slot)
{
    return hot_slots_accepted(table, after_ms(at_ms), slot) != NULL;
}

/* ---- by byte ------------------------------------------------------------------------------------ */

static void expect_equal(const struct hot_slot *a, const struct hot_slot *b)
{
    cr_expect_eq(a->slot, b->slot);
    cr_expect_eq(a->epoch, b->epoch);
    cr_expect(cluster_id_equal(&a->owner, &b->owner));
    cr_assert_eq(a->member_count, b->member_count);
    for (size_t i = 0; i < a->member_count; i++) {
        cr_expect(cluster_id_equal(&a->members[i].node, &b->members[i].node));
        cr_expect_eq(a->members[i].is_ready, b->members[i].is_ready);
        cr_expect_eq(a->members[i].reads, b->members[i].reads);
    }
    cr_expect_eq(a->owner_reads, b->owner_reads);
}

Test(hot_slots, what_is_encoded_is_decoded_as_it_was)
{
    for (size_t count = 0; count <= HOT_MEMBERS_MAX; count++) {
        struct hot_slot hot = hot_of(16383, UINT64_C(0xfedcba9876543210), count);
        struct hot_slot back;
        struct buf bytes = {0};

        for (size_t i = 0; i < count; i++) {
            hot.members[i].is_ready = i % 3 == 0;
            hot.members[i].reads = UINT32_MAX - (uint32_t)i;
        }
        hot.owner_reads = 0x89abcdef;
        hot.owner = nobody; /* it is the sender's */
        hot_slot_encode(&hot, &bytes);
        cr_assert_eq(bytes.len, 2 + 8 + 4 + 1 + count * (CLUSTER_RAW_ID_BYTES + 1 + 4));
        cr_assert(hot_slot_decode(buf_bytes(&bytes), &back));
        expect_equal(&hot, &back);
        buf_deinit(&bytes);
    }
}

Test(hot_slots, an_announcement_cut_anywhere_or_with_something_behind_it_is_refused)
{
    struct hot_slot hot = hot_of(1, 2, 3);
    struct hot_slot back;
    struct buf bytes = {0};

    hot_slot_encode(&hot, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        cr_expect_not(hot_slot_decode(bytes_prefix(buf_bytes(&bytes), len), &back), "%zu", len);
    }
    encode_u8(&bytes, 0);
    cr_expect_not(hot_slot_decode(buf_bytes(&bytes), &back));
    buf_deinit(&bytes);
}

static bool decodes(uint8_t count, size_t members, const struct cluster_id *id)
{
    struct hot_slot back;
    struct buf bytes = {0};
    bool is_decoded;

    encode_u16_be(&bytes, 7);
    encode_u64_be(&bytes, 1);
    encode_u32_be(&bytes, 0);
    encode_u8(&bytes, count);
    for (size_t i = 0; i < members; i++) {
        cluster_id_encode(&bytes, id);
        encode_u8(&bytes, 1);
        encode_u32_be(&bytes, 0);
    }
    is_decoded = hot_slot_decode(buf_bytes(&bytes), &back);
    buf_deinit(&bytes);
    return is_decoded;
}

Test(hot_slots, a_count_of_members_that_is_not_theirs_or_too_large_is_refused)
{
    const struct cluster_id id = id_of(1);

    cr_expect(decodes(2, 2, &id));
    cr_expect_not(decodes(1, 2, &id));
    cr_expect_not(decodes(3, 2, &id));
    cr_expect(decodes(HOT_MEMBERS_MAX, HOT_MEMBERS_MAX, &id));
    cr_expect_not(decodes(HOT_MEMBERS_MAX + 1, HOT_MEMBERS_MAX + 1, &id));
    cr_expect_not(decodes(255, 255, &id));
}

Test(hot_slots, a_member_that_is_nobody_is_refused)
{
    cr_expect_not(decodes(1, 1, &nobody));
}

/* ---- as nodes know it --------------------------------------------------------------------------- */

Test(hot_slots, a_slot_is_hot_from_its_announcement_until_it_is_not_repeated_for_the_lapse)
{
    struct hot_slots table = {0};
    const struct hot_slot hot = hot_of(5, 1, 2);

    cr_expect_not(is_hot(&table, 0, 5));
    take(&table, 0, &hot, 50);
    cr_expect(is_hot(&table, 0, 5));
    cr_expect_not(is_hot(&table, 0, 6));
    cr_expect(is_hot(&table, HOT_LAPSE_MS - 1, 5));
    cr_expect_not(is_hot(&table, HOT_LAPSE_MS, 5));
    take(&table, HOT_LAPSE_MS - 1, &hot, 50);
    cr_expect(is_hot(&table, HOT_LAPSE_MS, 5));
    hot_slots_deinit(&table);
}

Test(hot_slots, an_announcement_that_was_overtaken_by_a_newer_one_of_its_owner_changes_nothing)
{
    struct hot_slots table = {0};
    const struct hot_slot older = hot_of(5, 7, 3);
    const struct hot_slot newer = hot_of(5, 8, 1);

    take(&table, 0, &newer, 50);
    take(&table, 1, &older, 2);
    cr_expect_eq(hot_slots_find(&table, after_ms(1), 5)->epoch, 8);
    cr_expect_eq(hot_slots_find(&table, after_ms(1), 5)->member_count, 1);
    cr_expect_not(is_accepted(&table, 1, 5));
    cr_expect_not(is_hot(&table, HOT_LAPSE_MS, 5), "nor does it count as a repetition");
    hot_slots_deinit(&table);
}

Test(hot_slots, an_end_that_came_is_not_undone_by_an_older_announcement)
{
    struct hot_slots table = {0};
    const struct hot_slot begun = hot_of(5, 7, 1);
    const struct hot_slot ended = hot_of(5, 8, 0);

    take(&table, 0, &begun, 0);
    take(&table, 1, &ended, 0);
    cr_expect_not(is_hot(&table, 1, 5));
    take(&table, 2, &begun, 0);
    cr_expect_not(is_hot(&table, 2, 5));
    hot_slots_deinit(&table);
}

Test(hot_slots, another_owner_is_believed_whatever_the_epoch_of_the_last_one_was)
{
    struct hot_slots table = {0};
    struct hot_slot hot = hot_of(5, 1000, 2);
    const struct cluster_id other = id_of(101);

    take(&table, 0, &hot, 50);
    hot = hot_of(5, 1, 1);
    hot.owner = other;
    take(&table, 1, &hot, 50);
    cr_expect(cluster_id_equal(&hot_slots_find(&table, after_ms(1), 5)->owner, &other));
    cr_expect_eq(table.count, 1);
    hot_slots_deinit(&table);
}

Test(hot_slots, an_owner_whose_clock_was_set_back_is_believed_as_soon_as_what_it_said_is_over)
{
    struct hot_slots table = {0};
    const struct hot_slot before = hot_of(5, 1000, 2);
    const struct hot_slot after = hot_of(5, 7, 1);

    take(&table, 0, &before, 0);
    take(&table, HOT_LAPSE_MS - 1, &after, 0);
    cr_expect_eq(hot_slots_find(&table, after_ms(HOT_LAPSE_MS - 1), 5)->epoch, 1000);
    take(&table, HOT_LAPSE_MS, &after, 0);
    cr_assert(is_hot(&table, HOT_LAPSE_MS, 5));
    cr_expect_eq(hot_slots_find(&table, after_ms(HOT_LAPSE_MS), 5)->epoch, 7);
    hot_slots_deinit(&table);
}

Test(hot_slots, the_number_of_an_epoch_rises_whatever_the_epoch_is)
{
    struct hot_slots table = {0};
    struct hot_slot hot = hot_of(5, 1000, 2);
    uint32_t last;

    take(&table, 0, &hot, 50);
    last = hot_slots_find(&table, after_ms(0), 5)->number;
    cr_expect_gt(last, 0);
    take(&table, 1, &hot, 50);
    cr_expect_eq(hot_slots_find(&table, after_ms(1), 5)->number, last, "it was said again");
    hot = hot_of(5, 7, 2);
    take(&table, 1 + HOT_LAPSE_MS, &hot, 50);
    cr_expect_gt(hot_slots_find(&table, after_ms(1 + HOT_LAPSE_MS), 5)->number, last);
    hot_slots_deinit(&table);
}

Test(hot_slots, each_slot_is_found_whichever_of_them_are_forgotten)
{
    struct hot_slots table = {0};

    for (uint16_t slot = 0; slot < 40; slot++) {
        const struct hot_slot hot = hot_of(slot, 1, 2);

        take(&table, slot % 2 == 0 ? 0 : 1000, &hot, 50);
    }
    hot_slots_tick(&table, after_ms(HOT_LAPSE_MS));
    cr_expect_eq(table.count, 20);
    for (uint16_t slot = 0; slot < 40; slot++) {
        const struct hot_slot *found = hot_slots_find(&table, after_ms(HOT_LAPSE_MS), slot);

        cr_expect_eq(found != NULL, slot % 2 == 1);
        cr_expect(found == NULL || found->slot == slot);
    }
    hot_slots_deinit(&table);
}

Test(hot_slots, views_count_as_changed_with_each_epoch_and_owner_and_at_the_end_alone)
{
    struct hot_slots table = {0};
    struct hot_slot hot = hot_of(5, 1, 2);
    uint64_t before = table.changes;

    take(&table, 0, &hot, 50);
    cr_expect_neq(table.changes, before);
    before = table.changes;
    take(&table, 1000, &hot, 50);
    hot_slots_tick(&table, after_ms(1000));
    cr_expect_eq(table.changes, before, "it was said again");
    hot.epoch++;
    take(&table, 2000, &hot, 50);
    cr_expect_neq(table.changes, before);
    before = table.changes;
    hot.owner = id_of(101);
    take(&table, 3000, &hot, 50);
    cr_expect_neq(table.changes, before);
    before = table.changes;
    hot_slots_tick(&table, after_ms(3000 + HOT_LAPSE_MS));
    cr_expect_neq(table.changes, before);
    hot_slots_deinit(&table);
}

/* ---- who accepts -------------------------------------------------------------------------------- */

Test(hot_slots, a_member_accepts_at_once_though_it_is_not_ready_and_others_do_not)
{
    struct hot_slots of_member = {0};
    struct hot_slots of_other = {0};
    struct hot_slot hot = hot_of(5, 1, 2);

    hot.members[1].is_ready = false;
    take(&of_member, 0, &hot, 1);
    take(&of_other, 0, &hot, 2);
    cr_expect(is_accepted(&of_member, 0, 5));
    cr_expect_not(is_accepted(&of_member, 0, 6));
    cr_expect_not(is_accepted(&of_other, 0, 5));
    hot_slots_deinit(&of_member);
    hot_slots_deinit(&of_other);
}

Test(hot_slots, a_replica_of_a_member_accepts_and_one_of_somebody_else_does_not)
{
    struct hot_slots table = {0};
    const struct hot_slot hot = hot_of(5, 1, 2);
    const struct cluster_id me = id_of(50);
    const struct cluster_id member = id_of(1);
    const struct cluster_id other = id_of(2);

    hot_slots_take(&table, start, &hot, &me, &other);
    cr_expect_not(is_accepted(&table, 0, 5));
    hot_slots_take(&table, start, &hot, &me, &member);
    cr_expect(is_accepted(&table, 0, 5));
    hot_slots_deinit(&table);
}

/* However it comes to be no member any more. */
static void expect_grace(const char *how, const struct hot_slot *last, unsigned me)
{
    struct hot_slots table = {0};
    const struct hot_slot hot = hot_of(5, 1, 2);
    const int64_t end_ms = HOT_LAPSE_MS + HOT_GRACE_MS;

    take(&table, 0, &hot, me);
    if (last != NULL) {
        take(&table, 1, last, me);
    }
    for (int64_t ms = 1; ms < end_ms; ms += 1000) {
        hot_slots_tick(&table, after_ms(ms));
        cr_assert(is_accepted(&table, ms, 5), "%s, after %lld ms", how, (long long)ms);
    }
    cr_expect(is_accepted(&table, end_ms - 1, 5), "%s", how);
    cr_expect_not(is_accepted(&table, end_ms, 5), "%s", how);
    hot_slots_tick(&table, after_ms(end_ms + 1 + HOT_LAPSE_MS));
    cr_expect_eq(table.count, 0, "%s", how);
    hot_slots_deinit(&table);
}

Test(hot_slots, who_was_a_member_accepts_for_the_grace_however_that_ended)
{
    const struct hot_slot ended = hot_of(5, 2, 0);
    const struct hot_slot without = hot_of(5, 2, 1);

    expect_grace("it lapsed", NULL, 1);
    expect_grace("it was said to be over", &ended, 1);
    expect_grace("others go on", &without, 1);
}

static bool sends_home(const struct hot_slots *table, int64_t at_ms, unsigned me, int primary)
{
    const struct cluster_id id = id_of(me);
    const struct cluster_id followed = primary >= 0 ? id_of((unsigned)primary) : nobody;

    return hot_slots_sends_home(table, after_ms(at_ms), 5, &id, &followed);
}

Test(hot_slots, whoever_was_a_member_sends_clients_home_once_the_owner_has_said_so)
{
    struct hot_slots table = {0};
    const struct hot_slot hot = hot_of(5, 1, 2);
    const struct hot_slot without = hot_of(5, 2, 1);
    const struct hot_slot ended = hot_of(5, 3, 0);
    const unsigned me = 1;

    cr_expect_not(sends_home(&table, 0, me, -1), "nothing is known");
    take(&table, 0, &hot, me);
    cr_expect_not(sends_home(&table, 0, me, -1));
    take(&table, 1, &without, me);
    cr_expect(sends_home(&table, 1, me, -1));
    cr_expect_not(sends_home(&table, 1, 77, 0), "its primary is one yet");
    cr_expect_not(sends_home(&table, 1 + HOT_LAPSE_MS, me, -1), "of late nothing was heard");
    take(&table, 2, &ended, me);
    cr_expect(sends_home(&table, 2, me, -1));
    cr_expect(sends_home(&table, 2 + HOT_LAPSE_MS, me, -1), "the end is said once");
    hot_slots_deinit(&table);
}

Test(hot_slots, while_the_owner_is_silent_nobody_is_sent_home)
{
    struct hot_slots table = {0};
    const struct hot_slot hot = hot_of(5, 1, 2);
    const unsigned me = 1;

    take(&table, 0, &hot, me);
    hot_slots_tick(&table, after_ms(HOT_LAPSE_MS));
    cr_assert(is_accepted(&table, HOT_LAPSE_MS, 5));
    cr_expect_not(sends_home(&table, HOT_LAPSE_MS, me, -1), "it may advertise us yet");
    hot_slots_deinit(&table);
}

Test(hot_slots, what_is_over_is_forgotten_by_those_who_were_no_members_at_once)
{
    struct hot_slots table = {0};
    const struct hot_slot hot = hot_of(5, 1, 2);

    take(&table, 0, &hot, 50);
    hot_slots_tick(&table, after_ms(HOT_LAPSE_MS - 1));
    cr_expect_eq(table.count, 1);
    hot_slots_tick(&table, after_ms(HOT_LAPSE_MS));
    cr_expect_eq(table.count, 0);
    hot_slots_deinit(&table);
}

/* ---- the table ---------------------------------------------------------------------------------- */

Test(hot_slots, a_full_table_takes_news_of_its_slots_and_no_others_until_one_is_over)
{
    struct hot_slots table = {0};
    const struct hot_slot beyond = hot_of(HOT_SLOTS_MAX, 1, 2);

    for (unsigned slot = 0; slot < HOT_SLOTS_MAX; slot++) {
        const struct hot_slot hot = hot_of((uint16_t)slot, 1, 2);

        take(&table, 0, &hot, 50);
    }
    take(&table, 0, &beyond, 1);
    cr_expect_not(is_hot(&table, 0, HOT_SLOTS_MAX));
    cr_expect_not(is_accepted(&table, 0, HOT_SLOTS_MAX));
    for (unsigned slot = 0; slot < HOT_SLOTS_MAX; slot++) {
        const struct hot_slot hot = hot_of((uint16_t)slot, 2, slot == 77 ? 0 : 1);

        take(&table, 1, &hot, 50);
        cr_assert_eq(is_hot(&table, 1, (uint16_t)slot), slot != 77, "%u", slot);
    }
    hot_slots_tick(&table, after_ms(2));
    take(&table, 3, &beyond, 1);
    cr_expect(is_hot(&table, 3, HOT_SLOTS_MAX));
    cr_expect_eq(table.count, HOT_SLOTS_MAX);
    hot_slots_deinit(&table);
}

Test(hot_slots, the_end_of_a_slot_that_nobody_has_heard_of_takes_no_place)
{
    struct hot_slots table = {0};
    const struct hot_slot ended = hot_of(5, 1, 0);

    take(&table, 0, &ended, 50);
    cr_expect_eq(table.count, 0);
    hot_slots_deinit(&table);
}

Test(hot_slots, those_that_are_ready_are_counted_and_found_by_who_they_are)
{
    struct hot_slot hot = hot_of(5, 1, 4);
    const struct cluster_id third = id_of(2);
    const struct cluster_id other = id_of(9);

    hot.members[2].is_ready = false;
    cr_expect_eq(hot_slot_ready_count(&hot), 3);
    cr_expect_eq(hot_slot_member(&hot, &third), &hot.members[2]);
    cr_expect_null(hot_slot_member(&hot, &other));
    cr_expect_null(hot_slot_member(&hot, &nobody));
}
