/* SPDX-License-Identifier: MIT */
/* What both servers publish of what happens in their key spaces (notify-keyspace-events), command by command.
 *
 * A connection to each listens to all events.  Marks are published before and behind every command, so that
 * it is known which events are its own.  When a key expires is up to each server: that it did is remembered,
 * and has to have happened to both once all keys were read. */
#ifndef STARLING_TESTS_DIFFERENTIAL_EVENTS_H
#define STARLING_TESTS_DIFFERENTIAL_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "tests/differential/compare.h"
#include "tests/differential/pair.h"

/* How much oftener one of our keys has expired than the stock server's. */
struct expired_key {
    struct buf name;
    int64_t balance;
};

struct events {
    struct client *listeners[SIDE_COUNT];
    struct buf texts[SIDE_COUNT][BATCH_MAX]; /* of each command: a line for each message */
    VEC(struct expired_key) expired;
    struct command mark;
};

/* False, and why, when one cannot be listened to. */
MUST_USE bool events_start(struct events *events, struct pair *pair, struct errmsg *error);
void events_deinit(struct events *events);
/* The commands with a mark before, and one behind each: 2 * count + 1 of them, which borrow. */
void events_mark(const struct events *events, const struct command *commands, size_t count,
                 struct command *out);
/* Read what came of them. */
MUST_USE bool events_read(struct events *events, size_t count, struct errmsg *error);
/* Are they the same for the command at the index? */
bool events_are_same(const struct events *events, const struct command *command, size_t index,
                     const struct exception **used);
/* After every key was read: NULL, or a key that expired more often with one of them. */
struct buf *events_unbalanced(struct events *events);
/* Both are empty. */
void events_forget(struct events *events);

#endif
