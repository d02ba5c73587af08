/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/cluster/core.h"
#include "tests/unit/server/cluster/world.h"

#include "cluster/nodes.h"
#include "cluster/role.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

Test(cluster_admin, slots_are_added_all_or_none)
{
    struct core core = core_new("");
    struct cluster_call call = core_call(&core);
    uint16_t first[] = {1, 2};
    uint16_t overlapping[] = {3, 2};
    uint16_t twice[] = {7, 7};

    cr_expect(cluster_add_slots(core.cluster, &call, first, 2));
    cr_expect_not(cluster_add_slots(core.cluster, &call, overlapping, 2));
    cr_expect_str_eq(core.error.text, "Slot 2 is already busy");
    cr_expect_not(cluster_owns_slot(core.cluster, 3));
    cr_expect_not(cluster_add_slots(core.cluster, &call, twice, 2));
    cr_expect_str_eq(core.error.text, "Slot 7 specified multiple times");
    cr_expect_not(cluster_del_slots(core.cluster, &call, overlapping, 1));
    cr_expect_str_eq(core.error.text, "Slot 3 is already unassigned");
    cr_expect(cluster_del_slots(core.cluster, &call, first, 2));
    cr_expect_not(cluster_owns_slot(core.cluster, 1));
    core_deinit(&core);
}

Test(cluster_admin, slots_that_are_unassigned_keep_their_keys)
{
    struct core core = core_new("");
    struct cluster_call call;
    uint16_t slots[] = {5, 6};
    const struct cluster_action *changed;

    core_own_everything(&core);
    call = core_call(&core);
    actions_clear(&core.actions);
    cr_assert(cluster_del_slots(core.cluster, &call, slots, 2));
    changed = core_find(&core, CLUSTER_ACTION_SLOTS_CHANGED);
    cr_assert_not_null(changed);
    cr_expect_not(changed->loses_slots);
    cr_expect_not(cluster_lost_slot(core.cluster, 5));
    core_deinit(&core);
}

Test(cluster_admin, an_arbiter_takes_no_slots)
{
    struct cluster_settings settings = CLUSTER_SETTINGS_DEFAULT;
    struct core core;
    struct cluster_call call;
    uint16_t slots[] = {5};

    settings.is_arbiter = true;
    core = core_new_with("", &settings);
    call = core_call(&core);
    cr_expect_not(cluster_add_slots(core.cluster, &call, slots, 1));
    cr_expect_str_eq(core.error.text, "An arbiter cannot own slots (cluster-arbiter)");
    cr_expect_not(
        cluster_set_slot(core.cluster, &call, 5, CLUSTER_SETSLOT_NODE, BYTES_LITERAL(CORE_ID)));
    cr_expect(core_tells(&core, "cluster_arbiter:1"));
    core_deinit(&core);
}

Test(cluster_admin, a_node_that_owns_slots_does_not_become_an_arbiter)
{
    struct cluster_settings settings = CLUSTER_SETTINGS_DEFAULT;
    struct core core = core_new("");
    struct buf file = {0};

    core_own_everything(&core);
    cluster_format_file(core.cluster, &file);
    core_deinit(&core);
    settings.is_arbiter = true;
    core = core_new_with(buf_text(&file), &settings);
    cr_expect_null(core.cluster);
    cr_expect_str_eq(core.error.text,
                     "this node owns slots: it cannot become an arbiter (cluster-arbiter yes)");
    core_deinit(&core);
    buf_deinit(&file);
}

static void set_slot(struct world *w, int member, uint16_t slot, enum cluster_setslot_kind kind,
                     int other)
{
    cr_assert(world_set_slot(w, member, slot, kind, other));
}

Test(cluster_admin, only_slots_that_others_took_are_lost)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 0, NULL);
    uint16_t unassigned = 1;

    cr_assert(cluster_del_slots(w->members[0].core, &call, &unassigned, 1));
    world_carry_out(w, 0);
    set_slot(w, 0, 2, CLUSTER_SETSLOT_MIGRATING, 1);
    set_slot(w, 1, 2, CLUSTER_SETSLOT_IMPORTING, 0);
    set_slot(w, 1, 2, CLUSTER_SETSLOT_NODE, 1);
    world_run(w, 500);
    cr_expect_not(cluster_owns_slot(w->members[0].core, 2));
    cr_expect(cluster_lost_slot(w->members[0].core, 2));
    cr_expect_not(cluster_lost_slot(w->members[0].core, unassigned));
    set_slot(w, 0, 2, CLUSTER_SETSLOT_IMPORTING, 1);
    set_slot(w, 0, 2, CLUSTER_SETSLOT_NODE, 0);
    cr_expect_not(cluster_lost_slot(w->members[0].core, 2), "it is ours again");
    world_free(w);
}

