/* SPDX-License-Identifier: MIT */
#include "node/sync_side.h"

#include "base/assert.h"
#include "base/mem.h"
#include "node/inside.h"

#include <stdio.h>

enum {
    ASK_AGAIN_MS = 100, /* who waits asks replicas that have come since */
};

/* ---- which key changed where -------------------------------------------------------------------- */

static size_t place_of(uint64_t hash)
{
    return (size_t)(hash % SYNC_OFFSETS);
}

static void on_change(void *context, enum keyspace_event event, unsigned table, struct bytes key)
{
    struct node *node = context;
    struct sync_side *sync = &node->sync_side;

    (void)table;
    if (keyspace_event_is_of_key(event) && sync->changed_count < SYNC_CHANGED) {
        sync->changed[sync->changed_count++] =
            (uint16_t)place_of(keyspace_ref(node->data.keyspace, 0, key).hash);
    } else {
        sync->has_changed_all = true;
    }
}

static void observe(struct node *node, bool is_on)
{
    const struct keyspace_observer observer = {.on = on_change, .context = node};

    keyspace_observe(node->data.keyspace, OBSERVER_OF_SYNC, is_on ? &observer : NULL);
}

/* What was changed stands in the log now, before its end. */
static void settle_changes(struct node *node)
{
    struct sync_side *sync = &node->sync_side;
    uint64_t at = journal_effects_end(&node->journal);

    for (size_t i = 0; i < sync->changed_count; i++) {
        sync->offsets[sync->changed[i]] = at;
    }
    sync->floor = sync->has_changed_all ? at : sync->floor;
    sync->last_change = at;
    sync->changed_count = 0;
    sync->has_changed_all = false;
}

/* ---- on and off ---------------------------------------------------------------------------------- */

/* Whoever is primary now may show what the one before has not acknowledged. */
static void turn_on(struct node *node)
{
    struct sync_side *sync = &node->sync_side;
    uint64_t at = journal_effects_end(&node->journal);

    sync->is_on = true;
    sync->offsets = mem_alloc_zeroed(MEM_NODE, SYNC_OFFSETS * sizeof(*sync->offsets));
    sync->floor = at;
    sync->last_change = at;
    sync->shown = 0;
    sync->safe = at; /* clients have been told of what was written before */
    sync->asked = 0;
    sync->is_marked = false;
    observe(node, true);
}

static void turn_off(struct node *node)
{
    struct sync_side *sync = &node->sync_side;

    observe(node, false);
    mem_free(MEM_NODE, sync->offsets);
    sync->offsets = NULL;
    sync->is_on = false;
    sync->refuses = false;
    sync->has_looked = false;
    sync->changed_count = 0;
    sync->has_changed_all = false;
}

static const struct shard_sync_member *member_at(const struct sync_side *sync, size_t index)
{
    const struct shard_sync *agreed = &sync->view.agreed;

    return index < agreed->count ? &agreed->members[index]
                                 : &sync->view.joining[index - agreed->count];
}

static size_t member_count(const struct sync_side *sync)
{
    return sync->view.agreed.count + sync->view.joining_count;
}

/* Those who are new have been seen now. */
static void look_at_members(struct node *node)
{
    struct sync_side *sync = &node->sync_side;
    struct sync_watch watches[2 * SHARD_SYNC_MAX];
    size_t count = member_count(sync);

    ASSERT(count <= ARRAY_COUNT(watches));
    for (size_t i = 0; i < count; i++) {
        watches[i] =
            (struct sync_watch){.memory = member_at(sync, i)->memory, .seen_at = node->now.mono};
        for (size_t k = 0; k < sync->watch_count; k++) {
            if (sync->watches[k].memory == watches[i].memory) {
                watches[i].seen_at = sync->watches[k].seen_at;
            }
        }
    }
    memcpy(sync->watches, watches, count * sizeof(watches[0]));
    sync->watch_count = count;
}

static void name_members(struct sync_side *sync)
{
    const struct shard_sync *agreed = &sync->view.agreed;
    size_t len = 0;

    sync->set_text[0] = '\0';
    for (size_t i = 0; i < agreed->count; i++) {
        len += (size_t)snprintf(sync->set_text + len, sizeof(sync->set_text) - len, "%s%s",
                                i > 0 ? "," : "", agreed->members[i].node.text);
    }
}

void sync_side_look(struct node *node)
{
    struct sync_side *sync = &node->sync_side;
    bool is_needed;

    if (LIKELY(!sync->is_on && !sync->view.is_wanted && !cluster_has_sync(node->cluster))) {
        return;
    }
    cluster_sync_view(node->cluster, &sync->view);
    is_needed =
        node->role.is_primary && (sync->view.agreed.required > 0 || sync->view.joining_count > 0);
    look_at_members(node);
    name_members(sync);
    if (is_needed == sync->is_on) {
        return;
    }
    if (is_needed) {
        turn_on(node);
    } else {
        turn_off(node);
    }
    pass_note_work(&node->pass);
}

