/* SPDX-License-Identifier: MIT */
/* One data command on its way: arguments in, reply and effects out.
 *
 * A command function sees the key space, never a client.  It reads x->args, changes
 * x->keyspace, writes exactly one reply to x->reply and adds what it changed to x->effects.  Or it has
 * to wait for a key: then it leaves all of these alone.
 *
 * Expiry: on a primary (is_primary) a lookup removes an expired key and adds its DEL to the
 * effects; on a replica it is hidden from clients and stays; for the stream from our primary
 * (from_primary) it is visible, since only the primary decides.  Fields of hashes: command/hash_open.h. */
#ifndef STARLING_COMMAND_EXEC_H
#define STARLING_COMMAND_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/rng.h"
#include "command/effects.h"
#include "resp/writer.h"
#include "spec/command.h"
#include "store/keyspace.h"

struct events;

struct exec_stats {
    uint64_t keyspace_hits;
    uint64_t keyspace_misses;
    uint64_t expired_keys;
    uint64_t expired_fields; /* of hashes */
};

enum {
    KEY_WINDOW = 32
};

/* Keys of a request with very many of them, hashed and fetched some at a time. */
struct key_window {
    struct key_ref refs[KEY_WINDOW];
    size_t first; /* which of the request's keys refs begins with */
    size_t count;
};

/* What a command waits for: that something can be taken from one of the keys.  It is run again then, or
 * ends at the deadline. */
struct exec_block {
    enum value_type type; /* of a value from which something could be taken */
    size_t first_key;     /* arguments that are the keys */
    size_t key_count;
    int64_t deadline_unix_ms; /* INT64_MAX: none */
    int64_t wake_unix_ms;     /* run it again then at the latest; 0: only when a key has changed */
    bool is_told_of_loss;     /* run it again, too, when a key went or is of another type */
    struct bytes *words; /* as which it is run again, as many as the request has, in one allocation
                                 (MEM_BUFFER) that is the taker's; NULL: as it came */
};

struct exec {
    struct keyspace *keyspace;
    const struct command_spec *spec;
    const struct bytes *args; /* args[0] is the command's name */
    size_t arg_count;
    const struct key_ref *keys; /* the request's keys in order, hashed before; see lookup_ref */
    size_t key_count;           /* 0: they were not */
    struct key_window *window;  /* used for those that were not; may be NULL */
    unsigned db;
    unsigned database_count;
    bool is_primary;
    bool from_primary;
    bool is_cluster;
    bool no_touch;      /* lookups do not count as use */
    bool must_not_wait; /* what would wait replies as if the time was up */
    struct moment now;
    struct rng *rng;
    struct resp_writer *reply;
    struct effects *effects;
    struct events *events; /* where to say what happens to keys; NULL: nobody listens */
    struct exec_stats *stats;
    struct exec_block block; /* with EXEC_BLOCK */
};

enum exec_result {
    EXEC_DONE,  /* there is a reply */
    EXEC_BLOCK, /* x->block says what for: nothing was replied; what has changed is in x->effects */
};

typedef enum exec_result exec_fn(struct exec *x);

/* Before a command at a new point in time. */
void exec_set_clock(const struct exec *x);
/* Run the data command; its arity was checked, and exec_set_clock has been called. */
MUST_USE enum exec_result exec_run(struct exec *x);

/* Remove keys and fields of hashes that have expired, at most max of both looking at no more than about
 * budget entries and fields, as the primary does on its own; x needs keyspace, now, effects and stats.
 * All keys of one call are of one database, which is x->db afterwards; x->effects then has a DEL for each
 * key, an HDEL for each hash.  Returns how many were removed; *has_more: the max or the budget was too
 * little for what was found. */
size_t exec_expire(struct exec *x, size_t budget, size_t max, bool *has_more);

#endif
