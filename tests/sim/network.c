/* SPDX-License-Identifier: MIT */
/* The network: connections deliver bytes in order, late, or not at all while the way is blocked;
 * either end may find it broken. */
#include "tests/sim/world.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"

#include <stdio.h>

enum {
    RETRY_US = 20000, /* a blocked way is tried again */
    CONNECT_TIMEOUT_US = 400000,
    CUT_PART = 4, /* one of so many pieces is cut once more */
    RECORD_PART = 100,
    REPLAYED = 5,
    ACCEPTED_US = 30000,
    LATE_STREAM_US = 40000,
    SLOW_STREAM_US = 30000,
    SLOW_CUT_PART = 2,
};

static int64_t delay_us(struct world *world)
{
    /* Mostly a fast network; now and then a packet that took its time. */
    if (!world->is_calm && rng_one_in(&world->rng, 200)) {
        return 1000 + (int64_t)rng_below(&world->rng, 150000);
    }
    return 50 + (int64_t)rng_below(&world->rng, SIM_ONE_WAY_US - 50);
}

/* All that there ever were are kept, in the order of their ids. */
struct sim_conn *network_find(struct world *world, uint64_t id)
{
    return id > 0 && id <= world->conn_count ? world->conns[id - 1] : NULL;
}

static bool is_outside(const struct sim_end *end)
{
    return end->kind == END_CLIENT || end->kind == END_READER || end->kind == END_STRANGER;
}

static bool end_is_alive(const struct world *world, const struct sim_end *end)
{
    return is_outside(end) ||
           (world->nodes[end->node].node != NULL && world->nodes[end->node].life == end->life);
}

static bool is_blocked(const struct world *world, const struct sim_end *from,
                       const struct sim_end *to)
{
    return !is_outside(from) && !is_outside(to) && world->blocked[from->node][to->node];
}

/* ---- breaking --------------------------------------------------------------------------------- */

static void tell_down(struct sim_node *n, struct sim_event *event)
{
    struct sim_conn *conn = network_find(n->world, event->conn);
    struct sim_end *end = &conn->ends[event->to_end];

    if (end->kind == END_LINK) {
        node_link_down(n->node, end->link, "the simulated connection broke");
    } else if (end->session != NULL) {
        struct session *s = end->session;

        end->session = NULL;
        for (size_t i = 0; i < n->touched_count; i++) {
            if (n->touched[i] == s) {
                n->touched[i] = n->touched[--n->touched_count];
                break;
            }
        }
        node_session_closed(n->node, s);
    }
}

static void on_down(struct world *world, struct sim_event *event)
{
    struct sim_conn *conn = network_find(world, event->conn);
    struct sim_end *end;

    if (conn == NULL) {
        return;
    }
    end = &conn->ends[event->to_end];
    if (end->kind == END_CLIENT) {
        client_conn_lost(world, end->node, conn->id);
    } else if (end->kind == END_READER) {
        reader_conn_lost(world, end->node, conn->id);
    } else if (end->kind != END_STRANGER && end_is_alive(world, end)) {
        struct sim_node *n = &world->nodes[end->node];

        if (!sim_node_runs(n)) {
            struct sim_event *later = world_schedule(world, n->paused_until_us, on_down);

            later->conn = event->conn;
            later->to_end = event->to_end;
            return;
        }
        sim_node_pass(world, n, tell_down, event);
    }
}

static void schedule_down(struct world *world, struct sim_conn *conn, int end)
{
    struct sim_event *event = world_schedule(world, world->now_us + delay_us(world), on_down);

    event->conn = conn->id;
    event->to_end = end;
}

void network_break(struct world *world, struct sim_conn *conn, int except_end)
{
    if (!conn->is_open) {
        return;
    }
    conn->is_open = false;
    for (int end = 0; end < 2; end++) {
        if (end != except_end) {
            schedule_down(world, conn, end);
        }
    }
}

