/* SPDX-License-Identifier: MIT */
/* XADD with a producer: how that is read, answered, and told to replicas.
 *
 * What a producer sends once more is answered with the id that it got, and is not added.  The name that it gives an entry is
 * called an iid; with IDMPAUTO it is a hash of the names and values.
 *
 * Invariants:  (1) what comes from a primary is added in any case: it has decided
 *              (2) replicas are told by XADD as if there was no producer, and "XADD key IDMP producer iid id" without fields, which
 *                  notes that it is known, and which older servers refuse
 * Borrows the request.  Loop thread only. */
#ifndef STARLING_COMMAND_STREAM_IID_H
#define STARLING_COMMAND_STREAM_IID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "command/exec.h"
#include "store/stream_producers.h"

enum {
    STREAM_IID_HASH_BYTES = 16,
};

struct stream_iid_options {
    bool is_wanted;
    bool is_hashed; /* IDMPAUTO */
    struct bytes producer;
    struct bytes iid; /* with is_hashed: in hash, once that was made */
    char hash[STREAM_IID_HASH_BYTES];
};

enum stream_iid_word {
    STREAM_IID_TAKEN,
    STREAM_IID_OTHER,   /* it says nothing of a producer */
    STREAM_IID_REFUSED, /* an error was replied */
};

/* Read an option at *index, and go behind it. */
MUST_USE enum stream_iid_word stream_iid_read(struct exec *x, size_t *index,
                                              struct stream_iid_options *options);
/* The id of the entry was given, or made of milliseconds that were: may that be?  False after an error reply. */
MUST_USE bool stream_iid_check_id(struct exec *x, const struct stream_iid_options *options,
                                  bool is_generated);
/* The names and values begin with that word; s may be NULL.  True when the entry is known, and that was replied. */
MUST_USE bool stream_iid_reply_known(struct exec *x, struct stream_iid_options *options,
                                     const struct stream *s, size_t first);
/* It was added under this id, of which the text is given. */
void stream_iid_note(struct exec *x, const struct stream_iid_options *options,
                     struct value_draft *draft, struct stream_id id, struct bytes id_text);

/* Note that an entry with the id that is this argument was added, as XIDMPRECORD does; false after an error reply. */
MUST_USE bool stream_iid_record(struct exec *x, struct bytes producer, struct bytes iid,
                                size_t id_word);

/* What holds for streams whose settings nobody has set. */
struct stream_producers_settings stream_iid_default_settings(const struct exec *x);

#endif