Test(cluster_admin, a_slot_that_is_agreed_to_be_anothers_is_not_added)
{
    struct world *w = world_three_and_three();
    struct errmsg error;
    struct cluster_call call = world_call(w, 1, &error);
    uint16_t slot = world_first_slot(0);

    cr_assert(cluster_del_slots(w->members[1].core, &call, &slot, 1));
    call = world_call(w, 1, &error);
    cr_expect_not(cluster_add_slots(w->members[1].core, &call, &slot, 1));
    cr_expect(strstr(error.text, "is agreed to be another shard's") != NULL, "%s", error.text);
    world_free(w);
}

/* Two are told at once, and neither has heard of the other. */
Test(cluster_admin, a_slot_that_two_are_given_at_once_becomes_one_ones_and_neither_stops)
{
    struct world *w = world_three_and_three();
    uint16_t slot = world_first_slot(0);
    struct cluster_call call = world_call(w, 0, NULL);

    cr_assert(cluster_del_slots(w->members[0].core, &call, &slot, 1));
    world_carry_out(w, 0);
    world_run(w, 500);
    for (int i = 1; i < 3; i++) {
        call = world_call(w, i, NULL);
        cr_assert(cluster_del_slots(w->members[i].core, &call, &slot, 1));
        call = world_call(w, i, NULL);
        cr_assert(cluster_add_slots(w->members[i].core, &call, &slot, 1));
        world_carry_out(w, i);
    }
    for (int ms = 0; ms < 3 * WORLD_TIMEOUT_MS; ms++) {
        world_run(w, 1);
        cr_assert_eq(world_server_of(w, world_first_slot(1) + 1), 1);
        cr_assert_eq(world_server_of(w, world_first_slot(2) + 1), 2);
    }
    cr_expect_neq(world_server_of(w, slot), NOBODY);
    cr_expect_neq(cluster_owns_slot(w->members[1].core, slot),
                  cluster_owns_slot(w->members[2].core, slot));
    world_free(w);
}

Test(cluster_admin, slots_with_keys_are_not_flushed)
{
    struct core core = core_new("");
    struct cluster_call call;

    core_own_everything(&core);
    call = core_call(&core);
    call.has_keys = true;
    cr_expect_not(cluster_flush_slots(core.cluster, &call));
    cr_expect_str_eq(core.error.text, "DB must be empty to perform CLUSTER FLUSHSLOTS.");
    call.has_keys = false;
    cr_expect(cluster_flush_slots(core.cluster, &call));
    cr_expect_not(cluster_owns_slot(core.cluster, 0));
    core_deinit(&core);
}

Test(cluster_admin, a_config_epoch_is_set_once_on_a_lone_node)
{
    struct core core = core_new("");
    struct cluster_call call = core_call(&core);

    cr_expect_not(cluster_set_config_epoch(core.cluster, &call, -1));
    cr_expect_str_eq(core.error.text, "Invalid config epoch specified: -1");
    cr_expect(cluster_set_config_epoch(core.cluster, &call, 4));
    cr_expect(core_tells(&core, "cluster_current_epoch:4"));
    cr_expect_not(cluster_set_config_epoch(core.cluster, &call, 5));
    cr_expect_str_eq(core.error.text, "Node config epoch is already non-zero");
    core_deinit(&core);
}

Test(cluster_admin, the_epoch_is_bumped_unless_it_is_the_greatest)
{
    struct core core = core_new("");
    struct cluster_call call = core_call(&core);
    uint64_t epoch;
    bool is_bumped;

    cr_expect(cluster_bump_epoch(core.cluster, &call, &is_bumped, &epoch));
    cr_expect(is_bumped);
    cr_expect_eq(epoch, 1);
    cr_expect(cluster_bump_epoch(core.cluster, &call, &is_bumped, &epoch));
    cr_expect_not(is_bumped);
    cr_expect_eq(epoch, 1);
    core_deinit(&core);
}

