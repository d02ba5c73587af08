/* SPDX-License-Identifier: MIT */
#include "node/route.h"

#include "base/assert.h"
#include "cluster/report.h"
#include "cluster/route.h"
#include "command/scan_cursor.h"
#include "node/inside.h"
#include "spec/slot.h"

/* The slot of all keys, SLOT_NONE without keys; false when they differ. */
static bool common_slot(const struct request *request, const struct command_keys *keys,
                        uint16_t *slot)
{
    ASSERT(keys->count > 0);
    ASSERT(command_key_at(keys, keys->count - 1) < request->arg_count);
    *slot = SLOT_NONE;
    for (size_t i = 0; i < keys->count; i++) {
        uint16_t other = slot_of_key(request->args[command_key_at(keys, i)]);

        if (*slot != SLOT_NONE && *slot != other) {
            return false;
        }
        *slot = other;
    }
    ASSERT(*slot < SLOT_COUNT);
    return true;
}

static enum route_keys look(const struct node *node, const struct request *request,
                            const struct command_keys *keys)
{
    size_t here = 0;
    size_t missing = 0;

    for (size_t i = 0; i < keys->count; i++) {
        struct bytes key = request->args[command_key_at(keys, i)];
        struct key_ref ref = keyspace_ref(node->data.keyspace, 0, key);

        if (keyspace_find(node->data.keyspace, &ref, node->now.unix_ms) != NULL) {
            here++;
        } else {
            missing++;
        }
    }
    ASSERT(here + missing == keys->count);
    if (missing == 0) {
        return ROUTE_KEYS_ALL_HERE;
    }
    return here == 0 ? ROUTE_KEYS_ALL_MISSING : ROUTE_KEYS_SOME_MISSING;
}

static bool answer(struct request *request, enum route_kind kind, uint16_t slot,
                   const struct route_target *target)
{
    ASSERT(slot < SLOT_COUNT);
    switch (kind) {
    case ROUTE_SERVE:
        return true;
    case ROUTE_MOVED:
        reply_error(request, "MOVED %u %s:%u", slot, target->host, target->port);
        break;
    case ROUTE_ASK:
        reply_error(request, "ASK %u %s:%u", slot, target->host, target->port);
        break;
    case ROUTE_TRYAGAIN:
    case ROUTE_AWAIT:
    case ROUTE_LOOK:
        reply_error(request, "TRYAGAIN Multiple keys request during rehashing of slot");
        break;
    case ROUTE_CLUSTERDOWN_SLOT:
        reply_error(request, "CLUSTERDOWN Hash slot not served");
        break;
    case ROUTE_CLUSTERDOWN_STATE:
        reply_error(request, "CLUSTERDOWN The cluster is down");
        break;
    case ROUTE_CLUSTERDOWN_READONLY:
        reply_error(request, "CLUSTERDOWN The cluster is down and only accepts read commands");
        break;
    }
    return false;
}

bool route_is_of_slot(struct request *request, uint16_t *slot)
{
    struct command_keys keys = request_keys(request);
    uint16_t own;

    if (keys.count == 0) {
        return true;
    }
    if (!common_slot(request, &keys, &own) || (*slot != SLOT_NONE && own != *slot)) {
        reply_error(request, "CROSSSLOT Keys in request don't hash to the same slot");
        return false;
    }
    *slot = own;
    return true;
}

/* True when what the request asks of its slot is done here. */
static bool route_in_slot(struct node *node, struct request *request,
                          const struct command_keys *keys, uint16_t slot)
{
    struct route_request asked = {
        .slot = slot,
        .has_many_keys = keys->count > 1,
        .is_write = (request->spec->flags & COMMAND_FLAG_WRITE) != 0,
        .is_message = (request->spec->flags & COMMAND_FLAG_PUBSUB) != 0,
        .is_readonly_session = (request->session->flags & SESSION_CLUSTER_READONLY) != 0,
        .is_migrate = request->spec->id == COMMAND_MIGRATE,
        .is_asking = (request->session->flags & SESSION_ASKING) != 0 ||
                     request->spec->id == COMMAND_RESTORE_ASKING,
    };
    struct route_target target = {.host = ""};
    enum route_kind kind;
    struct cluster_node_view member;

    /* A replica has its shard's channels as well. */
    asked.is_readonly_session = asked.is_readonly_session || asked.is_message;
    if (asked.is_message && !node->config.cluster_allow_pubsubshard_when_down &&
        !cluster_is_ok(node->cluster, node->now.mono)) {
        return answer(request, ROUTE_CLUSTERDOWN_STATE, asked.slot, &target);
    }
    kind = cluster_route(node->cluster, node->now.mono, &asked, &target);
    if (kind == ROUTE_LOOK) {
        asked.keys = look(node, request, keys);
        kind = cluster_route(node->cluster, node->now.mono, &asked, &target);
        ASSERT(kind != ROUTE_LOOK);
    }
    if (kind == ROUTE_AWAIT && request_may_wait(request)) {
        waiting_put_back(node, request, HOLD_MOVING);
        return false;
    }
    if (hot_copies_know_any(&node->hot_copies) && request_may_wait(request) &&
        hot_readers_send_on(node, request, asked.slot, &member)) {
        target = (struct route_target){.host = member.endpoint != NULL ? member.endpoint : "",
                                       .port = member.port};
        return answer(request, ROUTE_MOVED, asked.slot, &target);
    }
    if (kind == ROUTE_MOVED && hot_copies_know_any(&node->hot_copies)) {
        switch (borrowing_take(node, request, asked.slot, keys)) {
        case BORROWING_QUEUE:
            request->is_for_owner = true;
            return true;
        case BORROWING_SERVE:
            return true;
        case BORROWING_TAKEN:
            return false;
        case BORROWING_NOT_OURS:
            break;
        }
    }
    return answer(request, kind, asked.slot, &target);
}

bool route_keys(struct node *node, struct request *request)
{
    struct command_keys keys = command_keys(request->spec, request->args, request->arg_count);
    uint16_t slot;

    ASSERT(node->cluster != NULL);
    ASSERT(request->session->db == 0);
    if (keys.count == 0) {
        return true;
    }
    if (!common_slot(request, &keys, &slot)) {
        reply_error(request, "CROSSSLOT Keys in request don't hash to the same slot");
        return false;
    }
    return route_in_slot(node, request, &keys, slot);
}

bool route_cursor(struct node *node, struct request *request)
{
    static const struct command_keys none = {0};
    struct scan_cursor cursor;

    ASSERT(node->cluster != NULL);
    ASSERT(request->arg_count > 1);
    return !scan_cursor_parse(request->args[1], &cursor) || cursor.slot == SLOT_NONE ||
           route_in_slot(node, request, &none, cursor.slot);
}
