/* SPDX-License-Identifier: MIT */
#include "node/memory_limit.h"

#include "base/assert.h"
#include "node/inside.h"
#include "store/evict.h"

enum {
    NEAR_BYTES = 1024 * 1024,
    SLACK_BYTES = 1024 * 1024,
    SLACK_FRACTION =
        64, /* of the limit: the slack is this part of it, but at least that many bytes */
    STEP_MAX_KEYS = 1000,
    STEP_MAX_US = 1000,
    LOOK_KEYS = 16,     /* between two looks at the clock */
    WORK_BUDGET = 1500, /* entries' worth of freeing in a step */
    US_PER_TENACITY = 50,
    CLIENTS_LEAST_BYTES = 128 * 1024, /* a lower limit would let nobody in to raise it */
    KEY_KEPT_BYTES = 64 * 1024,
};

/* ---- what the configuration says -------------------------------------------------------------- */

static bool may_evict_by(const struct config *config, struct evict_rule *out)
{
    static const struct {
        enum evict_order order;
        bool only_volatile;
    } policies[] = {
        [POLICY_VOLATILE_LRU] = {EVICT_LEAST_RECENT,   true },
        [POLICY_VOLATILE_LFU] = {EVICT_LEAST_FREQUENT, true },
        [POLICY_VOLATILE_RANDOM] = {EVICT_ANY,            true },
        [POLICY_VOLATILE_TTL] = {EVICT_SOONEST,        true },
        [POLICY_ALLKEYS_LRU] = {EVICT_LEAST_RECENT,   false},
        [POLICY_ALLKEYS_LFU] = {EVICT_LEAST_FREQUENT, false},
        [POLICY_ALLKEYS_RANDOM] = {EVICT_ANY,            false},
    };
    int64_t samples = config->maxmemory_samples;

    if (config->maxmemory_policy == POLICY_NOEVICTION) {
        return false;
    }
    *out = (struct evict_rule){
        .order = policies[config->maxmemory_policy].order,
        .only_volatile = policies[config->maxmemory_policy].only_volatile,
        .samples = (unsigned)(samples < EVICT_SAMPLES_MAX ? samples : EVICT_SAMPLES_MAX),
    };
    return true;
}

/* Of a step before a write.  As tenacity rises the time does, until it is as long as that of a slice. */
static int64_t step_us(const struct config *config)
{
    int64_t us = config->maxmemory_eviction_tenacity * US_PER_TENACITY;

    return us < STEP_MAX_US ? us : STEP_MAX_US;
}

static size_t slack_bytes(const struct config *config)
{
    size_t part = (size_t)config->maxmemory / SLACK_FRACTION;

    return part > SLACK_BYTES ? part : SLACK_BYTES;
}

/* SIZE_MAX: there is no limit. */
static size_t clients_limit(const struct config *config)
{
    uint64_t limit = config->clients_memory.bytes;

    if (config->clients_memory.percent > 0) {
        limit = (uint64_t)config->maxmemory / 100 * (uint64_t)config->clients_memory.percent;
    }
    if (limit == 0) {
        return SIZE_MAX;
    }
    return limit > CLIENTS_LEAST_BYTES ? (size_t)limit : CLIENTS_LEAST_BYTES;
}

static bool is_beyond(const struct node *node, size_t slack)
{
    return node->config.maxmemory > 0 && node->role.is_primary &&
           account_for_limit(node) > (size_t)node->config.maxmemory + slack;
}

/* Is there, and may we remove, what the policy gives up?  While writes are paused nothing goes, and in a
 * transaction nothing that it did not ask for. */
static bool can_evict(const struct node *node, struct evict_rule *out)
{
    return may_evict_by(&node->config, out) && journal_is_open(node) &&
           node->pauses.scope == PAUSE_NOTHING && !load_is_at_start(&node->loading) &&
           !node->journal.is_in_transaction && keyspace_can_evict(node->data.keyspace, out);
}

/* ---- evicting --------------------------------------------------------------------------------- */

/* False: none was found just now. */
static bool evict_one(struct node *node, const struct evict_rule *rule)
{
    struct buf *copy = &node->memory_limit.key;
    struct evict_victim victim;

    if (!keyspace_find_victim(node->data.keyspace, rule, &node->rng, &victim)) {
        return false;
    }
    buf_clear(copy);
    buf_append_bytes(copy, victim.key);
    call_evict(node, victim.db, buf_bytes(copy));
    counters_evicted_key(&node->counters);
    if (copy->cap > KEY_KEPT_BYTES) {
        buf_deinit(copy);
    }
    return true;
}

