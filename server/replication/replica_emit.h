/* SPDX-License-Identifier: MIT */
/* Putting actions into the list of the running step. */
#ifndef STARLING_REPLICATION_REPLICA_EMIT_H
#define STARLING_REPLICATION_REPLICA_EMIT_H

#include "base/attr.h"
#include "replication/replica_state.h"

/* The new action, all-zero but for its type. */
struct replica_action *replica_emit(struct replica *r, enum replica_action_type type);
/* With a text, terminated by a NUL that does not count. */
struct replica_action *replica_emit_text(struct replica *r, enum replica_action_type type,
                                         struct bytes text);
/* SEND of one request. */
void replica_emit_request(struct replica *r, const struct bytes *words, size_t count);
void replica_log(struct replica *r, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
