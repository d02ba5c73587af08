/* SPDX-License-Identifier: MIT */
/* Everything a node may ask of the world.  The shell (server/net) gives the real one, the
 * simulator (tests/sim) a simulated one; the node cannot tell which.
 *
 * Links are connections between servers: to a primary, or of the cluster bus.  The node
 * names those that it opens, the shell names those that come in (from ENV_LINK_INCOMING on).
 * What happens on a link comes back through node_link_up, node_link_input, node_link_down.
 * No function here calls back into the node. */
#ifndef STARLING_NODE_ENV_H
#define STARLING_NODE_ENV_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "persist/fs.h"
#include "session/session.h"

#define ENV_LINK_INCOMING (UINT64_C(1) << 63)

enum env_link_kind {
    ENV_LINK_PRIMARY, /* replication: to our primary */
    ENV_LINK_BUS,     /* cluster: to another node's bus port */
    ENV_LINK_MOVE,    /* MIGRATE: to a server that takes keys */
};

/* What the process has of memory, in bytes; 0 when unknown. */
struct env_memory {
    size_t resident;      /* backed by memory, all in all */
    size_t files;         /* of it, what files are behind: code, libraries, constants */
    size_t stack;         /* of it, the stack of the loop thread */
    size_t heap;          /* what malloc has from the system for its lists of blocks, */
    size_t heap_free;     /* of which nobody uses so much, */
    size_t heap_resident; /* and so much is backed by memory */
    size_t mapped;        /* what malloc has mapped for single large blocks */
    size_t untouched;     /* allocated by the shell (MEM_NET) for more than there ever was to do */
};

/* What is known about the process from its start on. */
struct env_process {
    const char *os;         /* system, version of the kernel, machine */
    const char *executable; /* path of the program */
    const char *supervised; /* who is told that it is ready: no, systemd, upstart */
    uint64_t machine_memory_bytes;
};

/* Processor time so far, in microseconds. */
struct env_cpu {
    int64_t user_us, system_us;           /* of all threads, */
    int64_t loop_user_us, loop_system_us; /* and of the loop thread alone */
};

struct env {
    void *context;
    const struct env_process *process; /* NULL: nothing is known */
    const struct logger *logger;
    const struct fs *fs;
    /* Both clocks, read now.  The node uses it only where the pass's own time is too old. */
    struct moment (*now)(void *context);
    /* now's monotonic clock alone, in nanoseconds: half the price, for how long something took. */
    int64_t (*mono_ns)(void *context);
    /* Start to connect; host may be a name.  node_link_up or node_link_down follows. */
    void (*link_open)(void *context, uint64_t link, enum env_link_kind kind, const char *host,
                      uint16_t port);
    /* Queue bytes; what a closed link is sent is dropped. */
    void (*link_send)(void *context, uint64_t link, struct bytes bytes);
    /* Bytes queued and not yet written. */
    size_t (*link_queued)(void *context, uint64_t link);
    /* Close without a further event. */
    void (*link_close)(void *context, uint64_t link);
    /* The session has something to write or is to be closed; the shell looks at it after the
     * pass.  Called once a pass and session. */
    void (*session_touched)(void *context, struct session *s);
    /* CONFIG SET: make the process fit `next`.  When that cannot be, nothing has changed, *culprit
     * is the directive to blame and error says why.  Texts of next may be brought into their plain
     * form.  NULL: there is nothing to do. */
    bool (*apply_config)(void *context, const struct config *now, struct config *next,
                         const char **culprit, struct errmsg *error);
    /* The node is done; the process is to end with the code once output is written. */
    void (*exit)(void *context, int code);
    /* Random bytes that nobody can foresee; may be NULL where there are no secrets. */
    void (*secret_bytes)(void *context, void *out, size_t len);
    /* Let the whole process stand still: for DEBUG SLEEP; may be NULL where nobody may debug. */
    void (*sleep)(void *context, int64_t us);
    /* Bytes of memory the process has from the kernel; 0 when unknown.  Costs a system call. */
    size_t (*resident_bytes)(void *context);
    /* Everything known about its memory.  May take 20 ms for each GB of the heap. */
    void (*memory)(void *context, struct env_memory *out);
    void (*cpu)(void *context, struct env_cpu *out); /* NULL: unknown */
    /* Processor time of the loop thread so far, to the nanosecond; a system call.  NULL: unknown. */
    int64_t (*loop_cpu_ns)(void *context);
    /* Give back what malloc has and does not use.  May take 0.1 s for each GB of it. */
    void (*release_memory)(void *context);
};

#endif
