/* SPDX-License-Identifier: MIT */
/* What large values cost those who use the server meanwhile.
 *
 *     large [--members N] [--writes N] [--rounds N] [--program PATH]
 *
 * Loads a hash, a sorted set, a list and a stream of N members each, then goes on to change them, so many times
 * a second, in pipelines of 20, while a probe sends one GET a millisecond.  Measured are two seconds of nothing else,
 * then a BGSAVE, a full resync of a replica, and the DEL of each value; printed is what the probe has felt in each,
 * the longest pass of the server's loop by the clock and by its own processor time, and how much resident memory grew at most.  The server's loop has the first processor for itself, as
 * on a machine that has many; its worker thread, the replica and the load share the second. */
#include "base/mem.h"
#include "base/rng.h"
#include "io/clock.h"
#include "resp/writer.h"
#include "tests/bench/load.h"
#include "tests/bench/longest.h"
#include "tests/bench/options.h"
#include "tests/bench/peers.h"
#include "tests/bench/probe.h"
#include "tests/bench/report.h"
#include "tests/support/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIPELINE = 20,
    STEADY_MS = 2000,
    LIMIT_MS = 300000,
    POLL_MS = 5,
    ROUNDS_MAX = 15,
};

struct large {
    struct server server;
    uint64_t members;
    uint64_t writes_per_second;
    uint64_t rounds;
    const char *program;
    atomic_bool is_over;
    atomic_ulong writes;
    uint64_t most_bytes; /* resident, in this phase */
    struct hist felt_us; /* by the probe, in this phase */
};

/* What is loaded, and how it is changed: {n} is the number of a member. */
static const struct {
    const char *key;
    const char *fill;
    const char *begin;
    size_t line_count;
} values[] = {
    {"hash",   "HSET hash field:{n} value:{n}", ":", 1},
    {"zset",   "ZADD zset {n} member:{n}",      ":", 1},
    {"list",   "RPUSH list element:{n}",        ":", 1},
    {"stream", "XADD stream * field {n}",       "$", 2},
};

static void must(struct large *l, bool is_ok, const char *what, const struct errmsg *error)
{
    if (!is_ok) {
        fprintf(stderr, "large: %s: %s\n", what, error->text);
        server_cleanup(&l->server);
        exit(1);
    }
}

/* ---- loading ----------------------------------------------------------------------------------*/

static void fill(struct large *l, size_t value)
{
    struct errmsg error = {0};
    struct load_request request;

    load_request_init_text(&request, values[value].fill, values[value].begin,
                           values[value].line_count);
    must(l, load_fill_request(l->server.port, &request, l->members, l->members, &error),
         values[value].key, &error);
    load_request_deinit(&request);
}

/* ---- changing ---------------------------------------------------------------------------------*/

static void add_change(struct buf *out, struct rng *rng, uint64_t members)
{
    unsigned long long member = rng_below(rng, members);
    unsigned long long number = rng_below(rng, members);
    char line[160];

    switch (rng_below(rng, 8)) {
    case 0:
    case 1:
        snprintf(line, sizeof(line), "HSET hash field:%012llu value:%012llu\r\n", member, number);
        break;
    case 2:
    case 3:
        snprintf(line, sizeof(line), "ZADD zset %llu member:%012llu\r\n", number, member);
        break;
    case 4:
        snprintf(line, sizeof(line), "HDEL hash field:%012llu\r\n", member);
        break;
    case 5:
        snprintf(line, sizeof(line), "LMOVE list list LEFT RIGHT\r\n");
        break;
    case 6:
        snprintf(line, sizeof(line), "ZREM zset member:%012llu\r\n", member);
        break;
    default:
        snprintf(line, sizeof(line), "XADD stream MAXLEN ~ %llu * field %llu\r\n",
                 (unsigned long long)members, number);
        break;
    }
    buf_append_text(out, line);
}

