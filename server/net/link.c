/* SPDX-License-Identifier: MIT */
/* Connections between servers: to our primary, and of the cluster bus in both directions.
 *
 * A link is named by an id; once it is closed its struct lives to the end of the pass, so
 * that nobody in the middle of reading it is surprised. */
#include "net/state.h"

#include "base/assert.h"
#include "base/mem.h"
#include "io/clock.h"

#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 64,
    UNPROVEN_MAX = 64,  /* connections to the bus port of which nothing is known yet, */
    UNPROVEN_MS = 5000, /* and how long they may stay so */
};

static struct link *find(struct shell *shell, uint64_t id)
{
    struct hashtable_node *found = hashtable_find(&shell->links, bytes_make(&id, sizeof(id)));

    return found != NULL ? CONTAINER_OF(found, struct link, by_id) : NULL;
}

static struct link *link_new(struct shell *shell, uint64_t id, enum env_link_kind kind, int fd)
{
    struct link *link = mem_alloc_zeroed(MEM_NET, sizeof(*link));

    link->id = id;
    link->kind = kind;
    link->watch = (struct loop_watch){.fd = fd, .owner = link, .kind = WATCH_LINK};
    hashtable_add(&shell->links, &link->by_id, bytes_make(&link->id, sizeof(link->id)));
    return link;
}

static void drop_socket(struct shell *shell, struct link *link)
{
    if (link->watch.fd >= 0) {
        loop_unwatch(shell->loop, &link->watch);
        sock_close(link->watch.fd);
        link->watch.fd = -1;
    }
}

static void forget_unproven(struct shell *shell, struct link *link)
{
    if (list_is_linked(&link->unproven)) {
        list_remove(&link->unproven);
        shell->unproven_count--;
    }
}

static void doom(struct shell *shell, struct link *link)
{
    forget_unproven(shell, link);
    drop_socket(shell, link);
    hashtable_remove(&shell->links, &link->by_id);
    list_remove(&link->dirty);
    link->is_dirty = false;
    list_add_tail(&shell->doomed, &link->doomed);
}

void link_free_doomed(struct shell *shell)
{
    while (!list_is_empty(&shell->doomed)) {
        struct link *link = CONTAINER_OF(shell->doomed.next, struct link, doomed);

        list_remove(&link->doomed);
        buf_deinit(&link->out);
        mem_free(MEM_NET, link);
    }
}

static void lose(struct shell *shell, struct link *link, const char *reason)
{
    uint64_t id = link->id;

    doom(shell, link);
    node_link_down(shell->node, id, reason);
}

static void announce_up(struct shell *shell, struct link *link)
{
    struct addr local;
    char host[ADDR_HOST_TEXT] = "";

    link->is_up = true;
    link->address_count = 0;
    sock_set_nodelay(link->watch.fd, true);
    sock_set_keepalive(link->watch.fd, 60);
    if (sock_local_addr(link->watch.fd, &local)) {
        addr_format_host(&local, host);
    }
    loop_modify(shell->loop, &link->watch, LOOP_READ);
    node_link_up(shell->node, link->id, host);
}

/* Try one address after the other. */
static void connect_next(struct shell *shell, struct link *link, struct errmsg *error)
{
    drop_socket(shell, link);
    while (link->address_count > 0) {
        struct addr to = link->addresses[0];
        enum sock_status status;
        int fd;

        link->address_count--;
        memmove(link->addresses, link->addresses + 1,
                link->address_count * sizeof(link->addresses[0]));
        status = sock_connect_start(&to, NULL, &fd, error);
        if (status != SOCK_OK && status != SOCK_AGAIN) {
            continue;
        }
        link->watch.fd = fd;
        link->watch.events = LOOP_WRITE;
        if (!loop_watch(shell->loop, &link->watch, error)) {
            sock_close(fd);
            link->watch.fd = -1;
            continue;
        }
        return;
    }
    lose(shell, link, error->text);
}

void link_env_open(void *context, uint64_t id, enum env_link_kind kind, const char *host,
                   uint16_t port)
{
    struct shell *shell = context;

    link_new(shell, id, kind, -1);
    /* Even an address goes through the worker: the outcome comes in a later pass, as promised. */
    worker_resolve(shell->worker, id, host, port);
}

void link_resolved(struct shell *shell, const struct worker_outcome *outcome)
{
    struct link *link = find(shell, outcome->id);
    struct errmsg error = outcome->error;

    if (link == NULL) {
        return; /* closed meanwhile */
    }
    memcpy(link->addresses, outcome->addresses, sizeof(link->addresses));
    link->address_count = outcome->address_count;
    connect_next(shell, link, &error);
}

static void mark_dirty(struct shell *shell, struct link *link)
{
    if (!link->is_dirty) {
        link->is_dirty = true;
        list_add_tail(&shell->dirty, &link->dirty);
    }
}

void link_env_send(void *context, uint64_t id, struct bytes bytes)
{
    struct shell *shell = context;
    struct link *link = find(shell, id);

    if (link != NULL) {
        buf_append_bytes(&link->out, bytes);
        mark_dirty(shell, link);
    }
}

size_t link_env_queued(void *context, uint64_t id)
{
    struct link *link = find(context, id);

    return link != NULL ? link->out.len - link->out_sent : 0;
}

