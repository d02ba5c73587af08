/* SPDX-License-Identifier: MIT */
/* Files under way: one of a kind. */
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct alone *start(void)
{
    return alone_new(NULL, 0);
}

static void append(struct alone *a, enum file_kind kind, const char *text)
{
    struct buf bytes = {0};

    buf_append_text(&bytes, text);
    files_append(a->node, kind, &bytes);
    cr_assert_eq(bytes.len, 0);
    buf_deinit(&bytes);
}

static bool content_is(const struct alone *a, const char *name, const char *text)
{
    const struct disk_file *file = disk_find(&a->disk, name);

    return file != NULL && bytes_equal_text(buf_bytes(&file->content), text);
}

Test(files, of_every_kind_can_be_under_way_at_the_same_time)
{
    struct alone *a = start();

    for (int kind = 0; kind < FILE_KIND_COUNT; kind++) {
        cr_assert_not(files_is_writing(a->node, (enum file_kind)kind));
        files_begin(a->node, (enum file_kind)kind, "name");
        cr_assert(files_is_writing(a->node, (enum file_kind)kind));
        files_check(a->node);
    }
    for (int kind = 0; kind < FILE_KIND_COUNT; kind++) {
        cr_assert_eq(files_take(a->node, a->node->files.handles[kind]), (enum file_kind)kind);
        cr_assert_not(files_is_writing(a->node, (enum file_kind)kind));
    }
    alone_free(a);
}

Test(files, are_under_way_until_the_outcome_was_taken)
{
    struct alone *a = start();
    uint64_t handle;

    files_begin(a->node, FILE_CONFIG, "x.conf");
    handle = a->node->files.handles[FILE_CONFIG];
    append(a, FILE_CONFIG, "one ");
    append(a, FILE_CONFIG, "two");
    cr_assert_null(disk_find(&a->disk, "x.conf"));
    files_commit(a->node, FILE_CONFIG);
    cr_assert(files_is_writing(a->node, FILE_CONFIG));
    cr_assert(content_is(a, "x.conf", "one two"));
    cr_assert_eq(files_take(a->node, handle), FILE_CONFIG);
    cr_assert_not(files_is_writing(a->node, FILE_CONFIG));
    cr_assert_eq(files_take(a->node, handle), FILE_KIND_COUNT, "it is told once");
    a->done.count = 0;
    alone_free(a);
}

Test(files, that_are_given_up_leave_nothing)
{
    struct alone *a = start();

    files_begin(a->node, FILE_SAVE, "dump.rdb");
    append(a, FILE_SAVE, "half");
    files_abort(a->node, FILE_SAVE);
    cr_assert_not(files_is_writing(a->node, FILE_SAVE));
    cr_assert_eq(a->disk.streams.count, 0);
    cr_assert_null(disk_find(&a->disk, "dump.rdb"));
    files_begin(a->node, FILE_SAVE, "dump.rdb");
    files_abort(a->node, FILE_SAVE);
    alone_free(a);
}

Test(files, of_others_are_none_of_ours)
{
    struct alone *a = start();

    files_begin(a->node, FILE_SAVE, "dump.rdb");
    cr_assert_eq(files_take(a->node, 12345), FILE_KIND_COUNT);
    cr_assert(files_is_writing(a->node, FILE_SAVE));
    files_abort(a->node, FILE_SAVE);
    alone_free(a);
}

static size_t queued_bytes;

static size_t write_queued(void *ctx, enum fs_lane lane)
{
    (void)ctx;
    return lane == FS_LANE_LONG ? queued_bytes : 0;
}

Test(files, are_backed_up_when_the_disk_has_four_megabytes_to_write)
{
    struct alone *a = start();

    a->disk.fs.write_queued = write_queued;
    queued_bytes = (size_t)4 * 1024 * 1024;
    cr_assert_not(files_are_backed_up(a->node));
    queued_bytes++;
    cr_assert(files_are_backed_up(a->node));
    alone_free(a);
}

static enum fs_lane begun_in;

static uint64_t note_lane(void *ctx, const char *path, enum fs_lane lane)
{
    (void)ctx;
    (void)path;
    begun_in = lane;
    return FS_NO_FILE + 1;
}

Test(files, whose_length_is_that_of_the_data_are_in_a_lane_of_their_own)
{
    static const enum fs_lane lanes[FILE_KIND_COUNT] = {
        [FILE_SAVE] = FS_LANE_LONG,   [FILE_SYNC_PAYLOAD] = FS_LANE_LONG,
        [FILE_NODES] = FS_LANE_SMALL, [FILE_CONFIG] = FS_LANE_SMALL,
        [FILE_ACL] = FS_LANE_SMALL,   [FILE_MANIFEST] = FS_LANE_SMALL,
    };

    for (int kind = 0; kind < FILE_KIND_COUNT; kind++) {
        struct alone *a = start();

        a->disk.fs.write_begin = note_lane;
        files_begin(a->node, (enum file_kind)kind, "path");
        cr_assert_eq(begun_in, lanes[kind], "kind %d", kind);
        files_abort(a->node, (enum file_kind)kind);
        alone_free(a);
    }
}

Test(files, are_one_of_a_kind, .signal = SIGABRT)
{
    struct alone *a = start();

    files_begin(a->node, FILE_SAVE, "a");
    files_begin(a->node, FILE_SAVE, "b");
}

Test(files, cannot_be_appended_to_before_they_begin, .signal = SIGABRT)
{
    append(start(), FILE_SAVE, "x");
}

Test(files, cannot_be_committed_before_they_begin, .signal = SIGABRT)
{
    files_commit(start()->node, FILE_SAVE);
}
