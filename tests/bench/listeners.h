/* SPDX-License-Identifier: MIT */
/* Connections that send one request and then read whatever comes, in a thread of their own: those who listen
 * to what others publish. */
#ifndef STARLING_TESTS_BENCH_LISTENERS_H
#define STARLING_TESTS_BENCH_LISTENERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/errmsg.h"

struct listeners;

/* Connect so many to a port of loopback, and wait until each got an answer to its request.  NULL, and a
 * message, when that cannot be. */
struct listeners *listeners_open(uint16_t port, size_t count, struct bytes request,
                                 struct errmsg *error);
/* Bytes that all of them have read together. */
uint64_t listeners_bytes(struct listeners *listeners);
/* NULL is fine. */
void listeners_close(struct listeners *listeners);

#endif
