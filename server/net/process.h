/* SPDX-License-Identifier: MIT */
/* What concerns the process as a whole: log output, signals, the pid file. */
#ifndef STARLING_NET_PROCESS_H
#define STARLING_NET_PROCESS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/log.h"
#include "net/log_file.h"
#include "net/shell.h"

/* Before anything else: standard input, output and error lead somewhere, so that nothing that is
 * opened later takes their numbers and gets what is written to them; a write that fails (SIGPIPE,
 * SIGXFSZ) says so to who wrote instead of ending the process.  False: the system refuses even that. */
MUST_USE bool process_prepare(void);
/* Log to the file (NULL or empty: standard output) from level on; the logger is valid for good. */
MUST_USE struct logger *process_open_log(const char *file, enum log_level level,
                                         struct errmsg *error);
struct log_file *process_log_file(void);
/* Once a second: look after the log file. */
void process_log_tick(void);
MUST_USE bool process_write_pidfile(const char *path, struct errmsg *error);
/* The one that was written, if any. */
void process_remove_pidfile(void);
/* SIGTERM and SIGINT ask the shell to end, SIGHUP has the log file opened anew; what ends a process
 * that has a bug is reported to the log first (net/crash.h). */
void process_handle_signals(struct shell *shell);

#endif
