/* SPDX-License-Identifier: MIT */
#include "node/serve.h"

#include "base/assert.h"
#include "cluster/range_admin.h"
#include "cluster/route.h"
#include "node/inside.h"

static void run_again(struct node *node, struct blocked_wait *wait)
{
    struct session *s = wait->session;
    struct request request = {
        .session = s,
        .spec = wait->spec,
        .args = wait->words,
        .arg_count = wait->word_count,
        .read = {.is_inline = true}, /* its bytes are gone: effects are made of words */
        .db = s->db,
    };

    if (session_is_closing(s)) {
        return; /* it is forgotten when it goes */
    }
    blocked_run_begin(node, wait);
    execute_again(node, &request);
    blocked_run_end(node);
}

/* Could this one take something from what the key has, or has it to be told that it cannot? */
static bool may_end(const struct node *node, const struct blocked_key *key,
                    const struct blocked_wait *wait)
{
    const struct keyspace *ks = node->data.keyspace;
    unsigned db = node->config.cluster_enabled ? 0 : blocked_key_table(key);
    struct key_ref ref = keyspace_ref(ks, db, blocked_key_name(key));
    const struct entry *e = keyspace_find(ks, &ref, node->now.unix_ms);

    return wait->is_told_of_loss || (e != NULL && entry_type(e) == wait->type);
}

static void serve_key(struct node *node, struct blocked_key *key)
{
    /* Only the one that is run can leave the list. */
    LIST_FOR_EACH_SAFE (item, &key->items) {
        struct blocked_wait *wait = CONTAINER_OF(item, struct blocked_item, in_key)->wait;

        if (may_end(node, key, wait)) {
            run_again(node, wait);
        }
    }
}

/* While slots change hands nobody is served: it is not known for whom, and whoever is run again cannot wait. */
static bool is_moving(const struct node *node)
{
    return move_source_holds(&node->move_source) ||
           (node->cluster != NULL && cluster_awaits_slots(node->cluster, node->now.mono));
}

void serve_ready(struct node *node)
{
    struct blocked_key *key;

    if (node->pauses.scope != PAUSE_NOTHING || node->loading.phase != LOAD_IDLE ||
        is_moving(node)) {
        return;
    }
    while ((key = blocked_take_ready(node)) != NULL) {
        serve_key(node, key);
        blocked_served(node, key);
    }
}

/* Who waits for a key of a slot that is not plainly ours any more asks the gates again: it is told who has it. */
static void serve_lost_slots(struct node *node)
{
    LIST_FOR_EACH_SAFE (item, &node->blocked.all) {
        struct blocked_wait *wait = CONTAINER_OF(item, struct blocked_wait, all);
        unsigned slot = blocked_key_table(wait->items[0].key);

        if (!cluster_serves_plainly(node->cluster, (uint16_t)slot)) {
            run_again(node, wait);
        }
    }
}

void serve_in_pass(struct node *node)
{
    if (node->blocked.count == 0) {
        return;
    }
    blocked_look_at_data(node);
    if (node->cluster != NULL && node->pauses.scope == PAUSE_NOTHING && !is_moving(node) &&
        blocked_take_routes_due(node)) {
        serve_lost_slots(node);
    }
    serve_ready(node);
}
