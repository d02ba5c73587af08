/* SPDX-License-Identifier: MIT */
/* What the kinds of words are drawn with (words.c and its neighbours). */
#ifndef STARLING_TESTS_DIFFERENTIAL_DRAW_H
#define STARLING_TESTS_DIFFERENTIAL_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/num.h"
#include "tests/differential/shapes.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))
#define PICK(f, list)  ((list)[rng_below((f)->rng, COUNT_OF(list))])

static inline uint64_t below(struct filling *f, uint64_t bound)
{
    return rng_below(f->rng, bound);
}

static inline bool happens(struct filling *f, unsigned percent)
{
    return below(f, 100) < percent;
}

static inline void add_number(struct filling *f, int64_t number)
{
    char text[NUM_I64_TEXT];

    command_add(f->command, bytes_make(text, num_format_i64(text, number)));
}

static inline void add_between(struct filling *f, int64_t first, int64_t last)
{
    add_number(f, first + (int64_t)below(f, (uint64_t)(last - first) + 1));
}

/* At the edges of what fits into so many bits, and beyond. */
void add_wide_number(struct filling *f);

/* words_keys.c: names of keys of a kind ("$set"), or of several with their number before them ("$n:set").
 * False: there is no such kind. */
bool add_keys(struct filling *f, struct bytes kind);
void add_any_key(struct filling *f);

/* words_streams.c */
void add_consumer(struct filling *f);
void add_group(struct filling *f);
void add_id(struct filling *f);
void add_id_end(struct filling *f);
void add_idle(struct filling *f);
void add_new_id(struct filling *f);
void add_read_id(struct filling *f);
void add_threshold(struct filling *f);

#endif
