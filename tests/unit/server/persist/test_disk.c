/* SPDX-License-Identifier: MIT */
/* The promises of persist/fs.h about files that grow, kept by the disk in memory. */
#include "tests/disk/disk.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    SEEDS = 200,
};

struct desk {
    struct disk disk;
    uint64_t waiting[32];
    size_t waiting_count;
    struct fs_completion last;
    int told_count;
};

static void on_queued(void *owner, uint64_t number)
{
    struct desk *d = owner;

    d->waiting[d->waiting_count++] = number;
}

static void start(struct desk *d)
{
    *d = (struct desk){0};
    disk_init(&d->disk, on_queued, d);
}

static void perform_all(struct desk *d)
{
    for (size_t i = 0; i < d->waiting_count; i++) {
        struct fs_completion completion;

        if (disk_perform(&d->disk, d->waiting[i], &completion)) {
            d->last = completion;
            d->told_count++;
        }
    }
    d->waiting_count = 0;
}

static uint64_t open_file(struct desk *d, const char *name, enum fs_append_mode mode)
{
    return d->disk.fs.append_open(&d->disk, name, mode);
}

static void append(struct desk *d, uint64_t id, const char *text)
{
    struct buf bytes = {0};

    buf_append_text(&bytes, text);
    d->disk.fs.append(&d->disk, id, &bytes);
}

static void sync_file(struct desk *d, uint64_t id)
{
    d->disk.fs.append_sync(&d->disk, id);
}

static bool has(const struct desk *d, const char *name, const char *text)
{
    const struct disk_file *file = disk_find(&d->disk, name);

    return file != NULL && bytes_equal_text(buf_bytes(&file->content), text);
}

Test(disk, what_was_synced_survives_a_power_cut_and_the_completion_says_how_much)
{
    struct desk d;
    uint64_t id;

    start(&d);
    id = open_file(&d, "log", FS_APPEND_NEW);
    append(&d, id, "abc");
    sync_file(&d, id);
    append(&d, id, "def");
    perform_all(&d);
    cr_assert(d.last.id == id && d.last.status == FS_OK && d.last.durable_bytes == 3);
    cr_assert(has(&d, "log", "abcdef"), "readers see all of it at once");
    disk_power_cut(&d.disk, NULL);
    cr_assert(has(&d, "log", "abc"));
    disk_deinit(&d.disk);
}

/* Without zeros at its end. */
static size_t length_of(const struct disk_file *file)
{
    size_t len = file->content.len;

    while (len > 0 && file->content.data[len - 1] == '\0') {
        len--;
    }
    return len;
}

Test(disk, leaves_any_part_of_what_was_not_synced_some_of_it_garbled_and_zeros_behind_it)
{
    bool was_seen[7] = {0};
    bool was_garbled = false;
    bool had_room = false;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct desk d;
        struct rng rng;
        const struct disk_file *file;
        uint64_t id;

        rng_init(&rng, seed);
        start(&d);
        id = open_file(&d, "log", FS_APPEND_NEW);
        append(&d, id, "abc");
        sync_file(&d, id);
        perform_all(&d);
        append(&d, id, "def");
        disk_power_cut(&d.disk, &rng);
        file = disk_find(&d.disk, "log");
        cr_assert(file != NULL && length_of(file) >= 3 && length_of(file) <= 6);
        cr_assert_eq(memcmp(file->content.data, "abc", 3), 0);
        was_seen[length_of(file)] = true;
        was_garbled |= memcmp(file->content.data, "abcdef", length_of(file)) != 0;
        had_room |= file->content.len > 6;
        disk_deinit(&d.disk);
    }
    cr_assert(was_seen[3] && was_seen[4] && was_seen[5] && was_seen[6] && was_garbled && had_room);
}

Test(disk, may_lose_a_new_file_as_a_whole_that_was_never_synced)
{
    int lost = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct desk d;
        struct rng rng;

        rng_init(&rng, seed);
        start(&d);
        append(&d, open_file(&d, "log", FS_APPEND_NEW), "abc");
        disk_power_cut(&d.disk, &rng);
        lost += disk_find(&d.disk, "log") == NULL;
        disk_deinit(&d.disk);
    }
    cr_assert(lost > 0 && lost < SEEDS);
}

Test(disk, files_do_not_wait_for_one_another)
{
    bool second_alone = false;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct desk d;
        struct rng rng;

        rng_init(&rng, seed);
        start(&d);
        append(&d, open_file(&d, "first", FS_APPEND_NEW), "a");
        append(&d, open_file(&d, "second", FS_APPEND_NEW), "b");
        disk_power_cut(&d.disk, &rng);
        second_alone |= disk_find(&d.disk, "first") == NULL && disk_find(&d.disk, "second") != NULL;
        disk_deinit(&d.disk);
    }
    cr_assert(second_alone);
}

Test(disk, a_failed_sync_is_the_last_completion_and_nothing_more_becomes_durable)
{
    struct desk d;
    uint64_t id;

    start(&d);
    id = open_file(&d, "log", FS_APPEND_NEW);
    append(&d, id, "abc");
    sync_file(&d, id);
    perform_all(&d);
    append(&d, id, "def");
    d.disk.fault = DISK_BROKEN;
    sync_file(&d, id);
    sync_file(&d, id);
    perform_all(&d);
    cr_assert(d.told_count == 2 && d.last.id == id && d.last.status == FS_FAILED);
    d.disk.fault = DISK_WELL;
    append(&d, id, "ghi");
    sync_file(&d, id);
    perform_all(&d);
    cr_assert_eq(d.told_count, 2);
    disk_power_cut(&d.disk, NULL);
    cr_assert(has(&d, "log", "abc"));
    disk_deinit(&d.disk);
}

