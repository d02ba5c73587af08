/* SPDX-License-Identifier: MIT */
/* What the log costs: processor time and throughput, waiting, and time to start. */
#include "tests/bench/log.h"
#include "tests/bench/longest.h"
#include "tests/bench/measure.h"
#include "tests/bench/probe.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    ROUNDS_MAX = 31,
    KEYS = 500000,
    CONNECTIONS = 50,
    PIPELINE = 16,
    REQUESTS_PART = 10, /* of the commands, in each round */
    ALWAYS_PART = 2,    /* of the requests, */
    ALONE_PART = 10,    /* and where each waits for its reply */
    MIXED_NUMBERS = 1000000,
    MIXED_COMMANDS = 6, /* of one request */
    MIXED_CONNECTIONS = 8,
    STEADY_MS = 4000,
    PAUSE_MS = 2,
    START_PAUSE_MS = 5,
    START_LIMIT_MS = 600000,
};

#define COST_LIMIT       1.15
#define THROUGHPUT_LEAST 1.5
#define PAUSE_LIMIT_MS   5.0
#define LOADING_LIMIT    0.5

/* ---- processor time and throughput ------------------------------------------------------------*/

enum cost_row {
    OURS_WITHOUT,
    OURS_EVERYSEC,
    OURS_ALWAYS,
    OURS_ALWAYS_ALONE,
    REDIS_WITHOUT,
    REDIS_EVERYSEC,
    REDIS_ALWAYS,
    REDIS_ALWAYS_ALONE,
    ROW_COUNT,
};

struct cost {
    const char *name;
    bool is_redis;
    uint32_t pipeline;
    uint32_t part; /* of the requests */
    const char *args[6];
};

#define WITHOUT                                                                                    \
    {                                                                                              \
        "--appendonly", "no"                                                                       \
    }
#define EVERYSEC                                                                                   \
    {                                                                                              \
        "--appendonly", "yes", "--appendfsync", "everysec"                                         \
    }
#define ALWAYS                                                                                     \
    {                                                                                              \
        "--appendonly", "yes", "--appendfsync", "always"                                           \
    }

static const struct cost costs[ROW_COUNT] = {
    [OURS_WITHOUT] = {"ours, no log",               false, PIPELINE, 1,           WITHOUT },
    [OURS_EVERYSEC] = {"ours, everysec",             false, PIPELINE, 1,           EVERYSEC},
    [OURS_ALWAYS] = {"ours, always",               false, PIPELINE, ALWAYS_PART, ALWAYS  },
    [OURS_ALWAYS_ALONE] = {"ours, always, no pipeline",  false, 1,        ALONE_PART,  ALWAYS  },
    [REDIS_WITHOUT] = {"redis, no log",              true,  PIPELINE, 1,           WITHOUT },
    [REDIS_EVERYSEC] = {"redis, everysec",            true,  PIPELINE, 1,           EVERYSEC},
    [REDIS_ALWAYS] = {"redis, always",              true,  PIPELINE, ALWAYS_PART, ALWAYS  },
    [REDIS_ALWAYS_ALONE] = {"redis, always, no pipeline", true,  1,        ALONE_PART,  ALWAYS  },
};

static const struct peer *peer_of(const struct log_bench *bench, const struct cost *cost)
{
    return cost->is_redis ? bench->redis : bench->ours;
}

static bool measure_one(const struct peer *peer, const struct cost *cost, uint64_t requests,
                        double out[METRIC_COUNT], struct errmsg *error)
{
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    const char *args[8] = {"--auto-aof-rewrite-percentage", "0"};
    size_t arg_count = 2;
    struct load_request request;
    struct load_task task = {.request = &request,
                             .pipeline = cost->pipeline,
                             .request_count = requests / cost->part,
                             .key_count = KEYS};
    struct peer_cpus cpus = peers_pin();
    struct server server;
    bool is_ok;

    while (arg_count - 2 < ARRAY_COUNT(cost->args) && cost->args[arg_count - 2] != NULL) {
        args[arg_count] = cost->args[arg_count - 2];
        arg_count++;
    }
    load_request_init(&request, &shape);
    /* The sync has another thread, which may use the other processor where it is free. */
    is_ok = log_start(peer, cpus.server | cpus.load, args, arg_count, &server, error) &&
            load_fill(server.port, &shape, KEYS, error);
    if (is_ok) {
        peers_pin_loop(&server, cpus);
    }
    is_ok = is_ok && measure_cost(&server, CONNECTIONS, &task, out, error);
    load_request_deinit(&request);
    server_cleanup(&server);
    return is_ok;
}

