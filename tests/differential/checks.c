/* SPDX-License-Identifier: MIT */
/* Checks of several commands each.  Where a server draws at random, what it gave is put back, so that the data
 * do not depend on it. */
#include "tests/differential/run.h"

#include "base/num.h"
#include "resp/value.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DRAWN_MAX = 6,
};

/* Ask one server in RESP2; false when it is gone.  *out is released by the caller. */
static bool ask(struct run *run, enum side side, const struct command *command,
                struct resp_value *out)
{
    struct replies *replies = &run->replies[side];
    struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct errmsg error;
    size_t consumed;

    *out = (struct resp_value){0};
    run_remember(run, command, side == OURS ? "(starling only) " : "(stock only) ");
    if (!pair_ask(&run->pair, side, 2, command, 1, replies, &error) ||
        resp_value_read(replies_at(replies, 0), &limits, out, &consumed, &error) != RESP_OK) {
        printf("%s\n", error.text);
        run->is_broken = true;
        run->differences++;
        return false;
    }
    return true;
}

/* A draw: the command that gives random elements, and the one that says which of them are there, with
 * a reply for each of them. */
struct draw {
    const char *command;
    const char *key;
    const char *count; /* how many elements there are */
    const char *probe;
};

static const struct draw draws[] = {
    {"SRANDMEMBER", "t1", "SCARD", "SMISMEMBER"},
    {"SRANDMEMBER", "t2", "SCARD", "SMISMEMBER"},
    {"SPOP",        "t1", "SCARD", NULL        },
    {"SPOP",        "t2", "SCARD", NULL        },
    {"HRANDFIELD",  "h1", "HLEN",  "HMGET"     },
    {"HRANDFIELD",  "h2", "HLEN",  "HMGET"     },
    {"ZRANDMEMBER", "z1", "ZCARD", "ZMSCORE"   },
    {"ZRANDMEMBER", "z2", "ZCARD", "ZMSCORE"   },
};

/* How many elements the reply to a draw of wanted has to have. */
static size_t drawn_count(int64_t wanted, int64_t there)
{
    if (there == 0) {
        return 0;
    }
    return (size_t)(wanted < 0 ? -wanted : wanted < there ? wanted : there);
}

/* Whether the stock server has all that ours has drawn, and takes it out when it was popped. */
static bool has_drawn(struct run *run, const struct draw *draw, const struct resp_value *drawn)
{
    struct command probe = {0};
    struct resp_value found;
    bool has_all = false;

    command_set(&probe, draw->probe != NULL ? draw->probe : "SREM");
    command_add_text(&probe, draw->key);
    for (size_t i = 0; i < drawn->child_count; i++) {
        command_add(&probe, resp_value_bytes(&drawn->children[i]));
    }
    if (ask(run, STOCK, &probe, &found)) {
        has_all = found.type == RESP_INTEGER ? found.integer == (int64_t)drawn->child_count
                                             : found.child_count == drawn->child_count;
        for (size_t i = 0; i < found.child_count; i++) {
            const struct resp_value *child = &found.children[i];

            has_all = has_all && child->type != RESP_NULL &&
                      (child->type != RESP_INTEGER || child->integer == 1);
        }
        resp_value_deinit(&found);
    }
    if (has_all && draw->probe == NULL) {
        buf_clear(&probe.words[0]);
        buf_append_text(&probe.words[0], "SADD");
        run_batch(run, 2, &probe, 1);
    }
    command_deinit(&probe);
    return has_all;
}

static void compare_draw(struct run *run, const struct draw *draw, int64_t wanted, int64_t there)
{
    struct command command = {0};
    struct resp_value drawn;
    char line[64];

    snprintf(line, sizeof(line), "%s %s %lld", draw->command, draw->key, (long long)wanted);
    command_set(&command, line);
    if (ask(run, OURS, &command, &drawn)) {
        size_t expected = drawn_count(wanted, there);

        if (drawn.type != RESP_ARRAY || drawn.child_count != expected ||
            (expected > 0 && !has_drawn(run, draw, &drawn))) {
            snprintf(line, sizeof(line), "%zu elements that it has", expected);
            run_report(run, &command, "what was drawn", replies_at(&run->replies[OURS], 0),
                       bytes_from_text(line));
        }
        resp_value_deinit(&drawn);
    }
    command_deinit(&command);
}

