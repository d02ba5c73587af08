/* SPDX-License-Identifier: MIT */
/* The list of our replicas: for each session that is one, or is about to become one, a feed
 * (replication/primary.h) and what goes with it.
 *
 * Invariants:  (1) a session is in it at most once, and s->feed names its feed
 *              (2) who is closing stays in it until the session is gone
 *              (3) a session is a replica's (SESSION_REPLICA) only if it is in it
 * Owns the feeds. */
#ifndef STARLING_NODE_REPLICAS_H
#define STARLING_NODE_REPLICAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/disk_feed.h"
#include "node/image.h"
#include "replication/primary.h"

struct node;
struct session;

enum {
    REPLICAS_SILENT_MS = 2500,
};

struct replicas {
    struct feed **items; /* each the feed of a struct outgoing */
    size_t count;
    size_t cap;
};

/* A replica's session and what is known of it. */
struct outgoing {
    struct feed feed;
    struct session *session;
    struct image_sink sink; /* of the payload, when it comes straight from an image */
    bool is_old_sync;       /* asked by SYNC: gets no line before the payload */
    bool is_by_file;        /* its payload comes from a file: sync_file.c */
    uint64_t file_offset;   /* so much of it has been put into the output */
    struct disk_feed disk;  /* while it is further behind than what memory has of the log */
};

struct outgoing *replicas_outgoing(struct feed *feed);
struct session *replicas_session(const struct feed *feed);
/* The feed of the session, made when it has none. */
struct feed *replicas_get(struct node *node, struct session *s);
/* Has the other side proven to be a node of this cluster, and does not follow us as a replica? */
bool replicas_is_peer(const struct session *s);
/* The session is about to go; it need not be a replica's. */
void replicas_remove(struct node *node, struct session *s);
void replicas_deinit(struct node *node);
/* What the payload of a full resync is: the image of a place in the log. */
struct payload_head {
    struct replication_position position;
    uint64_t size;       /* or REPLICATION_SIZE_UNKNOWN, */
    struct bytes marker; /* with what ends it */
};
/* Put what stands before the payload into the replica's output; who asked by SYNC expects its head alone. */
void replicas_begin_payload(struct node *node, struct feed *feed, const struct payload_head *head);
/* Close all their sessions. */
void replicas_drop_all(struct node *node, const char *reason);

/* What this node of a cluster says of itself to those it replicates to, or from; borrows the secrets of the
 * configuration. */
struct introduction_self replicas_introduction(const struct node *node);
/* How many have acknowledged up to offset; how many count for min-replicas-to-write. */
size_t replicas_count_acked(const struct node *node, uint64_t offset);
/* How many have the log up to the offset on disk? */
size_t replicas_count_synced(const struct node *node, uint64_t offset);
size_t replicas_count_good(const struct node *node);
/* How many of those online have not acknowledged everything. */
size_t replicas_count_lagging(const struct node *node);
/* Have all that are online acknowledged up to offset?  Of one that has been silent for REPLICAS_SILENT_MS it is not asked. */
bool replicas_all_have(const struct node *node, uint64_t offset);
/* Is one far behind, or late with the word that comes every second, and not yet silent? */
bool replicas_are_slow(const struct node *node);
/* The offset that the log is needed from; UINT64_MAX for none. */
uint64_t replicas_keep_from(const struct node *node);

void replicas_check(const struct node *node);

#endif
