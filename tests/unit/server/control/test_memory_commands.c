/* SPDX-License-Identifier: MIT */
/* MEMORY and its subcommands. */
#include "control/memory.h"
#include "tests/unit/server/node/lone_node.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum {
    MB = 1024 * 1024,
};

/* Data of every kind, and how the process would look then. */
static void fill(struct lone_node *w)
{
    char request[2200];

    for (int i = 0; i < 3000; i++) {
        struct resp_value reply;

        snprintf(request, sizeof(request), "SET key:%d %0*d", i, i % 100 == 0 ? 2000 : 20, i);
        reply = lone_node_value(w, request);
        cr_assert(resp_value_is_text(&reply, "OK"));
        resp_value_deinit(&reply);
    }
    w->process = (struct env_memory){
        .resident = 40 * MB, .files = 2 * MB, .heap = 4 * MB, .heap_resident = 3 * MB};
}

static int64_t integer_of(const struct resp_value *stats, const char *name)
{
    const struct resp_value *value = resp_value_find(stats, name);

    cr_assert_not_null(value, "no %s", name);
    cr_assert_eq(value->type, RESP_INTEGER, "%s", name);
    return value->integer;
}

Test(memory_commands, stats_has_parts_that_sum_up_to_the_total_it_tells)
{
    struct lone_node *w = lone_node_new();
    struct resp_value stats;
    int64_t sum = 0;

    fill(w);
    stats = lone_node_value(w, "MEMORY STATS");
    for (int i = 0; i < MEMORY_PART_COUNT; i++) {
        char name[64];

        snprintf(name, sizeof(name), "resident.%s", memory_part_name((enum memory_part)i));
        sum += integer_of(&stats, name);
    }
    cr_assert_eq(sum, 40 * MB);
    cr_assert_eq(integer_of(&stats, "resident.total"), 40 * MB);
    cr_assert_geq(integer_of(&stats, "resident.entries"), 2970 * (7 + 5 + 8));
    cr_assert_geq(integer_of(&stats, "resident.large"), 30 * 2000);
    resp_value_deinit(&stats);
    lone_node_free(w);
}

Test(memory_commands, stats_has_the_fields_of_redis_in_their_types_and_order)
{
    static const char *const names[] = {"peak.allocated",
                                        "total.allocated",
                                        "startup.allocated",
                                        "replication.backlog",
                                        "clients.slaves",
                                        "clients.normal",
                                        "cluster.links",
                                        "aof.buffer",
                                        "lua.caches",
                                        "functions.caches",
                                        "overhead.total",
                                        "keys.count",
                                        "keys.bytes-per-key",
                                        "dataset.bytes",
                                        "dataset.percentage",
                                        "peak.percentage",
                                        "allocator.allocated",
                                        "allocator.active",
                                        "allocator.resident",
                                        "allocator-fragmentation.ratio",
                                        "allocator-fragmentation.bytes",
                                        "allocator-rss.ratio",
                                        "allocator-rss.bytes",
                                        "rss-overhead.ratio",
                                        "rss-overhead.bytes",
                                        "fragmentation",
                                        "fragmentation.bytes"};
    struct lone_node *w = lone_node_new();
    struct resp_value hello;
    struct resp_value stats;

    fill(w);
    hello = lone_node_value(w, "HELLO 3");
    stats = lone_node_value(w, "MEMORY STATS");
    cr_assert_eq(stats.type, RESP_MAP);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        bool is_ratio = strstr(names[i], "percentage") != NULL ||
                        strstr(names[i], "ratio") != NULL || strcmp(names[i], "fragmentation") == 0;

        cr_assert(resp_value_is_text(&stats.children[2 * i], names[i]), "%s", names[i]);
        cr_assert_eq(stats.children[2 * i + 1].type, is_ratio ? RESP_DOUBLE : RESP_INTEGER, "%s",
                     names[i]);
    }
    resp_value_deinit(&hello);
    resp_value_deinit(&stats);
    lone_node_free(w);
}

