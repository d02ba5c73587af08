/* SPDX-License-Identifier: MIT */
/* persist/posix_file, in a directory of its own. */
#include "persist/posix_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct place {
    char dir[40];
    char target[80];
};

static struct place make_place(void)
{
    struct place p = {.dir = "/tmp/starling-file-XXXXXX"};

    cr_assert_not_null(mkdtemp(p.dir));
    snprintf(p.target, sizeof(p.target), "%s/dump.rdb", p.dir);
    return p;
}

static void count_name(void *context, const char *name)
{
    int *count = context;

    (void)name;
    (*count)++;
}

static int count_files(const struct place *p)
{
    int count = 0;

    cr_assert_eq(posix_list(p->dir, count_name, &count, NULL), FS_OK);
    return count;
}

static void remove_place(const struct place *p)
{
    cr_assert_eq(posix_remove(p->target, NULL), FS_OK);
    cr_assert_eq(rmdir(p->dir), 0, "nothing temporary is left");
}

static void write_whole(const struct place *p, const char *text)
{
    struct posix_file file = {0};
    struct errmsg error = {0};

    cr_assert_eq(posix_file_open(&file, p->target, 1, &error), FS_OK, "%s", error.text);
    cr_assert_eq(posix_file_write(&file, bytes_from_text(text), &error), FS_OK);
    cr_assert_eq(posix_file_commit(&file, p->target, &error), FS_OK, "%s", error.text);
}

static void expect_content(const struct place *p, const char *text)
{
    struct buf out = {0};

    cr_assert_eq(posix_read_file(p->target, 1000, &out, NULL), FS_OK);
    cr_assert(bytes_equal_text(buf_bytes(&out), text));
    buf_deinit(&out);
}

Test(posix_file, a_committed_file_replaces_the_old_one)
{
    struct place p = make_place();

    write_whole(&p, "first");
    write_whole(&p, "second");
    expect_content(&p, "second");
    cr_assert_eq(count_files(&p), 1);
    remove_place(&p);
}

static mode_t mode_of(const char *path)
{
    struct stat info;

    cr_assert_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

Test(posix_file, a_new_file_keeps_the_mode_and_the_owner_of_the_one_it_replaces)
{
    static const mode_t modes[] = {0600, 0640, 0644, 0400, 0664};
    struct place p = make_place();
    struct stat info;

    umask(022);
    write_whole(&p, "old");
    cr_assert_eq(mode_of(p.target), 0644);
    for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
        cr_assert_eq(chmod(p.target, modes[i]), 0);
        write_whole(&p, "new");
        cr_assert_eq(mode_of(p.target), modes[i]);
    }
    if (geteuid() == 0) {
        cr_assert_eq(chown(p.target, 65534, 65534), 0);
        write_whole(&p, "newer");
        cr_assert_eq(stat(p.target, &info), 0);
        cr_assert_eq(info.st_uid, 65534);
        cr_assert_eq(info.st_gid, 65534);
        cr_assert_eq(mode_of(p.target), 0664);
    }
    remove_place(&p);
}

Test(posix_file, while_it_is_written_a_new_file_is_as_private_as_the_umask_and_the_old_one_are)
{
    struct place p = make_place();
    struct posix_file file = {0};
    struct errmsg error;

    umask(077);
    cr_assert_eq(posix_file_open(&file, p.target, 1, &error), FS_OK);
    cr_assert_eq(mode_of(file.temp_path), 0600);
    cr_assert_eq(posix_file_commit(&file, p.target, &error), FS_OK);
    cr_assert_eq(mode_of(p.target), 0600);
    umask(0);
    cr_assert_eq(posix_file_open(&file, p.target, 1, &error), FS_OK);
    cr_assert_eq(mode_of(file.temp_path), 0600);
    posix_file_abort(&file);
    remove_place(&p);
}

Test(posix_file, until_committed_the_old_one_stands)
{
    struct place p = make_place();
    struct posix_file file = {0};

    write_whole(&p, "old");
    cr_assert_eq(posix_file_open(&file, p.target, 2, NULL), FS_OK);
    cr_assert_eq(posix_file_write(&file, BYTES_LITERAL("new"), NULL), FS_OK);
    cr_assert_eq(count_files(&p), 2);
    expect_content(&p, "old");
    posix_file_abort(&file);
    posix_file_abort(&file);
    cr_assert_eq(count_files(&p), 1);
    remove_place(&p);
}

Test(posix_file, failures_name_the_call_the_path_and_the_reason)
{
    struct posix_file file = {0};
    struct errmsg error = {0};
    struct buf out = {0};

    cr_assert_eq(posix_file_open(&file, "/nonexistent/dump.rdb", 1, &error), FS_MISSING);
    cr_assert_not_null(strstr(error.text, "cannot create /nonexistent/temp-"), "%s", error.text);
    cr_assert_not_null(strstr(error.text, "No such file"), "%s", error.text);
    posix_file_abort(&file);
    cr_assert_eq(posix_read_file("/nonexistent", 10, &out, &error), FS_MISSING);
    cr_assert_eq(posix_read_file("/", 10, &out, &error), FS_FAILED);
    cr_assert_eq(out.len, 0);
    buf_deinit(&out);
}

