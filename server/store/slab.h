/* SPDX-License-Identifier: MIT */
/* Memory for many small objects without a header on each.
 *
 * One reserved stretch of address space, the arena, is cut into pages of 64 KB.  A page holds
 * objects of one size class; what is known about a page stands in an array beside the arena.
 * An object is named by a reference of 40 bits: its offset in granules of 8 bytes; 0 is none.
 *
 *     arena   | page 0: never used | page 1: 32-byte objects | page 2: 9344-byte ... | ...
 *     pages   [        -          ][ class, used, free list  ][         ...          ]
 *
 * Invariants:  (1) a page is full, partly used (in its class's list, or closed), or empty (in a
 *                  list of empty pages: still backed by memory, or given back)
 *              (2) object_bytes of a kind is the sum of the class sizes of its live objects
 *              (3) page_bytes of a kind is the pages that hold at least one live object, and
 *                  idle_bytes the empty pages still backed by memory
 *              (4) a class counts its live objects and the pages that hold them
 *              (5) nothing is allocated in a closed page; there is at most one, and it has live
 *                  objects
 * Owns the arena.  Loop thread only.  Running out of the arena aborts, as memory does. */
#ifndef STARLING_STORE_SLAB_H
#define STARLING_STORE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum {
    SLAB_GRANULE = 8,
    SLAB_PAGE_BYTES = 65536,
    SLAB_CLASS_COUNT = 95,
    SLAB_OBJECT_MAX = SLAB_PAGE_BYTES,
};

/* Kinds never share a page, so that each is accounted for on its own. */
enum slab_kind {
    SLAB_ENTRIES,
    SLAB_BUCKETS,
    SLAB_NODES, /* of ordered structures in large values */
    SLAB_KIND_COUNT
};

/* 16 bytes a page. */
struct slab_page {
    uint32_t next; /* in its list; 0 ends it */
    uint32_t previous;
    uint16_t used;       /* live objects */
    uint16_t fresh;      /* objects handed out at least once: those behind were never touched */
    uint16_t first_free; /* object index + 1; each free object holds the next one's */
    uint8_t class_index;
    uint8_t kind;
};

/* One size of one kind. */
struct slab_class {
    uint32_t partial; /* head of the list of pages with live and free objects */
    uint32_t pages;   /* with live objects */
    uint32_t newest;  /* the page that was begun last, if there was no memory behind it then */
    uint64_t live;    /* objects */
};

struct slab {
    char *base;
    struct slab_page *pages;
    size_t arena_bytes;
    uint32_t page_count;   /* that fit into the arena */
    uint32_t page_end;     /* pages from here on were never used */
    uint32_t idle_pages;   /* head of the list of empty pages with memory behind them */
    uint32_t absent_pages; /* head of the list of empty pages without */
    uint32_t idle_count;
    uint32_t closed_page; /* 0: none */
    struct slab_class classes[SLAB_KIND_COUNT][SLAB_CLASS_COUNT];
    size_t object_bytes[SLAB_KIND_COUNT];
    size_t page_bytes[SLAB_KIND_COUNT];
};

/* arena_bytes 0: as much as the machine lets us reserve, at most 1 TiB. */
void slab_init(struct slab *slab, size_t arena_bytes);
void slab_deinit(struct slab *slab);

/* An object of at least size bytes, at most SLAB_OBJECT_MAX; its contents are undefined.  Sizes
 * that are a multiple of 64 up to 1024 are aligned to 64. */
MUST_USE uint64_t slab_alloc(struct slab *slab, enum slab_kind kind, size_t size);
void slab_free(struct slab *slab, uint64_t ref);
/* The size class of the object: all of it may be used. */
size_t slab_object_size(const struct slab *slab, uint64_t ref);
/* The size that an object of size bytes would have. */
size_t slab_rounded_size(size_t size);
/* The size of a class's objects, and how many fit into a page. */
size_t slab_class_size(unsigned class_index);
uint32_t slab_capacity(unsigned class_index);

/* Give empty pages back to the system, at most max of them; true when more could be. */
bool slab_release_pages(struct slab *slab, size_t max);
size_t slab_idle_bytes(const struct slab *slab);
/* Memory of pages in use that the system has not been asked for yet: nothing was ever put there. */
size_t slab_untouched_bytes(const struct slab *slab, enum slab_kind kind);
/* Memory of the array beside the arena. */
size_t slab_overhead_bytes(const struct slab *slab);

/* ---- emptying pages (store/compact.h) ------------------------------------------------------- */

enum {
    SLAB_LIVE_WORDS = SLAB_PAGE_BYTES / SLAB_GRANULE / 64, /* a bit for each object of a page */
};

/* Close a page with live and free objects, so that its objects can move to others. */
void slab_close_page(struct slab *slab, uint32_t page);
/* Give the closed page, if there still is one, back to its class. */
void slab_reopen_page(struct slab *slab);
/* A bit for each live object of the page, by its place in it. */
void slab_find_live(const struct slab *slab, uint32_t page, uint64_t bits[SLAB_LIVE_WORDS]);
uint64_t slab_object_ref(const struct slab *slab, uint32_t page, uint32_t index);
/* A copy of the object in another page of its class, if there is room in one: else 0.  The old
 * one is freed. */
MUST_USE uint64_t slab_move(struct slab *slab, uint64_t ref);

/* Assert every invariant; slow. */
void slab_check(const struct slab *slab);

static inline uint32_t slab_page_of(uint64_t ref)
{
    return (uint32_t)(ref / (SLAB_PAGE_BYTES / SLAB_GRANULE));
}

static inline void *slab_at(const struct slab *slab, uint64_t ref)
{
    return slab->base + ref * SLAB_GRANULE;
}

static inline uint64_t slab_ref(const struct slab *slab, const void *object)
{
    return (uint64_t)((const char *)object - slab->base) / SLAB_GRANULE;
}

#endif
