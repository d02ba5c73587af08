/* SPDX-License-Identifier: MIT */
#include "session/output.h"

#include "base/assert.h"
#include "base/block.h"
#include "base/mem.h"

enum {
    FIRST_BYTES = 16 * 1024,    /* of a buffer */
    SPARE_BYTES = 64 * 1024,    /* an empty one above this is given back */
    KEPT_BYTES = 1024 * 1024,   /* who keeps his own does up to here */
    COMPACT_BYTES = 256 * 1024, /* move the rest to the front once so much was sent */
};

void output_spares_deinit(struct output_spares *spares)
{
    ASSERT(spares->count <= OUTPUT_SPARES);
    while (spares->count > 0) {
        buf_deinit(&spares->items[--spares->count]);
    }
}

void output_deinit(struct output *output)
{
    output_cut(output, 0);
    ASSERT(output->pieces.count == 0);
    ASSERT(output->pieces.bytes == 0);
    VEC_DEINIT(&output->pieces);
    VEC_DEINIT(&output->barriers);
    buf_deinit(&output->buf);
}

void output_take_buffer(struct output *output, struct output_spares *spares)
{
    if (output->buf.cap > 0) {
        return;
    }
    if (spares->count > 0) {
        output->buf = buf_steal(&spares->items[--spares->count]);
    } else {
        (void)buf_reserve(&output->buf, FIRST_BYTES);
    }
}

static void give_buffer(struct output *output, struct output_spares *spares, bool keeps_buffer)
{
    buf_clear(&output->buf);
    output->sent = 0;
    if (keeps_buffer && output->buf.cap <= KEPT_BYTES) {
        return;
    }
    if (output->buf.cap >= FIRST_BYTES && output->buf.cap <= SPARE_BYTES &&
        spares->count < OUTPUT_SPARES) {
        spares->items[spares->count++] = buf_steal(&output->buf);
    } else {
        buf_deinit(&output->buf);
    }
}

/* ---- handing out ------------------------------------------------------------------------------ */

/* What is left of a piece. */
static struct bytes piece_rest(const struct output *output, size_t index)
{
    ASSERT(index < output->pieces.count);
    return bytes_from(block_contents(output->pieces.items[index].block),
                      index == 0 ? output->piece_sent : 0);
}

static size_t all_pieces(const struct output *output, struct bytes *pieces, size_t max)
{
    size_t from = output->sent;
    size_t next = 0;
    size_t count = 0;

    while (count < max) {
        bool is_last = next == output->pieces.count;
        size_t end = is_last ? output->buf.len : output->pieces.items[next].at;

        if (end > from) {
            pieces[count++] = bytes_make(output->buf.data + from, end - from);
            from = end;
        } else if (is_last) {
            break;
        } else {
            pieces[count++] = piece_rest(output, next++);
        }
    }
    return count;
}

/* The front part of them that has len bytes. */
static size_t cut_pieces(struct bytes *pieces, size_t count, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (len == 0) {
            return i;
        }
        pieces[i] = bytes_prefix(pieces[i], pieces[i].len < len ? pieces[i].len : len);
        len -= pieces[i].len;
    }
    return count;
}

size_t output_pieces(const struct output *output, struct bytes *pieces, size_t max)
{
    size_t count;

    ASSERT(max > 0);
    if (LIKELY(output->pieces.count == 0 && output->barriers.count == 0)) {
        if (output->buf.len == output->sent) {
            return 0; /* perhaps without memory of its own */
        }
        pieces[0] = bytes_make(output->buf.data + output->sent, output->buf.len - output->sent);
        return 1;
    }
    count = all_pieces(output, pieces, max);
    return output->barriers.count == 0 ? count : cut_pieces(pieces, count, output_ready(output));
}

static void drop_first_piece(struct output *output)
{
    struct resp_pieces *pieces = &output->pieces;

    ASSERT(pieces->count > 0);
    ASSERT(pieces->items[0].at == output->sent);
    block_release(pieces->items[0].block);
    pieces->count--;
    memmove(pieces->items, pieces->items + 1, pieces->count * sizeof(*pieces->items));
    output->piece_sent = 0;
    if (pieces->count == 0) {
        ASSERT(pieces->bytes == 0);
        VEC_DEINIT(pieces);
    }
}

/* The sent part of buf is dropped once it is much. */
static void compact(struct output *output)
{
    if (output->sent < COMPACT_BYTES || output->sent < output->buf.len / 2) {
        return;
    }
    buf_consume(&output->buf, output->sent);
    for (size_t i = 0; i < output->pieces.count; i++) {
        ASSERT(output->pieces.items[i].at > output->sent); /* else it was taken off */
        output->pieces.items[i].at -= output->sent;
    }
    output->sent = 0;
}

/* Take len bytes off the pieces and the parts of buf before them; false when nothing is left for the
 * part behind the last piece. */
static bool take_off_pieces(struct output *output, size_t *len)
{
    while (output->pieces.count > 0) {
        size_t before = output->pieces.items[0].at - output->sent;
        size_t rest = piece_rest(output, 0).len;

        if (*len < before) {
            break;
        }
        ASSERT(output->pieces.items[0].at >= output->sent);
        output->sent += before;
        *len -= before;
        output->pieces.bytes -= *len < rest ? *len : rest;
        if (*len < rest) {
            output->piece_sent += *len;
            return false;
        }
        *len -= rest;
        drop_first_piece(output);
    }
    return true;
}

void output_done(struct output *output, struct output_spares *spares, size_t len, bool keeps_buffer)
{
    ASSERT(LIKELY(output->barriers.count == 0) || len <= output_ready(output));
    output->done += len;
    if (UNLIKELY(output->pieces.count > 0) && !take_off_pieces(output, &len)) {
        return;
    }
    output->sent += len;
    ASSERT(output->sent <= output->buf.len);
    if (output->sent == output->buf.len) {
        give_buffer(output, spares, keeps_buffer);
    } else {
        compact(output);
    }
}

