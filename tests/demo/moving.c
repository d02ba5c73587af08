/* SPDX-License-Identifier: MIT */
/* Slots move to another shard under writes, and back; on the way back the receiver is killed. */
#include "tests/demo/demo.h"

#include "io/clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    SLOTS = 1000,
    SETTLE_MS = 5000, /* a move that was broken off has ended, one way or the other */
    POLL_MS = 2,
    MORE_WRITES = 100,
    EVERYBODY = 7, /* writers */
};

static unsigned port_of(const struct demo *demo, size_t node)
{
    return (unsigned)demo->servers[node].port;
}

/* The middle of a range: slots that no other writer has written to. */
static struct demo_range middle_of(const struct demo_range *range)
{
    struct demo_range middle = *range;

    middle.first_slot = (range->first_slot + range->last_slot) / 2;
    middle.last_slot = middle.first_slot + SLOTS - 1;
    return middle;
}

bool moving_order(struct demo *demo, const struct demo_range *range, size_t to)
{
    char id[DEMO_TEXT];
    char first[32];
    char last[32];
    char reply[DEMO_TEXT];

    snprintf(first, sizeof(first), "%lld", (long long)range->first_slot);
    snprintf(last, sizeof(last), "%lld", (long long)range->last_slot);
    if (!demo_ask_text(demo, to, id, 2, "CLUSTER", "MYID") ||
        !demo_ask_text(demo, range->primary, reply, 7, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE",
                       first, last, "NODE", id)) {
        return false;
    }
    if (strcmp(reply, "OK") != 0) {
        errmsg_set(&demo->error, "CLUSTER MIGRATESLOTS at port %u answers %s",
                   port_of(demo, range->primary), reply);
        return false;
    }
    return true;
}

size_t moving_server_of(struct demo *demo, size_t via, const struct demo_range *range)
{
    struct demo_map map;
    const struct demo_range *at;

    if (!demo_read_map(demo, via, &map)) {
        return DEMO_NODES;
    }
    at = demo_find_range(&map, range->first_slot);
    return at != NULL && at->last_slot >= range->last_slot ? at->primary : DEMO_NODES;
}

enum course {
    COURSE_UNDER_WAY,
    COURSE_GIVEN, /* over, but keys are still being removed at its source */
    COURSE_OVER,
};

static enum course course_of(const struct resp_value *map)
{
    static const char *const ends[] = {"success", "failed", "cancelled"};
    struct bytes state = {0};
    bool is_export = false;

    for (size_t i = 0; i + 1 < map->child_count; i += 2) {
        if (resp_value_is_text(&map->children[i], "state")) {
            state = resp_value_bytes(&map->children[i + 1]);
        }
        is_export = is_export || resp_value_is_text(&map->children[i + 1], "EXPORT");
    }
    for (size_t end = 0; end < ARRAY_COUNT(ends); end++) {
        if (bytes_equal_text(state, ends[end])) {
            return COURSE_OVER;
        }
    }
    return is_export && bytes_equal_text(state, "failover-granted") ? COURSE_GIVEN
                                                                    : COURSE_UNDER_WAY;
}

/* Have all moves that the node tells of come so far? */
static bool have_come_to(struct demo *demo, size_t node, enum course least)
{
    struct resp_value reply;
    bool is_so = true;

    if (!demo_ask(demo, node, &reply, 2, "CLUSTER", "GETSLOTMIGRATIONS")) {
        return false;
    }
    for (size_t i = 0; i < reply.child_count; i++) {
        is_so = is_so && course_of(&reply.children[i]) >= least;
    }
    resp_value_deinit(&reply);
    return is_so;
}

bool moving_has_ended(struct demo *demo, size_t node)
{
    return have_come_to(demo, node, COURSE_GIVEN);
}

bool moving_is_tidy(struct demo *demo, size_t node)
{
    return have_come_to(demo, node, COURSE_OVER);
}

static bool wait_for_end(struct demo *demo, size_t source)
{
    int64_t until = support_now_ms() + SETTLE_MS;

    while (!moving_has_ended(demo, source)) {
        if (support_now_ms() > until) {
            errmsg_set(&demo->error, "the move is still under way %d seconds after the take-over",
                       SETTLE_MS / 1000);
            return false;
        }
        support_pause_ms(POLL_MS);
    }
    return true;
}

