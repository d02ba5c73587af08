/* SPDX-License-Identifier: MIT */
/* base/decimal, and num_format_f64 on top of it. */
#include "base/decimal.h"

#include "base/decimal_tables.h"
#include "base/rng.h"

#include "tests/unit/seed.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static double of_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Formatted and terminated. */
static const char *text_of(double value)
{
    static char text[NUM_F64_TEXT + 1];
    size_t len = num_format_f64(text, value);

    cr_assert_leq(len, NUM_F64_TEXT);
    text[len] = '\0';
    return text;
}

/* Significant digits: those of the mantissa, without zeros on either side. */
static size_t digits_of(const char *text)
{
    char digits[64];
    size_t count = 0;

    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && (count > 0 || *text != '0')) {
            digits[count++] = *text;
        }
    }
    while (count > 0 && digits[count - 1] == '0') {
        count--;
    }
    return count;
}

/* What printf needs: the least of 15 to 17 digits that reads back. */
static size_t digits_by_trying(double value)
{
    char text[40];

    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    return digits_of(text);
}

static bool is_shortest(double value)
{
    const char *text = text_of(value);
    double back;

    return num_parse_f64(bytes_from_text(text), &back) &&
           memcmp(&back, &value, sizeof(back)) == 0 &&
           ((fabs(value) <= 0x1p62 && value == floor(value)) ||
            digits_of(text) <= digits_by_trying(value));
}

static const struct {
    double value;
    const char *text;
} vectors[] = {
    {0.0,                     "0"                        },
    {-0.0,                    "-0"                       },
    {3.0,                     "3"                        },
    {-1.0,                    "-1"                       },
    {3.14,                    "3.14"                     },
    {0.1 + 0.2,               "0.30000000000000004"      },
    {1.0 / 3.0,               "0.3333333333333333"       },
    {10.5,                    "10.5"                     },
    {1e15,                    "1000000000000000"         },
    {1e17,                    "100000000000000000"       },
    {1e18,                    "1000000000000000000"      },
    {0x1p62,                  "4611686018427387904"      },
    {0x1.0000000000001p62,    "4611686018427389000"      },
    {-0x1p62,                 "-4611686018427387904"     },
    {0x1p63,                  "9223372036854776000"      },
    {0x1.8p63,                "13835058055282164000"     },
    {1e19,                    "1e+19"                    },
    {1.5e19,                  "1.5e+19"                  },
    {123456789012e10,         "1.23456789012e+21"        },
    {12345678901234567e7,     "123456789012345670000000" },
    {12345678901234567e8,     "1.2345678901234568e+24"   },
    {-12345678901234567e7,    "-123456789012345670000000"},
    {1e20,                    "1e+20"                    },
    {1e21,                    "1e+21"                    },
    {1e22,                    "1e+22"                    },
    {1e23,                    "1e+23"                    },
    {1e100,                   "1e+100"                   },
    {-1e300,                  "-1e+300"                  },
    {0.5,                     "0.5"                      },
    {1e-5,                    "0.00001"                  },
    {1e-6,                    "0.000001"                 },
    {1e-7,                    "1e-7"                     },
    {1.5e-6,                  "1.5e-6"                   },
    {1.5e-7,                  "1.5e-7"                   },
    {0.000123456789,          "1.23456789e-4"            },
    {0.00123456789,           "0.00123456789"            },
    {1234.56789012,           "1234.56789012"            },
    {12345.678901,            "12345.678901"             },
    {12345.6789012,           "1.23456789012e+4"         },
    {5e-324,                  "5e-324"                   },
    {-5e-324,                 "-5e-324"                  },
    {1e-323,                  "1e-323"                   },
    {1.5e-323,                "1.5e-323"                 },
    {0x0.fffffffffffffp-1022, "2.225073858507201e-308"   },
    {DBL_MIN,                 "2.2250738585072014e-308"  },
    {DBL_MAX,                 "1.7976931348623157e+308"  },
    {-DBL_MAX,                "-1.7976931348623157e+308" },
    {DBL_EPSILON,             "2.220446049250313e-16"    },
    {9007199254740991.0,      "9007199254740991"         },
    {9007199254740992.0,      "9007199254740992"         },
    {9007199254740994.0,      "9007199254740994"         },
    {-9007199254740993.0,     "-9007199254740992"        },
    {4503599627370495.5,      "4503599627370495.5"       },
    {2.0e-308,                "2e-308"                   },
    {9.5367431640625e-7,      "9.5367431640625e-7"       },
    {0x1p-44,                 "5.684341886080802e-14"    },
    {5.764607523034235e39,    "5.764607523034235e+39"    },
    {1.152921504606847e40,    "1.152921504606847e+40"    },
    {2.2250738585072011e-308, "2.225073858507201e-308"   },
};

