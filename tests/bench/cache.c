/* SPDX-License-Identifier: MIT */
/* What eviction is worth: a server as a cache that is smaller than its data.
 *
 *     cache [--keys N] [--megabytes N] [--reads N] [--depth N] [--policy NAME]... [--peers LIST]
 *           [--program [NAME=]PATH]...
 *
 * N keys with values of 64 bytes are inserted, more than maxmemory has room for.  Then keys are read
 * that are drawn by Zipf's law (s = 0.99), and what was not found is set, as who uses a cache does.
 * Hits of the second half of the reads count.
 *
 * Beside them stand two figures of this program: how many hits a cache with room for as many keys as the
 * server had at the end has of the same reads if it always gives up the least recently used, and if it
 * knows beforehand which keys are read most often and holds just these.  A probe sends one GET a
 * millisecond meanwhile; what it feels beyond the processor time of the longest pass, neighbours have caused. */
#include "base/mem.h"
#include "base/rng.h"
#include "io/client.h"
#include "io/clock.h"
#include "tests/bench/load.h"
#include "tests/bench/longest.h"
#include "tests/bench/measure.h"
#include "tests/bench/peers.h"
#include "tests/bench/probe.h"
#include "tests/bench/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    VALUE_BYTES = 64,
    DEPTH_MAX = 512,
    TIMEOUT_MS = 20000,
    SEED = 42,
};

static const double zipf_s = 0.99;

enum figure {
    HITS,      /* percent of the reads that count */
    EXACT_LRU, /* the same of an exact LRU of that size, */
    BEST,      /* and of the keys that are read most */
    KEYS,      /* millions, at the end */
    RESIDENT,  /* resident bytes for data, per byte of maxmemory */
    SLOWEST,   /* the slowest request of the probe, milliseconds */
    SLOW_999,  /* p99.9 of the probe */
    PASS_MS,   /* the longest pass of the server's loop, by the clock, */
    PASS_CPU,  /* and by its own processor time */
    READS_MS,  /* of reads a second */
    FIGURE_COUNT,
};

/* Draws numbers by Zipf's law in constant time: Walker's alias method. */
struct zipf {
    double *share; /* of each number: the chance to stay with it */
    uint32_t *alias;
    double *sums; /* chance that a drawn number is at most that */
    uint32_t count;
};

struct cache {
    uint64_t keys, megabytes, reads, depth;
    const char *names;
    struct option_texts policies;
    struct option_texts programs;
    struct peers peers;
    struct peer_cpus cpus;
    struct zipf zipf;
    struct hist latency_us;
};

static void zipf_init(struct zipf *z, uint32_t count)
{
    uint32_t *small = mem_alloc(MEM_TEST, count * sizeof(*small));
    uint32_t *large = mem_alloc(MEM_TEST, count * sizeof(*large));
    uint32_t small_count = 0;
    uint32_t large_count = 0;
    double sum = 0;

    z->count = count;
    z->share = mem_alloc(MEM_TEST, count * sizeof(*z->share));
    z->sums = mem_alloc(MEM_TEST, count * sizeof(*z->sums));
    z->alias = mem_alloc_zeroed(MEM_TEST, count * sizeof(*z->alias));
    for (uint32_t i = 0; i < count; i++) {
        sum += 1.0 / pow(i + 1.0, zipf_s);
        z->sums[i] = sum;
    }
    for (uint32_t i = 0; i < count; i++) {
        z->sums[i] /= sum;
        z->share[i] = 1.0 / pow(i + 1.0, zipf_s) / sum * count;
        if (z->share[i] < 1) {
            small[small_count++] = i;
        } else {
            large[large_count++] = i;
        }
    }
    while (small_count > 0 && large_count > 0) {
        uint32_t less = small[--small_count];
        uint32_t more = large[large_count - 1];

        z->alias[less] = more;
        z->share[more] -= 1 - z->share[less];
        if (z->share[more] < 1) {
            small[small_count++] = more;
            large_count--;
        }
    }
    mem_free(MEM_TEST, small);
    mem_free(MEM_TEST, large);
}

