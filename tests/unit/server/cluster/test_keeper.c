/* SPDX-License-Identifier: MIT */
/* Slots of a shard whose primary is gone, which an operator gives to another one. */
#include "tests/unit/server/cluster/world.h"

#include "cluster/forgotten.h"
#include "cluster/nodes.h"
#include "cluster/range_admin.h"
#include "council/record_table.h"
#include "council/state.h"

#include <criterion/criterion.h>

#include <string.h>

static struct bytes id_of(const struct world *w, int member)
{
    return bytes_from_text(w->members[member].id.text);
}

static struct cluster_id shard_of(const struct world *w, int member)
{
    return w->members[member].core->me->shard;
}

/* As stock tools do it: its owner is denied first. */
static bool give(struct world *w, int primary, uint16_t slot, struct errmsg *error)
{
    struct cluster_call call = world_call(w, primary, NULL);
    bool is_given;

    if (cluster_slot_owner(w->members[primary].core, slot) != NULL) {
        cr_assert(cluster_del_slots(w->members[primary].core, &call, &slot, 1));
        world_carry_out(w, primary);
    }
    call = world_call(w, primary, error);
    is_given = cluster_add_slots(w->members[primary].core, &call, &slot, 1);
    world_carry_out(w, primary);
    return is_given;
}

static void set_slot(struct world *w, int member, uint16_t slot, enum cluster_setslot_kind kind,
                     int other)
{
    cr_assert(world_set_slot(w, member, slot, kind, other));
}

static void export_slot(struct world *w, int member, uint16_t slot, int other)
{
    struct cluster_call call = world_call(w, member, NULL);
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct cluster_id id;

    bitset_add(slots, slot);
    cr_assert(cluster_export_slots(w->members[member].core, &call, slots, id_of(w, other), &id));
    cluster_begin_exports(w->members[member].core, &call);
    world_carry_out(w, member);
}

static void forget(struct world *w, int member, const struct cluster_id *id)
{
    struct cluster_call call = world_call(w, member, NULL);

    cr_assert(cluster_forget(w->members[member].core, &call, bytes_from_text(id->text)));
    world_carry_out(w, member);
}

static void reset_hard(struct world *w, int member)
{
    struct cluster_call call = world_call(w, member, NULL);

    cr_assert(cluster_reset(w->members[member].core, &call, true));
    world_carry_out(w, member);
}

Test(cluster_keeper, a_shard_that_is_gone_lets_slots_go_though_some_of_them_were_on_the_move)
{
    struct world *w = world_of_replicas(2);
    uint16_t slot = world_first_slot(2);
    struct cluster_id shard = shard_of(w, 2);
    const struct shard_record *record;

    set_slot(w, 2, slot, CLUSTER_SETSLOT_MIGRATING, 1);
    set_slot(w, 2, slot + 1, CLUSTER_SETSLOT_MIGRATING, 1);
    export_slot(w, 2, slot + 2, 1);
    export_slot(w, 2, slot + 3, 1);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    world_kill(w, 2);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect(give(w, 0, slot, NULL));
    cr_expect(give(w, 0, slot + 2, NULL));
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 0);
    cr_expect_eq(world_server_of(w, slot + 2), 0);
    record = council_find(w->members[1].core->council, &shard);
    cr_expect_not(bitset_has(record->slots, slot));
    cr_expect(bitset_has(record->slots, slot + 1));
    cr_expect_eq(record->move_count, 1, "what was not given elsewhere moves on when it is back");
    cr_expect_eq(record->ranges.count, 1);
    world_free(w);
}

/* Where only one of many still has it in its table no majority finds it failed. */
Test(cluster_keeper, whoever_has_no_place_any_more_is_removed_and_then_its_slots_can_be_given)
{
    struct world *w = world_of_replicas(2);
    struct cluster_id id = w->members[2].id;
    uint16_t slot = world_first_slot(2);
    struct errmsg error = {0};

    reset_hard(w, 2);
    for (int i = 1; i < w->count; i++) {
        if (i != 2) {
            forget(w, i, &id);
        }
    }
    world_run(w, 10 * WORLD_TIMEOUT_MS);
    cr_assert_not(give(w, 0, slot, &error));
    cr_expect(strstr(error.text, "be removed (CLUSTER FORGET)") != NULL, "%s", error.text);
    forget(w, 0, &id);
    cr_assert(give(w, 0, slot, &error), "%s", error.text);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 0);
    world_free(w);
}

