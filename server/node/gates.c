/* SPDX-License-Identifier: MIT */
/* What a request has to pass before it is executed, as a table: each gate asks one question
 * and, when the answer is no, tells the client why.
 *
 * Most of the time most gates could say nothing to anybody.  gates_open_for knows that from a look
 * at the node, once for many requests; such requests are executed without being asked. */
#include "node/client.h"
#include "node/state.h"

#include "cluster/route.h"

enum {
    HTTP_LOG_EVERY_MS = 60 * 1000,
};

typedef bool gate_fn(struct node *node, struct call *call);

/* A browser that was led to our port sends an HTTP request, whose body may hold commands: nothing
 * behind its first line, or its Host header, may be executed. */
static bool is_http(struct bytes name)
{
    return bytes_equal_nocase(name, "post") || bytes_equal_nocase(name, "host:");
}

static void close_http(struct node *node, struct session *s)
{
    if (node->http_logged_at.us == 0 ||
        mono_ms_between(node->http_logged_at, node->now.mono) >= HTTP_LOG_EVERY_MS) {
        node->http_logged_at = node->now.mono;
        node_log(
            node, LOG_WARNING,
            "Possible SECURITY ATTACK detected: %s sends an HTTP request (POST or Host:), as a "
            "browser does that was made to run commands here. The connection is closed.",
            s->peer.address);
    }
    node_close_session(node, s, false);
}

static bool gate_known(struct node *node, struct call *call)
{
    struct bytes name = call->args[0];
    struct buf shown = {0};

    if (call->spec != NULL) {
        if (call->arg_count >= 2 && command_has_subcommands(call->spec)) {
            const struct command_spec *sub = command_find_sub(call->spec, call->args[1]);

            if (sub == NULL && call->spec->id != COMMAND_DEBUG) {
                reply_unknown_sub(node, call);
                return false;
            }
            call->spec = sub != NULL ? sub : call->spec;
        }
        return true;
    }
    if (is_http(name)) {
        close_http(node, call->session);
        return false;
    }
    for (size_t i = 1; i < call->arg_count && shown.len < 128; i++) {
        size_t room = 128 - shown.len;
        struct bytes word = call->args[i];

        buf_append_byte(&shown, '\'');
        buf_append_bytes(&shown, bytes_prefix(word, word.len < room ? word.len : room));
        buf_append_text(&shown, "' ");
    }
    reply_error(node, call, "ERR unknown command '%.*s', with args beginning with: %s",
                name.len < 128 ? (int)name.len : 128, name.data, buf_text(&shown));
    buf_deinit(&shown);
    return false;
}

static bool gate_arity(struct node *node, struct call *call)
{
    const struct command_spec *spec = call->spec;

    if (command_arity_fits(spec, call->arg_count)) {
        return true;
    }
    if (spec->kind == COMMAND_SUB) {
        reply_error(node, call, "ERR wrong number of arguments for '%s|%s' command",
                    command_spec(spec->parent)->name, spec->name);
    } else {
        reply_error(node, call, "ERR wrong number of arguments for '%s' command", spec->name);
    }
    return false;
}

/* Debugging commands stop, crash and empty servers. */
static bool gate_debug(struct node *node, struct call *call)
{
    if (LIKELY(call->spec->id != COMMAND_DEBUG) ||
        client_is_allowed(call->session, node->config.enable_debug_command)) {
        return true;
    }
    reply_error(node, call,
                "ERR DEBUG command not allowed. If the enable-debug-command option is set to "
                "\"local\", you can run it from a local connection, otherwise you need to set this "
                "option in the configuration file, and then restart the server.");
    return false;
}

static bool gate_auth(struct node *node, struct call *call)
{
    if (LIKELY(call->session->flags & SESSION_AUTHENTICATED) ||
        (call->spec->flags & COMMAND_FLAG_NO_AUTH)) {
        return true;
    }
    reply_error(node, call, "NOAUTH Authentication required.");
    return false;
}

