/* SPDX-License-Identifier: MIT */
#include "store/stream_adopt.h"

#include "base/assert.h"
#include "base/vec.h"
#include "store/foreign_stream.h"
#include "store/stream_state.h"

enum {
    KEEP_BYTES_MAX = STREAM_NODE_BYTES_MAX * 2, /* more would be looked through for too long */
};

/* The pairs of an entry as words. */
struct words {
    VEC(struct bytes) items;
    VEC(struct packed_item) read;
    struct buf scratch; /* texts of integers */
};

/* What its entries say when they are looked through once. */
struct survey {
    struct stream_id last_id; /* the greatest, deleted or not */
    bool has_zero;            /* an entry 0-0, which cannot be */
    bool has_short_flags;     /* each a byte, which is changed in place */
};

static struct survey look_through(struct foreign_node n)
{
    struct survey survey = {.last_id = n.id, .has_short_flags = true};
    struct foreign_entry e;
    const char *start = n.rest.data;

    while (foreign_node_next(&n, &e)) {
        survey.last_id = e.id;
        survey.has_zero = survey.has_zero || stream_id_is_zero(e.id);
        survey.has_short_flags = survey.has_short_flags && (uint8_t)*start <= FOREIGN_FLAGS_KNOWN;
        start = n.rest.data;
    }
    return survey;
}

/* What stands from the count of names on is ours. */
static void keep_node(struct stream *s, const struct foreign_node *n)
{
    const char *start = (const char *)packed_previous((const uint8_t *)n->names.data);
    const char *end = n->rest.data + n->rest.len;

    stream_add_node(s, n->id,
                    stream_node_adopt(bytes_make(start, (size_t)(end - start)),
                                      (size_t)(n->rest.data - start),
                                      n->live_count + n->deleted_count),
                    (uint32_t)n->live_count);
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

bool stream_adopt_node(struct value_draft *draft, struct bytes id, struct bytes listpack,
                       struct errmsg *error)
{
    struct stream *s = draft->memory;
    struct foreign_node n;
    struct survey survey;

    if (!foreign_node_open(&n, id, listpack, error)) {
        return false;
    }
    if (!stream_id_is_zero(s->marks.last_id) && stream_id_compare(n.id, s->marks.last_id) <= 0) {
        errmsg_set(error, "the nodes of a stream are not in the order of their ids");
        return false;
    }
    survey = look_through(n);
    if (survey.has_zero) {
        errmsg_set(error, "a stream has an entry with the id 0-0");
        return false;
    }
    if (n.live_count > 0 && n.is_canonical && survey.has_short_flags &&
        (listpack.len <= KEEP_BYTES_MAX || n.live_count == 1)) {
        keep_node(s, &n);
    } else {
        append_entries(draft, n);
    }
    s->marks.last_id = survey.last_id;
    return true;
}
