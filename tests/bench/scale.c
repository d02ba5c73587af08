/* SPDX-License-Identifier: MIT */
/* What the bus of a large cluster carries, and how long a take-over takes there.
 *
 *     scale [--shards N] [--seconds N] [--takeovers N] [--at-once N] [--lives N]
 *
 * N primaries, each with a replica: their state machines (server/cluster) in one process, on a network that delivers in a
 * millisecond and disks that sync in three, by a clock of their own.  When the cluster has formed, the bytes that each node sends and
 * receives are counted for so many seconds; then primaries are stopped, one after another, without a word, and the time
 * is taken until their replica serves.  The figures are the same in every run: nothing of the machine is in them.
 * So many lives each primary has behind it: take-overs and starts, of which all its frames tell. */
#include "base/assert.h"
#include "base/heap.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cluster/cluster.h"
#include "cluster/frame.h"
#include "cluster/proof.h"
#include "cluster/report.h"
#include "cluster/route.h"
#include "spec/slot.h"
#include "tests/bench/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NETWORK_US = 1000,
    DISK_US = 3000,
    FORMING_MAX_S = 120,
    TAKEOVER_MAX_MS = 30000,
    BASE_PORT = 7000,
    BUS_OFFSET = 10000,
    ORDER_BITS = 24,
    LINKS_MAX = 4096, /* numbers of outgoing links of one node */
    KINDS = PROOF_WELCOME + 1,
};

struct connection {
    int from;
    int to;
    uint32_t number; /* of the link at from; at to it is the connection's index + 1 */
    bool is_up;
    bool is_closed;
};

enum happening {
    A_FRAME,
    A_LINK_UP,
    A_LINK_DOWN,
    AN_INCOMING_CLOSED,
    A_FILE,
    A_WAKE,
};

struct event {
    struct heap_node node;
    enum happening what;
    int member;
    size_t connection;
    uint64_t sequence;
    struct buf frame;
};

struct member {
    struct cluster *core;
    struct actions actions;
    struct cluster_status status;
    struct event wake;
    int follows; /* -1: nobody */
    bool is_running;
    char ip[32];
    uint64_t bytes[KINDS];   /* sent and received, by type of frame */
    size_t links[LINKS_MAX]; /* newest connection of each outgoing link, + 1 */
};

struct world {
    struct member *members;
    int count;
    int shards;
    int64_t now_us;
    struct heap events;
    int64_t planned;
    VEC(struct connection) connections;
    unsigned histories;
    int lives;
};

static struct mono_time now_of(const struct world *w)
{
    return (struct mono_time){.us = w->now_us};
}

static void id_text(int member, char id[CLUSTER_ID_LEN + 1])
{
    snprintf(id, CLUSTER_ID_LEN + 1, "%040x", member + 1);
}

/* What happens at the same time happens in the order in which it was planned. */
static void plan(struct world *w, struct event *event, int64_t at_us)
{
    int64_t order = w->planned++ & ((INT64_C(1) << ORDER_BITS) - 1);

    heap_push(&w->events, &event->node, at_us << ORDER_BITS | order);
}

static struct event *schedule(struct world *w, int64_t delay_us, enum happening what, int member)
{
    struct event *event = mem_alloc_zeroed(MEM_TEST, sizeof(*event));

    event->what = what;
    event->member = member;
    plan(w, event, w->now_us + delay_us);
    return event;
}

/* ---- connections --------------------------------------------------------------------------------- */

static void tell(struct world *w, size_t index, bool is_to_opener, enum happening what,
                 struct bytes frame)
{
    const struct connection *c = &w->connections.items[index];
    struct event *event = schedule(w, NETWORK_US, what, is_to_opener ? c->from : c->to);

    event->connection = index;
    buf_append_bytes(&event->frame, frame);
}

static void open_connection(struct world *w, int from, const struct cluster_action *action)
{
    struct connection c = {.from = from, .number = action->link.number};

    c.to = (int)action->address.port - BASE_PORT;
    ASSERT(c.to >= 0 && c.to < w->count && c.number < LINKS_MAX);
    VEC_PUSH(&w->connections, c);
    w->members[from].links[c.number] = w->connections.count;
    if (w->members[c.to].is_running) {
        tell(w, w->connections.count - 1, true, A_LINK_UP, (struct bytes){0});
    } /* else a black hole */
}

