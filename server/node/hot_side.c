/* SPDX-License-Identifier: MIT */
#include "node/hot_side.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/split.h"
#include "node/inside.h"

enum {
    NOT_TIMED = -1,
};

int64_t hot_side_now_ms(const struct node *node)
{
    return node->now.mono.us / 1000;
}

void hot_side_init(struct node *node)
{
    /* No chance that others see: the same seed is as good as another. */
    hot_keys_init(&node->hot.keys, 1, hot_side_now_ms(node));
    hot_side_configure(node);
}

void hot_side_deinit(struct node *node)
{
    mem_free(MEM_NODE, node->hot.session);
    node->hot.session = NULL;
}

void hot_side_configure(struct node *node)
{
    struct hot_side *hot = &node->hot;
    bool is_on = node->config.hotkeys_top_k > 0;

    if (is_on != hot->keys.is_on) {
        hot_keys_reset(&hot->keys, hot_side_now_ms(node));
        hot->left = is_on ? 0 : HOT_KEYS_OFF;
        hot->left_queued = hot->left;
    }
    hot_keys_configure(&hot->keys, is_on, node->config.hotkeys_window_s * 1000);
}

bool hot_side_count(struct node *node, const struct request *request, const struct key_ref *ref)
{
    const struct command_spec *spec = request->spec;

    if (!command_has_one_key(spec)) {
        return false;
    }
    hot_keys_count(&node->hot.keys, ref->hash, request->db,
                   (spec->flags & COMMAND_FLAG_WRITE) != 0);
    return true;
}

/* ---- requests --------------------------------------------------------------------------------- */

void hot_side_begin(struct node *node, const struct session *s, bool is_queued,
                    struct hot_watch *watch)
{
    struct hot_side *hot = &node->hot;
    size_t *left = is_queued ? &hot->left_queued : &hot->left;

    watch->out_before = output_end(&s->output);
    watch->commands_before = s->command_count;
    watch->is_queued = is_queued;
    watch->is_due = !hot->watches_all || *left == 0;
    *left = watch->is_due ? hot_keys_gap(&hot->keys) : *left - 1;
    watch->began_ns = hot->watches_all ? node->env.mono_ns(node->env.context) : NOT_TIMED;
}

/* Keys of a request, at most HOT_KEYS_KEYS of them, spread over all: each stands for so many. */
struct used_keys {
    struct top_key_name names[HOT_KEYS_KEYS];
    bool is_write[HOT_KEYS_KEYS];
    size_t count;
    size_t all;
    bool is_counted;
};

static struct top_key_name name_of(const struct node *node, const struct key_ref *ref, unsigned db)
{
    return (struct top_key_name){.bytes = ref->bytes,
                                 .hash = ref->hash,
                                 .db = db,
                                 .slot = node->cluster != NULL ? ref->table : 0};
}

static bool writes_key(const struct request *request, size_t key)
{
    uint32_t access = command_key_access(request->spec, request->args, request->arg_count, key);

    return (access & (KEY_ACCESS_RW | KEY_ACCESS_OW | KEY_ACCESS_RM)) != 0;
}

static void collect_keys(const struct node *node, const struct request *request,
                         struct used_keys *used)
{
    struct command_keys keys = command_keys(request->spec, request->args, request->arg_count);
    unsigned db = request->session->db;
    size_t step;

    used->all = keys.count;
    used->count = keys.count < HOT_KEYS_KEYS ? keys.count : HOT_KEYS_KEYS;
    step = used->count > 0 ? keys.count / used->count : 0;
    for (size_t i = 0; i < used->count; i++) {
        size_t word = command_key_at(&keys, i * step);
        struct key_ref ref = keyspace_ref(node->data.keyspace, db, request->args[word]);

        used->names[i] = name_of(node, &ref, db);
        used->is_write[i] = writes_key(request, i * step);
    }
}

/* The most frequent form: one key, which the batch has hashed. */
static bool take_prepared_key(const struct node *node, const struct request *request,
                              struct used_keys *used)
{
    const struct command_spec *spec = request->spec;

    if (request->key_count != 1 || !command_has_one_key(spec) ||
        request->db != request->session->db) {
        return false;
    }
    used->names[0] = name_of(node, &node->batch.keys[request->first_key], request->session->db);
    used->is_write[0] = (spec->flags & COMMAND_FLAG_WRITE) != 0;
    used->count = 1;
    used->all = 1;
    return true;
}

static void add_sample(struct node *node, const struct used_keys *used, uint64_t bytes)
{
    for (size_t i = 0; i < used->count; i++) {
        hot_keys_add(&node->hot.keys, &used->names[i],
                     &(struct hot_keys_use){.is_write = used->is_write[i],
                                            .is_counted = used->is_counted,
                                            .times = used->all / used->count,
                                            .bytes = bytes / used->all});
    }
}

static void add_to_session(struct node *node, const struct hot_watch *watch,
                           const struct used_keys *used, uint64_t bytes)
{
    int64_t took_ns = node->env.mono_ns(node->env.context) - watch->began_ns;

    ASSERT(took_ns >= 0);
    hot_session_add(node->hot.session, &(struct hot_session_use){.ns = (uint64_t)took_ns,
                                                                 .bytes = bytes,
                                                                 .is_within = watch->is_queued,
                                                                 .names = used->names,
                                                                 .name_count = used->count});
}

