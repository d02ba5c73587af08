/* SPDX-License-Identifier: MIT */
/* The file is written anew beside the old one and renamed, so that two programs at once lose
 * lines but never tear them. */
#include "cli/history.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_STEP = 16 * 1024,
    FILE_MAX = 16 * 1024 * 1024,
};

void history_deinit(struct history *history)
{
    for (size_t i = 0; i < history->lines.count; i++) {
        mem_free(MEM_CLI, history->lines.items[i]);
    }
    VEC_DEINIT(&history->lines);
}

void history_add(struct history *history, struct bytes line)
{
    const char *newest = history_at(history, 0);
    char *copy;

    if (line.len == 0 || (newest != NULL && bytes_equal_text(line, newest))) {
        return;
    }
    if (history->lines.count == HISTORY_MAX) {
        mem_free(MEM_CLI, history->lines.items[0]);
        history->lines.count--;
        memmove(history->lines.items, history->lines.items + 1,
                history->lines.count * sizeof(*history->lines.items));
    }
    copy = mem_alloc(MEM_CLI, line.len + 1);
    bytes_to_text(line, copy, line.len + 1);
    VEC_PUSH(&history->lines, copy);
}

const char *history_at(const struct history *history, size_t back)
{
    size_t count = history->lines.count;

    return back < count ? history->lines.items[count - 1 - back] : NULL;
}

size_t history_find(const struct history *history, struct bytes text, size_t back)
{
    for (; back < history->lines.count; back++) {
        const char *line = history_at(history, back);

        if (memmem(line, strlen(line), text.data, text.len) != NULL) {
            return back;
        }
    }
    return SIZE_MAX;
}

static bool fail(struct errmsg *error, const char *path)
{
    errmsg_set(error, "%s: %s", path, strerror(errno));
    return false;
}

bool history_load(struct history *history, const char *path, struct errmsg *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct buf text = {0};
    struct bytes rest;
    ssize_t got;

    if (fd < 0) {
        return errno == ENOENT || fail(error, path);
    }
    do {
        got = read(fd, buf_reserve(&text, READ_STEP), READ_STEP);
        text.len += got > 0 ? (size_t)got : 0;
    } while (got > 0 && text.len < FILE_MAX);
    close(fd);
    rest = buf_bytes(&text);
    while (rest.len > 0) {
        history_add(history, bytes_next_word(&rest, '\n'));
    }
    buf_deinit(&text);
    return got >= 0 || fail(error, path);
}

static bool write_all(int fd, struct bytes text)
{
    while (text.len > 0) {
        ssize_t written = write(fd, text.data, text.len);

        if (written < 0 && errno != EINTR) {
            return false;
        }
        text = bytes_from(text, written > 0 ? (size_t)written : 0);
    }
    return true;
}

/* The file of another user (sudo) stays that user's. */
static bool keep_owner(int fd, const char *path)
{
    struct stat old;

    return stat(path, &old) != 0 || old.st_uid == geteuid() ||
           fchown(fd, old.st_uid, old.st_gid) == 0;
}

bool history_save(const struct history *history, const char *path, struct errmsg *error)
{
    struct buf other = {0};
    struct buf text = {0};
    bool is_ok;
    int fd;

    buf_printf(&other, "%s.%ld", path, (long)getpid());
    for (size_t i = 0; i < history->lines.count; i++) {
        buf_append_text(&text, history->lines.items[i]);
        buf_append_byte(&text, '\n');
    }
    unlink(buf_text(&other)); /* whatever it is, with whatever mode */
    fd = open(buf_text(&other), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    is_ok = fd >= 0 && write_all(fd, buf_bytes(&text)) && keep_owner(fd, path);
    is_ok = (fd < 0 || close(fd) == 0) && is_ok;
    is_ok = is_ok && rename(other.data, path) == 0;
    if (!is_ok) {
        (void)fail(error, path);
        if (fd >= 0) {
            unlink(other.data);
        }
    }
    buf_deinit(&other);
    buf_deinit(&text);
    return is_ok;
}

static bool has_word(const struct bytes *words, size_t count, size_t from, const char *text)
{
    for (size_t i = from; i < count; i++) {
        if (bytes_equal_nocase(words[i], text)) {
            return true;
        }
    }
    return false;
}

bool history_is_secret(const struct bytes *words, size_t word_count)
{
    static const char *const secret_options[] = {"requirepass",    "masterauth",
                                                 "masteruser",     "primaryauth",
                                                 "cluster-secret", "cluster-secret-previous"};

    if (word_count == 0) {
        return false;
    }
    if (bytes_equal_nocase(words[0], "auth")) {
        return true;
    }
    if (bytes_equal_nocase(words[0], "hello") || bytes_equal_nocase(words[0], "migrate")) {
        return has_word(words, word_count, 1, "auth") || has_word(words, word_count, 1, "auth2");
    }
    if (bytes_equal_nocase(words[0], "acl")) {
        return has_word(words, word_count, 1, "setuser");
    }
    if (bytes_equal_nocase(words[0], "config") && has_word(words, word_count, 1, "set")) {
        for (size_t i = 0; i < ARRAY_COUNT(secret_options); i++) {
            if (has_word(words, word_count, 2, secret_options[i])) {
                return true;
            }
        }
    }
    return false;
}
