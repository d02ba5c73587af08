/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/node/lone_node.h"

#include "base/assert.h"
#include "base/glob.h"
#include "base/mem.h"
#include "control/control.h"

#include <criterion/criterion.h>

#define NODES_FILE  "nodes.conf"
#define UNIX_MS     INT64_C(1700000000000)
#define ARENA_BYTES ((size_t)256 * 1024 * 1024)
#define LATER_NS    (INT64_C(200) * 1000 * 1000)

static struct moment now(void *context)
{
    struct lone_node *w = context;

    w->now_ns += w->both_cost_ns;
    return (struct moment){.mono = {.us = w->now_ns / 1000},
                           .unix_ms = UNIX_MS + w->now_ns / 1000000,
                           .unix_rest_us = w->now_ns / 1000 % 1000};
}

static int64_t mono_ns(void *context)
{
    struct lone_node *w = context;

    w->readings++;
    w->now_ns += w->reading_cost_ns;
    return w->now_ns;
}

static size_t resident_bytes(void *context)
{
    struct lone_node *w = context;

    w->now_ns += w->memory_cost_ns;
    return w->process.resident;
}

static void memory(void *context, struct env_memory *out)
{
    *out = ((struct lone_node *)context)->process;
}

static void release_memory(void *context)
{
    ((struct lone_node *)context)->release_count++;
}

static void session_touched(void *context, struct session *s)
{
    (void)context;
    (void)s;
}

static enum fs_status get_info(void *ctx, const char *path, struct fs_info *out,
                               struct errmsg *error)
{
    (void)ctx;
    (void)path;
    (void)out;
    errmsg_set(error, "no such file");
    return FS_MISSING;
}

static enum fs_status read_file(void *ctx, const char *path, uint64_t max_bytes, struct buf *out,
                                struct errmsg *error)
{
    const char *text = ((struct lone_node *)ctx)->nodes_file;

    if (text != NULL && strcmp(path, NODES_FILE) == 0) {
        ASSERT(strlen(text) <= max_bytes);
        buf_append_text(out, text);
        return FS_OK;
    }
    errmsg_set(error, "no such file");
    return FS_MISSING;
}

static enum fs_status write_whole(void *ctx, const char *path, struct bytes bytes,
                                  struct errmsg *error)
{
    (void)path;
    (void)bytes;
    if (((struct lone_node *)ctx)->is_disk_full) {
        errmsg_set(error, "no space left");
        return FS_FAILED;
    }
    return FS_OK;
}

static uint64_t write_begin(void *ctx, const char *path, enum fs_lane lane)
{
    (void)path;
    (void)lane;
    return ++((struct lone_node *)ctx)->last_file;
}

static void write_append(void *ctx, uint64_t id, struct buf *steal)
{
    (void)ctx;
    (void)id;
    buf_deinit(steal);
}

/* There is no folder. */
static enum fs_status list(void *ctx, const char *path, fs_name_fn *on_name, void *context,
                           struct errmsg *error)
{
    (void)ctx;
    (void)path;
    (void)on_name;
    (void)context;
    (void)error;
    return FS_MISSING;
}

static void write_commit(void *ctx, uint64_t id)
{
    (void)ctx;
    (void)id;
}

static void count_warnings(void *context, enum log_level level, const char *line)
{
    (void)line;
    ((struct lone_node *)context)->warnings += level == LOG_WARNING ? 1 : 0;
}

/* Nobody is there. */
static void link_open(void *context, uint64_t link, enum env_link_kind kind, const char *host,
                      uint16_t port)
{
    (void)context;
    (void)link;
    (void)kind;
    (void)host;
    (void)port;
}

static void link_close(void *context, uint64_t link)
{
    struct lone_node *w = context;

    w->last_closed = link;
    w->closed_count++;
}

static void link_send(void *context, uint64_t link, struct bytes bytes)
{
    struct lone_node *w = context;

    (void)link;
    w->sent_bytes += bytes.len;
    buf_clear(&w->sent);
    buf_append_bytes(&w->sent, bytes);
}

static size_t link_queued(void *context, uint64_t link)
{
    struct lone_node *w = context;

    (void)link;
    return w->queued_bytes;
}

static struct lone_node *start(bool is_clustered, bool is_disk_full, const char *nodes_file,
                               struct errmsg *error)
{
    struct lone_node *w = mem_alloc_zeroed(MEM_TEST, sizeof(*w));
    struct session_peer peer = {.address = "10.0.0.1:5000", .is_loopback = true};
    struct config config;

