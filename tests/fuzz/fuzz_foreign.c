/* SPDX-License-Identifier: MIT */
/* Compact forms of other servers: whatever the bytes, what is accepted can be walked to its end, gives as
 * many elements as announced, and points to nothing outside.
 *
 * Input: one byte that chooses the form, by itself or by an RDB type, then the blob; or an S, then a node of a
 * stream: 16 bytes of id, and the blob. */
#include "tests/fuzz/fuzz.h"

#include "base/assert.h"
#include "base/mem.h"
#include "store/foreign.h"
#include "store/foreign_stream.h"

enum {
    STREAM_NODE = 'S',
    STREAM_ID_BYTES = 16,
};

static bool is_inside(struct bytes text, struct bytes blob)
{
    return text.data >= blob.data && text.data + text.len <= blob.data + blob.len;
}

static void walk(struct foreign f, struct bytes blob)
{
    struct packed_item item;
    int64_t previous = INT64_MIN;
    uint64_t count = 0;

    ASSERT(f.left == f.count && f.count <= blob.len);
    for (; foreign_next(&f, &item); count++) {
        char scratch[PACKED_SCRATCH];
        struct bytes text = packed_item_text(&item, scratch);

        ASSERT(item.is_integer || is_inside(text, blob));
        ASSERT(item.is_integer == packed_item(text).is_integer);
        ASSERT(f.form != FOREIGN_INTSET || count == 0 || item.integer > previous);
        previous = item.integer;
    }
    ASSERT(count == f.count && f.rest.len == 0);
}

/* Elements that are taken over as they are can be walked from the right as well. */
static void walk_back(struct bytes blob)
{
    struct bytes elements;
    uint64_t count;
    bool is_canonical;
    const uint8_t *at;

    if (!foreign_listpack(blob, &elements, &count, &is_canonical, NULL)) {
        return;
    }
    at = (const uint8_t *)elements.data + elements.len;
    for (; count > 0; count--) {
        at = packed_previous(at);
        ASSERT(at >= (const uint8_t *)elements.data);
    }
    ASSERT(at == (const uint8_t *)elements.data);
}

static void check_pairs(struct foreign_entry e, struct bytes blob)
{
    struct packed_item name;
    struct packed_item value;
    uint64_t left = e.left;

    for (; foreign_entry_next(&e, &name, &value); left--) {
        ASSERT(name.is_integer || is_inside(name.text, blob));
        ASSERT(value.is_integer || is_inside(value.text, blob));
    }
    ASSERT(left == 0);
}

static void check_node(struct bytes in)
{
    struct bytes id = bytes_prefix(in, in.len < STREAM_ID_BYTES ? in.len : STREAM_ID_BYTES);
    struct bytes blob = bytes_from(in, id.len);
    struct stream_id last = {0};
    struct errmsg error = {0};
    struct foreign_node n;
    struct foreign_entry e;
    uint64_t count = 0;
    uint64_t deleted = 0;
    bool is_good = foreign_node_open(&n, id, blob, &error);

    ASSERT(is_good == (error.text[0] == '\0'));
    for (; is_good && foreign_node_next(&n, &e); count++) {
        ASSERT(count == 0 || e.id.ms > last.ms ||
               (e.id.ms == last.ms && e.id.sequence > last.sequence));
        last = e.id;
        deleted += e.is_deleted ? 1 : 0;
        check_pairs(e, blob);
    }
    ASSERT(!is_good || (deleted == n.deleted_count && count == deleted + n.live_count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct errmsg error = {0};
    struct foreign f;
    struct bytes blob;
    bool is_good;

    if (size < 1) {
        return 0;
    }
    blob = bytes_make(data + 1, size - 1);
    if (data[0] == STREAM_NODE) {
        check_node(blob);
        return 0;
    }
    is_good = data[0] <= FOREIGN_INTSET
                  ? foreign_open(&f, (enum foreign_form)data[0], blob, &error)
                  : foreign_open_rdb(&f, (uint8_t)(data[0] - FOREIGN_INTSET - 1), blob, &error);
    ASSERT(is_good == (error.text[0] == '\0'));
    if (is_good) {
        walk(f, blob);
    }
    walk_back(blob);
    ASSERT(mem_used_total() == 0);
    return 0;
}
