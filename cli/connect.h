/* SPDX-License-Identifier: MIT */
/* Connections as the command line asked for them: authenticated, in the protocol and the database
 * that were wanted. */
#ifndef STARLING_CLI_CONNECT_H
#define STARLING_CLI_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "io/client.h"
#include "resp/value.h"

/* One server at a time; may move on to another.  Borrows options and interrupt. */
struct connection {
    const struct options *options;
    const struct interrupt *interrupt; /* or NULL: then nothing can be interrupted */
    struct client *client;             /* NULL: not connected */
    char host[ADDR_HOST_TEXT];
    uint16_t port;
    bool uses_path; /* options->unix_path, until a redirection */
    int64_t db;
};

enum connection_status {
    CONNECTION_OK = 0,
    CONNECTION_LOST,        /* closed, failed or silent for too long: the connection is closed */
    CONNECTION_INTERRUPTED, /* by the user; a reply is still due */
};

/* To the server of the options; nothing happens on the wire yet. */
void connection_init(struct connection *connection, const struct options *options,
                     const struct interrupt *interrupt);
/* Connect.  A refused password or database is reported on standard error and survived, as a
 * server that wants none is still of use. */
MUST_USE bool connection_open(struct connection *connection, struct errmsg *error);
void connection_close(struct connection *connection);
/* Close, and be for another server from now on. */
void connection_move(struct connection *connection, const char *host, uint16_t port);
/* An authenticated client of the same server beside the connection, for questions that must not
 * disturb it: RESP2, database 0.  NULL, and a message, when it cannot be had. */
MUST_USE struct client *connection_open_second(const struct connection *connection,
                                               int64_t timeout_ms, struct errmsg *error);
/* "host:port", or the path. */
void connection_format(const struct connection *connection, char out[ADDR_TEXT]);

/* Wait for the next value; the caller releases it on CONNECTION_OK. */
MUST_USE enum connection_status connection_read(struct connection *connection,
                                                struct resp_value *out, struct errmsg *error);
MUST_USE enum connection_status connection_call(struct connection *connection,
                                                const struct bytes *words, size_t word_count,
                                                struct resp_value *out, struct errmsg *error);

/* An authenticated client of some server for management: RESP2, database 0, a time limit on every
 * call.  NULL, and a message, when it cannot be had. */
MUST_USE struct client *connect_node(const struct options *options, const char *host, uint16_t port,
                                     struct errmsg *error);
/* Call words given as C strings; false, and a message, when there is no reply or it is an error.
 * The caller releases *out when true is returned. */
MUST_USE bool connect_call(struct client *client, const char *const *words, size_t word_count,
                           struct resp_value *out, struct errmsg *error);
/* The same where nothing but the absence of an error is of interest. */
MUST_USE bool connect_order(struct client *client, const char *const *words, size_t word_count,
                            struct errmsg *error);
MUST_USE bool connect_order_words(struct client *client, const struct bytes *words,
                                  size_t word_count, struct errmsg *error);
/* How long a client of connect_node waits for a reply. */
int64_t connect_node_timeout_ms(const struct options *options);

#endif