void check_random(struct run *run)
{
    const struct draw *draw = &draws[rng_below(&run->rng, sizeof(draws) / sizeof(draws[0]))];
    int64_t wanted = (int64_t)rng_below(&run->rng, DRAWN_MAX) + 1;
    struct command command = {0};
    struct resp_value there;
    char line[64];

    if (draw->command[0] == 'Z' && !run->knows_zsets) {
        return;
    }
    if (draw->probe != NULL && rng_one_in(&run->rng, 3)) {
        wanted = -wanted;
    }
    snprintf(line, sizeof(line), "%s %s", draw->count, draw->key);
    command_set(&command, line);
    /* Another type is under that name now and then. */
    if (run_batch(run, 2, &command, 1) && ask(run, STOCK, &command, &there)) {
        if (there.type == RESP_INTEGER) {
            compare_draw(run, draw, wanted, there.integer);
        }
        resp_value_deinit(&there);
    }
    command_deinit(&command);
}

/* A command that reads the whole of a key, or a part of it: its name, and what stands behind the key. */
struct read {
    const char *name;
    const char *tail;
};

static const struct read reads[] = {
    {"TYPE",         ""               },
    {"PEXPIRETIME",  ""               },
    {"GET",          ""               },
    {"SMEMBERS",     ""               },
    {"HGETALL",      ""               },
    {"LRANGE",       "0 -1"           },
    {"ZRANGE",       "0 -1 WITHSCORES"},
    {"XRANGE",       "- +"            },
    {"XINFO STREAM", ""               },
    {"XINFO GROUPS", ""               },
    {"XPENDING",     "g1"             },
    {"XPENDING",     "g1 - + 1000"    },
};

enum {
    READ_COUNT = sizeof(reads) / sizeof(reads[0])
};

static bool is_read_known(const struct run *run, const struct read *read)
{
    return (read->name[0] != 'L' || run->knows_lists) &&
           (read->name[0] != 'Z' || run->knows_zsets) &&
           (read->name[0] != 'X' || run->knows_streams);
}

/* Read the key in every way; all but one are refused by its type. */
static bool read_key(struct run *run, int protocol, struct bytes key)
{
    struct command commands[READ_COUNT] = {0};
    size_t count = 0;
    bool is_same;

    for (size_t i = 0; i < READ_COUNT; i++) {
        struct bytes tail = bytes_from_text(reads[i].tail);

        if (!is_read_known(run, &reads[i])) {
            continue;
        }
        command_set(&commands[count], reads[i].name);
        command_add(&commands[count], key);
        while (tail.len > 0) {
            command_add(&commands[count], bytes_next_field(&tail, ' '));
        }
        count++;
    }
    is_same = run_batch(run, protocol, commands, count);
    for (size_t i = 0; i < count; i++) {
        command_deinit(&commands[i]);
    }
    return is_same;
}

static bool run_line(struct run *run, int protocol, const char *line)
{
    struct command command = {0};
    bool is_same;

    command_set(&command, line);
    is_same = run_batch(run, protocol, &command, 1);
    command_deinit(&command);
    return is_same;
}

void check_everything(struct run *run)
{
    static const char *const databases[] = {"SELECT 1", "SELECT 0"};
    int protocol = 2 + (int)rng_below(&run->rng, 2);
    struct bytes keys[WORDS_KEYS_MAX];
    size_t count = words_all_keys(keys);
    bool is_same = true;
    const struct buf *expired;

    for (size_t db = 0; db < 2; db++) {
        is_same = run_line(run, protocol, databases[db]) && is_same;
        is_same = is_same && run_line(run, protocol, "KEYS *") &&
                  run_line(run, protocol, "SCAN 0 COUNT 1000000");
        for (size_t i = 0; i < count && is_same; i++) {
            is_same = read_key(run, protocol, keys[i]);
        }
        /* A key that was set with a time that had passed is counted until somebody asks for it. */
        is_same = is_same && run_line(run, protocol, "DBSIZE");
    }
    expired = events_unbalanced(&run->events);
    if (is_same && expired != NULL) {
        run_report(run, &(struct command){0}, "what has expired, and been told", buf_bytes(expired),
                   (struct bytes){0});
    }
}

