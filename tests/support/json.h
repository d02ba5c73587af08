/* SPDX-License-Identifier: MIT */
/* Reads JSON (RFC 8259) into a tree, strictly: UTF-8, no comments, no commas too many, each name
 * once, nothing behind the value. */
#ifndef STARLING_TESTS_SUPPORT_JSON_H
#define STARLING_TESTS_SUPPORT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"

enum {
    JSON_DEPTH_MAX = 32,
};

enum json_kind {
    JSON_NULL,
    JSON_BOOLEAN,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_member;

/* Owns what it points to. */
struct json {
    enum json_kind kind;
    bool boolean;
    struct buf text;             /* a string, decoded; a number, as it was written */
    size_t count;                /* of elements or members */
    struct json_member *members; /* those of an array have no names */
};

struct json_member {
    struct buf name;
    struct json value;
};

/* False: error has the place and the reason, and there is nothing to free. */
MUST_USE bool json_parse(struct bytes text, struct json *out, struct errmsg *error);
void json_deinit(struct json *json);
/* The member of that name, or NULL; also NULL when this is no object, or NULL itself. */
const struct json *json_member(const struct json *json, const char *name);

#endif
