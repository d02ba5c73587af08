/* SPDX-License-Identifier: MIT */
/* Arguments of geospatial commands; each false after an error reply. */
#ifndef STARLING_COMMAND_GEO_ARGS_H
#define STARLING_COMMAND_GEO_ARGS_H

#include <stdbool.h>

#include "command/exec.h"
#include "command/geohash.h"

/* Longitude and latitude at two arguments. */
MUST_USE bool geo_read_point(struct exec *x, size_t index, struct geo_point *out);
/* How many metres the unit has: m, km, ft or mi. */
MUST_USE bool geo_read_unit(struct exec *x, size_t index, double *metres);
/* A radius and its unit at two arguments, in metres. */
MUST_USE bool geo_read_radius(struct exec *x, size_t index, struct geo_shape *out, double *unit);
/* Width, height and their unit at three arguments, in metres. */
MUST_USE bool geo_read_box(struct exec *x, size_t index, struct geo_shape *out, double *unit);

/* A distance in metres, as text in the unit with four places behind the point. */
void geo_reply_distance(struct exec *x, double metres, double unit);
void geo_reply_point(struct exec *x, struct geo_point point);

#endif
