/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

Test(hashes, fields_are_set_and_told_how_many_are_new)
{
    static const struct fixture_case cases[] = {
        {"HSET h f 1",         ":1|",                               "HSET h f 1"     },
        {"HSET h f 2",         ":0|",                               "HSET h f 2"     },
        {"HSET h f 3 g 4 i 5", ":2|",                               NULL             },
        {"HGETALL h",          "*6|$1|f|$1|3|$1|g|$1|4|$1|i|$1|5|", NULL             },
        {"HMSET h f 6 j 7",    "+OK|",                              "HMSET h f 6 j 7"},
        {"HLEN h",             ":4|",                               NULL             },
        {"HSET h \"\" empty",  ":1|",                               NULL             },
        {"HGET h \"\"",        "$5|empty|",                         NULL             },
        {"HSET \"\" f v",      ":1|",                               NULL             },
        {"HGET \"\" f",        "$1|v|",                             NULL             },
        {"HSETNX h f 0",       ":0|",                               ""               },
        {"HSETNX h k 8",       ":1|",                               "HSETNX h k 8"   },
        {"HGET h f",           "$1|6|",                             NULL             },
        {"HSETNX new f 1",     ":1|",                               NULL             },
    };

    RUN_CASES(cases);
}

Test(hashes, fields_are_read)
{
    static const struct fixture_case cases[] = {
        {"HSET h f 1 g text",  ":2|",                        NULL},
        {"HGET h f",           "$1|1|",                      ""  },
        {"HGET h none",        "$-1|",                       NULL},
        {"HGET none f",        "$-1|",                       NULL},
        {"HMGET h f none g f", "*4|$1|1|$-1|$4|text|$1|1|",  NULL},
        {"HMGET none f g",     "*2|$-1|$-1|",                NULL},
        {"HEXISTS h f",        ":1|",                        NULL},
        {"HEXISTS h none",     ":0|",                        NULL},
        {"HEXISTS none f",     ":0|",                        NULL},
        {"HLEN h",             ":2|",                        NULL},
        {"HLEN none",          ":0|",                        NULL},
        {"HSTRLEN h g",        ":4|",                        NULL},
        {"HSTRLEN h f",        ":1|",                        NULL},
        {"HSTRLEN h none",     ":0|",                        NULL},
        {"HSTRLEN none f",     ":0|",                        NULL},
        {"HKEYS h",            "*2|$1|f|$1|g|",              NULL},
        {"HVALS h",            "*2|$1|1|$4|text|",           NULL},
        {"HGETALL h",          "*4|$1|f|$1|1|$1|g|$4|text|", NULL},
        {"HKEYS none",         "*0|",                        NULL},
        {"HVALS none",         "*0|",                        NULL},
        {"HGETALL none",       "*0|",                        NULL},
    };

    RUN_CASES(cases);
}

Test(hashes, deleting_the_last_field_deletes_the_hash)
{
    static const struct fixture_case cases[] = {
        {"HSET h f 1 g 2 i 3", ":3|",          NULL             },
        {"HDEL h none",        ":0|",          ""               },
        {"HDEL h f none f",    ":1|",          "HDEL h f none f"},
        {"HDEL h g i",         ":2|",          "HDEL h g i"     },
        {"EXISTS h",           ":0|",          NULL             },
        {"HDEL h f",           ":0|",          ""               },
        {"HSET h f 1",         ":1|",          NULL             },
        {"TYPE h",             "+hash|",       NULL             },
        {"OBJECT ENCODING h",  "$8|listpack|", NULL             },
    };

    RUN_CASES(cases);
}

