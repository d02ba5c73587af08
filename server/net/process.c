/* SPDX-License-Identifier: MIT */
/* Process-wide state lives here and in main.c only: signals know no context pointer. */
#include "net/process.h"

#include "base/assert.h"
#include "base/mem.h"
#include "net/absolute_path.h"
#include "net/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CRASH_STACK_BYTES = 128 * 1024,
    CRASH_SECONDS = 5, /* a report that takes longer hangs */
    PIDFILE_MODE = 0644,
};

static struct shell *signalled_shell;
static struct logger process_logger;
static struct log_file log_file;
static char *pidfile; /* absolute; NULL: none was written */
static volatile sig_atomic_t is_reopen_asked;
static struct crash_context crash_context;
static volatile sig_atomic_t crash_number; /* the signal that is being reported */
static char crash_stack[CRASH_STACK_BYTES];

bool process_prepare(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* The lowest number that is free is taken: this one. */
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) {
            return false;
        }
    }
    return signal(SIGPIPE, SIG_IGN) != SIG_ERR && signal(SIGXFSZ, SIG_IGN) != SIG_ERR;
}

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
    if (is_ok) {
        pidfile = absolute_path_make(path);
    }
    return is_ok;
}

void process_remove_pidfile(void)
{
    if (pidfile != NULL) {
        unlink(pidfile);
        mem_free(MEM_NET, pidfile);
        pidfile = NULL;
    }
}

static void on_signal(int number)
{
    shell_ask_to_end(signalled_shell, number);
}

/* ---- crashes ---------------------------------------------------------------------------------- */

/* The daemon's standard error leads nowhere. */
void assert_say(const char *text)
{
    fprintf(stderr, "%s\n", text);
    fflush(stderr);
    if (process_logger.sink != NULL && log_file.path != NULL) {
        log_line(&process_logger, LOG_WARNING, "%s", text);
    }
}

static void end_by(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

/* The report waits for a lock that the crash has left behind. */
static void on_stuck_report(int number)
{
    (void)number;
    end_by(crash_number);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    const int *numbers;

    (void)context;
    /* A second one ends the process at once. */
    for (size_t i = crash_signals(&numbers); i-- > 0;) {
        signal(numbers[i], SIG_DFL);
    }
    crash_number = number;
    signal(SIGALRM, on_stuck_report);
    alarm(CRASH_SECONDS);
    crash_report(&crash_context, number, info);
    end_by(number);
}

/* On a stack of its own, since the usual one may have run out. */
static void report_crashes(const struct shell *shell)
{
    struct sigaction action = {.sa_sigaction = on_crash,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    stack_t stack = {.ss_sp = crash_stack, .ss_size = sizeof(crash_stack)};
    const int *numbers;

    crash_context = (struct crash_context){
        .logger = &process_logger, .shell = shell, .loop_thread = pthread_self()};
    crash_prepare();
    sigaltstack(&stack, NULL);
    sigemptyset(&action.sa_mask);
    for (size_t i = crash_signals(&numbers); i-- > 0;) {
        sigaction(numbers[i], &action, NULL);
    }
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
    report_crashes(shell);
}
