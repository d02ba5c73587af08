/* SPDX-License-Identifier: MIT */
/* Where clients are sent for a hot slot. */
#include "copies/view.h"

#include <criterion/criterion.h>

#include <stdio.h>

enum {
    CLIENTS = 1000,
};

static struct hot_slot hot_of(uint16_t slot, uint64_t epoch, size_t count)
{
    struct hot_slot hot = {.slot = slot, .epoch = epoch, .member_count = count};

    snprintf(hot.owner.text, sizeof(hot.owner.text), "%040x", 0xabc);
    for (size_t i = 0; i < count; i++) {
        hot.members[i].is_ready = true;
        snprintf(hot.members[i].node.text, sizeof(hot.members[i].node.text), "%040zx", i + 1);
    }
    return hot;
}

/* The owner is -1. */
static int draw(const struct hot_slot *hot, enum view_kind kind, unsigned client)
{
    char address[32];
    struct view_client who = {.kind = kind};
    const struct cluster_id *id;

    snprintf(address, sizeof(address), "10.0.%u.%u:%u", client / 200, client % 200,
             40000 + client * 7 % 20000);
    who.address = bytes_from_text(address);
    id = view_draw(hot, &who);
    for (size_t i = 0; i < hot->member_count; i++) {
        if (id == &hot->members[i].node) {
            cr_assert(hot->members[i].is_ready, "client %u is sent to one that is not", client);
            return (int)i;
        }
    }
    cr_assert_eq(id, &hot->owner);
    return -1;
}

static int draw_at(const struct hot_slot *hot, enum view_kind kind, const char *address)
{
    const struct view_client who = {.kind = kind, .address = bytes_from_text(address)};
    const struct hot_member *member = hot_slot_member(hot, view_draw(hot, &who));

    return member != NULL ? (int)(member - hot->members) : -1;
}

/* ---- libraries ---------------------------------------------------------------------------------- */

