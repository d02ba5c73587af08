/* SPDX-License-Identifier: MIT */
/* The orderly end of a node, asked for by SHUTDOWN or a signal.
 *
 *     asked --> writes are held --> replicas have what there is --> saved --> log at its end --> exit
 *                                   (or shutdown-timeout is over)     |             |
 *              go on as before <--- ABORT, or the disk refuses <------+-------------+
 *
 * Writes are held first, so that whatever was acknowledged is in the last image and in the replicas.
 * Who asked is answered only when the end does not come; else the connection closes.
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
    ENDING_WAITING, /* for replicas */
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
    bool is_now;    /* replicas are not waited for */
    bool is_forced; /* it ends although the data could not be saved */
};

struct ending {
    enum ending_phase phase;
    struct ending_options options;
    struct mono_time until;
};

/* NOSAVE, SAVE, NOW, FORCE; false: none of them. */
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
