/* SPDX-License-Identifier: MIT */
/* One council, and others who say what is late, odd or wrong. */
#include "council/council.h"

#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    ME,
    ANN,
    BOB,
    NODES,
    TIMEOUT_MS = 100,
};

struct scene {
    struct council *council;
    struct mono_time now;
    struct cluster_id nodes[NODES];
    struct cluster_id shard;
    struct buf sent; /* the last message that left */
};

static struct cluster_id id_of(char letter)
{
    struct cluster_id id = {0};

    memset(id.text, letter, CLUSTER_ID_LEN);
    return id;
}

static struct scene begin(void)
{
    struct scene s = {.now = {.us = 5000000}, .shard = id_of('5')};
    struct council_options options = {.seed = 1, .timeout_ms = TIMEOUT_MS};

    for (int i = 0; i < NODES; i++) {
        s.nodes[i] = id_of((char)('a' + i));
    }
    options.me = s.nodes[ME];
    s.council = council_new(&options, s.now);
    return s;
}

static void finish(struct scene *s)
{
    council_check(s->council);
    council_free(s->council);
    buf_deinit(&s->sent);
}

static void save(struct scene *s)
{
    council_saved(s->council, s->now, council_changes(s->council));
}

static void hear(struct scene *s, int from, struct council_message m)
{
    struct buf bytes = {0};

    m.council = council_seats(s->council)->council;
    m.generation = council_seats(s->council)->generation;
    council_message_encode(&bytes, &m);
    council_receive(s->council, s->now, &s->nodes[from], buf_bytes(&bytes));
    buf_deinit(&bytes);
}

/* How many messages of this type leave; *out is the last of them. */
static size_t take(struct scene *s, enum council_message_type type, struct council_message *out)
{
    struct cluster_id to;
    struct bytes bytes;
    size_t count = 0;

    while (council_next_message(s->council, &to, &bytes)) {
        struct council_message m;

        cr_assert(council_message_decode(bytes, &m));
        if (m.type == type) {
            buf_clear(&s->sent);
            buf_append_bytes(&s->sent, bytes);
            cr_assert(council_message_decode(buf_bytes(&s->sent), out));
            count++;
        }
    }
    return count;
}

static void learn_seats(struct scene *s, const struct seats *seats)
{
    struct buf value = {0};
    struct council_message m = {
        .type = COUNCIL_LEARN, .ballot = {.round = 9, .by = s->nodes[ANN]}
    };

    seats_encode(&value, seats);
    m.value = buf_bytes(&value);
    hear(s, ANN, m);
    buf_deinit(&value);
}

static struct scene begin_with_three_seats(void)
{
    struct scene s = begin();
    struct seats seats = *council_seats(s.council);

    seats.generation = 5;
    for (int i = ANN; i < NODES; i++) {
        seats.members.items[seats.members.count++] =
            (struct seat){.node = s.nodes[i], .key = (uint64_t)i};
    }
    learn_seats(&s, &seats);
    cr_assert_eq(council_seats(s.council)->members.count, 3);
    save(&s);
    return s;
}

static struct shard_record record_of(const struct scene *s, int primary, uint64_t version)
{
    struct shard_record record = {
        .shard = s->shard, .version = version, .epoch = version, .primary = s->nodes[primary]};

    memset(record.history.text, 'h', HISTORY_ID_LEN);
    bitset_add(record.slots, 1);
    return record;
}

static void hear_value(struct scene *s, int from, struct council_message m,
                       const struct shard_record *record)
{
    struct buf value = {0};

    shard_record_encode(&value, record);
    m.value = buf_bytes(&value);
    hear(s, from, m);
    buf_deinit(&value);
}

static struct council_message question(const struct scene *s, enum council_message_type type,
                                       int by, uint64_t round)
{
    return (struct council_message){
        .type = type,
        .record = s->shard,
        .ballot = {.round = round, .by = s->nodes[by]},
        .sent_us = 1,
        .length_ms = type == COUNCIL_ACCEPT || type == COUNCIL_LEASE ? TIMEOUT_MS : 0,
        .start = (uint64_t)by,
    };
}

static enum council_answer ask(struct scene *s, int from, const struct council_message *m,
                               enum council_message_type type)
{
    struct council_message reply = {.answer = COUNCIL_ANSWER_END};

