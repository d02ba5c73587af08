/* SPDX-License-Identifier: MIT */
/* The two forms of a value, and the estimate. */
#include "command/hll.h"

#include "base/assert.h"

#include <math.h>
#include <string.h>

enum {
    FORM_AT = 4,
    FORM_DENSE = 0,
    FORM_SPARSE = 1,
    OUTDATED = 0x80,        /* in the last byte of the count */
    INDEX_BITS = 14,        /* of a hash; its other bits make the rank */
    RANK_MAX = 64 - 14 + 1, /* and that many ranks there are */
    ZEROS_MAX = 64,         /* registers of 0 in a run of one byte, */
    FAR_ZEROS_MAX = 16384,  /* and of two */
    RUN_RANK_MAX = 32,      /* highest rank in a run, */
    RUN_MAX = 4,            /* and how many registers it has at most */
    MERGED_RUNS = 5,        /* looked at for equal neighbours after a change */
};

/* ---- elements --------------------------------------------------------------------------------- */

static uint64_t load_le(const char *data, size_t len)
{
    uint64_t word = 0;

    for (size_t i = len; i > 0; i--) {
        word = (word << 8) | (unsigned char)data[i - 1];
    }
    return word;
}

/* MurmurHash64A (Austin Appleby, public domain), which the registers of all servers go by. */
static uint64_t hash_element(struct bytes b)
{
    const uint64_t factor = UINT64_C(0xc6a4a7935bd1e995);
    const uint64_t seed = UINT64_C(0xadc83b19);
    uint64_t hash = seed ^ (b.len * factor);
    size_t at = 0;

    for (; b.len - at >= 8; at += 8) {
        uint64_t word = load_le(b.data + at, 8) * factor;

        word = (word ^ (word >> 47)) * factor;
        hash = (hash ^ word) * factor;
    }
    if (at < b.len) {
        hash = (hash ^ load_le(b.data + at, b.len - at)) * factor;
    }
    hash = (hash ^ (hash >> 47)) * factor;
    return hash ^ (hash >> 47);
}

struct hll_place hll_place(struct bytes element)
{
    uint64_t hash = hash_element(element);
    uint64_t rest = (hash >> INDEX_BITS) | (UINT64_C(1) << (64 - INDEX_BITS));

    return (struct hll_place){.index = (uint16_t)(hash & (HLL_REGISTERS - 1)),
                              .rank = (uint8_t)(__builtin_ctzll(rest) + 1)};
}

/* ---- the header ------------------------------------------------------------------------------- */

bool hll_is_hll(struct bytes value)
{
    return value.len >= HLL_HEADER_BYTES && memcmp(value.data, "HYLL", 4) == 0 &&
           (value.data[FORM_AT] == FORM_SPARSE ||
            (value.data[FORM_AT] == FORM_DENSE && value.len == HLL_DENSE_BYTES));
}

bool hll_is_dense(struct bytes value)
{
    return value.data[FORM_AT] == FORM_DENSE;
}

bool hll_cached_count(struct bytes value, uint64_t *out)
{
    *out = load_le(value.data + HLL_COUNT_AT, HLL_COUNT_BYTES);
    return (*out >> 63) == 0;
}

void hll_encode_count(char *out, uint64_t count)
{
    for (size_t i = 0; i < HLL_COUNT_BYTES; i++) {
        out[i] = (char)(count >> (8 * i));
    }
}

void hll_mark_outdated(struct hll *h)
{
    char *last = &h->data[HLL_COUNT_AT + HLL_COUNT_BYTES - 1];

    *last = (char)((unsigned char)*last | OUTDATED);
}

/* ---- dense ------------------------------------------------------------------------------------ */

uint8_t hll_dense_get(struct bytes value, uint16_t index)
{
    const unsigned char *registers = (const unsigned char *)value.data + HLL_HEADER_BYTES;
    size_t bit = (size_t)index * 6;
    unsigned word = registers[bit / 8];

    if (bit % 8 > 2) {
        word |= (unsigned)registers[bit / 8 + 1] << 8;
    }
    return (uint8_t)((word >> (bit % 8)) & 63);
}

