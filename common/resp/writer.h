/* SPDX-License-Identifier: MIT */
/* Replies and requests onto the wire, straight into a caller's buffer.
 *
 * version is 2 or 3; a type that version 2 lacks is written in its customary RESP2 shape
 * (map -> flat array, set and push -> array, null -> $-1, boolean -> :0/:1, double -> bulk,
 * verbatim -> bulk).
 * Borrows the buffer.  A header (array, map, set, push) promises that exactly so many values
 * follow; a map of n has 2n. */
#ifndef STARLING_RESP_WRITER_H
#define STARLING_RESP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/block.h"
#include "base/buf.h"
#include "base/bytes.h"

/* Bytes of a block in the midst of what was written to a buffer, so that they need not be copied. */
struct resp_piece {
    size_t at; /* they come when so much of the buffer has been sent */
    struct block *block;
};

/* Grown by the macros of base/vec.h; in order.  Holds the blocks. */
struct resp_pieces {
    struct resp_piece *items;
    size_t count;
    size_t cap;
    uint64_t bytes; /* of all of them, still to be sent */
};

enum {
    RESP_PIECE_MIN = 32 * 1024, /* shorter ones are copied */
};

struct resp_writer {
    struct buf *out;
    int version;
    struct resp_pieces *pieces; /* of out; NULL: everything is copied */
};

void resp_write_simple(struct resp_writer *w, const char *text);
/* "+OK", which is what most writes answer. */
void resp_write_ok(struct resp_writer *w);
/* text begins with its code ("ERR ..."); line ends in it become blanks. */
void resp_write_error(struct resp_writer *w, const char *format, ...) PRINTF_LIKE(2, 3);
void resp_write_integer(struct resp_writer *w, int64_t value);
void resp_write_bulk(struct resp_writer *w, struct bytes value);
/* The block's contents: copied, or held as a piece until they are sent. */
void resp_write_bulk_block(struct resp_writer *w, struct block *block);
void resp_write_bulk_text(struct resp_writer *w, const char *text);
void resp_write_bulk_printf(struct resp_writer *w, const char *format, ...) PRINTF_LIKE(2, 3);
void resp_write_null(struct resp_writer *w);
void resp_write_null_array(struct resp_writer *w);
void resp_write_boolean(struct resp_writer *w, bool value);
/* As num_format_f64 has it. */
/* In its shortest form. */
void resp_write_double(struct resp_writer *w, double value);
/* A double whose text the caller has made. */
void resp_write_double_text(struct resp_writer *w, struct bytes text);
void resp_write_verbatim(struct resp_writer *w, const char type[3], struct bytes text);
void resp_write_array(struct resp_writer *w, size_t count);
void resp_write_map(struct resp_writer *w, size_t pair_count);
void resp_write_set(struct resp_writer *w, size_t count);
void resp_write_push(struct resp_writer *w, size_t count);

/* Append a request: an array of bulk strings. */
void resp_write_request(struct buf *out, const struct bytes *words, size_t word_count);
void resp_write_request_texts(struct buf *out, size_t word_count, ...); /* const char * each */

#endif
