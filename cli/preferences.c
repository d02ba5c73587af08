/* SPDX-License-Identifier: MIT */
/* A file is read to its end or its bound; lines are split as at the keyboard. */
#include "cli/preferences.h"

#include "base/split.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    FILE_MAX_BYTES = 64 * 1024,
};

bool preferences_set(struct preferences *preferences, const struct bytes *words, size_t word_count,
                     struct errmsg *error)
{
    if (word_count < 2) {
        errmsg_set(error, "Use: :set hints, or :set nohints");
        return false;
    }
    if (bytes_equal_nocase(words[1], "hints")) {
        preferences->has_hints = true;
    } else if (bytes_equal_nocase(words[1], "nohints")) {
        preferences->has_hints = false;
    } else {
        errmsg_set(error, "unknown starling-cli preference '%.*s'",
                   words[1].len < 60 ? (int)words[1].len : 60, words[1].data);
        return false;
    }
    return true;
}

static void take_line(struct preferences *preferences, struct bytes line, struct split *split,
                      struct errmsg *error)
{
    if (line.len == 0 || line.data[0] == '#') {
        return;
    }
    if (!split_line(split, line) || split->words.count == 0 ||
        !bytes_equal_nocase(split->words.items[0], ":set")) {
        errmsg_set(error, "a line says :set and a preference");
        return;
    }
    if (!preferences_set(preferences, split->words.items, split->words.count, error)) {
        return; /* the message says why */
    }
}

void preferences_take_text(struct preferences *preferences, struct bytes text, const char *name,
                           struct buf *complaints)
{
    struct split split = {0};
    int number = 0;

    while (text.len > 0) {
        size_t end = bytes_find_byte(text, '\n');
        struct errmsg error = {0};

        number++;
        take_line(preferences, bytes_trim(bytes_prefix(text, end < text.len ? end : text.len)),
                  &split, &error);
        if (error.text[0] != '\0') {
            buf_printf(complaints, "%s:%d: %s\n", name, number, error.text);
        }
        text = bytes_from(text, end < text.len ? end + 1 : text.len);
    }
    split_deinit(&split);
}

void preferences_load(struct preferences *preferences, const char *path, struct buf *complaints)
{
    FILE *file = fopen(path, "re");
    struct buf text = {0};

    if (file == NULL) {
        if (errno != ENOENT) {
            buf_printf(complaints, "%s: cannot be read: %s\n", path, strerror(errno));
        }
        return;
    }
    text.len = fread(buf_reserve(&text, FILE_MAX_BYTES), 1, FILE_MAX_BYTES, file);
    if (ferror(file) != 0) {
        buf_printf(complaints, "%s: cannot be read: %s\n", path, strerror(errno));
    } else {
        preferences_take_text(preferences, buf_bytes(&text), path, complaints);
    }
    fclose(file);
    buf_deinit(&text);
}
