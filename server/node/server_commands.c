/* SPDX-License-Identifier: MIT */
/* Commands about the server as a whole: saving, shutting down, time, role, debugging. */
#include "node/state.h"

#include "base/hash.h"
#include "base/num.h"

void control_time(struct node *node, struct call *call)
{
    struct moment now = node->env.now(node->env.context);
    int64_t us = now.unix_ms * 1000;

    resp_write_array(call->reply, 2);
    resp_write_bulk_printf(call->reply, "%lld", (long long)(us / 1000000));
    resp_write_bulk_printf(call->reply, "%lld", (long long)(us % 1000000));
}

void control_save(struct node *node, struct call *call)
{
    if (snapshot_is_saving(node)) {
        reply_error(node, call, "ERR Background save already in progress");
        return;
    }
    snapshot_save(node);
    waiting_hold(node, call->session, HOLD_SAVE, MONO_NEVER);
}

void control_bgsave(struct node *node, struct call *call)
{
    bool is_scheduled = call->arg_count == 2 && bytes_equal_nocase(call->args[1], "SCHEDULE");

    if (call->arg_count > 2 || (call->arg_count == 2 && !is_scheduled)) {
        reply_error(node, call, "ERR syntax error");
        return;
    }
    if (snapshot_is_saving(node) && !is_scheduled) {
        reply_error(node, call, "ERR Background save already in progress");
        return;
    }
    if (node->snapshot.is_on) {
        node->saving.is_wanted = true;
        resp_write_simple(call->reply, "Background saving scheduled");
        return;
    }
    snapshot_save(node);
    resp_write_simple(call->reply, "Background saving started");
}

void control_lastsave(struct node *node, struct call *call)
{
    resp_write_integer(call->reply, node->saving.last_save_unix_s);
}

void control_shutdown(struct node *node, struct call *call)
{
    bool saves = node->config.save_point_count > 0;

    for (size_t i = 1; i < call->arg_count; i++) {
        if (bytes_equal_nocase(call->args[i], "NOSAVE")) {
            saves = false;
        } else if (bytes_equal_nocase(call->args[i], "SAVE")) {
            saves = true;
        } else if (bytes_equal_nocase(call->args[i], "ABORT") && call->arg_count == 2) {
            if (!node->is_shutting_down) {
                reply_error(node, call, "ERR No shutdown in progress.");
            } else {
                node->is_shutting_down = false;
                resp_write_simple(call->reply, "OK");
            }
            return;
        } else if (!bytes_equal_nocase(call->args[i], "NOW") &&
                   !bytes_equal_nocase(call->args[i], "FORCE")) {
            reply_error(node, call, "ERR syntax error");
            return;
        }
    }
    node_log(node, LOG_NOTICE, "SHUTDOWN asked for by %s", call->session->peer.address);
    node->is_shutting_down = true;
    if (!saves || node->loading.is_on) {
        node->has_exited = true;
        node->env.exit(node->env.context, 0);
        return;
    }
    if (!snapshot_is_saving(node)) {
        snapshot_save(node);
    }
    /* The reply would only come when saving fails. */
    waiting_hold(node, call->session, HOLD_SAVE, MONO_NEVER);
}

void node_shutdown(struct node *node)
{
    if (node->is_shutting_down && node->config.save_point_count > 0) {
        node_log(node, LOG_WARNING, "asked to end a second time: ending without saving");
    }
    if (node->is_shutting_down || node->config.save_point_count == 0 || node->loading.is_on) {
        node->has_exited = true;
        node->env.exit(node->env.context, 0);
        return;
    }
    node_log(node, LOG_NOTICE, "asked to end: saving first");
    node->is_shutting_down = true;
    if (!snapshot_is_saving(node)) {
        snapshot_save(node);
    }
    node->has_work = true;
}