    hear(s, from, *m);
    save(s);
    cr_expect_eq(take(s, type, &reply), 1);
    return reply.answer;
}

/* ---- what a member promised ---------------------------------------------------------------------- */

/* We are agreed to be the primary, and *ask is how we ask for the lease. */
static struct scene begin_asking_for_lease(struct council_message *ask)
{
    struct scene s = begin_with_three_seats();
    struct shard_record mine = record_of(&s, ME, 1);

    *ask = (struct council_message){0};
    council_want_lease(s.council, s.now, &s.shard);
    hear_value(&s, ANN, question(&s, COUNCIL_LEARN, ANN, 7), &mine);
    save(&s);
    council_tick(s.council, s.now);
    save(&s);
    cr_assert_gt(take(&s, COUNCIL_LEASE, ask), 0);
    return s;
}

Test(odd_messages, a_hand_over_that_comes_late_does_not_end_the_lease_of_a_later_ballot)
{
    struct scene s = begin_with_three_seats();
    struct shard_record to_bob = record_of(&s, BOB, 2);
    struct council_message lease = question(&s, COUNCIL_LEASE, ANN, 21);
    struct council_message takeover = question(&s, COUNCIL_PREPARE, BOB, 22);
    struct council_message promise;

    cr_expect_eq(ask(&s, ANN, &lease, COUNCIL_GRANT), COUNCIL_YES);
    hear_value(&s, ANN, question(&s, COUNCIL_ACCEPT, ANN, 20), &to_bob);
    save(&s);
    cr_expect_eq(take(&s, COUNCIL_ACCEPTED, &promise), 1);
    cr_expect_eq(promise.answer, COUNCIL_OUTBID);
    cr_expect_eq(ask(&s, BOB, &takeover, COUNCIL_PROMISE), COUNCIL_WAIT);
    finish(&s);
}

Test(odd_messages, a_primary_that_was_replaced_is_not_granted_a_lease_beside_its_successor)
{
    struct scene s = begin_with_three_seats();
    struct council_message of_ann = question(&s, COUNCIL_LEASE, ANN, 10);
    struct council_message of_bob = question(&s, COUNCIL_LEASE, BOB, 5);
    struct council_message takeover = question(&s, COUNCIL_PREPARE, BOB, 12);

    cr_expect_eq(ask(&s, ANN, &of_ann, COUNCIL_GRANT), COUNCIL_YES);
    cr_expect_eq(ask(&s, BOB, &of_bob, COUNCIL_GRANT), COUNCIL_OUTBID);
    cr_expect_eq(ask(&s, BOB, &takeover, COUNCIL_PROMISE), COUNCIL_WAIT);
    finish(&s);
}

/* ANN's second change waits for the disk, and she asks for the lease that her first one gave her. */
static struct council_message ask_behind(struct scene *s, struct council_message change,
                                         const struct shard_record *next, uint64_t start)
{
    struct shard_record first = record_of(s, ANN, 1);
    struct council_message lease = question(s, COUNCIL_LEASE, ANN, 20);
    struct council_message grant = {.answer = COUNCIL_ANSWER_END};

    hear_value(s, ANN, question(s, COUNCIL_ACCEPT, ANN, 20), &first);
    save(s);
    cr_assert_eq(take(s, COUNCIL_ACCEPTED, &grant), 1);
    if (next != NULL) {
        hear_value(s, ANN, change, next);
    } else {
        hear(s, ANN, change);
    }
    s->now = mono_add_ms(s->now, TIMEOUT_MS - 1);
    lease.start = start;
    hear(s, ANN, lease);
    cr_assert_eq(take(s, COUNCIL_GRANT, &grant), 1);
    return grant;
}