static void note_exceeded(struct node *node, bool is_exceeded)
{
    struct memory_limit *limit = &node->memory_limit;

    if (is_exceeded && limit->exceeded_at.us == 0) {
        limit->exceeded_at = node->now.mono;
    } else if (!is_exceeded && limit->exceeded_at.us != 0) {
        limit->exceeded_us += (uint64_t)(node->now.mono.us - limit->exceeded_at.us);
        limit->exceeded_at = (struct mono_time){0};
    }
}

/* A new pass has its own time for evicting; what was removed and is not yet freed, which is still in memory
 * and must not pile up, is freed by a slice more in each. */
static void begin_pass(struct node *node)
{
    struct memory_limit *limit = &node->memory_limit;

    if (limit->pass != node->pass.number) {
        limit->pass = node->pass.number;
        limit->spent_ns = 0;
        if (keyspace_pending_bytes(node->data.keyspace) > 0) {
            (void)keyspace_work(node->data.keyspace, WORK_BUDGET);
        }
    }
}

/* Is the time over, of this step or of all steps in the pass?  Begins to count at the first look. */
static bool is_time_over(struct node *node, int64_t us, int64_t *looked_ns, int64_t *step_ns)
{
    int64_t now_ns = node->env.mono_ns(node->env.context);
    int64_t took_ns = *looked_ns != 0 ? now_ns - *looked_ns : 0;

    *looked_ns = now_ns;
    *step_ns += took_ns;
    node->memory_limit.spent_ns += took_ns;
    return *step_ns >= us * 1000 || node->memory_limit.spent_ns >= STEP_MAX_US * 1000;
}

/* Evict until the data is below the limit, or the time is up: a few keys go in any case.  True when it is
 * below. */
static bool evict(struct node *node, int64_t us)
{
    struct evict_rule rule;
    bool is_over = is_beyond(node, 0);
    int64_t looked_ns = 0;
    int64_t step_ns = 0;

    if (is_over) {
        begin_pass(node);
    }
    for (int count = 1; is_over && count <= STEP_MAX_KEYS && can_evict(node, &rule); count++) {
        if (!evict_one(node, &rule) ||
            (count % LOOK_KEYS == 0 && is_time_over(node, us, &looked_ns, &step_ns))) {
            break;
        }
        is_over = is_beyond(node, 0);
    }
    is_over = is_over && is_beyond(node, 0);
    note_exceeded(node, is_over);
    return !is_over;
}

/* Writes wait while slices of upkeep, which go on, will make room for them. */
static bool must_wait(const struct node *node)
{
    struct evict_rule rule;

    return is_beyond(node, slack_bytes(&node->config)) && can_evict(node, &rule);
}

static void release_waiting(struct node *node)
{
    node->memory_limit.has_waiting = false;
    LIST_FOR_EACH_SAFE (item, &node->holds.held) {
        struct session *s = CONTAINER_OF(item, struct session, hold.held);

        if (s->hold.kind == HOLD_MEMORY) {
            waiting_release(node, s);
        }
    }
}

void memory_limit_look(struct node *node)
{
    int64_t limit = node->config.maxmemory;

    node->memory_limit.is_near =
        limit > 0 && node->role.is_primary && account_for_limit(node) + NEAR_BYTES > (size_t)limit;
}

/* Behind MULTI it is EXEC that waits. */
static bool is_queued(const struct request *request)
{
    return (request->session->flags & SESSION_IN_MULTI) != 0 && request->spec->id != COMMAND_EXEC;
}

enum room memory_limit_make_room(struct node *node, struct request *request)
{
    struct evict_rule rule;

    /* What a transaction began goes on: who makes room asks before. */
    if (!node->memory_limit.is_near || node->journal.is_in_transaction ||
        evict(node, step_us(&node->config))) {
        return ROOM_THERE;
    }
    if (!can_evict(node, &rule)) {
        /* What stands in the way of evicting for a moment is no reason to refuse. */
        return may_evict_by(&node->config, &rule) && keyspace_can_evict(node->data.keyspace, &rule)
                   ? ROOM_THERE
                   : ROOM_NEVER;
    }
    if (request->read.raw.len == 0 || is_queued(request) || !must_wait(node)) {
        return ROOM_THERE;
    }
    waiting_put_back(node, request, HOLD_MEMORY);
    node->memory_limit.has_waiting = true;
    return ROOM_LATER;
}

