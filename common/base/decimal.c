/* SPDX-License-Identifier: MIT */
/* The double is c * 2^q.  Everything below counts in quarters, as the ends of its interval are half
 * a unit away, or a quarter below a power of two.  k is such that 10^k is not longer than the
 * interval, and 10^(k+1) is: so one multiple at least of the former lies inside, and one at most of
 * the latter. */
#include "base/decimal.h"

#include "base/assert.h"
#include "base/decimal_tables.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    FRACTION_BITS = 52,
    EXPONENT_MASK = 0x7ff,
    EXPONENT_BIAS = 1023 + FRACTION_BITS,
};

/* ISO C has no wider product; its compilers have. */
__extension__ typedef unsigned __int128 uint128;

/* What lies inside rounds to the double: the ends are in quarters of 10^k. */
struct interval {
    uint64_t value;
    uint64_t lower; /* the least and the greatest that are inside */
    uint64_t upper;
    int k;
};

/* floor(q * log10(2)), of three quarters of 2^q with is_lower_closer; exact for all exponents of
 * doubles.  So are the two below. */
static int floor_log10_pow2(int q, bool is_lower_closer)
{
    return (q * 1262611 - (is_lower_closer ? 524031 : 0)) >> 22;
}

static int floor_log2_pow10(int e)
{
    return (e * 1741647) >> 19;
}

/* g * c / 2^128; a fraction that is left makes the last bit odd, so that comparing with even
 * numbers goes as with the exact product. */
static uint64_t multiply_round_to_odd(const uint64_t g[2], uint64_t c)
{
    uint128 low = (uint128)g[1] * c;
    uint128 high = (uint128)g[0] * c + (uint64_t)(low >> 64);

    return (uint64_t)(high >> 64) | ((uint64_t)high > 1 ? 1 : 0);
}

static struct interval interval_of(double value)
{
    uint64_t bits;
    uint64_t fraction;
    int exponent;
    uint64_t c;
    int q;
    bool is_lower_closer;
    int k;
    int shift;
    const uint64_t *g;
    unsigned is_odd;

    memcpy(&bits, &value, sizeof(bits));
    fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
    exponent = (int)(bits >> FRACTION_BITS) & EXPONENT_MASK;
    c = exponent > 0 ? fraction | UINT64_C(1) << FRACTION_BITS : fraction;
    q = (exponent > 0 ? exponent : 1) - EXPONENT_BIAS;
    is_lower_closer = fraction == 0 && exponent > 1;
    k = floor_log10_pow2(q, is_lower_closer);
    shift = q + floor_log2_pow10(-k) + 1;
    ASSERT(-k >= DECIMAL_POWER_MIN && -k <= DECIMAL_POWER_MAX);
    g = decimal_powers[-k - DECIMAL_POWER_MIN];
    /* An end belongs to the double whose last bit is even. */
    is_odd = c & 1;
    return (struct interval){
        .value = multiply_round_to_odd(g, 4 * c << shift),
        .lower = multiply_round_to_odd(g, (4 * c - 2 + is_lower_closer) << shift) + is_odd,
        .upper = multiply_round_to_odd(g, (4 * c + 2) << shift) - is_odd,
        .k = k,
    };
}

/* Of the multiples of scale (in units of 10^k) next to the value, is exactly one inside?  *digits is
 * then how many times the scale it is. */
static bool find_lone_multiple(const struct interval *in, uint64_t scale, uint64_t *digits)
{
    uint64_t below = in->value / 4 / scale;
    bool is_below_inside = in->lower <= 4 * scale * below;
    bool is_above_inside = 4 * scale * (below + 1) <= in->upper;

    *digits = below + is_above_inside;
    return is_below_inside != is_above_inside;
}

static struct decimal drop_zeros(uint64_t digits, int exponent)
{
    ASSERT(digits > 0);
    /* Half of them at once: 1.5 comes here as 15000000000000000. */
    if (digits % 100000000 == 0) {
        digits /= 100000000;
        exponent += 8;
    }
    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    return (struct decimal){.digits = digits, .exponent = exponent};
}

struct decimal decimal_from_f64(double value)
{
    struct interval in;
    uint64_t digits;
    uint64_t middle;

    ASSERT(isfinite(value) && value > 0);
    in = interval_of(value);
    /* One digit less, if there is such a number. */
    if (in.value / 4 >= 10 && find_lone_multiple(&in, 10, &digits)) {
        return drop_zeros(digits, in.k + 1);
    }
    if (find_lone_multiple(&in, 1, &digits)) {
        return drop_zeros(digits, in.k);
    }
    /* Both neighbours are inside: the nearer, of equally near ones the even one. */
    digits = in.value / 4;
    middle = 4 * digits + 2;
    if (in.value > middle || (in.value == middle && (digits & 1) == 1)) {
        digits++;
    }
    return drop_zeros(digits, in.k);
}