Test(decimal, doubles_are_written_as_replies_have_them)
{
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        cr_assert_str_eq(text_of(vectors[i].value), vectors[i].text);
    }
    cr_assert_str_eq(text_of((double)INFINITY), "inf");
    cr_assert_str_eq(text_of((double)-INFINITY), "-inf");
    cr_assert_str_eq(text_of((double)NAN), "nan");
    cr_assert_str_eq(text_of((double)-NAN), "nan");
}

Test(decimal, seventeen_digits_are_those_of_printf)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0,                "0"                       },
        {-0.0,               "-0"                      },
        {3.0,                "3"                       },
        {0.1,                "0.10000000000000001"     },
        {1e16,               "10000000000000000"       },
        {1e17,               "1e+17"                   },
        {1e-5,               "1.0000000000000001e-05"  },
        {-DBL_MAX,           "-1.7976931348623157e+308"},
        {-DBL_MIN,           "-2.2250738585072014e-308"},
        {(double)INFINITY,   "inf"                     },
        {(double)-INFINITY,  "-inf"                    },
        {(double)-NAN,       "nan"                     },
        {9007199254740992.0, "9007199254740992"        },
    };
    char out[NUM_F64_TEXT];

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes text = bytes_make(out, num_format_f64_17g(out, cases[i].value));

        cr_assert(bytes_equal_text(text, cases[i].text), "%.*s", BYTES_ARGS(text));
    }
}

Test(decimal, both_neighbours_of_every_power_of_two_read_back)
{
    for (uint64_t exponent = 0; exponent < 0x7ff; exponent++) {
        uint64_t bits = exponent << 52;

        cr_assert(is_shortest(of_bits(bits)), "%a", of_bits(bits));
        cr_assert(is_shortest(of_bits(bits + 1)), "%a", of_bits(bits + 1));
        cr_assert(is_shortest(of_bits(bits + ((UINT64_C(1) << 52) - 1))), "%" PRIu64, exponent);
    }
}

Test(decimal, powers_of_ten_have_one_digit)
{
    for (int e = -323; e <= 308; e++) {
        char text[16];
        double value;
        struct decimal decimal;

        snprintf(text, sizeof(text), "1e%d", e);
        value = strtod(text, NULL);
        decimal = decimal_from_f64(value);
        cr_assert(decimal.digits == 1 && decimal.exponent == e, "%s", text);
        cr_assert(is_shortest(nextafter(value, 0)), "below %s", text);
        cr_assert(is_shortest(nextafter(value, (double)INFINITY)), "above %s", text);
    }
}

Test(decimal, of_equally_short_texts_the_nearest_is_taken)
{
    /* Both 4.9e-324 and 5e-324 read back as the least double, and 5e-324 is one digit. */
    cr_assert_str_eq(text_of(of_bits(1)), "5e-324");
    /* 2^-44 is 5.6843418860808015e-14: a tie of two texts of 16 digits goes to the even one. */
    cr_assert_str_eq(text_of(0x1p-44), "5.684341886080802e-14");
}

Test(decimal, any_double_reads_back_from_no_more_digits_than_printf_needs, .timeout = 120)
{
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int i = 0; i < 1000000; i++) {
        double value = of_bits(rng_u64(&rng));

        SEED_ASSERT(!isfinite(value) || is_shortest(value), seed);
    }
}

