/* SPDX-License-Identifier: MIT */
#include "node/upkeep.h"

#include "base/assert.h"
#include "node/inside.h"

enum {
    EXPIRE_BUDGET = 4000,         /* entries looked at in a slice */
    EXPIRE_MAX = 200,             /* keys and fields removed in a slice */
    UPKEEP_BUDGET = 1500,         /* entries' worth of work on the key space in a slice */
    LOG_SLACK_BYTES = 256 * 1024, /* beyond the backlog, at which the log is trimmed at once */
};

static bool is_idle_too_long(const struct node *node, const struct session *s)
{
    return node->config.timeout_s > 0 && !(s->flags & (SESSION_REPLICA | SESSION_HELD)) &&
           !replicas_is_peer(s) &&
           mono_ms_between(s->active_at, node->now.mono) > node->config.timeout_s * 1000;
}

static enum output_class class_of(const struct session *s)
{
    if (s->flags & SESSION_REPLICA) {
        return OUTPUT_REPLICA;
    }
    return (s->flags & SESSION_SUBSCRIBED) ? OUTPUT_PUBSUB : OUTPUT_NORMAL;
}

/* Above the hard limit at once, above the soft limit for longer than its time. */
static bool is_output_too_long(const struct node *node, struct session *s)
{
    const struct output_limit *limit = &node->config.output_limits[class_of(s)];
    size_t pending = session_output_pending(s);

    ASSERT(!session_is_closing(s));
    ASSERT(limit->hard_bytes == 0 || limit->soft_bytes == 0 || limit->soft_seconds >= 0);
    if (replicas_is_peer(s)) {
        return false; /* it asks for many clients: theirs hold where they are connected */
    }
    /* As in Redis the first block of output does not count: else a low limit would close every
     * client, and those who could raise it again. */
    pending = pending > UPKEEP_OUTPUT_FREE_BYTES ? pending - UPKEEP_OUTPUT_FREE_BYTES : 0;
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

bool upkeep_check_output(struct node *node, struct session *s)
{
    memory_limit_count_client(node, s);
    if (session_is_closing(s) || !is_output_too_long(node, s)) {
        return false;
    }
    counters_output_limit(&node->counters);
    node_log(node, LOG_WARNING, "client %s reads too slowly: %zu bytes of output wait",
             s->peer.address, session_output_pending(s));
    node_close_session(node, s, false);
    ASSERT(session_is_closing(s));
    return true;
}

static void check_session(struct node *node, struct session *s)
{
    ASSERT(!(s->flags & SESSION_CLOSED));
    if (session_is_closing(s)) {
        return;
    }
    if (is_idle_too_long(node, s)) {
        node_log(node, LOG_VERBOSE, "closing idle client %s", s->peer.address);
        node_close_session(node, s, false);
        return;
    }
    upkeep_check_output(node, s);
}

/* Each session once a second, a part of them at a time: ten thousand idle ones, which are in
 * no cache, must not hold up the others. */
static void check_sessions(struct node *node)
{
    size_t count = node->sessions.count / (size_t)node->config.hz + 1;
    struct list *all = &node->sessions.all;

    ASSERT(node->config.hz > 0);
    for (struct list *item; count > 0 && !list_is_empty(all); count--) {
        item = node->upkeep.next_checked != NULL ? node->upkeep.next_checked : all->next;
        ASSERT(list_is_linked(item) && item != all);
        node->upkeep.next_checked = item->next != all ? item->next : NULL;
        check_session(node, CONTAINER_OF(item, struct session, all));
    }
}

void upkeep_forget_session(struct node *node, const struct session *s)
{
    if (node->upkeep.next_checked == &s->all) {
        node->upkeep.next_checked = s->all.next != &node->sessions.all ? s->all.next : NULL;
    }
    ASSERT(node->upkeep.next_checked != &s->all);
}

static void note_expired(struct node *node, size_t removed, bool has_more, int64_t took_ns)
{
    struct upkeep *upkeep = &node->upkeep;
    uint64_t left = keyspace_expire_count_all(node->data.keyspace);

    ASSERT(removed <= EXPIRE_MAX);
    ASSERT(took_ns >= 0);
    upkeep->expire_ns += (uint64_t)took_ns;
    slow_note_work(node, LATENCY_EXPIRE_CYCLE, took_ns);
    upkeep->expire_cut_short += has_more;
    upkeep->expire_stale_percent =
        removed > 0 ? 100.0 * (double)removed / (double)(removed + left) : 0.0;
}

/* Only a primary removes expired keys and fields; each call removes those of one database.  True when there are
 * more. */
static bool expire_slice(struct node *node)
{
    int64_t began_ns;
    size_t removed;
    bool has_more;

    if (!journal_is_open(node) || !node->upkeep.is_expiring || load_is_at_start(&node->loading) ||
        node->pauses.scope != PAUSE_NOTHING) {
        return false;
    }
    if (!keyspace_can_expire(node->data.keyspace)) {
        node->upkeep.expire_stale_percent = 0;
        return false;
    }
    ASSERT(node->role.is_primary);
    began_ns = node->env.mono_ns(node->env.context);
    removed = call_expire(node, EXPIRE_BUDGET, EXPIRE_MAX, &has_more);
    note_expired(node, removed, has_more, node->env.mono_ns(node->env.context) - began_ns);
    return has_more;
}

/* What the disk has need not be in memory for those who will read it. */
static uint64_t unless_on_disk(const struct node *node, uint64_t offset)
{
    bool is_there = offset < oplog_end(node->journal.log) && disk_log_is_on(&node->disk_log) &&
                    (offset >= node->disk_log.durable || disk_feed_has(node, offset));

    return is_there ? UINT64_MAX : offset;
}

void upkeep_trim_log(struct node *node)
{
    uint64_t keep_from = replicas_keep_from(node);
    uint64_t others[] = {image_keep_from(node), sync_file_keep_from(node),
                         move_source_keep_from(&node->move_source), disk_log_keep_from(node)};
    int64_t began_ns;

    others[0] = unless_on_disk(node, others[0]);
    others[1] = unless_on_disk(node, others[1]);
    others[2] = unless_on_disk(node, others[2]);
    keep_from = unless_on_disk(node, keep_from);
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        keep_from = others[i] < keep_from ? others[i] : keep_from;
    }
    ASSERT(keep_from == UINT64_MAX || keep_from <= oplog_end(node->journal.log));
    began_ns = slow_begin_work(node);
    journal_trim(node, keep_from);
    slow_end_work(node, LATENCY_LOG_TRIM, began_ns);
}

