/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define NO_STRINGS "-ERR The specified keys must contain string values|"
#define SYNTAX     "-ERR syntax error|"

Test(lcs, the_longest_sequence_in_common_is_found)
{
    static const struct fixture_case cases[] = {
        {"MSET a ohmytext b mynewtext e \"\" n 123456 m 13579", "+OK|",         NULL},
        {"LCS a b",                                             "$6|mytext|",   ""  },
        {"LCS a b LEN",                                         ":6|",          ""  },
        {"LCS a a",                                             "$8|ohmytext|", ""  },
        {"LCS a none",                                          "$0||",         ""  },
        {"LCS none other len",                                  ":0|",          ""  },
        {"LCS e a",                                             "$0||",         ""  },
        {"LCS n m",                                             "$3|135|",      ""  },
    };

    RUN_CASES(cases);
}

Test(lcs, matches_are_told_from_the_last_to_the_first)
{
    static const struct fixture_case cases[] = {
        {"MSET a ohmytext b mynewtext",                                "+OK|",                                                                  NULL},
        {"LCS a b IDX",                                                "*4|$7|matches|*2|*2|*2|:4|:7|*2|:5|:8|*2|*2|:2|:3|*2|:0|:1|$3|len|:6|",
         ""                                                                                                                                         },
        {"LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
         "*4|$7|matches|*1|*3|*2|:4|:7|*2|:5|:8|:4|$3|len|:6|",                                                                                 ""  },
        {"LCS a b idx minmatchlen -1 minmatchlen 9223372036854775807",
         "*4|$7|matches|*0|$3|len|:6|",                                                                                                         ""  },
        {"LCS a none IDX",                                             "*4|$7|matches|*0|$3|len|:0|",                                           ""  },
    };

    RUN_CASES(cases);
}

Test(lcs, what_cannot_be_compared_is_refused)
{
    static const struct fixture_case cases[] = {
        {"SET a abc",             "+OK|",                                                                NULL},
        {"LCS a list",            NO_STRINGS,                                                            ""  },
        {"LCS list none",         NO_STRINGS,                                                            ""  },
        {"LCS list a WORD",       NO_STRINGS,                                                            ""  },
        {"LCS a a WORD",          SYNTAX,                                                                ""  },
        {"LCS a a MINMATCHLEN",   SYNTAX,                                                                ""  },
        {"LCS a a MINMATCHLEN x", "-ERR value is not an integer or out of range|",                       ""  },
        {"LCS a a LEN IDX",       "-ERR If you want both the length and indexes, please just use IDX.|",
         ""                                                                                                  },
        {"SETRANGE x 15000 x",    ":15001|",                                                             NULL},
        {"LCS x x",
         "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len|",               ""  },
    };

    RUN_CASES_WITH_LIST(cases);
}

Test(lcs, a_key_that_has_expired_is_removed_and_compared_as_empty)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "SET a abc");
    fixture_run(f, "SET b abc PX 5");
    f->x.now.unix_ms += 10;
    fixture_expect(f, "LCS a b LEN", ":0|");
    cr_assert_str_eq(fixture_effects(f), "DEL b");
    fixture_free(f);
}
