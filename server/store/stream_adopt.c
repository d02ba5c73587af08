/* SPDX-License-Identifier: MIT */
#include "store/stream_adopt.h"

#include "base/assert.h"
#include "base/vec.h"
#include "store/foreign.h"
#include "store/foreign_stream.h"
#include "store/stream_state.h"

enum {
    COUNTS_BEFORE_NAMES = 2,
    KEEP_BYTES_MAX = STREAM_NODE_BYTES_MAX * 2, /* more would be looked through for too long */
};

/* The pairs of an entry as words. */
struct words {
    VEC(struct bytes) items;
    VEC(struct packed_item) read;
    struct buf scratch; /* texts of integers */
};

static bool is_canonical(struct bytes listpack)
{
    struct bytes elements;
    uint64_t count;
    bool canonical;
    bool is_sound = foreign_listpack(listpack, &elements, &count, &canonical, NULL);

    ASSERT(is_sound);
    return canonical;
}

/* Is it coded as we would do it?  Flags have to be a byte, which is changed in place. */
static bool is_kept(const struct foreign_node *n, struct bytes listpack)
{
    struct foreign_node rest = *n;
    struct foreign_entry e;
    bool is_sound =
        is_canonical(listpack) && (listpack.len <= KEEP_BYTES_MAX || n->live_count == 1);

    while (is_sound && rest.rest.len > 0) {
        is_sound = (uint8_t)rest.rest.data[0] <= FOREIGN_FLAGS_KNOWN;
        (void)foreign_node_next(&rest, &e);
    }
    return is_sound;
}

/* What stands from the names on is ours. */
static void keep_node(struct stream *s, const struct foreign_node *n, struct bytes listpack)
{
    struct bytes elements;
    uint64_t count;
    bool canonical;
    const uint8_t *at;
    struct stream_node *node;

    (void)!foreign_listpack(listpack, &elements, &count, &canonical, NULL);
    at = packed_skip((const uint8_t *)elements.data, COUNTS_BEFORE_NAMES);
    elements = bytes_from(elements, (size_t)(at - (const uint8_t *)elements.data));
    node = stream_node_adopt(elements, (size_t)(n->rest.data - elements.data),
                             n->live_count + n->deleted_count);
    stream_add_node(s, n->id, node, n->live_count);
}

static void take_words(struct foreign_entry *e, struct words *words)
{
    struct packed_item name;
    struct packed_item value;

    words->read.count = 0;
    words->items.count = 0;
    buf_clear(&words->scratch);
    while (foreign_entry_next(e, &name, &value)) {
        VEC_PUSH(&words->read, name);
        VEC_PUSH(&words->read, value);
    }
    (void)buf_reserve(&words->scratch, words->read.count * PACKED_SCRATCH);
    for (size_t i = 0; i < words->read.count; i++) {
        char *scratch = words->scratch.data + i * PACKED_SCRATCH;

        VEC_PUSH(&words->items, packed_item_text(&words->read.items[i], scratch));
    }
}

static void append_entries(struct value_draft *draft, struct foreign_node n)
{
    struct words words = {0};
    struct foreign_entry e;

    while (foreign_node_next(&n, &e)) {
        if (!e.is_deleted) {
            take_words(&e, &words);
            stream_append(draft, e.id, words.items.items, words.items.count / 2);
        }
    }
    VEC_DEINIT(&words.items);
    VEC_DEINIT(&words.read);
    buf_deinit(&words.scratch);
}

/* The greatest id, deleted or not; false when there is an entry 0-0, which cannot be. */
static bool find_last_id(struct foreign_node n, struct stream_id *out)
{
    struct foreign_entry e;
    bool has_zero = false;

    *out = n.id;
    while (foreign_node_next(&n, &e)) {
        has_zero = has_zero || stream_id_is_zero(e.id);
        *out = e.id;
    }
    return !has_zero;
}

bool stream_adopt_node(struct value_draft *draft, struct bytes id, struct bytes listpack,
                       struct errmsg *error)
{
    struct stream *s = draft->memory;
    struct foreign_node n;
    struct stream_id last_id;

    if (!foreign_node_open(&n, id, listpack, error)) {
        return false;
    }
    if (!stream_id_is_zero(s->marks.last_id) && stream_id_compare(n.id, s->marks.last_id) <= 0) {
        errmsg_set(error, "the nodes of a stream are not in the order of their ids");
        return false;
    }
    if (!find_last_id(n, &last_id)) {
        errmsg_set(error, "a stream has an entry with the id 0-0");
        return false;
    }
    if (n.live_count > 0 && is_kept(&n, listpack)) {
        keep_node(s, &n, listpack);
    } else {
        append_entries(draft, n);
    }
    s->marks.last_id = last_id;
    return true;
}
