/* SPDX-License-Identifier: MIT */
/* A member's side, rule by rule: see copies/borrower.h.  All of it together with a lender is in test_protocol.c. */
#include "copies/borrower.h"

#include "base/hash.h"

#include <criterion/criterion.h>

static const struct mono_time start = {.us = 1000000000};

static struct mono_time after_ms(int64_t ms)
{
    return mono_add_ms(start, ms);
}

static struct bytes name_of(const char *text)
{
    return bytes_from_text(text);
}

static void lease(struct borrower *b, int64_t at_ms, int64_t granted_ms)
{
    borrower_note_asked(b, after_ms(at_ms));
    borrower_take_lease(b, granted_ms);
}

/* Connected, with a whole lease from the start. */
static struct borrower *borrower_new(struct borrower *b)
{
    borrower_init(b, 1);
    borrower_link_up(b);
    lease(b, 0, BORROWER_LEASE_MS);
    return b;
}

static enum borrowed_state look(struct borrower *b, int64_t at_ms, const char *key)
{
    borrower_check(b);
    return borrower_look(b, after_ms(at_ms), name_of(key));
}

static bool take(struct borrower *b, const char *key, uint64_t version)
{
    const struct borrowed_value value = {.version = version, .expires = MONO_NEVER, .bytes = 100};

    return borrower_take_value(b, start, name_of(key), &value);
}

/* It lives so long from the start. */
static bool take_expiring(struct borrower *b, const char *key, uint64_t version, int64_t ttl_ms)
{
    const struct borrowed_value value = {
        .version = version, .expires = after_ms(ttl_ms), .bytes = 100};

    return borrower_take_value(b, start, name_of(key), &value);
}

static void have(struct borrower *b, const char *key, uint64_t version)
{
    borrower_note_wanted(b, name_of(key));
    cr_assert(take(b, key, version));
}

/* ---- (1) served before the lease is over -------------------------------------------------------- */

Test(borrower, a_copy_is_served_until_the_lease_is_over_and_again_with_the_next)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    cr_expect_eq(look(b, 0, "a"), BORROWED_NOT);
    have(b, "a", 5);
    cr_expect_eq(look(b, 244, "a"), BORROWED_VALID);
    cr_expect_eq(look(b, 245, "a"), BORROWED_NOT);
    lease(b, 300, BORROWER_LEASE_MS);
    cr_expect_eq(look(b, 301, "a"), BORROWED_VALID, "the owner would have said otherwise");
    borrower_deinit(b);
}

Test(borrower, without_a_lease_nothing_is_served)
{
    struct borrower b;

    borrower_init(&b, 1);
    borrower_link_up(&b);
    have(&b, "a", 5);
    cr_expect_not(borrower_has_lease(&b, start));
    cr_expect_eq(look(&b, 0, "a"), BORROWED_NOT);
    lease(&b, 0, 0);
    cr_expect_eq(look(&b, 0, "a"), BORROWED_NOT);
    borrower_deinit(&b);
}

static bool serves(struct borrower *b, int64_t at_ms, const char *key)
{
    return borrower_serves(b, after_ms(at_ms), name_of(key), hash_bytes(name_of(key), 1));
}

Test(borrower, what_is_served_unasked_is_what_a_look_finds_valid)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    cr_expect_not(serves(b, 0, "a"), "nobody has it");
    borrower_note_wanted(b, name_of("a"));
    cr_expect_not(serves(b, 0, "a"), "it is on its way");
    cr_assert(take_expiring(b, "a", 5, 100));
    cr_expect(serves(b, 99, "a"));
    cr_expect_not(serves(b, 100, "a"), "it has expired");
    have(b, "b", 5);
    cr_expect(serves(b, 244, "b"));
    cr_expect_not(serves(b, 245, "b"), "the lease is over");
    lease(b, 300, BORROWER_LEASE_MS);
    cr_expect(serves(b, 301, "b"));
    borrower_invalidate(b, name_of("b"), 6);
    cr_expect_not(serves(b, 301, "b"));
    borrower_note_wanted(b, name_of("c"));
    borrower_take_refusal(b, after_ms(301), name_of("c"));
    cr_expect_not(serves(b, 301, "c"));
    borrower_deinit(b);
}

