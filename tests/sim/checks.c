/* SPDX-License-Identifier: MIT */
/* What must hold at every moment, and what must come back once faults are over. */
#include "tests/sim/faults.h"

#include "base/num.h"
#include "cluster/nodes.h"
#include "cluster/report.h"
#include "cluster/route.h"
#include "cluster/state.h"
#include "council/record_table.h"
#include "council/state.h"
#include "node/inside.h"
#include "spec/slot.h"
#include "store/stream.h"
#include "store/value_hash.h"
#include "store/zset.h"

#include <stdio.h>

/* One slot of each shard stands for all of them: shards never exchange slots here. */
unsigned check_sample_slot(const struct world *world, int shard)
{
    return (unsigned)(shard * SLOT_COUNT / world->options.primaries + 7);
}

static bool is_used(const struct world *world, unsigned slot)
{
    char name[32];

    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            snprintf(name, sizeof(name), "c%d:k%d", c, k);
            if (slot_of_key(bytes_from_text(name)) == slot) {
                return true;
            }
        }
        client_pair_name(c, 'a', name);
        if (slot_of_key(bytes_from_text(name)) == slot) {
            return true;
        }
    }
    for (int k = 0; k < SIM_SHARED; k++) {
        snprintf(name, sizeof(name), "shared:%d", k);
        if (slot_of_key(bytes_from_text(name)) == slot) {
            return true;
        }
    }
    return false;
}

unsigned check_find_spare_slot(const struct world *world)
{
    unsigned slot = SLOT_COUNT - 1;

    while (is_used(world, slot)) {
        slot--;
    }
    return slot;
}

unsigned check_find_free_slots(const struct world *world, unsigned count)
{
    unsigned slot = check_sample_slot(world, 0) + 1;

    for (unsigned free = 0; free < count; slot++) {
        free = is_used(world, slot) ? 0 : free + 1;
    }
    return slot - count;
}

int check_shard_of(const struct world *world, const char *key)
{
    int shard = 0;

    if (moves_is_slot(world, slot_of_key(bytes_from_text(key)))) {
        return world->options.primaries;
    }
    while (shard + 1 < world->options.primaries &&
           slot_of_key(bytes_from_text(key)) >=
               (unsigned)((shard + 1) * SLOT_COUNT / world->options.primaries)) {
        shard++;
    }
    return shard;
}

static uint64_t stream_version(const struct value *value)
{
    return stream_marks(stream_of(value)).last_id.ms;
}

/* Of elements of a list, the first. */
static void take_element(void *context, const struct value_element *element)
{
    uint64_t *version = context;

    if (*version == 0 && !num_parse_u64(element->name, version)) {
        *version = 0;
    }
}

static bool list_version(const struct entry *e, uint64_t *version)
{
    *version = 0;
    (void)value_ops_of(&value_types_builtin, e)->walk(e, 0, 1, take_element, version);
    return *version > 0;
}

static void take_greatest(void *context, const struct value_element *element)
{
    uint64_t *version = context;
    uint64_t member;

    if (num_parse_u64(element->name, &member) && member > *version) {
        *version = member;
    }
}

static bool greatest_version(const struct entry *e, uint64_t *version)
{
    uint64_t cursor = 0;

    *version = 0;
    do {
        cursor =
            value_ops_of(&value_types_builtin, e)->walk(e, cursor, 100, take_greatest, version);
    } while (cursor != 0);
    return *version > 0;
}

static bool zset_version(const struct entry *e, uint64_t *version)
{
    struct zset_view view = zset_view_of(e);
    double score;

    if (!zset_find(&view, BYTES_LITERAL("version"), &score)) {
        return greatest_version(e, version); /* a place for each */
    }
    *version = (uint64_t)score;
    return true;
}

/* In decimal, or in seven bytes behind a zero. */
static bool string_version(struct bytes text, uint64_t *version)
{
    *version = 0;
    if (text.len == 0 || text.data[0] != '\0') {
        return num_parse_u64(text, version);
    }
    for (size_t i = 0; i < text.len; i++) {
        *version = *version << 8 | (unsigned char)text.data[i];
    }
    return true;
}

