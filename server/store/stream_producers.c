/* SPDX-License-Identifier: MIT */
#include "store/stream_producers.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/hashtable.h"
#include "base/list.h"
#include "base/mem.h"
#include "store/stream_state.h"
#include "store/value_space.h"

#include <string.h>

enum {
    EXPIRED_AT_ONCE =
        16, /* iids that go when one is added: more than one, so that it is kept up with */
};

struct producer {
    struct hashtable_node node; /* its key is its name, behind it in the same allocation */
    struct list iids;
    uint64_t number; /* that no other of this table ever had */
    uint32_t count;
};

struct iid {
    struct hashtable_node node; /* its key is the number of its producer and its name, behind it */
    struct list in_all;
    struct list in_producer;
    struct producer *producer;
    struct stream_id id;
};

struct stream_producers {
    struct stream_producers_settings settings;
    struct hashtable producers;
    struct hashtable iids;
    struct list all; /* iids */
    uint64_t next_number;
    uint64_t added;
    uint64_t duplicates;
    size_t bytes; /* of producers and iids */
};

static struct stream_producers *table_new(const struct stream_producers_settings *settings)
{
    struct stream_producers *p = mem_alloc_zeroed(MEM_STORE, sizeof(*p));

    ASSERT(settings->duration_s >= 1 && settings->duration_s <= STREAM_IID_SECONDS_MAX);
    ASSERT(settings->max_count >= 1 && settings->max_count <= STREAM_IID_COUNT_MAX);
    p->settings = *settings;
    list_init(&p->all);
    return p;
}

static struct stream_producers *open_table(struct value_draft *draft)
{
    struct stream *s = stream_change(draft);

    if (s->producers == NULL) {
        const struct value_limits *limits = &draft->space->limits;
        struct stream_producers_settings settings = {
            .duration_s = (uint32_t)limits->stream_idmp_duration,
            .max_count = (uint32_t)limits->stream_idmp_maxsize,
        };

        s->producers = table_new(&settings);
    }
    return s->producers;
}

/* ---- producers and iids ------------------------------------------------------------------------------------ */

static struct producer *find_producer(const struct stream_producers *p, struct bytes name)
{
    struct hashtable_node *node = hashtable_find(&p->producers, name);

    return node != NULL ? CONTAINER_OF(node, struct producer, node) : NULL;
}

static struct producer *add_producer(struct stream_producers *p, struct bytes name)
{
    struct producer *producer = mem_alloc_zeroed(MEM_STORE, sizeof(*producer) + name.len);
    char *text = (char *)(producer + 1);

    memcpy(text, name.data, name.len);
    list_init(&producer->iids);
    producer->number = p->next_number++;
    p->bytes += sizeof(*producer) + name.len;
    hashtable_add(&p->producers, &producer->node, bytes_make(text, name.len));
    return producer;
}

static void remove_producer(struct stream_producers *p, struct producer *producer)
{
    ASSERT(producer->count == 0 && list_is_empty(&producer->iids));
    p->bytes -= sizeof(*producer) + producer->node.key.len;
    hashtable_remove(&p->producers, &producer->node);
    mem_free(MEM_STORE, producer);
}

static struct iid *find_iid(const struct stream_producers *p, const struct producer *producer,
                            struct bytes name)
{
    struct hashtable_node *node;
    struct buf key = {0};

    buf_append(&key, &producer->number, sizeof(producer->number));
    buf_append_bytes(&key, name);
    node = hashtable_find(&p->iids, buf_bytes(&key));
    buf_deinit(&key);
    return node != NULL ? CONTAINER_OF(node, struct iid, node) : NULL;
}

static struct bytes iid_name(const struct iid *iid)
{
    return bytes_from(iid->node.key, sizeof(iid->producer->number));
}

static void add_iid(struct stream_producers *p, struct producer *producer, struct bytes name,
                    struct stream_id id)
{
    size_t key_len = sizeof(producer->number) + name.len;
    struct iid *iid = mem_alloc_zeroed(MEM_STORE, sizeof(*iid) + key_len);
    char *key = (char *)(iid + 1);

    memcpy(key, &producer->number, sizeof(producer->number));
    memcpy(key + sizeof(producer->number), name.data, name.len);
    iid->producer = producer;
    iid->id = id;
    list_add_tail(&p->all, &iid->in_all);
    list_add_tail(&producer->iids, &iid->in_producer);
    producer->count++;
    p->bytes += sizeof(*iid) + key_len;
    hashtable_add(&p->iids, &iid->node, bytes_make(key, key_len));
}

/* Its producer stays, perhaps with none. */
static void remove_iid(struct stream_producers *p, struct iid *iid)
{
    list_remove(&iid->in_all);
    list_remove(&iid->in_producer);
    iid->producer->count--;
    p->bytes -= sizeof(*iid) + iid->node.key.len;
    hashtable_remove(&p->iids, &iid->node);
    mem_free(MEM_STORE, iid);
}

static struct iid *oldest(const struct stream_producers *p)
{
    return CONTAINER_OF(p->all.next, struct iid, in_all);
}

static void remove_oldest(struct stream_producers *p)
{
    struct producer *producer = oldest(p)->producer;

    remove_iid(p, oldest(p));
    if (producer->count == 0) {
        remove_producer(p, producer);
    }
}

static bool has_expired(const struct stream_producers *p, const struct iid *iid, uint64_t now_ms)
{
    return now_ms > iid->id.ms && now_ms - iid->id.ms >= UINT64_C(1000) * p->settings.duration_s;
}

/* ---- looking and changing ------------------------------------------------------------------------------------ */

