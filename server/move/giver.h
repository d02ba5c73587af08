/* SPDX-License-Identifier: MIT */
/* The source's side of one attempt of a move: it answers what the receiver asks (receiver.h).
 *
 *     TURN --walk begins--> IMAGE --all is out--> LOG --HOLD--> HOLDING --all is out--> HELD --COMMIT--> GIVEN
 *                                                  ^               |                     |
 *                                                  +-- time is up, or the receiver asks on --+
 *
 * Rules:  (1) Writes are held while HOLDING or HELD, and no longer than GIVER_HOLD_MS.
 *         (2) Only in HELD, where the receiver has everything, it is given; that is the end of the attempt, and from then on
 *             nothing of the slots is served (cluster/ranges.h).
 *         (3) An attempt lives as long as the connection that began it.
 *
 * Plain value. */
#ifndef STARLING_MOVE_GIVER_H
#define STARLING_MOVE_GIVER_H

#include <stdbool.h>

#include "base/clock.h"

enum {
    GIVER_HOLD_MS = 2000,
};

enum giver_phase {
    GIVER_TURN,
    GIVER_IMAGE,
    GIVER_LOG,
    GIVER_HOLDING,
    GIVER_HELD,
    GIVER_GIVEN,
    GIVER_PHASES
};

enum giver_event {
    GIVER_EVENT_WALK_BEGUN,
    GIVER_EVENT_IMAGE_OUT, /* and nothing of it is left */
    GIVER_EVENT_NEXT,      /* the receiver asks for more */
    GIVER_EVENT_HOLD,
    GIVER_EVENT_LOG_OUT, /* everything up to the log's end is in an answer */
    GIVER_EVENT_COMMIT,
    GIVER_EVENT_TIME,
    GIVER_EVENTS
};

struct giver {
    enum giver_phase phase;
    struct mono_time hold_until; /* of HOLDING and HELD */
    struct mono_time heard_at;   /* the last question */
};

void giver_init(struct giver *giver, struct mono_time now);
/* False: that is not to be done now, and nothing has changed. */
bool giver_step(struct giver *giver, struct mono_time now, enum giver_event event);

static inline bool giver_holds(const struct giver *giver)
{
    return giver->phase == GIVER_HOLDING || giver->phase == GIVER_HELD;
}

const char *giver_phase_name(enum giver_phase phase);

#endif
