/* SPDX-License-Identifier: MIT */
/* The elements of the listpack are whole once foreign_listpack has said so; what is taken off them below
 * needs to be asked only whether there is one. */
#include "store/foreign_stream.h"

#include "base/assert.h"
#include "base/codec.h"
#include "store/foreign.h"

#include <inttypes.h>

enum {
    FLAG_DELETED = 1,
    FLAG_SAME_NAMES = 2,

    ID_BYTES = 16,
    ELEMENTS_BEFORE_PAIRS = 3, /* flags and the two parts of an id */
};

static bool take_item(struct bytes *rest, struct packed_item *out)
{
    const uint8_t *at = (const uint8_t *)rest->data;

    if (rest->len == 0) {
        return false;
    }
    *rest = bytes_from(*rest, (size_t)(packed_read(at, out) - at));
    if (!out->is_integer) {
        *out = packed_item(out->text);
    }
    return true;
}

static bool skip_items(struct bytes *rest, uint64_t count)
{
    struct packed_item ignored;

    while (count > 0 && take_item(rest, &ignored)) {
        count--;
    }
    return count == 0;
}

static bool take_integer(struct bytes *rest, int64_t *out)
{
    struct packed_item item;

    if (!take_item(rest, &item) || !item.is_integer) {
        return false;
    }
    *out = item.integer;
    return true;
}

static bool take_count(struct bytes *rest, uint64_t *out)
{
    int64_t integer;

    if (!take_integer(rest, &integer) || integer < 0) {
        return false;
    }
    *out = (uint64_t)integer;
    return true;
}

static bool take_head(struct foreign_node *n)
{
    struct packed_item end;

    if (!take_count(&n->rest, &n->live_count) || !take_count(&n->rest, &n->deleted_count) ||
        !take_count(&n->rest, &n->name_count)) {
        return false;
    }
    n->names = n->rest;
    return skip_items(&n->rest, n->name_count) && take_item(&n->rest, &end) && end.is_integer &&
           end.integer == 0;
}

static bool take_entry(struct foreign_node *n, struct foreign_entry *out)
{
    uint64_t flags;
    int64_t ms;
    int64_t sequence;
    uint64_t stated; /* elements of the entry */
    uint64_t elements;

    if (!take_count(&n->rest, &flags) || flags > FOREIGN_FLAGS_KNOWN ||
        !take_integer(&n->rest, &ms) || !take_integer(&n->rest, &sequence)) {
        return false;
    }
    *out = (struct foreign_entry){
  /* Sequences may be smaller than that of the id, once milliseconds are more. */
        .id = {.ms = n->id.ms + (uint64_t)ms, .sequence = n->id.sequence + (uint64_t)sequence},
        .is_deleted = (flags & FLAG_DELETED) != 0,
        .has_own_names = (flags & FLAG_SAME_NAMES) == 0,
        .left = n->name_count,
        .names = n->names,
    };
    elements = ELEMENTS_BEFORE_PAIRS + n->name_count;
    if (out->has_own_names) {
        if (!take_count(&n->rest, &out->left) || out->left > n->rest.len) {
            return false;
        }
        elements = ELEMENTS_BEFORE_PAIRS + 1 + 2 * out->left;
    }
    out->values = n->rest;
    return skip_items(&n->rest, out->has_own_names ? 2 * out->left : out->left) &&
           take_count(&n->rest, &stated) && stated == elements;
}

/* All entries are whole, their ids rise, and there are as many as the head says. */
static bool check_entries(struct foreign_node n, struct errmsg *error)
{
    struct stream_id last = n.id;
    uint64_t live = 0;
    uint64_t deleted = 0;

    while (n.rest.len > 0) {
        struct foreign_entry e;
        bool is_first = live + deleted == 0;

        if (!take_entry(&n, &e)) {
            errmsg_set(error, "entry %" PRIu64 " is damaged", live + deleted);
            return false;
        }
        /* The first may have the very id that they count from. */
        if (stream_id_compare(e.id, last) < (is_first ? 0 : 1)) {
            errmsg_set(error, "the id of entry %" PRIu64 " is not above the one before",
                       live + deleted);
            return false;
        }
        last = e.id;
        live += e.is_deleted ? 0 : 1;
        deleted += e.is_deleted ? 1 : 0;
    }
    if (live != n.live_count || deleted != n.deleted_count) {
        errmsg_set(error,
                   "%" PRIu64 " entries and %" PRIu64 " deleted ones are announced, %" PRIu64
                   " and %" PRIu64 " are there",
                   n.live_count, n.deleted_count, live, deleted);
        return false;
    }
    return true;
}

static bool open_node(struct foreign_node *n, struct bytes id, struct bytes listpack,
                      struct errmsg *error)
{
    struct decoder d = decoder_make(id);
    uint64_t ignored;

    if (id.len != ID_BYTES) {
        errmsg_set(error, "its id has %zu bytes", id.len);
        return false;
    }
    n->id.ms = decode_u64_be(&d);
    n->id.sequence = decode_u64_be(&d);
    if (!foreign_listpack(listpack, &n->rest, &ignored, &n->is_canonical, error)) {
        return false;
    }
    if (!take_head(n)) {
        errmsg_set(error, "its head is damaged");
        return false;
    }
    return check_entries(*n, error);
}

bool foreign_node_open(struct foreign_node *n, struct bytes id, struct bytes listpack,
                       struct errmsg *error)
{
    *n = (struct foreign_node){0};
    if (!open_node(n, id, listpack, error)) {
        errmsg_wrap(error, "damaged node of a stream");
        return false;
    }
    return true;
}

bool foreign_node_next(struct foreign_node *n, struct foreign_entry *out)
{
    bool is_taken;

    if (n->rest.len == 0) {
        return false;
    }
    is_taken = take_entry(n, out);
    ASSERT(is_taken);
    return true;
}

bool foreign_entry_next(struct foreign_entry *e, struct packed_item *name,
                        struct packed_item *value)
{
    bool is_taken;

    if (e->left == 0) {
        return false;
    }
    is_taken = take_item(e->has_own_names ? &e->values : &e->names, name);
    ASSERT(is_taken);
    is_taken = take_item(&e->values, value);
    ASSERT(is_taken);
    e->left--;
    return true;
}
