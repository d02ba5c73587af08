/* SPDX-License-Identifier: MIT */
/* Frames of the cluster bus.  All integers big-endian, strings as a length byte and the bytes.
 *
 *      0   4  magic "STRL"                    132   8  sender's replication offset
 *      4   1  version, 5                      140  40  sender's history id, or zeros
 *      5   1  type (messages.def)             180   8  sent: sender's clock in us
 *      6   2  flags (FRAME_*)                 188   8  echo: "sent" of what this answers
 *      8   4  length of the whole frame       196   4  sender's node timeout in ms
 *     12  20  sender id                       200  20  council that the sender follows
 *     32  20  sender's shard id               220   8  its generation
 *     52  20  sender's primary, or zeros      228   8  key of the sender's seat
 *     72   8  start: drawn at each start      236   1  seats of that council
 *     80   8  sequence: rises by news         237   2  client port
 *     88   8  sender's current epoch          239   2  bus port
 *     96   8  sender's config epoch           241      ip, hostname: strings
 *    104  20  subject id, or zeros                     slots: 2048 bytes, if FRAME_HAS_SLOTS
 *                                                      ancestors of the history (shard_lineage.h), if FRAME_HAS_ANCESTORS
 *                                                      body
 *                                                      seal: 40 bytes (proof.h)
 *    124   8  subject epoch, or its admission (forgotten.h); with FRAME_SLOTS_TOLD: slots_hash of the sender's slots
 *
 * A brief frame (FRAME_BRIEF) is without bytes 104 to 179, subject and data, and 200 to 236, the council: what primaries ask the
 * council all the time, and are answered.
 *
 * What the body is, messages.def says by type.  The slots are those of the sender; in UPDATE those
 * of the subject.
 *
 * A decoder refuses: other versions and types, lengths that do not match, bytes left over,
 * ids that are none, bodies that are not what the type has, and any text that is not what it should
 * be.  The seal is not its business.  Greetings (proof.h) have but the head, of 12 bytes, in common with these frames.
 * Frames are plain values but for their body, which they borrow. */
#ifndef STARLING_CLUSTER_FRAME_H
#define STARLING_CLUSTER_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bitset.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/history.h"
#include "cluster/cluster.h"
#include "cluster/identity.h"
#include "council/council.h"
#include "council/shard_lineage.h"
#include "spec/slot.h"

enum {
    FRAME_VERSION = 5,
    FRAME_HEAD_BYTES = 12, /* enough to know the length */
    FRAME_SEAL_BYTES = 40,
    FRAME_MAX_BYTES = 64 * 1024,
    FRAME_SLOT_WORDS = BITSET_WORDS(SLOT_COUNT),
};

enum frame_type {
#define MESSAGE(id, number, name, subject, body) FRAME_##id = (number),
#include "cluster/messages.def"
#undef MESSAGE
    FRAME_TYPE_END
};

enum frame_flags {
    FRAME_PRIMARY = 1 << 0, /* the sender is a primary, else a replica */
    FRAME_NO_FAILOVER = 1 << 1,
    FRAME_STATE_OK = 1 << 2, /* the sender sees the cluster as ok */
    FRAME_COMPLETE = 1 << 3, /* its data is whole */
    FRAME_ELIGIBLE = 1 << 4, /* a replica that could be promoted */
    FRAME_PAUSED = 1 << 5,   /* a primary that holds writes back for the receiver */
    FRAME_HAS_SLOTS = 1 << 6,
    FRAME_HAS_ANCESTORS = 1 << 7,
    FRAME_LOADING = 1 << 8,      /* what it says of its data is not all it has */
    FRAME_SLOTS_TOLD = 1 << 9,   /* it owns the slots that it has named before, of this hash */
    FRAME_WANTS_SLOTS = 1 << 10, /* the receiver is to name its own */
    FRAME_ARBITER = 1 << 11,     /* a primary that will never have slots or replicas */
    FRAME_BRIEF = 1 << 12,       /* of COUNCIL: it tells nothing of subject, data and council */
};

/* What follows the head of a frame: a column of messages.def. */
enum frame_body {
    FRAME_BODY_NONE,
    FRAME_BODY_GOSSIP,  /* gossip.h */
    FRAME_BODY_MESSAGE, /* message.h */
    FRAME_BODY_COUNCIL, /* council/message.h */
};

struct frame_head {
    uint8_t type;
    uint16_t flags;
};

struct frame {
    enum frame_type type;
    uint16_t flags;
    struct cluster_id sender;
    struct cluster_id shard;
    struct cluster_id primary; /* none of a primary */
    uint64_t start;            /* drawn when its sender was started */
    uint64_t sequence;         /* of what it has to say of itself, on all of its links */
    uint64_t current_epoch;
    uint64_t config_epoch;
    struct shard_data data; /* its own */
    int64_t sent_us;
    int64_t echo_us;
    uint32_t timeout_ms;
    struct council_hint hint; /* of which council its sender is */
    struct cluster_address address;
    uint64_t slots[FRAME_SLOT_WORDS];
    struct cluster_id subject;
    uint64_t subject_epoch;
    struct bytes body; /* encoded, borrowed; of a decoded frame from its bytes */
};

enum frame_status {
    FRAME_OK = 0,
    FRAME_MORE,    /* not all of it is there yet */
    FRAME_INVALID, /* not a frame of ours: close the connection */
};

/* Does it say nothing of subject, data and council? */
static inline bool frame_is_brief(const struct frame *frame)
{
    return (frame->flags & FRAME_BRIEF) != 0;
}

/* Cut the next frame from the front of a stream: on FRAME_OK it has *out_len bytes. */
MUST_USE enum frame_status frame_cut(struct bytes in, size_t *out_len, struct errmsg *error);

/* The version that a frame is of, 0 of what is none. */
uint8_t frame_version(struct bytes in);
/* The first FRAME_HEAD_BYTES of a frame of len bytes. */
void frame_encode_head(struct buf *out, uint8_t type, uint16_t flags, size_t len);
/* Of a whole frame; false with the reason when it is not whole or of another version. */
MUST_USE bool frame_decode_head(struct bytes in, struct frame_head *out, struct errmsg *error);

/* Append the frame but for its seal, which its length counts.  Without a body, one that should have gossip
 * has none to tell. */
void frame_encode(const struct frame *frame, struct buf *out);
/* Decode one whole frame with its seal; its body is checked, and read only by whom it concerns.  False with the
 * reason when it is malformed. */
MUST_USE bool frame_decode(struct bytes in, struct frame *out, struct errmsg *error);

/* Could an honest node say this?  What does not is neither sent nor heeded. */
bool frame_makes_sense(const struct frame *frame);

const char *frame_type_name(enum frame_type type);
enum frame_body frame_body_of(enum frame_type type);

#endif
