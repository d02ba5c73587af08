/* SPDX-License-Identifier: MIT */
/* How often a node of a large cluster greets the others. */
#include "cluster/frame.h"
#include "cluster/pace.h"
#include "cluster/proof.h"
#include "tests/unit/server/cluster/core.h"

#include <criterion/criterion.h>

#include <stdio.h>

enum {
    PRIMARIES =
        CLUSTER_PINGS_PER_TICK + 72, /* that are silent: more than are greeted in one tick */
    TIMEOUT_MS = 1000,
    STEPS_MAX = TIMEOUT_MS,
    LINKS = PRIMARIES + 2, /* by number: 0 is none, 1 is the member itself */
    BASE_PORT = 7000,
};

/* At the end of a link.  Answers the first greeting alone. */
struct primary {
    struct cluster_id id;
    struct proof proof;
    int greetings;
};

static void id_of(int primary, struct cluster_id *out)
{
    snprintf(out->text, sizeof(out->text), "%040x", primary + 1);
}

/* The only member of its council, and primaries with a slot each. */
static struct core lone_member(void)
{
    struct buf file = {0};
    struct core core;

    buf_printf(&file, "%s 10.0.0.1:7000@17000,,shard-id=%s myself,master - 0 0 1 connected 0\n",
               CORE_ID, CORE_ID);
    for (int i = 0; i < PRIMARIES; i++) {
        struct cluster_id id;

        id_of(i, &id);
        buf_printf(&file, "%s 10.0.1.1:%d@%d,,shard-id=%s master - 0 0 1 connected %d\n", id.text,
                   BASE_PORT + i, BASE_PORT + 10000 + i, id.text, i + 1);
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

static void answer(struct core *core, struct primary *primary, struct cluster_link link,
                   struct bytes ping)
{
    struct frame pong = {.type = FRAME_PONG,
                         .flags = FRAME_PRIMARY | FRAME_SLOTS_TOLD,
                         .sender = primary->id,
                         .shard = primary->id,
                         .start = 1,
                         .sequence = 1,
                         .current_epoch = 1,
                         .config_epoch = 1,
                         .timeout_ms = TIMEOUT_MS};
    struct frame asked;
    struct errmsg error;
    struct buf out = {0};

    cr_assert(proof_open(&primary->proof, ping, &error), "%s", error.text);
    cr_assert(frame_decode(ping, &asked, &error), "%s", error.text);
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
            } else if (primary->greetings++ == 0) {
                answer(core, primary, action.link, buf_bytes(&frame));
            }
        }
        buf_deinit(&frame);
    }
}

/* Until then, unless it wants to be woken without end at the same moment. */
static bool run_until(struct core *core, struct primary *primaries, struct mono_time end)
{
    int steps = 0;

    carry_out(core, primaries);
    while (!mono_is_before(end, core->actions.wake_at) && steps++ < STEPS_MAX) {
        core->now = core->actions.wake_at;
        core_tick(core, 0);
        carry_out(core, primaries);
    }
    return steps < STEPS_MAX;
}

Test(cluster_pace, a_member_greets_primaries_that_fall_silent_once_each_however_many_they_are)
{
    struct primary primaries[LINKS] = {0};
    struct core core = lone_member();

    core_tick(&core, 0);
    cr_assert(run_until(&core, primaries, mono_add_ms(core.now, TIMEOUT_MS / 2 - 1)));
    for (int i = 2; i < LINKS; i++) {
        cr_assert_eq(primaries[i].greetings, 1);
    }
    cr_assert(run_until(&core, primaries, mono_add_ms(core.now, TIMEOUT_MS / 2)));
    for (int i = 2; i < LINKS; i++) {
        cr_assert_eq(primaries[i].greetings, 2);
    }
    core_deinit(&core);
}
