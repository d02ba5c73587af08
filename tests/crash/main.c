/* SPDX-License-Identifier: MIT */
/* Crash everywhere: for each seed a node lives some lives on a disk in memory, is written to, and its disk fails and
 * recovers.  Before each thing that the disk does, others try out what would be if all had ended just there, in one
 * way or another: each start has to find what was promised, whole, and find it again.
 *
 *     run --seeds 1-100 --rounds 1       run --seed 7 --point 123 --round 0 --verbose
 *
 * Each seed is a process of its own, so that one that dies is told with its point. */
#include "tests/crash/trial.h"
#include "tests/crash/work.h"

#include "base/assert.h"
#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LIVES = 5,
    EVENTS_MAX = 70,
    AFTER_MAX = 12,
    JOBS_MAX = 64,
};

struct orders {
    uint64_t first;
    uint64_t last;
    uint64_t rounds;
    uint64_t point; /* 0: all */
    uint64_t round; /* with a point */
    uint64_t jobs;
    bool is_verbose;
};

/* What a seed's process tells the one that waits for it. */
struct report {
    uint64_t seed;
    uint64_t point; /* where it is */
    uint64_t round;
    uint64_t starts;
    bool is_done;
    char failure[TRIAL_REASON];
};

struct crash {
    const struct orders *orders;
    struct report *report;
    struct trial *main; /* that goes on whatever is tried out */
    uint64_t seed;
    uint64_t point;
    uint64_t birth; /* seeds of nodes: never the same */
};

static void not_now(void *owner, uint64_t number)
{
    (void)owner;
    (void)number;
}

/* ---- one try ---------------------------------------------------------------------------------- */

/* What somebody wants to know who looks into a failure. */
static void show_files(const struct disk *disk)
{
    for (size_t i = 0; i < disk->files.count; i++) {
        const struct disk_file *file = &disk->files.items[i];

        printf("    %s: %zu bytes\n", file->name, file->content.len);
        if (strstr(file->name, "manifest") != NULL) {
            printf("%.*s", (int)file->content.len, file->content.data);
        }
    }
}

/* The node's end, and a start on what it leaves. */
static bool end_and_start(struct crash *c, struct trial *trial, const struct disk *from,
                          enum trial_end end)
{
    struct disk left;
    int64_t now_us = trial->a != NULL ? trial->a->now_us : c->main->a->now_us;

    disk_init(&left, not_now, NULL);
    disk_copy(&left, from);
    trial_end_disk(&left, end, &trial->rng);
    trial_stop(trial);
    trial_begin(trial, &left, rng_u64(&trial->rng), now_us + 1000);
    c->report->starts++;
    if (c->orders->is_verbose && c->orders->point == c->point) {
        printf("  start %llu of this point, after an end of kind %d\n",
               (unsigned long long)c->report->starts, end);
        show_files(&left);
    }
    disk_deinit(&left);
    return trial_recover(trial, c->orders->is_verbose && c->orders->point == c->point);
}

static enum trial_end draw_end(struct rng *rng)
{
    static const enum trial_end ends[] = {END_POWER, END_POWER, END_FORGET, END_KILL, END_KILL};

    return ends[rng_below(rng, sizeof(ends) / sizeof(ends[0]))];
}

/* Some more is done, and it ends once more. */
static bool live_on(struct crash *c, struct trial *trial)
{
    for (uint64_t left = rng_below(&trial->rng, AFTER_MAX); left > 0; left--) {
        work_event(trial);
    }
    if (rng_one_in(&trial->rng, 6) && !trial_shut_down(trial, rng_one_in(&trial->rng, 2))) {
        snprintf(trial->failure, sizeof(trial->failure), "it does not come to an orderly end");
        return false;
    }
    return end_and_start(
        c, trial, &trial->a->disk,
        trial->a->has_exited && rng_one_in(&trial->rng, 2) ? END_ORDERLY : draw_end(&trial->rng));
}

static bool try_out(struct crash *c, struct trial *trial)
{
    enum trial_end end = draw_end(&trial->rng);

    if (!end_and_start(c, trial, &c->main->a->disk, end)) {
        return false;
    }
    if (rng_one_in(&trial->rng, 2)) {
        if (!live_on(c, trial)) {
            return false;
        }
        end = END_POWER;
        if (!end_and_start(c, trial, &trial->a->disk, end)) {
            return false;
        }
    }
    /* What was found is found again: all of it was durable, or nothing was taken away. */
    trial_pin(trial);
    return end_and_start(c, trial, &trial->a->disk,
                         end == END_KILL ? END_ORDERLY : draw_end(&trial->rng));
}

