/* SPDX-License-Identifier: MIT */
#include "cli/rdb_check.h"

#include "base/codec.h"
#include "base/crc.h"

#include <string.h>

enum {
    FIRST_WITH_SUM = 5, /* version */
};

static void sum(struct rdb_check *check, struct bytes bytes)
{
    if (bytes.len > 0) {
        check->sum = crc64(check->sum, bytes);
        check->last = bytes.data[bytes.len - 1];
    }
}

void rdb_check_add(struct rdb_check *check, struct bytes piece)
{
    size_t room = RDB_HEAD - check->head_len;
    size_t begin = piece.len < room ? piece.len : room;
    size_t total = check->tail_len + piece.len;
    size_t done = total > RDB_TAIL ? total - RDB_TAIL : 0; /* bytes that are no tail for sure */
    size_t old = done < check->tail_len ? done : check->tail_len;

    if (piece.len == 0) {
        return;
    }
    memcpy(check->head + check->head_len, piece.data, begin);
    check->head_len += begin;
    sum(check, bytes_make(check->tail, old));
    sum(check, bytes_prefix(piece, done - old));
    check->tail_len -= old;
    memmove(check->tail, check->tail + old, check->tail_len);
    piece = bytes_from(piece, done - old);
    memcpy(check->tail + check->tail_len, piece.data, piece.len);
    check->tail_len += piece.len;
}

/* Of the snapshot; 0 when what came is none. */
static unsigned version_of(const struct rdb_check *check)
{
    struct bytes head = bytes_make(check->head, check->head_len);
    size_t name = bytes_has_prefix(head, "REDIS") ? 5 : bytes_has_prefix(head, "VALKEY") ? 6 : 0;
    unsigned version = 0;

    if (head.len < RDB_HEAD || name == 0) {
        return 0;
    }
    for (size_t i = name; i < head.len; i++) {
        if (head.data[i] < '0' || head.data[i] > '9') {
            return 0;
        }
        version = version * 10 + (unsigned)(head.data[i] - '0');
    }
    return version;
}

bool rdb_check_finish(const struct rdb_check *check, struct errmsg *error)
{
    unsigned version = version_of(check);
    struct decoder tail = decoder_make(bytes_make(check->tail, check->tail_len));
    uint64_t wanted = decode_u64_le(&tail);

    if (version == 0) {
        errmsg_set(error, "it is no snapshot");
        return false;
    }
    if (version < FIRST_WITH_SUM) {
        return true;
    }
    if (!decoder_is_ok(&tail) || check->last != '\xff') {
        errmsg_set(error, "it has no end");
        return false;
    }
    if (wanted != 0 && wanted != check->sum) {
        errmsg_set(error, "its checksum is wrong");
        return false;
    }
    return true;
}
