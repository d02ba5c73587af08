/* SPDX-License-Identifier: MIT */
/* What happens in a life: requests of clients, time, the disk at work, and the disk refusing to. */
#ifndef STARLING_TESTS_CRASH_WORK_H
#define STARLING_TESTS_CRASH_WORK_H

#include "tests/crash/trial.h"

/* One event, drawn by trial->rng. */
void work_event(struct trial *trial);

#endif
