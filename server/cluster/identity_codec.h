/* SPDX-License-Identifier: MIT */
/* Names on the bus: ip and hostname as strings, each a
 * length byte and its bytes.
 *
 * A decoder fails on any text that could not have come from the encoder. */
#ifndef STARLING_CLUSTER_IDENTITY_CODEC_H
#define STARLING_CLUSTER_IDENTITY_CODEC_H

#include "base/buf.h"
#include "base/codec.h"
#include "cluster/identity.h"

enum {
    CLUSTER_RAW_NAMES_MAX = 2 + CLUSTER_IP_SIZE + CLUSTER_HOSTNAME_SIZE,
};

/* ip and hostname; the ports are left alone. */
void cluster_names_encode(struct buf *out, const struct cluster_address *address);
void cluster_names_decode(struct decoder *d, struct cluster_address *out);

#endif
