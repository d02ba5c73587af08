/* SPDX-License-Identifier: MIT */
/* Keys that all clients read and write: what they were told is kept, and judged at the end (history.h). */
#include "tests/sim/world.h"

#include "base/num.h"
#include "cluster/cluster.h"
#include "node/inside.h"

#include <stdio.h>

enum {
    READ_PART = 2,    /* one of so many requests reads, */
    CONFIRM_PART = 3, /* and of so many writes one is confirmed */
    OPS_MAX = 4000,   /* of a key */
    HOT_KEYS = 3,
    COOL_PART =
        4, /* where keys are copied one of so many requests is for whichever key; of the others */
    HOT_PART = 24,     /* one so many writes, */
    HASTY_PART = 8,    /* of the hasty client, */
    ANYWHERE_PART = 2, /* and one so many goes to whatever node */
};

/* Read so much more than written that it is copied. */
static bool is_hot(const struct world *world, int key)
{
    return world->options.has_copies && key < HOT_KEYS;
}

static bool is_counter(int key)
{
    return key % 3 == 2;
}

static void name_of(int key, char out[32])
{
    snprintf(out, 32, "shared:%d", key);
}

/* Of one hot key there are two, in one slot, which are always written by one transaction: they are one register, whichever is
 * read. */
static bool has_twin(const struct world *world, int key)
{
    return is_hot(world, key) && key == 0;
}

static void twin_of(int key, char out[32])
{
    snprintf(out, 32, "{shared:%d}twin", key);
}

/* ---- reigns -------------------------------------------------------------------------------------- */

static bool serves(const struct sim_node *n, int shard)
{
    return node_owns_slot(n->node, check_sample_slot(n->world, shard)) &&
           cluster_has_lease(n->node->cluster, sim_node_clock(n).mono);
}

static bool is_its_reign(const struct world *world, const struct sim_node *n, int shard)
{
    const struct sim_reigns *reigns = &world->reigns[shard];
    const struct history_reign *last =
        reigns->list.count > 0 ? &reigns->list.items[reigns->list.count - 1] : NULL;

    return last != NULL && last->node == n->index && last->life == n->life &&
           history_id_equal(&reigns->history, oplog_history(n->node->journal.log));
}

uint32_t shared_note_reigns(struct world *world, struct sim_node *n)
{
    uint32_t served = 0;

    for (int shard = 0; shard < world->options.primaries; shard++) {
        struct history_reign mine = {
            .node = n->index,
            .life = n->life,
            .began_us = world->now_us,
            .keeps_all = world->is_handing_over,
        };

        if (!serves(n, shard)) {
            continue;
        }
        served |= 1U << shard;
        check_note_line(world, n, shard);
        if (!is_its_reign(world, n, shard)) {
            sync_check_kept(world, n, shard);
            VEC_PUSH(&world->reigns[shard].list, mine);
            world->reigns[shard].history = *oplog_history(n->node->journal.log);
        }
    }
    return served;
}

/* The key that the client has asked for, if a member may answer for it: any key may become hot. */
static bool is_of_key(const struct sim_client *client, char out[32])
{
    if (client->request == REQUEST_SHARED) {
        name_of(client->pending_key, out);
    } else if (client->request == REQUEST_WRITE) {
        snprintf(out, 32, "c%d:k%d", client->index, client->pending_key);
    }
    return client->request == REQUEST_SHARED || client->request == REQUEST_WRITE;
}

/* What this node has heard when the owner of the client's key announced that its slot is hot; NULL when this node does not serve it
 * besides. */
static const struct hot_slot *accepted_for(const struct sim_node *n,
                                           const struct sim_client *client)
{
    char name[32];

    return is_of_key(client, name)
               ? hot_copies_accepted(n->node, slot_of_key(bytes_from_text(name)))
               : NULL;
}

static bool has_id(const struct sim_node *n, const struct cluster_id *id)
{
    return n->node != NULL && cluster_id_equal(cluster_my_id(n->node->cluster), id);
}

/* The node of that announcement. */
static const struct sim_node *owner_of_copies(struct world *world, const struct sim_node *n,
                                              const struct sim_client *client)
{
    const struct hot_slot *hot = accepted_for(n, client);

    for (int i = 0; hot != NULL && i < world->node_count; i++) {
        const struct sim_node *other = &world->nodes[i];

        if (!other->is_clone && has_id(other, &hot->owner)) {
            return other;
        }
    }
    return NULL;
}

/* Has this node heard that the slot of the client's key is hot, and another node's?  It may be hot no more, or have a new owner. */
static bool was_member(const struct sim_node *n, const struct sim_client *client)
{
    const struct hot_slots *known = &n->node->hot_copies.known;
    char name[32];

    if (!is_of_key(client, name)) {
        return false;
    }
    for (size_t i = 0; i < known->count; i++) {
        const struct hot_slot *hot = &known->items[i]->hot;

        if (hot->slot == slot_of_key(bytes_from_text(name)) &&
            !cluster_id_equal(&hot->owner, cluster_my_id(n->node->cluster))) {
            return true;
        }
    }
    return false;
}