void upkeep_trim_long_log(struct node *node)
{
    uint64_t len = oplog_end(node->journal.log) - oplog_start(node->journal.log);

    if (len > (uint64_t)node->config.repl_backlog_size + LOG_SLACK_BYTES) {
        upkeep_trim_log(node);
    }
}

static void tidy_up(struct node *node)
{
    int64_t began_ns = slow_begin_work(node);

    node->upkeep.has_more = keyspace_work(node->data.keyspace, UPKEEP_BUDGET);
    slow_end_work(node, LATENCY_KEY_SPACE_WORK, began_ns);
    pass_note_work_if(&node->pass, node->upkeep.has_more);
}

static void strike(struct node *node)
{
    ASSERT(!node->upkeep.is_paused);
    node->upkeep.at = mono_add_ms(node->now.mono, 1000 / node->config.hz);
    check_sessions(node);
    counters_look(&node->counters, node->now.mono);
    hot_side_tick(node);
    (void)data_note_memory(node);
    primary_tick(node);
    upkeep_trim_log(node);
    saving_check_points(node);
    node->upkeep.has_expired = true;
    own_expiry_round(node);
    node->upkeep.has_more = true;
    ASSERT(mono_is_before(node->now.mono, node->upkeep.at));
}

void upkeep_run(struct node *node)
{
    if (mono_is_due(node->upkeep.at, node->now.mono) && !node->upkeep.is_paused) {
        strike(node);
    }
    if (node->upkeep.has_expired && !node->upkeep.is_paused) {
        node->upkeep.has_expired = expire_slice(node);
        pass_note_work_if(&node->pass, node->upkeep.has_expired);
    }
    if (!node->upkeep.is_paused) {
        memory_limit_run(node);
    }
    if (node->upkeep.has_more) {
        tidy_up(node);
    }
}

struct mono_time upkeep_wake_at(const struct node *node)
{
    return node->upkeep.is_paused ? MONO_NEVER : node->upkeep.at;
}

/* ---- for commands ----------------------------------------------------------------------------- */

void upkeep_init(struct node *node)
{
    ASSERT(!node->upkeep.is_expiring);
    ASSERT(node->upkeep.next_checked == NULL);
    node->upkeep.is_expiring = true;
}

void upkeep_pause(struct node *node, bool is_paused)
{
    node->upkeep.is_paused = is_paused;
}

void upkeep_set_expiring(struct node *node, bool is_expiring)
{
    node->upkeep.is_expiring = is_expiring;
}

void upkeep_reset_stats(struct node *node)
{
    node->upkeep.expire_stale_percent = 0;
    node->upkeep.expire_cut_short = 0;
    node->upkeep.expire_ns = 0;
}

void upkeep_check(const struct node *node)
{
    const struct upkeep *upkeep = &node->upkeep;
    bool is_listed = upkeep->next_checked == NULL;

    LIST_FOR_EACH (item, &node->sessions.all) {
        is_listed = is_listed || item == upkeep->next_checked;
    }
    ASSERT(is_listed);
    ASSERT(upkeep->expire_stale_percent >= 0 && upkeep->expire_stale_percent <= 100);
}
