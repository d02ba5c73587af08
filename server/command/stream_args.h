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
/* The same with its entry, for keyspace_open; */
MUST_USE bool stream_lookup_entry(struct exec *x, const struct key_ref *ref, struct entry **e,
                                  const struct stream **out);
/* and for a key that is to be changed. */
MUST_USE bool stream_lookup_write(struct exec *x, const struct key_ref *ref, struct entry **e,
                                  const struct stream **out);

/* Either half of an id: digits, perhaps with zeros in front. */
MUST_USE bool stream_number_parse(struct bytes text, uint64_t *out);
/* "ms-sequence", or "ms", which gets the default sequence. */
MUST_USE bool stream_id_parse(struct bytes text, uint64_t default_sequence, struct stream_id *out);
/* The same; false after an error reply. */
MUST_USE bool argument_stream_id(struct exec *x, size_t index, uint64_t default_sequence,
                                 struct stream_id *out);
/* Ids, for VEC macros. */
struct stream_ids {
    struct stream_id *items;
    size_t count;
    size_t cap;
};

/* Arguments from first on, in front of end, as ids without default: append them.  False after an error reply. */
MUST_USE bool argument_stream_ids(struct exec *x, size_t first, size_t end, struct stream_ids *out);
/* The same for "IDS count id [id ...]" at *index, which then is behind it. */
MUST_USE bool argument_stream_ids_counted(struct exec *x, size_t *index, struct stream_ids *out);
/* The count was not that of the ids. */
void reply_wrong_id_count(struct exec *x);
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
/* The same two, in an array that the caller has begun. */
void reply_stream_id_and_pairs(struct exec *x, const struct stream_entry *entry);
/* An array of up to limit of them. */
void reply_stream_range(struct exec *x, const struct stream *s, const struct stream_range *range,
                        uint64_t limit);

#endif
