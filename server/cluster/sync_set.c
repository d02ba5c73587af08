/* SPDX-License-Identifier: MIT */
#include "cluster/sync_set.h"

#include "base/assert.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/forgotten.h"
#include "cluster/nodes.h"

static const struct shard_record *own_record(const struct cluster *c)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    return record != NULL && cluster_id_equal(&record->primary, &c->me->id) ? record : NULL;
}

/* ---- what the node says of its replicas ---------------------------------------------------------- */

static bool is_said(const struct cluster *c, const struct shard_sync_member *member,
                    enum cluster_sync_state state)
{
    for (size_t i = 0; i < c->status.sync_fact_count; i++) {
        const struct cluster_sync_fact *fact = &c->status.sync_facts[i];

        if (fact->state == state && fact->member.memory == member->memory &&
            cluster_id_equal(&fact->member.node, &member->node)) {
            return true;
        }
    }
    return false;
}

static bool is_out(const struct cluster *c, const struct shard_sync_member *member)
{
    return is_said(c, member, CLUSTER_SYNC_LATE) || is_said(c, member, CLUSTER_SYNC_GONE);
}

static struct sync_joiner *find_joiner(struct cluster *c, const struct shard_sync_member *member)
{
    for (size_t i = 0; i < c->sync.joiner_count; i++) {
        struct sync_joiner *joiner = &c->sync.joiners[i];

        if (joiner->member.memory == member->memory &&
            cluster_id_equal(&joiner->member.node, &member->node)) {
            return joiner;
        }
    }
    return NULL;
}

static bool is_of_shard(const struct cluster *c, const struct cluster_id *id)
{
    const struct cluster_node *node = nodes_find(c, id);

    return node != NULL && node != c->me && !node->is_in_handshake &&
           cluster_id_equal(&node->shard, &c->me->shard);
}

static void join(struct cluster *c, const struct shard_sync_member *member)
{
    const struct shard_record *record = own_record(c);

    if (record == NULL || shard_sync_has(&record->sync, member) || find_joiner(c, member) != NULL ||
        !is_of_shard(c, &member->node) || c->sync.joiner_count == SHARD_SYNC_MAX) {
        return;
    }
    c->sync.joiners[c->sync.joiner_count++] = (struct sync_joiner){.member = *member};
    c->is_tick_wanted = true;
}

/* Those that no record can have. */
static void drop_joiners(struct cluster *c)
{
    for (size_t i = c->sync.joiner_count; i-- > 0;) {
        struct sync_joiner *joiner = &c->sync.joiners[i];

        if (!joiner->is_put && (c->config.sync_replicas == 0 || is_out(c, &joiner->member) ||
                                !is_of_shard(c, &joiner->member.node))) {
            *joiner = c->sync.joiners[--c->sync.joiner_count];
        }
    }
}

void sync_set_take_facts(struct cluster *c)
{
    const struct shard_record *record = own_record(c);

    if (!node_is_primary(c->me) || record == NULL) {
        return;
    }
    drop_joiners(c);
    for (size_t i = 0; i < c->status.sync_fact_count && c->config.sync_replicas > 0; i++) {
        const struct cluster_sync_fact *fact = &c->status.sync_facts[i];

        if (fact->state == CLUSTER_SYNC_IN_STEP) {
            join(c, &fact->member);
        }
    }
    if (!sync_set_is_agreed(c, record)) {
        c->is_tick_wanted = c->is_tick_wanted || mono_is_due(c->own.at, c->now);
    }
}

/* ---- the record ---------------------------------------------------------------------------------- */

/* Those who are said to be out, as far as that leaves enough. */
static void remove_late(const struct cluster *c, struct shard_sync *sync)
{
    for (size_t i = sync->count; i-- > 0;) {
        const struct shard_sync_member member = sync->members[i];

        if (is_said(c, &member, CLUSTER_SYNC_GONE) ||
            (is_said(c, &member, CLUSTER_SYNC_LATE) && sync->count > sync->required)) {
            shard_sync_remove(sync, &member.node);
        }
    }
}

