/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"

Test(geo_search, circles_and_boxes_are_searched)
{
    static const struct fixture_case cases[] = {
        {"GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",         ":2|",                                NULL},
        {"GEOADD g 12.758489 38.788135 edge1 17.241510 38.788135 edge2",             ":2|",                                NULL},
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC",                         "*2|$7|Catania|$7|Palermo|",          ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHDIST",
         "*4|*2|$7|Catania|$7|56.4413|*2|$7|Palermo|$8|190.4424|*2|$5|edge2|$8|279.7403|*2|$5|"
         "edge1|$8|279.7405|",                                                                                             ""  },
        {"GEOSEARCH g FROMMEMBER Palermo BYRADIUS 200 km DESC",
         "*3|$7|Catania|$5|edge1|$7|Palermo|",                                                                             ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km WITHCOORD WITHHASH WITHDIST",
         "*2|*4|$7|Palermo|$8|190.4424|:3479099956230698|*2|$20|13.36138933897018433|$20|38."
         "11555639549629859|*4|$7|Catania|$7|56.4413|:3479447370796909|*2|$20|15.08726745843887329|"
         "$20|37.50266842333162032|",                                                                                      ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km COUNT 2",                    "*2|$7|Catania|$7|Palermo|",          ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km COUNT 1 ANY",                "*1|$7|Palermo|",                     ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 0 m",                                "*0|",                                ""  },
        {"GEOSEARCH none FROMLONLAT 15 37 BYRADIUS 1 m",                             "*0|",                                ""  },
        {"GEOSEARCH none FROMMEMBER x BYRADIUS 1 m",                                 "*0|",                                ""  },
        {"GEORADIUS g 15 37 200 km ASC",                                             "*2|$7|Catania|$7|Palermo|",          ""  },
        {"GEORADIUS_RO g 15 37 200 km WITHDIST DESC",
         "*2|*2|$7|Palermo|$8|190.4424|*2|$7|Catania|$7|56.4413|",                                                         ""  },
        {"GEORADIUSBYMEMBER g Palermo 100 km",                                       "*2|$7|Palermo|$5|edge1|",            ""  },
        {"GEORADIUSBYMEMBER_RO g Palermo 200 km ASC",                                "*3|$7|Palermo|$5|edge1|$7|Catania|", ""  },
        {"GEORADIUSBYMEMBER none x 1 km",                                            "*0|",                                ""  },
    };

    RUN_CASES(cases);
}

Test(geo_search, what_is_found_travels_as_scores)
{
    static const struct fixture_case cases[] = {
        {"GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2|", NULL                     },
        {"GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km",              ":2|",
         "DEL d; ZADD d 3479099956230698 Palermo 3479447370796909 Catania"                                   },
        {"GEOSEARCHSTORE d g FROMMEMBER Palermo BYRADIUS 1 m STOREDIST",     ":1|",
         "DEL d; ZADD d 0 Palermo"                                                                           },
        {"GEOSEARCHSTORE d g FROMLONLAT 0 0 BYRADIUS 1 m",                   ":0|", "DEL d"                  },
        {"GEOSEARCHSTORE d g FROMLONLAT 0 0 BYRADIUS 1 m",                   ":0|", ""                       },
        {"GEORADIUS g 15 37 200 km COUNT 1 STORE d",                         ":1|",
         "DEL d; ZADD d 3479447370796909 Catania"                                                            },
        {"GEORADIUSBYMEMBER g Palermo 1 m STOREDIST d",                      ":1|", "DEL d; ZADD d 0 Palermo"},
        {"GEOSEARCHSTORE d none FROMLONLAT 15 37 BYRADIUS 200 km",           ":0|", "DEL d"                  },
    };

    RUN_CASES(cases);
}

Test(geo_search, bad_searches_are_refused)
{
    static const struct fixture_case cases[] = {
        {"GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2|",                                          NULL},
        {"SET s v",                                                          "+OK|",                                         NULL},
        {"GEOSEARCH g FROMMEMBER none BYRADIUS 1 m",                         "-ERR could not decode requested zset member|",
         ""                                                                                                                      },
        {"GEOSEARCH g FROMLONLAT 200 1 BYRADIUS 1 m",
         "-ERR invalid longitude,latitude pair 200.000000,1.000000|",                                                        ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS x m",                        "-ERR need numeric radius|",                    ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS -1 m",                       "-ERR radius cannot be negative|",              ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 foo",
         "-ERR unsupported unit provided. please use M, KM, FT, MI|",                                                        ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYBOX x 1 m",                         "-ERR need numeric width|",                     ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYBOX 1 x m",                         "-ERR need numeric height|",                    ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYBOX -1 1 m",                        "-ERR height or width cannot be negative|",
         ""                                                                                                                      },
        {"GEOSEARCH g FROMLONLAT 15 37 BYBOX 1 1 foo",
         "-ERR unsupported unit provided. please use M, KM, FT, MI|",                                                        ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 ASC ASC ASC",
         "-ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH|",                                           ""  },
        {"GEOSEARCH g BYRADIUS 1 m ASC ASC ASC",
         "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH|",                                     ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m BYBOX 1 1 m",            "-ERR syntax error|",                           ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 FROMMEMBER a BYRADIUS 1 m",           "-ERR syntax error|",                           ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m ANY",
         "-ERR the ANY argument requires COUNT argument|",                                                                   ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m COUNT 0",                "-ERR COUNT must be > 0|",                      ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m COUNT x",
         "-ERR value is not an integer or out of range|",                                                                    ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m COUNT",                  "-ERR syntax error|",                           ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m STOREDIST",              "-ERR syntax error|",                           ""  },
        {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 m STORE d",                "-ERR syntax error|",                           ""  },
        {"GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 1 m WITHDIST",
         "-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options|",                             ""  },
        {"GEORADIUS g 15 37 1 km STORE d WITHDIST",
         "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD "
         "options|",                                                                                                         ""  },
        {"GEORADIUS_RO g 15 37 1 km STORE d",                                "-ERR syntax error|",                           ""  },
        {"GEORADIUS g 15 37 1 km STORE",                                     "-ERR syntax error|",                           ""  },
        {"GEORADIUSBYMEMBER g none 1 km",                                    "-ERR could not decode requested zset member|", ""  },
        {"GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 1 m",                        WRONGTYPE,                                      ""  },
        {"GEORADIUS s 215 37 1 km",                                          WRONGTYPE,                                      ""  },
        {"GEORADIUSBYMEMBER s a 1 km",                                       WRONGTYPE,                                      ""  },
        {"GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 1 m",                 WRONGTYPE,                                      ""  },
        {"EXISTS d",                                                         ":0|",                                          ""  },
    };

    RUN_CASES(cases);
}