void link_env_close(void *context, uint64_t id)
{
    struct shell *shell = context;
    struct link *link = find(shell, id);

    if (link != NULL) {
        doom(shell, link);
    }
}

static void write_output(struct shell *shell, struct link *link)
{
    struct errmsg error;
    size_t written = 0;

    switch (sock_write(link->watch.fd, bytes_from(buf_bytes(&link->out), link->out_sent), &written,
                       &error)) {
    case SOCK_OK:
        link->out_sent += written;
        break;
    case SOCK_AGAIN:
        break;
    case SOCK_CLOSED:
        lose(shell, link, "closed by the other side");
        return;
    case SOCK_ERROR:
        lose(shell, link, error.text);
        return;
    }
    if (link->out_sent == link->out.len) {
        buf_clear(&link->out);
        buf_shrink_when_empty(&link->out, READ_BYTES);
        link->out_sent = 0;
        loop_modify(shell->loop, &link->watch, LOOP_READ);
    } else {
        loop_modify(shell->loop, &link->watch, LOOP_READ | LOOP_WRITE);
    }
}

void link_write_dirty(struct shell *shell)
{
    while (!list_is_empty(&shell->dirty)) {
        struct link *link = CONTAINER_OF(shell->dirty.next, struct link, dirty);

        list_remove(&link->dirty);
        link->is_dirty = false;
        if (link->is_up && link->out.len > link->out_sent) {
            write_output(shell, link);
        }
    }
}

static void read_input(struct shell *shell, struct link *link)
{
    struct errmsg error;
    size_t got;
    char *at;

    at = shell->scratch + shell->scratch_used;
    switch (sock_read(link->watch.fd, at, READ_BYTES, &got, &error)) {
    case SOCK_OK:
        shell->scratch_used += got;
        node_link_input(shell->node, link->id, bytes_make(at, got));
        break;
    case SOCK_AGAIN:
        break;
    case SOCK_CLOSED:
        lose(shell, link, "closed by the other side");
        break;
    case SOCK_ERROR:
        lose(shell, link, error.text);
        break;
    }
}

void link_ready(struct shell *shell, struct link *link, uint32_t events)
{
    if (!link->is_up) {
        struct errmsg error;

        if (sock_connect_outcome(link->watch.fd, &error) == SOCK_OK) {
            announce_up(shell, link);
        } else {
            connect_next(shell, link, &error);
        }
        return;
    }
    if (events & LOOP_WRITE) {
        mark_dirty(shell, link);
    }
    if (events & LOOP_READ) {
        read_input(shell, link);
    }
}

static struct link *oldest_unproven(struct shell *shell)
{
    while (!list_is_empty(&shell->unproven)) {
        struct link *link = CONTAINER_OF(shell->unproven.next, struct link, unproven);

        if (!node_link_is_proven(shell->node, link->id)) {
            return link;
        }
        forget_unproven(shell, link);
    }
    return NULL;
}

/* Whoever can reach the bus port must not be able to use up our descriptors. */
static void note_unproven(struct shell *shell, struct link *link)
{
    link->accepted_at = clock_mono_now();
    list_add_tail(&shell->unproven, &link->unproven);
    shell->unproven_count++;
    while (shell->unproven_count > UNPROVEN_MAX) {
        struct link *oldest = oldest_unproven(shell);

        if (oldest == NULL) {
            return;
        }
        if (shell->unproven_count > UNPROVEN_MAX) {
            lose(shell, oldest, "too many connections of strangers");
        }
    }
}

void link_check_unproven(struct shell *shell)
{
    struct link *oldest;

    if (list_is_empty(&shell->unproven)) {
        return;
    }
    while ((oldest = oldest_unproven(shell)) != NULL &&
           mono_ms_between(oldest->accepted_at, clock_mono_now()) > UNPROVEN_MS) {
        lose(shell, oldest, "no node of the cluster spoke on it");
    }
}

static bool take_in(struct shell *shell, struct listener *listener, int fd, const struct addr *peer)
{
    char host[ADDR_HOST_TEXT];
    struct errmsg error;
    struct link *link;

    (void)listener;
    link = link_new(shell, ENV_LINK_INCOMING | shell->next_incoming++, ENV_LINK_BUS, fd);
    link->is_up = true;
    link->watch.events = LOOP_READ;
    sock_set_nodelay(fd, true);
    sock_set_keepalive(fd, 60);
    if (!loop_watch(shell->loop, &link->watch, &error)) {
        log_line(shell->logger, LOG_WARNING, "cannot watch a bus link: %s", error.text);
        doom(shell, link);
        return false;
    }
    addr_format_host(peer, host);
    node_link_accepted(shell->node, link->id, host);
    note_unproven(shell, link);
    return true;
}

void link_accept_all(struct shell *shell, struct listener *listener)
{
    static const struct accepting links = {
        .name = "a bus link", .max = ACCEPTS_PER_TURN, .take_in = take_in};

    accepting_take(shell, listener, &links);
}

void link_close_all(struct shell *shell)
{
    for (struct hashtable_node *node; (node = hashtable_next(&shell->links, NULL)) != NULL;) {
        doom(shell, CONTAINER_OF(node, struct link, by_id));
    }
    link_free_doomed(shell);
    hashtable_deinit(&shell->links);
}
