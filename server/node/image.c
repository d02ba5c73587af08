/* SPDX-License-Identifier: MIT */
#include "node/image.h"

#include "base/assert.h"
#include "base/mem.h"
#include "node/inside.h"
#include "store/value_image.h"
#include "store/walk.h"

enum {
    SLICE_ENTRIES = 256,
    SLICE_STEPS = NODE_SLICE_US / 10,
    SLICE_BYTES = 16 * 1024, /* some 80 us of members that are in no cache */
    HAND_OVER_BYTES = 64 * 1024,
    PART_BYTES = 16 * 1024, /* of records put aside, joined at a time */
};

/* A large value gets an image of its own, which is written when its turn comes. */
static void queue_value(struct node *node, unsigned db, const struct entry *e)
{
    struct image *image = &node->image;
    struct rdb_record_head head = rdb_record_head(&image->writer, e);
    struct image_value value = {
        .image = value_image_begin(node->data.keyspace, e),
        .db = db,
        .type = head.type,
        .expire_at_ms = head.expire_at_ms,
    };

    buf_append_bytes(&value.key, head.key);
    VEC_PUSH(&image->values, value);
}

static bool is_in_large_record(const struct image *image)
{
    return image->values.count > 0 && image->values.items[0].has_begun;
}

/* Must a record be put aside: would it come into the midst of a large one, or of others aside? */
static bool goes_aside(const struct image *image)
{
    return is_in_large_record(image) || !buf_queue_is_empty(&image->aside.records);
}

static void on_entry(void *context, unsigned db, const struct entry *e)
{
    struct node *node = context;
    struct image *image = &node->image;

    ASSERT(image->is_on);
    image->written_count++;
    if (value_image_is_wanted(node->data.keyspace, e)) {
        queue_value(node, db, e);
    } else if (goes_aside(image)) {
        rdb_writer_entry(&image->aside.writer, buf_queue_end(&image->aside.records), db, e);
    } else {
        rdb_writer_entry(&image->writer, &image->out, db, e);
        if (image->out.len >= image->slice_end) { /* of long strings a few are a slice */
            walk_end_step(node->data.keyspace);
        }
    }
}

static void drop_first_value(struct node *node)
{
    struct image *image = &node->image;

    value_image_end(node->data.keyspace, image->values.items[0].image);
    buf_deinit(&image->values.items[0].key);
    VEC_REMOVE_AT(&image->values, 0);
}

/* Behind a large record follows, in parts, what came meanwhile. */
static void step_aside(struct image *image)
{
    rdb_writer_resume(&image->writer, &image->out);
    buf_queue_give(&image->aside.records, PART_BYTES, &image->out);
    if (buf_queue_is_empty(&image->aside.records)) {
        rdb_writer_joined(&image->writer, &image->aside.writer);
    }
}

/* Go on with the first large value. */
static void step_value(struct node *node, size_t budget)
{
    struct image *image = &node->image;
    struct image_value *value = &image->values.items[0];

    if (!value->has_begun) {
        const struct rdb_record_head head = {.type = value->type,
                                             .key = buf_bytes(&value->key),
                                             .expire_at_ms = value->expire_at_ms};

        value->has_begun = true;
        rdb_writer_head(&image->writer, &image->out, value->db, &head);
        image->aside.writer = rdb_writer_aside(&image->writer);
    }
    rdb_writer_resume(&image->writer, &image->out);
    if (value_image_step(value->image, &budget, &image->out)) {
        drop_first_value(node);
    }
}

/* Go on with what is next: records aside before the next large one, and all of those before more keys.  True when
 * there is nothing left. */
static bool step(struct node *node)
{
    struct image *image = &node->image;

    if (!buf_queue_is_empty(&image->aside.records) && !is_in_large_record(image)) {
        step_aside(image);
    } else if (image->values.count > 0) {
        step_value(node, SLICE_ENTRIES);
    } else if (walk_is_on(node->data.keyspace)) {
        (void)walk_step(node->data.keyspace, SLICE_ENTRIES);
    }
    return !walk_is_on(node->data.keyspace) && image->values.count == 0 &&
           buf_queue_is_empty(&image->aside.records);
}

static void forget_values(struct node *node)
{
    while (node->image.values.count > 0) {
        drop_first_value(node);
    }
    VEC_DEINIT(&node->image.values);
    buf_queue_deinit(&node->image.aside.records);
}

void image_init(struct node *node)
{
    ASSERT(!node->image.is_on);
    list_init(&node->image.sinks);
}

void image_deinit(struct node *node)
{
    forget_values(node);
    buf_deinit(&node->image.out);
}

/* In cluster mode each slot is a table, and what they have in all helps nobody. */
static void write_sizes(struct node *node)
{
    struct image *image = &node->image;

    for (unsigned db = 0; node->cluster == NULL && db < data_database_count(node); db++) {
        const struct rdb_sizes sizes = {
            .count = keyspace_count(node->data.keyspace, db),
            .volatile_count = keyspace_expire_count(node->data.keyspace, db),
        };

        if (sizes.count > 0) {
            rdb_writer_sizes(&image->writer, &image->out, db, &sizes);
        }
    }
}

