/* SPDX-License-Identifier: MIT */
/* Whoever takes part in a move of slots is killed or stopped, at many moments of it: its source, its receiver, the replica of
 * either.  The slots then have one owner, no confirmed write is lost, and the move has come to its end or was undone soon.
 *
 * Clients count in the slots that move: each adds one to keys of its own, and has WAIT confirm it.  A key holds at least what
 * was confirmed of it, and at most as much as was sent.  Other keys make the move take its time; none of them may be missing.
 *
 * Counts are written by their client's thread and read by the main thread at any time. */
#include "tests/demo/demo.h"

#include "base/mem.h"
#include "base/num.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOTS = 1000,
    TAGS = 32, /* slots that have keys */
    FILL_KEYS = 60000,
    FILL_PIPELINE = 500,
    COUNTERS = 4, /* clients */
    COUNTER_KEYS = 8,
    WAIT_MS = 100,
    CALL_MS = 500, /* a stopped server does not answer */
    RETRY_MS = 2,
    POLL_MS = 2,
    SETTLE_MS = 5000,
    END_BEFORE_MS = 80, /* half of the moments are around the end of a move, */
    END_AFTER_MS = 40,
    MOMENTS_MAX = 1000,
};

#define PACE "12mb" /* a second */

enum victim {
    VICTIM_SOURCE,
    VICTIM_RECEIVER,
    VICTIM_SOURCE_REPLICA,
    VICTIM_RECEIVER_REPLICA,
    VICTIM_COUNT
};

static const char *const victim_names[VICTIM_COUNT] = {"source", "receiver", "source's replica",
                                                       "receiver's replica"};

struct count {
    char key[64];
    atomic_llong sent;
    atomic_llong confirmed;
};

struct counter {
    pthread_t thread;
    const struct demo *demo;
    struct count counts[COUNTER_KEYS];
    size_t node;
    struct client *client;
    atomic_bool is_to_stop;
    atomic_llong confirmed; /* of all its keys */
};

/* What became of the moves under which a victim was hit in one way. */
struct outcomes {
    int64_t settle_ms[MOMENTS_MAX];
    size_t rounds;
    int finished;
    int late;
};

struct faults {
    struct demo *demo;
    char tags[TAGS][32];
    struct counter counters[COUNTERS];
    size_t started_count;
    struct demo_range moved;
    int64_t home_slots[2]; /* of the two shards between which it goes: slots that stay */
    size_t bystander;      /* a primary of neither */
    int64_t move_ms;       /* without a fault */
    int rounds;
    struct outcomes outcomes[VICTIM_COUNT][2];
};

/* ---- clients ------------------------------------------------------------------------------------ */

static void ask_another(struct counter *c, size_t node)
{
    if (c->client != NULL) {
        client_close(c->client);
        c->client = NULL;
    }
    c->node = node % c->demo->node_count;
}

/* "MOVED 1234 127.0.0.1:7002"; whatever else it was, the next node knows more. */
static void follow(struct counter *c, struct bytes text)
{
    size_t target = demo_moved_to(c->demo, text);

    if (target < DEMO_NODES && target != c->node) {
        ask_another(c, target);
    } else {
        support_pause_ms(RETRY_MS);
        ask_another(c, c->node + 1);
    }
}

/* False: there was no answer. */
static bool read_number(struct counter *c, int64_t *out)
{
    struct resp_value reply;

    *out = 0;
    if (client_read(c->client, &reply, NULL) != CLIENT_OK) {
        ask_another(c, c->node + 1);
        return false;
    }
    if (reply.type == RESP_INTEGER) {
        *out = reply.integer;
    } else {
        follow(c, resp_value_bytes(&reply));
    }
    resp_value_deinit(&reply);
    return true;
}

static void add_one(struct counter *c, struct count *count)
{
    struct client_options options = {
        .host = "127.0.0.1", .port = c->demo->servers[c->node].port, .timeout_ms = CALL_MS};
    char wait_ms[16];
    int64_t value;
    int64_t confirmations;

    if (c->client == NULL) {
        c->client = client_open(&options, NULL);
    }
    if (c->client == NULL) {
        support_pause_ms(RETRY_MS);
        ask_another(c, c->node + 1);
        return;
    }
    atomic_fetch_add(&count->sent, 1);
    client_send_texts(c->client, 2, "INCR", count->key);
    if (!read_number(c, &value)) {
        return;
    }
    if (value == 0) {
        atomic_fetch_sub(&count->sent, 1); /* it was refused */
        return;
    }
    snprintf(wait_ms, sizeof(wait_ms), "%d", WAIT_MS);
    client_send_texts(c->client, 3, "WAIT", "1", wait_ms);
    if (read_number(c, &confirmations) && confirmations >= 1) {
        atomic_store(&count->confirmed, value);
        atomic_fetch_add(&c->confirmed, 1);
    }
}

