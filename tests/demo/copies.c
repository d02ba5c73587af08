/* SPDX-License-Identifier: MIT */
/* Copies of a hot key are linearizable with real processes: clients read and write at all nodes while these are stopped and killed, the
 * owner is replaced as planned, and the hot slot moves.  What they were told is checked by linear.h.
 *
 * A register and a counter share a hot slot of three primaries with a replica each.  Nothing that was answered is lost, thanks to
 * sync-replicas 1.  An operation's time begins with the sending of the request that was answered, not with those that were sent away by
 * MOVED before.  A write whose connection broke, or that was answered UNKNOWN, may be done at any time after that; one that was
 * refused is none.
 *
 * Operations are written by their client's thread, and read by the main thread when that has stopped. */
#include "tests/demo/demo.h"
#include "tests/demo/linear.h"

#include "base/hist.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"
#include "io/clock.h"
#include "persist/posix_file.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    READERS = 12,
    SETTERS = 2,
    WRITERS = SETTERS + 2, /* the others add */
    CLIENTS = WRITERS + READERS,
    KEYS = 2,
    MOVED_MAX = 4,      /* of one operation */
    CALL_MS = 1500,     /* less than some nodes are stopped; */
    SET_CALL_MS = 6000, /* who sets waits for the answer, however long that takes */
    PACE_MS = 2,        /* of reads, */
    WRITE_PACE_MS = 8,
    RETRY_MS = 5,
    FAULT_GAP_MIN_MS = 200,
    FAULT_GAP_MAX_MS = 1200,
    STOP_MAX_MS = 1200,
    LONG_STOP_MS = 3000,
    SHORT_STOP_MS = 220,
    STOP_KINDS = 8,  /* the first is long, */
    SHORT_STOPS = 5, /* those up to this one are short */
    DOWN_MAX_MS = 3000,
    FAULTS_BEFORE_US = 5000000, /* a violation those are printed */
    LOG_MAX = 4 * 1024 * 1024,
    COUNTER_PART = 3, /* one read in so many is of the counter */
    PLANNED_PART = 3, /* and one fault in so many of the planned kind, in rounds that have it */
};

enum fault {
    FAULT_STOP,
    FAULT_KILL,
    FAULT_TAKEOVER,
    FAULT_MOVE,
    FAULT_COUNT
};

struct actor {
    pthread_t thread;
    const struct demo *demo;
    const char (*keys)[64];
    unsigned number;
    struct rng rng;
    struct client *clients[DEMO_NODES];
    atomic_bool is_to_stop;
    VEC(struct linear_op) ops[KEYS];
    struct hist write_us; /* with an answer */
    uint64_t unknown;     /* without one */
};

struct event {
    int64_t at_us;
    const char *what;
    size_t node;
};

struct copies {
    struct demo *demo;
    struct actor *actors; /* CLIENTS */
    size_t started_count;
    char keys[KEYS][64]; /* register, counter */
    int64_t slot;
    int faults[FAULT_COUNT];  /* of this round, */
    VEC(struct event) events; /* and when */
    int64_t reads_seen[DEMO_NODES];
    uint64_t copy_reads; /* of this round; those of a node that was killed are missing */
    /* Of all rounds. */
    uint64_t reads, writes, unknown, all_copy_reads;
    int all_faults;
    int64_t longest_us;
};

/* ---- clients ------------------------------------------------------------------------------------ */

static struct client *client_of(struct actor *a, size_t node)
{
    struct client_options options = {.host = "127.0.0.1",
                                     .port = a->demo->servers[node].port,
                                     .timeout_ms = a->number < SETTERS ? SET_CALL_MS : CALL_MS};

    if (a->clients[node] == NULL) {
        a->clients[node] = client_open(&options, NULL);
    }
    return a->clients[node];
}

static void drop_client(struct actor *a, size_t node)
{
    if (a->clients[node] != NULL) {
        client_close(a->clients[node]);
        a->clients[node] = NULL;
    }
}

enum outcome {
    ANSWERED,
    REFUSED, /* it has not been done */
    UNKNOWN, /* it may have been */
};

/* One request to op->node; *moved_to: where that one sends it, or DEMO_NODES. */
static enum outcome ask(struct actor *a, const char *const words[3], struct linear_op *op,
                        struct resp_value *out, size_t *moved_to)
{
    struct client *client = client_of(a, op->node);

