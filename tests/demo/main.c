/* SPDX-License-Identifier: MIT */
/* A guided tour of a cluster, with real servers: formed, written to, hurt, healed, compared.
 *
 *     run                                the tour
 *     run --rounds 20 --quiet            only kill and take over, again and again; print the times
 *     run --appends 120                  kill and stop nodes for so many seconds under clients that append, with sync-replicas;
 *                                        nothing acknowledged is lost, and nothing is there twice
 *     run --appends 120 --partitions     the same, and nodes cannot reach one another for a while (root, and ip(8))
 *     run --moves 20                     kill and stop who takes part in a move of slots, at twenty moments each, under clients
 *                                        that count; the slots have one owner, and no confirmed count is lost
 *     run --celebrity                    the tour of a key that everybody reads
 *     run --copies 10 --seconds 60       read and write a hot key at all nodes while these are stopped and killed, its owner is
 *                                        replaced and its slot moves: ten rounds; what was told is linearizable
 *     run --outages 50 --shape 3+3       end primaries by KILL, STOP, TERM and CLUSTER FAILOVER under a client that writes
 *                                        all the time; print how long it waited, and what errors it saw
 *
 * Exits with 0 only when everything that it tells has really happened. */
#include "tests/demo/demo.h"

#include "base/mem.h"
#include "base/num.h"
#include "io/clock.h"

#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    TOUR_KEYS = 10000,
    ROUNDS_MAX = 1000,
    TRAFFIC_BEFORE = 200,  /* acknowledged writes of each shard before the kill */
    TRAFFIC_AFTER = 200,   /* and of the two other shards after it */
    ROUND_PAUSE_MS = 1000, /* kills come at a random moment of the heartbeat */
};

struct options {
    int64_t rounds; /* 0, as all others: the tour */
    int64_t outages;
    int64_t appends_s;
    int64_t moves;
    int64_t stops;
    int64_t copies;
    int64_t seconds; /* of each round of copies */
    const char *shape;
    bool is_celebrity;
    bool has_partitions;
    bool is_quiet;
    int64_t seed;
    int64_t median_limit_ms;
    int64_t worst_limit_ms;
};