Test(cluster_admin, meet_checks_the_address_and_opens_a_link)
{
    struct core core = core_new("");
    struct cluster_call call = core_call(&core);
    const struct cluster_action *open;

    cr_expect_not(cluster_meet(core.cluster, &call, BYTES_LITERAL("no way"), 7000, 0));
    cr_expect_str_eq(core.error.text, "Invalid node address specified: no way:7000");
    cr_expect_not(cluster_meet(core.cluster, &call, BYTES_LITERAL("10.0.0.2"), 60000, 0));
    cr_assert(cluster_meet(core.cluster, &call, BYTES_LITERAL("10.0.0.2"), 7000, 0));
    open = core_find(&core, CLUSTER_ACTION_OPEN);
    cr_assert_not_null(open);
    cr_expect_eq(open->address.bus_port, 17000);
    cr_expect(cluster_meet(core.cluster, &call, BYTES_LITERAL("10.0.0.2"), 7000, 0));
    cr_expect_eq(cluster_node_count(core.cluster), 2, "met once although asked twice");
    core_deinit(&core);
}

Test(cluster_admin, meet_refuses_what_is_no_address)
{
    static const char *const hosts[] = {"999.1.1.1", "1.2.3",  "1.2.3.4.5", "::zz", "1::2::3",
                                        "12345",     "host.1", "a_b c",     "a/b"};
    struct core core = core_new("");
    struct cluster_call call = core_call(&core);

    for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
        char text[128];

        snprintf(text, sizeof(text), "Invalid node address specified: %s:7000", hosts[i]);
        cr_expect_not(cluster_meet(core.cluster, &call, bytes_from_text(hosts[i]), 7000, 0));
        cr_expect_str_eq(core.error.text, text);
    }
    cr_expect_eq(cluster_node_count(core.cluster), 1);
    core_deinit(&core);
}

Test(cluster_admin, meet_takes_an_address_in_any_form_and_keeps_the_usual_one)
{
    struct core core = core_new("");
    struct cluster_call call = core_call(&core);
    const struct cluster_action *open;

    cr_assert(cluster_meet(core.cluster, &call, BYTES_LITERAL("0:0::0001"), 7000, 0));
    open = core_find(&core, CLUSTER_ACTION_OPEN);
    cr_assert_not_null(open);
    cr_expect_str_eq(open->address.ip, "::1");
    core_deinit(&core);
}

Test(cluster_admin, a_node_that_cannot_be_met_is_logged_once)
{
    struct core core = core_new("");
    struct cluster_call call = core_call(&core);
    struct cluster_event down = {.type = CLUSTER_EVENT_LINK_DOWN, .reason = "no such host"};
    size_t lines = 0;

    cr_assert(cluster_meet(core.cluster, &call, BYTES_LITERAL("peer.example"), 7000, 0));
    down.link = core_find(&core, CLUSTER_ACTION_OPEN)->link;
    for (int i = 0; i < 5; i++) {
        const struct cluster_action *log;

        actions_clear(&core.actions);
        cluster_step(core.cluster, core.now, &down, &core.actions);
        log = core_find(&core, CLUSTER_ACTION_LOG);
        if (log != NULL) {
            lines++;
            cr_expect(bytes_equal_text(cluster_action_bytes(&core.actions, log),
                                       "cannot meet peer.example:17000: no such host"));
        }
        core_tick(&core, 150);
    }
    cr_expect_eq(lines, 1);
    core_deinit(&core);
}

Test(cluster_admin, a_node_that_never_answers_is_dropped_from_its_handshake)
{
    struct core core = core_new("");
    struct cluster_call call = core_call(&core);

    cr_assert(cluster_meet(core.cluster, &call, BYTES_LITERAL("peer.example"), 7000, 0));
    for (int i = 0; i < 20; i++) {
        core_tick(&core, 100);
    }
    cr_expect_eq(cluster_node_count(core.cluster), 1);
    core_deinit(&core);
}

static void expect_forget_error(struct world *w, int member, const char *id, const char *text)
{
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, member, &error);

    cr_expect_not(cluster_forget(w->members[member].core, &call, bytes_from_text(id)));
    cr_expect_not_null(strstr(error.text, text), "said: %s", error.text);
}

Test(cluster_admin, forget_refuses_what_must_stay)
{
    struct world *w = world_three_and_three();

    expect_forget_error(w, 3, w->members[3].id.text, "I tried hard but I can't forget myself...");
    expect_forget_error(w, 3, w->members[0].id.text, "Can't forget my master!");
    expect_forget_error(w, 3, "abc", "Unknown node abc");
    world_free(w);
}

