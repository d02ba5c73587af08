/* SPDX-License-Identifier: MIT */
/* Collections, and what applications use around the data, beside other servers: CPU per operation, bytes per item.
 *
 *     types [--rounds N] [--scale PERCENT] [--clients N] [--pipeline N] [--only TEXT]
 *           [--peers LIST] [--program [NAME=]PATH]... [--no-memory | --memory-only]
 *
 * For each family of commands all servers start anew, get the same data, and take turns: in every round each
 * operation is measured with each server.  Printed are medians of server CPU, and of each server the growth of
 * resident memory by a million items, after the tail of its log has been filled.  --only takes a part of a family's or row's name. */
#include "base/mem.h"
#include "tests/bench/listeners.h"
#include "tests/bench/measure.h"
#include "tests/bench/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    ROUNDS_MAX = 31,
    FILLS_MAX = 2,
    OPERATIONS_MAX = 4,
    MILLION = 1000000,
};

/* A request whose number runs from 0 up, or is random; see load_request_init_text. */
struct step {
    const char *name;  /* of an operation */
    const char *words; /* NULL: there is none */
    const char *begin; /* of the reply, */
    size_t line_count; /* and how many lines it has */
    uint32_t numbers;  /* that there are */
    uint64_t count;    /* of requests */
};

struct family {
    const char *name;
    struct step fills[FILLS_MAX]; /* numbers in order */
    struct step operations[OPERATIONS_MAX];
};

/* What is popped in a round was pushed in it. */
static const struct family families[] = {
    {"list",
     {{NULL, "RPUSH long elem{rank}", ":", 1, 1000, 1000}},
     {{"LPUSH", "LPUSH list {n}", ":", 1, MILLION, 600000},
      {"LPOP", "LPOP list", "$", 2, 1, 600000},
      {"LRANGE of 100", "LRANGE long 0 99", "*", 201, 1, 100000}}                      },
    {"hash",
     {{NULL, "HSET hash field:{n} value:{n}", ":", 1, MILLION, MILLION},
      {NULL, "HSET small:{n} f1 v1 f2 v2 f3 v3 f4 v4 f5 v5", ":", 1, 100000, 100000}},
     {{"HSET", "HSET hash field:{n} value:{n}", ":", 1, MILLION, 600000},
      {"HGET", "HGET hash field:{n}", "$", 2, MILLION, 600000},
      {"HGETALL of 5", "HGETALL small:{n}", "*", 21, 100000, 300000}}                  },
    {"set",
     {{NULL, "SADD set member:{n}", ":", 1, MILLION, MILLION}},
     {{"SADD", "SADD set member:{n}", ":", 1, 2 * MILLION, 600000},
      {"SISMEMBER", "SISMEMBER set member:{n}", ":", 1, MILLION, 600000}}              },
    {"sorted set",
     {{NULL, "ZADD zset {n} member:{n}", ":", 1, MILLION, MILLION}},
     {{"ZADD", "ZADD zset {n} member:{n/3}", ":", 1, 3 * MILLION, 400000},
      {"ZRANK", "ZRANK zset member:{n}", ":", 1, MILLION, 400000},
      {"ZRANGE of 10 by rank", "ZRANGE zset {rank} {rank+9}", "*", 21, 899990, 200000}}},
    {"stream",
     {{NULL, NULL, NULL, 0, 0, 0}},
     {{"XADD", "XADD stream * f1 v1 f2 v2", "$", 2, 1, 300000}}                        },
    {"transaction",
     {{NULL, NULL, NULL, 0, 0, 0}},
     {{"MULTI of 10 SET",
       "MULTI;SET a:{n} 1;SET b:{n} 2;SET c:{n} 3;SET d:{n} 4;SET e:{n} 5;SET f:{n} 6;SET g:{n} 7;"
       "SET h:{n} 8;SET i:{n} 9;SET j:{n} 10;EXEC",
       "+OK", 22, 10000, 60000}}                                                       },
    {"caching clients",
     {{NULL, "SET key:{n} value:{n}", "+", 1, 100000, 100000}},
     {{"GET, CLIENT TRACKING ON", "GET key:{n}", "$", 2, 100000, 600000}}              },
    {"user with 20 rules",
     {{NULL, "SET key:{n} value:{n}", "+", 1, 100000, 100000},
      {NULL,
       "ACL SETUSER bench on >secret -@all +@read +@write +@connection -@dangerous -@admin -keys "
       "+config|get -flushall -debug +info ~app:* ~key:* ~tmp:* %R~shared:* %W~log:* &news:* "
       "&chat:* +memory|usage -memory",
       "+OK", 1, 1, 1}},
     {{"GET, 20 rules", "GET key:{n}", "$", 2, 100000, 600000},
      {"SET, 20 rules", "SET key:{n} value:{n}", "+", 1, 100000, 600000}}              },
    {"messages",
     {{NULL, NULL, NULL, 0, 0, 0}},
     {{"PUBLISH to 1,000", "PUBLISH news message:{n}", ":1000", 1, MILLION, 3000}}     },
};