void hll_dense_put(char *data, uint16_t index, uint8_t rank)
{
    unsigned char *registers = (unsigned char *)data + HLL_HEADER_BYTES;
    size_t bit = (size_t)index * 6;
    unsigned shift = (unsigned)(bit % 8);
    unsigned mask = 63U << shift;
    unsigned bits = (unsigned)rank << shift;

    registers[bit / 8] = (unsigned char)((registers[bit / 8] & ~mask) | bits);
    if (shift > 2) {
        registers[bit / 8 + 1] =
            (unsigned char)((registers[bit / 8 + 1] & ~(mask >> 8)) | (bits >> 8));
    }
}

static uint8_t higher(uint8_t a, unsigned b)
{
    return a > b ? a : (uint8_t)b;
}

/* Four registers are three bytes. */
static void raise_to_dense(uint8_t *registers, struct bytes value)
{
    const unsigned char *at = (const unsigned char *)value.data + HLL_HEADER_BYTES;

    for (size_t i = 0; i < HLL_REGISTERS; i += 4, at += 3) {
        unsigned word = at[0] | ((unsigned)at[1] << 8) | ((unsigned)at[2] << 16);

        registers[i] = higher(registers[i], word & 63);
        registers[i + 1] = higher(registers[i + 1], (word >> 6) & 63);
        registers[i + 2] = higher(registers[i + 2], (word >> 12) & 63);
        registers[i + 3] = higher(registers[i + 3], word >> 18);
    }
}

static void make_dense(struct hll *h, const uint8_t *registers)
{
    h->data[FORM_AT] = FORM_DENSE;
    h->len = HLL_DENSE_BYTES;
    for (unsigned i = 0; i < HLL_REGISTERS; i++) {
        hll_dense_put(h->data, (uint16_t)i, registers[i]);
    }
}

/* ---- sparse ----------------------------------------------------------------------------------- */

struct run {
    unsigned rank; /* 0: of zeros */
    unsigned count;
    size_t bytes;
};

/* The run at data[at]; one byte that needs another and is the last is none: its count is 0. */
static struct run read_run(const char *data, size_t at, size_t len)
{
    unsigned byte = (unsigned char)data[at];

    if (byte & 0x80) {
        return (struct run){.rank = ((byte >> 2) & 31) + 1, .count = (byte & 3) + 1, .bytes = 1};
    }
    if (!(byte & 0x40)) {
        return (struct run){.count = (byte & 63) + 1, .bytes = 1};
    }
    if (at + 1 == len) {
        return (struct run){.bytes = 1};
    }
    return (struct run){.count = (((byte & 63) << 8) | (unsigned char)data[at + 1]) + 1,
                        .bytes = 2};
}

static size_t write_zeros(char *out, unsigned count)
{
    if (count == 0) {
        return 0;
    }
    if (count <= ZEROS_MAX) {
        out[0] = (char)(count - 1);
        return 1;
    }
    ASSERT(count <= FAR_ZEROS_MAX);
    out[0] = (char)(0x40 | ((count - 1) >> 8));
    out[1] = (char)(count - 1);
    return 2;
}

static size_t write_ranks(char *out, unsigned rank, unsigned count)
{
    if (count == 0) {
        return 0;
    }
    ASSERT(rank >= 1 && rank <= RUN_RANK_MAX && count <= RUN_MAX);
    out[0] = (char)(0x80 | ((rank - 1) << 2) | (count - 1));
    return 1;
}

static size_t write_run(char *out, unsigned rank, unsigned count)
{
    return rank == 0 ? write_zeros(out, count) : write_ranks(out, rank, count);
}