static void expect_replicate_error(struct world *w, int member, const char *id, const char *text)
{
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, member, &error);

    cr_expect_not(cluster_replicate(w->members[member].core, &call, bytes_from_text(id)));
    cr_expect_str_eq(error.text, text);
}

Test(cluster_admin, replicate_refuses_what_makes_no_sense)
{
    struct world *w = world_three_and_three();

    expect_replicate_error(w, 3, "xyz", "Unknown node xyz");
    expect_replicate_error(w, 3, w->members[3].id.text, "Can't replicate myself");
    expect_replicate_error(w, 3, w->members[4].id.text,
                           "I can only replicate a master, not a replica.");
    expect_replicate_error(w, 0, w->members[1].id.text,
                           "To set a master the node must be empty and without assigned slots.");
    world_free(w);
}

Test(cluster_admin, failover_is_for_replicas_of_a_primary_that_is_there)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, 0, &error);

    cr_expect_not(cluster_failover(w->members[0].core, &call, CLUSTER_FAILOVER_AGREED));
    cr_expect_str_eq(error.text, "You should send CLUSTER FAILOVER to a replica");
    world_kill(w, 0);
    world_run(w, 200);
    call = world_call(w, 3, &error);
    cr_expect_not(cluster_failover(w->members[3].core, &call, CLUSTER_FAILOVER_AGREED));
    cr_expect_str_eq(error.text, "Master is down or failed, please use CLUSTER FAILOVER FORCE");
    world_free(w);
}

Test(cluster_admin, a_soft_reset_forgets_the_others_and_keeps_the_id)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 3, NULL);
    struct cluster_id id = w->members[3].id;

    cr_assert(cluster_reset(w->members[3].core, &call, false));
    world_carry_out(w, 3);
    cr_expect_eq(world_known_nodes(w, 3), 1);
    cr_expect(cluster_id_equal(cluster_my_id(w->members[3].core), &id));
    cr_expect_not(cluster_is_replica(w->members[3].core));
    cr_expect_eq(w->members[3].follows, NOBODY);
    world_free(w);
}

static bool add_slot(struct world *w, int member, uint16_t slot)
{
    struct cluster_call call = world_call(w, member, NULL);
    bool is_added = cluster_add_slots(w->members[member].core, &call, &slot, 1);

    world_carry_out(w, member);
    return is_added;
}

static void meet_again(struct world *w, int member, int other)
{
    struct cluster_call call = world_call(w, member, NULL);

    cr_assert(cluster_meet(w->members[member].core, &call, bytes_from_text(w->members[other].ip),
                           7000 + other, 17000 + other));
    world_carry_out(w, member);
}

/* Nobody else changes its record, and it knew of none. */
Test(cluster_admin, slots_of_a_primary_that_was_reset_can_be_added_elsewhere_when_it_is_met_again)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 2, NULL);
    uint16_t slot = world_first_slot(2);

    cr_assert(cluster_reset(w->members[2].core, &call, false));
    world_carry_out(w, 2);
    world_run(w, 100);
    cr_expect_not(add_slot(w, 1, slot), "it may be there with all of them");
    meet_again(w, 1, 2);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_assert_eq(world_server_of(w, slot), NOBODY);
    cr_expect(add_slot(w, 1, slot));
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 1);
    world_free(w);
}

/* Its name stays behind, with its slots, and is dead. */
Test(cluster_admin,
     a_primary_that_was_reset_hard_is_of_another_shard_and_its_replica_takes_its_place)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 2, NULL);

    cr_assert(cluster_reset(w->members[2].core, &call, true));
    w->members[2].id = *cluster_my_id(w->members[2].core);
    world_carry_out(w, 2);
    meet_again(w, 1, 2);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, world_first_slot(2)), 5);
    cr_expect_not(cluster_is_replica(w->members[2].core));
    cr_expect_not(cluster_has_slots(w->members[2].core));
    world_free(w);
}

