/* SPDX-License-Identifier: MIT */
/* A limit of memory: who is evicted, refused, held up. */
#include "node/memory_limit.h"

#include "node/inside.h"
#include "tests/unit/answers.h"
#include "tests/unit/server/node/lone_node.h"

#include <stdio.h>

enum {
    FILL_KEYS = 3000,
    VALUE_BYTES = 100,
};

static const char oom[] = "-OOM command not allowed when used memory > 'maxmemory'.|";

/* Keys key:0, key:1, ...; the first `volatiles` of them expire, later ones later. */
static void fill(struct alone *a, int keys, int volatiles)
{
    struct buf lines = {0};
    struct buf out;

    for (int i = 0; i < keys; i++) {
        buf_printf(&lines, "SET key:%d %0*d%s", i, VALUE_BYTES, 7, i < volatiles ? " EX " : "");
        if (i < volatiles) {
            buf_printf(&lines, "%d", 1000 + i);
        }
        buf_append_text(&lines, "\r\n");
    }
    alone_pass(a, 1000, 0, buf_bytes(&lines));
    alone_settle(a, ANSWERS_PASSES);
    buf_deinit(&lines);
    out = answers_take(a, 0);
    buf_deinit(&out);
}

static void set_limit(struct alone *a, const char *policy, size_t bytes)
{
    char line[128];

    snprintf(line, sizeof(line), "CONFIG SET maxmemory %zu maxmemory-policy %s", bytes, policy);
    answers_expect(a, line, "+OK|");
}

static uint64_t count(const struct alone *a)
{
    return keyspace_count_all(a->node->data.keyspace);
}

static size_t used(const struct alone *a)
{
    return account_for_limit(a->node);
}

/* ---- policy x state x command ------------------------------------------------------------------- */

struct policy {
    const char *name;
    bool is_for_all; /* also keys without an expiry */
};

static const struct policy policies[] = {
    {"noeviction",      false},
    {"allkeys-lru",     true },
    {"allkeys-lfu",     true },
    {"allkeys-random",  true },
    {"volatile-lru",    false},
    {"volatile-lfu",    false},
    {"volatile-random", false},
    {"volatile-ttl",    false},
};

/* Commands at a limit that is exceeded: which are refused where nothing may go. */
static const struct {
    const char *line;
    const char *pattern;
    bool needs_memory;
} commands[] = {
    {"SET new v",                      "+OK|",   true },
    {"APPEND new v",                   ":*|",    true },
    {"HSET newhash f v",               ":*|",    true },
    {"LPUSH newlist v",                ":*|",    true },
    {"SADD newset v",                  ":*|",    true },
    {"ZADD newzset 1 v",               ":*|",    true },
    {"XADD newstream * f v",           "$*|",    true },
    {"SETRANGE newrange 10 x",         ":*|",    true },
    {"INCR newnumber",                 ":*|",    true },
    {"PFADD newhll a",                 ":*|",    true },
    {"GETEX newnumber",                "$*|",    false},
    {"GET nosuch",                     "$-1|",   false},
    {"EXISTS nosuch",                  ":0|",    false},
    {"DEL nosuch",                     ":0|",    false},
    {"EXPIRE nosuch 10",               ":0|",    false},
    {"LPOP nosuch",                    "$-1|",   false},
    {"PING",                           "+PONG|", false},
    {"CONFIG SET maxmemory-samples 5", "+OK|",   false},
};

static void try_commands(struct alone *a, bool is_refused)
{
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        bool expects_oom = is_refused && commands[i].needs_memory;

        answers_expect(a, commands[i].line,
                       expects_oom                             ? oom
                       : strstr(commands[i].line, "newnumber") ? "*"
                                                               : commands[i].pattern);
    }
}

