/* SPDX-License-Identifier: MIT */
/* Operators who say anything anywhere while nodes fail, but for TAKEOVER, after which nothing is promised; then one who is in his senses.
 * A node that was reset is a cluster of its own until it is met again, and nodes that meet before that may be one for good. */
#include "tests/unit/seed.h"
#include "tests/unit/server/cluster/world.h"

#include "base/rng.h"
#include "cluster/nodes.h"
#include "cluster/range_admin.h"
#include "council/record_table.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PRIMARIES = 3,
    SLOTS_EACH = 2, /* that are moved about */
    ROUNDS = 60,
    ONE_BY_ONE = 20, /* slots, where not all can be given */
    TURNS = 40,      /* of the one who sets it right */
    FIRST_SEED = 3000,
#ifdef __SANITIZE_ADDRESS__
    SEEDS = 5, /* each costs ten times as much */
#else
    SEEDS = 20,
#endif
};

/* Many a command is refused. */
static void said(bool is_done)
{
    (void)is_done;
}

static struct bytes id_of(const struct world *w, int member)
{
    return bytes_from_text(w->members[member].id.text);
}

static uint16_t some_slot(struct rng *rng)
{
    return (uint16_t)(world_first_slot((int)rng_below(rng, PRIMARIES)) +
                      rng_below(rng, SLOTS_EACH));
}

static void meet(struct world *w, int member, int other)
{
    struct cluster_call call = world_call(w, member, NULL);

    said(cluster_meet(w->members[member].core, &call, bytes_from_text(w->members[other].ip),
                      7000 + other, 17000 + other));
    world_carry_out(w, member);
}

static void export(struct cluster *core, struct cluster_call *call, struct rng *rng,
                   struct bytes other)
{
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct cluster_id id;
    bool any = false;

    for (uint64_t count = 1 + rng_below(rng, 3); count > 0; count--) {
        bitset_add(slots, some_slot(rng));
        any = cluster_export_slots(core, call, slots, other, &id) || any;
    }
    if (any) {
        cluster_begin_exports(core, call);
    }
}

static void cancel(struct cluster *core, struct cluster_call *call)
{
    struct cluster_range_view view;

    for (size_t i = cluster_range_count(core); i-- > 0;) {
        cluster_range_at(core, i, &view);
        said(cluster_end_range(core, call, &view.range->id));
    }
}

static void set_slot(struct cluster *core, struct cluster_call *call, struct rng *rng,
                     struct bytes other)
{
    static const enum cluster_setslot_kind kinds[] = {CLUSTER_SETSLOT_IMPORTING,
                                                      CLUSTER_SETSLOT_MIGRATING,
                                                      CLUSTER_SETSLOT_NODE, CLUSTER_SETSLOT_STABLE};

    said(cluster_set_slot(core, call, some_slot(rng), kinds[rng_below(rng, ARRAY_COUNT(kinds))],
                          other));
}

static void fail_over(struct cluster *core, struct cluster_call *call, struct rng *rng)
{
    enum cluster_failover_kind kind =
        rng_one_in(rng, 2) ? CLUSTER_FAILOVER_FORCE : CLUSTER_FAILOVER_AGREED;

    said(cluster_failover(core, call, kind));
}

/* One command at one node. */
static void say_something(struct world *w, struct rng *rng)
{
    int member = (int)rng_below(rng, (uint64_t)w->count);
    int other = (int)rng_below(rng, (uint64_t)w->count);
    struct cluster *core = w->members[member].core;
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, member, &error);
    uint16_t slot = some_slot(rng);

    if (!w->members[member].is_running || w->members[member].is_paused) {
        return;
    }
    switch (rng_below(rng, 40)) {
    case 0:
        said(cluster_reset(core, &call, rng_one_in(rng, 2)));
        w->members[member].id = *cluster_my_id(core);
        break;
    case 1:
    case 2:
        said(cluster_forget(core, &call, id_of(w, other)));
        break;
    case 3:
    case 4:
    case 5:
        said(cluster_add_slots(core, &call, &slot, 1));
        break;
    case 6:
    case 7:
        said(cluster_del_slots(core, &call, &slot, 1));
        break;
    default:
        switch (rng_below(rng, 6)) {
        case 0:
            fail_over(core, &call, rng);
            break;
        case 1:
            said(cluster_replicate(core, &call, id_of(w, other)));
            break;
        case 2:
            export(core, &call, rng, id_of(w, other));
            break;
        case 3:
            cancel(core, &call);
            break;
        case 4:
            meet(w, member, other);
            break;
        default:
            set_slot(core, &call, rng, id_of(w, other));
            break;
        }
        break;
    }
    world_carry_out(w, member);
}

