/* SPDX-License-Identifier: MIT */
/* Blocks of one size in a ring of pointers: the block of an offset is found by division, and a
 * block that was trimmed is kept once, so that a log of steady size allocates nothing. */
#include "persist/oplog.h"

#include "base/assert.h"
#include "base/mem.h"

enum {
    BLOCK_BYTES = 64 * 1024,
    FIRST_RING_CAP = 16, /* a power of two */
};

struct oplog {
    struct history_id history;
    struct lineage lineage;
    uint64_t generation;
    uint64_t start; /* offset of the first byte of the first block */
    uint64_t end;
    char **ring;
    size_t ring_cap; /* a power of two */
    size_t first;    /* index of the oldest block in the ring */
    size_t count;
    char *spare; /* a block out of use, or NULL */
};

static const struct history_id no_history = {"0000000000000000000000000000000000000000"};

static char **block_at(const struct oplog *log, size_t index)
{
    ASSERT(index < log->count);
    return &log->ring[(log->first + index) & (log->ring_cap - 1)];
}

static void grow_ring(struct oplog *log)
{
    size_t cap = log->ring_cap > 0 ? log->ring_cap * 2 : FIRST_RING_CAP;
    char **ring = mem_alloc(MEM_LOG, cap * sizeof(*ring));

    for (size_t i = 0; i < log->count; i++) {
        ring[i] = *block_at(log, i);
    }
    mem_free(MEM_LOG, log->ring);
    log->ring = ring;
    log->ring_cap = cap;
    log->first = 0;
}

static void push_block(struct oplog *log)
{
    if (log->count == log->ring_cap) {
        grow_ring(log);
    }
    log->count++;
    *block_at(log, log->count - 1) =
        log->spare != NULL ? log->spare : mem_alloc(MEM_LOG, BLOCK_BYTES);
    log->spare = NULL;
}

static void drop_first_block(struct oplog *log)
{
    char *block = *block_at(log, 0);

    if (log->spare == NULL) {
        log->spare = block;
    } else {
        mem_free(MEM_LOG, block);
    }
    log->first = (log->first + 1) & (log->ring_cap - 1);
    log->count--;
}

struct oplog *oplog_new(struct history_id history, uint64_t end_offset)
{
    struct oplog *log = mem_alloc_zeroed(MEM_LOG, sizeof(*log));

    oplog_restart(log, history, end_offset);
    return log;
}

void oplog_free(struct oplog *log)
{
    if (log == NULL) {
        return;
    }
    while (log->count > 0) {
        drop_first_block(log);
    }
    mem_free(MEM_LOG, log->spare);
    mem_free(MEM_LOG, log->ring);
    mem_free(MEM_LOG, log);
}

const struct history_id *oplog_history(const struct oplog *log)
{
    return &log->history;
}

/* The newest of the lineage, or NULL. */
static const struct ancestor *newest(const struct lineage *lineage)
{
    return lineage->count > 0 ? &lineage->items[lineage->count - 1] : NULL;
}

const struct history_id *oplog_previous_history(const struct oplog *log)
{
    const struct ancestor *ancestor = newest(&log->lineage);

    return ancestor != NULL ? &ancestor->history : &no_history;
}

uint64_t oplog_previous_end(const struct oplog *log)
{
    const struct ancestor *ancestor = newest(&log->lineage);

    return ancestor != NULL ? ancestor->end : 0;
}

const struct lineage *oplog_lineage(const struct oplog *log)
{
    return &log->lineage;
}

const struct history_id *oplog_history_at(const struct oplog *log, uint64_t offset)
{
    for (size_t i = 0; i < log->lineage.count; i++) {
        if (offset < log->lineage.items[i].end) {
            return &log->lineage.items[i].history;
        }
    }
    return &log->history;
}

bool oplog_history_end(const struct oplog *log, const struct history_id *history, uint64_t *end)
{
    if (history_id_equal(history, &log->history)) {
        *end = log->end;
        return true;
    }
    return lineage_find(&log->lineage, history, end);
}