Test(borrower, what_is_served_unasked_is_used_too)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    have(b, "a", 5);
    have(b, "b", 5);
    cr_assert(serves(b, 0, "a"));
    cr_assert(serves(b, 0, "a"));
    borrower_check(b);
    cr_expect(bytes_equal(buf_bytes(&borrower_oldest(b)->name), name_of("b")));
    borrower_deinit(b);
}

/* ---- (2) the lease ------------------------------------------------------------------------------ */

Test(borrower, a_lease_counts_from_when_it_was_asked_for_less_a_part_for_clocks_that_differ)
{
    struct borrower b;

    borrower_init(&b, 1);
    borrower_link_up(&b);
    borrower_note_asked(&b, start); /* the grant comes 200 ms later */
    borrower_take_lease(&b, 100);
    cr_expect(borrower_has_lease(&b, after_ms(97)));
    cr_expect_not(borrower_has_lease(&b, after_ms(98)));
    borrower_deinit(&b);
}

/* The member's clock may be slow by 1 percent and the owner's fast: 250 ms of the owner's are 245.02 of the member's. */
Test(borrower, the_part_that_is_given_away_is_enough_for_clocks_that_differ_by_one_percent_each)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);
    int64_t of_member_us = (int64_t)(BORROWER_LEASE_MS * 1000 * 0.99 / 1.01);

    cr_expect_leq(b->until.us - start.us, of_member_us);
    borrower_deinit(b);
}

Test(borrower, a_grant_that_nobody_asked_for_or_for_longer_gives_no_more_than_was_asked_for)
{
    struct borrower b;

    borrower_init(&b, 1);
    borrower_link_up(&b);
    borrower_take_lease(&b, 250);
    cr_expect_not(borrower_has_lease(&b, start));
    lease(&b, 0, 1000000);
    cr_expect(borrower_has_lease(&b, after_ms(244)));
    cr_expect_not(borrower_has_lease(&b, after_ms(245)));
    borrower_deinit(&b);
}

Test(borrower, a_lease_is_asked_for_at_once_and_several_times_within_its_length_one_at_a_time)
{
    struct borrower b;

    borrower_init(&b, 1);
    cr_expect_not(borrower_is_to_ask(&b, start), "there is no connection");
    borrower_link_up(&b);
    cr_expect(borrower_is_to_ask(&b, start));
    borrower_note_asked(&b, start);
    cr_expect_not(borrower_is_to_ask(&b, after_ms(10000)), "the answer is awaited");
    cr_expect_eq(borrower_ask_at(&b).us, MONO_NEVER.us);
    borrower_take_lease(&b, 250);
    cr_expect_not(borrower_is_to_ask(&b, after_ms(BORROWER_LEASE_MS / BORROWER_RENEWALS - 1)));
    cr_expect(borrower_is_to_ask(&b, after_ms(BORROWER_LEASE_MS / BORROWER_RENEWALS)));
    borrower_deinit(&b);
}

Test(borrower, a_shorter_grant_does_not_shorten_what_is_there)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    lease(b, 63, 10);
    cr_expect(borrower_has_lease(b, after_ms(244)));
    borrower_deinit(b);
}

/* ---- (3) versions never go back ----------------------------------------------------------------- */

Test(borrower, a_value_on_its_way_that_is_older_than_an_invalidate_is_not_taken)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    borrower_note_wanted(b, name_of("a"));
    borrower_invalidate(b, name_of("a"), 10);
    cr_expect_not(take(b, "a", 9));
    cr_expect_eq(b->too_old, 1);
    cr_expect_eq(look(b, 0, "a"), BORROWED_NOT, "it is asked for again");
    borrower_note_wanted(b, name_of("a"));
    cr_expect(take(b, "a", 10));
    borrower_deinit(b);
}

