/* SPDX-License-Identifier: MIT */
/* Building the index: open addressing, the next place when one is taken. */
#include "spec/command_index.h"

#include "base/assert.h"

static void add(struct command_index *index, const struct command_spec *spec)
{
    struct bytes name = bytes_from_text(spec->name);
    uint64_t head = command_head(name);
    size_t at = command_index_home(head, name.len);

    while (index->places[at].spec != NULL) {
        at = (at + 1) & (COMMAND_INDEX_PLACES - 1);
    }
    index->places[at] =
        (struct command_index_place){.head = head, .name_len = name.len, .spec = spec};
}

void command_index_init(struct command_index *index)
{
    int count = 0;

    *index = (struct command_index){0};
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        if (spec->kind != COMMAND_SUB) {
            add(index, spec);
            count++;
        }
    }
    ASSERT(count <= COMMAND_INDEX_PLACES / 4);
}
