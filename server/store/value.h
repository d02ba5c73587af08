/* SPDX-License-Identifier: MIT */
/* Values: what is behind a key has a type, and a type is a table of functions.
 *
 * The entry knows the type's number.  Small strings lie in the entry, and so do small collections,
 * packed (store/packed.h).  Every other value is memory of its own that the entry points to, and of
 * which only the functions of its type know what it is: a block for long strings, an object for all
 * other types.  Everybody else (the key space, reclaiming, the walk, snapshots, DUMP, digests) goes
 * through the table.
 *
 * A new type is a line in values.def and a struct value_ops.
 *
 * Invariants:  (1) bytes() of a piece of memory is more than 0, costs no walk over it, and changes
 *                  only while the value is open for change (keyspace_open)
 *              (2) encode, walk, digest and copy give the value as it is and leave it alone
 *              (3) what encode wrote, decode makes an equal value of: the digests are equal
 *              (4) cursors are 0 at the start and 0 at the end
 *              (5) a collection is never empty: who takes its last element takes the key; but a stream,
                  which is always memory, may be
 * Sizes are in bytes, budgets and costs in entries (keyspace_work).  Loop thread only. */
#ifndef STARLING_STORE_VALUE_H
#define STARLING_STORE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/errmsg.h"
#include "store/value_codec.h"

struct entry;
struct member;
struct members;
struct value_image_ops;
struct value_reader;
struct value_space;

enum value_type {
#define VALUE_TYPE(id, ...) VALUE_##id,
#define VALUE_ENCODING(...)
#define RDB_TYPE(...)
#include "store/values.def"
#undef VALUE_TYPE
#undef VALUE_ENCODING
};

/* How an entry holds its value. */
enum value_encoding {
#define VALUE_TYPE(...)
#define VALUE_ENCODING(id, ...) VALUE_##id,
#include "store/values.def"
#undef VALUE_TYPE
#undef VALUE_ENCODING
#undef RDB_TYPE
};

enum {
    VALUE_TYPE_MAX = 16, /* numbers that an entry has room for */
    VALUE_PACKED_MAX =
        4224, /* bytes of a packed collection in its entry: 512 integers and a head fit */
};

/* A value as it lies in an entry, or on its way into a key space: the bytes of a string, or of a packed
 * collection, which are borrowed; or memory.  On its way memory is owned: who takes it sets it to
 * NULL. */
struct value {
    enum value_type type;
    struct bytes inlined;
    void *memory;
    bool has_outgrown; /* of a collection: it was once larger than what counts as small */
    bool is_volatile;  /* some of its fields expire */
    int64_t now_ms;    /* fields that have expired then are not seen; 0: all are */
};

/* A value that is being made, or changed.  A collection is packed, in a buffer, while memory is NULL; it
 * is empty when there are neither memory nor packed bytes, and that is how each begins. */
struct value_draft {
    struct value_space *space; /* where its memory comes from */
    enum value_type type;
    struct buf *packed; /* borrowed */
    void *memory;
    bool has_outgrown;
    void *
        dropped; /* of the type: memory that is not needed any more, freed in slices after the close */
    bool is_changed;  /* since it was opened: set by whoever changes it */
    bool is_volatile; /* some of its fields expire, or did when it was opened */
    int64_t now_ms;   /* as that of a value; 0 unless somebody sets it */
};

/* One element of a value; what a type does not have is empty. */
struct value_element {
    struct bytes name; /* a field; a member; a string's or list's element */
    struct bytes value;
    double score;
    int64_t expire_at_ms; /* of a field; 0 when it has none */
};

typedef void value_visit_fn(void *context, const struct value_element *element);

struct value_ops {
    uint32_t rdb_types_read; /* bits of those that decode understands */

    /* ---- packed collections --------------------------------------------------------------------- */

    /* Assert every invariant.  NULL for types that are never packed. */
    void (*check_packed)(struct bytes packed);

    /* ---- memory of its own: never NULL --------------------------------------------------------- */

    size_t (*bytes)(const void *memory);
    /* Of these, room to grow. */
    size_t (*spare_bytes)(const void *memory);
    /* Assert every invariant; slow. */
    void (*check)(const void *memory);
    /* An equal one of its own. */
    void *(*copy)(const void *memory);
    /* About what freeing it whole costs; 0 for nothing worth counting. */
    size_t (*free_cost)(const void *memory);
    /* Free while the budget, which is more than 0, lasts; what was spent is taken from it.  True when
     * all is freed; else *memory is what is left, for which bytes, free_cost and free may be called
     * and nothing else. */
    bool (*free)(void **memory, size_t *budget);

    /* How its images are taken; NULL for types whose memory is written in one go. */
    const struct value_image_ops *image;

    /* ---- large values that are made of members; NULL for types that are not -------------------------- */

    struct members *(*members)(void *memory);
    /* Append the serialized form of one. */
    void (*encode_member)(const struct member *m, struct buf *out);

    /* ---- fields that expire; NULL for types that have none ------------------------------------------- */

    /* None expires before, INT64_MAX when none does at all.  Cheap. */
    int64_t (*next_expiry_ms)(const struct value *value);

    /* ---- the value of an entry ----------------------------------------------------------------- */

