/* SPDX-License-Identifier: MIT */
/* Images (store/value_image.h) of values that are made of members: of their types only `members` and
 * `encode_member` are asked.
 *
 * It works as the walk over keys does (store/walk.h), one floor below: members that are about to change
 * or go, and were not written yet, are written first, into a buffer of the image.  A value that is removed
 * while its image is being taken stays, invisible, until the image has ended.
 *
 * Invariants:  (1) a value has at most one image at a time */
#ifndef STARLING_STORE_MEMBERS_IMAGE_H
#define STARLING_STORE_MEMBERS_IMAGE_H

#include "store/value_image.h"

extern const struct value_image_ops members_image_ops;

#endif
