/* SPDX-License-Identifier: MIT */
/* What has no order, or whose numbers may be spelled in two ways, is brought into one form first; then bytes
 * are compared. */
#include "tests/differential/compare.h"

#include "base/assert.h"
#include "base/glob.h"
#include "base/num.h"
#include "base/vec.h"
#include "resp/value.h"

#include <stdlib.h>
#include <string.h>

enum rule_flag {
    UNORDERED = 1 << 0, /* the elements may come in any order */
    PAIRS = 1 << 1,     /* two of them belong together, unless they come as arrays of two */
    SECOND = 1 << 2,    /* all this is true of the second element: a cursor stands before it */
    NUMBERS = 1 << 3,   /* 7.0 writes doubles with 17 digits, newer servers as short as can be */
    UNSORTED = 1 << 4,  /* UNORDERED unless the words ask for an order */
    PAIRS_IF = 1 << 7,  /* PAIRS when values or scores are asked for */
    NEAR_S = 1 << 5,    /* seconds that pass meanwhile */
    NEAR_MS = 1 << 6,
    COLLATED = 1 << 9, /* of texts a stock server compares what is in front of a zero byte */
    IDLE = 1 << 10,    /* the third of what is in an element is how many milliseconds have passed */
    NODES = 1 << 11,   /* the third value is the size of an index that is built in another way; 7.0
                          knows no producers, of which more values tell */
    CREATED = 1 << 12, /* the second value of each element counts consumers */
    STALE = 1 << 8,    /* a HyperLogLog may remember a count that is marked as out of date */
};

enum {
    DEPTH_MAX = 6,
    NEAR_LIMIT_S = 5,
    NEAR_LIMIT_MS = 5000,
};

static const struct {
    const char *command;
    uint32_t flags;
} rules[] = {
    {"GET",                  STALE                               },
    {"KEYS",                 UNORDERED                           },
    {"SCAN",                 UNORDERED | SECOND                  },
    {"HGETALL",              UNORDERED | PAIRS                   },
    {"HKEYS",                UNORDERED                           },
    {"HVALS",                UNORDERED                           },
    {"HSCAN",                UNORDERED | PAIRS | SECOND          },
    {"HRANDFIELD",           UNORDERED | PAIRS_IF                },
    {"SMEMBERS",             UNORDERED                           },
    {"SINTER",               UNORDERED                           },
    {"SUNION",               UNORDERED                           },
    {"SDIFF",                UNORDERED                           },
    {"SPOP",                 UNORDERED                           },
    {"SRANDMEMBER",          UNORDERED                           },
    {"SORT",                 COLLATED                            },
    {"SORT_RO",              COLLATED                            },
    {"SSCAN",                UNORDERED | SECOND                  },
    {"ZSCAN",                UNORDERED | PAIRS | SECOND | NUMBERS},
    {"ZRANDMEMBER",          UNORDERED | PAIRS_IF | NUMBERS      },
    {"BZPOPMIN",             NUMBERS                             },
    {"BZPOPMAX",             NUMBERS                             },
    {"BZMPOP",               NUMBERS                             },
    {"ZADD",                 NUMBERS                             },
    {"ZDIFF",                NUMBERS                             },
    {"ZINCRBY",              NUMBERS                             },
    {"ZINTER",               NUMBERS                             },
    {"ZMPOP",                NUMBERS                             },
    {"ZMSCORE",              NUMBERS                             },
    {"ZPOPMAX",              NUMBERS                             },
    {"ZPOPMIN",              NUMBERS                             },
    {"ZRANGE",               NUMBERS                             },
    {"ZRANGEBYSCORE",        NUMBERS                             },
    {"ZREVRANGE",            NUMBERS                             },
    {"ZREVRANGEBYSCORE",     NUMBERS                             },
    {"ZSCORE",               NUMBERS                             },
    {"ZUNION",               NUMBERS                             },
    {"GEOSEARCH",            UNSORTED                            },
    {"GEORADIUS",            UNSORTED                            },
    {"GEORADIUSBYMEMBER",    UNSORTED                            },
    {"GEORADIUS_RO",         UNSORTED                            },
    {"GEORADIUSBYMEMBER_RO", UNSORTED                            },
    {"XINFO",                NODES | CREATED                     },
    {"XPENDING",             IDLE                                },
    {"TTL",                  NEAR_S                              },
    {"EXPIRETIME",           NEAR_S                              },
    {"PTTL",                 NEAR_MS                             },
    {"PEXPIRETIME",          NEAR_MS                             },
};

static bool is_xinfo(const struct command *command, const char *subcommand)
{
    return command_is(command, "XINFO") && command->count > 1 &&
           bytes_equal_nocase(command_word(command, 1), subcommand);
}

