/* SPDX-License-Identifier: MIT */
/* The servers that are measured beside each other, and where they run.
 *
 * Each is alone on one processor and keeps everything in memory; the load has another processor.
 * A struct peer is a plain value: what to start.  What runs is a struct server of its own. */
#ifndef STARLING_TESTS_BENCH_PEERS_H
#define STARLING_TESTS_BENCH_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/load.h"
#include "tests/bench/options.h"
#include "tests/support/server.h"

enum peer_kind {
    PEER_FLOOR, /* tests/bench/floor.c */
    PEER_OURS,  /* the server of this project, or what was named in its place */
    PEER_REDIS, /* redis-server and valkey-server */
    PEER_MEMCACHED,
};

enum {
    PEER_NAME_MAX = 32,
    PEERS_MAX = 8,
};

struct peer {
    enum peer_kind kind;
    char name[PEER_NAME_MAX];
    char program[SERVER_PATH_MAX];
    char version[96];
};

struct peers {
    struct peer items[PEERS_MAX];
    size_t count;
};

/* Masks of processors, bit 0 the first; 0: not pinned. */
struct peer_cpus {
    uint64_t server;
    uint64_t load;
};

/* The first two processors that this process may use, and pin this thread to the second; with
 * fewer, say so on standard output and pin nothing. */
struct peer_cpus peers_pin(void);
/* Pin the first thread of a server that runs, and no other of its threads, to the server's processor. */
void peers_pin_loop(const struct server *server, struct peer_cpus cpus);

struct peer_choice {
    bool has_floor;
    bool is_resp_only;                   /* no memcached */
    const struct option_texts *programs; /* PATH or NAME=PATH of servers that take the flags of
                                            redis-server, in place of ours as built */
    const char *names;                   /* such as "floor,starling"; NULL: all */
};

/* The floor (which stands beside the running program), ours, and those of redis-server,
 * valkey-server and memcached that are in PATH. */
void peers_find(struct peers *out, const struct peer_choice *choice);
/* A line for each: name and version. */
void peers_print(const struct peers *peers);

enum load_protocol peer_protocol(const struct peer *peer);

struct peer_options {
    uint64_t cpu_mask;                 /* as in struct server */
    const struct load_request *answer; /* what the floor answers to, others ignore it */
    const char *const *args;           /* more arguments for servers that speak RESP */
    size_t arg_count;
};

/* A fresh server.  Release it with server_cleanup, on failure too. */
MUST_USE bool peer_start(const struct peer *peer, const struct peer_options *options,
                         struct server *out, struct errmsg *error);

#endif
