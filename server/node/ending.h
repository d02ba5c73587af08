/* SPDX-License-Identifier: MIT */
/* The orderly end of a node, asked for by SHUTDOWN or a signal.
 *
 *     asked --> writes are held --> replicas have what there is --> saved --> log at its end --> exit
 *                |   ^              (or shutdown-timeout is over)    ^ |             |
 *       one has, |   | it did                                       | |             |
 *   in a cluster |   | not take over                                | |             |
 *                v   |                                              | |             |
 *           a replica takes over --> clients are sent on to it -----+ |             |
 *              go on as before <--- ABORT, or the disk refuses <-------+-------------+
 *
 * Writes are held first, so that whatever was acknowledged is in the last image and in the replicas.
 * Who asked is answered only when the end does not come; else the connection closes.
 *
 * A primary of a cluster lets a replica take over first (ENDING_HANDING_OVER) when it is asked to by FAILOVER, or by a
 * SIGTERM that shutdown-on-sigterm leaves at its default.  Once the replica serves nothing is held any more: clients are told
 * where it is, for a moment, before their connections close.  When nobody takes over in time it ends as any other does; a replica
 * that has just come is given a node timeout to say that it can.  One that was replaced before it could hand over has nothing left
 * to wait for but these clients.
 *
 * A supervisor may send SIGTERM again, or to an end that SHUTDOWN began: that changes nothing.  SIGINT
 * comes from somebody who waits at a terminal: the second one ends at once, without saving. */
#ifndef STARLING_NODE_ENDING_H
#define STARLING_NODE_ENDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"

struct node;
struct session;

enum ending_phase {
    ENDING_NOT,
    ENDING_WAITING,      /* for replicas */
    ENDING_HANDING_OVER, /* until a replica serves in our place */
    ENDING_SENDING_ON,   /* it does: clients are told */
    ENDING_SAVING,
    ENDING_LOG, /* is being synced, and its manifest told */
};

enum ending_save {
    ENDING_DEFAULT, /* when there are save points, and no log on disk that has everything */
    ENDING_SAVE,
    ENDING_NOSAVE,
};

struct ending_options {
    enum ending_save save;
    bool is_now;      /* replicas are not waited for */
    bool is_forced;   /* it ends although the data could not be saved */
    bool is_failover; /* a replica is to take over first */
};

struct ending {
    enum ending_phase phase;
    struct ending_options options;
    struct mono_time until;
    struct mono_time
        phase_until; /* of handing over, and of sending on; while waiting: when to look for an heir again */
    struct mono_time
        heir_until;      /* a replica that is there may say until then that it can take over */
    bool is_handed_over; /* nothing is held any more */
};

/* NOSAVE, SAVE, NOW, FORCE, FAILOVER; false: none of them. */
MUST_USE bool ending_read_word(struct bytes word, struct ending_options *options);
/* SHUTDOWN: the session is held until it is known whether the end comes. */
void ending_asked(struct node *node, struct session *s, const struct ending_options *options);
/* A signal asks for it, as shutdown-on-sigterm and shutdown-on-sigint want it. */
void ending_signalled(struct node *node, bool is_interrupt);
/* SHUTDOWN ABORT; false when there is no end to be called off. */
bool ending_abort(struct node *node, struct session *s);
/* In each pass: what the end waits for may have come. */
void ending_step(struct node *node);
/* A save is over. */
void ending_saved(struct node *node, bool is_ok);
struct mono_time ending_wake_at(const struct node *node);

void ending_check(const struct node *node);

#endif
