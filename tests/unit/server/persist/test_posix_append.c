/* SPDX-License-Identifier: MIT */
/* persist/posix_append, in a directory of its own. */
#include "persist/posix_append.h"

#include "base/rng.h"
#include "persist/posix_file.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char dir[40];
    char path[80];
    char other[80];
};

static struct place make_place(void)
{
    struct place p = {.dir = "/tmp/starling-append-XXXXXX"};

    cr_assert_not_null(mkdtemp(p.dir));
    snprintf(p.path, sizeof(p.path), "%s/log-1", p.dir);
    snprintf(p.other, sizeof(p.other), "%s/log-2", p.dir);
    return p;
}

static void remove_place(const struct place *p)
{
    cr_assert_eq(posix_remove(p->path, NULL), FS_OK);
    cr_assert_eq(posix_remove(p->other, NULL), FS_OK);
    cr_assert_eq(rmdir(p->dir), 0);
}

static void write_to(struct posix_append *file, const char *text)
{
    struct errmsg error;

    cr_assert_eq(posix_append_write(file, bytes_from_text(text), false, &error), FS_OK, "%s",
                 error.text);
}

static void expect(const char *path, const char *text)
{
    struct buf out = {0};

    cr_assert_eq(posix_read_file(path, 1000, &out, NULL), FS_OK);
    cr_assert_str_eq(buf_text(&out), text);
    buf_deinit(&out);
}

Test(posix_append, is_not_durable_when_nobody_can_find_it)
{
    struct place p = make_place();
    struct posix_append file;
    struct errmsg error;

    cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_NEW, &error), FS_OK);
    write_to(&file, "abc");
    cr_assert_eq(posix_append_sync(&file, &error), FS_OK);
    cr_assert_eq(rename(p.path, p.other), 0);
    write_to(&file, "def");
    cr_expect_eq(posix_append_sync(&file, &error), FS_MISSING);
    cr_assert_eq(posix_write_file(p.path, bytes_from_text("x"), &error), FS_OK);
    cr_expect_eq(posix_append_sync(&file, &error), FS_FAILED);
    cr_expect(strstr(error.text, "another file has taken the place of") != NULL);
    cr_assert_eq(rename(p.other, p.path), 0);
    cr_expect_eq(posix_append_sync(&file, &error), FS_OK);
    posix_append_close(&file);
    expect(p.path, "abcdef");
    remove_place(&p);
}

Test(posix_append, goes_on_at_the_end_of_what_is_there)
{
    struct place p = make_place();
    struct posix_append file;
    struct errmsg error;

    cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_NEW, &error), FS_OK);
    write_to(&file, "abc");
    posix_append_close(&file);
    cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_EXISTING, &error), FS_OK);
    cr_assert_eq(file.size_bytes, 3);
    write_to(&file, "def");
    cr_assert_eq(posix_append_sync(&file, &error), FS_OK);
    cr_assert_eq(file.size_bytes, 6);
    posix_append_close(&file);
    expect(p.path, "abcdef");
    remove_place(&p);
}

static off_t length_of(const char *path)
{
    struct stat info;

    cr_assert_eq(stat(path, &info), 0);
    return info.st_size;
}

/* So many bytes of a text that begins where the file's does. */
static void write_many(struct posix_append *file, size_t count, bool is_disk_behind)
{
    struct errmsg error;
    struct buf out = {0};

    for (size_t i = 0; i < count; i++) {
        buf_append_byte(&out, "0123456789abc"[(file->size_bytes + i) % 13]);
    }
    cr_assert_eq(posix_append_write(file, buf_bytes(&out), is_disk_behind, &error), FS_OK, "%s",
                 error.text);
    buf_deinit(&out);
}

static void expect_many(const char *path, size_t count, size_t zeros_most)
{
    struct buf content = {0};
    struct errmsg error;

    cr_assert_eq(posix_read_file(path, 100 * 1000 * 1000, &content, &error), FS_OK);
    cr_assert_geq(content.len, count);
    cr_assert_leq(content.len, count + zeros_most);
    for (size_t i = 0; i < content.len; i++) {
        cr_assert_eq(content.data[i], i < count ? "0123456789abc"[i % 13] : '\0', "%zu", i);
    }
    buf_deinit(&content);
}

