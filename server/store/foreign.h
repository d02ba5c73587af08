/* SPDX-License-Identifier: MIT */
/* Compact forms of other servers: the blobs that hold small collections, and pieces of large ones,
 * in their RDB files and DUMP payloads.  All numbers are little-endian unless said otherwise.
 *
 *     listpack   u32 bytes, u16 count, elements as in packed.h, FF
 *     ziplist    u32 bytes, u32 offset of the last element, u16 count, elements, FF
 *                an element: size of the one before (1 byte, or FE + u32), encoding, data
 *                    00xxxxxx                 string of up to 63 bytes
 *                    01xxxxxx xxxxxxxx        string, 14 bits, big-endian
 *                    10000000 + 4 bytes       string, 32 bits, big-endian
 *                    FE, C0, F0, D0, E0       integers of 1, 2, 3, 4, 8 bytes
 *                    F1 .. FD                 0..12
 *     zipmap     u8 pairs, pairs, FF
 *                a pair: length, name, length, u8 spare, value, spare bytes;
 *                a length: 1 byte, or from 254 on FE + u32
 *     intset     u32 width (2, 4, 8), u32 count, integers of that width, ascending
 *
 * A count of 65535 (of a zipmap: 254 or more) says that they must be counted.
 *
 * Nothing in a blob is trusted: it is checked whole before the first element is given out.  What the
 * elements mean is left to the types of values: whether one is there twice, whether it is a score.
 *
 * Invariants:  (1) after foreign_open exactly `count` elements come
 *              (2) an element whose text is that of an integer is given as that integer, however it
 *                  was stored
 * Borrows the blob, which its elements point into.  No allocation, no state elsewhere. */
#ifndef STARLING_STORE_FOREIGN_H
#define STARLING_STORE_FOREIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "store/packed.h"

enum foreign_form {
    FOREIGN_LISTPACK,
    FOREIGN_ZIPLIST,
    FOREIGN_ZIPMAP,
    FOREIGN_INTSET,
};

/* The elements of a blob, one after the other. */
struct foreign {
    enum foreign_form form;
    uint64_t count;    /* of all elements; a pair of a zipmap is two */
    uint64_t left;     /* of those to come */
    struct bytes rest; /* where they are */
    unsigned width;    /* of the integers of an intset */
};

/* Check all of the blob, then stand before its first element. */
MUST_USE bool foreign_open(struct foreign *f, enum foreign_form form, struct bytes blob,
                           struct errmsg *error);
/* The same for a blob of an RDB type that has one: the form is that of the type, there are
 * elements, and those that belong together (fields and values, members and scores; for type 25
 * fields, values and times) are complete.  False as well when the type has no blobs. */
MUST_USE bool foreign_open_rdb(struct foreign *f, uint8_t rdb_type, struct bytes blob,
                               struct errmsg *error);
/* The next element, or false behind the last. */
bool foreign_next(struct foreign *f, struct packed_item *out);

/* The elements of a listpack as they lie there, for who keeps them so (store/packed.h), after the
 * same check; *is_canonical as packed_check has it. */
MUST_USE bool foreign_listpack(struct bytes blob, struct bytes *elements, uint64_t *count,
                               bool *is_canonical, struct errmsg *error);

#endif
