/* SPDX-License-Identifier: MIT */
/* What commands share that take entries out of streams and say what becomes of what is pending of them: the words
 * KEEPREF, DELREF and ACKED, and effects.
 *
 * Replicas are told in words that every server knows: XDEL of what was deleted, XACK of what is pending no more. */
#ifndef STARLING_COMMAND_STREAM_LOSSES_H
#define STARLING_COMMAND_STREAM_LOSSES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"
#include "command/exec.h"
#include "command/stream_args.h"
#include "store/stream_refs.h"

struct stream_dropped {
    struct stream_group *group;
    struct stream_id id;
};

/* What a command took out of one stream.  Hand `removal` to store/stream_refs.h, which then notes here what is pending
 * no more, and what a trim deleted. */
struct stream_losses {
    struct stream_removal removal;
    VEC(struct stream_dropped) dropped;
    struct stream_ids deleted;
};

/* Is argument index one of the words? */
bool argument_stream_refs(const struct exec *x, size_t index, enum stream_refs *out);
/* Nothing was lost as yet.  It must stay where it is until its end. */
void stream_losses_begin(struct stream_losses *losses, enum stream_refs refs);
/* Make effects of what was lost of the stream at this key, and forget it. */
void stream_losses_end(struct exec *x, struct stream_losses *losses, struct bytes key);

#endif
