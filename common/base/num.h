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
    NUM_F64_TEXT = 26,   /* the longest double, with the NUL that only printf needs */
    NUM_F80_TEXT = 5200, /* the longest long double without exponent */
};

MUST_USE bool num_parse_i64(struct bytes text, int64_t *out);
MUST_USE bool num_parse_u64(struct bytes text, uint64_t *out);
/* Floating point, rounded once, to the nearest; inf is allowed, nan is not, nor is what is too large or
 * would become 0. */
MUST_USE bool num_parse_f80(struct bytes text, long double *out);
MUST_USE bool num_parse_f64(struct bytes text, double *out);
/* "100", "64mb", "1gb", "5k": k, m, g are powers of 1000, kb, mb, gb of 1024. */
MUST_USE bool num_parse_size(struct bytes text, uint64_t *out_bytes);

/* Write without NUL and return the length; out has room for NUM_I64_TEXT. */
size_t num_format_i64(char *out, int64_t value);
size_t num_format_u64(char *out, uint64_t value);
/* The shortest text that reads back as the same double, as replies have it, not terminated: "inf",
 * "-inf", "nan", "-0", "3", "0.1", "1e+20", "1.5e-7".  Integers up to 2^62 have all their digits;
 * other numbers have an exponent when they end in more than seven zeros, or have more than six places
 * behind the point and a first digit that is more than three places away from it.  out has room for NUM_F64_TEXT. */
size_t num_format_f64(char *out, double value);
/* 17 significant digits, as printf's "%.17g" has them ("inf", "-inf", "nan" besides); not
 * terminated.  out has room for NUM_F64_TEXT. */
size_t num_format_f64_17g(char *out, double value);
/* As INCRBYFLOAT replies: up to 17 decimals, no exponent, no trailing zeros; not terminated.
 * out has room for NUM_F80_TEXT; value is finite. */
size_t num_format_f80(char *out, long double value);
/* Human readable size, such as "1.50M", terminated. */
void num_format_size(char *out, size_t out_size, uint64_t bytes);

#endif
