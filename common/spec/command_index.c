/* SPDX-License-Identifier: MIT */
/* Building the index: open addressing, the next place when one is taken. */
#include "spec/command_index.h"

#include "base/assert.h"
#include "base/mem.h"

static void add(struct command_index *index, const struct command_spec *spec, uint32_t own_name)
{
    struct bytes name =
        bytes_from_text(own_name == 0 ? spec->name : index->own_names.items[own_name - 1]);
    uint64_t head = command_head(name);
    size_t at = command_index_home(head, name.len);

    while (index->places[at].spec != NULL) {
        at = (at + 1) & (COMMAND_INDEX_PLACES - 1);
    }
    index->places[at] = (struct command_index_place){
        .head = head, .name_len = (uint32_t)name.len, .own_name = own_name, .spec = spec};
}

void command_index_init(struct command_index *index)
{
    int count = 0;

    *index = (struct command_index){0};
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        if (spec->kind != COMMAND_SUB) {
            add(index, spec, 0);
            count++;
        }
    }
    ASSERT(count <= COMMAND_INDEX_PLACES / 4);
}

void command_index_deinit(struct command_index *index)
{
    for (size_t i = 0; i < index->own_names.count; i++) {
        mem_free(MEM_BASE, index->own_names.items[i]);
    }
    VEC_DEINIT(&index->own_names);
}

/* What stood behind it in the table could not be found over a gap: all are put in again. */
static void remove_place(struct command_index *index, const struct command_spec *spec)
{
    struct command_index old = *index;

    memset(index->places, 0, sizeof(index->places));
    for (size_t i = 0; i < COMMAND_INDEX_PLACES; i++) {
        if (old.places[i].spec != NULL && old.places[i].spec != spec) {
            add(index, old.places[i].spec, old.places[i].own_name);
        }
    }
}

bool command_index_rename(struct command_index *index, const char *from, const char *to,
                          struct errmsg *error)
{
    const struct command_spec *spec = command_index_find(index, bytes_from_text(from));

    if (spec == NULL) {
        errmsg_set(error, "rename-command %s: No such command in rename-command", from);
        return false;
    }
    if (to[0] != '\0' && command_index_find(index, bytes_from_text(to)) != NULL) {
        errmsg_set(error, "rename-command %s: Target command name already exists", from);
        return false;
    }
    remove_place(index, spec);
    if (to[0] != '\0') {
        VEC_PUSH(&index->own_names, mem_strdup(MEM_BASE, to));
        add(index, spec, (uint32_t)index->own_names.count);
    }
    return true;
}
