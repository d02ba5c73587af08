/* SPDX-License-Identifier: MIT */
#include "cluster/council_side.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/xxh3.h"
#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/nodes.h"
#include "cluster/pace.h"
#include "cluster/shard.h"
#include "cluster/sync_set.h"
#include "cluster/takeover.h"

#include <inttypes.h>

enum {
    GONE_TIMEOUTS = 30, /* so long a node is away before its seat is another one's */
    GONE_MIN_MS = 15000,
};

void council_side_found(struct cluster *c)
{
    struct council_options options = {
        .me = c->me->id,
        .seed = rng_u64(&c->rng),
        .timeout_ms = c->config.node_timeout_ms,
    };

    council_free(c->council);
    c->council = council_new(&options, c->now);
    c->council_changes = 0;
    c->council_files.count = 0;
    c->own = (struct own_change){.at = c->now, .taken_since = MONO_NEVER};
    c->takeover = (struct takeover){0};
    c->sync = (struct sync_state){0};
    c->is_record_pending = false;
    c->has_formed = false;
    nodes_changed(c);
}

void council_side_take_frame(struct cluster *c, const struct cluster_node *sender,
                             const struct frame *frame)
{
    const struct cluster_node *better =
        council_is_takeover(frame->body)
            ? facts_find_better_sibling(c, council_find(c->council, &sender->shard), sender)
            : NULL;

    ASSERT(frame->type == FRAME_COUNCIL);
    if (better != NULL) {
        emit_log(c, LOG_VERBOSE, "node %s is not to take over: replica %s has more data",
                 sender->id.text, better->id.text);
        council_defer(c->council, c->now, &sender->id, frame->body, cluster_timeout_part(c, 4));
        return;
    }
    council_receive(c->council, c->now, &sender->id, frame->body);
}

/* Once for each node, and again when it has come to another one. */
static void tell_of_another(struct cluster *c, const struct cluster_node *sender,
                            const struct council_hint *hint)
{
    if (council_stays_apart(c->council, hint) && !council_stays_apart(c->council, &sender->hint)) {
        emit_log(c, LOG_WARNING,
                 "node %s is of another council than this one, and each has decided about others: "
                 "they stay two.  Reset the nodes of one (CLUSTER RESET), and meet them again",
                 sender->id.text);
    }
}

void council_side_hear(struct cluster *c, struct cluster_node *sender,
                       const struct council_hint *hint)
{
    /* Who follows another council takes no record of ours: when it comes over it is told anew. */
    if (!cluster_id_equal(&sender->hint.council, &hint->council)) {
        sender->told_version = 0;
    }
    tell_of_another(c, sender, hint);
    sender->hint = *hint;
    council_hear(c->council, c->now, &sender->id, hint);
}

/* ---- who could sit in it ------------------------------------------------------------------------- */

static bool is_gone(const struct cluster *c, const struct cluster_node *node)
{
    int64_t limit_ms = GONE_TIMEOUTS * c->config.node_timeout_ms;

    limit_ms = limit_ms < GONE_MIN_MS ? GONE_MIN_MS : limit_ms;
    return mono_is_before(node->silent_since, c->now) &&
           mono_ms_between(node->silent_since, c->now) > limit_ms;
}

static struct council_candidate candidate_of(const struct cluster *c, struct cluster_node *node)
{
    struct council_hint own = council_get_hint(c->council);
    const struct council_hint *hint = node == c->me ? &own : &node->hint;
    const struct seat *seat = seat_set_find(&council_seats(c->council)->members, &node->id);
    bool is_heard = node == c->me || (node->link == LINK_UP && node->has_answered);
    bool is_ours = cluster_id_equal(&hint->council, &own.council);
    struct council_candidate candidate = {
        .node = node->id,
        .seat_key = hint->seat_key,
        .host = xxh3(bytes_from_text(node->address.ip)),
        .is_reachable = node == c->me || (is_heard && node_is_reachable(node) && is_ours),
        .is_gone = is_gone(c, node),
        .is_primary = node_is_primary(node),
    };

    /* Who was not heard yet has not lost its seat by that. */
    if (hint->generation == 0 && hint->seat_key == 0 && seat != NULL) {
        candidate.seat_key = seat->key;
    }
    return candidate;
}

static void note_silence(const struct cluster *c, struct cluster_node *node)
{
    bool is_silent = node != c->me && !node_is_reachable(node);

    if (!is_silent) {
        node->silent_since = MONO_NEVER;
    } else if (!mono_is_before(node->silent_since, c->now)) {
        node->silent_since = c->now;
    }
}

static void tell_candidates(struct cluster *c)
{
    size_t count = 0;
    struct council_candidate *candidates =
        mem_alloc(MEM_CLUSTER, c->nodes.count * sizeof(*candidates));

    for (size_t i = 0; i < c->nodes.count; i++) {
        if (!c->nodes.items[i]->is_in_handshake) {
            candidates[count++] = candidate_of(c, c->nodes.items[i]);
        }
    }
    council_set_candidates(c->council, candidates, count);
    mem_free(MEM_CLUSTER, candidates);
}

