/* SPDX-License-Identifier: MIT */
/* What a request has to pass before it is executed. */
#include "base/attr.h"
#include "cluster/route.h"
#include "node/inside.h"
#include "spec/slot.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static bool is_closed_by(struct alone *a, int64_t later_us, const char *input)
{
    alone_connect(a, 0);
    alone_pass(a, later_us, 0, bytes_from_text(input));
    return a->clients[0].session == NULL;
}

static int line_count(const struct alone *a)
{
    int count = 0;

    for (size_t i = 0; i < a->warnings.len; i++) {
        count += a->warnings.data[i] == '\n';
    }
    return count;
}

Test(gates, close_to_http_and_log_that_once_a_minute)
{
    struct alone *a = alone_new(NULL, 0);

    cr_assert(is_closed_by(a, SECOND_US, "POST / HTTP/1.1\r\n"));
    cr_assert(is_closed_by(a, SECOND_US * 30, "host: x\r\nSET k v\r\n"));
    cr_assert_eq(line_count(a), 1);
    cr_assert(is_closed_by(a, SECOND_US * 31, "post\r\n"));
    cr_assert_eq(line_count(a), 2);
    cr_assert_not(is_closed_by(a, SECOND_US, "DBSIZE\r\n"));
    cr_assert(strncmp(buf_text(&a->clients[0].out), ":0", 2) == 0, "nothing was written");
    alone_free(a);
}

/* ---- what is open for everybody, against the questions ---------------------------------------- */

enum {
    STATES = 1 << 8, /* each bit one thing that may be so, or not */
};

enum fact {
    IS_PAUSED = 1 << 0,
    IS_LOADING = 1 << 1,
    IS_REPLICA = 1 << 2,
    WANTS_FRESH_DATA = 1 << 3,
    WANTS_REPLICAS = 1 << 4,
    HAS_FAILED_TO_SAVE = 1 << 5,
    IS_READ_ONLY = 1 << 6,
    IS_FULL = 1 << 7,
};

/* Put the node into the state behind its back: only what gates look at is set. */
static void pretend(struct node *node, uint32_t facts)
{
    node->pauses.scope = (facts & IS_PAUSED) ? PAUSE_WRITES : PAUSE_NOTHING;
    node->loading.phase = (facts & IS_LOADING) ? LOAD_FILE : LOAD_IDLE;
    node->role.is_primary = !(facts & IS_REPLICA);
    node->config.replica_serve_stale_data = !(facts & WANTS_FRESH_DATA);
    node->config.min_replicas_to_write = (facts & WANTS_REPLICAS) ? 1 : 0;
    node->saving.is_last_ok = !(facts & HAS_FAILED_TO_SAVE);
    node->config.maxmemory = (facts & IS_FULL) ? 1 : 0;
    node->config.replica_read_only = (facts & IS_READ_ONLY) != 0;
}

/* Every data command, with words that fit its arity and one key. */
static void ask_each(struct node *node, struct session *s, uint32_t facts, size_t *open,
                     size_t *refused)
{
    struct bytes words[16];

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        words[i] = BYTES_LITERAL("k");
    }
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);
        struct resp_writer reply = session_writer(s);
        struct request request = {.session = s,
                                  .spec = spec,
                                  .args = words,
                                  .reply = &reply,
                                  .read.raw = BYTES_LITERAL("k")};
        bool is_open;

        if (!spec->is_data || spec->kind == COMMAND_SUB) {
            continue;
        }
        request.arg_count = (size_t)(spec->arity < 0 ? -spec->arity : spec->arity);
        request.is_plain =
            node->cluster == NULL || cluster_serves_plainly(node->cluster, slot_of_key(words[1]));
        pretend(node, facts);
        is_open = gates_are_open_for(node, &request);
        if (is_open) {
            gates_check(node, &request);
        } else if (!gates_pass(node, &request)) {
            (*refused)++;
        }
        *open += is_open;
        if (s->flags & SESSION_HELD) {
            waiting_release(node, s);
            (void)holds_take_resumed(&node->holds);
            buf_deinit(&s->input.put_back);
        }
        output_cut(&s->output, 0);
    }
}

