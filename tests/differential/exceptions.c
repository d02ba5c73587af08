/* SPDX-License-Identifier: MIT */
/* Where a stock server 7.0 answers otherwise than we do. */
#include "tests/differential/compare.h"

#define MEANT(command, ours, stock, reason)                                                        \
    {                                                                                              \
        command, ours, stock, reason, false                                                        \
    }
/* Another reply and other data. */
#define PARTS(command, ours, stock, reason)                                                        \
    {                                                                                              \
        command, ours, stock, reason, true                                                         \
    }

#define OUT_OF_RANGE "-ERR value is out of range, value must between *"
#define NO_WEIGHT    "-ERR One or more scores can't be converted into double\r\n"
#define NO_FLOAT     "-ERR min or max is not a float\r\n"
#define NO_ID        "-ERR Invalid stream ID specified as *"
#define SYNTAX_ERROR "-ERR syntax error\r\n"

static const char words_first[] = "since 7.2 words are read before the key is looked for";
static const char stays_raw[] =
    "a stock server leaves a string raw that was made or changed bit by bit";
static const char lowest_number[] = "7.2 refuses -2^63, whose opposite there is not";
static const char older_failure[] =
    "a stock server takes a number that was out of range before for one of this request";
static const char long_wait[] = "7.0 lets a huge time-out overflow";
static const char damaged_first[] = "a HyperLogLog is looked through before it is used at all";
static const char bound_with_zero[] = "7.0 reads a bound up to the first zero in it";
static const char newer_text[] = "7.4 names one more special id in it";
static const char last_entry[] = "7.4 has + for the last entry";
static const char claimer[] =
    "7.2 makes the consumer who claims, also when there is nothing for it";
static const char word_too_many[] = "7.0 passes over up to two words behind the consumer";
static const char strict_id[] =
    "7.0 reads ids with strtoull, which takes blanks and signs before a number";
static const char wrapped_count[] =
    "the count of a stock server goes on below zero behind 2^63 - 1";
static const char empty_node[] =
    "MINID of a stock server leaves a node whose last entry was deleted before, with nothing in it";
static const char strict_cursor[] = "7.0 reads cursors with strtoul, which takes -1";

const struct exception exceptions[] = {
    MEANT("OBJECT", "$8\r\nlistpack\r\n", "$9\r\nhashtable\r\n",
          "small sets are listpacks since 7.2"),
    MEANT("OBJECT", "$8\r\nlistpack\r\n", "$9\r\nquicklist\r\n",
          "small lists are listpacks since 7.2"),
    MEANT("OBJECT", "$6\r\nintset\r\n", "$9\r\nhashtable\r\n",
          "SDIFFSTORE of a stock server remembers in its form what it has taken out again"),
    MEANT("OBJECT", "$6\r\nembstr\r\n", "$3\r\nraw\r\n", stays_raw),
    MEANT("OBJECT", "$3\r\nint\r\n", "$3\r\nraw\r\n", stays_raw),
    MEANT("OBJECT", "$3\r\nint\r\n", "$6\r\nembstr\r\n",
          "INCRBYFLOAT of a stock server leaves a text"),
    MEANT("BITCOUNT", "-ERR *", ":0\r\n", words_first),
    MEANT("BITCOUNT", "-ERR *", "-WRONGTYPE *", words_first),
    MEANT("BITPOS", "-ERR *", "-WRONGTYPE *", words_first),
    MEANT("BITPOS", "-ERR *", ":0\r\n", words_first),
    MEANT("BITPOS", "-ERR *", ":-1\r\n", words_first),
    MEANT("PFADD", "-INVALIDOBJ *", "*", damaged_first),
    MEANT("PFCOUNT", "-INVALIDOBJ *", "*", damaged_first),
    MEANT("PFMERGE", "-INVALIDOBJ *", "*", damaged_first),
    MEANT("LREM", OUT_OF_RANGE, "*", lowest_number),
    MEANT("LPOS", OUT_OF_RANGE, "*", lowest_number),
    MEANT("BLPOP", "-ERR timeout is out of range\r\n", "-ERR timeout is negative\r\n", long_wait),
    MEANT("BRPOP", "-ERR timeout is out of range\r\n", "-ERR timeout is negative\r\n", long_wait),
    MEANT("BZPOPMIN", "-ERR timeout is out of range\r\n", "-ERR timeout is negative\r\n",
          long_wait),
    MEANT("BZPOPMAX", "-ERR timeout is out of range\r\n", "-ERR timeout is negative\r\n",
          long_wait),
    MEANT("ZRANGE", NO_FLOAT, "*", bound_with_zero),
    MEANT("ZRANGESTORE", NO_FLOAT, "*", bound_with_zero),
    MEANT("ZRANGEBYSCORE", NO_FLOAT, "*", bound_with_zero),
    MEANT("ZREVRANGEBYSCORE", NO_FLOAT, "*", bound_with_zero),
    MEANT("ZREMRANGEBYSCORE", NO_FLOAT, "*", bound_with_zero),
    MEANT("ZCOUNT", NO_FLOAT, "*", bound_with_zero),
    MEANT("ZRANK", SYNTAX_ERROR, "-ERR wrong number of *", "7.2 has WITHSCORE"),
    MEANT("ZREVRANK", SYNTAX_ERROR, "-ERR wrong number of *", "7.2 has WITHSCORE"),
    MEANT("GEOSEARCH", "-ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON *",
          "-ERR exactly one of BYRADIUS and BYBOX *", "9.0 has BYPOLYGON"),
    MEANT("GEOSEARCHSTORE", "-ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON *",
          "-ERR exactly one of BYRADIUS and BYBOX *", "9.0 has BYPOLYGON"),
    PARTS("SORT", "*", NO_WEIGHT, older_failure), /* what was to be stored */
    MEANT("SORT_RO", "*", NO_WEIGHT, older_failure),
    MEANT("XREAD", "-ERR Unbalanced 'xread' list of *", "-ERR Unbalanced XREAD list of *",
          newer_text),
    MEANT("XREADGROUP", "-ERR Unbalanced 'xreadgroup' list of *", "-ERR Unbalanced *", newer_text),
    MEANT("XREAD", "*", "-ERR Invalid stream ID specified as *", last_entry),
    MEANT("XREADGROUP", "-ERR The + ID *", "-ERR Invalid stream ID specified as *", last_entry),
    MEANT("XPENDING", SYNTAX_ERROR, "*", word_too_many),
    MEANT("XGROUP", ":0\r\n", ":1\r\n", claimer),
    MEANT("XADD", "-ERR The ID specified in XADD is equal or smaller than *",
          "-ERR Elements are too large to be stored\r\n",
          "a stock server tells an old failure when the second half of an id cannot rise"),
    PARTS("XSETID", "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id*",
          "*", "7.2 refuses it"),
    MEANT("XRANGE", NO_ID, "*", strict_id),
    MEANT("XREVRANGE", NO_ID, "*", strict_id),
    MEANT("XREAD", NO_ID, "*", strict_id),
    MEANT("XPENDING", NO_ID, "*", strict_id),
    PARTS("XREADGROUP", NO_ID, "*", strict_id),
    PARTS("XADD", NO_ID, "*", strict_id),
    PARTS("XDEL", NO_ID, "*", strict_id),
    PARTS("XTRIM", NO_ID, "*", strict_id),
    PARTS("XACK", NO_ID, "*", strict_id),
    PARTS("XCLAIM", NO_ID, "*", strict_id),
    PARTS("XAUTOCLAIM", NO_ID, "*", strict_id),
    PARTS("XGROUP", NO_ID, "*", strict_id),
    PARTS("XSETID", NO_ID, "*", strict_id),
    MEANT("XINFO", "*entries-read*:9223372036854775807\r\n*", "*entries-read*:-*", wrapped_count),
    MEANT("XINFO", "*entries-added*:9223372036854775807\r\n*", "*entries-added*:-*", wrapped_count),
    MEANT("XINFO", "*lag*:9223372036854775???\r\n*", "*lag*:*", wrapped_count),
    MEANT("XINFO", "*:0\r\n*radix-tree-keys*:0\r\n*", "*:0\r\n*radix-tree-keys*:1\r\n*",
          empty_node),
    MEANT("SCAN", "-ERR invalid cursor\r\n", "*", strict_cursor),
    MEANT("HSCAN", "-ERR invalid cursor\r\n", "*", strict_cursor),
    MEANT("SSCAN", "-ERR invalid cursor\r\n", "*", strict_cursor),
    MEANT("ZSCAN", "-ERR invalid cursor\r\n", "*", strict_cursor),
};

