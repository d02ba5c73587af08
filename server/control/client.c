/* SPDX-License-Identifier: MIT */
#include "control/client.h"

bool client_name_is_valid(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < '!' || name.data[i] > '~') {
            return false;
        }
    }
    return true;
}

void client_set_text(struct buf *field, struct bytes text)
{
    buf_deinit(field);
    buf_append_bytes(field, text);
}
