/* SPDX-License-Identifier: MIT */
/* Input is read only while nothing waits to be written, so memory stays flat.  At the end of the
 * input an ECHO of random text goes out: when it comes back, every reply has been counted. */
#include "cli/pipe.h"

#include "base/rng.h"
#include "cli/connect.h"
#include "cli/pipe_cluster.h"
#include "io/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    READ_STEP = 64 * 1024,
    MARK_LEN = 20,
    PROGRESS_MS = 1000,
    POLL_MS = 250,
};

struct pipe_run {
    const struct options *options;
    struct client *client;
    char mark[MARK_LEN + 1]; /* what the last ECHO says */
    bool is_input_over;
    bool is_done;
    bool shows_progress;
    uint64_t sent_bytes;
    struct pipe_counts counts;
    struct mono_time last_reply_at;
    struct mono_time progress_at;
};

static void make_mark(char mark[MARK_LEN + 1])
{
    uint64_t seed = (uint64_t)clock_mono_now().us;
    struct rng rng;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        seed ^= (uint64_t)getpid() << 32;
    }
    rng_init(&rng, seed);
    rng_hex(&rng, mark, MARK_LEN);
    mark[MARK_LEN] = '\0';
}

static void send_mark(struct pipe_run *run)
{
    /* The line end closes an inline line that was left open; between requests it is nothing. */
    client_send_raw(run->client, BYTES_LITERAL("\r\n"));
    client_send_texts(run->client, 2, "ECHO", run->mark);
    run->is_input_over = true;
    puts("All data transferred. Waiting for the last reply...");
    fflush(stdout);
}

static bool feed(struct pipe_run *run, struct errmsg *error)
{
    char chunk[READ_STEP];
    ssize_t got = read(STDIN_FILENO, chunk, sizeof(chunk));

    if (got < 0) {
        if (errno == EINTR || errno == EAGAIN) {
            return true;
        }
        errmsg_set(error, "cannot read standard input: %s", strerror(errno));
        return false;
    }
    if (got == 0) {
        send_mark(run);
        return true;
    }
    client_send_raw(run->client, bytes_make(chunk, (size_t)got));
    run->sent_bytes += (uint64_t)got;
    return true;
}

static void take_reply(struct pipe_run *run, const struct resp_value *reply)
{
    if (run->is_input_over && resp_value_is_text(reply, run->mark)) {
        puts("Last reply received from server.");
        run->is_done = true;
        return;
    }
    if (reply->type == RESP_PUSH) {
        return;
    }
    run->counts.replies++;
    if (reply->type == RESP_FAILURE) {
        run->counts.errors++;
        fprintf(stderr, "%.*s\n", (int)reply->text.len, reply->text.data);
    }
}

static bool take_replies(struct pipe_run *run, struct errmsg *error)
{
    enum client_status pumped = client_pump(run->client, error);
    enum client_status status;
    struct resp_value reply;

    while ((status = client_try_read(run->client, &reply, error)) == CLIENT_OK) {
        take_reply(run, &reply);
        resp_value_deinit(&reply);
        run->last_reply_at = clock_mono_now();
    }
    if (status != CLIENT_TIMEOUT) {
        return false;
    }
    if (pumped == CLIENT_CLOSED) {
        errmsg_set(error, "Server closed the connection");
    }
    return pumped == CLIENT_OK || run->is_done;
}

static void show_progress(struct pipe_run *run, struct mono_time now)
{
    if (run->shows_progress && mono_is_due(run->progress_at, now)) {
        fprintf(stderr, "\r%" PRIu64 " KB sent, %" PRIu64 " replies, %" PRIu64 " errors ",
                run->sent_bytes / 1024, run->counts.replies, run->counts.errors);
        run->progress_at = mono_add_ms(now, PROGRESS_MS);
    }
}

static bool step(struct pipe_run *run, struct errmsg *error)
{
    bool has_output = client_has_output(run->client);
    bool wants_input = !has_output && !run->is_input_over;
    struct pollfd watched[] = {
        {.fd = client_fd(run->client),          .events = (short)(has_output ? POLLIN | POLLOUT : POLLIN)},
        {.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN                                         },
    };
    struct mono_time now;

    (void)poll(watched, ARRAY_COUNT(watched), POLL_MS);
    if (watched[1].revents != 0 && !feed(run, error)) {
        return false;
    }
    if (!take_replies(run, error)) {
        return false;
    }
    now = clock_mono_now();
    show_progress(run, now);
    if (!run->is_input_over || has_output) {
        run->last_reply_at = now;
    } else if (run->options->pipe_timeout_ms > 0 && !run->is_done &&
               mono_ms_between(run->last_reply_at, now) >= run->options->pipe_timeout_ms) {
        errmsg_set(error, "No replies for %" PRId64 " seconds: exiting.",
                   run->options->pipe_timeout_ms / 1000);
        return false;
    }
    return true;
}

static bool run_single(struct pipe_run *run, struct errmsg *error)
{
    bool is_ok;

    make_mark(run->mark);
    run->last_reply_at = clock_mono_now();
    do {
        is_ok = step(run, error);
    } while (is_ok && !run->is_done);
    return is_ok;
}

int pipe_run(const struct options *options)
{
    struct connection connection;
    struct cluster_map map = {0};
    struct errmsg error = {0};
    struct pipe_run run = {
        .options = options,
        .shows_progress = isatty(STDERR_FILENO) != 0,
        .progress_at = mono_add_ms(clock_mono_now(), PROGRESS_MS),
    };
    bool is_cluster = false;
    bool is_ok;

    connection_init(&connection, options, NULL);
    if (!connection_open(&connection, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    run.client = connection.client;
    is_ok =
        !options->follows_redirects || pipe_cluster_ask_map(&connection, &map, &is_cluster, &error);
    if (is_ok) {
        is_ok = is_cluster
                    ? pipe_cluster_run(options, NULL, &map, connection.host, &run.counts, &error)
                    : run_single(&run, &error);
    }
    cluster_map_deinit(&map);
    connection_close(&connection);
    if (!is_ok) {
        fprintf(stderr, "%s\n", error.text);
        run.counts.errors++;
    }
    printf("errors: %" PRIu64 ", replies: %" PRIu64 "\n", run.counts.errors, run.counts.replies);
    return run.counts.errors > 0 ? 1 : 0;
}
