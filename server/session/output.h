/* SPDX-License-Identifier: MIT */
/* What a client was answered and has not been sent yet.
 *
 * A buffer, with blocks (large values) that are to be sent in the midst of it.  There is a buffer only
 * while there is something to send: buffers go round among all outputs (struct output_spares), so those
 * that are idle cost none, and those that are busy find one that is warm.
 *
 *         sent        may leave             waits for offset 700     waits for offset 900
 *     |---------|------------------------|------------------------|----------------------|
 *               buf.data + sent          barriers[0]              barriers[1]            end
 *
 * A barrier says: what is behind it leaves once the log is safe up to an offset.  What safe means (the
 * lease holds, replicas have it, it is on disk) is for the node to know, which opens them.
 *
 * Invariants:  (1) sent <= buf.len, and sent <= the first piece's place
 *              (2) barriers ascend in place and in offset
 *              (3) nothing behind a barrier is handed out
 *              (4) pieces ascend in place, within buf; their bytes are those still to be sent */
#ifndef STARLING_SESSION_OUTPUT_H
#define STARLING_SESSION_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/vec.h"
#include "resp/writer.h"

struct output_barrier {
    uint64_t place;  /* bytes of this output before it, since the beginning */
    uint64_t offset; /* of the log */
    uint64_t group;  /* see output_bar */
};

struct output {
    struct buf buf;
    size_t sent;               /* front part of buf that was written */
    struct resp_pieces pieces; /* blocks that are sent between parts of buf */
    size_t piece_sent;         /* of the first one */
    uint64_t done;             /* bytes written since the beginning */
    VEC(struct output_barrier) barriers;
    uint64_t barred; /* place up to which output_bar_rest has looked */
};

enum {
    OUTPUT_SPARES = 64,
};

struct output_spares {
    struct buf items[OUTPUT_SPARES]; /* empty buffers; the last was used last */
    size_t count;
};

void output_spares_deinit(struct output_spares *spares);
/* Whatever was not sent is forgotten. */
void output_deinit(struct output *output);
/* Before something is written: a buffer that is there already, when it has none. */
void output_take_buffer(struct output *output, struct output_spares *spares);

/* Bytes that may be written now, in at most max pieces; borrowed until the next change.  Returns how
 * many pieces there are. */
size_t output_pieces(const struct output *output, struct bytes *pieces, size_t max);
/* The first len of them were written.  keeps_buffer: there will be more at once. */
void output_done(struct output *output, struct output_spares *spares, size_t len,
                 bool keeps_buffer);
/* Take back what was written behind the first len bytes of buf, and barriers that have nothing behind them
 * any more; none of it was sent. */
void output_cut(struct output *output, size_t len);

/* All that was not sent; and what of it may leave now. */
static inline size_t output_pending(const struct output *output)
{
    return output->buf.len - output->sent + output->pieces.bytes;
}

static inline size_t output_ready(const struct output *output)
{
    if (LIKELY(output->barriers.count == 0)) {
        return output_pending(output);
    }
    return (size_t)(output->barriers.items[0].place - output->done);
}

/* Bytes of this output so far, since the beginning: the place of what is appended next. */
static inline uint64_t output_end(const struct output *output)
{
    return output->done + output_pending(output);
}

/* What was or will be appended from the place on leaves once offset is safe.  Within a group (a pass,
 * say) barriers are one: the first one's place, the last one's offset. */
void output_bar(struct output *output, uint64_t place, uint64_t offset, uint64_t group);
/* The same for what was appended from the place on, unless there is nothing, or what waits there already waits for as
 * much.  True when it was barred. */
bool output_bar_behind(struct output *output, uint64_t place, uint64_t offset, uint64_t group);
/* Everything that was appended since the last call waits for the offset, together with what a barrier of the same group
 * holds already. */
void output_bar_rest(struct output *output, uint64_t offset, uint64_t group);
/* Is what was appended last barred within this group? */
static inline bool output_is_barred_in(const struct output *output, uint64_t group)
{
    return output->barriers.count > 0 &&
           output->barriers.items[output->barriers.count - 1].group == group;
}

/* What was appended since waits for nothing that output_bar_rest could ask for. */
void output_pass_rest(struct output *output);
/* Take back what waits for the first barrier, and all that stands behind it; there is one. */
void output_cut_barred(struct output *output);
/* The log is safe up to the offset. */
void output_open(struct output *output, uint64_t safe_offset);

/* Assert the invariants; and that spares are empty buffers. */
void output_check(const struct output *output);
void output_spares_check(const struct output_spares *spares);

#endif