static void *run_counter(void *context)
{
    struct counter *c = context;

    for (size_t i = 0; !atomic_load(&c->is_to_stop); i++) {
        add_one(c, &c->counts[i % COUNTER_KEYS]);
    }
    ask_another(c, c->node);
    return NULL;
}

static bool start_counters(struct faults *f)
{
    for (size_t i = 0; i < COUNTERS; i++) {
        struct counter *c = &f->counters[i];

        c->demo = f->demo;
        c->node = f->moved.primary;
        for (size_t k = 0; k < COUNTER_KEYS; k++) {
            snprintf(c->counts[k].key, sizeof(c->counts[k].key), "{%s}:count:%zu",
                     f->tags[(i * COUNTER_KEYS + k) % TAGS], i);
        }
        if (pthread_create(&c->thread, NULL, run_counter, c) != 0) {
            errmsg_set(&f->demo->error, "cannot start a thread");
            return false;
        }
        f->started_count++;
    }
    return true;
}

static void stop_counters(struct faults *f)
{
    for (size_t i = 0; i < f->started_count; i++) {
        atomic_store(&f->counters[i].is_to_stop, true);
    }
    for (size_t i = 0; i < f->started_count; i++) {
        pthread_join(f->counters[i].thread, NULL);
    }
    f->started_count = 0;
}

static int64_t confirmed_in_all(const struct faults *f)
{
    int64_t sum = 0;

    for (size_t i = 0; i < COUNTERS; i++) {
        sum += atomic_load(&f->counters[i].confirmed);
    }
    return sum;
}

/* ---- what is there ------------------------------------------------------------------------------ */

static void name_fill(const struct faults *f, int number, char key[64], char value[80])
{
    snprintf(key, 64, "{%s}:fill:%d", f->tags[(size_t)number % TAGS], number);
    snprintf(value, 80, "%064d", number);
}

/* Write the keys that make the move long, or look at them all. */
static bool fill(struct faults *f, size_t node, bool is_write)
{
    struct client *client = server_connect(&f->demo->servers[node], &f->demo->error);
    int wrong = 0;
    bool is_ok = client != NULL;

    for (int first = 0; is_ok && first < FILL_KEYS; first += FILL_PIPELINE) {
        char key[64];
        char value[80];

        for (int i = first; i < first + FILL_PIPELINE; i++) {
            name_fill(f, i, key, value);
            client_send_texts(client, is_write ? 3 : 2, is_write ? "SET" : "GET", key, value);
        }
        for (int i = first; is_ok && i < first + FILL_PIPELINE; i++) {
            struct resp_value reply;

            name_fill(f, i, key, value);
            is_ok = client_read(client, &reply, &f->demo->error) == CLIENT_OK;
            wrong += is_ok && !resp_value_is_text(&reply, is_write ? "OK" : value);
            if (is_ok) {
                resp_value_deinit(&reply);
            }
        }
    }
    if (client != NULL) {
        client_close(client);
    }
    if (is_ok && wrong > 0) {
        errmsg_set(&f->demo->error, "%d of the keys that nobody changes are not as they were",
                   wrong);
    }
    return is_ok && wrong == 0;
}

static bool check_count(struct faults *f, size_t owner, struct count *count)
{
    int64_t confirmed = atomic_load(&count->confirmed);
    char text[DEMO_TEXT];
    int64_t value;
    int64_t sent;

    if (!demo_ask_text(f->demo, owner, text, 2, "GET", count->key)) {
        return false;
    }
    sent = atomic_load(&count->sent);
    value = num_parse_i64(bytes_from_text(text), &value) ? value : 0;
    if (value < confirmed || value > sent) {
        errmsg_set(&f->demo->error, "%s is '%s', %lld was confirmed, and %lld were sent",
                   count->key, text, (long long)confirmed, (long long)sent);
        return false;
    }
    return true;
}