static uint32_t zipf_draw(const struct zipf *z, struct rng *rng)
{
    uint32_t at = (uint32_t)rng_below(rng, z->count);
    double coin = (double)(rng_u64(rng) >> 11) / 9007199254740992.0;

    return coin < z->share[at] ? at : z->alias[at];
}

/* ---- an exact LRU ------------------------------------------------------------------------------- */

struct lru {
    uint32_t *older, *newer; /* rings through `none`; both none: not there */
    uint32_t none;
    uint32_t count, room;
};

static void lru_unlink(struct lru *l, uint32_t key)
{
    l->newer[l->older[key]] = l->newer[key];
    l->older[l->newer[key]] = l->older[key];
    l->older[key] = key;
    l->newer[key] = key;
}

/* Was it there?  It is afterwards. */
static bool lru_use(struct lru *l, uint32_t key)
{
    bool was_there = l->older[key] != key;

    if (was_there) {
        lru_unlink(l, key);
    } else if (l->count == l->room) {
        lru_unlink(l, l->newer[l->none]); /* none is older than all, and newer */
    } else {
        l->count++;
    }
    l->older[key] = l->older[l->none];
    l->newer[key] = l->none;
    l->newer[l->older[key]] = key;
    l->older[l->none] = key;
    return was_there;
}

/* The same that the server was asked, of an LRU with that much room. */
static double exact_lru(const struct cache *c, uint32_t room)
{
    uint32_t count = (uint32_t)c->keys;
    struct lru l = {.none = count, .room = room};
    struct rng rng;
    uint64_t hits = 0;

    l.older = mem_alloc(MEM_TEST, (count + 1) * sizeof(*l.older));
    l.newer = mem_alloc(MEM_TEST, (count + 1) * sizeof(*l.newer));
    for (uint32_t i = 0; i <= count; i++) {
        l.older[i] = l.newer[i] = i;
    }
    for (uint32_t i = 0; i < count; i++) {
        (void)lru_use(&l, i);
    }
    rng_init(&rng, SEED);
    for (uint64_t i = 0; i < c->reads; i++) {
        bool is_hit = lru_use(&l, zipf_draw(&c->zipf, &rng));

        hits += is_hit && i >= c->reads / 2;
    }
    mem_free(MEM_TEST, l.older);
    mem_free(MEM_TEST, l.newer);
    return 100.0 * (double)hits / (double)(c->reads - c->reads / 2);
}

/* ---- the server --------------------------------------------------------------------------------- */

static void queue_request(struct client *client, uint32_t key, bool is_set)
{
    static const char value[VALUE_BYTES + 1] =
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl";
    char text[160];
    int len =
        is_set ? snprintf(text, sizeof(text), "*3\r\n$3\r\nSET\r\n$12\r\nkey:%08u\r\n$%d\r\n%s\r\n",
                          key, VALUE_BYTES, value)
               : snprintf(text, sizeof(text), "*2\r\n$3\r\nGET\r\n$12\r\nkey:%08u\r\n", key);

    client_send_raw(client, bytes_make(text, (size_t)len));
}

/* What the next reply is: 'v' a value, 'n' none, '+' a line; 0 and a message for anything else. */
static char read_reply(struct client *client, struct errmsg *error)
{
    for (;;) {
        struct bytes in = client_input(client);
        size_t end = bytes_find_byte(in, '\n');
        size_t len = end + 1;

        if (end != SIZE_MAX) {
            bool is_none = in.data[0] == '_' || (in.len > 1 && in.data[1] == '-');
            char kind = in.data[0] == '+' ? '+' : is_none ? 'n' : 'v';

            if (in.data[0] == '-') {
                errmsg_set(error, "%.*s", (int)end, in.data);
                return 0;
            }
            len += kind == 'v' ? VALUE_BYTES + 2 : 0;
            if (in.len >= len) {
                client_consume(client, len);
                return kind;
            }
        }
        if (client_wait_input(client, error) != CLIENT_OK) {
            return 0;
        }
    }
}

struct batch {
    uint32_t keys[DEPTH_MAX];
    size_t count;
};

/* Send them all; missed, which may be the same, becomes those that had no value. */
static bool run_batch(struct client *client, const struct batch *batch, bool is_set,
                      struct batch *missed, struct errmsg *error)
{
    size_t count = batch->count;
    size_t missed_count = 0;