    const char *(*encoding_name)(const struct entry *e);
    uint64_t (*digest)(const struct entry *e, uint64_t seed);
    /* Visit about count elements from the cursor on; the next cursor. */
    uint64_t (*walk)(const struct entry *e, uint64_t cursor, size_t count, value_visit_fn *visit,
                     void *context);
    /* Append the serialized form from the cursor on, without the type's number: about max_bytes of it,
     * whole elements.  The next cursor. */
    uint64_t (*encode)(const struct entry *e, uint64_t cursor, size_t max_bytes, struct buf *out);
    /* Eat one whole item (a length, an element) from d; r->is_done after the last.  MORE: the item is
     * cut off, *needed is how many bytes from its start are needed at least, and nothing has happened.
     * Nothing read is trusted. */
    enum value_codec_status (*decode)(struct value_reader *r, struct decoder *d, uint64_t *needed,
                                      struct errmsg *error);
};

/* A line of values.def. */
struct value_kind {
    const char *name; /* TYPE */
    enum value_type type;
    uint8_t rdb_type; /* as which it is written */
    const struct value_ops *ops;
};

/* The types that a key space can hold, by number; all-zero where there is none. */
struct value_types {
    struct value_kind kinds[VALUE_TYPE_MAX];
};

struct value entry_value(const struct entry *e);

/* Those of values.def. */
extern const struct value_types value_types_builtin;
extern const struct value_ops value_string;
extern const struct value_ops value_list;
extern const struct value_ops value_set;
extern const struct value_ops value_hash;
extern const struct value_ops value_zset;
extern const struct value_ops value_stream;

/* What the type number of an RDB record stands for, such as "hash"; "unknown" when nothing does. */
const char *value_rdb_type_name(uint8_t rdb_type);
/* Who reads records of the type, or NULL. */
const struct value_kind *value_kind_by_rdb_type(const struct value_types *types, uint8_t rdb_type);
/* By the name that TYPE gives, in any case, or NULL. */
const struct value_kind *value_kind_by_name(const struct value_types *types, struct bytes name);
const struct value_kind *value_kind_of(const struct value_types *types, const struct entry *e);
const struct value_ops *value_ops_of(const struct value_types *types, const struct entry *e);
/* The name of how the entry holds its value, whatever its type makes of it. */
const char *value_form_name(enum value_encoding encoding);
/* As which RDB type the entry's value is written. */
uint8_t value_rdb_type(const struct value_types *types, const struct entry *e);

/* Free memory that nobody wants, if there is some, all at once. */
void value_discard(const struct value_types *types, struct value *value);

/* ---- drafts ------------------------------------------------------------------------------------- */

static inline bool value_draft_is_empty(const struct value_draft *draft)
{
    return draft->memory == NULL && draft->packed->len == 0;
}
/* As a value; what is packed stays the draft's. */
struct value value_draft_view(const struct value_draft *draft);
/* It is empty again: what it held is freed at once. */
void value_draft_clear(struct value_draft *draft);

/* ---- the serialized form ------------------------------------------------------------------------ */

/* Append the serialized form without the type's number. */
void value_encode_body(const struct value_types *types, const struct entry *e, struct buf *out);

/* As what a value is written. */
struct rdb_form {
    uint8_t type;
    unsigned version; /* of the payload or file: it decides what some types mean */
};

/* Reads one value after the other, item by item. */
struct value_reader {
    const struct value_kind *kind; /* of the value being read; NULL: none */
    uint8_t rdb_type;
    bool is_done;
    unsigned step;            /* the type's own, 0 at the start */
    uint64_t left;            /* the type's own: elements to come, for example, */
    uint64_t left_outside[2]; /* and of what they are part of */
    void *inside[2];      /* the type's own: parts of the draft's memory that are being filled */
    int64_t base_ms;      /* the type's own: what times count from, */
    int64_t expire_at_ms; /* and one that was read */
    struct value_draft draft; /* what has been made so far: its buffer is `packed` */
    struct buf packed;
    uint64_t max_bytes;
    struct buf text;  /* a string that was read, or scratch */
    struct buf text2; /* scratch for types that read pairs */
};

/* Begin to read a value for this space; false when nobody reads the type, or not in that version.  A value
 * that was not read to its end is dropped.  max_bytes: of a string. */
MUST_USE bool value_reader_begin(struct value_reader *r, struct value_space *space,
                                 struct rdb_form form, uint64_t max_bytes);
/* Eat one item; see decode. */
MUST_USE enum value_codec_status value_reader_step(struct value_reader *r, struct decoder *d,
                                                   uint64_t *needed, struct errmsg *error);
/* Was everything in it left out? */
static inline bool value_reader_is_empty(const struct value_reader *r)
{
    return r->kind->type != VALUE_STRING && value_draft_is_empty(&r->draft);
}
/* The value, once is_done, if it is not empty.  What is borrowed is valid until the next call. */
struct value value_reader_take(struct value_reader *r);
/* Drop what was read; a large scratch is given back. */
void value_reader_reset(struct value_reader *r);
void value_reader_deinit(struct value_reader *r);

/* DUMP: type byte, body, version (2 bytes), CRC64 (8 bytes). */
void value_dump(const struct value_types *types, const struct entry *e, struct buf *out);
/* Append version and checksum to a payload that was written in another way, and begins at start. */
void value_dump_end(struct buf *out, size_t start);
/* Check version and checksum of a payload and read its value, which r owns; false: bad payload, and error
 * says why. */
MUST_USE bool value_restore(struct value_space *space, struct bytes payload, struct value_reader *r,
                            struct errmsg *error);

#endif
