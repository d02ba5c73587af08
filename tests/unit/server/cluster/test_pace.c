/* SPDX-License-Identifier: MIT */
/* How often a node of a large cluster greets the others. */
#include "cluster/frame.h"
#include "cluster/nodes.h"
#include "cluster/pace.h"
#include "cluster/proof.h"
#include "cluster/slots.h"
#include "tests/unit/server/cluster/core.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PRIMARIES =
        CLUSTER_PINGS_PER_TICK + 72, /* that are silent: more than are greeted in one tick */
    TIMEOUT_MS = 1000,
    STEPS_MAX = TIMEOUT_MS,
    LINKS = PRIMARIES + 2, /* by number: 0 is none, 1 is the member itself */
    BASE_PORT = 7000,
    DATA_OFFSET = 500, /* what they say of themselves */
    SEAT_KEY = 77,
};

/* At the end of a link. */
struct primary {
    struct cluster_id id;
    struct proof proof;
    int answers;   /* so many greetings are answered */
    uint64_t hash; /* of its slots, as it says */
    int greetings;
    uint16_t flags; /* of the last one */
};

static void id_of(int primary, struct cluster_id *out)
{
    snprintf(out->text, sizeof(out->text), "%040x", primary + 1);
}

static int first_slot(int primary)
{
    return primary + 1;
}

/* The only member of its council, and primaries with a slot each, or none. */
static struct core lone_member(bool have_slots)
{
    struct buf file = {0};
    struct core core;

    buf_printf(&file, "%s 10.0.0.1:7000@17000,,shard-id=%s myself,master - 0 0 1 connected 0\n",
               CORE_ID, CORE_ID);
    for (int i = 0; i < PRIMARIES; i++) {
        struct cluster_id id;

        id_of(i, &id);
        buf_printf(&file, "%s 10.0.1.1:%d@%d,,shard-id=%s master - 0 0 1 connected", id.text,
                   BASE_PORT + i, BASE_PORT + 10000 + i, id.text);
        if (have_slots) {
            buf_printf(&file, " %d", first_slot(i));
        }
        buf_append_byte(&file, '\n');
    }
    buf_append_text(&file, "vars currentEpoch 1 lastVoteEpoch 0\n");
    core = core_new(buf_text(&file));
    cr_assert_not_null(core.cluster, "%s", core.error.text);
    buf_deinit(&file);
    return core;
}

static void deliver(struct core *core, enum cluster_event_type type, struct cluster_link link,
                    struct bytes frame)
{
    struct cluster_event event = {.type = type, .link = link, .frame = frame};

    cluster_step(core->cluster, core->now, &event, &core->actions);
}

static uint8_t type_of(struct bytes frame)
{
    struct frame_head head;
    struct errmsg error;

    cr_assert(frame_decode_head(frame, &head, &error), "%s", error.text);
    return head.type;
}

/* The primary at the other end proves itself. */
static void welcome(struct core *core, struct primary *primary, struct cluster_link link,
                    struct bytes hello)
{
    struct proof_self self = {.node = primary->id, .start = 1};
    struct proof_secrets secrets = {0};
    struct errmsg error;
    struct rng rng;
    struct buf out = {0};

    rng_init(&rng, link.number);
    cr_assert(proof_answer(&primary->proof, hello, &self, &secrets, &rng, &out, &error), "%s",
              error.text);
    deliver(core, CLUSTER_EVENT_FRAME, link, buf_bytes(&out));
    buf_deinit(&out);
}

static void take_greeting(struct core *core, struct primary *primary, struct cluster_link link,
                          struct bytes ping)
{
    struct frame pong = {.type = FRAME_PONG,
                         .sender = primary->id,
                         .shard = primary->id,
                         .start = 1,
                         .sequence = (uint64_t)primary->greetings + 1,
                         .current_epoch = 1,
                         .config_epoch = 1,
                         .subject_epoch = primary->hash,
                         .data = {.offset = DATA_OFFSET},
                         .hint = {.seat_key = SEAT_KEY},
                         .timeout_ms = TIMEOUT_MS};
    struct frame asked;
    struct errmsg error;
    struct buf out = {0};