static void print_costs(struct log_bench *bench,
                        double samples[ROW_COUNT][METRIC_COUNT][ROUNDS_MAX])
{
    struct report report = {.title = "SET of 64 bytes on 50 connections: CPU of all threads, "
                                     "microseconds each"};
    double medians[ROW_COUNT][METRIC_COUNT];

    report_add_column(&report, "CPU us");
    report_add_column(&report, "1000/s");
    report_add_column(&report, "disturbed %");
    for (size_t row = 0; row < ROW_COUNT; row++) {
        size_t at;

        if (peer_of(bench, &costs[row]) == NULL) {
            continue;
        }
        for (size_t metric = 0; metric < METRIC_COUNT; metric++) {
            medians[row][metric] = report_median(samples[row][metric], bench->rounds);
        }
        at = report_add_row(&report, costs[row].name);
        report.cells[at][0] = medians[row][CPU_US];
        report.cells[at][1] = medians[row][THOUSANDS];
        report.cells[at][2] = medians[row][WAITED];
    }
    report_print(&report);
    log_judge(bench, "CPU with everysec, of that without",
              medians[OURS_EVERYSEC][CPU_US] / medians[OURS_WITHOUT][CPU_US], COST_LIMIT);
    if (bench->redis != NULL) {
        printf("  (redis: %.2f)\n",
               medians[REDIS_EVERYSEC][CPU_US] / medians[REDIS_WITHOUT][CPU_US]);
        log_judge_at_least(bench, "throughput with always, of that of redis",
                           medians[OURS_ALWAYS][THOUSANDS] / medians[REDIS_ALWAYS][THOUSANDS],
                           THROUGHPUT_LEAST);
        printf("  (without a pipeline: %.2f)\n",
               medians[OURS_ALWAYS_ALONE][THOUSANDS] / medians[REDIS_ALWAYS_ALONE][THOUSANDS]);
    }
}

/* One of each, in turn. */
static bool measure_round(const struct log_bench *bench, size_t round,
                          double samples[ROW_COUNT][METRIC_COUNT][ROUNDS_MAX], struct errmsg *error)
{
    for (size_t row = 0; row < ROW_COUNT; row++) {
        const struct peer *peer = peer_of(bench, &costs[row]);
        double out[METRIC_COUNT] = {0};
        cpu_set_t allowed;

        if (peer == NULL) {
            continue;
        }
        /* It pins us; the next to be started must be free again to choose. */
        if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 ||
            !measure_one(peer, &costs[row], bench->commands / REQUESTS_PART, out, error) ||
            sched_setaffinity(0, sizeof(allowed), &allowed) != 0) {
            errmsg_wrap(error, "%s", costs[row].name);
            return false;
        }
        for (size_t metric = 0; metric < METRIC_COUNT; metric++) {
            samples[row][metric][round] = out[metric];
        }
    }
    return true;
}

bool log_costs(struct log_bench *bench, struct errmsg *error)
{
    static double samples[ROW_COUNT][METRIC_COUNT][ROUNDS_MAX];

    for (size_t round = 0; round < bench->rounds; round++) {
        if (!measure_round(bench, round, samples, error)) {
            return false;
        }
    }
    print_costs(bench, samples);
    return true;
}

/* ---- the longest request ----------------------------------------------------------------------*/

struct background {
    pthread_t thread;
    uint16_t port;
    uint64_t keys;
    atomic_bool is_over;
    bool is_ok;
    struct errmsg error;
};

static void *write_all_the_time(void *context)
{
    struct background *b = context;
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    struct load *load = load_open(b->port, 1, &b->error);
    struct load_request request;
    struct load_task task = {
        .request = &request, .pipeline = PIPELINE, .request_count = 1000, .key_count = b->keys};
    struct load_result result;

    load_request_init(&request, &shape);
    b->is_ok = load != NULL;
    while (b->is_ok && !atomic_load(&b->is_over)) {
        b->is_ok = load_run(load, &task, &result, &b->error);
    }
    load_request_deinit(&request);
    load_close(load);
    return NULL;
}

/* What a probe feels from now on: for a while, or while a snapshot is made. */
static bool feel(const struct server *server, bool with_snapshot, struct hist *out,
                 struct longest *longest, struct errmsg *error)
{
    struct probe *probe =
        longest_begin(server, error) ? probe_start(server->port, false, error) : NULL;
    char reply[128];

