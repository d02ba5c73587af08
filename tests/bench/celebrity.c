/* SPDX-License-Identifier: MIT */
/* What copies of a key that everybody reads are worth, and what they cost, beside the same cluster without them.
 *
 *     celebrity [--parts LIST] [--rounds N] [--readers N] [--pipeline N]
 *
 *     spread    of 3 and 6 primaries: the part of each in the reads of the key, ten seconds after they began.  Throughput is
 *               reckoned, since all share this machine's processors: each node in turn has all readers, and the
 *               others none, as if it had a processor of its own; it serves 1 / (CPU of a read) reads.  The sum of that over
 *               all nodes, in units of what the owner serves without copies.
 *     write     6 primaries, 5 of which have a copy: how long a write of the key takes
 *     written   1,000 writes a second: are the reads still spread?
 *     demoted   20,000 writes a second: the key is copied no more; what do reads and writes take then?
 *     stopped   a holder stands still, another is killed: how long one write waits, and how many are written
 *     quiet     nothing is hot: CPU of GET and SET
 *
 * With and without take turns, figures are medians of the rounds.  The status is 1 when something could not be measured,
 * 3 when a figure is beyond its limit. */
#include "base/mem.h"
#include "tests/bench/celebrity_clients.h"
#include "tests/bench/celebrity_cluster.h"
#include "tests/bench/measure.h"
#include "tests/bench/options.h"
#include "tests/bench/report.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS_MAX = 15,
    WARM_MS = 1000,
    SPREAD_MS = 10000, /* by then all is spread */
    WINDOW_MS = 2000,
    QUIET_ROUNDS = 5, /* short ones, in each round */
    QUIET_KEYS = 100000,
    QUIET_REQUESTS = 200000,
    QUIET_CONNECTIONS = 50,
    QUIET_PIPELINE = 16,
    WAIT_MS = 60000,
    POLL_MS = 20,
    LONG_MS = 50, /* a write that has waited */
    LEASE_MS = 250,
};

#define UNEVEN_LIMIT   1.3 /* what the busiest node serves, of the mean */
#define CAPACITY_LEAST 0.8 /* of what so many nodes could serve */
#define WORSE_LIMIT    1.1
#define LESS_LIMIT     0.9
#define QUIET_LIMIT    1.02
#define FEW_READS      "100" /* a second: hot-copies-min-rate of parts whose readers are no load */
#define MANY_READS     "5000"

struct bench {
    const char *parts;
    uint64_t rounds;
    uint64_t readers;
    uint64_t pipeline;
    size_t missed;
    struct celebrity_cluster cluster;
    struct celebrity_readers readers_run;
    struct celebrity_writer writer;
    struct errmsg error;
};

/* What happened in a window of time. */
struct window {
    double reads[CELEBRITY_NODES]; /* of the key, a second */
    double cpu_us[CELEBRITY_NODES];
    double all;     /* reads a second */
    double busiest; /* of the mean */
    double least;
};

static void judge(struct bench *b, const char *what, double figure, double limit, bool is_least)
{
    bool is_within = is_least ? figure >= limit : figure <= limit;

    printf("  %-64s %9.2f   (at %s %g) %s\n", what, figure, is_least ? "least" : "most", limit,
           is_within ? "ok" : "MISSED");
    fflush(stdout);
    b->missed += is_within ? 0 : 1;
}

static void note(const char *what, double figure)
{
    printf("  %-64s %9.2f\n", what, figure);
    fflush(stdout);
}

/* ---- for the parts -------------------------------------------------------------------------------- */

static bool begin(struct bench *b, size_t primaries, const char *min_rate)
{
    return celebrity_start(&b->cluster, primaries, &b->error) &&
           celebrity_set(&b->cluster, "hot-copies-min-rate", min_rate, &b->error);
}

static bool set_copies(struct bench *b, bool is_on)
{
    return celebrity_set(&b->cluster, "hot-copies", is_on ? "auto" : "off", &b->error);
}