    cr_assert(proof_open(&primary->proof, ping, &error), "%s", error.text);
    cr_assert(frame_decode(ping, &asked, &error), "%s", error.text);
    primary->flags = asked.flags;
    if (primary->greetings++ >= primary->answers) {
        return;
    }
    pong.flags = FRAME_PRIMARY | (primary->hash != 0 ? FRAME_SLOTS_TOLD : 0);
    pong.echo_us = asked.sent_us;
    pong.subject = asked.sender;
    frame_encode(&pong, &out);
    proof_seal(&primary->proof, &out, 0);
    deliver(core, CLUSTER_EVENT_FRAME, link, buf_bytes(&out));
    buf_deinit(&out);
}

/* All that it wants done, and what follows from that. */
static void carry_out(struct core *core, struct primary *primaries)
{
    for (size_t i = 0; i < core->actions.count; i++) {
        struct cluster_action action = *cluster_action_at(&core->actions, i);
        struct primary *primary = &primaries[action.link.number];
        struct buf frame = {0};

        cr_assert_lt(action.link.number, LINKS);
        buf_append_bytes(&frame, cluster_action_bytes(&core->actions, &action));
        if (action.type == CLUSTER_ACTION_OPEN) {
            id_of(action.address.port - BASE_PORT, &primary->id);
            deliver(core, CLUSTER_EVENT_LINK_UP, action.link, (struct bytes){0});
        } else if (action.type == CLUSTER_ACTION_WRITE_FILE) {
            struct cluster_event event = {.type = CLUSTER_EVENT_FILE_WRITTEN,
                                          .sequence = action.sequence};

            cluster_step(core->cluster, core->now, &event, &core->actions);
        } else if (action.type == CLUSTER_ACTION_SEND) {
            if (type_of(buf_bytes(&frame)) == PROOF_HELLO) {
                welcome(core, primary, action.link, buf_bytes(&frame));
            } else {
                take_greeting(core, primary, action.link, buf_bytes(&frame));
            }
        }
        buf_deinit(&frame);
    }
}

static void begin(struct core *core, struct primary *primaries)
{
    core_tick(core, 0);
    carry_out(core, primaries);
}

/* Until then, unless it wants to be woken without end at the same moment. */
static bool run_until(struct core *core, struct primary *primaries, struct mono_time end)
{
    int steps = 0;

    while (!mono_is_before(end, core->actions.wake_at) && steps++ < STEPS_MAX) {
        core->now = core->actions.wake_at;
        core_tick(core, 0);
        carry_out(core, primaries);
    }
    return steps < STEPS_MAX;
}

static int count_greetings(const struct primary *primaries)
{
    int count = 0;

    for (int i = 2; i < LINKS; i++) {
        count += primaries[i].greetings;
    }
    return count;
}

static uint64_t hash_of_slot(int slot)
{
    static struct cluster_node node;

    memset(node.slots, 0, sizeof(node.slots));
    bitset_add(node.slots, (size_t)slot);
    return slots_hash(&node);
}

Test(cluster_pace, a_member_greets_primaries_that_fall_silent_once_each_however_many_they_are)
{
    struct primary primaries[LINKS] = {0};
    struct core core = lone_member(true);

    for (int i = 2; i < LINKS; i++) {
        primaries[i].answers = 1;
        primaries[i].hash = 1;
    }
    begin(&core, primaries);
    /* Once when the link came up; and once more in turn, or when nothing was heard for half a timeout. */
    cr_assert(run_until(&core, primaries, mono_add_ms(core.now, TIMEOUT_MS / 2 + 10)));
    for (int i = 2; i < LINKS; i++) {
        cr_assert_eq(primaries[i].greetings, 2);
    }
    core_deinit(&core);
}