    *moved_to = DEMO_NODES;
    op->sent_us = clock_mono_now().us;
    if (client == NULL) {
        return REFUSED;
    }
    client_send_texts(client, words[2] != NULL ? 3 : 2, words[0], words[1], words[2]);
    if (client_read(client, out, NULL) != CLIENT_OK) {
        drop_client(a, op->node);
        return UNKNOWN;
    }
    op->answered_us = clock_mono_now().us;
    if (out->type != RESP_FAILURE) {
        return ANSWERED;
    }
    *moved_to = demo_moved_to(a->demo, resp_value_bytes(out));
    return bytes_has_prefix(resp_value_bytes(out), "UNKNOWN") ? UNKNOWN : REFUSED;
}

/* At the node, or where that one sends it.  The caller releases *out when it was answered. */
static enum outcome ask_around(struct actor *a, const char *const words[3], struct linear_op *op,
                               struct resp_value *out)
{
    enum outcome outcome = REFUSED;
    size_t next = op->node;

    for (int i = 0; i < MOVED_MAX && next != DEMO_NODES; i++) {
        op->node = (uint8_t)next;
        op->answered_us = LINEAR_NEVER;
        *out = (struct resp_value){0};
        outcome = ask(a, words, op, out, &next);
        if (outcome == ANSWERED) {
            return ANSWERED;
        }
        resp_value_deinit(out);
    }
    op->answered_us = LINEAR_NEVER;
    a->unknown += op->is_write && outcome == UNKNOWN;
    return outcome;
}

/* Each client has a node at which it begins, so that one that stands still does not hold up all of them. */
static struct linear_op begin_op(const struct actor *a, bool is_write)
{
    return (struct linear_op){.client = (uint8_t)a->number,
                              .is_write = is_write,
                              .node = (uint8_t)(a->number % a->demo->node_count)};
}

static void keep(struct actor *a, enum linear_key key, const struct linear_op *op)
{
    VEC_PUSH(&a->ops[key], *op);
    if (op->is_write && op->answered_us != LINEAR_NEVER) {
        hist_add(&a->write_us, op->answered_us - op->sent_us);
    }
}

static void read_once(struct actor *a)
{
    enum linear_key key = rng_one_in(&a->rng, COUNTER_PART) ? LINEAR_COUNTER : LINEAR_REGISTER;
    const char *words[3] = {"GET", a->keys[key], NULL};
    struct linear_op op = begin_op(a, false);
    struct resp_value reply;

    if (ask_around(a, words, &op, &reply) != ANSWERED) {
        support_pause_ms(RETRY_MS);
        return;
    }
    if (reply.type == RESP_NULL || num_parse_i64(resp_value_bytes(&reply), &op.value)) {
        keep(a, key, &op);
    }
    resp_value_deinit(&reply);
}

/* What was refused may never be read. */
static void set_once(struct actor *a, int64_t value)
{
    char text[NUM_I64_TEXT + 1];
    const char *words[3] = {"SET", a->keys[LINEAR_REGISTER], text};
    struct linear_op op = begin_op(a, true);
    struct resp_value reply;
    enum outcome outcome;

    snprintf(text, sizeof(text), "%lld", (long long)value);
    op.value = value;
    outcome = ask_around(a, words, &op, &reply);
    if (outcome == ANSWERED) {
        resp_value_deinit(&reply);
    }
    if (outcome != REFUSED) {
        keep(a, LINEAR_REGISTER, &op);
    }
}

static void add_once(struct actor *a)
{
    const char *words[3] = {"INCR", a->keys[LINEAR_COUNTER], NULL};
    struct linear_op op = begin_op(a, true);
    struct resp_value reply;
    enum outcome outcome = ask_around(a, words, &op, &reply);

    if (outcome == ANSWERED) {
        op.value = reply.integer;
        resp_value_deinit(&reply);
    }
    if (outcome != REFUSED) {
        keep(a, LINEAR_COUNTER, &op);
    }
}

static void *run_actor(void *context)
{
    struct actor *a = context;
    int64_t value = 0;

    while (!atomic_load(&a->is_to_stop)) {
        if (a->number < SETTERS) {
            set_once(a, ++value * SETTERS + a->number); /* nobody else's */
        } else if (a->number < WRITERS) {
            add_once(a);
        } else {
            read_once(a);
        }
        support_pause_ms(a->number < WRITERS ? (int64_t)rng_below(&a->rng, WRITE_PACE_MS)
                                             : PACE_MS);
    }
    for (size_t node = 0; node < DEMO_NODES; node++) {
        drop_client(a, node);
    }
    return NULL;
}

static bool start_actors(struct copies *c)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct actor *a = &c->actors[i];

        *a = (struct actor){.demo = c->demo, .keys = (const char(*)[64])c->keys, .number = i};
        rng_init(&a->rng, rng_u64(&c->demo->rng));
        if (pthread_create(&a->thread, NULL, run_actor, a) != 0) {
            errmsg_set(&c->demo->error, "cannot start a thread");
            return false;
        }
        c->started_count++;
    }
    return true;
}

