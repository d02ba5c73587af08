/* SPDX-License-Identifier: MIT */
/* What was found out about a log, for people. */
#ifndef STARLING_CLI_LOG_REPORT_H
#define STARLING_CLI_LOG_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/log_check.h"

/* What the folder says besides its files. */
struct log_surroundings {
    const char *path;
    int64_t holder; /* process that has the log open, or 0 */
};

/* Append manifest, segments and verdict. */
void log_report_write(const struct log_check *check, const struct log_surroundings *surroundings,
                      struct buf *out);
/* "17 minutes": how much longer it takes at the pace so far. */
void log_report_write_time_left(uint64_t done, uint64_t total, int64_t passed_ms, struct buf *out);

#endif
