/* SPDX-License-Identifier: MIT */
/* A whole node, alone in a world without disk and network, for the tests of this folder.
 *
 * Its clock stands still but for what a test makes things cost.  A reply is shown as it is on the
 * wire, with '|' for each line end. */
#ifndef STARLING_TESTS_LONE_NODE_H
#define STARLING_TESTS_LONE_NODE_H

#include "base/buf.h"
#include "node/node.h"
#include "resp/value.h"

struct lone_node {
    struct node *node;
    struct env env;
    struct fs fs;
    struct session *client; /* 10.0.0.1:5000 */
    int64_t now_ns;
    int64_t cpu_ns;            /* for tests that tell of processor time */
    int readings;              /* of env.mono_ns so far */
    int64_t reading_cost_ns;   /* what one costs */
    int64_t both_cost_ns;      /* of a reading of both clocks: TIME */
    int64_t memory_cost_ns;    /* of asking for the resident memory: INFO memory */
    struct env_memory process; /* what env.memory tells */
    unsigned release_count;    /* calls of env.release_memory */
    struct buf shown;
    uint64_t last_closed;   /* link that the node closed last, */
    unsigned closed_count;  /* and how many it has closed */
    size_t queued_bytes;    /* what waits on each link */
    size_t sent_bytes;      /* on links so far, */
    struct buf sent;        /* and the last of it */
    const char *nodes_file; /* in cluster mode; NULL: there is none */
    bool is_disk_full;      /* nothing can be written */
    uint64_t last_file;     /* the file that was begun last */
    unsigned warnings;      /* lines of that level in the log */
    struct logger logger;
};

struct lone_node *lone_node_new(void);
/* In cluster mode.  NULL, and error says why, when it does not start. */
struct lone_node *lone_node_new_clustered(bool is_disk_full, struct errmsg *error);
/* In cluster mode, with what its nodes file says. */
struct lone_node *lone_node_new_member(const char *nodes_file);
/* The file that was begun last is on disk, or cannot be written. */
void lone_node_file_done(struct lone_node *w, bool is_ok);
void lone_node_free(struct lone_node *w);
/* Send lines of inline requests, all in one pass; what is answered, until the next call. */
const char *lone_node_ask(struct lone_node *w, const char *lines);
/* The same for bytes as they are. */
const char *lone_node_send(struct lone_node *w, struct bytes input);
/* A pass in which nothing arrives, so much later that all that goes by the clock is due. */
void lone_node_idle(struct lone_node *w);
/* The reply to one inline request, which comes as much later; the caller's to release. */
struct resp_value lone_node_value(struct lone_node *w, const char *request);
/* Fails when the answer does not match; * and ? as in KEYS. */
void lone_node_expect(struct lone_node *w, const char *lines, const char *pattern);

#endif
