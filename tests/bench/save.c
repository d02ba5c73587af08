/* SPDX-License-Identifier: MIT */
/* What saving costs those who use the server meanwhile.
 *
 *     save [--keys N] [--rounds N] [--program PATH]
 *
 * Loads N keys (16-byte key, 64-byte value), then keeps writing to random keys in pipelines of 16
 * while a probe sends one GET a millisecond.  Each round is two seconds without saving and then one
 * BGSAVE; printed are the slowest and the 99.9 % request of the probe in both, and how much
 * resident memory grew at most while saving; at the end the medians of the rounds.  Any server that
 * speaks RESP can be measured.  Nothing is pinned: a save may take the other processor. */
#include "base/mem.h"
#include "base/rng.h"
#include "resp/writer.h"
#include "tests/bench/load.h"
#include "tests/bench/options.h"
#include "tests/bench/probe.h"
#include "tests/bench/report.h"
#include "tests/support/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS_MAX = 31,
    PIPELINE = 16,
    STEADY_MS = 2000,
    SAVE_LIMIT_MS = 120000,
    POLL_MS = 5,
};

enum figure {
    STEADY_P999_MS,
    SAVING_P999_MS,
    P999_RATIO,
    GROWTH_PERCENT,
    FIGURE_COUNT,
};

struct bench {
    struct server server;
    uint64_t key_count;
    uint64_t rounds;
    atomic_bool is_over;
    atomic_ulong writes;
    struct hist steady_us;
    struct hist saving_us;
    double samples[FIGURE_COUNT][ROUNDS_MAX];
};

static void must(struct bench *bench, bool is_ok, const char *what, const struct errmsg *error)
{
    if (!is_ok) {
        fprintf(stderr, "save: %s: %s\n", what, error->text);
        server_cleanup(&bench->server);
        exit(1);
    }
}

static void load(struct bench *bench)
{
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    struct errmsg error;

    must(bench, load_fill(bench->server.port, &shape, bench->key_count, &error), "loading", &error);
    printf("%llu keys loaded, resident %.1f MB\n", (unsigned long long)bench->key_count,
           (double)server_resident_bytes(&bench->server) / 1e6);
}

static void set_request(struct buf *out, uint64_t key)
{
    char name[LOAD_KEY_BYTES + 1];
    struct bytes words[3] = {BYTES_LITERAL("SET")};

    snprintf(name, sizeof(name), "key:%012llu", (unsigned long long)key);
    words[1] = bytes_from_text(name);
    words[2] = load_value(LOAD_VALUE_MAX);
    resp_write_request(out, words, 3);
}

static void pipeline(struct bench *bench, struct client *client, const struct buf *requests)
{
    struct errmsg error;

    client_send_raw(client, buf_bytes(requests));
    for (int i = 0; i < PIPELINE; i++) {
        struct resp_value value;

        must(bench, client_read(client, &value, &error) == CLIENT_OK, "writing", &error);
        resp_value_deinit(&value);
    }
}

static void *write_all_the_time(void *context)
{
    struct bench *bench = context;
    struct errmsg error;
    struct client *client = server_connect(&bench->server, &error);
    struct buf requests = {0};
    struct rng rng;

    must(bench, client != NULL, "connecting", &error);
    rng_init(&rng, 1);
    while (!atomic_load(&bench->is_over)) {
        buf_clear(&requests);
        for (int i = 0; i < PIPELINE; i++) {
            set_request(&requests, rng_below(&rng, bench->key_count));
        }
        pipeline(bench, client, &requests);
        atomic_fetch_add(&bench->writes, PIPELINE);
    }
    buf_deinit(&requests);
    client_close(client);
    return NULL;
}

/* A line of INFO persistence. */
static bool is_saving(struct bench *bench, struct client *client)
{
    struct resp_value value;
    struct errmsg error;
    bool is_on;

    client_send_texts(client, 2, "INFO", "persistence");
    must(bench, client_read(client, &value, &error) == CLIENT_OK, "INFO", &error);
    is_on = memmem(value.text.data, value.text.len, "rdb_bgsave_in_progress:1", 24) != NULL;
    resp_value_deinit(&value);
    return is_on;
}

/* From BGSAVE to its end; the most resident bytes meanwhile. */
static uint64_t save(struct bench *bench, struct client *client)
{
    int64_t until_ms = support_now_ms() + SAVE_LIMIT_MS;
    struct resp_value value;
    struct errmsg error;
    uint64_t most = 0;

    client_send_texts(client, 1, "BGSAVE");
    must(bench, client_read(client, &value, &error) == CLIENT_OK, "BGSAVE", &error);
    resp_value_deinit(&value);
    do {
        uint64_t now = server_resident_bytes(&bench->server);

        most = now > most ? now : most;
        support_pause_ms(POLL_MS);
    } while (is_saving(bench, client) && support_now_ms() < until_ms);
    return most;
}