static void try_policy(const struct policy *policy, int volatiles)
{
    struct alone *a = answers_start(NULL, 0);
    bool may_evict = policy->is_for_all || (volatiles > 0 && policy->name[0] == 'v');
    size_t limit;

    fill(a, FILL_KEYS, volatiles);
    cr_assert_eq(count(a), FILL_KEYS);
    limit = used(a) - 20000;
    set_limit(a, policy->name, limit);
    alone_settle(a, ANSWERS_PASSES);
    if (may_evict) {
        cr_expect_leq(used(a), limit, "%s", policy->name);
        cr_expect_lt(count(a), FILL_KEYS, "%s", policy->name);
        cr_expect_gt(count(a), FILL_KEYS - 400, "%s took more than was needed", policy->name);
        cr_expect_eq(a->node->counters.evicted_keys, FILL_KEYS - count(a));
    } else {
        cr_expect_eq(count(a), FILL_KEYS, "%s", policy->name);
        cr_expect_gt(used(a), limit);
    }
    try_commands(a, !may_evict);
    if (!policy->is_for_all) {
        cr_expect_eq(keyspace_count_all(a->node->data.keyspace) -
                         keyspace_expire_count_all(a->node->data.keyspace),
                     (uint64_t)(FILL_KEYS - volatiles) + (may_evict ? 9 : 0),
                     "%s: keys without an expiry stay", policy->name);
    }
    set_limit(a, policy->name, 0);
    try_commands(a, false);
    alone_free(a);
}

Test(memory_limit, each_policy_evicts_what_it_may_and_where_it_may_not_refuses_what_needs_memory)
{
    for (size_t i = 0; i < ARRAY_COUNT(policies); i++) {
        try_policy(&policies[i], FILL_KEYS / 2);
    }
}

Test(memory_limit, policies_for_volatile_keys_refuse_when_there_is_none)
{
    for (size_t i = 0; i < ARRAY_COUNT(policies); i++) {
        try_policy(&policies[i], 0);
    }
}

Test(memory_limit, a_burst_of_writes_never_has_more_than_the_limit_and_its_slack)
{
    for (size_t i = 1; i < 4; i++) {
        struct alone *a = answers_start(NULL, 0);
        size_t limit = 1000 * 1000;

        set_limit(a, policies[i].name, limit);
        for (int round = 0; round < 20; round++) {
            fill(a, FILL_KEYS, 0);
            cr_expect_leq(used(a), limit, "%s", policies[i].name);
        }
        cr_expect_gt(count(a), 4000 / 2, "%s", policies[i].name);
        alone_free(a);
    }
}

/* ---- order and time ----------------------------------------------------------------------------- */

Test(memory_limit, keys_that_were_read_stay_and_those_that_expire_soonest_go)
{
    struct alone *a = answers_start(NULL, 0);
    int there = 0;

    answers_expect(a, "CONFIG SET maxmemory-samples 64", "+OK|");
    fill(a, 1000, 1000);
    set_limit(a, "volatile-ttl", used(a) / 2);
    alone_settle(a, ANSWERS_PASSES);
    for (int i = 0; i < 100; i++) {
        char key[32];
        struct key_ref ref;

        snprintf(key, sizeof(key), "key:%d", i);
        ref = keyspace_ref(a->node->data.keyspace, 0, bytes_from_text(key));
        there += keyspace_find_any(a->node->data.keyspace, &ref) != NULL;
    }
    cr_expect_lt(there, 5, "%d of the first hundred are there", there);
    set_limit(a, "allkeys-lru", 0);
    fill(a, 1000, 0);
    answers_idle(a, 1, 20000);
    answers_expect(a, "MGET key:1 key:2 key:3", "*");
    set_limit(a, "allkeys-lru", used(a) / 3);
    alone_settle(a, ANSWERS_PASSES);
    answers_expect(a, "EXISTS key:1 key:2 key:3", ":3|");
    alone_free(a);
}

Test(memory_limit, a_large_surplus_goes_in_slices_while_others_are_served)
{
    struct alone *a = answers_start(NULL, 0);
    uint64_t before;

    for (int i = 0; i < 5; i++) {
        struct buf lines = {0};

        for (int k = 0; k < 4000; k++) {
            buf_printf(&lines, "SET %d:%d %0*d\r\n", i, k, VALUE_BYTES, 7);
        }
        alone_pass(a, 1000, 1, buf_bytes(&lines));
        buf_deinit(&lines);
    }
    before = count(a);
    a->node->config.maxmemory = 100000;
    a->node->config.maxmemory_policy = POLICY_ALLKEYS_LRU;
    alone_pass(a, 1000, 0, BYTES_LITERAL("GET nosuch\r\n"));
    answers_match(a, 0, "$-1|");
    cr_expect(count(a) < before && count(a) >= before - 1000, "%llu are left",
              (unsigned long long)count(a));
    cr_expect_eq(node_wake_at(a->node).us, a->node->now.mono.us, "it goes on at once");
    alone_settle(a, ANSWERS_PASSES);
    cr_expect_leq(used(a), 100000);
    alone_free(a);
}

