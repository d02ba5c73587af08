/* SPDX-License-Identifier: MIT */
/* What a move of slots costs those who write and read meanwhile, and how long writes are held at its end.
 *
 *     move [--keys N] [--rate N] [--moves N] [--small N]
 *
 * Three primaries.  All keys, of 64 bytes, are in slots of the first; a client writes them over and over, so many a second, in
 * rounds of a millisecond, follows MOVED, and knows of each key what was acknowledged last.  Others ask both nodes PING all the
 * time.  Then the slots move, all keys with them: how long that took, the longest PING of either node and the longest round
 * beside those of a steady time, memory of both over what the data takes, CPU of the source for each key beside BGSAVE's.  Then
 * a part of the slots, with so many keys, goes there and back many times: the longest round of each move is how long
 * writes were held.  At the end each key is compared with what was acknowledged. */
#include "base/bitset.h"
#include "base/crc.h"
#include "base/mem.h"
#include "base/num.h"
#include "io/clock.h"
#include "spec/slot.h"
#include "tests/bench/options.h"
#include "tests/support/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_TIMEOUT_MS "5000" /* a busy machine is no failure */

enum {
    NODES = 3,
    TAGS = 4096,        /* slots that have keys */
    SMALL_TAGS = 64,    /* of them those that go there and back */
    MOVED_SLOTS = 8192, /* of the first node */
    SMALL_SLOTS = 128,
    VALUE_BYTES = 64,
    PIPELINE = 500,
    STEADY_MS = 3000,
    WAIT_MS = 300000,
    POLL_MS = 2,
    SAMPLE_MS = 50,
    MOVES_MAX = 1000,
};

/* Asks PING all the time. */
struct prober {
    pthread_t thread;
    const struct server *server;
    atomic_bool is_to_stop;
    atomic_llong longest_us; /* set to 0 by whoever measures */
};

struct bench {
    uint64_t keys;
    uint64_t rate;
    uint64_t moves;
    uint64_t small; /* keys of the small moves */
    struct server servers[NODES];
    struct client *control[NODES];
    char ids[NODES][48];
    char tags[TAGS][12]; /* each of another slot; the first are of the small range */
    uint32_t *acked;     /* what was acknowledged last, by key */
    struct prober probers[2];
    pthread_t writer;
    bool has_writer;
    atomic_bool is_to_stop;
    atomic_bool is_broken;
    atomic_llong longest_us; /* of a round */
    atomic_llong rounds;
    atomic_llong late_rounds; /* began later than they were to */
    struct errmsg error;
};

/* ---- keys ---------------------------------------------------------------------------------------- */

/* The first keys are those of the small range. */
static void name_key(const struct bench *b, uint64_t number, char out[40])
{
    uint64_t tag =
        number < b->small ? number % SMALL_TAGS : SMALL_TAGS + number % (TAGS - SMALL_TAGS);

    snprintf(out, 40, "{%s}:%llu", b->tags[tag], (unsigned long long)number);
}

static void name_value(uint64_t number, uint32_t version, char out[VALUE_BYTES + 1])
{
    snprintf(out, VALUE_BYTES + 1, "%040llu:%023u", (unsigned long long)number, version);
}

static void choose_tags(struct bench *b)
{
    uint64_t taken[BITSET_WORDS(SLOT_COUNT)] = {0};
    size_t small = 0;
    size_t others = SMALL_TAGS;

    for (unsigned i = 0; small < SMALL_TAGS || others < TAGS; i++) {
        char tag[12];
        unsigned slot;

        snprintf(tag, sizeof(tag), "%x", i);
        slot = crc16(0, bytes_from_text(tag)) % SLOT_COUNT;
        if (slot >= MOVED_SLOTS || bitset_has(taken, slot)) {
            continue;
        }
        if (slot < SMALL_SLOTS && small < SMALL_TAGS) {
            memcpy(b->tags[small++], tag, sizeof(tag));
            bitset_add(taken, slot);
        } else if (slot >= SMALL_SLOTS && others < TAGS) {
            memcpy(b->tags[others++], tag, sizeof(tag));
            bitset_add(taken, slot);
        }
    }
}

/* ---- questions ------------------------------------------------------------------------------------ */

static bool ask(struct bench *b, size_t node, const char *line, struct resp_value *out)
{
    client_send_raw(b->control[node], bytes_from_text(line));
    return client_read(b->control[node], out, &b->error) == CLIENT_OK;
}

