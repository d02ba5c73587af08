/* SPDX-License-Identifier: MIT */
/* One whole Starling node, without a socket, a file or a clock of its own.
 *
 * The shell drives it in passes:
 *
 *     node_begin_pass(node, now)             time moves on; what a stopped clock made void is void
 *     node_session_input / _closed, node_link_*, node_file_done   what has happened
 *     node_end_pass(node)                    the batch runs, held replies are released, slices of
 *                                            long work are done, replicas' output is filled
 *     for each session reported through env.session_touched: write session_output()
 *     node_pass_over(node, now)              for the statistics: how long it took
 *     sleep until node_wake_at(node) or until something happens
 *
 * Invariants:  (1) nothing here blocks or calls the shell back except through struct env
 *              (2) input bytes handed in stay untouched until node_end_pass returns
 *              (3) a struct session stays valid until node_session_closed was called for it
 * Loop thread only.  No globals: many nodes live in one process. */
#ifndef STARLING_NODE_NODE_H
#define STARLING_NODE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/errmsg.h"
#include "base/history.h"
#include "config/config.h"
#include "node/env.h"
#include "session/session.h"
#include "spec/command.h"

struct log_place;
struct node;
struct request;

/* A control command: it answers through request->reply, or holds the session. */
typedef void control_fn(struct node *node, struct request *request);

/* What is above a node, and handed to it at its birth (server/control has it): so no node names a control
 * command. */
struct node_controls {
    control_fn *run[COMMAND_COUNT];                            /* NULL for data commands alone */
    void (*describe)(struct node *node, struct buf *out);      /* INFO */
    void (*write_metrics)(struct node *node, struct buf *out); /* for Prometheus */
};

struct node_options {
    struct config *config;                /* adopted: *config is emptied */
    const struct env *env;                /* copied */
    const struct node_controls *controls; /* borrowed */
    struct moment now;
    uint64_t seed;                 /* randomness of ids, hashes, jitter */
    uint64_t pid;                  /* for INFO */
    size_t arena_bytes;            /* of a key space; 0 for the default */
    const struct log_place *until; /* go back to there; NULL: all that is on disk counts */
};

/* Read the nodes file and begin to load the snapshot.  NULL when a file is damaged or cannot be
 * read: error says why, nothing was changed. */
struct node *node_new(const struct node_options *options, struct errmsg *error);
/* As if the process ended: nothing is saved, nothing is sent. */
void node_free(struct node *node);

void node_begin_pass(struct node *node, struct moment now);
void node_end_pass(struct node *node);
/* All that came of the pass was written, by this time: for the statistics.  May be left out. */
void node_pass_over(struct node *node, struct mono_time now);
/* When the next pass is due at the latest; in the past when work is waiting. */
struct mono_time node_wake_at(const struct node *node);

/* A new client.  NULL when it is refused; then *refusal (optional) is what to tell it. */
struct session *node_session_open(struct node *node, const struct session_peer *peer,
                                  const char **refusal);
void node_session_input(struct node *node, struct session *s, struct bytes input);
/* False while the shell should leave the client's bytes in the socket. */
bool node_session_wants_input(const struct node *node, const struct session *s);
/* Right before an output is written: may it be?  If not, the session is asked to withhold what it has, and is closed then. */
bool node_may_write(const struct node *node);
void node_session_withhold(struct node *node, struct session *s);
/* Does anybody follow this node? */
bool node_has_replicas(const struct node *node);
/* len bytes of session_output() were written: a replica's output is filled up again. */
void node_session_written(struct node *node, struct session *s, size_t len);
/* The connection is gone; s is freed. */
void node_session_closed(struct node *node, struct session *s);

void node_link_accepted(struct node *node, uint64_t link, const char *peer_ip);
/* Has a node of the cluster spoken on this link, which was accepted? */
bool node_link_is_proven(const struct node *node, uint64_t link);
void node_link_up(struct node *node, uint64_t link, const char *local_ip);
void node_link_input(struct node *node, uint64_t link, struct bytes input);
void node_link_down(struct node *node, uint64_t link, const char *reason);

/* A write begun through env.fs has been committed or has failed (error has the words). */
void node_file_done(struct node *node, uint64_t file, bool is_ok, const struct errmsg *error);
/* A file that grows is durable up to there. */
void node_file_synced(struct node *node, uint64_t file, uint64_t durable_bytes);

/* SIGTERM, or SIGINT: an orderly end as shutdown-on-sigterm and shutdown-on-sigint want it.  While it is
 * under way, SIGTERM changes nothing, and SIGINT ends at once. */
void node_shutdown(struct node *node, bool is_interrupt);

/* Some session, or NULL when there is none: for closing them all. */
struct session *node_any_session(struct node *node);

/* For the report of a crash, in the midst of anything: the request that is being executed, by its
 * command and the lengths of its words; and INFO. */
void node_describe_request(const struct node *node, struct buf *out);
void node_describe(struct node *node, struct buf *out);

/* All metrics as text for Prometheus (stats/prometheus.h). */
void node_write_metrics(struct node *node, struct buf *out);

/* Are data still being loaded from the file? */
bool node_is_loading(const struct node *node);
/* Is a file of the folder being read piece by piece, so that the process must not leave it? */
bool node_needs_folder(const struct node *node);
const struct config *node_config(const struct node *node);
/* CONFIG SET: the two change places, and everybody looks at the new one. */
void node_take_config(struct node *node, struct config *next);
/* CONFIG RESETSTAT. */
void node_reset_stats(struct node *node);

/* ---- for tests and the simulator ---------------------------------------------------------- */

struct node_facts {
    bool is_primary;
    bool may_write; /* it would accept a write to one of its slots now */
    bool cluster_ok;
    uint64_t config_epoch;
    char id[41];
    char primary_id[41];
    struct history_id history;
    uint64_t offset;
    bool link_up; /* to our primary */
    uint64_t key_count;
    uint64_t sync_full, sync_partial_ok, sync_partial_err;
};
void node_facts(const struct node *node, struct node_facts *out);
bool node_owns_slot(const struct node *node, unsigned slot);
/* A checksum of all keys, values and expiries, independent of order. */
uint64_t node_digest(const struct node *node);
void node_check(const struct node *node);

#endif