void sync_side_data_replaced(struct node *node)
{
    if (node->sync_side.is_on) {
        observe(node, true);
        node->sync_side.has_changed_all = true;
    }
}

void sync_side_deinit(struct node *node)
{
    mem_free(MEM_NODE, node->sync_side.offsets);
    node->sync_side = (struct sync_side){0};
}

/* ---- what replicas have ---------------------------------------------------------------------------- */

static bool find_acked(const struct node *node, const struct shard_sync_member *member,
                       uint64_t *out)
{
    bool is_strict = node->config.appendonly && node->config.appendfsync == APPENDFSYNC_ALWAYS;

    return feeds_find_acked((const struct feed *const *)node->replicas.items, node->replicas.count,
                            &member->node, member->memory, is_strict, out);
}

static bool is_behind_for(const struct node *node, size_t index, int64_t ms)
{
    const struct sync_side *sync = &node->sync_side;
    uint64_t acked;

    return sync->is_marked && mono_ms_between(sync->marked_at, node->now.mono) >= ms &&
           (!find_acked(node, member_at(sync, index), &acked) || acked < sync->mark);
}

static bool is_late(const struct node *node, size_t index)
{
    int64_t limit_ms = node->config.sync_timeout_ms;

    return is_behind_for(node, index, limit_ms) ||
           mono_ms_between(node->sync_side.watches[index].seen_at, node->now.mono) >= limit_ms;
}

/* Somebody waits for it.  As long as nobody does it has everything, wherever it is. */
static bool is_gone(const struct node *node, size_t index)
{
    return is_behind_for(node, index, SYNC_GIVE_UP * node->config.sync_timeout_ms);
}

static void look_at_refusal(struct node *node)
{
    struct sync_side *sync = &node->sync_side;
    size_t live = 0;

    for (size_t i = 0; i < sync->view.agreed.count; i++) {
        live += !is_late(node, i);
    }
    sync->refuses = live < sync->view.agreed.required;
}

static void look_at_acks(struct node *node)
{
    struct sync_side *sync = &node->sync_side;
    uint64_t least = sync->last_change;

    for (size_t i = 0; i < member_count(sync); i++) {
        uint64_t acked;

        if (find_acked(node, member_at(sync, i), &acked)) {
            sync->watches[i].seen_at = node->now.mono;
        }
        least = acked < least ? acked : least;
    }
    if (!sync->view.is_settled || least < sync->shown) {
        least = sync->shown;
    }
    sync->shown = least;
    if (sync->view.agreed.count >= sync->view.agreed.required && least > sync->safe) {
        sync->safe = least;
    }
}

/* How long the oldest offset that is not acknowledged has been waited for, as nearly as is needed. */
static void move_mark(struct node *node)
{
    struct sync_side *sync = &node->sync_side;

    if (sync->shown >= sync->last_change) {
        sync->is_marked = false;
    } else if (!sync->is_marked || sync->shown >= sync->mark) {
        sync->is_marked = true;
        sync->mark = sync->last_change;
        sync->marked_at = node->now.mono;
    }
}

static void ask(struct node *node)
{
    struct sync_side *sync = &node->sync_side;
    bool is_again = sync->shown < sync->last_change &&
                    mono_ms_between(sync->asked_at, node->now.mono) >= ASK_AGAIN_MS;

    if (sync->last_change > sync->asked || is_again) {
        sync->asked = sync->last_change;
        sync->asked_at = node->now.mono;
        pass_want_acks(&node->pass);
    }
}

static NOINLINE void run(struct node *node)
{
    ASSERT(!node->journal.is_in_transaction);
    settle_changes(node);
    look_at_acks(node);
    move_mark(node);
    look_at_refusal(node);
    ask(node);
}

void sync_side_in_pass(struct node *node)
{
    if (UNLIKELY(node->sync_side.is_on)) {
        run(node);
    }
}

/* ---- what the cluster is told ---------------------------------------------------------------------- */

static void add_fact(struct cluster_status *status, const struct shard_sync_member *member,
                     enum cluster_sync_state state)
{
    if (status->sync_fact_count < ARRAY_COUNT(status->sync_facts)) {
        status->sync_facts[status->sync_fact_count++] =
            (struct cluster_sync_fact){.member = *member, .state = state};
    }
}

static bool is_counted(const struct sync_side *sync, const struct shard_sync_member *member)
{
    for (size_t i = 0; i < member_count(sync); i++) {
        if (member_at(sync, i)->memory == member->memory &&
            cluster_id_equal(&member_at(sync, i)->node, &member->node)) {
            return true;
        }
    }
    return false;
}

