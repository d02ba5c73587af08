/* SPDX-License-Identifier: MIT */
/* The server is spoken to as by a replica that confirms nothing: it says so (capa backup), and acknowledges offset 0, which
 * other servers take for one that is always behind.  What comes goes into the folder as it comes; where the server was
 * when the snapshot had come, or when the run began, a second connection tells. */
#include "cli/backup.h"

#include "base/num.h"
#include "cli/backup_folder.h"
#include "cli/connect.h"
#include "cli/log_report.h"
#include "cli/sync.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PROGRESS_MS = 500,
    ACK_MS = 1000,  /* between two signs of life, */
    SYNC_MS = 1000, /* and two syncs while it goes on */
    SILENCE_MS = 120 * 1000,
    ASK_MS = 10 * 1000, /* for an answer beside the stream */
};

struct backup_run {
    const struct options *options;
    struct connection connection;
    struct interrupt interrupt;
    struct sync sync;
    struct backup_folder folder;
    bool shows_progress;
    bool is_first;     /* a snapshot comes first */
    uint64_t began_at; /* offset from which on the stream is taken, */
    uint64_t target;   /* and up to which at least */
    uint64_t taken_bytes;
    struct mono_time started_at;
    struct mono_time due_at;  /* of progress, */
    struct mono_time ack_at;  /* a sign of life, */
    struct mono_time sync_at; /* a sync, */
    struct mono_time heard_at;
};

/* ---- progress ----------------------------------------------------------------------------------- */

static void show_progress(struct backup_run *run, const char *what, uint64_t done, uint64_t total)
{
    struct mono_time now = clock_mono_now();
    struct buf left = {0};

    if (!run->shows_progress || !mono_is_due(run->due_at, now)) {
        return;
    }
    run->due_at = mono_add_ms(now, PROGRESS_MS);
    if (total > 0) {
        log_report_write_time_left(done, total, mono_ms_between(run->started_at, now), &left);
        fprintf(stderr, "%s%s: %" PRIu64 " of %" PRIu64 " KB  %-14s",
                isatty(STDERR_FILENO) ? "\r" : "", what, done / 1024, total / 1024,
                buf_text(&left));
    } else {
        fprintf(stderr, "%s%s: %" PRIu64 " KB", isatty(STDERR_FILENO) ? "\r" : "", what,
                done / 1024);
    }
    fputs(isatty(STDERR_FILENO) ? "" : "\n", stderr);
    buf_deinit(&left);
}

static void end_progress(struct backup_run *run)
{
    if (run->shows_progress && isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r%60s\r", "");
    }
    run->started_at = clock_mono_now();
    run->due_at = mono_add_ms(run->started_at, PROGRESS_MS);
}

/* ---- what the server is asked ------------------------------------------------------------------- */

/* The number behind the name in a reply of INFO. */
static bool find_number(struct bytes text, const char *name, uint64_t *out)
{
    struct bytes line;

    while (text.len > 0) {
        line = bytes_trim(bytes_next_word(&text, '\n'));
        if (bytes_has_prefix(line, name)) {
            return num_parse_u64(bytes_from(line, strlen(name)), out);
        }
    }
    return false;
}

/* Where the server is now. */
static bool ask_offset(struct backup_run *run, uint64_t *offset, struct errmsg *error)
{
    static const char *const words[] = {"INFO", "replication"};
    struct client *second = connection_open_second(&run->connection, ASK_MS, error);
    struct resp_value reply;
    bool is_ok = false;

    if (second != NULL && connect_call(second, words, ARRAY_COUNT(words), &reply, error)) {
        is_ok = find_number(buf_bytes(&reply.text), "master_repl_offset:", offset);
        if (!is_ok) {
            errmsg_set(error, "the server does not tell its offset");
        }
        resp_value_deinit(&reply);
    }
    if (second != NULL) {
        client_close(second);
    }
    return is_ok;
}

static bool ask_to_follow(struct backup_run *run, struct sync_place *from, struct errmsg *error)
{
    const struct sync_place none = {0};
    bool is_whole = backup_state_is_whole(&run->folder.state);
    struct sync_place have = {run->folder.history, run->folder.written};

    run->sync.client = run->connection.client;
    if (!sync_configure(&run->sync, "capa", "eof", NULL, error) ||
        !sync_configure(&run->sync, "capa", "psync2", NULL, error) ||
        !sync_configure(&run->sync, "capa", "backup", NULL, error) ||
        !sync_ask(&run->sync, is_whole ? &have : &none, &run->is_first, from, error)) {
        return false;
    }
    if (is_whole && run->is_first) {
        errmsg_set(error,
                   "the server cannot go on from where the backup in %s ends (offset %" PRIu64
                   " of history %s): it is another server, or has no longer what came behind that. "
                   "Make a new backup in another folder; this one is left as it is",
                   run->folder.path, have.offset, have.history.text);
        return false;
    }
    return true;
}

/* ---- the first part ----------------------------------------------------------------------------- */

static bool take_snapshot(struct backup_run *run, const struct sync_place *place,
                          struct errmsg *error)
{
    if (!backup_folder_begin(&run->folder, place, error) ||
        !sync_begin_payload(&run->sync, error)) {
        return false;
    }
    fprintf(stderr, "taking a snapshot at offset %" PRIu64 " of history %s\n", place->offset,
            place->history.text);
    while (!run->sync.is_over) {
        struct bytes piece;

        if (!sync_next(&run->sync, &piece, error) ||
            !backup_folder_add_snapshot(&run->folder, piece, error)) {
            return false;
        }
        show_progress(run, "snapshot", run->sync.taken_bytes, run->sync.total_bytes);
    }
    end_progress(run);
    return backup_folder_end_snapshot(&run->folder, error);
}

