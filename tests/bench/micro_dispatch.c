/* SPDX-License-Identifier: MIT */
/* A whole node without sockets: bytes of pipelines in, bytes of replies out.
 *
 * The world of the node is a fake: its clock goes on by a fixed step a pass, its disk is empty, and
 * what it writes is thrown away at once. */
#include "tests/bench/micro.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/rng.h"
#include "control/control.h"
#include "node/node.h"

#include <string.h>

enum {
    SESSIONS = 8,
    PIPELINE = 16,
    PASS_US = 100, /* about what a pass of so many requests takes */
    SEED = 42,
    DIGITS_AT = 4,
};

#define ARENA_BYTES   (UINT64_C(8) << 30)
#define UNIX_EPOCH_MS INT64_C(1700000000000)

struct dispatch {
    struct node *node;
    struct env env;
    struct fs fs;
    int64_t now_us;
    struct session *sessions[SESSIONS];
    struct session *touched[SESSIONS];
    size_t touched_count;
    uint64_t output_bytes;
    struct load_request request;
    struct buf input[SESSIONS]; /* a pipeline each */
    uint64_t key_count;
    struct rng rng;
};

/* ---- the world of the node --------------------------------------------------------------------*/

static struct moment env_now(void *context)
{
    const struct dispatch *d = context;

    return (struct moment){.mono = {.us = d->now_us}, .unix_ms = UNIX_EPOCH_MS + d->now_us / 1000};
}

static int64_t env_mono_ns(void *context)
{
    const struct dispatch *d = context;

    return d->now_us * 1000;
}

static void env_session_touched(void *context, struct session *s)
{
    struct dispatch *d = context;

    ASSERT(d->touched_count < SESSIONS);
    d->touched[d->touched_count++] = s;
}

static void env_exit(void *context, int code)
{
    (void)context;
    (void)code;
}

static size_t env_resident_bytes(void *context)
{
    (void)context;
    return 0;
}

static enum fs_status nothing_to_read(void *context, const char *path, uint64_t max_bytes,
                                      struct buf *out, struct errmsg *error)
{
    (void)context;
    (void)path;
    (void)max_bytes;
    (void)out;
    (void)error;
    return FS_MISSING;
}

static enum fs_status no_such_folder(void *context, const char *path, fs_name_fn *on_name,
                                     void *name_context, struct errmsg *error)
{
    (void)context;
    (void)path;
    (void)on_name;
    (void)name_context;
    (void)error;
    return FS_MISSING;
}

static enum fs_status no_such_file(void *context, const char *path, struct fs_info *out,
                                   struct errmsg *error)
{
    (void)context;
    (void)out;
    errmsg_set(error, "there is no %s", path);
    return FS_MISSING;
}

static void open_node(struct dispatch *d, bool looks_for_hot_keys)
{
    struct config config;
    struct errmsg error;
    struct node_options options = {
        .config = &config,
        .env = &d->env,
        .controls = &control_table,
        .seed = SEED,
        .arena_bytes = ARENA_BYTES,
    };
    struct session_peer peer = {.address = "127.0.0.1:1", .is_loopback = true};
    bool is_set;

    d->fs = (struct fs){
        .ctx = d, .get_info = no_such_file, .read_file = nothing_to_read, .list = no_such_folder};
    d->env = (struct env){.context = d,
                          .fs = &d->fs,
                          .now = env_now,
                          .mono_ns = env_mono_ns,
                          .session_touched = env_session_touched,
                          .exit = env_exit,
                          .resident_bytes = env_resident_bytes};
    config_init(&config);
    is_set = config_set(&config, "save", (struct bytes){0}, CONFIG_FROM_START, &error) &&
             config_set(&config, "appendonly", BYTES_LITERAL("no"), CONFIG_FROM_START, &error) &&
             (looks_for_hot_keys ||
              config_set(&config, "hotkeys-top-k", BYTES_LITERAL("0"), CONFIG_FROM_START, &error));
    ASSERT(is_set);
    options.now = env_now(d);
    d->node = node_new(&options, &error);
    ASSERT(d->node != NULL);
    for (size_t i = 0; i < SESSIONS; i++) {
        d->sessions[i] = node_session_open(d->node, &peer, NULL);
        ASSERT(d->sessions[i] != NULL);
    }
}

/* ---- passes -----------------------------------------------------------------------------------*/

/* Every reply must be as long as those of the request are, else something else was measured. */
static void write_output(struct dispatch *d, uint64_t request_count)
{
    d->output_bytes = 0;
    for (size_t i = 0; i < d->touched_count; i++) {
        struct bytes output;

        while (session_output(d->touched[i], &output, 1) == 1) {
            d->output_bytes += output.len;
            node_session_written(d->node, d->touched[i], output.len);
        }
    }
    d->touched_count = 0;
    ASSERT(d->output_bytes == request_count * d->request.reply.len);
}