/* It is nobody's agreed slot any more, though it stays its owner's in the tables of others until somebody else has it. */
Test(cluster_admin, a_slot_that_its_owner_lets_go_of_can_be_added_elsewhere_unless_it_was_given)
{
    for (int is_given = 0; is_given < 2; is_given++) {
        struct world *w = world_three_and_three();
        struct cluster_call call = world_call(w, 2, NULL);
        uint16_t slot = world_first_slot(2);

        if (is_given) {
            world_kill(w, 1); /* before it can take it, */
            world_kill(w, 4); /* or its heir */
            cr_assert(cluster_set_slot(w->members[2].core, &call, slot, CLUSTER_SETSLOT_NODE,
                                       bytes_from_text(w->members[1].id.text)));
        } else {
            cr_assert(cluster_del_slots(w->members[2].core, &call, &slot, 1));
        }
        world_carry_out(w, 2);
        world_run(w, WORLD_TIMEOUT_MS / 2);
        cr_assert_eq(world_server_of(w, slot), NOBODY);
        cr_expect_eq(add_slot(w, 0, slot), is_given == 0);
        world_run(w, WORLD_TIMEOUT_MS);
        cr_expect_eq(world_server_of(w, slot), is_given ? NOBODY : 0);
        world_free(w);
    }
}

Test(cluster_admin, a_hard_reset_makes_a_new_node)
{
    struct core core = core_new("");
    struct cluster_call call = core_call(&core);

    cr_assert(cluster_set_config_epoch(core.cluster, &call, 4));
    call.has_keys = true;
    cr_expect_not(cluster_reset(core.cluster, &call, true));
    cr_expect_str_eq(core.error.text,
                     "CLUSTER RESET can't be called with master nodes containing keys");
    call.has_keys = false;
    cr_assert(cluster_reset(core.cluster, &call, true));
    cr_expect_neq(strcmp(cluster_my_id(core.cluster)->text, CORE_ID), 0);
    cr_expect(core_tells(&core, "cluster_current_epoch:0"));
    core_deinit(&core);
}

/* It claims what it has, but for less and with more, in an epoch of its own. */
static void claim_at(struct cluster *c, struct cluster_node *claimer, uint16_t slot, bool has_it)
{
    uint64_t claim[FRAME_SLOT_WORDS];

    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        claim[i] = claimer->slots[i] | (has_it ? 0 : c->me->slots[i]);
    }
    claim[slot / 64] &= ~(1ULL << slot % 64);
    claim[slot / 64] |= (uint64_t)has_it << slot % 64;
    claimer->config_epoch = ++c->current_epoch;
    cr_expect_null(role_take_claim(c, claimer, claim));
}

Test(cluster_admin, a_primary_that_was_replaced_stays_in_its_shard_when_slots_went_on_from_there)
{
    struct world *w = world_three_and_three();
    struct cluster *c = w->members[0].core;
    struct cluster_node *heir = nodes_find(c, &w->members[3].id);
    struct cluster_node *other = nodes_find(c, &w->members[1].id);
    uint16_t slot = world_first_slot(0);

    c->out = &w->members[0].actions;
    actions_begin_step(c->out, c->out->kind);
    nodes_set_primary(c, heir);
    claim_at(c, heir, slot, false);
    cr_expect_eq(c->me->slot_count, 1);
    claim_at(c, other, slot, true);
    actions_end_step(c->out, w->now);
    c->out = NULL;
    cr_expect(cluster_id_equal(&c->me->primary, &heir->id));
    world_free(w);
}

Test(cluster_admin, setslot_checks_owner_and_keys)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, 0, &error);
    struct bytes other = bytes_from_text(w->members[1].id.text);
    uint16_t theirs = world_first_slot(1);
    struct cluster *core = w->members[0].core;

    cr_expect_not(cluster_set_slot(core, &call, theirs, CLUSTER_SETSLOT_MIGRATING, other));
    cr_expect_not_null(strstr(error.text, "I'm not the owner of hash slot"));
    cr_expect_not(cluster_set_slot(core, &call, 0, CLUSTER_SETSLOT_IMPORTING, other));
    cr_expect_str_eq(error.text, "I'm already the owner of hash slot 0");
    call.has_keys = true;
    cr_expect_not(cluster_set_slot(core, &call, 0, CLUSTER_SETSLOT_NODE, other));
    cr_expect_not_null(strstr(error.text, "while I still hold keys"));
    world_free(w);
}

