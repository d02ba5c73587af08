/* SPDX-License-Identifier: MIT */
/* Size classes: steps of 8 bytes up to 256, of 16 to 512, of 32 to 1 KB; above, multiples of
 * 64 that leave less than 2 % of a page unused. */
#include "store/slab.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(at, size)   ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define POISON(at, size)   ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#endif

enum {
    FINE_MAX = 256,    /* steps of 8 */
    MIDDLE_MAX = 512,  /* steps of 16 */
    COARSE_MAX = 1024, /* steps of 32 */
    FINE_COUNT = FINE_MAX / 8,
    MIDDLE_COUNT = (MIDDLE_MAX - FINE_MAX) / 16,
    COARSE_COUNT = (COARSE_MAX - MIDDLE_MAX) / 32,
    STEPPED_COUNT = FINE_COUNT + MIDDLE_COUNT + COARSE_COUNT,
    CACHE_LINE_BYTES = 64,
    SYSTEM_PAGE_BYTES = 4096,
    IDLE_RESERVE = 16, /* empty pages kept for the next allocations */
};

#define ARENA_BYTES_DEFAULT ((size_t)1 << 40)
#define ARENA_BYTES_MIN     ((size_t)1 << 26)
#define ARENA_BYTES_MAX     (((size_t)1 << 40) * SLAB_GRANULE)

static const uint32_t large_sizes[] = {
    1152, 1280, 1408, 1536,  1664,  1792,  1920,  2048,  2304,  2560, 2816,
    3072, 3264, 3584, 3840,  4096,  4352,  4672,  4992,  5440,  5952, 6528,
    7232, 8192, 9344, 10880, 13056, 16384, 21824, 32768, 65536,
};

static uint8_t class_of_size(size_t size)
{
    uint8_t i = STEPPED_COUNT;

    if (size <= FINE_MAX) {
        return (uint8_t)(size == 0 ? 0 : (size - 1) / 8);
    }
    if (size <= MIDDLE_MAX) {
        return (uint8_t)(FINE_COUNT + (size - FINE_MAX - 1) / 16);
    }
    if (size <= COARSE_MAX) {
        return (uint8_t)(FINE_COUNT + MIDDLE_COUNT + (size - MIDDLE_MAX - 1) / 32);
    }
    while (large_sizes[i - STEPPED_COUNT] < size) {
        i++;
        ASSERT(i < SLAB_CLASS_COUNT);
    }
    return i;
}

static size_t size_of_class(unsigned class_index)
{
    _Static_assert(STEPPED_COUNT + ARRAY_COUNT(large_sizes) == SLAB_CLASS_COUNT, "all classes");
    if (class_index < FINE_COUNT) {
        return ((size_t)class_index + 1) * 8;
    }
    if (class_index < FINE_COUNT + MIDDLE_COUNT) {
        return FINE_MAX + ((size_t)class_index - FINE_COUNT + 1) * 16;
    }
    if (class_index < STEPPED_COUNT) {
        return MIDDLE_MAX + ((size_t)class_index - FINE_COUNT - MIDDLE_COUNT + 1) * 32;
    }
    return large_sizes[class_index - STEPPED_COUNT];
}

static char *page_start(const struct slab *slab, uint32_t page)
{
    return slab->base + (size_t)page * SLAB_PAGE_BYTES;
}

