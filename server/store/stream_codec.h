/* SPDX-License-Identifier: MIT */
/* The serialized form of a stream, in units that are written one after the other:
 *
 *     nodes    how many, then each: its id (16 bytes, big-endian), and a listpack (store/foreign_stream.h)
 *     marks    entries, last id, first id, greatest deleted id, entries ever added; how many groups
 *     group    name, last id, entries read; how many are pending
 *              pending    id (16 bytes, big-endian), time (8 bytes), count of deliveries
 *              how many consumers
 *              consumer   name, when it was seen (8 bytes), how many are pending of it
 *                         their ids (16 bytes, big-endian)
 *
 * What is released, and so of no consumer, has no form of its own in these types.  It is written as of one more consumer,
 * the last one, so that every server can load it, as entries that nobody has dealt with since 1970:
 *
 *     its name       "", or as many bytes 0 as it takes to be unlike the other names
 *     when seen      -1 - the greatest place in the order of releases: below 0, as that of no other consumer is
 *     the times of its entries (among those of the group) are their places in the order of releases, from 1 on
 *
 * We read it as what it was from type 19; a consumer like that which is not the last one of its group is just a consumer.
 *
 * Numbers are lengths (store/value_codec.h) but where bytes are given, which are little-endian.  Record type 15 has no
 * first id, greatest deleted id, entries ever added and entries read; type 21 says besides when a consumer was active,
 * behind when it was seen. */
#ifndef STARLING_STORE_STREAM_CODEC_H
#define STARLING_STORE_STREAM_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "store/stream_state.h"

enum stream_part {
    STREAM_PART_NODES,
    STREAM_PART_MARKS,
    STREAM_PART_GROUP,
    STREAM_PART_PENDING,
    STREAM_PART_CONSUMERS,
    STREAM_PART_CONSUMER,
    STREAM_PART_IDS,
    STREAM_PART_RELEASED,
    STREAM_PART_RELEASED_IDS,
    STREAM_PART_END,
};

/* The next unit: a node, the marks, the head of a group, and so on. */
struct stream_encoder {
    const struct stream *stream;
    enum stream_part part;
    uint32_t group;
    uint32_t consumer;
    struct id_at at;
};

/* Stand before unit number `unit`, counted from 0. */
void stream_encoder_begin(struct stream_encoder *x, const struct stream *s, uint64_t unit);
/* Append one unit; false when there are no more. */
bool stream_encoder_next(struct stream_encoder *x, struct buf *out);

/* What was encoded so, cut into streams of which each is put in behind the ones before (stream_join): some of its nodes each, and in the end its marks
 * and groups without a node.  Nodes are taken over as they are written. */

/* The next node of what stream_encoder_next has given.  *node: its bytes, borrowed from d; *entries: those that live in it.
 * False, with d where it was, when not all of the node is there. */
MUST_USE bool stream_decode_node(struct decoder *d, struct bytes *node, uint64_t *entries);
/* Append a stream of these nodes, count of them with so many entries.  Its last id is the greatest there is: of what is put behind one
 * another only the last marks count, and all that comes may come. */
void stream_encode_nodes(struct bytes nodes, uint64_t count, uint64_t entries, struct buf *out);
/* Append a stream without nodes, of the marks and groups that stream_encoder_next has given. */
void stream_encode_rest(struct bytes marks_and_groups, struct buf *out);

/* As in struct value_ops. */
enum value_codec_status stream_decode(struct value_reader *r, struct decoder *d, uint64_t *needed,
                                      struct errmsg *error);

#endif
