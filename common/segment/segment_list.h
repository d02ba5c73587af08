/* SPDX-License-Identifier: MIT */
/* The segments of a log, in order: what is known of each without reading its frames.
 *
 * Invariants:  (1) numbers ascend by one
 *              (2) of all but the last the head is good
 * Owns its memory; borrows no file. */
#ifndef STARLING_SEGMENT_SEGMENT_LIST_H
#define STARLING_SEGMENT_SEGMENT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/history.h"
#include "segment/segment.h"
#include "segment/segment_source.h"

struct segment_entry {
    uint64_t number;
    uint64_t size_bytes; /* of the file, as far as is known */
    struct segment_head head;
    bool is_torn; /* its head is not good: the file was being begun when all ended */
};

struct segment_list {
    struct segment_entry *items;
    size_t count;
    size_t cap;
};

/* All segments of the folder, in place of what the list had.  False, an empty list and a reason (file, what is wrong)
 * when it cannot be read, a number is missing in the midst, a head other than the last one's is bad, or one is of a
 * newer version. */
MUST_USE bool segment_list_load(struct segment_list *list, const struct segment_source *source,
                                struct errmsg *error);
/* Another one was begun and has its head; its number is the next one, or any when there is none yet. */
void segment_list_add(struct segment_list *list, uint64_t number, const struct segment_head *head);
/* The last one has grown. */
void segment_list_grow(struct segment_list *list, uint64_t more_bytes);
void segment_list_remove_first(struct segment_list *list);
void segment_list_remove_last(struct segment_list *list);
void segment_list_clear(struct segment_list *list);
void segment_list_deinit(struct segment_list *list);

/* Does the one at index + 1 continue the one at index?  That it begins where there are good frames before it, only a
 * reader finds out.  False for the last one, and when it begins before the one at index: what was durable then stays
 * so, and no server goes back behind it in a segment that it keeps. */
bool segment_list_is_continued(const struct segment_list *list, size_t index);
/* Does it go on from none, and begin before one in front of it, in the same history?  Its file has got the name of
 * another one. */
bool segment_list_is_misplaced(const struct segment_list *list, size_t index);
/* The newest one in which the byte at offset of the history is to be found, or would come next: also one that has that
 * history as its parent and begins at its end.  SIZE_MAX when there is none, also because the byte is void. */
size_t segment_list_find(const struct segment_list *list, const struct history_id *history,
                         uint64_t offset);
/* The index behind the last of those that continue the one at index without a break; ones that are torn do not. */
size_t segment_list_chain_end(const struct segment_list *list, size_t index);
/* The offset from which on the log can be read without a break up to its last segment whose head is good; UINT64_MAX
 * when there is none. */
uint64_t segment_list_first_offset(const struct segment_list *list);
/* The index of the one of this number, or SIZE_MAX. */
size_t segment_list_index(const struct segment_list *list, uint64_t number);
/* Bytes of all files. */
uint64_t segment_list_size(const struct segment_list *list);

void segment_list_check(const struct segment_list *list);

#endif