/* Wait until the slots have one server, as both sides and a third node see it, and it is none that was killed. */
static bool wait_for_server(struct demo *demo, const size_t vias[3], const struct demo_range *range,
                            size_t wanted, size_t killed, size_t *out)
{
    int64_t until = support_now_ms() + (wanted == DEMO_NODES ? SETTLE_MS : DEMO_HEAL_MS);

    for (;;) {
        size_t first = moving_server_of(demo, vias[0], range);

        if (first != DEMO_NODES && first != killed &&
            first == moving_server_of(demo, vias[1], range) &&
            first == moving_server_of(demo, vias[2], range) &&
            (wanted == DEMO_NODES || first == wanted)) {
            *out = first;
            return true;
        }
        if (support_now_ms() > until) {
            errmsg_set(&demo->error, "slots %lld to %lld have no server that all agree about",
                       (long long)range->first_slot, (long long)range->last_slot);
            return false;
        }
        support_pause_ms(POLL_MS);
    }
}

static bool move_there(struct demo *demo, const struct demo_map *map, struct demo_range *moved,
                       struct traffic *traffic)
{
    const size_t vias[3] = {map->ranges[0].primary, map->ranges[1].primary, map->ranges[2].primary};
    struct mono_time start;
    size_t server;

    demo_chapter(demo, "Slots move under load");
    if (!traffic_wait_for(demo, traffic, EVERYBODY, MORE_WRITES)) {
        return false;
    }
    start = clock_mono_now();
    if (!moving_order(demo, moved, vias[1]) ||
        !wait_for_server(demo, vias, moved, vias[1], DEMO_NODES, &server)) {
        return false;
    }
    demo_say(demo, "slots %lld to %lld went from port %u to port %u in %lld ms,",
             (long long)moved->first_slot, (long long)moved->last_slot,
             port_of(demo, moved->primary), port_of(demo, server),
             (long long)mono_ms_between(start, clock_mono_now()));
    if (!traffic_wait_for(demo, traffic, EVERYBODY, MORE_WRITES)) {
        return false;
    }
    demo_say(demo, "and the writer of a key there went with them.");
    moved->primary = server;
    moved->replica = map->ranges[1].replica;
    return true;
}

static bool move_back(struct demo *demo, const struct demo_map *map, const struct demo_range *moved,
                      struct traffic *traffic, struct takeover *takeover)
{
    const struct demo_range *home = &map->ranges[0];
    const size_t vias[3] = {home->replica, moved->primary, map->ranges[2].primary};
    size_t server;

    demo_chapter(demo, "A receiver dies in the middle of a move");
    demo_say(demo, "They are to go back to port %u. kill -9 to it ...",
             port_of(demo, home->primary));
    if (!moving_order(demo, moved, home->primary) || !takeover_run(demo, home, takeover) ||
        !wait_for_end(demo, moved->primary) ||
        !wait_for_server(demo, vias, moved, DEMO_NODES, home->primary, &server)) {
        return false;
    }
    demo_say(
        demo,
        "port %u took over from it %lld ms after the kill; the slots are at port %u: the move %s.",
        port_of(demo, takeover->heir), (long long)(takeover->elapsed_us / 1000),
        port_of(demo, server), server == moved->primary ? "was undone" : "came to its end");
    return takeover_bring_back(demo, takeover) &&
           traffic_wait_for(demo, traffic, EVERYBODY, MORE_WRITES);
}

bool moving_run(struct demo *demo, const struct demo_map *map, struct traffic *traffic)
{
    struct demo_range middles[DEMO_PRIMARIES];
    const struct demo_range *shards[DEMO_PRIMARIES];
    struct demo_range moved = middle_of(&map->ranges[0]);
    struct takeover takeover;
    struct demo_map now;
    bool is_ok;

    for (size_t i = 0; i < DEMO_PRIMARIES; i++) {
        middles[i] = middle_of(&map->ranges[i]);
        shards[i] = &middles[i];
    }
    is_ok = traffic_start(demo, traffic, shards) && move_there(demo, map, &moved, traffic) &&
            move_back(demo, map, &moved, traffic, &takeover);
    traffic_stop(traffic);
    is_ok = is_ok && demo_read_map(demo, takeover.heir, &now) && traffic_check(demo, traffic, &now);
    if (!is_ok) {
        return false;
    }
    demo_say(demo, "Every acknowledged write was read back where its slot is now.");
    return demo_wait_healthy(demo);
}
