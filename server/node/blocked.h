/* SPDX-License-Identifier: MIT */
/* Who waits for which key: sessions whose command returned EXEC_BLOCK, held (HOLD_KEYS) until something can be
 * taken from one of their keys, until their time is up, or until something else ends it.
 *
 * A key that came to be, changed or went while somebody waits for it is noted as ready; whoever serves
 * (node/serve.h) takes the ready keys one after the other and runs the requests of those who wait again,
 * in the order in which they came.  Whose request has to wait again keeps its place and its deadline.  A request may
 * also say when it wants to be run again at the latest: its keys are then noted as ready.
 *
 * Invariants:  (1) the key space is observed exactly while somebody waits, so that changes cost nothing
 *                  otherwise
 *              (2) a session waits exactly while it is held under HOLD_KEYS, or being run again
 *              (3) somebody waits for every key that is known here
 * Owns what it keeps of requests and keys; borrows sessions. */
#ifndef STARLING_NODE_BLOCKED_H
#define STARLING_NODE_BLOCKED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/hashtable.h"
#include "base/list.h"
#include "store/value.h"

struct exec_block;
struct keyspace;
struct node;
struct request;
struct session;

/* A key somebody waits for. */
struct blocked_key {
    struct hashtable_node by_name; /* the number of its table, then its name */
    struct list ready;             /* linked while it is */
    struct list items;             /* of those who wait, in the order in which they came */
    bool is_being_served;
    char name[];
};

/* That one waits for one key. */
struct blocked_item {
    struct list in_key;
    struct blocked_key *key;
    struct blocked_wait *wait;
};

/* One that waits, with its request. */
struct blocked_wait {
    struct session *session;
    const struct command_spec *spec;
    enum value_type type; /* of values from which it could take something */
    bool is_told_of_loss;
    struct mono_time deadline;
    struct mono_time wake; /* it is run again then at the latest */
    struct list all;
    struct bytes *words;
    size_t word_count;
    struct blocked_item *items;
    size_t item_count;
    struct buf text; /* of the words */
};

struct blocked {
    struct hashtable keys;
    struct list ready; /* keys */
    struct list all;   /* who waits, in the order in which they came */
    size_t count;
    struct keyspace *observed;
    struct blocked_wait *running; /* is being run again */
    struct mono_time routes_seen_at;
    struct buf name; /* scratch */
};

void blocked_init(struct node *node);
void blocked_deinit(struct node *node);

static inline bool blocked_has_ready(const struct blocked *blocked)
{
    return blocked->ready.next != &blocked->ready;
}

/* The request waits; or goes on to wait, when it is being run again. */
void blocked_begin(struct node *node, const struct request *request,
                   const struct exec_block *block);
/* It waits no more, and is not held: whoever calls this has answered, or the session is about to go.  Does nothing
 * to one that does not wait. */
void blocked_end(struct node *node, struct session *s);
/* Answer as when the time is up, or (error is not NULL) with an error; it waits no more. */
void blocked_answer(struct node *node, struct session *s, const char *error);
/* The time has come until which it is held: answer it, or note its keys as ready when it was only to be run again. */
void blocked_on_time(struct node *node, struct session *s);
/* The same as blocked_answer for all. */
void blocked_answer_all(struct node *node, const char *error);

/* ---- for whoever serves ---------------------------------------------------------------------------- */

/* When the data was replaced, whatever is waited for may be there now. */
void blocked_look_at_data(struct node *node);
/* The next ready key, or NULL: it is no longer ready; blocked_served must follow. */
struct blocked_key *blocked_take_ready(struct node *node);
void blocked_served(struct node *node, struct blocked_key *key);
/* Around running a request again: it is not held meanwhile; afterwards it is held as before, or has its
 * answer. */
void blocked_run_begin(struct node *node, struct blocked_wait *wait);
void blocked_run_end(struct node *node);
/* The key's place in the key space. */
unsigned blocked_key_table(const struct blocked_key *key);
struct bytes blocked_key_name(const struct blocked_key *key);
/* Is it time to look whether the slots that are waited for are still ours?  Once in a while. */
bool blocked_take_routes_due(struct node *node);

void blocked_check(const struct node *node);

#endif
