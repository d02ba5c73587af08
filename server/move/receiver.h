/* SPDX-License-Identifier: MIT */
/* The receiver's side of one move of slots: from "have them fetched" to "they are ours", or to as if nothing had been.
 *
 *     AGREEING      our record is to say what we are about to stage
 *     WAITING       for the next attempt
 *     CONNECTING    to the source, up to where both have proven who they are
 *     ASKING        the source for a new attempt
 *     CLEARING      what an earlier attempt has staged is removed
 *     COPYING       the image of the slots comes in
 *     FOLLOWING     what was written meanwhile
 *     HOLDING       the source holds writes; the rest comes in
 *     CONFIRMING    our replicas are to have it, too
 *     COMMITTING    the source was told that we have everything
 *     TAKING        it has given; its record is to say so, then the slots are ours
 *     CANCELLING    the source is to say that it has not given, and will not
 *     UNDOING       what was staged is removed
 *     DONE          it is over
 *
 * One question at a time goes to the source, so pace and order are ours.
 *
 * Rules:  (1) Nothing is asked for before our record says that keys of the slots are staged.
 *         (2) Once we have confirmed, only the source's word that it has not given lets staged keys be removed: a new
 *             attempt, a refusal, or the answer to CANCEL.  Who has just started, or taken over, does not know what was
 *             confirmed before.
 *         (3) What is confirmed was executed, is in our log, and our replicas that are there have it, under our lease: one that has
 *             taken over is not among them.
 *         (4) Writes are not held for longer than HOLD_MS for us: then we follow again, and try later.
 *         (5) What was begun since the source asks for it ends with the source's knowledge.
 *         (6) An attempt has executed every answer: with one that was not its end has come.
 *
 * A pure machine: events in, actions out.  Plain value. */
#ifndef STARLING_MOVE_RECEIVER_H
#define STARLING_MOVE_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/errmsg.h"

enum {
    RECEIVER_HOLD_MS = 1000, /* with writes held, for our part of it */
    RECEIVER_TAKE_MS = 3000, /* for the source's record to say so */
    RECEIVER_CLOSE_BYTES =
        64 * 1024 /* of the source's log: so little is left when we ask it to hold */
};

enum receiver_phase {
    RECEIVER_AGREEING,
    RECEIVER_WAITING,
    RECEIVER_CONNECTING,
    RECEIVER_ASKING,
    RECEIVER_CLEARING,
    RECEIVER_COPYING,
    RECEIVER_FOLLOWING,
    RECEIVER_HOLDING,
    RECEIVER_CONFIRMING,
    RECEIVER_COMMITTING,
    RECEIVER_TAKING,
    RECEIVER_CANCELLING,
    RECEIVER_UNDOING,
    RECEIVER_DONE,
    RECEIVER_PHASES
};

enum receiver_outcome {
    RECEIVER_UNDER_WAY,
    RECEIVER_SUCCEEDED,
    RECEIVER_CANCELLED,
    RECEIVER_FAILED,
};

enum receiver_event_type {
    RECEIVER_EVENT_TICK,
    RECEIVER_EVENT_AGREED,    /* our record says it */
    RECEIVER_EVENT_READY,     /* the source is there, and who it should be */
    RECEIVER_EVENT_LINK_DOWN, /* reason */
    RECEIVER_EVENT_REPLACED, /* another node is primary of the source's shard than the one that was asked last */
    RECEIVER_EVENT_YES, /* the source has done as it was asked */
    RECEIVER_EVENT_DATA, /* stage, byte_count, behind_bytes: it was executed; reason: why it is not the time to hold */
    RECEIVER_EVENT_LATER,     /* reason: not now */
    RECEIVER_EVENT_LOST,      /* reason: an answer came and was not executed; it comes once only */
    RECEIVER_EVENT_NEVER,     /* reason: it refuses, or what it sends cannot be executed here */
    RECEIVER_EVENT_GIVEN,     /* it has given the slots */
    RECEIVER_EVENT_CLEARED,   /* no staged key is left */
    RECEIVER_EVENT_ACKED,     /* our replicas have what we have */
    RECEIVER_EVENT_CANCEL,    /* reason: somebody wants it no more */
    RECEIVER_EVENT_WITHDRAWN, /* the same: the source asks for it no more */
    RECEIVER_EVENT_TAKEN,     /* the slots are ours */
    RECEIVER_EVENTS
};

enum receiver_stage {
    RECEIVER_STAGE_TURN, /* the image has not begun */
    RECEIVER_STAGE_IMAGE,
    RECEIVER_STAGE_LOG,
    RECEIVER_STAGE_END, /* writes are held, and nothing more comes */
};

struct receiver_event {
    enum receiver_event_type type;
    const char *reason;
    enum receiver_stage stage;
    size_t byte_count;
    uint64_t behind_bytes;  /* of the source's log that are not sent yet */
    bool has_slow_replicas; /* ours are far behind, or too few: not the time to hold writes */
    int64_t limit_bytes_s;  /* 0: none */
};

enum receiver_action {
    RECEIVER_ACTION_CONNECT,
    RECEIVER_ACTION_CLOSE,
    RECEIVER_ACTION_BEGIN,  /* ask the source: answer YES, LATER, NEVER or GIVEN */
    RECEIVER_ACTION_NEXT,   /* DATA, LATER or NEVER */
    RECEIVER_ACTION_HOLD,   /* DATA or LATER */
    RECEIVER_ACTION_COMMIT, /* GIVEN or LATER */
    RECEIVER_ACTION_CANCEL, /* YES or GIVEN */
    RECEIVER_ACTION_CLEAR,  /* remove what is staged: CLEARED */
    RECEIVER_ACTION_AWAIT_ACKS,
    RECEIVER_ACTION_END, /* our record is to have it no more */
};

enum {
    RECEIVER_ACTIONS_MAX = 4,
};

struct receiver_actions {
    enum receiver_action items[RECEIVER_ACTIONS_MAX];
    size_t count;
};

struct receiver {
    enum receiver_phase phase;
    enum receiver_outcome outcome;
    bool is_asked_for; /* by the source: rule (5) */
    bool may_be_given; /* rule (2) */
    bool is_unwanted;  /* cancelled, or it cannot work */
    bool is_failed;    /* of one that is unwanted */
    bool is_next_due;  /* NEXT is to go out at wake_at */
    int64_t backoff_ms;
    struct mono_time wake_at; /* hand in a tick then */
    struct mono_time hold_at; /* writes are not to be held before */
    struct mono_time held_at; /* when we asked for it */
    uint64_t received_bytes;
    unsigned attempts;
    struct errmsg problem; /* the last one, or empty */
};

/* is_new: begun just now, by us; else it was found in our record, and may have been given. */
void receiver_init(struct receiver *receiver, struct mono_time now, bool is_asked_for, bool is_new);
void receiver_step(struct receiver *receiver, struct mono_time now,
                   const struct receiver_event *event, struct receiver_actions *actions);
const char *receiver_phase_name(enum receiver_phase phase);
bool receiver_has_link(const struct receiver *receiver);
void receiver_check(const struct receiver *receiver);

#endif