static void crash_here(struct crash *c, uint64_t round)
{
    struct trial trial;

    c->report->round = round;
    trial_init(&trial, c->main->is_strict);
    timeline_deinit(&trial.time);
    timeline_copy(&trial.time, &c->main->time);
    trial.volatile_keys = c->main->volatile_keys + 1000;
    trial.volatile_until_us = c->main->volatile_until_us;
    rng_init(&trial.rng, (c->seed * 1000003 + c->point) * 1009 + round);
    if (!try_out(c, &trial)) {
        memcpy(c->report->failure, trial.failure, sizeof(c->report->failure));
    }
    trial_deinit(&trial);
}

/* The disk is about to do something. */
static void on_change(void *owner)
{
    struct alone *a = owner;
    struct crash *c = a->tester;
    const struct orders *orders = c->orders;

    if (c->report->failure[0] != '\0') {
        return;
    }
    c->report->point = ++c->point;
    if (!a->has_exited && !node_is_loading(a->node)) {
        trial_note_state(c->main);
    }
    if (orders->point != 0) {
        if (orders->point == c->point) {
            c->report->starts = 0;
            crash_here(c, orders->round);
        }
        return;
    }
    for (uint64_t round = 0; round < orders->rounds && c->report->failure[0] == '\0'; round++) {
        crash_here(c, round);
    }
}

/* ---- the lives -------------------------------------------------------------------------------- */

/* A life begins where the one before has ended. */
static bool begin_life(struct crash *c, struct trial *trial, const struct disk *disk,
                       int64_t now_us)
{
    bool is_well;

    trial_begin(trial, disk, c->seed * 100 + ++c->birth, now_us);
    trial->a->tester = c;
    trial->a->disk.on_change = on_change;
    is_well = trial_recover(trial, c->orders->is_verbose && c->orders->point != 0);
    if (!is_well) {
        memcpy(c->report->failure, trial->failure, sizeof(c->report->failure));
    }
    return is_well;
}

static void run_life(struct crash *c, struct trial *trial)
{
    int events = 20 + (int)rng_below(&trial->rng, EVENTS_MAX);

    for (int i = 0; i < events && c->report->failure[0] == '\0'; i++) {
        work_event(trial);
    }
    if (c->report->failure[0] == '\0' && rng_one_in(&trial->rng, 3) &&
        !trial_shut_down(trial, rng_one_in(&trial->rng, 2))) {
        snprintf(c->report->failure, sizeof(c->report->failure),
                 "it does not come to an orderly end");
    }
}

static void run_seed(struct crash *c)
{
    struct trial trial;
    int64_t now_us = 1000000;
    struct disk disk;

    trial_init(&trial, c->seed % 4 != 0);
    rng_init(&trial.rng, c->seed);
    c->main = &trial;
    disk_init(&disk, not_now, NULL);
    for (int i = 0; i < LIVES && begin_life(c, &trial, &disk, now_us); i++) {
        run_life(c, &trial);
        if (c->report->failure[0] != '\0') {
            break;
        }
        now_us = trial.a->now_us + 1000;
        disk_deinit(&disk);
        disk_init(&disk, not_now, NULL);
        disk_copy(&disk, &trial.a->disk);
        trial_end_disk(&disk, trial.a->has_exited ? END_ORDERLY : draw_end(&trial.rng), &trial.rng);
        trial_stop(&trial);
    }
    disk_deinit(&disk);
    trial_deinit(&trial);
    c->main = NULL;
}

/* ---- processes -------------------------------------------------------------------------------- */

static pid_t begin_seed(const struct orders *orders, struct report *report, uint64_t seed)
{
    pid_t pid;

    *report = (struct report){.seed = seed};
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        struct crash c = {.orders = orders, .report = report, .seed = seed};

        run_seed(&c);
        report->is_done = true;
        fflush(stdout);
        _exit(0);
    }
    return pid;
}

