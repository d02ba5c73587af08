/* SPDX-License-Identifier: MIT */
/* malloc with accounting.  The counters are the one mutable file-scope state in
 * common/: allocation is a service of the process, as the heap itself is. */
#include "base/mem.h"

#include "base/assert.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic size_t used_by_tag[MEM_TAG_COUNT];

static const char *const tag_names[MEM_TAG_COUNT] = {
    [MEM_BASE] = "base",       [MEM_BUFFER] = "buffers",
    [MEM_STORE] = "store",     [MEM_SESSION] = "sessions",
    [MEM_LOG] = "log",         [MEM_SNAPSHOT] = "snapshot",
    [MEM_CLUSTER] = "cluster", [MEM_REPLICATION] = "replication",
    [MEM_NODE] = "node",       [MEM_NET] = "net",
    [MEM_CLI] = "cli",         [MEM_TEST] = "test",
};

static void *counted(enum mem_tag tag, void *memory, size_t size)
{
    if (UNLIKELY(memory == NULL)) {
        fprintf(stderr, "out of memory: %zu bytes for %s\n", size, tag_names[tag]);
        abort();
    }
    atomic_fetch_add_explicit(&used_by_tag[tag], malloc_usable_size(memory), memory_order_relaxed);
    return memory;
}

static void uncount(enum mem_tag tag, void *memory)
{
    atomic_fetch_sub_explicit(&used_by_tag[tag], malloc_usable_size(memory), memory_order_relaxed);
}

void *mem_alloc(enum mem_tag tag, size_t size)
{
    return counted(tag, malloc(size > 0 ? size : 1), size);
}

void *mem_alloc_zeroed(enum mem_tag tag, size_t size)
{
    return counted(tag, calloc(1, size > 0 ? size : 1), size);
}

void *mem_alloc_aligned(enum mem_tag tag, size_t alignment, size_t size)
{
    void *memory = NULL;

    if (posix_memalign(&memory, alignment, size > 0 ? size : 1) != 0) {
        memory = NULL;
    }
    return counted(tag, memory, size);
}

void *mem_realloc(enum mem_tag tag, void *memory, size_t size)
{
    if (memory != NULL) {
        uncount(tag, memory);
    }
    return counted(tag, realloc(memory, size > 0 ? size : 1), size);
}

char *mem_strdup(enum mem_tag tag, const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(mem_alloc(tag, size), text, size);
}

void mem_free(enum mem_tag tag, void *memory)
{
    if (memory == NULL) {
        return;
    }
    uncount(tag, memory);
    free(memory);
}

size_t mem_used(enum mem_tag tag)
{
    ASSERT(tag < MEM_TAG_COUNT);
    return atomic_load_explicit(&used_by_tag[tag], memory_order_relaxed);
}

size_t mem_used_total(void)
{
    size_t total = 0;

    for (int tag = 0; tag < MEM_TAG_COUNT; tag++) {
        total += mem_used((enum mem_tag)tag);
    }
    return total;
}

const char *mem_tag_name(enum mem_tag tag)
{
    ASSERT(tag < MEM_TAG_COUNT);
    return tag_names[tag];
}
