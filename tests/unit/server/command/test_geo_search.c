/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "base/rng.h"
#include "command/geohash.h"
#include "tests/unit/seed.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

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
         "-ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for GEOSEARCH|",                                ""  },
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

/* ---- polygons --------------------------------------------------------------------------------------------- */

Test(geo_search, polygons_are_searched_and_distances_told_from_their_middle)
{
    static const struct fixture_case cases[] = {
        {"GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",     ":2|",                       NULL},
        {"GEOADD g 0 0 Null 179.9 10 East -179.9 10 West",                       ":3|",                       NULL},
        {"GEOSEARCH g BYPOLYGON 3 13 38 14 38 13 39",                            "*1|$7|Palermo|",            ""  },
        {"GEOSEARCH g BYPOLYGON 3 13 39 14 38 13 38",                            "*1|$7|Palermo|",            ""  },
        {"GEOSEARCH g BYPOLYGON 4 12 37 16 37 16 39 12 39 DESC",                 "*2|$7|Catania|$7|Palermo|", ""  },
        {"GEOSEARCH g BYPOLYGON 4 12 37 16 37 16 39 12 39 ASC WITHDIST COUNT 1",
         "*1|*2|$7|Palermo|$10|57386.2408|",                                                                  ""  },
 /* A bay lets Palermo out. */
        {"GEOSEARCH g BYPOLYGON 5 12 37 16 37 16 39 13.5 37.5 12 39",            "*1|$7|Catania|",            ""  },
        {"GEOSEARCH g BYPOLYGON 4 -180 -85 180 -85 180 85 -180 85 COUNT 9",
         "*5|$4|Null|$7|Catania|$7|Palermo|$4|East|$4|West|",                                                 NULL},
        {"GEOSEARCH g BYPOLYGON 3 20 20 21 20 20 21",                            "*0|",                       ""  },
        {"GEOSEARCH g BYPOLYGON 3 1 1 1 1 1 1",                                  "*0|",                       ""  },
        {"GEOSEARCH none BYPOLYGON 3 1 1 2 2 3 3",                               "*0|",                       ""  },
        {"GEOSEARCHSTORE d g BYPOLYGON 3 13 38 14 38 13 39",                     ":1|",
         "DEL d; ZADD d 3479099956230698 Palermo"                                                                 },
    };

    RUN_CASES(cases);
}

Test(geo_search, bad_polygons_are_refused)
{
    static const struct fixture_case cases[] = {
        {"GEOSEARCH g BYPOLYGON 2 1 1 2 2 3 3",                         "-ERR a polygon has at least 3 vertices|",       ""},
        {"GEOSEARCH g BYPOLYGON -1 1 1 2 2 3 3",                        "-ERR a polygon has at least 3 vertices|",       ""},
        {"GEOSEARCH g BYPOLYGON x 1 1 2 2 3 3",                         "-ERR value is not an integer or out of range|",
         ""                                                                                                                },
        {"GEOSEARCH g BYPOLYGON 4 1 1 2 2 3 3",                         "-ERR syntax error|",                            ""},
        {"GEOSEARCH g BYPOLYGON 9223372036854775807 1 1 2 2",           "-ERR syntax error|",                            ""},
        {"GEOSEARCH g BYPOLYGON 3 1 1 2 2 3 x",                         "-ERR value is not a valid float|",              ""},
        {"GEOSEARCH g BYPOLYGON 3 1 1 2 2 3 nan",                       "-ERR value is not a valid float|",              ""},
        {"GEOSEARCH g BYPOLYGON 3 1 1 2 2 181 3",
         "-ERR invalid longitude,latitude pair 181.000000,3.000000|",                                                    ""},
        {"GEOSEARCH g BYPOLYGON 3 1 1 2 2 3 3 FROMMEMBER a",            "-ERR syntax error|",                            ""},
        {"GEOSEARCH g BYPOLYGON 3 1 1 2 2 3 3 BYRADIUS 1 m",            "-ERR syntax error|",                            ""},
        {"GEOSEARCH g FROMLONLAT 1 1 BYPOLYGON 3 1 1 2 2 3 3",          "-ERR syntax error|",                            ""},
        {"GEOSEARCH g BYRADIUS 1 m BYPOLYGON 3 1 1 2 2 3 3",            "-ERR syntax error|",                            ""},
        {"GEOSEARCH g BYPOLYGON 3 1 1 2 2 3 3 BYPOLYGON 3 1 1 2 2 3 3", "-ERR syntax error|",                            ""},
        {"GEORADIUS g 1 1 1 m BYPOLYGON 3 1 1 2 2 3 3",                 "-ERR syntax error|",                            ""},
    };

    RUN_CASES(cases);
}