static void *change_all_the_time(void *context)
{
    struct large *l = context;
    struct errmsg error;
    struct client *client = server_connect(&l->server, &error);
    int64_t due_us = clock_mono_now().us;
    int64_t interval_us = (int64_t)(1000000 * PIPELINE / l->writes_per_second);
    struct buf requests = {0};
    struct rng rng;

    must(l, client != NULL, "connecting", &error);
    client_set_timeout_ms(client, LIMIT_MS);
    rng_init(&rng, 1);
    while (!atomic_load(&l->is_over)) {
        buf_clear(&requests);
        for (int i = 0; i < PIPELINE; i++) {
            add_change(&requests, &rng, l->members);
        }
        client_send_raw(client, buf_bytes(&requests));
        for (int i = 0; i < PIPELINE; i++) {
            struct resp_value reply;

            must(l, client_read(client, &reply, &error) == CLIENT_OK, "writing", &error);
            resp_value_deinit(&reply);
        }
        atomic_fetch_add(&l->writes, PIPELINE);
        due_us += interval_us;
        while (clock_mono_now().us < due_us) {
            support_pause_ms(1);
        }
    }
    buf_deinit(&requests);
    client_close(client);
    return NULL;
}

/* ---- what is measured -------------------------------------------------------------------------*/

/* Does the INFO of a server have the line? */
static bool has_line(struct large *l, const struct server *server, const char *line)
{
    struct errmsg error = {0};
    struct client *client = server_connect(server, &error);
    struct resp_value reply;
    bool is_there;

    must(l, client != NULL, "connecting", &error);
    client_send_texts(client, 1, "INFO");
    must(l, client_read(client, &reply, &error) == CLIENT_OK, "INFO", &error);
    is_there = memmem(reply.text.data, reply.text.len, line, strlen(line)) != NULL;
    resp_value_deinit(&reply);
    client_close(client);
    return is_there;
}

static void wait_for(struct large *l, const struct server *server, const char *line)
{
    int64_t until_ms = support_now_ms() + LIMIT_MS;

    do {
        uint64_t now = server_resident_bytes(&l->server);

        l->most_bytes = now > l->most_bytes ? now : l->most_bytes;
        support_pause_ms(POLL_MS);
    } while (!has_line(l, server, line) && support_now_ms() < until_ms);
}

static void call(struct large *l, size_t word_count, const char *command, const char *key)
{
    struct errmsg error = {0};
    struct client *client = server_connect(&l->server, &error);
    struct resp_value reply;

    must(l, client != NULL, "connecting", &error);
    client_send_texts(client, word_count, command, key);
    must(l, client_read(client, &reply, &error) == CLIENT_OK, command, &error);
    resp_value_deinit(&reply);
    client_close(client);
}

static void stay_steady(struct large *l, const char *argument)
{
    (void)l;
    (void)argument;
    support_pause_ms(STEADY_MS);
}

static void save(struct large *l, const char *argument)
{
    (void)argument;
    call(l, 1, "BGSAVE", NULL);
    wait_for(l, &l->server, "rdb_bgsave_in_progress:0");
}

static void sync_replica(struct large *l, const char *argument)
{
    struct errmsg error = {0};
    struct server replica;
    char address[32];

    (void)argument;
    snprintf(address, sizeof(address), "127.0.0.1 %u", (unsigned)l->server.port);
    must(l, server_prepare(&replica, l->program, &error), "preparing", &error);
    server_add_arg(&replica, "--save");
    server_add_arg(&replica, "");
    server_add_arg(&replica, "--replicaof");
    server_add_arg(&replica, address);
    must(l, server_start(&replica, &error), "starting", &error);
    wait_for(l, &l->server, "state=online");
    server_cleanup(&replica);
}

static void delete_value(struct large *l, const char *key)
{
    call(l, 2, "DEL", key);
    support_pause_ms(STEADY_MS);
}

typedef void phase_fn(struct large *l, const char *argument);