Test(hashes, numbers_are_added)
{
    static const struct fixture_case cases[] = {
        {"HINCRBY h n 5",                   ":5|",                                         "HINCRBY h n 5"},
        {"HINCRBY h n -7",                  ":-2|",                                        NULL           },
        {"HGET h n",                        "$2|-2|",                                      NULL           },
        {"HSET h max 9223372036854775807",  ":1|",                                         NULL           },
        {"HINCRBY h max 1",                 "-ERR increment or decrement would overflow|", ""             },
        {"HINCRBY h max 0",                 ":9223372036854775807|",                       NULL           },
        {"HSET h min -9223372036854775808", ":1|",                                         NULL           },
        {"HINCRBY h min -1",                "-ERR increment or decrement would overflow|", NULL           },
        {"HINCRBYFLOAT h d 1.5",            "$3|1.5|",                                     "HSET h d 1.5" },
        {"HINCRBYFLOAT h d -0.25",          "$4|1.25|",                                    "HSET h d 1.25"},
        {"HINCRBYFLOAT h n 0.1",            "$4|-1.9|",                                    NULL           },
        {"HGET h n",                        "$4|-1.9|",                                    NULL           },
        {"HINCRBYFLOAT h d 1e3",            "$7|1001.25|",                                 NULL           },
    };

    RUN_CASES(cases);
}

