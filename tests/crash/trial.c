/* SPDX-License-Identifier: MIT */
#include "tests/crash/trial.h"

#include "base/assert.h"
#include "node/inside.h"
#include "store/entry.h"

#include <stdio.h>
#include <string.h>

enum {
    DATABASES = 4,
    END_PASSES = 300,
    RECOVER_PASSES = 24,
    PASS_US = 1000,
    RETRY_US = 1100000,
};

void trial_init(struct trial *trial, bool is_strict)
{
    *trial = (struct trial){.is_strict = is_strict};
    trial->time.is_certain = true;
}

void timeline_copy(struct timeline *to, const struct timeline *from)
{
    *to = (struct timeline){.floor = from->floor, .is_certain = from->is_certain};
    for (size_t i = 0; i < from->states.count; i++) {
        VEC_PUSH(&to->states, from->states.items[i]);
    }
}

void timeline_deinit(struct timeline *timeline)
{
    VEC_DEINIT(&timeline->states);
}

void trial_stop(struct trial *trial)
{
    if (trial->a != NULL) {
        alone_free(trial->a);
        trial->a = NULL;
    }
    memset(trial->clients, 0, sizeof(trial->clients));
}

void trial_deinit(struct trial *trial)
{
    trial_stop(trial);
    timeline_deinit(&trial->time);
}

void trial_begin(struct trial *trial, const struct disk *disk, uint64_t seed, int64_t now_us)
{
    const struct alone_option options[] = {
        {"appendonly",              "yes"                                   },
        {"appendfsync",             trial->is_strict ? "always" : "everysec"},
        {"databases",               "4"                                     },
        {"repl-log-segment-size",   "4096"                                  },
        {"repl-log-retention-size", "12000"                                 },
        {"repl-backlog-size",       "16384"                                 },
        {"enable-debug-command",    "yes"                                   },
    };

    ASSERT(trial->a == NULL);
    trial->a = alone_new_after(options, sizeof(options) / sizeof(options[0]),
                               &(struct alone_past){.disk = disk, .seed = seed, .now_us = now_us});
    trial->a->is_disk_held = true;
    trial->faults_left = 0;
    trial->time.is_certain = true;
}

/* ---- states ----------------------------------------------------------------------------------- */

struct look {
    struct digest all;
    struct digest bare;
    int64_t expires_at_ms;
};

static void look_at(void *context, const struct entry *e)
{
    struct look *look = context;

    digest_entry(&look->all, e);
    if (entry_expire_at_ms(e) == EXPIRE_NEVER) {
        digest_entry(&look->bare, e);
    } else {
        look->expires_at_ms = entry_expire_at_ms(e);
    }
}

static struct state state_of(const struct node *node)
{
    struct keyspace *data = node->data.keyspace;
    struct look look = {
        .all = {.types = keyspace_types(data), .lanes = 1},
        .bare = {.types = keyspace_types(data), .lanes = 1},
        .expires_at_ms = EXPIRE_NEVER
    };

    for (unsigned db = 0; db < DATABASES; db++) {
        uint64_t cursor = 0;

        look.all.db = db;
        look.bare.db = db;
        do {
            cursor = keyspace_scan(data, db, cursor, 1000, look_at, &look);
        } while (cursor != 0);
    }
    return (struct state){look.all.sums[0], look.bare.sums[0], look.expires_at_ms};
}

void trial_note_state(struct trial *trial)
{
    struct state now = state_of(trial->a->node);
    struct timeline *time = &trial->time;

    if (time->states.count == 0 ||
        time->states.items[time->states.count - 1].digest != now.digest) {
        VEC_PUSH(&time->states, now);
    }
}

static int64_t unix_ms(const struct trial *trial)
{
    return trial->a->env.now(trial->a).unix_ms;
}

static bool fits(const struct trial *trial, const struct state *found, const struct state *known)
{
    return found->digest == known->digest ||
           (found->digest == known->bare && unix_ms(trial) >= known->expires_at_ms);
}

/* The oldest one that may be found and has this data. */
static bool find_state(struct trial *trial, const struct state *found)
{
    struct timeline *time = &trial->time;

    for (size_t i = time->floor; i < time->states.count; i++) {
        if (fits(trial, found, &time->states.items[i])) {
            time->states.count = i + 1;
            return true;
        }
    }
    return false;
}

/* Which state is it, if it is one at all? */
static void describe_found(struct trial *trial, const struct state *found)
{
    const struct timeline *time = &trial->time;

    snprintf(trial->failure, sizeof(trial->failure),
             "the data found was never there as a whole (states %zu to %zu may be)", time->floor,
             time->states.count - 1);
    for (size_t i = 0; i < time->floor; i++) {
        if (fits(trial, found, &time->states.items[i])) {
            snprintf(trial->failure, sizeof(trial->failure),
                     "state %zu was found, and %zu to %zu were promised", i, time->floor,
                     time->states.count - 1);
        }
    }
}