    if (probe == NULL) {
        return false;
    }
    if (with_snapshot) {
        log_ask(server, "BGREWRITEAOF", reply, sizeof(reply));
        support_pause_ms(PAUSE_MS);
        while (log_info(server, "persistence", "rdb_bgsave_in_progress") == 1 ||
               log_info(server, "persistence", "aof_rewrite_in_progress") == 1) {
            support_pause_ms(PAUSE_MS);
        }
    } else {
        support_pause_ms(STEADY_MS);
    }
    return probe_stop(probe, out, error) && longest_end(server, longest, error);
}

static bool pause_one(struct log_bench *bench, const char *name, const char *const args[4],
                      double slowest_ms[2], struct errmsg *error)
{
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    const char *all[] = {args[0], args[1], args[2], args[3], "--auto-aof-rewrite-percentage", "0"};
    struct server server;
    struct background background = {.keys = bench->keys};
    struct hist steady = {0};
    struct hist saving = {0};
    struct longest passes[2];
    bool is_ok = log_start(bench->ours, 0, all, ARRAY_COUNT(all), &server, error) &&
                 load_fill(server.port, &shape, bench->keys, error);

    background.port = server.port;
    if (is_ok && pthread_create(&background.thread, NULL, write_all_the_time, &background) == 0) {
        is_ok = feel(&server, false, &steady, &passes[0], error) &&
                feel(&server, true, &saving, &passes[1], error);
        atomic_store(&background.is_over, true);
        pthread_join(background.thread, NULL);
        if (is_ok && !background.is_ok) {
            *error = background.error;
            is_ok = false;
        }
    }
    if (is_ok) {
        slowest_ms[0] = (double)steady.max / 1e3;
        slowest_ms[1] = (double)saving.max / 1e3;
        printf("  %-9s steady p99.9 %5.2f, slowest %5.2f, pass %5.2f, CPU %5.2f ms; with a "
               "snapshot p99.9 %5.2f, "
               "slowest %5.2f, pass %5.2f, CPU %5.2f ms; %lld syncs\n",
               name, (double)hist_quantile(&steady, 0.999) / 1e3, slowest_ms[0], passes[0].ms,
               passes[0].cpu_ms, (double)hist_quantile(&saving, 0.999) / 1e3, slowest_ms[1],
               passes[1].ms, passes[1].cpu_ms,
               (long long)log_info(&server, "persistence", "log_syncs"));
        fflush(stdout);
    }
    server_cleanup(&server);
    return is_ok;
}

bool log_pauses(struct log_bench *bench, struct errmsg *error)
{
    static const char *const without[4] = {"--appendonly", "no", "--appendfsync", "everysec"};
    static const char *const everysec[4] = {"--appendonly", "yes", "--appendfsync", "everysec"};
    static const char *const always[4] = {"--appendonly", "yes", "--appendfsync", "always"};
    double samples[2][ROUNDS_MAX];

    for (size_t round = 0; round < bench->rounds; round++) {
        double slowest_ms[2];

        if (!pause_one(bench, "no log", without, slowest_ms, error) ||
            !pause_one(bench, "always", always, slowest_ms, error) ||
            !pause_one(bench, "everysec", everysec, slowest_ms, error)) {
            return false;
        }
        samples[0][round] = slowest_ms[0];
        samples[1][round] = slowest_ms[1];
    }
    log_judge(bench, "slowest while it syncs each second, median, ms",
              report_median(samples[0], bench->rounds), PAUSE_LIMIT_MS);
    log_judge(bench, "slowest while a snapshot is made, median, ms",
              report_median(samples[1], bench->rounds), PAUSE_LIMIT_MS);
    return true;
}

/* ---- starting ---------------------------------------------------------------------------------*/

struct loaded {
    struct server ours;
    struct server redis;
    double ours_s[ROUNDS_MAX];
    double redis_s[ROUNDS_MAX];
};

/* server_start gives up sooner than a large log is read. */
static bool restart_timed(struct server *server, double *seconds, struct errmsg *error)
{
    char reply[64] = "";
    int64_t start_ms;
    int status;

    (void)server_signal(server, SIGTERM);
    start_ms = support_now_ms();
    if (!server_launch(server, error)) {
        return false;
    }
    while (strcmp(reply, "PONG") != 0) {
        if (server_wait_end(server, START_PAUSE_MS, &status) ||
            support_now_ms() - start_ms > START_LIMIT_MS) {
            errmsg_set(error, "the server does not come back: see %s/log", server->dir);
            return false;
        }
        log_ask(server, "PING", reply, sizeof(reply));
    }
    *seconds = (double)(support_now_ms() - start_ms) / 1e3;
    return true;
}

