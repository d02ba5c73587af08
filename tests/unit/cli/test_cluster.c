/* SPDX-License-Identifier: MIT */
/* cli/cluster_map and cli/cluster_plan: what nodes report, and who becomes what. */
#include "cli/cluster_differ.h"
#include "cli/cluster_map.h"

#include "base/mem.h"
#include "base/rng.h"
#include "cli/cluster_check.h"
#include "cli/cluster_plan.h"
#include "cli/cluster_view.h"
#include "tests/unit/seed.h"

#define ID(digit)   digit digit digit digit
#define ID10(digit) ID(digit) ID(digit) digit digit
#define ID40(digit) ID10(digit) ID10(digit) ID10(digit) ID10(digit)

static const char two_nodes[] =
    ID40("a") " 10.0.0.1:7001@17001,one.example myself,master - 0 0 3 connected 0-99 200 "
              "[93->-" ID40("b") "] [77-<-" ID40("b") "]\n" //
    ID40("b") " :7002@17002 slave,fail? " ID40("a") " 5 6 3 disconnected\n";

static void parse(struct cluster_map *map, const char *text)
{
    struct errmsg error = {0};

    cr_assert(cluster_map_parse_nodes(map, bytes_from_text(text), &error), "%s", error.text);
}

Test(cluster_map, a_line_of_nodes_gives_address_flags_epoch_and_slots)
{
    struct cluster_map map = {0};
    const struct map_node *node;

    parse(&map, two_nodes);
    cr_assert_eq(map.nodes.count, 2);
    node = cluster_map_myself(&map);
    cr_assert_str_eq(node->id, ID40("a"));
    cr_assert_str_eq(node->host, "10.0.0.1");
    cr_assert_eq(node->port, 7001);
    cr_assert_eq(node->flags, MAP_MYSELF | MAP_PRIMARY);
    cr_assert_eq(node->config_epoch, 3);
    cr_assert_eq(node->slot_count, 101);
    cr_assert(node->is_linked && bitset_has(node->slots, 200) && !bitset_has(node->slots, 100));
    node = cluster_map_find(&map, ID40("b"));
    cr_assert_str_eq(node->host, "");
    cr_assert_eq(node->flags, MAP_REPLICA | MAP_PFAIL);
    cr_assert_str_eq(node->primary_id, ID40("a"));
    cr_assert_not(node->is_linked);
    cr_assert_eq(map.nodes.count, 2); /* a, and its one replica */
    cr_assert_eq(cluster_map_count_covered(&map), 101);
    cluster_map_deinit(&map);
    cr_assert_eq(mem_used_total(), 0);
}

Test(cluster_map, slots_on_the_move_are_told_apart)
{
    struct cluster_map map = {0};

    parse(&map, two_nodes);
    cr_assert_eq(map.open_slots.count, 2);
    cr_assert_eq(map.open_slots.items[0].slot, 93);
    cr_assert(map.open_slots.items[0].is_migrating);
    cr_assert_eq(map.open_slots.items[1].slot, 77);
    cr_assert_not(map.open_slots.items[1].is_migrating);
    cr_assert_str_eq(map.open_slots.items[1].peer_id, ID40("b"));
    cluster_map_deinit(&map);
}

Test(cluster_map, the_signature_does_not_depend_on_order_or_viewpoint)
{
    static const char left[] = ID40("a") " h:1@2 myself,master - 0 0 1 connected 0-5\n" //
        ID40("b") " h:2@3 master - 0 0 2 connected 7\n";
    static const char right[] = ID40("b") " h:2@3 myself,master - 9 9 2 connected 7\n" //
        ID40("a") " x:1@2 master - 0 0 1 disconnected 0-5\n";
    static const char other[] = ID40("b") " h:2@3 myself,master - 9 9 2 connected 6-7\n" //
        ID40("a") " x:1@2 master - 0 0 1 connected 0-5\n";
    struct cluster_map map = {0};
    struct buf signatures[3] = {0};

    parse(&map, left);
    cluster_map_write_signature(&map, &signatures[0]);
    parse(&map, right);
    cluster_map_write_signature(&map, &signatures[1]);
    parse(&map, other);
    cluster_map_write_signature(&map, &signatures[2]);
    cr_assert(bytes_equal(buf_bytes(&signatures[0]), buf_bytes(&signatures[1])));
    cr_assert_not(bytes_equal(buf_bytes(&signatures[0]), buf_bytes(&signatures[2])));
    for (size_t i = 0; i < 3; i++) {
        buf_deinit(&signatures[i]);
    }
    cluster_map_deinit(&map);
}

