/* SPDX-License-Identifier: MIT */
/* cli/log_folder, cli/log_check and cli/log_report: logs on a real disk. */
#include "cli/log_check.h"

#include "base/mem.h"
#include "cli/log_folder.h"
#include "cli/log_report.h"
#include "tests/unit/cli/log_dir.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define A     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define X     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define HEAD  SEGMENT_HEAD_BYTES
#define FRAME (SEGMENT_FRAME_HEAD_BYTES + 50)

static struct log_dir dir;
static struct log_check check;

static void set_up(void)
{
    log_dir_open(&dir);
    check = (struct log_check){0};
}

static void tear_down(void)
{
    log_check_deinit(&check);
    log_dir_close(&dir);
    cr_assert_eq(mem_used_total(), 0);
}

TestSuite(log_check, .init = set_up, .fini = tear_down);

/* Segments 1, 2 and 3 of a with a hundred bytes each, base at 150, which is in 2. */
static void make_three(void)
{
    log_dir_add(&dir, 1, "a", 0, 100);
    log_dir_add(&dir, 2, "a", 100, 200);
    log_dir_add(&dir, 3, "a", 200, 300);
    log_dir_write_manifest(&dir, 150, 2, 0);
}

static void run(void)
{
    log_check_deinit(&check);
    check = log_dir_check(&dir);
}

static void expect_report(const char *wanted)
{
    const struct log_surroundings around = {.path = "/srv/log"};
    struct buf out = {0};

    log_report_write(&check, &around, &out);
    cr_expect_str_eq(buf_text(&out), wanted);
    buf_deinit(&out);
}

static void expect_said(const char *wanted)
{
    const struct log_surroundings around = {.path = "/srv/log"};
    struct buf out = {0};

    log_report_write(&check, &around, &out);
    cr_expect_not_null(strstr(buf_text(&out), wanted), "%s", buf_text(&out));
    buf_deinit(&out);
}

static void expect_damage(uint64_t number, uint64_t place, uint64_t offset, uint64_t lost_end)
{
    cr_expect_eq(check.verdict, LOG_DAMAGED);
    cr_expect(check.damage.is_there && check.damage.is_needed);
    cr_expect_eq(check.damage.number, number);
    cr_expect_eq(check.damage.place, place);
    cr_expect_eq(check.damage.offset, offset);
    cr_expect_eq(check.damage.lost_end, lost_end);
}

Test(log_check, of_a_good_log_says_what_is_there_and_that_all_can_be_recovered)
{
    make_three();
    log_dir_add(&dir, 4, "ba", 300, 350);
    run();
    cr_expect_eq(check.verdict, LOG_GOOD);
    expect_report("Log in /srv/log\n"
                  "Base: an empty key space, at offset 150 of history " A "\n"
                  "Needed: segments from 0000000000000002.log on\n"
                  "The server did not end in order, or is running\n"
                  "segment                         begins at           good up to        bytes  "
                  "first written             last written              history\n"
                  "0000000000000001.log                    0                  100          300  "
                  "2023-11-14T22:13:20.000Z  2023-11-14T22:14:10.000Z  " A "\n"
                  "0000000000000002.log                  100                  200          300  "
                  "2023-11-14T22:15:00.000Z  2023-11-14T22:15:50.000Z  " A "\n"
                  "0000000000000003.log                  200                  300          300  "
                  "2023-11-14T22:16:40.000Z  2023-11-14T22:17:30.000Z  " A "\n"
                  "0000000000000004.log                  300                  350          218  "
                  "2023-11-14T22:18:20.000Z  2023-11-14T22:18:20.000Z  " B ", from 300 of " A "\n"
                  "Good: all can be recovered up to offset 350 of history " B
                  ", written at 2023-11-14T22:18:20.000Z.\n");
}

Test(log_check, knows_an_orderly_end)
{
    make_three();
    log_dir_write_manifest(&dir, 150, 2, 300);
    run();
    cr_expect_eq(check.verdict, LOG_GOOD);
    expect_said("The server ended in order, at offset 300 of history " A "\n");
}