/* Nothing that was confirmed is lost, and all keys are at the owner. */
static bool check_data(struct faults *f, size_t owner)
{
    int64_t keys = 0;

    for (size_t i = 0; i < COUNTERS * COUNTER_KEYS; i++) {
        if (!check_count(f, owner, &f->counters[i / COUNTER_KEYS].counts[i % COUNTER_KEYS])) {
            return false;
        }
    }
    for (size_t i = 0; i < TAGS; i++) {
        char slot[NUM_I64_TEXT + 1];
        char text[DEMO_TEXT];
        int64_t count = 0;

        snprintf(slot, sizeof(slot), "%lld", (long long)demo_slot(f->tags[i]));
        if (!demo_ask_text(f->demo, owner, text, 3, "CLUSTER", "COUNTKEYSINSLOT", slot) ||
            !num_parse_i64(bytes_from_text(text), &count)) {
            return false;
        }
        keys += count;
    }
    if (keys != FILL_KEYS + COUNTERS * COUNTER_KEYS) {
        errmsg_set(&f->demo->error, "there are %lld keys instead of %d", (long long)keys,
                   FILL_KEYS + COUNTERS * COUNTER_KEYS);
        return false;
    }
    return true;
}

/* ---- a move ------------------------------------------------------------------------------------- */

static bool read_roles(struct faults *f, struct demo_range *source, struct demo_range *receiver)
{
    struct demo_map map;
    const struct demo_range *at;

    if (!demo_read_map(f->demo, f->bystander, &map)) {
        return false;
    }
    at = demo_find_range(&map, f->moved.first_slot);
    for (size_t i = 0; i < 2 && at != NULL; i++) {
        const struct demo_range *home = demo_find_range(&map, f->home_slots[i]);

        if (home != NULL && home->primary != at->primary) {
            f->moved.primary = at->primary;
            *source = *at;
            *receiver = *home;
            return true;
        }
    }
    errmsg_set(&f->demo->error, "the slots that move have no owner");
    return false;
}

/* In one half of the rounds the source is told, in the other the receiver. */
static bool try_order(struct faults *f, size_t receiver)
{
    char first[32];
    char last[32];
    char id[DEMO_TEXT];

    if (f->rounds / 2 % 2 == 0) {
        return moving_order(f->demo, &f->moved, receiver);
    }
    snprintf(first, sizeof(first), "%lld", (long long)f->moved.first_slot);
    snprintf(last, sizeof(last), "%lld", (long long)f->moved.last_slot);
    if (!demo_ask_text(f->demo, receiver, id, 5, "CLUSTER", "MIGRATION", "IMPORT", first, last)) {
        return false;
    }
    if (strlen(id) != 40) {
        errmsg_set(&f->demo->error, "CLUSTER MIGRATION IMPORT answers %s", id);
        return false;
    }
    return true;
}

/* Not before all keys of the move before are removed: until then it would be refused, or wait. */
static bool order(struct faults *f, size_t receiver)
{
    int64_t until_ms = support_now_ms() + DEMO_HEAL_MS;

    while (!moving_is_tidy(f->demo, receiver)) {
        if (support_now_ms() > until_ms) {
            errmsg_set(&f->demo->error, "keys of the move before are still being removed");
            return false;
        }
        support_pause_ms(POLL_MS);
    }
    f->rounds++;
    return try_order(f, receiver);
}

/* Have all primaries the same owner of the slots, and is no move under way? */
static bool is_settled(struct faults *f, size_t victim, size_t *owner)
{
    struct demo_map map;
    size_t primaries[2];

    if (!demo_read_map(f->demo, f->bystander, &map)) {
        return false;
    }
    *owner = moving_server_of(f->demo, f->bystander, &f->moved);
    for (size_t i = 0; i < 2; i++) {
        const struct demo_range *home = demo_find_range(&map, f->home_slots[i]);

        primaries[i] = home != NULL ? home->primary : DEMO_NODES;
        if (primaries[i] == DEMO_NODES || primaries[i] == victim ||
            moving_server_of(f->demo, primaries[i], &f->moved) != *owner ||
            !moving_has_ended(f->demo, primaries[i])) {
            return false;
        }
    }
    return *owner == primaries[0] || *owner == primaries[1];
}

static bool wait_settled(struct faults *f, size_t victim, size_t *owner)
{
    int64_t until_ms = support_now_ms() + DEMO_HEAL_MS;

    while (!is_settled(f, victim, owner)) {
        if (support_now_ms() > until_ms) {
            errmsg_set(&f->demo->error, "the move is still under way %d seconds after the fault",
                       DEMO_HEAL_MS / 1000);
            return false;
        }
        support_pause_ms(POLL_MS);
    }
    return true;
}