Test(memory_limit, writes_far_beyond_it_wait_until_there_is_room_and_are_answered_in_order)
{
    struct alone *a = answers_start(NULL, 0);
    struct buf lines = {0};

    for (int i = 0; i < 20; i++) {
        struct buf values = {0};

        for (int k = 0; k < 1000; k++) {
            buf_printf(&values, "SET big:%d:%d %0*d\r\n", i, k, 200, 7);
        }
        alone_pass(a, 1000, 2, buf_bytes(&values));
        buf_deinit(&values);
    }
    cr_assert_gt(used(a), 4 * 1024 * 1024);
    a->node->config.maxmemory = 1024 * 1024;
    a->node->config.maxmemory_policy = POLICY_ALLKEYS_LRU;
    a->now_us += 20 * 1000 * 1000;
    buf_append_text(&lines, "SET a 1\r\nINCR a\r\nGET a\r\n");
    alone_pass(a, 1000, 0, buf_bytes(&lines));
    cr_expect(a->clients[0].session->flags & SESSION_HELD);
    cr_expect_eq(a->clients[0].session->hold.kind, HOLD_MEMORY);
    answers_match(a, 0, "");
    answers_send(a, 1, "GET a\r\n");
    answers_match(a, 1, "$-1|");
    alone_settle(a, ANSWERS_PASSES);
    answers_match(a, 0, "+OK|:2|$1|2|");
    cr_expect_not(a->node->memory_limit.has_waiting);
    buf_deinit(&lines);
    alone_free(a);
}

