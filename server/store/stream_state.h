/* SPDX-License-Identifier: MIT */
/* The inside of a stream, for the files that it is made of. */
#ifndef STARLING_STORE_STREAM_STATE_H
#define STARLING_STORE_STREAM_STATE_H

#include "store/id_index.h"
#include "store/stream.h"
#include "store/stream_group.h"
#include "store/stream_node.h"
#include "store/stream_producers.h"

/* Items of the index of nodes. */
struct stream_node_ref {
    struct stream_id id; /* of its first entry, that which its entries count from */
    struct stream_node *node;
    uint32_t live; /* entries that are there */
    uint32_t size; /* of the node's memory, so that it need not be touched */
};

/* Items of the index of what is pending in a group; those of a consumer are the ids alone. */
struct stream_pending_ref {
    struct stream_id id;
    struct stream_consumer *consumer; /* NULL: released, or not yet known, while it is being read */
    int64_t delivered_at_ms;          /* or place in the order of releases */
    uint64_t delivery_count;
};

/* With what groups and consumers begin. */
struct stream_named {
    struct bytes name; /* behind it, in the same allocation */
};

/* Groups, or consumers, in the order of their names. */
struct stream_names {
    struct stream_named **items;
    uint32_t count;
    uint32_t cap;
};

struct stream_consumer {
    struct stream_named named;
    struct id_index ids;
    int64_t seen_at_ms;
    int64_t active_at_ms;
};

struct stream_group {
    struct stream_named named;
    struct id_pool pool; /* its part of the stream's, without the group itself */
    struct id_index pending;
    struct stream_names consumers;
    struct stream_id last_id;
    uint64_t entries_read;
    uint64_t released_count;
    int64_t last_release; /* the greatest place in the order of releases; 0 when none is released */
    int64_t
        idle_since_ms; /* none was delivered earlier, but for those released; see stream_idle.h */
};

struct stream {
    struct id_pool pool; /* of all but the struct itself */
    struct id_index nodes;
    uint64_t count;
    struct stream_marks marks;
    struct stream_names groups;
    struct stream_producers *producers; /* NULL: none was ever told of; images have none */
};

struct stream *stream_new(void);
/* The draft's stream, about to change. */
struct stream *stream_change(struct value_draft *draft);
/* What the draft leaves to be freed after its close. */
struct stream *stream_dropped(struct value_draft *draft);
/* A node with so many live entries becomes the last one. */
void stream_add_node(struct stream *s, struct stream_id id, struct stream_node *node_take,
                     uint32_t live);

/* ---- as a whole (stream_whole.c) -------------------------------------------------------------------------- */

/* Free all of it, or what the budget is good for; true when it is gone. */
bool stream_free(struct stream *s, size_t *budget);
/* An image of it, for the time of a copy of what leads to its pieces: it stays as it is now.  Nothing but looking and
 * stream_free may be done with it. */
struct stream *stream_share(struct stream *s, size_t *kept_bytes);
struct stream *stream_copy(const struct stream *s);
/* Assert every invariant; slow. */
void stream_check(const struct stream *s);

/* ---- groups (stream_group.c) ---------------------------------------------------------------------------- */

/* Free the last group, or what the budget is good for; true when it is gone. */
bool stream_group_free_last(struct stream *s, size_t *budget);
/* An equal one in another stream. */
void stream_group_copy(const struct stream_group *from, struct stream *to);
/* One in an image, which shares what is pending; it does not say of whom. */
void stream_group_share(struct stream_group *from, struct stream *to);
/* Assert every invariant; what it has allocated is added to *sum. */
void stream_group_check(const struct stream_group *g, struct id_pool *sum);
/* A new group of this name; NULL when there is one.  The same for a consumer. */
struct stream_group *stream_group_add(struct stream *s, struct bytes name);
struct stream_consumer *stream_consumer_add(struct stream *s, struct stream_group *g,
                                            struct bytes name);
/* It becomes pending, of no consumer as yet, or is released; false when it is already. */
bool stream_pending_add(struct stream *s, struct stream_group *g,
                        const struct stream_pending *pending);

enum stream_pending_owned {
    STREAM_PENDING_OWNED,
    STREAM_PENDING_UNKNOWN, /* it is not pending */
    STREAM_PENDING_TAKEN,   /* it is another consumer's */
};

/* What is pending of no consumer becomes this one's. */
enum stream_pending_owned stream_pending_own(struct stream *s, struct stream_group *g,
                                             struct stream_id id, struct stream_consumer *consumer);

/* So many of what was added, and was not owned, are released: all that is of nobody.  Their times are places up to the
 * last. */
void stream_group_put_released(struct stream_group *g, uint64_t count, int64_t last_release);

/* This is one of them. */
void stream_pending_note_released(struct stream_group *g, struct stream_id id);

/* Names (stream_names.c). */
uint32_t stream_names_seek(const struct stream_names *names, struct bytes name, bool *is_there);
struct stream_named *stream_names_find(const struct stream_names *names, struct bytes name);
/* One more, at its place. */
void stream_names_insert(struct stream_names *names, uint32_t place, struct stream_named *named,
                         struct id_pool *pool);
/* A new one of so many bytes, all zero, and its name, which is not there yet. */
struct stream_named *stream_names_add(struct stream_names *names, struct bytes name, size_t size,
                                      struct id_pool *pool);
/* It is no longer one of them. */
void stream_names_unlink(struct stream_names *names, uint32_t place, struct id_pool *pool);
/* Free the memory of one of so many bytes. */
void stream_named_free(struct stream_named *named, size_t size, struct id_pool *pool);

#endif