static struct connection *find_connection(struct world *w, int member, struct cluster_link link,
                                          size_t *index)
{
    *index = (link.is_incoming ? link.number : w->members[member].links[link.number]);
    if (*index == 0) {
        return NULL;
    }
    (*index)--;
    return &w->connections.items[*index];
}

static void close_connection(struct world *w, int member, struct cluster_link link)
{
    size_t index;
    struct connection *c = find_connection(w, member, link, &index);

    if (c == NULL || c->is_closed) {
        return;
    }
    c->is_closed = true;
    tell(w, index, c->from != member, c->from == member ? AN_INCOMING_CLOSED : A_LINK_DOWN,
         (struct bytes){0});
}

static void count_bytes(struct member *m, struct bytes frame)
{
    struct frame_head head;
    struct errmsg error;
    bool is_ok = frame_decode_head(frame, &head, &error);

    ASSERT(is_ok && head.type < KINDS);
    m->bytes[head.type] += frame.len;
}

static void send_frame(struct world *w, int member, const struct cluster_action *action)
{
    struct bytes frame = cluster_action_bytes(&w->members[member].actions, action);
    size_t index;
    const struct connection *c = find_connection(w, member, action->link, &index);

    count_bytes(&w->members[member], frame);
    if (c != NULL && c->is_up && !c->is_closed) {
        tell(w, index, action->link.is_incoming, A_FRAME, frame);
    }
}

/* ---- members ------------------------------------------------------------------------------------- */

static void begin_history(struct world *w, struct member *m)
{
    lineage_add(&m->status.lineage, &m->status.history, m->status.offset);
    snprintf(m->status.history.text, sizeof(m->status.history.text), "h%039u", ++w->histories);
}

static void step(struct world *w, int member, const struct cluster_event *event);

static void step_status(struct world *w, int member)
{
    struct member *m = &w->members[member];
    struct cluster_event event = {.type = CLUSTER_EVENT_STATUS, .status = &m->status};

    if (m->follows >= 0) {
        const struct member *primary = &w->members[m->follows];

        if (m->status.is_link_up && !primary->is_running) {
            m->status.is_link_broken = true;
            m->status.link_down_since = now_of(w);
        }
        m->status.is_link_up = primary->is_running;
        if (primary->is_running) {
            m->status.history = primary->status.history;
            m->status.lineage = primary->status.lineage;
            m->status.is_data_complete = true;
        }
    }
    step(w, member, &event);
}

static int member_of(const struct world *w, const struct cluster_id *id)
{
    char text[CLUSTER_ID_LEN + 1];

    for (int i = 0; i < w->count; i++) {
        id_text(i, text);
        if (strcmp(text, id->text) == 0) {
            return i;
        }
    }
    ASSERT(false);
    return -1;
}

static void carry_out_one(struct world *w, int member, const struct cluster_action *action,
                          bool *has_news)
{
    struct member *m = &w->members[member];

    switch (action->type) {
    case CLUSTER_ACTION_OPEN:
        open_connection(w, member, action);
        break;
    case CLUSTER_ACTION_CLOSE:
        close_connection(w, member, action->link);
        break;
    case CLUSTER_ACTION_SEND:
        send_frame(w, member, action);
        break;
    case CLUSTER_ACTION_WRITE_FILE:
        schedule(w, DISK_US, A_FILE, member)->sequence = action->sequence;
        break;
    case CLUSTER_ACTION_FOLLOW:
        m->follows = member_of(w, &action->id);
        m->status.is_link_up = false;
        m->status.is_link_broken = false;
        m->status.link_down_since = now_of(w);
        break;
    case CLUSTER_ACTION_BECOME_PRIMARY:
        m->follows = -1;
        begin_history(w, m);
        *has_news = true;
        break;
    case CLUSTER_ACTION_DATA_COMPLETE:
        m->status.is_data_complete = true;
        *has_news = true;
        break;
    case CLUSTER_ACTION_LOG:
        if (getenv("SCALE_LOG") != NULL && atoi(getenv("SCALE_LOG")) == member) {
            struct bytes line = cluster_action_bytes(&m->actions, action);

            fprintf(stderr, "%8" PRId64 " %.*s\n", w->now_us / 1000, BYTES_ARGS(line));
        }
        break;
    case CLUSTER_ACTION_SLOTS_CHANGED:
    case CLUSTER_ACTION_STATE_CHANGED:
    case CLUSTER_ACTION_PAUSE_WRITES:
    case CLUSTER_ACTION_RESUME_WRITES:
    case CLUSTER_ACTION_MESSAGE:
        break; /* nothing that is counted */
    }
}