/* What became of it; the points that were tried out. */
static bool tell(const struct orders *orders, const struct report *report)
{
    if (report->is_done && report->failure[0] == '\0') {
        if (orders->is_verbose) {
            printf("seed %llu: %llu points, %llu starts\n", (unsigned long long)report->seed,
                   (unsigned long long)report->point, (unsigned long long)report->starts);
        }
        return true;
    }
    printf("seed %llu: point %llu, round %llu: %s\n"
           "  again: build/release/tests/crash/run --seed %llu --point %llu --round %llu\n",
           (unsigned long long)report->seed, (unsigned long long)report->point,
           (unsigned long long)report->round,
           report->failure[0] != '\0' ? report->failure : "the node has died",
           (unsigned long long)report->seed, (unsigned long long)report->point,
           (unsigned long long)report->round);
    return false;
}

struct job {
    pid_t pid;
    struct report *report;
};

struct sums {
    uint64_t points;
    uint64_t starts;
    uint64_t failed; /* seeds */
};

static void await_one(const struct orders *orders, struct job *jobs, struct sums *sums)
{
    int status;
    pid_t pid = wait(&status);

    for (size_t i = 0; i < orders->jobs; i++) {
        if (jobs[i].pid == pid && jobs[i].report != NULL) {
            jobs[i].pid = 0;
            sums->points += jobs[i].report->point * orders->rounds;
            sums->starts += jobs[i].report->starts;
            sums->failed += !tell(orders, jobs[i].report);
        }
    }
}

static void run_all(const struct orders *orders, struct sums *sums)
{
    struct report *reports = mmap(NULL, sizeof(*reports) * JOBS_MAX, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct job jobs[JOBS_MAX] = {{0}};
    size_t running = 0;

    ASSERT(reports != MAP_FAILED);
    for (uint64_t seed = orders->first; seed <= orders->last || running > 0;) {
        size_t i = 0;

        if (seed > orders->last || running == orders->jobs) {
            await_one(orders, jobs, sums);
            running--;
            continue;
        }
        while (jobs[i].pid != 0) {
            i++;
        }
        jobs[i].report = &reports[i];
        jobs[i].pid = begin_seed(orders, &reports[i], seed++);
        ASSERT(jobs[i].pid > 0);
        running++;
    }
    munmap(reports, sizeof(*reports) * JOBS_MAX);
}

static bool parse_seeds(const char *text, struct orders *orders)
{
    struct bytes rest = bytes_from_text(text);
    struct bytes from = bytes_next_word(&rest, '-');
    struct bytes to = bytes_next_word(&rest, '-');

    if (!num_parse_u64(from, &orders->first)) {
        return false;
    }
    orders->last = orders->first;
    return to.len == 0 || (num_parse_u64(to, &orders->last) && orders->last >= orders->first);
}

static bool parse_option(const char *name, const char *value, struct orders *orders)
{
    static const char *const names[] = {"--rounds", "--point", "--round", "--jobs"};
    uint64_t *const places[] = {&orders->rounds, &orders->point, &orders->round, &orders->jobs};

    if (strcmp(name, "--seed") == 0 || strcmp(name, "--seeds") == 0) {
        return parse_seeds(value, orders);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return num_parse_u64(bytes_from_text(value), places[i]);
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct orders orders = {.first = 1, .last = 100, .rounds = 1, .jobs = 2};
    struct sums sums = {0};
    bool is_understood = true;

    for (int i = 1; i < argc && is_understood; i++) {
        if (strcmp(argv[i], "--verbose") == 0) {
            orders.is_verbose = true;
        } else {
            is_understood = i + 1 < argc && parse_option(argv[i], argv[i + 1], &orders);
            i++;
        }
    }
    if (!is_understood || orders.jobs == 0 || orders.jobs > JOBS_MAX || orders.rounds == 0) {
        fprintf(stderr, "usage: run [--seed N | --seeds FIRST-LAST] [--rounds N] [--jobs N] "
                        "[--point N [--round N]] [--verbose]\n");
        return 2;
    }
    run_all(&orders, &sums);
    printf("%llu crashes, %llu starts\n", (unsigned long long)sums.points,
           (unsigned long long)sums.starts);
    printf("%llu passed, %llu failed\n",
           (unsigned long long)(orders.last - orders.first + 1 - sums.failed),
           (unsigned long long)sums.failed);
    return sums.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
