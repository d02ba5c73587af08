/* SPDX-License-Identifier: MIT */
#include "stats/slot_usage.h"

#include "base/mem.h"

#include <string.h>

void slot_usage_deinit(struct slot_usage *usage)
{
    mem_free(MEM_NODE, usage->slots);
    usage->slots = NULL;
}

void slot_usage_switch(struct slot_usage *usage, bool is_on)
{
    if (!is_on) {
        slot_usage_deinit(usage);
    } else if (usage->slots == NULL) {
        usage->slots = mem_alloc_zeroed(MEM_NODE, SLOT_COUNT * sizeof(*usage->slots));
    }
}

void slot_usage_reset(struct slot_usage *usage)
{
    if (usage->slots != NULL) {
        memset(usage->slots, 0, SLOT_COUNT * sizeof(*usage->slots));
    }
}
