/* SPDX-License-Identifier: MIT */
/* One whole node in a process, with the world around it made of buffers: its disk is memory, its
 * clock stands still between passes, its clients and its primary are whoever calls.
 *
 * For tests that hand a node many bytes; the code is the one that ships, only struct env is ours.
 * Unlike the simulator's world there is one node, and nothing happens by itself.
 *
 * Invariants:  (1) a client's output is taken after each pass, so that it never waits
 *              (2) a client that the node closed has session NULL and keeps what it was sent
 *              (3) whatever the node is given, node_check holds when it is freed */
#ifndef STARLING_TESTS_ALONE_ALONE_H
#define STARLING_TESTS_ALONE_ALONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/vec.h"
#include "node/node.h"
#include "tests/disk/disk.h"

enum {
    ALONE_CLIENTS = 4,
};

struct alone_client {
    struct session *session; /* NULL: not connected */
    struct buf out;          /* what it was sent and nobody has taken */
    bool is_touched;
};

struct alone {
    struct node *node;
    struct env env;
    int64_t now_us;
    int64_t wall_jump_ms; /* by which the wall clock is ahead of where it would be */
    struct alone_client clients[ALONE_CLIENTS];
    struct disk disk;
    VEC(uint64_t) queued;           /* operations of the disk that wait for alone_disk_step */
    VEC(struct fs_completion) done; /* the node is told in the next pass */
    bool is_disk_held;              /* operations wait, instead of being performed at once */
    bool is_disk_slow;              /* the node is told later, when this is false again */
    uint64_t primary_link;          /* opened by the node; 0: none */
    bool is_primary_link_up;
    struct buf to_primary; /* what was sent on it and nobody has taken */
    bool has_exited;
    int exit_code;
    struct logger logger;
    char asked[128];     /* the node's last PSYNC, its words behind one another */
    struct buf warnings; /* lines that the node has logged as such */
    void *tester;        /* whose it is; for what the disk calls */
};

/* A directive of the configuration and its value. */
struct alone_option {
    const char *name;
    const char *value;
};

/* What was before the node started. */
struct alone_past {
    const struct disk
        *disk;     /* as the process before has left it: what is queued is not performed any more */
    uint64_t seed; /* of the node: another for each life */
    int64_t now_us;                /* of a clock that goes on */
    const struct log_place *until; /* the node goes back to there; or NULL */
};

/* Directives are "no save points", "no log on disk", and then the given ones. */
struct alone *alone_new(const struct alone_option *options, size_t count);
/* Without a node, has_exited, and the reason among the warnings when it cannot start on that disk. */
struct alone *alone_new_after(const struct alone_option *options, size_t count,
                              const struct alone_past *past);
/* Is the node there?  Passes until it is, or has given up. */
bool alone_load(struct alone *a);
/* The disk does the first thing that waits.  False when nothing does. */
bool alone_disk_step(struct alone *a);
void alone_free(struct alone *a);

/* A client that was connected before is disconnected first. */
void alone_connect(struct alone *a, size_t client);
void alone_disconnect(struct alone *a, size_t client);
/* A pass, so much later, in which the client (or nobody, ALONE_CLIENTS) has sent something. */
void alone_pass(struct alone *a, int64_t later_us, size_t client, struct bytes input);
/* Passes until the node has nothing more to do at once, at most max. */
void alone_settle(struct alone *a, int max);
/* What the client was sent since the last call: the caller's to deinit. */
struct buf alone_take(struct alone *a, size_t client);

/* A pass in which the primary has sent something; it needs is_primary_link_up. */
void alone_primary_sends(struct alone *a, struct bytes input);
/* Take the node's connection and play a primary that lets it go on where it is, until the stream
 * begins.  False when the node wants no connection or gives it up. */
bool alone_lead(struct alone *a);

#endif
