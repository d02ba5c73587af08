/* SPDX-License-Identifier: MIT */
/* Places on earth as numbers: 52 bits, of latitude and longitude in turn, so that places near each other mostly
 * have numbers near each other.
 *
 * The world, as maps in Mercator's projection show it, is halved again and again in both directions; after `step`
 * times a place lies in one of 4^step cells.  The number of a cell has the bits of its row at even and
 * those of its column at odd places.
 *
 * Coordinates are in degrees, distances in metres.  Pure functions. */
#ifndef STARLING_COMMAND_GEOHASH_H
#define STARLING_COMMAND_GEOHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GEOHASH_STEP_MAX = 26,
    GEOHASH_TEXT = 11, /* characters of a geohash as others know it */
    GEOHASH_CELLS = 9, /* a cell and its neighbours */
};

#define GEOHASH_LONGITUDE_MAX 180.0
#define GEOHASH_LATITUDE_MAX  85.05112878

struct geo_point {
    double longitude;
    double latitude;
};

/* Points whose coordinates are in both ranges, ends included. */
struct geo_box {
    struct geo_point low;
    struct geo_point high;
};

bool geo_point_is_valid(struct geo_point point);
/* The number of the cell of the last step in which the point, which is valid, lies. */
uint64_t geohash_of(struct geo_point point);
/* The middle of the cell whose number the score is; what is none is cut to one that is. */
struct geo_point geo_point_of_score(double score);
/* The geohash in letters and digits, not terminated. */
void geohash_format(struct geo_point point, char out[GEOHASH_TEXT]);
double geo_distance(struct geo_point a, struct geo_point b);

/* An area to be searched. */
struct geo_shape {
    struct geo_point center;
    bool is_box;
    double radius;        /* of a circle */
    double width, height; /* of a box */
    const struct geo_point
        *vertices; /* of a polygon, as a flat map has it: borrowed; NULL: it is none */
    size_t vertex_count;
};

/* The mean of the vertices of a polygon, from which distances are told. */
struct geo_point geo_middle(const struct geo_point *vertices, size_t count);

/* Is the point in the shape?  *distance is then that from the center. */
bool geo_shape_has(const struct geo_shape *shape, struct geo_point point, double *distance);

/* Numbers of the cells of the last step, from low on, those from high on excluded. */
struct geo_span {
    uint64_t low;
    uint64_t high;
};

/* The cells that have all of the shape's points, in the order in which they are to be searched; how many. */
size_t geo_shape_spans(const struct geo_shape *shape, struct geo_span out[GEOHASH_CELLS]);

#endif