static void carry_out(struct world *w, int member)
{
    struct member *m = &w->members[member];
    bool has_news = false;

    for (size_t i = 0; i < m->actions.count; i++) {
        carry_out_one(w, member, cluster_action_at(&m->actions, i), &has_news);
    }
    heap_remove(&w->events, &m->wake.node);
    plan(w, &m->wake, m->actions.wake_at.us);
    actions_clear(&m->actions);
    if (has_news) {
        step_status(w, member);
    }
}

static void step(struct world *w, int member, const struct cluster_event *event)
{
    cluster_step(w->members[member].core, now_of(w), event, &w->members[member].actions);
    carry_out(w, member);
}

static void wake(struct world *w, int member)
{
    struct cluster_event tick = {.type = CLUSTER_EVENT_TICK};

    step_status(w, member);
    step(w, member, &tick);
}

static void happen(struct world *w, const struct event *event)
{
    struct connection *c =
        event->what <= AN_INCOMING_CLOSED ? &w->connections.items[event->connection] : NULL;
    struct cluster_event out = {.reason = "closed"};

    if (c != NULL) {
        bool is_opener = c->from == event->member && event->what != AN_INCOMING_CLOSED;

        out.peer_ip = w->members[is_opener ? c->to : c->from].ip;
        out.local_ip = w->members[event->member].ip;
        out.link = is_opener ? (struct cluster_link){.number = c->number}
                             : (struct cluster_link){.is_incoming = true,
                                                     .number = (uint32_t)event->connection + 1};
    }
    switch (event->what) {
    case A_FRAME:
        if (c->is_closed) {
            return;
        }
        count_bytes(&w->members[event->member], buf_bytes(&event->frame));
        out.type = CLUSTER_EVENT_FRAME;
        out.frame = buf_bytes(&event->frame);
        break;
    case A_LINK_UP:
        if (c->is_closed) {
            return;
        }
        c->is_up = true;
        out.type = CLUSTER_EVENT_LINK_UP;
        break;
    case A_LINK_DOWN:
        out.type = CLUSTER_EVENT_LINK_DOWN;
        break;
    case AN_INCOMING_CLOSED:
        out.type = CLUSTER_EVENT_INCOMING_CLOSED;
        break;
    case A_FILE:
        out.type = CLUSTER_EVENT_FILE_WRITTEN;
        out.sequence = event->sequence;
        break;
    case A_WAKE:
        wake(w, event->member);
        return;
    }
    step(w, event->member, &out);
}

static void run(struct world *w, int64_t us)
{
    int64_t until_us = w->now_us + us;
    struct heap_node *next;

    while ((next = heap_peek(&w->events)) != NULL && next->key >> ORDER_BITS <= until_us) {
        struct event *event = CONTAINER_OF(next, struct event, node);

        w->now_us = next->key >> ORDER_BITS > w->now_us ? next->key >> ORDER_BITS : w->now_us;
        heap_remove(&w->events, next);
        if (w->members[event->member].is_running) {
            happen(w, event);
        }
        if (event->what != A_WAKE) {
            buf_deinit(&event->frame);
            mem_free(MEM_TEST, event);
        }
    }
    w->now_us = until_us;
}

/* ---- the cluster --------------------------------------------------------------------------------- */

