/* SPDX-License-Identifier: MIT */
/* Classes of events in the key space, and the letters of notify-keyspace-events that stand for them. */
#ifndef STARLING_SPEC_EVENT_CLASS_H
#define STARLING_SPEC_EVENT_CLASS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"

#define EVENT_CLASS(name, ...) EVENT_PLACE_##name,
enum event_place {
#include "spec/event_classes.def"
    EVENT_PLACES
};
#undef EVENT_CLASS

#define EVENT_CLASS(name, ...) EVENT_##name = 1 << EVENT_PLACE_##name,
enum event_class {
#include "spec/event_classes.def"
};
#undef EVENT_CLASS

/* Read letters, of which A stands for many; false when one of them stands for nothing. */
MUST_USE bool event_classes_parse(struct bytes letters, uint32_t *out);
/* The letters, in the order of the table and A where it can stand; appended. */
void event_classes_format(uint32_t classes, struct buf *out);
/* All letters that are understood, A first. */
void event_classes_letters(struct buf *out);

#endif
