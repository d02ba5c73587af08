/* SPDX-License-Identifier: MIT */
/* Drafts, and letting go of values that never came into a key space. */
#include "base/assert.h"
#include "store/value.h"
#include "store/value_image.h"
#include "store/value_space.h"

static void free_memory(const struct value_ops *ops, void **memory)
{
    size_t budget = SIZE_MAX;

    if (*memory != NULL && !value_image_adopts(ops, *memory)) {
        bool is_freed = ops->free(memory, &budget);

        ASSERT(is_freed);
    }
    *memory = NULL;
}

void value_discard(const struct value_types *types, struct value *value)
{
    free_memory(types->kinds[value->type].ops, &value->memory);
    value->inlined = (struct bytes){0};
}

struct value value_draft_view(const struct value_draft *draft)
{
    return (struct value){
        .type = draft->type,
        .inlined = draft->memory == NULL ? buf_bytes(draft->packed) : (struct bytes){0},
        .memory = draft->memory,
        .has_outgrown = draft->has_outgrown,
        .is_volatile = draft->is_volatile,
        .now_ms = draft->now_ms,
    };
}

void value_draft_clear(struct value_draft *draft)
{
    free_memory(draft->space->types->kinds[draft->type].ops, &draft->memory);
    buf_clear(draft->packed);
    draft->has_outgrown = false;
}
