/* SPDX-License-Identifier: MIT */
/* The serialized form of lengths and strings, of which values are made, as RDB files have it: shared by
 * snapshots (persist/rdb.h) and by DUMP and RESTORE.  Values are in store/value.h.
 *
 * Written: lengths in 6, 14, 32 or 64 bits; strings raw, or as a little-endian integer when the
 * text is the canonical form of one that fits 32 bits.  Read besides: LZF-compressed strings.
 * Nothing read is trusted: every size is checked against the bytes that are there and the given
 * limit. */
#ifndef STARLING_STORE_VALUE_CODEC_H
#define STARLING_STORE_VALUE_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/errmsg.h"

struct packed_item;

enum {
    RDB_VERSION = 9,                /* what we write */
    RDB_VERSION_NEWEST = 12,        /* what DUMP payloads and files may be, at most, */
    RDB_VERSION_VALKEY = 80,        /* or from here to there: the numbers of Valkey, which has */
    RDB_VERSION_VALKEY_NEWEST = 81, /* a magic and some types of its own */
    RDB_TYPE_STRING = 0,
    RDB_TYPE_LIST = 1,
    RDB_TYPE_SET = 2,
    RDB_TYPE_ZSET_TEXT = 3, /* scores as text: read only */
    RDB_TYPE_HASH = 4,
    RDB_TYPE_ZSET = 5,
    RDB_TYPE_HASH_ZIPMAP = 9,
    RDB_TYPE_LIST_ZIPLIST = 10,
    RDB_TYPE_SET_INTSET = 11,
    RDB_TYPE_ZSET_ZIPLIST = 12,
    RDB_TYPE_HASH_ZIPLIST = 13,
    RDB_TYPE_LIST_ZIPLISTS = 14,
    RDB_TYPE_STREAM_OLD =
        15, /* without first id, greatest deleted id, and how many there ever were */
    RDB_TYPE_HASH_LISTPACK = 16,
    RDB_TYPE_ZSET_LISTPACK = 17,
    RDB_TYPE_LIST_LISTPACKS = 18,
    RDB_TYPE_STREAM = 19,
    RDB_TYPE_SET_LISTPACK = 20,
    RDB_TYPE_STREAM_ACTIVE = 21,          /* and when a consumer was last active */
    RDB_TYPE_HASH_TIMES = 22,             /* of files and payloads of one family of servers only */
    RDB_TYPE_HASH_VOLATILE = 24,          /* some fields expire */
    RDB_TYPE_HASH_VOLATILE_LISTPACK = 25, /* the same in a blob */
};

/* Can payloads and files of that version be read? */
static inline bool rdb_version_is_known(uint64_t version)
{
    return (version >= 1 && version <= RDB_VERSION_NEWEST) ||
           (version >= RDB_VERSION_VALKEY && version <= RDB_VERSION_VALKEY_NEWEST);
}

enum value_codec_status {
    VALUE_CODEC_OK = 0,
    VALUE_CODEC_MORE,  /* the input ends before the value does */
    VALUE_CODEC_ERROR, /* damaged, or beyond the limit */
};

void value_encode_len(struct buf *out, uint64_t len);
void value_encode_string(struct buf *out, struct bytes value);
/* What stands before a field of a volatile hash: when it expires, counted from base_ms on; 0 for never. */
void value_encode_field_expiry(struct buf *out, int64_t expire_at_ms, int64_t base_ms);
/* The text of an integer, in its shortest form. */
void value_encode_integer(struct buf *out, int64_t value);
void value_encode_item(struct buf *out, const struct packed_item *item);

/* *is_encoding: the six low bits announce a special string encoding, given in *out. */
MUST_USE enum value_codec_status value_decode_len(struct decoder *d, uint64_t *out,
                                                  bool *is_encoding);
/* How many elements follow, more than 0; `what` is what has them, for the error.  On MORE *needed is as
 * below. */
MUST_USE enum value_codec_status value_decode_count(struct decoder *d, const char *what,
                                                    uint64_t *out, uint64_t *needed,
                                                    struct errmsg *error);
/* Append the decoded string to out.  On MORE the decoder's place is not to be used further;
 * *needed is then how many bytes from the string's start are needed at least. */
MUST_USE enum value_codec_status value_decode_string(struct decoder *d, uint64_t max_bytes,
                                                     struct buf *out, uint64_t *needed,
                                                     struct errmsg *error);

#endif