/* All readers at one node. */
static bool read_at(struct bench *b, size_t node)
{
    const struct celebrity_readers_options options = {.readers = (size_t)b->readers,
                                                      .threads = 1,
                                                      .pipeline = (size_t)b->pipeline,
                                                      .is_placed = true,
                                                      .first_node = node,
                                                      .node_count = 1};

    return celebrity_read(&b->readers_run, &b->cluster, &options, &b->error);
}

static bool read_all(struct bench *b, bool reads_others)
{
    const struct celebrity_readers_options options = {.readers = (size_t)b->readers,
                                                      .threads = 2,
                                                      .pipeline = (size_t)b->pipeline,
                                                      .node_count = b->cluster.count};

    if (!celebrity_read(&b->readers_run, &b->cluster, &options, &b->error)) {
        return false;
    }
    atomic_store(&b->readers_run.reads_others, reads_others);
    return true;
}

/* A few, who are no load: with copies one at each node, without all at the owner. */
static bool read_few(struct bench *b, bool is_on, size_t pipeline)
{
    const struct celebrity_readers_options options = {.readers = b->cluster.count,
                                                      .threads = b->cluster.count,
                                                      .pipeline = pipeline,
                                                      .rounds_a_second = 500,
                                                      .is_placed = is_on,
                                                      .node_count = b->cluster.count};

    return celebrity_read(&b->readers_run, &b->cluster, &options, &b->error);
}

static bool end_reading(struct bench *b)
{
    return celebrity_end_reading(&b->readers_run, &b->error);
}

static void end(struct bench *b)
{
    (void)celebrity_end_writing(&b->writer, &b->error);
    (void)celebrity_end_reading(&b->readers_run, &b->error);
    celebrity_stop(&b->cluster);
}

static void measure(struct bench *b, int64_t ms, struct window *out)
{
    uint64_t cpu_ns[CELEBRITY_NODES] = {0};
    uint64_t reads[CELEBRITY_NODES] = {0};
    int64_t began_ms = support_now_ms();
    double seconds;

    *out = (struct window){.least = 1e9};
    for (size_t i = 0; i < b->cluster.count; i++) {
        cpu_ns[i] = server_cpu_ns(&b->cluster.servers[i]);
        reads[i] = atomic_load(&b->readers_run.hot[i]);
    }
    support_pause_ms(ms);
    seconds = (double)(support_now_ms() - began_ms) / 1e3;
    for (size_t i = 0; i < b->cluster.count; i++) {
        double count = (double)(atomic_load(&b->readers_run.hot[i]) - reads[i]);
        double used_us = (double)(server_cpu_ns(&b->cluster.servers[i]) - cpu_ns[i]) / 1e3;

        out->reads[i] = count / seconds;
        out->cpu_us[i] = count > 0 ? used_us / count : 0;
        out->all += out->reads[i];
        out->busiest = out->reads[i] > out->busiest ? out->reads[i] : out->busiest;
        out->least = out->reads[i] < out->least ? out->reads[i] : out->least;
    }
    out->busiest *= (double)b->cluster.count / out->all;
    out->least *= (double)b->cluster.count / out->all;
}

static bool wait_for_info(struct bench *b, const char *field, int64_t wanted)
{
    int64_t until_ms = support_now_ms() + WAIT_MS;

    while (celebrity_info(&b->cluster, 0, field) != wanted) {
        if (support_now_ms() > until_ms || atomic_load(&b->readers_run.is_broken)) {
            errmsg_set(&b->error, "%s does not come to %lld", field, (long long)wanted);
            return false;
        }
        support_pause_ms(POLL_MS);
    }
    return true;
}

/* ---- spread --------------------------------------------------------------------------------------- */

struct spread {
    double busiest[ROUNDS_MAX];
    double least[ROUNDS_MAX];
    double capacity[ROUNDS_MAX];
    double as_spread[ROUNDS_MAX];
    double owner_us[ROUNDS_MAX];
    double member_us[ROUNDS_MAX];
    double off_us[ROUNDS_MAX];
};

/* CPU of a read at the node, which alone is asked. */
static bool measure_alone(struct bench *b, size_t node, double *us)
{
    struct window w;

    if (!read_at(b, node)) {
        return false;
    }
    support_pause_ms(WARM_MS / 2);
    measure(b, WARM_MS, &w);
    *us = w.cpu_us[node];
    errmsg_set(&b->error, "node %zu does not serve the key", node);
    return *us > 0 && end_reading(b);
}