Test(decimal, numbers_that_people_write_read_back_as_written)
{
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int i = 0; i < 100000; i++) {
        char written[40];
        uint64_t digits = rng_below(&rng, UINT64_C(1000000000000000)) + 1;
        int places = 1 + (int)rng_below(&rng, 15);
        double value;

        snprintf(written, sizeof(written), "%" PRIu64 "e-%d", digits, places);
        value = strtod(written, NULL);
        SEED_ASSERT(digits_of(text_of(value)) == digits_of(written), seed);
        SEED_ASSERT(strtod(text_of(value), NULL) == value, seed);
    }
}

/* ---- the table -------------------------------------------------------------------------------- */

enum {
    LIMBS = 40, /* 1280 bits: 10^324 has 1077 */
};

/* Little-endian. */
struct big {
    uint32_t limb[LIMBS];
};

static void multiply(struct big *n, uint32_t factor)
{
    uint64_t carry = 0;

    for (size_t i = 0; i < LIMBS; i++) {
        carry += (uint64_t)n->limb[i] * factor;
        n->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    cr_assert_eq(carry, 0);
}

static int bit_count(const struct big *n)
{
    for (int bit = LIMBS * 32 - 1; bit >= 0; bit--) {
        if ((n->limb[bit / 32] >> (bit % 32) & 1) != 0) {
            return bit + 1;
        }
    }
    return 0;
}

static int bit_at(const struct big *n, int bit)
{
    return bit < 0 ? 0 : (int)(n->limb[bit / 32] >> (bit % 32) & 1);
}

static bool is_below(const struct big *a, const struct big *b)
{
    for (size_t i = LIMBS; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i];
        }
    }
    return false;
}

static void subtract(struct big *a, const struct big *b)
{
    uint64_t borrow = 0;

    for (size_t i = 0; i < LIMBS; i++) {
        uint64_t difference = (uint64_t)a->limb[i] - b->limb[i] - borrow;

        a->limb[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
}

static void push_bit(uint64_t g[2], int bit)
{
    g[0] = g[0] << 1 | g[1] >> 63;
    g[1] = g[1] << 1 | (uint64_t)bit;
}

static void round_up(uint64_t g[2])
{
    g[1]++;
    g[0] += g[1] == 0 ? 1 : 0;
}

/* The first 128 bits of a large number, rounded up. */
static void first_bits(const struct big *n, uint64_t g[2])
{
    int top = bit_count(n) - 1;
    bool is_exact = true;

    for (int i = 0; i < 128; i++) {
        push_bit(g, bit_at(n, top - i));
    }
    for (int bit = top - 128; bit >= 0; bit--) {
        is_exact = is_exact && bit_at(n, bit) == 0;
    }
    if (!is_exact) {
        round_up(g);
    }
}

/* Those of its reciprocal, by long division, which never comes out even. */
static void first_bits_of_reciprocal(const struct big *n, uint64_t g[2])
{
    struct big rest = {{1}};

    while (g[0] >> 63 == 0) {
        multiply(&rest, 2);
        if (is_below(&rest, n)) {
            push_bit(g, 0);
        } else {
            subtract(&rest, n);
            push_bit(g, 1);
        }
    }
    round_up(g);
}

Test(decimal, the_table_is_what_long_arithmetic_gives)
{
    struct big power = {{1}};

    for (int e = 0; e <= DECIMAL_POWER_MAX; e++) {
        uint64_t g[2] = {0, 0};
        uint64_t reciprocal[2] = {0, 0};
        const uint64_t *row = decimal_powers[e - DECIMAL_POWER_MIN];

        first_bits(&power, g);
        cr_assert(row[0] == g[0] && row[1] == g[1], "10^%d", e);
        if (e > 0 && -e >= DECIMAL_POWER_MIN) {
            row = decimal_powers[-e - DECIMAL_POWER_MIN];
            first_bits_of_reciprocal(&power, reciprocal);
            cr_assert(row[0] == reciprocal[0] && row[1] == reciprocal[1], "10^-%d", e);
        }
        multiply(&power, 10);
    }
}