/* Has it read a copy last? */
static bool is_reader(const struct sim_node *n, const struct session *s)
{
    return n->node->borrowing.reader == s->id;
}

/* A copy is of the reign of who has lent it, which went on when it was read.  What was passed on was answered there at some time before. */
static void note_member(struct world *world, const struct sim_node *n, const struct session *s,
                        struct sim_client *c)
{
    const struct sim_node *owner = owner_of_copies(world, n, c);

    c->is_of_copy = is_reader(n, s) && n->node->borrowing.reads != c->copies_told[n->index];
    c->copies_told[n->index] = c->is_of_copy ? n->node->borrowing.reads : c->copies_told[n->index];
    c->is_by_member = owner != NULL || c->is_of_copy;
    if (c->is_of_copy && c->copy_reign != SIM_NO_REIGN) {
        c->answer_reign = c->copy_reign;
    } else if (owner != NULL && !c->is_of_copy) {
        c->answer_reign = world->reigns[c->shard].list.count - 1;
    } else if ((was_member(n, c) || c->is_passed_on) &&
               (!c->is_of_copy || world->options.sync_replicas > 0)) {
        /* It came from who was the owner, or was read and had to wait: nobody knows of which reign it is. */
        c->is_by_member = true;
        c->is_of_copy = false;
        c->answer_reign = world->reigns[c->shard].list.count - 1;
    }
}

/* One that has ended, or has begun anew, or is there twice may have lent what is read, as long as nobody reigns after it. */
static bool is_lender_in_reign(struct world *world, const struct sim_node *n,
                               const struct sim_client *client)
{
    const struct hot_slot *hot = accepted_for(n, client);
    const struct sim_reigns *reigns = &world->reigns[client->shard];
    const struct sim_node *last;

    if (reigns->list.count == 0) {
        return false;
    }
    last = &world->nodes[reigns->list.items[reigns->list.count - 1].node];
    return last->node == NULL ? world->has_clones || owner_of_copies(world, n, client) == NULL
                              : hot != NULL && has_id(last, &hot->owner);
}

/* The answer may leave when the node has stood still, and the slot is hot no more, or its owner replaced. */
void shared_note_executed(struct world *world, const struct sim_node *n)
{
    for (int i = 0; i < world->options.clients; i++) {
        struct sim_client *c = &world->clients[i];
        struct sim_conn *conn = network_find(world, c->conns[n->index]);
        const struct session *s = conn != NULL ? conn->ends[1].session : NULL;

        if (c->node == n->index && s != NULL && s->hold.kind == HOLD_FORWARD) {
            c->is_passed_on = true;
        }
        if (c->node == n->index && s != NULL && is_reader(n, s) &&
            n->node->borrowing.reads != c->copies_read[n->index]) {
            c->copies_read[n->index] = n->node->borrowing.reads;
            c->copy_reign = is_lender_in_reign(world, n, c) ? world->reigns[c->shard].list.count - 1
                                                            : SIM_NO_REIGN;
        }
    }
}

/* Of what was executed before it let its last slot go nobody else can have changed anything before that lease is over; what waits for
 * an in-sync set is told later, under the lease of a shard without slots. */
static bool may_tell_still(const struct sim_node *n, uint32_t bit)
{
    struct mono_time now = sim_node_clock(n).mono;

    return ((n->served_at_start & bit) != 0 && now.us < n->lease_end_us) ||
           (!cluster_has_slots(n->node->cluster) && cluster_lease_lasts(n->node->cluster, now));
}

void shared_note_answer(struct world *world, struct sim_node *n, const struct session *s,
                        int client)
{
    struct sim_client *c = &world->clients[client];
    uint32_t bit = 1U << c->shard;
    bool is_allowed = (shared_note_reigns(world, n) & bit) != 0 || may_tell_still(n, bit) ||
                      ((n->served_at_start & bit) != 0 && n->pass_began_us == world->now_us);

    c->is_by_member = false;
    c->is_of_copy = false;
    c->answer_holders = sync_holders(world, n);
    c->answer_reign = is_allowed && is_its_reign(world, n, c->shard)
                          ? world->reigns[c->shard].list.count - 1
                          : SIM_NO_REIGN;
    if (c->answer_reign == SIM_NO_REIGN) {
        note_member(world, n, s, c);
        c->answer_holders = c->is_by_member ? 0 : c->answer_holders; /* those are its own */
    }
}

/* ---- requests ------------------------------------------------------------------------------------ */

static struct history_op *pending_op(struct world *world, const struct sim_client *client)
{
    return &world->shared[client->pending_key].ops.items[client->pending_op];
}