void control_info(struct node *node, struct call *call)
{
    struct buf text = {0};

    info_write(node, call->args + 1, call->arg_count - 1, &text);
    resp_write_verbatim(call->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

void control_object(struct node *node, struct call *call)
{
    reply_unknown_sub(node, call);
}

void control_object_help(struct node *node, struct call *call)
{
    static const char *const lines[] = {
        "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ENCODING <key>",
        "    Name the form in which the value of <key> is kept in memory.",
        "FREQ <key>",
        "    Tell how often <key> was used of late, on a logarithmic scale.",
        "IDLETIME <key>",
        "    Tell how many seconds have passed since <key> was last used.",
        "REFCOUNT <key>",
        "    Tell how many references the value of <key> has: always 1.",
        "HELP",
        "    Print this help.",
    };

    (void)node;
    reply_help(call, lines, ARRAY_COUNT(lines));
}

/* ---- DEBUG ------------------------------------------------------------------------------------ */

struct digest {
    uint64_t sum;
    unsigned db;
};

/* Summing up makes the order of keys irrelevant; an entry's own parts are chained. */
static void digest_entry(void *context, const struct entry *e)
{
    struct digest *digest = context;
    char scratch[NUM_I64_TEXT + 1];
    int64_t expire_at_ms = entry_expire_at_ms(e);
    uint64_t h = hash_bytes(entry_key(e), 1 + digest->db);

    h = hash_bytes(entry_string(e, scratch), h);
    digest->sum += hash_bytes(bytes_make(&expire_at_ms, sizeof(expire_at_ms)), h);
}

uint64_t node_digest(const struct node *node)
{
    struct digest digest = {0};
    unsigned databases = node->config.cluster_enabled ? 1 : (unsigned)node->config.databases;

    for (digest.db = 0; digest.db < databases; digest.db++) {
        uint64_t cursor = 0;

        do {
            cursor = keyspace_scan(node->keyspace, digest.db, cursor, 1000, digest_entry, &digest);
        } while (cursor != 0);
    }
    return digest.sum;
}

static void debug_help(struct call *call)
{
    static const char *const lines[] = {
        "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CHANGE-REPL-ID",
        "    Begin a new history, so that replicas need a full resync.",
        "CHECK",
        "    Assert the invariants of the key space; the server ends when one is broken.",
        "DIGEST",
        "    Return a checksum of the whole data, independent of order.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Whether expired keys are removed before somebody asks for them.",
    };

    reply_help(call, lines, ARRAY_COUNT(lines));
}

void control_debug(struct node *node, struct call *call)
{
    struct bytes sub = call->args[1];

    if (bytes_equal_nocase(sub, "DIGEST") && call->arg_count == 2) {
        resp_write_bulk_printf(call->reply, "%016llx", (unsigned long long)node_digest(node));
    } else if (bytes_equal_nocase(sub, "CHECK") && call->arg_count == 2) {
        node_check(node);
        resp_write_simple(call->reply, "OK");
    } else if (bytes_equal_nocase(sub, "SET-ACTIVE-EXPIRE") && call->arg_count == 3) {
        node->is_active_expire_on = !bytes_equal_text(call->args[2], "0");
        resp_write_simple(call->reply, "OK");
    } else if (bytes_equal_nocase(sub, "CHANGE-REPL-ID") && call->arg_count == 2) {
        struct history_id history = {0};

        if (!node->is_primary) {
            reply_error(node, call, "ERR only a primary has a history of its own");
            return;
        }
        rng_hex(&node->rng, history.text, HISTORY_ID_LEN);
        oplog_restart(node->log, history, oplog_end(node->log));
        node->stream_db = -1;
        primary_drop_feeds(node, "the history was changed by DEBUG");
        resp_write_simple(call->reply, "OK");
    } else if (bytes_equal_nocase(sub, "HELP")) {
        debug_help(call);
    } else {
        char shown[65];

        bytes_to_text(sub, shown, sizeof(shown));
        reply_error(node, call,
                    "ERR unknown subcommand or wrong number of arguments for '%s'. Try DEBUG HELP.",
                    shown);
    }
}