Test(disk, a_full_disk_fails_an_append_once_and_a_part_of_it_may_be_there)
{
    struct desk d;
    uint64_t id;

    start(&d);
    id = open_file(&d, "log", FS_APPEND_NEW);
    d.disk.fault = DISK_FULL;
    append(&d, id, "abcd");
    append(&d, id, "efgh");
    sync_file(&d, id);
    perform_all(&d);
    cr_assert(d.told_count == 1 && d.last.status == FS_FAILED);
    cr_assert_str_eq(d.last.error.text, "No space left on device");
    cr_assert(has(&d, "log", "ab"));
    disk_deinit(&d.disk);
}

Test(disk, creates_only_what_is_not_there_and_opens_only_what_is)
{
    struct desk d;

    start(&d);
    open_file(&d, "log", FS_APPEND_EXISTING);
    perform_all(&d);
    cr_assert_eq(d.last.status, FS_MISSING);
    append(&d, open_file(&d, "log", FS_APPEND_NEW), "abc");
    open_file(&d, "log", FS_APPEND_NEW);
    perform_all(&d);
    cr_assert(d.told_count == 2 && d.last.status == FS_FAILED);
    append(&d, open_file(&d, "log", FS_APPEND_EXISTING), "def");
    cr_assert(has(&d, "log", "abcdef"));
    disk_deinit(&d.disk);
}

Test(disk, cuts_a_file_off_for_good_and_never_makes_it_longer)
{
    struct desk d;

    start(&d);
    append(&d, open_file(&d, "log", FS_APPEND_NEW), "abcdef");
    cr_assert_eq(d.disk.fs.truncate(&d.disk, "log", 4, NULL), FS_OK);
    cr_assert_eq(d.disk.fs.truncate(&d.disk, "log", 5, NULL), FS_FAILED);
    cr_assert_eq(d.disk.fs.truncate(&d.disk, "other", 0, NULL), FS_MISSING);
    cr_assert(has(&d, "log", "abcd"));
    disk_deinit(&d.disk);
}

Test(disk, a_new_name_is_durable_after_its_completion_and_before_has_come_or_not)
{
    int renamed = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct desk d;
        struct rng rng;

        rng_init(&rng, seed);
        start(&d);
        cr_assert_eq(d.disk.fs.write_whole(&d.disk, "a", BYTES_LITERAL("x"), NULL), FS_OK);
        d.disk.fs.rename_later(&d.disk, "a", "b");
        if (seed % 2 == 0) {
            perform_all(&d);
            cr_assert(d.told_count == 1 && d.last.status == FS_OK);
        }
        disk_power_cut(&d.disk, &rng);
        cr_assert_neq(disk_find(&d.disk, "a") == NULL, disk_find(&d.disk, "b") == NULL);
        cr_assert(seed % 2 == 1 || has(&d, "b", "x"));
        renamed += seed % 2 == 1 && disk_find(&d.disk, "b") != NULL;
        disk_deinit(&d.disk);
    }
    cr_assert(renamed > 0 && renamed < SEEDS / 2);
}

Test(disk, removing_has_a_completion_also_when_there_is_nothing)
{
    struct desk d;

    start(&d);
    append(&d, open_file(&d, "log", FS_APPEND_NEW), "abc");
    d.disk.fs.remove_later(&d.disk, "log");
    d.disk.fs.remove_later(&d.disk, "log");
    perform_all(&d);
    cr_assert(d.told_count == 2 && d.last.status == FS_OK && disk_find(&d.disk, "log") == NULL);
    disk_deinit(&d.disk);
}

static void note_file(void *context, const char *name, uint64_t size_bytes)
{
    buf_printf(context, "%s:%llu ", name, (unsigned long long)size_bytes);
}

Test(disk, lists_the_files_of_a_folder_with_a_prefix_and_their_sizes)
{
    struct desk d;
    struct buf found = {0};

    start(&d);
    append(&d, open_file(&d, "logs/log-1", FS_APPEND_NEW), "abc");
    append(&d, open_file(&d, "logs/log-2", FS_APPEND_NEW), "");
    append(&d, open_file(&d, "logs/other", FS_APPEND_NEW), "x");
    append(&d, open_file(&d, "log-3", FS_APPEND_NEW), "x");
    cr_assert_eq(fs_list_files(&d.disk.fs, "logs", "log-", note_file, &found, NULL), FS_OK);
    cr_assert_str_eq(buf_text(&found), "log-1:3 log-2:0 ");
    buf_clear(&found);
    cr_assert_eq(fs_list_files(&d.disk.fs, ".", "log", note_file, &found, NULL), FS_OK);
    cr_assert_str_eq(buf_text(&found), "log-3:1 ");
    buf_deinit(&found);
    disk_deinit(&d.disk);
}

Test(disk, closing_a_file_leaves_what_was_appended_and_ends_its_completions)
{
    struct desk d;
    uint64_t id;

    start(&d);
    id = open_file(&d, "log", FS_APPEND_NEW);
    append(&d, id, "abc");
    sync_file(&d, id);
    d.disk.fs.append_close(&d.disk, id);
    perform_all(&d);
    cr_assert_eq(d.told_count, 0);
    cr_assert(has(&d, "log", "abc"));
    disk_deinit(&d.disk);
}