Test(borrower, a_value_on_its_way_as_new_as_the_last_of_several_invalidates_is_taken)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    borrower_note_wanted(b, name_of("a"));
    borrower_invalidate(b, name_of("a"), 12);
    borrower_invalidate_all(b, 14);
    borrower_invalidate(b, name_of("a"), 13);
    cr_expect_eq(look(b, 0, "a"), BORROWED_ASKED);
    cr_expect(take(b, "a", 14));
    cr_expect_eq(look(b, 0, "a"), BORROWED_VALID);
    borrower_deinit(b);
}

Test(borrower, a_value_that_nobody_waits_for_is_not_taken)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    cr_expect_not(take(b, "a", 5));
    have(b, "a", 5);
    cr_expect_not(take(b, "a", 6), "it is there already");
    cr_expect_eq(borrower_find(b, name_of("a"))->version, 5);
    borrower_deinit(b);
}

Test(borrower, what_is_asked_for_again_since_it_expired_is_no_older_than_what_was_served)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    borrower_note_wanted(b, name_of("a"));
    cr_assert(take_expiring(b, "a", 10, 50));
    cr_expect_eq(look(b, 50, "a"), BORROWED_NOT);
    borrower_note_wanted(b, name_of("a"));
    cr_expect_not(take(b, "a", 9));
    borrower_deinit(b);
}

/* ---- (4) nothing older is served once it is acknowledged ---------------------------------------- */

Test(borrower, a_copy_that_is_invalidated_is_gone_and_others_are_not)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    have(b, "a", 5);
    have(b, "b", 6);
    borrower_invalidate(b, name_of("a"), 10);
    borrower_invalidate(b, name_of("never heard of"), 11);
    cr_expect_eq(look(b, 0, "a"), BORROWED_NOT);
    cr_expect_eq(look(b, 0, "b"), BORROWED_VALID);
    cr_expect_eq(b->invalidated, 1);
    cr_expect_eq(b->bytes, 100);
    borrower_deinit(b);
}

Test(borrower, when_all_is_invalidated_no_copy_is_left)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    have(b, "a", 5);
    have(b, "b", 6);
    borrower_note_wanted(b, name_of("c"));
    borrower_invalidate_all(b, 10);
    cr_expect_eq(look(b, 0, "a"), BORROWED_NOT);
    cr_expect_eq(look(b, 0, "b"), BORROWED_NOT);
    cr_expect_not(take(b, "c", 9));
    cr_expect_eq(b->bytes, 0);
    borrower_deinit(b);
}

/* ---- (5) the connection ------------------------------------------------------------------------- */

Test(borrower, with_the_connection_all_copies_and_the_lease_are_gone)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    have(b, "a", 5);
    borrower_note_wanted(b, name_of("b"));
    borrower_link_down(b);
    cr_expect_not(borrower_has_lease(b, start));
    cr_expect_eq(look(b, 0, "a"), BORROWED_NOT);
    cr_expect_eq(b->bytes, 0);
    cr_expect_null(borrower_oldest(b));
    borrower_link_up(b);
    cr_expect(borrower_is_to_ask(b, start));
    cr_expect_not(take(b, "b", 5), "what was on its way belongs to the connection that is gone");
    borrower_deinit(b);
}

/* ---- (6) what expires --------------------------------------------------------------------------- */

Test(borrower, what_expires_is_served_until_then_and_not_from_then_on)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    borrower_note_wanted(b, name_of("a"));
    cr_assert(take_expiring(b, "a", 10, 50));
    cr_expect_eq(look(b, 49, "a"), BORROWED_VALID);
    cr_expect_eq(look(b, 50, "a"), BORROWED_NOT);
    borrower_note_wanted(b, name_of("a"));
    cr_expect_eq(look(b, 50, "a"), BORROWED_ASKED);
    cr_expect(take(b, "a", 11));
    borrower_deinit(b);
}

/* ---- refusals and room -------------------------------------------------------------------------- */

