/* SPDX-License-Identifier: MIT */
/* The simulator: for each seed a cluster of whole nodes is made, written to, hurt, healed, and has
 * to have kept its promises.
 *
 *     run --seeds 1-500        run --seed 42 --verbose        run --seeds 1-500 --first
 *
 * --first ends at the first seed that fails; --only and --without choose among the kinds of faults. */
#include "tests/sim/world.h"

#include "base/num.h"
#include "node/inside.h"
#include "spec/slot.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    FORM_MS = 20000,
    CONVERGE_MS = 60000,
    STEP_MS = 200,
    SERVE_MS = 45000, /* 10 timeouts of 1500 ms, and 30 s that a primary waits for better data */
    GIVE_MS = 46000,  /* what nobody serves then is lost, and people decide */
    MEND_MS = 2000,   /* between two steps of the operator */
    ENOUGH_WRITES = 200,
    ENOUGH_FOR_CACHES = 400, /* fewer are all within the moments in which nobody looks */
};

static bool run_ms(struct world *world, int64_t ms)
{
    world_run_until(world, world->now_us + ms * 1000);
    return world->failure[0] == '\0';
}

static bool must(struct world *world, int node, const char *command)
{
    char reply[256];

    if (!admin_command(world, node, command, reply, sizeof(reply))) {
        world_fail(world, "node %d answers %s with %s", node, command, reply);
        return false;
    }
    return true;
}

static void node_id(struct world *world, int node, char out[64])
{
    struct node_facts facts;

    node_facts(world->nodes[node].node, &facts);
    snprintf(out, 64, "%s", facts.id);
}