/* Else it would lose it where the disks of a majority take longer than what is left of it. */
Test(odd_messages, a_primary_keeps_its_lease_while_its_own_next_change_waits_for_the_disk)
{
    for (int is_asking = 0; is_asking < 2; is_asking++) {
        struct scene s = begin_with_three_seats();
        struct shard_record second = record_of(&s, ANN, 2);
        struct council_message change =
            question(&s, is_asking ? COUNCIL_PREPARE : COUNCIL_ACCEPT, ANN, 20);
        struct council_message takeover = question(&s, COUNCIL_PREPARE, BOB, 30);
        struct council_message grant;

        change.ballot.round += is_asking ? 1 : 0;
        change.ballot.step = is_asking ? 0 : 1;
        change.is_own = true;
        grant = ask_behind(&s, change, is_asking ? NULL : &second, ANN);
        cr_expect_eq(grant.answer, COUNCIL_YES, "%s", council_answer_name(grant.answer));
        cr_expect_eq(grant.length_ms, TIMEOUT_MS);
        cr_expect(ballot_equal(&grant.accepted, &change.ballot), "it is told of the other one");
        save(&s);
        cr_expect_eq(take(&s, is_asking ? COUNCIL_PROMISE : COUNCIL_ACCEPTED, &grant), 1);
        s.now = mono_add_ms(s.now, TIMEOUT_MS - 1);
        cr_expect_eq(ask(&s, BOB, &takeover, COUNCIL_PROMISE), COUNCIL_WAIT);
        finish(&s);
    }
}

Test(odd_messages, who_hands_over_or_was_started_anew_is_granted_no_lease_behind_its_own_change)
{
    for (int is_anew = 0; is_anew < 2; is_anew++) {
        struct scene s = begin_with_three_seats();
        struct shard_record second = record_of(&s, is_anew ? ANN : BOB, 2);
        struct council_message change = question(&s, COUNCIL_ACCEPT, ANN, 20);
        struct council_message grant;

        change.ballot.step = 1;
        grant = ask_behind(&s, change, &second, is_anew ? ANN + 10 : ANN);
        cr_expect_eq(grant.answer, COUNCIL_OUTBID, "%s", council_answer_name(grant.answer));
        finish(&s);
    }
}

/* ---- our own lease ------------------------------------------------------------------------------- */

Test(odd_messages, grants_to_an_earlier_start_and_of_times_to_come_count_for_nothing)
{
    struct council_message lease;
    struct scene s = begin_asking_for_lease(&lease);
    struct council_message grant;

    grant = lease;
    grant.type = COUNCIL_GRANT;

    grant.start = lease.start + 1;
    hear(&s, ANN, grant);
    cr_expect(mono_is_due(council_lease_end(s.council), s.now), "of another start");
    grant.start = lease.start;
    grant.sent_us = INT64_MAX;
    hear(&s, ANN, grant);
    cr_expect(mono_is_due(council_lease_end(s.council), s.now), "of a time to come");
    grant.sent_us = lease.sent_us;
    hear(&s, ANN, grant);
    cr_expect(mono_is_before(s.now, council_lease_end(s.council)), "ours");
    finish(&s);
}

Test(odd_messages, a_member_that_can_grant_soon_is_asked_again_then_and_not_at_once)
{
    struct council_message lease;
    struct scene s = begin_asking_for_lease(&lease);
    struct council_message answer;

    answer = lease;
    answer.type = COUNCIL_GRANT;
    answer.answer = COUNCIL_WAIT;
    for (int64_t wait_ms = 0; wait_ms <= 8; wait_ms += 8) {
        answer.wait_ms = wait_ms;
        hear(&s, ANN, answer);
        council_tick(s.council, s.now);
        cr_expect_eq(take(&s, COUNCIL_LEASE, &lease), 0);
        s.now = mono_add_ms(s.now, wait_ms > 0 ? wait_ms : TIMEOUT_MS / 20);
        council_tick(s.council, s.now);
        cr_expect_gt(take(&s, COUNCIL_LEASE, &lease), 0, "%d", (int)wait_ms);
        answer.sent_us = lease.sent_us;
    }
    finish(&s);
}

/* It was reset, and sits there again: as somebody who has promised nothing. */
Test(odd_messages, what_a_member_granted_on_a_seat_that_it_has_lost_counts_no_more)
{
    struct council_message grant;
    struct scene s = begin_asking_for_lease(&grant);
    struct seats seats = *council_seats(s.council);

    grant.type = COUNCIL_GRANT;
    hear(&s, ANN, grant);
    cr_assert(mono_is_before(s.now, council_lease_end(s.council)));

    seats.generation += 4;
    seats.members.items[1].key = 9; /* Ann's */
    learn_seats(&s, &seats);
    cr_expect(mono_is_due(council_lease_end(s.council), s.now));
    hear(&s, ANN, grant);
    cr_expect(mono_is_before(s.now, council_lease_end(s.council)), "what she grants now does");
    finish(&s);
}

static uint64_t claims_bytes(const uint64_t *slots, struct buf *out)
{
    buf_clear(out);
    shard_slots_encode(out, slots);
    return out->len;
}

