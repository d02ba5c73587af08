/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/node/one_node.h"

#include <criterion/criterion.h>

enum {
    ARENA_BYTES = 1 << 28,
    PASS_MS = 200, /* so that each pass does what is due by the clock */
};

static enum fs_status get_info(void *ctx, const char *path, struct fs_info *out,
                               struct errmsg *error)
{
    (void)ctx;
    (void)path;
    (void)out;
    errmsg_set(error, "no such file");
    return FS_MISSING;
}

static struct moment env_now(void *context)
{
    return ((struct one_node *)context)->now;
}

static void env_session_touched(void *context, struct session *s)
{
    (void)context;
    (void)s;
}

static size_t env_resident_bytes(void *context)
{
    return ((struct one_node *)context)->process.resident;
}

static void env_memory(void *context, struct env_memory *out)
{
    *out = ((struct one_node *)context)->process;
}

static void env_release_memory(void *context)
{
    ((struct one_node *)context)->release_count++;
}

void one_node_start(struct one_node *one)
{
    struct config config;
    struct errmsg error = {0};
    struct env env = {
        .context = one,
        .fs = &one->fs,
        .now = env_now,
        .session_touched = env_session_touched,
        .resident_bytes = env_resident_bytes,
        .memory = env_memory,
        .release_memory = env_release_memory,
    };
    struct node_options options = {
        .config = &config, .env = &env, .seed = 1, .arena_bytes = ARENA_BYTES};

    *one = (struct one_node){
        .fs = {.get_info = get_info     },
          .now = { .mono = {.us = 1000000}, .unix_ms = 1700000000000}
    };
    options.now = one->now;
    config_init(&config);
    cr_assert(config_set(&config, "save", BYTES_LITERAL(""), CONFIG_FROM_START, &error));
    one->node = node_new(&options, &error);
    cr_assert_not_null(one->node, "%s", error.text);
    one->client = node_session_open(
        one->node, &(struct session_peer){.address = "127.0.0.1:1", .is_loopback = true}, NULL);
}

void one_node_stop(struct one_node *one)
{
    node_check(one->node);
    node_free(one->node);
}

static void begin_pass(struct one_node *one)
{
    one->now.mono.us += PASS_MS * INT64_C(1000);
    one->now.unix_ms += PASS_MS;
    node_begin_pass(one->node, one->now);
}

void one_node_pass(struct one_node *one)
{
    begin_pass(one);
    node_end_pass(one->node);
}

struct resp_value one_node_ask(struct one_node *one, const char *request)
{
    struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct errmsg error = {0};
    struct buf line = {0};
    struct resp_value reply = {0};
    struct bytes output;
    size_t consumed;

    buf_printf(&line, "%s\r\n", request);
    begin_pass(one);
    node_session_input(one->node, one->client, buf_bytes(&line));
    node_end_pass(one->node);
    output = session_output(one->client);
    cr_assert_eq(resp_value_read(output, &limits, &reply, &consumed, &error), RESP_OK, "%s: %s",
                 request, error.text);
    cr_assert_eq(consumed, output.len);
    session_output_done(one->client, output.len);
    buf_deinit(&line);
    return reply;
}
