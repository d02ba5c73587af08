/* SPDX-License-Identifier: MIT */
#include "node/gates.h"

#include "base/assert.h"
#include "cluster/range_admin.h"
#include "cluster/route.h"
#include "node/inside.h"
#include "session/queue.h"

enum {
    HTTP_LOG_EVERY_MS = 60 * 1000,
};

/* A browser that was led to our port sends an HTTP request, whose body may hold commands: nothing
 * behind its first line, or its Host header, may be executed. */
static bool is_http(struct bytes name)
{
    return bytes_equal_nocase(name, "post") || bytes_equal_nocase(name, "host:");
}

static void close_http(struct node *node, struct session *s)
{
    if (node->gates.http_logged_at.us == 0 ||
        mono_ms_between(node->gates.http_logged_at, node->now.mono) >= HTTP_LOG_EVERY_MS) {
        node->gates.http_logged_at = node->now.mono;
        node_log(
            node, LOG_WARNING,
            "Possible SECURITY ATTACK detected: %s sends an HTTP request (POST or Host:), as a "
            "browser does that was made to run commands here. The connection is closed.",
            s->peer.address);
    }
    node_close_session(node, s, false);
    ASSERT(session_is_closing(s));
}

bool gates_allow(const struct session *s, int protection)
{
    bool is_local = s->peer.is_loopback || s->peer.is_unix;

    ASSERT(protection == PROTECTION_NOBODY || protection == PROTECTION_LOCAL ||
           protection == PROTECTION_EVERYBODY);
    return protection == PROTECTION_EVERYBODY || (protection == PROTECTION_LOCAL && is_local);
}

static bool gate_known(struct node *node, struct request *request)
{
    struct bytes name = request->args[0];
    struct buf shown = {0};

    ASSERT(request->arg_count > 0);
    if (request->spec != NULL) {
        if (request->arg_count >= 2 && command_has_subcommands(request->spec)) {
            const struct command_spec *sub = command_find_sub(request->spec, request->args[1]);

            if (sub == NULL && request->spec->id != COMMAND_DEBUG) {
                reply_unknown_sub(request);
                return false;
            }
            request->spec = sub != NULL ? sub : request->spec;
        }
        return true;
    }
    if (is_http(name)) {
        close_http(node, request->session);
        return false;
    }
    for (size_t i = 1; i < request->arg_count && shown.len < 128; i++) {
        size_t room = 128 - shown.len;
        struct bytes word = request->args[i];
        size_t zero = bytes_find_byte(word, '\0');

        buf_append_byte(&shown, '\'');
        /* A word is shown up to the first zero in it. */
        room = room < word.len ? room : word.len;
        buf_append_bytes(&shown, bytes_prefix(word, zero < room ? zero : room));
        buf_append_text(&shown, "' ");
    }
    reply_error(request, "ERR unknown command '%.*s', with args beginning with: %s",
                name.len < 128 ? (int)name.len : 128, name.data, buf_text(&shown));
    buf_deinit(&shown);
    return false;
}

static bool gate_arity(struct node *node, struct request *request)
{
    const struct command_spec *spec = request->spec;

    (void)node;
    ASSERT(spec != NULL); /* else it was not known */
    if (command_arity_fits(spec, request->arg_count)) {
        return true;
    }
    if (spec->kind == COMMAND_SUB) {
        reply_error(request, "ERR wrong number of arguments for '%s|%s' command",
                    command_spec(spec->parent)->name, spec->name);
    } else {
        reply_error(request, "ERR wrong number of arguments for '%s' command", spec->name);
    }
    return false;
}

/* Debugging commands stop, crash and empty servers. */
static bool gate_debug(struct node *node, struct request *request)
{
    if (LIKELY(request->spec->id != COMMAND_DEBUG) ||
        gates_allow(request->session, node->config.enable_debug_command)) {
        return true;
    }
    reply_error(request,
                "ERR DEBUG command not allowed. If the enable-debug-command option is set to "
                "\"local\", you can run it from a local connection, otherwise you need to set this "
                "option in the configuration file, and then restart the server.");
    return false;
}

