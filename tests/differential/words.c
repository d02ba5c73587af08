/* SPDX-License-Identifier: MIT */
/* The kinds of words that shapes are filled in with.  Whatever is drawn twice has to be drawn the same
 * now and then, so most kinds draw from a short list.
 *
 * Three rules keep the two servers comparable: a relative time is far away and never drawn twice, an
 * absolute one is far away or long past, and no number is one with which a string of many megabytes
 * could be made. */
#include "tests/differential/draw.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

enum {
    LONG_LENGTHS = 6,
    MANY_MIN = 90,
    MANY_SPREAD = 500,
};

static const char *const wide_numbers[] = {
    "0",
    "1",
    "-1",
    "12",
    "127",
    "128",
    "-128",
    "-129",
    "255",
    "256",
    "4095",
    "4096",
    "-4097",
    "32767",
    "32768",
    "-32768",
    "-32769",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967296",
    "-8388609",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "1000000000000",
};
static const char *const odd_numbers[] = {
    "",    " 1",  "1 ",   "+1",  "01",   "0x10", "-0", "1e3",
    "1.5", "nan", "-nan", "inf", "-inf", "abc",  "1a", "--1",
};
static const char *const floats[] = {
    "0",
    "1",
    "-1",
    "-0",
    "1.5",
    "0.1",
    "-0.1",
    "3.0",
    "5e3",
    "1e17",
    "1e20",
    "1e-7",
    "1e21",
    "10.5",
    "2.25",
    "-7.75",
    "100",
    "1e-17",
    "0.3",
    "123456789.123456789",
    "17179869184",
    "9007199254740993",
    "3.14159265358979312",
    "1.0e2",
};
static const char *const texts[] = {
    "a",           "b",   "c",    "d",   "e",        "foo", "bar", "Foo",
    "hello world", "abc", "abcd", "x:1", "\xc3\xa4", "a*b", "[x]",
};
static const struct bytes binaries[] = {
    {"\0",               1 },
    {"\r\n",             2 },
    {"a\0b",             3 },
    {"\xff\xfe\x80",     3 },
    {"\0\0\0\0\0\0\0\1", 8 },
    {"$5\r\nhello\r\n",  11},
};
static const char *const junk[] = {
    "",    "junk", "-1",         "9223372036854775808",
    "nan", "1.5",  "WITHSCORES", "LIMIT",
    "BY",  "GET",  "NX",         "XX",
    "(",   "[",    "*",
};

/* A text of one letter; the lengths lie on both sides of where servers change how they keep it. */
static void add_long(struct filling *f)
{
    static const size_t lengths[LONG_LENGTHS] = {44, 45, 64, 65, 1025, 4097};
    char text[4097];
    size_t len = lengths[below(f, LONG_LENGTHS)];

    memset(text, (int)('p' + below(f, 2)), len);
    command_add(f->command, bytes_make(text, len));
}

void add_wide_number(struct filling *f)
{
    command_add_text(f->command, PICK(f, wide_numbers));
}

/* ---- values and numbers ---------------------------------------------------------------------- */

static void add_integer(struct filling *f)
{
    if (happens(f, 60)) {
        add_between(f, -20, 300);
    } else if (happens(f, 85)) {
        command_add_text(f->command, PICK(f, wide_numbers));
    } else {
        command_add_text(f->command, PICK(f, odd_numbers));
    }
}

static void add_float(struct filling *f)
{
    if (happens(f, 50)) {
        command_add_text(f->command, PICK(f, floats));
    } else if (happens(f, 85)) {
        add_between(f, -50, 50);
    } else {
        command_add_text(f->command, PICK(f, odd_numbers));
    }
}

/* Numbers that would grow into hundreds of digits, were they added to a string, are for scores alone. */
static void add_score(struct filling *f)
{
    static const char *const scores[] = {
        "1e300",    "-1e300", "1e-300", "inf", "-inf", "+inf", "1.7976931348623157e308",
        "4.9e-324", "1e-5",   "0.1"};

    if (happens(f, 75)) {
        add_float(f);
    } else {
        command_add_text(f->command, PICK(f, scores));
    }
}

static void add_member(struct filling *f)
{
    if (happens(f, 50)) {
        command_add_text(f->command, PICK(f, texts));
    } else if (happens(f, 60)) {
        add_between(f, -5, 30);
    } else if (happens(f, 40)) {
        command_add_text(f->command, PICK(f, wide_numbers));
    } else if (happens(f, 30)) {
        command_add_text(f->command, PICK(f, odd_numbers));
    } else if (happens(f, 60)) {
        command_add(f->command, PICK(f, binaries));
    } else {
        add_long(f);
    }
}

