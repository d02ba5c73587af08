/* SPDX-License-Identifier: MIT */
/* How many of the hottest keys a server finds in a second.
 *
 *     hotkeys [--rounds N] [--depth N] [--program PATH]
 *
 * GETs of a million keys by Zipf's law (exponent 0.99), so many in a write, go to it for a second; then HOTKEYS GET
 * is asked, and compared with what was sent. */
#include "base/num.h"
#include "base/rng.h"
#include "io/client.h"
#include "tests/bench/options.h"
#include "tests/bench/report.h"
#include "tests/support/server.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    KEYS = 1000000,
    TOP = 10,
    FIRST_NUMBER = 1000000, /* names of one length, without zeros in front */
};

static uint32_t exact[KEYS];

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Ranks are few in the beginning: the inverse of an integral would give the first ones too little. */
static double cumulative[KEYS];

static void make_law(void)
{
    double sum = 0;

    for (size_t i = 0; i < KEYS; i++) {
        sum += pow((double)(i + 1), -0.99);
        cumulative[i] = sum;
    }
}

static size_t draw(struct rng *rng)
{
    double u = (double)(rng_u64(rng) >> 11) / 9007199254740992.0 * cumulative[KEYS - 1];
    size_t low = 0;
    size_t high = KEYS - 1;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (cumulative[middle] < u) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool write_and_read(struct client *client, struct rng *rng, size_t depth)
{
    struct errmsg error;

    for (size_t i = 0; i < depth; i++) {
        char text[64];
        size_t key = draw(rng);
        int len = snprintf(text, sizeof(text), "*2\r\n$3\r\nGET\r\n$11\r\nkey:%zu\r\n",
                           FIRST_NUMBER + key);

        exact[key]++;
        client_send_raw(client, bytes_make(text, (size_t)len));
    }
    for (size_t i = 0; i < depth; i++) {
        struct resp_value reply;

        if (client_read(client, &reply, &error) != CLIENT_OK) {
            fprintf(stderr, "%s\n", error.text);
            return false;
        }
        resp_value_deinit(&reply);
    }
    return true;
}

/* How many of the ten keys that were sent most are among those that the server names. */
static int compare(struct client *client)
{
    struct resp_value reply;
    struct errmsg error;
    uint32_t least[TOP] = {0};
    int found = 0;

    client_send_texts(client, 2, "HOTKEYS", "GET");
    if (client_read(client, &reply, &error) != CLIENT_OK) {
        return -1;
    }
    for (size_t i = 0; i < KEYS; i++) {
        for (size_t place = 0; place < TOP; place++) {
            if (exact[i] > least[place]) {
                memmove(&least[place + 1], &least[place], (TOP - 1 - place) * sizeof(least[0]));
                least[place] = exact[i];
                break;
            }
        }
    }
    for (size_t i = 0; i < reply.child_count && i < TOP; i++) {
        const struct resp_value *key = resp_value_find(&reply.children[i], "key");
        uint64_t number;

        if (key == NULL ||
            !num_parse_u64(bytes_from(buf_bytes(&key->text), strlen("key:")), &number)) {
            continue;
        }

        number -= FIRST_NUMBER;
        found += number < KEYS && exact[number] >= least[TOP - 1];
    }
    resp_value_deinit(&reply);
    return found;
}

/* A second of GETs, and how many of the hottest were named; -1 when that cannot be. */
static int run_round(struct client *client, struct rng *rng, size_t depth, uint64_t *count)
{
    struct resp_value reply;
    struct errmsg error;
    double began_s = now_s();

    memset(exact, 0, sizeof(exact));
    *count = 0;
    client_send_texts(client, 2, "HOTKEYS", "RESET");
    if (client_read(client, &reply, &error) != CLIENT_OK) {
        return -1;
    }
    resp_value_deinit(&reply);
    while (now_s() - began_s < 1.0) {
        if (!write_and_read(client, rng, depth)) {
            return -1;
        }
        *count += depth;
    }
    return compare(client);
}

static bool run(const struct server *server, uint64_t rounds, uint64_t depth, struct errmsg *error)
{
    struct client *client = server_connect(server, error);
    struct rng rng;
    int found = 0;

    if (client == NULL) {
        return false;
    }
    rng_init(&rng, 1);
    for (uint64_t round = 0; round < rounds && found >= 0; round++) {
        uint64_t count;

        found = run_round(client, &rng, (size_t)depth, &count);
        printf("%llu GETs in a second: %d of the top %d\n", (unsigned long long)count, found, TOP);
        fflush(stdout);
    }
    client_close(client);
    return found >= 0;
}

int main(int argc, char **argv)
{
    char ours[SERVER_PATH_MAX];
    const char *program = ours;
    uint64_t rounds = 5;
    uint64_t depth = 64;
    const struct option_spec specs[] = {
        {.flag = "--rounds", .argument = "N", .number = &rounds, .most = 1000},
        {.flag = "--depth",                  .argument = "N",                 .number = &depth,  .most = 10000},
        {.flag = "--program",     .argument = "PATH",                    .text = &program                 },
    };
    static struct server server;
    struct errmsg error = {0};
    bool is_ok;

    snprintf(ours, sizeof(ours), "%s/starling-server", server_bin_dir());
    if (!options_parse("hotkeys", specs, ARRAY_COUNT(specs), argc, argv)) {
        return 2;
    }
    report_machine();
    make_law();
    is_ok = server_prepare(&server, program, &error) && server_start(&server, &error) &&
            run(&server, rounds, depth, &error);
    if (!is_ok) {
        fprintf(stderr, "hotkeys: %s\n", error.text);
    }
    server_cleanup(&server);
    return is_ok ? 0 : 1;
}
