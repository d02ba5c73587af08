/* SPDX-License-Identifier: MIT */
#include "node/ending.h"

#include "base/assert.h"
#include "base/phases.h"
#include "cluster/admin.h"
#include "node/inside.h"

enum {
    HAND_OVER_MAX_MS = 3000, /* longer than the cluster tries */
    SEND_ON_MS = 200,        /* for clients that have asked before they know */
    LEAVE_COUNCIL_MS = 5000, /* for the only seat of a council to become another node's */
    COUNCIL_POLL_MS = 20,
    HEIR_POLL_MS = 10,
};

static const uint32_t allowed[] = {
    [ENDING_NOT] = PHASE_TO(ENDING_WAITING),
    [ENDING_WAITING] = PHASE_TO(ENDING_HANDING_OVER) | PHASE_TO(ENDING_SAVING) |
                       PHASE_TO(ENDING_LOG) | PHASE_TO(ENDING_NOT),
    [ENDING_HANDING_OVER] =
        PHASE_TO(ENDING_WAITING) | PHASE_TO(ENDING_SENDING_ON) | PHASE_TO(ENDING_NOT),
    [ENDING_SENDING_ON] = PHASE_TO(ENDING_SAVING) | PHASE_TO(ENDING_LOG) | PHASE_TO(ENDING_NOT),
    [ENDING_SAVING] = PHASE_TO(ENDING_LOG) | PHASE_TO(ENDING_NOT),
    [ENDING_LOG] = PHASE_TO(ENDING_NOT),
};

static void move(struct node *node, enum ending_phase to)
{
    ASSERT(allowed[node->ending.phase] & PHASE_TO(to));
    node->ending.phase = to;
}

bool ending_read_word(struct bytes word, struct ending_options *options)
{
    ASSERT(options != NULL);
    if (bytes_equal_nocase(word, "NOSAVE")) {
        options->save = ENDING_NOSAVE;
    } else if (bytes_equal_nocase(word, "SAVE")) {
        options->save = ENDING_SAVE;
    } else if (bytes_equal_nocase(word, "NOW")) {
        options->is_now = true;
    } else if (bytes_equal_nocase(word, "FORCE")) {
        options->is_forced = true;
    } else if (bytes_equal_nocase(word, "FAILOVER")) {
        options->is_failover = true;
    } else {
        return false;
    }
    return true;
}

static void give_up(struct node *node)
{
    move(node, ENDING_NOT);
    node->ending.is_handed_over = false;
    disk_base_go_on(node);
    waiting_on_file(node, HOLD_END, "Errors trying to SHUTDOWN. Check logs.");
    waiting_unpause(node, PAUSE_FOR_END);
}

static bool wants_save(const struct node *node)
{
    if (load_is_at_start(&node->loading) || node->ending.options.save == ENDING_NOSAVE) {
        return false;
    }
    return node->ending.options.save == ENDING_SAVE ||
           (disk_log_is_on(&node->disk_log) ? !node->disk_log.is_based
                                            : node->config.save_point_count > 0);
}

static void step_log(struct node *node)
{
    switch (node->disk_base.ending) {
    case DISK_BASE_RUNS:
    case DISK_BASE_ENDS:
    case DISK_BASE_ENDS_SOON:
        break;
    case DISK_BASE_ENDED:
        life_exit(node, 0);
        break;
    case DISK_BASE_FAILED:
        if (node->ending.options.is_forced || node->ending.options.save == ENDING_NOSAVE) {
            life_exit(node, 0);
            break;
        }
        node_log(node, LOG_WARNING,
                 "not ending, since the log could not be brought to its end; SHUTDOWN NOSAVE ends "
                 "all the same");
        give_up(node);
        break;
    }
}

/* Everything is executed and saved: what is left is the log. */
static void end_log(struct node *node)
{
    move(node, ENDING_LOG);
    disk_base_end(node);
    pass_note_work(&node->pass);
    step_log(node);
}

/* A save that is under way began before the writes were held: another one follows it. */
static void save_or_leave(struct node *node)
{
    ASSERT(node->pauses.by_reason[PAUSE_FOR_END].scope == PAUSE_WRITES ||
           node->ending.is_handed_over);
    if (wants_save(node)) {
        move(node, ENDING_SAVING);
        node_log(node, LOG_NOTICE, "saving before the end");
        saving_save(node);
    } else {
        end_log(node);
    }
}

/* ---- a replica takes over ------------------------------------------------------------------------ */

/* What was executed is answered first: without the lease it could not be any more.  That one replica has it all is what
 * the cluster waits for. */
static bool is_handing_over_wanted(const struct node *node)
{
    return node->ending.options.is_failover && node->role.is_primary &&
           node->release.waiting_count == 0;
}

static bool may_hand_over(const struct node *node)
{
    return is_handing_over_wanted(node) && mono_is_due(node->ending.phase_until, node->now.mono);
}