static uint32_t find_rule(const struct command *command)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (command_is(command, rules[i].command)) {
            uint32_t flags = rules[i].flags;
            bool is_sorted = command_has_word(command, "ASC") ||
                             command_has_word(command, "DESC") ||
                             command_has_word(command, "COUNT");

            bool has_pairs =
                command_has_word(command, "WITHVALUES") || command_has_word(command, "WITHSCORES");

            flags |= (flags & UNSORTED) != 0 && !is_sorted ? UNORDERED : 0;
            flags |= (flags & PAIRS_IF) != 0 && has_pairs ? PAIRS : 0;
            /* A set has no order. */
            flags |= (flags & COLLATED) != 0 && command_has_word(command, "nosort") ? UNORDERED : 0;
            flags &= is_xinfo(command, "STREAM") ? UINT32_MAX : (uint32_t)~NODES;
            flags &= is_xinfo(command, "GROUPS") ? UINT32_MAX : (uint32_t)~CREATED;
            return flags;
        }
    }
    return 0;
}

/* ---- one form ---------------------------------------------------------------------------------- */

static int compare_bufs(const void *a, const void *b)
{
    return bytes_compare(buf_bytes(a), buf_bytes(b));
}

static struct bytes cut_value(struct bytes *rest)
{
    struct resp_value_scan scan = {0};
    struct resp_limits limits = RESP_LIMITS_DEFAULT;
    enum resp_status status = resp_value_scan(&scan, *rest, &limits, NULL);
    struct bytes value = bytes_prefix(*rest, scan.at);

    ASSERT(status == RESP_OK);
    *rest = bytes_from(*rest, scan.at);
    return value;
}

/* A leaf; a double in it in its shortest form.  Integers stay as they are: they have one. */
static void append_leaf(struct buf *out, struct bytes raw, uint32_t flags)
{
    size_t line = bytes_find_byte(raw, '\n') + 1;
    struct bytes text = bytes_from(raw, 1);
    char shortest[NUM_F64_TEXT];
    int64_t integer;
    double number;

    if (raw.data[0] == '$' && line < raw.len) {
        text = bytes_from(raw, line);
    } else if (raw.data[0] != ',') {
        text = (struct bytes){0};
    }
    if ((flags & NUMBERS) != 0 && text.len > 2) {
        text.len -= 2;
        if (!num_parse_i64(text, &integer) && num_parse_f64(text, &number)) {
            buf_append_byte(out, raw.data[0]);
            buf_append(out, shortest, num_format_f64(shortest, number));
            buf_append_text(out, "\r\n");
            return;
        }
        if (num_parse_i64(text, &integer)) {
            buf_append_byte(out, raw.data[0]);
            buf_append_bytes(out, text);
            buf_append_text(out, "\r\n");
            return;
        }
    }
    buf_append_bytes(out, raw);
}

static void append_form(struct buf *out, struct bytes raw, uint32_t flags, int depth);

/* Whether nothing is said about this element of an array or a map. */
static bool is_left_out(struct bytes value, size_t index, uint32_t flags, int depth)
{
    return value.data[0] == ':' && (((flags & IDLE) != 0 && depth == 1 && index == 2) ||
                                    ((flags & NODES) != 0 && depth == 0 && index == 5) ||
                                    ((flags & CREATED) != 0 && depth == 1 && index == 3));
}