void network_hold_stream(struct world *world, int primary, int replica, int64_t until_us)
{
    for (size_t i = 0; i < world->conn_count; i++) {
        struct sim_conn *conn = world->conns[i];

        if (!conn->is_bus && conn->ends[0].kind == END_LINK && conn->ends[0].node == replica &&
            conn->ends[1].node == primary) {
            conn->held_until_us = until_us;
        }
    }
}

void network_node_died(struct world *world, int index)
{
    for (size_t i = 0; i < world->conn_count; i++) {
        struct sim_conn *conn = world->conns[i];

        for (int end = 0; end < 2; end++) {
            if (!is_outside(&conn->ends[end]) && conn->ends[end].node == index) {
                conn->ends[end].session = NULL;
                network_break(world, conn, end);
            }
        }
    }
}

void network_hold_snapshot(struct world *world, int primary, int replica, int64_t ms)
{
    world->snapshot_late_ms[primary][replica] = ms;
}

static void hold_snapshot(struct world *world, struct sim_conn *conn, int from_end,
                          struct bytes bytes)
{
    if (!conn->is_bus && conn->ends[0].kind == END_LINK && from_end == 1 &&
        bytes_has_prefix(bytes, "+FULLRESYNC")) {
        int64_t *late_ms = &world->snapshot_late_ms[conn->ends[1].node][conn->ends[0].node];

        conn->held_until_us = *late_ms > 0 ? world->now_us + *late_ms * 1000 : conn->held_until_us;
        *late_ms = 0;
    }
}

void network_slow_stream(struct world *world, int primary, int replica, int64_t until_us)
{
    world->slow_until_us[primary][replica] = until_us;
}

void network_end_holds(struct world *world)
{
    for (size_t i = 0; i < world->conn_count; i++) {
        if (world->conns[i]->held_until_us > world->now_us) {
            network_break(world, world->conns[i], -1);
        }
    }
    memset(world->slow_until_us, 0, sizeof(world->slow_until_us));
    memset(world->snapshot_late_ms, 0, sizeof(world->snapshot_late_ms));
}

static bool is_slow(const struct world *world, const struct sim_conn *conn, int from_end)
{
    return !conn->is_bus && conn->ends[0].kind == END_LINK && from_end == 1 &&
           world->slow_until_us[conn->ends[1].node][conn->ends[0].node] > world->now_us;
}

/* ---- delivering ------------------------------------------------------------------------------- */

static void hand_in(struct sim_node *n, struct sim_event *event)
{
    struct sim_conn *conn = network_find(n->world, event->conn);
    struct sim_end *end = &conn->ends[event->to_end];

    if (end->kind == END_LINK) {
        node_link_input(n->node, end->link, buf_bytes(&event->bytes));
    } else if (end->session != NULL) {
        node_session_input(n->node, end->session, buf_bytes(&event->bytes));
    }
}

static void on_bytes(struct world *world, struct sim_event *event);

static void put_off(struct world *world, struct sim_event *event, int64_t at_us)
{
    struct sim_event *later = world_schedule(world, at_us, on_bytes);

    later->conn = event->conn;
    later->to_end = event->to_end;
    later->number = event->number;
    later->bytes = buf_steal(&event->bytes);
}

static void on_bytes(struct world *world, struct sim_event *event)
{
    struct sim_conn *conn = network_find(world, event->conn);
    struct sim_end *from;
    struct sim_end *to;

    if (conn == NULL || !conn->is_open) {
        return;
    }
    to = &conn->ends[event->to_end];
    from = &conn->ends[1 - event->to_end];
    /* On a blocked way bytes wait, and so they do until the other side has accepted, or until those
     * sent before them have come. */
    if (is_blocked(world, from, to) || (to->kind == END_SESSION && to->life == 0) ||
        event->number != to->taken_count) {
        put_off(world, event, world->now_us + RETRY_US / 10);
        return;
    }
    if (to->kind == END_CLIENT) {
        to->taken_count++;
        client_input(world, to->node, conn->id, buf_bytes(&event->bytes));
    } else if (to->kind == END_READER) {
        to->taken_count++;
        reader_input(world, to->node, buf_bytes(&event->bytes));
    } else if (to->kind != END_STRANGER && end_is_alive(world, to)) {
        struct sim_node *n = &world->nodes[to->node];

        if (!sim_node_runs(n)) {
            put_off(world, event, n->paused_until_us);
            return;
        }
        to->taken_count++;
        sim_node_pass(world, n, hand_in, event);
    }
}

