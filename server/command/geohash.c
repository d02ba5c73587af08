/* SPDX-License-Identifier: MIT */
#include "command/geohash.h"

#include <math.h>

#define EARTH_RADIUS   6372797.560856
#define MERCATOR_MAX   20037726.37
#define DEGREE         (3.14159265358979323846 / 180.0)
#define SCORE_END      9223372036854775808.0 /* 2^63 */
#define LATITUDE_WHOLE 90.0                  /* of geohashes as others know them */

/* A cell after some halvings. */
struct cell {
    unsigned step;
    uint32_t row;    /* from the south */
    uint32_t column; /* from the west */
};

bool geo_point_is_valid(struct geo_point point)
{
    return point.longitude >= -GEOHASH_LONGITUDE_MAX && point.longitude <= GEOHASH_LONGITUDE_MAX &&
           point.latitude >= -GEOHASH_LATITUDE_MAX && point.latitude <= GEOHASH_LATITUDE_MAX;
}

/* ---- cells ------------------------------------------------------------------------------------------- */

/* Where a value lies in the range of both signs of max, as one of 2^step parts. */
static uint32_t part_of(double value, double max, unsigned step)
{
    double offset = (value + max) / (2 * max) * (double)(UINT64_C(1) << step);

    return (uint32_t)(uint64_t)offset;
}

static struct cell cell_of(struct geo_point point, unsigned step)
{
    return (struct cell){.step = step,
                         .row = part_of(point.latitude, GEOHASH_LATITUDE_MAX, step),
                         .column = part_of(point.longitude, GEOHASH_LONGITUDE_MAX, step)};
}

/* The start of a part of the range of both signs of max. */
static double start_of(uint32_t part, double max, unsigned step)
{
    return -max + ((double)part / (double)(UINT64_C(1) << step)) * (max + max);
}

static struct geo_box box_of(struct cell cell)
{
    return (struct geo_box){
        .low = {start_of(cell.column,     GEOHASH_LONGITUDE_MAX, cell.step),
                start_of(cell.row,     GEOHASH_LATITUDE_MAX, cell.step)},
        .high = {start_of(cell.column + 1, GEOHASH_LONGITUDE_MAX, cell.step),
                start_of(cell.row + 1, GEOHASH_LATITUDE_MAX, cell.step)},
    };
}

/* A bit at every second place. */
static uint64_t spread(uint32_t value)
{
    static const uint64_t masks[] = {UINT64_C(0x0000ffff0000ffff), UINT64_C(0x00ff00ff00ff00ff),
                                     UINT64_C(0x0f0f0f0f0f0f0f0f), UINT64_C(0x3333333333333333),
                                     UINT64_C(0x5555555555555555)};
    uint64_t bits = value;

    for (unsigned i = 0; i < 5; i++) {
        bits = (bits | bits << (16 >> i)) & masks[i];
    }
    return bits;
}

/* The bits at even places. */
static uint32_t gather(uint64_t bits)
{
    static const uint64_t masks[] = {UINT64_C(0x3333333333333333), UINT64_C(0x0f0f0f0f0f0f0f0f),
                                     UINT64_C(0x00ff00ff00ff00ff), UINT64_C(0x0000ffff0000ffff),
                                     UINT64_C(0x00000000ffffffff)};

    bits &= UINT64_C(0x5555555555555555);
    for (unsigned i = 0; i < 5; i++) {
        bits = (bits | bits >> (1U << i)) & masks[i];
    }
    return (uint32_t)bits;
}

static uint64_t number_of(struct cell cell)
{
    return spread(cell.row) | spread(cell.column) << 1;
}

uint64_t geohash_of(struct geo_point point)
{
    return number_of(cell_of(point, GEOHASH_STEP_MAX));
}

static double cut(double value, double max)
{
    return value > max ? max : value < -max ? -max : value;
}

struct geo_point geo_point_of_score(double score)
{
    uint64_t hash = score > 0 && score < SCORE_END ? (uint64_t)score : 0;
    struct geo_box box = box_of(
        (struct cell){.step = GEOHASH_STEP_MAX, .row = gather(hash), .column = gather(hash >> 1)});

    return (struct geo_point){
        .longitude = cut((box.low.longitude + box.high.longitude) / 2, GEOHASH_LONGITUDE_MAX),
        .latitude = cut((box.low.latitude + box.high.latitude) / 2, GEOHASH_LATITUDE_MAX),
    };
}

/* Others halve all latitudes up to the poles.  Their last character would need three bits more than there
 * are: it is the first of the alphabet. */
