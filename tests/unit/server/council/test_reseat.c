/* SPDX-License-Identifier: MIT */
/* Who comes into a council: what it is told of what those before it have promised and accepted, and who is chosen. */
#include "tests/unit/server/council/scene.h"

#include <criterion/criterion.h>

/* ---- what is told to new members ---------------------------------------------------------------- */

static uint64_t claims_bytes(const uint64_t *slots, struct buf *out)
{
    buf_clear(out);
    shard_slots_encode(out, slots);
    return out->len;
}

/* A fourth seat comes.  *pull is how we ask the others for what they have accepted. */
static void change_seats(struct scene *s, struct council_message *pull)
{
    struct seats seats = *council_seats(s->council);

    *pull = (struct council_message){0};
    seats.generation++;
    seats.previous = seats.members;
    seats.members.items[seats.members.count++] = (struct seat){.node = scene_id('7'), .key = 9};
    scene_learn_seats(s, &seats);
    scene_save(s);
    council_tick(s->council, s->now);
    scene_save(s);
    cr_assert_gt(scene_take(s, COUNCIL_PULL, pull), 0);
}

static struct scene begin_with_a_change_of_seats(struct council_message *pull)
{
    struct scene s = scene_begin_with_three_seats();

    change_seats(&s, pull);
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
    scene_hear(s, from, state);
    buf_deinit(&claims);
}

Test(reseat, of_two_promises_to_a_primary_the_longer_one_is_taken_over_whatever_its_ballot)
{
    for (int is_longer_first = 0; is_longer_first < 2; is_longer_first++) {
        struct council_message pull;
        struct scene s = begin_with_a_change_of_seats(&pull);
        struct council_message takeover = scene_question(&s, COUNCIL_PREPARE, BOB, 30);

        for (int i = 0; i < 2; i++) {
            bool is_longer = (i == 0) == (is_longer_first == 1);

            hear_promise(&s, &pull, is_longer ? ANN : BOB, ANN, is_longer ? 20 : 21,
                         is_longer ? 90 : 30);
        }
        s.now = mono_add_ms(s.now, 60);
        cr_expect_eq(scene_ask(&s, BOB, &takeover, COUNCIL_PROMISE), COUNCIL_WAIT);
        scene_finish(&s);
    }
}

/* Else it would count for one that is still on its way. */
Test(reseat, what_a_member_has_accepted_may_be_told_twice_and_in_any_order)
{
    for (int turn = 0; turn < 4; turn++) {
        struct council_message pull;
        struct scene s = begin_with_a_change_of_seats(&pull);
        struct cluster_id shards[] = {scene_id('5'), scene_id('5'), scene_id('6')};
        struct council_message end = pull;
        size_t ready = 0;

        end.type = COUNCIL_STATE_END;
        end.version = 2;
        for (int i = 0; i < 4; i++) { /* the end comes first, last, or in between */
            cr_expect_eq(ready, 0, "turn %d: nothing is known of the other record yet", turn);
            if (i == turn) {
                scene_hear(&s, ANN, end);
            } else {
                s.shard = shards[i - (i > turn ? 1 : 0)];
                hear_promise(&s, &pull, ANN, ANN, 20, 90);
            }
            scene_save(&s);
            ready = scene_take(&s, COUNCIL_READY, &(struct council_message){0});
        }
        cr_expect_gt(ready, 0, "turn %d", turn);
        scene_finish(&s);
    }
}

/* It may have become primary once more meanwhile. */
Test(reseat, what_a_former_primary_was_promised_is_told_with_its_length)
{
    struct council_message m;
    struct scene s = begin_with_a_change_of_seats(&m);

    hear_promise(&s, &m, ANN, ANN, 20, 90);
    hear_promise(&s, &m, BOB, BOB, 21, 30);
    scene_hear(&s, ANN, m);
    scene_save(&s);
    cr_expect_eq(scene_take(&s, COUNCIL_STATE, &m), 1);
    cr_expect(cluster_id_is_none(&m.holder));
    cr_expect_geq(m.length_ms, 90);
    scene_finish(&s);
}