/* What was agreed last it has not heard, as when the primary that had it agreed ended at that moment. */
Test(cluster_keeper, who_refuses_a_slot_for_what_it_knows_asks_whether_that_is_still_so)
{
    struct world *w = world_three_and_three();
    uint16_t slot = world_first_slot(2);
    struct council *council = w->members[0].core->council;
    struct cluster_id shard = shard_of(w, 2);
    struct cluster_call call = world_call(w, 2, NULL);
    struct shard_record older = *council_find(council, &shard);
    struct record_state *r = record_find(council, &shard);
    struct errmsg error = {0};

    cr_assert(cluster_del_slots(w->members[2].core, &call, &slot, 1));
    world_carry_out(w, 2);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    cr_assert_gt(r->known_version, older.version);
    r->known_version = 0;
    record_set_known(council, r, &older);
    record_set_claims(r, older.slots);
    world_kill(w, 2);
    cr_assert_not(give(w, 0, slot, &error));
    world_run(w, WORLD_TIMEOUT_MS / 10);
    cr_assert(give(w, 0, slot, &error), "%s", error.text);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 0);
    world_free(w);
}

/* That one took over while the node was cut off, got another id (RESET HARD) and so will never be met. */
Test(cluster_keeper, who_is_told_that_the_unknown_one_in_its_place_is_gone_takes_the_place_back)
{
    struct world *w = world_three_and_three();
    struct cluster_id heir = w->members[3].id;

    world_cut_off(w, 0, 1);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_assert_eq(world_server_of(w, world_first_slot(0)), 3);
    forget(w, 0, &heir);
    w->members[0].core->forgotten.count = 0; /* somebody has let it in again since */
    reset_hard(w, 3);
    world_cut_off(w, 0, 0);
    world_run(w, 15 * WORLD_TIMEOUT_MS);
    cr_expect_neq(world_server_of(w, world_first_slot(0)), 0, "it may be alive");
    forget(w, 0, &heir);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    world_free(w);
}

/* It has asked for a record of the shard that it was, which has none, when it is sent to another one. */
Test(cluster_keeper, who_is_given_a_slot_and_at_once_another_primary_comes_to_follow_that)
{
    struct world *w = world_three_and_three();
    uint16_t slot = world_first_slot(1);
    struct cluster_call call = world_call(w, 1, NULL);

    reset_hard(w, 5);
    w->members[5].id = *cluster_my_id(w->members[5].core);
    call = world_call(w, 0, NULL);
    cr_assert(
        cluster_meet(w->members[0].core, &call, bytes_from_text(w->members[5].ip), 7005, 17005));
    world_carry_out(w, 0);
    call = world_call(w, 1, NULL);
    cr_assert(cluster_del_slots(w->members[1].core, &call, &slot, 1));
    world_carry_out(w, 1);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_assert(give(w, 5, slot, NULL));
    call = world_call(w, 5, NULL);
    cr_assert(cluster_del_slots(w->members[5].core, &call, &slot, 1));
    world_carry_out(w, 5);
    call = world_call(w, 5, NULL);
    cr_assert(cluster_replicate(w->members[5].core, &call, id_of(w, 0)));
    world_carry_out(w, 5);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect(world_is_replica_of(w, 5, 0));
    world_free(w);
}

/* ---- two records with one slot -------------------------------------------------------------------- */

/* Every member takes this for agreed, whatever it knew. */
static void say_agreed(struct world *w, int member, const struct shard_record *record)
{
    struct council *council = w->members[member].core->council;
    struct record_state *r = record_find(council, &record->shard);

    r->known_version = 0;
    record_set_known(council, r, record);
    record_set_claims(r, record->slots);
    buf_clear(&r->value);
    shard_record_encode(&r->value, record);
}

/* As it may be where one node has declared itself the council by what it had heard. */
static void agree_twice(struct world *w, int primary, uint16_t slot)
{
    struct cluster_id shard = shard_of(w, primary);

    for (int i = 0; i < w->count; i++) {
        struct shard_record record = *council_find(w->members[i].core->council, &shard);

        record.version++;
        bitset_add(record.slots, slot);
        say_agreed(w, i, &record);
    }
}

Test(cluster_keeper, a_replica_takes_over_though_a_slot_is_agreed_to_be_another_shards_as_well)
{
    struct world *w = world_three_and_three();
    uint16_t slot = world_first_slot(0);

    world_forbid_failover(w, 4);
    agree_twice(w, 1, slot);
    world_kill(w, 0);
    world_kill(w, 1);
    world_run(w, 15 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot + 1), 3);
    cr_expect_eq(world_server_of(w, slot), 3, "the other shard is gone: it lets it go");
    world_free(w);
}

Test(cluster_keeper, a_shard_that_is_gone_lets_go_of_slots_that_are_agreed_to_be_another_shards_too)
{
    struct world *w = world_three_and_three();
    uint16_t slot = world_first_slot(1);

    world_forbid_failover(w, 3);
    world_forbid_failover(w, 4);
    agree_twice(w, 1, world_first_slot(0));
    world_kill(w, 0);
    world_kill(w, 1);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect(give(w, 2, slot, NULL));
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 2);
    world_free(w);
}

