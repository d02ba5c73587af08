/* SPDX-License-Identifier: MIT */
#include "net/log_file.h"

#include "base/mem.h"
#include "io/clock.h"
#include "net/absolute_path.h"
#include "net/system_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    LOG_FILE_MODE = 0644, /* less what the umask takes away */
    CHECK_MS = 1000,
    LINE_BYTES = 5000,
};

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LOG_FILE_MODE);
}

bool log_file_open(struct log_file *file, const char *path, struct errmsg *error)
{
    *file = (struct log_file){.fd = STDOUT_FILENO};
    if (path == NULL || path[0] == '\0') {
        return true;
    }
    file->fd = open_path(path);
    if (file->fd < 0) {
        errmsg_set(error, "cannot open the log file %s: %s", path, strerror(errno));
        file->fd = STDOUT_FILENO;
        return false;
    }
    file->path = absolute_path_make(path);
    return true;
}

void log_file_add_system_log(struct log_file *file, const char *ident, const char *facility)
{
    system_log_open(ident, facility);
    file->has_system_log = true;
}

static void write_line(struct log_file *file, enum log_level level, const char *line)
{
    static const char marks[] = {
        [LOG_DEBUG] = '.', [LOG_VERBOSE] = '-', [LOG_NOTICE] = '*', [LOG_WARNING] = '#'};
    int64_t now_ms = clock_unix_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm broken_down;
    char stamp[64] = "";
    char text[LINE_BYTES];
    int len;

    if (localtime_r(&seconds, &broken_down) == NULL ||
        strftime(stamp, sizeof(stamp), "%d %b %Y %H:%M:%S", &broken_down) == 0) {
        stamp[0] = '\0';
    }
    len = snprintf(text, sizeof(text), "%d %s.%03d %c %s\n", (int)getpid(), stamp,
                   (int)(now_ms % 1000), marks[level], line);
    if (len >= (int)sizeof(text)) {
        len = (int)sizeof(text) - 1;
    }
    for (int at = 0; at < len;) {
        ssize_t written = write(file->fd, text + at, (size_t)(len - at));

        if (written < 0 && errno != EINTR) {
            break; /* there is no better place to say so */
        }
        at += written > 0 ? (int)written : 0;
    }
    if (file->has_system_log) {
        system_log_write((int)level, line);
    }
}

void log_file_write(void *context, enum log_level level, const char *line)
{
    struct log_file *file = context;

    if (level == LOG_WARNING) {
        snprintf(file->last_warning, sizeof(file->last_warning), "%s", line);
    }
    if (log_repeat_admit(&file->repeat, clock_mono_now(), level, line)) {
        write_line(file, level, line);
    }
}

static void tell_repeated(struct log_file *file, bool is_end)
{
    struct log_repeated told;

    while (log_repeat_next(&file->repeat, clock_mono_now(), is_end, &told)) {
        char line[LOG_REPEAT_TEXT + 64];

        snprintf(line, sizeof(line), "repeated %llu times more: %s", (unsigned long long)told.count,
                 told.text);
        write_line(file, told.level, line);
    }
}

void log_file_close(struct log_file *file)
{
    tell_repeated(file, true);
    if (file->path != NULL) {
        close(file->fd);
        mem_free(MEM_NET, file->path);
    }
    if (file->has_system_log) {
        system_log_close();
    }
    *file = (struct log_file){.fd = STDOUT_FILENO};
}

void log_file_reopen(struct log_file *file)
{
    int fd = file->path != NULL ? open_path(file->path) : -1;

    /* As long as it cannot be opened, the old one takes the lines. */
    if (fd >= 0) {
        close(file->fd);
        file->fd = fd;
    }
}

static bool has_its_name(const struct log_file *file)
{
    struct stat mine;
    struct stat named;

    return fstat(file->fd, &mine) != 0 ||
           (stat(file->path, &named) == 0 && mine.st_dev == named.st_dev &&
            mine.st_ino == named.st_ino);
}

void log_file_tick(struct log_file *file)
{
    struct mono_time now = clock_mono_now();

    if (mono_ms_between(file->checked_at, now) < CHECK_MS) {
        return;
    }
    file->checked_at = now;
    if (file->path != NULL && !has_its_name(file)) {
        log_file_reopen(file);
    }
    tell_repeated(file, false);
}
