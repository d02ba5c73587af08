/* SPDX-License-Identifier: MIT */
#include "net/crash.h"

#include "base/attr.h"
#include "base/buf.h"
#include "net/state.h"
#include "net/symbols.h"
#include "node/version.h"

#include <execinfo.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    FRAMES_MAX = 64,
    SYMBOL_BYTES = 512,
};

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

size_t crash_signals(const int **out)
{
    *out = signals;
    return ARRAY_COUNT(signals);
}

void crash_leave_unblocked(sigset_t *blocked)
{
    for (size_t i = 0; i < ARRAY_COUNT(signals); i++) {
        sigdelset(blocked, signals[i]);
    }
}

void crash_prepare(void)
{
    void *frame;

    (void)backtrace(&frame, 1); /* loads the library that unwinds */
}

/* Each line of text as one of the log. */
static void say_lines(const struct logger *logger, const char *text, size_t len)
{
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t line = end != NULL ? (size_t)(end - text) : len;
        size_t shown = line > 0 && text[line - 1] == '\r' ? line - 1 : line;

        if (shown > 0) {
            log_line(logger, LOG_WARNING, "%.*s", (int)shown, text);
        }
        line += end != NULL ? 1 : 0;
        text += line;
        len -= line;
    }
}

static void say_signal(const struct logger *logger, int number, const siginfo_t *info)
{
    log_line(logger, LOG_WARNING, "Starling %s (speaks Redis %s) crashed by signal %d (%s)",
             STARLING_VERSION, STARLING_REDIS_VERSION, number, strsignal(number));
    if (info->si_code <= 0) { /* SI_USER and its like */
        log_line(logger, LOG_WARNING, "sent by process %d", (int)info->si_pid);
    } else {
        log_line(logger, LOG_WARNING, "code %d, at address %p", info->si_code, info->si_addr);
    }
}

/* The name of a place in a library, by way of a file in memory, since that allocates nothing. */
static void say_foreign_frame(const struct logger *logger, int number, void *frame)
{
    char text[SYMBOL_BYTES];
    int file = memfd_create("backtrace", MFD_CLOEXEC);
    ssize_t got = 0;

    if (file >= 0) {
        backtrace_symbols_fd(&frame, 1, file);
        got = pread(file, text, sizeof(text), 0);
        close(file);
    }
    if (got > 1) {
        log_line(logger, LOG_WARNING, "#%d %.*s", number, (int)got - 1, text);
    } else {
        log_line(logger, LOG_WARNING, "#%d %p", number, frame);
    }
}

static void say_backtrace(const struct logger *logger)
{
    struct symbols symbols = symbols_open();
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);

    log_line(logger, LOG_WARNING, "---- backtrace");
    for (int i = 0; i < count; i++) {
        size_t offset;
        const char *name = symbols_find(&symbols, (uintptr_t)frames[i], &offset);

        if (name != NULL) {
            log_line(logger, LOG_WARNING, "#%d %p %s+0x%zx (0x%zx in the program)", i, frames[i],
                     name, offset, (size_t)((uintptr_t)frames[i] - symbols.base));
        } else {
            say_foreign_frame(logger, i, frames[i]);
        }
    }
    symbols_close(&symbols);
}

void crash_report(const struct crash_context *context, int number, const siginfo_t *info)
{
    const struct logger *logger = context->logger;
    struct buf text = {0};

    log_line(logger, LOG_WARNING, "==== crash report: everything up to its end belongs together");
    say_signal(logger, number, info);
    say_backtrace(logger);
    if (!pthread_equal(pthread_self(), context->loop_thread)) {
        log_line(logger, LOG_WARNING, "---- not in the thread that executes requests");
    } else if (context->shell->node != NULL) {
        log_line(logger, LOG_WARNING, "---- request");
        node_describe_request(context->shell->node, &text);
        say_lines(logger, text.data, text.len);
        buf_clear(&text);
        log_line(logger, LOG_WARNING, "---- info");
        node_describe(context->shell->node, &text);
        say_lines(logger, text.data, text.len);
        buf_deinit(&text);
    }
    log_line(logger, LOG_WARNING, "==== end of the crash report");
}
