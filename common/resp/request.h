/* SPDX-License-Identifier: MIT */
/* Requests off the wire: RESP arrays of bulk strings, or inline lines with quoting.
 *
 * The reader borrows: words point into the bytes handed in, nothing is copied, so many
 * requests of a pipeline can be split first and executed later.  (Quoted inline words are the
 * exception: they are unescaped into memory of the reader, which stays put until it is recycled.)
 *
 * Invariants:  (1) the caller hands in the unconsumed bytes of a connection, contiguous and
 *                  starting at the first byte of a request; after RESP_MORE it hands in the
 *                  same bytes again with more behind them, at any address
 *              (2) progress inside an incomplete request is remembered, so that a request that
 *                  arrives in n pieces costs O(size + n)
 *              (3) an error is final for the connection
 * A struct resp_reader owns memory only while a request is incomplete or inline.  All-zero is
 * a fresh reader. */
#ifndef STARLING_RESP_REQUEST_H
#define STARLING_RESP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "resp/limits.h"

enum resp_status {
    RESP_OK = 0,
    RESP_MORE,  /* the input ends inside a request; nothing is consumed */
    RESP_ERROR, /* not RESP, or beyond a limit; the message is what the peer is told */
};

/* The words of many requests, one after the other: grown by the macros of base/vec.h. */
struct resp_words {
    struct bytes *items;
    size_t count;
    size_t cap;
};

struct resp_request {
    size_t first_word; /* index into the words */
    size_t word_count; /* 0: an empty line or empty array, to be ignored */
    struct bytes raw;  /* all its bytes on the wire */
    bool is_inline;
};

/* Offset and length of a word relative to its request. */
struct resp_span {
    size_t start;
    size_t len;
};

struct resp_reader {
    size_t at;                    /* bytes of the incomplete request already understood */
    size_t scanned;               /* bytes already searched for the end of a line */
    uint64_t words_wanted;        /* 0 until the array header was read */
    VEC(struct resp_span) spans;  /* words found so far, relative to the request's start */
    VEC(struct buf) inline_texts; /* unescaped words, a buffer per request of the running batch */
};

void resp_reader_deinit(struct resp_reader *reader);
/* Read one request from the front of in.  On RESP_OK its words were appended to words and
 * *out describes it; out->raw.len bytes are consumed.  Words stay valid as long as the bytes
 * of in, those of inline requests until resp_reader_recycle. */
MUST_USE enum resp_status resp_read_request(struct resp_reader *reader, struct bytes in,
                                            const struct resp_limits *limits,
                                            struct resp_words *words, struct resp_request *out,
                                            struct errmsg *error);
/* Read words at the front of in, each with its length, that are all there and well-formed; returns how
 * many bytes they are, 0 when they are not: then resp_read_request tells why. */
MUST_USE size_t resp_read_words(struct bytes in, struct bytes *out, size_t count);
/* The words of finished requests are no longer needed. */
void resp_reader_recycle(struct resp_reader *reader);

#endif
