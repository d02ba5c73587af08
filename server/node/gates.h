/* SPDX-License-Identifier: MIT */
/* What a request has to pass before it is executed, as a table: each gate asks one question
 * and, when the answer is no, tells the client why.
 *
 * Most of the time most gates could say nothing to anybody.  Each row therefore has two columns: the
 * question, and for which commands (read, write) it may be answered with no at the moment, whoever asks.
 * What no row closes is open for all plain requests of a batch, which are then asked nothing; so no gate
 * can be forgotten on that way.
 *
 * Invariant:  (1) a request is executed unasked only if every question would have been answered with
 *                 yes; debug builds assert it for each (gates_check) */
#ifndef STARLING_NODE_GATES_H
#define STARLING_NODE_GATES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct command_spec;
struct node;
struct request;
struct session;

struct gates {
    uint32_t open_for; /* command flags (readonly, write) that no row closes, as of the last look */
    uint32_t open_noted; /* in its place, while what is answered has to be noted (sync_side.h) */
    struct mono_time http_logged_at; /* 0: never */
};

/* Look at the node: true until time passes or a control command runs. */
void gates_look(struct node *node);
/* A control command ran: whatever was prepared may be stopped now. */
void gates_look_again(struct node *node);
/* May the request be executed unasked? */
bool gates_are_open_for(const struct node *node, const struct request *request);
/* The same, where its reply is noted behind it. */
bool gates_are_open_noted(const struct node *node, const struct request *request);
/* The same of one that reads a key which is another node's, once it is known that it is served here as well. */
bool gates_are_open_for_copies(const struct node *node, const struct request *request);
/* May it be queued unasked? */
bool gates_are_open_for_queue(const struct node *node, const struct request *request);
/* May any request of the command, of whoever is authenticated, be executed unasked? */
bool gates_are_open_for_all(const struct node *node, const struct command_spec *spec);
/* Ask all gates about a request that was queued; false after an error in its reply. */
bool gates_judge(struct node *node, struct request *request);
/* True when it may go on, its spec being that of the subcommand; else the answer was given. */
bool gates_pass(struct node *node, struct request *request);

/* Assert that a request which may be executed unasked would have passed. */
void gates_check(struct node *node, struct request *request);

/* Does a directive such as enable-debug-command (enum config_protection) let the client do it? */
bool gates_allow(const struct session *s, int protection);

#endif
