/* SPDX-License-Identifier: MIT */
/* Client connections: bytes from the socket into the node, the session's output to the socket. */
#include "net/state.h"

#include "base/assert.h"
#include "base/mem.h"

#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 512,
};

static struct conn *conn_new(struct shell *shell, int fd, struct session *s)
{
    struct conn *conn = mem_alloc_zeroed(MEM_NET, sizeof(*conn));
    struct errmsg error;

    conn->session = s;
    conn->watch =
        (struct loop_watch){.fd = fd, .events = LOOP_READ, .owner = conn, .kind = WATCH_CONN};
    s->shell = conn;
    if (!loop_watch(shell->loop, &conn->watch, &error)) {
        log_line(shell->logger, LOG_WARNING, "cannot watch a client: %s", error.text);
        mem_free(MEM_NET, conn);
        return NULL;
    }
    return conn;
}

static void describe_peer(int fd, const struct addr *peer, bool is_unix, struct session_peer *out)
{
    struct addr local;

    *out = (struct session_peer){.is_unix = is_unix, .fd = fd};
    if (sock_local_addr(fd, &local)) {
        char text[ADDR_TEXT];

        addr_format(&local, text);
        bytes_to_text(bytes_from_text(text), out->local, sizeof(out->local));
    }
    if (is_unix) {
        memcpy(out->address, out->local, sizeof(out->address));
    } else {
        char text[ADDR_TEXT];

        addr_format(peer, text);
        bytes_to_text(bytes_from_text(text), out->address, sizeof(out->address));
        out->is_loopback = addr_is_loopback(peer);
    }
}

static bool take_in(struct shell *shell, struct listener *listener, int fd, const struct addr *peer)
{
    struct session_peer described;
    const char *refusal = NULL;
    struct session *s;

    describe_peer(fd, peer, listener->is_unix, &described);
    s = node_session_open(shell->node, &described, &refusal);
    if (s == NULL) {
        size_t written;
        struct errmsg error;

        /* One try: a client that cannot even take this is not told. */
        if (sock_write(fd, bytes_from_text(refusal), &written, &error) != SOCK_OK) {
            log_line(shell->logger, LOG_VERBOSE, "a client was refused without a word");
        }
        sock_close(fd);
        return true;
    }
    sock_set_nodelay(fd, true);
    sock_set_keepalive(fd, (int)node_config(shell->node)->tcp_keepalive_s);
    if (conn_new(shell, fd, s) == NULL) {
        sock_close(fd);
        node_session_closed(shell->node, s);
    }
    return true;
}

void conn_accept_all(struct shell *shell, struct listener *listener)
{
    static const struct accepting clients = {
        .name = "a client", .max = ACCEPTS_PER_TURN, .take_in = take_in};

    accepting_take(shell, listener, &clients);
}

void conn_close(struct shell *shell, struct conn *conn)
{
    loop_unwatch(shell->loop, &conn->watch);
    sock_close(conn->watch.fd);
    if (conn->touched_at > 0) {
        shell->touched.items[conn->touched_at - 1] = NULL;
    }
    node_session_closed(shell->node, conn->session);
    mem_free(MEM_NET, conn);
}

/* Wait for what can be used: input while the node takes it, output while there is some. */
static void update_watch(struct shell *shell, struct conn *conn)
{
    uint32_t events = 0;

    if (node_session_wants_input(shell->node, conn->session)) {
        events |= LOOP_READ;
    }
    if (session_output_ready(conn->session) > 0) {
        events |= LOOP_WRITE;
    }
    loop_modify(shell->loop, &conn->watch, events);
}

static void read_input(struct shell *shell, struct conn *conn)
{
    struct errmsg error;
    size_t got;
    char *at;

    at = shell->scratch + shell->scratch_used;
    switch (sock_read(conn->watch.fd, at, READ_BYTES, &got, &error)) {
    case SOCK_OK:
        shell->scratch_used += got;
        node_session_input(shell->node, conn->session, bytes_make(at, got));
        if (!node_session_wants_input(shell->node, conn->session)) {
            update_watch(shell, conn);
        }
        break;
    case SOCK_AGAIN:
        break;
    case SOCK_CLOSED:
    case SOCK_ERROR:
        conn_close(shell, conn);
        break;
    }
}

