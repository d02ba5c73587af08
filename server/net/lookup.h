/* SPDX-License-Identifier: MIT */
/* Looking up host names beside everything else.
 *
 * A name server that does not answer holds a thread for many seconds.  So lookups have threads of
 * their own, up to LOOKUP_THREADS, made when they are needed: neither a file that is to be
 * written nor another name waits for one that nobody knows.
 *
 * Invariants:  (1) whoever asks for a host and port that was asked for less than a second ago, and
 *                  not answered yet, gets that lookup's outcome
 *              (2) done is called once for each id, on some thread, and never after lookups_free
 * Owns copies of what it is asked.  The functions are for one thread, the caller's. */
#ifndef STARLING_NET_LOOKUP_H
#define STARLING_NET_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

#include "base/errmsg.h"
#include "io/addr.h"

enum {
    LOOKUP_THREADS = 4,
    LOOKUP_ADDRESSES_MAX = 8,
};

/* What was found; count 0: error says why. */
struct lookup_outcome {
    struct addr addresses[LOOKUP_ADDRESSES_MAX];
    size_t count;
    struct errmsg error;
};

typedef void lookup_done_fn(void *context, uint64_t id, const struct lookup_outcome *outcome);

struct lookups;

struct lookups *lookups_new(lookup_done_fn *done, void *context);
/* Does not wait for lookups under way: nothing is heard of them any more. */
void lookups_free(struct lookups *lookups);
void lookups_ask(struct lookups *lookups, uint64_t id, const char *host, uint16_t port);

#endif
