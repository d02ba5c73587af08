/* SPDX-License-Identifier: MIT */
/* The lease of our own record, by the word of others: which grants count, and which refusals. */
#include "tests/unit/server/council/scene.h"

#include <criterion/criterion.h>

Test(own_lease, grants_to_an_earlier_start_and_of_times_to_come_count_for_nothing)
{
    struct council_message lease;
    struct scene s = scene_begin_asking_for_lease(&lease);
    struct council_message grant;

    grant = lease;
    grant.type = COUNCIL_GRANT;

    grant.start = lease.start + 1;
    scene_hear(&s, ANN, grant);
    cr_expect(mono_is_due(council_lease_end(s.council), s.now), "of another start");
    grant.start = lease.start;
    grant.sent_us = INT64_MAX;
    scene_hear(&s, ANN, grant);
    cr_expect(mono_is_due(council_lease_end(s.council), s.now), "of a time to come");
    grant.sent_us = lease.sent_us;
    scene_hear(&s, ANN, grant);
    cr_expect(mono_is_before(s.now, council_lease_end(s.council)), "ours");
    scene_finish(&s);
}

Test(own_lease, a_member_that_can_grant_soon_is_asked_again_then_and_not_at_once)
{
    struct council_message lease;
    struct scene s = scene_begin_asking_for_lease(&lease);
    struct council_message answer;

    answer = lease;
    answer.type = COUNCIL_GRANT;
    answer.answer = COUNCIL_WAIT;
    for (int64_t wait_ms = 0; wait_ms <= 8; wait_ms += 8) {
        answer.wait_ms = wait_ms;
        scene_hear(&s, ANN, answer);
        council_tick(s.council, s.now);
        cr_expect_eq(scene_take(&s, COUNCIL_LEASE, &lease), 0);
        s.now = mono_add_ms(s.now, wait_ms > 0 ? wait_ms : TIMEOUT_MS / 20);
        council_tick(s.council, s.now);
        cr_expect_gt(scene_take(&s, COUNCIL_LEASE, &lease), 0, "%d", (int)wait_ms);
        answer.sent_us = lease.sent_us;
    }
    scene_finish(&s);
}

/* It was reset, and sits there again: as somebody who has promised nothing. */
Test(own_lease, what_a_member_granted_on_a_seat_that_it_has_lost_counts_no_more)
{
    struct council_message grant;
    struct scene s = scene_begin_asking_for_lease(&grant);
    struct seats seats = *council_seats(s.council);

    grant.type = COUNCIL_GRANT;
    scene_hear(&s, ANN, grant);
    cr_assert(mono_is_before(s.now, council_lease_end(s.council)));

    seats.generation += 4;
    seats.members.items[1].key = 9; /* Ann's */
    scene_learn_seats(&s, &seats);
    cr_expect(mono_is_due(council_lease_end(s.council), s.now));
    scene_hear(&s, ANN, grant);
    cr_expect(mono_is_before(s.now, council_lease_end(s.council)), "what she grants now does");
    scene_finish(&s);
}

/* A change of ours at a greater ballot, of which the answer to a question for the lease tells. */
static void propose(struct scene *s, struct council_message *answer)
{
    struct council_message prepare = {0};

    council_propose(s->council, s->now, &s->shard, COUNCIL_OWN);
    scene_save(s);
    cr_assert_gt(scene_take(s, COUNCIL_PREPARE, &prepare), 0);
    answer->type = COUNCIL_GRANT;
    answer->accepted = prepare.ballot;
}

Test(own_lease, a_ballot_of_ours_that_was_given_up_outbids_our_lease_and_one_under_way_does_not)
{
    struct council_message refusal;
    struct scene s = scene_begin_asking_for_lease(&refusal);

    propose(&s, &refusal);
    refusal.answer = COUNCIL_OUTBID;
    scene_hear(&s, ANN, refusal);
    cr_expect_not(council_is_outbid(s.council), "it may still be agreed");
    council_give_up(s.council);
    scene_hear(&s, ANN, refusal);
    cr_expect(council_is_outbid(s.council), "nobody would ever ask for another one");
    scene_finish(&s);
}

Test(own_lease, a_lease_that_is_granted_behind_a_change_that_was_given_up_counts_and_is_agreed_anew)
{
    struct council_message grant;
    struct scene s = scene_begin_asking_for_lease(&grant);

    propose(&s, &grant);
    scene_hear(&s, ANN, grant);
    cr_expect(mono_is_before(s.now, council_lease_end(s.council)));
    cr_expect_not(council_is_outbid(s.council));
    council_give_up(s.council);
    scene_hear(&s, ANN, grant);
    cr_expect(council_is_outbid(s.council));
    cr_expect(mono_is_before(s.now, council_lease_end(s.council)));
    scene_finish(&s);
}

Test(own_lease, a_refusal_of_the_lease_with_an_absurd_round_leaves_rounds_to_us)
{
    struct council_message m;
    struct scene s = scene_begin_asking_for_lease(&m);

    m.type = COUNCIL_GRANT;
    m.answer = COUNCIL_OUTBID;
    m.accepted = (struct ballot){.round = UINT64_MAX, .by = s.nodes[BOB]};
    scene_hear(&s, ANN, m);
    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    scene_save(&s);
    cr_assert_gt(scene_take(&s, COUNCIL_PREPARE, &m), 0);
    cr_expect_gt(m.ballot.round, 0);
    cr_expect_lt(m.ballot.round, 10000);
    scene_finish(&s);
}
