/* SPDX-License-Identifier: MIT */
#include "store/members_value.h"

#include "base/assert.h"
#include "base/mem.h"

struct members *members_value_new(struct value_space *space)
{
    struct members *members = mem_alloc(MEM_STORE, sizeof(*members));

    *members = members_make(space);
    return members;
}

size_t members_value_bytes(const void *memory)
{
    return sizeof(struct members) + members_bytes(memory);
}

/* Members have no room to grow. */
size_t members_value_spare_bytes(const void *memory)
{
    (void)memory;
    return 0;
}

void members_value_check(const void *memory)
{
    ASSERT(members_count(memory) > 0);
    members_check(memory);
}

static void put_copy(void *context, const struct member *m)
{
    const struct member_plan plan = {
        .name = member_name(m),
        .value = member_value(m),
        .has_value = (m->flags & MEMBER_HAS_VALUE) != 0,
        .expire_at_ms = member_expire_at_ms(m),
    };
    struct member *twin;

    ASSERT((m->flags & MEMBER_HAS_SCORE) == 0);
    (void)members_put(context, &plan, &twin);
}

void *members_value_copy(const void *memory)
{
    const struct members *members = memory;
    struct members *twin = members_value_new(members->space);

    (void)members_scan(members, 0, SIZE_MAX, put_copy, twin);
    return twin;
}

size_t members_value_free_cost(const void *memory)
{
    return (size_t)members_count(memory);
}

bool members_value_free(void **memory, size_t *budget)
{
    if (!members_free(*memory, budget)) {
        return false;
    }
    mem_free(MEM_STORE, *memory);
    *memory = NULL;
    return true;
}

struct members *members_value_members(void *memory)
{
    return memory;
}
