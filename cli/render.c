/* SPDX-License-Identifier: MIT */
/* The formats of the usual command line tools, so that scripts and eyes find what they know.
 * Functions that descend into aggregates go at most RESP_DEPTH_MAX deep: the reader has refused
 * anything deeper. */
#include "cli/render.h"

#include "cli/json.h"
#include "cli/quoted.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

static const char *truth(const struct resp_value *value)
{
    return value->integer != 0 ? "true" : "false";
}

/* ---- for people -------------------------------------------------------------------------------- */

static void render_tty(struct buf *out, const struct resp_value *value, struct buf *indent);

static const char *empty_word(enum resp_type type)
{
    if (type == RESP_MAP) {
        return "(empty hash)\n";
    }
    if (type == RESP_SET) {
        return "(empty set)\n";
    }
    return type == RESP_PUSH ? "(empty push)\n" : "(empty array)\n";
}

static int digit_count(size_t number)
{
    int digits = 1;

    while (number >= 10) {
        number /= 10;
        digits++;
    }
    return digits;
}

/* What is numbered: pairs of a map, children of others. */
static size_t element_count(const struct resp_value *value)
{
    return value->type == RESP_MAP ? value->child_count / 2 : value->child_count;
}

/* Elements are numbered; indent is what stands in front of every line but the first. */
static void render_tty_children(struct buf *out, const struct resp_value *value, struct buf *indent)
{
    size_t step = value->type == RESP_MAP ? 2 : 1;
    char mark = value->type == RESP_MAP ? '#' : value->type == RESP_SET ? '~' : ')';
    int width = digit_count(element_count(value));
    size_t indent_len = indent->len;

    if (value->child_count == 0) {
        buf_append_text(out, empty_word(value->type));
        return;
    }
    for (int i = 0; i < width + 2; i++) {
        buf_append_byte(indent, ' ');
    }
    for (size_t i = 0; i + step <= value->child_count; i += step) {
        if (i > 0) {
            buf_append(out, indent->data, indent_len);
        }
        buf_printf(out, "%*zu%c ", width, i / step + 1, mark);
        render_tty(out, &value->children[i], indent);
        if (step == 2) {
            out->len--; /* the line end of the key */
            buf_append_text(out, " => ");
            if (element_count(&value->children[i + 1]) > 1) { /* all of them below the key */
                buf_append_byte(out, '\n');
                buf_append_bytes(out, buf_bytes(indent));
            }
            render_tty(out, &value->children[i + 1], indent);
        }
    }
    indent->len = indent_len;
}

static void render_tty(struct buf *out, const struct resp_value *value, struct buf *indent)
{
    struct bytes text = resp_value_bytes(value);

    switch (value->type) {
    case RESP_SIMPLE:
    case RESP_VERBATIM:
        buf_append_bytes(out, text);
        break;
    case RESP_FAILURE:
        buf_append_text(out, "(error) ");
        buf_append_bytes(out, text);
        break;
    case RESP_INTEGER:
        buf_printf(out, "(integer) %" PRId64, value->integer);
        break;
    case RESP_BULK:
        quoted_encode(out, text);
        break;
    case RESP_NULL:
        buf_append_text(out, "(nil)");
        break;
    case RESP_DOUBLE:
        buf_append_text(out, "(double) ");
        buf_append_bytes(out, text);
        break;
    case RESP_BIG_NUMBER:
        buf_append_text(out, "(big number) ");
        buf_append_bytes(out, text);
        break;
    case RESP_BOOLEAN:
        buf_printf(out, "(%s)", truth(value));
        break;
    case RESP_ARRAY:
    case RESP_MAP:
    case RESP_SET:
    case RESP_PUSH:
        render_tty_children(out, value, indent);
        return;
    }
    buf_append_byte(out, '\n');
}

/* ["invalidate", [keys]] of client side caching, which the usual tools tell apart. */
static bool is_invalidation(const struct resp_value *push)
{
    if (push->type != RESP_PUSH || push->child_count != 2 ||
        !resp_value_is_text(&push->children[0], "invalidate") ||
        push->children[1].type != RESP_ARRAY) {
        return false;
    }
    for (size_t i = 0; i < push->children[1].child_count; i++) {
        if (push->children[1].children[i].type != RESP_BULK) {
            return false;
        }
    }
    return true;
}

