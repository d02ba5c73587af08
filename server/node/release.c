/* SPDX-License-Identifier: MIT */
#include "node/release.h"

#include "base/assert.h"
#include "node/copy_lapses.h"
#include "node/inside.h"

void release_init(struct node *node)
{
    list_init(&node->release.waiting);
}

static void begin_waiting(struct node *node, struct session *s, bool is_for_disk)
{
    s->flags |= is_for_disk ? SESSION_AWAITS_DISK : 0U;
    if (!list_is_linked(&s->barred)) {
        list_add_tail(&node->release.waiting, &s->barred);
        node->release.waiting_count++;
        s->barred_at = node->now.mono;
    }
}

static void end_waiting(struct node *node, struct session *s)
{
    if (list_is_linked(&s->barred)) {
        ASSERT(node->release.waiting_count > 0);
        list_remove(&s->barred);
        node->release.waiting_count--;
        s->flags &= ~(uint32_t)SESSION_AWAITS_DISK;
    }
}

void release_forget(struct node *node, struct session *s)
{
    end_waiting(node, s);
}

/* A pass may have been stopped between its first command and now: the clock is read now.  What was written without a
 * lease must not be acknowledged; nor what waits since then, by one that has let its last slot go meanwhile. */
static bool may_leave(struct node *node)
{
    struct moment now;

    if (node->cluster == NULL || (!node->pass.has_writes && !journal_needs_lease(node) &&
                                  !node->release.is_waited_for_under_lease)) {
        return true;
    }
    now = node->env.now(node->env.context);
    ASSERT(now.mono.us >= node->now.mono.us);
    return cluster_lease_lasts(node->cluster, now.mono);
}

bool release_may_write(const struct node *node)
{
    int64_t end_us = node->release.lease_end.us;

    return end_us == 0 || node->env.mono_ns(node->env.context) / 1000 < end_us;
}

void release_note_lease(struct node *node)
{
    struct mono_time end = cluster_lease_end(node->cluster, node->now.mono);

    if (mono_is_before(node->release.lease_end, end)) {
        node->release.lease_end = end;
    }
}

void release_begin(struct node *node)
{
    node->release.lease_end = (struct mono_time){0};
    if (node->cluster != NULL) {
        release_note_lease(node);
    }
}

/* Was the lease held while the pass went on, and is its time over now?  The process may have stood still in between, and reads
 * as well as writes may then show what another node has changed since. */
static bool has_run_out(struct node *node)
{
    return !list_is_empty(&node->sessions.touched) && !release_may_write(node);
}

void release_withhold(struct node *node, struct session *s)
{
    if ((s->flags & (SESSION_REPLICA | SESSION_CLOSE_NOW)) == 0 && output_pending(&s->output) > 0) {
        counters_lease_dropped(&node->counters);
        s->flags |= SESSION_CLOSE_NOW;
        end_waiting(node, s);
    }
}

static void drop(struct node *node, struct session *s)
{
    counters_lease_dropped(&node->counters);
    s->flags |= SESSION_CLOSE_NOW;
    end_waiting(node, s);
    node_touch(node, s);
}

/* Up to where does the log hold what the session may be told? */
static uint64_t safe_for(const struct node *node, const struct session *s, bool holds)
{
    uint64_t shown = sync_side_limit(node, s);
    uint64_t copied = lending_limit(&node->lending);
    uint64_t safe = copied < shown ? copied : shown;
    uint64_t durable = disk_log_durable(node);

    return (holds || (s->flags & SESSION_AWAITS_DISK)) && durable < safe ? durable : safe;
}

/* Open what may leave of a session with barriers. */
static void open_barriers(struct node *node, struct session *s, bool holds)
{
    size_t before = s->output.barriers.count;

    output_open(&s->output, safe_for(node, s, holds));
    if (s->output.barriers.count == 0) {
        end_waiting(node, s);
        return;
    }
    begin_waiting(node, s, holds);
    if (s->output.barriers.count < before) {
        s->barred_at = node->now.mono;
    }
}

/* Can what waits for the disk ever be durable? */
static bool can_become_durable(const struct node *node)
{
    return disk_log_is_on(&node->disk_log) && node->disk_log.is_based;
}

/* It has waited for replicas long enough.  What it was answered first is told as nobody knows what becomes of it, and what
 * stands behind that not at all. */
static void give_up(struct node *node, struct session *s)
{
    struct resp_writer reply = session_writer(s);

    output_cut_barred(&s->output);
    resp_write_error(&reply, "UNKNOWN What was executed is not known to be on as many replicas as "
                             "sync-replicas asks for: it may be kept or lost.  The connection is "
                             "closed.");
    output_pass_rest(&s->output);
    sync_side_note_given_up(node);
    end_waiting(node, s);
    node_close_session(node, s, true);
    node_touch(node, s);
}

/* Whoever keeps what it has read, or listens, hears of a write before the one who wrote it. */
static void touch(struct node *node, struct session *s)
{
    if (s->tracker != NULL || (s->flags & SESSION_SUBSCRIBED)) {
        session_touch_first(&node->sessions, s);
    } else {
        node_touch(node, s);
    }
}