void demo_say(const struct demo *demo, const char *format, ...)
{
    va_list args;

    if (demo->is_quiet) {
        return;
    }
    printf("    ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
}

void demo_chapter(struct demo *demo, const char *title)
{
    demo->chapter++;
    if (!demo->is_quiet) {
        printf("\n%d. %s\n", demo->chapter, title);
        fflush(stdout);
    }
}

static unsigned port_of(const struct demo *demo, size_t node)
{
    return (unsigned)demo->servers[node].port;
}

/* ---- the tour --------------------------------------------------------------------------------- */

bool demo_form(struct demo *demo, struct demo_map *map)
{
    demo_chapter(demo, "Six servers become a cluster");
    if (!demo_start_servers(demo) || !demo_form_cluster(demo) || !demo_wait_healthy(demo) ||
        !demo_wait_map(demo, 0, map)) {
        return false;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct demo_range *range = &map->ranges[i];

        char replica[32] = "";

        if (range->replica != DEMO_NODES) {
            snprintf(replica, sizeof(replica), ", replica %u", port_of(demo, range->replica));
        }
        demo_say(demo, "slots %5lld to %5lld: primary %u%s", (long long)range->first_slot,
                 (long long)range->last_slot, port_of(demo, range->primary), replica);
    }
    return true;
}

static bool show_keys(struct demo *demo, const struct demo_map *map)
{
    struct mono_time start;
    int64_t write_ms;
    int64_t total = 0;

    demo_chapter(demo, "Ten thousand keys");
    start = clock_mono_now();
    if (!demo_write_keys(demo, map, TOUR_KEYS)) {
        return false;
    }
    write_ms = mono_ms_between(start, clock_mono_now());
    start = clock_mono_now();
    if (!demo_check_keys(demo, map, TOUR_KEYS)) {
        return false;
    }
    demo_say(demo, "%d keys written in %lld ms, read back and compared in %lld ms.", TOUR_KEYS,
             (long long)write_ms, (long long)mono_ms_between(start, clock_mono_now()));
    for (size_t i = 0; i < map->count; i++) {
        char text[DEMO_TEXT];
        int64_t here;

        if (!demo_ask_text(demo, map->ranges[i].primary, text, 1, "DBSIZE") ||
            !num_parse_i64(bytes_from_text(text), &here)) {
            return false;
        }
        demo_say(demo, "primary %u holds %lld of them.", port_of(demo, map->ranges[i].primary),
                 (long long)here);
        total += here;
    }
    if (total != TOUR_KEYS) {
        errmsg_set(&demo->error, "the primaries hold %lld keys", (long long)total);
        return false;
    }
    return true;
}

/* Ask a primary for a key of another one. */
static bool show_moved(struct demo *demo, const struct demo_map *map)
{
    size_t asked = map->ranges[0].primary;
    char key[32];
    char reply[DEMO_TEXT];
    int number = 0;

    demo_chapter(demo, "Asking the wrong node");
    do {
        snprintf(key, sizeof(key), "tour:%d", number++);
    } while (demo_find_range(map, demo_slot(key))->primary == asked);
    if (!demo_ask_text(demo, asked, reply, 2, "GET", key)) {
        return false;
    }
    demo_say(demo, "GET %s at port %u answers: -%s", key, port_of(demo, asked), reply);
    if (strncmp(reply, "MOVED ", 6) != 0) {
        errmsg_set(&demo->error, "MOVED was expected");
        return false;
    }
    demo_say(demo, "Cluster clients follow that and remember it.");
    return true;
}

static bool save(struct demo *demo, size_t node)
{
    int64_t start_ms = support_now_ms();
    int64_t until = start_ms + DEMO_HEAL_MS;
    char reply[DEMO_TEXT];
    int64_t saves_before;
    int64_t saves;

    demo_chapter(demo, "Saving");
    if (!demo_number(demo, node, "persistence", "rdb_saves", &saves_before) ||
        !demo_ask_text(demo, node, reply, 1, "BGSAVE")) {
        return false;
    }
    do {
        support_pause_ms(2);
        if (!demo_number(demo, node, "persistence", "rdb_saves", &saves)) {
            return false;
        }
    } while (saves == saves_before && support_now_ms() < until);
    if (saves == saves_before) {
        errmsg_set(&demo->error, "BGSAVE at port %u has not ended: %s", port_of(demo, node), reply);
        return false;
    }
    demo_say(demo, "BGSAVE at port %u: done after %lld ms.", port_of(demo, node),
             (long long)(support_now_ms() - start_ms));
    return true;
}

static bool kill_under_traffic(struct demo *demo, const struct demo_map *map,
                               struct traffic *traffic, struct takeover *takeover)
{
    const struct demo_range *shards[DEMO_PRIMARIES];
    int acknowledged = 0;
    int refused;

    demo_chapter(demo, "A primary dies under load");
    for (size_t i = 0; i < DEMO_PRIMARIES; i++) {
        shards[i] = &map->ranges[i];
    }
    if (!traffic_start(demo, traffic, shards)) {
        return false;
    }
    demo_say(demo, "%d writers set keys of all shards, each followed by WAIT 1.", DEMO_PRIMARIES);
    if (!traffic_wait_for(demo, traffic, 7, TRAFFIC_BEFORE)) {
        return false;
    }
    demo_say(demo, "kill -9 to the primary on port %u ...", port_of(demo, shards[0]->primary));
    if (!takeover_run(demo, shards[0], takeover)) {
        return false;
    }
    demo_say(demo, "port %u accepted the first write %lld ms after the kill.",
             port_of(demo, takeover->heir), (long long)(takeover->elapsed_us / 1000));
    if (!traffic_wait_for(demo, traffic, 6, TRAFFIC_AFTER)) {
        return false;
    }
    traffic_stop(traffic);
    refused = traffic->writers[0].refused_count;
    for (size_t i = 0; i < DEMO_PRIMARIES; i++) {
        acknowledged += atomic_load(&traffic->writers[i].acknowledged_count);
    }
    demo_say(demo, "%d writes were acknowledged by a replica.", acknowledged);
    demo_say(demo, "the writer of the hit shard was turned away %d times, and tried again.",
             refused);
    return true;
}

static bool nothing_lost(struct demo *demo, const struct traffic *traffic,
                         const struct takeover *takeover)
{
    struct demo_map map;

    demo_chapter(demo, "Nothing that was acknowledged is lost");
    if (!demo_read_map(demo, takeover->heir, &map) || !traffic_check(demo, traffic, &map)) {
        return false;
    }
    demo_say(demo, "every acknowledged write was read back with its value,");
    if (!demo_check_keys(demo, &map, TOUR_KEYS)) {
        return false;
    }
    demo_say(demo, "and so were the %d keys from before.", TOUR_KEYS);
    return true;
}

static bool come_back(struct demo *demo, const struct takeover *takeover)
{
    int64_t partial[2];
    int64_t full[2];
    char digest[DEMO_TEXT];
    char keys[DEMO_TEXT];
    struct mono_time start = clock_mono_now();

    demo_chapter(demo, "The old primary comes back");
    if (!demo_number(demo, takeover->heir, "stats", "sync_partial_ok", &partial[0]) ||
        !demo_number(demo, takeover->heir, "stats", "sync_full", &full[0]) ||
        !takeover_bring_back(demo, takeover)) {
        return false;
    }
    demo_say(demo, "port %u is a replica now, in sync %lld ms after its start.",
             port_of(demo, takeover->victim), (long long)mono_ms_between(start, clock_mono_now()));
    if (!demo_number(demo, takeover->heir, "stats", "sync_partial_ok", &partial[1]) ||
        !demo_number(demo, takeover->heir, "stats", "sync_full", &full[1])) {
        return false;
    }
    if (partial[1] <= partial[0] || full[1] != full[0]) {
        errmsg_set(&demo->error, "the old primary needed a full resync");
        return false;
    }
    demo_say(demo, "It loaded its save and asked only for what it missed: a partial resync.");
    if (!takeover_compare(demo, takeover, digest) ||
        !demo_ask_text(demo, takeover->heir, keys, 1, "DBSIZE")) {
        return false;
    }
    demo_say(demo, "Both hold the same %s keys: digest %s.", keys, digest);
    return demo_wait_healthy(demo);
}

static bool all_there(struct demo *demo, struct demo_map *map)
{
    if (!demo_read_map(demo, map->ranges[1].primary, map) ||
        !demo_check_keys(demo, map, TOUR_KEYS)) {
        return false;
    }
    demo_say(demo, "So were the %d keys from the beginning.", TOUR_KEYS);
    return true;
}

static bool tour(struct demo *demo)
{
    struct demo_map map;
    struct takeover takeover;
    struct traffic *traffic = mem_alloc_zeroed(MEM_TEST, sizeof(*traffic));
    bool is_ok;

    is_ok = demo_form(demo, &map) && show_keys(demo, &map) && show_moved(demo, &map) &&
            save(demo, map.ranges[0].primary) && kill_under_traffic(demo, &map, traffic, &takeover);
    traffic_stop(traffic);
    is_ok = is_ok && nothing_lost(demo, traffic, &takeover) && come_back(demo, &takeover) &&
            demo_wait_map(demo, takeover.heir, &map);
    memset(traffic, 0, sizeof(*traffic));
    is_ok = is_ok && moving_run(demo, &map, traffic) && all_there(demo, &map);
    mem_free(MEM_TEST, traffic);
    return is_ok;
}

/* ---- rounds ----------------------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

static bool summarize(struct demo *demo, const struct options *options, int64_t *times_us)
{
    size_t count = (size_t)options->rounds;
    int64_t median_ms;
    int64_t worst_ms;

    qsort(times_us, count, sizeof(times_us[0]), compare_times);
    median_ms = (times_us[(count - 1) / 2] + times_us[count / 2]) / 2000;
    worst_ms = times_us[count - 1] / 1000;
    printf("take-over in %zu rounds: median %lld ms, worst %lld ms\n", count, (long long)median_ms,
           (long long)worst_ms);
    if (median_ms > options->median_limit_ms || worst_ms > options->worst_limit_ms) {
        errmsg_set(&demo->error, "that is more than %lld ms in the median or %lld ms at worst",
                   (long long)options->median_limit_ms, (long long)options->worst_limit_ms);
        return false;
    }
    return true;
}

static bool rounds(struct demo *demo, const struct options *options)
{
    int64_t times_us[ROUNDS_MAX];
    struct demo_map map;

    if (!demo_form(demo, &map)) {
        return false;
    }
    for (int i = 0; i < options->rounds; i++) {
        struct takeover takeover;
        size_t shard = (size_t)i % DEMO_PRIMARIES;

        support_pause_ms((int64_t)rng_below(&demo->rng, ROUND_PAUSE_MS));
        if (!takeover_run(demo, &map.ranges[shard], &takeover)) {
            errmsg_wrap(&demo->error, "round %d", i + 1);
            return false;
        }
        times_us[i] = takeover.elapsed_us;
        printf("round %2d: port %u took over from %u in %lld ms\n", i + 1,
               port_of(demo, takeover.heir), port_of(demo, takeover.victim),
               (long long)(takeover.elapsed_us / 1000));
        fflush(stdout);
        if (!takeover_bring_back(demo, &takeover) || !demo_wait_healthy(demo) ||
            !demo_wait_map(demo, takeover.heir, &map)) {
            errmsg_wrap(&demo->error, "after round %d", i + 1);
            return false;
        }
    }
    return summarize(demo, options, times_us);
}

/* ---- options ---------------------------------------------------------------------------------- */

static void print_usage(FILE *out)
{
    fprintf(
        out,
        "usage: run [--quiet] [--seed N] [--rounds N [--median-ms N] [--worst-ms N]]\n"
        "       run [--seed N] --outages N [--shape all|3+3|1+2|1+1+arbiter]\n"
        "       run [--seed N] --appends SECONDS [--partitions]\n"
        "       run [--quiet] [--seed N] --moves N\n"
        "       run [--seed N] --stops N\n"
        "       run [--quiet] --celebrity\n"
        "       run [--seed N] --copies N [--seconds N]\n\n"
        "Without --rounds: a narrated tour of a cluster of six servers on loopback.\n"
        "With it: kills a primary N times, prints how long each take-over took, and fails\n"
        "when median or worst exceed their limits (1500 and 3000 ms).\n"
        "With --outages: ends a primary N times in each of several ways under a client that\n"
        "writes all the time, and prints how long that waited and which errors it saw.\n"
        "With --appends: kills and stops nodes under clients that append, with sync-replicas 1,\n"
        "and looks whether all that was acknowledged is there, once; with --partitions nodes\n"
        "are cut off from one another as well, which needs root and ip(8).\n"
        "With --moves: at N moments of a move each kills or stops its source, its receiver and\n"
        "their replicas under clients that count, and prints a table of what became of it.\n"
        "With --stops: N times stops a primary under 400 clients until it is replaced, lets it go "
        "on,\n"
        "and looks whether anybody hears from it what is no longer so.\n"
        "With --celebrity: a narrated tour of a key that everybody reads, of six primaries.\n"
        "With --copies: in N rounds of 60 or so many seconds stops and kills nodes, replaces "
        "owners\n"
        "and moves slots under clients of a hot key, and looks whether what they were told is\n"
        "linearizable.\n"
        "STARLING_BIN names the folder of the programs, build/release/bin if not set.\n");
}

static bool parse_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
    return text != NULL && num_parse_i64(bytes_from_text(text), out) && *out >= least &&
           *out <= most;
}

