/* SPDX-License-Identifier: MIT */
/* Text to number and back. */
#include "base/num.h"

#include "base/assert.h"
#include "base/decimal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool num_parse_u64(struct bytes text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.len == 0 || text.len > NUM_I64_TEXT || (text.len > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';

        if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool num_parse_i64(struct bytes text, int64_t *out)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    uint64_t magnitude;

    if (!num_parse_u64(bytes_from(text, negative ? 1 : 0), &magnitude)) {
        return false;
    }
    if (negative) {
        if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1) {
            return false;
        }
        *out = (int64_t)(0 - magnitude);
        return true;
    }
    if (magnitude > INT64_MAX) {
        return false;
    }
    *out = (int64_t)magnitude;
    return true;
}

enum {
    FLOAT_TEXT_LIMIT = 256,
    LONG_FLOAT_TEXT_LIMIT = 5120, /* what num_format_f80 writes is read back */
};

/* As a C string; false when it cannot be a number, or is too long to be looked at. */
static bool copy_float_text(struct bytes text, char *copy, size_t limit)
{
    if (text.len == 0 || text.len >= limit || bytes_find_byte(text, '\0') != SIZE_MAX ||
        text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r')) {
        return false;
    }
    bytes_to_text(text, copy, limit);
    return true;
}

bool num_parse_f80(struct bytes text, long double *out)
{
    char copy[LONG_FLOAT_TEXT_LIMIT];
    char *end;
    long double value;

    if (!copy_float_text(text, copy, sizeof(copy))) {
        return false;
    }
    errno = 0;
    value = strtold(copy, &end);
    if (*end != '\0' || end == copy || isnan(value) ||
        (errno == ERANGE && (isinf(value) || value == 0))) {
        return false;
    }
    *out = value;
    return true;
}

/* Digits with at most one point among them, whose value is a quotient of two numbers that are exact: then
 * so is their quotient, rounded once.  False for every other text. */
static bool parse_short_f64(struct bytes text, double *out)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool is_negative = text.len > 0 && text.data[0] == '-';
    uint64_t digits = 0;
    size_t digit_count = 0;
    size_t point = SIZE_MAX; /* digits before it */

    for (size_t i = is_negative ? 1 : 0; i < text.len; i++) {
        unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';

        if (digit <= 9 && digit_count < ARRAY_COUNT(powers) - 1) {
            digits = digits * 10 + digit;
            digit_count++;
        } else if (text.data[i] == '.' && point == SIZE_MAX) {
            point = digit_count;
        } else {
            return false;
        }
    }
    *out = (double)digits / (point == SIZE_MAX ? 1 : powers[digit_count - point]);
    *out = is_negative ? -*out : *out;
    return digit_count > 0;
}

/* Not by way of a long double: what is rounded twice may come out one bit off. */
bool num_parse_f64(struct bytes text, double *out)
{
    char copy[FLOAT_TEXT_LIMIT];
    char *end;
    double value;

    if (parse_short_f64(text, out)) {
        return true;
    }
    if (!copy_float_text(text, copy, sizeof(copy))) {
        return false;
    }
    errno = 0;
    value = strtod(copy, &end);
    if (*end != '\0' || end == copy || isnan(value) ||
        (errno == ERANGE && (isinf(value) || value == 0))) {
        return false;
    }
    *out = value;
    return true;
}

bool num_parse_size(struct bytes text, uint64_t *out_bytes)
{
    static const struct {
        const char *suffix;
        uint64_t factor;
    } units[] = {
        {"",   1         },
        {"b",  1         },
        {"k",  1000      },
        {"kb", 1024      },
        {"m",  1000000   },
        {"mb", 1048576   },
        {"g",  1000000000},
        {"gb", 1073741824},
    };
    size_t digits = 0;
    uint64_t count;

    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9') {
        digits++;
    }
    if (!num_parse_u64(bytes_prefix(text, digits), &count)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (bytes_equal_nocase(bytes_from(text, digits), units[i].suffix)) {
            if (count > UINT64_MAX / units[i].factor) {
                return false;
            }
            *out_bytes = count * units[i].factor;
            return true;
        }
    }
    return false;
}

static const char digit_pairs[] = "00010203040506070809"
                                  "10111213141516171819"
                                  "20212223242526272829"
                                  "30313233343536373839"
                                  "40414243444546474849"
                                  "50515253545556575859"
                                  "60616263646566676869"
                                  "70717273747576777879"
                                  "80818283848586878889"
                                  "90919293949596979899";