static bool gate_auth(struct node *node, struct request *request)
{
    (void)node;
    if (LIKELY(request->session->flags & SESSION_AUTHENTICATED) ||
        (request->spec->flags & COMMAND_FLAG_NO_AUTH)) {
        return true;
    }
    reply_error(request, "NOAUTH Authentication required.");
    return false;
}

/* What the client's user may do; what asks for no password asks for no right either. */
static bool gate_acl(struct node *node, struct request *request)
{
    return LIKELY((request->session->flags & SESSION_LIMITED) == 0) || users_allow(node, request);
}

static bool gate_loading(struct node *node, struct request *request)
{
    if (LIKELY(!load_is_at_start(&node->loading)) ||
        (request->spec->flags & COMMAND_FLAG_LOADING)) {
        return true;
    }
    reply_error(request, "LOADING Redis is loading the dataset in memory");
    return false;
}

/* What writes without naming keys (FLUSHALL) writes to all of our slots. */
static bool gate_route(struct node *node, struct request *request)
{
    const struct command_spec *spec = request->spec;

    if (LIKELY(node->cluster == NULL)) {
        return true;
    }
    ASSERT(!spec->is_data || request->session->db == 0);
    if (command_has_keys(spec)) {
        return route_keys(node, request);
    }
    if (UNLIKELY(spec->id == COMMAND_CLUSTERSCAN)) {
        return route_cursor(node, request);
    }
    if (UNLIKELY(hot_copies_know_any(&node->hot_copies)) && spec->id == COMMAND_EXEC) {
        return !borrowing_take_exec(node, request);
    }
    if (UNLIKELY(spec->id == COMMAND_FLUSHALL || spec->id == COMMAND_FLUSHDB) &&
        node->role.is_primary && cluster_is_importing(node->cluster)) {
        reply_error(request, "ERR slots are on their way here with keys that another node has yet: "
                             "see CLUSTER MIGRATION STATUS");
        return false;
    }
    if ((spec->flags & COMMAND_FLAG_WRITE) && node->role.is_primary && !journal_is_open(node)) {
        reply_error(request, "CLUSTERDOWN The cluster is down");
        return false;
    }
    return true;
}

/* Whoever can follow is led to our primary, but for reads of those who said READONLY. */
static bool is_led_away(const struct node *node, const struct request *request)
{
    const struct session *s = request->session;
    uint32_t flags = request->spec->flags;

    return (s->flags & SESSION_CAPA_REDIRECT) && node->cluster == NULL &&
           ((flags & COMMAND_FLAG_WRITE) ||
            ((flags & COMMAND_FLAG_READONLY) && !(s->flags & SESSION_CLUSTER_READONLY)));
}

static bool gate_role(struct node *node, struct request *request)
{
    if (LIKELY(node->role.is_primary)) {
        return true;
    }
    if (is_led_away(node, request)) {
        struct replica_report primary = replica_get_report(node->upstream.replica);

        reply_error(request, "REDIRECT %s:%u", primary.host, (unsigned)primary.port);
        return false;
    }
    if ((request->spec->flags & COMMAND_FLAG_WRITE) && node->config.replica_read_only) {
        reply_error(request, "READONLY You can't write against a read only replica.");
        return false;
    }
    if (!node->config.replica_serve_stale_data && !upstream_is_up(&node->upstream) &&
        !(request->spec->flags & COMMAND_FLAG_STALE)) {
        reply_error(request,
                    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to "
                    "'no'.");
        return false;
    }
    return true;
}

/* EXEC does all at once what is queued. */
static bool may_add_data(const struct request *request)
{
    return (request_flags(request) & COMMAND_FLAG_DENYOOM) != 0;
}

