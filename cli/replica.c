/* SPDX-License-Identifier: MIT */
/* The snapshot is passed over, then each command of the stream is a line of CSV.  The primary is
 * told every second that somebody listens, without an offset: nothing is kept here. */
#include "cli/replica.h"

#include "cli/connect.h"
#include "cli/print.h"
#include "cli/sync.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ACK_MS = 1000,
};

struct replica_run {
    struct connection connection;
    struct interrupt interrupt;
    struct sync sync;
    struct buf line;
    struct mono_time ack_at;
};

static bool skip_snapshot(struct replica_run *run, struct errmsg *error)
{
    struct bytes piece;

    run->sync.client = run->connection.client;
    /* A filter that lets nothing pass: the commands are what is asked for, not the data. */
    if (!sync_configure(&run->sync, "capa", "eof", NULL, error) ||
        !sync_configure(&run->sync, "rdb-filter-only", "", NULL, error) ||
        !sync_begin(&run->sync, error)) {
        return false;
    }
    if (run->sync.has_mark) {
        fputs("SYNC with master, discarding bytes of bulk transfer until EOF marker...\n", stderr);
    } else {
        fprintf(stderr, "SYNC with master, discarding %" PRIu64 " bytes of bulk transfer...\n",
                run->sync.total_bytes);
    }
    while (!run->sync.is_over) {
        if (!sync_next(&run->sync, &piece, error)) {
            return false;
        }
    }
    fprintf(stderr, "SYNC done after %" PRIu64 " bytes. Logging commands from master.\n",
            run->sync.taken_bytes);
    return true;
}

static void print_command(struct replica_run *run, const struct resp_value *command)
{
    const struct render_options csv = {.format = RENDER_CSV};

    buf_clear(&run->line);
    render_reply(&run->line, command, &csv);
    print_buf(&run->line);
}

/* Commands that have come; false when the connection is over. */
static bool take_commands(struct replica_run *run, struct errmsg *error)
{
    struct client *client = run->connection.client;
    enum client_status pumped = client_pump(client, error);
    enum client_status status;
    struct resp_value command;

    do {
        while (bytes_has_prefix(client_input(client), "\n")) { /* sent to keep the link alive */
            client_consume(client, 1);
        }
        status = client_try_read(client, &command, error);
        if (status == CLIENT_OK) {
            print_command(run, &command);
            resp_value_deinit(&command);
        }
    } while (status == CLIENT_OK && ferror(stdout) == 0);
    if (ferror(stdout) != 0) {
        errmsg_set(error, "cannot write to standard output");
        return false;
    }
    if (pumped == CLIENT_CLOSED) {
        errmsg_set(error, "Server closed the connection");
    }
    return pumped == CLIENT_OK && status == CLIENT_TIMEOUT;
}

static bool follow(struct replica_run *run, struct errmsg *error)
{
    struct client *client = run->connection.client;

    while (take_commands(run, error)) {
        struct mono_time now = clock_mono_now();

        if (mono_is_due(run->ack_at, now)) {
            client_send_texts(client, 3, "REPLCONF", "ACK", "0");
            run->ack_at = mono_add_ms(now, ACK_MS);
            continue; /* the next pump writes it */
        }
        if (interrupt_wait(&run->interrupt, client_fd(client), client_has_output(client),
                           mono_ms_between(now, run->ack_at) + 1) == INTERRUPT_CAME) {
            return true;
        }
    }
    return false;
}

int replica_run(const struct options *options)
{
    struct replica_run run = {.interrupt = {.fd = -1}};
    struct errmsg error = {0};
    bool is_ok;

    connection_init(&run.connection, options, &run.interrupt);
    is_ok = connection_open(&run.connection, &error) && skip_snapshot(&run, &error);
    if (is_ok) {
        interrupt_open(&run.interrupt);
        run.ack_at = clock_mono_now();
        is_ok = follow(&run, &error);
        interrupt_close(&run.interrupt);
    }
    if (!is_ok) {
        fprintf(stderr, "%s\n", error.text);
    }
    buf_deinit(&run.line);
    connection_close(&run.connection);
    return is_ok ? 0 : 1;
}
