/* SPDX-License-Identifier: MIT */
/* The log on disk, proven and measured with real processes.
 *
 *     log [--parts LIST] [--kills N] [--restarts N] [--megabytes N] [--seconds N] [--rounds N] [--keys N]
 *         [--commands N] [--program PATH]
 *
 *     kills      SIGKILL under load, N times: what was acknowledged is there
 *     restarts   of primary, replica and both, in order and by SIGKILL, N times each: full resyncs
 *     slow       a replica on a line of 1 Mbit/s, with so many megabytes of data, for so many seconds
 *     costs      processor time and throughput, with and without, beside redis-server; medians of the rounds
 *     pauses     the longest request while the log is synced, and while a snapshot is made of so many keys
 *     loading    the start with so many keys, and with so many commands in the log, beside redis-server
 *     rotations  segments of 4096 bytes come and go: memory and descriptors
 *
 * Servers keep their files where temporary folders are made.  The status is 1 when something could not be measured, 3
 * when a figure is beyond its limit. */
#include "tests/bench/log.h"

#include "base/assert.h"
#include "base/num.h"
#include "tests/bench/options.h"
#include "tests/bench/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS_MAX = 31,
    ASK_MS = 60000,
    WAIT_MS = 120000,
    PAUSE_MS = 10,
    INFO_SIZE = 16384,
    ARGS_MAX = 20,
    DIGEST_CHARS = 40,
};

static const struct {
    const char *name;
    bool (*run)(struct log_bench *bench, struct errmsg *error);
} parts[] = {
    {"kills",     log_kills    },
    {"restarts",  log_restarts },
    {"slow",      log_slow     },
    {"costs",     log_costs    },
    {"pauses",    log_pauses   },
    {"loading",   log_loading  },
    {"rotations", log_rotations},
};

/* ---- for the parts ----------------------------------------------------------------------------*/

static void judge(struct log_bench *bench, const char *what, double figure, const char *limit,
                  bool is_within)
{
    printf("  %-62s %10.2f   %s %s\n", what, figure, limit, is_within ? "ok" : "MISSED");
    fflush(stdout);
    bench->missed += is_within ? 0 : 1;
}

void log_judge(struct log_bench *bench, const char *what, double figure, double limit)
{
    char text[48];

    snprintf(text, sizeof(text), "(at most %g)", limit);
    judge(bench, what, figure, text, figure <= limit);
}

void log_judge_at_least(struct log_bench *bench, const char *what, double figure, double limit)
{
    char text[48];

    snprintf(text, sizeof(text), "(at least %g)", limit);
    judge(bench, what, figure, text, figure >= limit);
}

bool log_start(const struct peer *peer, uint64_t cpu_mask, const char *const *args,
               size_t arg_count, struct server *out, struct errmsg *error)
{
    const char *all[ARGS_MAX] = {"--enable-debug-command", "local"};
    struct peer_options options = {.cpu_mask = cpu_mask, .args = all, .arg_count = arg_count + 2};

    ASSERT(options.arg_count <= ARGS_MAX);
    *out = (struct server){0};
    for (size_t i = 0; i < arg_count; i++) {
        all[i + 2] = args[i];
    }
    return peer_start(peer, &options, out, error);
}

void log_ask(const struct server *server, const char *request, char *out, size_t size)
{
    struct client *client = server_connect(server, NULL);
    struct resp_value value;
    struct buf text = {0};

    out[0] = '\0';
    if (client == NULL) {
        return;
    }
    client_set_timeout_ms(client, ASK_MS);
    buf_printf(&text, "%s\r\n", request);
    client_send_raw(client, buf_bytes(&text));
    if (client_read(client, &value, NULL) == CLIENT_OK) {
        if (value.type == RESP_INTEGER) {
            snprintf(out, size, "%lld", (long long)value.integer);
        } else {
            bytes_to_text(resp_value_bytes(&value), out, size);
        }
        resp_value_deinit(&value);
    }
    buf_deinit(&text);
    client_close(client);
}

