/* SPDX-License-Identifier: MIT */
/* What saving costs those who use the server meanwhile.
 *
 *     save [--keys N] [--rounds N] [--program PATH]
 *
 * Loads N keys (16-byte key, 64-byte value), then keeps writing to random keys in pipelines of 16
 * while a probe sends one GET a millisecond.  Each round is two seconds without saving and then one
 * BGSAVE; printed are the slowest and the 99.9 % request of the probe in both, and how much
 * resident memory grew at most while saving.  Any server that speaks RESP can be measured. */
#include "base/hist.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "io/clock.h"
#include "resp/writer.h"
#include "tests/support/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIPELINE = 16,
    LOAD_PIPELINE = 512,
    VALUE_BYTES = 64,
    STEADY_MS = 2000,
    SAVE_LIMIT_MS = 120000,
};

struct bench {
    struct server server;
    uint64_t key_count;
    atomic_bool is_over;
    atomic_int phase; /* 0 steady, 1 saving */
    struct hist latency_us[2];
    atomic_ulong writes;
};

static void must(bool is_ok, const char *what, const struct errmsg *error)
{
    if (!is_ok) {
        fprintf(stderr, "save: %s: %s\n", what, error->text);
        exit(1);
    }
}

static void set_request(struct buf *out, uint64_t key, const char *value)
{
    char name[17];
    struct bytes words[3] = {BYTES_LITERAL("SET")};

    snprintf(name, sizeof(name), "key:%012llu", (unsigned long long)key);
    words[1] = bytes_from_text(name);
    words[2] = bytes_make(value, VALUE_BYTES);
    resp_write_request(out, words, 3);
}

static void pipeline(struct client *client, const struct buf *requests, int count)
{
    struct errmsg error;

    client_send_raw(client, buf_bytes(requests));
    for (int i = 0; i < count; i++) {
        struct resp_value value;

        must(client_read(client, &value, &error) == CLIENT_OK, "writing", &error);
        resp_value_deinit(&value);
    }
}

static void load(struct bench *bench)
{
    struct errmsg error;
    struct client *client = server_connect(&bench->server, &error);
    struct buf requests = {0};
    char value[VALUE_BYTES];

    must(client != NULL, "connecting", &error);
    memset(value, 'v', sizeof(value));
    for (uint64_t key = 0; key < bench->key_count;) {
        int count = 0;

        buf_clear(&requests);
        for (; count < LOAD_PIPELINE && key < bench->key_count; count++) {
            set_request(&requests, key++, value);
        }
        pipeline(client, &requests, count);
    }
    buf_deinit(&requests);
    client_close(client);
}

static void *write_all_the_time(void *context)
{
    struct bench *bench = context;
    struct errmsg error;
    struct client *client = server_connect(&bench->server, &error);
    struct buf requests = {0};
    struct rng rng;
    char value[VALUE_BYTES];

    must(client != NULL, "connecting", &error);
    rng_init(&rng, 1);
    memset(value, 'w', sizeof(value));
    while (!atomic_load(&bench->is_over)) {
        buf_clear(&requests);
        for (int i = 0; i < PIPELINE; i++) {
            set_request(&requests, rng_below(&rng, bench->key_count), value);
        }
        pipeline(client, &requests, PIPELINE);
        atomic_fetch_add(&bench->writes, PIPELINE);
    }
    buf_deinit(&requests);
    client_close(client);
    return NULL;
}

static void *probe(void *context)
{
    struct bench *bench = context;
    struct errmsg error;
    struct client *client = server_connect(&bench->server, &error);

    must(client != NULL, "connecting", &error);
    while (!atomic_load(&bench->is_over)) {
        struct resp_value value;
        int phase = atomic_load(&bench->phase);
        int64_t start_us = clock_mono_now().us;

        client_send_texts(client, 2, "GET", "key:000000000001");
        must(client_read(client, &value, &error) == CLIENT_OK, "probing", &error);
        hist_add(&bench->latency_us[phase], clock_mono_now().us - start_us);
        resp_value_deinit(&value);
        support_pause_ms(1);
    }
    client_close(client);
    return NULL;
}

