/* SPDX-License-Identifier: MIT */
#include "control/answer.h"

#include "base/assert.h"
#include "base/num.h"
#include "node/inside.h"

#define TIMEOUT_MAX_MS (INT64_MAX / 4000) /* can be added to any time in microseconds */

void answer_help(struct request *request, const char *const *lines, size_t count)
{
    resp_write_array(request->reply, count);
    for (size_t i = 0; i < count; i++) {
        resp_write_simple(request->reply, lines[i]);
    }
}

bool answer_has_cluster(const struct node *node, struct request *request)
{
    if (node->cluster == NULL) {
        reply_error(request, "ERR This instance has cluster support disabled");
        return false;
    }
    return true;
}

bool answer_read_timeout(struct request *request, size_t index, int64_t *ms)
{
    ASSERT(index < request->arg_count);
    if (!num_parse_i64(request->args[index], ms)) {
        reply_error(request, "ERR timeout is not an integer or out of range");
        return false;
    }
    if (*ms < 0) {
        reply_error(request, "ERR timeout is negative");
        return false;
    }
    if (*ms > TIMEOUT_MAX_MS) {
        reply_error(request, "ERR timeout is out of range");
        return false;
    }
    return true;
}
