/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/council/world.h"

#include "base/assert.h"
#include "base/xxh3.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    WINDOW_US = 250000,
    WINDOW_NODES = 3,
    RESTLESS_SEATS = 3,
    CRASH_PART = 150, /* one of so many times that a node has said something while it writes */
};

void world_fail(struct world *w, const char *format, ...)
{
    va_list args;

    if (w->failure[0] == '\0') {
        va_start(args, format);
        vsnprintf(w->failure, sizeof(w->failure), format, args);
        va_end(args);
    }
}

struct world_node *world_find(struct world *w, const struct cluster_id *id)
{
    for (size_t i = 0; i < w->node_count; i++) {
        if (cluster_id_equal(&w->nodes[i].id, id)) {
            return &w->nodes[i];
        }
    }
    ASSERT(false);
    return NULL;
}

static size_t shard_of(const struct world *w, const struct cluster_id *shard)
{
    for (size_t i = 0; i < w->shard_count; i++) {
        if (cluster_id_equal(&w->shards[i], shard)) {
            return i;
        }
    }
    ASSERT(false);
    return 0;
}

struct mono_time world_clock(const struct world *w, size_t node)
{
    const struct world_node *n = &w->nodes[node];

    return (struct mono_time){.us = n->offset_us + w->now_us + w->now_us * n->rate_ppm / 1000000};
}

void world_start(struct world *w, size_t node)
{
    struct world_node *n = &w->nodes[node];
    struct council_options options = {
        .me = n->id, .seed = rng_u64(&w->rng), .timeout_ms = WORLD_TIMEOUT_MS};
    struct bytes rest = buf_bytes(&n->disk);
    struct errmsg error;

    ASSERT(n->council == NULL);
    n->council = council_new(&options, world_clock(w, node));
    memset(n->promises, 0, sizeof(n->promises));
    n->is_paused = false;
    n->is_taking_over = false;
    n->hand_over_to = SIZE_MAX;
    while (rest.len > 0) {
        size_t end = bytes_find_byte(rest, '\n');

        if (!council_parse_line(n->council, bytes_prefix(rest, end), &error)) {
            world_fail(w, "node %zu: %s", node, error.text);
        }
        rest = bytes_from(rest, end + 1);
    }
    if (n->disk.len > 0) {
        council_restarted(n->council, world_clock(w, node));
    } else { /* a node does not begin before it has written who it is */
        council_format(n->council, &n->disk);
        council_saved(n->council, world_clock(w, node), council_changes(n->council));
    }
    council_want_lease(n->council, world_clock(w, node), &w->shards[n->shard]);
}

static void lose_write(struct world_node *n)
{
    buf_deinit(&n->write.text);
    n->write = (struct world_write){0};
}

void world_crash(struct world *w, size_t node)
{
    struct world_node *n = &w->nodes[node];

    if (n->council != NULL) {
        council_free(n->council);
        n->council = NULL;
        n->down_since_us = w->now_us;
        lose_write(n);
    }
}

void world_wipe(struct world *w, size_t node)
{
    world_crash(w, node);
    buf_clear(&w->nodes[node].disk);
    world_start(w, node);
}

void world_init(struct world *w, uint64_t seed, size_t nodes, size_t shards)
{
    ASSERT(shards > 0);
    rng_init(&w->rng, seed);
    w->now_us = 1000000;
    w->node_count = nodes;
    w->shard_count = shards;
    for (size_t i = 0; i < shards; i++) {
        rng_hex(&w->rng, w->shards[i].text, CLUSTER_ID_LEN);
    }
    for (size_t i = 0; i < nodes; i++) {
        struct world_node *n = &w->nodes[i];

        rng_hex(&w->rng, n->id.text, CLUSTER_ID_LEN);
        n->rate_ppm = (int64_t)rng_below(&w->rng, 60001) - 30000;
        n->offset_us = (int64_t)rng_below(&w->rng, 1000000000);
        n->shard = i % shards;
        world_start(w, i);
    }
}

