/* SPDX-License-Identifier: MIT */
/* The tour of a celebrity: one key of six primaries takes four fifths of all reads, until the other five serve it as well.
 *
 * The load is our cli's, a process of its own with a hundred clients.  What each node has to do is told by HOTKEYS GET, which counts
 * every use of the hottest keys, and by the processor time it has had. */
#include "tests/demo/demo.h"

#include "base/hist.h"
#include "base/mem.h"
#include "base/num.h"
#include "io/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAR_TAG "star" /* that of starling-cli --bench --hot */
#define STAR     "user:{star}:000000000000"

enum {
    WATCH_MS = 2000,  /* how long the load of nodes is measured */
    WAIT_MS = 30000,  /* for whatever is to happen */
    GONE_MS = 120000, /* members go on accepting for a minute */
    POLL_MS = 20,
    BAR_MAX = 40,
    LEAST_SHARE =
        4, /* percent of the reads that the least of six serves: sixteen, as clients are drawn, or a few less or more */
    MOST_SHARE = 40,
    ROUNDS_OF_WRITES = 20, /* at each node one write */
    WRITE_PACE_MS = 5,
    BEFORE_WRITES = 100,
    AFTER_WRITES = 100,
    LEASE_MS = 250,
    MACHINE_MS = 750, /* what a busy machine may add to a lease before it counts as wrong */
};

struct share {
    int64_t reads; /* a second */
    int64_t busy;  /* percent of a processor */
};

/* A client that sets the key all the time at its owner. */
struct pen {
    pthread_t thread;
    uint16_t port;
    atomic_bool is_to_stop;
    atomic_int written; /* answered OK */
    atomic_bool is_broken;
    atomic_llong longest_us; /* since somebody set it to 0 */
};

struct tour {
    struct demo *demo;
    size_t owner;
    size_t victim;
    pid_t load;
    int load_output;
    int64_t rate_alone; /* reads of the key a second when only its owner serves it */
    struct pen pen;
    bool has_pen;
};

static unsigned port_of(const struct tour *t, size_t node)
{
    return (unsigned)t->demo->servers[node].port;
}

/* ---- the load ----------------------------------------------------------------------------------- */

static void run_load(const struct tour *t, int output)
{
    char program[SERVER_PATH_MAX];
    char port[8];

    snprintf(program, sizeof(program), "%s/starling-cli", server_bin_dir());
    snprintf(port, sizeof(port), "%u", port_of(t, 0));
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0) {
        _exit(126);
    }
    execl(program, "starling-cli", "-p", port, "--bench", "--cluster", "-q", "-c", "100",
          "--threads", "2", "-r", "10000", "--hot", "80", "--seconds", "600", "get",
          "user:{tag}:__rand_int__", (char *)NULL);
    _exit(127);
}

static bool start_load(struct tour *t)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        errmsg_set(&t->demo->error, "cannot make a pipe: %s", strerror(errno));
        return false;
    }
    t->load = fork();
    if (t->load == 0) {
        run_load(t, ends[1]);
    }
    close(ends[1]);
    t->load_output = ends[0];
    if (t->load < 0) {
        t->load = 0;
        errmsg_set(&t->demo->error, "cannot fork: %s", strerror(errno));
        return false;
    }
    return true;
}

