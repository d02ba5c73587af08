/* SPDX-License-Identifier: MIT */
/* What nodes say to each other about records and leases.
 *
 * Every message names the council and the generation of it that its sender knows; a question counts only for one who knows
 * the same.  record is the id of a shard, or none for the record of the council itself.
 *
 *     POLL      ballot, start: would you promise?               -> OPINION, like a PROMISE
 *     PREPARE   ballot: I would change the record               -> PROMISE
 *               is_own: I am its primary, or it has none yet; is_forced: grant its lease no more; start
 *     PROMISE   ballot, answer; on YES: accepted, value          what was accepted last
 *     ACCEPT    ballot, value, sent_us, length_ms, start: let this be the record, and grant its primary a lease
 *               if that is the sender                           -> ACCEPTED
 *     ACCEPTED  ballot, answer, sent_us as in the ACCEPT; length_ms: of the lease that it grants, 0 for none
 *     LEASE     ballot of the record that makes the sender primary, version of that, sent_us, length_ms, start
 *                                                               -> GRANT
 *     GRANT     ballot, answer, sent_us as in the LEASE; version: the newest that is known; accepted: the ballot that was
 *               promised last, which on YES may be a greater one of the sender's own
 *     LEARN     ballot, value: this was agreed; value is a record, or seats
 *     ASK       tell me what was agreed of record               -> LEARN
 *     PULL      sent_us: tell me all that you have accepted      -> STATE for each record, STATE_END
 *     STATE     record, accepted, value, claims; holder, ballot, start, length_ms: who was promised a lease, and how long
 *               that lasts from now
 *     STATE_END version: how many records were told; length_ms: the longest promise that was given; wait_ms: how long
 *               promises may last that the sender has forgotten
 *     READY     the sender has all that was agreed before this generation
 *
 * Encoded, integers big-endian:
 *
 *      1 type, 1 answer, 1 flags, 1 reserved
 *     20 council, 8 generation, 20 record, 28 ballot, 28 accepted
 *      8 version, 8 sent_us, 8 length_ms, 8 wait_ms, 8 start, 20 holder
 *      4 length of value, value; 4 length of claims, claims
 *
 * Times of the sender's clock are only ever compared by the sender, when they come back.
 * Plain value but for value and claims, which it borrows. */
#ifndef STARLING_COUNCIL_MESSAGE_H
#define STARLING_COUNCIL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "council/ballot.h"

enum {
    COUNCIL_MESSAGE_MAX = 16 * 1024, /* bytes of one that is encoded */
    COUNCIL_LENGTH_MAX_MS = 10 * 60 * 1000,
};

enum council_message_type {
    COUNCIL_POLL = 1,
    COUNCIL_OPINION,
    COUNCIL_PREPARE,
    COUNCIL_PROMISE,
    COUNCIL_ACCEPT,
    COUNCIL_ACCEPTED,
    COUNCIL_LEASE,
    COUNCIL_GRANT,
    COUNCIL_LEARN,
    COUNCIL_ASK,
    COUNCIL_PULL,
    COUNCIL_STATE,
    COUNCIL_STATE_END,
    COUNCIL_READY,
    COUNCIL_TYPE_END,
};

enum council_answer {
    COUNCIL_YES = 0,
    COUNCIL_OUTBID, /* promised: to somebody with a greater ballot */
    COUNCIL_WAIT,   /* for wait_ms: so long a promise to somebody else lasts */
    COUNCIL_TAKEN,  /* another shard has slots of this record */
    COUNCIL_OLDER,  /* the sender of the question knows an older generation, or record */
    COUNCIL_BEHIND, /* the one who answers does, or has no seat */
    COUNCIL_ANSWER_END,
};

struct council_message {
    enum council_message_type type;
    enum council_answer answer;
    bool is_own;
    bool is_forced;
    struct cluster_id council;
    uint64_t generation;
    struct cluster_id record;
    struct ballot ballot;
    struct ballot accepted; /* of OUTBID, and of GRANT: the ballot that was promised */
    uint64_t version;
    int64_t sent_us;
    int64_t length_ms;
    int64_t wait_ms;
    struct cluster_id holder; /* of STATE; of TAKEN: the shard that has the slots */
    uint64_t start;           /* drawn at each start of a node */
    struct bytes value;
    struct bytes claims;
};

void council_message_encode(struct buf *out, const struct council_message *message);
/* False when it is malformed; value and claims are borrowed from in, and not looked into. */
MUST_USE bool council_message_decode(struct bytes in, struct council_message *out);
const char *council_message_name(enum council_message_type type);
const char *council_answer_name(enum council_answer answer);

#endif