void world_deinit(struct world *w)
{
    for (size_t i = 0; i < w->node_count; i++) {
        world_crash(w, i);
        buf_deinit(&w->nodes[i].disk);
    }
    for (size_t i = 0; i < w->wire.count; i++) {
        buf_deinit(&w->wire.items[i].bytes);
    }
    VEC_DEINIT(&w->wire);
}

/* ---- what was agreed ----------------------------------------------------------------------------- */

static void note_record(struct world *w, size_t node, const struct shard_record *record)
{
    size_t shard = shard_of(w, &record->shard);
    struct buf bytes = {0};
    uint64_t hash;

    ASSERT(record->version < WORLD_VERSIONS_MAX);
    shard_record_encode(&bytes, record);
    hash = xxh3(buf_bytes(&bytes)) | 1;
    buf_deinit(&bytes);
    if (w->agreed[shard][record->version] == 0) {
        w->agreed[shard][record->version] = hash;
    } else if (w->agreed[shard][record->version] != hash) {
        world_fail(w, "node %zu: shard %zu has two records of version %" PRIu64, node, shard,
                   record->version);
    }
    if (record->version > w->newest[shard]) {
        w->newest[shard] = record->version;
    }
}

/* ---- what an owner does -------------------------------------------------------------------------- */

static struct shard_record first_record(struct world *w, size_t node, size_t shard)
{
    struct shard_record record = {
        .shard = w->shards[shard],
        .epoch = 1,
        .primary = w->nodes[node].id,
    };

    memset(record.history.text, 'a', HISTORY_ID_LEN);
    for (uint32_t slot = 0; slot < 100; slot++) {
        bitset_add(record.slots, shard * 1000 + slot);
    }
    return record;
}

static uint64_t next_version(const struct council *c, const struct shard_record *read)
{
    const struct shard_record *known = council_find(c, &read->shard);
    uint64_t version = read->version;

    if (known != NULL && known->version > version) {
        version = known->version;
    }
    return version + 1;
}

static void on_read(struct world *w, size_t node)
{
    struct world_node *n = &w->nodes[node];
    struct shard_record record;

    if (!council_read(n->council, &record)) {
        return;
    }
    /* Who goes on from its own change may not know of another one, and then must not get its next one agreed. */
    n->has_read_less =
        record.version < n->version_at_start && council_is_agreed(n->council, &w->shards[n->shard]);
    if (n->has_read_less && record.version != n->version_agreed) {
        world_fail(w, "node %zu: version %" PRIu64 " was read of shard %zu, %" PRIu64 " was agreed",
                   node, record.version, n->shard, n->version_at_start);
    }
    if (shard_record_is_none(&record)) {
        const struct shard_record *known = council_find(n->council, &w->shards[n->shard]);

        if (known != NULL) {
            record = *known;
        } else if (node < w->shard_count) {
            record = first_record(w, node, n->shard);
        }
        if (known != NULL ? !cluster_id_equal(&known->primary, &n->id) : node >= w->shard_count) {
            council_give_up(n->council);
            return;
        }
    }
    if (!n->is_taking_over && !cluster_id_equal(&record.primary, &n->id)) {
        council_put(n->council, world_clock(w, node), &record);
        return;
    }
    record.version = next_version(n->council, &record);
    record.primary = n->id;
    if (n->hand_over_to != SIZE_MAX) {
        record.primary = w->nodes[n->hand_over_to].id;
    }
    record.epoch++;
    if (rng_one_in(&w->rng, 10)) {
        n->idle_until_us = w->now_us; /* and so it takes its time */
    }
    council_put(n->council, world_clock(w, node), &record);
}

static void note_primary(struct world *w, const struct shard_record *record)
{
    world_find(w, &record->primary)->was_primary = true;
}