Test(posix_append, much_at_once_goes_past_the_cache_and_leaves_zeros_to_the_end_of_a_block)
{
    struct place p = make_place();
    struct posix_append file;
    struct errmsg error;

    cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_NEW, &error), FS_OK);
    write_many(&file, 100, false);
    cr_expect_null(file.direct.staging, "a little is for the cache");
    write_many(&file, 3 * 1024 * 1024 + 17, false);
    cr_expect_null(file.direct.staging, "the next sync may come soon");
    for (int i = 0; i < 8; i++) {
        write_many(&file, 100000, false);
    }
    cr_expect_not_null(file.direct.staging);
    cr_expect_eq(file.size_bytes, 3 * 1024 * 1024 + 800117);
    expect_many(p.path, file.size_bytes, DIRECT_BLOCK - 1);
    cr_assert_eq(posix_append_sync(&file, &error), FS_OK, "%s", error.text);
    posix_append_close(&file);
    expect_many(p.path, 3 * 1024 * 1024 + 800117, 0);
    remove_place(&p);
}

Test(posix_append, much_goes_to_the_cache_where_the_disk_has_fallen_behind)
{
    struct place p = make_place();
    struct posix_append file;
    struct errmsg error;

    cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_NEW, &error), FS_OK);
    for (int i = 0; i < 10; i++) {
        write_many(&file, 200000, true);
    }
    cr_expect_null(file.direct.staging);
    expect_many(p.path, 2000000, 0);
    posix_append_close(&file);
    remove_place(&p);
}

Test(posix_append, is_the_same_whatever_went_past_the_cache_and_whatever_into_it)
{
    struct place p = make_place();
    const char *wish = getenv("STARLING_SEED");
    uint64_t seed = wish != NULL ? strtoull(wish, NULL, 10) : 1;
    struct posix_append file;
    struct errmsg error;
    uint64_t size = 0;
    struct rng rng;

    printf("again: STARLING_SEED=%llu %s --filter 'posix_append/is_the_same_*'\n",
           (unsigned long long)seed, "build/release/tests/unit/server/persist/run");
    rng_init(&rng, seed);
    cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_NEW, &error), FS_OK);
    for (int i = 0; i < 300; i++) {
        size_t most = rng_one_in(&rng, 3) ? 300000 : rng_one_in(&rng, 2) ? 10000 : 30;

        write_many(&file, 1 + (size_t)rng_below(&rng, most), rng_one_in(&rng, 5));
        if (rng_one_in(&rng, 12)) {
            cr_assert_eq(posix_append_sync(&file, &error), FS_OK, "%s", error.text);
        }
        if (rng_one_in(&rng, 20)) {
            size = file.size_bytes;
            posix_append_close(&file);
            cr_expect_eq(length_of(p.path), (off_t)size);
            cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_EXISTING, &error), FS_OK);
        }
    }
    size = file.size_bytes;
    posix_append_close(&file);
    expect_many(p.path, size, 0);
    remove_place(&p);
}

/* As a busy server with appendfsync always does. */
static void sync_often(struct posix_append *file, int times)
{
    struct errmsg error;

    for (int i = 0; i < times; i++) {
        write_to(file, "0123456789");
        cr_assert_eq(posix_append_sync(file, &error), FS_OK, "%s", error.text);
    }
}

Test(posix_append, makes_room_ahead_where_syncs_follow_each_other_and_takes_it_back_at_the_end)
{
    struct place p = make_place();
    struct posix_append file;
    struct errmsg error;
    struct buf content = {0};

    cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_NEW, &error), FS_OK);
    sync_often(&file, 3);
    cr_expect_eq(length_of(p.path), 30);
    sync_often(&file, 97);
    cr_expect_eq(file.size_bytes, 1000);
    cr_assert_gt(length_of(p.path), 1000);
    cr_assert_eq(posix_read_file(p.path, 1000 * 1000, &content, &error), FS_OK);
    for (size_t i = 0; i < content.len; i++) {
        cr_assert_eq(content.data[i], i < 1000 ? "0123456789"[i % 10] : '\0', "%zu", i);
    }
    buf_deinit(&content);
    posix_append_close(&file);
    cr_expect_eq(length_of(p.path), 1000);
    remove_place(&p);
}