static const struct fixture_case bad_input[] = {
    {"HSET h f text g 1",                            ":2|",                                                                 NULL},
    {"SET s text",                                   "+OK|",                                                                NULL},
    {"HSET h f 1 g",                                 "-ERR wrong number of arguments for 'hset' command|",                  NULL},
    {"HMSET h f 1 g",                                "-ERR wrong number of arguments for 'hmset' command|",                 NULL},
    {"HINCRBY h f 1",                                "-ERR hash value is not an integer|",                                  NULL},
    {"HINCRBY h g x",                                "-ERR value is not an integer or out of range|",                       NULL},
    {"HINCRBY h g 1.5",                              "-ERR value is not an integer or out of range|",                       NULL},
    {"HINCRBY h g 9223372036854775808",              "-ERR value is not an integer or out of range|",                       NULL},
    {"HINCRBY h g 9223372036854775807",              "-ERR increment or decrement would overflow|",                         NULL},
    {"HINCRBY h g \"\"",                             "-ERR value is not an integer or out of range|",                       NULL},
    {"HINCRBYFLOAT h f 1",                           "-ERR hash value is not a float|",                                     NULL},
    {"HINCRBYFLOAT h g x",                           "-ERR value is not a valid float|",                                    NULL},
    {"HINCRBYFLOAT h g nan",                         "-ERR value is not a valid float|",                                    NULL},
    {"HINCRBYFLOAT h g inf",                         "-ERR value is NaN or Infinity|",                                      NULL},
    {"HINCRBYFLOAT h g -inf",                        "-ERR value is NaN or Infinity|",                                      NULL},
    {"HINCRBYFLOAT h g 1e5000",                      "-ERR value is not a valid float|",                                    NULL},
    {"HINCRBYFLOAT h g \"\"",                        "-ERR value is not a valid float|",                                    NULL},
    {"HRANDFIELD h x",                               "-ERR value is not an integer or out of range|",                       NULL},
    {"HRANDFIELD h 1 x",                             "-ERR syntax error|",                                                  NULL},
    {"HRANDFIELD h 1 WITHVALUES x",                  "-ERR syntax error|",                                                  NULL},
    {"HRANDFIELD h -9223372036854775808",
     "-ERR value is out of range, value must between -9223372036854775807 and "
     "9223372036854775807|",                                                                                                NULL},
    {"HRANDFIELD h 9223372036854775808",             "-ERR value is not an integer or out of range|",                       NULL},
    {"HRANDFIELD h 9223372036854775807 WITHVALUES",  "-ERR value is out of range|",                                         NULL},
    {"HRANDFIELD h -9223372036854775807 WITHVALUES", "-ERR value is out of range|",                                         NULL},
    {"HSCAN h x",                                    "-ERR invalid cursor|",                                                NULL},
    {"HSCAN h 0 COUNT",                              "-ERR syntax error|",                                                  NULL},
    {"HSCAN h 0 COUNT x",                            "-ERR value is not an integer or out of range|",                       NULL},
    {"HSCAN h 0 COUNT 0",                            "-ERR syntax error|",                                                  NULL},
    {"HSCAN h 0 COUNT -1",                           "-ERR syntax error|",                                                  NULL},
    {"HSCAN h 0 MATCH",                              "-ERR syntax error|",                                                  NULL},
    {"HSCAN h 0 x",                                  "-ERR syntax error|",                                                  NULL},
    {"HSCAN none x",                                 "-ERR invalid cursor|",                                                NULL},
    {"HSCAN none 0 x",                               "*2|$1|0|*0|",                                                         NULL},
    {"HSCAN s x",                                    "-ERR invalid cursor|",                                                NULL},
    {"HSCAN s 0 x",                                  "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HGETALL h",                                    "*4|$1|f|$4|text|$1|g|$1|1|",                                          NULL},
    {"HSET s f v",                                   "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HMSET s f v",                                  "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HSETNX s f v",                                 "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HGET s f",                                     "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HMGET s f g",                                  "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HGETALL s",                                    "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HKEYS s",                                      "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HVALS s",                                      "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HLEN s",                                       "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HEXISTS s f",                                  "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HSTRLEN s f",                                  "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HDEL s f",                                     "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HINCRBY s f 1",                                "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HINCRBYFLOAT s f 1",                           "-WRONGTYPE Operation against a key holding the wrong kind of value|",
     NULL                                                                                                                       },
    {"HRANDFIELD s",                                 "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HRANDFIELD s 1",                               "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"HSCAN s 0",                                    "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"GET h",                                        "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"APPEND h x",                                   "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"INCR h",                                       "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
};

Test(hashes, bad_input_is_refused_and_changes_nothing)
{
    RUN_CASES(bad_input);
}

Test(hashes, random_fields_and_scans_of_small_hashes_are_whole)
{
    static const struct fixture_case cases[] = {
        {"HSET h f 1",                    ":1|",                              NULL},
        {"HRANDFIELD h",                  "$1|f|",                            NULL},
        {"HRANDFIELD h 5",                "*1|$1|f|",                         NULL},
        {"HRANDFIELD h -3",               "*3|$1|f|$1|f|$1|f|",               NULL},
        {"HRANDFIELD h 5 WITHVALUES",     "*2|$1|f|$1|1|",                    NULL},
        {"HRANDFIELD h -2 WITHVALUES",    "*4|$1|f|$1|1|$1|f|$1|1|",          NULL},
        {"HRANDFIELD h 0",                "*0|",                              NULL},
        {"HRANDFIELD none",               "$-1|",                             NULL},
        {"HRANDFIELD none 3",             "*0|",                              NULL},
        {"HRANDFIELD none -3 WITHVALUES", "*0|",                              NULL},
        {"HSET h gg 2",                   ":1|",                              NULL},
        {"HSCAN h 0",                     "*2|$1|0|*4|$1|f|$1|1|$2|gg|$1|2|", NULL},
        {"HSCAN h 0 MATCH g*",            "*2|$1|0|*2|$2|gg|$1|2|",           NULL},
        {"HSCAN h 0 MATCH g* COUNT 1",    "*2|$1|0|*2|$2|gg|$1|2|",           NULL},
        {"HSCAN h 0 MATCH * COUNT 1",     "*2|$1|0|*4|$1|f|$1|1|$2|gg|$1|2|", NULL},
        {"HSCAN h 0 MATCH none",          "*2|$1|0|*0|",                      NULL},
        {"HSCAN none 0",                  "*2|$1|0|*0|",                      NULL},
        {"HSCAN h 18446744073709551615",  "*2|$1|0|*4|$1|f|$1|1|$2|gg|$1|2|", NULL},
    };

    RUN_CASES(cases);
}
