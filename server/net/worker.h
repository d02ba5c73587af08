/* SPDX-License-Identifier: MIT */
/* What may take long, beside the loop thread: each lane of files (persist/fs.h) has a thread that writes and
 * syncs them in the order in which it is asked to, a few others look up host names (lookup.h), so that
 * neither the loop nor a file waits for a name server, and nothing urgent for a large file.
 *
 * The loop thread queues jobs; what came of them is queued back and the loop is woken.
 * Jobs and outcomes carry all their data: the threads share nothing else, but which files are claimed.
 * Everything here is for the loop thread. */
#ifndef STARLING_NET_WORKER_H
#define STARLING_NET_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "io/addr.h"
#include "io/loop.h"
#include "net/lookup.h"
#include "persist/fs.h"

enum {
    WORKER_ADDRESSES_MAX = LOOKUP_ADDRESSES_MAX,
};

enum worker_outcome_kind {
    WORKER_FILE, /* id, is_ok, error: a file written as a whole, a new name, the end of one that grew */
    WORKER_SYNCED,   /* id, durable_bytes: a file that grows */
    WORKER_RESOLVED, /* id, addresses; none: error */
};

struct worker_outcome {
    enum worker_outcome_kind kind;
    uint64_t id;
    bool is_ok;
    uint64_t durable_bytes;
    struct errmsg error;
    struct addr addresses[WORKER_ADDRESSES_MAX];
    size_t address_count;
};

struct worker;

/* loop is woken whenever there is an outcome. */
struct worker *worker_new(struct loop *loop);
/* Finish what was queued, end the threads. */
void worker_free(struct worker *worker);

/* A file system that reads at once and writes through the worker; valid as long as it. */
const struct fs *worker_fs(struct worker *worker);
/* Be the only process that writes path, until it is given up as often as it was claimed
 * (persist/posix_claim.h).  Each file is claimed anyhow while it is written. */
MUST_USE bool worker_claim(struct worker *worker, const char *path, struct errmsg *error);
/* Is a file under way? */
bool worker_is_writing(const struct worker *worker);
void worker_unclaim(struct worker *worker, const char *path);
void worker_resolve(struct worker *worker, uint64_t id, const char *host, uint16_t port);
/* The next outcome; false when there is none. */
bool worker_next_outcome(struct worker *worker, struct worker_outcome *out);

#endif
