/* SPDX-License-Identifier: MIT */
/* One request a millisecond, on a connection and a thread of its own: what a quiet client feels
 * while others load the server.
 *
 * A request whose turn came while the server still kept the one before waiting counts from its
 * turn: a halt of 20 ms is felt by twenty requests, not by one. */
#ifndef STARLING_TESTS_BENCH_PROBE_H
#define STARLING_TESTS_BENCH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/hist.h"

struct probe;

/* Write a key of its own and begin to read it.  The thread runs on the processors of the caller,
 * before all others if the system lets it.  NULL, and a message, when there is no connection.
 * is_evictable: the server may give the key up; then it is written once more. */
MUST_USE struct probe *probe_start(uint16_t port, bool is_evictable, struct errmsg *error);
/* End it.  False, and a message, when a reply was wrong or missing. */
MUST_USE bool probe_stop(struct probe *probe, struct hist *latency_us, struct errmsg *error);

#endif