static void send_piece(struct world *world, struct sim_conn *conn, int from_end, struct bytes bytes)
{
    struct sim_end *to = &conn->ends[1 - from_end];
    int64_t at_us = world->now_us + delay_us(world);
    struct sim_event *event;

    if (!conn->is_open || bytes.len == 0) {
        return;
    }
    if (world->is_handing_over && conn->ends[0].kind == END_LINK && !conn->is_bus) {
        at_us += (int64_t)rng_below(&world->rng, LATE_STREAM_US); /* what is needed is waited for */
    }
    if (is_slow(world, conn, from_end)) {
        at_us += (int64_t)rng_below(&world->rng, SLOW_STREAM_US);
    }
    at_us = conn->held_until_us > at_us ? conn->held_until_us : at_us;
    if (at_us <= to->last_at_us) {
        at_us = to->last_at_us + 1;
    }
    to->last_at_us = at_us;
    event = world_schedule(world, at_us, on_bytes);
    event->conn = conn->id;
    event->to_end = 1 - from_end;
    event->number = to->sent_count++;
    buf_append_bytes(&event->bytes, bytes);
}

int network_node_at(const struct world *world, struct bytes host)
{
    int64_t number = 0;

    if (!bytes_has_prefix(host, "10.0.0.") || !num_parse_i64(bytes_from(host, 7), &number)) {
        return -1;
    }
    for (int i = 0; i < world->node_count; i++) {
        if (world->address[i] + 1 == number) {
            return i;
        }
    }
    return -1;
}

static void record(struct world *world, const struct sim_conn *conn, int from_end,
                   struct bytes bytes)
{
    struct sim_record *r = &world->records[world->record_count % SIM_RECORDS];

    if (conn->is_bus && conn->ends[0].kind == END_LINK && rng_one_in(&world->rng, RECORD_PART)) {
        r->from = conn->ends[from_end].node;
        buf_clear(&r->bytes);
        buf_append_bytes(&r->bytes, bytes);
        world->record_count++;
    }
}

static void play(struct world *world, struct sim_event *event)
{
    struct sim_conn *conn = network_find(world, event->conn);

    if (conn != NULL && conn->is_open && conn->ends[1].life != 0) {
        network_send(world, conn, 0, buf_bytes(&event->bytes));
    }
}

void network_replay(struct world *world, int node)
{
    size_t count = world->record_count < SIM_RECORDS ? (size_t)world->record_count : SIM_RECORDS;

    for (int i = 0; i < REPLAYED && count > 0; i++) {
        const struct sim_record *r = &world->records[rng_below(&world->rng, count)];
        struct sim_end from = {.kind = END_STRANGER, .node = r->from};
        struct sim_event *event = world_schedule(world, world->now_us + ACCEPTED_US, play);

        event->conn = network_open(world, from, node, true);
        buf_append_bytes(&event->bytes, buf_bytes(&r->bytes));
    }
}

/* What was sent at once need not come at once. */
void network_send(struct world *world, struct sim_conn *conn, int from_end, struct bytes bytes)
{
    uint64_t cut_part = is_slow(world, conn, from_end) ? SLOW_CUT_PART : CUT_PART;

    record(world, conn, from_end, bytes);
    hold_snapshot(world, conn, from_end, bytes);
    while (bytes.len > 1 && rng_one_in(&world->rng, cut_part)) {
        size_t len = 1 + (size_t)rng_below(&world->rng, bytes.len - 1);

        send_piece(world, conn, from_end, bytes_prefix(bytes, len));
        bytes = bytes_from(bytes, len);
    }
    send_piece(world, conn, from_end, bytes);
}

/* ---- connecting ------------------------------------------------------------------------------- */

