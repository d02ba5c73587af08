/* SPDX-License-Identifier: MIT */
/* HOTKEYS: what node/hot_side.h has found.  Without a session as Valkey has it, which finds hot keys all the time;
 * with one, that HOTKEYS START has begun, as Redis has it. */
#include "cluster/route.h"
#include "control/answer.h"
#include "control/control.h"
#include "node/batch.h"
#include "node/inside.h"

#include "base/num.h"

enum {
    MOST_SECONDS = 1000000,
};

void control_hotkeys(struct node *node, struct request *request)
{
    (void)node;
    reply_unknown_sub(request);
}

/* ---- START ------------------------------------------------------------------------------------ */

/* What was read of START's words so far. */
struct start {
    struct node *node;
    struct request *request;
    struct hot_session_options options;
    size_t at; /* the next word */
    uint32_t seen;
};

static bool read_number(struct start *start, const char *name, int64_t most, int64_t *out)
{
    struct request *request = start->request;

    if (start->at >= request->arg_count) {
        reply_error(request, "ERR syntax error");
        return false;
    }
    if (!num_parse_i64(request->args[start->at++], out) || *out < 1 || *out > most) {
        reply_error(request, "ERR %s must be between 1 and %lld", name, (long long)most);
        return false;
    }
    return true;
}

/* So many words that follow, as a number in front of them says. */
static bool read_count(struct start *start, const char *name, size_t *count)
{
    int64_t number;

    if (!read_number(start, name, INT64_MAX, &number)) {
        return false;
    }
    if ((uint64_t)number > start->request->arg_count - start->at) {
        reply_error(start->request, "ERR syntax error");
        return false;
    }
    *count = (size_t)number;
    return true;
}