/* Options with a number. */
static const struct number_option {
    const char *name;
    int64_t least;
    int64_t most;
    size_t field; /* an int64_t of struct options */
} number_options[] = {
    {"--rounds",    1, ROUNDS_MAX, offsetof(struct options, rounds)         },
    {"--outages",   1, ROUNDS_MAX, offsetof(struct options, outages)        },
    {"--appends",   1, INT32_MAX,  offsetof(struct options, appends_s)      },
    {"--moves",     1, ROUNDS_MAX, offsetof(struct options, moves)          },
    {"--stops",     1, ROUNDS_MAX, offsetof(struct options, stops)          },
    {"--copies",    1, ROUNDS_MAX, offsetof(struct options, copies)         },
    {"--seconds",   1, INT32_MAX,  offsetof(struct options, seconds)        },
    {"--seed",      0, INT64_MAX,  offsetof(struct options, seed)           },
    {"--median-ms", 1, INT32_MAX,  offsetof(struct options, median_limit_ms)},
    {"--worst-ms",  1, INT32_MAX,  offsetof(struct options, worst_limit_ms) },
};

/* Is it an option with a number, and is that right? */
static bool take_number(struct options *options, const char *name, const char *value)
{
    for (size_t i = 0; i < ARRAY_COUNT(number_options); i++) {
        const struct number_option *o = &number_options[i];
        int64_t number;

        if (strcmp(name, o->name) == 0 && parse_number(value, o->least, o->most, &number)) {
            memcpy((char *)options + o->field, &number, sizeof(number));
            return true;
        }
    }
    return false;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quiet") == 0) {
            options->is_quiet = true;
        } else if (strcmp(argv[i], "--celebrity") == 0) {
            options->is_celebrity = true;
        } else if (strcmp(argv[i], "--partitions") == 0) {
            options->has_partitions = true;
        } else if (strcmp(argv[i], "--shape") == 0 && argv[i + 1] != NULL) {
            options->shape = argv[++i];
        } else if (take_number(options, argv[i], argv[i + 1])) {
            i++;
        } else {
            fprintf(stderr, "run: '%s' is no option, or its value is missing or wrong\n", argv[i]);
            return false;
        }
    }
    return true;
}