static void stop_actors(struct copies *c)
{
    for (size_t i = 0; i < c->started_count; i++) {
        atomic_store(&c->actors[i].is_to_stop, true);
    }
    for (size_t i = 0; i < c->started_count; i++) {
        pthread_join(c->actors[i].thread, NULL);
    }
    c->started_count = 0;
}

/* ---- what nodes say ----------------------------------------------------------------------------- */

/* Reads from copies since the last look; a node that was killed begins at 0. */
static void look_at_copies(struct copies *c)
{
    for (size_t node = 0; node < c->demo->node_count; node++) {
        int64_t reads;

        if (demo_number(c->demo, node, "hotcopies", "hot_copy_reads", &reads)) {
            int64_t before = reads < c->reads_seen[node] ? 0 : c->reads_seen[node];

            c->copy_reads += (uint64_t)(reads - before);
            c->reads_seen[node] = reads;
        }
    }
}

static bool wait_for_copies(struct copies *c)
{
    int64_t until_ms = support_now_ms() + DEMO_HEAL_MS;

    look_at_copies(c);
    c->copy_reads = 0;
    while (c->copy_reads == 0) {
        if (support_now_ms() > until_ms) {
            errmsg_set(&c->demo->error, "nobody serves copies of %s", c->keys[0]);
            return false;
        }
        support_pause_ms(RETRY_MS);
        look_at_copies(c);
    }
    return true;
}

/* Who serves the slot, and where it could go, as some node tells it. */
static bool find_owner(struct copies *c, struct demo_map *map, struct demo_range *out)
{
    size_t first = rng_below(&c->demo->rng, c->demo->node_count);

    for (size_t i = 0; i < c->demo->node_count; i++) {
        size_t via = (first + i) % c->demo->node_count;
        const struct demo_range *found =
            demo_read_map(c->demo, via, map) ? demo_find_range(map, c->slot) : NULL;

        if (found != NULL) {
            *out = *found;
            return true;
        }
    }
    return false;
}

/* ---- faults ------------------------------------------------------------------------------------- */

/* In the first of three rounds the slot moves as well, in the second owners are replaced, in the third both. */
static enum fault draw_fault(struct copies *c, int round)
{
    struct rng *rng = &c->demo->rng;

    if (rng_one_in(rng, PLANNED_PART)) {
        return round % 3 == 0   ? FAULT_MOVE
               : round % 3 == 1 ? FAULT_TAKEOVER
                                : (rng_one_in(rng, 2) ? FAULT_MOVE : FAULT_TAKEOVER);
    }
    return rng_one_in(rng, 2) ? FAULT_STOP : FAULT_KILL;
}

static void note(struct copies *c, const char *what, size_t node)
{
    VEC_PUSH(&c->events,
             ((struct event){.at_us = clock_mono_now().us, .what = what, .node = node}));
}

/* Some within a lease, after which copies are as valid as before; some longer than it takes to take over. */
static int64_t draw_stop_ms(struct rng *rng)
{
    uint64_t kind = rng_below(rng, STOP_KINDS);

    if (kind == 0) {
        return LONG_STOP_MS;
    }
    return (int64_t)rng_below(rng, kind < SHORT_STOPS ? SHORT_STOP_MS : STOP_MAX_MS);
}

static bool stop_or_kill(struct copies *c, enum fault fault)
{
    struct rng *rng = &c->demo->rng;
    size_t node = rng_below(rng, c->demo->node_count);
    struct server *victim = &c->demo->servers[node];
    int64_t stop_ms = draw_stop_ms(rng);
    int64_t down_ms = (int64_t)rng_below(rng, DOWN_MAX_MS);

    demo_disconnect(c->demo, node);
    c->faults[fault]++;
    if (fault == FAULT_STOP) {
        note(c, "is stopped", node);
        server_signal(victim, SIGSTOP);
        support_pause_ms(stop_ms);
        note(c, "goes on", node);
        server_signal(victim, SIGCONT);
        return true;
    }
    note(c, "is killed", node);
    server_signal(victim, SIGKILL);
    support_pause_ms(down_ms);
    note(c, "is started", node);
    return server_start(victim, &c->demo->error);
}