static void tell_up(struct sim_node *n, struct sim_event *event)
{
    struct sim_conn *conn = network_find(n->world, event->conn);
    char ip[32];

    snprintf(ip, sizeof(ip), "10.0.0.%d", n->world->address[n->index] + 1);
    node_link_up(n->node, conn->ends[0].link, ip);
}

static void accept_at(struct sim_node *n, struct sim_event *event)
{
    struct world *world = n->world;
    struct sim_conn *conn = network_find(world, event->conn);
    struct sim_end *end = &conn->ends[1];
    char ip[32];

    snprintf(ip, sizeof(ip), "10.0.0.%d", world->address[conn->ends[0].node] + 1);
    if (end->kind == END_LINK) {
        end->link = ENV_LINK_INCOMING | conn->id;
        node_link_accepted(n->node, end->link, ip);
    } else {
        struct session_peer peer = {.is_loopback = true};

        snprintf(peer.address, sizeof(peer.address), "%s:%llu", ip,
                 (unsigned long long)(10000 + conn->id % 50000));
        end->session = node_session_open(n->node, &peer, NULL);
        if (end->session == NULL) {
            network_break(world, conn, -1);
            return;
        }
        end->session->shell = conn;
    }
}

static void on_up(struct world *world, struct sim_event *event)
{
    struct sim_conn *conn = network_find(world, event->conn);

    if (conn == NULL || !conn->is_open || conn->ends[0].kind != END_LINK ||
        !end_is_alive(world, &conn->ends[0])) {
        return;
    }
    if (!sim_node_runs(&world->nodes[conn->ends[0].node])) {
        struct sim_event *later =
            world_schedule(world, world->nodes[conn->ends[0].node].paused_until_us, on_up);

        later->conn = event->conn;
        return;
    }
    sim_node_pass(world, &world->nodes[conn->ends[0].node], tell_up, event);
}

static void on_connect(struct world *world, struct sim_event *event)
{
    struct sim_conn *conn = network_find(world, event->conn);
    struct sim_node *n;

    if (conn == NULL || !conn->is_open) {
        return;
    }
    n = &world->nodes[conn->ends[1].node];
    if (n->node == NULL) {
        network_break(world, conn, 1);
        return;
    }
    if (is_blocked(world, &conn->ends[0], &conn->ends[1]) ||
        is_blocked(world, &conn->ends[1], &conn->ends[0])) {
        if (event->number > CONNECT_TIMEOUT_US / RETRY_US) {
            network_break(world, conn, 1);
        } else {
            struct sim_event *again = world_schedule(world, world->now_us + RETRY_US, on_connect);

            again->conn = event->conn;
            again->number = event->number + 1;
        }
        return;
    }
    /* The kernel of a paused process accepts for it: only its own part waits. */
    if (!sim_node_runs(n)) {
        struct sim_event *later = world_schedule(world, n->paused_until_us, on_connect);

        later->conn = event->conn;
        return;
    }
    conn->ends[1].life = n->life;
    sim_node_pass(world, n, accept_at, event);
    if (conn->is_open) {
        struct sim_event *up = world_schedule(world, world->now_us + delay_us(world), on_up);

        up->conn = conn->id;
        conn->ends[0].last_at_us = world->now_us + 3000;
    }
}

uint64_t network_open(struct world *world, struct sim_end from, int to_node, bool is_bus)
{
    struct sim_conn *conn = mem_alloc_zeroed(MEM_TEST, sizeof(*conn));
    struct sim_event *event;

    conn->id = world->next_conn++;
    conn->ends[0] = from;
    conn->ends[1] = (struct sim_end){.kind = is_bus ? END_LINK : END_SESSION, .node = to_node};
    conn->is_open = true;
    conn->is_bus = is_bus;
    if (world->conn_count == world->conn_cap) {
        world->conns = vec_grow(world->conns, &world->conn_cap, world->conn_count + 1,
                                sizeof(struct sim_conn *));
    }
    world->conns[world->conn_count++] = conn;
    ASSERT(network_find(world, conn->id) == conn);
    event = world_schedule(world, world->now_us + delay_us(world), on_connect);
    event->conn = conn->id;
    return conn->id;
}

