/* SPDX-License-Identifier: MIT */
#include "tests/unit/cli/log_dir.h"

#include "cli/log_folder.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void log_dir_open(struct log_dir *dir)
{
    snprintf(dir->path, sizeof(dir->path), "/tmp/starling-log-XXXXXX");
    cr_assert_not_null(mkdtemp(dir->path));
    snprintf(dir->log, sizeof(dir->log), "%s/%s", dir->path, LOG_FOLDER_NAME);
    cr_assert_eq(mkdir(dir->log, 0700), 0);
}

static void remove_files(const char *path)
{
    DIR *files = opendir(path);
    const struct dirent *found;

    while (files != NULL && (found = readdir(files)) != NULL) {
        char name[512];

        snprintf(name, sizeof(name), "%s/%s", path, found->d_name);
        unlink(name);
    }
    if (files != NULL) {
        closedir(files);
    }
    rmdir(path);
}

void log_dir_close(struct log_dir *dir)
{
    remove_files(dir->log);
    remove_files(dir->path);
}

struct history_id log_dir_history(char letter)
{
    struct history_id id = {0};

    memset(id.text, letter, letter != '\0' ? HISTORY_ID_LEN : 0);
    return id;
}

static FILE *open_file(const struct log_dir *dir, const char *name, const char *mode)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir->log, name);
    return fopen(path, mode);
}

bool log_dir_read(const struct log_dir *dir, const char *name, struct buf *out)
{
    FILE *file = open_file(dir, name, "rb");
    size_t got;

    if (file == NULL) {
        return false;
    }
    while ((got = fread(buf_reserve(out, 4096), 1, 4096, file)) > 0) {
        out->len += got;
    }
    fclose(file);
    return true;
}

void log_dir_write(const struct log_dir *dir, const char *name, struct bytes bytes)
{
    FILE *file = open_file(dir, name, "wb");

    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    fclose(file);
}

int64_t log_dir_time(uint64_t offset)
{
    return 1700000000000 + (int64_t)offset * 1000;
}

void log_dir_add(const struct log_dir *dir, uint64_t number, const char *histories, uint64_t start,
                 uint64_t end)
{
    static const char bytes[50] = "*1\r\n$4\r\nPING\r\n";
    struct segment_head head = {
        .history = log_dir_history(histories[0]),
        .parent = log_dir_history(histories[1]),
        .parent_end = histories[1] != '\0' ? start : 0,
        .start = start,
        .durable = start,
    };
    char name[SEGMENT_NAME_SIZE];
    struct buf out = {0};

    segment_write_head(&out, &head);
    for (uint64_t at = start; at < end; at += sizeof(bytes)) {
        segment_write_frame(&out, &(struct segment_frame){at, at, log_dir_time(at),
                                                          bytes_make(bytes, sizeof(bytes))});
    }
    segment_format_name(number, name);
    log_dir_write(dir, name, buf_bytes(&out));
    buf_deinit(&out);
}

void log_dir_spoil(const struct log_dir *dir, uint64_t number, size_t place)
{
    char name[SEGMENT_NAME_SIZE];
    struct buf bytes = {0};

    segment_format_name(number, name);
    cr_assert(log_dir_read(dir, name, &bytes));
    cr_assert_lt(place, bytes.len);
    bytes.data[place] ^= 1;
    log_dir_write(dir, name, buf_bytes(&bytes));
    buf_deinit(&bytes);
}

void log_dir_cut(const struct log_dir *dir, uint64_t number, size_t len)
{
    char name[SEGMENT_NAME_SIZE];
    struct buf bytes = {0};

    segment_format_name(number, name);
    cr_assert(log_dir_read(dir, name, &bytes));
    log_dir_write(dir, name, bytes_prefix(buf_bytes(&bytes), len));
    buf_deinit(&bytes);
}

void log_dir_remove(const struct log_dir *dir, uint64_t number)
{
    char name[SEGMENT_NAME_SIZE];
    char path[256];

    segment_format_name(number, name);
    snprintf(path, sizeof(path), "%s/%s", dir->log, name);
    cr_assert_eq(unlink(path), 0);
}

void log_dir_name_base(const struct log_dir *dir, const char *name)
{
    struct manifest manifest;
    struct buf text = {0};

    cr_assert(log_dir_read(dir, MANIFEST_NAME, &text));
    cr_assert_eq(manifest_parse(buf_bytes(&text), &manifest, NULL), SEGMENT_OK);
    snprintf(manifest.base, sizeof(manifest.base), "%s", name);
    buf_clear(&text);
    manifest_format(&manifest, &text);
    log_dir_write(dir, MANIFEST_NAME, buf_bytes(&text));
    buf_deinit(&text);
}

void log_dir_write_snapshot(const struct log_dir *dir, const char *name, const char *offset)
{
    struct buf text = {0};
    char path[256];

    buf_append_text(&text, "REDIS0009");
    if (offset != NULL) {
        struct history_id id = log_dir_history('a');

        buf_append_text(&text, "\xfa\x07repl-id\x28");
        buf_append(&text, id.text, HISTORY_ID_LEN);
        buf_append_text(&text, "\xfa\x0brepl-offset");
        buf_append_byte(&text, (char)strlen(offset));
        buf_append_text(&text, offset);
    }
    buf_append(&text, "\xff\0\0\0\0\0\0\0\0", 9); /* its end, and no checksum */
    snprintf(path, sizeof(path), "../%s", name);
    log_dir_write(dir, path, buf_bytes(&text));
    buf_deinit(&text);
}

void log_dir_write_manifest(const struct log_dir *dir, uint64_t base_offset, uint64_t first,
                            uint64_t end)
{
    struct manifest manifest = {
        .base_history = log_dir_history('a'),
        .base_offset = base_offset,
        .first = first,
        .has_end = end != 0,
        .end_history = log_dir_history('a'),
        .end_offset = end,
    };
    struct buf text = {0};

    manifest_format(&manifest, &text);
    log_dir_write(dir, MANIFEST_NAME, buf_bytes(&text));
    buf_deinit(&text);
}

void log_dir_turn_off(const struct log_dir *dir)
{
    struct manifest manifest = {.base_history = log_dir_history('a'), .is_off = true};
    struct buf text = {0};

    manifest_format(&manifest, &text);
    log_dir_write(dir, MANIFEST_NAME, buf_bytes(&text));
    buf_deinit(&text);
}

static struct log_snapshot find_snapshot(void *context, const char *name)
{
    return log_folder_find_snapshot(context, name);
}

struct log_check log_dir_check(const struct log_dir *dir)
{
    struct log_folder folder;
    struct log_check check;
    struct errmsg error = {0};

    cr_assert(log_folder_open(&folder, dir->path, &error), "%s", error.text);
    log_check_run(&check, &(struct log_check_how){.source = &folder.source,
                                                  .find_snapshot = find_snapshot,
                                                  .snapshot_context = &folder});
    log_folder_close(&folder);
    return check;
}
