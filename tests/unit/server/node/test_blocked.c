/* SPDX-License-Identifier: MIT */
/* Clients that wait for keys: in which order they are served, by what, and what else ends it. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define MS INT64_C(1000)
#define DEMOTED                                                                                    \
    "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> "         \
    "replica?)"

/* What the client got since the last look is exactly that, with '|' for line ends. */
static void got(struct alone *a, size_t client, const char *reply)
{
    struct buf out = answers_take(a, client);

    cr_assert(bytes_equal_text(buf_bytes(&out), reply), "'%s', not '%s'", buf_text(&out), reply);
    buf_deinit(&out);
}

static void send(struct alone *a, size_t client, const char *lines, const char *reply)
{
    alone_pass(a, 0, client, bytes_from_text(lines));
    alone_settle(a, 10);
    got(a, client, reply);
    node_check(a->node);
}

static void idle(struct alone *a, int64_t later_us)
{
    alone_pass(a, later_us, ALONE_CLIENTS, (struct bytes){0});
}

/* The log of a primary has each of these in this order. */
static void log_has(struct alone *a, const char *effect)
{
    struct oplog *log = a->node->journal.log;
    struct buf all = {0};
    struct bytes piece;
    uint64_t at = oplog_start(log);

    while (at < oplog_end(log) && oplog_read(log, at, 4096, &piece) == OPLOG_OK) {
        buf_append_bytes(&all, piece);
        at += piece.len;
    }
    cr_assert_not_null(strstr(buf_text(&all), effect), "no %s", effect);
    buf_deinit(&all);
}

Test(blocked, who_came_first_is_served_first_and_the_key_is_gone_with_the_last_element)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 0, "BLPOP k 0\r\n", "");
    send(a, 1, "BRPOP k 0\r\n", "");
    send(a, 2, "BLPOP k 0\r\n", "");
    send(a, 3, "RPUSH k a b\r\n", ":2|");
    got(a, 0, "*2|$1|k|$1|a|");
    got(a, 1, "*2|$1|k|$1|b|");
    send(a, 3, "EXISTS k\r\n", ":0|");
    got(a, 2, "");
    send(a, 3, "LPUSH k c\r\n", ":1|");
    got(a, 2, "*2|$1|k|$1|c|");
    alone_free(a);
}

Test(blocked, who_waits_comes_before_the_next_request_of_a_pipeline)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 0, "BLPOP k 0\r\n", "");
    send(a, 1, "RPUSH k 1\r\nRPUSH k 2\r\nLPOP k\r\n", ":1|:1|$1|2|");
    got(a, 0, "*2|$1|k|$1|1|");
    send(a, 0, "BLPOP k 0\r\n", "");
    send(a, 1, "RPUSH k 1\r\nDEL k\r\n", ":1|:0|");
    got(a, 0, "*2|$1|k|$1|1|");
    alone_free(a);
}

Test(blocked, what_one_gets_may_serve_the_next)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 0, "BLPOP c 0\r\n", "");
    send(a, 1, "BRPOPLPUSH b c 0\r\n", "");
    send(a, 2, "BLMOVE a b LEFT LEFT 0\r\n", "");
    send(a, 3, "RPUSH a v\r\n", ":1|");
    got(a, 2, "$1|v|");
    got(a, 1, "$1|v|");
    got(a, 0, "*2|$1|c|$1|v|");
    send(a, 3, "DBSIZE\r\n", ":0|");
    alone_free(a);
}

Test(blocked, whatever_makes_a_key_come_to_be_serves)
{
    static const struct {
        const char *request;
        const char *reply;
    } cases[] = {
        {"RENAME t k\r\n",           "+OK|"   },
        {"RENAMENX t k\r\n",         ":1|"    },
        {"COPY t k\r\n",             ":1|"    },
        {"RPOPLPUSH t k\r\n",        "$1|v|"  },
        {"LMOVE t k LEFT LEFT\r\n",  "$1|v|"  },
        {"SORT t ALPHA STORE k\r\n", ":1|"    },
        {"SELECT 1\r\nMOVE k 0\r\n", "+OK|:1|"},
        {"SWAPDB 0 1\r\n",           "+OK|"   },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alone *a = answers_start(NULL, 0);

        send(a, 1, "RPUSH t v\r\nSELECT 1\r\nRPUSH k v\r\nSELECT 0\r\n", ":1|+OK|:1|+OK|");
        send(a, 0, "BLPOP k 0\r\n", "");
        send(a, 1, cases[i].request, cases[i].reply);
        got(a, 0, "*2|$1|k|$1|v|");
        alone_free(a);
    }
}

