/* SPDX-License-Identifier: MIT */
/* One council, and others who say what is late, odd or wrong. */
#include "tests/unit/server/council/scene.h"

#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* ---- what a member promised ---------------------------------------------------------------------- */

Test(odd_messages, a_hand_over_that_comes_late_does_not_end_the_lease_of_a_later_ballot)
{
    struct scene s = scene_begin_with_three_seats();
    struct shard_record to_bob = scene_record_of(&s, BOB, 2);
    struct council_message lease = scene_question(&s, COUNCIL_LEASE, ANN, 21);
    struct council_message takeover = scene_question(&s, COUNCIL_PREPARE, BOB, 22);
    struct council_message promise;

    cr_expect_eq(scene_ask(&s, ANN, &lease, COUNCIL_GRANT), COUNCIL_YES);
    scene_hear_value(&s, ANN, scene_question(&s, COUNCIL_ACCEPT, ANN, 20), &to_bob);
    scene_save(&s);
    cr_expect_eq(scene_take(&s, COUNCIL_ACCEPTED, &promise), 1);
    cr_expect_eq(promise.answer, COUNCIL_OUTBID);
    cr_expect_eq(scene_ask(&s, BOB, &takeover, COUNCIL_PROMISE), COUNCIL_WAIT);
    scene_finish(&s);
}

Test(odd_messages, a_primary_that_was_replaced_is_not_granted_a_lease_beside_its_successor)
{
    struct scene s = scene_begin_with_three_seats();
    struct council_message of_ann = scene_question(&s, COUNCIL_LEASE, ANN, 10);
    struct council_message of_bob = scene_question(&s, COUNCIL_LEASE, BOB, 5);
    struct council_message takeover = scene_question(&s, COUNCIL_PREPARE, BOB, 12);

    cr_expect_eq(scene_ask(&s, ANN, &of_ann, COUNCIL_GRANT), COUNCIL_YES);
    cr_expect_eq(scene_ask(&s, BOB, &of_bob, COUNCIL_GRANT), COUNCIL_OUTBID);
    cr_expect_eq(scene_ask(&s, BOB, &takeover, COUNCIL_PROMISE), COUNCIL_WAIT);
    scene_finish(&s);
}

/* ANN's second change waits for the disk, and she asks for the lease that her first one gave her. */
static struct council_message ask_behind(struct scene *s, struct council_message change,
                                         const struct shard_record *next, uint64_t start)
{
    struct shard_record first = scene_record_of(s, ANN, 1);
    struct council_message lease = scene_question(s, COUNCIL_LEASE, ANN, 20);
    struct council_message grant = {.answer = COUNCIL_ANSWER_END};

    scene_hear_value(s, ANN, scene_question(s, COUNCIL_ACCEPT, ANN, 20), &first);
    scene_save(s);
    cr_assert_eq(scene_take(s, COUNCIL_ACCEPTED, &grant), 1);
    if (next != NULL) {
        scene_hear_value(s, ANN, change, next);
    } else {
        scene_hear(s, ANN, change);
    }
    s->now = mono_add_ms(s->now, TIMEOUT_MS - 1);
    lease.start = start;
    scene_hear(s, ANN, lease);
    cr_assert_eq(scene_take(s, COUNCIL_GRANT, &grant), 1);
    return grant;
}

/* Else it would lose it where the disks of a majority take longer than what is left of it. */
Test(odd_messages, a_primary_keeps_its_lease_while_its_own_next_change_waits_for_the_disk)
{
    for (int is_asking = 0; is_asking < 2; is_asking++) {
        struct scene s = scene_begin_with_three_seats();
        struct shard_record second = scene_record_of(&s, ANN, 2);
        struct council_message change =
            scene_question(&s, is_asking ? COUNCIL_PREPARE : COUNCIL_ACCEPT, ANN, 20);
        struct council_message takeover = scene_question(&s, COUNCIL_PREPARE, BOB, 30);
        struct council_message grant;

        change.ballot.round += is_asking ? 1 : 0;
        change.ballot.step = is_asking ? 0 : 1;
        change.is_own = true;
        grant = ask_behind(&s, change, is_asking ? NULL : &second, ANN);
        cr_expect_eq(grant.answer, COUNCIL_YES, "%s", council_answer_name(grant.answer));
        cr_expect_eq(grant.length_ms, TIMEOUT_MS);
        cr_expect(ballot_equal(&grant.accepted, &change.ballot), "it is told of the other one");
        scene_save(&s);
        cr_expect_eq(scene_take(&s, is_asking ? COUNCIL_PROMISE : COUNCIL_ACCEPTED, &grant), 1);
        s.now = mono_add_ms(s.now, TIMEOUT_MS - 1);
        cr_expect_eq(scene_ask(&s, BOB, &takeover, COUNCIL_PROMISE), COUNCIL_WAIT);
        scene_finish(&s);
    }
}