/* Those who waited before this pass. */
static void look_at_waiting(struct node *node, bool is_allowed, bool holds)
{
    bool is_hopeless = !can_become_durable(node);

    LIST_FOR_EACH_SAFE (item, &node->release.waiting) {
        struct session *s = CONTAINER_OF(item, struct session, barred);

        ASSERT(s->output.barriers.count > 0); /* (1) */
        if (!is_allowed || (is_hopeless && (s->flags & SESSION_AWAITS_DISK))) {
            drop(node, s);
        } else if (s->output.barriers.items[0].offset <= safe_for(node, s, holds)) {
            open_barriers(node, s, holds);
            touch(node, s);
        } else if (s->output.barriers.items[0].offset > sync_side_limit(node, s) &&
                   sync_side_is_over(node, s->barred_at)) {
            give_up(node, s);
        }
    }
}

/* Does everything that the session is told wait for all that was changed?  What it is told without having asked comes from
 * anywhere; and while somebody keeps what it has read, nobody may hear of a write before that one does: whose replies of this pass
 * tell of keys, which wait already for what was changed before them, waits for what was changed behind them, too. */
static bool is_barred_whole(const struct node *node, const struct session *s)
{
    bool is_lent = lending_limit(&node->lending) != UINT64_MAX;
    bool is_anybody_tracking = tracking_is_on(&node->invalidation.tracking);

    if (!node->sync_side.is_on && !is_lent) {
        return false;
    }
    return (s->flags & SESSION_SUBSCRIBED) || s->tracker != NULL ||
           (is_anybody_tracking && (is_lent || output_is_barred_in(&s->output, node->pass.number)));
}

static void look_at_touched(struct node *node, bool is_allowed, bool holds)
{
    uint64_t end =
        node->sync_side.is_on ? node->sync_side.last_change : oplog_end(node->journal.log);

    LIST_FOR_EACH (item, &node->sessions.touched) {
        struct session *s = CONTAINER_OF(item, struct session, touched);

        if (s->flags & (SESSION_REPLICA | SESSION_CLOSE_NOW)) {
            continue; /* (2) */
        }
        if (lending_is_control(node, s)) {
            output_pass_rest(&s->output);
        } else if (holds || is_barred_whole(node, s)) {
            output_bar_rest(&s->output, end, node->pass.number);
        } else {
            output_pass_rest(&s->output);
        }
        if (s->output.barriers.count == 0) {
            continue;
        }
        if (!is_allowed) {
            drop(node, s);
        } else {
            open_barriers(node, s, holds);
        }
    }
}

/* Of those that are told anything in this pass nobody knows whether it is still true, or of those of them that keep what they
 * have read. */
static void drop_touched(struct node *node, bool is_of_trackers_alone)
{
    LIST_FOR_EACH_SAFE (item, &node->sessions.touched) {
        struct session *s = CONTAINER_OF(item, struct session, touched);

        if ((s->flags & (SESSION_REPLICA | SESSION_CLOSE_NOW)) == 0 &&
            output_pending(&s->output) > 0 && (s->tracker != NULL || !is_of_trackers_alone)) {
            drop(node, s);
        }
    }
}

static void hand_over_touched(struct node *node)
{
    while (!list_is_empty(&node->sessions.touched)) {
        struct session *s = CONTAINER_OF(node->sessions.touched.next, struct session, touched);

        /* Before it leaves the list, so that closing it does not put it there once more. */
        if (UNLIKELY(upkeep_output_matters(s))) {
            (void)upkeep_check_output(node, s);
        }
        node->env.session_touched(node->env.context, session_take_touched(&node->sessions));
    }
}

static void note_waiting(struct node *node)
{
    struct release *r = &node->release;

    r->is_waited_for_under_lease =
        r->waiting_count > 0 && (r->is_waited_for_under_lease || r->lease_end.us != 0);
}

void release_run(struct node *node)
{
    bool holds = disk_log_holds_replies(node);
    bool is_waited = !list_is_empty(&node->release.waiting);

    ASSERT(!node->journal.is_in_transaction);
    if (UNLIKELY(holds || is_waited || node->sync_side.is_on || node->lending.is_on) ||
        node->pass.has_writes) {
        bool is_allowed = may_leave(node);

        if (is_waited) {
            look_at_waiting(node, is_allowed, holds);
        }
        look_at_touched(node, is_allowed, holds);
        note_waiting(node);
    }
    if (UNLIKELY(has_run_out(node))) {
        drop_touched(node, false);
    } else if (UNLIKELY(copy_lapses_are_due(node))) {
        drop_touched(node, true);
    }
    hand_over_touched(node);
}

void release_on_demotion(struct node *node)
{
    ASSERT(!node->role.is_primary);
    LIST_FOR_EACH_SAFE (item, &node->release.waiting) {
        drop(node, CONTAINER_OF(item, struct session, barred));
    }
    node->release.is_waited_for_under_lease = false;
}

int64_t release_oldest_ms(const struct node *node)
{
    int64_t oldest_ms = 0;

    LIST_FOR_EACH (item, &node->release.waiting) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, barred);
        int64_t ms = mono_ms_between(s->barred_at, node->now.mono);

        oldest_ms = ms > oldest_ms ? ms : oldest_ms;
    }
    return oldest_ms;
}

void release_check(const struct node *node)
{
    size_t count = 0;

    LIST_FOR_EACH (item, &node->release.waiting) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, barred);

        ASSERT(s->output.barriers.count > 0);      /* (1) */
        ASSERT((s->flags & SESSION_REPLICA) == 0); /* (2) */
        count++;
    }
    ASSERT(count == node->release.waiting_count); /* (3) */
    LIST_FOR_EACH (item, &node->sessions.all) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, all);

        /* (1), but for what this pass has still to look at */
        ASSERT(s->output.barriers.count == 0 || list_is_linked(&s->barred) ||
               list_is_linked(&s->touched) || (s->flags & SESSION_CLOSE_NOW));
    }
}