enum {
    POINTS = 400,
    TRIANGLES = 300,
};

/* On which side of the line from a to b? */
static double side(struct geo_point a, struct geo_point b, struct geo_point p)
{
    return (b.longitude - a.longitude) * (p.latitude - a.latitude) -
           (b.latitude - a.latitude) * (p.longitude - a.longitude);
}

static bool is_in_triangle(const struct geo_point *t, struct geo_point p)
{
    double sides[] = {side(t[0], t[1], p), side(t[1], t[2], p), side(t[2], t[0], p)};

    return (sides[0] < 0 && sides[1] < 0 && sides[2] < 0) ||
           (sides[0] > 0 && sides[1] > 0 && sides[2] > 0);
}

/* Near the place, or anywhere when it is NULL. */
static struct geo_point random_point(struct rng *rng, const struct geo_point *near, double span)
{
    double x = (double)rng_below(rng, 2000001) / 1000000 - 1;
    double y = (double)rng_below(rng, 2000001) / 1000000 - 1;

    if (near == NULL) {
        return (struct geo_point){x * GEOHASH_LONGITUDE_MAX, y * GEOHASH_LATITUDE_MAX};
    }
    return (struct geo_point){
        fmax(-GEOHASH_LONGITUDE_MAX, fmin(GEOHASH_LONGITUDE_MAX, near->longitude + x * span)),
        fmax(-GEOHASH_LATITUDE_MAX, fmin(GEOHASH_LATITUDE_MAX, near->latitude + y * span))};
}

Test(geo_search, every_point_of_a_polygon_is_found_wherever_and_however_large_it_is)
{
    uint64_t seed = seed_get();
    struct fixture *f = fixture_new(false);
    struct geo_point points[POINTS];
    struct rng rng;
    struct buf request = {0};
    size_t found = 0;

    rng_init(&rng, seed);
    for (int i = 0; i < POINTS; i++) {
        struct geo_point p = random_point(&rng, i % 2 == 0 || i == 0 ? NULL : &points[i - 1], 0.1);

        buf_clear(&request);
        buf_printf(&request, "GEOADD g %.17g %.17g %d", p.longitude, p.latitude, i);
        fixture_expect(f, buf_text(&request), ":1|");
        points[i] = geo_point_of_score((double)geohash_of(p));
    }
    for (int i = 0; i < TRIANGLES; i++) {
        static const double spans[] = {0.01, 0.1, 1, 10, 100, 300};
        struct geo_point t[3];
        size_t expected = 0;

        buf_clear(&request);
        buf_printf(&request, "GEOSEARCH g BYPOLYGON 3");
        for (int j = 0; j < 3; j++) {
            t[j] = random_point(&rng, &points[i], spans[i % 6]);
            buf_printf(&request, " %.17g %.17g", t[j].longitude, t[j].latitude);
        }
        for (int j = 0; j < POINTS; j++) {
            expected += is_in_triangle(t, points[j]);
        }
        fixture_run(f, buf_text(&request));
        SEED_ASSERT((size_t)strtoul(fixture_reply(f) + 1, NULL, 10) == expected, seed);
        found += expected;
    }
    cr_assert_gt(found, TRIANGLES);
    buf_deinit(&request);
    fixture_free(f);
}

Test(geo_search, a_distance_along_a_meridian_is_that_of_a_stock_server_to_the_last_digit)
{
    const struct geo_point center = {180, 16.237};
    const struct geo_point point = {180, -85.05112751263942528};

    cr_expect_eq(geo_distance(center, point), 11265903.657159178);
}
