/* SPDX-License-Identifier: MIT */
#include "node/peer_lane.h"

#include "base/assert.h"
#include "node/inside.h"

enum {
    LINE_MAX_BYTES = 64 * 1024,
    AWAITED_MAX = 16 * 1024,
    AWAITED_MAX_BYTES = 64 * 1024 * 1024,
};

/* What a client may be answered: whatever the other node, which is one of ours, says. */
static const struct resp_limits answer_limits = {
    .max_args = SIZE_MAX / 2,
    .max_bulk_bytes = UINT64_C(4) * 1024 * 1024 * 1024,
    .max_inline_bytes = 64 * 1024,
    .max_depth = 32,
};

void peer_lane_open(struct node *node, struct peer_lane *lane, const struct peer_address *to)
{
    ASSERT(lane->phase == PEER_LANE_CLOSED);
    lane->phase = PEER_LANE_CONNECTING;
    lane->link = life_new_link(node);
    lane->opened_at = node->now.mono;
    node->env.link_open(node->env.context, lane->link, ENV_LINK_MOVE, to->host, to->port);
}

void peer_lane_forget(struct peer_lane *lane)
{
    buf_deinit(&lane->in);
    buf_deinit(&lane->kept);
    VEC_DEINIT(&lane->answers);
    *lane = (struct peer_lane){0};
}

void peer_lane_close(struct node *node, struct peer_lane *lane)
{
    if (lane->phase != PEER_LANE_CLOSED) {
        node->env.link_close(node->env.context, lane->link);
    }
    peer_lane_forget(lane);
}

static struct introduction_self self_of(const struct node *node, const struct peer_address *to)
{
    struct introduction_self self = replicas_introduction(node);

    self.shard = to->shard; /* whose data are wanted */
    return self;
}

void peer_lane_up(struct node *node, struct peer_lane *lane, const struct peer_address *to)
{
    const struct config *config = &node->config;
    struct introduction_self self = self_of(node, to);
    struct bytes words[3] = {BYTES_LITERAL("AUTH")};
    struct buf out = {0};
    size_t count = 1;

    ASSERT(lane->phase == PEER_LANE_CONNECTING);
    lane->phase = PEER_LANE_NODE;
    if (config->primaryauth[0] != '\0') {
        if (config->primaryuser[0] != '\0') {
            words[count++] = bytes_from_text(config->primaryuser);
        }
        words[count++] = bytes_from_text(config->primaryauth);
        resp_write_request(&out, words, count);
        lane->phase = PEER_LANE_AUTH;
    }
    introduction_begin(&lane->introduction, &self, &to->node, &node->rng, &out);
    node->env.link_send(node->env.context, lane->link, buf_bytes(&out));
    buf_deinit(&out);
}

void peer_lane_input(struct peer_lane *lane, struct bytes input)
{
    buf_append_bytes(&lane->in, input);
}

static bool take_greeting(struct node *node, struct peer_lane *lane, const struct peer_address *to,
                          struct bytes line, struct errmsg *error)
{
    struct introduction_self self = self_of(node, to);
    struct buf out = {0};
    bool is_ok = bytes_has_prefix(line, "+");

    if (!is_ok) {
        errmsg_set(error, "%.*s", BYTES_ARGS(line));
    } else if (lane->phase == PEER_LANE_AUTH) {
        lane->phase = PEER_LANE_NODE;
    } else if (lane->phase == PEER_LANE_NODE) {
        is_ok = introduction_take_answer(&lane->introduction, &self, line, &out, error);
        if (is_ok) {
            node->env.link_send(node->env.context, lane->link, buf_bytes(&out));
            lane->phase = PEER_LANE_PROOF;
        }
    } else {
        lane->phase = PEER_LANE_OPEN;
    }
    buf_deinit(&out);
    return is_ok;
}

