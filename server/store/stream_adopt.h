/* SPDX-License-Identifier: MIT */
/* Nodes of other servers (store/foreign_stream.h), and our own as they are written, become nodes of a stream that is
 * being read. */
#ifndef STARLING_STORE_STREAM_ADOPT_H
#define STARLING_STORE_STREAM_ADOPT_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "store/value.h"

/* Check the node, and take it over behind all others, whose ids must be smaller.  It is kept as it is if that is how we
 * would keep it; else its entries are appended.  The marks of the stream are to be put afterwards. */
MUST_USE bool stream_adopt_node(struct value_draft *draft, struct bytes id, struct bytes listpack,
                                struct errmsg *error);

#endif
