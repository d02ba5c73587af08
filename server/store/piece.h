/* SPDX-License-Identifier: MIT */
/* Pieces of large values that images (store/value_image.h) may share with the value.
 *
 * A piece is memory of a value that is reached from one place: a leaf from the root, a chunk from its leaf.
 * An image begins by copying the topmost references and holding what they refer to.  From then on whoever is
 * about to change a piece that others hold as well makes a copy for itself, which holds what the piece
 * refers to, and lets go of the old one: so what an image reaches stays as it was, and memory grows only by
 * what changes.  Nothing has to be known about images, and there may be several.
 *
 *     root        image's root                 root        image's root
 *        \         /                             |              |
 *         leaf (2)            a change           leaf'         leaf
 *         /    \              ------->           |   \        /   \
 *     chunk    chunk                          chunk'   chunk (2)   chunk
 *
 * Invariants:  (1) a piece that is shared does not change
 *              (2) the last who lets go of a piece frees it
 *              (3) kept_bytes is what images hold and the value does not
 * All-zero is a piece of one holder. */
#ifndef STARLING_STORE_PIECE_H
#define STARLING_STORE_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

struct piece {
    uint32_t others; /* who hold it, but for one */
};

/* On whose behalf pieces are let go: a value, or an image of it.  All-zero is a value of which no image was
 * ever taken. */
struct piece_holder {
    size_t *kept_bytes; /* of the value space */
    bool is_image;
};

static inline bool piece_is_shared(const struct piece *p)
{
    return p->others > 0;
}

static inline void piece_hold(struct piece *p)
{
    ASSERT(p->others < UINT32_MAX);
    p->others++;
}

/* True when nobody else holds the piece: the caller frees it.  size is in bytes: that of the piece, and when
 * others hold it also that of what is reached through it alone. */
static inline bool piece_let_go(struct piece *p, const struct piece_holder *holder, size_t size)
{
    if (p->others > 0) {
        p->others--;
        if (!holder->is_image) {
            *holder->kept_bytes += size;
        }
        return false;
    }
    if (holder->is_image) {
        ASSERT(*holder->kept_bytes >= size);
        *holder->kept_bytes -= size;
    }
    return true;
}

#endif
