/* SPDX-License-Identifier: MIT */
/* The orderly end of a node, asked for by SHUTDOWN or a signal.
 *
 *     asked --> writes are held --> replicas have what there is --> saved --> exit
 *                                   (or shutdown-timeout is over)     |
 *                    go on as before <--- ABORT, or saving failed <---+
 *
 * Writes are held first, so that whatever was acknowledged is in the last image and in the replicas.
 * Who asked is answered only when the end does not come; else the connection closes.
 *
 * A supervisor may send SIGTERM again, or to an end that SHUTDOWN began: that changes nothing.  SIGINT
 * comes from somebody who waits at a terminal: the second one ends at once, without saving. */
#include "node/state.h"

#include "base/assert.h"

static bool read_word(struct bytes word, struct ending *out)
{
    if (bytes_equal_nocase(word, "NOSAVE")) {
        out->save = ENDING_NOSAVE;
    } else if (bytes_equal_nocase(word, "SAVE")) {
        out->save = ENDING_SAVE;
    } else if (bytes_equal_nocase(word, "NOW")) {
        out->is_now = true;
    } else if (bytes_equal_nocase(word, "FORCE")) {
        out->is_forced = true;
    } else {
        return false;
    }
    return true;
}

static void leave(struct node *node, int code)
{
    node->has_exited = true;
    node->env.exit(node->env.context, code);
}

static void give_up(struct node *node)
{
    node->ending = (struct ending){0};
    waiting_on_file(node, HOLD_END, "Errors trying to SHUTDOWN. Check logs.");
    waiting_unpause(node, PAUSE_FOR_END);
}

static bool wants_save(const struct node *node)
{
    if (node->loading.is_on || node->ending.save == ENDING_NOSAVE) {
        return false;
    }
    return node->ending.save == ENDING_SAVE || node->config.save_point_count > 0;
}

/* A save that is under way began before the writes were held: another one follows it. */
static void save_or_leave(struct node *node)
{
    node->ending.phase = ENDING_SAVING;
    if (wants_save(node)) {
        node_log(node, LOG_NOTICE, "saving before the end");
        snapshot_save(node);
    } else {
        leave(node, 0);
    }
}

static size_t lagging_count(const struct node *node)
{
    uint64_t end = oplog_end(node->log);
    size_t count = 0;

    for (size_t i = 0; i < node->feed_count; i++) {
        const struct feed *feed = node->feeds[i];

        count += feed->phase == FEED_ONLINE && !session_is_closing(feed_session(feed)) &&
                 feed->acked_offset < end;
    }
    return count;
}

void shutdown_step(struct node *node)
{
    struct ending *ending = &node->ending;

    if (ending->phase != ENDING_WAITING) {
        return;
    }
    if (lagging_count(node) == 0) {
        save_or_leave(node);
    } else if (ending->is_now || mono_is_due(ending->until, node->now.mono)) {
        node_log(node, LOG_WARNING, "%zu replicas have not acknowledged everything",
                 lagging_count(node));
        save_or_leave(node);
    }
}

/* ending holds the options. */
static void begin(struct node *node)
{
    struct ending *ending = &node->ending;
    int64_t timeout_ms = node->is_primary ? node->config.shutdown_timeout_s * 1000 : 0;

    waiting_pause(node, PAUSE_FOR_END, MONO_NEVER, PAUSE_WRITES);
    ending->phase = ENDING_WAITING;
    ending->until = mono_add_ms(node->now.mono, timeout_ms);
    if (!ending->is_now && timeout_ms > 0 && lagging_count(node) > 0) {
        node_log(node, LOG_NOTICE, "waiting for %zu replicas before the end", lagging_count(node));
        node->wants_acks = true;
    }
    shutdown_step(node);
}

void shutdown_saved(struct node *node, bool is_ok)
{
    /* The one that is still wanted is ours. */
    if (node->ending.phase != ENDING_SAVING || node->saving.is_wanted) {
        return;
    }
    if (is_ok || node->ending.is_forced) {
        leave(node, 0);
        return;
    }
    node_log(node, LOG_WARNING,
             "not ending, since the data could not be saved; SHUTDOWN NOSAVE ends without");
    give_up(node);
}

static void abort_ending(struct node *node, struct call *call)
{
    if (node->has_exited) {
        waiting_hold(node, call->session, HOLD_END,
                     MONO_NEVER); /* too late: it closes with the others */
        return;
    }
    if (node->ending.phase == ENDING_NOT) {
        reply_error(node, call, "ERR No shutdown in progress.");
        return;
    }
    node_log(node, LOG_NOTICE, "the end was called off by %s", call->session->peer.address);
    give_up(node);
    resp_write_ok(call->reply);
}

void control_shutdown(struct node *node, struct call *call)
{
    struct ending options = {0};
    enum ending_save first = ENDING_DEFAULT;
    size_t aborts = 0;

    for (size_t i = 1; i < call->arg_count; i++) {
        bool is_abort = bytes_equal_nocase(call->args[i], "ABORT");

        if ((!is_abort && !read_word(call->args[i], &options)) ||
            (first != ENDING_DEFAULT && options.save != first)) {
            reply_error(node, call, "ERR syntax error");
            return;
        }
        first = options.save;
        aborts += is_abort;
    }
    if (aborts > 0 && aborts < call->arg_count - 1) {
        reply_error(node, call, "ERR syntax error");
        return;
    }
    if (aborts > 0) {
        abort_ending(node, call);
        return;
    }
    node_log(node, LOG_NOTICE, "SHUTDOWN asked for by %s", call->session->peer.address);
    node->ending = options;
    waiting_hold(node, call->session, HOLD_END, MONO_NEVER);
    begin(node);
}

void node_shutdown(struct node *node, bool is_interrupt)
{
    struct buf text = {0};
    struct bytes rest;
    struct ending options = {0};

    if (node->ending.phase != ENDING_NOT && !is_interrupt) {
        node_log(node, LOG_NOTICE, "asked to end by a signal, and ending already");
        return;
    }
    if (node->ending.phase != ENDING_NOT) {
        node_log(node, LOG_WARNING, "interrupted while ending: ending at once, without saving");
        leave(node, 1);
        return;
    }
    config_get(&node->config, is_interrupt ? "shutdown-on-sigint" : "shutdown-on-sigterm", &text);
    rest = buf_bytes(&text);
    for (struct bytes word = bytes_next_word(&rest, ' '); word.len > 0;
         word = bytes_next_word(&rest, ' ')) {
        (void)read_word(word, &options); /* "default" is none of them */
    }
    buf_deinit(&text);
    node_log(node, LOG_NOTICE, "asked to end by a signal");
    node->ending = options;
    begin(node);
    node->has_work = true;
}