Test(odd_messages, who_hands_over_or_was_started_anew_is_granted_no_lease_behind_its_own_change)
{
    for (int is_anew = 0; is_anew < 2; is_anew++) {
        struct scene s = scene_begin_with_three_seats();
        struct shard_record second = scene_record_of(&s, is_anew ? ANN : BOB, 2);
        struct council_message change = scene_question(&s, COUNCIL_ACCEPT, ANN, 20);
        struct council_message grant;

        change.ballot.step = 1;
        grant = ask_behind(&s, change, &second, is_anew ? ANN + 10 : ANN);
        cr_expect_eq(grant.answer, COUNCIL_OUTBID, "%s", council_answer_name(grant.answer));
        scene_finish(&s);
    }
}

/* ---- numbers and values -------------------------------------------------------------------------- */

/* Our proposal of a first record, which ANN accepts.  *m is her last answer. */
static struct scene begin_with_own_record(struct council_message *m)
{
    struct scene s = scene_begin_with_three_seats();
    struct shard_record record = scene_record_of(&s, ME, 1);

    *m = (struct council_message){0};
    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    scene_save(&s);
    scene_save(&s); /* our own promise */
    cr_assert_gt(scene_take(&s, COUNCIL_PREPARE, m), 0);
    m->type = COUNCIL_PROMISE;
    scene_hear(&s, ANN, *m);
    council_put(s.council, s.now, &record);
    scene_save(&s);
    cr_assert_gt(scene_take(&s, COUNCIL_ACCEPT, m), 0);
    m->type = COUNCIL_ACCEPTED;
    m->value = (struct bytes){0};
    scene_hear(&s, ANN, *m);
    cr_assert(council_is_agreed(s.council, &s.shard));
    return s;
}

Test(odd_messages, whose_change_was_agreed_has_the_next_one_accepted_without_asking_first)
{
    struct council_message first;
    struct scene s = begin_with_own_record(&first);
    struct shard_record record = scene_record_of(&s, ME, 2);
    struct council_message m = {0};
    struct shard_record read;

    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    cr_assert(council_read(s.council, &read));
    cr_expect_eq(read.version, 1);
    council_put(s.council, s.now, &record);
    scene_save(&s);
    cr_assert_gt(scene_take(&s, COUNCIL_ACCEPT, &m), 0);
    cr_expect(ballot_is_above(&m.ballot, &first.ballot));
    cr_expect_eq(m.ballot.round, first.ballot.round);
    m.type = COUNCIL_ACCEPTED;
    m.value = (struct bytes){0};
    scene_hear(&s, ANN, m);
    cr_expect_eq(council_find(s.council, &s.shard)->version, 2);
    scene_finish(&s);
}

Test(odd_messages, who_was_outbid_or_hands_over_asks_first)
{
    for (int is_handing_over = 0; is_handing_over < 2; is_handing_over++) {
        struct council_message m;
        struct scene s = begin_with_own_record(&m);
        struct shard_record record = scene_record_of(&s, ME, 2);

        if (!is_handing_over) {
            council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
            council_put(s.council, s.now, &record);
            scene_save(&s);
            cr_assert_gt(scene_take(&s, COUNCIL_ACCEPT, &m), 0);
            m.type = COUNCIL_ACCEPTED;
            m.value = (struct bytes){0};
            m.answer = COUNCIL_OUTBID;
            m.accepted = (struct ballot){.round = 50, .by = s.nodes[BOB]};
            scene_hear(&s, ANN, m);
            cr_assert_not(council_is_proposing(s.council));
        }
        council_propose(s.council, s.now, &s.shard,
                        is_handing_over ? COUNCIL_HAND_OVER : COUNCIL_OWN);
        scene_save(&s);
        cr_assert_gt(scene_take(&s, COUNCIL_PREPARE, &m), 0);
        cr_expect(is_handing_over || m.ballot.round > 50);
        scene_finish(&s);
    }
}