static enum peer_lane_news next_of_greeting(struct node *node, struct peer_lane *lane,
                                            const struct peer_address *to, struct errmsg *error)
{
    while (lane->phase != PEER_LANE_OPEN) {
        struct bytes in = buf_bytes(&lane->in);
        size_t end = bytes_find_byte(in, '\n');
        bool is_ok;

        if (end == SIZE_MAX) {
            errmsg_set(error, "it does not greet");
            return in.len < LINE_MAX_BYTES ? PEER_LANE_NOTHING : PEER_LANE_BROKEN;
        }
        is_ok = take_greeting(node, lane, to, bytes_trim(bytes_prefix(in, end)), error);
        buf_consume(&lane->in, end + 1);
        if (!is_ok) {
            return PEER_LANE_BROKEN;
        }
    }
    return PEER_LANE_OPENED;
}

enum peer_lane_news peer_lane_next(struct node *node, struct peer_lane *lane,
                                   const struct peer_address *to, struct bytes *bytes,
                                   struct peer_answer *answer, struct errmsg *error)
{
    struct bytes in;
    enum resp_status status;

    if (lane->phase != PEER_LANE_OPEN) {
        return next_of_greeting(node, lane, to, error);
    }
    in = buf_bytes(&lane->in);
    status = in.len > 0 ? resp_value_scan(&lane->scan, in, &answer_limits, error) : RESP_MORE;
    if (status != RESP_OK) {
        return status == RESP_MORE ? PEER_LANE_NOTHING : PEER_LANE_BROKEN;
    }
    *bytes = bytes_prefix(in, lane->scan.at);
    if (in.data[0] == '>') {
        return PEER_LANE_PUSH;
    }
    if (lane->first == lane->answers.count) {
        errmsg_set(error, "it answers what it was not asked");
        return PEER_LANE_BROKEN;
    }
    *answer = lane->answers.items[lane->first++];
    ASSERT(lane->awaited_bytes >= answer->asked_bytes);
    lane->awaited_bytes -= answer->asked_bytes;
    if (lane->first == lane->answers.count) {
        lane->first = 0;
        lane->answers.count = 0;
    }
    return PEER_LANE_ANSWER;
}

void peer_lane_take(struct peer_lane *lane, struct bytes bytes)
{
    lane->scan = (struct resp_value_scan){0};
    buf_consume(&lane->in, bytes.len);
}

void peer_lane_pass_on(struct node *node, struct peer_lane *lane, struct bytes request,
                       const struct peer_answer *answer)
{
    ASSERT(lane->phase == PEER_LANE_OPEN);
    VEC_PUSH(&lane->answers, *answer);
    lane->answers.items[lane->answers.count - 1].asked_bytes = request.len;
    lane->awaited_bytes += request.len;
    node->env.link_send(node->env.context, lane->link, request);
}

void peer_lane_pass_on_kept(struct node *node, struct peer_lane *lane, struct bytes request,
                            struct peer_answer answer)
{
    answer.kept_len = request.len;
    buf_append_bytes(&lane->kept, request);
    peer_lane_pass_on(node, lane, request, &answer);
}

void peer_lane_ask(struct node *node, struct peer_lane *lane, const struct bytes *words,
                   size_t count, const struct peer_answer *answer)
{
    struct buf out = {0};

    resp_write_request(&out, words, count);
    if (answer->kind == PEER_ANSWER_VALUE) {
        ASSERT(answer->kept_len == words[count - 1].len);
        buf_append_bytes(&lane->kept, words[count - 1]);
    }
    peer_lane_pass_on(node, lane, buf_bytes(&out), answer);
    buf_deinit(&out);
}

void peer_lane_take_kept(struct peer_lane *lane, size_t len, struct buf *out)
{
    ASSERT(len <= lane->kept.len);
    if (out != NULL) {
        buf_append_bytes(out, bytes_prefix(buf_bytes(&lane->kept), len));
    }
    buf_consume(&lane->kept, len);
}

size_t peer_lane_awaited(const struct peer_lane *lane)
{
    return lane->answers.count - lane->first;
}

bool peer_lane_is_full(const struct peer_lane *lane)
{
    return peer_lane_awaited(lane) >= AWAITED_MAX || lane->awaited_bytes >= AWAITED_MAX_BYTES;
}

bool peer_lane_has_room(const struct peer_lane *lane)
{
    return peer_lane_awaited(lane) <= AWAITED_MAX / 2 &&
           lane->awaited_bytes <= AWAITED_MAX_BYTES / 2;
}
