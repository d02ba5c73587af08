/* SPDX-License-Identifier: MIT */
/* The shapes of commands, as tables, and what is made of them at random.
 *
 * A shape is a line of words parted by blanks:
 *
 *     SET            itself, now and then in another case
 *     $member        a word of that kind, right most of the time (words.c lists the kinds)
 *     [ ... ]        may be missing
 *     { ... }        none to three times, so that options come twice and in conflict
 *     ( a | b )      one of these
 *
 * Afterwards one command in eight is spoiled: words are dropped, doubled, swapped, or replaced by
 * such as hardly fit.  SHAPE_EXACT keeps a shape from that, where a wrong number would take much
 * memory or make the reply random; it may still lose all words but its name. */
#ifndef STARLING_TESTS_DIFFERENTIAL_SHAPES_H
#define STARLING_TESTS_DIFFERENTIAL_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "tests/differential/command.h"

enum shape_flag {
    SHAPE_EXACT = 1 << 0,
    SHAPE_UNKNOWN = 1 << 1, /* no server has such a command */
};

struct shape {
    unsigned weight; /* how often beside the others of its family */
    const char *text;
    uint32_t flags;
};

#define SHAPE(weight, text)                                                                        \
    {                                                                                              \
        weight, text, 0                                                                            \
    }
#define EXACT(weight, text)                                                                        \
    {                                                                                              \
        weight, text, SHAPE_EXACT                                                                  \
    }
#define UNKNOWN(weight, text)                                                                      \
    {                                                                                              \
        weight, text, SHAPE_UNKNOWN                                                                \
    }

struct family {
    const char *name;
    const struct shape *shapes;
    size_t count;
};

/* What a shape is filled in with. */
struct filling {
    struct rng *rng;
    struct command *command;
};

extern const struct family family_strings;
extern const struct family family_bits;
extern const struct family family_keys;
extern const struct family family_hashes;
extern const struct family family_sets;
extern const struct family family_lists;
extern const struct family family_zsets;
extern const struct family family_geo;
extern const struct family family_sort;
extern const struct family family_streams;

/* Fill in command, which is emptied first. */
void shape_make(const struct shape *shape, struct rng *rng, struct command *command);

/* words.c: add words of a kind ("$member"); asserts that there is such a kind. */
void words_add(struct filling *f, struct bytes kind);
/* A word that hardly fits anywhere. */
void words_add_junk(struct filling *f);

/* Every name a key may have, so that both key spaces can be compared. */
enum {
    WORDS_KEYS_MAX = 64
};
size_t words_all_keys(struct bytes out[WORDS_KEYS_MAX]);

#endif
