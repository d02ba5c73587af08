/* SPDX-License-Identifier: MIT */
/* What commands of groups of streams share. */
#ifndef STARLING_COMMAND_STREAM_GROUP_ARGS_H
#define STARLING_COMMAND_STREAM_GROUP_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "command/exec.h"
#include "store/stream.h"
#include "store/stream_group.h"

/* A group, and the stream that it is of. */
struct stream_group_found {
    struct key_ref ref;
    struct entry *e;
    const struct stream *stream; /* NULL: there is no such key */
    struct stream_group *group;  /* NULL: there is no such group */
};

/* By the words with the key and the name.  False after -WRONGTYPE.  As on other servers, also those who
 * change what is pending look the key up to read it; who changes the groups does so to write it. */
MUST_USE bool stream_group_lookup(struct exec *x, size_t key_word, struct bytes name,
                                  struct stream_group_found *out);
MUST_USE bool stream_group_lookup_write(struct exec *x, size_t key_word, struct bytes name,
                                        struct stream_group_found *out);
/* The same for a group that must be there; false also after -NOGROUP. */
MUST_USE bool stream_group_lookup_there(struct exec *x, size_t key_word, struct bytes name,
                                        struct stream_group_found *out);
/* Was it found?  False after -NOGROUP. */
MUST_USE bool stream_group_is_there(struct exec *x, struct bytes name,
                                    const struct stream_group_found *found);
/* Open the stream of the group for change; the group stays where it is. */
void stream_group_open(struct exec *x, const struct stream_group_found *found,
                       struct value_edit *out);

/* The consumer, seen now; it is made when there is none, which is an effect. */
struct stream_consumer *stream_consumer_see(struct exec *x, struct value_edit *edit,
                                            const struct stream_group_found *found,
                                            struct bytes name);
/* It got something now. */
void stream_consumer_note_active(struct exec *x, struct stream_consumer *c);

/* The name of the consumer that it is pending of; "" when it is released. */
void reply_stream_owner(struct exec *x, const struct stream_pending *pending);

/* ---- effects ---------------------------------------------------------------------------------------- */

/* An entry became pending, or what is known of it has changed. */
void effect_pending(struct exec *x, const struct stream_group_found *found,
                    const struct stream_pending *pending);
/* It is pending no more in this group of the stream at the key. */
void effect_acknowledged(struct exec *x, struct bytes key, const struct stream_group *group,
                         struct stream_id id);
/* Its last id and the number of entries that it has read. */
void effect_group(struct exec *x, const struct stream_group_found *found);

#endif