const struct history_id *oplog_root_at(const struct oplog *log, uint64_t offset)
{
    for (size_t i = 0; i < log->lineage.count; i++) {
        if (offset <= log->lineage.items[i].end) {
            return &log->lineage.items[i].history;
        }
    }
    return &log->history;
}

uint64_t oplog_start(const struct oplog *log)
{
    return log->start;
}

uint64_t oplog_end(const struct oplog *log)
{
    return log->end;
}

void oplog_append(struct oplog *log, struct bytes bytes)
{
    while (bytes.len > 0) {
        size_t used = (size_t)((log->end - log->start) % BLOCK_BYTES);
        size_t take = BLOCK_BYTES - used;

        if ((log->end - log->start) / BLOCK_BYTES == log->count) {
            push_block(log);
        }
        if (take > bytes.len) {
            take = bytes.len;
        }
        memcpy(*block_at(log, log->count - 1) + used, bytes.data, take);
        log->end += take;
        bytes = bytes_from(bytes, take);
    }
    DEBUG_ASSERT((oplog_check(log), true));
}

enum oplog_status oplog_read(const struct oplog *log, uint64_t offset, size_t max_bytes,
                             struct bytes *out)
{
    size_t within;
    uint64_t len;

    *out = (struct bytes){0};
    if (offset < log->start) {
        return OPLOG_GONE;
    }
    if (offset > log->end) {
        return OPLOG_BEYOND;
    }
    if (offset == log->end) {
        return OPLOG_OK;
    }
    within = (size_t)((offset - log->start) % BLOCK_BYTES);
    len = log->end - offset;
    if (len > BLOCK_BYTES - within) {
        len = BLOCK_BYTES - within;
    }
    if (len > max_bytes) {
        len = max_bytes;
    }
    *out = bytes_make(*block_at(log, (size_t)((offset - log->start) / BLOCK_BYTES)) + within,
                      (size_t)len);
    return OPLOG_OK;
}

void oplog_trim(struct oplog *log, uint64_t keep_bytes, uint64_t keep_from)
{
    uint64_t len = log->end - log->start;
    uint64_t limit = keep_bytes < len ? log->end - keep_bytes : log->start;

    if (keep_from < limit) {
        limit = keep_from;
    }
    while (log->count > 0 && log->start + BLOCK_BYTES <= limit) {
        drop_first_block(log);
        log->start += BLOCK_BYTES;
    }
    DEBUG_ASSERT((oplog_check(log), true));
}

void oplog_fork(struct oplog *log, struct history_id history)
{
    lineage_add(&log->lineage, &log->history, log->end);
    log->history = history;
}

void oplog_adopt(struct oplog *log, struct history_id history)
{
    if (!history_id_equal(&history, &log->history)) {
        oplog_fork(log, history);
    }
}

void oplog_restart(struct oplog *log, struct history_id history, uint64_t end_offset)
{
    while (log->count > 0) {
        drop_first_block(log);
    }
    log->history = history;
    log->lineage = (struct lineage){0};
    log->generation++;
    log->start = end_offset;
    log->end = end_offset;
}

void oplog_set_lineage(struct oplog *log, const struct lineage *lineage)
{
    log->lineage = *lineage;
    oplog_check(log);
}

uint64_t oplog_generation(const struct oplog *log)
{
    return log->generation;
}

size_t oplog_memory(const struct oplog *log)
{
    size_t blocks = log->count + (log->spare != NULL ? 1 : 0);

    return sizeof(*log) + log->ring_cap * sizeof(*log->ring) + blocks * BLOCK_BYTES;
}

void oplog_check(const struct oplog *log)
{
    uint64_t len = log->end - log->start;

    ASSERT(log->start <= log->end);
    ASSERT(log->count == (len + BLOCK_BYTES - 1) / BLOCK_BYTES);
    ASSERT(log->count <= log->ring_cap);
    lineage_check(&log->lineage);
    ASSERT(oplog_previous_end(log) <= log->end);
    ASSERT(log->history.text[HISTORY_ID_LEN] == '\0');
}
