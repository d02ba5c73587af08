/* SPDX-License-Identifier: MIT */
#include "node/reload.h"

#include "base/assert.h"
#include "node/inside.h"

bool reload_is_blocked(const struct node *node)
{
    return node->loading.phase != LOAD_IDLE || saving_is_on(node);
}

const char *reload_now(struct node *node, unsigned options)
{
    enum load_mode mode = (options & RELOAD_NOFLUSH) == 0 ? LOAD_REPLACE
                          : (options & RELOAD_MERGE) != 0 ? LOAD_MERGE
                                                          : LOAD_ADD;
    struct errmsg error = {0};

    ASSERT(node->loading.phase == LOAD_IDLE);
    if (!load_file_again(node, mode, &error)) {
        node_log(node, LOG_WARNING, "DEBUG RELOAD: %s", error.text);
        return "Error trying to load the RDB dump, check server logs.";
    }
    if ((options & RELOAD_NOSAVE) != 0) {
        ASSERT(node->role.is_primary); /* a replica's data is its primary's */
        journal_begin_history(node);
        replicas_drop_all(node, "the data was replaced by DEBUG RELOAD");
    }
    node_log(node, LOG_WARNING, "DEBUG RELOAD: loaded %s", node->config.dbfilename);
    return NULL;
}

void reload_begin(struct node *node, struct session *s, unsigned options)
{
    ASSERT(!node->reload.is_on);
    ASSERT((options & RELOAD_NOSAVE) == 0);
    ASSERT(!reload_is_blocked(node));
    node->reload = (struct reload){.is_on = true, .options = options};
    waiting_pause(node, PAUSE_FOR_RELOAD, MONO_NEVER, PAUSE_ALL);
    saving_save(node);
    waiting_hold(node, s, HOLD_RELOAD, MONO_NEVER);
}

void reload_saved(struct node *node, bool is_ok)
{
    unsigned options = node->reload.options;
    const char *problem = "saving failed, see the server's log";

    if (!node->reload.is_on) {
        return;
    }
    if (is_ok && node->loading.phase != LOAD_IDLE) {
        problem = "the data is being replaced by a full resync";
    } else if (is_ok && node->journal.changes > 0) {
        /* Clients were held, our primary was not: the file lacks what the log has. */
        problem = "the data has changed since it was saved";
    } else if (is_ok) {
        problem = reload_now(node, options);
    }
    node->reload = (struct reload){0};
    waiting_on_file(node, HOLD_RELOAD, problem);
    waiting_unpause(node, PAUSE_FOR_RELOAD);
    ASSERT(!node->reload.is_on);
}

void reload_check(const struct node *node)
{
    enum pause_scope scope = node->pauses.by_reason[PAUSE_FOR_RELOAD].scope;

    ASSERT(scope == (node->reload.is_on ? PAUSE_ALL : PAUSE_NOTHING));
    ASSERT(!node->reload.is_on || saving_is_on(node) || node->saving.outcome != SAVING_NO_OUTCOME);
}