bool hll_is_sound(struct bytes value)
{
    size_t covered = 0;

    ASSERT(hll_is_hll(value));
    if (hll_is_dense(value)) {
        return true;
    }
    if (value.len > HLL_MAX_BYTES) {
        return false;
    }
    for (size_t at = HLL_HEADER_BYTES; at < value.len;) {
        struct run run = read_run(value.data, at, value.len);

        if (run.count == 0 || run.count > HLL_REGISTERS - covered) {
            return false;
        }
        covered += run.count;
        at += run.bytes;
    }
    return covered == HLL_REGISTERS;
}

static void raise_to_sparse(uint8_t *registers, struct bytes value)
{
    size_t index = 0;

    for (size_t at = HLL_HEADER_BYTES; at < value.len;) {
        struct run run = read_run(value.data, at, value.len);

        if (run.rank > 0) {
            for (unsigned i = 0; i < run.count; i++) {
                registers[index + i] = higher(registers[index + i], run.rank);
            }
        }
        index += run.count;
        at += run.bytes;
    }
    ASSERT(index == HLL_REGISTERS);
}

void hll_raise_to(uint8_t *registers, struct bytes value)
{
    if (hll_is_dense(value)) {
        raise_to_dense(registers, value);
    } else {
        raise_to_sparse(registers, value);
    }
}

static struct bytes contents(const struct hll *h)
{
    return bytes_make(h->data, h->len);
}

static void promote(struct hll *h)
{
    uint8_t registers[HLL_REGISTERS] = {0};

    raise_to_sparse(registers, contents(h));
    make_dense(h, registers);
}

/* Neighbours of the change that have become equal, and are few enough, become one run. */
static void merge_runs(struct hll *h, size_t at)
{
    for (int left = MERGED_RUNS; left > 0 && at < h->len; left--) {
        struct run run = read_run(h->data, at, h->len);
        struct run next;

        if (run.rank == 0 || at + run.bytes >= h->len) {
            at += run.bytes;
            continue;
        }
        next = read_run(h->data, at + run.bytes, h->len);
        if (next.rank != run.rank || run.count + next.count > RUN_MAX) {
            at += run.bytes;
            continue;
        }
        write_ranks(h->data + at + 1, run.rank, run.count + next.count);
        memmove(h->data + at, h->data + at + 1, h->len - at - 1);
        h->len--;
    }
}

/* Put the rank into the run at `at`, which begins with register first. */
static bool split_run(struct hll *h, size_t at, unsigned first, struct hll_place place,
                      uint64_t sparse_max_bytes)
{
    struct run run = read_run(h->data, at, h->len);
    unsigned before = place.index - first;
    char parts[HLL_SPARE_BYTES];
    size_t size = 0;

    size += write_run(parts + size, run.rank, before);
    size += write_ranks(parts + size, place.rank, 1);
    size += write_run(parts + size, run.rank, run.count - before - 1);
    ASSERT(size <= sizeof(parts));
    if (size > run.bytes && h->len + size - run.bytes > sparse_max_bytes) {
        return false;
    }
    memmove(h->data + at + size, h->data + at + run.bytes, h->len - at - run.bytes);
    memcpy(h->data + at, parts, size);
    h->len += size - run.bytes;
    return true;
}

static bool raise_dense(struct hll *h, struct hll_place place)
{
    if (hll_dense_get(contents(h), place.index) >= place.rank) {
        return false;
    }
    hll_dense_put(h->data, place.index, place.rank);
    return true;
}

bool hll_raise(struct hll *h, struct hll_place place, uint64_t sparse_max_bytes)
{
    size_t before = HLL_HEADER_BYTES; /* the run before that of the register */
    size_t at = HLL_HEADER_BYTES;
    unsigned first = 0;
    struct run run;

    if (hll_is_dense(contents(h))) {
        return raise_dense(h, place);
    }
    for (run = read_run(h->data, at, h->len); first + run.count <= place.index;
         run = read_run(h->data, at, h->len)) {
        first += run.count;
        before = at;
        at += run.bytes;
        ASSERT(at < h->len);
    }
    if (run.rank >= place.rank) {
        return false;
    }
    if (place.rank > RUN_RANK_MAX || !split_run(h, at, first, place, sparse_max_bytes)) {
        promote(h);
        return raise_dense(h, place);
    }
    merge_runs(h, before);
    return true;
}