    w->now_ns = INT64_C(1000000000);
    w->is_disk_full = is_disk_full;
    w->nodes_file = nodes_file;
    w->fs = (struct fs){.ctx = w,
                        .get_info = get_info,
                        .read_file = read_file,
                        .list = list,
                        .write_whole = write_whole,
                        .write_begin = write_begin,
                        .write_append = write_append,
                        .write_commit = write_commit};
    w->logger = (struct logger){.threshold = LOG_DEBUG, .sink = count_warnings, .sink_context = w};
    w->env = (struct env){.context = w,
                          .fs = &w->fs,
                          .logger = &w->logger,
                          .now = now,
                          .mono_ns = mono_ns,
                          .session_touched = session_touched,
                          .link_open = link_open,
                          .link_close = link_close,
                          .link_send = link_send,
                          .link_queued = link_queued,
                          .resident_bytes = resident_bytes,
                          .memory = memory,
                          .release_memory = release_memory};
    config_init(&config);
    cr_assert(config_set(&config, "save", (struct bytes){0}, CONFIG_FROM_START, error));
    cr_assert(config_set(&config, "appendonly", BYTES_LITERAL("no"), CONFIG_FROM_START, error));
    cr_assert(config_set(&config, "cluster-enabled", bytes_from_text(is_clustered ? "yes" : "no"),
                         CONFIG_FROM_START, error));
    w->node = node_new(&(struct node_options){.config = &config,
                                              .controls = &control_table,
                                              .env = &w->env,
                                              .now = now(w),
                                              .seed = 1,
                                              .pid = 1,
                                              .arena_bytes = ARENA_BYTES},
                       error);
    if (w->node == NULL) {
        config_deinit(&config);
        mem_free(MEM_TEST, w);
        return NULL;
    }
    w->client = node_session_open(w->node, &peer, NULL);
    return w;
}

struct lone_node *lone_node_new(void)
{
    struct errmsg error;
    struct lone_node *w = start(false, false, NULL, &error);

    cr_assert_not_null(w);
    return w;
}

struct lone_node *lone_node_new_clustered(bool is_disk_full, struct errmsg *error)
{
    return start(true, is_disk_full, NULL, error);
}

struct lone_node *lone_node_new_member(const char *nodes_file)
{
    struct errmsg error;
    struct lone_node *w = start(true, false, nodes_file, &error);

    cr_assert_not_null(w, "%s", error.text);
    return w;
}

void lone_node_file_done(struct lone_node *w, bool is_ok)
{
    struct errmsg error = {0};

    errmsg_set(&error, "no space left");
    node_begin_pass(w->node, now(w));
    node_file_done(w->node, w->last_file, is_ok, &error);
    node_end_pass(w->node);
}

void lone_node_free(struct lone_node *w)
{
    node_check(w->node);
    node_free(w->node);
    buf_deinit(&w->shown);
    buf_deinit(&w->sent);
    mem_free(MEM_TEST, w);
}

static void show(struct lone_node *w, struct bytes output)
{
    for (size_t i = 0; i < output.len; i++) {
        if (output.data[i] != '\n') {
            buf_append_byte(&w->shown, output.data[i] == '\r' ? '|' : output.data[i]);
        }
    }
}

const char *lone_node_send(struct lone_node *w, struct bytes input)
{
    struct bytes output;

    node_begin_pass(w->node, now(w));
    node_session_input(w->node, w->client, input);
    node_end_pass(w->node);
    buf_clear(&w->shown);
    while (session_output(w->client, &output, 1) == 1) {
        show(w, output);
        node_session_written(w->node, w->client, output.len);
    }
    return buf_text(&w->shown);
}

const char *lone_node_ask(struct lone_node *w, const char *lines)
{
    return lone_node_send(w, bytes_from_text(lines));
}

void lone_node_idle(struct lone_node *w)
{
    w->now_ns += LATER_NS;
    node_begin_pass(w->node, now(w));
    node_end_pass(w->node);
}

struct resp_value lone_node_value(struct lone_node *w, const char *request)
{
    struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct resp_value reply = {0};
    struct errmsg error = {0};
    struct buf line = {0};
    struct bytes output;
    size_t consumed;

    w->now_ns += LATER_NS;
    buf_printf(&line, "%s\r\n", request);
    node_begin_pass(w->node, now(w));
    node_session_input(w->node, w->client, buf_bytes(&line));
    node_end_pass(w->node);
    cr_assert_eq(session_output(w->client, &output, 1), 1);
    cr_assert_eq(resp_value_read(output, &limits, &reply, &consumed, &error), RESP_OK, "%s: %s",
                 request, error.text);
    cr_assert_eq(consumed, output.len);
    node_session_written(w->node, w->client, output.len);
    buf_deinit(&line);
    return reply;
}

void lone_node_expect(struct lone_node *w, const char *lines, const char *pattern)
{
    const char *answer = lone_node_ask(w, lines);

    cr_expect(glob_match(bytes_from_text(pattern), bytes_from_text(answer)),
              "%s answers %.2000s, not %s", lines, answer, pattern);
}