static void take_news(struct world *w, size_t node)
{
    struct world_node *n = &w->nodes[node];
    struct council_news news;

    while (council_next_news(n->council, &news)) {
        switch (news.type) {
        case COUNCIL_NEWS_RECORD:
            note_record(w, node, council_find(n->council, &news.shard));
            note_primary(w, council_find(n->council, &news.shard));
            break;
        case COUNCIL_NEWS_SEATS:
            w->seat_changes++;
            break;
        case COUNCIL_NEWS_READ:
            on_read(w, node);
            break;
        case COUNCIL_NEWS_AGREED:
            w->agreements++;
            if (n->has_read_less) {
                world_fail(w, "node %zu: what grew from an older version of shard %zu was agreed",
                           node, n->shard);
            }
            n->version_agreed = council_find(n->council, &news.shard)->version;
            w->takeovers += n->is_taking_over ? 1 : 0;
            n->is_taking_over = false;
            n->hand_over_to = SIZE_MAX;
            break;
        case COUNCIL_NEWS_FAILED:
            n->is_taking_over = false;
            n->hand_over_to = SIZE_MAX;
            n->idle_until_us = w->now_us + news.wait_ms * 1000 +
                               (int64_t)rng_below(&w->rng, WORLD_TIMEOUT_MS * 1000 / 2);
            break;
        }
    }
}

static void propose(struct world *w, size_t node, enum council_change change)
{
    struct world_node *n = &w->nodes[node];

    n->version_at_start = w->newest[n->shard];
    n->has_read_less = false;
    n->is_taking_over = change == COUNCIL_TAKE_OVER;
    council_propose(n->council, world_clock(w, node), &w->shards[n->shard], change);
}

bool world_serves(const struct world *w, size_t node)
{
    const struct world_node *n = &w->nodes[node];

    return n->council != NULL &&
           mono_is_before(world_clock(w, node), council_lease_end(n->council));
}

/* Whoever sees a primary that serves leaves it alone when all is calm.  Else everybody tries all the time: nothing but
 * the members' promises keeps them from it. */
static bool wants_to_take_over(struct world *w, size_t node)
{
    if (w->is_calm) {
        return world_holder(w, w->nodes[node].shard) == SIZE_MAX && rng_one_in(&w->rng, 30);
    }
    return rng_one_in(&w->rng, 20);
}

static void act_as_owner(struct world *w, size_t node)
{
    struct world_node *n = &w->nodes[node];
    const struct shard_record *known = council_find(n->council, &w->shards[n->shard]);
    bool is_primary =
        known == NULL ? node < w->shard_count : cluster_id_equal(&known->primary, &n->id);

    if (council_is_proposing(n->council) || w->now_us < n->idle_until_us ||
        council_seats(n->council)->generation == 0) {
        return;
    }
    if (is_primary) {
        if (known == NULL || !council_is_agreed(n->council, &w->shards[n->shard]) ||
            council_is_outbid(n->council) || (!world_serves(w, node) && rng_one_in(&w->rng, 300))) {
            propose(w, node, COUNCIL_OWN);
        } else if (!w->is_calm && world_serves(w, node) && rng_one_in(&w->rng, 1500)) {
            n->hand_over_to =
                rng_one_in(&w->rng, 3) ? SIZE_MAX : (node + w->shard_count) % w->node_count;
            if (n->hand_over_to != SIZE_MAX && w->nodes[n->hand_over_to].shard != n->shard) {
                n->hand_over_to = SIZE_MAX;
            }
            propose(w, node, n->hand_over_to == SIZE_MAX ? COUNCIL_OWN : COUNCIL_HAND_OVER);
        }
    } else if (known != NULL && council_is_agreed(n->council, &w->shards[n->shard]) &&
               wants_to_take_over(w, node)) {
        propose(w, node, COUNCIL_TAKE_OVER);
    }
}

/* ---- time ---------------------------------------------------------------------------------------- */

static void send(struct world *w, size_t from, size_t to, struct bytes bytes)
{
    struct world_message message = {
        .at_us = w->now_us + 100 + (int64_t)rng_below(&w->rng, 3000), .from = from, .to = to};

    if (w->nodes[from].is_cut_from[to] || rng_below(&w->rng, 100) < w->loss_percent) {
        return;
    }
    if (rng_one_in(&w->rng, 50)) {
        message.at_us += (int64_t)rng_below(&w->rng, 300000); /* very late */
    }
    buf_append_bytes(&message.bytes, bytes);
    VEC_PUSH(&w->wire, message);
}