/* A line of INFO persistence. */
static bool is_saving(struct client *client)
{
    struct resp_value value;
    struct errmsg error;
    bool is_on;

    client_send_texts(client, 2, "INFO", "persistence");
    must(client_read(client, &value, &error) == CLIENT_OK, "INFO", &error);
    is_on = memmem(value.text.data, value.text.len, "rdb_bgsave_in_progress:1", 24) != NULL;
    resp_value_deinit(&value);
    return is_on;
}

static int64_t run_round(struct bench *bench, struct client *client, double *growth)
{
    struct resp_value value;
    struct errmsg error;
    uint64_t before;
    uint64_t most;
    int64_t start_ms;

    atomic_store(&bench->phase, 0);
    support_pause_ms(STEADY_MS);
    before = server_resident_bytes(&bench->server);
    most = before;
    atomic_store(&bench->phase, 1);
    start_ms = support_now_ms();
    client_send_texts(client, 1, "BGSAVE");
    must(client_read(client, &value, &error) == CLIENT_OK, "BGSAVE", &error);
    resp_value_deinit(&value);
    do {
        uint64_t now = server_resident_bytes(&bench->server);

        most = now > most ? now : most;
        support_pause_ms(5);
    } while (is_saving(client) && support_now_ms() - start_ms < SAVE_LIMIT_MS);
    *growth = 100.0 * ((double)most - (double)before) / (double)before;
    return support_now_ms() - start_ms;
}

static void print_round(struct bench *bench, int round, int64_t save_ms, double growth)
{
    const struct hist *steady = &bench->latency_us[0];
    const struct hist *saving = &bench->latency_us[1];

    printf("round %d: steady p99.9 %5.2f ms, slowest %5.2f ms; saving (%lld ms) p99.9 %5.2f ms, "
           "slowest %5.2f ms; memory +%.1f %%\n",
           round, (double)hist_quantile(steady, 0.999) / 1000.0, (double)steady->max / 1000.0,
           (long long)save_ms, (double)hist_quantile(saving, 0.999) / 1000.0,
           (double)saving->max / 1000.0, growth);
    fflush(stdout);
}

static void run(struct bench *bench, int rounds)
{
    pthread_t threads[2];
    struct errmsg error;
    struct client *client;

    load(bench);
    printf("%llu keys loaded, resident %.1f MB\n", (unsigned long long)bench->key_count,
           (double)server_resident_bytes(&bench->server) / 1e6);
    client = server_connect(&bench->server, &error);
    must(client != NULL, "connecting", &error);
    pthread_create(&threads[0], NULL, write_all_the_time, bench);
    pthread_create(&threads[1], NULL, probe, bench);
    for (int round = 1; round <= rounds; round++) {
        double growth;
        int64_t save_ms;

        memset(bench->latency_us, 0, sizeof(bench->latency_us));
        save_ms = run_round(bench, client, &growth);
        print_round(bench, round, save_ms, growth);
    }
    atomic_store(&bench->is_over, true);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    printf("%lu writes meanwhile\n", atomic_load(&bench->writes));
    client_close(client);
}

int main(int argc, char **argv)
{
    static struct bench bench; /* histograms are too large for a stack */
    struct errmsg error = {0};
    char program[SERVER_PATH_MAX];
    uint64_t rounds = 3;

    bench.key_count = 2000000;
    snprintf(program, sizeof(program), "%s/starling-server", server_bin_dir());
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--program") == 0) {
            snprintf(program, sizeof(program), "%s", argv[i + 1]);
        } else if (!(strcmp(argv[i], "--keys") == 0 &&
                     num_parse_u64(bytes_from_text(argv[i + 1]), &bench.key_count)) &&
                   !(strcmp(argv[i], "--rounds") == 0 &&
                     num_parse_u64(bytes_from_text(argv[i + 1]), &rounds))) {
            fprintf(stderr, "usage: save [--keys N] [--rounds N] [--program PATH]\n");
            return 2;
        }
    }
    must(server_prepare(&bench.server, program, &error), "preparing", &error);
    server_add_arg(&bench.server, "--save");
    server_add_arg(&bench.server, "");
    must(server_start(&bench.server, &error), "starting", &error);
    run(&bench, (int)rounds);
    server_cleanup(&bench.server);
    return 0;
}
