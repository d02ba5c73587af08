/* SPDX-License-Identifier: MIT */
/* What the files of hash commands share.
 *
 * Fields that have expired are not seen, but by the stream of our primary: as with keys, only the primary
 * decides (command/exec.h).  Lookups leave them where they are.  A write that meets one by name removes
 * it first, with an effect, so that replicas see what it saw. */
#ifndef STARLING_COMMAND_HASH_OPEN_H
#define STARLING_COMMAND_HASH_OPEN_H

#include <stdbool.h>

#include "command/exec.h"
#include "store/value_hash.h"

/* The hash under the first key, empty when there is none; false after -WRONGTYPE. */
MUST_USE bool hash_lookup(struct exec *x, struct value *out);
/* Open it for change, an empty one when there is none; false after -WRONGTYPE. */
MUST_USE bool hash_open(struct exec *x, struct key_ref *ref, struct value_edit *out);
/* Remove the field if it has expired, with the effect HDEL. */
void hash_drop_expired(struct exec *x, struct value_edit *edit, struct bytes field);
void reply_hash_value(struct exec *x, const struct hash_found *found);

#endif
