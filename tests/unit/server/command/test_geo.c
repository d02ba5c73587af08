/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"

Test(geo, members_are_added_as_scores)
{
    static const struct fixture_case cases[] = {
        {"GEOADD g 13.361389 38.115556 Palermo",           ":1|",                                                       "ZADD g 3479099956230698 Palermo"},
        {"GEOADD g 13.361389 38.115556 Palermo",           ":0|",                                                       ""                               },
        {"GEOADD g CH 15 37 Palermo",                      ":1|",                                                       "ZADD g 3476504601741708 Palermo"},
        {"GEOADD g NX 1 2 Palermo",                        ":0|",                                                       ""                               },
        {"GEOADD g XX 1 2 Rome",                           ":0|",                                                       ""                               },
        {"GEOADD g 180 85.05112878 a -180 -85.05112878 b", ":2|",                                                       NULL                             },
        {"ZSCORE g b",                                     "$1|0|",                                                     ""                               },
        {"GEOADD g NX XX 1 2 a",                           "-ERR syntax error|",                                        ""                               },
        {"GEOADD g NX 1 2",                                "-ERR syntax error|",                                        ""                               },
        {"GEOADD g 1 2 a 3",                               "-ERR syntax error|",                                        ""                               },
        {"GEOADD g 200 2 a",                               "-ERR invalid longitude,latitude pair 200.000000,2.000000|", ""                               },
        {"GEOADD g 1 -86 a",                               "-ERR invalid longitude,latitude pair 1.000000,-86.000000|", ""                               },
        {"GEOADD g x 2 a",                                 "-ERR value is not a valid float|",                          ""                               },
        {"GEOADD g 1 x a",                                 "-ERR value is not a valid float|",                          ""                               },
        {"GEOADD g nan 1 a",                               "-ERR value is not a valid float|",                          ""                               },
        {"SET s v",                                        "+OK|",                                                      NULL                             },
        {"GEOADD s 1 2 a",                                 WRONGTYPE,                                                   ""                               },
        {"GEOADD s 200 2 a",                               "-ERR invalid longitude,latitude pair 200.000000,2.000000|", ""                               },
    };

    RUN_CASES(cases);
}

Test(geo, places_and_distances_are_told)
{
    static const struct fixture_case cases[] = {
        {"GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2|",                                                          NULL},
        {"GEOPOS g Palermo none",                                            "*2|*2|$20|13.36138933897018433|$20|38.11555639549629859|*-1|",
         ""                                                                                                                                      },
        {"GEOPOS g",                                                         "*0|",                                                          ""  },
        {"GEOPOS none a",                                                    "*1|*-1|",                                                      ""  },
        {"GEOHASH g Palermo none",                                           "*2|$11|sqc8b49rny0|$-1|",                                      ""  },
        {"GEOHASH none a",                                                   "*1|$-1|",                                                      ""  },
        {"GEODIST g Palermo Catania",                                        "$11|166274.1516|",                                             ""  },
        {"GEODIST g Palermo Catania KM",                                     "$8|166.2742|",                                                 ""  },
        {"GEODIST g Palermo Catania ft",                                     "$11|545518.8700|",                                             ""  },
        {"GEODIST g Palermo Catania mi",                                     "$8|103.3182|",                                                 ""  },
        {"GEODIST g Palermo Palermo",                                        "$6|0.0000|",                                                   ""  },
        {"GEODIST g Palermo none",                                           "$-1|",                                                         ""  },
        {"GEODIST none a b",                                                 "$-1|",                                                         ""  },
        {"GEODIST none a b foo",                                             "-ERR unsupported unit provided. please use M, KM, FT, MI|",    ""  },
        {"GEODIST g a b m m",                                                "-ERR syntax error|",                                           ""  },
        {"SET s v",                                                          "+OK|",                                                         NULL},
        {"GEOPOS s a",                                                       WRONGTYPE,                                                      ""  },
        {"GEOHASH s a",                                                      WRONGTYPE,                                                      ""  },
        {"GEODIST s a b",                                                    WRONGTYPE,                                                      ""  },
    };

    RUN_CASES(cases);
}