void memory_limit_configure(struct node *node, const struct config *old)
{
    int64_t limit = node->config.maxmemory;
    size_t used = account_for_limit(node);

    if (limit > 0 && limit != old->maxmemory && used > (size_t)limit) {
        node_log(node, LOG_WARNING,
                 "maxmemory is now %lld, less than the %zu bytes that the data takes: keys are "
                 "evicted, or writes refused, as maxmemory-policy says",
                 (long long)limit, used);
    }
    if (clients_limit(&node->config) != clients_limit(old)) {
        LIST_FOR_EACH (item, &node->sessions.all) {
            memory_limit_count_client(node, CONTAINER_OF(item, struct session, all));
        }
    }
    pass_note_work(&node->pass);
}

/* ---- clients ---------------------------------------------------------------------------------- */

void memory_limit_count_client(struct node *node, struct session *s)
{
    bool is_counted = clients_limit(&node->config) < SIZE_MAX && !session_is_closing(s) &&
                      (s->flags & SESSION_REPLICA) == 0;
    size_t bytes = is_counted ? session_memory(s) : 0;

    ASSERT(node->memory_limit.clients_bytes >= s->memory_counted);
    node->memory_limit.clients_bytes += bytes - s->memory_counted;
    s->memory_counted = bytes;
}

void memory_limit_forget_client(struct node *node, struct session *s)
{
    ASSERT(node->memory_limit.clients_bytes >= s->memory_counted);
    node->memory_limit.clients_bytes -= s->memory_counted;
    s->memory_counted = 0;
}

static bool are_clients_beyond(const struct node *node)
{
    return node->memory_limit.clients_bytes >= clients_limit(&node->config);
}

/* Close the largest that is not protected; one in a pass, since looking for it visits all. */
static void evict_client(struct node *node)
{
    struct session *largest = NULL;

    LIST_FOR_EACH (item, &node->sessions.all) {
        struct session *s = CONTAINER_OF(item, struct session, all);

        memory_limit_count_client(node, s);
        if (s->memory_counted > 0 && (s->flags & SESSION_NO_EVICT) == 0 &&
            (largest == NULL || s->memory_counted > largest->memory_counted)) {
            largest = s;
        }
    }
    if (largest == NULL || !are_clients_beyond(node)) {
        return;
    }
    node_log(node, LOG_NOTICE, "maxmemory-clients: closing client %s, which has %zu bytes",
             largest->peer.address, largest->memory_counted);
    counters_evicted_client(&node->counters);
    node_close_session(node, largest, false);
    memory_limit_forget_client(node, largest);
    pass_note_work_if(&node->pass, are_clients_beyond(node));
}

/* ---- in each pass ----------------------------------------------------------------------------- */

void memory_limit_run(struct node *node)
{
    struct evict_rule rule;

    if (UNLIKELY(node->config.maxmemory > 0) && !evict(node, STEP_MAX_US)) {
        pass_note_work_if(&node->pass, can_evict(node, &rule));
    } else if (UNLIKELY(node->memory_limit.exceeded_at.us != 0)) {
        note_exceeded(node, is_beyond(node, 0));
    }
    if (UNLIKELY(node->memory_limit.has_waiting) && !must_wait(node)) {
        release_waiting(node);
    }
    if (UNLIKELY(are_clients_beyond(node))) {
        evict_client(node);
    }
}

int64_t memory_limit_exceeding_ms(const struct node *node)
{
    const struct memory_limit *limit = &node->memory_limit;

    return limit->exceeded_at.us != 0 ? mono_ms_between(limit->exceeded_at, node->now.mono) : 0;
}

int64_t memory_limit_exceeded_ms(const struct node *node)
{
    return (int64_t)(node->memory_limit.exceeded_us / 1000) + memory_limit_exceeding_ms(node);
}

void memory_limit_reset_stats(struct node *node)
{
    node->memory_limit.exceeded_us = 0;
    node->memory_limit.exceeded_at = (struct mono_time){0};
}

void memory_limit_deinit(struct node *node)
{
    ASSERT(node->memory_limit.clients_bytes == 0);
    buf_deinit(&node->memory_limit.key);
}

void memory_limit_check(const struct node *node)
{
    size_t clients = 0;

    LIST_FOR_EACH (item, &node->sessions.all) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, all);

        clients += s->memory_counted;
        ASSERT(s->hold.kind != HOLD_MEMORY || !(s->flags & SESSION_HELD) ||
               node->memory_limit.has_waiting);
    }
    ASSERT(clients == node->memory_limit.clients_bytes);
    ASSERT(node->memory_limit.exceeded_at.us <= node->now.mono.us);
}