static bool ask_text(struct bench *b, size_t node, const char *line, char *out, size_t size)
{
    struct resp_value value;

    if (!ask(b, node, line, &value)) {
        return false;
    }
    bytes_to_text(resp_value_bytes(&value), out, size);
    resp_value_deinit(&value);
    return true;
}

/* Wait until what the node answers has the words. */
static bool wait_for(struct bench *b, size_t node, const char *line, const char *words)
{
    return server_await(b->control[node], line, words, WAIT_MS, &b->error);
}

/* ---- the cluster ---------------------------------------------------------------------------------- */

static bool start(struct bench *b)
{
    static const char *const slots[NODES] = {"0 8191", "8192 12000", "12001 16383"};
    char program[SERVER_PATH_MAX];
    char line[160];
    char reply[160];

    snprintf(program, sizeof(program), "%s/starling-server", server_bin_dir());
    for (size_t i = 0; i < NODES; i++) {
        if (!server_prepare(&b->servers[i], program, &b->error)) {
            return false;
        }
        server_add_arg(&b->servers[i], "--cluster-enabled");
        server_add_arg(&b->servers[i], "yes");
        server_add_arg(&b->servers[i], "--cluster-node-timeout");
        server_add_arg(&b->servers[i], NODE_TIMEOUT_MS);
        if (!server_start(&b->servers[i], &b->error)) {
            return false;
        }
        b->control[i] = server_connect(&b->servers[i], &b->error);
        if (b->control[i] == NULL) {
            return false;
        }
        snprintf(line, sizeof(line), "CLUSTER ADDSLOTSRANGE %s\r\n", slots[i]);
        if (!ask_text(b, i, line, reply, sizeof(reply))) {
            return false;
        }
        if (i > 0) {
            snprintf(line, sizeof(line), "CLUSTER MEET 127.0.0.1 %u\r\n",
                     (unsigned)b->servers[i].port);
            if (!ask_text(b, 0, line, reply, sizeof(reply))) {
                return false;
            }
        }
    }
    for (size_t i = 0; i < NODES; i++) {
        if (!wait_for(b, i, "CLUSTER INFO\r\n", "cluster_state:ok") ||
            !wait_for(b, i, "CLUSTER INFO\r\n", "cluster_council_seats:3") ||
            !ask_text(b, i, "CLUSTER MYID\r\n", b->ids[i], sizeof(b->ids[i]))) {
            return false;
        }
    }
    return true;
}

static void clean_up(struct bench *b)
{
    for (size_t i = 0; i < NODES; i++) {
        client_close(b->control[i]);
        server_cleanup(&b->servers[i]);
    }
    mem_free(MEM_TEST, b->acked);
}

/* Write all keys, or compare all with what was acknowledged. */
static bool sweep(struct bench *b, size_t node, uint64_t count, bool is_write)
{
    uint64_t wrong = 0;

    for (uint64_t first = 0; first < count; first += PIPELINE) {
        uint64_t last = first + PIPELINE < count ? first + PIPELINE : count;
        char key[40];
        char value[VALUE_BYTES + 1];

        for (uint64_t i = first; i < last; i++) {
            name_key(b, i, key);
            name_value(i, b->acked[i], value);
            client_send_texts(b->control[node], is_write ? 3 : 2, is_write ? "SET" : "GET", key,
                              value);
        }
        for (uint64_t i = first; i < last; i++) {
            struct resp_value reply;

            if (client_read(b->control[node], &reply, &b->error) != CLIENT_OK) {
                return false;
            }
            name_value(i, b->acked[i], value);
            if (!resp_value_is_text(&reply, is_write ? "OK" : value)) {
                errmsg_set(&b->error, "%.200s", buf_text(&reply.text));
                wrong++;
            }
            resp_value_deinit(&reply);
        }
    }
    if (wrong > 0) {
        errmsg_wrap(&b->error, "%llu keys are not as they were written last, or not written",
                    (unsigned long long)wrong);
    }
    return wrong == 0;
}

/* ---- clients -------------------------------------------------------------------------------------- */

static void note_longest(atomic_llong *longest, int64_t us)
{
    if (us > atomic_load(longest)) {
        atomic_store(longest, us);
    }
}

static void *run_prober(void *context)
{
    struct prober *p = context;
    struct errmsg error;
    struct client *client = server_connect(p->server, &error);

    while (client != NULL && !atomic_load(&p->is_to_stop)) {
        struct mono_time at = clock_mono_now();
        struct resp_value reply;

        client_send_texts(client, 1, "PING");
        if (client_read(client, &reply, &error) != CLIENT_OK) {
            break;
        }
        resp_value_deinit(&reply);
        note_longest(&p->longest_us, clock_mono_now().us - at.us);
        support_pause_ms(1);
    }
    client_close(client);
    return NULL;
}