/* What there is beside the load while a family is measured. */
static const struct setting {
    const char *family;
    const char *greeting; /* that each connection sends first; NULL: none */
    size_t listener_count;
} settings[] = {
    {"caching clients",    "CLIENT TRACKING ON", 0   },
    {"user with 20 rules", "AUTH bench secret",  0   },
    {"messages",           NULL,                 1000},
};

/* Growth by a million items. */
static const struct step items[] = {
    {"sorted set, 19-byte members", "ZADD zset {n} member:{n}",                    ":", 1, MILLION, MILLION},
    {"hash of 1 M fields",          "HSET hash field:{n} value:{n}",               ":", 1, MILLION, MILLION},
    {"set of 1 M strings",          "SADD set member:{n}",                         ":", 1, MILLION, MILLION},
    {"list of 10-byte elements",    "RPUSH list elem{rank}",                       ":", 1, 900000,  MILLION},
    {"set of 1 M integers",         "SADD set 1{n}",                               ":", 1, MILLION, MILLION},
    {"sets of 500 integers",        "SADD set:{n/500} 1{n}",                       ":", 1, MILLION, MILLION},
    {"1 M hashes of 5 fields",      "HSET hash:{n} f1 v1 f2 v2 f3 v3 f4 v4 f5 v5", ":", 1, MILLION,
     MILLION                                                                                               },
    {"stream, 2 short fields",      "XADD stream * f1 v1 f2 v2",                   "$", 2, 1,       MILLION},
};

/* Fills the tail of the log, which some servers keep from their first write on: it is not the items'. */
static const struct step log_filler = {NULL, "SET log {n}{n}{n}{n}{n}", "+", 1, 1, 250000};

struct options {
    uint64_t rounds;
    uint64_t scale_percent;
    uint64_t clients;
    uint64_t pipeline;
    const char *only;
    const char *peers;
    struct option_texts programs;
    bool is_without_memory;
    bool is_memory_only;
};

struct types {
    struct options options;
    struct peers peers;
    struct peer_cpus cpus;
    struct server servers[PEERS_MAX];
    struct report report;
    double samples[OPERATIONS_MAX][PEERS_MAX][ROUNDS_MAX]; /* of a family: CPU per operation */
};

static bool is_chosen(const struct types *t, const char *name)
{
    return t->options.only == NULL || strstr(name, t->options.only) != NULL;
}

static struct load_task task_of(const struct step *step, struct load_request *request)
{
    load_request_init_text(request, step->words, step->begin, step->line_count);
    return (struct load_task){
        .request = request, .request_count = step->count, .key_count = step->numbers};
}

static bool fill(const struct server *server, const struct step *step, struct errmsg *error)
{
    struct load_request request;
    struct load_task task = task_of(step, &request);
    bool is_ok =
        load_fill_request(server->port, &request, task.request_count, task.key_count, error);

    load_request_deinit(&request);
    return is_ok;
}

static bool start(struct types *t, size_t peer, struct errmsg *error)
{
    struct peer_options options = {.cpu_mask = t->cpus.server};

    return peer_start(&t->peers.items[peer], &options, &t->servers[peer], error);
}