Test(log_check, of_an_empty_folder_says_that_there_is_no_log)
{
    run();
    cr_expect_eq(check.verdict, LOG_GOOD);
    expect_report("Log in /srv/log\nThere is no log.\n");
}

Test(log_check, of_a_base_without_segments_is_good)
{
    log_dir_write_manifest(&dir, 150, 0, 0);
    run();
    cr_expect_eq(check.verdict, LOG_GOOD);
    expect_said("Needed: no segments\n");
    expect_said("Good: all can be recovered up to offset 150 of history " A ".\n");
}

Test(log_check, of_a_torn_tail_says_how_much_is_void)
{
    make_three();
    log_dir_cut(&dir, 3, HEAD + FRAME + 30);
    run();
    cr_expect_eq(check.verdict, LOG_TORN);
    cr_expect_eq(check.offset, 250);
    expect_said("Torn tail: the last 30 bytes of 0000000000000003.log are not whole, as a sudden "
                "end leaves them; nothing says that they were on disk before.\n"
                "Can be recovered: up to offset 250 of history " A
                ", written at 2023-11-14T22:16:40.000Z.\n");
}

Test(log_check, of_a_last_segment_without_head_is_torn)
{
    make_three();
    log_dir_write(&dir, "0000000000000004.log", BYTES_LITERAL("STAR"));
    run();
    cr_expect_eq(check.verdict, LOG_TORN);
    cr_expect_eq(check.offset, 300);
    expect_said("0000000000000004.log                    -                    -            4  (no "
                "good head)\n");
}

Test(log_check, of_damage_says_where_it_is_and_what_is_lost)
{
    make_three();
    log_dir_spoil(&dir, 2, HEAD + FRAME + 40);
    run();
    expect_damage(2, HEAD + FRAME, 150, 300);
    expect_said("DAMAGED: 0000000000000002.log is damaged at byte 218, where offset 150 should be: "
                "the log had been on disk up to offset 200 at least, which is 50 more bytes.\n"
                "Behind the last good byte are 382 bytes in files.\n"
                "Lost: 150 bytes of the log, offsets 150 to 300, which were on disk, and whatever "
                "came behind them.\n"
                "Can be recovered: up to offset 150 of history " A ".\n");
}

Test(log_check, of_a_missing_segment_is_damage)
{
    make_three();
    log_dir_add(&dir, 5, "a", 400, 500);
    run();
    expect_damage(4, 0, 300, 400);
    expect_said("DAMAGED: 0000000000000004.log is missing, and later ones are there.\n");
}

Test(log_check, of_a_bad_head_before_the_last_is_damage)
{
    make_three();
    log_dir_add(&dir, 4, "a", 300, 400);
    log_dir_spoil(&dir, 3, 20);
    run();
    expect_damage(3, 0, 200, 300);
    expect_said("DAMAGED: 0000000000000003.log: the checksum of its head is wrong.\n");
}

Test(log_check, of_a_log_that_ends_before_its_orderly_end_is_damage)
{
    make_three();
    log_dir_write_manifest(&dir, 150, 2, 300);
    log_dir_cut(&dir, 3, HEAD + FRAME);
    run();
    expect_damage(3, HEAD + FRAME, 250, 300);
    expect_said("DAMAGED: the server ended in order at offset 300, and the log ends at 250.\n");
}

Test(log_check, that_was_turned_off_does_not_count)
{
    make_three();
    log_dir_turn_off(&dir);
    run();
    cr_expect_eq(check.verdict, LOG_GOOD);
    cr_expect_not(check.is_recovered);
    expect_said(
        "The log was turned off: nothing of it counts, and a start reads the snapshot alone.\n");
}

Test(log_check, without_the_segment_of_the_base_is_damage)
{
    log_dir_add(&dir, 3, "a", 200, 300);
    log_dir_write_manifest(&dir, 150, 2, 0);
    run();
    expect_damage(0, 0, 150, 150);
    expect_said("DAMAGED: no segment has offset 150 of history " A ".\n");
}

