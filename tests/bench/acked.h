/* SPDX-License-Identifier: MIT */
/* Clients that write all the time and remember what was acknowledged, over the ends of the server that they write to.
 *
 * Each has a connection and keys of its own, and numbers what it writes: so what a key holds must be as new as the newest
 * acknowledged write to it, and no newer than the newest that was sent.  A counter each shows what happened twice.
 *
 * They connect again whenever the server is there.  One struct acked lives as long as the data. */
#ifndef STARLING_TESTS_BENCH_ACKED_H
#define STARLING_TESTS_BENCH_ACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"

struct acked;

struct acked_facts {
    uint64_t acknowledged; /* writes, in all */
    uint64_t refused;      /* with an error, such as -LOADING */
    uint64_t missing;      /* keys that are older than what was acknowledged */
    uint64_t invented;     /* or newer than what was sent */
};

struct acked *acked_new(uint16_t port);
void acked_free(struct acked *acked);
/* Begin to write, and come to an end: at the next reply, or when the server has gone. */
MUST_USE bool acked_start(struct acked *acked, struct errmsg *error);
void acked_stop(struct acked *acked);
/* While they are stopped: compare all keys.  Counts are those of all checks together. */
MUST_USE bool acked_check(struct acked *acked, struct errmsg *error);
struct acked_facts acked_facts(const struct acked *acked);

#endif