void sync_set_settle(struct shard_record *record)
{
    struct shard_sync *sync = &record->sync;

    for (size_t i = sync->count; i-- > 0;) {
        const struct cluster_id node = sync->members[i].node;

        if (!shard_record_has_holder(record, &node) || cluster_id_equal(&node, &record->primary)) {
            shard_sync_remove(sync, &node);
        }
    }
}

/* Whom an operator has removed is not asked for what it has by a primary that is started anew: nothing is to be acknowledged by its
 * word any more. */
static bool is_removed(const struct cluster *c, const struct shard_sync_member *member)
{
    return nodes_find(c, &member->node) == NULL && forgotten_has(c, &member->node);
}

static void remove_removed(const struct cluster *c, struct shard_sync *sync)
{
    for (size_t i = sync->count; i-- > 0;) {
        const struct shard_sync_member member = sync->members[i];

        if (is_removed(c, &member)) {
            shard_sync_remove(sync, &member.node);
        }
    }
}

static bool has_removed(const struct cluster *c, const struct shard_sync *sync)
{
    struct shard_sync rest = *sync;

    remove_removed(c, &rest);
    return rest.count < sync->count;
}

/* What the set becomes of what it is in the record. */
static void make_next(const struct cluster *c, struct shard_record *record)
{
    if (c->config.sync_replicas == 0) {
        record->sync = (struct shard_sync){0};
        return;
    }
    record->sync.required = (uint32_t)c->config.sync_replicas;
    sync_set_settle(record);
    remove_removed(c, &record->sync);
    for (size_t i = 0; i < c->sync.joiner_count; i++) {
        const struct shard_sync_member *member = &c->sync.joiners[i].member;

        if (!is_out(c, member) && shard_record_has_holder(record, &member->node)) {
            (void)shard_sync_add(&record->sync, member);
        }
    }
    remove_late(c, &record->sync);
}

bool sync_set_is_agreed(const struct cluster *c, const struct shard_record *record)
{
    struct shard_record next = *record;

    if (c->sync.joiner_count > 0) {
        return false;
    }
    if (c->config.sync_replicas == 0 || record->sync.count == 0) {
        return (uint32_t)c->config.sync_replicas == record->sync.required;
    }
    make_next(c, &next);
    return shard_sync_equal(&next.sync, &record->sync);
}

static void note_put(struct cluster *c, const struct shard_record *record)
{
    for (size_t i = 0; i < record->sync.count; i++) {
        struct sync_joiner *joiner = find_joiner(c, &record->sync.members[i]);

        if (joiner != NULL) {
            joiner->is_put = true;
        }
    }
}

void sync_set_put(struct cluster *c, struct shard_record *record)
{
    struct shard_sync before = record->sync;

    make_next(c, record);
    note_put(c, record);
    if (!shard_sync_equal(&before, &record->sync)) {
        c->sync.changes++;
        emit_log(c, LOG_NOTICE, "sync-replicas %u: proposing an in-sync set of %zu instead of %zu",
                 (unsigned)record->sync.required, record->sync.count, before.count);
    }
}

void sync_set_on_agreed(struct cluster *c)
{
    c->sync.joiner_count = 0;
}

void sync_set_forget(struct cluster *c)
{
    c->sync.joiner_count = 0;
}

/* ---- who may take over --------------------------------------------------------------------------- */

bool sync_set_permits_us(const struct cluster *c, const struct shard_record *record)
{
    struct shard_sync_member me = {.node = c->me->id, .memory = c->status.memory};

    return record == NULL || shard_sync_permits(&record->sync, &me);
}

/* Of its memory we know nothing here: it judges that itself. */
bool sync_set_permits(const struct shard_record *record, const struct cluster_id *node)
{
    return record == NULL || record->sync.required == 0 ||
           shard_sync_find(&record->sync, node) != NULL;
}

