/* SPDX-License-Identifier: MIT */
/* A line between one client and a server of loopback that can be made slow: what the server sends passes no faster
 * than told, what the client sends passes at once.
 *
 * A thread of its own.  Whoever connects again gets a new connection to the server. */
#ifndef STARLING_TESTS_BENCH_SLOW_LINE_H
#define STARLING_TESTS_BENCH_SLOW_LINE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"

struct slow_line;

/* NULL, and a message, when it cannot listen.  Everything passes at once, at first. */
MUST_USE struct slow_line *slow_line_open(uint16_t server_port, struct errmsg *error);
/* Where the client is to connect. */
uint16_t slow_line_port(const struct slow_line *line);
/* Bytes per second towards the client; 0: as fast as can be. */
void slow_line_limit(struct slow_line *line, uint64_t bytes_per_second);
/* Connections so far: more than one says that the client had to come again. */
uint64_t slow_line_connections(struct slow_line *line);
/* Bytes that have passed towards the client. */
uint64_t slow_line_bytes(struct slow_line *line);
void slow_line_close(struct slow_line *line);

#endif
