/* SPDX-License-Identifier: MIT */
/* What a replica costs its primary.
 *
 *     replica [--keys N] [--requests N] [--rounds N] [--peers LIST] [--program [NAME=]PATH]...
 *
 * CPU of a fresh server for each SET in pipelines of 16, without replica and with one, in turn,
 * round by round.  The replica is a server of the same kind on the processor of the load.  The
 * measurement ends when the replica has everything.  Printed are medians of the rounds. */
#include "base/mem.h"
#include "tests/bench/load.h"
#include "tests/bench/peers.h"
#include "tests/bench/report.h"

#include <stdio.h>
#include <string.h>

enum {
    ROUNDS_MAX = 15,
    CONNECTIONS = 50,
    PIPELINE = 16,
    WARM_UP_PART = 10,
    SYNC_MS = 60000,
    PAUSE_MS = 20,
};

enum figure {
    CPU_ALONE,
    CPU_BESIDE,
    THOUSANDS_ALONE,
    THOUSANDS_BESIDE,
    WAITED,
    FIGURE_COUNT,
};

struct replication {
    uint64_t keys;
    uint64_t requests;
    uint64_t rounds;
    const char *names;
    struct option_texts programs;
    struct peers peers;
    struct peer_cpus cpus;
    double samples[PEERS_MAX][FIGURE_COUNT][ROUNDS_MAX];
};

/* ---- the replica ------------------------------------------------------------------------------*/

/* The reply as text; "" when there is none. */
static void ask(struct client *client, struct bytes command, char *out, size_t size)
{
    struct resp_value value;
    struct errmsg error;

    out[0] = '\0';
    client_send_raw(client, command);
    if (client_read(client, &value, &error) == CLIENT_OK) {
        bytes_to_text(resp_value_bytes(&value), out, size);
        resp_value_deinit(&value);
    }
}

/* redis-server waits for more replicas, otherwise; others do not know this setting. */
static void sync_at_once(const struct server *primary)
{
    struct errmsg error;
    struct client *client = server_connect(primary, &error);
    char reply[64];

    if (client != NULL) {
        ask(client, BYTES_LITERAL("CONFIG SET repl-diskless-sync-delay 0\r\n"), reply,
            sizeof(reply));
    }
    client_close(client);
}

static bool wait_until_linked(const struct server *replica, struct errmsg *error)
{
    struct client *client = server_connect(replica, error);
    int64_t until = support_now_ms() + SYNC_MS;
    char reply[4096];

    while (client != NULL && support_now_ms() < until) {
        ask(client, BYTES_LITERAL("INFO replication\r\n"), reply, sizeof(reply));
        if (strstr(reply, "master_link_status:up") != NULL) {
            client_close(client);
            return true;
        }
        support_pause_ms(PAUSE_MS);
    }
    client_close(client);
    errmsg_set(error, "the replica does not reach its primary");
    return false;
}

static bool attach(const struct replication *r, const struct peer *peer,
                   const struct server *primary, struct server *out, struct errmsg *error)
{
    char address[32];
    const char *const args[] = {"--replicaof", address};
    struct peer_options options = {
        .cpu_mask = r->cpus.load, .args = args, .arg_count = ARRAY_COUNT(args)};

    snprintf(address, sizeof(address), "127.0.0.1 %u", (unsigned)primary->port);
    sync_at_once(primary);
    return peer_start(peer, &options, out, error) && wait_until_linked(out, error);
}

/* A write of its own, and the word of the replica that it has it and all before. */
static bool wait_for_replica(const struct server *primary, struct errmsg *error)
{
    struct client *client = server_connect(primary, error);
    struct resp_value value;
    bool is_there = false;

    if (client == NULL) {
        return false;
    }
    client_set_timeout_ms(client, SYNC_MS);
    client_send_raw(client, BYTES_LITERAL("SET last 1\r\nWAIT 1 30000\r\n"));
    for (int i = 0; i < 2; i++) {
        if (client_read(client, &value, error) != CLIENT_OK) {
            client_close(client);
            return false;
        }
        is_there = value.type == RESP_INTEGER && value.integer == 1;
        resp_value_deinit(&value);
    }
    if (!is_there) {
        errmsg_set(error, "the replica has not followed");
    }
    client_close(client);
    return is_there;
}

/* ---- measuring --------------------------------------------------------------------------------*/