void hot_side_end(struct node *node, const struct request *request, const struct hot_watch *watch)
{
    const struct session *s = request->session;
    struct used_keys used;
    uint64_t bytes;

    if (s->command_count == watch->commands_before || request->spec == NULL) {
        return;
    }
    used.count = 0;
    used.is_counted = request->is_counted;
    bytes = request->read.raw.len + (output_end(&s->output) - watch->out_before);
    if (!take_prepared_key(node, request, &used)) {
        collect_keys(node, request, &used);
    }
    if (watch->is_due && node->hot.keys.is_on) {
        add_sample(node, &used, bytes);
    }
    /* It may be the one that has begun the session, or ended it. */
    if (node->hot.watches_all && watch->began_ns != NOT_TIMED) {
        add_to_session(node, watch, &used, bytes);
    }
}

/* ---- from time to time ------------------------------------------------------------------------ */

static void log_key(struct node *node, const struct top_key *key, const struct hot_keys_rate *rate,
                    uint64_t total)
{
    struct buf text = {0};
    uint64_t all = rate->reads + rate->writes;

    if (node->config.hide_user_data_from_log) {
        buf_printf(&text, "of %llu bytes", (unsigned long long)key->key_len);
    } else {
        split_append_quoted(&text, top_key_bytes(key));
        buf_printf(&text, "%s", key->key_len > TOP_KEYS_BYTES ? "..." : "");
    }
    node_log(node, LOG_NOTICE,
             "hot key %s in database %u takes %llu of %llu commands a second (%llu %%): "
             "%llu reads, %llu writes, %llu bytes a second",
             buf_text(&text), (unsigned)key->db, (unsigned long long)all, (unsigned long long)total,
             (unsigned long long)(all * 100 / total), (unsigned long long)rate->reads,
             (unsigned long long)rate->writes, (unsigned long long)rate->bytes);
    buf_deinit(&text);
}

/* Once in half a life, when there is most to go by. */
static void log_shares(struct node *node)
{
    struct hot_side *hot = &node->hot;
    const struct top_key *keys[TOP_KEYS];
    uint64_t share = (uint64_t)node->config.hot_key_log_share;
    uint64_t total = hot_keys_total_rate(&hot->keys);
    size_t count;

    if (share == 0 || total < HOT_LOG_LEAST_RATE) {
        return;
    }
    count = hot_keys_list(&hot->keys, keys, 100 / share);
    for (size_t i = 0; i < count; i++) {
        struct hot_keys_rate rate = hot_keys_rate(&hot->keys, keys[i], hot_side_now_ms(node));
        struct top_key *key = &hot->keys.top.entries[keys[i] - hot->keys.top.entries];

        if ((rate.reads + rate.writes) * 100 < total * share) {
            break;
        }
        if (key->noted_ms == 0 || hot_side_now_ms(node) - key->noted_ms >= HOT_LOG_PERIOD_MS) {
            key->noted_ms = hot_side_now_ms(node);
            log_key(node, key, &rate, total);
        }
    }
}

void hot_side_tick(struct node *node)
{
    struct hot_side *hot = &node->hot;

    if (hot->watches_all && hot_session_is_over(hot->session, hot_side_now_ms(node))) {
        hot_side_stop_session(node);
    }
    if (hot->keys.is_on &&
        hot_keys_look(&hot->keys, node->counters.commands, hot_side_now_ms(node)) &&
        hot_keys_is_due(&hot->keys, hot_side_now_ms(node))) {
        log_shares(node);
        hot_keys_halve(&hot->keys, hot_side_now_ms(node));
    }
}

/* ---- for commands ----------------------------------------------------------------------------- */

struct hot_session_process hot_side_process(const struct node *node)
{
    struct env_cpu cpu = {0};

    if (node->env.cpu != NULL) {
        node->env.cpu(node->env.context, &cpu);
    }
    return (struct hot_session_process){.user_us = cpu.user_us,
                                        .system_us = cpu.system_us,
                                        .net_bytes = node->counters.net_input_bytes +
                                                     node->counters.net_output_bytes};
}

void hot_side_start_session(struct node *node, const struct hot_session_options *options)
{
    struct hot_side *hot = &node->hot;
    struct hot_session_process process = hot_side_process(node);

    ASSERT(!hot->watches_all);
    if (hot->session == NULL) {
        hot->session = mem_alloc(MEM_NODE, sizeof(*hot->session));
    }
    hot_session_begin(hot->session, options, &process, (uint64_t)node->now.mono.us);
    hot->session->began_ms = hot_side_now_ms(node);
    hot->session->began_unix_ms = node->now.unix_ms;
    hot->watches_all = true;
}

void hot_side_stop_session(struct node *node)
{
    struct hot_side *hot = &node->hot;
    struct hot_session_process process = hot_side_process(node);

    ASSERT(hot->watches_all);
    hot_session_end(hot->session, &process, hot_side_now_ms(node));
    hot->watches_all = false;
}

void hot_side_reset(struct node *node)
{
    ASSERT(!node->hot.watches_all);
    hot_side_deinit(node);
    hot_keys_reset(&node->hot.keys, hot_side_now_ms(node));
}

void hot_side_check(const struct node *node)
{
    const struct hot_side *hot = &node->hot;

    ASSERT(hot->watches_all == (hot->session != NULL && hot->session->is_active));
    hot_keys_check(&hot->keys);
}
