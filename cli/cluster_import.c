/* SPDX-License-Identifier: MIT */
/* The source is spoken to as by a replica that confirms nothing.  Its snapshot goes to a file without a name, and from
 * there into the cluster, each key to its owner; what it writes meanwhile comes in as it comes and is kept in memory.  With
 * --cluster-follow that is applied behind it, until Ctrl-C. */
#include "cli/cluster_import.h"

#include "base/mem.h"
#include "base/num.h"
#include "cli/askpass.h"
#include "cli/connect.h"
#include "cli/import_source.h"
#include "cli/import_stream.h"
#include "cli/interrupt.h"
#include "cli/log_report.h"
#include "cli/pipe_cluster.h"
#include "cli/sync.h"
#include "io/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PROGRESS_MS = 500,
    ACK_MS = 1000, /* between two signs of life, and two questions how far the source is */
    ASK_MS = 5000,
    SILENCE_MS = 120 * 1000,
    IDLE_MS = 20,
};

struct import_live {
    const struct options *options; /* of the cluster */
    struct options from;           /* of the source */
    struct connection source;
    struct connection cluster;
    struct interrupt interrupt;
    struct sync sync;
    struct cluster_map map;
    struct import_source file;
    struct import_stream stream;
    struct pipe_counts counts;
    struct buf password;
    char path[256]; /* of the snapshot while it has a name, or "" */
    uint64_t stream_from;
    uint64_t source_offset;
    bool is_streaming; /* behind the snapshot */
    bool was_in_step;
    bool is_interrupted;
    bool is_broken; /* for the reason in error */
    struct errmsg error;
    struct mono_time began_at;
    struct mono_time due_at; /* of progress, */
    struct mono_time ack_at; /* of a sign of life */
};

/* ---- progress ----------------------------------------------------------------------------------- */

static uint64_t behind(const struct import_live *live)
{
    uint64_t at = live->stream_from + live->stream.taken_bytes;

    return live->source_offset > at ? live->source_offset - at : 0;
}

static void show(struct import_live *live, const char *text)
{
    bool is_terminal = isatty(STDERR_FILENO) != 0;

    if (is_terminal || live->options->is_verbose) {
        fprintf(stderr, "%s%-78s%s", is_terminal ? "\r" : "", text, is_terminal ? "" : "\n");
    }
}

static void show_progress(struct import_live *live)
{
    struct mono_time now = clock_mono_now();
    int64_t ms = mono_ms_between(live->began_at, now);
    struct buf line = {0};
    struct buf left = {0};

    if (!mono_is_due(live->due_at, now)) {
        return;
    }
    live->due_at = mono_add_ms(now, PROGRESS_MS);
    if (live->is_streaming) {
        buf_printf(&line, "following: %" PRIu64 " commands applied, %" PRIu64 " KB behind",
                   live->stream.made, behind(live) / 1024);
    } else if (live->file.made > 0) {
        uint64_t done = live->file.done_bytes + live->file.at;

        log_report_write_time_left(done, live->file.facts.total_bytes, ms, &left);
        buf_printf(&line, "%" PRIu64 " of %" PRIu64 " keys, %" PRIu64 " a second  %s",
                   live->file.made, live->file.facts.records,
                   live->file.made * 1000 / (uint64_t)(ms > 0 ? ms : 1), buf_text(&left));
    } else {
        buf_printf(&line, "snapshot: %" PRIu64 " KB", live->sync.taken_bytes / 1024);
    }
    show(live, buf_text(&line));
    buf_deinit(&line);
    buf_deinit(&left);
}

static void begin_part(struct import_live *live)
{
    if (isatty(STDERR_FILENO) != 0) {
        fprintf(stderr, "\r%78s\r", "");
    }
    live->began_at = clock_mono_now();
    live->due_at = mono_add_ms(live->began_at, PROGRESS_MS);
}

/* ---- the source --------------------------------------------------------------------------------- */

static bool name_source(struct import_live *live, struct errmsg *error)
{
    const struct options *options = live->options;
    char host[ADDR_HOST_TEXT];
    uint16_t port;

    if (options->cluster_from == NULL ||
        !addr_split(bytes_from_text(options->cluster_from), host, &port) || host[0] == '\0' ||
        port == 0) {
        errmsg_set(error, "--cluster import takes --cluster-from host:port, the server whose data "
                          "are wanted");
        return false;
    }
    live->from = *options;
    live->from.unix_path = NULL;
    live->from.db = 0;
    live->from.protocol = 0;
    bytes_to_text(bytes_from_text(host), live->from.host, sizeof(live->from.host));
    live->from.port = port;
    live->from.user =
        options->cluster_from_user != NULL ? mem_strdup(MEM_CLI, options->cluster_from_user) : NULL;
    if (options->cluster_from_asks_password && !askpass_read(&live->password)) {
        errmsg_set(error, "no password was given");
        return false;
    }
    if (options->cluster_from_password != NULL && live->password.len == 0) {
        buf_append_text(&live->password, options->cluster_from_password);
    }
    live->from.password =
        live->password.len > 0 ? mem_strdup(MEM_CLI, buf_text(&live->password)) : NULL;
    connection_init(&live->source, &live->from, NULL);
    return connection_open(&live->source, error);
}