static bool time_restarts(struct log_bench *bench, struct loaded *l, const char *what,
                          struct errmsg *error)
{
    int64_t keys = log_info(&l->ours, "keyspace", "db0:keys");
    double ours_s;
    double redis_s;

    for (size_t round = 0; round < bench->rounds; round++) {
        if (!restart_timed(&l->ours, &l->ours_s[round], error) ||
            (bench->redis != NULL && !restart_timed(&l->redis, &l->redis_s[round], error))) {
            return false;
        }
    }
    if (log_info(&l->ours, "keyspace", "db0:keys") != keys) {
        errmsg_set(error, "keys are missing after the start");
        return false;
    }
    ours_s = report_median(l->ours_s, bench->rounds);
    redis_s = bench->redis != NULL ? report_median(l->redis_s, bench->rounds) : NAN;
    printf("  %s, %lld keys: %.2f s; redis %.2f s\n", what, (long long)keys, ours_s, redis_s);
    if (bench->redis != NULL) {
        log_judge(bench, "time of the start, of that of redis", ours_s / redis_s, LOADING_LIMIT);
    }
    return true;
}

static bool start_both(struct log_bench *bench, struct loaded *l, const char *redis_log,
                       struct errmsg *error)
{
    static const char *const logged[] = {"--appendonly", "yes", "--auto-aof-rewrite-percentage",
                                         "0"};
    const char *const other[] = {"--appendonly", redis_log, "--auto-aof-rewrite-percentage", "0"};

    return log_start(bench->ours, 0, logged, ARRAY_COUNT(logged), &l->ours, error) &&
           (bench->redis == NULL ||
            log_start(bench->redis, 0, other, ARRAY_COUNT(other), &l->redis, error));
}

/* Nine tenths are in the snapshot, the rest is in the log; with redis, all is in its snapshot. */
static bool load_from_snapshot(struct log_bench *bench, struct loaded *l, struct errmsg *error)
{
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    char reply[128];

    if (!start_both(bench, l, "no", error) ||
        !load_fill(l->ours.port, &shape, bench->keys / 10 * 9, error)) {
        return false;
    }
    log_ask(&l->ours, "SAVE", reply, sizeof(reply));
    if (strcmp(reply, "OK") != 0) {
        errmsg_set(error, "SAVE: %s", reply);
        return false;
    }
    /* The keys in the snapshot are written again, as the log has writes to old keys, too. */
    if (!load_fill(l->ours.port, &shape, bench->keys / 10, error)) {
        return false;
    }
    if (bench->redis != NULL) {
        if (!load_fill(l->redis.port, &shape, bench->keys / 10 * 9, error)) {
            return false;
        }
        log_ask(&l->redis, "SAVE", reply, sizeof(reply));
    }
    return time_restarts(bench, l, "from a snapshot, and a tenth more from the log", error);
}

static bool fill_mixed(const struct log_bench *bench, const struct server *server,
                       struct errmsg *error)
{
    struct load *load = load_open(server->port, MIXED_CONNECTIONS, error);
    struct load_request request;
    struct load_task task = {.request = &request,
                             .pipeline = PIPELINE,
                             .request_count = bench->commands / MIXED_COMMANDS,
                             .key_count = MIXED_NUMBERS};
    struct load_result result;
    bool is_ok;

    load_request_init_text(
        &request,
        "SET a:{n} 0123456789012345678901234567890123456789012345678901234567890123;"
        "INCR c:{n};LPUSH l:{n/50} an-item-of-a-list;HSET h:{n/50} f{n} a-value;"
        "SADD s:{n/50} m{n};ZADD z:{n/50} {rank} m{n}",
        "+", MIXED_COMMANDS);
    is_ok = load != NULL && load_run(load, &task, &result, error);
    load_request_deinit(&request);
    load_close(load);
    return is_ok;
}

static bool load_from_log(struct log_bench *bench, struct loaded *l, struct errmsg *error)
{
    return start_both(bench, l, "yes", error) && fill_mixed(bench, &l->ours, error) &&
           (bench->redis == NULL || fill_mixed(bench, &l->redis, error)) &&
           time_restarts(bench, l, "from the log alone, mixed commands", error);
}

bool log_loading(struct log_bench *bench, struct errmsg *error)
{
    struct loaded from_snapshot = {0};
    struct loaded from_log = {0};
    bool is_ok = load_from_snapshot(bench, &from_snapshot, error);

    server_cleanup(&from_snapshot.ours);
    server_cleanup(&from_snapshot.redis);
    is_ok = is_ok && load_from_log(bench, &from_log, error);
    server_cleanup(&from_log.ours);
    server_cleanup(&from_log.redis);
    return is_ok;
}
