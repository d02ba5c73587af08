/* SPDX-License-Identifier: MIT */
/* How many of the hottest keys a running server finds in a second.
 *
 *     hotkeys [PORT [DEPTH]]
 *
 * GETs of a million keys by Zipf's law (exponent 0.99), DEPTH of them in a write, go to the server on that port of
 * this machine for a second; then HOTKEYS GET is asked, and compared with what was sent. */
#include "base/num.h"
#include "base/rng.h"
#include "io/client.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    KEYS = 1000000,
    TOP = 10,
    ROUNDS = 5,
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
        int len = snprintf(text, sizeof(text), "*2\r\n$3\r\nGET\r\n$11\r\nkey:%07zu\r\n", key);

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
                memmove(&least[place + 1], &least[place],
                        (TOP - 1 - place) * sizeof(least[0]));
                least[place] = exact[i];
                break;
            }
        }
    }
    for (size_t i = 0; i < reply.child_count && i < TOP; i++) {
        const struct resp_value *key = resp_value_find(&reply.children[i], "key");
        size_t number = key != NULL ? strtoul(key->text.data + 4, NULL, 10) : KEYS;

        found += number < KEYS && exact[number] >= least[TOP - 1];
    }
    resp_value_deinit(&reply);
    return found;
}

int main(int argc, char **argv)
{
    int64_t port = argc > 1 ? atoi(argv[1]) : 6379;
    size_t depth = argc > 2 ? strtoul(argv[2], NULL, 10) : 256;
    struct client_options options = {
        .host = "127.0.0.1", .port = (uint16_t)port, .timeout_ms = 10000};
    struct errmsg error;
    struct client *client = client_open(&options, &error);
    struct rng rng;

    if (client == NULL) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    make_law();
    rng_init(&rng, 1);
    for (int round = 0; round < ROUNDS; round++) {
        struct resp_value reply;
        double began_s = now_s();
        uint64_t count = 0;

        memset(exact, 0, sizeof(exact));
        client_send_texts(client, 2, "HOTKEYS", "RESET");
        if (client_read(client, &reply, &error) != CLIENT_OK) {
            return 1;
        }
        resp_value_deinit(&reply);
        while (now_s() - began_s < 1.0) {
            if (!write_and_read(client, &rng, depth)) {
                return 1;
            }
            count += depth;
        }
        printf("%llu GETs in a second: %d of the top %d\n", (unsigned long long)count,
               compare(client), TOP);
    }
    client_close(client);
    return 0;
}