static bool read_metrics(struct start *start)
{
    size_t count;

    if (!read_count(start, "METRICS count", &count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct bytes word = start->request->args[start->at++];

        start->options.has_cpu |= bytes_equal_nocase(word, "CPU");
        start->options.has_net |= bytes_equal_nocase(word, "NET");
    }
    if (!start->options.has_cpu && !start->options.has_net) {
        reply_error(start->request, "ERR METRICS no valid metrics passed. Supported: CPU|NET");
        return false;
    }
    return true;
}

static bool read_key_count(struct start *start)
{
    int64_t number;

    if (!read_number(start, "COUNT", HOT_SESSION_MOST_KEYS, &number)) {
        return false;
    }
    start->options.key_count = (size_t)number;
    return true;
}

static bool read_duration(struct start *start)
{
    int64_t number;

    if (!read_number(start, "DURATION", MOST_SECONDS, &number)) {
        return false;
    }
    start->options.duration_ms = number * 1000;
    return true;
}

static bool read_ratio(struct start *start)
{
    int64_t number;

    if (!read_number(start, "SAMPLE ratio", INT32_MAX, &number)) {
        return false;
    }
    start->options.ratio = (uint64_t)number;
    return true;
}

static bool read_slots(struct start *start)
{
    size_t count;

    if (start->node->cluster == NULL) {
        reply_error(start->request, "ERR SLOTS parameter cannot be used in non-cluster mode");
        return false;
    }
    if (!read_count(start, "SLOTS count", &count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t slot;

        if (!num_parse_i64(start->request->args[start->at++], &slot) || slot < 0 ||
            slot >= HOT_SESSION_SLOTS) {
            reply_error(start->request, "ERR Invalid or out of range slot");
            return false;
        }
        hot_session_add_slot(&start->options, (uint32_t)slot);
    }
    start->options.has_slots = true;
    return true;
}

static const struct {
    const char *name;
    bool (*read)(struct start *start);
} parameters[] = {
    {"METRICS",  read_metrics  },
    {"COUNT",    read_key_count},
    {"DURATION", read_duration },
    {"SAMPLE",   read_ratio    },
    {"SLOTS",    read_slots    },
};

static bool read_parameter(struct start *start)
{
    struct bytes word = start->request->args[start->at++];

    for (uint32_t i = 0; i < ARRAY_COUNT(parameters); i++) {
        if (bytes_equal_nocase(word, parameters[i].name) && (start->seen & (1U << i)) == 0) {
            start->seen |= 1U << i;
            return parameters[i].read(start);
        }
    }
    reply_error(start->request, "ERR syntax error");
    return false;
}

/* A session whose time has come is over, whether or not anybody has looked since. */
static bool is_active(struct node *node)
{
    const struct hot_session *session = node->hot.session;

    if (node->hot.watches_all && hot_session_is_over(session, hot_side_now_ms(node))) {
        hot_side_stop_session(node);
    }
    return node->hot.watches_all;
}

void control_hotkeys_start(struct node *node, struct request *request)
{
    struct start start = {
        .node = node,
        .request = request,
        .options = {.key_count = HOT_SESSION_KEYS, .ratio = 1},
        .at = 2,
    };

    if (is_active(node)) {
        reply_error(request, "ERR hotkey tracking session already in progress");
        return;
    }
    while (start.at < request->arg_count) {
        if (!read_parameter(&start)) {
            return;
        }
    }
    if (!start.options.has_cpu && !start.options.has_net) {
        reply_error(request, "ERR METRICS parameter is required");
        return;
    }
    hot_side_start_session(node, &start.options);
    batch_watch_next(node);
    resp_write_ok(request->reply);
}

void control_hotkeys_stop(struct node *node, struct request *request)
{
    if (!is_active(node)) {
        resp_write_null(request->reply);
        return;
    }
    hot_side_stop_session(node);
    resp_write_ok(request->reply);
}

void control_hotkeys_reset(struct node *node, struct request *request)
{
    if (is_active(node)) {
        reply_error(request, "ERR hotkey tracking session in progress, stop tracking first");
        return;
    }
    hot_side_reset(node);
    resp_write_ok(request->reply);
}

/* ---- GET: of a session ------------------------------------------------------------------------ */

static void write_field(struct resp_writer *w, const char *name, uint64_t number)
{
    resp_write_bulk_text(w, name);
    resp_write_integer(w, (int64_t)number);
}

/* Ranges of slots that count; all, unless some were chosen.  Written when w is not NULL; how many. */
static size_t write_slots(const struct hot_session_options *options, struct resp_writer *w)
{
    size_t count = 0;

    for (uint32_t slot = 0; slot < HOT_SESSION_SLOTS; slot++) {
        uint32_t first = slot;

        while (slot < HOT_SESSION_SLOTS &&
               (!options->has_slots || hot_session_has_slot(options, slot))) {
            slot++;
        }
        if (slot == first) {
            continue;
        }
        count++;
        if (w != NULL) {
            resp_write_array(w, 2);
            resp_write_integer(w, first);
            resp_write_integer(w, slot - 1);
        }
    }
    return count;
}

/* Of time or of bytes: the sums that the options ask for. */
static void write_sums(struct resp_writer *w, const struct hot_session *session,
                       const struct hot_session_sums *sums, uint64_t unit, const char *const *names)
{
    if (session->options.has_slots && session->options.ratio > 1) {
        write_field(w, names[0], sums->sampled / unit);
    }
    if (session->options.has_slots) {
        write_field(w, names[1], sums->selected / unit);
    }
    write_field(w, names[2], sums->all / unit);
}

static void write_keys(struct resp_writer *w, const struct hot_session *session,
                       const struct top_keys *top, uint64_t unit)
{
    const struct top_key *keys[HOT_SESSION_MOST_KEYS];
    size_t count = top_keys_list(top, unit, keys, session->options.key_count);

    resp_write_array(w, 2 * count);
    for (size_t i = 0; i < count; i++) {
        resp_write_bulk(w, top_key_bytes(keys[i]));
        resp_write_integer(w, (int64_t)(top_key_weight(keys[i]) / unit));
    }
}

static size_t field_count(const struct hot_session_options *options)
{
    size_t of_slots = options->has_slots ? (options->ratio > 1 ? 2 : 1) : 0;

    return 7 + 2 * of_slots + (options->has_cpu ? 3 : 0) + (options->has_net ? 2 : 0);
}

static void write_metrics(const struct node *node, struct resp_writer *w,
                          const struct hot_session *session)
{
    struct hot_session_process now = session->after;

    if (session->is_active) {
        now = hot_side_process(node);
    }
    if (session->options.has_cpu) {
        write_field(w, "total-cpu-time-user-ms",
                    (uint64_t)(now.user_us - session->before.user_us) / 1000);
        write_field(w, "total-cpu-time-sys-ms",
                    (uint64_t)(now.system_us - session->before.system_us) / 1000);
    }
    if (session->options.has_net) {
        write_field(w, "total-net-bytes", now.net_bytes - session->before.net_bytes);
    }
    if (session->options.has_cpu) {
        resp_write_bulk_text(w, "by-cpu-time-us");
        write_keys(w, session, &session->by_ns, 1000);
    }
    if (session->options.has_net) {
        resp_write_bulk_text(w, "by-net-bytes");
        write_keys(w, session, &session->by_bytes, 1);
    }
}

static void write_session(const struct node *node, struct resp_writer *w,
                          const struct hot_session *session)
{
    static const char *const times[] = {
        "sampled-commands-selected-slots-us",
        "all-commands-selected-slots-us",
        "all-commands-all-slots-us",
    };
    static const char *const bytes[] = {
        "net-bytes-sampled-commands-selected-slots",
        "net-bytes-all-commands-selected-slots",
        "net-bytes-all-commands-all-slots",
    };
    int64_t until_ms = session->is_active ? hot_side_now_ms(node) : session->ended_ms;

    resp_write_array(w, 1);
    resp_write_map(w, field_count(&session->options));
    write_field(w, "tracking-active", session->is_active);
    write_field(w, "sample-ratio", session->options.ratio);
    resp_write_bulk_text(w, "selected-slots");
    resp_write_array(w, write_slots(&session->options, NULL));
    (void)write_slots(&session->options, w);
    write_sums(w, session, &session->ns, 1000, times);
    write_sums(w, session, &session->bytes, 1, bytes);
    write_field(w, "collection-start-time-unix-ms", (uint64_t)session->began_unix_ms);
    write_field(w, "collection-duration-ms", (uint64_t)(until_ms - session->began_ms));
    write_metrics(node, w, session);
}

/* ---- GET: at any time ------------------------------------------------------------------------- */

/* Why other primaries serve the key, or do not; for people. */
static const char *copying_of(const struct node *node, const struct top_key *key)
{
    if (!cluster_owns_slot(node->cluster, (uint16_t)key->slot)) {
        return hot_copies_accepted(node, (uint16_t)key->slot) != NULL
                   ? "served by copies of another node's"
                   : "its slot is another node's";
    }
    if (!hot_copies_are_on(node)) {
        return "copies are turned off";
    }
    return promotion_answer_text(hot_copies_own(node, (uint16_t)key->slot) != NULL
                                     ? PROMOTION_YES
                                     : hot_copies_judge(node, key));
}

static void write_copying(const struct node *node, struct resp_writer *w, const struct top_key *key)
{
    const struct hot_slot *hot =
        hot_slots_find(&node->hot_copies.known, node->now.mono, (uint16_t)key->slot);

    write_field(w, "slot", key->slot);
    write_field(w, "copied", hot != NULL ? hot_slot_ready_count(hot) : 0);
    resp_write_bulk_text(w, "reason");
    resp_write_bulk_text(w, copying_of(node, key));
}

static void write_hot_keys(struct node *node, struct resp_writer *w)
{
    struct hot_keys *hot = &node->hot.keys;
    const struct top_key *keys[TOP_KEYS];
    size_t count;

    hot_keys_settle(hot, hot_side_now_ms(node));
    count = hot_keys_list(hot, keys, (size_t)node->config.hotkeys_top_k);
    resp_write_array(w, count);
    for (size_t i = 0; i < count; i++) {
        struct hot_keys_rate rate = hot_keys_rate(hot, keys[i], hot_side_now_ms(node));

        resp_write_map(w, node->cluster != NULL ? 10 : 7);
        resp_write_bulk_text(w, "key");
        resp_write_bulk(w, top_key_bytes(keys[i]));
        write_field(w, "db", keys[i]->db);
        write_field(w, "qps", rate.reads + rate.writes);
        write_field(w, "reads", rate.reads);
        write_field(w, "writes", rate.writes);
        write_field(w, "bytes", rate.bytes);
        write_field(w, "key-length", keys[i]->key_len);
        if (node->cluster != NULL) {
            write_copying(node, w, keys[i]);
        }
    }
}

void control_hotkeys_get(struct node *node, struct request *request)
{
    (void)is_active(node);
    if (node->hot.session != NULL) {
        write_session(node, request->reply, node->hot.session);
    } else {
        write_hot_keys(node, request->reply);
    }
}

void control_hotkeys_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "HOTKEYS <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GET",
        "    Return the keys that clients use most, the hottest first: key, database, operations,",
        "    reads, writes and bytes a second, length of the key; in a cluster also its slot,",
        "    how many other nodes serve it, and why, or why not. Since START: what was measured.",
        "RESET",
        "    Forget them, and the session that START began.",
        "START METRICS <count> <CPU|NET> [...] [COUNT <keys>] [DURATION <seconds>]",
        "      [SAMPLE <ratio>] [SLOTS <count> <slot> [...]]",
        "    Measure every command: which keys take most processor time, most bytes.",
        "STOP",
        "    End that; GET returns what came of it until RESET.",
        "HELP",
        "    Print this help.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}