static struct probe *start_probe(struct bench *bench)
{
    struct errmsg error;
    struct probe *probe = probe_start(bench->server.port, false, &error);

    must(bench, probe != NULL, "starting the probe", &error);
    return probe;
}

static void run_round(struct bench *bench, struct client *client, uint64_t round)
{
    struct errmsg error;
    struct probe *probe = start_probe(bench);
    uint64_t before;
    uint64_t most;
    int64_t start_ms;
    double growth;

    support_pause_ms(STEADY_MS);
    must(bench, probe_stop(probe, &bench->steady_us, &error), "probing", &error);
    before = server_resident_bytes(&bench->server);
    probe = start_probe(bench);
    start_ms = support_now_ms();
    most = save(bench, client);
    start_ms = support_now_ms() - start_ms;
    must(bench, probe_stop(probe, &bench->saving_us, &error), "probing", &error);
    growth = most > before ? 100.0 * (double)(most - before) / (double)before : 0;
    bench->samples[STEADY_P999_MS][round] = (double)hist_quantile(&bench->steady_us, 0.999) / 1e3;
    bench->samples[SAVING_P999_MS][round] = (double)hist_quantile(&bench->saving_us, 0.999) / 1e3;
    bench->samples[P999_RATIO][round] =
        bench->samples[SAVING_P999_MS][round] / bench->samples[STEADY_P999_MS][round];
    bench->samples[GROWTH_PERCENT][round] = growth;
    printf("round %llu: steady p99.9 %5.2f ms, slowest %5.2f ms; saving (%lld ms) p99.9 %5.2f ms, "
           "slowest %5.2f ms; memory +%.1f %%\n",
           (unsigned long long)round + 1, bench->samples[STEADY_P999_MS][round],
           (double)bench->steady_us.max / 1e3, (long long)start_ms,
           bench->samples[SAVING_P999_MS][round], (double)bench->saving_us.max / 1e3, growth);
    fflush(stdout);
}

static void run(struct bench *bench)
{
    pthread_t writer;
    struct errmsg error;
    struct client *client = server_connect(&bench->server, &error);

    must(bench, client != NULL, "connecting", &error);
    load(bench);
    pthread_create(&writer, NULL, write_all_the_time, bench);
    for (uint64_t round = 0; round < bench->rounds; round++) {
        run_round(bench, client, round);
    }
    atomic_store(&bench->is_over, true);
    pthread_join(writer, NULL);
    printf("%lu writes meanwhile\n", atomic_load(&bench->writes));
    printf("medians: steady p99.9 %.2f ms, saving p99.9 %.2f ms, ratio %.2f, memory +%.1f %%\n",
           report_median(bench->samples[STEADY_P999_MS], bench->rounds),
           report_median(bench->samples[SAVING_P999_MS], bench->rounds),
           report_median(bench->samples[P999_RATIO], bench->rounds),
           report_median(bench->samples[GROWTH_PERCENT], bench->rounds));
    client_close(client);
}

int main(int argc, char **argv)
{
    struct bench *bench = mem_alloc_zeroed(MEM_TEST, sizeof(*bench));
    struct errmsg error = {0};
    char ours[SERVER_PATH_MAX];
    const char *program = ours;
    const struct option_spec specs[] = {
        {.flag = "--keys",    .argument = "N", .number = &bench->key_count, .most = 50000000},
        {.flag = "--rounds",                   .argument = "N",                 .number = &bench->rounds,           .most = ROUNDS_MAX},
        {.flag = "--program", .argument = "PATH",                .text = &program              },
    };

    bench->key_count = 2000000;
    bench->rounds = 3;
    snprintf(ours, sizeof(ours), "%s/starling-server", server_bin_dir());
    if (!options_parse("save", specs, ARRAY_COUNT(specs), argc, argv)) {
        return 2;
    }
    report_machine();
    printf("%s\n", program);
    must(bench, server_prepare(&bench->server, program, &error), "preparing", &error);
    server_add_arg(&bench->server, "--save");
    server_add_arg(&bench->server, "");
    must(bench, server_start(&bench->server, &error), "starting", &error);
    run(bench);
    server_cleanup(&bench->server);
    mem_free(MEM_TEST, bench);
    return 0;
}