static void measure(struct large *l, const char *name, phase_fn *run, const char *argument)
{
    struct errmsg error = {0};
    uint64_t before = server_resident_bytes(&l->server);
    struct probe *probe = probe_start(l->server.port, false, &error);
    int64_t start_ms = support_now_ms();
    struct longest longest;

    must(l, probe != NULL, "starting the probe", &error);
    must(l, longest_begin(&l->server, &error), "watching passes", &error);
    l->most_bytes = before;
    run(l, argument);
    start_ms = support_now_ms() - start_ms;
    must(l, probe_stop(probe, &l->felt_us, &error), "probing", &error);
    must(l, longest_end(&l->server, &longest, &error), "watching passes", &error);
    printf("%-12s %7lld ms  p99 %6.2f  p99.9 %6.2f  slowest %6.2f  pass %6.2f, CPU %6.2f ms  "
           "memory +%.1f %%\n",
           name, (long long)start_ms, (double)hist_quantile(&l->felt_us, 0.99) / 1e3,
           (double)hist_quantile(&l->felt_us, 0.999) / 1e3, (double)l->felt_us.max / 1e3,
           longest.ms, longest.cpu_ms, 100.0 * (double)(l->most_bytes - before) / (double)before);
    fflush(stdout);
}

static void run_round(struct large *l)
{
    pthread_t writer;

    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        fill(l, i);
    }
    printf("loaded, resident %.1f MB\n", (double)server_resident_bytes(&l->server) / 1e6);
    atomic_store(&l->is_over, false);
    pthread_create(&writer, NULL, change_all_the_time, l);
    measure(l, "steady", stay_steady, NULL);
    measure(l, "BGSAVE", save, NULL);
    measure(l, "full resync", sync_replica, NULL);
    measure(l, "steady", stay_steady, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        char name[32];

        snprintf(name, sizeof(name), "DEL %s", values[i].key);
        measure(l, name, delete_value, values[i].key);
    }
    atomic_store(&l->is_over, true);
    pthread_join(writer, NULL);
    call(l, 1, "FLUSHALL", NULL);
}

int main(int argc, char **argv)
{
    struct large *l = mem_alloc_zeroed(MEM_TEST, sizeof(*l));
    struct errmsg error = {0};
    struct peer_cpus cpus;
    char ours[SERVER_PATH_MAX];
    /* clang-format off */
    const struct option_spec specs[] = {
        {.flag = "--members", .argument = "N", .number = &l->members, .most = 50000000},
        {.flag = "--writes", .argument = "N", .number = &l->writes_per_second, .most = 1000000},
        {.flag = "--rounds", .argument = "N", .number = &l->rounds, .most = ROUNDS_MAX},
        {.flag = "--program", .argument = "PATH", .text = &l->program},
    };
    /* clang-format on */

    l->members = 5000000;
    l->writes_per_second = 20000;
    l->rounds = 1;
    snprintf(ours, sizeof(ours), "%s/starling-server", server_bin_dir());
    l->program = ours;
    if (!options_parse("large", specs, ARRAY_COUNT(specs), argc, argv)) {
        return 2;
    }
    report_machine();
    cpus = peers_pin();
    printf("%s, %llu members each, %llu writes a second\n", l->program,
           (unsigned long long)l->members, (unsigned long long)l->writes_per_second);
    must(l, server_prepare(&l->server, l->program, &error), "preparing", &error);
    server_add_arg(&l->server, "--save");
    server_add_arg(&l->server, "");
    must(l, server_start(&l->server, &error), "starting", &error);
    peers_pin_loop(&l->server, cpus);
    for (uint64_t round = 0; round < l->rounds; round++) {
        run_round(l);
    }
    printf("%lu writes meanwhile\n", atomic_load(&l->writes));
    server_cleanup(&l->server);
    mem_free(MEM_TEST, l);
    return 0;
}