static void set(struct world *world, struct sim_client *client, int key, const char *value)
{
    char name[32];
    char twin[32];

    name_of(key, name);
    if (!has_twin(world, key)) {
        client_send(world, client, 3, "SET", name, value);
        return;
    }
    twin_of(key, twin);
    client->replies_left = 4;
    client_send(world, client, 1, "MULTI");
    client_send(world, client, 3, "SET", twin, value);
    client_send(world, client, 3, "SET", name, value);
    client_send(world, client, 1, "EXEC");
}

static int choose_key(struct world *world, const struct sim_client *client)
{
    bool is_any = !world->options.has_copies ||
                  (!client_is_hasty(world, client) && rng_one_in(&world->rng, COOL_PART));

    return (int)rng_below(&world->rng, is_any ? SIM_SHARED : HOT_KEYS);
}

void shared_ask(struct world *world, struct sim_client *client)
{
    int key = choose_key(world, client);
    struct history_op op = {.client = client->index, .returned_us = INT64_MAX};
    char name[32];
    char value[32];

    if (world->shared[key].ops.count >= OPS_MAX) {
        return;
    }
    name_of(key, name);
    if (is_hot(world, key) && rng_one_in(&world->rng, ANYWHERE_PART)) {
        client->primaries[check_shard_of(world, name)] =
            (int)rng_below(&world->rng, (uint64_t)world->node_count);
    }
    client_turn_to(world, client, name);
    client->request = REQUEST_SHARED;
    client->is_hasty = false;
    client->reigns_when_sent = world->reigns[client->shard].list.count;
    client->pending_key = key;
    client->pending_op = world->shared[key].ops.count;
    client->replies_left = 1;
    op.node = client->node;
    op.is_passed_on = world->options.has_copies; /* any node may do that */
    op.sent_us = world->now_us;
    if (is_hot(world, key)
            ? !rng_one_in(&world->rng, client_is_hasty(world, client) ? HASTY_PART : HOT_PART)
            : rng_one_in(&world->rng, READ_PART)) {
        op.kind = HISTORY_READ;
        client->is_hasty = client_is_hasty(world, client);
        if (has_twin(world, key) && rng_one_in(&world->rng, 2)) {
            twin_of(key, name);
        }
        client_send(world, client, 2, "GET", name);
    } else if (is_counter(key)) {
        op.kind = HISTORY_ADD;
        client_send(world, client, 2, "INCR", name);
    } else {
        op.kind = HISTORY_SET;
        op.value = ++world->shared_values;
        snprintf(value, sizeof(value), "%llu", (unsigned long long)op.value);
        set(world, client, key, value);
    }
    VEC_PUSH(&world->shared[key].ops, op);
}

void shared_give_up(struct world *world, struct sim_client *client)
{
    /* What a member has passed on already comes to its owner all the same. */
    if (client->request == REQUEST_SHARED && !pending_op(world, client)->is_passed_on) {
        pending_op(world, client)->returned_us = world->now_us;
    }
}

/* It was refused, so it has not been. */
void shared_take_refusal(struct world *world, struct sim_client *client)
{
    if (client->request == REQUEST_SHARED) {
        struct history_op *op = pending_op(world, client);

        op->kind = HISTORY_READ; /* and nobody knows what it read */
        op->returned_us = world->now_us;
    }
}

/* Sums of a counter come again when some were lost: those of one reign do not. */
static bool is_shown_by(const struct history_op *read, const struct history_op *op)
{
    return read->kind == HISTORY_READ && op->value == read->value &&
           (op->kind == HISTORY_SET || (op->is_answered && op->reign == read->reign));
}

/* What was told under sync-replicas is not lost, nor is what a read has shown: that of whoever wrote it. */
static void confirm_by_set(struct world *world, const struct sim_client *client,
                           const struct history_op *told)
{
    struct sim_shared *shared = &world->shared[client->pending_key];

    for (size_t i = 0; i < shared->ops.count && client->answer_holders != 0; i++) {
        struct history_op *op = &shared->ops.items[i];
        bool is_meant = op == told || is_shown_by(told, op);

        if (op->kind != HISTORY_READ && is_meant && op->value > 0) {
            op->confirmed_us = op->confirmed_us > 0 ? op->confirmed_us : world->now_us;
            op->safe_until_us = INT64_MAX;
            op->holders = client->answer_holders;
            op->is_by_set = true;
        }
    }
}

/* Where several reigns were meanwhile, in which of them it was executed is not known here: it may have been done, and nobody
 * knows what it read. */
static bool is_of_unknown_reign(const struct world *world, const struct sim_client *client)
{
    return client->is_by_member && !client->is_of_copy &&
           world->reigns[client->shard].list.count != client->reigns_when_sent;
}

