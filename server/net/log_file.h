/* SPDX-License-Identifier: MIT */
/* Where log lines go: standard output, or a file, and the system's log besides.
 *
 * A file that was renamed or removed (by log rotation) is opened anew within a second, or at once
 * when log_file_reopen is called.  Each line is one write, so that nothing of it is lost in a crash.
 * A message that comes again and again is counted (base/log_repeat.h).
 *
 * Loop thread only, but for a crash report. */
#ifndef STARLING_NET_LOG_FILE_H
#define STARLING_NET_LOG_FILE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/log_repeat.h"

struct log_file {
    int fd;     /* STDOUT_FILENO without a path */
    char *path; /* owned, absolute; NULL: standard output */
    bool has_system_log;
    struct log_repeat repeat;
    struct mono_time checked_at;
    char last_warning[512]; /* "" before there is one */
};

/* path: NULL or empty for standard output. */
MUST_USE bool log_file_open(struct log_file *file, const char *path, struct errmsg *error);
/* What was held back is written. */
void log_file_close(struct log_file *file);
/* Besides, send lines to syslog under this name; facility as syslog-facility has it. */
void log_file_add_system_log(struct log_file *file, const char *ident, const char *facility);
/* A log_sink_fn; context is the struct log_file. */
void log_file_write(void *context, enum log_level level, const char *line);
/* Once a second or so: look whether the path still is our file, tell what was held back. */
void log_file_tick(struct log_file *file);
/* Open the path again, whatever it is. */
void log_file_reopen(struct log_file *file);

#endif
