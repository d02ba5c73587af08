/* SPDX-License-Identifier: MIT */
/* One command from words to printed reply: redirections, pushes, subscriptions, and what the
 * client must remember of it (database, transaction). */
#ifndef STARLING_CLI_EXECUTE_H
#define STARLING_CLI_EXECUTE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/errmsg.h"
#include "cli/connect.h"
#include "cli/options.h"

/* Borrows all it points to. */
struct executor {
    const struct options *options;
    struct connection *connection;
    bool is_in_transaction; /* after MULTI */
    bool was_error;         /* of the last command: its reply was one */
    bool splits_errors;     /* replies that are errors go to standard error, as bare text */
    struct buf out;         /* reused */
};

enum execute_status {
    EXECUTE_OK = 0,
    EXECUTE_LOST,        /* no connection: the message says why; already closed */
    EXECUTE_INTERRUPTED, /* the connection was closed, as a reply was due */
};

void executor_deinit(struct executor *executor);
/* Connects when there is no connection; prints to standard output. */
MUST_USE enum execute_status execute(struct executor *executor, const struct bytes *words,
                                     size_t word_count, struct errmsg *error);

/* ---- for tests --------------------------------------------------------------------------------- */

/* "MOVED 12 host:port" and ASK; *host empty: the same host. */
struct redirection {
    bool is_ask;
    uint16_t slot;
    char host[ADDR_HOST_TEXT];
    uint16_t port;
};
MUST_USE bool execute_parse_redirection(struct bytes error, struct redirection *out);
/* Are its replies text for people, to be printed as they are? */
bool execute_is_plain_text(const struct bytes *words, size_t word_count);

#endif