/* The keys of a round that were not acknowledged yet. */
struct round {
    uint64_t keys[PIPELINE];
    size_t count;
    size_t node; /* whom they are sent to */
};

/* Send them; those that were sent on stay. */
static bool send_round(struct bench *b, struct client *const clients[NODES], struct round *round)
{
    size_t left = 0;

    for (size_t i = 0; i < round->count; i++) {
        char key[40];
        char value[VALUE_BYTES + 1];

        name_key(b, round->keys[i], key);
        name_value(round->keys[i], b->acked[round->keys[i]] + 1, value);
        client_send_texts(clients[round->node], 3, "SET", key, value);
    }
    for (size_t i = 0; i < round->count; i++) {
        struct resp_value reply;

        if (client_read(clients[round->node], &reply, &b->error) != CLIENT_OK) {
            return false;
        }
        if (resp_value_is_text(&reply, "OK")) {
            b->acked[round->keys[i]]++;
        } else if (bytes_has_prefix(resp_value_bytes(&reply), "MOVED ")) {
            round->keys[left++] = round->keys[i];
        } else {
            errmsg_set(&b->error, "a write is answered %.200s", buf_text(&reply.text));
        }
        resp_value_deinit(&reply);
    }
    round->count = left;
    round->node = 1 - round->node;
    return b->error.text[0] == '\0';
}

/* Writes of a millisecond. */
static uint64_t round_size(const struct bench *b)
{
    return b->rate / 1000 > 0 ? b->rate / 1000 : 1;
}

/* Of each round one half goes to keys of the small range. */
static void fill_round(const struct bench *b, uint64_t number, struct round *round)
{
    uint64_t size = round_size(b);
    uint64_t others = b->keys - b->small;

    round->count = 0;
    for (uint64_t i = 0; i < size && i < PIPELINE; i++) {
        uint64_t at = number * size + i;

        round->keys[round->count++] =
            i % 2 == 0 || others == 0 ? (at / 2) % b->small : b->small + at * 7919 % others;
    }
}

static void *run_writer(void *context)
{
    struct bench *b = context;
    struct client *clients[NODES] = {server_connect(&b->servers[0], &b->error),
                                     server_connect(&b->servers[1], &b->error)};
    struct round round = {.count = 0};
    bool is_ok = clients[0] != NULL && clients[1] != NULL;
    int64_t due_us = clock_mono_now().us;

    for (uint64_t number = 0; is_ok && !atomic_load(&b->is_to_stop); number++) {
        int64_t now_us = clock_mono_now().us;
        int64_t began_us;

        while (now_us < due_us) {
            support_pause_ms(1);
            now_us = clock_mono_now().us;
        }
        began_us = now_us;
        due_us += 1000;
        fill_round(b, number, &round);
        round.node = 0;
        while (is_ok && round.count > 0) {
            is_ok = send_round(b, clients, &round);
        }
        note_longest(&b->longest_us, clock_mono_now().us - began_us);
        atomic_fetch_add(&b->rounds, 1);
    }
    atomic_store(&b->is_broken, !is_ok);
    client_close(clients[0]);
    client_close(clients[1]);
    return NULL;
}

static bool start_clients(struct bench *b)
{
    for (size_t i = 0; i < 2; i++) {
        b->probers[i].server = &b->servers[i];
        if (pthread_create(&b->probers[i].thread, NULL, run_prober, &b->probers[i]) != 0) {
            errmsg_set(&b->error, "cannot start a thread");
            return false;
        }
    }
    b->has_writer = pthread_create(&b->writer, NULL, run_writer, b) == 0;
    return b->has_writer;
}

static void stop_clients(struct bench *b)
{
    atomic_store(&b->is_to_stop, true);
    if (b->has_writer) {
        pthread_join(b->writer, NULL);
        b->has_writer = false;
    }
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&b->probers[i].is_to_stop, true);
        if (b->probers[i].server != NULL) {
            pthread_join(b->probers[i].thread, NULL);
            b->probers[i].server = NULL;
        }
    }
}

/* The longest of a time that begins now. */
static void forget_longest(struct bench *b)
{
    atomic_store(&b->longest_us, 0);
    atomic_store(&b->probers[0].longest_us, 0);
    atomic_store(&b->probers[1].longest_us, 0);
}