static void break_something(struct world *w, struct rng *rng)
{
    int member = (int)rng_below(rng, (uint64_t)w->count);
    int other = (int)rng_below(rng, (uint64_t)w->count);
    struct member *m = &w->members[member];

    switch (rng_below(rng, 8)) {
    case 0:
        if (m->is_running && rng_one_in(rng, 2)) {
            world_kill(w, member);
        }
        break;
    case 1:
        m->is_disk_stuck = !m->is_disk_stuck;
        break;
    case 2:
        w->disk_ms = rng_one_in(rng, 4) ? (int64_t)rng_below(rng, 3 * WORLD_TIMEOUT_MS / 2) : 5;
        break;
    case 3:
        world_cut_off(w, member, (int)rng_below(rng, 2));
        break;
    case 4:
        world_part(w, member, other, member != other && rng_one_in(rng, 2));
        break;
    case 5:
        m->is_paused = m->is_running && !m->is_paused;
        break;
    default:
        if (!m->is_running) {
            world_start(w, member);
        }
        break;
    }
}

static void heal(struct world *w)
{
    w->disk_ms = 5;
    memset(w->is_apart, 0, sizeof(w->is_apart));
    for (int i = 0; i < w->count; i++) {
        struct member *m = &w->members[i];

        m->is_paused = false;
        m->is_disk_stuck = false;
        m->side = 0;
        if (!m->is_running) {
            world_start(w, i);
        }
    }
}

/* ---- setting it right ---------------------------------------------------------------------------- */

/* Nothing is on the move any more. */
static void end_moves(struct world *w, int member)
{
    struct cluster *core = w->members[member].core;
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, member, &error);

    cancel(core, &call);
    world_carry_out(w, member);
    for (int i = 0; i < PRIMARIES * SLOTS_EACH; i++) {
        uint16_t slot = (uint16_t)(world_first_slot(i / SLOTS_EACH) + i % SLOTS_EACH);

        call = world_call(w, member, &error);
        said(cluster_set_slot(core, &call, slot, CLUSTER_SETSLOT_STABLE, (struct bytes){0}));
        world_carry_out(w, member);
    }
}

/* A primary that could have more slots; one that serves, if there is any. */
static int find_primary(const struct world *w)
{
    int found = NOBODY;

    for (int i = 0; i < w->count; i++) {
        if (!cluster_is_replica(w->members[i].core) &&
            (found == NOBODY || (world_has_lease(w, i) && !world_has_lease(w, found)))) {
            found = i;
        }
    }
    return found;
}

static bool give(struct world *w, int primary, const uint16_t *slots, size_t count)
{
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, primary, &error);
    struct cluster *core = w->members[primary].core;
    uint16_t owned[SLOT_COUNT];
    size_t owned_count = 0;
    bool is_given;

    for (size_t i = 0; i < count; i++) {
        if (cluster_slot_owner(core, slots[i]) != NULL) {
            owned[owned_count++] = slots[i];
        }
    }
    said(cluster_del_slots(core, &call, owned, owned_count));
    world_carry_out(w, primary);
    call = world_call(w, primary, &error);
    is_given = cluster_add_slots(core, &call, slots, count);
    world_carry_out(w, primary);
    return is_given;
}

/* What nobody serves is given to a primary, as stock tools do it: its owner is denied there first.  How many slots that were. */
static size_t give_what_is_left(struct world *w, bool is_tried)
{
    int primary = find_primary(w);
    uint16_t slots[SLOT_COUNT];
    size_t count = 0;

    for (uint16_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (world_server_of(w, slot) == NOBODY) {
            slots[count++] = slot;
        }
    }
    if (!is_tried || primary == NOBODY || give(w, primary, slots, count)) {
        return count;
    }
    for (size_t i = 0; i < count && i < ONE_BY_ONE; i++) {
        said(give(w, primary, slots + i, 1));
    }
    return count;
}