Test(blocked, whatever_makes_a_sorted_set_come_to_be_serves)
{
    static const struct {
        const char *request;
        const char *reply;
    } cases[] = {
        {"ZADD k 1 v\r\n",                        ":1|"    },
        {"ZINCRBY k 1 v\r\n",                     "$1|1|"  },
        {"ZADD k INCR 1 v\r\n",                   "$1|1|"  },
        {"ZUNIONSTORE k 1 t\r\n",                 ":1|"    },
        {"ZINTERSTORE k 2 t t AGGREGATE MAX\r\n", ":1|"    },
        {"ZDIFFSTORE k 2 t none\r\n",             ":1|"    },
        {"ZRANGESTORE k t 0 -1\r\n",              ":1|"    },
        {"RENAME t k\r\n",                        "+OK|"   },
        {"COPY t k\r\n",                          ":1|"    },
        {"SELECT 1\r\nMOVE k 0\r\n",              "+OK|:1|"},
        {"SWAPDB 0 1\r\n",                        "+OK|"   },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alone *a = answers_start(NULL, 0);

        send(a, 1, "ZADD t 1 v\r\nSELECT 1\r\nZADD k 1 v\r\nSELECT 0\r\n", ":1|+OK|:1|+OK|");
        send(a, 0, "BZPOPMIN k 0\r\n", "");
        send(a, 1, cases[i].request, cases[i].reply);
        got(a, 0, "*3|$1|k|$1|v|$1|1|");
        alone_free(a);
    }
}

Test(blocked, a_sorted_set_that_is_restored_serves)
{
    struct alone *a = answers_start(NULL, 0);
    struct buf request = {0};
    struct buf payload;

    send(a, 1, "ZADD t 1 v\r\n", ":1|");
    alone_pass(a, 0, 1, BYTES_LITERAL("DUMP t\r\n"));
    payload = alone_take(a, 1);
    send(a, 0, "BZMPOP 0 2 j k MAX\r\n", "");
    buf_printf(&request, "*4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n");
    buf_append_bytes(&request, buf_bytes(&payload));
    alone_pass(a, 0, 1, buf_bytes(&request));
    got(a, 1, "+OK|");
    got(a, 0, "*2|$1|k|*1|*2|$1|v|$1|1|");
    buf_deinit(&payload);
    buf_deinit(&request);
    alone_free(a);
}

Test(blocked, who_wants_a_sorted_set_and_who_wants_a_list_wait_for_the_same_key_in_their_order)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 0, "BLPOP k 0\r\n", "");
    send(a, 1, "BZPOPMAX none k 0\r\n", "");
    send(a, 2, "BZPOPMIN k none 0\r\n", "");
    send(a, 3, "ZADD k 1 a 2 b 3 c\r\n", ":3|");
    got(a, 0, "");
    got(a, 1, "*3|$1|k|$1|c|$1|3|");
    got(a, 2, "*3|$1|k|$1|a|$1|1|");
    send(a, 3, "DEL k\r\nRPUSH k e\r\n", ":1|:1|");
    got(a, 0, "*2|$1|k|$1|e|");
    log_has(a, "*2\r\n$7\r\nZPOPMAX\r\n$1\r\nk\r\n*2\r\n$7\r\nZPOPMIN\r\n$1\r\nk\r\n");
    cr_assert_eq(a->node->blocked.count, 0);
    alone_free(a);
}

Test(blocked, a_key_of_another_type_serves_nobody)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 0, "BLPOP k 0\r\n", "");
    send(a, 1, "SET k v\r\nSADD s 1\r\nRENAME s k\r\n", "+OK|:1|+OK|");
    got(a, 0, "");
    send(a, 1, "DEL k\r\nRPUSH k v\r\n", ":1|:1|");
    got(a, 0, "*2|$1|k|$1|v|");
    send(a, 0, "BLMOVE k dst LEFT LEFT 0\r\n", "");
    send(a, 1, "SET dst v\r\nRPUSH k v\r\nLLEN k\r\n", "+OK|:1|:1|");
    got(a, 0, "-WRONGTYPE Operation against a key holding the wrong kind of value|");
    alone_free(a);
}

