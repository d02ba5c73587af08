/* SPDX-License-Identifier: MIT */
/* HyperLogLog: how many different elements were seen, from 16384 small numbers (Flajolet et al. 2007;
 * the estimator is Ertl's of 2017, which needs no table of corrections).
 *
 * An element's hash names a register and a rank; the register keeps the highest rank that it met.  The
 * value is a string that any server of this kind reads:
 *
 *     0..3    "HYLL"
 *     4       0 dense, 1 sparse
 *     5..7    not used
 *     8..15   the count as last computed, lowest byte first; top bit: it is out of date
 *     16..    dense: 6 bits a register, from the lowest bit of the first byte on
 *             sparse: runs of equal registers,
 *                 00nnnnnn            n + 1 registers of 0
 *                 01nnnnnn nnnnnnnn   n + 1 registers of 0
 *                 1vvvvvnn            n + 1 registers of v + 1
 *
 * Invariants:  (1) what is written here is sound: the runs cover each register once
 *              (2) what is read is not trusted: hll_is_sound goes before everything else
 * Pure functions; struct hll is a value of some 32 KB for the stack. */
#ifndef STARLING_COMMAND_HLL_H
#define STARLING_COMMAND_HLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"

enum {
    HLL_REGISTERS = 16384,
    HLL_HEADER_BYTES = 16,
    HLL_DENSE_BYTES = HLL_HEADER_BYTES + HLL_REGISTERS * 6 / 8,
    HLL_MAX_BYTES = HLL_HEADER_BYTES + 2 * HLL_REGISTERS, /* no sound value is longer */
    HLL_SPARE_BYTES = 8,                                  /* more while a run is split */
};

/* A value on which work is done. */
struct hll {
    size_t len;
    char data[HLL_MAX_BYTES + HLL_SPARE_BYTES];
};

/* Where an element belongs. */
struct hll_place {
    uint16_t index;
    uint8_t rank; /* 1 to 51 */
};
struct hll_place hll_place(struct bytes element);

/* Does the string begin as such a value does, and has it the length that this implies? */
bool hll_is_hll(struct bytes value);
/* Of one that does: is its content in order? */
bool hll_is_sound(struct bytes value);
bool hll_is_dense(struct bytes value);

/* The count as it was computed, unless registers have risen since. */
bool hll_cached_count(struct bytes value, uint64_t *out);
/* The eight bytes that say so. */
enum {
    HLL_COUNT_AT = 8,
    HLL_COUNT_BYTES = 8,
};
void hll_encode_count(char *out, uint64_t count);

/* Raise each register to that of the value, which is sound. */
void hll_raise_to(uint8_t *registers, struct bytes value);
/* The estimate. */
uint64_t hll_count(const uint8_t *registers);

/* A sparse value of registers that are all 0. */
void hll_init(struct hll *h);
/* A copy of a sound value. */
void hll_load(struct hll *h, struct bytes value);
/* Raise the register to the rank; false when it is as high.  A sparse value becomes dense rather than longer
 * than sparse_max_bytes, and for ranks that runs cannot express. */
bool hll_raise(struct hll *h, struct hll_place place, uint64_t sparse_max_bytes);
/* Give it these registers, sparse unless that is impossible, too long, or not wanted. */
void hll_set_registers(struct hll *h, const uint8_t *registers, bool wants_dense,
                       uint64_t sparse_max_bytes);
void hll_mark_outdated(struct hll *h);

/* In a dense value. */
uint8_t hll_dense_get(struct bytes value, uint16_t index);
void hll_dense_put(char *data, uint16_t index, uint8_t rank);

/* The runs of a sparse value as text: "z:3 v:2,1 Z:16380". */
void hll_describe(struct bytes value, struct buf *out);

#endif