static bool wait_until_counting(struct faults *f)
{
    int64_t wanted = confirmed_in_all(f) + (int64_t)COUNTERS * COUNTER_KEYS * 2;
    int64_t until_ms = support_now_ms() + DEMO_HEAL_MS;

    while (confirmed_in_all(f) < wanted) {
        if (support_now_ms() > until_ms) {
            errmsg_set(&f->demo->error, "nothing is confirmed any more");
            return false;
        }
        support_pause_ms(POLL_MS);
    }
    return true;
}

/* How long it takes until they are the receiver's when nobody is hurt. */
static bool time_a_move(struct faults *f)
{
    struct demo_range source;
    struct demo_range receiver;
    size_t owner = DEMO_NODES;
    int64_t began_ms;
    int64_t until_ms;

    if (!wait_until_counting(f) || !read_roles(f, &source, &receiver)) {
        return false;
    }
    if (!order(f, receiver.primary)) {
        return false;
    }
    began_ms = support_now_ms();
    until_ms = began_ms + DEMO_HEAL_MS;
    while (moving_server_of(f->demo, receiver.primary, &f->moved) != receiver.primary &&
           support_now_ms() < until_ms) {
        support_pause_ms(POLL_MS);
    }
    f->move_ms = support_now_ms() - began_ms;
    if (!wait_settled(f, DEMO_NODES, &owner)) {
        return false;
    }
    demo_say(f->demo, "without a fault %d keys go in %lld ms.", FILL_KEYS, (long long)f->move_ms);
    return check_data(f, owner);
}

static int64_t moment_ms(struct faults *f, int number, int moments)
{
    int64_t jitter_ms = (int64_t)rng_below(&f->demo->rng, 4);
    int64_t at_ms = f->move_ms * number / moments;

    if (number % 8 >= 4) {
        at_ms =
            f->move_ms - END_BEFORE_MS + (int64_t)number * (END_BEFORE_MS + END_AFTER_MS) / moments;
    }
    return at_ms < 0 ? jitter_ms : at_ms + jitter_ms;
}

/* What the move's other side says of it. */
static void ask_state(struct faults *f, size_t node, char out[32])
{
    struct resp_value reply;

    snprintf(out, 32, "over");
    if (moving_has_ended(f->demo, node) ||
        !demo_ask(f->demo, node, &reply, 2, "CLUSTER", "GETSLOTMIGRATIONS")) {
        return;
    }
    if (reply.child_count > 0) {
        const struct resp_value *map = &reply.children[0];

        for (size_t j = 0; j + 1 < map->child_count; j += 2) {
            if (resp_value_is_text(&map->children[j], "state")) {
                bytes_to_text(resp_value_bytes(&map->children[j + 1]), out, 32);
            }
        }
    }
    resp_value_deinit(&reply);
}

static bool heal(struct faults *f, size_t victim, bool is_kill)
{
    struct server *server = &f->demo->servers[victim];

    if (!is_kill) {
        server_signal(server, SIGCONT);
        return demo_wait_healthy(f->demo);
    }
    return server_start(server, &f->demo->error) && demo_wait_healthy(f->demo);
}