/* Who has what was there a look ago, and all that anybody was shown, keeps up. */
static void tell_of_others(struct node *node, struct cluster_status *status)
{
    struct sync_side *sync = &node->sync_side;
    uint64_t wanted =
        sync->is_on && sync->shown > sync->looked_end ? sync->shown : sync->looked_end;

    for (size_t i = 0; i < node->replicas.count; i++) {
        const struct feed *feed = node->replicas.items[i];
        struct shard_sync_member member = {.node = feed->introduction.replica,
                                           .memory = feed->memory};
        uint64_t acked;

        if (feed->memory == 0 || is_counted(sync, &member) || !find_acked(node, &member, &acked)) {
            continue;
        }
        if (sync->has_looked && acked >= wanted) {
            add_fact(status, &member, CLUSTER_SYNC_IN_STEP);
        } else {
            pass_want_acks(&node->pass);
        }
    }
    sync->looked_end = journal_effects_end(&node->journal);
    sync->has_looked = true;
}

void sync_side_tell(struct node *node, struct cluster_status *status)
{
    struct sync_side *sync = &node->sync_side;

    if (!node->role.is_primary || (!sync->is_on && !sync->view.is_wanted)) {
        return;
    }
    for (size_t i = 0; sync->is_on && i < member_count(sync); i++) {
        if (is_gone(node, i)) {
            add_fact(status, member_at(sync, i), CLUSTER_SYNC_GONE);
        } else if (is_late(node, i)) {
            add_fact(status, member_at(sync, i), CLUSTER_SYNC_LATE);
        }
    }
    tell_of_others(node, status);
    status->holds_replies = sync->is_on && node->release.waiting_count > 0;
}

/* ---- replies --------------------------------------------------------------------------------------- */

static void bar(struct node *node, struct session *s, uint64_t place, uint64_t offset)
{
    if (offset > node->sync_side.shown &&
        output_bar_behind(&s->output, place, offset, node->pass.number)) {
        pass_note_write(&node->pass);
    }
}

static uint64_t newer(const struct sync_side *sync, uint64_t offset, uint64_t hash)
{
    uint64_t other = sync->offsets[place_of(hash)];

    return other > offset ? other : offset;
}

static uint64_t newest_of_keys(const struct node *node, const struct request *request)
{
    const struct sync_side *sync = &node->sync_side;
    uint64_t offset = sync->floor;
    struct command_keys keys;

    if (request->key_count > 0) {
        for (size_t i = 0; i < request->key_count; i++) {
            offset = newer(sync, offset, node->batch.keys[request->first_key + i].hash);
        }
        return offset;
    }
    keys = command_keys(request->spec, request->args, request->arg_count);
    for (size_t i = 0; i < keys.count; i++) {
        struct bytes key = request->args[command_key_at(&keys, i)];

        offset = newer(sync, offset, keyspace_ref(node->data.keyspace, 0, key).hash);
    }
    return offset;
}

void sync_side_note_reply(struct node *node, const struct request *request, uint64_t place)
{
    settle_changes(node);
    if (!request_tells_of_keys(request)) {
        return;
    }
    /* Nobody may hear of a write before those who keep what they have read, who are told of all writes of a pass at once. */
    bar(node, request->session, place,
        request_names_its_keys(request) && !tracking_is_on(&node->invalidation.tracking)
            ? newest_of_keys(node, request)
            : node->sync_side.last_change);
}

void sync_side_bar_all(struct node *node, struct session *s, uint64_t place)
{
    settle_changes(node);
    bar(node, s, place, node->sync_side.last_change);
}

uint64_t sync_side_limit(const struct node *node, const struct session *s)
{
    const struct sync_side *sync = &node->sync_side;

    if (!sync->is_on) {
        return UINT64_MAX;
    }
    return s->last_write_offset > sync->safe && sync->safe < sync->shown ? sync->safe : sync->shown;
}

bool sync_side_has(const struct node *node, uint64_t offset)
{
    const struct sync_side *sync = &node->sync_side;

    return !sync->is_on || (offset <= sync->shown && offset <= sync->safe);
}

bool sync_side_is_over(const struct node *node, struct mono_time since)
{
    return mono_ms_between(since, node->now.mono) >= SYNC_GIVE_UP * node->config.sync_timeout_ms;
}

void sync_side_note_given_up(struct node *node)
{
    node->sync_side.given_up++;
}

void sync_side_check(const struct node *node)
{
    const struct sync_side *sync = &node->sync_side;

    ASSERT(!sync->is_on || sync->shown <= oplog_end(node->journal.log)); /* (1) */
    ASSERT(sync->is_on == (sync->offsets != NULL));                      /* (2) */
    ASSERT(sync->changed_count == 0 && !sync->has_changed_all);          /* (3) */
    ASSERT(!sync->is_on || node->role.is_primary);
    ASSERT(sync->watch_count <= ARRAY_COUNT(sync->watches));
}
