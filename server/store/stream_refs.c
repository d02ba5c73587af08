/* SPDX-License-Identifier: MIT */
#include "store/stream_refs.h"

#include "base/assert.h"
#include "base/vec.h"

struct leaving {
    struct value_draft *draft;
    const struct stream_removal *removal;
};

bool stream_is_needed(const struct stream *s, struct stream_id id)
{
    for (size_t i = 0; i < stream_group_count(s); i++) {
        const struct stream_group *g = stream_group_at(s, i);

        if (stream_id_compare(id, stream_group_last_id(g)) > 0 ||
            stream_pending_find(g, id, NULL)) {
            return true;
        }
    }
    return false;
}

static void drop(void *context, struct stream_id id)
{
    const struct leaving *leaving = context;
    const struct stream_removal *removal = leaving->removal;
    const struct stream *s = leaving->draft->memory;

    for (size_t i = 0; i < stream_group_count(s); i++) {
        struct stream_group *g = stream_group_at(s, i);

        if (stream_pending_remove(leaving->draft, g, id) && removal->on_dropped != NULL) {
            removal->on_dropped(removal->context, g, id);
        }
    }
}

enum stream_removed stream_remove(struct value_draft *draft, struct stream_id id,
                                  const struct stream_removal *removal)
{
    struct leaving leaving = {draft, removal};

    if (removal->refs == STREAM_REFS_ACKED && stream_find(draft->memory, id, NULL) &&
        stream_is_needed(draft->memory, id)) {
        return STREAM_REMOVED_NEEDED;
    }
    if (!stream_delete(draft, id)) {
        return STREAM_REMOVED_NONE;
    }
    if (removal->refs == STREAM_REFS_DROP) {
        drop(&leaving, id);
    }
    return STREAM_REMOVED;
}

/* No group needs an entry behind this one.  False: all are needed. */
static bool last_delivered_to_all(const struct stream *s, struct stream_id *out)
{
    *out = STREAM_ID_MAX;
    for (size_t i = 0; i < stream_group_count(s); i++) {
        struct stream_id last = stream_group_last_id(stream_group_at(s, i));

        *out = stream_id_compare(last, *out) < 0 ? last : *out;
    }
    return !stream_id_is_zero(*out);
}

/* Which are taken is known before the first one goes: a change makes readers void. */
static uint64_t trim_acked(struct value_draft *draft, const struct stream_trim *trim,
                           const struct stream_removal *removal)
{
    const struct stream *s = draft->memory;
    struct stream_range range = {0};
    VEC(struct stream_id) ids = {0};
    struct stream_reader reader;
    struct stream_entry entry;
    uint64_t count;

    if (s == NULL || !last_delivered_to_all(s, &range.last)) {
        return 0;
    }
    stream_read(s, &range, &reader);
    while ((trim->is_by_id || stream_count(s) - ids.count > trim->max_count) &&
           (trim->limit == 0 || ids.count < trim->limit) && stream_next(&reader, &entry)) {
        if (trim->is_by_id && stream_id_compare(entry.id, trim->min_id) >= 0) {
            break;
        }
        if (!stream_is_needed(s, entry.id)) {
            VEC_PUSH(&ids, entry.id);
        }
    }
    for (size_t i = 0; i < ids.count; i++) {
        bool is_gone = stream_delete(draft, ids.items[i]);

        ASSERT(is_gone);
        if (removal->on_deleted != NULL) {
            removal->on_deleted(removal->context, ids.items[i]);
        }
    }
    count = ids.count;
    VEC_DEINIT(&ids);
    return count;
}

uint64_t stream_trim_refs(struct value_draft *draft, const struct stream_trim *trim,
                          const struct stream_removal *removal)
{
    struct leaving leaving = {draft, removal};
    struct stream_trim told = *trim;

    switch (removal->refs) {
    case STREAM_REFS_KEEP:
        break;
    case STREAM_REFS_DROP:
        told.on_leave = drop;
        told.context = &leaving;
        break;
    case STREAM_REFS_ACKED:
        return trim_acked(draft, trim, removal);
    }
    return stream_trim(draft, &told);
}