static bool gate_memory(struct node *node, struct request *request)
{
    if (LIKELY(!node->memory_limit.is_near) || !may_add_data(request)) {
        return true;
    }
    switch (memory_limit_make_room(node, request)) {
    case ROOM_THERE:
        return true;
    case ROOM_NEVER:
        reply_error(request, "OOM command not allowed when used memory > 'maxmemory'.");
        break;
    case ROOM_LATER:
        ASSERT(request->session->flags & SESSION_HELD);
        break;
    }
    return false;
}

static bool changes_data(const struct request *request)
{
    return (request_flags(request) & COMMAND_FLAG_WRITE) != 0;
}

/* Who writes faster than the disk does waits for it. */
static bool gate_pressure(struct node *node, struct request *request)
{
    return LIKELY(!node->disk_pressure.is_high) || !changes_data(request) ||
           !disk_pressure_hold(node, request);
}

static bool gate_log(struct node *node, struct request *request)
{
    const char *refusal = disk_log_refusal(node);

    if (LIKELY(refusal == NULL) || !(request->spec->flags & COMMAND_FLAG_WRITE) ||
        !node->role.is_primary) {
        return true;
    }
    reply_error(request, "MISCONF Errors writing to the AOF file: %s", refusal);
    return false;
}

static bool gate_disk(struct node *node, struct request *request)
{
    if (LIKELY(node->saving.is_last_ok) || !(request->spec->flags & COMMAND_FLAG_WRITE) ||
        !node->config.stop_writes_on_save_error || node->config.save_point_count == 0 ||
        !node->role.is_primary) {
        return true;
    }
    reply_error(request,
                "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to "
                "persist to disk. Commands that may modify the data set are disabled, because this "
                "instance is configured to report errors during writes if RDB snapshotting fails "
                "(stop-writes-on-bgsave-error option). Please check the Redis logs for details "
                "about the RDB error.");
    return false;
}

static bool gate_quorum(struct node *node, struct request *request)
{
    bool is_too_few = node->config.min_replicas_to_write > 0 &&
                      replicas_count_good(node) < (size_t)node->config.min_replicas_to_write;

    if (!(request->spec->flags & COMMAND_FLAG_WRITE) || !node->role.is_primary ||
        (!is_too_few && LIKELY(!node->sync_side.refuses))) {
        return true;
    }
    reply_error(request, "NOREPLICAS Not enough good replicas to write.");
    return false;
}

/* In RESP2 a message looks like a reply: who listens may ask nothing whose reply could be taken for one. */
static bool gate_listening(struct node *node, struct request *request)
{
    const struct session *s = request->session;
    enum command_id id = request->spec->id;
    char name[COMMAND_FULL_NAME_SIZE];

    (void)node;
    if (LIKELY((s->flags & SESSION_SUBSCRIBED) == 0) || s->protocol == 3 || id == COMMAND_PING ||
        id == COMMAND_QUIT || id == COMMAND_RESET || id == COMMAND_SUBSCRIBE ||
        id == COMMAND_UNSUBSCRIBE || id == COMMAND_PSUBSCRIBE || id == COMMAND_PUNSUBSCRIBE ||
        id == COMMAND_SSUBSCRIBE || id == COMMAND_SUNSUBSCRIBE) {
        return true;
    }
    command_full_name(request->spec, name, sizeof(name));
    reply_error(request,
                "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
                "RESET are allowed in this context",
                name);
    return false;
}

/* Who is shown everything asks nothing about data, and has its output for itself. */
static bool gate_monitoring(struct node *node, struct request *request)
{
    const struct command_spec *spec = request->spec;

    (void)node;
    if (LIKELY((request->session->flags & SESSION_MONITOR) == 0) ||
        (!(spec->flags & (COMMAND_FLAG_WRITE | COMMAND_FLAG_READONLY)) &&
         spec->id != COMMAND_PUBLISH && spec->id != COMMAND_SPUBLISH && spec->id != COMMAND_PSYNC &&
         spec->id != COMMAND_SYNC)) {
        return true;
    }
    reply_error(request, "ERR Replica can't interact with the keyspace");
    return false;
}