/* A fourth seat comes.  *pull is how we ask the others for what they have accepted. */
static struct scene begin_with_a_change_of_seats(struct council_message *pull)
{
    struct scene s = begin_with_three_seats();
    struct seats seats = *council_seats(s.council);

    *pull = (struct council_message){0};
    seats.generation++;
    seats.previous = seats.members;
    seats.members.items[seats.members.count++] = (struct seat){.node = id_of('7'), .key = 9};
    learn_seats(&s, &seats);
    save(&s);
    council_tick(s.council, s.now);
    save(&s);
    cr_assert_gt(take(&s, COUNCIL_PULL, pull), 0);
    return s;
}

/* What ANN, or BOB, says of a promise to a holder. */
static void hear_promise(struct scene *s, const struct council_message *pull, int from, int holder,
                         uint64_t round, int64_t length_ms)
{
    struct council_message state = *pull;
    struct buf claims = {0};
    const uint64_t none[SHARD_SLOT_WORDS] = {0};

    shard_slots_encode(&claims, none);
    state.type = COUNCIL_STATE;
    state.record = s->shard;
    state.holder = s->nodes[holder];
    state.ballot = (struct ballot){.round = round, .by = s->nodes[holder]};
    state.start = (uint64_t)holder;
    state.length_ms = length_ms;
    state.claims = buf_bytes(&claims);
    hear(s, from, state);
    buf_deinit(&claims);
}

Test(odd_messages, of_two_promises_to_a_primary_the_longer_one_is_taken_over_whatever_its_ballot)
{
    for (int is_longer_first = 0; is_longer_first < 2; is_longer_first++) {
        struct council_message pull;
        struct scene s = begin_with_a_change_of_seats(&pull);
        struct council_message takeover = question(&s, COUNCIL_PREPARE, BOB, 30);

        for (int i = 0; i < 2; i++) {
            bool is_longer = (i == 0) == (is_longer_first == 1);

            hear_promise(&s, &pull, is_longer ? ANN : BOB, ANN, is_longer ? 20 : 21,
                         is_longer ? 90 : 30);
        }
        s.now = mono_add_ms(s.now, 60);
        cr_expect_eq(ask(&s, BOB, &takeover, COUNCIL_PROMISE), COUNCIL_WAIT);
        finish(&s);
    }
}

/* Else it would count for one that is still on its way. */
Test(odd_messages, what_a_member_has_accepted_may_be_told_twice_and_in_any_order)
{
    for (int turn = 0; turn < 4; turn++) {
        struct council_message pull;
        struct scene s = begin_with_a_change_of_seats(&pull);
        struct cluster_id shards[] = {id_of('5'), id_of('5'), id_of('6')};
        struct council_message end = pull;
        size_t ready = 0;

        end.type = COUNCIL_STATE_END;
        end.version = 2;
        for (int i = 0; i < 4; i++) { /* the end comes first, last, or in between */
            cr_expect_eq(ready, 0, "turn %d: nothing is known of the other record yet", turn);
            if (i == turn) {
                hear(&s, ANN, end);
            } else {
                s.shard = shards[i - (i > turn ? 1 : 0)];
                hear_promise(&s, &pull, ANN, ANN, 20, 90);
            }
            save(&s);
            ready = take(&s, COUNCIL_READY, &(struct council_message){0});
        }
        cr_expect_gt(ready, 0, "turn %d", turn);
        finish(&s);
    }
}

/* It may have become primary once more meanwhile. */
Test(odd_messages, what_a_former_primary_was_promised_is_told_with_its_length)
{
    struct council_message m;
    struct scene s = begin_with_a_change_of_seats(&m);

    hear_promise(&s, &m, ANN, ANN, 20, 90);
    hear_promise(&s, &m, BOB, BOB, 21, 30);
    hear(&s, ANN, m);
    save(&s);
    cr_expect_eq(take(&s, COUNCIL_STATE, &m), 1);
    cr_expect(cluster_id_is_none(&m.holder));
    cr_expect_geq(m.length_ms, 90);
    finish(&s);
}