static bool run(struct demo *demo, const struct options *options)
{
    if (options->is_celebrity) {
        return celebrity_run(demo);
    }
    if (options->copies > 0) {
        return copies_run(demo, (int)options->copies, options->seconds, (uint64_t)options->seed);
    }
    if (options->moves > 0) {
        return move_faults_run(demo, (int)options->moves);
    }
    if (options->appends_s > 0) {
        return appends_run(demo, options->appends_s, options->has_partitions);
    }
    if (options->stops > 0) {
        return stops_run(demo, (int)options->stops);
    }
    if (options->outages > 0) {
        return outage_measure(demo, options->shape, (int)options->outages);
    }
    return options->rounds > 0 ? rounds(demo, options) : tour(demo);
}

int main(int argc, char **argv)
{
    struct demo *demo;
    struct options options = {
        .seed = clock_mono_now().us,
        .seconds = 60,
        .shape = "all",
        .median_limit_ms = 1500,
        .worst_limit_ms = 3000,
    };
    bool is_ok;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (!parse_options(argc, argv, &options)) {
        print_usage(stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody reads on */
    demo = mem_alloc_zeroed(MEM_TEST, sizeof(*demo));
    demo->is_quiet = options.is_quiet || options.outages > 0 || options.appends_s > 0 ||
                     options.copies > 0 || options.stops > 0;
    demo->node_count = DEMO_NODES;
    demo->primary_count = DEMO_PRIMARIES;
    rng_init(&demo->rng, (uint64_t)options.seed);
    is_ok = ending_watch(demo) && run(demo, &options);
    demo_clean_up(demo);
    if (is_ok) {
        demo_say(demo, "The servers have ended and their folders are removed.");
    } else {
        fprintf(stderr, "\nThe tour ends here: %s\n", demo->error.text);
    }
    mem_free(MEM_TEST, demo);
    return is_ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