static void print_longest(const struct bench *b, const char *name)
{
    printf("%-10s longest ms: PING at source %.1f, at receiver %.1f, round of writes %.1f\n", name,
           (double)atomic_load(&b->probers[0].longest_us) / 1000,
           (double)atomic_load(&b->probers[1].longest_us) / 1000,
           (double)atomic_load(&b->longest_us) / 1000);
}

/* ---- moves ---------------------------------------------------------------------------------------- */

struct peaks {
    uint64_t bytes[2];
};

/* Of the newest move at the node: its state. */
static bool is_done(struct bench *b, size_t node, const char *id, bool *out)
{
    char line[128];
    struct resp_value reply;

    snprintf(line, sizeof(line), "CLUSTER MIGRATION STATUS ID %s\r\n", id);
    if (!ask(b, node, line, &reply)) {
        return false;
    }
    *out = false;
    for (size_t i = 0; reply.child_count > 0 && i + 1 < reply.children[0].child_count; i += 2) {
        *out = *out || (resp_value_is_text(&reply.children[0].children[i], "state") &&
                        resp_value_is_text(&reply.children[0].children[i + 1], "completed"));
    }
    resp_value_deinit(&reply);
    return true;
}

static void note_peaks(struct bench *b, struct peaks *peaks)
{
    for (size_t i = 0; peaks != NULL && i < 2; i++) {
        uint64_t now = server_resident_bytes(&b->servers[i]);

        peaks->bytes[i] = now > peaks->bytes[i] ? now : peaks->bytes[i];
    }
}

/* Slots 0 to last go to the node; the time in us until it has them.  False when they did not. */
static bool move(struct bench *b, size_t to, unsigned last, struct peaks *peaks, int64_t *us)
{
    int64_t until_ms = support_now_ms() + WAIT_MS;
    struct mono_time began;
    char line[80];
    char id[128];
    bool is_over = false;

    snprintf(line, sizeof(line), "CLUSTER MIGRATION IMPORT 0 %u\r\n", last);
    do { /* keys of the move before may still be being removed */
        began = clock_mono_now();
        if (!ask_text(b, to, line, id, sizeof(id)) || support_now_ms() > until_ms) {
            errmsg_set(&b->error, "CLUSTER MIGRATION IMPORT answers %s", id);
            return false;
        }
    } while (strlen(id) != 40);
    while (!is_over && support_now_ms() < until_ms && !atomic_load(&b->is_broken)) {
        if (!is_done(b, to, id, &is_over)) {
            return false;
        }
        note_peaks(b, peaks);
        support_pause_ms(peaks != NULL ? SAMPLE_MS : POLL_MS);
    }
    *us = clock_mono_now().us - began.us;
    return is_over;
}

static int compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

/* So many percent of the sorted times are no longer. */
static double part_ms(const int64_t *sorted_us, uint64_t count, uint64_t percent)
{
    uint64_t rank = (count * percent + 99) / 100;

    return (double)sorted_us[rank > 0 ? rank - 1 : 0] / 1000;
}

/* The small range goes there and back. */
static bool measure_holds(struct bench *b)
{
    int64_t held_us[MOVES_MAX] = {0};
    int64_t steady_us;
    int64_t us;

    forget_longest(b);
    support_pause_ms(STEADY_MS);
    steady_us = atomic_load(&b->longest_us);
    for (uint64_t i = 0; i < b->moves; i++) {
        forget_longest(b);
        if (!move(b, 1 - i % 2, SMALL_SLOTS - 1, NULL, &us)) {
            return false;
        }
        support_pause_ms(SAMPLE_MS);
        held_us[i] = atomic_load(&b->longest_us);
    }
    qsort(held_us, b->moves, sizeof(held_us[0]), compare_times);
    printf(
        "%llu moves of %llu keys: writes held ms: median %.1f, p99 %.1f, worst %.1f; the longest "
        "round of a steady time %.1f\n",
        (unsigned long long)b->moves, (unsigned long long)b->small, part_ms(held_us, b->moves, 50),
        part_ms(held_us, b->moves, 99), part_ms(held_us, b->moves, 100), (double)steady_us / 1000);
    return true;
}

static bool measure_save(struct bench *b, double *ns_a_key)
{
    char reply[128];
    uint64_t began_ns = server_cpu_ns(&b->servers[0]);

    if (!ask_text(b, 0, "BGSAVE\r\n", reply, sizeof(reply)) ||
        !wait_for(b, 0, "INFO persistence\r\n", "rdb_bgsave_in_progress:0")) {
        return false;
    }
    *ns_a_key = (double)(server_cpu_ns(&b->servers[0]) - began_ns) / (double)b->keys;
    return true;
}

