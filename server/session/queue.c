/* SPDX-License-Identifier: MIT */
#include "session/queue.h"

#include "base/assert.h"
#include "base/mem.h"
#include "session/session.h"

enum {
    KEPT_BYTES = 4096, /* room that a queue keeps for the next transaction */
    KEPT_ITEMS = 64,
};

void queue_begin(struct session *s)
{
    ASSERT(!(s->flags & SESSION_IN_MULTI));
    if (s->queue == NULL) {
        s->queue = mem_alloc_zeroed(MEM_SESSION, sizeof(*s->queue));
    }
    ASSERT(s->queue->items.count == 0);
    s->flags |= SESSION_IN_MULTI;
}

void queue_add(struct session *s, const struct queue_request *request)
{
    struct queue *queue = s->queue;
    struct queue_item item = {
        .spec = request->spec,
        .first_word = queue->words.count,
        .word_count = request->word_count,
        .raw = {.start = queue->bytes.len},
        .is_inline = request->is_inline,
    };

    ASSERT(s->flags & SESSION_IN_MULTI);
    ASSERT(request->word_count > 0);
    VEC_RESERVE(&queue->words, request->word_count);
    if (!request->is_inline) {
        buf_append_bytes(&queue->bytes, request->raw);
    }
    for (size_t i = 0; i < request->word_count; i++) {
        struct bytes word = request->words[i];
        struct queue_span *span = &queue->words.items[queue->words.count++];

        *span = (struct queue_span){.start = queue->bytes.len, .len = word.len};
        if (request->is_inline) {
            buf_append_bytes(&queue->bytes, word);
        } else {
            ASSERT(word.data >= request->raw.data);
            span->start = item.raw.start + (size_t)(word.data - request->raw.data);
        }
        ASSERT(span->start + span->len <= queue->bytes.len);
    }
    item.raw.len = queue->bytes.len - item.raw.start;
    VEC_PUSH(&queue->items, item);
    queue->command_flags |= request->spec->flags;
}

void queue_spoil(struct session *s)
{
    ASSERT(s->flags & SESSION_IN_MULTI);
    s->queue->is_spoiled = true;
}

void queue_end(struct session *s)
{
    struct queue *queue = s->queue;

    ASSERT(s->flags & SESSION_IN_MULTI);
    s->flags &= ~(uint32_t)SESSION_IN_MULTI;
    queue->items.count = 0;
    queue->words.count = 0;
    queue->command_flags = 0;
    queue->is_spoiled = false;
    buf_clear(&queue->bytes);
    buf_shrink_when_empty(&queue->bytes, KEPT_BYTES);
    if (queue->items.cap > KEPT_ITEMS) {
        VEC_DEINIT(&queue->items);
    }
    if (queue->words.cap > KEPT_ITEMS * 4) {
        VEC_DEINIT(&queue->words);
    }
}

void queue_free(struct session *s)
{
    if (s->queue == NULL) {
        return;
    }
    s->flags &= ~(uint32_t)SESSION_IN_MULTI;
    buf_deinit(&s->queue->bytes);
    buf_deinit(&s->queue->kept);
    VEC_DEINIT(&s->queue->items);
    VEC_DEINIT(&s->queue->words);
    mem_free(MEM_SESSION, s->queue);
    s->queue = NULL;
}

void queue_words(const struct queue *queue, const struct queue_item *item, struct bytes *out)
{
    ASSERT(item->first_word + item->word_count <= queue->words.count);
    for (size_t i = 0; i < item->word_count; i++) {
        const struct queue_span *span = &queue->words.items[item->first_word + i];

        out[i] = bytes_make(queue->bytes.data + span->start, span->len);
    }
}

struct bytes queue_raw(const struct queue *queue, const struct queue_item *item)
{
    ASSERT(item->raw.start + item->raw.len <= queue->bytes.len);
    return bytes_make(queue->bytes.data + item->raw.start, item->raw.len);
}

int64_t queue_count(const struct session *s)
{
    return (s->flags & SESSION_IN_MULTI) ? (int64_t)s->queue->items.count : -1;
}

size_t queue_bytes(const struct session *s)
{
    return s->queue != NULL ? s->queue->bytes.len : 0;
}

size_t queue_memory(const struct session *s)
{
    const struct queue *queue = s->queue;

    return queue == NULL ? 0
                         : sizeof(*queue) + queue->bytes.cap + queue->kept.cap +
                               queue->items.cap * sizeof(*queue->items.items) +
                               queue->words.cap * sizeof(*queue->words.items);
}

void queue_check(const struct session *s)
{
    const struct queue *queue = s->queue;
    size_t words = 0;

    if (queue == NULL) {
        ASSERT(!(s->flags & SESSION_IN_MULTI));
        return;
    }
    ASSERT((s->flags & SESSION_IN_MULTI) ||
           (queue->items.count == 0 && queue->bytes.len == 0 && !queue->is_spoiled));
    for (size_t i = 0; i < queue->items.count; i++) {
        const struct queue_item *item = &queue->items.items[i];

        ASSERT(item->first_word == words);
        words += item->word_count;
        for (size_t j = item->first_word; j < words; j++) {
            const struct queue_span *span = &queue->words.items[j];

            ASSERT(span->start >= item->raw.start);
            ASSERT(span->start + span->len <= item->raw.start + item->raw.len);
        }
    }
    ASSERT(words == queue->words.count);
}