void image_begin(struct node *node)
{
    struct image *image = &node->image;
    struct replication_position position = journal_position(node);
    struct rdb_info info = {
        .history = *oplog_root_at(node->journal.log, position.offset),
        .offset = position.offset,
        .stream_db = node->journal.stream_db,
        .created_unix_s = node->now.unix_ms / 1000,
        .used_memory = data_used_memory(node),
        .has_history = true,
        .log = node->disk_base.manifest.log,
        .save_number = disk_base_new_save(node),
    };
    struct walk_options options = {.sink = on_entry, .context = node};

    ASSERT(!image->is_on && !node->move_image.is_on);
    ASSERT(list_is_empty(&image->sinks));
    ASSERT(!node->journal.is_in_transaction);
    image->is_on = true;
    image->position = position;
    image->changes_before = node->journal.changes;
    image->key_count = keyspace_count_all(node->data.keyspace);
    image->written_count = 0;
    rdb_writer_begin(&image->writer, &image->out, &info);
    write_sizes(node);
    walk_start(node->data.keyspace, &options);
    pass_note_work(&node->pass);
}

void image_begin_resync(struct node *node)
{
    if (node->role.is_primary) {
        journal_set_db(node, -1);
    }
    image_begin(node);
}

void image_join(struct node *node, struct image_sink *sink, const struct image_sink_verbs *verbs)
{
    ASSERT(node->image.is_on);
    ASSERT(node->image.written_count == 0);
    ASSERT(!list_is_linked(&sink->item));
    sink->verbs = verbs;
    list_add_tail(&node->image.sinks, &sink->item);
}

void image_leave(struct image_sink *sink)
{
    list_remove(&sink->item);
}

/* Give what was encoded to everybody who takes part. */
static void hand_over(struct node *node)
{
    struct image *image = &node->image;

    if (image->out.len == 0) {
        return;
    }
    ASSERT(image->is_on);
    rdb_writer_flush(&image->writer, &image->out);
    LIST_FOR_EACH (item, &image->sinks) {
        struct image_sink *sink = CONTAINER_OF(item, struct image_sink, item);

        sink->verbs->take(node, sink, &image->out);
    }
    buf_clear(&image->out);
}

static bool sinks_have_room(const struct node *node)
{
    LIST_FOR_EACH (item, &node->image.sinks) {
        const struct image_sink *sink = CONTAINER_OF_CONST(item, struct image_sink, item);

        if (!sink->verbs->has_room(node, sink)) {
            return false;
        }
    }
    return true;
}

static struct image_sink *take_first_sink(struct image *image)
{
    struct image_sink *sink;

    if (list_is_empty(&image->sinks)) {
        return NULL;
    }
    ASSERT(!image->is_on); /* no verb begins the next one while this one is ending */
    sink = CONTAINER_OF(image->sinks.next, struct image_sink, item);
    list_remove(&sink->item);
    return sink;
}

static void finish(struct node *node)
{
    struct image *image = &node->image;
    struct image_sink *sink;

    ASSERT(!walk_is_on(node->data.keyspace));
    rdb_writer_end(&image->writer, &image->out);
    hand_over(node);
    forget_values(node);
    image->is_on = false;
    buf_deinit(&image->out);
    while ((sink = take_first_sink(image)) != NULL) {
        sink->verbs->end(node, sink);
    }
}

bool image_step(struct node *node)
{
    struct image *image = &node->image;
    bool is_done = false;

    if (!image->is_on) {
        return false;
    }
    if (list_is_empty(&image->sinks)) {
        image_cancel(node, "nobody takes it any more");
        return false;
    }
    /* What commands wrote out early must not pile up while a sink is slow to come back. */
    if (image->out.len >= HAND_OVER_BYTES) {
        hand_over(node);
    }
    if (!sinks_have_room(node)) {
        return false;
    }
    image->slice_end = image->out.len + SLICE_BYTES;
    for (int i = 0; i < SLICE_STEPS && !is_done && image->out.len < image->slice_end; i++) {
        is_done = step(node);
    }
    if (is_done) {
        finish(node);
    } else if (image->out.len >= HAND_OVER_BYTES) {
        hand_over(node);
    }
    return true;
}

void image_cancel(struct node *node, const char *reason)
{
    struct image *image = &node->image;
    struct image_sink *sink;

    if (!image->is_on) {
        return;
    }
    node_log(node, LOG_NOTICE, "snapshot given up: %s", reason);
    if (walk_is_on(node->data.keyspace)) {
        walk_cancel(node->data.keyspace);
    }
    forget_values(node);
    image->is_on = false;
    buf_deinit(&image->out);
    while ((sink = take_first_sink(image)) != NULL) {
        sink->verbs->cancel(node, sink, reason);
    }
}

uint64_t image_keep_from(const struct node *node)
{
    ASSERT(!node->image.is_on || node->image.position.offset <= oplog_end(node->journal.log));
    return node->image.is_on ? node->image.position.offset : UINT64_MAX;
}

void image_check(const struct node *node)
{
    const struct image *image = &node->image;

    ASSERT(image->is_on || node->move_image.is_on || !walk_is_on(node->data.keyspace));
    ASSERT(!image->is_on || walk_is_on(node->data.keyspace) || image->values.count > 0 ||
           !buf_queue_is_empty(&image->aside.records));
    ASSERT(image->is_on || image->values.count == 0);
    ASSERT(image->is_on || list_is_empty(&image->sinks));
    ASSERT(image->is_on || image->out.len == 0);
    if (image->is_on) {
        ASSERT(image->position.offset <= oplog_end(node->journal.log));
        ASSERT(image->written_count <= image->key_count);
    }
    LIST_FOR_EACH (item, &image->sinks) {
        ASSERT(CONTAINER_OF_CONST(item, struct image_sink, item)->verbs != NULL);
    }
}
