/* SPDX-License-Identifier: MIT */
#include "node/publish.h"

#include "base/assert.h"
#include "base/glob.h"
#include "base/vec.h"
#include "cluster/route.h"
#include "node/inside.h"
#include "spec/slot.h"

void publish_init(struct node *node)
{
    pubsub_init(&node->publish.pubsub, node->data.hash_seed);
}

void publish_deinit(struct node *node)
{
    ASSERT(node->publish.behind.len == 0);
    buf_deinit(&node->publish.behind);
    pubsub_deinit(&node->publish.pubsub);
}

/* ---- pushes -----------------------------------------------------------------------------------*/

void publish_push(struct node *node, struct session *s, struct bytes text)
{
    ASSERT(text.len > 0);
    if (s == node->publish.answering) {
        buf_append_bytes(&node->publish.behind, text);
        return;
    }
    if (session_is_closing(s)) {
        return;
    }
    session_take_buffer(&node->sessions, s);
    buf_append_bytes(&s->output.buf, text);
    node_touch(node, s);
}

void publish_give_behind(struct node *node, struct session *s)
{
    struct publish *publish = &node->publish;

    ASSERT(publish->answering == NULL);
    publish_push(node, s, buf_bytes(&publish->behind));
    buf_clear(&publish->behind);
    buf_shrink_when_empty(&publish->behind, RESP_PIECE_MIN);
}

/* ---- messages ---------------------------------------------------------------------------------*/

/* What all who listen to one topic are sent, made when the first of them is met. */
struct letter {
    const char *event; /* "message" and so on */
    bool is_by_pattern;
    struct bytes pattern;
    struct bytes channel;
    struct bytes message;
    struct block *block; /* of a long message */
    struct buf text[2];  /* for RESP2 and RESP3; without the message when that is long */
};

static struct bytes text_for(struct letter *letter, int version)
{
    struct buf *text = &letter->text[version - 2];
    struct resp_writer w = {.out = text, .version = version};

    if (text->len == 0) {
        resp_write_push(&w, letter->is_by_pattern ? 4 : 3);
        resp_write_bulk_text(&w, letter->event);
        if (letter->is_by_pattern) {
            resp_write_bulk(&w, letter->pattern);
        }
        resp_write_bulk(&w, letter->channel);
        if (letter->message.len < RESP_PIECE_MIN) {
            resp_write_bulk(&w, letter->message);
        } else if (letter->block == NULL) {
            letter->block = block_new(letter->message, letter->message.len);
        }
    }
    return buf_bytes(text);
}

static void send(struct node *node, struct session *s, struct letter *letter)
{
    struct bytes text = text_for(letter, s->protocol);
    struct resp_writer w = session_writer(s);

    publish_push(node, s, text);
    if (letter->block == NULL || session_is_closing(s)) {
        return;
    }
    if (s == node->publish.answering) {
        w = (struct resp_writer){.out = &node->publish.behind, .version = s->protocol};
    }
    resp_write_bulk_block(&w, letter->block);
}

static size_t send_to_all(struct node *node, const struct pubsub_topic *topic,
                          struct letter *letter)
{
    size_t count = 0;

    LIST_FOR_EACH (item, &topic->subscriptions) {
        struct session *s =
            CONTAINER_OF(item, struct pubsub_subscription, of_topic)->listener->session;

        if (s != NULL) {
            send(node, s, letter);
            count++;
        }
    }
    for (int i = 0; i < 2; i++) {
        buf_deinit(&letter->text[i]);
    }
    if (letter->block != NULL) {
        block_release(letter->block);
    }
    return count;
}

static size_t send_by_patterns(struct node *node, struct bytes channel, struct bytes message)
{
    const struct pubsub *pubsub = &node->publish.pubsub;
    size_t count = 0;

    HASHTABLE_FOR_EACH (found, &pubsub->topics[PUBSUB_PATTERN]) {
        const struct pubsub_topic *topic = CONTAINER_OF(found, struct pubsub_topic, by_name);
        struct letter letter = {.event = "pmessage",
                                .is_by_pattern = true,
                                .pattern = topic->by_name.key,
                                .channel = channel,
                                .message = message};

        if (glob_match(letter.pattern, channel)) {
            count += send_to_all(node, topic, &letter);
        }
    }
    return count;
}

size_t publish_deliver(struct node *node, enum pubsub_kind kind, struct bytes channel,
                       struct bytes message)
{
    const struct pubsub_topic *topic = pubsub_find(&node->publish.pubsub, kind, channel);
    struct letter letter = {.event = kind == PUBSUB_SHARD ? "smessage" : "message",
                            .channel = channel,
                            .message = message};
    size_t count = 0;

    ASSERT(kind != PUBSUB_PATTERN);
    if (topic != NULL) {
        count = send_to_all(node, topic, &letter);
    }
    if (kind == PUBSUB_CHANNEL) {
        count += send_by_patterns(node, channel, message);
    }
    return count;
}

