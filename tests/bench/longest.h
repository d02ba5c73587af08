/* SPDX-License-Identifier: MIT */
/* The longest pass of a server's loop in some phase, by the clock and by the processor time of its thread: what a probe
 * feels beyond the latter, neighbours have caused. */
#ifndef STARLING_TESTS_BENCH_LONGEST_H
#define STARLING_TESTS_BENCH_LONGEST_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "tests/support/server.h"

struct longest {
    double ms;     /* negative: the server does not tell */
    double cpu_ms; /* of whichever pass had most */
};

/* The phase begins: the server's statistics are reset, and it watches its passes from now on. */
MUST_USE bool longest_begin(const struct server *server, struct errmsg *error);
/* The longest since. */
MUST_USE bool longest_end(const struct server *server, struct longest *out, struct errmsg *error);

#endif