/* What the cli does for --cluster create. */
static void form(struct world *world)
{
    int primaries = world->options.primaries;
    char command[256];
    char id[64];

    for (int i = 0; i < primaries; i++) {
        snprintf(command, sizeof(command), "CLUSTER ADDSLOTSRANGE %d %d",
                 i * SLOT_COUNT / primaries, (i + 1) * SLOT_COUNT / primaries - 1);
        must(world, i, command);
    }
    for (int i = 0; i < world->node_count; i++) {
        snprintf(command, sizeof(command), "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
        must(world, i, command);
    }
    for (int i = 1; i < world->node_count; i++) {
        snprintf(command, sizeof(command), "CLUSTER MEET 10.0.0.1 %d %d", SIM_PORT, SIM_BUS_PORT);
        must(world, i, command);
    }
    for (int i = primaries; i < world->node_count; i++) {
        char reply[256] = "";
        bool is_done = false;

        /* Until the introduction has reached it, it does not know its primary. */
        for (int tries = 0; tries < 100 && !is_done && run_ms(world, 100); tries++) {
            node_id(world, i % primaries, id);
            snprintf(command, sizeof(command), "CLUSTER REPLICATE %s", id);
            is_done = admin_command(world, i, command, reply, sizeof(reply));
        }
        if (!is_done) {
            world_fail(world, "node %d cannot be made a replica: %s", i, reply);
        }
    }
}

static bool is_served(struct world *world)
{
    char ignored[256];

    for (int shard = 0; shard < world->options.primaries; shard++) {
        if (check_only_owner(world, check_sample_slot(world, shard), ignored, sizeof(ignored)) <
            0) {
            return false;
        }
    }
    return true;
}

static void note_served(struct world *world, int64_t ms)
{
    if (world->served_after_ms == 0 && world->lost_shards == 0 && is_served(world)) {
        world->served_after_ms = ms;
        if (ms > SERVE_MS) {
            world_fail(world, "all slots are served again %lld ms after the faults have ended",
                       (long long)ms);
        }
    }
}

static bool converge(struct world *world, int64_t limit_ms, bool is_mended, const char *when)
{
    char reason[256] = "";

    for (int64_t ms = 0; ms < limit_ms; ms += STEP_MS) {
        if (!run_ms(world, STEP_MS)) {
            return false;
        }
        if (is_mended) {
            note_served(world, ms + STEP_MS);
        }
        if (is_mended && ms > 0 && ms % MEND_MS == 0) {
            operator_mend(world);
        }
        /* What comes of it is not asked: shards that have become one have another shape, and a primary that was reset counts as
         * owner still until it is forgotten. */
        if (is_mended && ms == GIVE_MS && operator_give_lost_slots(world)) {
            world->lost_shards++;
            return false;
        }
        if (check_converged(world, reason, sizeof(reason))) {
            return true;
        }
    }
    if (world->failure[0] == '\0') {
        world_fail(world, "%s: not settled after %lld ms: %s", when, (long long)limit_ms, reason);
    }
    return false;
}

static void live(struct world *world)
{
    int64_t until_us;

    form(world);
    if (world->failure[0] != '\0' ||
        !converge(world, FORM_MS, false, "after forming the cluster")) {
        return;
    }
    clients_start(world);
    readers_start(world);
    until_us = world->now_us + world->options.fault_ms * 1000;
    faults_start(world, until_us);
    while (world->now_us < until_us && run_ms(world, 500)) {
        check_replicas_equal(world);
    }
    world->clients_run = false;
    faults_heal(world);
    if (converge(world, CONVERGE_MS, true, "after healing")) {
        calm_run(world);
    }
    shared_check(world);
    if (world->failure[0] == '\0' && world->lost_shards == 0 && world->options.has_copies) {
        fleeting_check_flush(world);
    }
}

static uint64_t count_oks(const struct world *world)
{
    uint64_t oks = 0;

    for (int i = 0; i < world->options.clients; i++) {
        oks += world->clients[i].ok_count;
    }
    return oks;
}

/* Of a world in which little has happened not much was seen. */
static void check_that_much_happened(struct world *world)
{
    uint64_t oks = count_oks(world);

    for (int i = 0; i < world->node_count; i++) {
        world->evicted +=
            world->nodes[i].node != NULL ? world->nodes[i].node->counters.evicted_keys : 0;
    }
    if (oks == 0 && world->options.only_fault == NULL) {
        world_fail(world, "no client could write anything");
    }
    if (oks < ENOUGH_WRITES) {
        return;
    }
    /* Many writes are refused where all replicas of a shard are needed. */
    if ((world->pairs_written == 0 && world->options.sync_replicas == 0) ||
        (world->caches_checked == 0 && world->options.has_caches && oks >= ENOUGH_FOR_CACHES) ||
        world->messages_taken == 0 || world->family_commands == 0) {
        world_fail(
            world,
            "only %llu transactions, %llu looks into caches, %llu messages, %llu commands "
            "of all families",
            (unsigned long long)world->pairs_written, (unsigned long long)world->caches_checked,
            (unsigned long long)world->messages_taken, (unsigned long long)world->family_commands);
    }
    if ((world->evicted > 0) != world->options.is_memory_limited) {
        world_fail(world, "%llu keys were evicted in %llu writes",
                   (unsigned long long)world->evicted, (unsigned long long)oks);
    }
}

static void print_counts(const struct world *world)
{
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {
        {"writes",                          count_oks(world)                },
        {"redirections",                    world->redirections             },
        {"reads and writes of shared keys", world->shared_ops               },
        {"commands of all families",        world->family_commands          },
        {"histories not judged",            world->histories_unknown        },
        {"transactions",                    world->pairs_written            },
        {"confirmed by all replicas",       world->waits_checked            },
        {"kept by sync-replicas",           world->syncs_checked            },
        {"reads of copies",                 world->copy_reads               },
        {"requests passed on",              world->passed_on                },
        {"shards lost for good",            world->lost_shards              },
        {"take-overs",                      world->takeovers                },
        {"ms until all was served again",   (uint64_t)world->served_after_ms},
        {"ends",                            world->kills                    },
        {"pauses",                          world->pauses                   },
        {"partitions",                      world->partitions               },
        {"commands of an operator",         world->operations               },
        {"keys evicted",                    world->evicted                  },
        {"looks into caches",               world->caches_checked           },
        {"messages taken",                  world->messages_taken           },
        {"copies that expired",             world->expiries_seen            },
        {"copies that were flushed",        world->flushed_copies           },
        {"moves of slots",                  world->moves_done               },
        {"last slots let go",               world->last_words               },
    };

    printf("seed %llu:", (unsigned long long)world->options.seed);
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        printf(" %llu %s%s", (unsigned long long)counts[i].count, counts[i].name,
               i + 1 < ARRAY_COUNT(counts) ? "," : "\n");
    }
}

