/* SPDX-License-Identifier: MIT */
/* What the files of list commands share. */
#ifndef STARLING_COMMAND_LIST_OPEN_H
#define STARLING_COMMAND_LIST_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/exec.h"
#include "store/value_list.h"

/* The list under the first key, empty when there is none; false after -WRONGTYPE. */
MUST_USE bool list_lookup(struct exec *x, struct value *out);
/* The same for a key that is to be changed; *is_there: is there one? */
MUST_USE bool list_lookup_write(struct exec *x, const struct key_ref *ref, struct value *out);
/* An index or a number of elements from an end, as commands have it (negative: from the right), as one from
 * the left; may be outside. */
int64_t list_index(const struct value *list, int64_t index);
/* LEFT or RIGHT; false after a syntax error. */
MUST_USE bool argument_list_end(struct exec *x, size_t index, enum list_end *out);

void reply_list_item(struct exec *x, const struct packed_item *item);
/* Tell who listens that elements came at an end, or went; with the last one the key does. */
void notify_pushed(const struct exec *x, enum list_end end, struct bytes key);
void notify_popped(const struct exec *x, enum list_end end, struct bytes key, bool is_there);
/* Reply as an array `count` elements, which are there, from one end, and take them out. */
void list_pop_many(struct exec *x, const struct key_ref *ref, enum list_end end, uint64_t count);
/* Take one element out, which is there; its text is appended.  False: it was the last one, and the key is gone. */
bool list_pop_one(struct exec *x, const struct key_ref *ref, enum list_end end, struct buf *out);

/* LPUSH or RPUSH, as often as it takes, of the elements of a list, which is not empty, from its left end on. */
void list_add_push_effects(struct exec *x, enum list_end end, struct bytes key,
                           const struct value *list);

#endif