Test(log_check, without_manifest_reads_all_and_is_damage)
{
    make_three();
    log_dir_write(&dir, MANIFEST_NAME, BYTES_LITERAL("starling-log 1\n"));
    run();
    cr_expect_eq(check.verdict, LOG_DAMAGED);
    expect_said("DAMAGED: manifest: the checksum in its last line is not there, or wrong.\n");
    cr_expect_eq(unlink(strcat(dir.log, "/manifest")), 0);
    *strrchr(dir.log, '/') = '\0';
    run();
    cr_expect_eq(check.verdict, LOG_DAMAGED);
    cr_expect_eq(check.offset, 300);
    expect_said("DAMAGED: there is no manifest, which names the base that the log goes on from.\n");
    expect_said("Can be recovered: up to offset 300 of history " A
                ", written at 2023-11-14T22:17:30.000Z.\n");
}

Test(log_check, tells_damage_that_no_start_reads)
{
    make_three();
    log_dir_spoil(&dir, 1, HEAD + 3);
    run();
    cr_expect_eq(check.verdict, LOG_DAMAGED);
    cr_expect(check.damage.is_there && !check.damage.is_needed);
    cr_expect_eq(check.damage.number, 1);
    cr_expect_eq(check.offset, 300);
    expect_said("A start does not read that: older segments serve replicas only.\n");
    log_dir_spoil(&dir, 1, 20);
    run();
    cr_expect(check.damage.is_there && !check.damage.is_needed);
    cr_expect_eq(check.damage.number, 1);
    cr_expect_eq(check.offset, 300);
    log_dir_spoil(&dir, 3, HEAD + 3);
    log_dir_add(&dir, 4, "a", 300, 400);
    run();
    expect_damage(3, HEAD, 200, 400);
}

Test(log_check, looks_at_void_segments)
{
    make_three();
    log_dir_add(&dir, 4, "a", 220, 220);
    log_dir_add(&dir, 5, "a", 220, 270);
    run();
    cr_expect_eq(check.verdict, LOG_GOOD, "%s", check.damage.reason.text);
    cr_expect_eq(check.offset, 270);
    expect_said("0000000000000004.log                  220               (void)          136  -    "
                "                     "
                "-                         " A "\n");
}

Test(log_check, finds_segments_that_have_the_names_of_others_or_are_of_another_log)
{
    make_three();
    log_dir_add(&dir, 4, "x", 5000, 5100);
    log_dir_add(&dir, 5, "a", 300, 400);
    run();
    cr_expect_eq(check.verdict, LOG_DAMAGED);
    cr_expect(check.damage.is_needed);
    cr_expect_eq(check.offset, 300);
    expect_said("DAMAGED: 0000000000000004.log does not go on from 0000000000000003.log, at offset "
                "300: files were mixed up, or are of another log.\n");
    expect_said("0000000000000004.log                 5000                 5100          300  "
                "2023-11-14T23:36:40.000Z  "
                "2023-11-14T23:37:30.000Z  " X "\n");
}

Test(log_check, cannot_read_what_is_newer_or_forbidden)
{
    struct buf text = {0};

    make_three();
    cr_assert(log_dir_read(&dir, MANIFEST_NAME, &text));
    buf_clear(&text);
    buf_append_text(&text, "starling-log 2\ncrc d7e35813\n");
    log_dir_write(&dir, MANIFEST_NAME, buf_bytes(&text));
    buf_deinit(&text);
    run();
    cr_expect_eq(check.verdict, LOG_UNREADABLE, "%s", check.damage.reason.text);
    expect_said("UNREADABLE: manifest: it has version 2, and versions up to 1 are known\n");
}

static void see_progress(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
    uint64_t *last = context;

    cr_assert_geq(done_bytes, *last);
    cr_assert_leq(done_bytes, total_bytes);
    *last = done_bytes;
}