void council_side_tick(struct cluster *c)
{
    for (size_t i = 0; i < c->nodes.count; i++) {
        note_silence(c, c->nodes.items[i]);
    }
    council_ask_seldom(c->council, pace_is_large(c));
    if (council_is_member(c->council)) {
        tell_candidates(c);
    }
}

/* ---- the disk ------------------------------------------------------------------------------------ */

void council_side_note_saved(struct cluster *c)
{
    struct council_file file = {0};

    sync_set_file_given(c, &file);
    sync_set_file_written(c, &file);
}

void council_side_file_given(struct cluster *c, uint64_t sequence)
{
    struct council_file file = {.sequence = sequence, .changes = council_changes(c->council)};

    sync_set_file_given(c, &file);
    c->council_changes = file.changes;
    VEC_PUSH(&c->council_files, file);
}

void council_side_file_written(struct cluster *c, uint64_t sequence)
{
    size_t count = 0;
    uint64_t changes = 0;

    while (count < c->council_files.count && c->council_files.items[count].sequence <= sequence) {
        sync_set_file_written(c, &c->council_files.items[count]);
        changes = c->council_files.items[count++].changes;
    }
    c->council_files.count -= count;
    memmove(c->council_files.items, c->council_files.items + count,
            c->council_files.count * sizeof(c->council_files.items[0]));
    if (count > 0) {
        council_saved(c->council, c->now, changes);
    }
}

/* ---- news and messages --------------------------------------------------------------------------- */

static void on_seats(struct cluster *c)
{
    const struct seats *seats = council_seats(c->council);

    shard_on_seats(c);
    if (seats->generation == 0) {
        emit_log(c, LOG_NOTICE, "this node's own council has ended, it joins that of others");
    } else {
        emit_log(c, LOG_NOTICE, "the council has %zu seats, generation %" PRIu64 "%s%s",
                 seats->members.count, seats->generation,
                 seats_is_handing_over(seats) ? ", a change under way" : "",
                 council_is_member(c->council) ? "; this node has one" : "");
    }
    /* Of many nodes the members alone tell all others: else each would tell each of every one of a dozen generations.  Who has no
     * council now asks the next that it hears. */
    if (pace_is_large(c) && !council_is_member(c->council)) {
        bus_announce_to_council(c);
    } else {
        bus_announce(c);
    }
}

static void take_news(struct cluster *c, const struct council_news *news)
{
    switch (news->type) {
    case COUNCIL_NEWS_SEATS:
        on_seats(c);
        break;
    case COUNCIL_NEWS_RECORD:
        shard_follow_record(c, &news->shard);
        break;
    case COUNCIL_NEWS_READ:
        /* Before it asked to take over it may have been the primary, and begun a change: nobody else gives that up. */
        if (c->takeover.phase == TAKEOVER_PREPARING) {
            takeover_on_read(c);
        } else {
            shard_on_read(c, &news->shard);
        }
        break;
    case COUNCIL_NEWS_AGREED:
        shard_tell_everybody(c, &news->shard);
        takeover_on_end(c, news);
        shard_on_end(c, news);
        break;
    case COUNCIL_NEWS_FAILED:
        takeover_on_end(c, news);
        shard_on_end(c, news);
        break;
    }
}

static bool hand_out_messages(struct cluster *c)
{
    struct cluster_id to;
    struct bytes message;
    bool any = false;

    while (council_next_message(c->council, &to, &message)) {
        struct cluster_node *node = nodes_find(c, &to);

        any = true;
        if (node != NULL && !node->is_in_handshake) {
            bus_send_council(c, node, message);
        }
    }
    return any;
}

static bool hand_out_news(struct cluster *c)
{
    struct council_news news;
    bool any = false;

    while (council_next_news(c->council, &news)) {
        any = true;
        take_news(c, &news);
    }
    return any;
}

/* What a message waits for is written as soon as the disk is free: of what comes while it is busy one file is made, as of what was
 * only learned after a while. */
static void note_changes(struct cluster *c)
{
    bool is_disk_busy = c->file_reported < c->file_sequence;
    bool is_awaited = council_waits_for_disk(c->council) || !sync_set_is_saved(c);

    if (is_awaited && !is_disk_busy) {
        nodes_changed(c);
    } else {
        nodes_learned(c);
    }
}

void council_side_settle(struct cluster *c)
{
    bool any = true;

    if (mono_is_due(council_wake_at(c->council), c->now)) {
        council_tick(c->council, c->now);
    }
    while (any) {
        any = hand_out_news(c);
        any = hand_out_messages(c) || any;
    }
    if (council_changes(c->council) > c->council_changes) {
        note_changes(c);
    }
}

struct mono_time council_side_wake_at(const struct cluster *c)
{
    return mono_earlier(council_wake_at(c->council), takeover_wake_at(c));
}

void council_side_deinit(struct cluster *c)
{
    council_free(c->council);
    c->council = NULL;
    VEC_DEINIT(&c->council_files);
}