Test(posix_file, a_failed_commit_leaves_nothing_behind)
{
    struct place p = make_place();
    struct posix_file file = {0};
    struct errmsg error = {0};

    cr_assert_eq(posix_file_open(&file, p.target, 3, NULL), FS_OK);
    cr_assert_neq(posix_file_commit(&file, "/nonexistent/x", &error), FS_OK);
    cr_assert_not_null(strstr(error.text, "/nonexistent/x"), "%s", error.text);
    cr_assert_eq(count_files(&p), 0);
    cr_assert_eq(rmdir(p.dir), 0);
}

/* ---- a long file ------------------------------------------------------------------------------ */

enum {
    CHUNK_BYTES = 1024 * 1024,
    CHUNKS = 40,
};

/* In place of the one of libc: how often it was called, how far it went, and the failure to begin with. */
static struct {
    int count;
    int failure;
    off64_t begun_end;
    off64_t awaited_end;
} range;

int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned int flags)
{
    off64_t *end = flags & SYNC_FILE_RANGE_WAIT_AFTER ? &range.awaited_end : &range.begun_end;

    range.count++;
    if (range.failure != 0) {
        errno = range.failure;
        return -1;
    }
    cr_assert_eq(*end, offset, "nothing is left out");
    *end = offset + bytes;
    return (int)syscall(SYS_sync_file_range, fd, offset, bytes, flags);
}

static enum fs_status write_chunks(struct posix_file *file, const struct place *p,
                                   struct errmsg *error)
{
    static char chunk[CHUNK_BYTES];
    enum fs_status status;

    range.count = 0;
    range.begun_end = 0;
    range.awaited_end = 0;
    status = posix_file_open(file, p->target, 1, error);
    for (int i = 0; i < CHUNKS && status == FS_OK; i++) {
        memset(chunk, 'a' + i % 26, sizeof(chunk));
        status = posix_file_write(file, bytes_make(chunk, sizeof(chunk)), error);
    }
    return status;
}

static void expect_chunks(const struct place *p)
{
    struct buf out = {0};

    cr_assert_eq(posix_read_file(p->target, (uint64_t)CHUNKS * CHUNK_BYTES, &out, NULL), FS_OK);
    cr_assert_eq(out.len, (size_t)CHUNKS * CHUNK_BYTES);
    for (int i = 0; i < CHUNKS; i++) {
        cr_assert_eq(out.data[(size_t)i * CHUNK_BYTES], 'a' + i % 26);
        cr_assert_eq(out.data[(size_t)(i + 1) * CHUNK_BYTES - 1], 'a' + i % 26);
    }
    buf_deinit(&out);
}

Test(posix_file, a_long_file_is_on_its_way_to_the_disk_before_its_end)
{
    struct place p = make_place();
    struct posix_file file = {0};
    struct errmsg error = {0};

    cr_assert_eq(write_chunks(&file, &p, &error), FS_OK, "%s", error.text);
    cr_assert_eq(range.begun_end, (off64_t)CHUNKS * CHUNK_BYTES);
    cr_assert_geq(range.awaited_end, (off64_t)CHUNKS * CHUNK_BYTES * 3 / 4);
    cr_assert_eq(posix_file_commit(&file, p.target, &error), FS_OK, "%s", error.text);
    expect_chunks(&p);
    remove_place(&p);
}

Test(posix_file, a_short_file_is_written_out_by_its_sync_alone)
{
    struct place p = make_place();

    write_whole(&p, "short");
    cr_assert_eq(range.count, 0);
    remove_place(&p);
}

Test(posix_file, a_long_file_that_the_disk_does_not_take_fails_while_it_is_written)
{
    static const int failures[] = {EIO, ENOSPC, EDQUOT};

    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        struct place p = make_place();
        struct posix_file file = {0};
        struct errmsg error = {0};

        range.failure = failures[i];
        cr_assert_eq(write_chunks(&file, &p, &error), FS_FAILED);
        cr_assert_not_null(strstr(error.text, "cannot write "));
        cr_assert_not_null(strstr(error.text, strerror(failures[i])));
        posix_file_abort(&file);
        cr_assert_eq(count_files(&p), 0);
        remove_place(&p);
    }
}

Test(posix_file, where_writing_out_cannot_be_asked_for_a_long_file_is_synced_at_its_end)
{
    static const int failures[] = {ENOSYS, EINVAL, ESPIPE, EOPNOTSUPP};

    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        struct place p = make_place();
        struct posix_file file = {0};
        struct errmsg error = {0};

        range.failure = failures[i];
        cr_assert_eq(write_chunks(&file, &p, &error), FS_OK, "%s", error.text);
        cr_assert_gt(range.count, 0);
        cr_assert_eq(posix_file_commit(&file, p.target, &error), FS_OK, "%s", error.text);
        expect_chunks(&p);
        remove_place(&p);
    }
}