const size_t exception_count = sizeof(exceptions) / sizeof(exceptions[0]);

static const char early_consumer[] =
    "7.2 makes the consumer of XREADGROUP, XCLAIM and XAUTOCLAIM also when there is nothing for it";
static const char removes_expired[] =
    "with nothing to store, a stock server removes the key without a look whether it has expired";

const struct exception event_exceptions[] = {
    MEANT("XREADGROUP", "*xgroup-createconsumer*", "*", early_consumer),
    MEANT("XREADGROUP", "", "*xgroup-createconsumer*", early_consumer),
    MEANT("XCLAIM", "*xgroup-createconsumer*", "", early_consumer),
    MEANT("XCLAIM", "", "*xgroup-createconsumer*", early_consumer),
    MEANT("XAUTOCLAIM", "", "*xgroup-createconsumer*", early_consumer),
    MEANT("XGROUP", "*xgroup-delconsumer*", "", early_consumer),
    MEANT("SCAN", "", "*keymiss*",
          "SCAN TYPE of a stock server looks at keys that have expired, which then are not there"),
    PARTS("SORT", "*", "*__keyevent@?__:del *", removes_expired),
    PARTS("BITOP", "*", "*__keyevent@?__:del *", removes_expired),
    PARTS("SINTERSTORE", "*", "*__keyevent@?__:del *", removes_expired),
    PARTS("SUNIONSTORE", "*", "*__keyevent@?__:del *", removes_expired),
    PARTS("SDIFFSTORE", "*", "*__keyevent@?__:del *", removes_expired),
    PARTS("ZUNIONSTORE", "*", "*__keyevent@?__:del *", removes_expired),
    PARTS("ZINTERSTORE", "*", "*__keyevent@?__:del *", removes_expired),
    PARTS("ZDIFFSTORE", "*", "*__keyevent@?__:del *", removes_expired),
    PARTS("ZRANGESTORE", "*", "*__keyevent@?__:del *", removes_expired),
    PARTS("GEORADIUS", "*", "*__keyevent@?__:del *", removes_expired),
    PARTS("GEORADIUSBYMEMBER", "*", "*__keyevent@?__:del *", removes_expired),
    PARTS("GEOSEARCHSTORE", "*", "*__keyevent@?__:del *", removes_expired),
    MEANT("XAUTOCLAIM", "*xgroup-createconsumer*", "", early_consumer),
};

const size_t event_exception_count = sizeof(event_exceptions) / sizeof(event_exceptions[0]);
