/* SPDX-License-Identifier: MIT */
/* What goes on for long: a replica that is slower than the writes, and segments that come and go. */
#include "tests/bench/log.h"
#include "tests/bench/measure.h"
#include "tests/bench/slow_line.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum {
    KEYS_PER_MEGABYTE = 10000,
    LINE_BYTES = 125000, /* per second: one megabit */
    WRITES = 50000,      /* per second */
    TICK_MS = 100,
    CONNECTIONS = 8,
    PIPELINE = 16,
    GROWTH_LIMIT_MB = 64,
    CATCH_UP_MS = 120000,
    ROTATION_KEYS = 1000,
    ROTATION_PARTS = 8,
    FLAT_LIMIT_MB = 4,
};

/* ---- a slow replica ---------------------------------------------------------------------------*/

struct slow {
    struct server primary;
    struct server replica;
    struct slow_line *line;
    uint64_t keys;
    uint64_t most_bytes;
    int64_t most_behind;
    double thousands;
};

static bool start_slow(struct log_bench *bench, struct slow *s, struct errmsg *error)
{
    static const char *const logged[] = {"--repl-log-retention-size", "4gb"};
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    char reply[64];
    char address[32];
    const char *const follows[] = {"--appendonly", "no", "--replicaof", address};

    if (!log_start(bench->ours, 0, logged, ARRAY_COUNT(logged), &s->primary, error) ||
        !load_fill(s->primary.port, &shape, s->keys, error)) {
        return false;
    }
    /* Faster than many a disk: so the log begins when the data is there. */
    log_ask(&s->primary, "CONFIG SET appendonly yes", reply, sizeof(reply));
    if (!log_wait(&s->primary, "persistence", "rdb_bgsave_in_progress", 0, error)) {
        return false;
    }
    s->line = slow_line_open(s->primary.port, error);
    if (s->line == NULL) {
        return false;
    }
    snprintf(address, sizeof(address), "127.0.0.1 %u", (unsigned)slow_line_port(s->line));
    return log_start(bench->ours, 0, follows, ARRAY_COUNT(follows), &s->replica, error) &&
           log_wait(&s->primary, "stats", "sync_full", 1, error) &&
           log_wait(&s->replica, "replication", "master_sync_in_progress", 0, error) &&
           log_wait(&s->replica, "persistence", "async_loading", 0, error) &&
           log_wait(&s->primary, "persistence", "rdb_bgsave_in_progress", 0, error);
}

static int64_t offset_behind(const struct slow *s)
{
    return log_info(&s->primary, "replication", "master_repl_offset") -
           log_info(&s->replica, "replication", "slave_repl_offset");
}

/* So many writes in each tick, until the time is over. */
static bool write_for(struct slow *s, uint64_t seconds, struct errmsg *error)
{
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    struct load *load = load_open(s->primary.port, CONNECTIONS, error);
    struct load_request request;
    struct load_task task = {.request = &request,
                             .pipeline = PIPELINE,
                             .request_count = WRITES * TICK_MS / 1000,
                             .key_count = s->keys};
    struct load_result result;
    int64_t start_ms = support_now_ms();
    int64_t ticks = (int64_t)seconds * 1000 / TICK_MS;
    bool is_ok = load != NULL;

    load_request_init(&request, &shape);
    for (int64_t tick = 0; tick < ticks && is_ok; tick++) {
        int64_t due_ms = start_ms + tick * TICK_MS;
        int64_t now_ms = support_now_ms();
        uint64_t resident = server_resident_bytes(&s->primary);

        s->most_bytes = resident > s->most_bytes ? resident : s->most_bytes;
        if (now_ms < due_ms) {
            support_pause_ms(due_ms - now_ms);
        }
        is_ok = load_run(load, &task, &result, error);
    }
    s->thousands =
        (double)(ticks * (int64_t)task.request_count) / (double)(support_now_ms() - start_ms);
    load_request_deinit(&request);
    load_close(load);
    return is_ok;
}

static bool catch_up(struct slow *s, int64_t *ms, struct errmsg *error)
{
    int64_t start_ms = support_now_ms();

    slow_line_limit(s->line, 0);
    while (offset_behind(s) > 0) {
        uint64_t resident = server_resident_bytes(&s->primary);

        s->most_bytes = resident > s->most_bytes ? resident : s->most_bytes;
        if (support_now_ms() - start_ms > CATCH_UP_MS) {
            errmsg_set(error, "the replica does not catch up");
            return false;
        }
        support_pause_ms(TICK_MS / 10);
    }
    *ms = support_now_ms() - start_ms;
    return true;
}

