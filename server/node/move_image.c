/* SPDX-License-Identifier: MIT */
#include "node/move_image.h"

#include "base/assert.h"
#include "node/inside.h"
#include "store/value_codec.h"
#include "store/value_image.h"
#include "store/walk.h"

enum {
    SLICE_ENTRIES = 64,
    SLICE_US = 2000,
    SLICE_BYTES = 64 * 1024,
    KEPT_BYTES = 256 * 1024,
};

static void queue_value(struct node *node, const struct entry *e)
{
    struct keyspace *ks = node->data.keyspace;
    struct move_value value = {
        .image = value_image_begin(ks, e),
        .expire_at_ms = entry_expire_at_ms(e),
    };

    buf_append_bytes(&value.key, entry_key(e));
    move_pieces_init(&value.pieces, value_rdb_type(keyspace_types(ks), e));
    VEC_PUSH(&node->move_image.values, value);
}

static void on_entry(void *context, unsigned db, const struct entry *e)
{
    struct node *node = context;
    struct buf payload = {0};

    ASSERT(db == 0 && node->move_image.is_on);
    if (value_image_is_wanted(node->data.keyspace, e)) {
        queue_value(node, e);
        return;
    }
    value_dump(keyspace_types(node->data.keyspace), e, &payload);
    move_pieces_whole(entry_key(e), buf_bytes(&payload), entry_expire_at_ms(e),
                      &node->move_image.out);
    buf_deinit(&payload);
    if (node->move_image.out.len >= SLICE_BYTES) { /* of long strings a few are a slice */
        walk_end_step(node->data.keyspace);
    }
}

static void drop_first_value(struct node *node)
{
    struct move_value *value = &node->move_image.values.items[0];

    value_image_end(node->data.keyspace, value->image);
    buf_deinit(&value->key);
    move_pieces_deinit(&value->pieces);
    VEC_REMOVE_AT(&node->move_image.values, 0);
}

/* Go on with the first large value. */
static void step_value(struct node *node)
{
    struct move_image *image = &node->move_image;
    struct move_value *value = &image->values.items[0];
    size_t budget = VALUE_IMAGE_COUNT;

    if (!value_image_step(value->image, &budget, move_pieces_room(&value->pieces))) {
        move_pieces_take(&value->pieces, buf_bytes(&value->key), &image->out);
        return;
    }
    move_pieces_end(&value->pieces, buf_bytes(&value->key), value->expire_at_ms, &image->out);
    drop_first_value(node);
}

void move_image_begin(struct node *node, const void *owner, const uint64_t *slots)
{
    struct walk_options options = {.slots = slots, .sink = on_entry, .context = node};

    ASSERT(!node->move_image.is_on && !node->image.is_on);
    ASSERT(node->cluster != NULL);
    node->move_image.is_on = true;
    node->move_image.owner = owner;
    walk_start(node->data.keyspace, &options);
}

static void end(struct node *node)
{
    struct move_image *image = &node->move_image;

    while (image->values.count > 0) {
        drop_first_value(node);
    }
    VEC_DEINIT(&image->values);
    buf_deinit(&image->out);
    image->is_on = false;
    image->owner = NULL;
}

static bool is_walked(const struct node *node)
{
    return !walk_is_on(node->data.keyspace) && node->move_image.values.count == 0;
}

bool move_image_read(struct node *node, size_t max_bytes, struct buf *out)
{
    struct move_image *image = &node->move_image;
    int64_t began_ns = node->env.mono_ns(node->env.context);

    ASSERT(image->is_on);
    while (!is_walked(node) && image->out.len < max_bytes &&
           node->env.mono_ns(node->env.context) - began_ns < SLICE_US * 1000) {
        if (image->values.count > 0) {
            step_value(node);
        } else {
            (void)walk_step(node->data.keyspace, SLICE_ENTRIES);
        }
    }
    buf_append_bytes(out, buf_bytes(&image->out));
    buf_clear(&image->out);
    buf_shrink_when_empty(&image->out, KEPT_BYTES);
    if (is_walked(node)) {
        end(node);
        return true;
    }
    return false;
}

void move_image_cancel(struct node *node)
{
    if (!node->move_image.is_on) {
        return;
    }
    if (walk_is_on(node->data.keyspace)) {
        walk_cancel(node->data.keyspace);
    }
    end(node);
}

void move_image_check(const struct node *node)
{
    const struct move_image *image = &node->move_image;

    ASSERT(!image->is_on || !node->image.is_on); /* (1) */
    ASSERT(image->is_on || (image->values.count == 0 && image->out.len == 0));
    ASSERT(image->is_on == (image->owner != NULL));
}