bool check_peek(const struct sim_node *n, const char *key, uint64_t *version)
{
    struct key_ref ref = keyspace_ref(n->node->data.keyspace, 0, bytes_from_text(key));
    const struct entry *e = keyspace_find_any(n->node->data.keyspace, &ref);
    char scratch[NUM_I64_TEXT + 1];
    struct hash_found found;
    struct value value;

    if (e == NULL) {
        return false;
    }
    if (entry_type(e) == VALUE_STRING) {
        return string_version(entry_string(e, scratch), version);
    }
    value = entry_value(e);
    switch (entry_type(e)) {
    case VALUE_LIST:
        return list_version(e, version);
    case VALUE_HASH:
        return hash_find(&value, BYTES_LITERAL("version"), &found) &&
               num_parse_u64(found.value, version);
    case VALUE_ZSET:
        return zset_version(e, version);
    case VALUE_STREAM:
        *version = stream_version(&value);
        return true;
    case VALUE_SET:
        return greatest_version(e, version);
    case VALUE_STRING:
        break;
    }
    return false;
}

/* ---- one primary a slot and epoch ------------------------------------------------------------- */

static void claim(struct world *world, struct sim_node *n, unsigned slot, uint64_t epoch)
{
    struct claim mine = {.slot = slot, .epoch = epoch, .node = n->index};

    for (size_t i = 0; i < world->claim_count; i++) {
        const struct claim *c = &world->claims[i];

        if (c->slot == slot && c->epoch == epoch) {
            /* A copy of a node takes turns with it: that they never serve at once is seen by check_leases. */
            if (c->node != n->index && !world->epochs_are_raised && !world->has_clones) {
                world_fail(world, "nodes %d and %d both accept writes for slot %u in epoch %llu",
                           c->node, n->index, slot, (unsigned long long)epoch);
            }
            return;
        }
    }
    if (world->claim_count == world->claim_cap) {
        world->claims =
            vec_grow(world->claims, &world->claim_cap, world->claim_count + 1, sizeof(mine));
    }
    world->claims[world->claim_count++] = mine;
}

static bool may_write(const struct sim_node *n, unsigned slot)
{
    return n->node != NULL && node_owns_slot(n->node, slot) &&
           cluster_has_lease(n->node->cluster, sim_node_clock(n).mono);
}

static bool serves_spare_slot(const struct sim_node *n)
{
    return may_write(n, n->world->spare_slot) &&
           cluster_serves_plainly(n->node->cluster, (uint16_t)n->world->spare_slot);
}

/* The slot that goes from hand to hand has one owner that serves it, too. */
static void check_spare_slot(struct world *world, struct sim_node *n)
{
    if (!serves_spare_slot(n)) {
        return;
    }
    for (int i = 0; i < world->node_count; i++) {
        if (i != n->index && serves_spare_slot(&world->nodes[i])) {
            world_fail(world, "nodes %d and %d both serve slot %u, which is given and taken away",
                       n->index, i, world->spare_slot);
        }
    }
}

/* A stopped process counts too: its lease must have run out before another one has its slots. */
static void check_leases(struct world *world, struct sim_node *n, const struct node_facts *facts)
{
    for (int shard = 0; shard < world->options.primaries; shard++) {
        unsigned slot = check_sample_slot(world, shard);

        if (!may_write(n, slot)) {
            continue;
        }
        claim(world, n, slot, facts->config_epoch);
        for (int i = 0; i < world->node_count; i++) {
            if (i != n->index && may_write(&world->nodes[i], slot)) {
                world_fail(world, "nodes %d and %d hold a lease for slot %u at the same time",
                           n->index, i, slot);
            }
        }
    }
}

/* ---- a grant is not longer than the promise that it is ------------------------------------------- */

/* In real time. */
static int64_t real_us(const struct sim_node *n, struct mono_time at)
{
    return (int64_t)((double)(at.us - n->clock_offset_us) / n->clock_rate);
}

static const struct sim_node *find_member(const struct world *world, const struct cluster_id *id)
{
    for (int i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i].node;

        if (node != NULL && cluster_id_equal(&node->cluster->council->me, id)) {
            return &world->nodes[i];
        }
    }
    return NULL;
}

/* Until when does the member let nobody take the place of the node?  INT64_MAX: it does not sit where it sat when it granted. */
static int64_t promised_us(const struct sim_node *member, const struct council *of)
{
    const struct council *c = member->node->cluster->council;
    const struct record_state *r = record_find(c, &of->lease.shard);
    struct mono_time until = c->forgotten_until;

    if (!seats_has_key(&of->seats, &c->me, c->seat_key) ||
        !cluster_id_equal(&c->seats.council, &of->seats.council)) {
        return INT64_MAX;
    }
    if (r != NULL && mono_is_before(until, r->former_until)) {
        until = r->former_until;
    }
    if (r != NULL && mono_is_before(until, r->promised_until) &&
        (cluster_id_equal(&r->holder, &of->me) || cluster_id_is_none(&r->holder))) {
        until = r->promised_until;
    }
    return real_us(member, until);
}

