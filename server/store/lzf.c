/* SPDX-License-Identifier: MIT */
/* Every length and distance is checked before it is followed. */
#include "store/lzf.h"

#include <string.h>

enum {
    LITERAL_LIMIT = 32,
    LONG_COPY = 7,
};

/* A copy whose control byte is at in[*at]; advances both places. */
static bool expand_copy(struct bytes in, size_t *at, char *out, size_t out_len, size_t *filled)
{
    unsigned control = (unsigned char)in.data[(*at)++];
    size_t len = control >> 5;
    size_t distance = (size_t)(control & 31) << 8;

    if (len == LONG_COPY) {
        if (*at == in.len) {
            return false;
        }
        len += (unsigned char)in.data[(*at)++];
    }
    len += 2;
    if (*at == in.len) {
        return false;
    }
    distance += (unsigned char)in.data[(*at)++];
    distance += 1;
    if (distance > *filled || len > out_len - *filled) {
        return false;
    }
    /* Byte by byte: source and target may overlap, which repeats a pattern. */
    for (size_t i = 0; i < len; i++) {
        out[*filled + i] = out[*filled + i - distance];
    }
    *filled += len;
    return true;
}

bool lzf_expand(struct bytes in, char *out, size_t out_len)
{
    size_t at = 0;
    size_t filled = 0;

    while (at < in.len) {
        unsigned control = (unsigned char)in.data[at];

        if (control < LITERAL_LIMIT) {
            size_t len = control + 1;

            at++;
            if (len > in.len - at || len > out_len - filled) {
                return false;
            }
            memcpy(out + filled, in.data + at, len);
            at += len;
            filled += len;
        } else if (!expand_copy(in, &at, out, out_len, &filled)) {
            return false;
        }
    }
    return filled == out_len;
}