/* Two digits at a time, from the end. */
static size_t format_long(char *out, uint64_t value)
{
    char text[NUM_I64_TEXT];
    size_t at = sizeof(text);

    while (value >= 100) {
        at -= 2;
        memcpy(text + at, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(text + at, digit_pairs + value * 2, 2);
    } else {
        text[--at] = (char)('0' + value);
    }
    memcpy(out, text + at, sizeof(text) - at);
    return sizeof(text) - at;
}

size_t num_format_u64(char *out, uint64_t value)
{
    if (value < 10) {
        *out = (char)('0' + value);
        return 1;
    }
    if (value < 100) {
        memcpy(out, digit_pairs + value * 2, 2);
        return 2;
    }
    return format_long(out, value);
}

size_t num_format_i64(char *out, int64_t value)
{
    if (value < 0) {
        *out = '-';
        return 1 + num_format_u64(out + 1, 0 - (uint64_t)value);
    }
    return num_format_u64(out, (uint64_t)value);
}

/* Up to where a number is written without exponent. */
enum {
    ZEROS_BEHIND = 7,        /* of an integer */
    PLACES_BEHIND_POINT = 6, /* or, with more, a first digit that is near the point */
    PLACES_TO_POINT = 3,
};

/* How large an integer is written as one: half of what int64 holds. */
#define INTEGER_MAX 4611686018427387904.0

static char *put_text(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

static char *put_zeros(char *at, int count)
{
    memset(at, '0', (size_t)count);
    return at + count;
}

/* d.ddde+x */
static char *put_with_exponent(char *at, const char *digits, int count, int exponent)
{
    *at++ = digits[0];
    if (count > 1) {
        *at++ = '.';
        at = put_text(at, digits + 1, (size_t)count - 1);
    }
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    return at + num_format_u64(at, (uint64_t)(exponent < 0 ? -exponent : exponent));
}

static char *put_decimal(char *at, struct decimal decimal)
{
    char digits[NUM_I64_TEXT];
    int count = (int)num_format_u64(digits, decimal.digits);
    int point = count + decimal.exponent; /* digits that are left of it */
    int exponent = point - 1;             /* of the first digit */

    if (decimal.exponent >= 0 && decimal.exponent <= ZEROS_BEHIND) {
        return put_zeros(put_text(at, digits, (size_t)count), decimal.exponent);
    }
    if (decimal.exponent >= 0 || (decimal.exponent < -PLACES_BEHIND_POINT &&
                                  (exponent > PLACES_TO_POINT || exponent < -PLACES_TO_POINT))) {
        return put_with_exponent(at, digits, count, exponent);
    }
    if (point <= 0) {
        at = put_zeros(put_text(at, "0.", 2), -point);
        return put_text(at, digits, (size_t)count);
    }
    at = put_text(at, digits, (size_t)point);
    *at++ = '.';
    return put_text(at, digits + point, (size_t)(count - point));
}

/* What is no number that has digits; 0: it is one. */
static size_t format_special(char *out, double value)
{
    if (isnan(value)) {
        return (size_t)(put_text(out, "nan", 3) - out);
    }
    if (isinf(value)) {
        return (size_t)((value > 0 ? put_text(out, "inf", 3) : put_text(out, "-inf", 4)) - out);
    }
    return 0;
}

size_t num_format_f64(char *out, double value)
{
    char *at = out;

    if (value >= -INTEGER_MAX && value <= INTEGER_MAX && (double)(int64_t)value == value &&
        (value != 0 || !signbit(value))) {
        return num_format_i64(out, (int64_t)value);
    }
    if (!isfinite(value)) {
        return format_special(out, value);
    }
    if (signbit(value)) {
        *at++ = '-';
    }
    if (value == 0) {
        *at++ = '0';
    } else {
        at = put_decimal(at, decimal_from_f64(fabs(value)));
    }
    return (size_t)(at - out);
}

size_t num_format_f64_17g(char *out, double value)
{
    size_t len = format_special(out, value);

    if (len == 0) {
        int written = snprintf(out, NUM_F64_TEXT, "%.17g", value);

        ASSERT(written > 0 && written < NUM_F64_TEXT);
        len = (size_t)written;
    }
    return len;
}

size_t num_format_f80(char *out, long double value)
{
    int written;
    size_t len;

    ASSERT(isfinite(value));
    written = snprintf(out, NUM_F80_TEXT, "%.17Lf", value);
    ASSERT(written > 0 && written < NUM_F80_TEXT);
    len = (size_t)written;
    while (out[len - 1] == '0') {
        len--;
    }
    if (out[len - 1] == '.') {
        len--;
    }
    if (len == 2 && out[0] == '-' && out[1] == '0') {
        out[0] = '0';
        len = 1;
    }
    return len;
}

void num_format_size(char *out, size_t out_size, uint64_t bytes)
{
    static const char units[] = "BKMGTPE";
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024.0 && unit < sizeof(units) - 2) {
        value /= 1024.0;
        unit++;
    }
    snprintf(out, out_size, unit == 0 ? "%.0f%c" : "%.2f%c", value, units[unit]);
}
