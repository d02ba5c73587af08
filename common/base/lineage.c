/* SPDX-License-Identifier: MIT */
#include "base/lineage.h"

#include "base/assert.h"

#include <string.h>

static void remove_at(struct lineage *lineage, size_t index)
{
    lineage->count--;
    memmove(&lineage->items[index], &lineage->items[index + 1],
            (lineage->count - index) * sizeof(lineage->items[0]));
}

void lineage_add(struct lineage *lineage, const struct history_id *history, uint64_t end)
{
    if (history_id_is_empty(history)) {
        return;
    }
    for (size_t i = lineage->count; i > 0; i--) {
        const struct ancestor *ancestor = &lineage->items[i - 1];

        if (ancestor->end > end || history_id_equal(&ancestor->history, history)) {
            remove_at(lineage, i - 1);
        }
    }
    if (lineage->count == LINEAGE_MAX) {
        remove_at(lineage, 0);
    }
    lineage->items[lineage->count++] = (struct ancestor){.history = *history, .end = end};
    lineage_check(lineage);
}

bool lineage_find(const struct lineage *lineage, const struct history_id *history, uint64_t *end)
{
    for (size_t i = lineage->count; i > 0; i--) {
        if (history_id_equal(&lineage->items[i - 1].history, history)) {
            *end = lineage->items[i - 1].end;
            return true;
        }
    }
    return false;
}

void lineage_check(const struct lineage *lineage)
{
    ASSERT(lineage->count <= LINEAGE_MAX);
    for (size_t i = 0; i < lineage->count; i++) {
        const struct ancestor *ancestor = &lineage->items[i];

        ASSERT(!history_id_is_empty(&ancestor->history));
        ASSERT(i == 0 || lineage->items[i - 1].end <= ancestor->end);
        for (size_t j = 0; j < i; j++) {
            ASSERT(!history_id_equal(&lineage->items[j].history, &ancestor->history));
        }
    }
}
