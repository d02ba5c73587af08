/* SPDX-License-Identifier: MIT */
/* Our server and a stock one beside each other, with a connection in RESP2 and one in RESP3 to each.
 * Owns both servers: they end with pair_stop, or with this process. */
#ifndef STARLING_TESTS_DIFFERENTIAL_PAIR_H
#define STARLING_TESTS_DIFFERENTIAL_PAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "io/client.h"
#include "tests/differential/command.h"
#include "tests/support/server.h"

enum side {
    OURS,
    STOCK,
    SIDE_COUNT,
};

enum {
    BATCH_MAX = 64,
    REPLIES_MAX = 2 * BATCH_MAX + 1,
};

/* The replies to some commands, as they came. */
struct replies {
    struct buf bytes;
    size_t ends[REPLIES_MAX];
    size_t count;
};

struct pair {
    struct server servers[SIDE_COUNT];
    struct client *clients[SIDE_COUNT][2]; /* RESP2, RESP3 */
};

/* False, and why, when either does not start. */
MUST_USE bool pair_start(struct pair *pair, const char *stock_program, struct errmsg *error);
void pair_stop(struct pair *pair);
/* Send the commands, at most REPLIES_MAX, in one go in that version of the protocol, and read as many replies. */
MUST_USE bool pair_ask(struct pair *pair, enum side side, int protocol,
                       const struct command *commands, size_t count, struct replies *out,
                       struct errmsg *error);
/* The same of both, which work at the same time. */
MUST_USE bool pair_ask_both(struct pair *pair, int protocol, const struct command *commands,
                            size_t count, struct replies out[SIDE_COUNT], struct errmsg *error);
/* A connection of one's own; NULL, and why, when there is none. */
struct client *pair_connect(struct pair *pair, enum side side, struct errmsg *error);
/* The next reply or message on it, appended. */
MUST_USE bool pair_read(struct client *client, struct buf *out, struct errmsg *error);
struct bytes replies_at(const struct replies *replies, size_t index);
const char *side_name(enum side side);

#endif