Test(borrower, what_goes_to_make_room_soon_after_it_came_is_not_asked_for_again_for_a_while)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    have(b, "a", 5);
    borrower_evict(b, after_ms(100), name_of("a"));
    cr_expect_eq(b->bytes, 0);
    cr_expect_null(borrower_oldest(b));
    cr_expect_eq(look(b, 100 + BORROWER_REFUSED_MS - 1, "a"), BORROWED_REFUSED);
    cr_expect_eq(look(b, 100 + BORROWER_REFUSED_MS, "a"), BORROWED_NOT);
    borrower_note_wanted(b, name_of("a"));
    cr_expect_not(take(b, "a", 4), "versions do not go back");
    borrower_deinit(b);
}

Test(borrower, what_goes_to_make_room_long_after_it_came_may_be_asked_for_at_once)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    have(b, "a", 5);
    borrower_evict(b, after_ms(BORROWER_REFUSED_MS), name_of("a"));
    cr_expect_null(borrower_find(b, name_of("a")));
    borrower_deinit(b);
}

Test(borrower, what_the_owner_does_not_lend_is_not_asked_for_again_for_a_while)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    borrower_note_wanted(b, name_of("a"));
    borrower_take_refusal(b, start, name_of("a"));
    borrower_take_refusal(b, start, name_of("b"));
    cr_expect_eq(look(b, BORROWER_REFUSED_MS - 1, "a"), BORROWED_REFUSED);
    borrower_tick(b, after_ms(BORROWER_REFUSED_MS - 1));
    cr_expect_not_null(borrower_find(b, name_of("a")));
    cr_expect_eq(look(b, BORROWER_REFUSED_MS, "a"), BORROWED_NOT);
    borrower_tick(b, after_ms(BORROWER_REFUSED_MS));
    cr_expect_null(borrower_find(b, name_of("a")));
    cr_expect_null(borrower_find(b, name_of("b")));
    borrower_deinit(b);
}

static void refuse(struct borrower *b, int64_t at_ms, const char *key)
{
    borrower_note_wanted(b, name_of(key));
    borrower_take_refusal(b, after_ms(at_ms), name_of(key));
}

Test(borrower, each_refusal_is_over_at_its_time_however_it_came_to_be)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    refuse(b, 0, "a");
    have(b, "b", 5);
    borrower_evict(b, after_ms(100), name_of("b"));
    refuse(b, 200, "c");
    refuse(b, BORROWER_REFUSED_MS, "a"); /* anew */
    borrower_check(b);
    borrower_tick(b, after_ms(BORROWER_REFUSED_MS + 100));
    cr_expect_not_null(borrower_find(b, name_of("a")));
    cr_expect_null(borrower_find(b, name_of("b")));
    cr_expect_not_null(borrower_find(b, name_of("c")));
    borrower_tick(b, after_ms(BORROWER_REFUSED_MS + 200));
    cr_expect_not_null(borrower_find(b, name_of("a")));
    cr_expect_null(borrower_find(b, name_of("c")));
    borrower_drop(b, name_of("a"));
    borrower_check(b);
    borrower_deinit(b);
}

Test(borrower, the_copy_that_was_used_least_recently_is_the_one_to_drop)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    have(b, "a", 1);
    have(b, "b", 2);
    have(b, "c", 3);
    cr_expect_eq(look(b, 0, "a"), BORROWED_VALID);
    cr_expect_eq(borrower_oldest(b), borrower_find(b, name_of("b")));
    borrower_drop(b, name_of("b"));
    cr_expect_eq(borrower_oldest(b), borrower_find(b, name_of("c")));
    cr_expect_eq(b->bytes, 200);
    cr_expect_eq(look(b, 0, "b"), BORROWED_NOT);
    borrower_deinit(b);
}

Test(borrower, what_is_on_its_way_cannot_be_dropped)
{
    struct borrower at;
    struct borrower *b = borrower_new(&at);

    borrower_note_wanted(b, name_of("a"));
    borrower_drop(b, name_of("a"));
    borrower_drop(b, name_of("b"));
    cr_expect_eq(look(b, 0, "a"), BORROWED_ASKED);
    cr_expect(take(b, "a", 1));
    borrower_deinit(b);
}