/* ---- who listens ------------------------------------------------------------------------------*/

static const struct {
    const char *begun;
    const char *ended;
} events[PUBSUB_KINDS] = {
    [PUBSUB_CHANNEL] = {"subscribe",  "unsubscribe" },
    [PUBSUB_PATTERN] = {"psubscribe", "punsubscribe"},
    [PUBSUB_SHARD] = {"ssubscribe", "sunsubscribe"},
};

/* Channels of shards are counted for themselves. */
static size_t count_like(const struct session *s, enum pubsub_kind kind)
{
    return kind == PUBSUB_SHARD ? pubsub_count(s, PUBSUB_SHARD)
                                : pubsub_count(s, PUBSUB_CHANNEL) + pubsub_count(s, PUBSUB_PATTERN);
}

/* name NULL: there was nothing to end. */
static void write_change(struct resp_writer *w, const char *event, const struct bytes *name,
                         size_t count)
{
    resp_write_push(w, 3);
    resp_write_bulk_text(w, event);
    if (name != NULL) {
        resp_write_bulk(w, *name);
    } else {
        resp_write_null(w);
    }
    resp_write_integer(w, (int64_t)count);
}

void publish_subscribe(struct node *node, struct session *s, enum pubsub_kind kind,
                       struct bytes name, struct resp_writer *reply)
{
    (void)pubsub_subscribe(&node->publish.pubsub, s, kind, name);
    write_change(reply, events[kind].begun, &name, count_like(s, kind));
}

void publish_unsubscribe(struct node *node, struct session *s, enum pubsub_kind kind,
                         struct bytes name, struct resp_writer *reply)
{
    (void)pubsub_unsubscribe(&node->publish.pubsub, s, kind, name);
    write_change(reply, events[kind].ended, &name, count_like(s, kind));
}

void publish_unsubscribe_all(struct node *node, struct session *s, enum pubsub_kind kind,
                             struct resp_writer *reply)
{
    struct buf name = {0};

    if (pubsub_count(s, kind) == 0) {
        write_change(reply, events[kind].ended, NULL, count_like(s, kind));
    }
    while (pubsub_count(s, kind) > 0) {
        buf_clear(&name);
        buf_append_bytes(&name, pubsub_oldest(s, kind));
        publish_unsubscribe(node, s, kind, bytes_make(buf_text(&name), name.len), reply);
    }
    buf_deinit(&name);
}

void publish_leave(struct node *node, struct session *s)
{
    pubsub_leave(&node->publish.pubsub, s);
    pass_note_work_if(&node->pass, publish_free_step(node));
}

bool publish_free_step(struct node *node)
{
    return pubsub_free_step(&node->publish.pubsub);
}

/* Is the channel one of the slots that this node's shard has? */
static bool is_served(const struct node *node, struct bytes channel)
{
    struct route_request request = {
        .slot = slot_of_key(channel), .is_readonly_session = true, .is_message = true};
    struct route_target target;

    return cluster_route(node->cluster, node->now.mono, &request, &target) == ROUTE_SERVE;
}

static void tell_end(struct node *node, struct session *s, struct bytes name)
{
    struct buf text = {0};
    struct resp_writer w = {.out = &text, .version = s->protocol};

    publish_unsubscribe(node, s, PUBSUB_SHARD, name, &w);
    publish_push(node, s, buf_bytes(&text));
    buf_deinit(&text);
}

static void end_topic(struct node *node, struct pubsub_topic *topic)
{
    struct list *next = topic->subscriptions.next;
    struct buf name = {0};

    buf_append_bytes(&name, topic->by_name.key);
    for (size_t left = topic->count; left > 0; left--) {
        struct session *s =
            CONTAINER_OF(next, struct pubsub_subscription, of_topic)->listener->session;

        next = next->next;
        if (s != NULL) {
            tell_end(node, s, buf_bytes(&name));
        }
    }
    buf_deinit(&name);
}

void publish_look_at_slots(struct node *node)
{
    const struct hashtable *topics = &node->publish.pubsub.topics[PUBSUB_SHARD];
    VEC(struct pubsub_topic *) lost = {0};

    ASSERT(node->cluster != NULL);
    HASHTABLE_FOR_EACH (found, topics) {
        struct pubsub_topic *topic = CONTAINER_OF(found, struct pubsub_topic, by_name);

        if (!is_served(node, topic->by_name.key)) {
            VEC_PUSH(&lost, topic);
        }
    }
    for (size_t i = 0; i < lost.count; i++) {
        end_topic(node, lost.items[i]);
    }
    VEC_DEINIT(&lost);
}

void publish_check(const struct node *node)
{
    ASSERT(node->publish.behind.len == 0 || node->publish.answering != NULL); /* (1) */
    pubsub_check(&node->publish.pubsub);
}
