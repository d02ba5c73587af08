/* SPDX-License-Identifier: MIT */
/* Heap memory, tagged by who asked for it.
 *
 * Invariants:  (1) no function returns NULL: running out of memory aborts
 *              (2) mem_used(tag) is the sum of usable sizes of live blocks of the tag
 * Counters are atomic, any thread may allocate and free. */
#ifndef STARLING_BASE_MEM_H
#define STARLING_BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

enum mem_tag {
    MEM_BASE,
    MEM_BUFFER,
    MEM_STORE,
    MEM_SESSION,
    MEM_LOG,
    MEM_SNAPSHOT,
    MEM_REPLICATION,
    MEM_CLUSTER,
    MEM_NODE,
    MEM_NET,
    MEM_CLI,
    MEM_TEST,
    MEM_TAG_COUNT
};

MUST_USE void *mem_alloc(enum mem_tag tag, size_t size);
MUST_USE void *mem_alloc_zeroed(enum mem_tag tag, size_t size);
MUST_USE void *mem_alloc_aligned(enum mem_tag tag, size_t alignment, size_t size);
/* memory may be NULL; the tag must be the one it was allocated with. */
MUST_USE void *mem_realloc(enum mem_tag tag, void *memory, size_t size);
MUST_USE char *mem_strdup(enum mem_tag tag, const char *text);
void mem_free(enum mem_tag tag, void *memory);

/* Bytes live under one tag, under all tags, and the name of a tag for reports. */
size_t mem_used(enum mem_tag tag);
size_t mem_used_total(void);
const char *mem_tag_name(enum mem_tag tag);

#endif