/* What would wait, or make the node another one in the midst of a transaction. */
static bool is_never_in_transaction(const struct command_spec *spec)
{
    switch ((int)spec->id) {
    case COMMAND_ACL_SAVE:
    case COMMAND_CONFIG_REWRITE:
    case COMMAND_DEBUG:
    case COMMAND_REPLCONF:
    case COMMAND_REPLICAOF:
    case COMMAND_SLAVEOF:
        return true;
    case COMMAND_CLUSTER_ADDSLOTS:
    case COMMAND_CLUSTER_BUMPEPOCH:
    case COMMAND_CLUSTER_DELSLOTS:
    case COMMAND_CLUSTER_SETSLOT:
        return false; /* redis-cli --cluster fix gives slots so; EXEC waits for all of them */
    default:
        return (spec->flags & COMMAND_FLAG_NO_MULTI) != 0 ||
               (spec->kind == COMMAND_SUB && spec->parent == COMMAND_CLUSTER &&
                (spec->flags & COMMAND_FLAG_ADMIN) != 0);
    }
}

static bool gate_transaction(struct node *node, struct request *request)
{
    (void)node;
    if (LIKELY((request->session->flags & SESSION_IN_MULTI) == 0) ||
        !is_never_in_transaction(request->spec)) {
        return true;
    }
    reply_error(request, "ERR Command not allowed inside a transaction");
    return false;
}

/* EXEC does all at once what is queued. */
static bool is_paused(const struct node *node, const struct request *request)
{
    const struct session *s = request->session;

    return waiting_is_paused_for(node, request->spec) ||
           (request->spec->id == COMMAND_EXEC && (s->flags & SESSION_IN_MULTI) != 0 &&
            (s->queue->command_flags & waiting_paused_flags(node)) != 0);
}

/* What a holder of copies says on its control lane is none of a client's requests: without an answer it would take us for dead. */
static bool is_of_control_lane(const struct node *node, const struct request *request)
{
    return request->spec->id == COMMAND_CLUSTER_COPIES &&
           node->pauses.by_reason[PAUSE_FOR_RELOAD].scope == PAUSE_NOTHING &&
           lender_find_link(&node->lending.lender, request->session->id) != LENDER_NOBODY;
}

/* A paused request is put back and read again when the pause ends. */
static bool gate_pause(struct node *node, struct request *request)
{
    if (LIKELY(node->pauses.scope == PAUSE_NOTHING) ||
        (request->session->flags & SESSION_REPLICA) || !is_paused(node, request) ||
        is_of_control_lane(node, request)) {
        return true;
    }
    waiting_put_back(node, request, HOLD_PAUSE);
    ASSERT(request->session->flags & SESSION_HELD);
    return false;
}

/* Are writes held for slots that are about to be given, or do any change hands just now? */
static bool moves_slots(const struct node *node)
{
    return move_source_holds(&node->move_source) ||
           (node->cluster != NULL && cluster_awaits_slots(node->cluster, node->now.mono));
}

/* What EXEC does is judged again, and then nothing can wait. */
static bool is_to_wait_for_move(const struct node *node, const struct request *request)
{
    bool is_exec = request->spec->id == COMMAND_EXEC &&
                   (request->session->flags & SESSION_IN_MULTI) != 0 &&
                   request->session->queue->command_flags != 0;

    return (migrate_is_moving(node) && migrate_is_in_the_way(node, request)) ||
           (move_source_holds(&node->move_source) && move_source_is_in_the_way(node, request)) ||
           (is_exec && node->cluster != NULL &&
            cluster_awaits_slots(node->cluster, node->now.mono));
}

/* What would change a key that is on its way to another server waits until it is known where it is. */
static bool gate_moving(struct node *node, struct request *request)
{
    if (LIKELY(!migrate_is_moving(node) && !moves_slots(node)) ||
        (request->session->flags & SESSION_REPLICA) || !is_to_wait_for_move(node, request)) {
        return true;
    }
    waiting_put_back(node, request, HOLD_MOVING);
    return false;
}

