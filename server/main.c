/* SPDX-License-Identifier: MIT */
/* starling-server: flags and config file, then the shell. */
#include "base/mem.h"
#include "config/config.h"
#include "control/control.h"
#include "net/descriptors.h"
#include "net/process.h"
#include "net/settings.h"
#include "net/shell.h"
#include "net/supervisor.h"
#include "node/version.h"
#include "segment/log_place.h"

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
           "       starling-server ... --until PLACE\n"
           "       starling-server --check-config CONFIG-FILE [--DIRECTIVE VALUE ...]\n"
           "       starling-server --help | --version\n\n"
           "A config file has one directive a line; - reads more of them from standard input.\n"
           "What stands on the command line wins.  --check-config says what is wrong with all of\n"
           "it, and starts nothing.\n\n"
           "--until starts with the data as they were at a place in the log, an offset or a time, "
           "and\n"
           "keeps all that came later in a folder of its own; starling-cli --check-log DIR --show\n"
           "lists what was written when.\n\n"
           "Directives, and [their defaults]:\n%s"
           "\nExamples:\n"
           "  starling-server --port 7000 --cluster-enabled yes\n"
           "  starling-server /etc/starling.conf --loglevel verbose\n"
           "  echo 'requirepass secret' | starling-server -\n"
           "  starling-server /etc/starling.conf --until 2026-11-27T13:26:40Z\n",
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

/* What the process is doing, for those who are told (struct shell_options). */
struct run {
    struct config *config; /* emptied by the shell: only before it is made */
    const struct log_place *until;
    struct logger *logger;
    struct supervisor supervisor;
    char serving[128]; /* where clients are served, in words */
    bool is_ready;
};

static void on_second(void *context)
{
    (void)context;
    process_log_tick();
}

static void on_ready(void *context)
{
    struct run *run = context;

    run->is_ready = true;
    log_line(run->logger, LOG_NOTICE, "Ready to accept connections %s", run->serving);
    supervisor_ready(&run->supervisor, "Ready to accept connections");
}

static void on_ending(void *context)
{
    supervisor_stopping(&((struct run *)context)->supervisor);
}

static void log_start(struct run *run)
{
    const struct config *config = run->config;
    struct buf names = {0};

    log_line(run->logger, LOG_NOTICE,
             "Starling %s starts: process %ld, %s%s, %s mode, folder %s, maxclients %lld, %llu "
             "descriptors",
             STARLING_VERSION, (long)getpid(),
             config->file != NULL ? "config file " : "no config file",
             config->file != NULL ? config->file : "",
             config->cluster_enabled ? "cluster" : "standalone", config->dir,
             (long long)config->maxclients, (unsigned long long)descriptors_limit());
    config_list_without_effect(config, &names);
    if (names.len > 0) {
        log_line(run->logger, LOG_NOTICE, "without effect here: %s", buf_text(&names));
    }
    buf_deinit(&names);
}

static void describe_place(struct run *run)
{
    const struct config *config = run->config;

    if (config->port == 0 || config->bind[0] == '\0') {
        snprintf(run->serving, sizeof(run->serving), "at %s", config->unixsocket);
    } else {
        snprintf(run->serving, sizeof(run->serving), "on port %lld%s%s", (long long)config->port,
                 config->unixsocket[0] != '\0' ? " and at " : "", config->unixsocket);
    }
}

static void write_pidfile(const struct run *run, const char *path)
{
    struct errmsg error;

    if (path[0] != '\0' && !process_write_pidfile(path, &error)) {
        log_line(run->logger, LOG_WARNING, "%s", error.text);
    }
}

/* The end before clients were served: whoever started us hears why. */
static void explain_failure(const struct run *run, const struct errmsg *error)
{
    const struct log_file *file = process_log_file();

    if (error->text[0] != '\0' && file->path != NULL) {
        log_line(run->logger, LOG_WARNING, "cannot start: %s", error->text);
    }
    if (error->text[0] != '\0') {
        fprintf(stderr, "starling-server: %s\n", error->text);
    } else if (file->path != NULL || run->supervisor.parent_fd >= 0) {
        fprintf(stderr, "starling-server: %s\n", file->last_warning);
    }
}