/* Does the field, with the value behind it, tell of the producers of a stream? */
static bool tells_of_producers(struct bytes field)
{
    static const char *const starts[] = {"idmp-", "pids-", "iids-"};
    size_t line = bytes_find_byte(field, '\n') + 1;
    struct bytes text = line < field.len ? bytes_from(field, line) : (struct bytes){0};

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (text.len > strlen(starts[i]) && memcmp(text.data, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* The elements behind the header; width of them belong together. */
static void append_elements(struct buf *out, struct bytes rest, size_t width, uint32_t flags,
                            int depth)
{
    uint32_t inner = flags & (uint32_t) ~(UNORDERED | PAIRS);
    VEC(struct buf) units = {0};
    size_t index = 0;

    while (rest.len > 0) {
        struct bytes value = cut_value(&rest);

        if (is_left_out(value, index, flags, depth)) {
            index++;
            continue;
        }
        if ((flags & NODES) != 0 && depth == 0 && tells_of_producers(value)) {
            (void)cut_value(&rest);
            continue;
        }
        if (index % width == 0) {
            VEC_PUSH(&units, (struct buf){0});
        }
        if ((flags & SECOND) != 0) {
            inner = index == 1 ? flags & (uint32_t)~SECOND : 0;
        }
        append_form(&units.items[units.count - 1], value, inner, depth + 1);
        index++;
    }
    if ((flags & UNORDERED) != 0 && (flags & SECOND) == 0 && units.count > 1) {
        qsort(units.items, units.count, sizeof(*units.items), compare_bufs);
    }
    for (size_t i = 0; i < units.count; i++) {
        buf_append_bytes(out, buf_bytes(&units.items[i]));
        buf_deinit(&units.items[i]);
    }
    VEC_DEINIT(&units);
}

static void append_form(struct buf *out, struct bytes raw, uint32_t flags, int depth)
{
    size_t line = bytes_find_byte(raw, '\n') + 1;
    size_t width = 1;

    ASSERT(depth < DEPTH_MAX);
    if (strchr("*%~>", raw.data[0]) == NULL || line == raw.len) {
        append_leaf(out, raw, flags);
        return;
    }
    if (raw.data[0] == '%' ||
        ((flags & PAIRS) != 0 && (flags & SECOND) == 0 && raw.data[line] != '*')) {
        width = 2;
    }
    if ((flags & NODES) == 0 || depth > 0) {
        buf_append_bytes(out, bytes_prefix(raw, line));
    }
    append_elements(out, bytes_from(raw, line), width, flags, depth);
}

static bool is_near(struct bytes ours, struct bytes stock, int64_t limit)
{
    int64_t a;
    int64_t b;

    if (ours.len < 4 || stock.len < 4 || ours.data[0] != ':' || stock.data[0] != ':' ||
        !num_parse_i64(bytes_make(ours.data + 1, ours.len - 3), &a) ||
        !num_parse_i64(bytes_make(stock.data + 1, stock.len - 3), &b)) {
        return false;
    }
    /* Below 0 are those that say something else. */
    return a >= 0 && b >= 0 && (a > b ? a - b : b - a) <= limit;
}

/* Whether they are HyperLogLogs that differ in nothing but the count that was once made, and either says that
 * it is out of date: a merge that changes nothing makes it so with a stock server alone. */
static bool differs_in_stale_count(struct bytes ours, struct bytes stock)
{
    enum {
        COUNT_AT = 8,
        COUNT_END = 15, /* the highest bit of the byte here marks it */
    };
    size_t line = bytes_find_byte(ours, '\n') + 1;
    struct bytes a = bytes_from(ours, line);
    struct bytes b = bytes_from(stock, line);

    return ours.len == stock.len && a.len > COUNT_END && bytes_has_prefix(a, "HYLL") &&
           bytes_equal(bytes_prefix(ours, line + COUNT_AT), bytes_prefix(stock, line + COUNT_AT)) &&
           ((a.data[COUNT_END] | b.data[COUNT_END]) & 0x80) != 0 &&
           bytes_equal(bytes_from(a, COUNT_END + 1), bytes_from(b, COUNT_END + 1));
}

static bool has_same_form(uint32_t flags, struct bytes ours, struct bytes stock)
{
    struct buf forms[2] = {{0}, {0}};
    bool is_same;

    append_form(&forms[0], ours, flags, 0);
    append_form(&forms[1], stock, flags, 0);
    is_same = bytes_equal(buf_bytes(&forms[0]), buf_bytes(&forms[1]));
    buf_deinit(&forms[0]);
    buf_deinit(&forms[1]);
    return is_same;
}

static const struct exception *find_exception(const struct exception *known, size_t count,
                                              const struct command *command, struct bytes ours,
                                              struct bytes stock)
{
    for (size_t i = 0; i < count; i++) {
        const struct exception *e = &known[i];

        if ((strcmp(e->command, "*") == 0 || command_is(command, e->command)) &&
            glob_match(bytes_from_text(e->ours), ours) &&
            glob_match(bytes_from_text(e->stock), stock)) {
            return e;
        }
    }
    return NULL;
}

bool compare_replies(const struct command *command, struct bytes ours, struct bytes stock,
                     const struct exception **used)
{
    uint32_t flags;

    *used = NULL;
    if (bytes_equal(ours, stock)) {
        return true;
    }
    flags = find_rule(command);
    if ((flags & NEAR_S) != 0 && is_near(ours, stock, NEAR_LIMIT_S)) {
        return true;
    }
    if ((flags & NEAR_MS) != 0 && is_near(ours, stock, NEAR_LIMIT_MS)) {
        return true;
    }
    if ((flags & STALE) != 0 && ours.data[0] == '$' && differs_in_stale_count(ours, stock)) {
        return true;
    }
    if ((flags & COLLATED) != 0 && bytes_find_byte(ours, 0) != SIZE_MAX) {
        flags |= UNORDERED;
    }
    if ((flags & (UNORDERED | NUMBERS | IDLE | NODES | CREATED)) != 0 &&
        has_same_form(flags, ours, stock)) {
        return true;
    }
    *used = find_exception(exceptions, exception_count, command, ours, stock);
    return *used != NULL;
}

bool compare_events(const struct command *command, struct bytes ours, struct bytes stock,
                    const struct exception **used)
{
    *used = NULL;
    if (!bytes_equal(ours, stock)) {
        *used = find_exception(event_exceptions, event_exception_count, command, ours, stock);
        return *used != NULL;
    }
    return true;
}
