/* SPDX-License-Identifier: MIT */
/* Every row of the table of commands, with one to seven words of every kind, sent in every way there
 * is: each request gets exactly one well-formed reply, and the node lives on. */
#include "base/attr.h"
#include "base/rng.h"
#include "resp/value.h"
#include "resp/writer.h"
#include "tests/alone/alone.h"
#include "tests/alone/words.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    WORDS_MAX = 7,
    REQUESTS_EACH = 64, /* of a row, for each number of words */
    ASKER = 0,
    WATCHER = 1, /* sends PING after every request */
    SETTLE_PASSES = 30,
};

#define HOUR_US INT64_C(3600000000)

/* A way to send. */
struct way {
    const char *name;
    struct alone_option options[2];
    bool has_password; /* and the asker does not give it */
    bool has_slots;
    bool has_keys; /* k, n and big */
    bool is_inline;
    bool is_stream; /* the requests come from the node's primary */
    bool is_queued; /* between MULTI and EXEC, on a node with a file of users */
};

struct trial {
    const struct way *way;
    struct alone *alone;
    struct rng rng;
    struct bytes words[WORDS_MAX];
    size_t word_count;
    struct buf request;
    uint64_t request_count;
};

/* What a row does to the node that the next request could not live with. */
static bool spends_the_node(enum command_id id)
{
    switch ((int)id) {
    case COMMAND_SHUTDOWN:     /* ends it */
    case COMMAND_CLIENT_PAUSE: /* the watcher would wait for ever */
    case COMMAND_CONFIG_SET:   /* may set a password that the watcher does not know */
    case COMMAND_REPLICAOF:
    case COMMAND_SLAVEOF:
    case COMMAND_DEBUG:
        return true;
    default:
        return false;
    }
}

/* Does the protocol know requests of this command that get no reply, or one that is no value? */
static bool may_be_silent(const struct trial *t, const struct command_spec *spec)
{
    switch ((int)spec->id) {
    case COMMAND_CLIENT_REPLY: /* OFF and SKIP */
    case COMMAND_REPLCONF:     /* ACK */
    case COMMAND_PSYNC:        /* a snapshot */
    case COMMAND_SYNC:
    case COMMAND_SHUTDOWN:
        return true;
    case COMMAND_CLIENT: /* given the subcommand as a word */
        return t->word_count > 1 && bytes_equal_nocase(t->words[1], "reply");
    case COMMAND_WAIT: /* without a timeout, or with one that is longer than the test */
        return t->word_count == 3 && (bytes_equal_text(t->words[2], "0") || t->words[2].len >= 6);
    default: /* the same, or with one that is longer than the test */
        return spec->is_data && (spec->flags & COMMAND_FLAG_BLOCKING) != 0;
    }
}

/* SUBSCRIBE and its kin tell of each channel. */
static bool is_told_of_each_word(const struct command_spec *spec)
{
    return spec->group == COMMAND_GROUP_PUBSUB && (spec->flags & COMMAND_FLAG_NOSCRIPT) != 0;
}

/* Debugging commands that crash on purpose, or take as long as they are told. */
static bool ends_the_process(const struct trial *t)
{
    static const char *const names[] = {"segfault", "panic", "assert", "sleep", "populate"};

    for (size_t i = 0; t->word_count > 1 && i < ARRAY_COUNT(names); i++) {
        if (bytes_equal_nocase(t->words[0], "debug") && bytes_equal_nocase(t->words[1], names[i])) {
            return true;
        }
    }
    return false;
}

/* Of the subcommand, when the row is its parent's and a word happened to be its name. */
static enum command_id id_of(const struct trial *t, const struct command_spec *spec)
{
    const struct command_spec *sub = NULL;

    if (t->word_count > 1 && spec->kind == COMMAND_CONTROL) {
        sub = command_find_sub(spec, t->words[1]);
    }
    return sub != NULL ? sub->id : spec->id;
}

