/* SPDX-License-Identifier: MIT */
/* The inside of the shell, shared by its files.  For server/net alone. */
#ifndef STARLING_NET_STATE_H
#define STARLING_NET_STATE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/hashtable.h"
#include "base/list.h"
#include "base/vec.h"
#include "io/addr.h"
#include "io/loop.h"
#include "io/sock.h"
#include "net/machine.h"
#include "net/shell.h"
#include "net/worker.h"
#include "node/node.h"

enum {
    LISTENERS_MAX = 32,
    SCRATCH_BYTES = 1024 * 1024, /* what is read in one pass before it is executed */
    READ_BYTES = 64 * 1024,      /* of one socket in a pass */
};

/* What a struct loop_watch belongs to. */
enum watch_kind {
    WATCH_CLIENT_LISTENER,
    WATCH_BUS_LISTENER,
    WATCH_CONN,
    WATCH_LINK,
    WATCH_METRICS_LISTENER,
    WATCH_SCRAPE,
};

struct listener {
    struct loop_watch watch;
    struct addr at;
    bool is_unix;
};

struct listen_set {
    struct listener *items[LISTENERS_MAX]; /* owned by the set that the shell listens on */
    size_t count;
};

struct conn { /* conn.c: a client */
    struct loop_watch watch;
    struct session *session;
    size_t touched_at; /* place in shell->touched + 1; 0: not there */
};

struct link { /* link.c: a connection between servers */
    struct loop_watch watch;
    struct hashtable_node by_id;
    uint64_t id;
    enum env_link_kind kind;
    bool is_up; /* connected */
    struct buf out;
    size_t out_sent;
    struct addr addresses[WORKER_ADDRESSES_MAX]; /* still to be tried */
    size_t address_count;
    struct list unproven; /* accepted, and no node of the cluster has spoken on it yet */
    struct mono_time accepted_at;
    struct list doomed;
    bool is_dirty; /* has output that was not yet offered to the socket */
    struct list dirty;
};

struct scrape { /* metrics_http.c: somebody who reads metrics */
    struct loop_watch watch;
    struct list all;
    struct mono_time accepted_at;
    struct buf in;
    struct buf out;
    size_t out_sent;
    bool is_answered; /* out is all there will be */
    bool is_ending;   /* out was written: the peer may close now */
};

struct shell {
    struct shell_options options;
    struct loop *loop;
    struct worker *worker;
    struct node *node;
    struct env env;
    struct machine machine;
    struct logger *logger;
    struct listen_set listening;
    bool is_accepting; /* false for a while when descriptors have run out */
    struct mono_time accepts_again_at;
    VEC(struct conn *) touched; /* with something to write or to be closed; NULL: closed since */
    struct hashtable links;
    struct list doomed; /* links closed in this pass, freed at its end */
    struct list dirty;
    struct list unproven; /* links, the oldest first */
    size_t unproven_count;
    uint64_t next_incoming;
    struct list scrapes; /* the oldest first */
    size_t scrape_count;
    char *scratch;
    size_t scratch_used;
    size_t scratch_touched; /* at most, in any pass: behind it there is no memory yet */
    char *unix_path;        /* owned, absolute; NULL: nothing to remove */
    struct stat unix_info;  /* which file that was */
    bool is_ready;
    struct mono_time second_began_at;
    volatile sig_atomic_t is_called;
    bool has_ended;
    int exit_code;
    volatile sig_atomic_t is_asked_to_end;
};

/* ---- accepting.c */
/* Accept what waits at the listener, at most max in a turn.  When no descriptors are left, all listeners rest
 * for a while. */
struct accepting {
    const char *name; /* for the log: "a client" */
    int max;
    /* fd is its own from here on; false: no more in this turn. */
    bool (*take_in)(struct shell *shell, struct listener *listener, int fd,
                    const struct addr *peer);
};
void accepting_take(struct shell *shell, struct listener *listener, const struct accepting *what);
/* The while is over, perhaps. */
void accepting_resume(struct shell *shell);

/* ---- conn.c */
void conn_accept_all(struct shell *shell, struct listener *listener);
void conn_ready(struct shell *shell, struct conn *conn, uint32_t events);
void conn_write_touched(struct shell *shell);
void conn_session_touched(void *context, struct session *s);
void conn_close(struct shell *shell, struct conn *conn);

/* ---- link.c */
void link_accept_all(struct shell *shell, struct listener *listener);
void link_ready(struct shell *shell, struct link *link, uint32_t events);
void link_resolved(struct shell *shell, const struct worker_outcome *outcome);
void link_write_dirty(struct shell *shell);
/* Close those on which nobody of the cluster spoke in time. */
void link_check_unproven(struct shell *shell);
void link_free_doomed(struct shell *shell);
void link_close_all(struct shell *shell);
void link_env_open(void *context, uint64_t id, enum env_link_kind kind, const char *host,
                   uint16_t port);
void link_env_send(void *context, uint64_t id, struct bytes bytes);
size_t link_env_queued(void *context, uint64_t id);
void link_env_close(void *context, uint64_t id);

/* ---- metrics_http.c */
void metrics_http_accept_all(struct shell *shell, struct listener *listener);
void metrics_http_ready(struct shell *shell, struct scrape *scrape, uint32_t events);
/* Close those who take too long. */
void metrics_http_check_slow(struct shell *shell);
void metrics_http_close_all(struct shell *shell);

/* ---- listen.c */
/* Open what config asks for into *next, which is empty; what is open already is taken over.  On
 * failure nothing has changed. */
bool listen_open(struct shell *shell, const struct config *config, struct listen_set *next,
                 struct errmsg *error);
/* Listen on next from now on: close what is not in it. */
void listen_adopt(struct shell *shell, const struct listen_set *next);
/* Close what is in next alone. */
void listen_discard(struct shell *shell, struct listen_set *next);
/* Close everything. */
void listen_close(struct shell *shell);

/* ---- live.c: as env.apply_config has it */
bool live_apply_config(void *context, const struct config *now, struct config *next,
                       const char **culprit, struct errmsg *error);

#endif
