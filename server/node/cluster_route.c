/* SPDX-License-Identifier: MIT */
/* The gate of cluster mode: are all keys of one slot, and is it ours to serve? */
#include "node/state.h"

#include "cluster/route.h"
#include "spec/slot.h"

/* The slot of all keys, SLOT_NONE without keys; false when they differ. */
static bool common_slot(const struct call *call, const struct command_keys *keys, uint16_t *slot)
{
    *slot = SLOT_NONE;
    for (size_t i = 0; i < keys->count; i++) {
        uint16_t other = slot_of_key(call->args[keys->first + i * keys->step]);

        if (*slot != SLOT_NONE && *slot != other) {
            return false;
        }
        *slot = other;
    }
    return true;
}

static enum route_keys look(const struct node *node, const struct call *call,
                            const struct command_keys *keys)
{
    size_t here = 0;
    size_t missing = 0;

    for (size_t i = 0; i < keys->count; i++) {
        struct bytes key = call->args[keys->first + i * keys->step];
        struct key_ref ref = keyspace_ref(node->keyspace, 0, key);

        if (keyspace_find(node->keyspace, &ref, node->now.unix_ms) != NULL) {
            here++;
        } else {
            missing++;
        }
    }
    if (missing == 0) {
        return ROUTE_KEYS_ALL_HERE;
    }
    return here == 0 ? ROUTE_KEYS_ALL_MISSING : ROUTE_KEYS_SOME_MISSING;
}

static bool answer(struct node *node, struct call *call, enum route_kind kind,
                   const struct route_request *request, const struct route_target *target)
{
    switch (kind) {
    case ROUTE_SERVE:
        return true;
    case ROUTE_MOVED:
        reply_error(node, call, "MOVED %u %s:%u", request->slot, target->host, target->port);
        break;
    case ROUTE_ASK:
        reply_error(node, call, "ASK %u %s:%u", request->slot, target->host, target->port);
        break;
    case ROUTE_TRYAGAIN:
    case ROUTE_LOOK:
        reply_error(node, call, "TRYAGAIN Multiple keys request during rehashing of slot");
        break;
    case ROUTE_CLUSTERDOWN_SLOT:
        reply_error(node, call, "CLUSTERDOWN Hash slot not served");
        break;
    case ROUTE_CLUSTERDOWN_STATE:
        reply_error(node, call, "CLUSTERDOWN The cluster is down");
        break;
    case ROUTE_CLUSTERDOWN_READONLY:
        reply_error(node, call, "CLUSTERDOWN The cluster is down and only accepts read commands");
        break;
    }
    return false;
}

bool gate_route_keys(struct node *node, struct call *call)
{
    struct command_keys keys = command_keys(call->spec, call->arg_count);
    struct route_request request = {
        .is_write = (call->spec->flags & COMMAND_FLAG_WRITE) != 0,
        .is_readonly_session = (call->session->flags & SESSION_CLUSTER_READONLY) != 0,
        .is_asking = (call->session->flags & SESSION_ASKING) != 0,
    };
    struct route_target target = {.host = ""};
    enum route_kind kind;

    if (keys.count == 0) {
        return true;
    }
    if (!common_slot(call, &keys, &request.slot)) {
        reply_error(node, call, "CROSSSLOT Keys in request don't hash to the same slot");
        return false;
    }
    request.has_many_keys = keys.count > 1;
    kind = cluster_route(node->cluster, node->now.mono, &request, &target);
    if (kind == ROUTE_LOOK) {
        request.keys = look(node, call, &keys);
        kind = cluster_route(node->cluster, node->now.mono, &request, &target);
    }
    return answer(node, call, kind, &request, &target);
}
