/* SPDX-License-Identifier: MIT */
/* The one place that reads clocks.  Everything above is handed the time. */
#ifndef STARLING_IO_CLOCK_H
#define STARLING_IO_CLOCK_H

#include "base/clock.h"

/* Goes on while the process is stopped and while the machine sleeps. */
struct mono_time clock_mono_now(void);
/* The same clock to the nanosecond, for how long something took. */
int64_t clock_mono_ns(void);
/* Processor time that the calling thread has had. */
int64_t clock_thread_cpu_ns(void);
int64_t clock_unix_ms(void);
/* Both, read one right after the other. */
struct moment clock_now(void);

#endif