Test(blocked, of_several_keys_the_first_that_has_something_is_taken)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 0, "BLPOP x y y x 0\r\n", "");
    cr_assert_eq(a->node->blocked.keys.count, 2);
    send(a, 1, "RPUSH y 1\r\n", ":1|");
    got(a, 0, "*2|$1|y|$1|1|");
    cr_assert_eq(a->node->blocked.keys.count, 0);
    send(a, 1, "RPUSH x 2\r\n", ":1|");
    got(a, 0, "");
    alone_free(a);
}

Test(blocked, the_time_is_up_when_it_was_said_to_be)
{
    static const struct {
        const char *request;
        const char *reply;
    } cases[] = {
        {"BLPOP k 0.05\r\n",                "*-1|"      },
        {"BLMPOP 0.05 1 k LEFT\r\n",        "*-1|"      },
        {"BLMOVE k l LEFT LEFT 0.05\r\n",   "*-1|"      },
        {"BRPOPLPUSH k l 0.05\r\nPING\r\n", "*-1|+PONG|"},
        {"BZPOPMIN k l 0.05\r\n",           "*-1|"      },
        {"BZPOPMAX k 0.05\r\n",             "*-1|"      },
        {"BZMPOP 0.05 1 k MAX\r\n",         "*-1|"      },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alone *a = answers_start(NULL, 0);

        send(a, 0, cases[i].request, "");
        cr_assert_eq(node_wake_at(a->node).us, a->node->now.mono.us + 50 * MS);
        idle(a, 49 * MS);
        got(a, 0, "");
        idle(a, MS);
        idle(a, 0);
        got(a, 0, cases[i].reply);
        cr_assert_eq(a->node->blocked.count, 0);
        alone_free(a);
    }
}

Test(blocked, who_has_to_wait_again_keeps_its_place_and_its_deadline)
{
    for (int is_in_time = 0; is_in_time <= 1; is_in_time++) {
        struct alone *a = answers_start(NULL, 0);

        send(a, 0, "BLMOVEM k d LEFT RIGHT 0.1 EXACTLY 3\r\n", "");
        idle(a, 40 * MS);
        send(a, 1, "BLMOVEM k e LEFT RIGHT 0 EXACTLY 3\r\n", "");
        /* There is a list now, so both are run again, and it is too short for either. */
        send(a, 2, "RPUSH k a b\r\n", ":2|");
        cr_assert_not(blocked_has_ready(&a->node->blocked));
        cr_assert_eq(a->node->blocked.count, 2);
        idle(a, (is_in_time ? 50 : 60) * MS);
        idle(a, 0);
        got(a, 0, is_in_time ? "" : "*-1|");
        send(a, 2, "RPUSH k c\r\nEXISTS d e\r\n", ":3|:1|");
        got(a, 0, is_in_time ? "*3|$1|a|$1|b|$1|c|" : "");
        got(a, 1, is_in_time ? "" : "*3|$1|a|$1|b|$1|c|");
        alone_free(a);
    }
}

Test(blocked, who_can_be_served_is_served_before_one_that_came_earlier_and_cannot)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 0, "BLMOVEM k d LEFT RIGHT 0 EXACTLY 2\r\n", "");
    send(a, 1, "BLPOP k 0\r\n", "");
    send(a, 2, "RPUSH k a\r\n", ":1|");
    got(a, 0, "");
    got(a, 1, "*2|$1|k|$1|a|");
    send(a, 2, "RPUSH k b c d\r\nLLEN k\r\n", ":3|:1|");
    got(a, 0, "*2|$1|b|$1|c|");
    log_has(a, "$4\r\nLPOP\r\n$1\r\nk\r\n$1\r\n2\r\n*4\r\n$5\r\nRPUSH\r\n$1\r\nd\r\n");
    alone_free(a);
}

Test(blocked, what_was_sent_behind_is_executed_afterwards)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 0, "BLPOP k 0\r\nPING\r\nBLPOP k 0\r\nPING\r\n", "");
    send(a, 1, "RPUSH k 1\r\n", ":1|");
    got(a, 0, "*2|$1|k|$1|1|+PONG|");
    send(a, 1, "RPUSH k 2\r\n", ":1|");
    got(a, 0, "*2|$1|k|$1|2|+PONG|");
    send(a, 0, "CLIENT REPLY SKIP\r\nBLPOP k 0\r\nPING\r\n", "");
    send(a, 1, "RPUSH k 3\r\n", ":1|");
    got(a, 0, "+PONG|");
    send(a, 1, "EXISTS k\r\n", ":0|");
    alone_free(a);
}