/* The simulator sees every member's memory, so one promise that is too short shows, though no majority is of that kind. */
static void check_grants(struct world *world, struct sim_node *n)
{
    const struct council *c = n->node->cluster->council;
    struct mono_time now = sim_node_clock(n).mono;

    if (world->has_clones || !mono_is_before(now, council_lease_end(c))) {
        return;
    }
    for (size_t i = 0; i < c->lease.grant_count; i++) {
        const struct grant *grant = &c->lease.grants[i];
        const struct sim_node *member = find_member(world, &grant->member);

        if (member != NULL && grant->seat_key == member->node->cluster->council->seat_key &&
            mono_is_before(now, grant->until) &&
            promised_us(member, c) < real_us(n, grant->until)) {
            world_fail(world,
                       "node %d counts on a grant of node %d for %lld us more than that has "
                       "promised",
                       n->index, member->index,
                       (long long)(real_us(n, grant->until) - promised_us(member, c)));
        }
    }
}

/* ---- what replicas have confirmed ------------------------------------------------------------- */

bool check_may_replace(const struct sim_node *n, const char *key)
{
    return n->node != NULL && n->was_replica &&
           cluster_shard_owns_slot(n->node->cluster, (uint16_t)slot_of_key(bytes_from_text(key)));
}

static void check_promoted(struct world *world, struct sim_node *n)
{
    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            const struct sim_key *key = &world->clients[c].keys[k];
            char name[32];
            uint64_t version = 0;

            if (!(key->acked_by & (1U << n->index))) {
                continue;
            }
            snprintf(name, sizeof(name), "c%d:k%d", c, k);
            if (!node_owns_slot(n->node, slot_of_key(bytes_from_text(name)))) {
                continue; /* it has gone over to a primary without a replica since */
            }
            if (!check_peek(n, name, &version) || !key_shows(key, version, key->waited_version)) {
                world_fail(world,
                           "node %d was promoted with version %llu of %s, but had confirmed %llu",
                           n->index, (unsigned long long)version, name,
                           (unsigned long long)key->waited_version);
            }
        }
    }
}

static bool is_news(struct sim_node *n, const struct node_facts *facts)
{
    struct sim_seen now = {
        .history = facts->history,
        .offset = facts->offset,
        .key_count = facts->key_count,
        .life = n->life,
        .is_loading = n->node->loading.phase != LOAD_IDLE,
    };
    struct sim_seen *seen = &n->pairs_seen;
    bool is_same = history_id_equal(&now.history, &seen->history) && now.offset == seen->offset &&
                   now.key_count == seen->key_count && now.life == seen->life &&
                   now.is_loading == seen->is_loading;

    *seen = now;
    return !is_same;
}

/* What a transaction wrote together is seen together: at primaries, at replicas, after take-overs and resyncs. */
static void check_pairs(struct world *world, struct sim_node *n)
{
    if (n->node->loading.phase != LOAD_IDLE) {
        return; /* the file at start is read key by key */
    }
    for (int c = 0; c < world->options.clients; c++) {
        char name[32];
        uint64_t a = 0;
        uint64_t b = 0;

        client_pair_name(c, 'a', name);
        (void)check_peek(n, name, &a);
        client_pair_name(c, 'b', name);
        (void)check_peek(n, name, &b);
        if (a != b) {
            world_fail(world,
                       "half a transaction is seen at node %d: client %d, versions %llu and %llu",
                       n->index, c, (unsigned long long)a, (unsigned long long)b);
        }
    }
}

/* A removal may come back from a node that was away: of those whom a primary does not know for that it asks nobody what they have. */
static uint32_t find_removed(const struct world *world, const struct sim_node *primary)
{
    uint32_t removed = 0;

    for (int i = 0; i < world->node_count; i++) {
        const struct sim_node *n = &world->nodes[i];

        if (((world->removed >> i) & 1) && n != primary && n->node != NULL &&
            nodes_find(primary->node->cluster, cluster_my_id(n->node->cluster)) == NULL) {
            removed |= 1U << i;
        }
    }
    return removed;
}

