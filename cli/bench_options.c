/* SPDX-License-Identifier: MIT */
/* The flags of the usual benchmark program, and --seconds. */
#include "cli/bench_options.h"

#include "cli/bench_request.h"
#include "cli/options_flags.h"

enum {
    CLIENTS = 50,
    REQUESTS = 100000,
    DATA_SIZE = 3,
    DATA_SIZE_MAX = 1024 * 1024 * 1024,
    PRECISION = 3,
};

/* --csv is the program's, not a field of the benchmark's. */
static bool set_csv(void *target, const char *value, struct errmsg *error)
{
    (void)value;
    (void)error;
    ((struct options *)target)->render.format = RENDER_CSV;
    return true;
}

#define FLAG_OF struct bench_options

static const struct flag_row load_rows[] = {
    FLAG_ROW_NUMBER("-c", "<clients>", clients, 1, 100000, "Connections at once (default: 50)"),
    FLAG_ROW_NUMBER("-n", "<requests>", requests, 1, INT64_MAX,
                    "Requests of each test (default: 100000)"),
    FLAG_ROW_SECONDS("--seconds", seconds_ms, 1,
                     "Length of each test, instead of -n or as a second bound"),
    FLAG_ROW_NUMBER("-P", "<count>", pipeline, 1, 1000000,
                    "Requests sent at once by each client (default: 1)"),
    FLAG_ROW_NUMBER("-d", "<bytes>", data_size, 1, DATA_SIZE_MAX, "Size of values (default: 3)"),
    FLAG_ROW_NUMBER("-r", "<keyspace>", keyspace, 0, 999999999999,
                    "Random keys out of so many; without it one key"),
    FLAG_ROW_NUMBER("--hot", "<percent>", hot, 0, 100,
                    "So many percent of the requests are of one key (default: 0)"),
    FLAG_ROW_NUMBER("--threads", "<n>", threads, 1, 500,
                    "Threads that share clients and requests (default: 1)"),
    FLAG_ROW_NUMBER("--seed", "<number>", seed, 0, INT64_MAX, "The same random numbers again"),
    FLAG_ROW_NUMBER("-k", "<0|1>", keepalive, 0, 1,
                    "1 keeps connections, 0 opens one for each batch (default: 1)"),
    FLAG_ROW_TEXT(
        "-t", "<tests>", tests,
        "Comma separated: ping_inline, ping_mbulk (ping: both), set, get, incr, append, "
        "getset, setex, lpush, rpush, lpop, rpop, sadd, sismember, hset, hget, spop, zadd, "
        "zrank, zpopmin, lrange_100, lrange_300, lrange_500, lrange_600 (lrange: all), mset, "
        "mget, xadd, setbit, pfadd, geoadd, exists, expire, del"),
    FLAG_ROW_BOOL("-l", is_endless, "The tests again and again, until Ctrl-C"),
    FLAG_ROW_BOOL("-I", is_idle, "No requests: only open the connections, and wait for Ctrl-C"),
    FLAG_ROW_BOOL("--cluster", is_cluster,
                  "Take the nodes from CLUSTER SLOTS, use keys of each primary"),
};

static const struct flag_row report_rows[] = {
    FLAG_ROW_BOOL("-q", is_quiet, "One line a test"),
    FLAG_ROW_NUMBER("--precision", "<n>", precision, 0, 3,
                    "Decimals of milliseconds, 0 to 3 (default: 3)"),
    FLAG_ROW_BOOL("-e", shows_errors, "Print errors of the server as they come"),
    FLAG_ROW_BOOL("--help", is_help, "This text"),
};

#undef FLAG_OF
#define FLAG_OF struct options

/* Those that fill the options of the whole program. */
static const struct flag_row session_rows[] = {
    FLAG_ROW_NUMBER("--dbnum", "<db>", db, 0, INT32_MAX, "Database number"),
};

static const struct flag_row format_rows[] = {
    FLAG_ROW_ALONE("--csv", set_csv, "Comma separated values"),
};

#define TABLE(title, rows)                                                                         \
    {                                                                                              \
        (title), (rows), ARRAY_COUNT(rows)                                                         \
    }

static const struct flag_table own_tables[] = {
    TABLE("Load", load_rows),
    TABLE("Report", report_rows),
};
static const struct flag_table shared_tables[] = {
    TABLE("Connection", session_rows),
    TABLE("Report", format_rows),
};

void bench_options_tables(struct flag_table out[BENCH_OPTIONS_TABLES])
{
    out[0] = *options_connection_flags();
    out[1] = shared_tables[0];
    out[2] = own_tables[0];
    out[3] = own_tables[1];
    out[4] = shared_tables[1];
}

static enum flag_outcome take(struct bench_options *bench, struct options *options,
                              struct flag_words *rest, struct errmsg *error)
{
    enum flag_outcome outcome = FLAG_UNKNOWN;

    for (size_t i = 0; i < ARRAY_COUNT(own_tables) && outcome == FLAG_UNKNOWN; i++) {
        outcome = flags_take(&own_tables[i], bench, rest, error);
    }
    for (size_t i = 0; i < ARRAY_COUNT(shared_tables) && outcome == FLAG_UNKNOWN; i++) {
        outcome = flags_take(&shared_tables[i], options, rest, error);
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
        .threads = 1,
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
    if (bench->hot > 0 && bench->keyspace == 0 && !bench->is_cluster) {
        errmsg_set(error,
                   "Without -r all requests are of one key: --hot goes with -r or --cluster");
        return false;
    }
    return true;
}

void bench_options_write_help(struct buf *out)
{
    struct flag_table tables[BENCH_OPTIONS_TABLES];

    bench_options_tables(tables);
    buf_append_text(out, "Usage: starling-cli --bench [OPTIONS] [command [argument ...]]\n\n");
    flags_write_help(tables, BENCH_OPTIONS_TABLES, out);
    buf_append_text(
        out,
        "\n"
        "In a command of your own __rand_int__ is replaced by 12 random digits, __data__ by a\n"
        "value of -d bytes, and with --cluster {tag} by a hash tag of the node asked. Of the one\n"
        "key of --hot the digits are 0, and the tag is {" BENCH_HOT_TAG "}.\n");
}
