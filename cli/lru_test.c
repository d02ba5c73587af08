/* SPDX-License-Identifier: MIT */
/* Keys are drawn by a self-similar law: of any range, its first fifth gets four of five draws.
 * Batches of SET and GET go out together; a line a second says how many GETs found their key. */
#include "cli/lru_test.h"

#include "base/rng.h"
#include "cli/connect.h"
#include "cli/interrupt.h"
#include "io/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum {
    LINE_MS = 1000,
    BATCH = 250,
    KEY_TEXT = 32,
};

struct lru_test {
    struct connection connection;
    struct rng rng;
    int64_t keys;
    uint64_t hits;
    uint64_t misses;
};

/* log(0.2) / log(0.8): u^7.2 is below 0.2 for four of five u. */
static int64_t draw(struct lru_test *test)
{
    double u = (double)(rng_u64(&test->rng) >> 11) * 0x1.0p-53;

    return (int64_t)((double)test->keys * pow(u, log(0.2) / log(0.8)));
}

static void send_batch(struct lru_test *test)
{
    char key[KEY_TEXT];

    for (int i = 0; i < BATCH; i++) {
        snprintf(key, sizeof(key), "lru:%" PRId64, draw(test));
        client_send_texts(test->connection.client, 3, "SET", key, "value1");
    }
    for (int i = 0; i < BATCH; i++) {
        snprintf(key, sizeof(key), "lru:%" PRId64, draw(test));
        client_send_texts(test->connection.client, 2, "GET", key);
    }
}

static enum connection_status read_batch(struct lru_test *test, struct errmsg *error)
{
    for (int i = 0; i < 2 * BATCH; i++) {
        struct resp_value reply;
        enum connection_status status = connection_read(&test->connection, &reply, error);

        if (status != CONNECTION_OK) {
            return status;
        }
        if (reply.type == RESP_FAILURE) {
            errmsg_set(error, "%.*s", (int)reply.text.len, reply.text.data);
            resp_value_deinit(&reply);
            connection_close(&test->connection);
            return CONNECTION_LOST;
        }
        if (i >= BATCH) {
            test->hits += reply.type != RESP_NULL;
            test->misses += reply.type == RESP_NULL;
        }
        resp_value_deinit(&reply);
    }
    return CONNECTION_OK;
}

static void print_line(const struct lru_test *test, int64_t spent_ms)
{
    uint64_t gets = test->hits + test->misses;
    double all = gets > 0 ? (double)gets : 1;

    printf("%.0f Gets/sec | Hits: %" PRIu64 " (%.2f%%) | Misses: %" PRIu64 " (%.2f%%)\n",
           (double)gets * 1000 / (double)(spent_ms > 0 ? spent_ms : 1), test->hits,
           (double)test->hits / all * 100, test->misses, (double)test->misses / all * 100);
    fflush(stdout);
}

static enum connection_status run_line(struct lru_test *test, int64_t span_ms, struct errmsg *error)
{
    struct mono_time start = clock_mono_now();
    enum connection_status status;

    test->hits = 0;
    test->misses = 0;
    do {
        send_batch(test);
        status = read_batch(test, error);
    } while (status == CONNECTION_OK && mono_ms_between(start, clock_mono_now()) < span_ms);
    if (status != CONNECTION_LOST) {
        print_line(test, mono_ms_between(start, clock_mono_now()));
    }
    return status;
}

int lru_test_run(const struct options *options)
{
    struct interrupt interrupt;
    struct lru_test test = {.keys = options->lru_keys};
    struct errmsg error = {0};
    int64_t span_ms = options->has_interval ? options->interval_ms : LINE_MS;
    enum connection_status status = CONNECTION_LOST;

    interrupt_open(&interrupt);
    rng_init(&test.rng, (uint64_t)clock_mono_now().us);
    connection_init(&test.connection, options, &interrupt);
    if (connection_open(&test.connection, &error)) {
        status = CONNECTION_OK;
    }
    for (int64_t i = 0; status == CONNECTION_OK && ferror(stdout) == 0 &&
                        (options->repeat < 0 || i < options->repeat);
         i++) {
        status = run_line(&test, span_ms, &error);
    }
    connection_close(&test.connection);
    interrupt_close(&interrupt);
    if (status == CONNECTION_LOST) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    return 0;
}
