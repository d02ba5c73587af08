/* SPDX-License-Identifier: MIT */
/* Images (store/value_image.h) of streams.
 *
 * An image is a stream that shares the leaves of its indexes, and so its nodes, with the one it is of (store/piece.h);
 * names of groups and consumers it has for itself.  It is written unit by unit (store/stream_codec.h). */
#ifndef STARLING_STORE_STREAM_IMAGE_H
#define STARLING_STORE_STREAM_IMAGE_H

#include "store/value_image.h"

extern const struct value_image_ops stream_image_ops;

#endif