static void note_costs(const struct bench *b, double off_us, const double on_us[CELEBRITY_NODES],
                       const struct window *shares, struct spread *s, size_t round)
{
    double busiest_us = 0;
    double members_us = 0;

    for (size_t i = 0; i < b->cluster.count; i++) {
        double own_us = shares->reads[i] * on_us[i] / shares->all;

        s->capacity[round] += off_us / on_us[i];
        busiest_us = own_us > busiest_us ? own_us : busiest_us;
        members_us += i > 0 ? on_us[i] : 0;
    }
    s->as_spread[round] = off_us / busiest_us;
    s->off_us[round] = off_us;
    s->owner_us[round] = on_us[0];
    s->member_us[round] = members_us / (double)(b->cluster.count - 1);
}

static bool spread_round(struct bench *b, struct spread *s, size_t round)
{
    struct window shares;
    double off_us;
    double on_us[CELEBRITY_NODES] = {0};

    if (!set_copies(b, true) || !read_all(b, true)) {
        return false;
    }
    support_pause_ms(SPREAD_MS);
    measure(b, WINDOW_MS, &shares);
    if (!end_reading(b)) {
        return false;
    }
    for (size_t i = 0; i < b->cluster.count; i++) {
        if (!measure_alone(b, i, &on_us[i])) {
            return false;
        }
    }
    if (!set_copies(b, false) || !measure_alone(b, 0, &off_us)) {
        return false;
    }
    s->busiest[round] = shares.busiest;
    s->least[round] = shares.least;
    note_costs(b, off_us, on_us, &shares, s, round);
    return true;
}

static bool spread_of(struct bench *b, size_t primaries)
{
    static struct spread s;
    bool is_ok = begin(b, primaries, MANY_READS);
    double capacity;

    memset(&s, 0, sizeof(s));
    for (size_t round = 0; is_ok && round < b->rounds; round++) {
        is_ok = spread_round(b, &s, round);
    }
    end(b);
    if (!is_ok) {
        return false;
    }
    printf("%zu primaries, %llu readers, pipelines of %llu\n", primaries,
           (unsigned long long)b->readers, (unsigned long long)b->pipeline);
    judge(b, "reads of the busiest node, of the mean", report_median(s.busiest, b->rounds),
          UNEVEN_LIMIT, false);
    note("reads of the least busy node, of the mean", report_median(s.least, b->rounds));
    note("CPU us of a read at the owner, without copies", report_median(s.off_us, b->rounds));
    note("with copies, at the owner", report_median(s.owner_us, b->rounds));
    note("with copies, at members", report_median(s.member_us, b->rounds));
    capacity = report_median(s.capacity, b->rounds);
    judge(b, "throughput by CPU, of that of one node", capacity, CAPACITY_LEAST * (double)primaries,
          true);
    note("the same with the shares as they were: the busiest is full",
         report_median(s.as_spread, b->rounds));
    return true;
}

static bool run_spread(struct bench *b)
{
    return spread_of(b, 3) && spread_of(b, CELEBRITY_NODES);
}

/* ---- write ---------------------------------------------------------------------------------------- */

static bool measure_writes(struct bench *b, bool is_on, uint64_t rate, int64_t ms, struct hist *out)
{
    if (!set_copies(b, is_on) || !read_few(b, is_on, 1) ||
        (is_on && !celebrity_wait_spread(&b->cluster, b->cluster.count, &b->error)) ||
        !celebrity_write(&b->writer, &b->cluster, rate, &b->error)) {
        return false;
    }
    support_pause_ms(WARM_MS);
    celebrity_take_writes(&b->writer, out);
    support_pause_ms(ms);
    celebrity_take_writes(&b->writer, out);
    return celebrity_end_writing(&b->writer, &b->error) && end_reading(b);
}

