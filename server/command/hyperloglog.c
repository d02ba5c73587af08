/* SPDX-License-Identifier: MIT */
/* PFADD, PFCOUNT and PFMERGE: strings that are HyperLogLogs (command/hll.h). */
#include "base/assert.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/hll.h"
#include "command/lookup.h"
#include "store/value_space.h"

static uint64_t sparse_max_bytes(const struct exec *x)
{
    return keyspace_values(x->keyspace)->limits.hll_sparse_max_bytes;
}

/* The value, which is borrowed; false after an error reply. */
static bool read_value(struct exec *x, const struct entry *e, struct bytes *out)
{
    char scratch[INTEGER_SCRATCH];

    *out = entry_string(e, scratch);
    if (!hll_is_hll(*out)) {
        resp_write_error(x->reply, "WRONGTYPE Key is not a valid HyperLogLog string value.");
        return false;
    }
    if (!hll_is_sound(*out)) {
        resp_write_error(x->reply, "INVALIDOBJ Corrupted HLL object detected");
        return false;
    }
    return true;
}

static int64_t expiry_of(const struct entry *e)
{
    return e != NULL ? entry_expire_at_ms(e) : EXPIRE_NEVER;
}

/* A dense value is changed where it is. */
static bool add_to_dense(struct exec *x, const struct key_ref *ref, struct bytes value)
{
    struct value_edit edit;
    bool is_raised = false;
    size_t i = 2;

    for (; i < x->arg_count && !is_raised; i++) {
        struct hll_place place = hll_place(x->args[i]);

        is_raised = hll_dense_get(value, place.index) < place.rank;
    }
    if (!is_raised) {
        return false;
    }
    keyspace_open_string(x->keyspace, ref, value.len, &edit);
    for (i--; i < x->arg_count; i++) {
        struct hll_place place = hll_place(x->args[i]);

        if (hll_dense_get(bytes_make(edit.data, edit.len), place.index) < place.rank) {
            hll_dense_put(edit.data, place.index, place.rank);
        }
    }
    edit.data[HLL_COUNT_AT + HLL_COUNT_BYTES - 1] |= (char)0x80;
    keyspace_close(x->keyspace, &edit);
    return true;
}

static bool add_to_sparse(struct exec *x, const struct key_ref *ref, const struct entry *e,
                          struct bytes value)
{
    bool is_raised = e == NULL;
    struct hll h;

    if (e != NULL) {
        hll_load(&h, value);
    } else {
        hll_init(&h);
    }
    for (size_t i = 2; i < x->arg_count; i++) {
        is_raised |= hll_raise(&h, hll_place(x->args[i]), sparse_max_bytes(x));
    }
    if (is_raised) {
        hll_mark_outdated(&h);
        keyspace_set(x->keyspace, ref, bytes_make(h.data, h.len), expiry_of(e));
    }
    return is_raised;
}

enum exec_result cmd_pfadd(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct bytes value = {0};
    struct entry *e;
    bool is_raised;

    if (!lookup_write_type(x, &ref, VALUE_STRING, &e) || (e != NULL && !read_value(x, e, &value))) {
        return EXEC_DONE;
    }
    is_raised = e != NULL && hll_is_dense(value) ? add_to_dense(x, &ref, value)
                                                 : add_to_sparse(x, &ref, e, value);
    if (is_raised) {
        effects_add_verbatim(x->effects);
        notify(x, EVENT_STRING, "pfadd", ref.bytes);
    }
    resp_write_integer(x->reply, is_raised ? 1 : 0);
    return EXEC_DONE;
}

/* The count is kept in the value, and travels as the bytes that it is: who gets it need not compute it. */
static void keep_count(struct exec *x, const struct key_ref *ref, uint64_t count)
{
    char text[HLL_COUNT_BYTES];
    struct value_edit edit;

    hll_encode_count(text, count);
    keyspace_open_string(x->keyspace, ref, HLL_HEADER_BYTES, &edit);
    memcpy(edit.data + HLL_COUNT_AT, text, sizeof(text));
    keyspace_close(x->keyspace, &edit);
    effects_add(x->effects,
                (const struct bytes[]){BYTES_LITERAL("SETRANGE"), ref->bytes, BYTES_LITERAL("8"),
                                       bytes_make(text, sizeof(text))},
                4);
}