static void render_invalidation(struct buf *out, const struct resp_value *push)
{
    const struct resp_value *keys = &push->children[1];

    buf_append_text(out, "-> invalidate: ");
    for (size_t i = 0; i < keys->child_count; i++) {
        buf_append_text(out, i > 0 ? ", '" : "'");
        buf_append_bytes(out, resp_value_bytes(&keys->children[i]));
        buf_append_byte(out, '\'');
    }
    buf_append_byte(out, '\n');
}

/* ---- raw ---------------------------------------------------------------------------------------- */

static void render_raw(struct buf *out, const struct resp_value *value, const char *delimiter)
{
    switch (value->type) {
    case RESP_NULL:
        break;
    case RESP_FAILURE:
        buf_append_bytes(out, resp_value_bytes(value));
        buf_append_byte(out, '\n');
        break;
    case RESP_INTEGER:
        buf_append_i64(out, value->integer);
        break;
    case RESP_BOOLEAN:
        buf_printf(out, "(%s)", truth(value));
        break;
    case RESP_SIMPLE:
    case RESP_BULK:
    case RESP_VERBATIM:
    case RESP_DOUBLE:
    case RESP_BIG_NUMBER:
        buf_append_bytes(out, resp_value_bytes(value));
        break;
    case RESP_ARRAY:
    case RESP_SET:
    case RESP_PUSH:
    case RESP_MAP:
        for (size_t i = 0; i < value->child_count; i++) {
            if (i > 0) {
                buf_append_text(out, value->type == RESP_MAP && i % 2 == 1 ? " " : delimiter);
            }
            render_raw(out, &value->children[i], delimiter);
        }
        break;
    }
}

/* ---- CSV ---------------------------------------------------------------------------------------- */

static void render_csv(struct buf *out, const struct resp_value *value)
{
    switch (value->type) {
    case RESP_NULL:
        buf_append_text(out, "NULL");
        break;
    case RESP_FAILURE:
        buf_append_text(out, "ERROR,");
        quoted_encode(out, resp_value_bytes(value));
        break;
    case RESP_INTEGER:
        buf_append_i64(out, value->integer);
        break;
    case RESP_BOOLEAN:
        buf_append_text(out, truth(value));
        break;
    case RESP_DOUBLE:
    case RESP_BIG_NUMBER:
        buf_append_bytes(out, resp_value_bytes(value));
        break;
    case RESP_SIMPLE:
    case RESP_BULK:
    case RESP_VERBATIM:
        quoted_encode(out, resp_value_bytes(value));
        break;
    case RESP_ARRAY:
    case RESP_SET:
    case RESP_PUSH:
    case RESP_MAP:
        for (size_t i = 0; i < value->child_count; i++) {
            if (i > 0) {
                buf_append_byte(out, ',');
            }
            render_csv(out, &value->children[i]);
        }
        break;
    }
}

void render_reply(struct buf *out, const struct resp_value *value,
                  const struct render_options *options)
{
    struct buf indent = {0};

    switch (options->format) {
    case RENDER_TTY:
        if (is_invalidation(value)) {
            render_invalidation(out, value);
        } else {
            render_tty(out, value, &indent);
        }
        break;
    case RENDER_RAW:
        render_raw(out, value, options->delimiter);
        buf_append_text(out, options->terminator);
        break;
    case RENDER_CSV:
        render_csv(out, value);
        buf_append_byte(out, '\n');
        break;
    case RENDER_JSON:
    case RENDER_QUOTED_JSON:
        json_write(out, value, options->format == RENDER_QUOTED_JSON);
        buf_append_byte(out, '\n');
        break;
    }
    buf_deinit(&indent);
}

void render_plain_text(struct buf *out, const struct resp_value *value,
                       const struct render_options *options)
{
    struct bytes text = resp_value_bytes(value);
    bool is_text =
        value->type == RESP_BULK || value->type == RESP_VERBATIM || value->type == RESP_SIMPLE;

    if (!is_text || (options->format != RENDER_TTY && options->format != RENDER_RAW)) {
        render_reply(out, value, options);
        return;
    }
    buf_append_bytes(out, text);
    if (options->format == RENDER_TTY && text.len > 0 && text.data[text.len - 1] != '\n') {
        buf_append_byte(out, '\n');
    }
}
