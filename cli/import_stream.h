/* SPDX-License-Identifier: MIT */
/* The stream of commands that a server sends its replicas, as requests that a cluster can be sent one by one.
 *
 * Frames of transactions go, their requests stay; what is for the link alone (PING, REPLCONF, PUBLISH and the like) goes.
 * DEL and UNLINK of keys of several slots become one for each key.  Everything else that a cluster could not do as it stands
 * ends the stream, with a reason that names it: other databases, keys of several slots, requests that name no key.
 *
 * Owns what is incomplete of its input.  All-zero is one that begins with database 0. */
#ifndef STARLING_CLI_IMPORT_STREAM_H
#define STARLING_CLI_IMPORT_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "resp/request.h"

struct import_stream {
    struct buf in; /* the beginning of a request */
    struct resp_reader reader;
    struct resp_words words;
    int64_t db;
    uint64_t taken_bytes; /* whole requests, so far */
    uint64_t made;        /* requests for the cluster */
};

void import_stream_deinit(struct import_stream *stream);
/* The next bytes of the stream: append what they are for a cluster.  False, with the reason, when it cannot go on; what came
 * before is in out. */
MUST_USE bool import_stream_take(struct import_stream *stream, struct bytes bytes, struct buf *out,
                                 struct errmsg *error);

#endif
