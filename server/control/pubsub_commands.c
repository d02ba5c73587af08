/* SPDX-License-Identifier: MIT */
/* Messages between clients: SUBSCRIBE and its kin, PUBLISH, PUBSUB. */
#include "control/answer.h"
#include "control/control.h"
#include "node/inside.h"

#include "base/glob.h"

/* ---- who listens ------------------------------------------------------------------------------*/

static void subscribe(struct node *node, struct request *request, enum pubsub_kind kind)
{
    for (size_t i = 1; i < request->arg_count; i++) {
        publish_subscribe(node, request->session, kind, request->args[i], request->reply);
    }
}

static void unsubscribe(struct node *node, struct request *request, enum pubsub_kind kind)
{
    if (request->arg_count == 1) {
        publish_unsubscribe_all(node, request->session, kind, request->reply);
    }
    for (size_t i = 1; i < request->arg_count; i++) {
        publish_unsubscribe(node, request->session, kind, request->args[i], request->reply);
    }
}

void control_subscribe(struct node *node, struct request *request)
{
    subscribe(node, request, PUBSUB_CHANNEL);
}

void control_psubscribe(struct node *node, struct request *request)
{
    subscribe(node, request, PUBSUB_PATTERN);
}

void control_ssubscribe(struct node *node, struct request *request)
{
    if (node->transaction.is_on) {
        reply_error(request, "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
        return;
    }
    subscribe(node, request, PUBSUB_SHARD);
}

void control_unsubscribe(struct node *node, struct request *request)
{
    unsubscribe(node, request, PUBSUB_CHANNEL);
}

void control_punsubscribe(struct node *node, struct request *request)
{
    unsubscribe(node, request, PUBSUB_PATTERN);
}

void control_sunsubscribe(struct node *node, struct request *request)
{
    unsubscribe(node, request, PUBSUB_SHARD);
}

/* ---- messages ---------------------------------------------------------------------------------*/

/* To those who listen here; then over the bus, or outside cluster mode with the log to our replicas. */
static void publish(struct node *node, struct request *request, enum pubsub_kind kind)
{
    struct bytes channel = request->args[1];
    struct bytes message = request->args[2];
    size_t count = publish_deliver(node, kind, channel, message);

    if (node->cluster != NULL) {
        cluster_side_publish(node, kind == PUBSUB_SHARD, channel, message);
    } else if (node->role.is_primary && node->replicas.count > 0) {
        journal_append_message(node, request->args, request->arg_count);
    }
    resp_write_integer(request->reply, (int64_t)count);
}

void control_publish(struct node *node, struct request *request)
{
    publish(node, request, PUBSUB_CHANNEL);
}

void control_spublish(struct node *node, struct request *request)
{
    publish(node, request, PUBSUB_SHARD);
}

/* ---- PUBSUB -----------------------------------------------------------------------------------*/

void control_pubsub(struct node *node, struct request *request)
{
    (void)node;
    /* Reached only without a subcommand, which the arity forbids. */
    reply_unknown_sub(request);
}

static void list_channels(struct node *node, struct request *request, enum pubsub_kind kind)
{
    const struct hashtable *topics = &node->publish.pubsub.topics[kind];
    bool has_pattern = request->arg_count == 3;
    size_t count = topics->count;

    if (request->arg_count > 3) {
        reply_sub_misused(request);
        return;
    }
    if (has_pattern) {
        count = 0;
        HASHTABLE_FOR_EACH (found, topics) {
            count += glob_match(request->args[2], found->key);
        }
    }
    resp_write_array(request->reply, count);
    HASHTABLE_FOR_EACH (found, topics) {
        if (!has_pattern || glob_match(request->args[2], found->key)) {
            resp_write_bulk(request->reply, found->key);
        }
    }
}

static void count_listeners(struct node *node, struct request *request, enum pubsub_kind kind)
{
    resp_write_array(request->reply, 2 * (request->arg_count - 2));
    for (size_t i = 2; i < request->arg_count; i++) {
        const struct pubsub_topic *topic =
            pubsub_find(&node->publish.pubsub, kind, request->args[i]);

        resp_write_bulk(request->reply, request->args[i]);
        resp_write_integer(request->reply, topic != NULL ? (int64_t)topic->count : 0);
    }
}

void control_pubsub_channels(struct node *node, struct request *request)
{
    list_channels(node, request, PUBSUB_CHANNEL);
}

void control_pubsub_shardchannels(struct node *node, struct request *request)
{
    list_channels(node, request, PUBSUB_SHARD);
}

void control_pubsub_numsub(struct node *node, struct request *request)
{
    count_listeners(node, request, PUBSUB_CHANNEL);
}

void control_pubsub_shardnumsub(struct node *node, struct request *request)
{
    count_listeners(node, request, PUBSUB_SHARD);
}

void control_pubsub_numpat(struct node *node, struct request *request)
{
    resp_write_integer(request->reply,
                       (int64_t)pubsub_topic_count(&node->publish.pubsub, PUBSUB_PATTERN));
}

void control_pubsub_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CHANNELS [<pattern>]",
        "    The channels that somebody listens to, and that match <pattern> if there is one.",
        "NUMPAT",
        "    How many patterns somebody listens to.",
        "NUMSUB [<channel> ...]",
        "    How many listen to each channel, without those who do so by a pattern.",
        "SHARDCHANNELS [<pattern>]",
        "    The channels of shards that somebody listens to, and that match <pattern>.",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    How many listen to each channel of a shard.",
        "HELP",
        "    Print this help.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}