/* That member has missed that its shard gave the slot. */
Test(odd_messages, a_member_copies_no_claim_to_slots_that_it_knows_to_be_given)
{
    struct scene s = begin_with_three_seats();
    struct shard_record newer = record_of(&s, ANN, 7);
    struct shard_record older = record_of(&s, ANN, 6);
    struct shard_record other = record_of(&s, BOB, 3);
    struct seats seats = *council_seats(s.council);
    struct council_message state = {0};
    struct council_message m = question(&s, COUNCIL_LEARN, ANN, 16);
    struct buf claims = {0};

    hear_value(&s, ANN, m, &newer);
    seats.generation++;
    seats.previous = seats.members;
    seats.members.items[seats.members.count++] = (struct seat){.node = id_of('7'), .key = 9};
    learn_seats(&s, &seats);
    save(&s);
    council_tick(s.council, s.now);
    save(&s);
    cr_assert_gt(take(&s, COUNCIL_PULL, &state), 0);
    bitset_add(older.slots, 2);
    state.type = COUNCIL_STATE;
    state.record = s.shard;
    state.accepted = (struct ballot){.round = 5, .by = s.nodes[ANN]};
    cr_assert_gt(claims_bytes(older.slots, &claims), 0);
    state.claims = buf_bytes(&claims);
    hear_value(&s, ANN, state, &older);
    hear_value(&s, BOB, state, &older);

    other.shard = id_of('6');
    bitset_remove(other.slots, 1);
    bitset_add(other.slots, 2);
    m = question(&s, COUNCIL_ACCEPT, BOB, 20);
    m.record = other.shard;
    hear_value(&s, BOB, m, &other);
    save(&s);
    cr_assert_gt(take(&s, COUNCIL_ACCEPTED, &m), 0);
    cr_expect_eq(m.answer, COUNCIL_YES, "%s", council_answer_name(m.answer));
    buf_deinit(&claims);
    finish(&s);
}

/* ---- numbers and values -------------------------------------------------------------------------- */

Test(odd_messages, a_ballot_of_ours_that_was_given_up_outbids_our_lease_and_one_under_way_does_not)
{
    struct council_message refusal;
    struct scene s = begin_asking_for_lease(&refusal);
    struct council_message prepare = {0};

    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    save(&s);
    cr_assert_gt(take(&s, COUNCIL_PREPARE, &prepare), 0);
    refusal.type = COUNCIL_GRANT;
    refusal.answer = COUNCIL_OUTBID;
    refusal.accepted = prepare.ballot;

    hear(&s, ANN, refusal);
    cr_expect_not(council_is_outbid(s.council), "it may still be agreed");
    council_give_up(s.council);
    hear(&s, ANN, refusal);
    cr_expect(council_is_outbid(s.council), "nobody would ever ask for another one");
    finish(&s);
}

Test(odd_messages,
     a_lease_that_is_granted_behind_a_change_that_was_given_up_counts_and_is_agreed_anew)
{
    struct council_message grant;
    struct scene s = begin_asking_for_lease(&grant);
    struct council_message prepare = {0};

    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    save(&s);
    cr_assert_gt(take(&s, COUNCIL_PREPARE, &prepare), 0);
    grant.type = COUNCIL_GRANT;
    grant.accepted = prepare.ballot;
    hear(&s, ANN, grant);
    cr_expect(mono_is_before(s.now, council_lease_end(s.council)));
    cr_expect_not(council_is_outbid(s.council));
    council_give_up(s.council);
    hear(&s, ANN, grant);
    cr_expect(council_is_outbid(s.council));
    cr_expect(mono_is_before(s.now, council_lease_end(s.council)));
    finish(&s);
}

/* Our proposal of a first record, which ANN accepts.  *m is her last answer. */
static struct scene begin_with_own_record(struct council_message *m)
{
    struct scene s = begin_with_three_seats();
    struct shard_record record = record_of(&s, ME, 1);

    *m = (struct council_message){0};
    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    save(&s);
    save(&s); /* our own promise */
    cr_assert_gt(take(&s, COUNCIL_PREPARE, m), 0);
    m->type = COUNCIL_PROMISE;
    hear(&s, ANN, *m);
    council_put(s.council, s.now, &record);
    save(&s);
    cr_assert_gt(take(&s, COUNCIL_ACCEPT, m), 0);
    m->type = COUNCIL_ACCEPTED;
    m->value = (struct bytes){0};
    hear(&s, ANN, *m);
    cr_assert(council_is_agreed(s.council, &s.shard));
    return s;
}

