/* SPDX-License-Identifier: MIT */
/* Messages and news on their way out.
 *
 * A message to ourselves goes the same way: it is heeded when what it says is saved, never within the call that made
 * it. */
#ifndef STARLING_COUNCIL_POST_H
#define STARLING_COUNCIL_POST_H

#include "council/state.h"

/* Send it; council and generation are filled in.  It leaves when so many changes are saved. */
void post_send(struct council *c, const struct cluster_id *to, struct council_message *message,
               uint64_t after);
/* Is there one that does not leave before something is saved? */
bool post_waits_for_disk(const struct council *c);
/* The next message to ourselves that may be heeded, as bytes for the caller. */
MUST_USE bool post_next_own(struct council *c, struct buf *out);
void post_news(struct council *c, const struct council_news *news);
/* What a proposal came to that nobody wants any more, and was not heard yet: it would be taken for what the next one came to.
 * What was agreed is news all the same. */
void post_drop_news_of_proposal(struct council *c);
void post_deinit(struct council *c);

#endif
