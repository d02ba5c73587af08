/* SPDX-License-Identifier: MIT */
/* syslog(3), apart from everything that includes base/log.h: both have names such as LOG_WARNING. */
#ifndef STARLING_NET_SYSTEM_LOG_H
#define STARLING_NET_SYSTEM_LOG_H

/* facility: user, local0 ... local7. */
void system_log_open(const char *ident, const char *facility);
void system_log_close(void);
/* level: the number of an enum log_level. */
void system_log_write(int level, const char *line);

#endif