static void *reserve(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

/* Pages start at multiples of the page size: reserve one more and skip to it. */
static bool reserve_arena(struct slab *slab, size_t arena_bytes)
{
    size_t pages = arena_bytes / SLAB_PAGE_BYTES;
    char *at = reserve(arena_bytes + SLAB_PAGE_BYTES);

    if (at == NULL) {
        return false;
    }
    slab->pages = reserve(pages * sizeof(struct slab_page));
    if (slab->pages == NULL) {
        munmap(at, arena_bytes + SLAB_PAGE_BYTES);
        return false;
    }
    slab->base = at + (SLAB_PAGE_BYTES - (uintptr_t)at % SLAB_PAGE_BYTES) % SLAB_PAGE_BYTES;
    if (slab->base != at) {
        munmap(at, (size_t)(slab->base - at));
    }
    munmap(slab->base + arena_bytes, SLAB_PAGE_BYTES - (size_t)(slab->base - at));
    slab->arena_bytes = arena_bytes;
    slab->page_count = (uint32_t)pages;
    slab->page_end = 1;
    return true;
}

void slab_init(struct slab *slab, size_t arena_bytes)
{
    size_t wanted = arena_bytes == 0 ? ARENA_BYTES_DEFAULT : arena_bytes;

    ASSERT(wanted <= ARENA_BYTES_MAX);
    wanted = (wanted + SLAB_PAGE_BYTES - 1) / SLAB_PAGE_BYTES * SLAB_PAGE_BYTES;
    memset(slab, 0, sizeof(*slab));
    while (!reserve_arena(slab, wanted)) {
        if (wanted / 2 < ARENA_BYTES_MIN) {
            fprintf(stderr, "out of memory: cannot reserve %zu bytes of addresses\n", wanted);
            abort();
        }
        wanted /= 2;
    }
}

void slab_deinit(struct slab *slab)
{
    if (slab->base == NULL) {
        return;
    }
    UNPOISON(slab->base, (size_t)slab->page_end * SLAB_PAGE_BYTES);
    munmap(slab->base, slab->arena_bytes);
    munmap(slab->pages, (size_t)slab->page_count * sizeof(struct slab_page));
    memset(slab, 0, sizeof(*slab));
}

static void list_push(struct slab *slab, uint32_t *head, uint32_t page)
{
    slab->pages[page].next = *head;
    slab->pages[page].previous = 0;
    if (*head != 0) {
        slab->pages[*head].previous = page;
    }
    *head = page;
}

static void list_unlink(struct slab *slab, uint32_t *head, uint32_t page)
{
    struct slab_page *p = &slab->pages[page];

    if (p->previous != 0) {
        slab->pages[p->previous].next = p->next;
    } else {
        ASSERT(*head == page);
        *head = p->next;
    }
    if (p->next != 0) {
        slab->pages[p->next].previous = p->previous;
    }
}

/* An empty page: one whose memory is still there, else one given back, else a new one. */
static uint32_t take_page(struct slab *slab)
{
    uint32_t page = slab->idle_pages;

    if (page != 0) {
        list_unlink(slab, &slab->idle_pages, page);
        slab->idle_count--;
        return page;
    }
    page = slab->absent_pages;
    if (page != 0) {
        list_unlink(slab, &slab->absent_pages, page);
        return page;
    }
    if (slab->page_end == slab->page_count) {
        fprintf(stderr, "out of memory: the arena of %zu bytes is full\n", slab->arena_bytes);
        abort();
    }
    return slab->page_end++;
}

static uint32_t start_page(struct slab *slab, enum slab_kind kind, uint8_t class_index)
{
    struct slab_class *class = &slab->classes[kind][class_index];
    bool is_new = slab->idle_pages == 0;
    uint32_t page = take_page(slab);

    slab->pages[page] = (struct slab_page){.class_index = class_index, .kind = (uint8_t)kind};
    list_push(slab, &class->partial, page);
    class->pages++;
    class->newest = is_new ? page : 0;
    slab->page_bytes[kind] += SLAB_PAGE_BYTES;
    POISON(page_start(slab, page), (size_t)SLAB_PAGE_BYTES);
    return page;
}

uint64_t slab_alloc(struct slab *slab, enum slab_kind kind, size_t size)
{
    uint8_t class_index = class_of_size(size);
    size_t object_size = size_of_class(class_index);
    struct slab_class *class = &slab->classes[kind][class_index];
    uint32_t page = class->partial;
    struct slab_page *p;
    char *object;

    if (page == 0) {
        page = start_page(slab, kind, class_index);
    }
    p = &slab->pages[page];
    if (p->first_free != 0) {
        object = page_start(slab, page) + (size_t)(p->first_free - 1) * object_size;
        UNPOISON(object, object_size);
        memcpy(&p->first_free, object, sizeof(p->first_free));
    } else {
        object = page_start(slab, page) + p->fresh * object_size;
        UNPOISON(object, object_size);
        p->fresh++;
    }
    p->used++;
    if (p->first_free == 0 && (p->fresh + 1) * object_size > SLAB_PAGE_BYTES) {
        list_unlink(slab, &class->partial, page);
    }
    class->live++;
    slab->object_bytes[kind] += object_size;
    return slab_ref(slab, object);
}

void slab_free(struct slab *slab, uint64_t ref)
{
    uint32_t page = slab_page_of(ref);
    struct slab_page *p = &slab->pages[page];
    size_t object_size = size_of_class(p->class_index);
    char *object = slab_at(slab, ref);
    struct slab_class *class = &slab->classes[p->kind][p->class_index];
    bool was_full = p->first_free == 0 && (p->fresh + 1) * object_size > SLAB_PAGE_BYTES;
    size_t index = (size_t)(object - page_start(slab, page)) / object_size;

    ASSERT(page != 0 && page < slab->page_end && p->used > 0);
    DEBUG_ASSERT(object == page_start(slab, page) + index * object_size);
    memcpy(object, &p->first_free, sizeof(p->first_free));
    POISON(object, object_size);
    p->first_free = (uint16_t)(index + 1);
    p->used--;
    class->live--;
    slab->object_bytes[p->kind] -= object_size;
    if (p->used > 0) {
        if (was_full) {
            list_push(slab, &class->partial, page);
        }
        return;
    }
    if (page == slab->closed_page) {
        slab->closed_page = 0;
    } else if (!was_full) {
        list_unlink(slab, &class->partial, page);
    }
    class->pages--;
    slab->page_bytes[p->kind] -= SLAB_PAGE_BYTES;
    list_push(slab, &slab->idle_pages, page);
    slab->idle_count++;
}

size_t slab_object_size(const struct slab *slab, uint64_t ref)
{
    return size_of_class(slab->pages[slab_page_of(ref)].class_index);
}

size_t slab_rounded_size(size_t size)
{
    return size_of_class(class_of_size(size));
}

size_t slab_class_size(unsigned class_index)
{
    return size_of_class(class_index);
}

uint32_t slab_capacity(unsigned class_index)
{
    return (uint32_t)(SLAB_PAGE_BYTES / size_of_class(class_index));
}

bool slab_release_pages(struct slab *slab, size_t max)
{
    while (slab->idle_count > IDLE_RESERVE && max > 0) {
        uint32_t page = slab->idle_pages;
        int failed;

        list_unlink(slab, &slab->idle_pages, page);
        slab->idle_count--;
        failed = madvise(page_start(slab, page), SLAB_PAGE_BYTES, MADV_DONTNEED);
        ASSERT(failed == 0);
        list_push(slab, &slab->absent_pages, page);
        max--;
    }
    return slab->idle_count > IDLE_RESERVE;
}

size_t slab_idle_bytes(const struct slab *slab)
{
    return (size_t)slab->idle_count * SLAB_PAGE_BYTES;
}

/* A class begins a page only when all others are full, so the newest alone has such room. */
size_t slab_untouched_bytes(const struct slab *slab, enum slab_kind kind)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < SLAB_CLASS_COUNT; i++) {
        const struct slab_page *p = &slab->pages[slab->classes[kind][i].newest];

        if (slab->classes[kind][i].newest != 0 && p->used > 0 && p->kind == (uint8_t)kind &&
            p->class_index == i) {
            bytes += (SLAB_PAGE_BYTES - p->fresh * size_of_class(i)) / SYSTEM_PAGE_BYTES *
                     SYSTEM_PAGE_BYTES;
        }
    }
    return bytes;
}