static void append_lines(const struct world *w, int me, struct buf *out)
{
    for (int i = 0; i < w->count; i++) {
        char id[CLUSTER_ID_LEN + 1];
        char primary[CLUSTER_ID_LEN + 1];
        int shard = i % w->shards;

        id_text(i, id);
        id_text(shard, primary);
        buf_printf(out, "%s %s:%d@%d,,shard-id=%s %s%s %s 0 0 %d connected", id, w->members[i].ip,
                   BASE_PORT + i, BASE_PORT + i + BUS_OFFSET, primary, i == me ? "myself," : "",
                   i < w->shards ? "master" : "slave", i < w->shards ? "-" : primary, shard + 1);
        if (i < w->shards) {
            buf_printf(out, " %d-%d", SLOT_COUNT * i / w->shards,
                       SLOT_COUNT * (i + 1) / w->shards - 1);
        }
        buf_append_byte(out, '\n');
    }
    buf_printf(out, "vars currentEpoch %d lastVoteEpoch 0\n", w->shards);
}

static void start(struct world *w, int member)
{
    struct member *m = &w->members[member];
    struct errmsg error = {0};
    struct buf file = {0};
    struct cluster_options options = {.settings = CLUSTER_SETTINGS_DEFAULT,
                                      .seed = (uint64_t)member + 1};

    append_lines(w, member, &file);
    options.nodes_file = buf_bytes(&file);
    options.settings.port = (uint16_t)(BASE_PORT + member);
    options.settings.bus_port = (uint16_t)(BASE_PORT + member + BUS_OFFSET);
    m->core = cluster_new(&options, now_of(w), &error);
    if (m->core == NULL) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    m->follows = member < w->shards ? -1 : member - w->shards;
    m->is_running = true;
    m->status = (struct cluster_status){.is_data_complete = true, .is_link_up = true};
    begin_history(w, m);
    for (int i = 0; i < w->lives; i++) {
        m->status.offset += 1000;
        begin_history(w, m);
    }
    m->wake = (struct event){.what = A_WAKE, .member = member};
    plan(w, &m->wake, w->now_us + member % 100 * 1000);
    buf_deinit(&file);
}

static bool serves(const struct world *w, int member, int shard)
{
    const struct cluster *core = w->members[member].core;

    return w->members[member].is_running && cluster_is_ok(core, now_of(w)) &&
           cluster_serves_plainly(core, (uint16_t)(SLOT_COUNT * shard / w->shards));
}

static bool has_formed(const struct world *w)
{
    for (int i = 0; i < w->shards; i++) {
        if (!serves(w, i, i)) {
            return false;
        }
    }
    return true;
}

static bool is_member(const struct world *w, int member)
{
    struct buf info = {0};
    bool is_there;

    cluster_format_info(w->members[member].core, now_of(w), &info);
    buf_append_byte(&info, '\0');
    is_there = strstr(info.data, "cluster_council_member:1") != NULL;
    buf_deinit(&info);
    return is_there;
}

static int by_size(const void *a, const void *b)
{
    double first = *(const double *)a;
    double second = *(const double *)b;

    return first < second ? -1 : first > second;
}

/* The nodes with a seat in the council, or those without. */
static void print_traffic(const struct world *w, double seconds, bool is_of_members)
{
    double *rates = mem_alloc_zeroed(MEM_TEST, (size_t)w->count * sizeof(*rates));
    double kinds[KINDS] = {0};
    double sum = 0;
    size_t count = 0;

    for (int i = 0; i < w->count; i++) {
        if (is_member(w, i) != is_of_members) {
            continue;
        }
        for (size_t kind = 0; kind < KINDS; kind++) {
            double rate = (double)w->members[i].bytes[kind] / 1000 / seconds;

            kinds[kind] += rate;
            rates[count] += rate;
        }
        sum += rates[count++];
    }
    if (count > 0) {
        qsort(rates, count, sizeof(*rates), by_size);
        printf("%zu %s, KB/s sent and received: mean %.1f, median %.1f, most %.1f; of the mean",
               count, is_of_members ? "members of the council" : "ordinary nodes",
               sum / (double)count, rates[count / 2], rates[count - 1]);
        for (size_t kind = 0; kind < KINDS; kind++) {
            if (kinds[kind] > 0) {
                printf(" %s %.1f",
                       kind < FRAME_TYPE_END ? frame_type_name((enum frame_type)kind) : "greetings",
                       kinds[kind] / (double)count);
            }
        }
        printf("\n");
    }
    mem_free(MEM_TEST, rates);
}