static void add_value(struct filling *f)
{
    if (happens(f, 10)) {
        add_long(f);
    } else if (happens(f, 10)) {
        add_float(f);
    } else {
        add_member(f);
    }
}

static void add_digits(struct filling *f)
{
    if (happens(f, 70)) {
        add_integer(f);
    } else {
        add_float(f);
    }
}

static void add_index(struct filling *f)
{
    if (happens(f, 75)) {
        add_between(f, -12, 12);
    } else if (happens(f, 50)) {
        add_between(f, -700, 700);
    } else if (happens(f, 70)) {
        command_add_text(f->command, PICK(f, wide_numbers));
    } else {
        command_add_text(f->command, PICK(f, odd_numbers));
    }
}

/* No -2^63, whose opposite 7.0 takes: what follows is not defined. */
static void add_rank(struct filling *f)
{
    add_index(f);
    if (bytes_equal_text(command_word(f->command, f->command->count - 1), "-9223372036854775808")) {
        f->command->count--;
        add_between(f, -9, 9);
    }
}

static void add_count(struct filling *f)
{
    if (happens(f, 80)) {
        add_between(f, 0, 9);
    } else {
        add_index(f);
    }
}

/* Of a byte or a bit: nothing between some thousands and what is refused. */
static void add_offset(struct filling *f)
{
    static const char *const refused[] = {
        "-1", "4294967296", "9223372036854775807", "9223372036854775808", "x", "", "1.5"};

    if (happens(f, 70)) {
        add_between(f, 0, 80);
    } else if (happens(f, 75)) {
        add_between(f, 0, 9000);
    } else {
        command_add_text(f->command, PICK(f, refused));
    }
}

static void add_many(struct filling *f)
{
    uint64_t count = MANY_MIN + below(f, MANY_SPREAD);
    bool is_integers = happens(f, 60);
    char text[32];

    for (uint64_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), is_integers ? "%u" : "m%u", (unsigned)below(f, 2000));
        command_add_text(f->command, text);
    }
}

static void add_many_pairs(struct filling *f)
{
    uint64_t count = MANY_MIN / 2 + below(f, MANY_SPREAD / 2);

    for (uint64_t i = 0; i < count; i++) {
        add_between(f, -1000, 1000);
        if (happens(f, 2)) {
            add_long(f);
        } else {
            add_between(f, 0, 2000);
        }
    }
}

/* ---- times ----------------------------------------------------------------------------------- */

/* Far enough away not to come while the test runs: from first on. */
static void add_time(struct filling *f, int64_t first, int64_t spread)
{
    static const char *const refused[] = {
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775",
        "9223372036854775808",
        "abc",
        "",
        "1.5",
        "-1",
        "0",
    };

    if (happens(f, 85)) {
        add_number(f, first + (int64_t)below(f, (uint64_t)spread));
    } else {
        command_add_text(f->command, PICK(f, refused));
    }
}

static void add_ttl(struct filling *f)
{
    add_time(f, 1000000, 1000000000);
}

static void add_ttl_ms(struct filling *f)
{
    add_time(f, 1000000000, 1000000000000);
}

static void add_at(struct filling *f)
{
    add_time(f, happens(f, 10) ? 1 : 2000000000, 1000000000);
}

static void add_at_ms(struct filling *f)
{
    add_time(f, happens(f, 10) ? 1 : 2000000000000, 1000000000000);
}

/* ---- of one type ------------------------------------------------------------------------------- */

static void add_pattern(struct filling *f)
{
    static const char *const patterns[] = {"*",   "?1", "[a-h]*", "h*",  "[^s]?",  "s\\1", "",
                                           "*1*", "[",  "\\",     "m1*", "[b-a]1", "*a*"};

    command_add_text(f->command, PICK(f, patterns));
}

static void add_score_end(struct filling *f)
{
    static const char *const ends[] = {"-inf", "+inf", "inf", "(inf", "(-inf", "(1", "(5",
                                       "(0.1", "(",    "((1", "nan",  "x",     "",   "(x"};

    if (happens(f, 60)) {
        add_float(f);
    } else {
        command_add_text(f->command, PICK(f, ends));
    }
}

static void add_lex_end(struct filling *f)
{
    static const char *const ends[] = {"-",   "+", "[a", "(a", "[c", "(c",    "[foo", "(m1",
                                       "[m5", "[", "(",  "a",  "",   "[\xff", "-inf"};

    command_add_text(f->command, PICK(f, ends));
}

static void add_longitude(struct filling *f)
{
    static const char *const odd[] = {"180", "-180", "180.0001", "-181", "x", "nan", "inf", ""};
    char text[32];

    if (happens(f, 94)) {
        snprintf(text, sizeof(text), "%.6f", (double)below(f, 40000) / 1000.0);
        command_add_text(f->command, text);
    } else {
        command_add_text(f->command, PICK(f, odd));
    }
}