Test(blocked, client_unblock_answers_as_the_time_would_or_with_an_error)
{
    static const struct {
        const char *how;
        const char *reply;
    } cases[] = {
        {"",         "*-1|"                                           },
        {" timeout", "*-1|"                                           },
        {" ERROR",   "-UNBLOCKED client unblocked via CLIENT UNBLOCK|"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alone *a = answers_start(NULL, 0);
        char line[64];

        send(a, 0, "BLPOP k 0\r\n", "");
        snprintf(line, sizeof(line), "CLIENT UNBLOCK %llu%s\r\n",
                 (unsigned long long)a->clients[0].session->id, cases[i].how);
        send(a, 1, line, ":1|");
        got(a, 0, cases[i].reply);
        send(a, 1, line, ":0|");
        send(a, 1, "CLIENT UNBLOCK x\r\n", "-ERR value is not an integer or out of range|");
        send(a, 1, "CLIENT UNBLOCK 1 NOW\r\n",
             "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR|");
        send(a, 1, "CLIENT UNBLOCK 99999\r\n", ":0|");
        alone_free(a);
    }
}

Test(blocked, who_goes_is_forgotten)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 0, "BLPOP k 0\r\n", "");
    alone_disconnect(a, 0);
    cr_assert_eq(a->node->blocked.count, 0);
    cr_assert_eq(a->node->blocked.keys.count, 0);
    send(a, 1, "RPUSH k v\r\nLLEN k\r\n", ":1|:1|");
    alone_free(a);
}

Test(blocked, effects_are_those_of_commands_that_do_not_wait)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 0, "BLPOP a 0\r\n", "");
    send(a, 1, "BLMOVE b c LEFT RIGHT 0\r\n", "");
    send(a, 2, "RPUSH a v\r\nRPUSH b v\r\n", ":1|:1|");
    log_has(a, "$5\r\nRPUSH\r\n$1\r\na\r\n$1\r\nv\r\n*2\r\n$4\r\nLPOP\r\n$1\r\na\r\n");
    log_has(a, "*5\r\n$5\r\nLMOVE\r\n$1\r\nb\r\n$1\r\nc\r\n$4\r\nLEFT\r\n$5\r\nRIGHT\r\n");
    alone_free(a);
}

/* What comes while writes are paused: the data of a file, as it was when the key was there. */
Test(blocked, a_pause_keeps_who_waits_waiting)
{
    static const struct alone_option options[] = {
        {"enable-debug-command", "yes"}
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));

    send(a, 1, "RPUSH k v\r\nSAVE\r\n", ":1|+OK|");
    send(a, 1, "DEL k\r\n", ":1|");
    send(a, 0, "BLPOP k 0\r\n", "");
    send(a, 2, "BLPOP other 0.05\r\n", "");
    send(a, 1, "CLIENT PAUSE 100 WRITE\r\nDEBUG RELOAD NOSAVE\r\n", "+OK|+OK|");
    idle(a, 60 * MS);
    idle(a, 0);
    send(a, 1, "LLEN k\r\n", ":1|");
    got(a, 0, "");
    got(a, 2, "*-1|");
    idle(a, 40 * MS);
    idle(a, 0);
    got(a, 0, "*2|$1|k|$1|v|");
    send(a, 1, "EXISTS k\r\n", ":0|");
    alone_free(a);
}

Test(blocked, who_waits_on_a_primary_that_becomes_a_replica_is_told_so)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 0, "BLPOP k 0\r\n", "");
    send(a, 1, "REPLICAOF 127.0.0.1 9999\r\n", "+OK|");
    got(a, 0, DEMOTED "|");
    send(a, 0, "BLPOP k 0\r\n", "-READONLY You can't write against a read only replica.|");
    alone_free(a);
}

static const struct alone_option writable_replica[] = {
    {"replicaof",         "10.0.0.9 6379"},
    {"replica-read-only", "no"           },
};

