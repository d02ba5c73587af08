/* SPDX-License-Identifier: MIT */
/* Lines are formatted into a bounded array and handed to the sink whole. */
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

void log_line(const struct logger *logger, enum log_level level, const char *format, ...)
{
    char line[4096];
    va_list args;

    if (logger == NULL || level < logger->threshold) {
        return;
    }
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    logger->sink(logger->sink_context, level, line);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {
        [LOG_DEBUG] = "debug",
        [LOG_VERBOSE] = "verbose",
        [LOG_NOTICE] = "notice",
        [LOG_WARNING] = "warning",
    };

    return names[level];
}
