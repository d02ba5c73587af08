/* SPDX-License-Identifier: MIT */
/* A small client of any RESP server, for the command line and for tests.
 *
 * Requests are collected by client_send and go out with the next flush, read or pump, so a
 * pipeline costs one write.  Everything but client_pump and client_try_read blocks, at most for
 * the time-out of the client.  While it writes it also reads, so that a pipeline larger than all
 * socket buffers cannot lock up.
 *
 * After CLIENT_CLOSED or CLIENT_ERROR only client_close is of use.  One thread. */
#ifndef STARLING_IO_CLIENT_H
#define STARLING_IO_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "resp/value.h"

enum client_status {
    CLIENT_OK = 0,
    CLIENT_TIMEOUT, /* nothing is lost: the same call may be made again */
    CLIENT_CLOSED,  /* by the server */
    CLIENT_ERROR,   /* the system failed, or what came is not RESP */
};

struct client_options {
    const char *host; /* name or address; unused when there is a path */
    uint16_t port;
    const char *unix_path; /* or NULL */
    int64_t timeout_ms;    /* of connecting and of each blocking call; 0: without end */
};

struct client;

/* NULL, and a message, when there is no connection. */
MUST_USE struct client *client_open(const struct client_options *options, struct errmsg *error);
void client_close(struct client *client);
int client_fd(const struct client *client);
void client_set_timeout_ms(struct client *client, int64_t timeout_ms);

/* Queue a request. */
void client_send(struct client *client, const struct bytes *words, size_t word_count);
void client_send_texts(struct client *client, size_t word_count, ...); /* const char * each */
void client_send_raw(struct client *client, struct bytes bytes);
/* Write all that is queued. */
MUST_USE enum client_status client_flush(struct client *client, struct errmsg *error);
/* Flush, then wait for one value; the caller releases it on CLIENT_OK. */
MUST_USE enum client_status client_read(struct client *client, struct resp_value *out,
                                        struct errmsg *error);
/* client_send, then client_read. */
MUST_USE enum client_status client_call(struct client *client, const struct bytes *words,
                                        size_t word_count, struct resp_value *out,
                                        struct errmsg *error);

/* ---- for callers with a loop of their own ---------------------------------------------------- */

bool client_has_output(const struct client *client);
/* Write and read what is possible now.  CLIENT_CLOSED may come with values still to be had. */
MUST_USE enum client_status client_pump(struct client *client, struct errmsg *error);
/* A value that has come already: CLIENT_OK; CLIENT_TIMEOUT when there is no whole one. */
MUST_USE enum client_status client_try_read(struct client *client, struct resp_value *out,
                                            struct errmsg *error);

/* ---- for what is not a value, such as the payload of a snapshot ------------------------------ */

/* What has come and was not taken; borrowed until the next call. */
struct bytes client_input(const struct client *client);
void client_consume(struct client *client, size_t len);
/* Flush, then wait for more input. */
MUST_USE enum client_status client_wait_input(struct client *client, struct errmsg *error);

#endif
