/* SPDX-License-Identifier: MIT */
/* Commands by name in one probe, for whoever looks up with each request.
 *
 * command_find (spec/command.h) searches a sorted range: a dozen dependent steps.  This index is a
 * small hash table of the same names, built once by its owner: the first eight bytes of a name,
 * upper case made lower, are hashed and compared as one word.
 *
 * Invariants:  (1) it finds exactly what command_find finds, but for names that were changed
 *              (2) at most a quarter of the places is taken, so that a search ends soon
 * Owned by value; owns the names that were changed. */
#ifndef STARLING_SPEC_COMMAND_INDEX_H
#define STARLING_SPEC_COMMAND_INDEX_H

#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "spec/command.h"

enum {
    COMMAND_INDEX_BITS = 11,
    COMMAND_INDEX_PLACES = 1 << COMMAND_INDEX_BITS,
};

struct command_index_place {
    uint64_t head; /* of the name, folded */
    uint32_t name_len;
    uint32_t own_name;               /* place in own_names + 1; 0: the name is the table's */
    const struct command_spec *spec; /* NULL: nothing here */
};

struct command_index {
    struct command_index_place places[COMMAND_INDEX_PLACES];
    VEC(char *) own_names;
};

void command_index_init(struct command_index *index);
void command_index_deinit(struct command_index *index);
/* Find the command `from` as `to` from now on, or not at all when that is empty. */
MUST_USE bool command_index_rename(struct command_index *index, const char *from, const char *to,
                                   struct errmsg *error);

/* Upper case made lower, in each of eight bytes. */
static inline uint64_t command_fold(uint64_t word)
{
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    uint64_t low = word & ~high_bits;
    uint64_t is_upper = (low + UINT64_C(0x3f3f3f3f3f3f3f3f)) &
                        ~(low + UINT64_C(0x2525252525252525)) & ~word & high_bits;

    return word | (is_upper >> 2);
}

/* The first eight bytes of a name, padded with zeros, as the machine reads them. */
static inline uint64_t command_head(struct bytes name)
{
    uint64_t word = 0;
    uint32_t first;
    uint32_t last;

    if (name.len >= 8) {
        memcpy(&word, name.data, sizeof(word));
    } else if (name.len >= 4) {
        /* Two reads that overlap: what both cover is the same. */
        memcpy(&first, name.data, sizeof(first));
        memcpy(&last, name.data + name.len - 4, sizeof(last));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        word = first | ((uint64_t)last << (8 * (name.len - 4)));
#else
        memcpy(&word, name.data, name.len);
#endif
    } else if (name.len > 0) {
        const unsigned char *at = (const unsigned char *)name.data;

        word = at[0] | ((uint64_t)at[name.len / 2] << (8 * (name.len / 2))) |
               ((uint64_t)at[name.len - 1] << (8 * (name.len - 1)));
    }
    return command_fold(word);
}

static inline size_t command_index_home(uint64_t head, size_t name_len)
{
    return (size_t)(((head + name_len) * UINT64_C(0x9e3779b97f4a7c15)) >>
                    (64 - COMMAND_INDEX_BITS));
}

static inline const char *command_index_name(const struct command_index *index,
                                             const struct command_index_place *place)
{
    return place->own_name == 0 ? place->spec->name : index->own_names.items[place->own_name - 1];
}

/* By name, case folded; NULL when there is none. */
static inline const struct command_spec *command_index_find(const struct command_index *index,
                                                            struct bytes name)
{
    uint64_t head = command_head(name);
    size_t at = command_index_home(head, name.len);

    for (;;) {
        const struct command_index_place *place = &index->places[at];

        if (place->head == head && place->name_len == name.len && place->spec != NULL &&
            (name.len <= 8 || bytes_equal_nocase(name, command_index_name(index, place)))) {
            return place->spec;
        }
        if (place->spec == NULL) {
            return NULL;
        }
        at = (at + 1) & (COMMAND_INDEX_PLACES - 1);
    }
}

#endif
