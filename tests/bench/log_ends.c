/* SPDX-License-Identifier: MIT */
/* Servers that come to an end under load, and start again: what they have then, and what it takes their replicas. */
#include "base/assert.h"
#include "persist/posix_file.h"
#include "tests/bench/acked.h"
#include "tests/bench/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    LOAD_MS = 120, /* before an end, and up to so much more: */
    LOAD_STEPS = 7,
    LOAD_STEP_MS = 37,
    SETTLE_MS = 60000,
    PAUSE_MS = 10,
    LOG_MAX_BYTES = 64 * 1024 * 1024,
};

static void load_for_a_while(uint64_t round)
{
    support_pause_ms(LOAD_MS + (int64_t)(round % LOAD_STEPS) * LOAD_STEP_MS);
}

/* ---- kill -9 ----------------------------------------------------------------------------------*/

static bool kill_once(struct server *server, struct acked *acked, uint64_t round,
                      struct errmsg *error)
{
    if (!acked_start(acked, error)) {
        return false;
    }
    load_for_a_while(round);
    (void)server_signal(server, SIGKILL);
    acked_stop(acked);
    if (!server_start(server, error) || !acked_check(acked, error)) {
        errmsg_wrap(error, "round %llu", (unsigned long long)round + 1);
        return false;
    }
    return true;
}

bool log_kills(struct log_bench *bench, struct errmsg *error)
{
    static const char *const args[] = {"--appendonly",
                                       "yes",
                                       "--appendfsync",
                                       "always",
                                       "--repl-log-segment-size",
                                       "1mb",
                                       "--repl-log-retention-size",
                                       "4mb",
                                       "--auto-aof-rewrite-min-size",
                                       "4mb"};
    struct server server = {0};
    struct acked *acked = NULL;
    struct acked_facts facts = {0};
    bool is_ok = log_start(bench->ours, 0, args, ARRAY_COUNT(args), &server, error);

    if (is_ok) {
        acked = acked_new(server.port);
    }
    for (uint64_t round = 0; round < bench->kills && is_ok; round++) {
        is_ok = kill_once(&server, acked, round, error);
    }
    if (is_ok) {
        facts = acked_facts(acked);
        printf("  %llu times SIGKILL under load, appendfsync always: %llu writes acknowledged\n",
               (unsigned long long)bench->kills, (unsigned long long)facts.acknowledged);
        log_judge(bench, "acknowledged and missing afterwards", (double)facts.missing, 0);
        log_judge(bench, "there, and never sent", (double)facts.invented, 0);
        log_judge(bench, "refused", (double)facts.refused, 0);
        log_judge_at_least(bench, "acknowledged", (double)facts.acknowledged, (double)bench->kills);
    }
    acked_free(acked);
    server_cleanup(&server);
    return is_ok;
}

/* ---- restarts of a primary and its replica ----------------------------------------------------*/

struct pair {
    struct server primary;
    struct server replica;
    struct acked *acked;
    int64_t known_syncs; /* of the primary's present life, that have been counted */
    uint64_t full_syncs;
};

struct kind {
    const char *name;
    bool of_primary;
    bool of_replica;
    int signal;
};

static const struct kind kinds[] = {
    {"primary, in order",   true,  false, SIGTERM},
    {"replica, in order",   false, true,  SIGTERM},
    {"both, in order",      true,  true,  SIGTERM},
    {"primary, by SIGKILL", true,  false, SIGKILL},
    {"replica, by SIGKILL", false, true,  SIGKILL},
    {"both, by SIGKILL",    true,  true,  SIGKILL},
};

/* How often do these words stand in the log of a server, over all its lives? */
static uint64_t count_in_log(const struct server *server, const char *words)
{
    char path[SERVER_PATH_MAX + 8];
    struct buf text = {0};
    uint64_t count = 0;
    const char *at;

    snprintf(path, sizeof(path), "%s/log", server->dir);
    if (posix_read_file(path, LOG_MAX_BYTES, &text, NULL) == FS_OK) {
        for (at = buf_text(&text); (at = strstr(at, words)) != NULL; at++) {
            count++;
        }
    }
    buf_deinit(&text);
    return count;
}

static bool has_caught_up(const struct pair *pair)
{
    char reply[64];

    log_ask(&pair->primary, "WAIT 1 1000", reply, sizeof(reply));
    return log_info(&pair->primary, "replication", "connected_slaves") == 1 &&
           strcmp(reply, "1") == 0;
}

