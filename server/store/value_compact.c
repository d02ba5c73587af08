/* SPDX-License-Identifier: MIT */
#include "store/value_compact.h"

enum value_codec_status value_decode_compact(struct value_reader *r, struct decoder *d,
                                             value_take_fn *take, uint64_t *needed,
                                             struct errmsg *error)
{
    struct foreign f;
    enum value_codec_status status;

    buf_clear(&r->text);
    status = value_decode_string(d, r->max_bytes, &r->text, needed, error);
    if (status != VALUE_CODEC_OK) {
        return status;
    }
    if (!foreign_open_rdb(&f, r->rdb_type, buf_bytes(&r->text), error)) {
        return VALUE_CODEC_ERROR;
    }
    while (f.left > 0) {
        if (!take(r, &f, error)) {
            return VALUE_CODEC_ERROR;
        }
    }
    r->is_done = true;
    return VALUE_CODEC_OK;
}