/* What is refused since the cluster is not whole does not count. */
static void have_replaced(struct copies *c)
{
    struct demo_map map;
    struct demo_range range;
    char reply[DEMO_TEXT];

    if (find_owner(c, &map, &range) && range.replica != DEMO_NODES &&
        demo_ask_text(c->demo, range.replica, reply, 2, "CLUSTER", "FAILOVER") &&
        strcmp(reply, "OK") == 0) {
        c->faults[FAULT_TAKEOVER]++;
        note(c, "is to take over", range.replica);
    }
}

static void have_moved(struct copies *c)
{
    struct demo_map map;
    struct demo_range range;
    size_t first;

    if (!find_owner(c, &map, &range)) {
        return;
    }
    range.first_slot = c->slot;
    range.last_slot = c->slot;
    first = rng_below(&c->demo->rng, map.count);
    for (size_t i = 0; i < map.count; i++) {
        size_t to = map.ranges[(first + i) % map.count].primary;

        if (to != range.primary) {
            note(c, "is to have the slot", to);
            c->faults[FAULT_MOVE] += moving_order(c->demo, &range, to);
            return;
        }
    }
}

static bool hurt_for(struct copies *c, int round, int64_t seconds)
{
    int64_t until_ms = support_now_ms() + seconds * 1000;

    while (support_now_ms() < until_ms) {
        enum fault fault = draw_fault(c, round);

        support_pause_ms(FAULT_GAP_MIN_MS +
                         (int64_t)rng_below(&c->demo->rng, FAULT_GAP_MAX_MS - FAULT_GAP_MIN_MS));
        if (fault == FAULT_TAKEOVER) {
            have_replaced(c);
        } else if (fault == FAULT_MOVE) {
            have_moved(c);
        } else if (!stop_or_kill(c, fault)) {
            return false;
        }
        look_at_copies(c);
    }
    return true;
}

/* ---- the end of a round ------------------------------------------------------------------------- */

/* The operations of all clients on one key; the caller releases them. */
static struct linear_op *gather(const struct copies *c, enum linear_key key, size_t *count)
{
    struct linear_op *all;
    size_t at = 0;

    *count = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        *count += c->actors[i].ops[key].count;
    }
    all = mem_alloc_zeroed(MEM_TEST, (*count + 1) * sizeof(*all));
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct actor *a = &c->actors[i];

        if (a->ops[key].count > 0) {
            memcpy(&all[at], a->ops[key].items, a->ops[key].count * sizeof(*all));
            at += a->ops[key].count;
        }
    }
    return all;
}

/* Without reads and writes that were answered nothing is proven. */
static bool is_of_use(struct copies *c, const struct linear_op *ops, size_t count, uint64_t *reads,
                      uint64_t *writes)
{
    uint64_t sums[2] = {0, 0};

    for (size_t i = 0; i < count; i++) {
        sums[ops[i].is_write] += ops[i].answered_us != LINEAR_NEVER;
    }
    *reads += sums[0];
    *writes += sums[1];
    if (sums[0] == 0 || sums[1] == 0) {
        errmsg_set(&c->demo->error, "nobody was answered");
    }
    return sums[0] > 0 && sums[1] > 0;
}

/* Faults before a violation, and what nodes have logged last. */
static void print_surroundings(struct copies *c, int64_t at_us)
{
    for (size_t i = 0; i < c->events.count; i++) {
        const struct event *e = &c->events.items[i];

        if (e->at_us > at_us - FAULTS_BEFORE_US && e->at_us < at_us + FAULTS_BEFORE_US) {
            printf("    %.6f  node %zu %s\n", (double)e->at_us / 1e6, e->node, e->what);
        }
    }
    for (size_t node = 0; node < c->demo->node_count; node++) {
        char path[SERVER_PATH_MAX + 8];
        struct buf log = {0};

        snprintf(path, sizeof(path), "%s/log", c->demo->servers[node].dir);
        if (posix_read_file(path, LOG_MAX, &log, NULL) == FS_OK) {
            printf("  Log of node %zu:\n%s", node, buf_text(&log));
        }
        buf_deinit(&log);
    }
    printf("  Now it is %.6f, %lld of Unix.\n", (double)clock_mono_now().us / 1e6,
           (long long)clock_unix_ms());
}

static bool judge(struct copies *c, uint64_t *reads, uint64_t *writes)
{
    static const char *const names[KEYS] = {"register", "counter"};
    bool is_fine = true;

    for (int key = 0; key < KEYS; key++) {
        struct buf why = {0};
        size_t count;
        struct linear_op *ops = gather(c, (enum linear_key)key, &count);
        int64_t at_us = 0;
        size_t broken = linear_check((enum linear_key)key, ops, count, &why, &at_us);

        is_fine = is_of_use(c, ops, count, reads, writes) && is_fine;
        if (broken > 0) {
            printf("The %s %s: %zu answers that one key cannot give.  The first: %s", names[key],
                   c->keys[key], broken, buf_text(&why));
            print_surroundings(c, at_us);
            errmsg_set(&c->demo->error, "copies are not linearizable");
            is_fine = false;
        }
        buf_deinit(&why);
        mem_free(MEM_TEST, ops);
    }
    return is_fine;
}