static double megabytes(uint64_t bytes, uint64_t less)
{
    return bytes > less ? (double)(bytes - less) / 1048576 : 0;
}

/* All of it goes; before the writer begins nobody else works there. */
static bool measure_big(struct bench *b, const uint64_t base[2])
{
    uint64_t full = server_resident_bytes(&b->servers[0]);
    uint64_t steady_ns;
    uint64_t began_ns;
    struct peaks peaks = {{0}};
    int64_t rounds;
    int64_t us;

    forget_longest(b);
    rounds = atomic_load(&b->rounds);
    steady_ns = server_cpu_ns(&b->servers[0]);
    support_pause_ms(STEADY_MS);
    steady_ns = server_cpu_ns(&b->servers[0]) - steady_ns;
    rounds = atomic_load(&b->rounds) - rounds;
    print_longest(b, "steady:");
    printf("           %.0f writes a second, CPU of the server %.0f%%\n",
           (double)rounds * (double)round_size(b) * 1000 / STEADY_MS,
           (double)steady_ns / STEADY_MS / 10000);
    forget_longest(b);
    rounds = atomic_load(&b->rounds);
    began_ns = server_cpu_ns(&b->servers[0]);
    if (!move(b, 1, MOVED_SLOTS - 1, &peaks, &us)) {
        return false;
    }
    began_ns = server_cpu_ns(&b->servers[0]) - began_ns;
    rounds = atomic_load(&b->rounds) - rounds;
    print_longest(b, "move:");
    printf("           %.0f writes a second; %.2f s for %llu keys\n",
           (double)rounds * (double)round_size(b) * 1e6 / (double)us, (double)us / 1e6,
           (unsigned long long)b->keys);
    printf("           memory: source at most %.1f MB more than before, receiver %.1f MB more than "
           "the data's %.1f\n",
           megabytes(peaks.bytes[0], full), megabytes(peaks.bytes[1], base[1] + full - base[0]),
           megabytes(full, base[0]));
    printf("           CPU of the source over a steady time: %.0f ns for each key\n",
           ((double)began_ns - (double)steady_ns * (double)us / 1000 / STEADY_MS) /
               (double)b->keys);
    support_pause_ms(STEADY_MS);
    return true;
}

static bool run(struct bench *b)
{
    uint64_t base[2];
    double save_ns;

    if (!start(b)) {
        return false;
    }
    choose_tags(b);
    base[0] = server_resident_bytes(&b->servers[0]);
    base[1] = server_resident_bytes(&b->servers[1]);
    if (!sweep(b, 0, b->keys, true) || !measure_save(b, &save_ns)) {
        return false;
    }
    printf("BGSAVE:    %.0f ns of CPU for each key\n", save_ns);
    if (!start_clients(b) || !measure_holds(b)) {
        return false;
    }
    if (b->moves % 2 == 1) {
        int64_t us;

        if (!move(b, 0, SMALL_SLOTS - 1, NULL, &us)) {
            return false;
        }
    }
    if (!measure_big(b, base)) {
        return false;
    }
    stop_clients(b);
    if (atomic_load(&b->is_broken) || !sweep(b, 1, b->keys, false)) {
        return false;
    }
    printf("each of %llu keys has what was acknowledged last\n", (unsigned long long)b->keys);
    return true;
}

int main(int argc, char **argv)
{
    struct bench *b = mem_alloc_zeroed(MEM_TEST, sizeof(*b));
    const struct option_spec specs[] = {
        {.flag = "--keys",  .argument = "N",               .number = &b->keys,  .most = 100000000},
        {.flag = "--rate",  .argument = "WRITES A SECOND", .number = &b->rate,  .most = 500000   },
        {.flag = "--moves", .argument = "N",               .number = &b->moves, .most = MOVES_MAX},
        {.flag = "--small", .argument = "KEYS",            .number = &b->small, .most = 100000000},
    };
    bool is_ok;

    b->keys = 2000000;
    b->rate = 20000;
    b->moves = 20;
    b->small = 20000;
    if (!options_parse("move", specs, ARRAY_COUNT(specs), argc, argv)) {
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    b->small = b->small < b->keys ? b->small : b->keys;
    b->acked = mem_alloc_zeroed(MEM_TEST, b->keys * sizeof(*b->acked));
    is_ok = run(b);
    stop_clients(b);
    if (!is_ok) {
        fprintf(stderr, "move: %s\n", b->error.text);
    }
    clean_up(b);
    mem_free(MEM_TEST, b);
    return is_ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
