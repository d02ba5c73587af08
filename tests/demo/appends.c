/* SPDX-License-Identifier: MIT */
/* Nothing that was acknowledged is lost with sync-replicas, and nothing is there twice: clients append rising numbers, each to
 * a list of its own, while nodes are killed, stopped, and cut off from one another.
 *
 * Of a number whose reply was an UNKNOWN error, or whose connection broke, nobody knows; it is not sent again.  All others were
 * acknowledged, or refused, and then sent again.  After some acknowledgements the end of the list is read, which has to
 * show the number.
 *
 * The counters of a writer are written by its thread, and read by the main thread when that has stopped. */
#include "tests/demo/demo.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    WRITERS = 10,
    PERIOD_MS = 5000, /* from fault to fault */
    DOWN_MIN_MS = 500,
    DOWN_MAX_MS = 4000,
    CALL_MS = 8000, /* longer than a reply is held */
    RETRY_MS = 5,
    READ_PART = 8,
};

enum fate {
    FATE_UNKNOWN,
    FATE_ACKNOWLEDGED,
};

struct appender {
    pthread_t thread;
    const struct demo *demo;
    char key[32];
    size_t node;
    struct client *client;
    atomic_bool is_to_stop;
    VEC(uint8_t) fates; /* of each number, from 0 */
    uint64_t refused;
    uint64_t unknown;
    uint64_t reads;
    uint64_t stale_reads;
};

static void drop_client(struct appender *a)
{
    if (a->client != NULL) {
        client_close(a->client);
        a->client = NULL;
    }
}

static void ask_next(struct appender *a)
{
    drop_client(a);
    a->node = (a->node + 1) % a->demo->node_count;
    support_pause_ms(RETRY_MS);
}

static void follow_moved(struct appender *a, struct bytes text)
{
    size_t target = demo_moved_to(a->demo, text);

    if (target < DEMO_NODES && target != a->node) {
        drop_client(a);
        a->node = target;
    } else {
        ask_next(a);
    }
}

static void open_client(struct appender *a)
{
    struct client_options options = {
        .host = "127.0.0.1", .port = a->demo->servers[a->node].port, .timeout_ms = CALL_MS};

    if (a->client == NULL) {
        a->client = client_open(&options, NULL);
    }
}

/* Did the list's end show the number?  Where nothing was answered nothing is said. */
static void read_back(struct appender *a, const char *number)
{
    struct resp_value reply;
    bool is_seen = false;

    client_send_texts(a->client, 4, "LRANGE", a->key, "-50", "-1");
    if (client_read(a->client, &reply, NULL) != CLIENT_OK) {
        ask_next(a);
        return;
    }
    for (size_t i = 0; reply.type == RESP_ARRAY && i < reply.child_count; i++) {
        is_seen = is_seen || bytes_equal_text(resp_value_bytes(&reply.children[i]), number);
    }
    if (reply.type == RESP_ARRAY) {
        a->reads++;
        a->stale_reads += is_seen ? 0 : 1;
    } else {
        ask_next(a);
    }
    resp_value_deinit(&reply);
}

/* Send the next number; true when it is not to be sent again. */
static bool append(struct appender *a, const char *number)
{
    struct resp_value reply;
    bool is_done = true;

    open_client(a);
    if (a->client == NULL) {
        ask_next(a);
        return false;
    }
    client_send_texts(a->client, 3, "RPUSH", a->key, number);
    if (client_read(a->client, &reply, NULL) != CLIENT_OK) {
        a->unknown++;
        ask_next(a);
        return true;
    }
    if (reply.type == RESP_INTEGER) {
        a->fates.items[a->fates.count - 1] = FATE_ACKNOWLEDGED;
    } else if (bytes_has_prefix(resp_value_bytes(&reply), "UNKNOWN ")) {
        a->unknown++;
        ask_next(a);
    } else {
        is_done = false;
        a->refused++;
        if (bytes_has_prefix(resp_value_bytes(&reply), "MOVED ")) {
            follow_moved(a, resp_value_bytes(&reply));
        } else {
            ask_next(a);
        }
    }
    resp_value_deinit(&reply);
    return is_done;
}

static void *run_appender(void *context)
{
    struct appender *a = context;

    while (!atomic_load(&a->is_to_stop)) {
        char number[NUM_I64_TEXT + 1];

        snprintf(number, sizeof(number), "%zu", a->fates.count);
        VEC_PUSH(&a->fates, FATE_UNKNOWN);
        while (!append(a, number) && !atomic_load(&a->is_to_stop)) {
        }
        if (a->client != NULL && a->fates.count % READ_PART == 0 &&
            a->fates.items[a->fates.count - 1] == FATE_ACKNOWLEDGED) {
            read_back(a, number);
        }
    }
    drop_client(a);
    return NULL;
}

/* ---- faults ----------------------------------------------------------------------------------- */

static int64_t down_ms(struct demo *demo)
{
    return DOWN_MIN_MS + (int64_t)rng_below(&demo->rng, DOWN_MAX_MS - DOWN_MIN_MS);
}

/* One node, or any side, cannot send to the others, cannot be sent to, or both. */
static bool part(struct demo *demo)
{
    unsigned all = (1U << demo->node_count) - 1;
    unsigned side = rng_one_in(&demo->rng, 2) ? 1U << rng_below(&demo->rng, demo->node_count)
                                              : 1 + (unsigned)rng_below(&demo->rng, all - 1);
    enum partition_ways ways = (enum partition_ways)(1 + rng_below(&demo->rng, PARTITION_BOTH));

    if (!partition_cut(demo, side, ways)) {
        return false;
    }
    support_pause_ms(down_ms(demo));
    return partition_heal(demo);
}