Test(cluster_admin, of_a_primary_64_slots_can_be_on_the_move_at_a_time)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};
    struct bytes other = bytes_from_text(w->members[1].id.text);
    struct cluster *core = w->members[0].core;

    for (uint16_t slot = 0; slot <= 64; slot++) {
        struct cluster_call call = world_call(w, 0, &error);
        bool is_begun = cluster_set_slot(core, &call, slot, CLUSTER_SETSLOT_MIGRATING, other);

        world_carry_out(w, 0);
        cr_expect_eq(is_begun, slot < 64, "%u: %s", slot, error.text);
    }
    cr_expect_str_eq(error.text, "Too many slots on the move, 64 at most at a time");
    world_free(w);
}

static bool is_settled(struct world *w, int member, uint16_t slot, int owner)
{
    return cluster_slot_is_settled(w->members[member].core, w->now, slot,
                                   bytes_from_text(w->members[owner].id.text), 0);
}

/* Whom is told first, and who was in which state before: in the end the slot is the target's, agreed, and nobody else's. */
Test(cluster_admin, a_slot_arrives_whichever_side_is_told_first)
{
    static const struct {
        int told[2];
        bool is_migrating, is_importing;
    } cases[] = {
        {{1, 0}, true,  true },
        {{0, 1}, true,  true },
        {{1, 0}, false, true },
        {{0, 1}, false, true },
        {{1, 0}, true,  false},
        {{0, 1}, true,  false},
        {{1, 0}, false, false},
        {{0, 1}, false, false},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct world *w = world_three_and_three();
        uint16_t slot = (uint16_t)(world_first_slot(0) + 1);

        if (cases[i].is_migrating) {
            set_slot(w, 0, slot, CLUSTER_SETSLOT_MIGRATING, 1);
        }
        if (cases[i].is_importing) {
            set_slot(w, 1, slot, CLUSTER_SETSLOT_IMPORTING, 0);
        }
        world_run(w, 300);
        for (int turn = 0; turn < 2; turn++) {
            set_slot(w, cases[i].told[turn], slot, CLUSTER_SETSLOT_NODE, 1);
            world_run(w, 1000);
            cr_expect(is_settled(w, cases[i].told[turn], slot, 1), "case %zu turn %d", i, turn);
        }
        cr_expect_eq(world_server_of(w, slot), 1, "case %zu", i);
        world_free(w);
    }
}

/* As a tool does, that goes on as soon as it is answered. */
static void say_and_wait(struct world *w, int member, uint16_t slot, enum cluster_setslot_kind kind,
                         int peer)
{
    struct bytes owner = kind == CLUSTER_SETSLOT_NODE ? bytes_from_text(w->members[peer].id.text)
                                                      : (struct bytes){0};

    set_slot(w, member, slot, kind, peer);
    for (int ms = 0; ms < CLUSTER_MANUAL_TIMEOUT_MS &&
                     !cluster_slot_is_settled(w->members[member].core, w->now, slot, owner, 0);
         ms++) {
        world_run(w, 1);
    }
}

Test(cluster_admin, slots_without_keys_go_one_after_the_other_without_waiting_for_a_tick)
{
    enum {
        COUNT = 20,
        MS_EACH_MAX = 25 /* half a tick */
    };
    struct world *w = world_three_and_three();
    uint16_t first = (uint16_t)(world_first_slot(0) + 1);
    struct mono_time began_at;

    world_run(w, 3000); /* until it has five seats */
    began_at = w->now;
    for (uint16_t slot = first; slot < first + COUNT; slot++) {
        say_and_wait(w, 1, slot, CLUSTER_SETSLOT_IMPORTING, 0);
        say_and_wait(w, 0, slot, CLUSTER_SETSLOT_MIGRATING, 1);
        say_and_wait(w, 1, slot, CLUSTER_SETSLOT_NODE, 1);
        say_and_wait(w, 0, slot, CLUSTER_SETSLOT_NODE, 1);
        cr_assert_eq(world_server_of(w, slot), 1, "slot %u", slot);
    }
    cr_expect_lt(mono_ms_between(began_at, w->now), COUNT * MS_EACH_MAX);
    world_free(w);
}