struct stream_producers_facts
stream_producers_facts(const struct stream *s, const struct stream_producers_settings *otherwise)
{
    const struct stream_producers *p = s->producers;

    if (p == NULL) {
        return (struct stream_producers_facts){.settings = *otherwise};
    }
    return (struct stream_producers_facts){
        .settings = p->settings,
        .producer_count = p->producers.count,
        .iid_count = p->iids.count,
        .added = p->added,
        .duplicates = p->duplicates,
    };
}

bool stream_iid_find(const struct stream *s, struct bytes producer_name, struct bytes name,
                     int64_t now_ms, struct stream_id *out)
{
    const struct producer *producer;
    const struct iid *iid;

    if (s->producers == NULL) {
        return false;
    }
    producer = find_producer(s->producers, producer_name);
    iid = producer != NULL ? find_iid(s->producers, producer, name) : NULL;
    if (iid == NULL || has_expired(s->producers, iid, now_ms > 0 ? (uint64_t)now_ms : 0)) {
        return false;
    }
    if (out != NULL) {
        *out = iid->id;
    }
    return true;
}

void stream_iid_note_duplicate(const struct stream *s)
{
    ASSERT(s->producers != NULL);
    s->producers->duplicates++;
}

void stream_iid_add(struct value_draft *draft, struct bytes producer_name, struct bytes name,
                    struct stream_id id)
{
    struct stream_producers *p = open_table(draft);
    struct producer *producer = find_producer(p, producer_name);
    struct iid *known = producer != NULL ? find_iid(p, producer, name) : NULL;

    ASSERT(producer_name.len > 0 && name.len > 0);
    if (producer == NULL) {
        producer = add_producer(p, producer_name);
    }
    if (known != NULL) {
        remove_iid(p, known);
    }
    while (producer->count >= p->settings.max_count) {
        remove_iid(p, CONTAINER_OF(producer->iids.next, struct iid, in_producer));
    }
    add_iid(p, producer, name, id);
    p->added++;
    for (int i = 0; i < EXPIRED_AT_ONCE && has_expired(p, oldest(p), id.ms); i++) {
        remove_oldest(p);
    }
}

void stream_producers_set(struct value_draft *draft,
                          const struct stream_producers_settings *settings)
{
    struct stream *s = stream_change(draft);
    struct stream_producers *old = s->producers;

    s->producers = table_new(settings);
    if (old != NULL) {
        struct stream *dropped = stream_dropped(draft);

        ASSERT(dropped->producers == NULL);
        s->producers->added = old->added;
        s->producers->duplicates = old->duplicates;
        dropped->producers = old;
    }
}

/* ---- as a whole ---------------------------------------------------------------------------------------------- */

size_t stream_producers_bytes(const struct stream_producers *p)
{
    if (p == NULL) {
        return 0;
    }
    return sizeof(*p) + p->bytes +
           (p->producers.bucket_count + p->iids.bucket_count) * sizeof(struct hashtable_node *);
}

size_t stream_producers_free_cost(const struct stream_producers *p)
{
    return p != NULL ? (p->iids.count + p->producers.count) * ID_PIECE_COST : 0;
}

bool stream_producers_free(struct stream_producers *p, size_t *budget)
{
    if (p == NULL) {
        return true;
    }
    while (!list_is_empty(&p->all) && *budget > 0) {
        remove_oldest(p);
        *budget -= ID_PIECE_COST < *budget ? ID_PIECE_COST : *budget;
    }
    if (!list_is_empty(&p->all)) {
        return false;
    }
    ASSERT(p->producers.count == 0 && p->iids.count == 0 && p->bytes == 0);
    hashtable_deinit(&p->producers);
    hashtable_deinit(&p->iids);
    mem_free(MEM_STORE, p);
    return true;
}

struct stream_producers *stream_producers_copy(const struct stream_producers *p)
{
    struct stream_producers *twin;

    if (p == NULL) {
        return NULL;
    }
    twin = table_new(&p->settings);
    twin->added = p->added;
    twin->duplicates = p->duplicates;
    for (const struct list *at = p->all.next; at != &p->all; at = at->next) {
        const struct iid *iid = CONTAINER_OF_CONST(at, struct iid, in_all);
        struct producer *producer = find_producer(twin, iid->producer->node.key);

        if (producer == NULL) {
            producer = add_producer(twin, iid->producer->node.key);
        }
        add_iid(twin, producer, iid_name(iid), iid->id);
    }
    return twin;
}

void stream_producers_check(const struct stream_producers *p)
{
    size_t bytes = 0;
    size_t iids = 0;
    size_t in_all = 0;

    if (p == NULL) {
        return;
    }
    HASHTABLE_FOR_EACH (node, &p->producers) {
        const struct producer *producer = CONTAINER_OF(node, struct producer, node);
        uint32_t count = 0;

        for (const struct list *at = producer->iids.next; at != &producer->iids; at = at->next) {
            const struct iid *iid = CONTAINER_OF_CONST(at, struct iid, in_producer);

            ASSERT(iid->producer == producer);
            ASSERT(find_iid(p, producer, iid_name(iid)) == iid);
            bytes += sizeof(*iid) + iid->node.key.len;
            count++;
        }
        ASSERT(count == producer->count && count >= 1 && count <= p->settings.max_count);
        bytes += sizeof(*producer) + node->key.len;
        iids += count;
    }
    for (const struct list *at = p->all.next; at != &p->all; at = at->next) {
        in_all++;
    }
    ASSERT(iids == p->iids.count && in_all == iids && bytes == p->bytes);
}