/* ---- a node's env ----------------------------------------------------------------------------- */

static void env_link_open(void *context, uint64_t link, enum env_link_kind kind, const char *host,
                          uint16_t port)
{
    struct sim_node *n = context;
    struct sim_end from = {.kind = END_LINK, .node = n->index, .life = n->life, .link = link};
    int to = network_node_at(n->world, bytes_from_text(host));

    (void)kind;
    if (to < 0) {
        world_fail(n->world, "node %d connects to '%s', which is nobody", n->index, host);
        return;
    }
    while (n->links.count <= link) {
        VEC_PUSH(&n->links, 0);
    }
    n->links.items[link] = network_open(n->world, from, to, port == SIM_BUS_PORT);
}

static struct sim_conn *find_by_link(const struct sim_node *n, uint64_t link, int *end)
{
    bool is_incoming = (link & ENV_LINK_INCOMING) != 0;
    uint64_t opened = link < n->links.count ? n->links.items[link] : 0;
    struct sim_conn *conn =
        network_find(n->world, is_incoming ? link & ~ENV_LINK_INCOMING : opened);
    const struct sim_end *e;

    *end = is_incoming ? 1 : 0;
    if (conn == NULL) {
        return NULL;
    }
    e = &conn->ends[*end];
    return e->kind == END_LINK && e->node == n->index && e->life == n->life && e->link == link
               ? conn
               : NULL;
}

static void env_link_send(void *context, uint64_t link, struct bytes bytes)
{
    struct sim_node *n = context;
    int end;
    struct sim_conn *conn = find_by_link(n, link, &end);

    if (conn != NULL) {
        network_send(n->world, conn, end, bytes);
    }
}

static size_t env_link_queued(void *context, uint64_t link)
{
    (void)context;
    (void)link;
    return 0;
}

static void env_link_close(void *context, uint64_t link)
{
    struct sim_node *n = context;
    int end;
    struct sim_conn *conn = find_by_link(n, link, &end);

    if (conn != NULL) {
        conn->ends[end].link = 0; /* nothing more is told to it */
        conn->ends[end].life = 0;
        network_break(n->world, conn, end);
    }
}

static void env_session_touched(void *context, struct session *s)
{
    struct sim_node *n = context;

    if (n->touched_count == n->touched_cap) {
        n->touched =
            vec_grow(n->touched, &n->touched_cap, n->touched_count + 1, sizeof(struct session *));
    }
    n->touched[n->touched_count++] = s;
}

void network_attach_env(struct sim_node *n)
{
    n->env.link_open = env_link_open;
    n->env.link_send = env_link_send;
    n->env.link_queued = env_link_queued;
    n->env.link_close = env_link_close;
    n->env.session_touched = env_session_touched;
}

static void flush_one(struct world *world, struct sim_node *n, struct session *s)
{
    struct sim_conn *conn = s->shell;

    struct bytes out;

    while (!(s->flags & SESSION_CLOSE_NOW) && session_output(s, &out, 1) == 1) {
        size_t len = out.len;

        if (conn->ends[0].kind == END_CLIENT && client_listens(world, conn)) {
            shared_note_answer(world, n, s, conn->ends[0].node);
            client_note_answer(world, n, conn->ends[0].node, out);
        }
        network_send(world, conn, 1, out);
        node_session_written(n->node, s, len);
    }
    if (s->flags & (SESSION_CLOSE_NOW | SESSION_CLOSE_AFTER_WRITE)) {
        conn->ends[1].session = NULL;
        /* Bytes under way still arrive: the break comes behind them. */
        network_break(world, conn, 1);
        node_session_closed(n->node, s);
    }
}

void network_flush_sessions(struct world *world, struct sim_node *n)
{
    while (n->touched_count > 0) {
        struct session *s = n->touched[--n->touched_count];

        if (!node_may_write(n->node)) {
            node_session_withhold(n->node, s);
        }
        if (s->shell != NULL) { /* an administrator's reply is fetched, not sent */
            flush_one(world, n, s);
        }
    }
}
