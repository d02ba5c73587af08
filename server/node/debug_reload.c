/* SPDX-License-Identifier: MIT */
/* DEBUG RELOAD: the data is saved and read back, by what saves and loads it always.
 *
 *     RELOAD        pause all clients --> save --> load into a new key space --> go on
 *     NOSAVE                                       load what lies there
 *
 * The save is the one that runs beside the commands, so nobody may write meanwhile; the loading is
 * done at once. */
#include "node/debug.h"
#include "node/state.h"

enum reload_option {
    RELOAD_NOSAVE = 1 << 0,
    RELOAD_NOFLUSH = 1 << 1,
    RELOAD_MERGE = 1 << 2,
};

static bool parse_options(const struct call *call, unsigned *options)
{
    *options = 0;
    for (size_t i = 2; i < call->arg_count; i++) {
        if (bytes_equal_nocase(call->args[i], "NOSAVE")) {
            *options |= RELOAD_NOSAVE;
        } else if (bytes_equal_nocase(call->args[i], "NOFLUSH")) {
            *options |= RELOAD_NOFLUSH;
        } else if (bytes_equal_nocase(call->args[i], "MERGE")) {
            *options |= RELOAD_MERGE;
        } else {
            return false;
        }
    }
    return true;
}

/* NULL, or what to tell the client. */
static const char *load(struct node *node, unsigned options)
{
    enum load_mode mode = (options & RELOAD_NOFLUSH) == 0 ? LOAD_REPLACE
                          : (options & RELOAD_MERGE) != 0 ? LOAD_MERGE
                                                          : LOAD_ADD;
    struct errmsg error = {0};

    if (!load_file_again(node, mode, &error)) {
        node_log(node, LOG_WARNING, "DEBUG RELOAD: %s", error.text);
        return "Error trying to load the RDB dump, check server logs.";
    }
    if ((options & RELOAD_NOSAVE) != 0) {
        debug_begin_history(node, "the data was replaced by DEBUG RELOAD");
    }
    node_log(node, LOG_WARNING, "DEBUG RELOAD: loaded %s", node->config.dbfilename);
    return NULL;
}

void debug_reload(struct node *node, struct call *call)
{
    unsigned options;
    const char *problem;

    if (!parse_options(call, &options)) {
        reply_error(node, call,
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    } else if (node->loading.reader != NULL || snapshot_is_saving(node)) {
        reply_error(node, call, "ERR Background save already in progress");
    } else if ((options & RELOAD_NOSAVE) == 0) {
        node->reload = (struct reload){.is_on = true, .options = options};
        waiting_pause(node, PAUSE_FOR_RELOAD, MONO_NEVER, PAUSE_ALL);
        snapshot_save(node);
        waiting_hold(node, call->session, HOLD_RELOAD, MONO_NEVER);
    } else if (!node->is_primary) {
        reply_error(node, call, "ERR a replica's data is its primary's: NOSAVE needs a primary");
    } else if ((problem = load(node, options)) != NULL) {
        reply_error(node, call, "ERR %s", problem);
    } else {
        resp_write_ok(call->reply);
    }
}

void debug_reload_saved(struct node *node, bool is_ok)
{
    unsigned options = node->reload.options;
    const char *problem = "saving failed, see the server's log";

    if (!node->reload.is_on) {
        return;
    }
    if (is_ok && node->loading.reader != NULL) {
        problem = "the data is being replaced by a full resync";
    } else if (is_ok) {
        problem = load(node, options);
    }
    node->reload = (struct reload){0};
    waiting_on_file(node, HOLD_RELOAD, problem);
    waiting_unpause(node, PAUSE_FOR_RELOAD);
}