Test(posix_append, goes_on_beyond_the_room_that_it_made)
{
    struct place p = make_place();
    struct posix_append file;
    struct errmsg error;
    struct buf content = {0};
    size_t more = 600 * 1024;

    cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_NEW, &error), FS_OK);
    sync_often(&file, 50);
    for (size_t i = 0; i < more; i += 10) {
        write_to(&file, "0123456789");
    }
    sync_often(&file, 50);
    posix_append_close(&file);
    cr_assert_eq(posix_read_file(p.path, 10 * more, &content, &error), FS_OK);
    cr_assert_eq(content.len, 1000 + more);
    for (size_t i = 0; i < content.len; i++) {
        cr_assert_eq(content.data[i], "0123456789"[i % 10], "%zu", i);
    }
    buf_deinit(&content);
    remove_place(&p);
}

Test(posix_append, creates_only_what_is_not_there_and_opens_only_what_is)
{
    struct place p = make_place();
    struct posix_append file;
    struct errmsg error;

    cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_EXISTING, &error), FS_MISSING);
    cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_NEW, &error), FS_OK);
    posix_append_close(&file);
    cr_assert_eq(posix_append_open(&file, p.path, FS_APPEND_NEW, &error), FS_FAILED);
    posix_append_close(&file); /* none is open: nothing happens */
    remove_place(&p);
}

Test(posix_append, what_was_written_is_there_when_the_process_is_killed)
{
    struct place p = make_place();
    int ends[2];
    char byte;
    pid_t child;

    cr_assert_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        struct posix_append file;
        struct errmsg error;

        if (posix_append_open(&file, p.path, FS_APPEND_NEW, &error) != FS_OK ||
            posix_append_write(&file, BYTES_LITERAL("abc"), false, &error) != FS_OK ||
            posix_append_sync(&file, &error) != FS_OK || write(ends[1], "x", 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    cr_assert_eq(read(ends[0], &byte, 1), 1);
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    expect(p.path, "abc");
    close(ends[0]);
    close(ends[1]);
    remove_place(&p);
}

Test(posix_append, a_full_disk_is_a_failure_in_words)
{
    static char many[200000];
    struct posix_append file;
    struct errmsg error;

    cr_assert_eq(posix_append_open(&file, "/dev/full", FS_APPEND_EXISTING, &error), FS_OK);
    cr_assert_eq(posix_append_write(&file, BYTES_LITERAL("abc"), false, &error), FS_FAILED);
    cr_assert_str_eq(error.text, "cannot write /dev/full: No space left on device");
    posix_append_close(&file);
    cr_assert_eq(posix_append_open(&file, "/dev/full", FS_APPEND_EXISTING, &error), FS_OK);
    cr_assert_eq(posix_append_write(&file, bytes_make(many, sizeof(many)), false, &error),
                 FS_FAILED, "it knows of no other way than the cache's");
    posix_append_close(&file);
}

Test(posix_append, cuts_a_file_off_and_never_makes_it_longer)
{
    struct place p = make_place();
    struct errmsg error;

    cr_assert_eq(posix_write_file(p.path, BYTES_LITERAL("abcdef"), &error), FS_OK);
    cr_assert_eq(posix_truncate(p.path, 4, &error), FS_OK);
    cr_assert_eq(posix_truncate(p.path, 5, &error), FS_FAILED);
    cr_assert_eq(posix_truncate(p.other, 0, &error), FS_MISSING);
    expect(p.path, "abcd");
    remove_place(&p);
}

Test(posix_append, a_new_name_takes_the_place_of_what_had_it)
{
    struct place p = make_place();
    struct errmsg error;

    cr_assert_eq(posix_write_file(p.path, BYTES_LITERAL("new"), &error), FS_OK);
    cr_assert_eq(posix_write_file(p.other, BYTES_LITERAL("old"), &error), FS_OK);
    cr_assert_eq(posix_rename(p.path, p.other, &error), FS_OK);
    expect(p.other, "new");
    cr_assert_eq(posix_rename(p.path, p.other, &error), FS_MISSING);
    cr_assert_eq(posix_remove_durably(p.other, &error), FS_OK);
    cr_assert_eq(posix_remove_durably(p.other, &error), FS_OK);
    remove_place(&p);
}