void conn_ready(struct shell *shell, struct conn *conn, uint32_t events)
{
    if (events == 0) {
        conn_close(shell, conn); /* nothing was waited for: the client hung up */
        return;
    }
    if (events & LOOP_WRITE) {
        conn_session_touched(shell, conn->session);
    }
    if (events & LOOP_READ) {
        read_input(shell, conn);
    }
}

/* Out of line, so that the usual way has nothing to save. */
static COLD void make_room_for_touched(struct shell *shell)
{
    VEC_RESERVE(&shell->touched, 1);
}

void conn_session_touched(void *context, struct session *s)
{
    struct shell *shell = context;
    struct conn *conn = s->shell;

    if (conn->touched_at == 0) {
        if (UNLIKELY(shell->touched.count == shell->touched.cap)) {
            make_room_for_touched(shell);
        }
        shell->touched.items[shell->touched.count++] = conn;
        conn->touched_at = shell->touched.count;
    }
}

static enum sock_status offer_output(struct conn *conn, size_t *written, struct errmsg *error)
{
    struct bytes pieces[SOCK_WRITE_PIECES];
    size_t count = session_output(conn->session, pieces, SOCK_WRITE_PIECES);

    if (LIKELY(count == 1)) {
        return sock_write(conn->watch.fd, pieces[0], written, error);
    }
    return sock_write_pieces(conn->watch.fd, pieces, count, written, error);
}

/* False when the connection is gone.  The process may have stood still since the pass ended, or since the socket before: the clock
 * is read for each. */
static bool write_output(struct shell *shell, struct conn *conn)
{
    struct session *s = conn->session;

    if (UNLIKELY(!node_may_write(shell->node))) {
        node_session_withhold(shell->node, s);
    }
    for (size_t ready = session_output_ready(s); ready > 0 && !(s->flags & SESSION_CLOSE_NOW);
         ready = session_output_ready(s)) {
        struct errmsg error;
        size_t written = 0;

        switch (offer_output(conn, &written, &error)) {
        case SOCK_OK:
            node_session_written(shell->node, s, written);
            if (written < ready) {
                return true;
            }
            break;
        case SOCK_AGAIN:
            return true;
        case SOCK_CLOSED:
        case SOCK_ERROR:
            conn_close(shell, conn);
            return false;
        }
    }
    if ((s->flags & SESSION_CLOSE_NOW) ||
        ((s->flags & SESSION_CLOSE_AFTER_WRITE) && session_output_pending(s) == 0)) {
        conn_close(shell, conn);
        return false;
    }
    return true;
}

/* Everything was written, and the next request is waited for already. */
static bool is_as_usual(const struct conn *conn)
{
    const struct session *s = conn->session;

    return LIKELY(conn->watch.events == LOOP_READ && session_output_pending(s) == 0 &&
                  (s->flags & SESSION_HELD) == 0);
}

static void write_touched(struct shell *shell, struct conn *conn)
{
    shell->touched.items[conn->touched_at - 1] = NULL;
    conn->touched_at = 0;
    if (write_output(shell, conn) && !is_as_usual(conn)) {
        update_watch(shell, conn);
    }
}

/* What replicas are sent is in the kernel's hands before a client is told of it: should this process end in between, nothing
 * that was answered is gone with it. */
static void write_to_replicas(struct shell *shell)
{
    for (size_t i = 0; i < shell->touched.count; i++) {
        struct conn *conn = shell->touched.items[i];

        if (conn != NULL && (conn->session->flags & SESSION_REPLICA) != 0) {
            write_touched(shell, conn);
        }
    }
}

void conn_write_touched(struct shell *shell)
{
    if (node_has_replicas(shell->node)) {
        write_to_replicas(shell);
    }
    for (size_t i = 0; i < shell->touched.count; i++) {
        if (shell->touched.items[i] != NULL) { /* else it was closed, or is done */
            write_touched(shell, shell->touched.items[i]);
        }
    }
    shell->touched.count = 0;
}