Test(odd_messages, a_member_accepts_no_step_of_a_round_when_it_has_promised_a_greater_one)
{
    struct scene s = scene_begin_with_three_seats();
    struct council_message accept = scene_question(&s, COUNCIL_ACCEPT, ANN, 20);
    struct council_message prepare = scene_question(&s, COUNCIL_PREPARE, ANN, 21);
    struct council_message m = {0};

    for (uint16_t step = 0; step < 3; step++) {
        struct shard_record record = scene_record_of(&s, ANN, step + 1U);

        if (step == 2) {
            prepare.is_own = true;
            scene_hear(&s, ANN, prepare);
            scene_save(&s);
            cr_assert_gt(scene_take(&s, COUNCIL_PROMISE, &m), 0);
            cr_expect_eq(m.answer, COUNCIL_YES);
            cr_expect_eq(m.accepted.step, 1, "the last that was accepted");
        }
        accept.ballot.step = step;
        scene_hear_value(&s, ANN, accept, &record);
        scene_save(&s);
        cr_assert_gt(scene_take(&s, COUNCIL_ACCEPTED, &m), 0);
        cr_expect_eq(m.answer, step < 2 ? COUNCIL_YES : COUNCIL_OUTBID, "step %u", step);
    }
    scene_finish(&s);
}

/* Taken for the end of the next one, it would leave that one to nobody, and nothing of this node would be agreed again. */
Test(odd_messages, what_a_proposal_came_to_is_no_news_when_another_one_has_begun)
{
    struct scene s = scene_begin_with_three_seats();
    struct council_message m = {0};
    struct council_news news;
    unsigned failed = 0;

    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    scene_save(&s);
    cr_assert_gt(scene_take(&s, COUNCIL_PREPARE, &m), 0);
    m.type = COUNCIL_PROMISE;
    m.answer = COUNCIL_OUTBID;
    m.accepted = (struct ballot){.round = 50, .by = s.nodes[BOB]};
    scene_hear(&s, ANN, m);
    cr_assert_not(council_is_proposing(s.council));
    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    while (council_next_news(s.council, &news)) {
        failed += news.type == COUNCIL_NEWS_FAILED ? 1 : 0;
    }
    cr_expect_eq(failed, 0);
    cr_expect(council_is_proposing(s.council));
    scene_finish(&s);
}

Test(odd_messages, numbers_without_a_successor_are_not_heard)
{
    struct scene s = scene_begin_with_three_seats();
    struct seats seats = *council_seats(s.council);
    struct shard_record record = scene_record_of(&s, ANN, UINT64_MAX);
    struct council_message promise;

    seats.generation = UINT64_MAX;
    scene_learn_seats(&s, &seats);
    cr_expect_eq(council_seats(s.council)->generation, 5);
    scene_hear(&s, ANN, scene_question(&s, COUNCIL_PREPARE, ANN, UINT64_MAX));
    scene_hear_value(&s, ANN, scene_question(&s, COUNCIL_LEARN, ANN, 7), &record);
    record.version = 1;
    record.epoch = UINT64_MAX;
    scene_hear_value(&s, ANN, scene_question(&s, COUNCIL_LEARN, ANN, 7), &record);
    scene_save(&s);
    cr_expect_eq(scene_take(&s, COUNCIL_PROMISE, &promise), 0);
    cr_expect_null(council_find(s.council, &s.shard));
    scene_finish(&s);
}

Test(odd_messages, a_promise_with_a_value_of_another_record_is_none)
{
    struct scene s = scene_begin_with_three_seats();
    struct shard_record other = scene_record_of(&s, ANN, 3);
    struct council_message m = {0};
    struct shard_record read;

    other.shard = scene_id('6');
    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    scene_save(&s);
    scene_save(&s); /* our own promise */
    cr_assert_gt(scene_take(&s, COUNCIL_PREPARE, &m), 0);
    m.type = COUNCIL_PROMISE;
    m.accepted = (struct ballot){.round = 1, .by = s.nodes[ANN]};
    scene_hear_value(&s, ANN, m, &other);
    cr_expect_not(council_read(s.council, &read), "of another shard");
    scene_hear(&s, ANN, m);
    cr_expect_not(council_read(s.council, &read), "none, though accepted");
    m.accepted = (struct ballot){0};
    scene_hear(&s, ANN, m);
    cr_expect(council_read(s.council, &read));
    scene_finish(&s);
}

