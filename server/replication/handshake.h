/* SPDX-License-Identifier: MIT */
/* The conversation before the stream or the snapshot: PING, who we are, PSYNC. */
#ifndef STARLING_REPLICATION_HANDSHAKE_H
#define STARLING_REPLICATION_HANDSHAKE_H

#include "replication/replica_state.h"

/* The link is up: say PING.  r->offer is what PSYNC will ask to go on from. */
void handshake_begin(struct replica *r);
/* Is some answer still to come? */
bool handshake_is_awaiting(const struct replica *r);
/* One answer line, without its end, not empty.  Afterwards the phase is another one when the
 * handshake is over, in whatever way. */
void handshake_take_line(struct replica *r, struct bytes line);

#endif
