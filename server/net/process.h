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

/* Log to the file (NULL or empty: standard output) from level on; the logger is valid for good. */
MUST_USE struct logger *process_open_log(const char *file, enum log_level level,
                                         struct errmsg *error);
struct log_file *process_log_file(void);
/* Once a second: look after the log file. */
void process_log_tick(void);
MUST_USE bool process_write_pidfile(const char *path, struct errmsg *error);
void process_remove_pidfile(const char *path);
/* SIGTERM and SIGINT ask the shell to end, SIGHUP has the log file opened anew; SIGPIPE is ignored;
 * what ends a process that has a bug is reported to the log first (net/crash.h). */
void process_handle_signals(struct shell *shell);

#endif
