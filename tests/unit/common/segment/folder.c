/* SPDX-License-Identifier: MIT */
#include "tests/unit/common/segment/folder.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const struct folder_file *find(const struct folder *folder, const char *name)
{
    for (size_t i = 0; i < folder->count; i++) {
        if (strcmp(folder->files[i].name, name) == 0) {
            return &folder->files[i];
        }
    }
    return NULL;
}

static bool list(void *ctx, segment_name_fn *on_name, void *context, struct errmsg *error)
{
    const struct folder *folder = ctx;

    if (folder->is_bad) {
        errmsg_set(error, "the folder is bad");
        return false;
    }
    on_name(context, "manifest");
    for (size_t i = folder->count; i > 0; i--) {
        on_name(context, folder->files[i - 1].name);
    }
    on_name(context, "0000000000000001.log.damaged-1700000000");
    return true;
}

static const struct folder_file *open_file(const struct folder *folder, const char *name,
                                           struct errmsg *error)
{
    const struct folder_file *file = find(folder, name);

    if (file == NULL || (folder->bad_name != NULL && strcmp(folder->bad_name, name) == 0)) {
        errmsg_set(error, "the file is bad");
        return NULL;
    }
    return file;
}

static bool size(void *ctx, const char *name, uint64_t *size_bytes, struct errmsg *error)
{
    const struct folder_file *file = open_file(ctx, name, error);

    if (file != NULL) {
        *size_bytes = file->bytes.len;
    }
    return file != NULL;
}

static bool read(void *ctx, const char *name, uint64_t place, size_t max_bytes, struct buf *out,
                 struct errmsg *error)
{
    const struct folder_file *file = open_file(ctx, name, error);

    if (file != NULL && place < file->bytes.len) {
        struct bytes rest = bytes_from(buf_bytes(&file->bytes), (size_t)place);

        buf_append_bytes(out, bytes_prefix(rest, rest.len < max_bytes ? rest.len : max_bytes));
    }
    return file != NULL;
}

void folder_init(struct folder *folder)
{
    *folder = (struct folder){0};
    folder->source = (struct segment_source){folder, list, size, read};
}

void folder_deinit(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        buf_deinit(&folder->files[i].bytes);
    }
    *folder = (struct folder){0};
}

struct buf *folder_file(struct folder *folder, const char *name)
{
    if (find(folder, name) == NULL) {
        cr_assert_lt(folder->count, FOLDER_FILES);
        snprintf(folder->files[folder->count].name, sizeof(folder->files[0].name), "%s", name);
        folder->count++;
    }
    return &folder->files[find(folder, name) - folder->files].bytes;
}

struct buf *folder_segment(struct folder *folder, uint64_t number)
{
    char name[SEGMENT_NAME_SIZE];

    segment_format_name(number, name);
    return folder_file(folder, name);
}

void folder_remove(struct folder *folder, uint64_t number)
{
    struct buf *bytes = folder_segment(folder, number);

    for (size_t i = 0; i < folder->count; i++) {
        if (&folder->files[i].bytes == bytes) {
            buf_deinit(bytes);
            folder->files[i] = folder->files[--folder->count];
            folder->files[folder->count] = (struct folder_file){0};
            return;
        }
    }
}

struct history_id folder_history(char letter)
{
    struct history_id id = {0};

    id.text[0] = letter;
    return id;
}

void folder_begin(struct folder *folder, uint64_t number, char history, char parent, uint64_t start)
{
    struct segment_head head = {
        .history = folder_history(history),
        .parent = folder_history(parent),
        .parent_end = parent != '\0' ? start : 0,
        .start = start,
        .durable = start,
        .begun_unix_ms = 1700000000000 + (int64_t)number,
    };

    segment_write_head(folder_segment(folder, number), &head);
}

char folder_byte(uint64_t offset)
{
    return (char)(offset * 31 + offset / 256 * 7);
}

int64_t folder_time(uint64_t start)
{
    return 1700000000000 + (int64_t)start;
}

void folder_append(struct folder *folder, uint64_t number, uint64_t start, uint64_t end,
                   uint64_t durable)
{
    struct buf bytes = {0};

    for (uint64_t at = start; at < end; at++) {
        buf_append_byte(&bytes, folder_byte(at));
    }
    segment_write_frame(
        folder_segment(folder, number),
        &(struct segment_frame){start, durable, folder_time(start), buf_bytes(&bytes)});
    buf_deinit(&bytes);
}