/* Give to one what the other has dumped. */
static bool hand_over(struct run *run, enum side from, struct bytes key, const char *name)
{
    struct command command = {0};
    struct resp_value payload;
    struct resp_value outcome;
    bool is_there = false;

    command_set(&command, "DUMP");
    command_add(&command, key);
    if (ask(run, from, &command, &payload)) {
        if (payload.type == RESP_BULK) {
            command_set(&command, "RESTORE");
            command_add_text(&command, name);
            command_add_text(&command, "0");
            command_add(&command, resp_value_bytes(&payload));
            command_add_text(&command, "REPLACE");
            if (ask(run, from == OURS ? STOCK : OURS, &command, &outcome)) {
                is_there = resp_value_is_text(&outcome, "OK");
                if (!is_there) {
                    run_report(run, &command, "a payload of the other is refused",
                               replies_at(&run->replies[OURS], 0),
                               replies_at(&run->replies[STOCK], 0));
                }
                resp_value_deinit(&outcome);
            }
        }
        resp_value_deinit(&payload);
    }
    command_deinit(&command);
    return is_there;
}

void check_dump(struct run *run)
{
    struct bytes keys[WORDS_KEYS_MAX];
    struct bytes key = keys[rng_below(&run->rng, words_all_keys(keys))];

    if (hand_over(run, OURS, key, "restored") && hand_over(run, STOCK, key, "restored")) {
        read_key(run, 2 + (int)rng_below(&run->rng, 2), BYTES_LITERAL("restored"));
        run_line(run, 2, "DEL restored");
    }
}

/* ---- what the stock server has saved ------------------------------------------------------------ */

static bool tell(struct run *run, enum side side, const char *line)
{
    struct command command = {0};
    struct resp_value reply;
    bool is_ok;

    command_set(&command, line);
    is_ok = ask(run, side, &command, &reply);
    if (is_ok && reply.type == RESP_FAILURE) {
        run_report(run, &command, "refused", replies_at(&run->replies[side], 0), (struct bytes){0});
        is_ok = false;
    }
    if (is_ok || reply.type == RESP_FAILURE) {
        resp_value_deinit(&reply);
    }
    command_deinit(&command);
    return is_ok;
}

/* An append-only file does not have all that there is to a group of a stream. */
static void remove_streams(struct run *run)
{
    static const char *const databases[] = {"SELECT 1", "SELECT 0"};
    struct bytes keys[WORDS_KEYS_MAX];
    size_t count = words_all_keys(keys);
    struct command command = {0};

    for (size_t db = 0; db < 2; db++) {
        run_line(run, 2, databases[db]);
        for (size_t i = 0; i < count; i++) {
            struct resp_value type;

            command_set(&command, "TYPE");
            command_add(&command, keys[i]);
            if (!ask(run, STOCK, &command, &type)) {
                break;
            }
            if (resp_value_is_text(&type, "stream")) {
                command_set(&command, "DEL");
                command_add(&command, keys[i]);
                run_batch(run, 2, &command, 1);
            }
            resp_value_deinit(&type);
        }
    }
    command_deinit(&command);
}

/* Of commands some may be refused that the stock server has taken (exceptions.c): what counts is the data. */
static void import(struct run *run, const char *name, bool may_refuse)
{
    const struct server *stock = &run->pair.servers[STOCK];
    struct buf line = {0};

    if (tell(run, STOCK, "SAVE") && tell(run, OURS, "FLUSHALL")) {
        buf_printf(&line, "%s/starling-cli -p %u --import %s/%s >/dev/null 2>&1", server_bin_dir(),
                   run->pair.servers[OURS].port, stock->dir, name);
        if (system(buf_text(&line)) != 0 && !may_refuse) {
            run_report(run, &(struct command){0}, "the import fails", buf_bytes(&line),
                       (struct bytes){0});
        } else {
            check_everything(run);
        }
    }
    buf_deinit(&line);
}

void check_import(struct run *run)
{
    struct command command = {0};

    command_set(&command, "CONFIG SET notify-keyspace-events");
    command_add_text(&command, "");
    run_batch(run, 2, &command, 1);
    command_deinit(&command);
    events_forget(&run->events);
    import(run, "dump.rdb", false);
    if (run->differences == 0) {
        remove_streams(run);
        import(run, "appendonlydir", true);
    }
}