/* ---- CPU --------------------------------------------------------------------------------------*/

static struct setting setting_of(const struct family *family)
{
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
        if (strcmp(settings[i].family, family->name) == 0) {
            return settings[i];
        }
    }
    return (struct setting){.family = family->name};
}

/* Everybody has to have got something. */
static bool close_listeners(struct listeners *listeners, size_t count, struct errmsg *error)
{
    bool is_ok = listeners == NULL || listeners_bytes(listeners) > count;

    listeners_close(listeners);
    if (!is_ok) {
        errmsg_set(error, "those who listen get nothing");
    }
    return is_ok;
}

static bool measure(const struct types *t, const struct family *family, const struct step *step,
                    size_t peer, double *out, struct errmsg *error)
{
    struct load_request request;
    struct load_request greeting = {0};
    struct load_task task = task_of(step, &request);
    struct setting setting = setting_of(family);
    struct listeners *listeners = NULL;
    double figures[METRIC_COUNT] = {NAN, NAN, NAN, NAN};
    bool is_ok = true;

    if (setting.greeting != NULL) {
        load_request_init_text(&greeting, setting.greeting, "+OK", 1);
        task.greeting = &greeting;
    }
    if (setting.listener_count > 0) {
        listeners = listeners_open(t->servers[peer].port, setting.listener_count,
                                   BYTES_LITERAL("SUBSCRIBE news\r\n"), error);
        is_ok = listeners != NULL;
    }
    task.pipeline = t->options.pipeline;
    task.request_count = step->count * t->options.scale_percent / 100;
    is_ok = is_ok && measure_cost(&t->servers[peer], t->options.clients, &task, figures, error) &&
            close_listeners(listeners, setting.listener_count, error);
    load_request_deinit(&request);
    load_request_deinit(&greeting);
    *out = figures[CPU_US];
    return is_ok;
}

static bool begin_family(struct types *t, const struct family *family, struct errmsg *error)
{
    for (size_t peer = 0; peer < t->peers.count; peer++) {
        bool is_ok = start(t, peer, error);

        for (size_t i = 0; is_ok && i < FILLS_MAX && family->fills[i].words != NULL; i++) {
            is_ok = fill(&t->servers[peer], &family->fills[i], error);
        }
        if (!is_ok) {
            errmsg_wrap(error, "%s, %s", t->peers.items[peer].name, family->name);
            return false;
        }
    }
    return true;
}

static bool run_round(struct types *t, const struct family *family, uint64_t round,
                      struct errmsg *error)
{
    for (size_t i = 0; i < OPERATIONS_MAX && family->operations[i].words != NULL; i++) {
        for (size_t peer = 0; peer < t->peers.count; peer++) {
            if (!measure(t, family, &family->operations[i], peer, &t->samples[i][peer][round],
                         error)) {
                errmsg_wrap(error, "%s, %s", t->peers.items[peer].name, family->operations[i].name);
                return false;
            }
        }
    }
    return true;
}

static bool run_family(struct types *t, const struct family *family, struct errmsg *error)
{
    bool is_ok = begin_family(t, family, error);

    for (uint64_t round = 0; is_ok && round < t->options.rounds; round++) {
        is_ok = run_round(t, family, round, error);
    }
    for (size_t peer = 0; peer < t->peers.count; peer++) {
        server_cleanup(&t->servers[peer]);
    }
    for (size_t i = 0; is_ok && i < OPERATIONS_MAX && family->operations[i].words != NULL; i++) {
        size_t row = report_add_row(&t->report, family->operations[i].name);

        for (size_t peer = 0; peer < t->peers.count; peer++) {
            t->report.cells[row][peer] =
                report_median(t->samples[i][peer], (size_t)t->options.rounds);
        }
        measure_add_ratios(&t->report, &t->peers, row, t->peers.count);
    }
    return is_ok;
}

/* ---- memory -----------------------------------------------------------------------------------*/

static bool measure_bytes(struct types *t, const struct step *step, size_t peer, double *out,
                          struct errmsg *error)
{
    struct server *server = &t->servers[peer];
    bool is_ok = start(t, peer, error) && fill(server, &log_filler, error);
    uint64_t before = is_ok ? measure_settled_bytes(server) : 0;