static bool run_seed(uint64_t seed, const struct sim_options *given)
{
    static struct world world; /* too large for a stack */
    struct sim_options options = *given;
    bool is_ok;

    options.seed = seed;
    options.primaries = 3;
    /* A set of several members that may become smaller is most of what there is of sync-replicas. */
    options.replicas_each = seed % 5 == 0 || seed % 15 == 4 ? 2 : 1;
    options.clients = 4;
    options.fault_ms = 12000;
    options.has_secret = seed % 3 == 0; /* signatures are a fifth of the work */
    options.has_copies = seed % 2 == 1;
    options.has_caches = seed % 9 != 4;
    options.has_hasty_client = seed % 4 == 1;
    options.has_unequal_timeouts = seed % 7 == 0;
    options.is_memory_limited = seed % 4 == 0;
    options.sync_replicas = seed % 3 != 1 ? 0 : seed % 30 == 10 ? 2 : 1;
    world_init(&world, &options);
    live(&world);
    if (world.failure[0] == '\0') {
        check_that_much_happened(&world);
    }
    is_ok = world.failure[0] == '\0';
    if (!is_ok) {
        printf("seed %llu: %s\n  again: build/release/tests/sim/run --seed %llu --verbose\n",
               (unsigned long long)seed, world.failure, (unsigned long long)seed);
    } else if (options.is_verbose) {
        print_counts(&world);
    }
    fflush(stdout);
    world_deinit(&world);
    return is_ok;
}

static char seed_text[128]; /* what is said when the process ends by a signal */

/* An assertion of the server failed: which seed that was is told before the process ends. */
static void tell_seed(int number)
{
    ssize_t written = write(STDOUT_FILENO, seed_text, strlen(seed_text));

    (void)written;
    signal(number, SIG_DFL);
    raise(number);
}

static void note_seed(uint64_t seed)
{
    snprintf(seed_text, sizeof(seed_text),
             "seed %llu: ended by a signal\n  again: build/release/tests/sim/run --seed %llu "
             "--verbose\n",
             (unsigned long long)seed, (unsigned long long)seed);
}

static bool parse_seeds(const char *text, uint64_t *first, uint64_t *last)
{
    struct bytes rest = bytes_from_text(text);
    struct bytes from = bytes_next_word(&rest, '-');
    struct bytes to = bytes_next_word(&rest, '-');

    if (!num_parse_u64(from, first)) {
        return false;
    }
    *last = *first;
    return to.len == 0 || (num_parse_u64(to, last) && *last >= *first);
}

int main(int argc, char **argv)
{
    uint64_t first = 1;
    uint64_t last = 1;
    uint64_t passed = 0;
    uint64_t failed = 0;
    struct sim_options options = {0};
    bool ends_at_first = false;
    const char *wrong;

    for (int i = 1; i < argc; i++) {
        if ((strcmp(argv[i], "--seed") == 0 || strcmp(argv[i], "--seeds") == 0) && i + 1 < argc &&
            parse_seeds(argv[i + 1], &first, &last)) {
            i++;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            options.is_verbose = true;
        } else if (strcmp(argv[i], "--first") == 0) {
            ends_at_first = true;
        } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc && faults_has(argv[i + 1])) {
            options.only_fault = argv[++i];
        } else if (strcmp(argv[i], "--without") == 0 && i + 1 < argc && faults_has(argv[i + 1])) {
            options.without_fault = argv[++i];
        } else {
            fprintf(stderr, "usage: run [--seed N | --seeds FIRST-LAST] [--verbose] [--first] "
                            "[--only FAULT] [--without FAULT]\nfaults:\n");
            faults_list();
            return 2;
        }
    }
    if (!history_check_itself(&wrong)) {
        fprintf(stderr, "the judge of histories is wrong: %s\n", wrong);
        return EXIT_FAILURE;
    }
    signal(SIGABRT, tell_seed);
    signal(SIGSEGV, tell_seed);
    for (uint64_t seed = first; seed <= last && !(ends_at_first && failed > 0); seed++) {
        note_seed(seed);
        if (run_seed(seed, &options)) {
            passed++;
        } else {
            failed++;
        }
    }
    printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
