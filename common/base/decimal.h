/* SPDX-License-Identifier: MIT */
/* The shortest decimal that reads back as the same double; of those as short, the nearest to it.
 *
 * A double stands for all numbers that are nearer to it than to its neighbours, and for those half
 * way when its own last bit is even.  Raffaele Giulietti's method ("The Schubfach way to render
 * doubles", 2020): one multiplication by a power of ten each for the double and for both ends of
 * that interval, no loop and no large numbers. */
#ifndef STARLING_BASE_DECIMAL_H
#define STARLING_BASE_DECIMAL_H

#include <stdint.h>

/* digits * 10^exponent */
struct decimal {
    uint64_t digits; /* 17 of them at most; the last is not 0 */
    int exponent;
};

/* value is finite and greater than 0. */
struct decimal decimal_from_f64(double value);

#endif