static void try_all_states(struct alone *a)
{
    struct session *s = a->clients[0].session;
    size_t open = 0;
    size_t refused = 0;

    node_begin_pass(a->node, a->env.now(a));
    session_take_buffer(&a->node->sessions, s);
    for (uint32_t facts = 0; facts < STATES; facts++) {
        pretend(a->node, facts);
        gates_look(a->node);
        ask_each(a->node, s, facts, &open, &refused);
    }
    pretend(a->node, 0);
    node_end_pass(a->node);
    cr_expect_gt(refused, 1000);
    cr_expect(a->node->cluster != NULL || open > 100, "%zu are open", open);
}

Test(gates, let_nothing_through_unasked_that_any_of_them_would_stop)
{
    struct alone_option options[] = {
        {"save", "3600 1"}
    };
    struct alone *a = alone_new(options, 1);

    alone_connect(a, 0);
    try_all_states(a);
    alone_free(a);
}

Test(gates, of_a_cluster_let_nothing_through_unasked_that_any_of_them_would_stop)
{
    struct alone_option options[] = {
        {"cluster-enabled", "yes"   },
        {"save",            "3600 1"}
    };
    struct alone *a = alone_new(options, 2);

    alone_connect(a, 0);
    try_all_states(a); /* down */
    alone_pass(a, SECOND_US, 0, BYTES_LITERAL("CLUSTER ADDSLOTSRANGE 0 16383\r\n"));
    for (int i = 0; i < 10; i++) {
        alone_pass(a, SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    }
    try_all_states(a);
    alone_free(a);
}

Test(gates, are_open_for_reads_and_writes_when_nothing_is_in_the_way)
{
    struct alone *a = alone_new(NULL, 0);

    gates_look(a->node);
    cr_assert_eq(a->node->gates.open_for, (uint32_t)(COMMAND_FLAG_READONLY | COMMAND_FLAG_WRITE));
    a->node->config.min_replicas_to_write = 1;
    gates_look(a->node);
    cr_assert_eq(a->node->gates.open_for, (uint32_t)COMMAND_FLAG_READONLY);
    alone_free(a);
}

Test(gates, of_a_cluster_close_for_what_was_prepared_before_a_control_command)
{
    struct alone *a = alone_new(&(struct alone_option){"cluster-enabled", "yes"}, 1);

    alone_connect(a, 0);
    alone_pass(a, SECOND_US, 0, BYTES_LITERAL("CLUSTER ADDSLOTSRANGE 0 16383\r\n"));
    for (int i = 0; i < 10; i++) {
        alone_pass(a, SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    }
    gates_look(a->node);
    cr_assert_neq(a->node->gates.open_for, 0);
    gates_look_again(a->node);
    cr_assert_eq(a->node->gates.open_for, 0);
    alone_free(a);
}

Test(gates, are_not_open_for_a_session_that_is_special)
{
    static const uint32_t flags[] = {SESSION_ASKING, SESSION_REPLY_OFF, SESSION_REPLY_SKIP_NEXT,
                                     SESSION_REPLY_SKIP, SESSION_REPLICA};
    struct alone *a = alone_new(NULL, 0);
    struct session s = {.flags = SESSION_AUTHENTICATED};
    struct request request = {.session = &s, .spec = command_spec(COMMAND_GET), .is_plain = true};

    gates_look(a->node);
    cr_assert(gates_are_open_for(a->node, &request));
    for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
        s.flags = SESSION_AUTHENTICATED | flags[i];
        cr_expect_not(gates_are_open_for(a->node, &request), "%zu", i);
    }
    s.flags = 0;
    cr_expect_not(gates_are_open_for(a->node, &request), "it is not authenticated");
    s.flags = SESSION_AUTHENTICATED;
    request.is_plain = false;
    cr_expect_not(gates_are_open_for(a->node, &request), "it is not plain");
    alone_free(a);
}

Test(gates, allow_by_where_the_client_is)
{
    struct session far = {.flags = 0};
    struct session loopback = {.peer.is_loopback = true};
    struct session by_path = {.peer.is_unix = true};

    cr_assert(gates_allow(&far, PROTECTION_EVERYBODY));
    cr_assert_not(gates_allow(&far, PROTECTION_LOCAL));
    cr_assert(gates_allow(&loopback, PROTECTION_LOCAL));
    cr_assert(gates_allow(&by_path, PROTECTION_LOCAL));
    cr_assert_not(gates_allow(&loopback, PROTECTION_NOBODY));
}
