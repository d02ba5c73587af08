/* SPDX-License-Identifier: MIT */
/* Process-wide state lives here and in main.c only: signals know no context pointer. */
#include "net/process.h"

#include "io/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct shell *signalled_shell;
static struct logger process_logger;
static FILE *log_file;

static void write_line(void *context, enum log_level level, const char *line)
{
    static const char marks[] = {
        [LOG_DEBUG] = '.', [LOG_VERBOSE] = '-', [LOG_NOTICE] = '*', [LOG_WARNING] = '#'};
    int64_t now_ms = clock_unix_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm broken_down;
    char stamp[64];

    (void)context;
    if (localtime_r(&seconds, &broken_down) == NULL ||
        strftime(stamp, sizeof(stamp), "%d %b %Y %H:%M:%S", &broken_down) == 0) {
        stamp[0] = '\0';
    }
    fprintf(log_file, "%d %s.%03d %c %s\n", (int)getpid(), stamp, (int)(now_ms % 1000),
            marks[level], line);
    fflush(log_file);
}

struct logger *process_open_log(const char *file, enum log_level level, struct errmsg *error)
{
    log_file = stdout;
    if (file != NULL && file[0] != '\0') {
        log_file = fopen(file, "ae");
        if (log_file == NULL) {
            errmsg_set(error, "cannot open the log file %s: %s", file, strerror(errno));
            return NULL;
        }
    }
    process_logger = (struct logger){.threshold = level, .sink = write_line};
    return &process_logger;
}

bool process_daemonize(struct errmsg *error)
{
    int null;
    pid_t child = fork();

    if (child < 0) {
        errmsg_set(error, "cannot go to the background: %s", strerror(errno));
        return false;
    }
    if (child > 0) {
        _exit(0);
    }
    setsid();
    null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (null > STDERR_FILENO) {
            close(null);
        }
    }
    return true;
}

bool process_write_pidfile(const char *path, struct errmsg *error)
{
    FILE *file = fopen(path, "we");

    if (file == NULL || fprintf(file, "%d\n", (int)getpid()) < 0 || fclose(file) != 0) {
        errmsg_set(error, "cannot write the pid file %s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

void process_remove_pidfile(const char *path)
{
    unlink(path);
}

static void on_signal(int number)
{
    (void)number;
    shell_ask_to_end(signalled_shell);
}

void process_handle_signals(struct shell *shell)
{
    struct sigaction action = {.sa_handler = on_signal};

    signalled_shell = shell;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}