static int run_shell(struct run *run, struct errmsg *error)
{
    struct shell_options options = {.config = run->config,
                                    .controls = &control_table,
                                    .logger = run->logger,
                                    .until = run->until,
                                    .on_second = on_second,
                                    .on_ready = on_ready,
                                    .on_ending = on_ending,
                                    .context = run};
    char *pidfile = mem_strdup(MEM_NODE, run->config->pidfile); /* the shell empties config */
    struct shell *shell;
    int code = EXIT_FAILURE;

    describe_place(run);
    shell = shell_new(&options, error);
    if (shell != NULL) {
        *error = (struct errmsg){0}; /* of a file that need not be there */
        write_pidfile(run, pidfile);
        process_handle_signals(shell);
        code = shell_run(shell);
        supervisor_stopping(&run->supervisor);
        log_line(run->logger, LOG_NOTICE, "ended");
        process_remove_pidfile();
        shell_free(shell);
    }
    mem_free(MEM_NODE, pidfile);
    return code;
}

static int serve(struct config *config, const struct log_place *until, struct supervisor supervisor)
{
    struct run run = {.config = config, .until = until, .supervisor = supervisor};
    struct errmsg error = {0};
    int code = EXIT_FAILURE;

    run.logger = process_open_log(config->logfile, (enum log_level)config->loglevel, &error);
    if (run.logger == NULL) {
        return fail(&error, EXIT_FAILURE);
    }
    if (config->syslog_enabled) {
        struct buf facility = {0};

        config_get(config, "syslog-facility", &facility);
        log_file_add_system_log(process_log_file(), config->syslog_ident, buf_text(&facility));
        buf_deinit(&facility);
    }
    if (descriptors_fit(config, run.logger, &error)) {
        log_start(&run);
        supervisor_status(&run.supervisor, "Loading");
        code = run_shell(&run, &error);
    }
    if (!run.is_ready && code != EXIT_SUCCESS) {
        explain_failure(&run, &error);
    }
    log_file_close(process_log_file());
    return code;
}

/* What the command line says. */
struct words {
    const char **
        items; /* but for --until, which is of this start alone: no directive, which a config file would keep */
    size_t count;
    bool has_until;
    struct log_place until;
};

static bool read_words(int argc, char *const *argv, struct words *words, struct errmsg *error)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--until") != 0) {
            words->items[words->count++] = argv[i];
            continue;
        }
        if (++i == argc || words->has_until) {
            errmsg_set(error, "--until is given once, with an offset or a time behind it");
            return false;
        }
        if (!log_place_parse(bytes_from_text(argv[i]), &words->until, error)) {
            errmsg_wrap(error, "--until");
            return false;
        }
        words->has_until = true;
    }
    return true;
}

static int start(const struct words *words)
{
    struct config config;
    struct errmsg error = {0};
    struct buf problems = {0};
    struct supervisor supervisor;
    int code;

    config_init(&config);
    if (!settings_read(&config, words->items, words->count, &problems)) {
        code = fail_config(&problems);
        buf_deinit(&problems);
        config_deinit(&config);
        return code;
    }
    if (!enter_dir(&config, &error)) {
        config_deinit(&config);
        return fail(&error, EXIT_USAGE);
    }
    supervisor = supervisor_find((enum supervised)config.supervised);
    /* Who supervises a process does not want it to leave. */
    if (config.daemonize && supervisor.kind == SUPERVISED_NO &&
        !supervisor_daemonize(&supervisor, &error)) {
        config_deinit(&config);
        return fail(&error, EXIT_FAILURE);
    }
    code = serve(&config, words->has_until ? &words->until : NULL, supervisor);
    config_deinit(&config);
    return code;
}

int main(int argc, char **argv)
{
    struct words words = {0};
    struct errmsg error = {0};
    int code;

    if (!process_prepare()) {
        return EXIT_FAILURE; /* and nowhere to say why */
    }
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)) {
        printf("Starling server v=%s (speaks Redis 7.0)\n", STARLING_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc > 2 && strcmp(argv[1], "--check-config") == 0) {
        return check_config((const char *const *)argv + 2, (size_t)argc - 2);
    }
    /* A name server's lost answer costs a second, not five; before any thread begins. */
    setenv("RES_OPTIONS", "timeout:1 attempts:2", 0);
    words.items = mem_alloc(MEM_NODE, ((size_t)argc + 1) * sizeof(*words.items));
    code = read_words(argc, argv, &words, &error) ? start(&words) : fail(&error, EXIT_USAGE);
    mem_free(MEM_NODE, words.items);
    return code;
}