static void excuse_removed(struct world *world, const struct sim_node *primary)
{
    uint32_t removed = find_removed(world, primary);

    if (removed != 0) {
        shared_excuse_removed(world, primary, removed);
    }
    for (int c = 0; c < world->options.clients && removed != 0; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            struct sim_key *key = &world->clients[c].keys[k];
            char name[32];

            snprintf(name, sizeof(name), "c%d:k%d", c, k);
            if ((key->acked_by & removed) != 0 &&
                node_owns_slot(primary->node, slot_of_key(bytes_from_text(name)))) {
                key->acked_by &= ~removed;
            }
        }
    }
}

void check_after_pass(struct world *world, struct sim_node *n)
{
    struct node_facts facts;

    node_facts(n->node, &facts);
    check_leases(world, n, &facts);
    check_grants(world, n);
    check_spare_slot(world, n);
    moves_look(world, n);
    if (is_news(n, &facts)) {
        check_pairs(world, n);
    }
    if (world->removed != 0 && facts.is_primary && cluster_has_slots(n->node->cluster)) {
        excuse_removed(world, n);
    }
    if (n->was_replica && facts.is_primary && cluster_has_slots(n->node->cluster)) {
        world->takeovers++;
        check_promoted(world, n);
    } else if (n->was_replica && facts.is_primary) {
        fault_excuse(world, n->index); /* it was reset, and has forgotten what it had */
    }
    n->was_replica = !facts.is_primary;
    n->elections_won = n->node->cluster->stats.elections_won;
}

/* Which keys of the clients differ: for the message. */
static void list_differences(struct world *world, int a, int b, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            char name[32];
            uint64_t at_a = 0;
            uint64_t at_b = 0;

            snprintf(name, sizeof(name), "c%d:k%d", c, k);
            if (!check_peek(&world->nodes[a], name, &at_a)) {
                at_a = 0;
            }
            if (!check_peek(&world->nodes[b], name, &at_b)) {
                at_b = 0;
            }
            if (at_a != at_b && len + 64 < size) {
                len += (size_t)snprintf(out + len, size - len, " %s: %llu and %llu;", name,
                                        (unsigned long long)at_a, (unsigned long long)at_b);
            }
        }
    }
}

/* Those that are alive and follow it, by bit. */
static uint32_t followers_of(const struct world *world, const char *id)
{
    uint32_t followers = 0;

    for (int i = 0; i < world->node_count; i++) {
        struct node_facts facts;

        if (world->nodes[i].node != NULL) {
            node_facts(world->nodes[i].node, &facts);
            followers |= strcmp(facts.primary_id, id) == 0 ? 1U << i : 0;
        }
    }
    return followers;
}

uint32_t check_replicas_of(const struct world *world, int primary)
{
    struct node_facts its;

    if (world->nodes[primary].node == NULL) {
        return 0;
    }
    node_facts(world->nodes[primary].node, &its);
    return followers_of(world, its.id);
}

uint32_t check_siblings_of(const struct world *world, int node)
{
    struct node_facts its;

    if (world->nodes[node].node == NULL) {
        return 0;
    }
    node_facts(world->nodes[node].node, &its);
    return its.is_primary ? 0 : followers_of(world, its.primary_id) & ~(1U << node);
}

int check_first_replica_of(const struct world *world, int primary)
{
    uint32_t replicas = check_replicas_of(world, primary);
    int first = 0;

    while (replicas != 0 && ((replicas >> first) & 1) == 0) {
        first++;
    }
    return replicas != 0 ? first : -1;
}

/* ---- equal offsets, equal data ---------------------------------------------------------------- */

static int find_by_id(const struct world *world, const char *id)
{
    for (int i = 0; i < world->node_count; i++) {
        struct node_facts facts;

        if (world->nodes[i].node != NULL) {
            node_facts(world->nodes[i].node, &facts);
            if (strcmp(facts.id, id) == 0) {
                return i;
            }
        }
    }
    return -1;
}

void check_replicas_equal(struct world *world)
{
    for (int i = 0; i < world->node_count; i++) {
        struct node_facts mine;
        struct node_facts its;
        int primary;

        if (world->nodes[i].node == NULL) {
            continue;
        }
        node_facts(world->nodes[i].node, &mine);
        primary = mine.is_primary || !mine.link_up ? -1 : find_by_id(world, mine.primary_id);
        if (primary < 0) {
            continue;
        }
        node_facts(world->nodes[primary].node, &its);
        if (its.is_primary && history_id_equal(&mine.history, &its.history) &&
            mine.offset == its.offset &&
            node_digest(world->nodes[i].node) != node_digest(world->nodes[primary].node)) {
            char differences[512];

            list_differences(world, i, primary, differences, sizeof(differences));
            world_fail(world, "replica %d differs from its primary %d at offset %llu:%s", i,
                       primary, (unsigned long long)mine.offset, differences);
        }
    }
}