/* When members of the council were reset no majority may be left: one node is the council then. */
static void take_over(struct world *w)
{
    for (int i = 0; i < w->count; i++) {
        struct errmsg error = {0};
        struct cluster_call call = world_call(w, i, &error);

        if (cluster_failover(w->members[i].core, &call, CLUSTER_FAILOVER_TAKEOVER)) {
            world_carry_out(w, i);
            return;
        }
    }
}

static const struct cluster_id *council_of(const struct world *w, int member)
{
    return &council_seats(w->members[member].core->council)->council;
}

/* Councils that have decided apart stay apart: nodes that are not of the one of whoever serves begin anew. */
static void leave_one_council(struct world *w)
{
    int primary = find_primary(w);

    for (int i = 0; i < w->count && primary != NOBODY; i++) {
        struct errmsg error = {0};
        struct cluster_call call = world_call(w, i, &error);

        if (!cluster_id_equal(council_of(w, i), council_of(w, primary))) {
            said(cluster_reset(w->members[i].core, &call, false));
            world_carry_out(w, i);
        }
    }
}

static bool is_anybody(const struct world *w, const struct cluster_id *id)
{
    for (int i = 0; i < w->count; i++) {
        if (cluster_id_equal(&w->members[i].id, id)) {
            return true;
        }
    }
    return false;
}

static void forget_gone(struct world *w, int member, struct cluster_id id)
{
    struct cluster_call call = world_call(w, member, NULL);

    if (!is_anybody(w, &id)) {
        said(cluster_forget(w->members[member].core, &call, bytes_from_text(id.text)));
        world_carry_out(w, member);
    }
}

/* Whoever was reset has another id, and whoever knows the one before waits for it; or for one that it never met, as its log says. */
static void remove_who_is_gone(struct world *w, int member)
{
    struct cluster *core = w->members[member].core;

    if (!cluster_id_is_none(&core->own.awaited)) {
        forget_gone(w, member, core->own.awaited);
    }
    for (size_t i = core->nodes.count; i-- > 1;) {
        const struct cluster_node *node = core->nodes.items[i];

        if (!node->is_in_handshake) {
            forget_gone(w, member, node->id);
        }
    }
}

static void set_right(struct world *w, int turn)
{
    if (turn % 10 == 9) {
        leave_one_council(w);
    }
    for (int i = 0; i < w->count && turn % 10 == 7; i++) {
        remove_who_is_gone(w, i);
    }
    for (int i = 0; i < w->count; i++) {
        for (int j = 0; j < w->count && (turn % 10 == 0 || turn % 10 == 9); j++) {
            if (i != j) {
                meet(w, i, j);
            }
        }
        end_moves(w, i);
    }
    if (turn % 10 == 8 && (find_primary(w) == NOBODY || !world_has_lease(w, find_primary(w)))) {
        take_over(w);
    }
}

static bool is_one_council(const struct world *w)
{
    for (int i = 1; i < w->count; i++) {
        if (!cluster_id_equal(council_of(w, i), council_of(w, 0))) {
            return false;
        }
    }
    return true;
}

static void live_with_operators(uint64_t seed)
{
    struct world *w = world_of_replicas(PRIMARIES + 1);
    size_t unserved = SLOT_COUNT;
    struct rng rng;

    rng_init(&rng, seed);
    for (int i = 0; i < ROUNDS; i++) {
        for (uint64_t count = rng_below(&rng, 5); count > 0; count--) {
            say_something(w, &rng);
        }
        if (rng_one_in(&rng, 3)) {
            break_something(w, &rng);
        }
        world_run(w, (int64_t)rng_below(&rng, 400));
    }
    heal(w);
    for (int turn = 0; turn < TURNS && (unserved > 0 || !is_one_council(w)); turn++) {
        world_run(w, 3 * WORLD_TIMEOUT_MS);
        set_right(w, turn);
        unserved = give_what_is_left(w, turn > 3);
    }
    SEED_ASSERT(unserved == 0 && is_one_council(w), seed);
    world_free(w);
}