    for (size_t i = 0; i < count; i++) {
        queue_request(client, batch->keys[i], is_set);
    }
    for (size_t i = 0; i < count; i++) {
        char kind = read_reply(client, error);

        if (kind == 0) {
            return false;
        }
        if (kind == 'n') {
            missed->keys[missed_count++] = batch->keys[i];
        }
    }
    missed->count = missed_count;
    return true;
}

static bool insert_all(const struct cache *c, struct client *client, struct errmsg *error)
{
    struct batch batch;

    for (uint64_t at = 0; at < c->keys; at += c->depth) {
        batch.count = c->keys - at < c->depth ? c->keys - at : c->depth;
        for (size_t i = 0; i < batch.count; i++) {
            batch.keys[i] = (uint32_t)(at + i);
        }
        if (!run_batch(client, &batch, true, &batch, error)) {
            return false;
        }
    }
    return true;
}

static bool read_many(const struct cache *c, struct client *client, double *hit_percent,
                      struct errmsg *error)
{
    struct batch batch;
    struct rng rng;
    uint64_t hits = 0;

    rng_init(&rng, SEED);
    for (uint64_t at = 0; at < c->reads; at += c->depth) {
        batch.count = c->depth;
        for (size_t i = 0; i < c->depth; i++) {
            batch.keys[i] = zipf_draw(&c->zipf, &rng);
        }
        if (!run_batch(client, &batch, false, &batch, error)) {
            return false;
        }
        hits += at >= c->reads / 2 ? c->depth - batch.count : 0;
        if (!run_batch(client, &batch, true, &batch, error)) {
            return false;
        }
    }
    *hit_percent = 100.0 * (double)hits / (double)(c->reads - c->reads / 2);
    return true;
}

static bool count_keys(struct client *client, uint64_t *out, struct errmsg *error)
{
    const struct bytes words[] = {BYTES_LITERAL("DBSIZE")};
    struct resp_value value;

    if (client_call(client, words, 1, &value, error) != CLIENT_OK) {
        return false;
    }
    *out = (uint64_t)value.integer;
    resp_value_deinit(&value);
    return true;
}

static bool measure(struct cache *c, const struct server *server, double out[FIGURE_COUNT],
                    struct errmsg *error)
{
    struct client_options options = {
        .host = "127.0.0.1", .port = server->port, .timeout_ms = TIMEOUT_MS};
    uint64_t empty_bytes = measure_settled_bytes(server);
    struct client *client = client_open(&options, error);
    struct probe *probe = client != NULL ? probe_start(server->port, true, error) : NULL;
    struct mono_time began = clock_mono_now();
    struct longest longest;
    uint64_t keys = 0;
    bool is_ok;

    if (client == NULL || probe == NULL) {
        client_close(client);
        return false;
    }
    is_ok = longest_begin(server, error) && insert_all(c, client, error);
    began = clock_mono_now();
    is_ok = is_ok && read_many(c, client, &out[HITS], error);
    out[READS_MS] = (double)c->reads / (double)(mono_ms_between(began, clock_mono_now()) + 1);
    is_ok = probe_stop(probe, &c->latency_us, error) && is_ok && count_keys(client, &keys, error) &&
            longest_end(server, &longest, error);
    client_close(client);
    if (!is_ok) {
        return false;
    }
    out[RESIDENT] = (double)(measure_settled_bytes(server) - empty_bytes) /
                    ((double)c->megabytes * 1024 * 1024);
    out[KEYS] = (double)keys / 1e6;
    out[EXACT_LRU] = exact_lru(c, (uint32_t)keys);
    out[BEST] = 100.0 * c->zipf.sums[keys - 1];
    out[PASS_MS] = longest.ms;
    out[PASS_CPU] = longest.cpu_ms;
    out[SLOWEST] = (double)c->latency_us.max / 1000.0;
    out[SLOW_999] = (double)hist_quantile(&c->latency_us, 0.999) / 1000.0;
    return true;
}

