/* SPDX-License-Identifier: MIT */
/* The program's diary: levelled lines handed to a sink that the owner of the process chose.
 *
 * A struct logger is borrowed by whoever writes; its sink adds time and destination.  A NULL
 * logger swallows everything, so that tests need none. */
#ifndef STARLING_BASE_LOG_H
#define STARLING_BASE_LOG_H

#include "base/attr.h"

enum log_level {
    LOG_DEBUG,
    LOG_VERBOSE,
    LOG_NOTICE,
    LOG_WARNING,
};

typedef void log_sink_fn(void *sink_context, enum log_level level, const char *line);

struct logger {
    enum log_level threshold; /* lines below are dropped */
    log_sink_fn *sink;
    void *sink_context;
};

void log_line(const struct logger *logger, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);
const char *log_level_name(enum log_level level);

#endif