/* One that has just been started has not told yet that it may take over, does not even follow us yet, or counts as failed still:
 * without it clients would wait until our lease is over. */
static bool may_find_heir(const struct node *node)
{
    bool is_any_there = replicas_count_good(node) > 0 || cluster_may_have_heir(node->cluster);

    return is_any_there && cluster_has_slots(node->cluster) && !node->ending.options.is_now &&
           !mono_is_due(node->ending.heir_until, node->now.mono);
}

static void hand_over(struct node *node)
{
    struct errmsg error = {0};
    struct cluster_call call = {
        .now = node->now.mono, .actions = cluster_side_actions(node), .error = &error};
    bool has_begun = cluster_hand_over(node->cluster, &call);

    node->ending.options.is_failover =
        !has_begun && may_find_heir(node); /* one that began is the last */
    if (node->ending.options.is_failover) {
        node->ending.phase_until = mono_add_ms(node->now.mono, HEIR_POLL_MS);
    } else if (!has_begun) {
        if (cluster_has_slots(node->cluster)) {
            node_log(node, LOG_WARNING, "no replica takes over: %s", error.text);
        }
    } else {
        move(node, ENDING_HANDING_OVER);
        node->ending.phase_until =
            mono_earlier(node->ending.until, mono_add_ms(node->now.mono, HAND_OVER_MAX_MS));
    }
    cluster_side_act(node);
    pass_note_work(&node->pass);
}

static void step_handing_over(struct node *node)
{
    struct ending *ending = &node->ending;

    if (!node->role.is_primary && !cluster_is_handing_over(node->cluster)) {
        move(node, ENDING_SENDING_ON);
        node_log(node, LOG_NOTICE, "a replica has taken over, clients are sent on to it");
        ending->is_handed_over = true;
        ending->phase_until = mono_add_ms(node->now.mono, SEND_ON_MS);
        ending->until = mono_add_ms(node->now.mono, LEAVE_COUNCIL_MS);
        waiting_unpause(node, PAUSE_FOR_END);
    } else if (!cluster_is_handing_over(node->cluster) ||
               mono_is_due(ending->phase_until, node->now.mono)) {
        node_log(node, LOG_WARNING, "no replica has taken over in time, ending without");
        move(node, ENDING_WAITING);
        pass_note_work(&node->pass);
    }
}

/* Whoever is the council alone would take its heir's lease along: the seat moves when it is given time. */
static void step_sending_on(struct node *node)
{
    struct ending *ending = &node->ending;

    if (!mono_is_due(ending->phase_until, node->now.mono)) {
        return;
    }
    if (cluster_is_whole_council(node->cluster) && !mono_is_due(ending->until, node->now.mono)) {
        ending->phase_until = mono_add_ms(node->now.mono, COUNCIL_POLL_MS);
        return;
    }
    save_or_leave(node);
}

/* ---- time ---------------------------------------------------------------------------------------- */

/* Before we could hand over: a replica was faster, or an operator was. */
static bool was_replaced(const struct node *node)
{
    return node->ending.options.is_failover && !node->role.is_primary;
}

static void step_waiting(struct node *node)
{
    struct ending *ending = &node->ending;

    if (was_replaced(node)) {
        ending->options.is_failover = false;
        move(node, ENDING_HANDING_OVER);
        ending->phase_until =
            mono_earlier(ending->until, mono_add_ms(node->now.mono, HAND_OVER_MAX_MS));
        step_handing_over(node);
    } else if (may_hand_over(node)) {
        hand_over(node);
    } else if (replicas_count_lagging(node) == 0 && !ending->options.is_failover) {
        save_or_leave(node);
    } else if (ending->options.is_now || mono_is_due(ending->until, node->now.mono)) {
        if (replicas_count_lagging(node) > 0) {
            node_log(node, LOG_WARNING, "%zu replicas have not acknowledged everything",
                     replicas_count_lagging(node));
        }
        save_or_leave(node);
    }
}

/* Our heir was lost at once, and we have our place again. */
static void hold_again(struct node *node)
{
    node->ending.is_handed_over = false;
    waiting_pause(node, PAUSE_FOR_END, MONO_NEVER, PAUSE_WRITES);
}

void ending_step(struct node *node)
{
    if (node->ending.is_handed_over && node->role.is_primary) {
        hold_again(node);
    }
    switch (node->ending.phase) {
    case ENDING_NOT:
    case ENDING_SAVING:
        break;
    case ENDING_WAITING:
        step_waiting(node);
        break;
    case ENDING_HANDING_OVER:
        step_handing_over(node);
        break;
    case ENDING_SENDING_ON:
        step_sending_on(node);
        break;
    case ENDING_LOG:
        if (!node->life.has_exited) {
            step_log(node);
        }
        break;
    }
}