size_t slab_overhead_bytes(const struct slab *slab)
{
    return (size_t)slab->page_end * sizeof(struct slab_page);
}

/* ---- emptying pages ------------------------------------------------------------------------- */

void slab_close_page(struct slab *slab, uint32_t page)
{
    const struct slab_page *p = &slab->pages[page];

    ASSERT(slab->closed_page == 0);
    ASSERT(page < slab->page_end && p->used > 0 && p->used < slab_capacity(p->class_index));
    list_unlink(slab, &slab->classes[p->kind][p->class_index].partial, page);
    slab->closed_page = page;
}

void slab_reopen_page(struct slab *slab)
{
    uint32_t page = slab->closed_page;

    if (page != 0) {
        const struct slab_page *p = &slab->pages[page];

        list_push(slab, &slab->classes[p->kind][p->class_index].partial, page);
        slab->closed_page = 0;
    }
}

/* What a free object says about the next one. */
static uint16_t next_free(const char *object)
{
    uint16_t next;

    UNPOISON(object, SLAB_GRANULE);
    memcpy(&next, object, sizeof(next));
    POISON(object, SLAB_GRANULE);
    return next;
}

void slab_find_live(const struct slab *slab, uint32_t page, uint64_t bits[SLAB_LIVE_WORDS])
{
    const struct slab_page *p = &slab->pages[page];
    size_t object_size = size_of_class(p->class_index);
    const char *start = page_start(slab, page);
    uint32_t free_count = 0;

    /* The list of free objects leads criss-cross through the page: have all of it at hand. */
    for (size_t at = 0; at < p->fresh * object_size; at += CACHE_LINE_BYTES) {
        __builtin_prefetch(start + at);
    }
    memset(bits, 0xff, p->fresh / 64 * sizeof(uint64_t));
    if (p->fresh < SLAB_LIVE_WORDS * 64) {
        size_t words = p->fresh / 64;

        bits[words] = (UINT64_C(1) << (p->fresh % 64)) - 1;
        memset(bits + words + 1, 0, (SLAB_LIVE_WORDS - words - 1) * sizeof(uint64_t));
    }
    for (uint32_t i = p->first_free; i != 0; i = next_free(start + (i - 1) * object_size)) {
        bits[(i - 1) / 64] &= ~(UINT64_C(1) << ((i - 1) % 64));
        free_count++;
    }
    ASSERT(free_count + p->used == p->fresh);
}

