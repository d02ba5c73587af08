/* SPDX-License-Identifier: MIT */
/* Who reads metrics over HTTP: a few connections beside those of clients, one request each.
 *
 * After the answer our side is closed and the peer's read out, so that nothing it still sends makes the kernel
 * throw the answer away.  Whoever is not done after SCRAPE_MAX_MS is closed. */
#include "net/http.h"
#include "net/state.h"

#include "base/mem.h"
#include "io/clock.h"

#include <sys/socket.h>

enum {
    SCRAPES_MAX = 16,
    SCRAPE_MAX_MS = 5000,
    SCRAPE_READ_BYTES = 4096,
};

static void close_scrape(struct shell *shell, struct scrape *scrape)
{
    loop_unwatch(shell->loop, &scrape->watch);
    sock_close(scrape->watch.fd);
    list_remove(&scrape->all);
    shell->scrape_count--;
    buf_deinit(&scrape->in);
    buf_deinit(&scrape->out);
    mem_free(MEM_NET, scrape);
}

static bool take_in(struct shell *shell, struct listener *listener, int fd, const struct addr *peer)
{
    struct scrape *scrape;
    struct errmsg error;

    (void)listener;
    (void)peer;
    if (shell->scrape_count >= SCRAPES_MAX) {
        sock_close(fd);
        return true;
    }
    scrape = mem_alloc_zeroed(MEM_NET, sizeof(*scrape));
    scrape->accepted_at = clock_mono_now();
    scrape->watch =
        (struct loop_watch){.fd = fd, .events = LOOP_READ, .owner = scrape, .kind = WATCH_SCRAPE};
    if (!loop_watch(shell->loop, &scrape->watch, &error)) {
        log_line(shell->logger, LOG_WARNING, "cannot watch a reader of metrics: %s", error.text);
        sock_close(fd);
        mem_free(MEM_NET, scrape);
        return true;
    }
    list_add_tail(&shell->scrapes, &scrape->all);
    shell->scrape_count++;
    return true;
}

void metrics_http_accept_all(struct shell *shell, struct listener *listener)
{
    static const struct accepting readers = {
        .name = "a reader of metrics", .max = SCRAPES_MAX, .take_in = take_in};

    accepting_take(shell, listener, &readers);
}

static void write_metrics(void *context, struct buf *out)
{
    struct shell *shell = context;

    node_write_metrics(shell->node, out);
}

/* False when the connection is gone. */
static bool write_out(struct shell *shell, struct scrape *scrape)
{
    while (scrape->out_sent < scrape->out.len) {
        struct errmsg error;
        size_t written;

        switch (sock_write(scrape->watch.fd, bytes_from(buf_bytes(&scrape->out), scrape->out_sent),
                           &written, &error)) {
        case SOCK_OK:
            scrape->out_sent += written;
            break;
        case SOCK_AGAIN:
            loop_modify(shell->loop, &scrape->watch, LOOP_READ | LOOP_WRITE);
            return true;
        case SOCK_CLOSED:
        case SOCK_ERROR:
            close_scrape(shell, scrape);
            return false;
        }
    }
    if (!scrape->is_ending) {
        scrape->is_ending = true;
        loop_modify(shell->loop, &scrape->watch, LOOP_READ);
        shutdown(scrape->watch.fd, SHUT_WR);
    }
    return true;
}

/* False when the connection is gone. */
static bool read_in(struct shell *shell, struct scrape *scrape)
{
    struct errmsg error;
    size_t got;

    switch (sock_read_append(scrape->watch.fd, &scrape->in, SCRAPE_READ_BYTES, &got, &error)) {
    case SOCK_OK:
    case SOCK_AGAIN:
        return true;
    case SOCK_CLOSED:
    case SOCK_ERROR:
        break;
    }
    close_scrape(shell, scrape);
    return false;
}

void metrics_http_ready(struct shell *shell, struct scrape *scrape, uint32_t events)
{
    if (events == 0) {
        close_scrape(shell, scrape);
        return;
    }
    if ((events & LOOP_READ) != 0) {
        if (!read_in(shell, scrape)) {
            return;
        }
        if (scrape->is_answered) {
            buf_clear(&scrape->in); /* nobody reads a second request */
        } else {
            scrape->is_answered =
                http_answer(buf_bytes(&scrape->in), write_metrics, shell, &scrape->out);
        }
    }
    if (scrape->is_answered) {
        write_out(shell, scrape);
    }
}

void metrics_http_check_slow(struct shell *shell)
{
    while (!list_is_empty(&shell->scrapes)) {
        struct scrape *oldest = CONTAINER_OF(shell->scrapes.next, struct scrape, all);

        if (!mono_is_due(mono_add_ms(oldest->accepted_at, SCRAPE_MAX_MS), clock_mono_now())) {
            return;
        }
        close_scrape(shell, oldest);
    }
}

void metrics_http_close_all(struct shell *shell)
{
    while (!list_is_empty(&shell->scrapes)) {
        close_scrape(shell, CONTAINER_OF(shell->scrapes.next, struct scrape, all));
    }
}