static void begin(struct node *node, const struct ending_options *options)
{
    struct ending *ending = &node->ending;
    int64_t timeout_ms = node->role.is_primary ? node->config.shutdown_timeout_s * 1000 : 0;
    size_t lagging = replicas_count_lagging(node);

    waiting_pause(node, PAUSE_FOR_END, MONO_NEVER, PAUSE_WRITES);
    if (ending->phase != ENDING_NOT) {
        move(node, ENDING_NOT); /* asked again: with these options now */
        disk_base_go_on(node);
    }
    move(node, ENDING_WAITING);
    ASSERT(timeout_ms >= 0);
    ending->options = *options;
    ending->options.is_failover =
        options->is_failover && node->role.is_primary && node->cluster != NULL && timeout_ms > 0;
    ending->is_handed_over = false;
    ending->until = mono_add_ms(node->now.mono, timeout_ms);
    ending->phase_until = node->now.mono;
    ending->heir_until = mono_earlier(
        ending->until, mono_add_ms(node->now.mono, node->config.cluster_node_timeout_ms));
    if (!options->is_now && timeout_ms > 0 && lagging > 0) {
        node_log(node, LOG_NOTICE, "waiting for %zu replicas before the end", lagging);
        pass_want_acks(&node->pass);
    }
    ending_step(node);
    ASSERT(ending->phase != ENDING_NOT);
}

void ending_saved(struct node *node, bool is_ok)
{
    /* The one that is still wanted is ours. */
    if (node->ending.phase != ENDING_SAVING || node->saving.is_wanted) {
        return;
    }
    if (is_ok || node->ending.options.is_forced) {
        end_log(node);
        return;
    }
    node_log(node, LOG_WARNING,
             "not ending, since the data could not be saved; SHUTDOWN NOSAVE ends without");
    give_up(node);
}

bool ending_abort(struct node *node, struct session *s)
{
    if (node->life.has_exited) {
        /* Too late: it closes with the others. */
        waiting_hold(node, s, HOLD_END, MONO_NEVER);
        return true;
    }
    if (node->ending.phase == ENDING_NOT) {
        return false;
    }
    node_log(node, LOG_NOTICE, "the end was called off by %s", s->peer.address);
    give_up(node);
    ASSERT(node->ending.phase == ENDING_NOT);
    return true;
}

void ending_asked(struct node *node, struct session *s, const struct ending_options *options)
{
    ASSERT(!(s->flags & SESSION_HELD));
    node_log(node, LOG_NOTICE, "SHUTDOWN asked for by %s", s->peer.address);
    waiting_hold(node, s, HOLD_END, MONO_NEVER);
    begin(node, options);
}

void ending_signalled(struct node *node, bool is_interrupt)
{
    struct buf text = {0};
    struct bytes rest;
    struct ending_options options = {0};

    if (node->ending.phase != ENDING_NOT && !is_interrupt) {
        node_log(node, LOG_NOTICE, "asked to end by a signal, and ending already");
        return;
    }
    if (node->ending.phase != ENDING_NOT) {
        node_log(node, LOG_WARNING, "interrupted while ending: ending at once, without saving");
        life_exit(node, 1);
        return;
    }
    config_get(&node->config, is_interrupt ? "shutdown-on-sigint" : "shutdown-on-sigterm", &text);
    rest = buf_bytes(&text);
    for (struct bytes word = bytes_next_word(&rest, ' '); word.len > 0;
         word = bytes_next_word(&rest, ' ')) {
        if (!ending_read_word(word, &options)) {
            continue; /* "default" is none of them */
        }
    }
    options.is_failover =
        options.is_failover || (!is_interrupt && bytes_equal_nocase(buf_bytes(&text), "default"));
    buf_deinit(&text);
    node_log(node, LOG_NOTICE, "asked to end by a signal");
    begin(node, &options);
    pass_note_work(&node->pass);
}

struct mono_time ending_wake_at(const struct node *node)
{
    switch (node->ending.phase) {
    case ENDING_WAITING:
        if (was_replaced(node)) {
            return node->now.mono;
        }
        return is_handing_over_wanted(node)
                   ? mono_earlier(node->ending.until, node->ending.phase_until)
                   : node->ending.until;
    case ENDING_HANDING_OVER:
    case ENDING_SENDING_ON:
        return node->ending.phase_until;
    case ENDING_NOT:
    case ENDING_SAVING:
    case ENDING_LOG:
        break;
    }
    return MONO_NEVER;
}

void ending_check(const struct node *node)
{
    enum pause_scope scope = node->pauses.by_reason[PAUSE_FOR_END].scope;

    bool is_holding = node->ending.phase != ENDING_NOT && !node->ending.is_handed_over;

    ASSERT(scope == (is_holding ? PAUSE_WRITES : PAUSE_NOTHING));
    LIST_FOR_EACH (item, &node->holds.held) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, hold.held);

        ASSERT(s->hold.kind != HOLD_END || node->ending.phase != ENDING_NOT);
    }
}