/* What it said in the end is in out.  False when it had ended before. */
static bool stop_load(struct tour *t, char out[DEMO_TEXT])
{
    ssize_t got;
    int status;
    bool was_there;

    out[0] = '\0';
    if (t->load == 0) {
        return true;
    }
    was_there = waitpid(t->load, &status, WNOHANG) == 0;
    if (was_there) {
        kill(t->load, SIGINT);
        waitpid(t->load, &status, 0);
    }
    t->load = 0;
    got = read(t->load_output, out, DEMO_TEXT - 1);
    out[got > 0 ? got : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    close(t->load_output);
    if (!was_there) {
        errmsg_set(&t->demo->error, "the load has ended before its time: %s", out);
    }
    return was_there;
}

/* ---- what nodes say ----------------------------------------------------------------------------- */

/* Reads of the key a second, as the node has counted them. */
static bool read_rate(const struct tour *t, size_t node, int64_t *out)
{
    struct resp_value reply;

    *out = 0;
    if (!demo_ask(t->demo, node, &reply, 2, "HOTKEYS", "GET")) {
        return false;
    }
    for (size_t i = 0; i < reply.child_count; i++) {
        const struct resp_value *key = resp_value_find(&reply.children[i], "key");
        const struct resp_value *reads = resp_value_find(&reply.children[i], "reads");

        if (key != NULL && reads != NULL && resp_value_is_text(key, STAR)) {
            *out = reads->integer;
        }
    }
    resp_value_deinit(&reply);
    return true;
}

static bool measure(const struct tour *t, struct share shares[DEMO_NODES])
{
    uint64_t cpu_ns[DEMO_NODES] = {0};
    int64_t began_ns = clock_mono_ns();
    int64_t until_ms = support_now_ms() + WATCH_MS;
    int64_t passed_ns;

    for (size_t node = 0; node < t->demo->node_count; node++) {
        cpu_ns[node] = server_cpu_ns(&t->demo->servers[node]);
    }
    while (support_now_ms() < until_ms) {
        support_pause_ms(POLL_MS);
    }
    passed_ns = clock_mono_ns() - began_ns;
    for (size_t node = 0; node < t->demo->node_count; node++) {
        uint64_t used_ns = server_cpu_ns(&t->demo->servers[node]) - cpu_ns[node];

        shares[node].busy = (int64_t)used_ns * 100 / passed_ns;
        if (!read_rate(t, node, &shares[node].reads)) {
            return false;
        }
    }
    return true;
}

static int64_t sum_of(const struct tour *t, const struct share shares[DEMO_NODES])
{
    int64_t sum = 0;

    for (size_t node = 0; node < t->demo->node_count; node++) {
        sum += shares[node].reads;
    }
    return sum;
}

static void print_shares(const struct tour *t, const struct share shares[DEMO_NODES])
{
    int64_t sum = sum_of(t, shares);

    for (size_t node = 0; node < t->demo->node_count; node++) {
        int64_t percent = sum > 0 ? (shares[node].reads * 100 + sum / 2) / sum : 0;
        char bar[BAR_MAX + 1];
        int len = (int)(percent * BAR_MAX / 100);

        memset(bar, '#', sizeof(bar));
        bar[len] = '\0';
        demo_say(t->demo, "%5u  %-*s %3lld%%  %7lld reads/s, %3lld%% of a processor%s",
                 port_of(t, node), BAR_MAX, bar, (long long)percent, (long long)shares[node].reads,
                 (long long)shares[node].busy, node == t->owner ? ", the owner" : "");
    }
}

/* Wait until the line of INFO hotcopies at the node says so. */
static bool wait_for_number(const struct tour *t, size_t node, const char *field, int64_t wanted)
{
    int64_t began_ms = support_now_ms();
    int64_t limit_ms = wanted == 0 ? GONE_MS : WAIT_MS;
    int64_t number;

    do {
        if (!demo_number(t->demo, node, "hotcopies", field, &number)) {
            return false;
        }
        if (number == wanted) {
            return true;
        }
        support_pause_ms(POLL_MS);
    } while (support_now_ms() - began_ms < limit_ms);
    errmsg_set(&t->demo->error, "%s at port %u is %lld instead of %lld after %d seconds", field,
               port_of(t, node), (long long)number, (long long)wanted, (int)(limit_ms / 1000));
    return false;
}

static bool turn_copies(const struct tour *t, const char *how)
{
    for (size_t node = 0; node < t->demo->node_count; node++) {
        char reply[DEMO_TEXT];

        if (!demo_ask_text(t->demo, node, reply, 4, "CONFIG", "SET", "hot-copies", how)) {
            return false;
        }
    }
    return true;
}

/* ---- chapters ----------------------------------------------------------------------------------- */

static bool wait_for_load(const struct tour *t)
{
    int64_t until_ms = support_now_ms() + WAIT_MS;
    int64_t reads;

    do {
        if (!read_rate(t, t->owner, &reads)) {
            return false;
        }
        support_pause_ms(POLL_MS);
    } while (reads == 0 && support_now_ms() < until_ms);
    if (reads == 0) {
        errmsg_set(&t->demo->error, "nobody reads the key");
    }
    return reads > 0;
}

static bool one_bears_it(struct tour *t, const struct demo_map *map)
{
    struct share shares[DEMO_NODES] = {{0}};
    char reply[DEMO_TEXT];

    demo_chapter(t->demo, "Everybody reads one key");
    t->owner = demo_find_range(map, demo_slot(STAR_TAG))->primary;
    if (!turn_copies(t, "off") || !demo_ask_text(t->demo, t->owner, reply, 3, "SET", STAR, "0") ||
        !start_load(t) || !wait_for_load(t) || !measure(t, shares)) {
        return false;
    }
    demo_say(t->demo,
             "100 clients of starling-cli --bench --cluster --hot 80: four of five reads are of");
    demo_say(t->demo, "%s, whose slot is at port %u.  Without copies it is read at", STAR,
             port_of(t, t->owner));
    print_shares(t, shares);
    t->rate_alone = sum_of(t, shares);
    if (shares[t->owner].reads < t->rate_alone) {
        errmsg_set(&t->demo->error, "others than its owner serve the key");
        return false;
    }
    return true;
}

static bool are_spread(const struct tour *t, const struct share shares[DEMO_NODES])
{
    int64_t sum = sum_of(t, shares);

    for (size_t node = 0; node < t->demo->node_count; node++) {
        if (shares[node].reads * 100 < sum * LEAST_SHARE ||
            shares[node].reads * 100 > sum * MOST_SHARE) {
            return false;
        }
    }
    return true;
}

static bool all_bear_it(struct tour *t)
{
    struct mono_time began = clock_mono_now();
    struct share shares[DEMO_NODES] = {{0}};
    int64_t until_ms;
    int64_t ready_ms;
    int64_t taught = 0;

    demo_chapter(t->demo, "The others serve it as well");
    if (!turn_copies(t, "auto") ||
        !wait_for_number(t, t->owner, "hot_peers", (int64_t)t->demo->node_count - 1)) {
        return false;
    }
    ready_ms = mono_ms_between(began, clock_mono_now());
    until_ms = support_now_ms() + WAIT_MS;
    do {
        if (!measure(t, shares)) {
            return false;
        }
    } while (!are_spread(t, shares) && support_now_ms() < until_ms);
    if (!demo_number(t->demo, t->owner, "hotcopies", "hot_taught_clients", &taught)) {
        return false;
    }
    demo_say(t->demo, "Copies are turned on: after %lld ms five others have leases of 250 ms, and",
             (long long)ready_ms);
    demo_say(t->demo,
             "%lld clients were each taught by one MOVED to go to one of them.  It is read at",
             (long long)taught);
    print_shares(t, shares);
    demo_say(t->demo,
             "%lld reads/s of it in all, %lld before: on one machine they share the processors.",
             (long long)sum_of(t, shares), (long long)t->rate_alone);
    if (!are_spread(t, shares)) {
        errmsg_set(&t->demo->error,
                   "the reads are not spread: every node should serve %d to %d percent",
                   LEAST_SHARE, MOST_SHARE);
        return false;
    }
    return true;
}

/* The node's answer is the value; whoever is asked. */
static bool is_seen_by_all(const struct tour *t, size_t but, const char *value)
{
    for (size_t node = 0; node < t->demo->node_count; node++) {
        char reply[DEMO_TEXT];

        if (node == but) {
            continue;
        }
        if (!demo_ask_text(t->demo, node, reply, 2, "GET", STAR)) {
            return false;
        }
        if (strcmp(reply, value) != 0) {
            errmsg_set(&t->demo->error, "port %u shows '%s' after the OK to '%s'", port_of(t, node),
                       reply, value);
            return false;
        }
    }
    return true;
}

static bool write_at_all(struct tour *t)
{
    struct hist *times = mem_alloc_zeroed(MEM_TEST, sizeof(*times));
    size_t count = (size_t)ROUNDS_OF_WRITES * t->demo->node_count;
    bool is_ok = true;

    demo_chapter(t->demo, "A write is seen by all at once");
    for (size_t i = 0; i < count && is_ok; i++) {
        char value[NUM_I64_TEXT + 1];
        char reply[DEMO_TEXT] = "";
        int64_t sent_us = clock_mono_now().us;

        snprintf(value, sizeof(value), "%zu", i + 1);
        is_ok = demo_ask_text(t->demo, i % t->demo->node_count, reply, 3, "SET", STAR, value);
        hist_add(times, clock_mono_now().us - sent_us);
        if (is_ok && strcmp(reply, "OK") != 0) {
            errmsg_set(&t->demo->error, "SET at port %u answers %s",
                       port_of(t, i % t->demo->node_count), reply);
            is_ok = false;
        }
        is_ok = is_ok && is_seen_by_all(t, DEMO_NODES, value);
    }
    if (is_ok) {
        demo_say(
            t->demo,
            "%zu writes, each at another node, and after each OK a read at all six: %zu of %zu",
            count, count * t->demo->node_count, count * t->demo->node_count);
        demo_say(t->demo,
                 "showed what was written.  A write took %.1f ms in the median, %.0f ms at most.",
                 (double)hist_quantile(times, 0.5) / 1000, (double)times->max / 1000);
    }
    mem_free(MEM_TEST, times);
    return is_ok;
}

/* ---- a holder dies ------------------------------------------------------------------------------ */

static void *run_pen(void *context)
{
    struct pen *pen = context;
    struct client_options options = {.host = "127.0.0.1", .port = pen->port, .timeout_ms = WAIT_MS};
    struct client *client = client_open(&options, NULL);

    while (client != NULL && !atomic_load(&pen->is_to_stop)) {
        struct resp_value reply;
        int64_t sent_us = clock_mono_now().us;
        int64_t took_us;
        bool is_written;

        client_send_texts(client, 3, "SET", STAR, "written all the time");
        if (client_read(client, &reply, NULL) != CLIENT_OK) {
            break;
        }
        is_written = resp_value_is_text(&reply, "OK");
        resp_value_deinit(&reply);
        took_us = clock_mono_now().us - sent_us;
        if (!is_written) {
            break;
        }
        if (took_us > atomic_load(&pen->longest_us)) {
            atomic_store(&pen->longest_us, took_us);
        }
        atomic_fetch_add(&pen->written, 1);
        support_pause_ms(WRITE_PACE_MS);
    }
    atomic_store(&pen->is_broken, !atomic_load(&pen->is_to_stop));
    if (client != NULL) {
        client_close(client);
    }
    return NULL;
}

static bool start_pen(struct tour *t)
{
    t->pen = (struct pen){.port = t->demo->servers[t->owner].port};
    t->has_pen = pthread_create(&t->pen.thread, NULL, run_pen, &t->pen) == 0;
    if (!t->has_pen) {
        errmsg_set(&t->demo->error, "cannot start a thread");
    }
    return t->has_pen;
}

static void stop_pen(struct tour *t)
{
    if (t->has_pen) {
        atomic_store(&t->pen.is_to_stop, true);
        pthread_join(t->pen.thread, NULL);
        t->has_pen = false;
    }
}

static bool wait_for_writes(struct tour *t, int more)
{
    int64_t until_ms = support_now_ms() + WAIT_MS;
    int wanted = atomic_load(&t->pen.written) + more;

    while (atomic_load(&t->pen.written) < wanted) {
        if (atomic_load(&t->pen.is_broken) || support_now_ms() > until_ms) {
            errmsg_set(&t->demo->error, "a write to the key was not answered with OK");
            return false;
        }
        support_pause_ms(POLL_MS);
    }
    return true;
}

/* Writes go on all the time; the longest before and since the kill are told. */
static bool kill_holder(struct tour *t)
{
    int64_t before_us;
    int64_t longest_us;

    if (!start_pen(t) || !wait_for_writes(t, BEFORE_WRITES)) {
        return false;
    }
    before_us = atomic_exchange(&t->pen.longest_us, 0);
    demo_disconnect(t->demo, t->victim);
    server_signal(&t->demo->servers[t->victim], SIGKILL);
    if (!wait_for_writes(t, AFTER_WRITES) ||
        !wait_for_number(t, t->owner, "hot_peers", (int64_t)t->demo->node_count - 2)) {
        return false;
    }
    longest_us = atomic_load(&t->pen.longest_us);
    demo_say(t->demo, "A client sets it all the time.  kill -9 to port %u, which has a copy:",
             port_of(t, t->victim));
    demo_say(t->demo,
             "one write waited %.0f ms for the rest of its lease (%.1f ms was the longest before).",
             (double)longest_us / 1000, (double)before_us / 1000);
    if (longest_us > (int64_t)(LEASE_MS + MACHINE_MS) * 1000) {
        errmsg_set(&t->demo->error, "that is more than a lease of %d ms, and %d ms for the machine",
                   LEASE_MS, MACHINE_MS);
        return false;
    }
    return true;
}

static bool holder_dies(struct tour *t)
{
    struct mono_time began;
    char reply[DEMO_TEXT];
    bool is_ok;

    demo_chapter(t->demo, "A holder dies");
    t->victim = (t->owner + 1) % t->demo->node_count;
    is_ok = kill_holder(t);
    stop_pen(t);
    if (!is_ok || !demo_ask_text(t->demo, t->owner, reply, 3, "SET", STAR, "after its death") ||
        !is_seen_by_all(t, t->victim, "after its death")) {
        return false;
    }
    demo_say(t->demo, "The other five go on, and show what is written now.");
    began = clock_mono_now();
    if (!server_start(&t->demo->servers[t->victim], &t->demo->error) ||
        !wait_for_number(t, t->owner, "hot_peers", (int64_t)t->demo->node_count - 1) ||
        !demo_wait_healthy(t->demo)) {
        return false;
    }
    demo_say(t->demo, "It is started again, and a holder again after %lld ms.",
             (long long)mono_ms_between(began, clock_mono_now()));
    return true;
}

/* ---- the end ------------------------------------------------------------------------------------ */

static bool star_fades(struct tour *t)
{
    struct mono_time began;
    char said[DEMO_TEXT];

    demo_chapter(t->demo, "The star fades");
    if (!stop_load(t, said)) {
        return false;
    }
    demo_say(t->demo, "The clients go home.  They say: %s", said);
    began = clock_mono_now();
    if (!wait_for_number(t, t->owner, "hot_slots", 0)) {
        return false;
    }
    demo_say(t->demo,
             "%.1f s later the slot is hot no more: nobody is sent to the others.  They keep their "
             "copies",
             (double)mono_ms_between(began, clock_mono_now()) / 1000);
    demo_say(t->demo, "for another minute, for clients that still come ...");
    for (size_t node = 0; node < t->demo->node_count; node++) {
        if (!wait_for_number(t, node, "hot_copies", 0) ||
            !wait_for_number(t, node, "hot_lent_keys", 0)) {
            return false;
        }
    }
    demo_say(t->demo, "After %.1f s no node has a copy any more, and nothing is lent.",
             (double)mono_ms_between(began, clock_mono_now()) / 1000);
    return true;
}

bool celebrity_run(struct demo *demo)
{
    /* So little makes a star that a slow machine shows it, too; the usual bounds are 5000 reads a second and 60 percent. */
    static const char *const args[] = {"--hot-copies-min-rate",
                                       "1000",
                                       "--hot-copies-min-busy",
                                       "0",
                                       "--cluster-require-full-coverage",
                                       "no",
                                       NULL};
    struct tour t = {.demo = demo};
    struct mono_time began = clock_mono_now();
    char said[DEMO_TEXT];
    struct demo_map map;
    struct errmsg why;
    bool is_ok;

    demo->primary_count = DEMO_NODES;
    demo->args = args;
    is_ok = demo_form(demo, &map) && one_bears_it(&t, &map) && all_bear_it(&t) &&
            write_at_all(&t) && holder_dies(&t) && star_fades(&t);
    why = demo->error;
    (void)stop_load(&t, said);
    demo->error = why;
    if (is_ok) {
        demo_say(demo, "The tour took %.0f s.",
                 (double)mono_ms_between(began, clock_mono_now()) / 1000);
    }
    return is_ok;
}
