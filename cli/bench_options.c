/* SPDX-License-Identifier: MIT */
/* The flags of the usual benchmark program, and --seconds. */
#include "cli/bench_options.h"

#include <stdio.h>
#include <string.h>

enum {
    CLIENTS = 50,
    REQUESTS = 100000,
    DATA_SIZE = 3,
    DATA_SIZE_MAX = 1024 * 1024 * 1024,
    PRECISION = 3,
};

#define FIELD(name) offsetof(struct bench_options, name)

static const struct flag_row rows[] = {
    {"-c",          FLAG_NUMBER,  FIELD(clients),      1, 100000,        NULL},
    {"-n",          FLAG_NUMBER,  FIELD(requests),     1, INT64_MAX,     NULL},
    {"--seconds",   FLAG_SECONDS, FIELD(seconds_ms),   1, 0,             NULL},
    {"-d",          FLAG_NUMBER,  FIELD(data_size),    1, DATA_SIZE_MAX, NULL},
    {"-P",          FLAG_NUMBER,  FIELD(pipeline),     1, 1000000,       NULL},
    {"-r",          FLAG_NUMBER,  FIELD(keyspace),     0, 999999999999,  NULL},
    {"-k",          FLAG_NUMBER,  FIELD(keepalive),    0, 1,             NULL},
    {"--precision", FLAG_NUMBER,  FIELD(precision),    0, 3,             NULL},
    {"--seed",      FLAG_NUMBER,  FIELD(seed),         0, INT64_MAX,     NULL},
    {"-t",          FLAG_TEXT,    FIELD(tests),        0, 0,             NULL},
    {"-q",          FLAG_BOOL,    FIELD(is_quiet),     0, 0,             NULL},
    {"--cluster",   FLAG_BOOL,    FIELD(is_cluster),   0, 0,             NULL},
    {"-e",          FLAG_BOOL,    FIELD(shows_errors), 0, 0,             NULL},
    {"--help",      FLAG_BOOL,    FIELD(is_help),      0, 0,             NULL},
};

/* Those that are fields of the options of the whole program. */
static const struct flag_row shared_rows[] = {
    {"--dbnum", FLAG_NUMBER, offsetof(struct options, db), 0, INT32_MAX, NULL},
};

static enum flag_outcome take(struct bench_options *bench, struct options *options,
                              struct flag_words *rest, struct errmsg *error)
{
    static const struct flag_table own = {rows, ARRAY_COUNT(rows)};
    static const struct flag_table shared = {shared_rows, ARRAY_COUNT(shared_rows)};
    enum flag_outcome outcome;

    if (strcmp(rest->words[0], "--csv") == 0) {
        options->render.format = RENDER_CSV;
        rest->words++;
        rest->count--;
        return FLAG_TAKEN;
    }
    outcome = flags_take(&own, bench, rest, error);
    if (outcome == FLAG_UNKNOWN) {
        outcome = flags_take(&shared, options, rest, error);
    }
    return outcome != FLAG_UNKNOWN ? outcome
                                   : flags_take(options_connection_flags(), options, rest, error);
}

bool bench_options_parse(struct bench_options *bench, struct options *options, struct errmsg *error)
{
    struct flag_words rest = {.words = options->words, .count = options->word_count};

    *bench = (struct bench_options){
        .clients = CLIENTS,
        .data_size = DATA_SIZE,
        .pipeline = 1,
        .keepalive = 1,
        .precision = PRECISION,
    };
    while (rest.count > 0 && rest.words[0][0] == '-') {
        switch (take(bench, options, &rest, error)) {
        case FLAG_TAKEN:
            break;
        case FLAG_UNKNOWN:
            errmsg_set(error, "--bench does not know the option '%s'", rest.words[0]);
            return false;
        case FLAG_BAD:
            return false;
        }
    }
    bench->words = rest.words;
    bench->word_count = rest.count;
    if (bench->requests == 0 && bench->seconds_ms == 0) {
        bench->requests = REQUESTS;
    }
    if (bench->word_count > 0 && bench->tests != NULL) {
        errmsg_set(error, "-t and a command of your own do not go together");
        return false;
    }
    if (bench->is_cluster && options->unix_path != NULL) {
        errmsg_set(error, "--cluster needs a host, not a unix socket");
        return false;
    }
    return true;
}

void bench_options_print_help(void)
{
    fputs("Usage: starling-cli --bench [OPTIONS] [command [argument ...]]\n"
          "\n"
          "  -h -p -s -a --user -u -2 -3   As without --bench\n"
          "  --dbnum <db>     Database number\n"
          "  -c <clients>     Connections at once (default: 50)\n"
          "  -n <requests>    Requests of each test (default: 100000)\n"
          "  --seconds <s>    Length of each test, instead of -n or as a second bound\n"
          "  -d <bytes>       Size of values (default: 3)\n"
          "  -P <count>       Requests sent at once by each client (default: 1)\n"
          "  -r <keyspace>    Random keys out of so many; without it one key\n"
          "  --seed <number>  The same random numbers again\n"
          "  -k <0|1>         1 keeps connections, 0 opens one for each batch (default: 1)\n"
          "  -t <tests>       Comma separated: ping_inline, ping_mbulk (ping: both), set, get,\n"
          "                   incr, append, getset, setex, mset, mget, exists, expire, del\n"
          "  --cluster        Take the nodes from CLUSTER SLOTS, use keys of each primary\n"
          "  -q               One line a test\n"
          "  --csv            Comma separated values\n"
          "  --precision <n>  Decimals of milliseconds, 0 to 3 (default: 3)\n"
          "  -e               Print errors of the server as they come\n"
          "\n"
          "In a command of your own __rand_int__ is replaced by 12 random digits, __data__ by a\n"
          "value of -d bytes, and with --cluster {tag} by a hash tag of the node asked.\n",
          stdout);
}
