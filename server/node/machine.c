/* SPDX-License-Identifier: MIT */
/* Two lists take turns: steps fill the one while the other is carried out. */
#include "node/machine.h"

#include "base/assert.h"

void machine_deinit(struct machine *machine)
{
    ASSERT(!machine->is_acting);
    actions_deinit(&machine->pending);
    actions_deinit(&machine->carrying);
}

void machine_act(struct machine *machine, machine_carry_out_fn *carry_out, void *context)
{
    if (machine->is_acting) {
        return;
    }
    ASSERT(machine->carrying.count == 0);
    machine->is_acting = true;
    for (int round = 0; machine->pending.count > 0; round++) {
        ASSERT(round < MACHINE_ROUNDS_MAX);
        actions_take(&machine->pending, &machine->carrying);
        for (size_t i = 0; i < machine->carrying.count; i++) {
            carry_out(context, &machine->carrying, i);
        }
        actions_clear(&machine->carrying);
    }
    machine->is_acting = false;
    ASSERT(machine->pending.count == 0);
}