Test(log_check, tells_how_far_it_is)
{
    struct log_folder folder;
    uint64_t last = 0;

    make_three();
    cr_assert(log_folder_open(&folder, dir.log, NULL));
    log_check_run(&check, &(struct log_check_how){.source = &folder.source,
                                                  .on_progress = see_progress,
                                                  .progress_context = &last});
    log_folder_close(&folder);
    cr_expect_eq(last, segment_list_size(&check.list));
    cr_expect_eq(last, 3 * (HEAD + 2 * FRAME));
}

Test(log_check, says_how_much_longer_it_takes)
{
    static const struct {
        uint64_t done;
        uint64_t total;
        int64_t passed_ms;
        const char *text;
    } cases[] = {
        {0,   100,     1000, ""           },
        {100, 100,     1000, ""           },
        {50,  100,     0,    ""           },
        {50,  100,     9000, "9 s left"   },
        {1,   421,     1000, "7 min left" },
        {1,   3600001, 2000, "2000 h left"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = {0};

        log_report_write_time_left(cases[i].done, cases[i].total, cases[i].passed_ms, &out);
        cr_expect_str_eq(buf_text(&out), cases[i].text);
        buf_deinit(&out);
    }
}

/* ---- the folder --------------------------------------------------------------------------------- */

Test(log_check, finds_the_folder_by_its_own_name_and_by_the_servers)
{
    const char *const names[] = {dir.path, dir.log};

    log_dir_write_snapshot(&dir, "d.rdb", "7");
    for (size_t i = 0; i < 2; i++) {
        struct log_folder folder;
        struct errmsg error = {0};
        struct log_snapshot snapshot;

        cr_assert(log_folder_open(&folder, names[i], &error));
        cr_expect_str_eq(folder.path, dir.log);
        snapshot = log_folder_find_snapshot(&folder, "d.rdb");
        cr_expect_eq(snapshot.kind, LOG_SNAPSHOT_PLACED);
        cr_expect_eq(snapshot.position.offset, 7);
        snapshot = log_folder_find_snapshot(&folder, "e.rdb");
        cr_expect_eq(snapshot.kind, LOG_SNAPSHOT_NONE);
        log_folder_close(&folder);
    }
}

Test(log_check, of_no_folder_says_why)
{
    struct log_folder folder;
    struct errmsg error = {0};
    char path[128];

    snprintf(path, sizeof(path), "%s/not/there", dir.path);
    cr_expect_not(log_folder_open(&folder, path, &error));
    cr_expect_not_null(strstr(error.text, "not/there: No such file or directory"), "%s",
                       error.text);
    log_folder_close(&folder);
    snprintf(path, sizeof(path), "%s/file", dir.log);
    log_dir_write(&dir, "file", (struct bytes){"", 0});
    cr_expect_not(log_folder_open(&folder, path, &error));
    cr_expect_not_null(strstr(error.text, "file: Not a directory"), "%s", error.text);
    log_folder_close(&folder);
}

Test(log_check, sees_a_process_that_has_the_log_open)
{
    struct log_folder folder;
    int ends[2];
    int started[2];
    char byte = 0;
    pid_t child;

    log_dir_write(&dir, ".manifest.lock", (struct bytes){"", 0});
    cr_assert(log_folder_open(&folder, dir.path, NULL));
    cr_expect_eq(log_folder_holder(&folder), 0);
    cr_assert_eq(pipe(ends) | pipe(started), 0);
    child = fork();
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(strcat(dir.log, "/.manifest.lock"), O_RDWR);

        close(ends[1]);
        if (fcntl(fd, F_SETLK, &lock) == 0 && write(started[1], "x", 1) == 1) {
            (void)!read(ends[0], &byte, 1); /* until the test ends */
        }
        _exit(0);
    }
    cr_assert_eq(read(started[0], &byte, 1), 1);
    cr_expect_eq(log_folder_holder(&folder), child);
    close(ends[1]);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_expect_eq(log_folder_holder(&folder), 0);
    log_folder_close(&folder);
}

/* ---- the snapshot ------------------------------------------------------------------------------- */

