/* SPDX-License-Identifier: MIT */
/* What the files of stream commands share: ids as arguments and in replies, entries in replies. */
#ifndef STARLING_COMMAND_STREAM_ARGS_H
#define STARLING_COMMAND_STREAM_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/exec.h"
#include "store/stream.h"

enum {
    STREAM_ID_TEXT = 44, /* "<ms>-<sequence>", each of 20 digits at most */
};

/* The stream at the key, NULL when there is no such key; false after -WRONGTYPE. */
MUST_USE bool stream_lookup(struct exec *x, const struct key_ref *ref, const struct stream **out);
/* The same for a key that is to be changed: its entry, for keyspace_open. */
MUST_USE bool stream_lookup_write(struct exec *x, const struct key_ref *ref, struct entry **e,
                                  const struct stream **out);

/* Either half of an id: digits, perhaps with zeros in front. */
MUST_USE bool stream_number_parse(struct bytes text, uint64_t *out);
/* "ms-sequence", or "ms", which gets the default sequence. */
MUST_USE bool stream_id_parse(struct bytes text, uint64_t default_sequence, struct stream_id *out);
/* The same; false after an error reply. */
MUST_USE bool argument_stream_id(struct exec *x, size_t index, uint64_t default_sequence,
                                 struct stream_id *out);
/* An end of a range: an id, perhaps without sequence, "-", "+", or with "(" in front what is not included. */
MUST_USE bool argument_stream_first(struct exec *x, size_t index, struct stream_id *out);
MUST_USE bool argument_stream_last(struct exec *x, size_t index, struct stream_id *out);

/* Milliseconds from at_ms to now; 0 when at_ms is still to come, as after a clock went back.  at_ms
 * may be any number: payloads of RESTORE and snapshots bring what they like. */
int64_t stream_elapsed_ms(const struct exec *x, int64_t at_ms);

/* Its bytes are in scratch, of STREAM_ID_TEXT. */
struct bytes stream_id_text(struct stream_id id, char *scratch);
void reply_stream_id(struct exec *x, struct stream_id id);
/* [id, [name, value ...]] */
void reply_stream_entry(struct exec *x, const struct stream_entry *entry);
/* An array of up to limit of them. */
void reply_stream_range(struct exec *x, const struct stream *s, const struct stream_range *range,
                        uint64_t limit);

#endif