void geohash_format(struct geo_point point, char out[GEOHASH_TEXT])
{
    static const char alphabet[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    uint64_t bits = spread(part_of(point.latitude, LATITUDE_WHOLE, GEOHASH_STEP_MAX)) |
                    spread(part_of(point.longitude, GEOHASH_LONGITUDE_MAX, GEOHASH_STEP_MAX)) << 1;

    for (unsigned i = 0; i < GEOHASH_TEXT - 1; i++) {
        out[i] = alphabet[bits >> (2 * GEOHASH_STEP_MAX - 5 * (i + 1)) & 0x1f];
    }
    out[GEOHASH_TEXT - 1] = alphabet[0];
}

/* ---- distances --------------------------------------------------------------------------------------- */

static double latitude_distance(double a, double b)
{
    return EARTH_RADIUS * fabs(b * DEGREE - a * DEGREE);
}

double geo_distance(struct geo_point a, struct geo_point b)
{
    double latitude_a = a.latitude * DEGREE;
    double latitude_b = b.latitude * DEGREE;
    double u = sin((latitude_b - latitude_a) / 2);
    double v = sin((b.longitude * DEGREE - a.longitude * DEGREE) / 2);

    /* As stock servers have it: to the last digit. */
    if (v == 0) {
        return latitude_distance(a.latitude, b.latitude);
    }
    return 2.0 * EARTH_RADIUS * asin(sqrt(u * u + cos(latitude_a) * cos(latitude_b) * v * v));
}

struct geo_point geo_middle(const struct geo_point *vertices, size_t count)
{
    struct geo_point sum = {0};

    for (size_t i = 0; i < count; i++) {
        sum.longitude += vertices[i].longitude;
        sum.latitude += vertices[i].latitude;
    }
    return (struct geo_point){sum.longitude / (double)count, sum.latitude / (double)count};
}

/* Does a line from the point to the east cross the border an odd number of times? */
static bool is_in_polygon(const struct geo_shape *shape, struct geo_point point)
{
    struct geo_point a = shape->vertices[shape->vertex_count - 1];
    bool is_inside = false;

    for (size_t i = 0; i < shape->vertex_count; i++) {
        struct geo_point b = shape->vertices[i];

        if ((a.latitude > point.latitude) != (b.latitude > point.latitude)) {
            double part = (point.latitude - a.latitude) / (b.latitude - a.latitude);

            is_inside ^= point.longitude < a.longitude + part * (b.longitude - a.longitude);
        }
        a = b;
    }
    return is_inside;
}

bool geo_shape_has(const struct geo_shape *shape, struct geo_point point, double *distance)
{
    if (shape->vertices != NULL) {
        *distance = geo_distance(shape->center, point);
        return is_in_polygon(shape, point);
    }
    if (shape->is_box) {
        struct geo_point beside = {shape->center.longitude, point.latitude};

        if (latitude_distance(point.latitude, shape->center.latitude) > shape->height / 2 ||
            geo_distance(point, beside) > shape->width / 2) {
            return false;
        }
    }
    *distance = geo_distance(shape->center, point);
    return shape->is_box || *distance <= shape->radius;
}

/* ---- where to search --------------------------------------------------------------------------------- */

/* How often the world is halved so that a cell and its neighbours have about all within the distance. */
static unsigned step_for(double distance, double latitude)
{
    int step = 1;

    if (distance == 0) {
        return GEOHASH_STEP_MAX;
    }
    while (distance < MERCATOR_MAX) {
        distance *= 2;
        step++;
    }
    step -= 2;
    /* Towards the poles cells get narrow. */
    step -= fabs(latitude) > 66 ? 1 : 0;
    step -= fabs(latitude) > 80 ? 1 : 0;
    step = step < 1 ? 1 : step;
    return step > GEOHASH_STEP_MAX ? GEOHASH_STEP_MAX : (unsigned)step;
}

static struct geo_box bounds_of_polygon(const struct geo_shape *shape)
{
    struct geo_box box = {shape->vertices[0], shape->vertices[0]};

    for (size_t i = 1; i < shape->vertex_count; i++) {
        const struct geo_point *p = &shape->vertices[i];

        box.low.longitude = fmin(box.low.longitude, p->longitude);
        box.low.latitude = fmin(box.low.latitude, p->latitude);
        box.high.longitude = fmax(box.high.longitude, p->longitude);
        box.high.latitude = fmax(box.high.latitude, p->latitude);
    }
    return box;
}

/* All of the shape, and more. */
static struct geo_box bounds_of(const struct geo_shape *shape)
{
    double height = shape->is_box ? shape->height / 2 : shape->radius;
    double width = shape->is_box ? shape->width / 2 : shape->radius;
    double latitude = shape->center.latitude;
    double delta = height / EARTH_RADIUS / DEGREE;
    double far = latitude < 0 ? latitude - delta : latitude + delta;
    double across = width / EARTH_RADIUS / cos(far * DEGREE) / DEGREE;

    return (struct geo_box){
        .low = {shape->center.longitude - across, latitude - delta},
        .high = {shape->center.longitude + across, latitude + delta},
    };
}

/* The cell that many columns and rows away; the world is round.  The eastern and northern ends of the
 * ranges lie in a column and a row of their own, one beyond the others, which is kept where nothing moves. */
static struct cell neighbour(struct cell cell, int columns, int rows)
{
    uint32_t mask = (uint32_t)((UINT64_C(1) << cell.step) - 1);

    cell.column = columns == 0 ? cell.column : (cell.column + (uint32_t)columns) & mask;
    cell.row = rows == 0 ? cell.row : (cell.row + (uint32_t)rows) & mask;
    return cell;
}

/* Do the cell and its neighbours reach as far as the bounds do? */
static bool reaches(struct cell cell, const struct geo_box *bounds)
{
    return box_of(neighbour(cell, 0, 1)).high.latitude >= bounds->high.latitude &&
           box_of(neighbour(cell, 0, -1)).low.latitude <= bounds->low.latitude &&
           box_of(neighbour(cell, 1, 0)).high.longitude >= bounds->high.longitude &&
           box_of(neighbour(cell, -1, 0)).low.longitude <= bounds->low.longitude;
}

/* Is the neighbour in that direction needed, where the cell itself reaches farther than the bounds do? */
static bool is_needed(const struct geo_box *own, const struct geo_box *bounds, int columns,
                      int rows)
{
    return !(rows < 0 && own->low.latitude < bounds->low.latitude) &&
           !(rows > 0 && own->high.latitude > bounds->high.latitude) &&
           !(columns < 0 && own->low.longitude < bounds->low.longitude) &&
           !(columns > 0 && own->high.longitude > bounds->high.longitude);
}

/* The cell of a circle or a box from which to search. */
static struct cell first_cell(const struct geo_shape *shape, const struct geo_box *bounds)
{
    double reach =
        shape->is_box
            ? sqrt(shape->width / 2 * (shape->width / 2) + shape->height / 2 * (shape->height / 2))
            : shape->radius;
    struct cell cell = cell_of(shape->center, step_for(reach, shape->center.latitude));

    if (cell.step > 1 && !reaches(cell, bounds)) {
        cell = cell_of(shape->center, cell.step - 1);
    }
    return cell;
}

/* That of a polygon: the smallest around the middle of its bounds that reaches as far. */
static struct cell first_cell_of_polygon(const struct geo_box *bounds)
{
    struct geo_point middle = {(bounds->low.longitude + bounds->high.longitude) / 2,
                               (bounds->low.latitude + bounds->high.latitude) / 2};
    struct cell cell = cell_of(middle, GEOHASH_STEP_MAX);

    while (cell.step > 1 && !reaches(cell, bounds)) {
        cell = cell_of(middle, cell.step - 1);
    }
    return cell;
}

size_t geo_shape_spans(const struct geo_shape *shape, struct geo_span out[GEOHASH_CELLS])
{
    static const struct {
        int columns;
        int rows;
    } order[GEOHASH_CELLS] = {
        {0,  0 },
        {0,  1 },
        {0,  -1},
        {1,  0 },
        {-1, 0 },
        {1,  1 },
        {-1, 1 },
        {1,  -1},
        {-1, -1},
    };
    bool is_polygon = shape->vertices != NULL;
    struct geo_box bounds = is_polygon ? bounds_of_polygon(shape) : bounds_of(shape);
    struct cell cell = is_polygon ? first_cell_of_polygon(&bounds) : first_cell(shape, &bounds);
    struct geo_box own = box_of(cell);
    size_t count = 0;

    for (size_t i = 0; i < GEOHASH_CELLS; i++) {
        struct cell at = neighbour(cell, order[i].columns, order[i].rows);
        unsigned shift = 2 * (GEOHASH_STEP_MAX - cell.step);
        struct geo_span span = {number_of(at) << shift, (number_of(at) + 1) << shift};

        if (cell.step >= 2 && !is_needed(&own, &bounds, order[i].columns, order[i].rows)) {
            continue;
        }
        /* Of few and large cells some are neighbours on both sides. */
        if (count == 0 || out[count - 1].low != span.low) {
            out[count++] = span;
        }
    }
    return count;
}