/* "db0:keys=5" and "name:5" alike. */
int64_t log_info(const struct server *server, const char *section, const char *field)
{
    char request[64];
    char reply[INFO_SIZE];
    const char *at = reply;
    size_t len = strlen(field);

    snprintf(request, sizeof(request), "INFO %s", section);
    log_ask(server, request, reply, sizeof(reply));
    while (at != NULL) {
        if (strncmp(at, field, len) == 0 && (at[len] == ':' || at[len] == '=')) {
            return strtoll(at + len + 1, NULL, 10);
        }
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    return -1;
}

bool log_has_same_digest(const struct server *a, const struct server *b)
{
    char here[64];
    char there[64];

    log_ask(a, "DEBUG DIGEST", here, sizeof(here));
    log_ask(b, "DEBUG DIGEST", there, sizeof(there));
    printf("  digests: %s, %s\n", here, there);
    return strlen(here) == DIGEST_CHARS && strcmp(here, there) == 0;
}

bool log_wait(const struct server *server, const char *section, const char *field, int64_t wanted,
              struct errmsg *error)
{
    int64_t until_ms = support_now_ms() + WAIT_MS;
    int64_t found = -1;

    while (support_now_ms() < until_ms) {
        found = log_info(server, section, field);
        if (found == wanted) {
            return true;
        }
        support_pause_ms(PAUSE_MS);
    }
    errmsg_set(error, "%s is %lld, not %lld", field, (long long)found, (long long)wanted);
    return false;
}

/* ---- the whole --------------------------------------------------------------------------------*/

static bool run(struct log_bench *bench, const char *names, struct errmsg *error)
{
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        if (names != NULL && !options_list_has(names, parts[i].name)) {
            continue;
        }
        printf("%s\n", parts[i].name);
        fflush(stdout);
        if (!parts[i].run(bench, error)) {
            errmsg_wrap(error, "%s", parts[i].name);
            return false;
        }
    }
    return true;
}

static void choose_peers(struct log_bench *bench, const struct peers *peers)
{
    for (size_t i = 0; i < peers->count; i++) {
        const struct peer *peer = &peers->items[i];

        if (peer->kind == PEER_OURS) {
            bench->ours = peer;
        } else if (strcmp(peer->name, "redis-server") == 0) {
            bench->redis = peer;
        }
    }
}

int main(int argc, char **argv)
{
    struct log_bench bench = {.kills = 20,
                              .restarts = 10,
                              .megabytes = 1000,
                              .seconds = 60,
                              .rounds = 3,
                              .keys = 5000000,
                              .commands = 10000000};
    struct option_texts programs = {0};
    struct peers peers;
    const char *names = NULL;
    struct errmsg error = {0};
    const struct option_spec specs[] = {
        {.flag = "--parts",           .argument = "LIST", .text = &names                                     },
        {.flag = "--kills",           .argument = "N",    .number = &bench.kills,                              .most = 100000},
        {.flag = "--restarts",                           .argument = "N",                          .number = &bench.restarts,                                    .most = 100000},
        {.flag = "--megabytes",             .argument = "N",                               .number = &bench.megabytes,                           .most = 9000},
        {.flag = "--seconds", .argument = "N",.number = &bench.seconds,  .most = 3600},
        {.flag = "--rounds",            .argument = "N",                              .number = &bench.rounds,                                                                    .most = ROUNDS_MAX},
        {.flag = "--keys",          .argument = "N",  .number = &bench.keys, .most = 50000000},
        {.flag = "--commands",                           .argument = "N",                              .number = &bench.commands,                                                         .most = 100000000},
        {.flag = "--program",           .argument = "[NAME=]PATH",                             .texts = &programs                                                            },
    };

    if (!options_parse("log", specs, ARRAY_COUNT(specs), argc, argv)) {
        return 2;
    }
    peers_find(&peers, &(struct peer_choice){.is_resp_only = true, .programs = &programs});
    choose_peers(&bench, &peers);
    report_machine();
    peers_print(&peers);
    fflush(stdout);
    if (!run(&bench, names, &error)) {
        fprintf(stderr, "log: %s\n", error.text);
        return 1;
    }
    printf("%zu figures beyond their limits\n", bench.missed);
    return bench.missed > 0 ? 3 : 0;
}