/* That member has missed that its shard gave the slot. */
Test(reseat, a_member_copies_no_claim_to_slots_that_it_knows_to_be_given)
{
    struct scene s = scene_begin_with_three_seats();
    struct shard_record newer = scene_record_of(&s, ANN, 7);
    struct shard_record older = scene_record_of(&s, ANN, 6);
    struct shard_record other = scene_record_of(&s, BOB, 3);
    struct council_message state;
    struct council_message m = scene_question(&s, COUNCIL_LEARN, ANN, 16);
    struct buf claims = {0};

    scene_hear_value(&s, ANN, m, &newer);
    change_seats(&s, &state);
    bitset_add(older.slots, 2);
    state.type = COUNCIL_STATE;
    state.record = s.shard;
    state.accepted = (struct ballot){.round = 5, .by = s.nodes[ANN]};
    cr_assert_gt(claims_bytes(older.slots, &claims), 0);
    state.claims = buf_bytes(&claims);
    scene_hear_value(&s, ANN, state, &older);
    scene_hear_value(&s, BOB, state, &older);

    other.shard = scene_id('6');
    bitset_remove(other.slots, 1);
    bitset_add(other.slots, 2);
    m = scene_question(&s, COUNCIL_ACCEPT, BOB, 20);
    m.record = other.shard;
    scene_hear_value(&s, BOB, m, &other);
    scene_save(&s);
    cr_assert_gt(scene_take(&s, COUNCIL_ACCEPTED, &m), 0);
    cr_expect_eq(m.answer, COUNCIL_YES, "%s", council_answer_name(m.answer));
    buf_deinit(&claims);
    scene_finish(&s);
}

/* ---- going over to another council --------------------------------------------------------------- */

Test(reseat, no_council_at_all_is_nothing_to_follow)
{
    struct scene s = scene_begin();
    struct council_hint hint = {.council = scene_id('0'), .generation = 7, .seat_count = 3};
    struct seats none = {0};

    scene_save(&s);
    council_hear(s.council, s.now, &s.nodes[ANN], &hint);
    for (int i = 0; i < 10; i++) {
        scene_save(&s);
    }
    cr_assert_eq(council_seats(s.council)->generation, 0);
    scene_learn_seats(&s, &none);
    cr_expect_eq(council_seats(s.council)->generation, 0);
    scene_finish(&s);
}

/* Its answer, too, says of which council it is. */
Test(reseat, a_member_that_is_of_another_council_is_asked_for_its_seats_now_and_then)
{
    struct scene s = scene_begin_with_three_seats();
    struct council_hint hint = {.council = scene_id('0'), .generation = 7, .seat_count = 3};
    struct council_message m;
    size_t asked = 0;

    (void)scene_take(&s, COUNCIL_ASK, &m);
    for (int i = 0; i < 1000; i++) {
        s.now.us += 100;
        council_hear(s.council, s.now, &s.nodes[i % 2 == 0 ? ANN : BOB], &hint);
        asked += scene_take(&s, COUNCIL_ASK, &m);
    }
    cr_expect_geq(asked, 2, "each of both at once");
    cr_expect_leq(asked, 2 * (1 + 100 / 5), "not more often than each 5 ms");
    scene_finish(&s);
}

Test(reseat, a_council_that_could_not_go_over_to_another_grows_all_the_same)
{
    struct scene s = scene_begin();
    struct council_hint hint = {.council = scene_id('0'), .generation = 7, .seat_count = 3};
    struct shard_record of_ann = scene_record_of(&s, ANN, 1);
    struct council_candidate candidates[NODES] = {0};

    for (int i = 0; i < NODES; i++) {
        candidates[i] = (struct council_candidate){
            .node = s.nodes[i], .seat_key = (uint64_t)i, .is_reachable = true};
    }
    candidates[ME].seat_key = council_get_hint(s.council).seat_key;
    council_hear(s.council, s.now, &s.nodes[ANN], &hint);
    scene_hear_value(&s, ANN, scene_question(&s, COUNCIL_LEARN, ANN, 7), &of_ann);
    scene_save(&s);
    cr_assert_eq(council_seats(s.council)->generation, 1, "it has decided about another node");
    for (int i = 0; i < 1000 && council_seats(s.council)->members.count == 1; i++) {
        s.now = mono_add_ms(s.now, 10);
        council_set_candidates(s.council, candidates, NODES);
        council_tick(s.council, s.now);
        scene_save(&s);
    }
    cr_expect_eq(council_seats(s.council)->members.count, 2);
    scene_finish(&s);
}

/* The other one has the smaller id, and is a primary besides. */
Test(reseat, of_those_who_could_have_a_seat_one_on_another_host_gets_it)
{
    struct scene s = scene_begin();
    struct council_candidate candidates[NODES] = {0};

    for (int i = 0; i < NODES; i++) {
        candidates[i] = (struct council_candidate){.node = s.nodes[i],
                                                   .seat_key = (uint64_t)i,
                                                   .host = i == BOB ? 2 : 1,
                                                   .is_reachable = true,
                                                   .is_primary = i != BOB};
    }
    candidates[ME].seat_key = council_get_hint(s.council).seat_key;
    scene_save(&s);
    for (int i = 0; i < 1000 && council_seats(s.council)->members.count == 1; i++) {
        s.now = mono_add_ms(s.now, 10);
        council_set_candidates(s.council, candidates, NODES);
        council_tick(s.council, s.now);
        scene_save(&s);
    }
    cr_assert_eq(council_seats(s.council)->members.count, 2);
    cr_expect(seats_has(council_seats(s.council), &s.nodes[BOB]));
    scene_finish(&s);
}