void hll_init(struct hll *h)
{
    memset(h->data, 0, HLL_HEADER_BYTES);
    memcpy(h->data, "HYLL", 4);
    h->data[FORM_AT] = FORM_SPARSE;
    h->len = HLL_HEADER_BYTES + write_zeros(h->data + HLL_HEADER_BYTES, HLL_REGISTERS);
}

void hll_load(struct hll *h, struct bytes value)
{
    ASSERT(value.len <= HLL_MAX_BYTES);
    memcpy(h->data, value.data, value.len);
    h->len = value.len;
}

/* As runs; false when that is impossible or too long. */
static bool make_sparse(struct hll *h, const uint8_t *registers, uint64_t max_bytes)
{
    size_t len = HLL_HEADER_BYTES;
    unsigned i = 0;

    while (i < HLL_REGISTERS) {
        unsigned rank = registers[i];
        unsigned most = rank == 0 ? FAR_ZEROS_MAX : RUN_MAX;
        unsigned count = 1;

        while (count < most && i + count < HLL_REGISTERS && registers[i + count] == rank) {
            count++;
        }
        if (rank > RUN_RANK_MAX || len + 2 > HLL_MAX_BYTES) {
            return false;
        }
        len += write_run(h->data + len, rank, count);
        i += count;
    }
    h->data[FORM_AT] = FORM_SPARSE;
    h->len = len;
    return len <= max_bytes;
}

void hll_set_registers(struct hll *h, const uint8_t *registers, bool wants_dense,
                       uint64_t sparse_max_bytes)
{
    if (wants_dense || !make_sparse(h, registers, sparse_max_bytes)) {
        make_dense(h, registers);
    }
}

void hll_describe(struct bytes value, struct buf *out)
{
    for (size_t at = HLL_HEADER_BYTES; at < value.len;) {
        struct run run = read_run(value.data, at, value.len);

        buf_append_text(out, at == HLL_HEADER_BYTES ? "" : " ");
        if (run.rank > 0) {
            buf_printf(out, "v:%u,%u", run.rank, run.count);
        } else {
            buf_printf(out, "%c:%u", run.bytes == 1 ? 'z' : 'Z', run.count);
        }
        at += run.bytes;
    }
}

/* ---- the estimate ----------------------------------------------------------------------------- */

/* The two series of Ertl's estimator: how registers that are still 0, and those that can rise no further,
 * count.  Both end when a double has no room for what is added. */
static double sigma(double x)
{
    double y = 1;
    double sum = x;
    double last;

    if (x == 1.0) {
        return INFINITY;
    }
    do {
        x *= x;
        last = sum;
        sum += x * y;
        y += y;
    } while (last != sum);
    return sum;
}

static double tau(double x)
{
    double y = 1;
    double sum = 1 - x;
    double last;

    if (x == 0.0 || x == 1.0) {
        return 0;
    }
    do {
        x = sqrt(x);
        last = sum;
        y *= 0.5;
        sum -= (1 - x) * (1 - x) * y;
    } while (last != sum);
    return sum / 3;
}

uint64_t hll_count(const uint8_t *registers)
{
    const double alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    const double m = HLL_REGISTERS;
    unsigned of_rank[64] = {0};
    double z;

    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        of_rank[registers[i] & 63]++;
    }
    z = m * tau((m - of_rank[RANK_MAX]) / m);
    for (int rank = RANK_MAX - 1; rank >= 1; rank--) {
        z += of_rank[rank];
        z *= 0.5;
    }
    z += m * sigma(of_rank[0] / m);
    return (uint64_t)llround(alpha * m * m / z);
}