/* ---- a primary that was started anew ------------------------------------------------------------- */

/* It has been started anew since, or has gone to another shard: what it had is lost. */
static bool has_lost_memory(const struct cluster *c, const struct cluster_node *node,
                            uint64_t memory)
{
    return facts_was_heard(node) && (!shard_memory_is_of(memory, node->heard.start) ||
                                     !cluster_id_equal(&node->shard, &c->me->shard));
}

bool sync_set_is_witness(const struct cluster *c, const struct cluster_node *node)
{
    const struct shard_record *record = own_record(c);
    const struct shard_sync_member *member =
        record != NULL ? shard_sync_find(&record->sync, &node->id) : NULL;

    return member != NULL && facts_was_heard(node) && !node->is_loading &&
           !has_lost_memory(c, node, member->memory);
}

enum sync_witness sync_set_find_witness(const struct cluster *c)
{
    const struct shard_record *record = own_record(c);
    enum sync_witness found = SYNC_WITNESS_NEEDLESS;

    for (size_t i = 0; record != NULL && !c->sync.is_overruled && i < record->sync.count; i++) {
        const struct shard_sync_member *member = &record->sync.members[i];
        const struct cluster_node *node = nodes_find(c, &member->node);

        if (node != NULL && sync_set_is_witness(c, node)) {
            return SYNC_WITNESS_HEARD;
        }
        if (node == NULL ? !is_removed(c, member) : !has_lost_memory(c, node, member->memory)) {
            found = SYNC_WITNESS_AWAITED;
        }
    }
    return found;
}

/* ---- what is on our disk ------------------------------------------------------------------------- */

void sync_set_file_given(const struct cluster *c, struct council_file *file)
{
    const struct shard_record *record = own_record(c);

    file->shard = c->me->shard;
    file->version = record != NULL ? record->version : 0;
}

void sync_set_file_written(struct cluster *c, const struct council_file *file)
{
    c->sync.saved_shard = file->shard;
    c->sync.saved_version = file->version;
}

bool sync_set_is_saved(const struct cluster *c)
{
    struct council_file file = {0};

    sync_set_file_given(c, &file);
    return file.version == c->sync.saved_version &&
           cluster_id_equal(&file.shard, &c->sync.saved_shard);
}

/* ---- what the node is told ----------------------------------------------------------------------- */

bool cluster_has_sync(const struct cluster *cluster)
{
    const struct cluster *c = cluster;
    const struct shard_record *record;

    if (!node_is_primary(c->me)) {
        return false;
    }
    record = own_record(c);
    return c->config.sync_replicas > 0 || c->sync.joiner_count > 0 ||
           (record != NULL && record->sync.required > 0);
}

void cluster_sync_view(const struct cluster *cluster, struct cluster_sync_view *out)
{
    const struct cluster *c = cluster;
    const struct shard_record *record = own_record(c);

    *out = (struct cluster_sync_view){.is_wanted = c->config.sync_replicas > 0,
                                      .changes = c->sync.changes};
    if (record == NULL || !node_is_primary(c->me)) {
        out->is_wanted = false;
        return;
    }
    out->agreed = record->sync;
    out->is_settled = c->sync.saved_version == record->version &&
                      cluster_id_equal(&c->sync.saved_shard, &c->me->shard) &&
                      !has_removed(c, &record->sync);
    for (size_t i = 0; i < c->sync.joiner_count; i++) {
        out->joining[out->joining_count++] = c->sync.joiners[i].member;
    }
}

uint64_t cluster_my_start(const struct cluster *cluster)
{
    return cluster->start;
}

void sync_set_check(const struct cluster *c)
{
    ASSERT(c->sync.joiner_count <= SHARD_SYNC_MAX);
    ASSERT(c->sync.joiner_count == 0 || node_is_primary(c->me)); /* (1) */
    for (size_t i = 0; i < c->sync.joiner_count; i++) {
        ASSERT(c->sync.joiners[i].member.memory != 0);
    }
}
