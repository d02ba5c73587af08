/* SPDX-License-Identifier: MIT */
/* Syntax of history ids. */
#include "replication/history.h"

bool replication_history_is_valid(struct bytes text)
{
    if (text.len != REPLICATION_HISTORY_LEN) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.data[i];

        if (!(ch >= '0' && ch <= '9') && !(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z')) {
            return false;
        }
    }
    return true;
}