/* What it has said it has to know when it starts again, whatever became of what was on its way to the disk. */
static void crash_behind_what_it_said(struct world *w, size_t node)
{
    if (w->crashes_behind_words && !w->is_calm && w->nodes[node].write.at_us != 0 &&
        rng_one_in(&w->rng, CRASH_PART)) {
        world_crash(w, node);
        world_start(w, node);
    }
}

static void post(struct world *w, size_t node)
{
    struct world_node *n = &w->nodes[node];
    struct cluster_id to;
    struct bytes bytes;
    bool has_spoken = false;

    while (council_next_message(n->council, &to, &bytes)) {
        size_t target = (size_t)(world_find(w, &to) - w->nodes);

        has_spoken = true;
        send(w, node, target, bytes);
        if (rng_one_in(&w->rng, 100)) {
            send(w, node, target, bytes);
        }
    }
    if (n->write.at_us == 0 && council_changes(n->council) > n->write.changes) {
        n->write.at_us = w->now_us + 100 + (int64_t)rng_below(&w->rng, 4000);
        if (rng_one_in(&w->rng, w->crashes_behind_words ? 2 : 10)) {
            n->write.at_us += (int64_t)rng_below(&w->rng, 100000); /* a slow disk */
        }
        n->write.changes = council_changes(n->council);
        buf_clear(&n->write.text);
        council_format(n->council, &n->write.text);
    }
    if (has_spoken) {
        crash_behind_what_it_said(w, node);
    }
}

static void finish_write(struct world *w, size_t node)
{
    struct world_node *n = &w->nodes[node];

    if (n->write.at_us == 0 || w->now_us < n->write.at_us) {
        return;
    }
    buf_clear(&n->disk);
    buf_append_bytes(&n->disk, buf_bytes(&n->write.text));
    n->write.at_us = 0;
    council_saved(n->council, world_clock(w, node), n->write.changes);
}

/* Where seats move on and on, three nodes are there for a while, then the next three. */
static bool is_in_window(const struct world *w, size_t node)
{
    size_t first = (size_t)(w->now_us / WINDOW_US) % w->node_count;

    return (node + w->node_count - first) % w->node_count < WINDOW_NODES;
}

static bool is_there(const struct world *w, size_t node)
{
    return w->is_calm ||
           (w->is_restless ? node != w->absent : !w->is_moving || is_in_window(w, node));
}

/* As soon as the council does without the node that is not there, it is the next one's turn.  Not earlier: members who see a majority of
 * them leave do nothing. */
static void move_absent(struct world *w)
{
    const struct seats *newest = NULL;

    for (size_t i = 0; i < w->node_count; i++) {
        const struct seats *seats = council_seats(w->nodes[i].council);

        if (newest == NULL || seats->generation > newest->generation) {
            newest = seats;
        }
    }
    if (!seats_is_handing_over(newest) && newest->members.count >= RESTLESS_SEATS &&
        newest->members.count % 2 == 1 && !seats_has(newest, &w->nodes[w->absent].id)) {
        w->absent = (w->absent + 1) % w->node_count;
    }
}

static bool is_thought_gone(struct world *w, const struct world_node *n)
{
    if (n->council == NULL && w->now_us - n->down_since_us > WORLD_TIMEOUT_MS * 5000) {
        return true;
    }
    return !w->is_calm && rng_one_in(&w->rng, 40); /* one may be wrong */
}

/* Heartbeats: who is there, and of which council. */
static void look_around(struct world *w, size_t node)
{
    struct world_node *n = &w->nodes[node];
    struct council_candidate candidates[WORLD_NODES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < w->node_count; i++) {
        struct world_node *other = &w->nodes[i];
        bool is_up = other->council != NULL && !other->is_paused && !other->is_cut_from[node];
        struct council_hint hint = {0};

        if (is_up) {
            hint = council_get_hint(other->council);
            if (i != node) {
                council_hear(n->council, world_clock(w, node), &other->id, &hint);
            }
        }
        if (!is_there(w, i)) {
            continue;
        }
        candidates[count++] = (struct council_candidate){
            .node = other->id,
            .seat_key = other->council != NULL ? council_get_hint(other->council).seat_key : 0,
            .host = i / 2,
            .is_reachable =
                is_up && cluster_id_equal(&hint.council, &council_seats(n->council)->council),
            .is_gone = is_thought_gone(w, other),
            .is_primary = i < w->shard_count,
        };
        if (candidates[count - 1].seat_key == 0) {
            const struct seat *seat =
                seat_set_find(&council_seats(n->council)->members, &other->id);

            candidates[count - 1].seat_key = seat != NULL ? seat->key : 0;
        }
    }
    council_set_candidates(n->council, candidates, count);
}

