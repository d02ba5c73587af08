/* SPDX-License-Identifier: MIT */
/* What a pure machine wants done: data, in the order in which it is to be done.
 *
 * A machine describes its actions by a kind: a plain struct with what each of them needs, and one
 * member of type struct action_bytes.  It hands out typed access, so that its users never see a
 * void pointer:
 *
 *     extern const struct actions_kind my_actions_kind;
 *     static inline const struct my_action *my_action_at(const struct actions *list, size_t index)
 *     {
 *         return actions_at(list, &my_actions_kind, index);
 *     }
 *
 * The caller owns the list, hands it to the machine's step, carries the actions out and clears it.
 * An all-zero list is empty, and fits every machine.
 *
 * Invariants:  (1) a list holds actions of one kind, in the order in which they were added
 *              (2) a step appends, at most kind->max_in_step, so a list may gather several steps
 *              (3) wake_at is what the last step said, whether or not it added an action
 *              (4) bytes that were copied in lie within bytes, each followed by a NUL that does not
 *                  count; what was borrowed lives until the machine's next step
 * Owns items and copied bytes. */
#ifndef STARLING_BASE_ACTIONS_H
#define STARLING_BASE_ACTIONS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"

enum {
    ACTIONS_KEPT_BYTES = 256 * 1024 /* room for copied bytes that an emptied list keeps */
};

/* Of one action: what actions_bytes gives. */
struct action_bytes {
    struct bytes borrowed; /* when it has some */
    size_t start;          /* else a part of the list's bytes */
    size_t len;
};

struct actions {
    const struct actions_kind *kind; /* NULL: nothing was ever added */
    void *items;
    size_t count;
    size_t cap;
    size_t step_start; /* how many there were before the running step */
    bool is_in_step;
    struct buf bytes;
    /* Hand in a tick at this time at the latest. */
    struct mono_time wake_at;
};

struct actions_kind {
    const char *name;
    size_t item_size;
    size_t max_in_step;
    /* One line for transcripts, with its end. */
    void (*describe)(const struct actions *list, const void *item, struct buf *out);
};

void actions_deinit(struct actions *list);
/* Empty it, keeping its memory and wake_at. */
void actions_clear(struct actions *list);

/* Around each step of the machine; steps do not nest. */
void actions_begin_step(struct actions *list, const struct actions_kind *kind);
void actions_end_step(struct actions *list, struct mono_time wake_at);
/* A new last action, all-zero; valid until the next one is added.  During a step only. */
MUST_USE void *actions_add(struct actions *list, const struct actions_kind *kind);
/* Copy text behind the bytes of the others. */
struct action_bytes actions_keep(struct actions *list, struct bytes text);

/* The same for a text made by a format. */
struct action_bytes actions_keep_vprintf(struct actions *list, const char *format, va_list args)
    PRINTF_LIKE(2, 0);

/* The action at index < count; valid until the list is appended to or cleared. */
const void *actions_at(const struct actions *list, const struct actions_kind *kind, size_t index);
/* Valid as long as the action; borrowed ones until the machine's next step. */
struct bytes actions_bytes(const struct actions *list, const struct action_bytes *bytes);
void actions_describe(const struct actions *list, size_t index, struct buf *out);

/* Move all actions of from to into, which is empty; from keeps its wake_at and is empty then.  Like
 * this what is being carried out stays as it is while steps add to from. */
void actions_take(struct actions *from, struct actions *into);
void actions_check(const struct actions *list);

#endif