static bool run_peer(struct cache *c, size_t at, const char *policy, struct report *report,
                     struct errmsg *error)
{
    char limit[32];
    /* The log is no data. */
    const char *args[] = {"--maxmemory",         limit,  "--maxmemory-policy", policy,
                          "--repl-backlog-size", "16384"};
    struct peer_options options = {
        .cpu_mask = c->cpus.server, .args = args, .arg_count = ARRAY_COUNT(args)};
    char name[REPORT_NAME_MAX];
    double figures[FIGURE_COUNT] = {0};
    struct server server;
    bool is_ok;

    snprintf(limit, sizeof(limit), "%llumb", (unsigned long long)c->megabytes);
    is_ok = peer_start(&c->peers.items[at], &options, &server, error) &&
            measure(c, &server, figures, error);
    server_cleanup(&server);
    if (!is_ok) {
        errmsg_wrap(error, "%s", c->peers.items[at].name);
        return false;
    }
    snprintf(name, sizeof(name), "%s, %s", c->peers.items[at].name, policy);
    memcpy(report->cells[report_add_row(report, name)], figures, sizeof(figures));
    printf("%s: %.2f of %.2f\n", name, figures[HITS], figures[EXACT_LRU]);
    fflush(stdout);
    return true;
}

static bool parse_options(struct cache *c, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {.flag = "--keys",     .argument = "N",      .number = &c->keys,                                .most = 50000000},
        {.flag = "--megabytes",                    .argument = "N",                    .number = &c->megabytes,                                   .most = 100000},
        {.flag = "--reads",      .argument = "N",                          .number = &c->reads,                         .most = 1000000000},
        {.flag = "--depth", .argument = "N",.number = &c->depth,   .most = DEPTH_MAX},
        {.flag = "--policy",     .argument = "NAME",                             .texts = &c->policies                                                          },
        {.flag = "--peers",   .argument = "LIST", .text = &c->names},
        {.flag = "--program",    .argument = "[NAME=]PATH",    .texts = &c->programs                                   },
    };

    if (!options_parse("cache", specs, ARRAY_COUNT(specs), argc, argv)) {
        return false;
    }
    if (c->policies.count == 0) {
        c->policies.items[c->policies.count++] = "allkeys-lru";
        c->policies.items[c->policies.count++] = "allkeys-lfu";
        c->policies.items[c->policies.count++] = "allkeys-random";
    }
    c->reads = (c->reads + 2 * c->depth - 1) / (2 * c->depth) * 2 * c->depth;
    return true;
}

int main(int argc, char **argv)
{
    static const char *const columns[FIGURE_COUNT] = {
        "hits %",     "exact LRU %", "best %",  "million keys", "resident",
        "slowest ms", "p99.9 ms",    "pass ms", "pass CPU ms",  "1000 reads/s"};
    struct cache *c = mem_alloc_zeroed(MEM_TEST, sizeof(*c));
    struct report report = {.title = "a cache smaller than its data, reads by Zipf's law"};
    struct errmsg error = {0};
    bool is_ok = true;

    c->keys = 5000000;
    c->megabytes = 193;
    c->reads = 20000000;
    c->depth = 64;
    if (!parse_options(c, argc, argv)) {
        return 2;
    }
    peers_find(&c->peers, &(struct peer_choice){
                              .is_resp_only = true, .programs = &c->programs, .names = c->names});
    c->cpus = peers_pin();
    report_machine();
    printf("%llu keys, %llu MB, %llu reads in pipelines of %llu\n", (unsigned long long)c->keys,
           (unsigned long long)c->megabytes, (unsigned long long)c->reads,
           (unsigned long long)c->depth);
    peers_print(&c->peers);
    fflush(stdout);
    zipf_init(&c->zipf, (uint32_t)c->keys);
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        report_add_column(&report, columns[i]);
    }
    for (size_t p = 0; is_ok && p < c->policies.count; p++) {
        for (size_t at = 0; is_ok && at < c->peers.count; at++) {
            is_ok = run_peer(c, at, c->policies.items[p], &report, &error);
        }
    }
    if (is_ok) {
        report_print(&report);
    } else {
        fprintf(stderr, "cache: %s\n", error.text);
    }
    mem_free(MEM_TEST, c->zipf.share);
    mem_free(MEM_TEST, c->zipf.sums);
    mem_free(MEM_TEST, c->zipf.alias);
    mem_free(MEM_TEST, c);
    return is_ok ? 0 : 1;
}