Test(cluster_pace, those_who_are_greeted_in_turn_are_so_one_after_the_other)
{
    struct primary primaries[LINKS] = {0};
    struct core core = lone_member(false);
    struct mono_time now = core.now;

    for (int i = 2; i < LINKS; i++) {
        primaries[i].answers = STEPS_MAX;
    }
    begin(&core, primaries);
    cr_assert(run_until(&core, primaries, mono_add_ms(now, TIMEOUT_MS)));
    for (int i = 2; i < LINKS; i++) {
        primaries[i].greetings = 0;
    }
    /* A fifth of a second at a time: ten of them, of whom a tick more or less is greeted. */
    for (int i = 1; i <= PRIMARIES / 10; i++) {
        cr_assert(run_until(&core, primaries, mono_add_ms(now, TIMEOUT_MS + 200 * i)));
        cr_assert_leq(abs(count_greetings(primaries) - 10 * i), 3);
    }
    for (int i = 2; i < LINKS; i++) {
        cr_assert_leq(abs(primaries[i].greetings - 1), 1);
    }
    core_deinit(&core);
}

Test(cluster_pace, who_owns_other_slots_than_is_known_of_it_is_asked_to_name_them_and_nobody_else)
{
    struct primary primaries[LINKS] = {0};
    struct core core = lone_member(true);

    for (int i = 2; i < LINKS; i++) {
        primaries[i].answers = STEPS_MAX;
        primaries[i].hash = hash_of_slot(first_slot(i - 2) + i % 2);
    }
    begin(&core, primaries);
    cr_assert(run_until(&core, primaries, mono_add_ms(core.now, TIMEOUT_MS)));
    for (int i = 2; i < LINKS; i++) {
        cr_assert_gt(primaries[i].greetings, 1);
        cr_assert_eq((primaries[i].flags & FRAME_WANTS_SLOTS) != 0, i % 2 == 1);
    }
    core_deinit(&core);
}

/* Frames about leases are brief. */
static void ask_for_lease(struct core *core, struct primary *primary, struct cluster_link link)
{
    struct council_message ask = {.type = COUNCIL_LEASE, .record = primary->id};
    struct frame frame = {.type = FRAME_COUNCIL,
                          .flags = FRAME_PRIMARY | FRAME_BRIEF,
                          .sender = primary->id,
                          .shard = primary->id,
                          .start = 1,
                          .sequence = STEPS_MAX,
                          .timeout_ms = TIMEOUT_MS};
    struct buf body = {0};
    struct buf out = {0};

    council_message_encode(&body, &ask);
    frame.body = buf_bytes(&body);
    frame_encode(&frame, &out);
    proof_seal(&primary->proof, &out, 0);
    deliver(core, CLUSTER_EVENT_FRAME, link, buf_bytes(&out));
    buf_deinit(&body);
    buf_deinit(&out);
}

Test(cluster_pace, what_a_primary_said_of_itself_stays_when_it_asks_for_its_lease)
{
    struct primary primaries[LINKS] = {0};
    struct core core = lone_member(true);
    const struct cluster_node *node;

    for (int i = 2; i < LINKS; i++) {
        primaries[i].answers = STEPS_MAX;
    }
    begin(&core, primaries);
    cr_assert(run_until(&core, primaries, mono_add_ms(core.now, TIMEOUT_MS / 10)));
    node = nodes_find(core.cluster, &primaries[2].id);
    cr_assert_not_null(node);
    core.now = mono_add_ms(core.now, 1);
    ask_for_lease(&core, &primaries[2], (struct cluster_link){.number = 2});
    cr_expect_eq(node->heard_at.us, core.now.us);
    cr_expect_eq(node->data.offset, DATA_OFFSET);
    cr_expect_eq(node->hint.seat_key, SEAT_KEY);
    core_deinit(&core);
}
