/* SPDX-License-Identifier: MIT */
/* Images (store/value_image.h) of lists in chunks.
 *
 * An image is a sequence that shares its leaves, and so its chunks, with the list (chunks_share).  It is
 * written from the left; leaves that were written are let go, those that the list does not hold any more are
 * freed.  The list knows nothing of it, and may be gone. */
#ifndef STARLING_STORE_LIST_IMAGE_H
#define STARLING_STORE_LIST_IMAGE_H

#include "store/value_image.h"

extern const struct value_image_ops list_image_ops;

#endif