/* ---- after healing ---------------------------------------------------------------------------- */

int check_only_owner(struct world *world, unsigned slot, char *reason, size_t size)
{
    int owner = -1;

    for (int i = 0; i < world->node_count; i++) {
        if (may_write(&world->nodes[i], slot)) {
            if (owner >= 0) {
                snprintf(reason, size, "slot %u is served by %d and %d", slot, owner, i);
                return -1;
            }
            owner = i;
        }
    }
    if (owner < 0) {
        snprintf(reason, size, "slot %u is served by nobody", slot);
    }
    return owner;
}

static bool node_agrees(struct world *world, int i, char *reason, size_t size)
{
    struct sim_node *n = &world->nodes[i];
    struct node_facts facts;

    if (n->node == NULL) {
        snprintf(reason, size, "node %d is dead", i);
        return false;
    }
    node_facts(n->node, &facts);
    if (!facts.cluster_ok) {
        snprintf(reason, size, "node %d sees the cluster as failed", i);
        return false;
    }
    if (!facts.is_primary && !facts.link_up) {
        snprintf(reason, size, "replica %d has no link to its primary", i);
        return false;
    }
    if (cluster_node_count(n->node->cluster) != (size_t)world->node_count) {
        snprintf(reason, size, "node %d knows %zu nodes", i, cluster_node_count(n->node->cluster));
        return false;
    }
    return true;
}

static bool shard_is_settled(struct world *world, int shard, char *reason, size_t size)
{
    int owner = check_only_owner(world, check_sample_slot(world, shard), reason, size);
    int replicas = 0;
    struct node_facts its;

    if (owner < 0) {
        return false;
    }
    node_facts(world->nodes[owner].node, &its);
    for (int i = 0; i < world->node_count; i++) {
        struct node_facts mine;

        node_facts(world->nodes[i].node, &mine);
        if (strcmp(mine.primary_id, its.id) != 0) {
            continue;
        }
        replicas++;
        if (mine.offset != its.offset || !history_id_equal(&mine.history, &its.history)) {
            snprintf(reason, size, "replica %d is at %llu, its primary %d at %llu", i,
                     (unsigned long long)mine.offset, owner, (unsigned long long)its.offset);
            return false;
        }
        if (node_digest(world->nodes[i].node) != node_digest(world->nodes[owner].node)) {
            snprintf(reason, size, "replica %d differs from its primary %d", i, owner);
            return false;
        }
    }
    if (replicas != world->options.replicas_each) {
        snprintf(reason, size, "the primary %d of shard %d has %d replicas", owner, shard,
                 replicas);
        return false;
    }
    return true;
}

/* A version that all replicas of its shard confirmed is still there, unless those that could take over lost their memory
 * since. */
static bool waited_is_there(struct world *world, int c, int k, char *reason, size_t size)
{
    const struct sim_key *key = &world->clients[c].keys[k];
    char name[32];
    uint64_t version = 0;
    int owner;

    if (key->waited_version == 0 || key->acked_by == 0) {
        return true;
    }
    snprintf(name, sizeof(name), "c%d:k%d", c, k);
    owner = check_only_owner(world, slot_of_key(bytes_from_text(name)), reason, size);
    if (owner < 0) {
        return false;
    }
    if (!check_peek(&world->nodes[owner], name, &version) ||
        !key_shows(key, version, key->waited_version)) {
        snprintf(reason, size,
                 "%s is at version %llu, but nodes %x have confirmed %llu and never forgot", name,
                 (unsigned long long)version, key->acked_by,
                 (unsigned long long)key->waited_version);
        return false;
    }
    return true;
}

bool check_converged(struct world *world, char *reason, size_t size)
{
    for (int i = 0; i < world->node_count; i++) {
        if (!node_agrees(world, i, reason, size)) {
            return false;
        }
    }
    for (int shard = 0; shard < world->options.primaries; shard++) {
        if (!shard_is_settled(world, shard, reason, size)) {
            return false;
        }
    }
    if (!moves_are_settled(world, reason, size)) {
        return false;
    }
    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            if (!waited_is_there(world, c, k, reason, size)) {
                return false;
            }
        }
    }
    for (int i = 0; i < world->node_count; i++) {
        node_check(world->nodes[i].node);
    }
    return true;
}
