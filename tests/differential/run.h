/* SPDX-License-Identifier: MIT */
/* One run: what was asked for, the two servers, and what was found.
 *
 * The same seed, families and servers give the same commands: nothing that a server draws at random decides
 * what comes next. */
#ifndef STARLING_TESTS_DIFFERENTIAL_RUN_H
#define STARLING_TESTS_DIFFERENTIAL_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "tests/differential/events.h"
#include "tests/differential/pair.h"
#include "tests/differential/shapes.h"

enum {
    HISTORY_MAX = 4096,
    FAMILIES_MAX = 16,
    SHAPES_MAX = 384,
};

struct run {
    uint64_t seed;
    uint64_t commands; /* wanted */
    uint64_t differences_wanted;
    const char *families; /* with commas between, NULL: all */
    bool is_verbose;

    struct rng rng;
    struct pair pair;
    struct events events;
    const struct shape *shapes[SHAPES_MAX]; /* whose commands both know */
    size_t shape_count;
    uint64_t weight; /* of all of them */
    size_t family_count;
    bool knows_lists;
    bool knows_zsets;
    bool knows_streams;

    uint64_t sent; /* generated commands, without reads of everything and checks */
    uint64_t differences;
    uint64_t meant;      /* replies that differ as they should */
    bool is_broken;      /* a server is gone or speaks no RESP */
    struct buf *history; /* HISTORY_MAX lines, a ring */
    uint64_t history_count;
    struct replies replies[SIDE_COUNT];
};

/* Ask both, remember the commands, and compare; false after a difference, which is printed. */
bool run_batch(struct run *run, int protocol, const struct command *commands, size_t count);
/* Print a difference that is not one between two replies to one command. */
void run_report(struct run *run, const struct command *command, const char *what, struct bytes ours,
                struct bytes stock);
/* Remember one that is sent by other ways. */
void run_remember(struct run *run, const struct command *command, const char *to);

/* checks.c: what needs more than one command. */

/* What one server draws at random is something that the other has. */
void check_random(struct run *run);
/* What one dumps the other restores. */
void check_dump(struct run *run);
/* Every key of both key spaces reads the same. */
void check_everything(struct run *run);
/* What the stock server has saved, as a snapshot and as an append-only file, is the same data when our cli has brought it
 * into our server.  The last check of a run: nothing is said of events any more. */
void check_import(struct run *run);

#endif
