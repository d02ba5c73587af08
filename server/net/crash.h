/* SPDX-License-Identifier: MIT */
/* The report of a crash: what the process knew of itself when it got a signal that ends it.
 *
 * It goes to the log, the surest facts first: signal and address, where the code was, the request that
 * was being executed (its command and how long its words are, never what they are), INFO.  It is
 * written by the thread that crashed, in the midst of anything, so it may fail at any of its lines;
 * who calls sees to it that the process ends then. */
#ifndef STARLING_NET_CRASH_H
#define STARLING_NET_CRASH_H

#include <pthread.h>
#include <signal.h>

#include "base/log.h"

struct shell;

struct crash_context {
    const struct logger *logger;
    const struct shell *shell;
    pthread_t loop_thread; /* the only one that may look at the node */
};

/* The signals that are reported; their number is the result. */
size_t crash_signals(const int **out);
/* Have them delivered to whoever caused them, whatever else is blocked. */
void crash_leave_unblocked(sigset_t *blocked);
/* What would allocate memory when it is used for the first time is used now. */
void crash_prepare(void);
void crash_report(const struct crash_context *context, int number, const siginfo_t *info);

#endif