static void live_with_operators_as_drawn_by(uint64_t seed)
{
    char text[32];

    snprintf(text, sizeof(text), "%" PRIu64, seed);
    setenv("STARLING_SEED", text, 1); /* the world's own draws go by it, too */
    live_with_operators(seed);
}

static void live_with_operators_of(const uint64_t *seeds, size_t count)
{
    if (getenv("STARLING_SEED") != NULL) {
        live_with_operators_as_drawn_by(seed_get());
        return;
    }
    for (size_t i = 0; i < count; i++) {
        live_with_operators_as_drawn_by(seeds[i]);
    }
}

Test(cluster_operators, whatever_they_say_and_whatever_fails_one_can_make_the_cluster_whole,
     .timeout = 1500)
{
    uint64_t seeds[SEEDS];

    for (uint64_t i = 0; i < SEEDS; i++) {
        seeds[i] = FIRST_SEED + i;
    }
    live_with_operators_of(seeds, SEEDS);
}

/* A primary that was sent elsewhere while it asked for a record, two councils with one shard, records of shards that are gone, and one that
 * names an id that nobody has any more. */
Test(cluster_operators, one_can_make_the_cluster_whole_where_one_once_could_not, .timeout = 1500)
{
    static const uint64_t seeds[] = {3043, 3134, 3198, 3283, 3371, 5233, 5579};

    live_with_operators_of(seeds, ARRAY_COUNT(seeds));
}

/* It had promised the record to somebody before it heard what was agreed, and so has accepted none. */
Test(cluster_operators,
     whoever_is_the_council_by_itself_has_slots_let_go_by_a_record_that_it_only_knows)
{
    struct world *w = world_three_and_three();
    uint16_t slot = world_first_slot(2);
    struct cluster_call call;
    struct record_state *r;

    world_run(w, 3 * WORLD_TIMEOUT_MS);
    for (int i = 0; i < w->count; i++) {
        if (i != 1) {
            world_kill(w, i);
        }
    }
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    call = world_call(w, 1, NULL);
    cr_assert(cluster_failover(w->members[1].core, &call, CLUSTER_FAILOVER_TAKEOVER));
    world_carry_out(w, 1);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    r = record_find(w->members[1].core->council,
                    &nodes_find(w->members[1].core, &w->members[2].id)->shard);
    r->accepted = (struct ballot){0};
    buf_clear(&r->value);
    call = world_call(w, 1, NULL);
    cr_assert(cluster_del_slots(w->members[1].core, &call, &slot, 1));
    world_carry_out(w, 1);
    call = world_call(w, 1, NULL);
    cr_assert(cluster_add_slots(w->members[1].core, &call, &slot, 1));
    world_carry_out(w, 1);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 1);
    world_free(w);
}

/* Of two councils, each of which had decided, one was given up: its members had accepted, at a greater ballot, what is older than what
 * all know to be agreed now. */
Test(cluster_operators,
     what_is_known_to_be_agreed_is_not_lost_to_what_was_accepted_of_an_older_record)
{
    struct world *w = world_three_and_three();
    struct cluster_id shard = nodes_find(w->members[0].core, &w->members[0].id)->shard;
    struct cluster_call call;
    uint64_t epoch;
    bool is_bumped;

    world_run(w, 3 * WORLD_TIMEOUT_MS);
    for (int i = 0; i < w->count; i++) {
        struct council *council = w->members[i].core->council;
        struct record_state *r = record_find(council, &shard);
        struct shard_record older = *council_find(council, &shard);

        older.version--;
        older.primary = w->members[3].id;
        older.holder_count = 0;
        r->promised = (struct ballot){.round = 500, .by = w->members[3].id};
        r->accepted = r->promised;
        buf_clear(&r->value);
        shard_record_encode(&r->value, &older);
    }
    call = world_call(w, 0, NULL);
    cr_assert(cluster_bump_epoch(w->members[0].core, &call, &is_bumped, &epoch));
    world_carry_out(w, 0);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect_neq(world_server_of(w, world_first_slot(0)), NOBODY);
    world_free(w);
}

