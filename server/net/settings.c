/* SPDX-License-Identifier: MIT */
/* Sources in their order; whatever is wrong with one, the others are read as well. */
#include "net/settings.h"

#include "base/mem.h"
#include "config/config_reader.h"
#include "persist/posix_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STDIN_STEP = 4096,
};

static bool read_path(void *context, const char *path, struct buf *out, struct errmsg *error)
{
    (void)context;
    return posix_read_file(path, CONFIG_FILE_MAX, out, error) == FS_OK;
}

static bool list_folder(void *context, const char *folder, config_name_fn *on_name,
                        void *name_context, struct errmsg *error)
{
    (void)context;
    return posix_list(folder, on_name, name_context, error) == FS_OK;
}

static const struct config_files real_files = {.read = read_path, .list = list_folder};

static void take_problems(struct config_reader *reader, struct buf *problems)
{
    buf_append_bytes(problems, buf_bytes(&reader->problems));
    config_reader_deinit(reader);
}

static void read_file(struct config *config, const char *name, struct buf *problems)
{
    struct config_reader reader = {.config = config, .files = &real_files};
    struct buf text = {0};
    struct errmsg error;
    char path[PATH_MAX];

    if (!read_path(NULL, name, &text, &error)) {
        buf_printf(problems, "config file: %s\n", error.text);
    } else {
        config->file = mem_strdup(MEM_NODE, realpath(name, path) != NULL ? path : name);
        config_read_text(&reader, buf_bytes(&text), name);
        take_problems(&reader, problems);
    }
    buf_deinit(&text);
}

static void read_stdin(struct config *config, struct buf *problems)
{
    struct config_reader reader = {.config = config, .files = &real_files};
    struct buf text = {0};
    size_t got;

    do {
        got = fread(buf_reserve(&text, STDIN_STEP), 1, STDIN_STEP, stdin);
        text.len += got;
    } while (got > 0 && text.len < CONFIG_FILE_MAX);
    config_read_text(&reader, buf_bytes(&text), "standard input");
    take_problems(&reader, problems);
    buf_deinit(&text);
}

bool settings_read(struct config *config, const char *const *words, size_t count,
                   struct buf *problems)
{
    struct config_reader flags = {.config = config, .files = &real_files};
    size_t before = problems->len;

    if (count > 0 && words[0][0] != '-') {
        read_file(config, words[0], problems);
        words++;
        count--;
    }
    if (count > 0 && strcmp(words[0], "-") == 0) {
        read_stdin(config, problems);
        words++;
        count--;
    } else if (count > 0 && strcmp(words[count - 1], "-") == 0) {
        read_stdin(config, problems);
        count--;
    }
    config_read_flags(&flags, words, count);
    take_problems(&flags, problems);
    return config_validate(config, problems) && problems->len == before;
}