static bool hurt(struct demo *demo, size_t node, bool is_kill)
{
    struct server *victim = &demo->servers[node];

    demo_disconnect(demo, node);
    server_signal(victim, is_kill ? SIGKILL : SIGSTOP);
    support_pause_ms(down_ms(demo));
    if (is_kill) {
        return server_start(victim, &demo->error);
    }
    server_signal(victim, SIGCONT);
    return true;
}

static bool hurt_for(struct demo *demo, int64_t seconds, int *faults)
{
    int64_t until_ms = support_now_ms() + seconds * 1000;

    while (support_now_ms() < until_ms) {
        int64_t next_ms = support_now_ms() + PERIOD_MS;

        bool is_ok =
            demo->user > 0 && rng_one_in(&demo->rng, 2)
                ? part(demo)
                : hurt(demo, rng_below(&demo->rng, demo->node_count), rng_one_in(&demo->rng, 2));

        if (!is_ok) {
            return false;
        }
        (*faults)++;
        while (support_now_ms() < next_ms && support_now_ms() < until_ms) {
            support_pause_ms(10);
        }
    }
    return true;
}

/* ---- the end ---------------------------------------------------------------------------------- */

struct sums {
    uint64_t acknowledged, unknown, refused, lost, twice, kept_unknown, reads, stale_reads;
};

static bool count_list(const struct appender *a, const struct resp_value *list, struct sums *sums)
{
    uint32_t *seen = mem_alloc_zeroed(MEM_TEST, (a->fates.count + 1) * sizeof(*seen));
    bool is_fine = list->type == RESP_ARRAY;

    for (size_t i = 0; is_fine && i < list->child_count; i++) {
        int64_t number;

        is_fine = num_parse_i64(resp_value_bytes(&list->children[i]), &number) && number >= 0 &&
                  (size_t)number < a->fates.count;
        if (is_fine) {
            seen[number]++;
        }
    }
    for (size_t i = 0; i < a->fates.count; i++) {
        bool is_acknowledged = a->fates.items[i] == FATE_ACKNOWLEDGED;

        sums->acknowledged += is_acknowledged;
        sums->lost += is_acknowledged && seen[i] == 0;
        sums->kept_unknown += !is_acknowledged && seen[i] > 0;
        sums->twice += seen[i] > 1;
    }
    mem_free(MEM_TEST, seen);
    return is_fine;
}

static bool judge(struct demo *demo, struct appender *a, const struct demo_map *map,
                  struct sums *sums)
{
    const struct demo_range *range = demo_find_range(map, demo_slot(a->key));
    struct resp_value list;
    bool is_fine;

    if (range == NULL || !demo_ask(demo, range->primary, &list, 4, "LRANGE", a->key, "0", "-1")) {
        return false;
    }
    is_fine = count_list(a, &list, sums);
    resp_value_deinit(&list);
    sums->unknown += a->unknown;
    sums->refused += a->refused;
    sums->reads += a->reads;
    sums->stale_reads += a->stale_reads;
    if (!is_fine) {
        errmsg_set(&demo->error, "%s has what nobody appended", a->key);
    }
    return is_fine;
}

static bool start_all(struct demo *demo, struct appender *appenders, size_t *started)
{
    for (size_t i = 0; i < WRITERS; i++) {
        struct appender *a = &appenders[i];

        a->demo = demo;
        a->node = i % demo->node_count;
        snprintf(a->key, sizeof(a->key), "appends:%zu", i);
        if (pthread_create(&a->thread, NULL, run_appender, a) != 0) {
            errmsg_set(&demo->error, "cannot start a thread");
            return false;
        }
        (*started)++;
    }
    return true;
}

static bool report(struct demo *demo, const struct sums *sums, int faults)
{
    printf("%d faults: %llu acknowledged, %llu lost, %llu twice; %llu of which nobody knows, %llu "
           "of them kept; %llu refused and sent again; %llu reads, %llu stale\n",
           faults, (unsigned long long)sums->acknowledged, (unsigned long long)sums->lost,
           (unsigned long long)sums->twice, (unsigned long long)sums->unknown,
           (unsigned long long)sums->kept_unknown, (unsigned long long)sums->refused,
           (unsigned long long)sums->reads, (unsigned long long)sums->stale_reads);
    if (sums->lost > 0 || sums->twice > 0 || sums->stale_reads > 0 || sums->acknowledged == 0) {
        errmsg_set(&demo->error, "that is not what sync-replicas promises");
        return false;
    }
    return true;
}

bool appends_run(struct demo *demo, int64_t seconds, bool has_partitions)
{
    struct appender *appenders = mem_alloc_zeroed(MEM_TEST, WRITERS * sizeof(*appenders));
    struct sums sums = {0};
    struct demo_map map;
    size_t started = 0;
    int faults = 0;
    bool is_ok;

    demo->sync_replicas = 1;
    demo->primary_count = 2;
    is_ok = (!has_partitions || partition_prepare(demo)) && demo_start_servers(demo) &&
            demo_form_cluster(demo) && demo_wait_healthy(demo) && demo_wait_map(demo, 0, &map) &&
            start_all(demo, appenders, &started) && hurt_for(demo, seconds, &faults);
    for (size_t i = 0; i < started; i++) {
        atomic_store(&appenders[i].is_to_stop, true);
    }
    for (size_t i = 0; i < started; i++) {
        pthread_join(appenders[i].thread, NULL);
    }
    is_ok = is_ok && demo_wait_healthy(demo) && demo_wait_map(demo, 0, &map);
    for (size_t i = 0; is_ok && i < WRITERS; i++) {
        is_ok = judge(demo, &appenders[i], &map, &sums);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        VEC_DEINIT(&appenders[i].fates);
    }
    mem_free(MEM_TEST, appenders);
    return is_ok && report(demo, &sums, faults);
}
