/* SPDX-License-Identifier: MIT */
/* Days are counted in years that begin in March, so that the day of a leap year is the last one; 400 years have the same
 * number of days each time. */
#include "segment/log_place.h"

#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    DAY_MS = 24 * 60 * 60 * 1000,
    ERA_YEARS = 400,
    ERA_DAYS = 146097,
    YEAR_DAYS = 365,
    BEFORE_1970 = 719468, /* days from 0000-03-01 */
    YEAR_MIN = 1970,
};

#define TIME_END_MS INT64_C(253402300800000) /* of the year 9999 */

struct date {
    int64_t year;
    int64_t month; /* 1 to 12 */
    int64_t day;   /* 1 to 31 */
};

static int64_t days_of(const struct date *date)
{
    int64_t year = date->month > 2 ? date->year : date->year - 1;
    int64_t month = date->month > 2 ? date->month - 3 : date->month + 9; /* from March */
    int64_t of_era = year % ERA_YEARS;

    return year / ERA_YEARS * ERA_DAYS + of_era * YEAR_DAYS + of_era / 4 - of_era / 100 +
           (153 * month + 2) / 5 + date->day - 1 - BEFORE_1970;
}

static struct date date_of(int64_t days)
{
    int64_t shifted = days + BEFORE_1970;
    int64_t in_era = shifted % ERA_DAYS;
    int64_t of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / (ERA_DAYS - 1)) / 365;
    int64_t in_year = in_era - (YEAR_DAYS * of_era + of_era / 4 - of_era / 100);
    int64_t month = (5 * in_year + 2) / 153;
    struct date date = {.year = shifted / ERA_DAYS * ERA_YEARS + of_era,
                        .month = month < 10 ? month + 3 : month - 9,
                        .day = in_year - (153 * month + 2) / 5 + 1};

    date.year += date.month <= 2;
    return date;
}

/* So many digits at the front of *rest, which moves on. */
static bool take_digits(struct bytes *rest, size_t count, int64_t *out)
{
    *out = 0;
    if (rest->len < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (rest->data[i] < '0' || rest->data[i] > '9') {
            return false;
        }
        *out = *out * 10 + (rest->data[i] - '0');
    }
    *rest = bytes_from(*rest, count);
    return true;
}

static bool take_text(struct bytes *rest, const char *text)
{
    if (!bytes_has_prefix(*rest, text)) {
        return false;
    }
    *rest = bytes_from(*rest, strlen(text));
    return true;
}

/* ".5", ".123": one to three decimals; nothing: none. */
static bool take_fraction(struct bytes *rest, int64_t *ms)
{
    size_t count = 0;

    *ms = 0;
    if (!take_text(rest, ".")) {
        return true;
    }
    while (count < rest->len && rest->data[count] >= '0' && rest->data[count] <= '9') {
        count++;
    }
    if (count < 1 || count > 3 || !take_digits(rest, count, ms)) {
        return false;
    }
    for (; count < 3; count++) {
        *ms *= 10;
    }
    return true;
}

static bool parse_seconds(struct bytes text, int64_t *unix_ms)
{
    struct bytes rest = text;
    size_t point = bytes_find_byte(text, '.');
    uint64_t seconds;
    int64_t ms;

    if (!num_parse_u64(bytes_prefix(text, point < text.len ? point : text.len), &seconds) ||
        seconds >= (uint64_t)TIME_END_MS / 1000) {
        return false;
    }
    rest = bytes_from(rest, point < text.len ? point : text.len);
    if (!take_fraction(&rest, &ms) || rest.len > 0) {
        return false;
    }
    *unix_ms = (int64_t)seconds * 1000 + ms;
    return true;
}

static bool parse_date(struct bytes text, int64_t *unix_ms)
{
    struct date date;
    struct date again;
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t ms;
    int64_t days;

    if (!take_digits(&text, 4, &date.year) || !take_text(&text, "-") ||
        !take_digits(&text, 2, &date.month) || !take_text(&text, "-") ||
        !take_digits(&text, 2, &date.day) || !take_text(&text, "T") ||
        !take_digits(&text, 2, &hour) || !take_text(&text, ":") ||
        !take_digits(&text, 2, &minute) || !take_text(&text, ":") ||
        !take_digits(&text, 2, &second) || !take_fraction(&text, &ms) || !take_text(&text, "Z") ||
        text.len > 0) {
        return false;
    }
    if (date.year < YEAR_MIN || date.month < 1 || date.month > 12 || date.day < 1 || hour > 23 ||
        minute > 59 || second > 59) {
        return false;
    }
    days = days_of(&date);
    again = date_of(days);
    if (again.month != date.month || again.day != date.day) {
        return false; /* no such day */
    }
    *unix_ms = days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    return true;
}

bool log_place_parse(struct bytes text, struct log_place *out, struct errmsg *error)
{
    struct log_place place = {0};
    bool is_ok;

    if (num_parse_u64(text, &place.offset)) {
        *out = place;
        return true;
    }
    place.is_time = true;
    is_ok = bytes_has_prefix(text, "@") ? parse_seconds(bytes_from(text, 1), &place.unix_ms)
                                        : parse_date(text, &place.unix_ms);
    if (!is_ok) {
        errmsg_set(error,
                   "'%.*s' is no place in the log: an offset (1234), a time in UTC "
                   "(2026-11-27T13:26:40Z), or Unix seconds (@1764250000)",
                   text.len < 60 ? (int)text.len : 60, text.data);
        return false;
    }
    *out = place;
    return true;
}

void log_place_format_time(int64_t unix_ms, char out[LOG_PLACE_TIME_SIZE])
{
    struct date date;
    int64_t ms;

    if (unix_ms < 0 || unix_ms >= TIME_END_MS) {
        snprintf(out, LOG_PLACE_TIME_SIZE, "-");
        return;
    }
    date = date_of(unix_ms / DAY_MS);
    ms = unix_ms % DAY_MS;
    snprintf(out, LOG_PLACE_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(date.year % 10000), (unsigned)(date.month % 100),
             (unsigned)(date.day % 100), (unsigned)(ms / 3600000 % 100),
             (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
}