static void add_latitude(struct filling *f)
{
    static const char *const odd[] = {"85.06", "-90", "x", "nan", ""};
    char text[32];

    if (happens(f, 94)) {
        snprintf(text, sizeof(text), "%.6f", (double)below(f, 80000) / 1000.0 - 10);
        command_add_text(f->command, text);
    } else {
        command_add_text(f->command, PICK(f, odd));
    }
}

static void add_place(struct filling *f)
{
    static const char *const names[] = {"Rome", "Oslo", "Bern", "Kyiv", "Cairo",
                                        "a",    "b",    "",     "here", "there"};

    command_add_text(f->command, PICK(f, names));
}

static void add_unit(struct filling *f)
{
    static const char *const units[] = {"m", "km", "ft", "mi", "KM", "m", "km", "x", ""};

    command_add_text(f->command, PICK(f, units));
}

static void add_radius(struct filling *f)
{
    static const char *const odd[] = {"-1", "0", "x", "1e400", "nan", "inf", ""};

    if (happens(f, 92)) {
        add_number(f, (int64_t)below(f, 10) * (int64_t)below(f, 1000000));
    } else {
        command_add_text(f->command, PICK(f, odd));
    }
}

static void add_short_text(struct filling *f)
{
    char text[120];
    size_t len = (size_t)below(f, sizeof(text));

    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('a' + below(f, 4));
    }
    command_add(f->command, bytes_make(text, len));
}

static void add_bit(struct filling *f)
{
    static const char *const odd[] = {"2", "-1", "x", ""};

    command_add_text(f->command, happens(f, 92) ? (happens(f, 50) ? "0" : "1") : PICK(f, odd));
}

static void add_bit_type(struct filling *f)
{
    static const char *const types[] = {"u8", "i8",  "u1",  "i1",  "u63", "i64",
                                        "i5", "u16", "i32", "u33", "U8",  "I16"};
    static const char *const odd[] = {"u64", "i65", "u0", "i0", "x8", "u", "8", ""};

    command_add_text(f->command, happens(f, 93) ? PICK(f, types) : PICK(f, odd));
}

static void add_bit_place(struct filling *f)
{
    static const char *const odd[] = {
        "#", "#-1", "-1", "x", "#x", "9223372036854775807", "#9223372036854775807", ""};
    char text[16];

    if (happens(f, 94)) {
        snprintf(text, sizeof(text), "%s%u", happens(f, 30) ? "#" : "", (unsigned)below(f, 70));
        command_add_text(f->command, text);
    } else {
        command_add_text(f->command, PICK(f, odd));
    }
}

void words_add_junk(struct filling *f)
{
    command_add_text(f->command, PICK(f, junk));
}

/* Mostly nothing: for shapes that are not spoiled. */
static void add_slip(struct filling *f)
{
    if (rng_one_in(f->rng, 15)) {
        words_add_junk(f);
    }
}

void words_add(struct filling *f, struct bytes kind)
{
    static const struct {
        const char *kind;
        void (*add)(struct filling *f);
    } kinds[] = {
        {"$rank",      add_rank      },
        {"$any",       add_any_key   },
        {"$at",        add_at        },
        {"$atms",      add_at_ms     },
        {"$bit",       add_bit       },
        {"$bitplace",  add_bit_place },
        {"$bittype",   add_bit_type  },
        {"$count",     add_count     },
        {"$digits",    add_digits    },
        {"$float",     add_float     },
        {"$index",     add_index     },
        {"$consumer",  add_consumer  },
        {"$group",     add_group     },
        {"$id",        add_id        },
        {"$idend",     add_id_end    },
        {"$idle",      add_idle      },
        {"$newid",     add_new_id    },
        {"$readid",    add_read_id   },
        {"$threshold", add_threshold },
        {"$int",       add_integer   },
        {"$junk",      words_add_junk},
        {"$lat",       add_latitude  },
        {"$lexend",    add_lex_end   },
        {"$lon",       add_longitude },
        {"$many",      add_many      },
        {"$manypairs", add_many_pairs},
        {"$member",    add_member    },
        {"$offset",    add_offset    },
        {"$pattern",   add_pattern   },
        {"$place",     add_place     },
        {"$radius",    add_radius    },
        {"$scoreend",  add_score_end },
        {"$short",     add_short_text},
        {"$score",     add_score     },
        {"$slip",      add_slip      },
        {"$ttl",       add_ttl       },
        {"$ttlms",     add_ttl_ms    },
        {"$unit",      add_unit      },
        {"$value",     add_value     },
    };

    if (add_keys(f, kind)) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (bytes_equal_text(kind, kinds[i].kind)) {
            kinds[i].add(f);
            return;
        }
    }
    ASSERT(!"such a kind of word");
}