    is_ok = is_ok && fill(server, step, error);
    if (is_ok) {
        *out = ((double)measure_settled_bytes(server) - (double)before) / (double)step->count;
    }
    server_cleanup(server);
    return is_ok;
}

static bool measure_items(struct types *t, const struct step *step, struct errmsg *error)
{
    size_t row = report_add_row(&t->report, step->name);

    for (size_t peer = 0; peer < t->peers.count; peer++) {
        if (!measure_bytes(t, step, peer, &t->report.cells[row][peer], error)) {
            errmsg_wrap(error, "%s, %s", t->peers.items[peer].name, step->name);
            return false;
        }
    }
    measure_add_ratios(&t->report, &t->peers, row, t->peers.count);
    return true;
}

/* ---- all --------------------------------------------------------------------------------------*/

static void begin_report(struct types *t, const char *title)
{
    t->report = (struct report){.title = title};
    for (size_t peer = 0; peer < t->peers.count; peer++) {
        report_add_column(&t->report, t->peers.items[peer].name);
    }
    measure_name_ratios(&t->report, &t->peers);
}

static bool run_speed(struct types *t, struct errmsg *error)
{
    begin_report(t, "server CPU, microseconds per operation");
    for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
        if (is_chosen(t, families[i].name) && !run_family(t, &families[i], error)) {
            return false;
        }
    }
    report_print(&t->report);
    return true;
}

static bool run_memory(struct types *t, struct errmsg *error)
{
    begin_report(t, "memory, bytes per item (the last but one: per hash)");
    for (size_t i = 0; i < ARRAY_COUNT(items); i++) {
        if (is_chosen(t, items[i].name) && !measure_items(t, &items[i], error)) {
            return false;
        }
    }
    report_print(&t->report);
    return true;
}

static bool parse_options(struct options *o, int argc, char **argv)
{
    /* clang-format off */
    const struct option_spec specs[] = {
        {.flag = "--rounds", .argument = "N", .number = &o->rounds, .most = ROUNDS_MAX},
        {.flag = "--scale", .argument = "PERCENT", .number = &o->scale_percent, .most = 100000},
        {.flag = "--clients", .argument = "N", .number = &o->clients, .most = 10000},
        {.flag = "--pipeline", .argument = "N", .number = &o->pipeline, .most = 10000},
        {.flag = "--only", .argument = "TEXT", .text = &o->only},
        {.flag = "--peers", .argument = "LIST", .text = &o->peers},
        {.flag = "--program", .argument = "[NAME=]PATH", .texts = &o->programs},
        {.flag = "--no-memory", .is_set = &o->is_without_memory},
        {.flag = "--memory-only", .is_set = &o->is_memory_only},
    };
    /* clang-format on */

    return options_parse("types", specs, ARRAY_COUNT(specs), argc, argv);
}

int main(int argc, char **argv)
{
    struct types *t = mem_alloc_zeroed(MEM_TEST, sizeof(*t));
    struct errmsg error = {0};
    bool is_ok;

    t->options = (struct options){.rounds = 3, .scale_percent = 100, .clients = 50, .pipeline = 16};
    if (!parse_options(&t->options, argc, argv)) {
        return 2;
    }
    peers_find(&t->peers, &(struct peer_choice){.is_resp_only = true,
                                                .programs = &t->options.programs,
                                                .names = t->options.peers});
    t->cpus = peers_pin();
    report_machine();
    printf("%llu rounds, %llu connections, pipeline %llu\n", (unsigned long long)t->options.rounds,
           (unsigned long long)t->options.clients, (unsigned long long)t->options.pipeline);
    peers_print(&t->peers);
    fflush(stdout);
    is_ok = (t->options.is_memory_only || run_speed(t, &error)) &&
            (t->options.is_without_memory || run_memory(t, &error));
    if (!is_ok) {
        fprintf(stderr, "types: %s\n", error.text);
    }
    mem_free(MEM_TEST, t);
    return is_ok ? 0 : 1;
}
