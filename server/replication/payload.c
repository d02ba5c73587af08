/* SPDX-License-Identifier: MIT */
/* An $EOF payload ends where the last forty bytes equal the marker at the end of what has been
 * received so far, as real replicas judge it; since the marker is random, looking for it at
 * every place gives the same result and does not depend on how the bytes were cut. */
#include "replication/payload.h"

#include "base/assert.h"
#include "base/num.h"

#include <string.h>

void payload_clear(struct payload *payload)
{
    buf_clear(&payload->lent);
    payload->size = 0;
    payload->received = 0;
    payload->is_ended = false;
    payload->tail_len = 0;
}

void payload_deinit(struct payload *payload)
{
    buf_deinit(&payload->lent);
}

bool payload_begin(struct payload *payload, struct bytes line)
{
    struct bytes marker;

    payload_clear(payload);
    if (!bytes_has_prefix(line, "$EOF:")) {
        return bytes_has_prefix(line, "$") && num_parse_u64(bytes_from(line, 1), &payload->size) &&
               payload->size < REPLICATION_SIZE_UNKNOWN;
    }
    marker = bytes_from(line, strlen("$EOF:"));
    if (marker.len != PAYLOAD_MARKER_LEN) {
        return false;
    }
    memcpy(payload->marker, marker.data, PAYLOAD_MARKER_LEN);
    payload->size = REPLICATION_SIZE_UNKNOWN;
    return true;
}

bool payload_is_whole(const struct payload *payload)
{
    return payload->is_ended || payload->received == payload->size;
}

static struct payload_pieces take_sized(struct payload *payload, struct bytes *in)
{
    uint64_t left = payload->size - payload->received;
    size_t len = in->len < left ? in->len : (size_t)left;
    struct payload_pieces pieces = {.direct = bytes_prefix(*in, len)};

    ASSERT(payload->received <= payload->size);
    payload->received += len;
    *in = bytes_from(*in, len);
    pieces.is_whole = payload_is_whole(payload);
    return pieces;
}

/* How many bytes of in follow before the marker is complete, counted to its end; SIZE_MAX when
 * it is not.  joined is the tail and up to 40 bytes of in behind it. */
static size_t find_end(const struct payload *payload, struct bytes in)
{
    char joined[2 * PAYLOAD_MARKER_LEN];
    size_t head = in.len < PAYLOAD_MARKER_LEN ? in.len : PAYLOAD_MARKER_LEN;
    const char *found;

    ASSERT(payload->tail_len <= PAYLOAD_MARKER_LEN);
    memcpy(joined, payload->tail, payload->tail_len);
    memcpy(joined + payload->tail_len, in.data, head);
    found = memmem(joined, payload->tail_len + head, payload->marker, PAYLOAD_MARKER_LEN);
    if (found != NULL) {
        return (size_t)(found - joined) + PAYLOAD_MARKER_LEN - payload->tail_len;
    }
    found = memmem(in.data, in.len, payload->marker, PAYLOAD_MARKER_LEN);
    return found == NULL ? SIZE_MAX : (size_t)(found - in.data) + PAYLOAD_MARKER_LEN;
}

/* Keep the last 40 bytes of tail and in as the tail; give the others out. */
static struct payload_pieces shift(struct payload *payload, struct bytes in)
{
    size_t all = payload->tail_len + in.len;
    size_t out = all > PAYLOAD_MARKER_LEN ? all - PAYLOAD_MARKER_LEN : 0;
    size_t from_tail = out < payload->tail_len ? out : payload->tail_len;
    size_t from_in = out - from_tail;
    struct payload_pieces pieces = {.direct = bytes_prefix(in, from_in)};

    buf_clear(&payload->lent);
    buf_append(&payload->lent, payload->tail, from_tail);
    memmove(payload->tail, payload->tail + from_tail, payload->tail_len - from_tail);
    payload->tail_len -= from_tail;
    memcpy(payload->tail + payload->tail_len, in.data + from_in, in.len - from_in);
    payload->tail_len += in.len - from_in;
    ASSERT(payload->tail_len <= PAYLOAD_MARKER_LEN);
    payload->received += out;
    pieces.held_back = buf_bytes(&payload->lent);
    return pieces;
}

struct payload_pieces payload_take(struct payload *payload, struct bytes *in)
{
    struct payload_pieces pieces;
    size_t end;

    ASSERT(!payload->is_ended);
    if (payload->size != REPLICATION_SIZE_UNKNOWN) {
        return take_sized(payload, in);
    }
    if (in->len == 0) {
        return (struct payload_pieces){0};
    }
    end = find_end(payload, *in);
    if (end == SIZE_MAX) {
        pieces = shift(payload, *in);
        *in = bytes_from(*in, in->len);
        return pieces;
    }
    pieces = shift(payload, bytes_prefix(*in, end));
    ASSERT(memcmp(payload->tail, payload->marker, PAYLOAD_MARKER_LEN) == 0);
    *in = bytes_from(*in, end);
    payload->is_ended = true;
    pieces.is_whole = true;
    return pieces;
}

void payload_check(const struct payload *payload)
{
    bool has_marker = payload->size == REPLICATION_SIZE_UNKNOWN;

    ASSERT(payload->tail_len <= PAYLOAD_MARKER_LEN);
    ASSERT(has_marker || payload->tail_len == 0);
    ASSERT(has_marker || payload->received <= payload->size);
    ASSERT(has_marker || !payload->is_ended);
    ASSERT(!payload->is_ended || memcmp(payload->tail, payload->marker, PAYLOAD_MARKER_LEN) == 0);
}
