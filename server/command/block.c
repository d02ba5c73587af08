/* SPDX-License-Identifier: MIT */
#include "command/block.h"

#include "base/assert.h"
#include "base/num.h"

#include <math.h>

bool argument_timeout(struct exec *x, size_t index, int unit, int64_t *deadline_unix_ms)
{
    long double timeout;

    if (!num_parse_f80(x->args[index], &timeout)) {
        resp_write_error(x->reply, "ERR timeout is not a float or out of range");
        return false;
    }
    timeout = ceill(timeout * unit);
    if (timeout < 0) {
        resp_write_error(x->reply, "ERR timeout is negative");
        return false;
    }
    if (timeout > (long double)(INT64_MAX - x->now.unix_ms)) {
        resp_write_error(x->reply, "ERR timeout is out of range");
        return false;
    }
    *deadline_unix_ms = timeout > 0 ? x->now.unix_ms + (int64_t)timeout : INT64_MAX;
    return true;
}

bool argument_timeout_ms(struct exec *x, size_t index, int64_t *deadline_unix_ms)
{
    int64_t timeout;

    if (!num_parse_i64(x->args[index], &timeout)) {
        resp_write_error(x->reply, "ERR timeout is not an integer or out of range");
        return false;
    }
    if (timeout < 0) {
        resp_write_error(x->reply, "ERR timeout is negative");
        return false;
    }
    if (timeout > INT64_MAX - x->now.unix_ms) {
        resp_write_error(x->reply, "ERR timeout is out of range");
        return false;
    }
    *deadline_unix_ms = timeout > 0 ? x->now.unix_ms + timeout : INT64_MAX;
    return true;
}

enum exec_result block_for_keys(struct exec *x, const struct exec_block *block)
{
    ASSERT(block->key_count > 0 && block->first_key + block->key_count <= x->arg_count);
    if (x->from_primary || x->must_not_wait) {
        resp_write_null_array(x->reply);
        return EXEC_DONE;
    }
    x->block = *block;
    return EXEC_BLOCK;
}