static void watch(struct trial *t)
{
    struct buf out;

    alone_pass(t->alone, 1000, WATCHER, BYTES_LITERAL("PING\r\n"));
    out = alone_take(t->alone, WATCHER);
    cr_assert(bytes_equal_text(buf_bytes(&out), "+PONG\r\n"),
              "%s: %s is answered by the watcher's %s", t->way->name, buf_text(&t->request),
              buf_text(&out));
    buf_deinit(&out);
}

/* Send a line on behalf of the test itself. */
static void prepare(struct trial *t, size_t client, const char *line)
{
    struct buf out;

    alone_pass(t->alone, 1000, client, bytes_from_text(line));
    alone_settle(t->alone, SETTLE_PASSES); /* some wait for a file */
    out = alone_take(t->alone, client);
    cr_assert(out.len > 0 && out.data[0] == '+', "%s: %s gives %s", t->way->name, line,
              buf_text(&out));
    buf_deinit(&out);
}

static void connect_client(struct trial *t, size_t client)
{
    alone_connect(t->alone, client);
    if (t->way->has_password && client == WATCHER) {
        prepare(t, client, "AUTH secret\r\n");
    }
}

static void start_node(struct trial *t)
{
    size_t options = t->way->options[0].name == NULL ? 0 : t->way->options[1].name == NULL ? 1 : 2;

    t->alone = alone_new(t->way->options, options);
    connect_client(t, WATCHER);
    if (t->way->is_queued) {
        answers_give_aclfile(t->alone);
    }
    if (t->way->is_stream) {
        cr_assert(alone_lead(t->alone));
        return;
    }
    if (t->way->has_slots) {
        prepare(t, WATCHER, "CLUSTER ADDSLOTSRANGE 0 16383\r\n");
        for (int i = 0; i < 50; i++) {
            alone_pass(t->alone, 100000, ALONE_CLIENTS, (struct bytes){0});
        }
        alone_settle(t->alone, SETTLE_PASSES);
    }
    if (t->way->has_keys) {
        prepare(t, WATCHER, "SET k text\r\n");
        prepare(t, WATCHER, "SET n 12 EX 100000\r\n");
        prepare(t, WATCHER, "SET big \"0123456789012345678901234567890123456789012345678901\"\r\n");
    }
}

static void renew_node(struct trial *t)
{
    alone_free(t->alone);
    start_node(t);
}

static void make_request(struct trial *t, const struct command_spec *spec, size_t word_count)
{
    size_t at = 0;

    if (spec->kind == COMMAND_SUB) {
        t->words[at++] = bytes_from_text(command_spec(spec->parent)->name);
    }
    t->words[at++] = bytes_from_text(spec->name);
    for (; at < word_count; at++) {
        t->words[at] = words_at((size_t)rng_u64(&t->rng));
    }
    if (spec->kind == COMMAND_CONTROL && word_count > 1 && rng_one_in(&t->rng, 2)) {
        t->words[1] = words_sub(spec, (size_t)rng_u64(&t->rng));
    }
    t->word_count = at;
    buf_clear(&t->request);
    if (t->way->is_inline) {
        words_write_inline(t->words, at, &t->request);
    } else {
        resp_write_request(&t->request, t->words, at);
    }
    t->request_count++;
}

/* How many whole replies these bytes are; 0 when they are not. */
static size_t count_values(struct bytes out)
{
    struct resp_limits limits = RESP_LIMITS_DEFAULT;
    size_t count = 0;

    while (out.len > 0) {
        struct resp_value reply = {0};
        struct errmsg error = {0};
        size_t consumed = 0;
        enum resp_status status = resp_value_read(out, &limits, &reply, &consumed, &error);

        resp_value_deinit(&reply);
        if (status != RESP_OK) {
            return 0;
        }
        out = bytes_from(out, consumed);
        count++;
    }
    return count;
}

static void check_reply(struct trial *t, const struct command_spec *spec)
{
    struct buf out = alone_take(t->alone, ASKER);
    size_t count = count_values(buf_bytes(&out));

    if (t->way
            ->is_queued) { /* what MULTI and EXEC say does not count; after QUIT there is no EXEC */
        count -= spec->id == COMMAND_QUIT && count == 2 ? 1 : 2;
    }
    cr_assert(count == 1 || may_be_silent(t, spec) || (count > 1 && is_told_of_each_word(spec)),
              "%s: %s is answered by %.2000s", t->way->name, buf_text(&t->request), buf_text(&out));
    buf_deinit(&out);
}