static bool run_round(struct faults *f, enum victim who, int number, int moments)
{
    struct outcomes *outcomes = &f->outcomes[who][number % 2];
    bool is_kill = number % 2 == 0;
    struct demo_range source;
    struct demo_range receiver;
    char state[32];
    size_t owner;
    size_t victim;
    int64_t hit_ms;
    int64_t settle_ms;

    if (!wait_until_counting(f) || !read_roles(f, &source, &receiver)) {
        return false;
    }
    victim = who == VICTIM_SOURCE           ? source.primary
             : who == VICTIM_RECEIVER       ? receiver.primary
             : who == VICTIM_SOURCE_REPLICA ? source.replica
                                            : receiver.replica;
    if (!order(f, receiver.primary)) {
        return false;
    }
    support_pause_ms(moment_ms(f, number, moments));
    ask_state(f, who == VICTIM_RECEIVER ? source.primary : receiver.primary, state);
    demo_disconnect(f->demo, victim);
    hit_ms = support_now_ms();
    server_signal(&f->demo->servers[victim], is_kill ? SIGKILL : SIGSTOP);
    if (!wait_settled(f, victim, &owner)) {
        return false;
    }
    settle_ms = support_now_ms() - hit_ms;
    outcomes->settle_ms[outcomes->rounds++] = settle_ms;
    outcomes->finished += owner == receiver.primary || owner == receiver.replica;
    outcomes->late += settle_ms > SETTLE_MS;
    demo_say(f->demo, "%-18s %s while %-18s settled after %5lld ms, %s", victim_names[who],
             is_kill ? "killed " : "stopped", state, (long long)settle_ms,
             owner == receiver.primary || owner == receiver.replica ? "done" : "undone");
    return heal(f, victim, is_kill) && wait_settled(f, DEMO_NODES, &owner) && check_data(f, owner);
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

static bool print_table(struct faults *f)
{
    int late = 0;

    printf("%-19s %-8s %6s %9s %7s %10s %9s %5s\n", "hit", "by", "rounds", "finished", "undone",
           "median ms", "worst ms", "late");
    for (int who = 0; who < VICTIM_COUNT; who++) {
        for (int way = 0; way < 2; way++) {
            struct outcomes *o = &f->outcomes[who][way];

            if (o->rounds == 0) {
                continue;
            }
            qsort(o->settle_ms, o->rounds, sizeof(o->settle_ms[0]), compare_times);
            printf("%-19s %-8s %6zu %9d %7d %10lld %9lld %5d\n", victim_names[who],
                   way == 0 ? "SIGKILL" : "SIGSTOP", o->rounds, o->finished,
                   (int)o->rounds - o->finished, (long long)o->settle_ms[o->rounds / 2],
                   (long long)o->settle_ms[o->rounds - 1], o->late);
            late += o->late;
        }
    }
    printf("%lld writes were confirmed, none of them lost; each slot had one owner\n",
           (long long)confirmed_in_all(f));
    if (late > 0) {
        errmsg_set(&f->demo->error,
                   "%d moves were under way for more than %d seconds after the fault", late,
                   SETTLE_MS / 1000);
    }
    return late == 0;
}

/* A move takes about as long on any machine. */
static bool pace(struct demo *demo)
{
    for (size_t i = 0; i < demo->node_count; i++) {
        char reply[DEMO_TEXT];

        if (!demo_ask_text(demo, i, reply, 4, "CONFIG", "SET", "cluster-move-bandwidth", PACE)) {
            return false;
        }
        server_add_arg(&demo->servers[i], "--cluster-move-bandwidth");
        server_add_arg(&demo->servers[i], PACE);
    }
    return true;
}

static bool prepare(struct faults *f)
{
    struct demo *demo = f->demo;
    struct demo_map map;

    if (!demo_start_servers(demo) || !pace(demo) || !demo_form_cluster(demo) ||
        !demo_wait_healthy(demo) || !demo_wait_map(demo, 0, &map)) {
        return false;
    }
    f->moved = map.ranges[0];
    f->home_slots[0] = f->moved.first_slot;
    f->home_slots[1] = map.ranges[1].first_slot;
    f->bystander = map.ranges[2].primary;
    f->moved.first_slot = (f->moved.first_slot + f->moved.last_slot) / 2;
    f->moved.last_slot = f->moved.first_slot + SLOTS - 1;
    for (size_t i = 0, number = 0; i < TAGS; number++) {
        int64_t slot;

        snprintf(f->tags[i], sizeof(f->tags[i]), "t%zu", number);
        slot = demo_slot(f->tags[i]);
        i += slot >= f->moved.first_slot && slot <= f->moved.last_slot;
    }
    return fill(f, f->moved.primary, true) && start_counters(f) && time_a_move(f) && time_a_move(f);
}

bool move_faults_run(struct demo *demo, int moments)
{
    struct faults *f = mem_alloc_zeroed(MEM_TEST, sizeof(*f));
    struct demo_range source;
    struct demo_range receiver;
    bool is_ok;

    f->demo = demo;
    is_ok = prepare(f);
    for (int who = 0; who < VICTIM_COUNT && is_ok; who++) {
        for (int number = 0; number < moments && is_ok; number++) {
            is_ok = run_round(f, (enum victim)who, number, moments);
            if (!is_ok) {
                errmsg_wrap(&demo->error, "%s %s, moment %d", victim_names[who],
                            number % 2 == 0 ? "killed" : "stopped", number + 1);
            }
        }
    }
    stop_counters(f);
    is_ok = is_ok && read_roles(f, &source, &receiver) && fill(f, source.primary, false) &&
            print_table(f);
    mem_free(MEM_TEST, f);
    return is_ok;
}
