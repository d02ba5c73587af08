/* SPDX-License-Identifier: MIT */
/* The cursors of CLUSTERSCAN: a slot, and a place in it.
 *
 *     0                            before the first slot, or behind the last
 *     <fingerprint>-{<tag>}-<place>
 *
 * The tag is in the slot, so that clients and nodes find whom to ask as they do for a key.  A place means something to the
 * node alone that gave it out, whose fingerprint says so: another one, and whoever reads the fingerprint 0, begins the slot
 * anew. */
#ifndef STARLING_COMMAND_SCAN_CURSOR_H
#define STARLING_COMMAND_SCAN_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "spec/slot.h"

enum {
    SCAN_CURSOR_TEXT = 64, /* with a terminator */
};

struct scan_cursor {
    uint16_t slot; /* SLOT_NONE: the cursor 0 */
    uint64_t fingerprint;
    uint64_t place;
};

/* False: it is none. */
MUST_USE bool scan_cursor_parse(struct bytes text, struct scan_cursor *out);
void scan_cursor_format(const struct scan_cursor *cursor, char out[SCAN_CURSOR_TEXT]);

#endif