static void print_round(struct copies *c, int round, uint64_t reads, uint64_t writes)
{
    struct hist *times = mem_alloc_zeroed(MEM_TEST, sizeof(*times));
    uint64_t unknown = 0;

    for (size_t i = 0; i < CLIENTS; i++) {
        hist_merge(times, &c->actors[i].write_us);
        unknown += c->actors[i].unknown;
    }
    printf("round %2d: %llu reads (%llu of copies at least), %llu writes and %llu that nobody "
           "knows of; %d stopped, %d "
           "killed, %d replaced, %d moves; writes of %.1f ms in the median, %.0f ms at most; no "
           "violation\n",
           round + 1, (unsigned long long)reads, (unsigned long long)c->copy_reads,
           (unsigned long long)writes, (unsigned long long)unknown, c->faults[FAULT_STOP],
           c->faults[FAULT_KILL], c->faults[FAULT_TAKEOVER], c->faults[FAULT_MOVE],
           (double)hist_quantile(times, 0.5) / 1000, (double)times->max / 1000);
    fflush(stdout);
    c->reads += reads;
    c->writes += writes;
    c->unknown += unknown;
    c->all_copy_reads += c->copy_reads;
    c->longest_us = times->max > c->longest_us ? times->max : c->longest_us;
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        c->all_faults += c->faults[fault];
    }
    mem_free(MEM_TEST, times);
}

static bool run_round(struct copies *c, int round, int64_t seconds)
{
    uint64_t reads = 0;
    uint64_t writes = 0;
    char tag[32];
    bool is_ok;

    snprintf(tag, sizeof(tag), "round%d", round);
    snprintf(c->keys[LINEAR_REGISTER], sizeof(c->keys[0]), "{%s}register", tag);
    snprintf(c->keys[LINEAR_COUNTER], sizeof(c->keys[0]), "{%s}counter", tag);
    c->slot = demo_slot(tag);
    memset(c->faults, 0, sizeof(c->faults));
    c->events.count = 0;
    is_ok = start_actors(c) && wait_for_copies(c) && hurt_for(c, round, seconds);
    look_at_copies(c);
    stop_actors(c);
    is_ok = judge(c, &reads, &writes) && is_ok && demo_wait_healthy(c->demo);
    if (is_ok) {
        print_round(c, round, reads, writes);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        for (int key = 0; key < KEYS; key++) {
            VEC_DEINIT(&c->actors[i].ops[key]);
        }
    }
    return is_ok;
}

bool copies_run(struct demo *demo, int rounds, int64_t seconds, uint64_t seed)
{
    /* A few reads are enough, however busy the node is: what is looked for is not how fast it is. */
    static const char *const args[] = {"--hot-copies-min-rate", "50", "--hot-copies-min-busy", "0",
                                       NULL};
    struct copies c = {.demo = demo};
    const char *which;
    bool is_ok;

    if (!linear_check_itself(&which)) {
        errmsg_set(&demo->error, "the check itself is wrong about '%s'", which);
        return false;
    }
    c.actors = mem_alloc_zeroed(MEM_TEST, CLIENTS * sizeof(*c.actors));
    demo->args = args;
    demo->sync_replicas = 1;
    is_ok = demo_start_servers(demo) && demo_form_cluster(demo) && demo_wait_healthy(demo);
    for (int round = 0; round < rounds && is_ok; round++) {
        is_ok = run_round(&c, round, seconds);
    }
    mem_free(MEM_TEST, c.actors);
    VEC_DEINIT(&c.events);
    if (!is_ok) {
        errmsg_wrap(&demo->error, "with --copies %d --seconds %lld --seed %llu", rounds,
                    (long long)seconds, (unsigned long long)seed);
        return false;
    }
    printf("%d rounds of %lld s, seed %llu: %llu reads (%llu of copies at least), %llu writes, "
           "%llu that nobody knows of, %d "
           "faults, 0 violations; the longest write took %.0f ms\n",
           rounds, (long long)seconds, (unsigned long long)seed, (unsigned long long)c.reads,
           (unsigned long long)c.all_copy_reads, (unsigned long long)c.writes,
           (unsigned long long)c.unknown, c.all_faults, (double)c.longest_us / 1000);
    return true;
}
