/* SPDX-License-Identifier: MIT */
/* starling-cli: commands, management and load for any server that speaks RESP. */
#include "cli/askpass.h"
#include "cli/backup.h"
#include "cli/bench.h"
#include "cli/check_log.h"
#include "cli/cluster.h"
#include "cli/hotkeys.h"
#include "cli/import.h"
#include "cli/intrinsic.h"
#include "cli/latency.h"
#include "cli/latency_dist.h"
#include "cli/lru_test.h"
#include "cli/oneshot.h"
#include "cli/options.h"
#include "cli/pipe.h"
#include "cli/print.h"
#include "cli/rdb.h"
#include "cli/repl.h"
#include "cli/replica.h"
#include "cli/scan.h"
#include "cli/stat.h"
#include "cli/survey_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int print_help(void)
{
    struct buf help = {0};

    options_write_help(&help);
    print_buf(&help);
    buf_deinit(&help);
    return 0;
}

static int run(struct options *options)
{
    switch (options->mode) {
    case OPTIONS_COMMAND:
        /* With -x standard input may even be the whole command. */
        return options->word_count > 0 || options->reads_last_word || options->stdin_tag != NULL
                   ? oneshot_run(options)
                   : repl_run(options);
    case OPTIONS_HELP:
        return print_help();
    case OPTIONS_VERSION:
        puts("starling-cli " CLI_VERSION);
        return 0;
    case OPTIONS_PIPE:
        return pipe_run(options);
    case OPTIONS_BIGKEYS:
    case OPTIONS_MEMKEYS:
    case OPTIONS_KEYSTATS:
        return survey_run(options);
    case OPTIONS_HOTKEYS:
        return hotkeys_run(options);
    case OPTIONS_SCAN:
        return scan_run(options);
    case OPTIONS_STAT:
        return stat_run(options);
    case OPTIONS_LATENCY:
    case OPTIONS_LATENCY_HISTORY:
        return latency_run(options);
    case OPTIONS_LATENCY_DIST:
        return latency_dist_run(options);
    case OPTIONS_INTRINSIC_LATENCY:
        return intrinsic_run(options);
    case OPTIONS_LRU_TEST:
        return lru_test_run(options);
    case OPTIONS_RDB:
    case OPTIONS_FUNCTIONS_RDB:
        return rdb_run(options);
    case OPTIONS_BACKUP:
        return backup_run(options);
    case OPTIONS_IMPORT:
        return import_run(options);
    case OPTIONS_CHECK_LOG:
        return check_log_run(options);
    case OPTIONS_REPLICA:
        return replica_run(options);
    case OPTIONS_CLUSTER:
        return cluster_run(options);
    case OPTIONS_BENCH:
        return bench_run(options);
    }
    return 1;
}

static bool ask_password(struct options *options)
{
    struct buf password = {0};
    bool is_ok = !options->asks_password || askpass_read(&password);

    if (options->asks_password && is_ok) {
        options_set_password(options, buf_bytes(&password));
    }
    buf_deinit(&password);
    return is_ok;
}

int main(int argc, char **argv)
{
    const char *password = getenv("STARLING_AUTH");
    struct options_surroundings surroundings = {
        .password = password != NULL ? password : getenv("REDISCLI_AUTH"),
        .is_terminal = isatty(STDOUT_FILENO) != 0,
    };
    struct flag_words words = {.words = argv + 1, .count = argc > 0 ? (size_t)argc - 1 : 0};
    struct options options;
    struct errmsg error = {0};
    int exit_code = 1;

    if (!options_parse(&options, words, &surroundings, &error)) {
        fprintf(stderr, "%s\nTry starling-cli --help.\n", error.text);
    } else {
        if (options.is_password_visible && !options.has_no_auth_warning) {
            fputs("Warning: a password on the command line ('-a' or '-u') may be seen by others; "
                  "STARLING_AUTH is safer.\n",
                  stderr);
        }
        exit_code = ask_password(&options) ? run(&options) : 1;
    }
    options_deinit(&options);
    return exit_code;
}
