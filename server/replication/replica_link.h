/* SPDX-License-Identifier: MIT */
/* The link to the primary through its phases: the only place where they change. */
#ifndef STARLING_REPLICATION_REPLICA_LINK_H
#define STARLING_REPLICATION_REPLICA_LINK_H

#include "replication/replica_state.h"

/* A move that the diagram in replica.h does not have is a bug. */
void link_move(struct replica *r, enum replica_phase to);
/* Is there a link, or one on its way? */
bool link_is_there(const struct replica *r);
void link_connect(struct replica *r);
/* Give up the link and what came by it by half; the phase stays. */
void link_drop(struct replica *r, bool is_closed_already);
/* Drop it and wait before the next attempt, each time for longer. */
void link_retry_later(struct replica *r, bool is_closed_already);
/* The same, with its reason in the log. */
void link_fail(struct replica *r, enum log_level level, const char *reason);
/* The stream begins at offset, which is acknowledged. */
void link_begin_streaming(struct replica *r, uint64_t offset);
/* durable: what is on disk of it, 0 when that is not known. */
void link_send_ack(struct replica *r, uint64_t offset, uint64_t durable);

#endif
