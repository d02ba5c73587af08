/* SPDX-License-Identifier: MIT */
#include "tests/bench/probe.h"

#include "base/mem.h"
#include "io/client.h"
#include "io/clock.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    INTERVAL_US = 1000,
    TIMEOUT_MS = 60000,
    NICENESS = -15,
};

struct probe {
    struct client *client;
    pthread_t thread;
    atomic_bool is_over;
    bool is_evictable;
    bool was_evicted; /* as of the last reply */
    struct hist latency_us;
    bool is_ok;
    struct errmsg error;
};

/* The load shares our processor: what waits for it there is no delay of the server. */
static void go_first(void)
{
    struct sched_param param = {.sched_priority = 1};

    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) != 0) {
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
    }
}

static void wait_until(int64_t at_us)
{
    int64_t left_us;

    while ((left_us = at_us - clock_mono_now().us) > 0) {
        struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};

        ppoll(NULL, 0, &left, NULL);
    }
}

static bool ask(struct probe *probe, size_t word_count, const char *command, const char *value,
                const char *expected)
{
    struct resp_value reply;
    bool is_right;

    client_send_texts(probe->client, word_count, command, "probe", value);
    if (client_read(probe->client, &reply, &probe->error) != CLIENT_OK) {
        errmsg_wrap(&probe->error, "probe");
        return false;
    }
    probe->was_evicted = probe->is_evictable && reply.type == RESP_NULL;
    is_right = probe->was_evicted || resp_value_is_text(&reply, expected);
    if (!is_right) {
        errmsg_set(&probe->error, "probe: the reply to %s is wrong", command);
    }
    resp_value_deinit(&reply);
    return is_right;
}

static void *run(void *context)
{
    struct probe *probe = context;
    int64_t due_us = clock_mono_now().us;
    int64_t answered_us = due_us;

    go_first();
    while (probe->is_ok && !atomic_load(&probe->is_over)) {
        int64_t start_us;

        due_us += INTERVAL_US;
        wait_until(due_us);
        start_us = answered_us > due_us ? due_us : clock_mono_now().us;
        probe->is_ok = ask(probe, 2, "GET", NULL, "there");
        answered_us = clock_mono_now().us;
        hist_add(&probe->latency_us, answered_us - start_us);
        if (probe->is_ok && probe->was_evicted) {
            probe->is_ok = ask(probe, 3, "SET", "there", "OK");
        }
    }
    return NULL;
}

struct probe *probe_start(uint16_t port, bool is_evictable, struct errmsg *error)
{
    struct client_options options = {.host = "127.0.0.1", .port = port, .timeout_ms = TIMEOUT_MS};
    struct probe *probe = mem_alloc_zeroed(MEM_TEST, sizeof(*probe));

    probe->client = client_open(&options, error);
    if (probe->client == NULL) {
        mem_free(MEM_TEST, probe);
        return NULL;
    }
    probe->is_evictable = is_evictable;
    probe->is_ok = ask(probe, 3, "SET", "there", "OK");
    if (pthread_create(&probe->thread, NULL, run, probe) != 0) {
        errmsg_set(error, "no thread for the probe");
        client_close(probe->client);
        mem_free(MEM_TEST, probe);
        return NULL;
    }
    return probe;
}

bool probe_stop(struct probe *probe, struct hist *latency_us, struct errmsg *error)
{
    bool is_ok;

    atomic_store(&probe->is_over, true);
    pthread_join(probe->thread, NULL);
    *latency_us = probe->latency_us;
    is_ok = probe->is_ok;
    if (!is_ok) {
        *error = probe->error;
    }
    client_close(probe->client);
    mem_free(MEM_TEST, probe);
    return is_ok;
}