Test(memory_limit, who_waits_for_room_goes_on_when_the_limit_is_lifted_or_nothing_may_go_any_more)
{
    static const struct {
        const char *line;
        const char *answer;
    } ends[] = {
        {"CONFIG SET maxmemory 0\r\n",                   "+OK|"      },
        {"CONFIG SET maxmemory-policy noeviction\r\n",   oom         },
        {"CONFIG SET maxmemory-policy volatile-lru\r\n", oom         },
        {"REPLICAOF 127.0.0.1 1\r\n",                    "-READONLY*"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        struct alone *a = answers_start(NULL, 0);

        for (int k = 0; k < 20; k++) {
            struct buf values = {0};

            for (int n = 0; n < 1000; n++) {
                buf_printf(&values, "SET big:%d:%d %0*d\r\n", k, n, 200, 7);
            }
            alone_pass(a, 1000, 2, buf_bytes(&values));
            buf_deinit(&values);
        }
        a->node->config.maxmemory = 1000;
        a->node->config.maxmemory_policy = POLICY_ALLKEYS_RANDOM;
        alone_pass(a, 1000, 0, BYTES_LITERAL("SET a 1\r\n"));
        cr_assert(a->clients[0].session->flags & SESSION_HELD);
        answers_send(a, 1, ends[i].line);
        answers_idle(a, 3, 1);
        answers_match(a, 0, ends[i].answer);
        alone_free(a);
    }
}

/* ---- what is not evicted ------------------------------------------------------------------------ */

Test(memory_limit, a_replica_neither_evicts_nor_refuses_what_its_primary_sends)
{
    struct alone *a = answers_start(NULL, 0);

    fill(a, FILL_KEYS, 0);
    answers_expect(a, "REPLICAOF 127.0.0.1 1", "+OK|");
    answers_expect(a, "CONFIG SET replica-read-only no", "+OK|");
    set_limit(a, "allkeys-lru", 1000);
    answers_idle(a, 20, 100);
    cr_expect_eq(count(a), FILL_KEYS);
    answers_expect(a, "SET own v", "+OK|");
    cr_expect_eq(memory_limit_exceeding_ms(a->node), 0);
    alone_free(a);
}

Test(memory_limit, nothing_goes_while_writes_are_paused)
{
    struct alone *a = answers_start(NULL, 0);

    fill(a, FILL_KEYS, 0);
    answers_expect(a, "CLIENT PAUSE 1000 WRITE", "+OK|");
    set_limit(a, "allkeys-lru", 100000);
    answers_idle(a, 9, 100);
    cr_expect_eq(count(a), FILL_KEYS);
    answers_idle(a, 20, 100);
    cr_expect_leq(used(a), 100000);
    alone_free(a);
}

Test(memory_limit, evicted_keys_leave_the_log_as_del_in_their_database)
{
    struct alone *a = answers_start(NULL, 0);
    struct bytes log;
    uint64_t before;

    answers_expect(a, "SELECT 3", "+OK|");
    answers_expect(a, "SET only v", "+OK|");
    before = oplog_end(a->node->journal.log);
    set_limit(a, "allkeys-lru", 1);
    alone_settle(a, ANSWERS_PASSES);
    cr_expect_eq(count(a), 0);
    cr_assert_eq(oplog_read(a->node->journal.log, before, 1000, &log), OPLOG_OK);
    cr_expect(bytes_equal_text(log, "*2\r\n$3\r\nDEL\r\n$4\r\nonly\r\n"), "%.*s", BYTES_ARGS(log));
    alone_free(a);
}

Test(memory_limit, an_image_on_its_way_has_what_is_evicted_meanwhile)
{
    struct alone *a = answers_start(NULL, 0);

    fill(a, FILL_KEYS, 0);
    answers_send(a, 1, "BGSAVE\r\n");
    set_limit(a, "allkeys-random", 10000);
    alone_settle(a, 1000);
    cr_expect_lt(count(a), 200);
    set_limit(a, "noeviction", 0);
    answers_expect(a, "CONFIG SET enable-debug-command yes", "*");
    answers_contain(a, 0, "INFO persistence\r\n", "rdb_last_bgsave_status:ok");
    cr_expect_eq(a->node->image.written_count, FILL_KEYS);
    alone_free(a);
}

Test(memory_limit, who_waits_for_a_key_is_told_when_it_is_evicted)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "XGROUP CREATE s g $ MKSTREAM", "+OK|");
    answers_send(a, 1, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >\r\n");
    set_limit(a, "allkeys-lru", 1);
    answers_idle(a, 3, 100);
    answers_match(a, 1, "-NOGROUP*");
    alone_free(a);
}

/* ---- what is told ------------------------------------------------------------------------------- */

Test(memory_limit, info_tells_the_limit_the_policy_and_what_went)
{
    struct alone *a = answers_start(NULL, 0);

    fill(a, FILL_KEYS, 0);
    set_limit(a, "volatile-ttl", 100000);
    answers_idle(a, 3, 100);
    answers_contain(
        a, 0, "INFO memory\r\n",
        "maxmemory:100000\r\nmaxmemory_human:97.66K\r\nmaxmemory_policy:volatile-ttl\r\n");
    answers_contain(a, 0, "INFO stats\r\n", "evicted_keys:0\r\n");
    cr_expect_geq(memory_limit_exceeding_ms(a->node), 200);
    set_limit(a, "allkeys-lru", 100000);
    answers_idle(a, 3, 100);
    cr_expect_eq(memory_limit_exceeding_ms(a->node), 0);
    cr_expect_geq(memory_limit_exceeded_ms(a->node), 200);
    cr_expect_gt(a->node->counters.evicted_keys, 1000);
    answers_expect(a, "CONFIG RESETSTAT", "+OK|");
    answers_contain(a, 0, "INFO stats\r\n",
                    "evicted_keys:0\r\nevicted_clients:0\r\ntotal_eviction_exceeded_time:0\r\n"
                    "current_eviction_exceeded_time:0\r\n");
    alone_free(a);
}

Test(memory_limit, a_limit_below_what_is_used_is_warned_of_once_it_is_set)
{
    struct alone *a = answers_start(NULL, 0);

    fill(a, FILL_KEYS, 0);
    set_limit(a, "noeviction", 1024 * 1024 * 1024);
    cr_expect_eq(a->warnings.len, 0);
    set_limit(a, "noeviction", 1000);
    cr_expect_not_null(strstr(buf_text(&a->warnings), "maxmemory is now 1000, less than the "));
    buf_clear(&a->warnings);
    answers_expect(a, "CONFIG SET maxmemory-samples 7", "+OK|");
    cr_expect_eq(a->warnings.len, 0);
    alone_free(a);
}

