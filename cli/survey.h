/* SPDX-License-Identifier: MIT */
/* What is known about the keys of a server: how many of each type, how large, which are the largest.
 *
 * A key's size is in what its type is made of: bytes of a string, elements of a list, members of a set, fields
 * of a hash, entries of a stream; its memory is in bytes.  Pure: keys come in, text goes out.  Owns copies of the
 * names that it keeps; all-zero but for the kind is empty. */
#ifndef STARLING_CLI_SURVEY_H
#define STARLING_CLI_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/hist.h"

enum survey_kind {
    SURVEY_SIZES,  /* --bigkeys */
    SURVEY_MEMORY, /* --memkeys */
    SURVEY_BOTH,   /* --keystats */
};

enum {
    SURVEY_TYPES_MAX = 16, /* others of modules are counted as one */
    SURVEY_TYPE_NAME = 32,
    SURVEY_TOP_MAX = 100,
};

/* One key. */
struct survey_key {
    struct bytes name;
    struct bytes type; /* as TYPE gives it */
    uint64_t size;     /* 0 where the type has none that could be asked */
    uint64_t memory;
};

/* The largest by one measure. */
struct survey_best {
    struct buf name;
    uint64_t amount;
};

struct survey_type {
    char name[SURVEY_TYPE_NAME];
    const char *unit; /* of sizes; NULL: this type has none */
    uint64_t count;
    uint64_t size;
    uint64_t memory;
    struct survey_best by_size;
    struct survey_best by_memory;
};

struct survey_top {
    struct buf name;
    size_t type;
    uint64_t size;
    uint64_t memory;
};

struct survey {
    enum survey_kind kind;
    size_t top_wanted; /* of SURVEY_BOTH: how many of the largest are listed */
    struct survey_type types[SURVEY_TYPES_MAX];
    size_t type_count;
    uint64_t count;
    uint64_t name_bytes;
    struct survey_top top[SURVEY_TOP_MAX]; /* by memory, descending */
    size_t top_count;
    struct hist memory;
    struct hist names; /* their lengths */
};

void survey_init(struct survey *survey, enum survey_kind kind, size_t top_wanted);
void survey_deinit(struct survey *survey);
/* Count it; true when it is the largest of its type by now, by what the kind measures. */
bool survey_add(struct survey *survey, const struct survey_key *key);
/* The command that tells the size of keys of the type; NULL when there is none. */
const char *survey_size_command(struct bytes type);

/* Append the line that says so of the key that was just added; done of total keys were looked at. */
void survey_write_progress(const struct survey *survey, const struct survey_key *key,
                           uint64_t total, struct buf *out);
void survey_write_head(const struct survey *survey, struct buf *out);
void survey_write_summary(const struct survey *survey, struct buf *out);

#endif