/* The replica streams again, and has what was written until now. */
static bool settle(struct pair *pair, struct errmsg *error)
{
    int64_t until_ms = support_now_ms() + SETTLE_MS;
    int64_t syncs;
    char link[4096];

    while (support_now_ms() < until_ms) {
        log_ask(&pair->replica, "INFO replication", link, sizeof(link));
        if (strstr(link, "master_link_status:up") != NULL && has_caught_up(pair)) {
            syncs = log_info(&pair->primary, "stats", "sync_full");
            ASSERT(syncs >= pair->known_syncs);
            pair->full_syncs += (uint64_t)(syncs - pair->known_syncs);
            pair->known_syncs = syncs;
            return true;
        }
        support_pause_ms(PAUSE_MS);
    }
    errmsg_set(error, "the replica does not come back: %.200s", link);
    return false;
}

/* Both are told before one of them is waited for. */
static void end_them(struct pair *pair, const struct kind *kind)
{
    int status;

    if (kind->of_primary) {
        kill(pair->primary.pid, kind->signal);
    }
    if (kind->of_replica) {
        kill(pair->replica.pid, kind->signal);
    }
    if (kind->of_primary) {
        (void)server_wait_end(&pair->primary, SETTLE_MS, &status);
    }
    if (kind->of_replica) {
        (void)server_wait_end(&pair->replica, SETTLE_MS, &status);
    }
}

static bool restart_once(struct pair *pair, const struct kind *kind, uint64_t round,
                         struct errmsg *error)
{
    load_for_a_while(round);
    end_them(pair, kind);
    if (pair->primary.pid == 0) {
        pair->known_syncs = 0;
        if (!server_start(&pair->primary, error)) {
            return false;
        }
    }
    if (pair->replica.pid == 0 && !server_start(&pair->replica, error)) {
        return false;
    }
    return settle(pair, error);
}

static bool restart_all(struct log_bench *bench, struct pair *pair, struct errmsg *error)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        uint64_t before = pair->full_syncs;
        uint64_t ahead = count_in_log(&pair->primary, "it went on to ");

        for (uint64_t round = 0; round < bench->restarts; round++) {
            if (!restart_once(pair, &kinds[i], round, error)) {
                errmsg_wrap(error, "%s, round %llu", kinds[i].name, (unsigned long long)round + 1);
                return false;
            }
        }
        printf("  %-22s %4llu times: %llu full resyncs, %llu of them of a replica that was ahead\n",
               kinds[i].name, (unsigned long long)bench->restarts,
               (unsigned long long)(pair->full_syncs - before),
               (unsigned long long)(count_in_log(&pair->primary, "it went on to ") - ahead));
        fflush(stdout);
    }
    return true;
}

static bool start_pair(struct log_bench *bench, struct pair *pair, struct errmsg *error)
{
    static const char *const logged[] = {"--appendonly", "yes", "--repl-log-segment-size", "4mb"};
    char address[32];
    const char *const follows[] = {"--appendonly", "yes",         "--repl-log-segment-size",
                                   "4mb",          "--replicaof", address};

    if (!log_start(bench->ours, 0, logged, ARRAY_COUNT(logged), &pair->primary, error)) {
        return false;
    }
    snprintf(address, sizeof(address), "127.0.0.1 %u", (unsigned)pair->primary.port);
    if (!log_start(bench->ours, 0, follows, ARRAY_COUNT(follows), &pair->replica, error)) {
        return false;
    }
    pair->acked = acked_new(pair->primary.port);
    return acked_start(pair->acked, error);
}

static bool compare(struct log_bench *bench, struct pair *pair, struct errmsg *error)
{
    uint64_t ahead = count_in_log(&pair->primary, "it went on to ");

    acked_stop(pair->acked);
    if (!settle(pair, error)) {
        return false;
    }
    printf("  %llu writes acknowledged meanwhile\n",
           (unsigned long long)acked_facts(pair->acked).acknowledged);
    log_judge(bench, "digests that differ",
              log_has_same_digest(&pair->primary, &pair->replica) ? 0 : 1, 0);
    log_judge(bench, "full resyncs after the first, of replicas that were not ahead",
              (double)(pair->full_syncs - ahead) - 1, 0);
    log_judge(bench, "full resyncs of replicas that were ahead", (double)ahead, 0);
    return true;
}

bool log_restarts(struct log_bench *bench, struct errmsg *error)
{
    struct pair pair = {0};
    bool is_ok = start_pair(bench, &pair, error) && settle(&pair, error) &&
                 restart_all(bench, &pair, error) && compare(bench, &pair, error);

    acked_free(pair.acked);
    server_cleanup(&pair.replica);
    server_cleanup(&pair.primary);
    return is_ok;
}
