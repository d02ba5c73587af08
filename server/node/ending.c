/* SPDX-License-Identifier: MIT */
#include "node/ending.h"

#include "base/assert.h"
#include "base/phases.h"
#include "node/inside.h"

static const uint32_t allowed[] = {
    [ENDING_NOT] = PHASE_TO(ENDING_WAITING),
    [ENDING_WAITING] = PHASE_TO(ENDING_SAVING) | PHASE_TO(ENDING_LOG) | PHASE_TO(ENDING_NOT),
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
    } else {
        return false;
    }
    return true;
}

static void give_up(struct node *node)
{
    move(node, ENDING_NOT);
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
           (node->config.save_point_count > 0 &&
            !(disk_log_is_on(&node->disk_log) && node->disk_log.is_based));
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
    ASSERT(node->pauses.by_reason[PAUSE_FOR_END].scope == PAUSE_WRITES);
    if (wants_save(node)) {
        move(node, ENDING_SAVING);
        node_log(node, LOG_NOTICE, "saving before the end");
        saving_save(node);
    } else {
        end_log(node);
    }
}

void ending_step(struct node *node)
{
    struct ending *ending = &node->ending;

    if (ending->phase == ENDING_LOG && !node->life.has_exited) {
        step_log(node);
    }
    if (ending->phase != ENDING_WAITING) {
        return;
    }
    if (replicas_count_lagging(node) == 0) {
        save_or_leave(node);
    } else if (ending->options.is_now || mono_is_due(ending->until, node->now.mono)) {
        node_log(node, LOG_WARNING, "%zu replicas have not acknowledged everything",
                 replicas_count_lagging(node));
        save_or_leave(node);
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
    ending->until = mono_add_ms(node->now.mono, timeout_ms);
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
    buf_deinit(&text);
    node_log(node, LOG_NOTICE, "asked to end by a signal");
    begin(node, &options);
    pass_note_work(&node->pass);
}

struct mono_time ending_wake_at(const struct node *node)
{
    return node->ending.phase == ENDING_WAITING ? node->ending.until : MONO_NEVER;
}

void ending_check(const struct node *node)
{
    enum pause_scope scope = node->pauses.by_reason[PAUSE_FOR_END].scope;

    ASSERT(scope == (node->ending.phase == ENDING_NOT ? PAUSE_NOTHING : PAUSE_WRITES));
    LIST_FOR_EACH (item, &node->holds.held) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, hold.held);

        ASSERT(s->hold.kind != HOLD_END || node->ending.phase != ENDING_NOT);
    }
}