/* The first slot of member 0 is agreed to be that shard's as well. */
static void learn_slot_of(struct world *w, int member, const struct cluster_id *shard)
{
    struct council *council = w->members[member].core->council;
    struct shard_record both = *council_find(council, shard);
    struct ballot ballot = {.round = 500, .by = w->members[2].id};
    struct buf value = {0};

    both.version++;
    bitset_add(both.slots, world_first_slot(0));
    shard_record_encode(&value, &both);
    cr_assert(
        record_learn(council, record_find(council, shard), &ballot, &both, buf_bytes(&value)));
    buf_deinit(&value);
}

/* Since a TAKEOVER two councils had agreed on each its own record, and one of both shards is gone from all tables since. */
Test(cluster_operators,
     a_slot_that_two_shards_have_agreed_and_one_of_them_is_gone_for_good_stays_the_other_ones)
{
    struct world *w = world_three_and_three();
    struct cluster_id gone = nodes_find(w->members[0].core, &w->members[2].id)->shard;
    struct cluster_call call;
    uint64_t epoch;
    bool is_bumped;

    world_run(w, 3 * WORLD_TIMEOUT_MS);
    world_kill(w, 2);
    world_kill(w, 5);
    world_run(w, WORLD_TIMEOUT_MS / 10);
    for (int i = 0; i < w->count; i++) {
        if (w->members[i].is_running) {
            learn_slot_of(w, i, &gone);
        }
    }
    for (int i = 0; i < w->count; i++) {
        for (int dead = 2; dead < 6 && w->members[i].is_running; dead += 3) {
            call = world_call(w, i, NULL);
            cr_assert(cluster_forget(w->members[i].core, &call, id_of(w, dead)));
            world_carry_out(w, i);
        }
    }
    call = world_call(w, 0, NULL);
    cr_assert(cluster_bump_epoch(w->members[0].core, &call, &is_bumped, &epoch));
    world_carry_out(w, 0);
    world_run(w, 10 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    cr_expect_geq(w->members[0].core->me->config_epoch, epoch);
    world_free(w);
}

static int count_seats_before(const struct world *w, int member)
{
    return (int)council_seats(w->members[member].core->council)->previous.count;
}

/* Of five nodes that are left one gets the seat of the one that is gone: four members hand on to five.  Two of the four begin anew. */
Test(cluster_operators,
     takeover_helps_where_most_of_those_who_hand_their_seats_on_were_reset_meanwhile)
{
    struct world *w = world_three_and_three();
    const struct seats *seats;
    struct errmsg error = {0};
    struct cluster_call call;
    uint16_t slot = world_first_slot(1);
    int reset = 0;

    world_run(w, 3 * WORLD_TIMEOUT_MS);
    for (int i = 3; i < w->count; i++) {
        if (council_is_member(w->members[i].core->council)) {
            world_kill(w, i);
            break;
        }
    }
    for (int i = 0; i < 40000 && count_seats_before(w, 0) != 4; i++) {
        world_run(w, 1);
    }
    seats = council_seats(w->members[0].core->council);
    cr_assert_eq(seats->previous.count, 4);
    for (int i = w->count - 1; i > 0 && reset < 2; i--) {
        call = world_call(w, i, NULL);
        if (w->members[i].is_running && seat_set_find(&seats->previous, &w->members[i].id)) {
            cr_assert(cluster_reset(w->members[i].core, &call, false));
            world_carry_out(w, i);
            reset++;
        }
    }
    world_run(w, 10 * WORLD_TIMEOUT_MS);
    cr_assert_eq(world_server_of(w, world_first_slot(0)), NOBODY);
    cr_expect_not(world_is_ok(w));
    call = world_call(w, 0, &error);
    cr_assert(cluster_del_slots(w->members[0].core, &call, &slot, 1));
    world_carry_out(w, 0);
    call = world_call(w, 0, &error);
    cr_assert_not(cluster_add_slots(w->members[0].core, &call, &slot, 1));
    world_carry_out(w, 0);
    cr_expect(strstr(error.text, "CLUSTER FAILOVER TAKEOVER") != NULL, "%s", error.text);
    call = world_call(w, 0, NULL);
    cr_assert(cluster_failover(w->members[0].core, &call, CLUSTER_FAILOVER_TAKEOVER));
    world_carry_out(w, 0);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    world_free(w);
}
