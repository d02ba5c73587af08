/* SPDX-License-Identifier: MIT */
/* The one door to data commands.  Whoever runs one comes through here: clients' requests, the stream
 * of our primary, expiry, what a node removes on its own account.
 *
 *     who runs it        sees expired keys   its effects
 *     a client           no                  into the journal; on a writable replica they stay here
 *     our primary        yes                 are none: the log has the primary's bytes
 *     a source of slots  yes                 into the journal, as they came
 *     the node itself    -                   into the journal
 *
 * Invariants:  (1) a command that changed something of a primary is in the journal when the door closes
 *              (2) nobody else calls exec_run or exec_expire */
#ifndef STARLING_NODE_CALL_H
#define STARLING_NODE_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "command/exec.h"
#include "resp/writer.h"

struct node;
struct request;

struct door {
    struct exec exec;         /* what is the same for all requests of clients */
    struct key_window window; /* of keys that the batch did not prepare */
    uint64_t
        reply_place; /* in the output of the client whose command runs: where its reply begins */
};

/* Look at what is the same for all requests of clients, until time passes or a control command runs. */
void call_begin(struct node *node);
/* The same for the requests of a transaction: nothing may wait. */
void call_begin_transaction(struct node *node);
/* The next command reads copies of keys that are other primaries'. */
void call_on_copies(struct node *node, struct keyspace *copies);
/* Behind it the next reads our own keys again; the rest is as call_begin left it. */
void call_on_data(struct node *node);
/* Run a client's data command; keys are those of the batch. */
void call_for_client(struct node *node, const struct request *request, const struct key_ref *keys);

/* A data command in the stream of our primary, on database db. */
struct streamed_command {
    const struct command_spec *spec;
    const struct bytes *args;
    size_t arg_count;
    unsigned db;
};
void call_for_primary(struct node *node, const struct streamed_command *command,
                      struct resp_writer *reply);

/* The same of what a source of slots sends (node/move_apply.h), which then goes into our log as it came.  It is about
 * keys that nobody sees: there are no events. */
void call_for_move(struct node *node, const struct streamed_command *command,
                   struct resp_writer *reply);

/* Remove keys and fields that have expired, of one database, as exec_expire does. */
size_t call_expire(struct node *node, size_t budget, size_t max, bool *has_more);
/* Remove a key, or everything, on our own account: replicas do the same. */
void call_remove(struct node *node, unsigned db, struct bytes key);
/* Remove a key, which must be there, to make room; key is not borrowed from the key space. */
void call_evict(struct node *node, unsigned db, struct bytes key);
void call_flush_all(struct node *node);

#endif
