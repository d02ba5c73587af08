/* SPDX-License-Identifier: MIT */
/* starling-server: flags and config file, then the shell. */
#include "base/mem.h"
#include "config/config.h"
#include "net/process.h"
#include "net/settings.h"
#include "net/shell.h"
#include "node/version.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_USAGE = 2,
};

static void print_help(void)
{
    struct buf text = {0};

    config_write_help(&text);
    printf("starling-server %s - a Redis-compatible key-value server\n\n"
           "Usage: starling-server [CONFIG-FILE] [--DIRECTIVE VALUE ...] [-]\n"
           "       starling-server --check-config CONFIG-FILE [--DIRECTIVE VALUE ...]\n"
           "       starling-server --help | --version\n\n"
           "A config file has one directive a line; - reads more of them from standard input.\n"
           "What stands on the command line wins.  --check-config says what is wrong with all of\n"
           "it, and starts nothing.  Directives, and [their defaults]:\n%s"
           "\nExamples:\n"
           "  starling-server --port 7000 --cluster-enabled yes\n"
           "  starling-server /etc/starling.conf --loglevel verbose\n"
           "  echo 'requirepass secret' | starling-server -\n",
           STARLING_VERSION, buf_text(&text));
    buf_deinit(&text);
}

static int fail_config(struct buf *problems)
{
    struct bytes rest = buf_bytes(problems);
    int count = 0;

    for (struct bytes line = bytes_next_word(&rest, '\n'); line.len > 0;
         line = bytes_next_word(&rest, '\n')) {
        fprintf(stderr, "starling-server: %.*s\n", BYTES_ARGS(line));
        count++;
    }
    fprintf(stderr, "starling-server: %d problem%s in the configuration\n", count,
            count == 1 ? "" : "s");
    return EXIT_USAGE;
}

static int check_config(const char *const *words, size_t count)
{
    struct config config;
    struct buf problems = {0};
    struct buf names = {0};
    int code = EXIT_SUCCESS;

    config_init(&config);
    if (!settings_read(&config, words, count, &problems)) {
        code = fail_config(&problems);
    } else {
        config_list_without_effect(&config, &names);
        if (names.len > 0) {
            printf("without effect here: %s\n", buf_text(&names));
        }
        printf("the configuration is all right\n");
    }
    buf_deinit(&names);
    buf_deinit(&problems);
    config_deinit(&config);
    return code;
}

static int fail(const struct errmsg *error, int code)
{
    fprintf(stderr, "starling-server: %s\n", error->text);
    return code;
}

static bool enter_dir(struct config *config, struct errmsg *error)
{
    char path[PATH_MAX];

    if (chdir(config->dir) != 0 || getcwd(path, sizeof(path)) == NULL) {
        errmsg_set(error, "dir '%s': %s", config->dir, strerror(errno));
        return false;
    }
    return config_set(config, "dir", bytes_from_text(path), CONFIG_FROM_START, error);
}

static void log_without_effect(const struct logger *logger, const struct config *config)
{
    struct buf names = {0};

    config_list_without_effect(config, &names);
    if (names.len > 0) {
        log_line(logger, LOG_NOTICE, "without effect here: %s", buf_text(&names));
    }
    buf_deinit(&names);
}

static int serve(struct config *config)
{
    struct errmsg error = {0};
    struct shell *shell;
    struct logger *logger =
        process_open_log(config->logfile, (enum log_level)config->loglevel, &error);
    struct shell_options options = {.config = config, .logger = logger};
    char *pidfile = mem_strdup(MEM_NODE, config->pidfile);
    int64_t port = config->port;
    int code = EXIT_FAILURE;

    if (logger != NULL) {
        log_without_effect(logger, config);
    }
    shell = logger != NULL ? shell_new(&options, &error) : NULL;
    if (shell == NULL || (pidfile[0] != '\0' && !process_write_pidfile(pidfile, &error))) {
        if (logger != NULL && logger->sink != NULL) {
            log_line(logger, LOG_WARNING, "cannot start: %s", error.text);
        }
        code = fail(&error, EXIT_FAILURE);
    } else {
        process_handle_signals(shell);
        log_line(logger, LOG_NOTICE, "Starling %s is ready on port %lld", STARLING_VERSION,
                 (long long)port);
        code = shell_run(shell);
        log_line(logger, LOG_NOTICE, "ended");
        if (pidfile[0] != '\0') {
            process_remove_pidfile(pidfile);
        }
    }
    if (shell != NULL) {
        shell_free(shell);
    }
    mem_free(MEM_NODE, pidfile);
    return code;
}

int main(int argc, char **argv)
{
    struct config config;
    const char *const *words = (const char *const *)argv + 1;
    struct errmsg error = {0};
    struct buf problems = {0};
    int code;

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)) {
        printf("Starling server v=%s (speaks Redis 7.0)\n", STARLING_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc > 2 && strcmp(argv[1], "--check-config") == 0) {
        return check_config(words + 1, (size_t)argc - 2);
    }
    /* A name server's lost answer costs a second, not five; before any thread begins. */
    setenv("RES_OPTIONS", "timeout:1 attempts:2", 0);
    config_init(&config);
    if (!settings_read(&config, words, (size_t)argc - 1, &problems)) {
        code = fail_config(&problems);
        buf_deinit(&problems);
        config_deinit(&config);
        return code;
    }
    if (!enter_dir(&config, &error)) {
        config_deinit(&config);
        return fail(&error, EXIT_USAGE);
    }
    if (config.daemonize && !process_daemonize(&error)) {
        config_deinit(&config);
        return fail(&error, EXIT_FAILURE);
    }
    code = serve(&config);
    config_deinit(&config);
    return code;
}