Test(odd_messages, whose_change_was_agreed_has_the_next_one_accepted_without_asking_first)
{
    struct council_message first;
    struct scene s = begin_with_own_record(&first);
    struct shard_record record = record_of(&s, ME, 2);
    struct council_message m = {0};
    struct shard_record read;

    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    cr_assert(council_read(s.council, &read));
    cr_expect_eq(read.version, 1);
    council_put(s.council, s.now, &record);
    save(&s);
    cr_assert_gt(take(&s, COUNCIL_ACCEPT, &m), 0);
    cr_expect(ballot_is_above(&m.ballot, &first.ballot));
    cr_expect_eq(m.ballot.round, first.ballot.round);
    m.type = COUNCIL_ACCEPTED;
    m.value = (struct bytes){0};
    hear(&s, ANN, m);
    cr_expect_eq(council_find(s.council, &s.shard)->version, 2);
    finish(&s);
}

Test(odd_messages, who_was_outbid_or_hands_over_asks_first)
{
    for (int is_handing_over = 0; is_handing_over < 2; is_handing_over++) {
        struct council_message m;
        struct scene s = begin_with_own_record(&m);
        struct shard_record record = record_of(&s, ME, 2);

        if (!is_handing_over) {
            council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
            council_put(s.council, s.now, &record);
            save(&s);
            cr_assert_gt(take(&s, COUNCIL_ACCEPT, &m), 0);
            m.type = COUNCIL_ACCEPTED;
            m.value = (struct bytes){0};
            m.answer = COUNCIL_OUTBID;
            m.accepted = (struct ballot){.round = 50, .by = s.nodes[BOB]};
            hear(&s, ANN, m);
            cr_assert_not(council_is_proposing(s.council));
        }
        council_propose(s.council, s.now, &s.shard,
                        is_handing_over ? COUNCIL_HAND_OVER : COUNCIL_OWN);
        save(&s);
        cr_assert_gt(take(&s, COUNCIL_PREPARE, &m), 0);
        cr_expect(is_handing_over || m.ballot.round > 50);
        finish(&s);
    }
}

Test(odd_messages, a_member_accepts_no_step_of_a_round_when_it_has_promised_a_greater_one)
{
    struct scene s = begin_with_three_seats();
    struct council_message accept = question(&s, COUNCIL_ACCEPT, ANN, 20);
    struct council_message prepare = question(&s, COUNCIL_PREPARE, ANN, 21);
    struct council_message m = {0};

    for (uint16_t step = 0; step < 3; step++) {
        struct shard_record record = record_of(&s, ANN, step + 1U);

        if (step == 2) {
            prepare.is_own = true;
            hear(&s, ANN, prepare);
            save(&s);
            cr_assert_gt(take(&s, COUNCIL_PROMISE, &m), 0);
            cr_expect_eq(m.answer, COUNCIL_YES);
            cr_expect_eq(m.accepted.step, 1, "the last that was accepted");
        }
        accept.ballot.step = step;
        hear_value(&s, ANN, accept, &record);
        save(&s);
        cr_assert_gt(take(&s, COUNCIL_ACCEPTED, &m), 0);
        cr_expect_eq(m.answer, step < 2 ? COUNCIL_YES : COUNCIL_OUTBID, "step %u", step);
    }
    finish(&s);
}

/* Taken for the end of the next one, it would leave that one to nobody, and nothing of this node would be agreed again. */
Test(odd_messages, what_a_proposal_came_to_is_no_news_when_another_one_has_begun)
{
    struct scene s = begin_with_three_seats();
    struct council_message m = {0};
    struct council_news news;
    unsigned failed = 0;

    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    save(&s);
    cr_assert_gt(take(&s, COUNCIL_PREPARE, &m), 0);
    m.type = COUNCIL_PROMISE;
    m.answer = COUNCIL_OUTBID;
    m.accepted = (struct ballot){.round = 50, .by = s.nodes[BOB]};
    hear(&s, ANN, m);
    cr_assert_not(council_is_proposing(s.council));
    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    while (council_next_news(s.council, &news)) {
        failed += news.type == COUNCIL_NEWS_FAILED ? 1 : 0;
    }
    cr_expect_eq(failed, 0);
    cr_expect(council_is_proposing(s.council));
    finish(&s);
}