/* ---- what is closed, whoever asks ------------------------------------------------------------- */

enum {
    READS = COMMAND_FLAG_READONLY,
    WRITES = COMMAND_FLAG_WRITE,
    ALL = READS | WRITES,
};

/* What this gate looks at was seen when the request was prepared: a plain one has passed. */
static uint32_t closes_none(const struct node *node)
{
    (void)node;
    return 0;
}

static uint32_t closes_while_paused(const struct node *node)
{
    return node->pauses.scope == PAUSE_NOTHING ? 0 : ALL;
}

static uint32_t closes_while_moving(const struct node *node)
{
    return migrate_is_moving(node) || move_source_holds(&node->move_source) ? WRITES : 0;
}

static uint32_t closes_while_loading(const struct node *node)
{
    return load_is_at_start(&node->loading) ? ALL : 0;
}

/* Plain requests are of a slot that is served plainly; this is about the whole node. */
static uint32_t closes_without_cluster(const struct node *node)
{
    return node->cluster == NULL || cluster_routes_plainly(node->cluster, node->now.mono) ? 0 : ALL;
}

static uint32_t closes_on_replica(const struct node *node)
{
    if (node->role.is_primary) {
        return 0;
    }
    return node->config.replica_serve_stale_data ? WRITES : ALL;
}

static uint32_t closes_without_quorum(const struct node *node)
{
    return node->config.min_replicas_to_write == 0 && !node->sync_side.refuses ? 0 : WRITES;
}

static uint32_t closes_without_memory(const struct node *node)
{
    return node->memory_limit.is_near ? WRITES : 0;
}

/* What is executed unasked is shown to nobody. */
static uint32_t closes_while_monitored(const struct node *node)
{
    return monitor_is_on(&node->monitors) ? ALL : 0;
}

static uint32_t closes_without_disk(const struct node *node)
{
    return node->saving.is_last_ok ? 0 : WRITES;
}

static uint32_t closes_without_log(const struct node *node)
{
    return disk_log_refusal(node) == NULL ? 0 : WRITES;
}

static uint32_t closes_under_pressure(const struct node *node)
{
    return node->disk_pressure.is_high ? WRITES : 0;
}

/* ---- the table -------------------------------------------------------------------------------- */

static const struct gate {
    bool (*ask)(struct node *node, struct request *request); /* false: it was answered */
    uint32_t (*closes)(const struct node *node); /* commands that may be refused just now */
    bool is_of_who_runs_it;                      /* it asks what this node could do itself */
} gates[] = {
    {gate_known,       closes_none,            false}, /* plain: it is known, */
    {gate_arity,       closes_none,            false}, /* its arity fits, */
    {gate_debug,       closes_none,            false}, /* it is a data command, */
    {gate_auth,        closes_none,            false}, /* its client is authenticated, */
    {gate_acl,         closes_none,            false}, /* and is allowed everything */
    {gate_transaction, closes_none,            false},
    {gate_pause,       closes_while_paused,    false},
    {gate_moving,      closes_while_moving,    false},
    {gate_loading,     closes_while_loading,   false},
    {gate_route,       closes_without_cluster, false},
    {gate_role,        closes_on_replica,      true },
    {gate_memory,      closes_without_memory,  true },
    {gate_quorum,      closes_without_quorum,  true },
    {gate_disk,        closes_without_disk,    true },
    {gate_log,         closes_without_log,     true },
    {gate_pressure,    closes_under_pressure,  true },
    {gate_listening,   closes_none,            false}, /* SESSION_SPECIAL has those who listen */
    {gate_monitoring,  closes_while_monitored, false},
};

