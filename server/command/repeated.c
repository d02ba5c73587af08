/* SPDX-License-Identifier: MIT */
#include "command/repeated.h"

#include "base/assert.h"

bool repeated_begin(struct repeated *r, struct exec *x, uint64_t wanted)
{
    *r = (struct repeated){.x = x, .start = x->reply->out->len};
    if (wanted > REPEATED_COUNT_MAX) {
        resp_write_error(x->reply, "ERR value is out of range, at most %d elements may be repeated",
                         REPEATED_COUNT_MAX);
        return false;
    }
    return true;
}

bool repeated_goes_on(const struct repeated *r)
{
    struct buf *out = r->x->reply->out;

    ASSERT(out->len >= r->start);
    if (out->len - r->start <= REPEATED_BYTES_MAX) {
        return true;
    }
    out->len = r->start;
    resp_write_error(r->x->reply, "ERR reply is too long, at most %d bytes may be repeated",
                     REPEATED_BYTES_MAX);
    return false;
}
