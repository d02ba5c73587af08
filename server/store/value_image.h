/* SPDX-License-Identifier: MIT */
/* The image of one large value: its serialized form as it was at one moment, written in slices while the
 * value goes on to change.
 *
 * It works as the walk over keys does (store/walk.h), one floor below: members that are about to change
 * or go, and were not written yet, are written first, into a buffer of the image.  A value that is removed
 * while its image is being taken stays, invisible, until the image has ended.
 *
 *     begin --> step, step, ... --> end        (or end earlier)
 *
 * Invariants:  (1) a value has at most one image at a time, and none twice within one walk of its key space
 *              (2) every member that was there at the begin is written once, as it was then
 * Loop thread only. */
#ifndef STARLING_STORE_VALUE_IMAGE_H
#define STARLING_STORE_VALUE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "store/keyspace.h"

struct value_image;

/* Is the value so large that it is not written in one go? */
bool value_image_is_wanted(const struct keyspace *ks, const struct entry *e);
/* From now on.  Nothing is written yet. */
MUST_USE struct value_image *value_image_begin(struct keyspace *ks, const struct entry *e);
/* Append the next part of the serialized form, without the type's number: about budget members; what was
 * spent is taken from it.  True when that was the last. */
MUST_USE bool value_image_step(struct value_image *image, size_t *budget, struct buf *out);
void value_image_end(struct keyspace *ks, struct value_image *image);

#endif
