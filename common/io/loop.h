/* SPDX-License-Identifier: MIT */
/* A thin loop over epoll, level-triggered.  There are no callbacks: loop_wait returns what is
 * ready and the caller goes through it.
 *
 * The owner of a descriptor embeds a struct loop_watch and keeps it in place while it is watched.
 *
 * Invariants:  (1) an event's watch was watched when loop_wait returned; when it is unwatched
 *                  while the caller goes through the events, the event's watch becomes NULL
 *              (2) errors and hang-ups are reported as LOOP_READ | LOOP_WRITE of what is watched,
 *                  so that the next read or write meets them
 * Loop thread only, but for loop_wake. */
#ifndef STARLING_IO_LOOP_H
#define STARLING_IO_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"

enum loop_events {
    LOOP_READ = 1 << 0,
    LOOP_WRITE = 1 << 1,
};

struct loop_watch {
    int fd;
    uint32_t events;   /* of enum loop_events: what is waited for; 0: watched for nothing */
    void *owner;       /* for the caller */
    int kind;          /* for the caller: what owner is */
    size_t ready_at;   /* loop's own: place among the events */
    uint32_t ready_in; /* loop's own: of the wait with this number */
    bool is_watched;   /* loop's own */
};

struct loop_event {
    struct loop_watch *watch; /* NULL: passed over since */
    uint32_t events;
};

struct loop;

/* NULL, and a message, when the system has no descriptors left. */
MUST_USE struct loop *loop_new(struct errmsg *error);
void loop_free(struct loop *loop);

/* Begin to watch watch->fd for watch->events; false when the system refuses. */
MUST_USE bool loop_watch(struct loop *loop, struct loop_watch *watch, struct errmsg *error);
/* Wait for other events from now on; no system call when they are the same. */
void loop_modify(struct loop *loop, struct loop_watch *watch, uint32_t events);
/* Before the descriptor is closed; does nothing when it is not watched. */
void loop_unwatch(struct loop *loop, struct loop_watch *watch);

/* Wait for events, a wake-up or timeout_ms (-1: without end) and return how many events there
 * are, perhaps none; *out stays valid until the next call. */
size_t loop_wait(struct loop *loop, int64_t timeout_ms, struct loop_event **out);
/* Was the last loop_wait ended by loop_wake, perhaps among other things? */
bool loop_was_woken(const struct loop *loop);
/* End the running or the next loop_wait.  From any thread, and from signal handlers. */
void loop_wake(struct loop *loop);

#endif