static bool run_write(struct bench *b)
{
    static struct hist hist;
    double figures[2][2][ROUNDS_MAX]; /* off, on; p50, p99 */
    bool is_ok = begin(b, CELEBRITY_NODES, FEW_READS);

    for (size_t round = 0; is_ok && round < b->rounds; round++) {
        for (int is_on = 0; is_ok && is_on < 2; is_on++) {
            is_ok = measure_writes(b, is_on == 1, 100, 2 * WINDOW_MS, &hist);
            figures[is_on][0][round] = (double)hist_quantile(&hist, 0.5) / 1e3;
            figures[is_on][1][round] = (double)hist_quantile(&hist, 0.99) / 1e3;
        }
    }
    end(b);
    if (is_ok) {
        double off = report_median(figures[0][0], b->rounds);
        double on = report_median(figures[1][0], b->rounds);

        printf("a write of a key that 5 others have, ms; 500 reads a second at each\n");
        note("p50 without copies", off);
        note("p50 with copies", on);
        note("p99 without copies", report_median(figures[0][1], b->rounds));
        note("p99 with copies", report_median(figures[1][1], b->rounds));
        judge(b, "p50 with copies beyond that without", on - off, 2, false);
    }
    return is_ok;
}

/* ---- written -------------------------------------------------------------------------------------- */

static bool run_written(struct bench *b)
{
    struct window w;
    double busiest[ROUNDS_MAX];
    double least[ROUNDS_MAX];
    double thousands[ROUNDS_MAX];
    bool is_ok = begin(b, CELEBRITY_NODES, MANY_READS);

    for (size_t round = 0; is_ok && round < b->rounds; round++) {
        is_ok = set_copies(b, true) && read_all(b, false) &&
                celebrity_write(&b->writer, &b->cluster, 1000, &b->error);
        if (is_ok) {
            support_pause_ms(SPREAD_MS);
            measure(b, WINDOW_MS, &w);
            is_ok = celebrity_end_writing(&b->writer, &b->error) && end_reading(b) &&
                    set_copies(b, false);
            busiest[round] = w.busiest;
            least[round] = w.least;
            thousands[round] = w.all / 1e3;
        }
    }
    end(b);
    if (is_ok) {
        printf("1,000 writes a second to the key, 6 primaries\n");
        judge(b, "reads of the busiest node, of the mean", report_median(busiest, b->rounds),
              UNEVEN_LIMIT, false);
        judge(b, "reads of the least busy node, of the mean", report_median(least, b->rounds), 0.5,
              true);
        note("1000 reads a second", report_median(thousands, b->rounds));
    }
    return is_ok;
}

/* ---- demoted -------------------------------------------------------------------------------------- */

enum demoted {
    READS,
    READ_MS,
    WRITES,
    WRITE_MS,
    DEMOTED_COUNT,
};

static bool read_bounded(struct bench *b)
{
    const struct celebrity_readers_options options = {.readers = 60,
                                                      .threads = 2,
                                                      .pipeline = 16,
                                                      .rounds_a_second = 50,
                                                      .node_count = b->cluster.count};

    return celebrity_read(&b->readers_run, &b->cluster, &options, &b->error);
}

static bool measure_demoted(struct bench *b, bool is_on, double out[DEMOTED_COUNT])
{
    static struct hist hist;
    struct window w;
    uint64_t written;

    if (!set_copies(b, is_on) || !read_bounded(b) ||
        (is_on && !celebrity_wait_spread(&b->cluster, b->cluster.count, &b->error)) ||
        !celebrity_write(&b->writer, &b->cluster, 20000, &b->error) ||
        !wait_for_info(b, "hot_slots", 0)) {
        return false;
    }
    support_pause_ms(SPREAD_MS);
    celebrity_take_rounds(&b->readers_run, &hist);
    celebrity_take_writes(&b->writer, &hist);
    written = atomic_load(&b->writer.written);
    measure(b, 2 * WINDOW_MS, &w);
    written = atomic_load(&b->writer.written) - written;
    out[READS] = w.all / 1e3;
    out[WRITES] = (double)written / (2 * WINDOW_MS);
    celebrity_take_rounds(&b->readers_run, &hist);
    out[READ_MS] = (double)hist_quantile(&hist, 0.5) / 1e3;
    celebrity_take_writes(&b->writer, &hist);
    out[WRITE_MS] = (double)hist_quantile(&hist, 0.5) / 1e3;
    return celebrity_end_writing(&b->writer, &b->error) && end_reading(b);
}