void shared_take_answer(struct world *world, struct sim_client *client,
                        const struct resp_value *value)
{
    struct history_op *op = pending_op(world, client);
    char wanted[16];

    world->copy_reads += client->is_of_copy;
    world->passed_on += client->is_by_member && !client->is_of_copy;
    op->returned_us = world->now_us;
    if (is_of_unknown_reign(world, client)) {
        client->request = REQUEST_NONE;
        return;
    }
    op->is_answered = true;
    op->reign = client->answer_reign;
    if (op->kind == HISTORY_ADD) {
        op->value = (uint64_t)value->integer;
    } else if (op->kind == HISTORY_READ &&
               (value->type == RESP_NULL || !num_parse_u64(resp_value_bytes(value), &op->value))) {
        op->value = 0;
    }
    client->request = REQUEST_NONE;
    confirm_by_set(world, client, op);
    if (op->kind != HISTORY_READ && !client->is_by_member &&
        rng_one_in(&world->rng, CONFIRM_PART)) {
        client->request = REQUEST_SHARED_WAIT;
        snprintf(wanted, sizeof(wanted), "%d", world->options.replicas_each);
        client_send(world, client, 3, "WAIT", wanted, "500");
    }
}

void shared_take_waited(struct world *world, struct sim_client *client, int64_t count)
{
    struct history_op *op = pending_op(world, client);
    uint32_t holders = 0;
    int holder_count = 0;
    char name[32];

    client->request = REQUEST_NONE;
    name_of(client->pending_key, name);
    for (int i = 0; i < world->node_count; i++) {
        uint64_t found;

        if (world->nodes[i].node != NULL && !world->nodes[i].is_clone &&
            check_peek(&world->nodes[i], name, &found) && found == op->value) {
            holders |= 1U << i;
            holder_count++;
        }
    }
    if (count >= world->options.replicas_each && !op->is_by_set &&
        (check_replicas_of(world, client->node) & ~holders) == 0 &&
        holder_count > world->options.replicas_each) {
        op->confirmed_us = world->now_us;
        op->safe_until_us = INT64_MAX;
        op->holders = holders;
    }
}

void shared_excuse_removed(struct world *world, const struct sim_node *primary, uint32_t removed)
{
    for (int key = 0; key < SIM_SHARED; key++) {
        char name[32];

        name_of(key, name);
        if (!node_owns_slot(primary->node, slot_of_key(bytes_from_text(name)))) {
            continue;
        }
        for (size_t i = 0; i < world->shared[key].ops.count; i++) {
            struct history_op *op = &world->shared[key].ops.items[i];

            if ((op->holders & removed) != 0 && !op->is_by_set) {
                op->holders &= ~removed;
                op->safe_until_us = op->holders == 0 ? world->now_us : op->safe_until_us;
            }
        }
    }
}

void shared_memory_lost(struct world *world, int node)
{
    const struct sim_node *n = &world->nodes[node];

    for (int key = 0; key < SIM_SHARED; key++) {
        bool may_replace;
        char name[32];

        name_of(key, name);
        may_replace = check_may_replace(n, name);
        for (size_t i = 0; i < world->shared[key].ops.count; i++) {
            struct history_op *op = &world->shared[key].ops.items[i];

            /* A replica's vote may be what kept the write: from then on nothing is sure. */
            if ((op->holders & (1U << node)) != 0 ||
                (op->holders != 0 && may_replace && !op->is_by_set)) {
                op->holders = n->was_replica && !op->is_by_set ? 0 : op->holders & ~(1U << node);
                op->safe_until_us = op->holders == 0 ? world->now_us : op->safe_until_us;
            }
        }
    }
}

/* ---- the end ------------------------------------------------------------------------------------- */

void shared_check(struct world *world)
{
    for (int key = 0; key < SIM_SHARED; key++) {
        struct sim_shared *shared = &world->shared[key];
        struct buf why = {0};
        char name[32];
        const struct sim_reigns *reigns;
        enum history_verdict verdict;

        name_of(key, name);
        reigns = &world->reigns[check_shard_of(world, name)];
        verdict = history_check(shared->ops.items, shared->ops.count, reigns->list.items,
                                reigns->list.count, &why);
        world->histories_unknown += verdict == HISTORY_UNKNOWN ? 1 : 0;
        world->shared_ops += shared->ops.count;
        if (verdict == HISTORY_BROKEN) {
            world_fail(world, "%s: %.*s\n   ", name, BYTES_ARGS(buf_bytes(&why)));
        }
        buf_deinit(&why);
    }
}

void shared_deinit(struct world *world)
{
    for (int key = 0; key < SIM_SHARED; key++) {
        VEC_DEINIT(&world->shared[key].ops);
    }
    for (int shard = 0; shard < SIM_SHARDS_MAX; shard++) {
        VEC_DEINIT(&world->reigns[shard].list);
    }
}