/* ---- the stream --------------------------------------------------------------------------------- */

static bool take_input(struct backup_run *run, struct errmsg *error)
{
    struct client *client = run->connection.client;
    enum client_status pumped = client_pump(client, error);
    struct bytes in = client_input(client);

    if (in.len > 0) {
        run->heard_at = clock_mono_now();
        run->taken_bytes += in.len;
        if (!backup_folder_add(&run->folder, in, clock_unix_ms(), error)) {
            return false;
        }
        client_consume(client, in.len);
    }
    if (pumped == CLIENT_CLOSED) {
        errmsg_set(error, "the server closed the connection");
    }
    return pumped == CLIENT_OK;
}

/* What is due besides input. */
static bool keep_up(struct backup_run *run, struct errmsg *error)
{
    struct mono_time now = clock_mono_now();

    if (mono_is_due(run->ack_at, now)) {
        client_send_texts(run->connection.client, 3, "REPLCONF", "ACK", "0");
        run->ack_at = mono_add_ms(now, ACK_MS);
    }
    if (mono_is_due(run->sync_at, now)) {
        run->sync_at = mono_add_ms(now, SYNC_MS);
        /* The first part is not whole before its target. */
        if (backup_state_is_whole(&run->folder.state) && !backup_folder_sync(&run->folder, error)) {
            return false;
        }
    }
    if (mono_ms_between(run->heard_at, now) > SILENCE_MS) {
        errmsg_set(error, "the server is silent for too long");
        return false;
    }
    return true;
}

/* Up to the target, or, with --follow, until somebody ends it.  Whatever was added counts in either case. */
static bool follow(struct backup_run *run, struct errmsg *error)
{
    struct client *client = run->connection.client;
    bool is_telling = run->options->follows_stream;

    for (;;) {
        if (!take_input(run, error)) {
            return false;
        }
        if (run->folder.written >= run->target) {
            if (!run->options->follows_stream) {
                return true;
            }
            if (!backup_state_is_whole(&run->folder.state) &&
                !backup_folder_sync(&run->folder, error)) {
                return false;
            }
            if (is_telling) {
                end_progress(run);
                fprintf(stderr, "following from offset %" PRIu64 " on, until Ctrl-C\n",
                        run->folder.written);
                is_telling = false;
            }
        } else {
            show_progress(run, "stream", run->folder.written - run->began_at,
                          run->target - run->began_at);
        }
        if (!keep_up(run, error)) {
            return false;
        }
        if (interrupt_wait(&run->interrupt, client_fd(client), client_has_output(client),
                           ACK_MS / 4) == INTERRUPT_CAME) {
            return true;
        }
    }
}

static bool take_stream(struct backup_run *run, const struct sync_place *from, struct errmsg *error)
{
    bool is_ok;
    struct mono_time now = clock_mono_now();
    struct errmsg ignored;

    if (!ask_offset(run, &run->target, error) ||
        !backup_folder_begin_segment(&run->folder, &from->history, clock_unix_ms(), error)) {
        return false;
    }
    run->began_at = run->folder.written;
    run->ack_at = now;
    run->heard_at = now;
    run->sync_at = mono_add_ms(now, SYNC_MS);
    interrupt_open(
        &run->interrupt); /* to the end: a second Ctrl-C is not to cut short what is done then */
    is_ok = follow(run, error);
    end_progress(run);
    /* What came before a failure counts as well, once there was a whole backup. */
    if (is_ok || backup_state_is_whole(&run->folder.state)) {
        is_ok = backup_folder_sync(&run->folder, is_ok ? error : &ignored) && is_ok;
    }
    return is_ok;
}

static bool run_all(struct backup_run *run, struct errmsg *error)
{
    char source[ADDR_TEXT];
    struct sync_place from;

    connection_format(&run->connection, source);
    if (!backup_folder_open(&run->folder, run->options->backup_dir, source, error) ||
        !connection_open(&run->connection, error) || !ask_to_follow(run, &from, error)) {
        return false;
    }
    return (!run->is_first || take_snapshot(run, &from, error)) && take_stream(run, &from, error);
}

static void tell(const struct backup_run *run)
{
    const struct sync_place *end = &run->folder.state.end;

    if (run->is_first) {
        printf("Backup in %s: a snapshot of %" PRIu64 " bytes, and %" PRIu64
               " bytes of the stream, up to offset %" PRIu64 " of history %s\n",
               run->folder.path, run->sync.taken_bytes, run->taken_bytes, end->offset,
               end->history.text);
    } else {
        printf("Backup in %s: %" PRIu64 " bytes that are new, up to offset %" PRIu64
               " of history %s\n",
               run->folder.path, run->taken_bytes, end->offset, end->history.text);
    }
}

int backup_run(const struct options *options)
{
    struct backup_run run = {
        .options = options,
        .interrupt = {.fd = -1},
        .shows_progress = isatty(STDERR_FILENO) != 0 || options->is_verbose,
        .started_at = clock_mono_now(),
    };
    struct errmsg error = {0};
    bool is_ok;

    run.due_at = mono_add_ms(run.started_at, PROGRESS_MS);
    connection_init(&run.connection, options, NULL);
    is_ok = run_all(&run, &error);
    if (is_ok) {
        tell(&run);
    } else {
        fprintf(stderr, "%s\n", error.text);
    }
    connection_close(&run.connection);
    backup_folder_close(&run.folder);
    return is_ok ? 0 : 1;
}