Test(log_check, begins_where_the_snapshot_says_that_it_is)
{
    make_three();
    log_dir_name_base(&dir, "d.rdb");
    log_dir_write_snapshot(&dir, "d.rdb", "250");
    log_dir_spoil(&dir, 2, HEAD + FRAME + 40);
    run();
    cr_expect_eq(check.verdict, LOG_DAMAGED);
    cr_expect_not(check.damage.is_needed, "the manifest was not written again yet");
    cr_expect_eq(check.offset, 300);
    cr_expect_eq(check.start_number, 3);
    expect_said("Base: d.rdb, at offset 150 of history " A "\n"
                "Snapshot: 85 bytes, at offset 250 of history " A "\n");
}

Test(log_check, begins_at_the_usual_snapshot_when_the_manifest_knows_none_yet)
{
    make_three();
    log_dir_write_snapshot(&dir, "dump.rdb", "250");
    run();
    cr_expect_eq(check.start_offset, 250);
    log_dir_write_snapshot(&dir, "dump.rdb", "149");
    run();
    cr_expect_eq(check.start_offset, 150, "that is older than the log");
    log_dir_write_snapshot(&dir, "dump.rdb", NULL);
    run();
    cr_expect_eq(check.start_offset, 150);
    cr_expect_eq(check.verdict, LOG_GOOD);
}

Test(log_check, without_the_snapshot_or_its_place_recovers_nothing)
{
    make_three();
    log_dir_name_base(&dir, "d.rdb");
    run();
    cr_expect_eq(check.verdict, LOG_DAMAGED);
    cr_expect_not(check.is_recovered);
    expect_said("DAMAGED: the snapshot d.rdb, which the log goes on from, is not there.\n"
                "Nothing can be recovered from it.\n");
    log_dir_write_snapshot(&dir, "d.rdb", NULL);
    run();
    cr_expect_not(check.is_recovered);
    expect_said("DAMAGED: the snapshot d.rdb, which the log goes on from, says no place in a "
                "history.\n");
    log_dir_write_snapshot(&dir, "d.rdb", "99999");
    run();
    cr_expect_eq(check.offset, 99999, "the log ends before it: all is in the snapshot");
    cr_expect_eq(check.verdict, LOG_GOOD);
}

/* So many bytes of it, and in the last of them one bit turned. */
static void spoil_snapshot(size_t cut, char bit)
{
    struct buf text = {0};

    log_dir_write_snapshot(&dir, "d.rdb", "250");
    cr_assert(log_dir_read(&dir, "../d.rdb", &text));
    text.len -= cut;
    text.data[text.len - 1] ^= bit;
    log_dir_write(&dir, "../d.rdb", buf_bytes(&text));
    buf_deinit(&text);
}

Test(log_check, with_a_snapshot_that_is_not_whole_recovers_nothing)
{
    make_three();
    log_dir_name_base(&dir, "d.rdb");
    spoil_snapshot(0, 1);
    run();
    cr_expect_eq(check.verdict, LOG_DAMAGED);
    cr_expect_not(check.is_recovered);
    expect_said("DAMAGED: the snapshot d.rdb, which the log goes on from, cannot be loaded: its "
                "checksum is wrong.\n"
                "Nothing can be recovered from it.\n");
    spoil_snapshot(3, 0);
    run();
    cr_expect_not(check.is_recovered);
    expect_said("DAMAGED: the snapshot d.rdb, which the log goes on from, cannot be loaded: it has "
                "no end.\n");
    spoil_snapshot(0, 0);
    run();
    cr_expect_eq(check.verdict, LOG_GOOD);
}

Test(log_check, needs_no_older_segments_even_if_they_are_missing)
{
    make_three();
    log_dir_add(&dir, 4, "a", 300, 400);
    log_dir_name_base(&dir, "d.rdb");
    log_dir_write_snapshot(&dir, "d.rdb", "350");
    log_dir_remove(&dir, 2);
    log_dir_spoil(&dir, 3, 20);
    run();
    cr_expect_eq(check.verdict, LOG_DAMAGED);
    cr_expect_not(check.damage.is_needed);
    cr_expect_eq(check.damage.number, 3);
    cr_expect_eq(check.offset, 400);
}
