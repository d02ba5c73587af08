/* SPDX-License-Identifier: MIT */
#include "net/system_log.h"

#include <string.h>
#include <syslog.h>

void system_log_open(const char *ident, const char *facility)
{
    static const int locals[] = {LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3,
                                 LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7};
    int number = LOG_USER;

    if (strncmp(facility, "local", 5) == 0 && facility[5] >= '0' && facility[5] <= '7') {
        number = locals[facility[5] - '0'];
    }
    openlog(ident, LOG_PID | LOG_NDELAY | LOG_NOWAIT, number);
}

void system_log_close(void)
{
    closelog();
}

void system_log_write(int level, const char *line)
{
    static const int priorities[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING};

    syslog(priorities[level], "%s", line);
}