static bool ask_to_follow(struct import_live *live, struct errmsg *error)
{
    const struct sync_place none = {0};
    struct sync_place from;
    bool is_full;

    live->sync.client = live->source.client;
    client_set_timeout_ms(live->source.client, SILENCE_MS);
    if (!sync_configure(&live->sync, "capa", "eof", NULL, error) ||
        !sync_configure(&live->sync, "capa", "psync2", NULL, error) ||
        !sync_configure(&live->sync, "capa", "backup", NULL, error) ||
        !sync_ask(&live->sync, &none, &is_full, &from, error) ||
        !sync_begin_payload(&live->sync, error)) {
        return false;
    }
    live->stream_from = from.offset;
    live->source_offset = from.offset;
    return true;
}

/* The file has its name only as long as it takes to map it. */
static bool take_snapshot(struct import_live *live, struct errmsg *error)
{
    const char *folder = getenv("TMPDIR");
    int fd;
    bool is_ok = true;

    snprintf(live->path, sizeof(live->path), "%s/starling-import-XXXXXX",
             folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    fd = mkstemp(live->path);
    if (fd < 0) {
        errmsg_set(error, "cannot make the file %s: %s", live->path, strerror(errno));
        live->path[0] = '\0';
        return false;
    }
    begin_part(live);
    while (is_ok && !live->sync.is_over) {
        struct bytes piece;

        is_ok = sync_next(&live->sync, &piece, error);
        while (is_ok && piece.len > 0) {
            ssize_t written = write(fd, piece.data, piece.len);

            if (written < 0 && errno != EINTR) {
                errmsg_set(error, "cannot write %s: %s", live->path, strerror(errno));
                is_ok = false;
            }
            piece = bytes_from(piece, written > 0 ? (size_t)written : 0);
        }
        show_progress(live);
    }
    close(fd);
    is_ok = is_ok && import_source_open(&live->file, live->path, error);
    unlink(live->path);
    begin_part(live);
    return is_ok;
}

/* Where the source is now. */
static void ask_offset(struct import_live *live)
{
    static const char *const words[] = {"INFO", "replication"};
    struct errmsg ignored;
    struct client *second = connection_open_second(&live->source, ASK_MS, &ignored);
    struct resp_value reply;
    struct bytes text;

    if (second != NULL && connect_call(second, words, ARRAY_COUNT(words), &reply, &ignored)) {
        uint64_t offset;

        if (view_find_field(resp_value_bytes(&reply), "master_repl_offset", &text) &&
            num_parse_u64(text, &offset)) {
            live->source_offset = offset;
        }
        resp_value_deinit(&reply);
    }
    client_close(second);
}

static void break_off(struct import_live *live, const char *reason)
{
    live->is_broken = true;
    errmsg_set(&live->error, "%s", reason);
}

/* What the source says is kept, and it hears from us. */
static void keep_up(struct import_live *live)
{
    struct mono_time now = clock_mono_now();
    struct errmsg error = {0};
    enum client_status status;

    if (live->is_broken) {
        return;
    }
    if (mono_is_due(live->ack_at, now)) {
        live->ack_at = mono_add_ms(now, ACK_MS);
        client_send_texts(live->source.client, 3, "REPLCONF", "ACK", "0");
        if (live->is_streaming) {
            ask_offset(live);
        }
    }
    status = client_pump(live->source.client, &error);
    if (status != CLIENT_OK && live->options->cluster_follows) {
        break_off(live, status == CLIENT_CLOSED ? "the source closed the connection" : error.text);
    }
}

/* ---- into the cluster --------------------------------------------------------------------------- */

static void on_pass(void *context)
{
    struct import_live *live = context;

    keep_up(live);
    show_progress(live);
    if (interrupt_wait(&live->interrupt, -1, false, 0) == INTERRUPT_CAME) {
        live->is_interrupted = true;
    }
}

static bool next_of_file(void *context, struct buf *out)
{
    struct import_live *live = context;

    return !live->is_interrupted && !live->is_broken && import_source_next(&live->file, out);
}

/* Nothing that came was left: wait a moment for more, or for the end. */
static bool idle(struct import_live *live)
{
    if (!live->was_in_step && behind(live) == 0) {
        live->was_in_step = true;
        begin_part(live);
        fprintf(stderr, "in step with the source; following until Ctrl-C\n");
    }
    if (interrupt_wait(&live->interrupt, client_fd(live->source.client), false, IDLE_MS) ==
        INTERRUPT_CAME) {
        live->is_interrupted = true;
    }
    return !live->is_interrupted;
}

static bool next_of_stream(void *context, struct buf *out)
{
    struct import_live *live = context;
    struct bytes in = client_input(live->source.client);
    struct errmsg error = {0};

    if (live->is_interrupted || (live->is_broken && in.len == 0)) {
        return false;
    }
    if (in.len == 0) {
        return idle(live);
    }
    if (!import_stream_take(&live->stream, in, out, &error)) {
        break_off(live, error.text);
        client_consume(live->source.client, in.len);
        return false;
    }
    client_consume(live->source.client, in.len);
    return true;
}

static bool check_cluster(struct import_live *live, const struct cluster_target *target,
                          struct errmsg *error)
{
    bool is_cluster;

    connection_init(&live->cluster, live->options, NULL);
    connection_move(&live->cluster, target->host, target->port);
    if (!connection_open(&live->cluster, error) ||
        !pipe_cluster_ask_map(&live->cluster, &live->map, &is_cluster, error)) {
        return false;
    }
    if (!is_cluster || cluster_map_count_covered(&live->map) < SLOT_COUNT) {
        errmsg_set(error, "%s:%u is in no cluster that serves all slots", target->host,
                   target->port);
        return false;
    }
    return true;
}

static bool check_file(struct import_live *live, struct errmsg *error)
{
    const struct import_facts *facts = &live->file.facts;

    if (facts->greatest_db > 0) {
        errmsg_set(error,
                   "the source uses database %" PRIu64 ", and a cluster has database 0 alone: "
                   "nothing was imported",
                   facts->greatest_db);
        return false;
    }
    if (facts->libraries > 0 || facts->modules > 0) {
        fprintf(stderr,
                "Warning: %" PRIu64 " libraries of functions and %" PRIu64
                " values and other data of modules are left out\n",
                facts->libraries, facts->modules);
    }
    live->file.is_for_cluster = true;
    live->file.replaces = live->options->cluster_replaces;
    return true;
}

static bool send_all(struct import_live *live, bool (*next)(void *, struct buf *),
                     struct errmsg *error)
{
    const struct pipe_source from = {.next = next, .on_pass = on_pass, .context = live};
    bool is_ok = pipe_cluster_run(live->options, &from, &live->map, live->cluster.host,
                                  &live->counts, error);

    if (is_ok && live->is_broken) {
        *error = live->error;
    }
    return is_ok && !live->is_broken;
}

static bool follow(struct import_live *live, struct errmsg *error)
{
    if (live->is_interrupted) {
        return true;
    }
    live->is_streaming = true;
    live->ack_at = live->began_at;
    ask_offset(live);
    return send_all(live, next_of_stream, error);
}

static bool run_all(struct import_live *live, const struct cluster_target *target,
                    struct errmsg *error)
{
    bool is_ok;

    if (!check_cluster(live, target, error) || !name_source(live, error) ||
        !ask_to_follow(live, error) || !take_snapshot(live, error) || !check_file(live, error)) {
        return false;
    }
    interrupt_open(&live->interrupt);
    is_ok = send_all(live, next_of_file, error);
    begin_part(live);
    printf("%" PRIu64 " of %" PRIu64 " keys were sent to the cluster%s\n", live->file.made,
           live->file.facts.records, live->is_interrupted ? ", then it was interrupted" : "");
    fflush(stdout);
    if (is_ok && live->options->cluster_follows) {
        is_ok = follow(live, error);
        begin_part(live);
        printf("%" PRIu64 " commands that came since were applied, %" PRIu64
               " bytes of the source's stream are not\n",
               live->stream.made, behind(live));
    }
    return is_ok;
}

int cluster_import(const struct cluster_target *target)
{
    struct import_live *live = mem_alloc_zeroed(MEM_CLI, sizeof(*live));
    struct errmsg error = {0};
    bool is_ok;

    live->options = target->options;
    live->interrupt.fd = -1;
    is_ok = run_all(live, target, &error);
    if (!is_ok) {
        view_say(VIEW_BAD, "%s", error.text);
    }
    if (live->counts.errors > 0) {
        view_say(VIEW_BAD, "%" PRIu64 " keys or commands were refused by the cluster",
                 live->counts.errors);
    }
    is_ok = is_ok && live->counts.errors == 0 && (!live->is_interrupted || live->is_streaming);
    interrupt_close(&live->interrupt);
    connection_close(&live->source);
    connection_close(&live->cluster);
    cluster_map_deinit(&live->map);
    import_source_close(&live->file);
    import_stream_deinit(&live->stream);
    buf_deinit(&live->password);
    mem_free(MEM_CLI, live->from.user);
    mem_free(MEM_CLI, live->from.password);
    mem_free(MEM_CLI, live);
    return is_ok ? 0 : 1;
}