Test(blocked, on_a_writable_replica_who_waits_is_served_by_clients_and_by_the_stream)
{
    struct alone *a = answers_start(writable_replica, ARRAY_COUNT(writable_replica));
    static const char pushed[] = "*3\r\n$5\r\nRPUSH\r\n$1\r\nk\r\n$6\r\nstream\r\n";
    uint64_t end;

    cr_assert(alone_lead(a));
    send(a, 0, "BLPOP k 0\r\n", "");
    send(a, 1, "RPUSH k mine\r\n", ":1|");
    got(a, 0, "*2|$1|k|$4|mine|");
    send(a, 0, "BLPOP k 0\r\n", "");
    end = oplog_end(a->node->journal.log);
    alone_primary_sends(a, BYTES_LITERAL(pushed));
    alone_settle(a, 10);
    cr_assert(a->is_primary_link_up);
    got(a, 0, "*2|$1|k|$6|stream|");
    cr_assert_eq(oplog_end(a->node->journal.log), end + sizeof(pushed) - 1);
    send(a, 1, "EXISTS k\r\n", ":0|");
    alone_free(a);
}

Test(blocked, who_waits_on_a_replica_is_served_when_it_has_become_a_primary)
{
    struct alone *a = answers_start(writable_replica, ARRAY_COUNT(writable_replica));

    cr_assert(alone_lead(a));
    send(a, 0, "BLPOP k 0\r\n", "");
    send(a, 1, "REPLICAOF NO ONE\r\n", "+OK|");
    got(a, 0, "");
    cr_assert_eq(a->node->blocked.count, 1);
    send(a, 1, "RPUSH k v\r\n", ":1|");
    got(a, 0, "*2|$1|k|$1|v|");
    log_has(a, "*2\r\n$4\r\nLPOP\r\n$1\r\nk\r\n");
    alone_free(a);
}

Test(blocked, in_the_stream_of_a_primary_nothing_waits)
{
    static const struct alone_option options[] = {
        {"replicaof", "10.0.0.9 6379"}
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));

    cr_assert(alone_lead(a));
    alone_primary_sends(a, BYTES_LITERAL("*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n$1\r\n0\r\n"));
    alone_primary_sends(a, BYTES_LITERAL("*3\r\n$5\r\nRPUSH\r\n$1\r\nk\r\n$1\r\nv\r\n"));
    cr_assert(a->is_primary_link_up);
    send(a, 0, "LLEN k\r\n", ":1|");
    alone_free(a);
}

Test(blocked, nobody_watches_the_key_space_when_nobody_waits)
{
    struct alone *a = answers_start(NULL, 0);

    cr_assert_null(a->node->blocked.observed);
    send(a, 0, "BLPOP k 0\r\n", "");
    cr_assert_not_null(a->node->blocked.observed);
    send(a, 1, "RPUSH k v\r\n", ":1|");
    cr_assert_null(a->node->blocked.observed);
    alone_free(a);
}

Test(blocked, data_that_was_loaded_anew_serves_too)
{
    static const struct alone_option options[] = {
        {"enable-debug-command", "yes"}
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));

    send(a, 0, "BLPOP k 0\r\n", "");
    send(a, 1, "DEBUG RELOAD\r\n", "+OK|");
    cr_assert_eq(a->node->blocked.observed, a->node->data.keyspace);
    send(a, 1, "RPUSH k v\r\n", ":1|");
    got(a, 0, "*2|$1|k|$1|v|");
    alone_free(a);
}

Test(blocked, info_tells_how_many_wait_for_how_many_keys)
{
    struct alone *a = answers_start(NULL, 0);
    struct buf out;

    send(a, 0, "BLPOP k l 0\r\n", "");
    send(a, 1, "BLPOP k 0\r\n", "");
    alone_pass(a, 0, 2, BYTES_LITERAL("INFO clients\r\nCLIENT LIST\r\n"));
    out = alone_take(a, 2);
    cr_assert_not_null(strstr(buf_text(&out), "blocked_clients:2\r\n"));
    cr_assert_not_null(strstr(buf_text(&out), "total_blocking_keys:2\r\n"));
    cr_assert_not_null(strstr(buf_text(&out), "flags=b"));
    buf_deinit(&out);
    alone_free(a);
}

Test(blocked, in_a_cluster_who_waits_for_a_slot_that_is_lost_is_told_so)
{
    static const struct alone_option options[] = {
        {"cluster-enabled", "yes"}
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));

    send(a, 3, "CLUSTER ADDSLOTSRANGE 0 16383\r\n", "+OK|");
    idle(a, 3000 * MS);
    alone_settle(a, 100);
    send(a, 0, "BLPOP k 0\r\n", "");
    send(a, 1, "BLPOP {k}2 {k}3 0\r\n", "");
    send(a, 2, "RPUSH {k}3 v\r\n", ":1|");
    got(a, 1, "*2|$4|{k}3|$1|v|");
    send(a, 2, "CLUSTER DELSLOTS 7629\r\n", "+OK|");
    idle(a, 20 * MS);
    idle(a, 20 * MS);
    got(a, 0, "-CLUSTERDOWN Hash slot not served|");
    cr_assert_eq(a->node->blocked.count, 0);
    alone_free(a);
}

