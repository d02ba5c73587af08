/* SPDX-License-Identifier: MIT */
/* Process-wide state lives here and in main.c only: signals know no context pointer. */
#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PIDFILE_MODE = 0644,
};

static struct shell *signalled_shell;
static struct logger process_logger;
static struct log_file log_file;
static volatile sig_atomic_t is_reopen_asked;

struct logger *process_open_log(const char *path, enum log_level level, struct errmsg *error)
{
    if (!log_file_open(&log_file, path, error)) {
        return NULL;
    }
    process_logger =
        (struct logger){.threshold = level, .sink = log_file_write, .sink_context = &log_file};
    return &process_logger;
}

struct log_file *process_log_file(void)
{
    return &log_file;
}

void process_log_tick(void)
{
    if (is_reopen_asked) {
        is_reopen_asked = 0;
        log_file_reopen(&log_file);
    }
    log_file_tick(&log_file);
}

bool process_write_pidfile(const char *path, struct errmsg *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, PIDFILE_MODE);
    bool is_ok = fd >= 0 && dprintf(fd, "%d\n", (int)getpid()) > 0;

    if (!is_ok) {
        errmsg_set(error, "cannot write the pid file %s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return is_ok;
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

/* Log rotation tells by this signal that it has renamed the file. */
static void on_hangup(int number)
{
    (void)number;
    is_reopen_asked = 1;
    shell_call(signalled_shell);
}

void process_handle_signals(struct shell *shell)
{
    struct sigaction action = {.sa_handler = on_signal};

    signalled_shell = shell;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = on_hangup;
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}