static void deliver(struct world *w)
{
    for (size_t i = 0; i < w->wire.count;) {
        struct world_message message = w->wire.items[i];
        struct world_node *to = &w->nodes[message.to];

        if (message.at_us > w->now_us || (to->council != NULL && to->is_paused)) {
            i++;
            continue;
        }
        VEC_REMOVE_AT(&w->wire, i);
        if (to->council != NULL) {
            council_receive(to->council, world_clock(w, message.to), &w->nodes[message.from].id,
                            buf_bytes(&message.bytes));
        }
        buf_deinit(&message.bytes);
    }
}

size_t world_holder(const struct world *w, size_t shard)
{
    for (size_t i = 0; i < w->node_count; i++) {
        if (w->nodes[i].shard == shard && world_serves(w, i)) {
            return i;
        }
    }
    return SIZE_MAX;
}

void world_step(struct world *w)
{
    w->now_us += 1000;
    deliver(w);
    for (size_t i = 0; i < w->node_count; i++) {
        struct world_node *n = &w->nodes[i];

        if (n->council == NULL || n->is_paused) {
            continue;
        }
        finish_write(w, i);
        if (mono_is_due(council_wake_at(n->council), world_clock(w, i))) {
            council_tick(n->council, world_clock(w, i));
        }
        if (rng_one_in(&w->rng, WORLD_TIMEOUT_MS / 5)) {
            look_around(w, i);
        }
        take_news(w, i);
        act_as_owner(w, i);
        take_news(w, i);
        post(w, i);
    }
    if (w->is_restless) {
        move_absent(w);
    }
    world_check(w);
}

void world_run(struct world *w, int64_t ms)
{
    for (int64_t i = 0; i < ms && w->failure[0] == '\0'; i++) {
        world_step(w);
    }
}

bool world_is_settled(const struct world *w)
{
    const struct seats *first = NULL;

    for (size_t i = 0; i < w->node_count; i++) {
        const struct seats *seats;

        if (w->nodes[i].council == NULL) {
            continue;
        }
        seats = council_seats(w->nodes[i].council);
        if (first == NULL) {
            first = seats;
        }
        if (seats->generation == 0 || !seats_equal(first, seats) || seats_is_handing_over(seats) ||
            seats->members.count % 2 == 0) {
            return false;
        }
    }
    return first != NULL;
}

void world_print(const struct world *w)
{
    for (size_t i = 0; i < w->node_count; i++) {
        const struct world_node *n = &w->nodes[i];
        const struct seats *seats;
        const struct shard_record *known;

        if (n->council == NULL) {
            fprintf(stderr, "node %zu %.4s: down\n", i, n->id.text);
            continue;
        }
        seats = council_seats(n->council);
        known = council_find(n->council, &w->shards[n->shard]);
        fprintf(stderr,
                "node %zu %.4s: council %.4s generation %" PRIu64 ", %zu members%s%s; shard %zu "
                "version %" PRIu64 "%s primary %.4s%s%s%s\n",
                i, n->id.text, seats->council.text, seats->generation, seats->members.count,
                seats_is_handing_over(seats) ? ", handing over" : "",
                council_is_member(n->council) ? ", seated" : "", n->shard,
                known != NULL ? known->version : 0,
                council_is_agreed(n->council, &w->shards[n->shard]) ? "" : " (not agreed)",
                known != NULL ? known->primary.text : "-", world_serves(w, i) ? ", serving" : "",
                n->is_paused ? ", paused" : "", council_is_outbid(n->council) ? ", outbid" : "");
    }
}