bool trial_recover(struct trial *trial, bool is_verbose)
{
    struct state found;
    bool is_there;

    trial->is_verbose = is_verbose;
    trial->a->logger.threshold = is_verbose ? LOG_NOTICE : LOG_WARNING;
    is_there = alone_load(trial->a);
    if (is_verbose) {
        printf("%.*s", (int)trial->a->warnings.len, trial->a->warnings.data);
    }
    if (!is_there) {
        snprintf(trial->failure, sizeof(trial->failure), "it does not start: %.*s",
                 (int)(trial->a->warnings.len < 900 ? trial->a->warnings.len : 900),
                 trial->a->warnings.len > 0 ? trial->a->warnings.data : "");
        return false;
    }
    found = state_of(trial->a->node);
    if (trial->time.states.count > 0 && !find_state(trial, &found)) {
        describe_found(trial, &found);
        return false;
    }
    trial->found = trial->time.states.count > 0 ? trial->time.states.count - 1 : 0;
    trial_note_state(trial);
    for (size_t i = 0; i < TRIAL_CLIENTS; i++) {
        alone_connect(trial->a, i);
    }
    trial_pass(trial, PASS_US, 0, PROMISE_NOTHING, "DEBUG SET-ACTIVE-EXPIRE 0\r\n");
    return true;
}

void trial_pin(struct trial *trial)
{
    ASSERT(trial->found >= trial->time.floor && trial->found < trial->time.states.count);
    trial->time.floor = trial->found;
}

/* ---- clients ---------------------------------------------------------------------------------- */

static void promise_state(struct trial *trial, size_t state)
{
    ASSERT(state < trial->time.states.count);
    if (state > trial->time.floor) {
        trial->time.floor = state;
    }
}

static void take_reply(struct trial *trial, struct trial_client *client, struct bytes reply)
{
    bool is_error = reply.data[0] == '-';

    client->is_waiting = false;
    if (client->promise == PROMISE_WRITE && !is_error) {
        client->write_state = client->has_changed ? client->state : client->write_state;
        if (trial->is_strict && trial->time.is_certain) {
            promise_state(trial, client->state);
        }
    } else if (client->promise == PROMISE_DISK && bytes_has_prefix(reply, "*2\r\n:1\r\n")) {
        promise_state(trial, client->state);
        trial->time.is_certain |= trial->a->node->config.appendonly;
    }
}

static void take_replies(struct trial *trial)
{
    for (size_t i = 0; i < TRIAL_CLIENTS; i++) {
        struct buf out = alone_take(trial->a, i);

        if (out.len > 0 && trial->is_verbose) {
            printf("  %zu< %.*s", i, (int)(out.len < 80 ? out.len : 80), out.data);
        }
        if (out.len > 0 && trial->clients[i].is_waiting) {
            take_reply(trial, &trial->clients[i], buf_bytes(&out));
        }
        buf_deinit(&out);
        if (trial->a->clients[i].session == NULL && !trial->a->has_exited) {
            alone_connect(trial->a, i);
            trial->clients[i] = (struct trial_client){0};
        }
    }
}

void trial_pass(struct trial *trial, int64_t later_us, size_t client, enum trial_promise promise,
                const char *request)
{
    size_t before;

    if (client == TRIAL_CLIENTS) {
        alone_pass(trial->a, later_us, ALONE_CLIENTS, (struct bytes){0});
        trial_note_state(trial);
        take_replies(trial);
        return;
    }
    ASSERT(!trial->clients[client].is_waiting);
    if (trial->is_verbose) {
        printf("  %zu> %.100s", client, request);
    }
    before = trial->time.states.count;
    if (promise == PROMISE_OFF) {
        trial->time.is_certain = false;
    }
    trial->clients[client].is_waiting = true;
    trial->clients[client].promise = promise;
    alone_pass(trial->a, later_us, client, bytes_from_text(request));
    trial_note_state(trial);
    trial->clients[client].has_changed = trial->time.states.count > before;
    trial->clients[client].state =
        promise == PROMISE_DISK ? trial->clients[client].write_state : trial->time.states.count - 1;
    if (trial->is_verbose) {
        printf("  state %zu\n", trial->time.states.count - 1);
    }
    take_replies(trial);
}

void trial_disk_step(struct trial *trial)
{
    (void)alone_disk_step(trial->a);
}

/* ---- the end ---------------------------------------------------------------------------------- */

/* What the disk refused is tried again, so that there is nothing in the way. */
static void let_it_recover(struct trial *trial)
{
    trial->a->disk.fault = DISK_WELL;
    for (int i = 0; i < RECOVER_PASSES; i++) {
        (void)alone_disk_step(trial->a);
        trial_pass(trial, i % 8 == 0 ? RETRY_US : PASS_US, TRIAL_CLIENTS, PROMISE_NOTHING, "");
    }
}

bool trial_shut_down(struct trial *trial, bool saves)
{
    let_it_recover(trial);
    alone_connect(trial->a, ALONE_CLIENTS - 1);
    alone_pass(trial->a, PASS_US, ALONE_CLIENTS - 1,
               bytes_from_text(saves ? "SHUTDOWN SAVE\r\n" : "SHUTDOWN\r\n"));
    for (int i = 0; i < END_PASSES && !trial->a->has_exited; i++) {
        (void)alone_disk_step(trial->a);
        trial_pass(trial, (i % 16 == 0 ? 100 : 1) * PASS_US, TRIAL_CLIENTS, PROMISE_NOTHING, "");
    }
    if (!trial->a->has_exited) {
        return false;
    }
    if (trial->time.is_certain) {
        promise_state(trial, trial->time.states.count - 1);
    }
    return true;
}

void trial_end_disk(struct disk *disk, enum trial_end end, struct rng *rng)
{
    switch (end) {
    case END_POWER:
        disk_power_cut(disk, rng);
        break;
    case END_FORGET:
        disk_power_cut(disk, NULL);
        break;
    case END_KILL:
    case END_ORDERLY:
        disk_kill(disk, end == END_KILL ? rng : NULL);
        break;
    }
    disk->fault = DISK_WELL;
}
