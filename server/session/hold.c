/* SPDX-License-Identifier: MIT */
#include "session/hold.h"

#include "base/assert.h"
#include "session/session.h"

void holds_init(struct holds *holds)
{
    *holds = (struct holds){0};
    list_init(&holds->held);
    list_init(&holds->resumed);
}

void holds_deinit(struct holds *holds)
{
    ASSERT(list_is_empty(&holds->held));
    ASSERT(list_is_empty(&holds->resumed));
    ASSERT(holds->deadlines.count == 0);
    heap_deinit(&holds->deadlines);
}

void hold_begin(struct holds *holds, struct session *s, enum hold_kind kind, struct mono_time until)
{
    ASSERT(kind != HOLD_NONE);
    ASSERT(!(s->flags & SESSION_HELD));
    ASSERT(!heap_has(&s->hold.deadline));
    s->flags |= SESSION_HELD;
    s->hold.kind = kind;
    s->hold.answer[0] = '\0';
    holds->slot_count += kind == HOLD_SLOT;
    list_add_tail(&holds->held, &s->hold.held);
    if (until.us != MONO_NEVER.us) {
        heap_push(&holds->deadlines, &s->hold.deadline, until.us);
    }
}

static void stop_holding(struct holds *holds, struct session *s)
{
    ASSERT(s->hold.kind != HOLD_NONE);
    ASSERT(list_is_linked(&s->hold.held));
    s->flags &= ~(uint32_t)SESSION_HELD;
    holds->slot_count -= s->hold.kind == HOLD_SLOT;
    s->hold.kind = HOLD_NONE;
    list_remove(&s->hold.held);
    heap_remove(&holds->deadlines, &s->hold.deadline);
}

void hold_end(struct holds *holds, struct session *s)
{
    ASSERT(s->flags & SESSION_HELD);
    stop_holding(holds, s);
    if (!(s->flags & SESSION_RESUMED)) {
        s->flags |= SESSION_RESUMED;
        list_add_tail(&holds->resumed, &s->hold.resumed);
    }
}

void hold_forget(struct holds *holds, struct session *s)
{
    if (s->flags & SESSION_HELD) {
        stop_holding(holds, s);
    }
    list_remove(&s->hold.resumed);
    s->flags &= ~(uint32_t)SESSION_RESUMED;
}

struct session *holds_due(const struct holds *holds, struct mono_time now)
{
    struct heap_node *first = heap_peek(&holds->deadlines);
    struct session *s;

    if (first == NULL || first->key > now.us) {
        return NULL;
    }
    s = CONTAINER_OF(first, struct session, hold.deadline);
    ASSERT(s->flags & SESSION_HELD);
    return s;
}

struct mono_time holds_next_deadline(const struct holds *holds)
{
    const struct heap_node *first = heap_peek(&holds->deadlines);
    struct mono_time at = MONO_NEVER;

    if (first != NULL) {
        at.us = first->key;
    }
    return at;
}

struct session *holds_take_resumed(struct holds *holds)
{
    struct session *s;

    if (list_is_empty(&holds->resumed)) {
        return NULL;
    }
    s = CONTAINER_OF(holds->resumed.next, struct session, hold.resumed);
    ASSERT(s->flags & SESSION_RESUMED);
    list_remove(&s->hold.resumed);
    s->flags &= ~(uint32_t)SESSION_RESUMED;
    return s;
}

void holds_check(const struct holds *holds)
{
    size_t with_deadline = 0;

    LIST_FOR_EACH (item, &holds->held) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, hold.held);

        ASSERT(s->flags & SESSION_HELD);
        ASSERT(s->hold.kind != HOLD_NONE);
        with_deadline += heap_has(&s->hold.deadline);
    }
    ASSERT(with_deadline == holds->deadlines.count);
    LIST_FOR_EACH (item, &holds->resumed) {
        ASSERT(CONTAINER_OF_CONST(item, struct session, hold.resumed)->flags & SESSION_RESUMED);
    }
}