static void pass(struct dispatch *d, size_t session_count, size_t depth)
{
    d->now_us += PASS_US;
    node_begin_pass(d->node, env_now(d));
    for (size_t i = 0; i < session_count; i++) {
        struct bytes input = buf_bytes(&d->input[i]);

        node_session_input(d->node, d->sessions[i],
                           bytes_prefix(input, depth * d->request.text.len));
    }
    node_end_pass(d->node);
    write_output(d, session_count * depth);
}

static void put_keys(struct dispatch *d, char *text, uint64_t in_order)
{
    for (size_t k = 0; k < d->request.place_count; k++) {
        uint64_t key =
            in_order < d->key_count ? in_order : ((rng_u64(&d->rng) >> 32) * d->key_count) >> 32;

        load_put_digits(text + d->request.places[k].at, (uint32_t)key);
    }
}

static void use_request(struct dispatch *d, const struct load_shape *shape)
{
    load_request_deinit(&d->request);
    load_request_init(&d->request, shape);
    for (size_t i = 0; i < SESSIONS; i++) {
        buf_clear(&d->input[i]);
        for (size_t n = 0; n < PIPELINE; n++) {
            buf_append_bytes(&d->input[i], buf_bytes(&d->request.text));
        }
    }
}

/* ---- parts ------------------------------------------------------------------------------------*/

static void fill(struct dispatch *d, const struct load_shape *like)
{
    struct load_shape shape = *like;

    shape.command = LOAD_SET;
    shape.key_count = 1;
    use_request(d, &shape);
    for (uint64_t key = 0; key < d->key_count; key++) {
        put_keys(d, d->input[0].data, key);
        pass(d, 1, 1);
    }
}

static void *open_dispatch(const struct micro *micro, uint64_t key_count, bool looks_for_hot_keys)
{
    struct dispatch *d = mem_alloc_zeroed(MEM_TEST, sizeof(*d));
    /* Counters keep their length. */
    struct load_shape shape = {.command = micro->command,
                               .key_count = micro->keys_each,
                               .value = micro->command == LOAD_INCR ? BYTES_LITERAL("100000")
                                                                    : load_value(LOAD_VALUE_MAX)};

    d->key_count = key_count;
    rng_init(&d->rng, SEED);
    open_node(d, looks_for_hot_keys);
    fill(d, &shape);
    use_request(d, &shape);
    return d;
}

static void *begin(const struct micro *micro, uint64_t key_count)
{
    return open_dispatch(micro, key_count, true);
}

static void *begin_unsearched(const struct micro *micro, uint64_t key_count)
{
    return open_dispatch(micro, key_count, false);
}

/* Passes of all sessions with whole pipelines; the rest in passes of one request. */
static void run(void *context, uint64_t count)
{
    struct dispatch *d = context;
    size_t step = d->request.text.len;

    while (count >= SESSIONS * PIPELINE) {
        for (size_t i = 0; i < SESSIONS; i++) {
            for (size_t n = 0; n < PIPELINE; n++) {
                put_keys(d, d->input[i].data + n * step, UINT64_MAX);
            }
        }
        pass(d, SESSIONS, PIPELINE);
        count -= SESSIONS * PIPELINE;
    }
    for (; count > 0; count--) {
        put_keys(d, d->input[0].data, UINT64_MAX);
        pass(d, 1, 1);
    }
}

static void end(void *context)
{
    struct dispatch *d = context;

    for (size_t i = 0; i < SESSIONS; i++) {
        node_session_closed(d->node, d->sessions[i]);
        buf_deinit(&d->input[i]);
    }
    node_free(d->node);
    load_request_deinit(&d->request);
    mem_free(MEM_TEST, d);
}

const struct micro *micro_dispatch_at(size_t index)
{
    static const struct micro all[] = {
        {"dispatch-get",            "a node answers GET",        3000000, begin,            run, end, LOAD_GET,  1 },
        {"dispatch-unsearched-get", "and looks for no hot keys", 3000000, begin_unsearched, run,
         end,                                                                                         LOAD_GET,  1 },
        {"dispatch-set",            "a node answers SET",        3000000, begin,            run, end, LOAD_SET,  1 },
        {"dispatch-incr",           "a node answers INCR",       3000000, begin,            run, end, LOAD_INCR, 1 },
        {"dispatch-mget",           "a node answers MGET of 10", 500000,  begin,            run, end, LOAD_GET,  10},
        {"dispatch-mset",           "a node answers MSET of 10", 500000,  begin,            run, end, LOAD_SET,  10},
    };

    return index < ARRAY_COUNT(all) ? &all[index] : NULL;
}