static bool run_demoted(struct bench *b)
{
    static double samples[2][DEMOTED_COUNT][ROUNDS_MAX];
    double medians[2][DEMOTED_COUNT];
    bool is_ok = begin(b, CELEBRITY_NODES, MANY_READS);

    for (size_t round = 0; is_ok && round < b->rounds; round++) {
        for (int is_on = 0; is_ok && is_on < 2; is_on++) {
            double out[DEMOTED_COUNT];

            is_ok = measure_demoted(b, is_on == 1, out);
            for (size_t i = 0; is_ok && i < DEMOTED_COUNT; i++) {
                samples[is_on][i][round] = out[i];
            }
        }
    }
    end(b);
    if (!is_ok) {
        return false;
    }
    for (int is_on = 0; is_on < 2; is_on++) {
        for (size_t i = 0; i < DEMOTED_COUNT; i++) {
            medians[is_on][i] = report_median(samples[is_on][i], b->rounds);
        }
        printf("20,000 writes and 48,000 reads a second, %s: %.1f thousand reads, a round of them "
               "%.2f ms; %.1f thousand writes, a round of them %.2f ms\n",
               is_on == 1 ? "ten seconds after it was demoted" : "without copies",
               medians[is_on][READS], medians[is_on][READ_MS], medians[is_on][WRITES],
               medians[is_on][WRITE_MS]);
    }
    judge(b, "reads, of those without copies", medians[1][READS] / medians[0][READS], LESS_LIMIT,
          true);
    judge(b, "writes, of those without copies", medians[1][WRITES] / medians[0][WRITES], LESS_LIMIT,
          true);
    judge(b, "time of a round of reads, of that without", medians[1][READ_MS] / medians[0][READ_MS],
          WORSE_LIMIT, false);
    judge(b, "time of a round of writes, of that without",
          medians[1][WRITE_MS] / medians[0][WRITE_MS], WORSE_LIMIT, false);
    return true;
}

/* ---- stopped -------------------------------------------------------------------------------------- */

static uint64_t count_long(const struct hist *hist)
{
    return hist->count - hist_count_below(hist, LONG_MS * 1000);
}

static bool stop_one(struct bench *b, size_t node, int number, const char *what)
{
    static struct hist before;
    static struct hist during;
    static struct hist after;

    if (!celebrity_wait_spread(&b->cluster, b->cluster.count, &b->error)) {
        return false;
    }
    support_pause_ms(WARM_MS);
    celebrity_take_writes(&b->writer, &before);
    support_pause_ms(WINDOW_MS);
    celebrity_take_writes(&b->writer, &before);
    (void)server_signal(&b->cluster.servers[node], number);
    support_pause_ms(WARM_MS);
    celebrity_take_writes(&b->writer, &during);
    support_pause_ms(WINDOW_MS);
    celebrity_take_writes(&b->writer, &after);
    if (number == SIGSTOP) {
        (void)server_signal(&b->cluster.servers[node], SIGCONT);
    }
    printf("a holder %s: longest write before %.1f ms, afterwards %.1f ms\n", what,
           (double)before.max / 1e3, (double)after.max / 1e3);
    judge(b, "longest write then, ms", (double)during.max / 1e3, LEASE_MS + LONG_MS, false);
    judge(b, "writes that took longer than 50 ms, of that and afterwards",
          (double)(count_long(&during) + count_long(&after)), 1, false);
    judge(b, "writes a second afterwards, of those before",
          (double)after.count / (double)before.count, LESS_LIMIT, true);
    return true;
}

static bool run_stopped(struct bench *b)
{
    bool is_ok = begin(b, CELEBRITY_NODES, FEW_READS) && set_copies(b, true) &&
                 read_few(b, true, 4) &&
                 celebrity_wait_spread(&b->cluster, b->cluster.count, &b->error) &&
                 celebrity_write(&b->writer, &b->cluster, 100, &b->error) &&
                 stop_one(b, CELEBRITY_NODES - 1, SIGSTOP, "stands still") &&
                 stop_one(b, CELEBRITY_NODES - 2, SIGKILL, "is killed") &&
                 celebrity_end_writing(&b->writer, &b->error) && end_reading(b);

    end(b);
    return is_ok;
}

