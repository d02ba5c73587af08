/* SPDX-License-Identifier: MIT */
/* Everything that can be refused is refused before the first request goes out: what is wrong with the files, databases that
 * are not there, a server that has keys already.  After that errors are counted and shown, and it goes on. */
#include "cli/import.h"

#include "base/num.h"
#include "cli/connect.h"
#include "cli/import_source.h"
#include "cli/log_report.h"
#include "cli/pipe_cluster.h"
#include "io/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PROGRESS_MS = 500,
    POLL_MS = 250,
    UNDER_WAY_MAX = 10000, /* requests */
    ERRORS_SHOWN = 20,
};

struct import_run {
    const struct options *options;
    struct connection connection;
    struct cluster_map map;
    bool is_cluster;
    struct import_source source;
    struct pipe_counts counts;
    bool shows_progress;
    struct mono_time started_at;
    struct mono_time due_at; /* of progress */
    struct mono_time heard_at;
};

/* ---- progress ----------------------------------------------------------------------------------- */

static void show_progress(void *context)
{
    struct import_run *run = context;
    struct mono_time now = clock_mono_now();
    uint64_t done = run->source.done_bytes + run->source.at;
    struct buf left = {0};

    if (!run->shows_progress || !mono_is_due(run->due_at, now)) {
        return;
    }
    run->due_at = mono_add_ms(now, PROGRESS_MS);
    log_report_write_time_left(done, run->source.facts.total_bytes,
                               mono_ms_between(run->started_at, now), &left);
    fprintf(stderr, "%s%" PRIu64 " of %" PRIu64 " KB, %" PRIu64 " requests  %-14s%s",
            isatty(STDERR_FILENO) != 0 ? "\r" : "", done / 1024,
            run->source.facts.total_bytes / 1024, run->source.made, buf_text(&left),
            isatty(STDERR_FILENO) != 0 ? "" : "\n");
    buf_deinit(&left);
}

static void end_progress(const struct import_run *run)
{
    if (run->shows_progress && isatty(STDERR_FILENO) != 0) {
        fprintf(stderr, "\r%60s\r", "");
    }
}

/* ---- what speaks against it --------------------------------------------------------------------- */

/* The sum of what stands behind "keys=" in INFO keyspace. */
static uint64_t sum_keys(struct bytes text)
{
    uint64_t sum = 0;

    while (text.len > 0) {
        struct bytes line = bytes_trim(bytes_next_field(&text, '\n'));
        struct bytes value;
        uint64_t count;

        (void)bytes_next_field(&line, '=');
        value = bytes_next_field(&line, ',');
        sum += num_parse_u64(value, &count) ? count : 0;
    }
    return sum;
}

static bool count_keys_of(struct client *client, uint64_t *count, struct errmsg *error)
{
    static const char *const words[] = {"INFO", "keyspace"};
    struct resp_value reply;

    if (!connect_call(client, words, ARRAY_COUNT(words), &reply, error)) {
        return false;
    }
    *count += sum_keys(buf_bytes(&reply.text));
    resp_value_deinit(&reply);
    return true;
}

/* Keys that the server, or the primaries of the cluster, have. */
static bool count_keys(const struct import_run *run, uint64_t *count, struct errmsg *error)
{
    bool is_ok = true;

    *count = 0;
    if (!run->is_cluster) {
        return count_keys_of(run->connection.client, count, error);
    }
    for (size_t i = 0; is_ok && i < run->map.nodes.count; i++) {
        const struct map_node *node = &run->map.nodes.items[i];
        struct client *client;

        if (node->slot_count == 0) {
            continue;
        }
        client =
            connect_node(run->options, node->host[0] != '\0' ? node->host : run->connection.host,
                         node->port, error);
        is_ok = client != NULL && count_keys_of(client, count, error);
        client_close(client);
    }
    return is_ok;
}

/* Has the server the databases that are needed? */
static bool check_databases(struct import_run *run, struct errmsg *error)
{
    const struct import_facts *facts = &run->source.facts;
    char digits[24];
    const char *const words[] = {"SELECT", digits};
    struct resp_value reply;

    if (facts->greatest_db == 0) {
        return true;
    }
    snprintf(digits, sizeof(digits), "%" PRIu64, facts->greatest_db);
    if (run->is_cluster) {
        errmsg_set(error,
                   "the files use database %s, and a cluster has database 0 alone: nothing was "
                   "imported",
                   digits);
        return false;
    }
    if (!connect_call(run->connection.client, words, ARRAY_COUNT(words), &reply, error)) {
        errmsg_wrap(error, "the files use database %s, which the server has not", digits);
        return false;
    }
    resp_value_deinit(&reply);
    return true;
}

static bool check_target(struct import_run *run, struct errmsg *error)
{
    const struct import_facts *facts = &run->source.facts;
    uint64_t count;

    if (run->is_cluster && facts->unspreadable.text[0] != '\0') {
        errmsg_set(error,
                   "%s: it cannot be spread over a cluster. Import it into a single server, and "
                   "what that has (--rdb) into the cluster",
                   facts->unspreadable.text);
        return false;
    }
    if (!check_databases(run, error) || !count_keys(run, &count, error)) {
        return false;
    }
    if (count > 0 && facts->has_aof) {
        errmsg_set(error,
                   "the server has %" PRIu64 " keys, and the commands of an AOF are for one that "
                   "begins empty: nothing was imported",
                   count);
        return false;
    }
    if (count > 0 && !run->options->replaces) {
        errmsg_set(error,
                   "the server has %" PRIu64 " keys: nothing was imported. With --replace keys of "
                   "the same name are replaced, and the others stay",
                   count);
        return false;
    }
    return true;
}

