/* SPDX-License-Identifier: MIT */
/* Numbers as text.  Parsers are strict: the whole input, no blanks, no plus sign, no
 * leading zeros, no overflow, or false and *out untouched. */
#ifndef STARLING_BASE_NUM_H
#define STARLING_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"

enum {
    NUM_I64_TEXT = 20,   /* the longest int64 as text */
    NUM_F80_TEXT = 5200, /* the longest long double without exponent */
};

MUST_USE bool num_parse_i64(struct bytes text, int64_t *out);
MUST_USE bool num_parse_u64(struct bytes text, uint64_t *out);
/* Decimal floating point, inf allowed, nan refused. */
MUST_USE bool num_parse_f80(struct bytes text, long double *out);
MUST_USE bool num_parse_f64(struct bytes text, double *out);
/* "100", "64mb", "1gb", "5k": k, m, g are powers of 1000, kb, mb, gb of 1024. */
MUST_USE bool num_parse_size(struct bytes text, uint64_t *out_bytes);

/* Write without NUL and return the length; out has room for NUM_I64_TEXT. */
size_t num_format_i64(char *out, int64_t value);
size_t num_format_u64(char *out, uint64_t value);
/* As INCRBYFLOAT replies: up to 17 decimals, no exponent, no trailing zeros; not terminated.
 * out has room for NUM_F80_TEXT; value is finite. */
size_t num_format_f80(char *out, long double value);
/* Human readable size, such as "1.50M", terminated. */
void num_format_size(char *out, size_t out_size, uint64_t bytes);

#endif
