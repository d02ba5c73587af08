/* SPDX-License-Identifier: MIT */
/* Process-wide state lives here and in main.c only: signals know no context pointer. */
#include "net/process.h"

#include "base/assert.h"
#include "io/clock.h"
#include "net/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    CRASH_STACK_BYTES = 128 * 1024,
    CRASH_SECONDS = 5, /* a report that takes longer hangs */
};

static struct shell *signalled_shell;
static struct logger process_logger;
static FILE *log_file;
static struct crash_context crash_context;
static volatile sig_atomic_t crash_number; /* the signal that is being reported */
static char crash_stack[CRASH_STACK_BYTES];

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
    shell_ask_to_end(signalled_shell, number);
}

/* ---- crashes ---------------------------------------------------------------------------------- */

/* The daemon's standard error leads nowhere. */
void assert_say(const char *text)
{
    fprintf(stderr, "%s\n", text);
    fflush(stderr);
    if (process_logger.sink != NULL && log_file != stdout) {
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
    report_crashes(shell);
}