Test(cluster_map, lines_that_make_no_sense_are_refused)
{
    static const char *const bad[] = {
        "short h:1@2 master - 0 0 1 connected",
        ID40("a") " noport master - 0 0 1 connected",
        ID40("a") " h:1@2 master - 0 0 epoch connected",
        ID40("a") " h:1@2 master - 0 0 1 connected 16384",
        ID40("a") " h:1@2 master - 0 0 1 connected 5-x",
        ID40("a") " h:1@2 master - 0 0 1 connected [5->",
        ID40("a") " h:1@2 master - 0 0 1 connected [",
    };
    struct cluster_map map = {0};

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct errmsg error = {0};

        cr_assert_not(cluster_map_parse_nodes(&map, bytes_from_text(bad[i]), &error), "%s", bad[i]);
        cr_assert_neq(error.text[0], '\0');
    }
    cluster_map_deinit(&map);
}

Test(cluster_map, the_reply_of_slots_gives_primaries_with_their_ranges)
{
    static const char wire[] = "*2\r\n*4\r\n:0\r\n:99\r\n*3\r\n$1\r\na\r\n:1\r\n$2\r\nid\r\n"
                               "*3\r\n$1\r\nb\r\n:2\r\n$2\r\nir\r\n"
                               "*3\r\n:200\r\n:200\r\n*3\r\n$1\r\na\r\n:1\r\n$2\r\nid\r\n";
    const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct cluster_map map = {0};
    struct resp_value value;
    struct buf slots = {0};
    size_t consumed;

    cr_assert_eq(resp_value_read(BYTES_LITERAL(wire), &limits, &value, &consumed, NULL), RESP_OK);
    cr_assert(cluster_map_parse_slots(&map, &value, NULL));
    cr_assert_eq(map.nodes.count, 2);
    map_write_slots(map.nodes.items[0].slots, &slots);
    cr_assert_str_eq(buf_text(&slots), "[0-99],[200]");
    cr_assert_eq(map.nodes.items[1].flags, MAP_REPLICA);
    buf_deinit(&slots);
    resp_value_deinit(&value);
    cluster_map_deinit(&map);
    cr_assert_eq(mem_used_total(), 0);
}

/* ---- plans ------------------------------------------------------------------------------------- */

/* Hosts as letters: "aabb" is two nodes on a and two on b. */
static void make_nodes(struct cluster_plan *plan, const char *hosts)
{
    for (size_t i = 0; hosts[i] != '\0'; i++) {
        struct plan_node node = {.host = {hosts[i]}, .port = (uint16_t)(7001 + i)};

        VEC_PUSH(&plan->nodes, node);
    }
}

static void check_plan(const struct cluster_plan *plan, uint64_t seed)
{
    size_t next = 0;

    for (size_t i = 0; i < plan->primaries.count; i++) {
        const struct plan_node *node = &plan->nodes.items[plan->primaries.items[i]];

        SEED_ASSERT(node->is_primary && node->first_slot == next, seed);
        next = (size_t)node->last_slot + 1;
    }
    SEED_ASSERT(next == SLOT_COUNT, seed);
    SEED_ASSERT(plan->primaries.count + plan->replicas.count == plan->nodes.count, seed);
    for (size_t i = 0; i < plan->replicas.count; i++) {
        const struct plan_node *node = &plan->nodes.items[plan->replicas.items[i]];

        SEED_ASSERT(!node->is_primary && plan->nodes.items[node->primary].is_primary, seed);
    }
}