Test(view, libraries_are_known_by_how_their_names_begin)
{
    static const struct {
        const char *name;
        enum view_kind kind;
        bool is_taught;
    } cases[] = {
        {"redis-py",                    VIEW_BY_CONNECTION, true },
        {"redis-py(django-redis_v5.0)", VIEW_BY_CONNECTION, true },
        {"go-redis",                    VIEW_BY_CONNECTION, true },
        {"go-redis(,go1.22)",           VIEW_BY_CONNECTION, true },
        {"ioredis",                     VIEW_BY_CONNECTION, true },
        {"node-redis",                  VIEW_BY_CONNECTION, true },
        {"jedis",                       VIEW_BY_CONNECTION, true },
        {"redis-rs",                    VIEW_BY_CONNECTION, true },
        {"starling-bench",              VIEW_BY_CONNECTION, true },
        {"Jedis",                       VIEW_BY_CONNECTION, true },
        {"GlidePy",                     VIEW_BY_ADDRESS,    true },
        {"GlideJS",                     VIEW_BY_ADDRESS,    true },
        {"redis-rb",                    VIEW_BY_ADDRESS,    false},
        {"rueidis",                     VIEW_BY_ADDRESS,    false},
        {"starling-cli",                VIEW_AS_IT_IS,      false},
        {"redis-cli",                   VIEW_AS_IT_IS,      false},
        {"valkey-cli",                  VIEW_AS_IT_IS,      false},
        {"",                            VIEW_BY_CONNECTION, false},
        {"lettuce",                     VIEW_BY_CONNECTION, false},
        {"redis-p",                     VIEW_BY_CONNECTION, false},
        {"my redis-py",                 VIEW_BY_CONNECTION, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes name = bytes_from_text(cases[i].name);

        cr_expect_eq(view_kind_of(name), cases[i].kind, "%s", cases[i].name);
        cr_expect_eq(view_can_be_taught(name), cases[i].is_taught, "%s", cases[i].name);
    }
}

Test(view, tools_are_sent_to_the_owner_whoever_is_ready)
{
    const struct hot_slot hot = hot_of(9, 1, 8);

    for (unsigned client = 0; client < CLIENTS; client++) {
        cr_assert_eq(draw(&hot, VIEW_AS_IT_IS, client), -1);
    }
}

/* ---- who is sent where -------------------------------------------------------------------------- */

Test(view, a_client_is_answered_the_same_by_every_node_and_in_every_epoch)
{
    struct hot_slot hot = hot_of(9, 1, 5);
    struct hot_slot turned = hot_of(9, 2, 5);

    for (size_t i = 0; i < 5; i++) {
        turned.members[i] = hot.members[4 - i]; /* in whatever order they are announced */
    }
    for (unsigned client = 0; client < CLIENTS; client++) {
        int here = draw(&hot, VIEW_BY_CONNECTION, client);
        int there = draw(&turned, VIEW_BY_CONNECTION, client);

        cr_assert_eq(here, there < 0 ? there : 4 - there, "client %u", client);
    }
}

Test(view, all_connections_from_an_address_are_sent_to_the_same_when_that_counts)
{
    const struct hot_slot hot = hot_of(9, 1, 8);
    int by_address = draw_at(&hot, VIEW_BY_ADDRESS, "10.1.2.3:1000");
    int by_address_6 = draw_at(&hot, VIEW_BY_ADDRESS, "[fe80::1]:1000");
    bool is_spread = false;

    for (unsigned port = 1001; port < 1100; port++) {
        char address[32];
        char address_6[32];

        snprintf(address, sizeof(address), "10.1.2.3:%u", port);
        snprintf(address_6, sizeof(address_6), "[fe80::1]:%u", port);
        cr_assert_eq(draw_at(&hot, VIEW_BY_ADDRESS, address), by_address);
        cr_assert_eq(draw_at(&hot, VIEW_BY_ADDRESS, address_6), by_address_6);
        is_spread |= draw_at(&hot, VIEW_BY_CONNECTION, address) != by_address;
    }
    cr_expect(is_spread);
}

Test(view, nobody_is_sent_to_a_member_that_is_not_ready)
{
    struct hot_slot hot = hot_of(9, 1, 4);
    size_t seen[4] = {0};

    hot.members[1].is_ready = false;
    hot.members[3].is_ready = false;
    for (unsigned client = 0; client < CLIENTS; client++) {
        int index = draw(&hot, VIEW_BY_CONNECTION, client);

        if (index >= 0) {
            seen[index]++;
        }
    }
    cr_expect(seen[0] > 0 && seen[2] > 0);
    cr_expect(seen[1] == 0 && seen[3] == 0);
}

Test(view, while_none_is_ready_the_owner_serves_all)
{
    struct hot_slot hot = hot_of(9, 1, 3);

    for (size_t i = 0; i < 3; i++) {
        hot.members[i].is_ready = false;
    }
    for (unsigned client = 0; client < CLIENTS; client++) {
        cr_assert_eq(draw(&hot, VIEW_BY_CONNECTION, client), -1);
    }
}

Test(view, when_a_member_comes_or_goes_only_its_own_clients_are_sent_elsewhere)
{
    for (size_t members = 1; members < 8; members++) {
        struct hot_slot with = hot_of(9, 1, members);
        struct hot_slot without = with;
        size_t moved = 0;

        without.members[members / 2].is_ready = false;
        for (unsigned client = 0; client < CLIENTS; client++) {
            int before = draw(&with, VIEW_BY_CONNECTION, client);
            int after = draw(&without, VIEW_BY_CONNECTION, client);

            cr_assert(before == after || before == (int)(members / 2), "client %u", client);
            moved += before != after;
        }
        cr_expect_geq(moved, CLIENTS / (members + 1) * 3 / 4);
        cr_expect_leq(moved, CLIENTS / (members + 1) * 5 / 4);
    }
}

Test(view, clients_are_spread_evenly_over_the_owner_and_its_members)
{
    for (size_t members = 1; members <= 8; members++) {
        for (uint16_t slot = 0; slot < 20; slot++) {
            const struct hot_slot hot = hot_of((uint16_t)(slot * 811), 1, members);
            size_t seen[9] = {0};
            size_t fair = CLIENTS / (members + 1);

            for (unsigned client = 0; client < CLIENTS; client++) {
                seen[draw(&hot, VIEW_BY_CONNECTION, client) + 1]++;
            }
            for (size_t i = 0; i <= members; i++) {
                cr_expect(seen[i] > fair / 2 && seen[i] < fair * 3 / 2,
                          "%zu of %d at place %zu of %zu for slot %u", seen[i], CLIENTS, i,
                          members + 1, hot.slot);
            }
        }
    }
}

Test(view, clients_are_drawn_by_the_room_that_each_has)
{
    struct hot_slot hot = hot_of(9, 1, 3);
    size_t seen[4] = {0};

    /* The mean is 1000, so there is room up to 1200: 200, 700, none, 1200. */
    hot.owner_reads = 1000;
    hot.members[0].reads = 500;
    hot.members[1].reads = 2500;
    hot.members[2].reads = 0;
    for (unsigned client = 0; client < CLIENTS; client++) {
        seen[draw(&hot, VIEW_BY_CONNECTION, client) + 1]++;
    }
    cr_expect(seen[0] > 60 && seen[0] < 130, "%zu", seen[0]);
    cr_expect(seen[1] > 280 && seen[1] < 390, "%zu", seen[1]);
    cr_expect_eq(seen[2], 0);
    cr_expect(seen[3] > 510 && seen[3] < 630, "%zu", seen[3]);
}

Test(view, those_who_are_sent_by_address_are_sent_the_same_whatever_anybody_serves)
{
    struct hot_slot hot = hot_of(9, 1, 5);
    struct hot_slot busy = hot;

    busy.owner_reads = 7000;
    for (size_t i = 0; i < 5; i++) {
        busy.members[i].reads = (uint32_t)(i * 1000);
    }
    for (unsigned client = 0; client < CLIENTS; client++) {
        cr_assert_eq(draw(&hot, VIEW_BY_ADDRESS, client), draw(&busy, VIEW_BY_ADDRESS, client));
    }
}

Test(view, who_serves_more_is_left_by_some_of_its_own_clients_and_by_nobody_else)
{
    struct hot_slot before = hot_of(9, 1, 4);
    struct hot_slot after;
    size_t moved = 0;

    before.owner_reads = 1000;
    for (size_t i = 0; i < 4; i++) {
        before.members[i].reads = 1000;
    }
    after = before;
    after.members[2].reads = 1190; /* which leaves the others more room, all the same */
    for (unsigned client = 0; client < CLIENTS; client++) {
        int was = draw(&before, VIEW_BY_CONNECTION, client);
        int is = draw(&after, VIEW_BY_CONNECTION, client);

        cr_assert(was == is || was == 2, "client %u", client);
        moved += was != is;
    }
    cr_expect(moved > CLIENTS / 10 && moved < CLIENTS / 5, "%zu", moved);
}

Test(view, a_client_is_sent_elsewhere_for_another_slot)
{
    const struct hot_slot one = hot_of(1, 1, 4);
    const struct hot_slot other = hot_of(2, 1, 4);
    size_t same = 0;

    for (unsigned client = 0; client < CLIENTS; client++) {
        same += draw(&one, VIEW_BY_CONNECTION, client) == draw(&other, VIEW_BY_CONNECTION, client);
    }
    cr_expect(same > CLIENTS / 10 && same < CLIENTS * 3 / 10, "%zu of %d", same, CLIENTS);
}