/* The members know of no change since the slot was another shard's, nobody of that one is there to tell them, and who asks for it is no
 * member, whom they would ask in turn. */
Test(cluster_keeper, members_that_refuse_a_slot_hear_from_who_asks_that_it_was_given_up)
{
    struct world *w = world_three_and_three();
    int asker = 0;
    int gone;
    uint16_t slot;
    struct cluster_id shard;
    struct shard_record older;
    struct cluster_call call;

    while (council_is_member(w->members[asker].core->council)) {
        asker++;
    }
    cr_assert_lt(asker, 3, "five of six have a seat");
    gone = (asker + 1) % 3;
    slot = world_first_slot(gone);
    shard = shard_of(w, gone);
    older = *council_find(w->members[asker].core->council, &shard);
    world_forbid_failover(w, gone + 3);
    call = world_call(w, gone, NULL);
    cr_assert(cluster_del_slots(w->members[gone].core, &call, &slot, 1));
    world_carry_out(w, gone);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    world_kill(w, gone);
    for (int i = 0; i < w->count; i++) {
        if (w->members[i].is_running && i != asker) {
            say_agreed(w, i, &older);
        }
    }
    cr_assert(give(w, asker, slot, NULL));
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), asker);
    world_free(w);
}

/* It has its seat since a moment, and copied what was accepted, not that it was agreed. */
Test(cluster_keeper, a_member_that_refuses_a_slot_by_what_was_only_accepted_asks_what_was_agreed)
{
    struct world *w = world_of_replicas(2);
    uint16_t slot = world_first_slot(2);
    struct cluster_id shard = shard_of(w, 2);
    struct cluster_call call = world_call(w, 2, NULL);
    struct record_state *r = record_find(w->members[0].core->council, &shard);
    uint64_t claims[SHARD_SLOT_WORDS];

    memcpy(claims, council_find(w->members[0].core->council, &shard)->slots, sizeof(claims));
    cr_assert(cluster_del_slots(w->members[2].core, &call, &slot, 1));
    world_carry_out(w, 2);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    world_kill(w, 2);
    r->known_ballot = (struct ballot){0};
    r->known_version = 0;
    buf_clear(&r->known);
    buf_clear(&r->known_slots);
    record_set_claims(r, claims);
    record_tidy(w->members[0].core->council, NULL);
    cr_assert(give(w, 1, slot, NULL));
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 1);
    world_free(w);
}

/* It was sent to another shard before it heard that it was handed this one, and everybody else of that is gone. */
Test(cluster_keeper, who_was_made_primary_of_a_shard_that_it_had_left_can_be_given_its_slots)
{
    struct world *w = world_three_and_three();
    uint16_t slot = world_first_slot(2);
    struct cluster_id shard = shard_of(w, 2);
    struct errmsg error = {0};

    for (int i = 0; i < w->count; i++) {
        struct shard_record record = *council_find(w->members[i].core->council, &shard);

        record.version++;
        record.primary = w->members[1].id;
        record.holder_count = 0;
        say_agreed(w, i, &record);
    }
    world_kill(w, 2);
    world_kill(w, 5);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_assert(give(w, 1, slot, &error), "%s", error.text);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 1);
    world_free(w);
}

/* Its primary ended when the members had accepted its next change, and it did not know so: an older one may be agreed yet, for all they know. */
Test(cluster_keeper, what_a_shard_that_is_gone_left_half_agreed_is_settled_where_it_keeps_slots)
{
    struct world *w = world_of_replicas(2);
    uint16_t slot = world_first_slot(2);
    struct cluster_id shard = shard_of(w, 2);
    struct cluster_call call = world_call(w, 2, NULL);
    uint64_t claims[SHARD_SLOT_WORDS];

    memcpy(claims, council_find(w->members[0].core->council, &shard)->slots, sizeof(claims));
    cr_assert(cluster_del_slots(w->members[2].core, &call, &slot, 1));
    world_carry_out(w, 2);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    for (int i = 0; i < w->count; i++) {
        struct council *council = w->members[i].core->council;
        struct record_state *r = record_find(council, &shard);
        struct shard_record next = *council_find(council, &shard);

        next.version++;
        r->accepted = r->known_ballot;
        r->accepted.round++;
        r->promised = r->accepted;
        buf_clear(&r->value);
        shard_record_encode(&r->value, &next);
        record_set_claims(r, claims);
    }
    world_kill(w, 2);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_assert(give(w, 1, slot, NULL));
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 1);
    world_free(w);
}

static void add_slot(struct world *w, int member, uint16_t slot)
{
    struct cluster_call call = world_call(w, member, NULL);

    cr_assert(cluster_add_slots(w->members[member].core, &call, &slot, 1));
    world_carry_out(w, member);
}