Test(cluster_plan, slots_are_shared_out_evenly)
{
    struct cluster_plan plan = {0};

    make_nodes(&plan, "aaa");
    cr_assert(cluster_plan_make(&plan, 0, NULL));
    check_plan(&plan, 0);
    cr_assert_eq(plan.nodes.items[0].last_slot, 5460);
    cr_assert_eq(plan.nodes.items[1].last_slot, 10922);
    cluster_plan_deinit(&plan);
    cr_assert_eq(mem_used_total(), 0);
}

Test(cluster_plan, primaries_and_their_replicas_are_on_different_hosts_where_possible)
{
    static const char *const hosts[] = {"aabbcc", "abcabc", "aaabbbccc", "aabbccdd"};

    for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
        struct cluster_plan plan = {0};

        make_nodes(&plan, hosts[i]);
        cr_assert(cluster_plan_make(&plan, i == 2 ? 2 : 1, NULL));
        check_plan(&plan, 0);
        cr_assert_eq(plan.shared_hosts, 0, "%s", hosts[i]);
        cluster_plan_deinit(&plan);
    }
}

Test(cluster_plan, on_one_host_everything_is_shared_and_said_so)
{
    struct cluster_plan plan = {0};

    make_nodes(&plan, "aaaaaa");
    cr_assert(cluster_plan_make(&plan, 1, NULL));
    check_plan(&plan, 0);
    cr_assert_eq(plan.shared_hosts, 3);
    cr_assert_eq(plan.nodes.items[3].primary, 0);
    cluster_plan_deinit(&plan);
}

Test(cluster_plan, too_few_nodes_are_refused_with_the_number_needed)
{
    struct cluster_plan plan = {0};
    struct errmsg error = {0};

    make_nodes(&plan, "ab");
    cr_assert_not(cluster_plan_make(&plan, 1, &error));
    cr_assert_not_null(strstr(error.text, "*** ERROR: Invalid configuration"));
    cr_assert_not_null(strstr(error.text, "at least 3 nodes"));
    cluster_plan_deinit(&plan);
}

Test(cluster_plan, arbiters_join_without_slots_and_without_a_primary)
{
    struct cluster_plan plan = {0};
    struct errmsg error = {0};

    make_nodes(&plan, "abc");
    plan.nodes.items[1].is_arbiter = true;
    cr_assert(cluster_plan_make(&plan, 1, &error));
    cr_assert_eq(plan.primaries.count, 1);
    cr_assert_eq(plan.primaries.items[0], 0);
    cr_assert_eq(plan.replicas.count, 1);
    cr_assert_eq(plan.replicas.items[0], 2);
    cr_assert_eq(plan.nodes.items[0].last_slot, 16383);
    cr_assert_not(plan.nodes.items[1].is_primary);
    plan.nodes.items[0].is_arbiter = true;
    plan.nodes.items[2].is_arbiter = true;
    cr_assert_not(cluster_plan_make(&plan, 0, &error), "nobody would own the slots");
    cluster_plan_deinit(&plan);
}

Test(cluster_plan, any_mix_of_hosts_gives_a_whole_plan)
{
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int round = 0; round < 200; round++) {
        size_t replicas = (size_t)rng_below(&rng, 4);
        size_t count = (replicas + 1) * 3 + (size_t)rng_below(&rng, 12);
        char hosts[32] = {0};
        struct cluster_plan plan = {0};

        for (size_t i = 0; i < count; i++) {
            hosts[i] = (char)('a' + rng_below(&rng, 5));
        }
        make_nodes(&plan, hosts);
        SEED_ASSERT(cluster_plan_make(&plan, replicas, NULL), seed);
        check_plan(&plan, seed);
        cluster_plan_deinit(&plan);
    }
}