static bool measure(const struct replication *r, const struct server *primary, bool has_replica,
                    double figures[FIGURE_COUNT], struct errmsg *error)
{
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    struct load *load = load_open(primary->port, CONNECTIONS, error);
    struct load_request request;
    struct load_result result;
    struct load_task task = {.request = &request,
                             .pipeline = PIPELINE,
                             .request_count = r->requests / WARM_UP_PART,
                             .key_count = r->keys};
    uint64_t cpu_ns;
    uint64_t wait_ns;
    bool is_ok;

    load_request_init(&request, &shape);
    is_ok = load != NULL && load_run(load, &task, &result, error);
    is_ok = is_ok && (!has_replica || wait_for_replica(primary, error));
    task.request_count = r->requests;
    cpu_ns = server_cpu_ns(primary);
    wait_ns = server_wait_ns(primary);
    is_ok = is_ok && load_run(load, &task, &result, error) &&
            (!has_replica || wait_for_replica(primary, error));
    if (is_ok) {
        double requests = (double)result.request_count;

        figures[has_replica ? CPU_BESIDE : CPU_ALONE] =
            (double)(server_cpu_ns(primary) - cpu_ns) / 1000.0 / requests;
        figures[has_replica ? THOUSANDS_BESIDE : THOUSANDS_ALONE] =
            requests * 1000.0 / (double)result.wall_us;
        figures[WAITED] +=
            (double)(server_wait_ns(primary) - wait_ns) / 20.0 / (double)result.wall_us;
    }
    load_request_deinit(&request);
    load_close(load);
    return is_ok;
}

static bool run_once(const struct replication *r, const struct peer *peer, bool has_replica,
                     double figures[FIGURE_COUNT], struct errmsg *error)
{
    struct peer_options options = {.cpu_mask = r->cpus.server};
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    struct server primary;
    struct server replica = {0};
    bool is_ok = peer_start(peer, &options, &primary, error) &&
                 load_fill(primary.port, &shape, r->keys, error) &&
                 (!has_replica || attach(r, peer, &primary, &replica, error)) &&
                 measure(r, &primary, has_replica, figures, error);

    server_cleanup(&replica);
    server_cleanup(&primary);
    return is_ok;
}

static bool run(struct replication *r, struct errmsg *error)
{
    for (size_t round = 0; round < r->rounds; round++) {
        for (size_t at = 0; at < r->peers.count; at++) {
            const struct peer *peer = &r->peers.items[at];
            double figures[FIGURE_COUNT] = {0};

            if (!run_once(r, peer, false, figures, error) ||
                !run_once(r, peer, true, figures, error)) {
                errmsg_wrap(error, "%s", peer->name);
                return false;
            }
            for (int figure = 0; figure < FIGURE_COUNT; figure++) {
                r->samples[at][figure][round] = figures[figure];
            }
        }
    }
    return true;
}

static void print(struct replication *r)
{
    static const char *const columns[FIGURE_COUNT] = {"CPU alone", "with replica", "1000/s alone",
                                                      "with replica", "disturbed %"};
    struct report report = {.title = "CPU of a server for a SET, microseconds"};

    for (size_t figure = 0; figure < FIGURE_COUNT; figure++) {
        report_add_column(&report, columns[figure]);
    }
    report_add_column(&report, "CPU ratio");
    for (size_t at = 0; at < r->peers.count; at++) {
        size_t row = report_add_row(&report, r->peers.items[at].name);
        double *cells = report.cells[row];

        for (size_t figure = 0; figure < FIGURE_COUNT; figure++) {
            cells[figure] = report_median(r->samples[at][figure], r->rounds);
        }
        cells[FIGURE_COUNT] = cells[CPU_BESIDE] / cells[CPU_ALONE];
    }
    report_print(&report);
}

static bool parse_options(struct replication *r, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {.flag = "--keys",      .argument = "N",    .number = &r->keys,    .most = 50000000},
        {.flag = "--requests",                     .argument = "N",                    .number = &r->requests,      .most = 100000000},
        {.flag = "--rounds",    .argument = "N",                      .number = &r->rounds,                     .most = ROUNDS_MAX},
        {.flag = "--peers", .argument = "LIST",.text = &r->names},
        {.flag = "--program",   .argument = "[NAME=]PATH",                         .texts = &r->programs                                                                 },
    };

    return options_parse("replica", specs, ARRAY_COUNT(specs), argc, argv);
}

int main(int argc, char **argv)
{
    struct replication *r = mem_alloc_zeroed(MEM_TEST, sizeof(*r));
    struct errmsg error = {0};
    bool is_ok;

    r->keys = 500000;
    r->requests = 1000000;
    r->rounds = 3;
    if (!parse_options(r, argc, argv)) {
        return 2;
    }
    peers_find(&r->peers, &(struct peer_choice){
                              .is_resp_only = true, .programs = &r->programs, .names = r->names});
    r->cpus = peers_pin();
    report_machine();
    peers_print(&r->peers);
    fflush(stdout);
    is_ok = run(r, &error);
    if (is_ok) {
        print(r);
    } else {
        fprintf(stderr, "replica: %s\n", error.text);
    }
    mem_free(MEM_TEST, r);
    return is_ok ? 0 : 1;
}