/* ---- quiet ---------------------------------------------------------------------------------------- */

static bool measure_quiet(struct bench *b, enum load_command command, double *cpu_us)
{
    struct load_shape shape = {.command = command, .value = load_value(LOAD_VALUE_MAX)};
    struct load_request request;
    struct load_task task = {.request = &request,
                             .pipeline = QUIET_PIPELINE,
                             .request_count = QUIET_REQUESTS,
                             .key_count = QUIET_KEYS};
    double out[METRIC_COUNT];
    bool is_ok;

    load_request_init(&request, &shape);
    is_ok = measure_cost(&b->cluster.servers[0], QUIET_CONNECTIONS, &task, out, &b->error);
    load_request_deinit(&request);
    *cpu_us = out[CPU_US];
    return is_ok;
}

static bool run_quiet(struct bench *b)
{
    static const enum load_command commands[2] = {LOAD_GET, LOAD_SET};
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    static double ratios[2][ROUNDS_MAX * QUIET_ROUNDS];
    uint64_t rounds = b->rounds * QUIET_ROUNDS;
    cpu_set_t allowed;
    bool is_ok = begin(b, 1, MANY_READS) && sched_getaffinity(0, sizeof(allowed), &allowed) == 0 &&
                 load_fill(b->cluster.servers[0].port, &shape, QUIET_KEYS, &b->error);

    if (is_ok) {
        peers_pin_loop(&b->cluster.servers[0], peers_pin());
    }
    for (size_t round = 0; is_ok && round < rounds; round++) {
        for (size_t i = 0; is_ok && i < 2; i++) {
            bool is_on = round % 2 == 1; /* first */
            double us[2] = {0};

            is_ok = set_copies(b, is_on) && measure_quiet(b, commands[i], &us[is_on]) &&
                    set_copies(b, !is_on) && measure_quiet(b, commands[i], &us[!is_on]);
            ratios[i][round] = us[1] / us[0];
        }
    }
    (void)sched_setaffinity(0, sizeof(allowed), &allowed);
    end(b);
    if (is_ok) {
        printf("nothing is hot: CPU with hot-copies auto, of that with off\n");
        judge(b, "GET, pipelines of 16", report_median(ratios[0], rounds), QUIET_LIMIT, false);
        judge(b, "SET, pipelines of 16", report_median(ratios[1], rounds), QUIET_LIMIT, false);
    }
    return is_ok;
}

static const struct {
    const char *name;
    bool (*run)(struct bench *b);
} parts[] = {
    {"spread",  run_spread },
    {"write",   run_write  },
    {"written", run_written},
    {"demoted", run_demoted},
    {"stopped", run_stopped},
    {"quiet",   run_quiet  },
};

int main(int argc, char **argv)
{
    struct bench *b = mem_alloc_zeroed(MEM_TEST, sizeof(*b));
    const struct option_spec specs[] = {
        {.flag = "--parts", .argument = "LIST",     .text = &b->parts },
        { .flag = "--rounds",  .argument = "N",   .number = &b->rounds, .most = ROUNDS_MAX},
        { .flag = "--readers",  .argument = "N",  .number = &b->readers,       .most = 2000},
        { .flag = "--pipeline",  .argument = "N", .number = &b->pipeline,         .most = 64},
    };
    size_t missed;
    bool is_ok = true;

    b->rounds = 3;
    b->readers = 240;
    b->pipeline = 16;
    if (!options_parse("celebrity", specs, ARRAY_COUNT(specs), argc, argv)) {
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    report_machine();
    for (size_t i = 0; is_ok && i < ARRAY_COUNT(parts); i++) {
        if (b->parts == NULL || options_list_has(b->parts, parts[i].name)) {
            is_ok = parts[i].run(b);
            end(b);
        }
    }
    if (!is_ok) {
        fprintf(stderr, "celebrity: %s\n", b->error.text);
    }
    missed = b->missed;
    mem_free(MEM_TEST, b);
    return !is_ok ? EXIT_FAILURE : missed > 0 ? 3 : EXIT_SUCCESS;
}