static void count_one(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    uint8_t registers[HLL_REGISTERS] = {0};
    struct bytes value;
    struct entry *e;
    uint64_t count = 0;

    if (!lookup_read_type(x, &ref, VALUE_STRING, &e) || (e != NULL && !read_value(x, e, &value))) {
        return;
    }
    if (e != NULL && !hll_cached_count(value, &count)) {
        hll_raise_to(registers, value);
        count = hll_count(registers);
        if (x->is_primary || x->from_primary) {
            keep_count(x, &ref, count);
        }
    }
    resp_write_integer(x->reply, (int64_t)count);
}

/* Raise the registers to those of the argument; false after an error reply. */
static bool merge_argument(struct exec *x, size_t index, uint8_t *registers, bool *is_dense)
{
    struct key_ref ref = lookup_ref(x, index);
    struct bytes value;
    struct entry *e;

    if (!lookup_read_type(x, &ref, VALUE_STRING, &e)) {
        return false;
    }
    if (e != NULL) {
        if (!read_value(x, e, &value)) {
            return false;
        }
        hll_raise_to(registers, value);
        *is_dense = *is_dense || hll_is_dense(value);
    }
    return true;
}

enum exec_result cmd_pfcount(struct exec *x)
{
    uint8_t registers[HLL_REGISTERS] = {0};
    bool is_dense = false;

    if (x->arg_count == 2) {
        count_one(x);
        return EXEC_DONE;
    }
    for (size_t i = 1; i < x->arg_count; i++) {
        if (!merge_argument(x, i, registers, &is_dense)) {
            return EXEC_DONE;
        }
    }
    resp_write_integer(x->reply, (int64_t)hll_count(registers));
    return EXEC_DONE;
}

enum exec_result cmd_pfmerge(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    uint8_t registers[HLL_REGISTERS] = {0};
    uint8_t before[HLL_REGISTERS] = {0};
    bool is_dense = false;
    bool was_dense = false;
    struct entry *e;
    struct hll h;

    /* The destination is one of the sources. */
    if (!merge_argument(x, 1, registers, &was_dense)) {
        return EXEC_DONE;
    }
    memcpy(before, registers, sizeof(before));
    is_dense = was_dense;
    for (size_t i = 2; i < x->arg_count; i++) {
        if (!merge_argument(x, i, registers, &is_dense)) {
            return EXEC_DONE;
        }
    }
    e = keyspace_find_any(x->keyspace, &ref);
    e = e != NULL && lookup_is_visible(x, e) ? e : NULL;
    if (e == NULL || is_dense != was_dense || memcmp(before, registers, sizeof(before)) != 0) {
        hll_init(&h);
        hll_set_registers(&h, registers, is_dense, sparse_max_bytes(x));
        hll_mark_outdated(&h);
        keyspace_set(x->keyspace, &ref, bytes_make(h.data, h.len), expiry_of(e));
        effects_add_verbatim(x->effects);
    }
    notify(x, EVENT_STRING, "pfadd", ref.bytes); /* also when it was that already */
    resp_write_ok(x->reply);
    return EXEC_DONE;
}

/* ---- looking inside ---------------------------------------------------------------------------------- */

static void show_registers(struct exec *x, struct bytes value)
{
    uint8_t registers[HLL_REGISTERS] = {0};

    hll_raise_to(registers, value);
    resp_write_array(x->reply, HLL_REGISTERS);
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        resp_write_integer(x->reply, registers[i]);
    }
}

static void show_runs(struct exec *x, struct bytes value)
{
    struct buf text = {0};

    if (hll_is_dense(value)) {
        resp_write_error(x->reply, "ERR HLL encoding is not sparse");
        return;
    }
    hll_describe(value, &text);
    resp_write_bulk(x->reply, buf_bytes(&text));
    buf_deinit(&text);
}