Test(memory_commands, the_fields_of_redis_hang_together)
{
    struct lone_node *w = lone_node_new();
    struct resp_value s;
    int64_t total;

    fill(w);
    s = lone_node_value(w, "MEMORY STATS");
    total = integer_of(&s, "total.allocated");
    cr_assert_geq(integer_of(&s, "peak.allocated"), total);
    cr_assert_gt(total, integer_of(&s, "startup.allocated"));
    cr_assert_eq(integer_of(&s, "keys.count"), 3000);
    cr_assert_eq(integer_of(&s, "dataset.bytes"), total - integer_of(&s, "overhead.total"));
    cr_assert_gt(integer_of(&s, "dataset.bytes"), 3000 * 20);
    cr_assert_eq(integer_of(&s, "keys.bytes-per-key"),
                 (total - integer_of(&s, "startup.allocated")) / 3000);
    cr_assert_eq(integer_of(&s, "fragmentation.bytes"), 40 * MB - total);
    cr_assert_eq(integer_of(&s, "allocator-rss.bytes"),
                 integer_of(&s, "allocator.resident") - integer_of(&s, "allocator.active"));
    resp_value_deinit(&s);
    lone_node_free(w);
}

static bool doctor_says(struct lone_node *w, const char *text)
{
    struct resp_value report = lone_node_value(w, "MEMORY DOCTOR");
    bool is_said = strstr(buf_text(&report.text), text) != NULL;

    resp_value_deinit(&report);
    return is_said;
}

Test(memory_commands, the_doctor_names_what_is_large_and_only_that)
{
    struct lone_node *w = lone_node_new();
    struct resp_value reply;

    cr_assert(doctor_says(w, "nothing to be found out about so little"));
    for (int i = 0; i < 6; i++) {
        char request[64];

        snprintf(request, sizeof(request), "SETRANGE key:%d 999999 x", i);
        reply = lone_node_value(w, request);
        resp_value_deinit(&reply);
    }
    w->process = (struct env_memory){.resident = 50 * MB, .files = 48 * MB};
    cr_assert(doctor_says(w, "Nothing takes more memory than it should"));
    w->process.files = 0;
    cr_assert(doctor_says(w, "* resident.unexplained, "));
    w->process.heap = 60 * MB;
    w->process.heap_free = 30 * MB;
    w->process.heap_resident = 50 * MB;
    cr_assert(doctor_says(w, "* resident.malloc.free, 20.00M: malloc keeps"));
    cr_assert_not(doctor_says(w, "resident.large"));
    lone_node_free(w);
}

Test(memory_commands, purge_gives_back_idle_pages_and_asks_malloc_to_do_so)
{
    struct lone_node *w = lone_node_new();
    struct resp_value reply;

    reply = lone_node_value(w, "MEMORY PURGE");
    cr_assert(resp_value_is_text(&reply, "OK"));
    cr_assert_eq(w->release_count, 1);
    resp_value_deinit(&reply);
    lone_node_free(w);
}

Test(memory_commands, malloc_stats_lists_the_sizes_in_use)
{
    struct lone_node *w = lone_node_new();
    struct resp_value reply;

    fill(w);
    reply = lone_node_value(w, "MEMORY MALLOC-STATS");
    cr_assert(strstr(buf_text(&reply.text), "entries           32") != NULL);
    cr_assert(strstr(buf_text(&reply.text), "heap           4194304") != NULL);
    resp_value_deinit(&reply);
    lone_node_free(w);
}

Test(memory_commands, usage_takes_a_number_of_samples_and_nothing_else)
{
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, "MEMORY USAGE k\r\n", "$-1|");
    lone_node_expect(w, "SET k 1\r\n", "+OK|");
    lone_node_expect(w, "MEMORY USAGE k\r\n", ":*");
    lone_node_expect(w, "MEMORY USAGE k samples 0\r\n", ":*");
    lone_node_expect(w, "MEMORY USAGE k SAMPLES x\r\n",
                     "-ERR value is not an integer or out of range|");
    lone_node_expect(w, "MEMORY USAGE k SAMPLES -1\r\n", "-ERR syntax error|");
    lone_node_expect(w, "MEMORY USAGE k SAMPLES\r\n", "-ERR syntax error|");
    lone_node_expect(w, "MEMORY USAGE k FOO 1\r\n", "-ERR syntax error|");
    lone_node_free(w);
}
