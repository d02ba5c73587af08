/* SPDX-License-Identifier: MIT */
/* HyperLogLogs that others made: whatever the bytes, nothing outside of them is read, and a value that is
 * sound stays so, with the registers that it should have, while elements are added.
 *
 * Input: one byte that tells the limit of runs and how many elements are added, then the value. */
#include "tests/fuzz/fuzz.h"

#include "base/assert.h"
#include "base/mem.h"
#include "command/hll.h"

#include <string.h>

/* A copy with nothing behind it, so that a read too far is seen. */
static struct bytes copy_of(struct bytes b)
{
    char *memory = mem_alloc(MEM_TEST, b.len + 1);

    memcpy(memory + 1, b.data, b.len);
    return bytes_make(memory + 1, b.len);
}

static void free_copy(struct bytes b)
{
    mem_free(MEM_TEST, (char *)(uintptr_t)b.data - 1);
}

static void add_elements(struct hll *h, uint8_t *registers, size_t count, uint64_t max_bytes)
{
    for (size_t i = 0; i < count; i++) {
        struct hll_place place = hll_place(bytes_make(&i, sizeof(i)));
        bool is_higher = place.rank > registers[place.index];

        ASSERT(hll_raise(h, place, max_bytes) == is_higher);
        registers[place.index] = is_higher ? place.rank : registers[place.index];
        ASSERT(hll_is_sound(bytes_make(h->data, h->len)));
    }
}

static void run_value(struct bytes value, size_t count, uint64_t max_bytes)
{
    static uint8_t registers[HLL_REGISTERS];
    static uint8_t again[HLL_REGISTERS];
    static struct hll h;
    struct buf text = {0};

    memset(registers, 0, sizeof(registers));
    memset(again, 0, sizeof(again));
    if (!hll_is_hll(value) || !hll_is_sound(value)) {
        return;
    }
    hll_raise_to(registers, value);
    hll_load(&h, value);
    if (!hll_is_dense(value)) {
        hll_describe(value, &text);
    }
    add_elements(&h, registers, count, max_bytes);
    hll_raise_to(again, bytes_make(h.data, h.len));
    ASSERT(memcmp(again, registers, sizeof(again)) == 0);
    hll_set_registers(&h, registers, false, max_bytes);
    hll_raise_to(again, bytes_make(h.data, h.len));
    ASSERT(memcmp(again, registers, sizeof(again)) == 0);
    hll_count(registers);
    buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t used = mem_used_total();
    struct bytes value;

    if (size == 0) {
        return 0;
    }
    value = copy_of(bytes_make(data + 1, size - 1));
    run_value(value, data[0] % 16, (data[0] / 16) * 256);
    free_copy(value);
    ASSERT(mem_used_total() == used);
    return 0;
}
