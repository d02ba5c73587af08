/* SPDX-License-Identifier: MIT */
/* The one waiting rule: a session is held (session/hold.h) until what its reply depends on has come.
 * Here is what that may be: acknowledgements of replicas, a file, the end of a pause, time; and
 * outputs whose barriers wait for the lease.
 *
 * Each reason for a pause has a pause of its own, so that the end of one does not end the others. */
#ifndef STARLING_NODE_WAITING_H
#define STARLING_NODE_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "session/hold.h"

struct command_spec;
struct node;
struct request;
struct resp_writer;
struct session;

enum pause_reason {
    PAUSE_BY_CLIENT,    /* CLIENT PAUSE */
    PAUSE_FOR_TAKEOVER, /* one of our replicas is about to take over */
    PAUSE_FOR_END,      /* the last image is being made */
    PAUSE_FOR_RELOAD,   /* DEBUG RELOAD */
    PAUSE_REASONS
};

/* Wider ones are greater. */
enum pause_scope {
    PAUSE_NOTHING,
    PAUSE_WRITES, /* of clients, and what expiry would write */
    PAUSE_KEYS,   /* reads and writes of clients */
    PAUSE_ALL,    /* every command of clients */
};

struct pause {
    enum pause_scope scope;
    struct mono_time until;
};

struct pauses {
    struct pause by_reason[PAUSE_REASONS];
    enum pause_scope scope; /* the widest of them */
    struct mono_time until; /* the first end of any of them; MONO_NEVER while there is none */
};

void waiting_init(struct node *node);

/* ---- sessions --------------------------------------------------------------------------------- */

void waiting_hold(struct node *node, struct session *s, enum hold_kind kind,
                  struct mono_time until);
void waiting_release(struct node *node, struct session *s);
/* WAIT: until so many replicas have acknowledged the session's last write. */
/* Is the session's last write in the history that the log has now?  Else it was given up with another one, and
 * nothing that is said of the offset that it had is about it. */
bool waiting_is_possible(const struct node *node, const struct session *s);
void waiting_for_acks(struct node *node, struct session *s, uint32_t replicas,
                      struct mono_time until);
/* WAITAOF: until it is on so many of their disks, and on ours. */
void waiting_for_disks(struct node *node, struct session *s, bool is_for_own, uint32_t replicas,
                       struct mono_time until);
/* Its reply: on how many disks is the log up to the offset? */
void waiting_write_disks(struct node *node, uint64_t offset, struct resp_writer *reply);
bool waiting_is_on_disk(const struct node *node, uint64_t offset);
/* CLUSTER: until the nodes file of this number is on disk; then the answer is given. */
void waiting_for_nodes_file(struct node *node, struct session *s, uint64_t number,
                            const char *answer);
/* EXEC with CLUSTER commands in it: until the nodes file of this number is on disk and what they said of slots is agreed, for some
 * seconds at most; then what the session has kept is answered (session/queue.h). */
void waiting_for_transaction(struct node *node, struct session *s, uint64_t number);
/* CLUSTER SETSLOT: until the nodes file of this number is on disk, and what was said of the slot is agreed, with this owner
 * (empty: whoever it is).  Where it only hears of it (is_lenient) it waits for a moment, and goes on. */
void waiting_for_slot(struct node *node, struct session *s, uint16_t slot, struct bytes owner,
                      uint64_t number, bool is_lenient);
/* A request that may not run now is put back, and read again when its session is released: by the end of a
 * pause (HOLD_PAUSE), by room in memory (HOLD_MEMORY), by keys that have gone (HOLD_MOVING), by copies that have come (HOLD_COPY), by what the disk has (HOLD_DISK). */
void waiting_put_back(struct node *node, struct request *request, enum hold_kind kind);

#define WAITING_NO_LOG "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."

/* ---- what they wait for has come -------------------------------------------------------------- */

/* Acknowledgements, of replicas or of our disk: release whom they satisfy. */
void waiting_on_acks(struct node *node);
/* appendonly may have been turned off: who waits for our disk is told that it can promise nothing. */
void waiting_without_log(struct node *node);
/* Records of shards may have changed. */
void waiting_on_slots(struct node *node);
/* MIGRATE is over: problem is an error reply, NULL when the keys are gone. */
void waiting_on_move(struct node *node, struct session *s, const char *problem);
/* Keys are no longer on their way. */
void waiting_on_moving(struct node *node);
/* Copies have come, or gone, or the connection to whom requests are passed on is there. */
void waiting_on_copies(struct node *node);
/* A request that was passed on has this reply.  request is empty when that was not kept. */
void waiting_on_forwarded(struct node *node, struct session *s, struct bytes reply,
                          struct bytes request);
void waiting_on_time(struct node *node);
/* A file is on disk, or is not (problem says why). */
void waiting_on_file(struct node *node, enum hold_kind kind, const char *problem);
void waiting_on_nodes_file(struct node *node, uint64_t number, const char *problem);
/* This node follows another from now on. */
void waiting_on_demotion(struct node *node);

/* CLIENT UNBLOCK: as if the time was up, or with an error; false when it waits for no key and no acknowledgement. */
bool waiting_unblock(struct node *node, struct session *s, bool is_error);

/* ---- pauses ----------------------------------------------------------------------------------- */

/* Of two pauses for the same reason the later end and the wider scope count. */
void waiting_pause(struct node *node, enum pause_reason reason, struct mono_time until,
                   enum pause_scope scope);
void waiting_unpause(struct node *node, enum pause_reason reason);
/* Is a replica catching up with the end of our log, so that nothing may be appended to it? */
bool waiting_is_end_fixed(const struct node *node);
bool waiting_is_paused_for(const struct node *node, const struct command_spec *spec);
/* The flags of commands that pauses hold, but for the widest. */
uint32_t waiting_paused_flags(const struct node *node);

void waiting_check(const struct node *node);

#endif