static bool measure_slow(struct log_bench *bench, struct slow *s, struct errmsg *error)
{
    uint64_t before;
    uint64_t while_slow;
    int64_t ms;

    s->most_bytes = 0;
    if (!write_for(s, 2, error)) { /* what a first round of writes takes is no growth */
        return false;
    }
    before = measure_settled_bytes(&s->primary);
    s->most_bytes = before;
    slow_line_limit(s->line, LINE_BYTES);
    if (!write_for(s, bench->seconds, error)) {
        return false;
    }
    while_slow = s->most_bytes;
    s->most_behind = offset_behind(s);
    if (!catch_up(s, &ms, error)) {
        return false;
    }
    printf("  %llu s of %.1f thousand writes a second, %.0f MB of data, a line of 1 Mbit/s: the "
           "replica is %.0f MB behind, and catches up in %.1f s\n",
           (unsigned long long)bench->seconds, s->thousands, (double)before / 1e6,
           (double)s->most_behind / 1e6, (double)ms / 1e3);
    log_judge(bench, "growth of resident memory while it is slow, MiB",
              (double)(while_slow - before) / 1048576, GROWTH_LIMIT_MB);
    log_judge(bench, "and until it has caught up, MiB", (double)(s->most_bytes - before) / 1048576,
              GROWTH_LIMIT_MB);
    log_judge(bench, "full resyncs", (double)log_info(&s->primary, "stats", "sync_full"), 1);
    log_judge(bench, "connections", (double)slow_line_connections(s->line), 1);
    log_judge(bench, "digests that differ", log_has_same_digest(&s->primary, &s->replica) ? 0 : 1,
              0);
    return true;
}

bool log_slow(struct log_bench *bench, struct errmsg *error)
{
    struct slow s = {.keys = bench->megabytes * KEYS_PER_MEGABYTE};
    bool is_ok = start_slow(bench, &s, error) && measure_slow(bench, &s, error);

    server_cleanup(&s.replica);
    slow_line_close(s.line);
    server_cleanup(&s.primary);
    return is_ok;
}

/* ---- segments that come and go ----------------------------------------------------------------*/

static size_t count_descriptors(const struct server *server)
{
    char path[64];
    DIR *dir;
    size_t count = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)server->pid);
    dir = opendir(path);
    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static bool rotate(struct log_bench *bench, struct server *server, struct errmsg *error)
{
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    struct load_request request;
    struct load_task task = {.request = &request,
                             .pipeline = PIPELINE,
                             .request_count = bench->commands / 20 / ROTATION_PARTS,
                             .key_count = ROTATION_KEYS};
    struct load_result result;
    uint64_t first_bytes = 0;
    size_t first_open = 0;
    uint64_t bytes = 0;
    size_t open = 0;
    bool is_ok = true;

    load_request_init(&request, &shape);
    for (int part = 0; part < ROTATION_PARTS && is_ok; part++) {
        struct load *load = load_open(server->port, CONNECTIONS, error);

        is_ok = load != NULL && load_run(load, &task, &result, error);
        load_close(load);
        is_ok = is_ok && log_wait(server, "persistence", "rdb_bgsave_in_progress", 0, error);
        bytes = measure_settled_bytes(server);
        open = count_descriptors(server);
        printf("  offset %9lld: %lld segments, resident %.1f MB, %zu descriptors, %lld snapshots\n",
               (long long)log_info(server, "replication", "master_repl_offset"),
               (long long)log_info(server, "persistence", "log_segments"), (double)bytes / 1e6,
               open, (long long)log_info(server, "persistence", "rdb_saves"));
        fflush(stdout);
        if (part == 1) { /* the first warms up */
            first_bytes = bytes;
            first_open = open;
        }
    }
    load_request_deinit(&request);
    if (is_ok) {
        log_judge(bench, "growth after the second part, MiB",
                  ((double)bytes - (double)first_bytes) / 1048576, FLAT_LIMIT_MB);
        log_judge(bench, "more descriptors", (double)open - (double)first_open, 2);
    }
    return is_ok;
}

bool log_rotations(struct log_bench *bench, struct errmsg *error)
{
    static const char *const args[] = {"--appendonly",
                                       "yes",
                                       "--repl-log-segment-size",
                                       "4096",
                                       "--repl-backlog-size",
                                       "1mb",
                                       "--repl-log-retention-size",
                                       "256kb",
                                       "--auto-aof-rewrite-min-size",
                                       "4mb"};
    struct server server = {0};
    bool is_ok = log_start(bench->ours, 0, args, ARRAY_COUNT(args), &server, error) &&
                 rotate(bench, &server, error);

    server_cleanup(&server);
    return is_ok;
}