Test(blocked, who_claims_what_is_idle_is_served_as_soon_as_something_is_idle_enough)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 1, "XADD s 1-1 a b\r\nXGROUP CREATE s g 0\r\n", "$3|1-1|+OK|");
    send(a, 1, "XREADGROUP GROUP g one STREAMS s >\r\n", "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|b|");
    send(a, 0, "XREADGROUP GROUP g two CLAIM 100 BLOCK 1000 STREAMS s >\r\n", "");
    idle(a, 60 * MS);
    got(a, 0, "");
    send(a, 1, "XREADGROUP GROUP g one STREAMS s 0\r\n", "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|b|");
    idle(a, 60 * MS);
    got(a, 0, "");
    idle(a, 60 * MS);
    alone_settle(a, 10);
    got(a, 0, "*1|*2|$1|s|*1|*4|$3|1-1|*2|$1|a|$1|b|:121|:2|");
    node_check(a->node);
    log_has(a, "$6\r\nXCLAIM\r\n$1\r\ns\r\n$1\r\ng\r\n$3\r\ntwo\r\n");
    alone_free(a);
}

Test(blocked, who_claims_is_served_when_something_is_given_back_or_its_time_is_up)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 1, "XADD s 1-1 a b\r\nXGROUP CREATE s g 0\r\n", "$3|1-1|+OK|");
    send(a, 1, "XREADGROUP GROUP g one STREAMS s >\r\n", "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|b|");
    send(a, 0, "XREADGROUP GROUP g two CLAIM 100000 BLOCK 50 STREAMS s >\r\n", "");
    send(a, 1, "XNACK s g SILENT IDS 1 1-1\r\n", ":1|");
    got(a, 0, "*1|*2|$1|s|*1|*4|$3|1-1|*2|$1|a|$1|b|:-1|:0|");
    send(a, 0, "XREADGROUP GROUP g two CLAIM 100000 BLOCK 50 STREAMS s >\r\n", "");
    send(a, 2, "XREADGROUP GROUP g two CLAIM 9223372036854775807 BLOCK 0 STREAMS s >\r\n", "");
    idle(a, 60 * MS);
    got(a, 0, "*-1|");
    send(a, 1, "XADD s 2-1 a b\r\n", "$3|2-1|");
    got(a, 2, "*1|*2|$1|s|*1|*4|$3|2-1|*2|$1|a|$1|b|:0|:0|");
    node_check(a->node);
    alone_free(a);
}

/* What is pending but was deleted does not wake anybody again and again. */
Test(blocked, what_was_deleted_is_acknowledged_instead_of_claimed)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 1, "XADD s 1-1 a b\r\nXGROUP CREATE s g 0\r\n", "$3|1-1|+OK|");
    send(a, 1, "XREADGROUP GROUP g one STREAMS s >\r\nXDEL s 1-1\r\n",
         "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|b|:1|");
    send(a, 0, "XREADGROUP GROUP g two CLAIM 100 BLOCK 1000 STREAMS s >\r\n", "");
    idle(a, 110 * MS);
    alone_settle(a, 10);
    got(a, 0, "");
    log_has(a, "$4\r\nXACK\r\n$1\r\ns\r\n$1\r\ng\r\n$3\r\n1-1\r\n");
    send(a, 1, "XPENDING s g\r\n", "*4|:0|$-1|$-1|*-1|");
    alone_free(a);
}

Test(blocked, a_consumer_who_waits_is_there_at_once_also_for_replicas)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 1, "XGROUP CREATE s g 0 MKSTREAM\r\n", "+OK|");
    send(a, 0, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >\r\n", "");
    log_has(a, "CREATECONSUMER\r\n$1\r\ns\r\n$1\r\ng\r\n$1\r\nc\r\n");
    send(a, 1, "XGROUP CREATECONSUMER s g c\r\n", ":0|");
    send(a, 1, "XGROUP DELCONSUMER s g c\r\n", ":0|");
    send(a, 1, "XADD s 1-1 a b\r\n", "$3|1-1|");
    got(a, 0, "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|b|");
    alone_free(a);
}
