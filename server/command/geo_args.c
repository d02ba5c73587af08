/* SPDX-License-Identifier: MIT */
#include "command/geo_args.h"

#include "base/attr.h"
#include "command/lookup.h"

bool geo_read_point(struct exec *x, size_t index, struct geo_point *out)
{
    if (!num_parse_f64(x->args[index], &out->longitude) ||
        !num_parse_f64(x->args[index + 1], &out->latitude)) {
        resp_write_error(x->reply, "ERR value is not a valid float");
        return false;
    }
    if (!geo_point_is_valid(*out)) {
        resp_write_error(x->reply, "ERR invalid longitude,latitude pair %f,%f", out->longitude,
                         out->latitude);
        return false;
    }
    return true;
}

bool geo_read_unit(struct exec *x, size_t index, double *metres)
{
    static const struct {
        const char *name;
        double metres;
    } units[] = {
        {"m",  1      },
        {"km", 1000   },
        {"ft", 0.3048 },
        {"mi", 1609.34},
    };

    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (argument_is(x, index, units[i].name)) {
            *metres = units[i].metres;
            return true;
        }
    }
    resp_write_error(x->reply, "ERR unsupported unit provided. please use M, KM, FT, MI");
    return false;
}

static bool read_length(struct exec *x, size_t index, const char *what, double *out)
{
    if (num_parse_f64(x->args[index], out)) {
        return true;
    }
    resp_write_error(x->reply, "ERR need numeric %s", what);
    return false;
}

bool geo_read_radius(struct exec *x, size_t index, struct geo_shape *out, double *unit)
{
    if (!read_length(x, index, "radius", &out->radius)) {
        return false;
    }
    if (out->radius < 0) {
        resp_write_error(x->reply, "ERR radius cannot be negative");
        return false;
    }
    if (!geo_read_unit(x, index + 1, unit)) {
        return false;
    }
    out->radius *= *unit;
    return true;
}

bool geo_read_box(struct exec *x, size_t index, struct geo_shape *out, double *unit)
{
    if (!read_length(x, index, "width", &out->width) ||
        !read_length(x, index + 1, "height", &out->height)) {
        return false;
    }
    if (out->width < 0 || out->height < 0) {
        resp_write_error(x->reply, "ERR height or width cannot be negative");
        return false;
    }
    if (!geo_read_unit(x, index + 2, unit)) {
        return false;
    }
    out->width *= *unit;
    out->height *= *unit;
    return true;
}

void geo_reply_distance(struct exec *x, double metres, double unit)
{
    resp_write_bulk_printf(x->reply, "%.4f", metres / unit);
}

static void reply_coordinate(struct exec *x, double value)
{
    char text[NUM_F80_TEXT];

    resp_write_double_text(x->reply, bytes_make(text, num_format_f80(text, value)));
}

void geo_reply_point(struct exec *x, struct geo_point point)
{
    resp_write_array(x->reply, 2);
    reply_coordinate(x, point.longitude);
    reply_coordinate(x, point.latitude);
}
