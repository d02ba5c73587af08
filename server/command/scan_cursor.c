/* SPDX-License-Identifier: MIT */
#include "command/scan_cursor.h"

#include "base/assert.h"
#include "base/num.h"

#include <stdio.h>

bool scan_cursor_parse(struct bytes text, struct scan_cursor *out)
{
    size_t open = bytes_find_byte(text, '{');
    size_t close = bytes_find_byte(text, '}');

    *out = (struct scan_cursor){.slot = SLOT_NONE};
    if (bytes_equal_text(text, "0")) {
        return true;
    }
    if (open == SIZE_MAX || close == SIZE_MAX || open < 2 || close <= open + 1 ||
        text.data[open - 1] != '-' || close + 1 >= text.len || text.data[close + 1] != '-') {
        return false;
    }
    out->slot = slot_of_key(text);
    return num_parse_u64(bytes_prefix(text, open - 1), &out->fingerprint) &&
           num_parse_u64(bytes_from(text, close + 2), &out->place);
}

void scan_cursor_format(const struct scan_cursor *cursor, char out[SCAN_CURSOR_TEXT])
{
    char tag[SLOT_TAG_SIZE];

    if (cursor->slot == SLOT_NONE) {
        snprintf(out, SCAN_CURSOR_TEXT, "0");
        return;
    }
    slot_tag(cursor->slot, tag);
    snprintf(out, SCAN_CURSOR_TEXT, "%llu-{%s}-%llu", (unsigned long long)cursor->fingerprint, tag,
             (unsigned long long)cursor->place);
}
