/* SPDX-License-Identifier: MIT */
/* What a node counts, for INFO.  How long commands take is counted by stats/timing.h.
 *
 * Invariants:  (1) counters only grow, until counters_init
 *              (2) every vain hope of a partial resync became a full one */
#ifndef STARLING_NODE_COUNTERS_H
#define STARLING_NODE_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/clock.h"
#include "command/exec.h"
#include "session/acl_log.h"
#include "spec/command.h"
#include "stats/passes.h"
#include "stats/rate.h"

struct counters {
    struct exec_stats exec; /* handed to commands */
    uint64_t connections;
    uint64_t rejected_connections;
    uint64_t commands;
    uint64_t net_input_bytes, net_output_bytes;
    uint64_t reads, writes; /* of sockets of sessions */
    uint64_t repl_input_bytes, repl_output_bytes;
    uint64_t sync_full, sync_partial_ok, sync_partial_err;
    uint64_t output_limit_disconnections;
    uint64_t query_limit_disconnections;
    uint64_t evicted_keys;
    uint64_t evicted_clients;
    uint64_t lease_dropped; /* replies withheld since the lease had run out */
    uint64_t acl_denied[ACL_REASON_COUNT];
    uint64_t rejected_calls[COMMAND_COUNT];
    struct passes passes;
    struct rate commands_rate, input_rate, output_rate, repl_input_rate, repl_output_rate;
    struct mono_time rates_at; /* when they were looked at last */
};

/* All are 0 from now on: at birth, and for CONFIG RESETSTAT. */
void counters_init(struct counters *counters, struct mono_time now);
/* Several times a second: how fast do they grow? */
void counters_look(struct counters *counters, struct mono_time now);
void counters_check(const struct counters *counters, struct mono_time now);

static inline void counters_connection(struct counters *counters)
{
    counters->connections++;
}

static inline void counters_rejected_connection(struct counters *counters)
{
    counters->rejected_connections++;
}

static inline void counters_pass(struct counters *counters, int64_t us, int64_t cpu_us)
{
    passes_add(&counters->passes, us, cpu_us);
}

static inline void counters_command(struct counters *counters)
{
    counters->commands++;
}

static inline void counters_acl_denied(struct counters *counters, enum acl_reason reason)
{
    ASSERT(reason < ACL_REASON_COUNT);
    counters->acl_denied[reason]++;
}

static inline void counters_rejected_call(struct counters *counters, enum command_id id)
{
    ASSERT(id < COMMAND_COUNT);
    counters->rejected_calls[id]++;
}

static inline void counters_read(struct counters *counters, size_t bytes)
{
    counters->reads++;
    counters->net_input_bytes += bytes;
}

static inline void counters_write(struct counters *counters, size_t bytes)
{
    counters->writes++;
    counters->net_output_bytes += bytes;
}

static inline void counters_read_from_primary(struct counters *counters, size_t bytes)
{
    ASSERT(bytes > 0);
    counters->repl_input_bytes += bytes;
}

static inline void counters_write_to_replica(struct counters *counters, size_t bytes)
{
    counters->repl_output_bytes += bytes;
}

static inline void counters_partial_sync(struct counters *counters)
{
    counters->sync_partial_ok++;
}

/* A replica that hoped to go on may have asked for it in vain. */
static inline void counters_full_sync(struct counters *counters, bool hoped_to_go_on)
{
    counters->sync_full++;
    counters->sync_partial_err += hoped_to_go_on;
    ASSERT(counters->sync_partial_err <= counters->sync_full);
}

static inline void counters_output_limit(struct counters *counters)
{
    counters->output_limit_disconnections++;
}

static inline void counters_query_limit(struct counters *counters)
{
    counters->query_limit_disconnections++;
}

static inline void counters_expired_key(struct counters *counters)
{
    counters->exec.expired_keys++;
}

static inline void counters_evicted_key(struct counters *counters)
{
    counters->evicted_keys++;
}

static inline void counters_evicted_client(struct counters *counters)
{
    counters->evicted_clients++;
}

static inline void counters_lease_dropped(struct counters *counters)
{
    counters->lease_dropped++;
}

#endif