/* ---- reading, names --------------------------------------------------------------------------- */

Test(posix_file, pieces_end_where_the_file_ends)
{
    struct place p = make_place();
    struct buf out = {0};

    write_whole(&p, "0123456789");
    cr_assert_eq(posix_read_piece(p.target, 3, 4, &out, NULL), FS_OK);
    cr_assert(bytes_equal_text(buf_bytes(&out), "3456"));
    cr_assert_eq(posix_read_piece(p.target, 8, 4, &out, NULL), FS_OK);
    cr_assert(bytes_equal_text(buf_bytes(&out), "345689"));
    cr_assert_eq(posix_read_piece(p.target, 10, 4, &out, NULL), FS_OK);
    cr_assert_eq(out.len, 6);
    buf_deinit(&out);
    remove_place(&p);
}

Test(posix_file, a_file_beyond_the_limit_is_not_read)
{
    struct place p = make_place();
    struct buf out = {0};
    struct errmsg error = {0};

    write_whole(&p, "0123456789");
    cr_assert_eq(posix_read_file(p.target, 9, &out, &error), FS_TOO_LARGE);
    cr_assert_eq(out.len, 0);
    cr_assert_eq(posix_read_file(p.target, 10, &out, &error), FS_OK);
    cr_assert_eq(out.len, 10);
    buf_deinit(&out);
    remove_place(&p);
}

Test(posix_file, names_can_be_asked_made_and_removed)
{
    struct place p = make_place();
    struct fs_info info;
    char sub[80];

    snprintf(sub, sizeof(sub), "%s/sub", p.dir);
    cr_assert_eq(posix_get_info(sub, &info, NULL), FS_MISSING);
    cr_assert_eq(posix_make_directory(sub, NULL), FS_OK);
    cr_assert_eq(posix_make_directory(sub, NULL), FS_OK, "it is there already");
    cr_assert(posix_get_info(sub, &info, NULL) == FS_OK && info.is_directory);
    cr_assert_eq(rmdir(sub), 0);
    write_whole(&p, "12345");
    cr_assert(posix_get_info(p.target, &info, NULL) == FS_OK && !info.is_directory);
    cr_assert_eq(info.size_bytes, 5);
    cr_assert_eq(posix_make_directory(p.target, NULL), FS_FAILED);
    cr_assert_eq(posix_remove(p.target, NULL), FS_OK);
    cr_assert_eq(posix_remove(p.target, NULL), FS_OK, "it is gone already");
    remove_place(&p);
}

Test(posix_file, has_a_second_name_that_outlives_the_first)
{
    struct place p = make_place();
    struct buf out = {0};
    char second[80];

    snprintf(second, sizeof(second), "%s/second", p.dir);
    write_whole(&p, "old");
    cr_assert_eq(posix_link(p.target, second, NULL), FS_OK);
    write_whole(&p, "new"); /* takes the place of the first name */
    cr_assert_eq(posix_read_file(second, 10, &out, NULL), FS_OK);
    cr_expect_str_eq(buf_text(&out), "old");
    cr_assert_eq(posix_link(p.target, second, NULL), FS_OK, "in place of what was there");
    buf_clear(&out);
    cr_assert_eq(posix_remove(p.target, NULL), FS_OK);
    cr_assert_eq(posix_read_file(second, 10, &out, NULL), FS_OK);
    cr_expect_str_eq(buf_text(&out), "new");
    cr_expect_eq(posix_link(p.target, second, NULL), FS_MISSING);
    buf_deinit(&out);
    cr_assert_eq(posix_remove(second, NULL), FS_OK);
    remove_place(&p);
}

Test(posix_file, only_temporary_files_of_the_dead_are_leftovers)
{
    char name[64];

    snprintf(name, sizeof(name), "temp-%ld-1.dump.rdb", (long)getppid());
    cr_assert(!posix_file_is_leftover(name));
    snprintf(name, sizeof(name), "temp-%ld-1.dump.rdb", (long)getpid());
    cr_assert(posix_file_is_leftover(name), "from an earlier run with the same id");
    cr_assert(posix_file_is_leftover("temp-2147483646-7.dump.rdb"));
    cr_assert(posix_file_is_leftover(".temp-2147483646-sync-payload.rdb.lock"));
    cr_assert(!posix_file_is_leftover(".dump.rdb.lock"));
    cr_assert(!posix_file_is_leftover("temp-x-1.rdb"));
    cr_assert(!posix_file_is_leftover("temp-0-1.rdb"));
    cr_assert(!posix_file_is_leftover("temp--1.rdb"));
    cr_assert(!posix_file_is_leftover("dump.rdb"));
}