/* ---- clients ------------------------------------------------------------------------------------ */

/* The client has so many bytes of a request that is not whole. */
static void send_part(struct alone *a, size_t client, size_t bytes)
{
    struct buf part = {0};

    buf_printf(&part, "*2\r\n$4\r\nECHO\r\n$%zu\r\n", bytes * 2);
    for (size_t i = 0; i < bytes; i++) {
        buf_append_byte(&part, 'x');
    }
    alone_pass(a, 1000, client, buf_bytes(&part));
    buf_deinit(&part);
}

Test(memory_limit, of_clients_beyond_theirs_the_largest_goes_first_and_no_more_than_needed)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "CONFIG SET maxmemory-clients 1mb", "+OK|");
    send_part(a, 1, 300 * 1000);
    send_part(a, 2, 600 * 1000);
    send_part(a, 3, 200 * 1000);
    answers_idle(a, 30, 100);
    cr_expect_null(a->clients[2].session);
    cr_expect_not_null(a->clients[1].session);
    cr_expect_not_null(a->clients[3].session);
    answers_contain(a, 0, "INFO stats\r\n", "evicted_clients:1\r\n");
    alone_free(a);
}

Test(memory_limit, protected_clients_stay_though_they_are_the_largest)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "CONFIG SET maxmemory 10mb maxmemory-clients 5%", "+OK|");
    answers_send(a, 2, "CLIENT NO-EVICT on\r\n");
    answers_match(a, 2, "+OK|");
    send_part(a, 1, 100 * 1000);
    send_part(a, 2, 900 * 1000);
    answers_idle(a, 40, 100);
    cr_expect_not_null(a->clients[2].session);
    cr_expect_null(a->clients[1].session, "beyond the limit all others go");
    alone_free(a);
}

Test(memory_limit, clients_are_not_counted_where_there_is_no_limit_of_theirs)
{
    struct alone *a = answers_start(NULL, 0);

    send_part(a, 1, 2000 * 1000);
    answers_idle(a, 30, 100);
    cr_expect_eq(a->node->memory_limit.clients_bytes, 0);
    answers_expect(a, "CONFIG SET maxmemory-clients 100mb", "+OK|");
    cr_expect_gt(a->node->memory_limit.clients_bytes, 2000 * 1000);
    alone_disconnect(a, 1);
    cr_expect_lt(a->node->memory_limit.clients_bytes, 200 * 1000);
    answers_expect(a, "CONFIG SET maxmemory-clients 0", "+OK|");
    cr_expect_eq(a->node->memory_limit.clients_bytes, 0);
    alone_free(a);
}

/* ---- time --------------------------------------------------------------------------------------- */

Test(memory_limit, all_writes_of_a_pass_share_the_time_for_evicting)
{
    struct lone_node *w = lone_node_new();
    struct buf lines = {0};
    uint64_t evicted;

    for (int i = 0; i < 10000; i++) {
        buf_printf(&lines, "SET key:%d %0*d\r\n", i, VALUE_BYTES, 7);
    }
    (void)lone_node_ask(w, buf_text(&lines));
    w->node->config.maxmemory = (int64_t)account_for_limit(w->node) - 900 * 1000;
    w->node->config.maxmemory_policy = POLICY_ALLKEYS_RANDOM;
    w->reading_cost_ns = 100 * 1000; /* what 16 keys cost */
    buf_clear(&lines);
    for (int i = 0; i < 60; i++) {
        buf_printf(&lines, "SET other:%d v\r\n", i);
    }
    (void)lone_node_ask(w, buf_text(&lines));
    evicted = w->node->counters.evicted_keys;
    /* A look at the clock for each write in any case, and ten for the millisecond that they share. */
    cr_expect(evicted >= 60 * 16 && evicted <= (60 + 15) * 16, "%llu", (unsigned long long)evicted);
    buf_deinit(&lines);
    lone_node_free(w);
}
