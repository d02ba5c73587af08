/* SPDX-License-Identifier: MIT */
/* starling-server: flags and config file, then the shell. */
#include "base/mem.h"
#include "config/config.h"
#include "net/process.h"
#include "net/shell.h"
#include "node/version.h"
#include "persist/posix_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CONFIG_FILE_MAX = 1024 * 1024,
    EXIT_USAGE = 2,
};

static void print_help(void)
{
    printf("starling-server %s - a Redis-compatible key-value server\n\n"
           "Usage: starling-server [CONFIG-FILE | -] [--DIRECTIVE VALUE ...]\n"
           "       starling-server --help | --version\n\n"
           "A config file has one directive a line; - reads it from standard input.  What stands\n"
           "on the command line comes after the file and wins.  Directives:\n\n",
           STARLING_VERSION);
    for (size_t i = 0; config_option_at(i) != NULL; i++) {
        printf("  --%-33s %s\n", config_option_at(i)->name, config_option_at(i)->help);
    }
    printf("\nExamples:\n"
           "  starling-server --port 7000 --cluster-enabled yes\n"
           "  starling-server /etc/starling.conf --loglevel verbose\n");
}

static bool read_config_file(struct config *config, const char *name, struct errmsg *error)
{
    struct buf text = {0};
    bool is_ok = true;

    if (strcmp(name, "-") == 0) {
        size_t got;

        do {
            got = fread(buf_reserve(&text, 4096), 1, 4096, stdin);
            text.len += got;
        } while (got > 0 && text.len < CONFIG_FILE_MAX);
    } else if (posix_read_file(name, CONFIG_FILE_MAX, &text, error) != FS_OK) {
        errmsg_wrap(error, "config file");
        is_ok = false;
    } else {
        char path[PATH_MAX];

        config->file = mem_strdup(MEM_NODE, realpath(name, path) != NULL ? path : name);
    }
    is_ok = is_ok && config_parse(config, buf_bytes(&text), name, error);
    buf_deinit(&text);
    return is_ok;
}

/* --directive value [value ...]: everything up to the next --directive belongs to it. */
static bool read_flags(struct config *config, int argc, char **argv, struct errmsg *error)
{
    for (int i = 1; i < argc;) {
        const char *name = argv[i] + 2;
        struct buf value = {0};
        bool is_set;

        if (strncmp(argv[i], "--", 2) != 0) {
            errmsg_set(error, "'%s' is no directive: those begin with --", argv[i]);
            return false;
        }
        for (i++; i < argc && (strncmp(argv[i], "--", 2) != 0 || argv[i][2] == '\0'); i++) {
            if (value.len > 0) {
                buf_append_byte(&value, ' ');
            }
            buf_append_text(&value, argv[i]);
        }
        is_set = config_set(config, name, buf_bytes(&value), CONFIG_FROM_START, error);
        buf_deinit(&value);
        if (!is_set) {
            errmsg_wrap(error, "--%s", name);
            return false;
        }
    }
    return true;
}

static bool read_all_config(struct config *config, int argc, char **argv, struct errmsg *error)
{
    bool has_file = argc > 1 && strncmp(argv[1], "--", 2) != 0;

    if (has_file && !read_config_file(config, argv[1], error)) {
        return false;
    }
    return read_flags(config, has_file ? argc - 1 : argc, has_file ? argv + 1 : argv, error) &&
           config_validate(config, error);
}

static int fail(const struct errmsg *error, int code)
{
    fprintf(stderr, "starling-server: %s\n", error->text);
    return code;
}

static bool enter_dir(const struct config *config, struct errmsg *error)
{
    if (chdir(config->dir) != 0) {
        errmsg_set(error, "dir '%s': %s", config->dir, strerror(errno));
        return false;
    }
    return true;
}

static int serve(struct config *config)
{
    struct errmsg error = {0};
    struct shell *shell;
    const struct logger *logger =
        process_open_log(config->logfile, (enum log_level)config->loglevel, &error);
    struct shell_options options = {.config = config, .logger = logger};
    char *pidfile = mem_strdup(MEM_NODE, config->pidfile);
    int64_t port = config->port;
    int code = EXIT_FAILURE;

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
    struct errmsg error = {0};
    int code;

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)) {
        printf("Starling server v=%s (speaks Redis 7.0)\n", STARLING_VERSION);
        return EXIT_SUCCESS;
    }
    /* A name server's lost answer costs a second, not five; before any thread begins. */
    setenv("RES_OPTIONS", "timeout:1 attempts:2", 0);
    config_init(&config);
    if (!read_all_config(&config, argc, argv, &error) || !enter_dir(&config, &error)) {
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