Test(cluster_view, a_field_of_an_info_text_is_found_by_its_whole_name)
{
    const struct bytes text = BYTES_LITERAL("# Replication\r\n\r\nrole:slave\r\nrole2:x\r\n");
    struct bytes value;

    cr_assert(view_find_field(text, "role", &value));
    cr_assert(bytes_equal_text(value, "slave"));
    cr_assert_not(view_find_field(text, "rol", &value));
}

#define FIRST_ID                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SECOND_ID                 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define THIRD_ID                  "cccccccccccccccccccccccccccccccccccccccc"
#define PRIMARY(id, epoch, slots) id " h:7001@17001 master - 0 0 " epoch " connected" slots "\n"
#define REPLICA(id, primary)      id " h:7002@17002 slave " primary " 0 0 1 connected\n"

static void expect_difference(const char *text_a, const char *text_b, const char *line)
{
    struct cluster_map a = {0};
    struct cluster_map b = {0};
    struct buf out = {0};
    struct errmsg error = {0};
    size_t count;

    cr_assert(cluster_map_parse_nodes(&a, bytes_from_text(text_a), &error));
    cr_assert(cluster_map_parse_nodes(&b, bytes_from_text(text_b), &error));
    count = cluster_differ((struct told_map){"a:1", &a}, (struct told_map){"b:2", &b}, &out);
    cr_expect_str_eq(buf_text(&out), line, "%s", buf_text(&out));
    cr_expect_eq(count, line[0] != '\0' ? 1 : 0);
    buf_deinit(&out);
    cluster_map_deinit(&a);
    cluster_map_deinit(&b);
}

Test(cluster_differ, names_who_says_what_differently)
{
    const char *one = PRIMARY(FIRST_ID, "1", " 0-9");
    const char *replica = REPLICA(FIRST_ID, SECOND_ID);

    expect_difference(one, one, "");
    expect_difference(one, PRIMARY(FIRST_ID, "2", " 0-9"),
                      "node aaaaaaaa: a:1 says epoch 1, b:2 says epoch 2\n");
    expect_difference(one, PRIMARY(FIRST_ID, "1", ""),
                      "node aaaaaaaa: a:1 gives it 10 slots [0-9], b:2 gives it no slots\n");
    expect_difference(replica, PRIMARY(FIRST_ID, "1", " 5"),
                      "node aaaaaaaa: a:1 says it is a replica of bbbbbbbb, b:2 says a primary\n");
    expect_difference(replica, REPLICA(FIRST_ID, THIRD_ID),
                      "node aaaaaaaa: a:1 says it is a replica of bbbbbbbb, b:2 says a replica of "
                      "cccccccc\n");
    expect_difference(one, PRIMARY(FIRST_ID, "1", " 0-9") PRIMARY(SECOND_ID, "2", ""),
                      "node bbbbbbbb at h:7001: known to b:2, unknown to a:1\n");
}

/* ---- the council --------------------------------------------------------------------------------- */

Test(cluster_check, a_council_is_whole_with_three_seats_and_no_change_under_way)
{
    static const struct {
        const char *info;
        const char *problem;
    } cases[] = {
        {"cluster_state:ok\r\n",                                      ""                           },
        {"cluster_council_seats:3\r\n",                               ""                           },
        {"cluster_council_seats:3\r\ncluster_council_changing:0\r\n", ""                           },
        {"cluster_council_seats:2\r\ncluster_council_changing:0\r\n",
         "the council has 2 seats yet"                                                             },
        {"cluster_council_seats:1\r\n",                               "the council has 1 seats yet"},
        {"cluster_council_seats:3\r\ncluster_council_changing:1\r\n",
         "the council has 3 seats and a change under way"                                          },
        {"cluster_council_seats:2\r\ncluster_council_changing:1\r\n",
         "the council has 2 seats and a change under way"                                          },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct errmsg error = {0};
        bool is_whole = cluster_is_council_whole(bytes_from_text(cases[i].info), &error);

        cr_expect_eq(is_whole, cases[i].problem[0] == '\0', "%s", cases[i].info);
        cr_expect_str_eq(error.text, cases[i].problem);
    }
}