/* ---- what grows ---------------------------------------------------------------------------------- */

Test(odd_messages, however_many_shards_are_named_memory_stays_small)
{
    struct scene s = scene_begin_with_three_seats();
    size_t used;

    for (int round = 0; round < 2; round++) {
        used = mem_used_total();
        for (int i = 0; i < 20000; i++) {
            struct council_message m = scene_question(&s, COUNCIL_PREPARE, ANN, 7);
            struct council_message reply;

            snprintf(m.record.text, sizeof(m.record.text), "%040x", i + round * 20000 + 1);
            scene_hear(&s, ANN, m);
            scene_save(&s);
            (void)scene_take(&s, COUNCIL_PROMISE, &reply);
        }
    }
    cr_expect_leq(mem_used_total(), used, "the second time nothing is added");
    scene_finish(&s);
}

Test(odd_messages, of_answers_that_wait_for_the_disk_the_newest_is_kept)
{
    struct scene s = scene_begin_with_three_seats();
    struct council_message reply = {0};

    for (uint64_t round = 20; round < 1000; round++) {
        scene_hear(&s, ANN, scene_question(&s, COUNCIL_PREPARE, ANN, round));
    }
    cr_expect_eq(scene_take(&s, COUNCIL_PROMISE, &reply), 0);
    scene_save(&s);
    cr_expect_eq(scene_take(&s, COUNCIL_PROMISE, &reply), 1);
    cr_expect_eq(reply.ballot.round, 999);
    scene_finish(&s);
}

/* A disk that is slow is never done with all that there is to write. */
Test(odd_messages, an_answer_that_is_on_disk_leaves_however_often_it_was_asked_for_meanwhile)
{
    static const struct {
        enum council_message_type question, answer;
    } cases[] = {
        {COUNCIL_PREPARE, COUNCIL_PROMISE },
        {COUNCIL_ACCEPT,  COUNCIL_ACCEPTED},
        {COUNCIL_PULL,    COUNCIL_STATE   },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct scene s = scene_begin_with_three_seats();
        struct shard_record record = scene_record_of(&s, ANN, 1);
        struct council_message m = scene_question(&s, cases[i].question, ANN, 20);
        struct council_message other = scene_question(&s, COUNCIL_PREPARE, BOB, 20);
        uint64_t written;

        scene_hear(&s, ANN, scene_question(&s, COUNCIL_PREPARE, ANN, 19));
        scene_hear_value(&s, ANN, m, &record);
        written = council_changes(s.council);
        other.record = scene_id('6');
        scene_hear(&s, BOB, other);
        scene_hear_value(&s, ANN, m, &record);
        cr_assert_gt(council_changes(s.council), written);
        cr_expect_eq(scene_take(&s, cases[i].answer, &m), 0);
        council_saved(s.council, s.now, written);
        cr_expect_eq(scene_take(&s, cases[i].answer, &m), 1, "%s",
                     council_message_name(cases[i].question));
        scene_finish(&s);
    }
}

/* A council that we came from had decided more often about the shard, and its versions count for nothing here. */
Test(odd_messages, what_is_agreed_where_we_came_to_counts_whatever_was_agreed_where_we_came_from)
{
    struct scene s = scene_begin();
    struct shard_record before = scene_record_of(&s, ME, 70);
    struct shard_record here = scene_record_of(&s, BOB, 2);
    struct cluster_id other = scene_id('9');
    struct seats seats = seats_ended(council_seats(s.council), &other);

    scene_hear_value(&s, ANN, scene_question(&s, COUNCIL_LEARN, ANN, 7), &before);
    cr_assert(council_is_agreed(s.council, &s.shard));
    scene_learn_seats(&s, &seats);
    seats = seats_found(&other, &(struct seat){.node = s.nodes[ANN], .key = 1});
    scene_learn_seats(&s, &seats);
    cr_assert(cluster_id_equal(&council_seats(s.council)->council, &other));
    cr_assert_not(council_is_agreed(s.council, &s.shard));
    scene_hear_value(&s, ANN, scene_question(&s, COUNCIL_LEARN, ANN, 7), &here);
    cr_expect_eq(council_find(s.council, &s.shard)->version, 2);
    cr_expect(council_is_agreed(s.council, &s.shard));
    scene_finish(&s);
}