/* It ends whenever members may have accepted its first record, and before it can tell anybody that this is agreed. */
Test(cluster_keeper, the_first_record_of_who_is_gone_keeps_its_slots_from_nobody)
{
    for (int gap_ms = 0; gap_ms < 6; gap_ms++) {
        struct world *w = world_without_slots(3);
        struct cluster_id id = w->members[2].id;
        uint16_t slot = 5;

        add_slot(w, 2, slot);
        world_run(w, gap_ms);
        world_kill(w, 2);
        forget(w, 0, &id);
        forget(w, 1, &id);
        world_run(w, WORLD_TIMEOUT_MS);
        cr_assert(give(w, 0, slot, NULL));
        world_run(w, 5 * WORLD_TIMEOUT_MS);
        cr_expect_eq(world_server_of(w, slot), 0, "it ended after %d ms", gap_ms);
        world_free(w);
    }
}

/* All but one leave their shard then, and nobody proposes anything of it any more. */
Test(cluster_keeper, a_slot_that_three_without_a_record_are_given_at_once_becomes_one_ones)
{
    for (int gap_ms = 0; gap_ms < 6; gap_ms++) {
        struct world *w = world_without_slots(3);
        uint16_t slot = 5;

        for (int i = 0; i < 3; i++) {
            add_slot(w, i, slot);
        }
        world_run(w, gap_ms);
        for (int i = 0; i < 3; i++) {
            world_cut_off(w, i, i);
        }
        world_run(w, WORLD_TIMEOUT_MS / 10);
        for (int i = 0; i < 3; i++) {
            world_cut_off(w, i, 0);
        }
        world_run(w, 5 * WORLD_TIMEOUT_MS);
        cr_expect_neq(world_server_of(w, slot), NOBODY, "parted after %d ms", gap_ms);
        world_free(w);
    }
}

/* It was removed once and let in again elsewhere, and ended before it was met here. */
Test(cluster_keeper,
     a_primary_that_was_never_met_is_gone_at_a_word_though_others_had_let_it_in_again)
{
    struct world *w = world_three_and_three();
    struct cluster_id shard = shard_of(w, 0);
    struct cluster_id unknown = w->members[0].id;
    struct cluster *core;

    unknown.text[0] = unknown.text[0] == '0' ? '1' : '0';
    for (int i = 0; i < w->count; i++) {
        struct shard_record record = *council_find(w->members[i].core->council, &shard);

        core = w->members[i].core;
        record.version++;
        record.primary = unknown;
        forgotten_note(core, &unknown, 2, mono_add_ms(w->now, CLUSTER_FORGOTTEN_MS));
        core->forgotten.items[core->forgotten.count - 1].is_admitted = true;
        say_agreed(w, i, &record);
        core->is_record_pending = cluster_id_equal(&core->me->shard, &shard);
    }
    for (int i = 0; i < w->count; i += WORLD_SHARDS) {
        forget(w, i, &unknown);
        cr_expect(forgotten_has(w->members[i].core, &unknown));
    }
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect_neq(world_server_of(w, world_first_slot(0)), NOBODY);
    world_free(w);
}

/* This member is slow while the other one reads the record of a shard of which it is not. */
static void be_slow_while_read(struct world *w, int member, int reader)
{
    const struct cluster *core = w->members[reader].core;
    const struct proposal *p = &core->council->proposal;
    bool is_read = p->phase == PROPOSAL_POLLING || p->phase == PROPOSAL_PREPARING;

    w->members[member].is_paused = is_read && !cluster_id_equal(&p->record, &core->me->shard);
    world_run(w, 1);
}

/* Of seven seats two are empty, and the other four are enough to read it. */
Test(cluster_keeper, what_one_slow_member_accepted_of_who_is_gone_keeps_slots_from_nobody_for_good)
{
    struct world *w = world_of_replicas(4);
    uint16_t slot = world_first_slot(0) + 10;
    struct cluster_call call = world_call(w, 0, NULL);

    cr_assert(cluster_del_slots(w->members[0].core, &call, &slot, 1));
    world_carry_out(w, 0);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    world_part_from_all_but(w, 1, 3, true);
    cr_assert(give(w, 1, slot, NULL));
    world_run(w, 50);
    world_kill(w, 1);
    world_kill(w, 4);
    world_run(w, 6 * WORLD_TIMEOUT_MS);
    cr_assert(give(w, 2, slot, NULL));
    for (int ms = 0; ms < 2 * WORLD_TIMEOUT_MS; ms++) {
        be_slow_while_read(w, 3, 2);
    }
    world_resume(w, 3);
    world_run(w, WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 2);
    world_free(w);
}
