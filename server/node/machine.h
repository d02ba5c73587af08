/* SPDX-License-Identifier: MIT */
/* The driver of a pure machine: its actions are carried out here, whatever the machine is.
 *
 * Whoever steps the machine gives it pending, then calls machine_act.  Carrying an action out may
 * step the machine again and call machine_act again: then the inner call returns at once, and the
 * outer one carries out what the step added, in its turn.
 *
 * Invariants:  (1) actions are carried out in the order in which the machine gave them, also those of
 *                  steps that carrying out one of them has made: each once
 *              (2) carrying out is never re-entered
 *              (3) an action that is being carried out, and its copied bytes, stay where they are
 *                  until carry_out returns
 *              (4) machine_wake_at is what the machine's last step said */
#ifndef STARLING_NODE_MACHINE_H
#define STARLING_NODE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/actions.h"

enum {
    MACHINE_ROUNDS_MAX = 1000, /* a machine whose own actions step it for ever would never rest */
};

struct machine {
    struct actions pending;  /* for steps: what they add */
    struct actions carrying; /* what is being carried out */
    bool is_acting;
};

/* Carry out the action of list at index. */
typedef void machine_carry_out_fn(void *context, const struct actions *list, size_t index);

void machine_deinit(struct machine *machine);
/* Nothing is pending afterwards, unless an outer call is at it. */
void machine_act(struct machine *machine, machine_carry_out_fn *carry_out, void *context);

static inline struct mono_time machine_wake_at(const struct machine *machine)
{
    return machine->pending.wake_at;
}

/* Until the first step says something else. */
static inline void machine_wake_first_at(struct machine *machine, struct mono_time at)
{
    machine->pending.wake_at = at;
}

#endif