/* ---- one server --------------------------------------------------------------------------------- */

static void take_reply(struct import_run *run, const struct resp_value *reply)
{
    if (reply->type == RESP_PUSH) {
        return;
    }
    run->counts.replies++;
    run->heard_at = clock_mono_now();
    if (reply->type == RESP_FAILURE && run->counts.errors++ < ERRORS_SHOWN) {
        end_progress(run);
        fprintf(stderr, "%.*s\n", (int)reply->text.len, reply->text.data);
    }
    /* Of a transaction. */
    for (size_t i = 0; reply->type == RESP_ARRAY && i < reply->child_count; i++) {
        if (reply->children[i].type == RESP_FAILURE && run->counts.errors++ < ERRORS_SHOWN) {
            fprintf(stderr, "%.*s\n", (int)reply->children[i].text.len,
                    reply->children[i].text.data);
        }
    }
}

static bool take_replies(struct import_run *run, struct errmsg *error)
{
    struct client *client = run->connection.client;
    enum client_status pumped = client_pump(client, error);
    enum client_status status;
    struct resp_value reply;

    while ((status = client_try_read(client, &reply, error)) == CLIENT_OK) {
        take_reply(run, &reply);
        resp_value_deinit(&reply);
    }
    if (status == CLIENT_TIMEOUT && pumped == CLIENT_CLOSED) {
        errmsg_set(error, "Server closed the connection");
    }
    return status == CLIENT_TIMEOUT && pumped == CLIENT_OK;
}

static bool send_all(struct import_run *run, struct errmsg *error)
{
    struct client *client = run->connection.client;
    int64_t timeout_ms = run->options->pipe_timeout_ms;
    struct buf out = {0};
    bool has_more = true;
    bool is_ok = true;

    run->heard_at = clock_mono_now();
    while (is_ok && (has_more || run->counts.replies < run->source.made)) {
        bool can_send = has_more && !client_has_output(client) &&
                        run->source.made - run->counts.replies < UNDER_WAY_MAX;
        struct pollfd watched = {.fd = client_fd(client), .events = POLLIN};

        if (can_send) {
            buf_clear(&out);
            has_more = import_source_next(&run->source, &out);
            client_send_raw(client, buf_bytes(&out));
        } else {
            watched.events = (short)(client_has_output(client) ? POLLIN | POLLOUT : POLLIN);
            (void)poll(&watched, 1, POLL_MS);
        }
        is_ok = take_replies(run, error);
        show_progress(run);
        if (is_ok && timeout_ms > 0 &&
            mono_ms_between(run->heard_at, clock_mono_now()) >= timeout_ms) {
            errmsg_set(error, "No replies for %" PRId64 " seconds: exiting.", timeout_ms / 1000);
            is_ok = false;
        }
    }
    buf_deinit(&out);
    return is_ok;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static bool next(void *context, struct buf *out)
{
    return import_source_next(&((struct import_run *)context)->source, out);
}

static void tell_what_is_left_out(const struct import_facts *facts)
{
    if (facts->cut.text[0] != '\0') {
        fprintf(stderr, "Warning: %s\n", facts->cut.text);
    }
    if (facts->libraries > 0) {
        fprintf(stderr, "Warning: %" PRIu64 " libraries of functions are left out\n",
                facts->libraries);
    }
    if (facts->modules > 0) {
        fprintf(stderr, "Warning: %" PRIu64 " values and other data of modules are left out\n",
                facts->modules);
    }
}

static bool run_all(struct import_run *run, struct errmsg *error)
{
    const struct pipe_source from = {.next = next, .on_pass = show_progress, .context = run};
    bool is_ok;

    if (!import_source_open(&run->source, run->options->import_path, error) ||
        !connection_open(&run->connection, error) ||
        !pipe_cluster_ask_map(&run->connection, &run->map, &run->is_cluster, error) ||
        !check_target(run, error)) {
        return false;
    }
    tell_what_is_left_out(&run->source.facts);
    run->source.is_for_cluster = run->is_cluster;
    run->source.replaces = run->options->replaces;
    is_ok = run->is_cluster ? pipe_cluster_run(run->options, &from, &run->map, run->connection.host,
                                               &run->counts, error)
                            : send_all(run, error);
    end_progress(run);
    printf("%" PRIu64 " keys and %" PRIu64 " commands in %" PRIu64 " bytes: errors: %" PRIu64
           ", replies: %" PRIu64 "\n",
           run->source.facts.records, run->source.facts.requests, run->source.facts.total_bytes,
           run->counts.errors, run->counts.replies);
    return is_ok;
}

int import_run(const struct options *options)
{
    struct import_run *run = mem_alloc_zeroed(MEM_CLI, sizeof(*run));
    struct errmsg error = {0};
    bool is_ok;

    run->options = options;
    run->shows_progress = isatty(STDERR_FILENO) != 0 || options->is_verbose;
    run->started_at = clock_mono_now();
    run->due_at = mono_add_ms(run->started_at, PROGRESS_MS);
    connection_init(&run->connection, options, NULL);
    is_ok = run_all(run, &error);
    if (!is_ok) {
        fprintf(stderr, "%s\n", error.text);
    }
    is_ok = is_ok && run->counts.errors == 0;
    connection_close(&run->connection);
    cluster_map_deinit(&run->map);
    import_source_close(&run->source);
    mem_free(MEM_CLI, run);
    return is_ok ? 0 : 1;
}
