/* SPDX-License-Identifier: MIT */
/* MIGRATE's words; what becomes of the keys is node/migrate's. */
#include "base/num.h"
#include "control/control.h"
#include "node/inside.h"

enum {
    DEFAULT_TIMEOUT_MS = 1000,
    HOST_MAX = 255,
    TIMEOUT_MAX_MS = 24 * 3600 * 1000,
};

/* Options from word 6 on; false after an error reply. */
static bool read_options(struct request *request, struct migrate_call *call)
{
    const struct bytes *args = request->args;

    for (size_t i = 6; i < request->arg_count; i++) {
        size_t left = request->arg_count - 1 - i;

        if (bytes_equal_nocase(args[i], "COPY")) {
            call->is_copy = true;
        } else if (bytes_equal_nocase(args[i], "REPLACE")) {
            call->is_replace = true;
        } else if (bytes_equal_nocase(args[i], "AUTH") && left >= 1) {
            call->has_password = true;
            call->password = args[++i];
        } else if (bytes_equal_nocase(args[i], "AUTH2") && left >= 2) {
            call->has_password = true;
            call->user = args[++i];
            call->password = args[++i];
        } else if (bytes_equal_nocase(args[i], "KEYS")) {
            if (args[3].len != 0) {
                reply_error(request, "ERR When using MIGRATE KEYS option, the key argument must be "
                                     "set to the empty string");
                return false;
            }
            call->keys = &args[i + 1];
            call->key_count = left;
            return true;
        } else {
            reply_error(request, "ERR syntax error");
            return false;
        }
    }
    return true;
}

static bool read_call(struct request *request, struct migrate_call *call)
{
    const struct bytes *args = request->args;
    int64_t port;

    if (!num_parse_i64(args[5], &call->timeout_ms) || !num_parse_i64(args[4], &call->db) ||
        !num_parse_i64(args[2], &port)) {
        reply_error(request, "ERR value is not an integer or out of range");
        return false;
    }
    if (call->db < 0 || call->db > INT32_MAX) {
        reply_error(request, "ERR DB index is out of range");
        return false;
    }
    if (port <= 0 || port > UINT16_MAX || args[1].len == 0 || args[1].len > HOST_MAX) {
        reply_error(request, "ERR Invalid host or port of the target instance");
        return false;
    }
    if (call->timeout_ms <= 0) {
        call->timeout_ms = DEFAULT_TIMEOUT_MS;
    }
    if (call->timeout_ms > TIMEOUT_MAX_MS) {
        call->timeout_ms = TIMEOUT_MAX_MS;
    }
    call->host = args[1];
    call->port = (uint16_t)port;
    return true;
}

void control_migrate(struct node *node, struct request *request)
{
    struct migrate_call call = {.keys = &request->args[3], .key_count = 1};
    size_t there = 0;

    if (!read_options(request, &call) || !read_call(request, &call)) {
        return;
    }
    for (size_t i = 0; i < call.key_count; i++) {
        there += migrate_has_key(node, request->session->db, call.keys[i]);
    }
    if (there == 0) {
        resp_write_simple(request->reply, "NOKEY");
        return;
    }
    migrate_begin(node, request->session, &call);
}
