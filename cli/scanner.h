/* SPDX-License-Identifier: MIT */
/* SCAN from step to step, with the pattern, type and count of the command line. */
#ifndef STARLING_CLI_SCANNER_H
#define STARLING_CLI_SCANNER_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/errmsg.h"
#include "cli/connect.h"
#include "resp/value.h"

enum {
    SCANNER_CURSOR_TEXT = 32,
};

/* Borrows the connection, which is open. */
struct scanner {
    struct connection *connection;
    struct buf pattern; /* as it goes to the server */
    char cursor[SCANNER_CURSOR_TEXT];
};

/* False, and a message, when the pattern is not quoted as it should.  Call deinit in either case. */
MUST_USE bool scanner_init(struct scanner *scanner, struct connection *connection,
                           struct errmsg *error);
void scanner_deinit(struct scanner *scanner);
/* Ask for the next keys: on CONNECTION_OK reply->children[1] is an array of them, and the caller releases reply.
 * CONNECTION_LOST, and a message, also for a reply that makes no sense. */
MUST_USE enum connection_status scanner_step(struct scanner *scanner, struct resp_value *reply,
                                             struct errmsg *error);
/* Was that the last step? */
bool scanner_is_done(const struct scanner *scanner);

#endif