Test(cluster_admin, what_was_given_leaves_the_record_without_another_change)
{
    struct world *w = world_three_and_three();
    uint16_t slot = (uint16_t)(world_first_slot(0) + 1);
    struct cluster *core = w->members[0].core;

    world_run(w, 3000);
    say_and_wait(w, 1, slot, CLUSTER_SETSLOT_IMPORTING, 0);
    say_and_wait(w, 0, slot, CLUSTER_SETSLOT_MIGRATING, 1);
    say_and_wait(w, 1, slot, CLUSTER_SETSLOT_NODE, 1);
    say_and_wait(w, 0, slot, CLUSTER_SETSLOT_NODE, 1);
    cr_expect_eq(council_find(core->council, &core->me->shard)->move_count, 1);
    world_run(w, 2000);
    cr_expect_eq(council_find(core->council, &core->me->shard)->move_count, 0);
    world_free(w);
}

Test(cluster_admin, the_states_of_a_slot_outlive_a_change_of_primary)
{
    struct world *w = world_three_and_three();
    uint16_t slot = (uint16_t)(world_first_slot(0) + 1);
    size_t index = 0;
    uint16_t moving = 0;

    set_slot(w, 0, slot, CLUSTER_SETSLOT_MIGRATING, 1);
    set_slot(w, 1, slot, CLUSTER_SETSLOT_IMPORTING, 0);
    world_run(w, 500);
    world_kill(w, 0);
    world_run(w, 5000);
    cr_assert_not(cluster_is_replica(w->members[3].core));
    cr_assert(cluster_next_move(w->members[3].core, &index, &moving));
    cr_expect_eq(moving, slot);
    set_slot(w, 1, slot, CLUSTER_SETSLOT_NODE, 1);
    world_run(w, 1000);
    cr_expect_eq(world_server_of(w, slot), 1, "the node named by IMPORTING was replaced");
    world_free(w);
}

/* Does the member say that the slot is on the move there, once it was told that another one has it? */
static bool keeps_import(struct world *w, int member, uint16_t slot, int owner, bool has_keys)
{
    struct cluster_call call;
    size_t index = 0;
    uint16_t moving = 0;

    set_slot(w, member, slot, CLUSTER_SETSLOT_IMPORTING, 0);
    call = world_call(w, member, NULL);
    call.has_keys = has_keys;
    cr_assert(cluster_set_slot(w->members[member].core, &call, slot, CLUSTER_SETSLOT_NODE,
                               bytes_from_text(w->members[owner].id.text)));
    world_carry_out(w, member);
    return cluster_next_move(w->members[member].core, &index, &moving) && moving == slot;
}

Test(cluster_admin, keys_of_a_slot_that_goes_elsewhere_are_told_of_as_on_the_move)
{
    struct world *w = world_three_and_three();
    uint16_t slot = (uint16_t)(world_first_slot(0) + 1);

    cr_expect_not(keeps_import(w, 1, slot, 2, false));
    cr_expect(keeps_import(w, 1, slot, 2, true));
    world_run(w, 1000);
    cr_expect_eq(world_server_of(w, slot), 0, "hearsay gives nothing");
    set_slot(w, 1, slot, CLUSTER_SETSLOT_STABLE, 0);
    world_free(w);
}

Test(cluster_admin, a_slot_that_is_not_given_up_stays_where_it_is)
{
    struct world *w = world_three_and_three();
    uint16_t slot = (uint16_t)(world_first_slot(0) + 1);

    world_kill(w, 0);
    world_kill(w, 3);
    set_slot(w, 1, slot, CLUSTER_SETSLOT_NODE, 1);
    cr_expect_not(is_settled(w, 1, slot, 1));
    world_run(w, CLUSTER_MANUAL_TIMEOUT_MS + 1000);
    world_start(w, 0);
    world_run(w, 5000);
    cr_expect_not(cluster_owns_slot(w->members[1].core, slot));
    world_free(w);
}

Test(cluster_settings, that_are_wrong_are_refused_and_nothing_changes)
{
    struct cluster_settings settings = CLUSTER_SETTINGS_DEFAULT;
    struct core core = core_new("");

    settings.announce_ip = "not an ip";
    cr_expect_not(cluster_configure(core.cluster, &settings, &core.error));
    cr_expect_not_null(strstr(core.error.text, "cluster-announce-ip"));
    settings.announce_ip = NULL;
    settings.announce_hostname = "a,b";
    cr_expect_not(cluster_configure(core.cluster, &settings, &core.error));
    settings.announce_hostname = NULL;
    settings.node_timeout_ms = 1;
    cr_expect_not(cluster_configure(core.cluster, &settings, &core.error));
    cr_expect_not_null(strstr(core.error.text, "cluster-node-timeout"));
    core_deinit(&core);
}
