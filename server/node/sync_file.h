/* SPDX-License-Identifier: MIT */
/* Full resyncs of peers that must be told the size of the payload before it begins: old replicas, and
 * tools that send a bare SYNC.
 *
 * The image goes to a file of its own first, of which the size is known, and from there to all who
 * waited when it began; so memory stays flat.  Who comes later waits for the next one.
 *
 *     NONE --> WALKING --> COMMITTING --> SENDING --> NONE
 *                 |            |              ^
 *                 +------------+--- failed ---+    (nobody is left to be sent anything)
 *
 * The log is kept from the image on until they read it themselves.  The file has our process in its
 * name, as temporary files have: servers may share a folder.
 *
 * Invariant:  (1) is_by_file of an outgoing is true only from the image on until it has all of it */
#ifndef STARLING_NODE_SYNC_FILE_H
#define STARLING_NODE_SYNC_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errmsg.h"
#include "node/image.h"
#include "replication/replica.h"

struct node;

enum sync_file_phase {
    SYNC_FILE_NONE,
    SYNC_FILE_WALKING,
    SYNC_FILE_COMMITTING,
    SYNC_FILE_SENDING,
};

struct sync_file {
    enum sync_file_phase phase;
    struct image_sink sink;
    struct replication_position position; /* of the image */
    uint64_t size;
    char path[48];
};

/* Remove what an earlier run with our process id has left. */
void sync_file_init(struct node *node);
/* Whoever is being sent the file will not get the rest. */
void sync_file_deinit(struct node *node);
/* Begin an image when somebody waits for a payload of known size; true when one was begun. */
bool sync_file_start_when_wanted(struct node *node);
/* It is on disk, or will never be. */
void sync_file_done(struct node *node, bool is_ok, const struct errmsg *error);
/* Fill the outputs of those who take it. */
void sync_file_send(struct node *node);
/* The offset that the log is needed from; UINT64_MAX for none. */
uint64_t sync_file_keep_from(const struct node *node);

void sync_file_check(const struct node *node);

#endif
