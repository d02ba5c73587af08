/* SPDX-License-Identifier: MIT */
/* Work by the clock: what has to happen hz times a second whether or not clients come. */
#include "node/state.h"

enum {
    EXPIRE_BUDGET = 4000,          /* entries looked at in a slice */
    EXPIRE_MAX = 200,              /* keys removed in a slice */
    UPKEEP_BUDGET = 1500,          /* entries' worth of work on the key space in a slice */
    OUTPUT_FREE_BYTES = 16 * 1024, /* of a client's output no limit counts */
};

static bool is_idle_too_long(const struct node *node, const struct session *s)
{
    return node->config.timeout_s > 0 && !(s->flags & (SESSION_REPLICA | SESSION_HELD)) &&
           mono_ms_between(s->active_at, node->now.mono) > node->config.timeout_s * 1000;
}

/* Above the hard limit at once, above the soft limit for longer than its time. */
static bool is_output_too_long(const struct node *node, struct session *s)
{
    bool is_replica = (s->flags & SESSION_REPLICA) != 0;
    const struct output_limit *limit =
        &node->config.output_limits[is_replica ? OUTPUT_REPLICA : OUTPUT_NORMAL];
    size_t pending = session_output_pending(s);

    /* As in Redis the first block of output does not count: else a low limit would close every
     * client, and those who could raise it again. */
    pending = pending > OUTPUT_FREE_BYTES ? pending - OUTPUT_FREE_BYTES : 0;
    if (limit->hard_bytes > 0 && pending > limit->hard_bytes) {
        return true;
    }
    if (limit->soft_bytes == 0 || pending <= limit->soft_bytes) {
        s->over_soft_limit_at = (struct mono_time){0};
        return false;
    }
    if (s->over_soft_limit_at.us == 0) {
        s->over_soft_limit_at = node->now.mono;
    }
    return mono_ms_between(s->over_soft_limit_at, node->now.mono) > limit->soft_seconds * 1000;
}

bool node_output_is_too_long(struct node *node, struct session *s)
{
    if (session_is_closing(s) || !is_output_too_long(node, s)) {
        return false;
    }
    node->stats.output_limit_disconnections++;
    node_log(node, LOG_WARNING, "client %s reads too slowly: %zu bytes of output wait",
             s->peer.address, session_output_pending(s));
    node_close_session(node, s, false);
    return true;
}

static void check_session(struct node *node, struct session *s)
{
    if (session_is_closing(s)) {
        return;
    }
    if (is_idle_too_long(node, s)) {
        node_log(node, LOG_VERBOSE, "closing idle client %s", s->peer.address);
        node_close_session(node, s, false);
        return;
    }
    node_output_is_too_long(node, s);
}

/* Each session once a second, a part of them at a time: ten thousand idle ones, which are in
 * no cache, must not hold up the others. */
static void check_sessions(struct node *node)
{
    size_t count = node->sessions.count / (size_t)node->config.hz + 1;
    struct list *all = &node->sessions.all;

    for (struct list *item; count > 0 && !list_is_empty(all); count--) {
        item = node->next_checked != NULL ? node->next_checked : all->next;
        node->next_checked = item->next != all ? item->next : NULL;
        check_session(node, CONTAINER_OF(item, struct session, all));
    }
}

void cron_forget_session(struct node *node, const struct session *s)
{
    if (node->next_checked == &s->all) {
        node->next_checked = s->all.next != &node->sessions.all ? s->all.next : NULL;
    }
}

static void look_at_rates(struct node *node)
{
    struct node_stats *stats = &node->stats;
    int64_t ms = mono_ms_between(stats->rates_at, node->now.mono);

    if (ms < 100) {
        return;
    }
    rate_look(&stats->commands_rate, stats->commands, ms);
    rate_look(&stats->input_rate, stats->net_input_bytes, ms);
    rate_look(&stats->output_rate, stats->net_output_bytes, ms);
    rate_look(&stats->repl_input_rate, stats->repl_input_bytes, ms);
    rate_look(&stats->repl_output_rate, stats->repl_output_bytes, ms);
    stats->rates_at = node->now.mono;
}

static void note_expired(struct node *node, size_t removed, int64_t took_ns)
{
    struct node_stats *stats = &node->stats;
    uint64_t left = keyspace_expire_count_all(node->keyspace);

    stats->expire_ns += (uint64_t)took_ns;
    stats->expire_cut_short += removed == EXPIRE_MAX;
    stats->expire_stale_percent =
        removed > 0 ? 100.0 * (double)removed / (double)(removed + left) : 0.0;
}

/* Only a primary removes expired keys; each call removes those of one database. */
bool node_expire_slice(struct node *node)
{
    struct exec x = node_exec(node, 0);
    int64_t began_ns;
    size_t removed;

    if (!commit_is_allowed(node) || !node->is_active_expire_on || node->loading.is_on ||
        node->pauses.scope != PAUSE_NOTHING) {
        return false;
    }
    if (keyspace_expire_count_all(node->keyspace) == 0) {
        node->stats.expire_stale_percent = 0;
        return false;
    }
    began_ns = node->env.mono_ns(node->env.context);
    effects_begin(&node->effects, (struct bytes){0}, NULL, 0);
    removed = exec_expire(&x, EXPIRE_BUDGET, EXPIRE_MAX);
    commit_effects(node, &node->effects, x.db);
    note_expired(node, removed, node->env.mono_ns(node->env.context) - began_ns);
    return removed == EXPIRE_MAX;
}

/* What the clock has begun goes on in each pass until there is nothing left to do. */
static void upkeep_slice(struct node *node)
{
    node->has_upkeep = keyspace_work(node->keyspace, UPKEEP_BUDGET);
    node->has_work = node->has_upkeep || node->has_work;
}

static void run_by_clock(struct node *node)
{
    node->cron_at = mono_add_ms(node->now.mono, 1000 / node->config.hz);
    check_sessions(node);
    look_at_rates(node);
    (void)node_note_memory(node);
    primary_cron(node);
    commit_trim_log(node);
    snapshot_check_save_points(node);
    node->has_work = node_expire_slice(node) || node->has_work;
    own_expiry_round(node);
    node->has_upkeep = true;
}

void cron_run(struct node *node)
{
    if (mono_is_due(node->cron_at, node->now.mono) && !node->is_cron_paused) {
        run_by_clock(node);
    }
    if (node->has_upkeep) {
        upkeep_slice(node);
    }
}