void gates_look(struct node *node)
{
    uint32_t closed = 0;

    memory_limit_look(node);
    disk_pressure_look(node);
    for (size_t i = 0; i < ARRAY_COUNT(gates); i++) {
        closed |= gates[i].closes(node);
    }
    ASSERT((closed & ~(uint32_t)ALL) == 0);
    node->gates.open_for = ALL & ~closed;
    node->gates.open_noted = 0;
    if (UNLIKELY(node->sync_side.is_on || node->lending.is_on)) {
        node->gates.open_noted = node->gates.open_for;
        node->gates.open_for = 0;
    }
}

void gates_look_again(struct node *node)
{
    gates_look(node);
    if (node->cluster != NULL) {
        node->gates.open_noted = 0;
        node->gates.open_for = 0; /* slots of requests already prepared may be served no more */
    }
}

static bool ask_all(struct node *node, struct request *request)
{
    for (size_t i = 0; i < ARRAY_COUNT(gates); i++) {
        if (request->is_for_owner && gates[i].is_of_who_runs_it) {
            continue;
        }
        if (!gates[i].ask(node, request)) {
            return false;
        }
    }
    return true;
}

bool gates_are_open_for(const struct node *node, const struct request *request)
{
    return request->is_plain && (request->spec->flags & node->gates.open_for) != 0 &&
           (request->session->flags & SESSION_SPECIAL) == SESSION_AUTHENTICATED;
}

bool gates_are_open_noted(const struct node *node, const struct request *request)
{
    return request->is_plain && (request->spec->flags & node->gates.open_noted) != 0 &&
           (request->session->flags & SESSION_SPECIAL) == SESSION_AUTHENTICATED;
}

/* What a plain request is known to pass, gate_route asides: its command is known, its arity fits, it is about data. */
bool gates_are_open_for_copies(const struct node *node, const struct request *request)
{
    uint32_t open = (node->gates.open_for | node->gates.open_noted) & READS;

    return request->spec != NULL && request->spec->is_data && (request->spec->flags & open) != 0 &&
           (request->session->flags & SESSION_SPECIAL) == SESSION_AUTHENTICATED;
}

bool gates_are_open_for_queue(const struct node *node, const struct request *request)
{
    return request->is_plain && (request->spec->flags & node->gates.open_for) != 0 &&
           (request->session->flags & SESSION_SPECIAL) ==
               (SESSION_AUTHENTICATED | SESSION_IN_MULTI) &&
           !is_never_in_transaction(request->spec);
}

bool gates_are_open_for_all(const struct node *node, const struct command_spec *spec)
{
    return node->cluster == NULL && spec->is_data && (spec->flags & node->gates.open_for) != 0;
}

bool gates_judge(struct node *node, struct request *request)
{
    return ask_all(node, request);
}

/* Of a request that nothing else could stop just now only the rights of its user are asked. */
static bool ask_what_is_open(struct node *node, struct request *request)
{
    const uint32_t limited = SESSION_AUTHENTICATED | SESSION_LIMITED;

    if (request->is_plain && (request->spec->flags & node->gates.open_for) != 0 &&
        (request->session->flags & SESSION_SPECIAL) == limited) {
        return gate_acl(node, request);
    }
    return ask_all(node, request);
}

/* Nobody is turned away without a word. */
static bool was_answered(const struct session *s, uint64_t end_before)
{
    return output_end(&s->output) > end_before || (s->flags & SESSION_HELD) ||
           session_is_closing(s);
}

bool gates_pass(struct node *node, struct request *request)
{
    uint64_t end_before = output_end(&request->session->output);

    ASSERT(request->reply != NULL);
    if (ask_what_is_open(node, request)) {
        ASSERT(output_end(&request->session->output) == end_before);
        return true;
    }
    ASSERT(was_answered(request->session, end_before));
    if (request->spec != NULL && !(request->session->flags & SESSION_HELD)) {
        counters_rejected_call(&node->counters, request->spec->id);
    }
    return false;
}

void gates_check(struct node *node, struct request *request)
{
    ASSERT(gates_are_open_for(node, request) || gates_are_open_noted(node, request) ||
           gates_are_open_for_queue(node, request));
    ASSERT(ask_all(node, request));
}
