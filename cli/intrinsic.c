/* SPDX-License-Identifier: MIT */
/* The same small computation again and again: whatever a round takes beyond the usual was taken by
 * the system, as nothing here waits. */
#include "cli/intrinsic.h"

#include "base/attr.h"
#include "base/rng.h"
#include "cli/interrupt.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ROUND_NUMBERS = 64,  /* some hundred nanoseconds */
    LOOK_EVERY = 100000, /* rounds until Ctrl-C is looked for, outside the measured time */
};

/* volatile: the numbers must really be drawn. */
static void compute(struct rng *rng, volatile uint64_t *sum)
{
    uint64_t local = 0;

    for (int i = 0; i < ROUND_NUMBERS; i++) {
        local ^= rng_u64(rng);
    }
    *sum = local;
}

static void print_summary(uint64_t rounds, int64_t spent_ns, int64_t worst_ns)
{
    double avg_ns = rounds > 0 ? (double)spent_ns / (double)rounds : 0;

    printf("\n%" PRIu64 " total runs (avg latency: %.4f microseconds / %.2f nanoseconds per run).\n"
           "Worst run took %.0fx longer than the average latency.\n",
           rounds, avg_ns / 1000, avg_ns, avg_ns > 0 ? (double)worst_ns / avg_ns : 0);
}

int intrinsic_run(const struct options *options)
{
    struct interrupt interrupt;
    struct rng rng;
    volatile uint64_t sum = 0;
    int64_t limit_ns = options->intrinsic_ms * 1000 * 1000;
    int64_t spent_ns = 0;
    int64_t worst_ns = 0;
    int64_t worst_us = 0; /* as it was printed */
    uint64_t rounds = 0;

    interrupt_open(&interrupt);
    rng_init(&rng, 1);
    while (spent_ns < limit_ns) {
        int64_t start_ns = clock_mono_ns();
        int64_t round_ns;

        compute(&rng, &sum);
        round_ns = clock_mono_ns() - start_ns;
        spent_ns += round_ns;
        rounds++;
        worst_ns = round_ns > worst_ns ? round_ns : worst_ns;
        if (worst_ns / 1000 > worst_us) {
            worst_us = worst_ns / 1000;
            printf("Max latency so far: %" PRId64 " microseconds.\n", worst_us);
            fflush(stdout);
        }
        if (rounds % LOOK_EVERY == 0 && !interrupt_sleep(&interrupt, 0)) {
            break;
        }
    }
    interrupt_close(&interrupt);
    print_summary(rounds, spent_ns, worst_ns);
    return 0;
}