Test(odd_messages, numbers_without_a_successor_are_not_heard)
{
    struct scene s = begin_with_three_seats();
    struct seats seats = *council_seats(s.council);
    struct shard_record record = record_of(&s, ANN, UINT64_MAX);
    struct council_message promise;

    seats.generation = UINT64_MAX;
    learn_seats(&s, &seats);
    cr_expect_eq(council_seats(s.council)->generation, 5);
    hear(&s, ANN, question(&s, COUNCIL_PREPARE, ANN, UINT64_MAX));
    hear_value(&s, ANN, question(&s, COUNCIL_LEARN, ANN, 7), &record);
    record.version = 1;
    record.epoch = UINT64_MAX;
    hear_value(&s, ANN, question(&s, COUNCIL_LEARN, ANN, 7), &record);
    save(&s);
    cr_expect_eq(take(&s, COUNCIL_PROMISE, &promise), 0);
    cr_expect_null(council_find(s.council, &s.shard));
    finish(&s);
}

Test(odd_messages, a_refusal_of_the_lease_with_an_absurd_round_leaves_rounds_to_us)
{
    struct council_message m;
    struct scene s = begin_asking_for_lease(&m);

    m.type = COUNCIL_GRANT;
    m.answer = COUNCIL_OUTBID;
    m.accepted = (struct ballot){.round = UINT64_MAX, .by = s.nodes[BOB]};
    hear(&s, ANN, m);
    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    save(&s);
    cr_assert_gt(take(&s, COUNCIL_PREPARE, &m), 0);
    cr_expect_gt(m.ballot.round, 0);
    cr_expect_lt(m.ballot.round, 10000);
    finish(&s);
}

Test(odd_messages, a_promise_with_a_value_of_another_record_is_none)
{
    struct scene s = begin_with_three_seats();
    struct shard_record other = record_of(&s, ANN, 3);
    struct council_message m = {0};
    struct shard_record read;

    other.shard = id_of('6');
    council_propose(s.council, s.now, &s.shard, COUNCIL_OWN);
    save(&s);
    save(&s); /* our own promise */
    cr_assert_gt(take(&s, COUNCIL_PREPARE, &m), 0);
    m.type = COUNCIL_PROMISE;
    m.accepted = (struct ballot){.round = 1, .by = s.nodes[ANN]};
    hear_value(&s, ANN, m, &other);
    cr_expect_not(council_read(s.council, &read), "of another shard");
    hear(&s, ANN, m);
    cr_expect_not(council_read(s.council, &read), "none, though accepted");
    m.accepted = (struct ballot){0};
    hear(&s, ANN, m);
    cr_expect(council_read(s.council, &read));
    finish(&s);
}

Test(odd_messages, no_council_at_all_is_nothing_to_follow)
{
    struct scene s = begin();
    struct council_hint hint = {.council = id_of('0'), .generation = 7, .seat_count = 3};
    struct seats none = {0};

    save(&s);
    council_hear(s.council, s.now, &s.nodes[ANN], &hint);
    for (int i = 0; i < 10; i++) {
        save(&s);
    }
    cr_assert_eq(council_seats(s.council)->generation, 0);
    learn_seats(&s, &none);
    cr_expect_eq(council_seats(s.council)->generation, 0);
    finish(&s);
}

/* ---- what grows ---------------------------------------------------------------------------------- */

Test(odd_messages, however_many_shards_are_named_memory_stays_small)
{
    struct scene s = begin_with_three_seats();
    size_t used;

    for (int round = 0; round < 2; round++) {
        used = mem_used_total();
        for (int i = 0; i < 20000; i++) {
            struct council_message m = question(&s, COUNCIL_PREPARE, ANN, 7);
            struct council_message reply;

            snprintf(m.record.text, sizeof(m.record.text), "%040x", i + round * 20000 + 1);
            hear(&s, ANN, m);
            save(&s);
            (void)take(&s, COUNCIL_PROMISE, &reply);
        }
    }
    cr_expect_leq(mem_used_total(), used, "the second time nothing is added");
    finish(&s);
}

