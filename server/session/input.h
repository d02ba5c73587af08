/* SPDX-License-Identifier: MIT */
/* What a client has sent that was not executed yet.
 *
 * Requests are split off the shell's own buffer where that is possible.  What stays behind, since it is
 * not complete or the client is held, is kept here, in order:
 *
 *     put back: whole requests     buf: split, its batch has not run | not split yet
 *     that were split before       |<-- consumed ------------------->|
 *
 * Invariants:  (1) nothing of buf moves while consumed > 0: the batch borrows it
 *              (2) what was put back came before what is in buf */
#ifndef STARLING_SESSION_INPUT_H
#define STARLING_SESSION_INPUT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "resp/request.h"

struct input {
    struct buf buf;
    size_t consumed;
    struct buf put_back;
    struct resp_reader reader; /* how far it has come in the request that is not complete */
};

void input_deinit(struct input *input);

/* Bytes arrive behind what is kept; consumed must be 0. */
void input_append(struct input *input, struct bytes bytes);
/* A request that was split off is not to be executed now. */
void input_put_back(struct input *input, struct bytes request);
/* The same, before what was put back already. */
void input_put_back_first(struct input *input, struct bytes request);
/* What was put back is to be read again, before everything else; consumed must be 0. */
void input_rewind(struct input *input);
/* The batch has run: what was consumed goes. */
void input_compact(struct input *input);

void input_check(const struct input *input);

/* Bytes kept, and memory for them. */
static inline size_t input_pending(const struct input *input)
{
    return input->buf.len + input->put_back.len;
}

static inline size_t input_memory(const struct input *input)
{
    return input->buf.cap + input->put_back.cap;
}

#endif
