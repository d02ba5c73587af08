/* SPDX-License-Identifier: MIT */
#include "segment/log_place.h"

#include <criterion/criterion.h>

#include <string.h>
#include <time.h>

static struct errmsg error;

static bool parse(const char *text, struct log_place *out)
{
    error = (struct errmsg){0};
    return log_place_parse(bytes_from_text(text), out, &error);
}

Test(log_place, is_an_offset_or_a_time)
{
    static const struct {
        const char *text;
        struct log_place place;
    } cases[] = {
        {"0",                        {false, 0, 0}             },
        {"18446744073709551615",     {false, UINT64_MAX, 0}    },
        {"@0",                       {true, 0, 0}              },
        {"@1764250000",              {true, 0, 1764250000000}  },
        {"@1764250000.5",            {true, 0, 1764250000500}  },
        {"@1764250000.007",          {true, 0, 1764250000007}  },
        {"@253402300799.999",        {true, 0, 253402300799999}},
        {"1970-01-01T00:00:00Z",     {true, 0, 0}              },
        {"2026-11-27T13:26:40Z",     {true, 0, 1795786000000}  },
        {"2026-11-27T13:26:40.12Z",  {true, 0, 1795786000120}  },
        {"2000-02-29T23:59:59.999Z", {true, 0, 951868799999}   },
        {"2100-02-28T00:00:00Z",     {true, 0, 4107456000000}  },
        {"9999-12-31T23:59:59Z",     {true, 0, 253402300799000}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct log_place place;

        cr_assert(parse(cases[i].text, &place), "%s: %s", cases[i].text, error.text);
        cr_expect_eq(place.is_time, cases[i].place.is_time, "%s", cases[i].text);
        cr_expect_eq(place.offset, cases[i].place.offset, "%s", cases[i].text);
        cr_expect_eq(place.unix_ms, cases[i].place.unix_ms, "%s: %lld", cases[i].text,
                     (long long)place.unix_ms);
    }
}

Test(log_place, is_refused_when_it_says_something_else)
{
    static const char *const texts[] = {
        "",
        "-1",
        "01",
        "1 ",
        "18446744073709551616",
        "@",
        "@-1",
        "@1.",
        "@1.2345",
        "@1.x",
        "@253402300800",
        "yesterday",
        "2026-11-27",
        "2026-11-27T13:26:40",
        "2026-11-27 13:26:40Z",
        "2026-11-27T13:26Z",
        "2026-11-27T13:26:40+01:00",
        "2026-11-27T13:26:40ZZ",
        "2026-11-27T24:00:00Z",
        "2026-11-27T13:60:00Z",
        "2026-11-27T13:26:60Z",
        "2026-00-27T13:26:40Z",
        "2026-13-27T13:26:40Z",
        "2026-11-00T13:26:40Z",
        "2026-11-31T13:26:40Z",
        "2026-02-29T13:26:40Z",
        "2100-02-29T13:26:40Z",
        "1969-12-31T23:59:59Z",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct log_place place = {.offset = 7};

        cr_expect_not(parse(texts[i], &place), "%s", texts[i]);
        cr_expect_eq(place.offset, 7, "untouched");
        cr_expect_not_null(strstr(error.text, "is no place in the log"), "%s", error.text);
    }
}

Test(log_place, of_every_day_is_written_as_the_system_does_and_read_again)
{
    for (int64_t day = 0; day < 150000; day++) {
        int64_t unix_ms = day * 86400000 + day * 571 % 86400000;
        time_t seconds = (time_t)(unix_ms / 1000);
        char expected[LOG_PLACE_TIME_SIZE];
        char text[LOG_PLACE_TIME_SIZE];
        struct log_place place;
        struct tm tm;

        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.", gmtime_r(&seconds, &tm));
        log_place_format_time(unix_ms, text);
        cr_assert_eq(strncmp(text, expected, strlen(expected)), 0, "%s, not %s", text, expected);
        cr_assert(parse(text, &place), "%s", text);
        cr_assert_eq(place.unix_ms, unix_ms, "%s", text);
    }
}

Test(log_place, has_no_text_for_a_time_that_no_clock_says)
{
    static const int64_t times[] = {-1, INT64_MIN, 253402300800000, INT64_MAX};

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        char text[LOG_PLACE_TIME_SIZE];

        log_place_format_time(times[i], text);
        cr_expect_str_eq(text, "-");
    }
}