static void measure_traffic(struct world *w, uint64_t seconds)
{
    for (int i = 0; i < w->count; i++) {
        memset(w->members[i].bytes, 0, sizeof(w->members[i].bytes));
    }
    run(w, (int64_t)seconds * 1000000);
    print_traffic(w, (double)seconds, false);
    print_traffic(w, (double)seconds, true);
}

static bool points_to(const struct world *w, int member, int shard, int owner)
{
    struct route_request request = {.slot = (uint16_t)(SLOT_COUNT * shard / w->shards)};
    struct route_target target;

    return cluster_route(w->members[member].core, now_of(w), &request, &target) == ROUTE_MOVED &&
           target.port == BASE_PORT + owner;
}

static bool is_known_to_all(const struct world *w, int shard)
{
    for (int i = 0; i < w->count; i++) {
        if (w->members[i].is_running && i != shard + w->shards &&
            !points_to(w, i, shard, shard + w->shards)) {
            return false;
        }
    }
    return true;
}

/* Primaries of count shards, from this one on, stop at once and without a word. */
static void take_over(struct world *w, int shard, int count)
{
    int64_t stopped_us = w->now_us;
    int64_t served_us;

    for (int i = 0; i < count; i++) {
        w->members[shard + i].is_running = false;
    }
    for (int i = 0; i < count; i++) {
        while (!serves(w, shard + i + w->shards, shard + i)) {
            run(w, 1000);
            if (w->now_us - stopped_us > INT64_C(1000) * TAKEOVER_MAX_MS) {
                printf("shard %d: nobody took over in %d s\n", shard + i, TAKEOVER_MAX_MS / 1000);
                return;
            }
        }
    }
    served_us = w->now_us;
    for (int i = 0; i < count; i++) {
        while (!is_known_to_all(w, shard + i)) {
            run(w, 1000);
        }
    }
    printf("%d shard%s at once: served again after %" PRId64 " ms, known to all %" PRId64
           " ms later\n",
           count, count > 1 ? "s" : "", (served_us - stopped_us) / 1000,
           (w->now_us - served_us) / 1000);
}

int main(int argc, char **argv)
{
    uint64_t shards = 500;
    uint64_t seconds = 10;
    uint64_t takeovers = 5;
    uint64_t at_once = 10;
    uint64_t lives = SHARD_DATA_ANCESTORS;
    struct option_spec specs[] = {
        {.flag = "--shards",    .argument = "N", .number = &shards,    .most = 2000},
        {.flag = "--seconds",   .argument = "N", .number = &seconds,   .most = 3600},
        {.flag = "--takeovers", .argument = "N", .number = &takeovers, .most = 100 },
        {.flag = "--at-once",   .argument = "N", .number = &at_once,   .most = 100 },
        {.flag = "--lives",     .argument = "N", .number = &lives,     .most = 10  },
    };
    struct world w = {.now_us = 1000000000};

    setvbuf(stdout, NULL, _IOLBF, 0); /* it takes minutes: each figure when it is known */
    if (!options_parse("scale", specs, ARRAY_COUNT(specs), argc, argv)) {
        return 2;
    }
    at_once = at_once < shards ? at_once : shards - 1;
    w.shards = (int)shards;
    w.count = 2 * w.shards;
    w.lives = (int)lives;
    w.members = mem_alloc_zeroed(MEM_TEST, (size_t)w.count * sizeof(*w.members));
    for (int i = 0; i < w.count; i++) {
        snprintf(w.members[i].ip, sizeof(w.members[i].ip), "10.%d.%d.1", i / 200, i % 200);
    }
    for (int i = 0; i < w.count; i++) {
        start(&w, i);
    }
    for (int s = 0; s < FORMING_MAX_S && !has_formed(&w); s++) {
        run(&w, 1000000);
    }
    printf("%s after %" PRId64 " s\n", has_formed(&w) ? "all slots are served" : "NOT formed",
           (w.now_us - 1000000000) / 1000000);
    run(&w, 10000000);
    measure_traffic(&w, seconds);
    for (uint64_t i = 0; i < takeovers && i < shards; i++) {
        take_over(&w, (int)(i * (shards - at_once) / takeovers), 1);
        run(&w, 2000000);
    }
    if (at_once > 1) {
        take_over(&w, (int)(shards - at_once), (int)at_once);
    }
    return 0;
}
