/* SPDX-License-Identifier: MIT */
#include "tests/crash/work.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

enum {
    REQUEST_MAX = 24 * 1024,
    VALUE_MAX = 20000, /* of which a request spans several segments */
    LONG_MAX = 3000,
    SHORT_MAX = 30,
    KEYS = 6,
    MULTI_MAX = 4,
    FAULT_EVENTS = 15,
    RETRY_US = 1100000,
    VOLATILE_MS = 40,
};

static unsigned below(struct trial *trial, unsigned bound)
{
    return (unsigned)rng_below(&trial->rng, bound);
}

static void write_value(struct trial *trial, char *out)
{
    unsigned most = rng_one_in(&trial->rng, 12)  ? VALUE_MAX
                    : rng_one_in(&trial->rng, 4) ? LONG_MAX
                                                 : SHORT_MAX;
    size_t len = 1 + below(trial, most);

    rng_hex(&trial->rng, out, len);
    out[len] = '\0';
}

/* A change of data. */
static void write_change(struct trial *trial, char request[REQUEST_MAX])
{
    static const char *const shapes[] = {
        "SET s%u %s\r\n",       "SET s%u %s\r\n",      "APPEND s%u %s\r\n", "RPUSH l%u %s\r\n",
        "LPUSH l%u %s\r\n",     "LPOP l%u\r\n",        "SADD set%u %s\r\n", "HSET h%u f %s\r\n",
        "ZADD z%u 1 %s\r\n",    "DEL s%u\r\n",         "INCR n%u\r\n",      "XADD x%u * f %s\r\n",
        "SPOP set%u\r\n",       "UNLINK l%u\r\n",      "GETDEL s%u\r\n",    "SETRANGE s%u 2 %s\r\n",
        "MSET s%u %s s0 x\r\n", "LTRIM l%u -3 -1\r\n",
    };
    char value[VALUE_MAX + 1];

    write_value(trial, value);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(request, REQUEST_MAX, shapes[below(trial, sizeof(shapes) / sizeof(shapes[0]))],
             below(trial, KEYS), value);
#pragma GCC diagnostic pop
}

/* One of a transaction's requests. */
static void go_on_with_multi(struct trial *trial, size_t client)
{
    struct trial_client *c = &trial->clients[client];
    char request[REQUEST_MAX];

    if (c->queued > 1 && (c->queued > MULTI_MAX || rng_one_in(&trial->rng, 3))) {
        c->queued = 0;
        trial_pass(trial, 500, client, PROMISE_WRITE, "EXEC\r\n");
        return;
    }
    c->queued++;
    write_change(trial, request);
    trial_pass(trial, 500, client, PROMISE_NOTHING, request);
}

/* A key that expires, one at a time; it goes when somebody looks, or by itself when nothing else happens. */
static void expire(struct trial *trial, size_t client)
{
    char request[REQUEST_MAX];

    if (trial->volatile_until_us == 0) {
        snprintf(request, sizeof(request), "SET v%llu x PX %u\r\n",
                 (unsigned long long)++trial->volatile_keys, VOLATILE_MS);
        trial->volatile_until_us = trial->a->now_us + (VOLATILE_MS + 2) * 1000;
        trial_pass(trial, 500, client, PROMISE_NOTHING, "SELECT 0\r\n");
        if (!trial->clients[client].is_waiting) {
            trial_pass(trial, 500, client, PROMISE_WRITE, request);
        }
        return;
    }
    if (trial->a->now_us <= trial->volatile_until_us) {
        trial_pass(trial, VOLATILE_MS * 1000, TRIAL_CLIENTS, PROMISE_NOTHING, "");
    }
    trial->volatile_until_us = 0;
    trial_pass(trial, 500, client, PROMISE_NOTHING, "DEBUG SET-ACTIVE-EXPIRE 1\r\n");
    for (int i = 0; i < 3; i++) {
        trial_pass(trial, 100000, TRIAL_CLIENTS, PROMISE_NOTHING, "");
    }
    if (!trial->clients[client].is_waiting) {
        trial_pass(trial, 500, client, PROMISE_NOTHING, "DEBUG SET-ACTIVE-EXPIRE 0\r\n");
    }
}

static void select_database(struct trial *trial, size_t client)
{
    char request[REQUEST_MAX];

    snprintf(request, sizeof(request), "SELECT %u\r\n", below(trial, 4));
    trial_pass(trial, 500, client, PROMISE_NOTHING, request);
}

static void send_request(struct trial *trial, size_t client)
{
    char request[REQUEST_MAX];

    switch (below(trial, 40)) {
    case 0:
        trial_pass(trial, 500, client, PROMISE_NOTHING, "BGSAVE\r\n");
        return;
    case 1:
        trial_pass(trial, 500, client, PROMISE_NOTHING, "BGREWRITEAOF\r\n");
        return;
    case 2:
        trial_pass(trial, 500, client, PROMISE_WRITE,
                   rng_one_in(&trial->rng, 2) ? "FLUSHALL\r\n" : "FLUSHDB\r\n");
        return;
    case 3:
        trial_pass(trial, 500, client, PROMISE_OFF, "CONFIG SET appendonly no\r\n");
        return;
    case 4:
    case 5:
        trial_pass(trial, 500, client, PROMISE_ON, "CONFIG SET appendonly yes\r\n");
        return;
    case 6:
    case 7:
        select_database(trial, client);
        return;
    case 8:
    case 9:
    case 10:
        trial->clients[client].queued = 1;
        trial_pass(trial, 500, client, PROMISE_NOTHING, "MULTI\r\n");
        return;
    case 11:
    case 12:
        expire(trial, client);
        return;
    case 13:
        trial_pass(trial, 500, client, PROMISE_WRITE, "SWAPDB 0 1\r\n");
        return;
    case 14:
    case 15:
    case 16:
    case 17:
    case 18:
        trial_pass(trial, 500, client, PROMISE_DISK, "WAITAOF 1 0 0\r\n");
        return;
    default:
        write_change(trial, request);
        trial_pass(trial, 500, client, PROMISE_WRITE, request);
        return;
    }
}

static void break_disk(struct trial *trial)
{
    trial->a->disk.fault = rng_one_in(&trial->rng, 2) ? DISK_FULL : DISK_BROKEN;
    trial->faults_left = 1 + (int)below(trial, FAULT_EVENTS);
}

static void count_faults(struct trial *trial)
{
    if (trial->faults_left > 0 && --trial->faults_left == 0) {
        trial->a->disk.fault = DISK_WELL;
        trial_pass(trial, RETRY_US, TRIAL_CLIENTS, PROMISE_NOTHING, "");
    }
}

void work_event(struct trial *trial)
{
    size_t client = below(trial, TRIAL_CLIENTS);

    count_faults(trial);
    if (rng_one_in(&trial->rng, 60)) {
        break_disk(trial);
    } else if (trial->clients[client].is_waiting || rng_one_in(&trial->rng, 4)) {
        trial_pass(trial, rng_one_in(&trial->rng, 8) ? 400000 : 300, TRIAL_CLIENTS, PROMISE_NOTHING,
                   "");
    } else if (trial->clients[client].queued > 0) {
        go_on_with_multi(trial, client);
    } else {
        send_request(trial, client);
    }
    for (unsigned left = below(trial, 4); left > 0; left--) {
        trial_disk_step(trial);
    }
}