Test(odd_messages, of_answers_that_wait_for_the_disk_the_newest_is_kept)
{
    struct scene s = begin_with_three_seats();
    struct council_message reply = {0};

    for (uint64_t round = 20; round < 1000; round++) {
        hear(&s, ANN, question(&s, COUNCIL_PREPARE, ANN, round));
    }
    cr_expect_eq(take(&s, COUNCIL_PROMISE, &reply), 0);
    save(&s);
    cr_expect_eq(take(&s, COUNCIL_PROMISE, &reply), 1);
    cr_expect_eq(reply.ballot.round, 999);
    finish(&s);
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
        struct scene s = begin_with_three_seats();
        struct shard_record record = record_of(&s, ANN, 1);
        struct council_message m = question(&s, cases[i].question, ANN, 20);
        struct council_message other = question(&s, COUNCIL_PREPARE, BOB, 20);
        uint64_t written;

        hear(&s, ANN, question(&s, COUNCIL_PREPARE, ANN, 19));
        hear_value(&s, ANN, m, &record);
        written = council_changes(s.council);
        other.record = id_of('6');
        hear(&s, BOB, other);
        hear_value(&s, ANN, m, &record);
        cr_assert_gt(council_changes(s.council), written);
        cr_expect_eq(take(&s, cases[i].answer, &m), 0);
        council_saved(s.council, s.now, written);
        cr_expect_eq(take(&s, cases[i].answer, &m), 1, "%s",
                     council_message_name(cases[i].question));
        finish(&s);
    }
}

/* ---- going over to another council --------------------------------------------------------------- */

/* Its answer, too, says of which council it is. */
Test(odd_messages, a_member_that_is_of_another_council_is_asked_for_its_seats_now_and_then)
{
    struct scene s = begin_with_three_seats();
    struct council_hint hint = {.council = id_of('0'), .generation = 7, .seat_count = 3};
    struct council_message m;
    size_t asked = 0;

    (void)take(&s, COUNCIL_ASK, &m);
    for (int i = 0; i < 1000; i++) {
        s.now.us += 100;
        council_hear(s.council, s.now, &s.nodes[i % 2 == 0 ? ANN : BOB], &hint);
        asked += take(&s, COUNCIL_ASK, &m);
    }
    cr_expect_geq(asked, 2, "each of both at once");
    cr_expect_leq(asked, 2 * (1 + 100 / 5), "not more often than each 5 ms");
    finish(&s);
}

Test(odd_messages, a_council_that_could_not_go_over_to_another_grows_all_the_same)
{
    struct scene s = begin();
    struct council_hint hint = {.council = id_of('0'), .generation = 7, .seat_count = 3};
    struct shard_record of_ann = record_of(&s, ANN, 1);
    struct council_candidate candidates[NODES] = {0};

    for (int i = 0; i < NODES; i++) {
        candidates[i] = (struct council_candidate){
            .node = s.nodes[i], .seat_key = (uint64_t)i, .is_reachable = true};
    }
    candidates[ME].seat_key = council_get_hint(s.council).seat_key;
    council_hear(s.council, s.now, &s.nodes[ANN], &hint);
    hear_value(&s, ANN, question(&s, COUNCIL_LEARN, ANN, 7), &of_ann);
    save(&s);
    cr_assert_eq(council_seats(s.council)->generation, 1, "it has decided about another node");
    for (int i = 0; i < 1000 && council_seats(s.council)->members.count == 1; i++) {
        s.now = mono_add_ms(s.now, 10);
        council_set_candidates(s.council, candidates, NODES);
        council_tick(s.council, s.now);
        save(&s);
    }
    cr_expect_eq(council_seats(s.council)->members.count, 2);
    finish(&s);
}

/* The other one has the smaller id, and is a primary besides. */
Test(odd_messages, of_those_who_could_have_a_seat_one_on_another_host_gets_it)
{
    struct scene s = begin();
    struct council_candidate candidates[NODES] = {0};

    for (int i = 0; i < NODES; i++) {
        candidates[i] = (struct council_candidate){.node = s.nodes[i],
                                                   .seat_key = (uint64_t)i,
                                                   .host = i == BOB ? 2 : 1,
                                                   .is_reachable = true,
                                                   .is_primary = i != BOB};
    }
    candidates[ME].seat_key = council_get_hint(s.council).seat_key;
    save(&s);
    for (int i = 0; i < 1000 && council_seats(s.council)->members.count == 1; i++) {
        s.now = mono_add_ms(s.now, 10);
        council_set_candidates(s.council, candidates, NODES);
        council_tick(s.council, s.now);
        save(&s);
    }
    cr_assert_eq(council_seats(s.council)->members.count, 2);
    cr_expect(seats_has(council_seats(s.council), &s.nodes[BOB]));
    finish(&s);
}