static void to_dense(struct exec *x, const struct key_ref *ref, const struct entry *e,
                     struct bytes value)
{
    uint8_t registers[HLL_REGISTERS] = {0};
    struct hll h;

    if (hll_is_dense(value)) {
        resp_write_integer(x->reply, 0);
        return;
    }
    hll_load(&h, value);
    hll_raise_to(registers, value);
    hll_set_registers(&h, registers, true, 0);
    keyspace_set(x->keyspace, ref, bytes_make(h.data, h.len), entry_expire_at_ms(e));
    effects_add_verbatim(x->effects);
    resp_write_integer(x->reply, 1);
}

enum exec_result cmd_pfdebug(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 2);
    struct bytes value;
    struct entry *e;

    if (!lookup_write_type(x, &ref, VALUE_STRING, &e)) {
        return EXEC_DONE;
    }
    if (e == NULL) {
        resp_write_error(x->reply, "ERR The specified key does not exist");
        return EXEC_DONE;
    }
    if (!read_value(x, e, &value)) {
        return EXEC_DONE;
    }
    if (argument_is(x, 1, "GETREG")) {
        show_registers(x, value);
    } else if (argument_is(x, 1, "DECODE")) {
        show_runs(x, value);
    } else if (argument_is(x, 1, "ENCODING")) {
        resp_write_simple(x->reply, hll_is_dense(value) ? "dense" : "sparse");
    } else if (argument_is(x, 1, "TODENSE")) {
        to_dense(x, &ref, e, value);
    } else {
        resp_write_error(x->reply, "ERR Unknown PFDEBUG subcommand '%.*s'", BYTES_ARGS(x->args[1]));
    }
    return EXEC_DONE;
}

/* ---- PFSELFTEST ------------------------------------------------------------------------------- */

/* Do both forms keep what is put into them? */
static bool keeps_registers(struct rng *rng)
{
    uint8_t wanted[HLL_REGISTERS] = {0};
    uint8_t found[HLL_REGISTERS] = {0};
    struct hll h;

    hll_init(&h);
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        struct hll_place place = {.index = (uint16_t)rng_below(rng, HLL_REGISTERS),
                                  .rank = (uint8_t)(1 + rng_below(rng, 40))};
        bool is_higher = place.rank > wanted[place.index];

        wanted[place.index] = is_higher ? place.rank : wanted[place.index];
        if (hll_raise(&h, place, HLL_DENSE_BYTES) != is_higher) {
            return false;
        }
    }
    hll_raise_to(found, bytes_make(h.data, h.len));
    return hll_is_sound(bytes_make(h.data, h.len)) && memcmp(wanted, found, sizeof(wanted)) == 0;
}

/* Is the estimate as near as the method promises, whose standard error is 0.8 %? */
static bool counts_well(struct rng *rng)
{
    uint8_t registers[HLL_REGISTERS] = {0};
    uint64_t checked = 10;

    for (uint64_t count = 1; count <= 100000; count++) {
        uint64_t element = rng_u64(rng);
        struct hll_place place = hll_place(bytes_make(&element, sizeof(element)));

        if (registers[place.index] < place.rank) {
            registers[place.index] = place.rank;
        }
        if (count == checked) {
            uint64_t found = hll_count(registers);
            uint64_t off = found > count ? found - count : count - found;

            if (off > count / 20 + 1) {
                return false;
            }
            checked *= 10;
        }
    }
    return true;
}

enum exec_result cmd_pfselftest(struct exec *x)
{
    if (!keeps_registers(x->rng)) {
        resp_write_error(x->reply, "ERR TESTFAILED Registers are not what was put into them");
    } else if (!counts_well(x->rng)) {
        resp_write_error(x->reply, "ERR TESTFAILED The estimate is too far from the count");
    } else {
        resp_write_ok(x->reply);
    }
    return EXEC_DONE;
}