static bool gate_loading(struct node *node, struct call *call)
{
    if (LIKELY(!node->loading.is_on) || (call->spec->flags & COMMAND_FLAG_LOADING)) {
        return true;
    }
    reply_error(node, call, "LOADING Redis is loading the dataset in memory");
    return false;
}

/* What writes without naming keys (FLUSHALL) writes to all of our slots. */
static bool gate_route(struct node *node, struct call *call)
{
    const struct command_spec *spec = call->spec;

    if (LIKELY(node->cluster == NULL)) {
        return true;
    }
    if (spec->first_key != 0) {
        return gate_route_keys(node, call);
    }
    if ((spec->flags & COMMAND_FLAG_WRITE) && node->is_primary && !commit_is_allowed(node)) {
        reply_error(node, call, "CLUSTERDOWN The cluster is down");
        return false;
    }
    return true;
}

static bool gate_role(struct node *node, struct call *call)
{
    if (LIKELY(node->is_primary)) {
        return true;
    }
    if ((call->spec->flags & COMMAND_FLAG_WRITE) && node->config.replica_read_only) {
        reply_error(node, call, "READONLY You can't write against a read only replica.");
        return false;
    }
    if (!node->config.replica_serve_stale_data && !replica_side_link_is_up(node) &&
        !(call->spec->flags & COMMAND_FLAG_STALE)) {
        reply_error(node, call,
                    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to "
                    "'no'.");
        return false;
    }
    return true;
}

static bool gate_disk(struct node *node, struct call *call)
{
    if (LIKELY(node->saving.is_last_ok) || !(call->spec->flags & COMMAND_FLAG_WRITE) ||
        !node->config.stop_writes_on_save_error || node->config.save_point_count == 0 ||
        !node->is_primary) {
        return true;
    }
    reply_error(node, call,
                "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to "
                "persist to disk. Commands that may modify the data set are disabled, because this "
                "instance is configured to report errors during writes if RDB snapshotting fails "
                "(stop-writes-on-bgsave-error option). Please check the Redis logs for details "
                "about the RDB error.");
    return false;
}

static bool gate_quorum(struct node *node, struct call *call)
{
    if (LIKELY(node->config.min_replicas_to_write == 0) ||
        !(call->spec->flags & COMMAND_FLAG_WRITE) || !node->is_primary ||
        primary_good_replicas(node) >= (size_t)node->config.min_replicas_to_write) {
        return true;
    }
    reply_error(node, call, "NOREPLICAS Not enough good replicas to write.");
    return false;
}

/* A paused request is put back and read again when the pause ends. */
static bool gate_pause(struct node *node, struct call *call)
{
    if (LIKELY(node->pauses.scope == PAUSE_NOTHING) || (call->session->flags & SESSION_REPLICA) ||
        !waiting_is_paused_for(node, call->spec)) {
        return true;
    }
    buf_append_bytes(&call->session->stash, call->raw);
    waiting_hold(node, call->session, HOLD_PAUSE, MONO_NEVER);
    return false;
}

static gate_fn *const gates[] = {
    gate_known,   gate_arity, gate_debug, gate_auth,   gate_pause,
    gate_loading, gate_route, gate_role,  gate_quorum, gate_disk,
};

uint32_t gates_open_for(const struct node *node)
{
    bool is_primary = node->is_primary;

    if (node->pauses.scope != PAUSE_NOTHING || node->loading.is_on) {
        return 0;
    }
    if (node->cluster != NULL && !cluster_routes_plainly(node->cluster, node->now.mono)) {
        return 0;
    }
    if (is_primary && node->saving.is_last_ok && node->config.min_replicas_to_write == 0) {
        return COMMAND_FLAG_READONLY | COMMAND_FLAG_WRITE;
    }
    return is_primary || node->config.replica_serve_stale_data ? COMMAND_FLAG_READONLY : 0;
}

bool gates_pass(struct node *node, struct call *call)
{
    for (size_t i = 0; i < ARRAY_COUNT(gates); i++) {
        if (!gates[i](node, call)) {
            if (call->spec != NULL && !(call->session->flags & SESSION_HELD)) {
                node->stats.rejected_calls[call->spec->id]++;
            }
            return false;
        }
    }
    return true;
}