/* The request comes from a client. */
static void ask(struct trial *t, const struct command_spec *spec)
{
    const struct session *s;
    struct buf all = {0};

    connect_client(t, ASKER);
    buf_append_text(&all, t->way->is_queued ? "MULTI\r\n" : "");
    buf_append_bytes(&all, buf_bytes(&t->request));
    buf_append_text(&all, t->way->is_queued ? "EXEC\r\n" : "");
    alone_pass(t->alone, 1000, ASKER, buf_bytes(&all));
    buf_deinit(&all);
    alone_settle(t->alone, SETTLE_PASSES);
    s = t->alone->clients[ASKER].session;
    if (s != NULL && (s->flags & SESSION_HELD)) {
        alone_pass(t->alone, HOUR_US * 24 * 365, ALONE_CLIENTS, (struct bytes){0});
    }
    check_reply(t, spec);
    alone_disconnect(t->alone, ASKER);
    if (spends_the_node(id_of(t, spec))) {
        renew_node(t);
    } else if (t->alone->clients[WATCHER].session == NULL) {
        connect_client(t, WATCHER); /* CLIENT KILL */
    }
}

/* The request comes from the primary. */
static void stream(struct trial *t)
{
    alone_primary_sends(t->alone, buf_bytes(&t->request));
    if (!t->alone->is_primary_link_up) {
        renew_node(t);
    }
}

static void run_row(struct trial *t, const struct command_spec *spec)
{
    size_t least = spec->kind == COMMAND_SUB ? 2 : 1;

    start_node(t);
    for (size_t words = least; words <= WORDS_MAX; words++) {
        for (int i = 0; i < REQUESTS_EACH; i++) {
            make_request(t, spec, words);
            if (ends_the_process(t)) {
                continue;
            }
            if (t->way->is_stream) {
                stream(t);
            } else {
                ask(t, spec);
            }
            watch(t);
        }
    }
    alone_free(t->alone);
}

static void run_table(const struct way *way)
{
    struct trial t = {.way = way};

    rng_init(&t.rng, 7);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        run_row(&t, command_spec((enum command_id)id));
    }
    buf_deinit(&t.request);
    cr_assert_gt(t.request_count, 10000);
    printf("%s: %llu requests\n", way->name, (unsigned long long)t.request_count);
}

Test(every_command, is_answered_once_to_a_client_without_the_password)
{
    run_table(&(struct way){
        .name = "before AUTH", .options = {{"requirepass", "secret"}}, .has_password = true});
}

Test(every_command, is_answered_once_to_a_client)
{
    run_table(&(struct way){
        .name = "a client", .has_keys = true, .options = {{"enable-debug-command", "yes"}}});
}

Test(every_command, is_answered_once_inline)
{
    run_table(&(struct way){.name = "inline", .has_keys = true, .is_inline = true});
}

Test(every_command, is_answered_once_by_a_node_of_a_cluster_without_slots)
{
    run_table(&(struct way){.name = "without slots", .options = {{"cluster-enabled", "yes"}}});
}

Test(every_command, is_answered_once_by_a_node_of_a_cluster_with_all_slots)
{
    run_table(&(struct way){.name = "all slots",
                            .options = {{"cluster-enabled", "yes"}},
                            .has_slots = true,
                            .has_keys = true});
}

Test(every_command, is_answered_once_within_a_transaction)
{
    run_table(&(struct way){.name = "within a transaction",
                            .has_keys = true,
                            .is_queued = true,
                            .options = {{"enable-debug-command", "yes"}}});
}

Test(every_command, may_come_from_the_primary)
{
    run_table(&(struct way){.name = "the primary's stream",
                            .options = {{"replicaof", "127.0.0.1 7000"}},
                            .is_stream = true});
}
