/* SPDX-License-Identifier: MIT */
/* What INFO tells of the system, the program and its processor time.  Linux; what cannot be found
 * out is empty or 0. */
#ifndef STARLING_NET_MACHINE_H
#define STARLING_NET_MACHINE_H

#include "node/env.h"

/* Facts that never change, with the texts that they borrow: does not move. */
struct machine {
    struct env_process process;
    char os[256];
    char executable[4096];
};

/* supervised is borrowed. */
void machine_learn(struct machine *machine, const char *supervised);
/* Called on the loop thread. */
void machine_cpu(struct env_cpu *out);

#endif
