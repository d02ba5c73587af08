/* SPDX-License-Identifier: MIT */
/* One memchr per piece of input. */
#include "resp/line.h"

#include "base/assert.h"

enum resp_status resp_line_find(struct bytes in, size_t from, size_t *scanned, uint64_t max_bytes,
                                struct resp_line *out)
{
    size_t start = *scanned > from ? *scanned : from;
    size_t found;
    size_t end;

    ASSERT(start <= in.len);
    found = bytes_find_byte(bytes_from(in, start), '\n');
    if (found == SIZE_MAX) {
        *scanned = in.len;
        return in.len - from > max_bytes ? RESP_ERROR : RESP_MORE;
    }
    end = start + found;
    if (end - from > max_bytes) {
        return RESP_ERROR;
    }
    out->next = end + 1;
    out->has_return = end > from && in.data[end - 1] == '\r';
    out->text = bytes_make(in.data + from, end - from - (out->has_return ? 1 : 0));
    return RESP_OK;
}