void output_cut(struct output *output, size_t len)
{
    ASSERT(len <= output->buf.len);
    while (output->pieces.count > 0 && output->pieces.items[output->pieces.count - 1].at > len) {
        output->pieces.bytes -= piece_rest(output, output->pieces.count - 1).len;
        block_release(VEC_POP(&output->pieces).block);
    }
    output->buf.len = len;
    output->sent = output->sent < len ? output->sent : len;
    /* What has nothing left behind it would hold back what comes next. */
    while (output->barriers.count > 0 &&
           output->barriers.items[output->barriers.count - 1].place >= output_end(output)) {
        output->barriers.count--;
    }
}

/* ---- barriers --------------------------------------------------------------------------------- */

void output_bar(struct output *output, uint64_t place, uint64_t offset, uint64_t group)
{
    struct output_barrier barrier = {.place = place, .offset = offset, .group = group};

    ASSERT(place >= output->done && place <= output_end(output));
    if (output->barriers.count > 0) {
        struct output_barrier *last = &output->barriers.items[output->barriers.count - 1];

        ASSERT(offset >= last->offset);
        if (last->group == group || last->place == place) {
            last->offset = offset;
            return;
        }
    }
    VEC_PUSH(&output->barriers, barrier);
}

bool output_bar_behind(struct output *output, uint64_t place, uint64_t offset, uint64_t group)
{
    size_t count = output->barriers.count;

    if (output_end(output) <= place ||
        (count > 0 && output->barriers.items[count - 1].offset >= offset)) {
        return false;
    }
    output_bar(output, place, offset, group);
    return true;
}

void output_bar_rest(struct output *output, uint64_t offset, uint64_t group)
{
    uint64_t place = output->barred > output->done ? output->barred : output->done;
    uint64_t end = output_end(output);
    size_t count = output->barriers.count;

    output->barred = end;
    if (place >= end) {
        return; /* also when what was looked at has been taken back */
    }
    if (count > 0 && output->barriers.items[count - 1].group != group &&
        output->barriers.items[count - 1].place > place) {
        place = output->barriers.items[count - 1].place; /* not all was looked at before */
    }
    if (count > 0 && output->barriers.items[count - 1].group == group &&
        output->barriers.items[count - 1].place > place) {
        output->barriers.items[count - 1].place = place;
    }
    output_bar(output, place, offset, group);
}

void output_pass_rest(struct output *output)
{
    output->barred = output_end(output);
}

void output_cut_barred(struct output *output)
{
    struct resp_pieces *pieces = &output->pieces;
    uint64_t left; /* bytes before the place, of those that were not sent */
    size_t at = output->sent;
    size_t kept = 0;

    ASSERT(output->barriers.count > 0);
    left = output->barriers.items[0].place - output->done;
    while (kept < pieces->count && left > pieces->items[kept].at - at) {
        left -= pieces->items[kept].at - at;
        at = pieces->items[kept].at;
        ASSERT(left >= piece_rest(output, kept).len); /* a barrier stands between replies */
        left -= piece_rest(output, kept++).len;
    }
    while (pieces->count > kept) {
        pieces->bytes -= piece_rest(output, pieces->count - 1).len;
        block_release(VEC_POP(pieces).block);
    }
    output->buf.len = at + (size_t)left;
    output->barriers.count = 0;
    output->barred = output->barred < output_end(output) ? output->barred : output_end(output);
}

void output_open(struct output *output, uint64_t safe_offset)
{
    size_t open = 0;

    ASSERT(output->barriers.count == 0 || output->barriers.items[0].place >= output->done);
    while (open < output->barriers.count && output->barriers.items[open].offset <= safe_offset) {
        open++;
    }
    output->barriers.count -= open;
    if (output->barriers.count > 0) {
        memmove(output->barriers.items, output->barriers.items + open,
                output->barriers.count * sizeof(*output->barriers.items));
    }
}

static void check_pieces(const struct output *output)
{
    size_t at = output->sent;
    uint64_t bytes = 0;

    ASSERT(output->pieces.count > 0 || output->piece_sent == 0);
    for (size_t i = 0; i < output->pieces.count; i++) {
        size_t rest = piece_rest(output, i).len;

        ASSERT(rest > 0);
        ASSERT(output->pieces.items[i].at >= at && output->pieces.items[i].at <= output->buf.len);
        at = output->pieces.items[i].at;
        bytes += rest;
    }
    ASSERT(bytes == output->pieces.bytes);
}

void output_check(const struct output *output)
{
    uint64_t place = output->done;
    uint64_t offset = 0;

    ASSERT(output->sent <= output->buf.len);
    ASSERT(output->buf.len <= output->buf.cap);
    ASSERT(output->buf.len == 0 || output->sent < output->buf.len || output->pieces.count > 0);
    check_pieces(output);
    for (size_t i = 0; i < output->barriers.count; i++) {
        ASSERT(output->barriers.items[i].place >= place);
        ASSERT(output->barriers.items[i].offset >= offset);
        place = output->barriers.items[i].place;
        offset = output->barriers.items[i].offset;
    }
    ASSERT(place <= output_end(output));
}

void output_spares_check(const struct output_spares *spares)
{
    ASSERT(spares->count <= OUTPUT_SPARES);
    for (size_t i = 0; i < spares->count; i++) {
        ASSERT(spares->items[i].len == 0);
        ASSERT(spares->items[i].cap >= FIRST_BYTES && spares->items[i].cap <= SPARE_BYTES);
    }
}