uint64_t slab_object_ref(const struct slab *slab, uint32_t page, uint32_t index)
{
    const char *start = page_start(slab, page);

    return slab_ref(slab, start + index * size_of_class(slab->pages[page].class_index));
}

uint64_t slab_move(struct slab *slab, uint64_t ref)
{
    const struct slab_page *p = &slab->pages[slab_page_of(ref)];
    uint32_t target = slab->classes[p->kind][p->class_index].partial;
    size_t object_size = size_of_class(p->class_index);
    uint64_t moved;

    if (target == 0 || target == slab_page_of(ref)) {
        return 0;
    }
    moved = slab_alloc(slab, (enum slab_kind)p->kind, object_size);
    memcpy(slab_at(slab, moved), slab_at(slab, ref), object_size);
    slab_free(slab, ref);
    return moved;
}

/* ---- checks --------------------------------------------------------------------------------- */

static uint32_t check_list(const struct slab *slab, uint32_t head, bool is_empty)
{
    uint32_t count = 0;

    for (uint32_t page = head, previous = 0; page != 0; page = slab->pages[page].next) {
        ASSERT(slab->pages[page].previous == previous);
        ASSERT((slab->pages[page].used == 0) == is_empty);
        previous = page;
        count++;
    }
    return count;
}

/* The list of free objects and the count of live ones make up the page. */
static void check_page(const struct slab *slab, uint32_t page)
{
    uint64_t bits[SLAB_LIVE_WORDS];
    uint32_t live = 0;

    slab_find_live(slab, page, bits);
    for (size_t i = 0; i < SLAB_LIVE_WORDS; i++) {
        live += (uint32_t)__builtin_popcountll(bits[i]);
    }
    ASSERT(live == slab->pages[page].used);
    ASSERT(live <= slab_capacity(slab->pages[page].class_index));
}

static void check_kind(const struct slab *slab, enum slab_kind kind)
{
    struct slab_class found[SLAB_CLASS_COUNT] = {{0}};
    uint32_t partial[SLAB_CLASS_COUNT] = {0};
    size_t pages = 0;
    size_t bytes = 0;

    for (uint32_t page = 1; page < slab->page_end; page++) {
        const struct slab_page *p = &slab->pages[page];
        uint8_t i = p->class_index;

        if (p->kind == (uint8_t)kind && p->used > 0) {
            check_page(slab, page);
            found[i].live += p->used;
            found[i].pages++;
            partial[i] += p->used < slab_capacity(i) && page != slab->closed_page;
        }
    }
    for (unsigned i = 0; i < SLAB_CLASS_COUNT; i++) {
        const struct slab_class *class = &slab->classes[kind][i];

        ASSERT(class->live == found[i].live && class->pages == found[i].pages);
        ASSERT(check_list(slab, class->partial, false) == partial[i]);
        pages += found[i].pages;
        bytes += found[i].live * size_of_class(i);
    }
    ASSERT(bytes == slab->object_bytes[kind]);
    ASSERT(pages * SLAB_PAGE_BYTES == slab->page_bytes[kind]);
}

void slab_check(const struct slab *slab)
{
    uint32_t empty = 0;

    for (uint32_t page = 1; page < slab->page_end; page++) {
        empty += slab->pages[page].used == 0;
    }
    check_kind(slab, SLAB_ENTRIES);
    check_kind(slab, SLAB_BUCKETS);
    ASSERT(slab->closed_page == 0 || slab->pages[slab->closed_page].used > 0);
    ASSERT(check_list(slab, slab->idle_pages, true) == slab->idle_count);
    ASSERT(check_list(slab, slab->absent_pages, true) + slab->idle_count == empty);
}
