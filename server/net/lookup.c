/* SPDX-License-Identifier: MIT */
/* A queue under one lock, and threads that come when there is work and stay.  They are detached, since
 * nobody can end one that waits for a name server: whoever leaves last frees what all share. */
#include "net/lookup.h"

#include "base/list.h"
#include "base/mem.h"
#include "base/vec.h"
#include "io/clock.h"
#include "net/crash.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

enum {
    PATIENCE_MS =
        1000, /* a running lookup that is older may never be answered: ask again beside it */
};

struct lookup {
    struct list all;
    struct mono_time asked_at;
    char *host;
    uint16_t port;
    VEC(uint64_t) ids; /* who wants to know */
};

struct lookups {
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t has_work;
    struct list waiting;
    struct list running;
    size_t waiting_count;
    unsigned thread_count;
    unsigned idle_count; /* those woken and not yet running included */
    bool is_over;
    lookup_done_fn *done;
    void *context;
};

static void free_lookup(struct lookup *lookup)
{
    list_remove(&lookup->all);
    VEC_DEINIT(&lookup->ids);
    mem_free(MEM_NET, lookup->host);
    mem_free(MEM_NET, lookup);
}

/* Without the lock: nobody else is left. */
static void free_all(struct lookups *lookups)
{
    while (!list_is_empty(&lookups->waiting)) {
        free_lookup(CONTAINER_OF(lookups->waiting.next, struct lookup, all));
    }
    pthread_cond_destroy(&lookups->has_work);
    pthread_mutex_destroy(&lookups->lock);
    mem_free(MEM_NET, lookups);
}

/* One that is worth waiting for. */
static struct lookup *find_in(const struct list *list, struct mono_time now, const char *host,
                              uint16_t port)
{
    LIST_FOR_EACH (item, list) {
        struct lookup *lookup = CONTAINER_OF(item, struct lookup, all);

        if (lookup->port == port && strcmp(lookup->host, host) == 0 &&
            mono_ms_between(lookup->asked_at, now) < PATIENCE_MS) {
            return lookup;
        }
    }
    return NULL;
}

/* ---- the threads ------------------------------------------------------------------------------ */

/* Called with the lock, which is released while the name server is asked. */
static void run_one(struct lookups *lookups)
{
    struct lookup *lookup = CONTAINER_OF(lookups->waiting.next, struct lookup, all);
    struct lookup_outcome outcome = {0};

    list_remove(&lookup->all);
    lookups->waiting_count--;
    list_add_tail(&lookups->running, &lookup->all);
    pthread_mutex_unlock(&lookups->lock);
    outcome.count = addr_resolve(lookup->host, lookup->port, outcome.addresses,
                                 LOOKUP_ADDRESSES_MAX, &outcome.error);
    pthread_mutex_lock(&lookups->lock);
    for (size_t i = 0; i < lookup->ids.count && !lookups->is_over; i++) {
        lookups->done(lookups->context, lookup->ids.items[i], &outcome);
    }
    free_lookup(lookup);
}

static void *run(void *context)
{
    struct lookups *lookups = context;
    bool is_last;

    pthread_mutex_lock(&lookups->lock);
    while (!lookups->is_over) {
        if (!list_is_empty(&lookups->waiting)) {
            run_one(lookups);
            continue;
        }
        lookups->idle_count++;
        pthread_cond_wait(&lookups->has_work, &lookups->lock);
        lookups->idle_count--;
    }
    is_last = --lookups->thread_count == 0;
    pthread_mutex_unlock(&lookups->lock);
    if (is_last) {
        free_all(lookups);
    }
    return NULL;
}

/* Signals are for the loop thread.  Without a thread the lookup waits for one that is there, or for
 * the next request to try again. */
static void start_thread(struct lookups *lookups)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    sigset_t before;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    crash_leave_unblocked(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, &attributes, run, lookups) == 0) {
        lookups->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

/* ---- the caller's thread ---------------------------------------------------------------------- */

struct lookups *lookups_new(lookup_done_fn *done, void *context)
{
    struct lookups *lookups = mem_alloc_zeroed(MEM_NET, sizeof(*lookups));

    lookups->done = done;
    lookups->context = context;
    list_init(&lookups->waiting);
    list_init(&lookups->running);
    pthread_mutex_init(&lookups->lock, NULL);
    pthread_cond_init(&lookups->has_work, NULL);
    return lookups;
}

void lookups_free(struct lookups *lookups)
{
    bool has_threads;

    pthread_mutex_lock(&lookups->lock);
    lookups->is_over = true;
    has_threads = lookups->thread_count > 0;
    pthread_cond_broadcast(&lookups->has_work);
    pthread_mutex_unlock(&lookups->lock);
    if (!has_threads) {
        free_all(lookups);
    }
}

void lookups_ask(struct lookups *lookups, uint64_t id, const char *host, uint16_t port)
{
    struct mono_time now = clock_mono_now();
    struct lookup *lookup;

    pthread_mutex_lock(&lookups->lock);
    lookup = find_in(&lookups->waiting, now, host, port);
    if (lookup == NULL) {
        lookup = find_in(&lookups->running, now, host, port);
    }
    if (lookup == NULL) {
        lookup = mem_alloc_zeroed(MEM_NET, sizeof(*lookup));
        lookup->host = mem_strdup(MEM_NET, host);
        lookup->port = port;
        lookup->asked_at = now;
        list_add_tail(&lookups->waiting, &lookup->all);
        lookups->waiting_count++;
        if (lookups->waiting_count > lookups->idle_count &&
            lookups->thread_count < LOOKUP_THREADS) {
            start_thread(lookups);
        }
        pthread_cond_signal(&lookups->has_work);
    }
    VEC_PUSH(&lookup->ids, id);
    pthread_mutex_unlock(&lookups->lock);
}
