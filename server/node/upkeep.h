/* SPDX-License-Identifier: MIT */
/* Work by the clock: what has to happen hz times a second whether or not clients come.
 *
 * What takes long is done in slices with a budget; what the clock has begun goes on in each pass until
 * there is nothing left to do. */
#ifndef STARLING_NODE_UPKEEP_H
#define STARLING_NODE_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "session/session.h"

struct node;

struct upkeep {
    struct mono_time at;         /* when the clock strikes next */
    bool has_more;               /* the key space has something to tidy up */
    bool has_expired;            /* perhaps there are more expired keys or fields */
    bool is_expiring;            /* expired keys are removed before somebody asks for them */
    bool is_paused;              /* DEBUG PAUSE-CRON */
    struct list *next_checked;   /* session whose turn it is, in sessions.all; NULL: the first */
    double expire_stale_percent; /* of the last slice */
    uint64_t expire_cut_short;
    uint64_t expire_ns;
};

void upkeep_init(struct node *node);
void upkeep_run(struct node *node);
struct mono_time upkeep_wake_at(const struct node *node);
/* For DEBUG. */
void upkeep_pause(struct node *node, bool is_paused);
void upkeep_set_expiring(struct node *node, bool is_expiring);
/* CONFIG RESETSTAT. */
void upkeep_reset_stats(struct node *node);
/* The session is about to go. */
void upkeep_forget_session(struct node *node, const struct session *s);
/* Close the session when its output is beyond its class' limit. */
bool upkeep_check_output(struct node *node, struct session *s);

enum {
    UPKEEP_OUTPUT_FREE_BYTES = 16 * 1024, /* of a client's output no limit counts */
};

/* Could it be? */
static inline bool upkeep_output_matters(const struct session *s)
{
    return session_output_pending(s) > UPKEEP_OUTPUT_FREE_BYTES || s->over_soft_limit_at.us != 0;
}
/* Give up what the log has and nobody needs; when it is much, between two strikes, too. */
void upkeep_trim_log(struct node *node);
void upkeep_trim_long_log(struct node *node);

void upkeep_check(const struct node *node);

#endif
