/* SPDX-License-Identifier: MIT */
/* cli/log_repair: afterwards the log is good up to where it was, and all that was there is still there. */
#include "cli/log_repair.h"

#include "base/mem.h"
#include "base/rng.h"
#include "tests/unit/cli/log_dir.h"
#include "tests/unit/seed.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD  SEGMENT_HEAD_BYTES
#define FRAME (SEGMENT_FRAME_HEAD_BYTES + 50)
#define KEPT  ".damaged-1700000000"

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

TestSuite(log_repair, .init = set_up, .fini = tear_down);

/* Segments 1 to 4 of a with a hundred bytes each. */
static void make_four(uint64_t base_offset, uint64_t first, uint64_t end)
{
    for (uint64_t i = 1; i <= 4; i++) {
        log_dir_add(&dir, i, "a", (i - 1) * 100, i * 100);
    }
    log_dir_write_manifest(&dir, base_offset, first, end);
}

static void run(void)
{
    log_check_deinit(&check);
    check = log_dir_check(&dir);
}

static bool is_there(const char *name)
{
    struct buf bytes = {0};
    bool is_found = log_dir_read(&dir, name, &bytes);

    buf_deinit(&bytes);
    return is_found;
}

/* Check, plan, repair, check again. */
static void repair(const char *wanted_plan)
{
    struct log_plan plan;
    struct errmsg error = {0};
    struct buf out = {0};

    run();
    cr_assert(log_repair_plan(&check, &plan, &error), "%s", error.text);
    log_repair_write_plan(&plan, &out);
    cr_expect_str_eq(buf_text(&out), wanted_plan);
    cr_assert(log_repair_run(&plan, dir.log, 1700000000, &error), "%s", error.text);
    buf_deinit(&out);
    run();
}

static void expect_good(uint64_t offset)
{
    cr_expect_eq(check.verdict, LOG_GOOD, "%s %s", check.problem.text, check.damage.reason.text);
    cr_expect_eq(check.offset, offset);
}

#define ALL_IS_KEPT "All that is there now is kept, with .damaged-<time> behind its name.\n"

Test(log_repair, cuts_the_damaged_segment_and_keeps_all_that_was_there)
{
    struct buf before = {0};
    struct buf kept = {0};
    struct buf left = {0};
    struct stat status;
    char path[256];

    make_four(50, 1, 400);
    log_dir_spoil(&dir, 2, HEAD + FRAME + 40);
    snprintf(path, sizeof(path), "%s/0000000000000002.log", dir.log);
    cr_assert_eq(chmod(path, 0640), 0);
    cr_assert(log_dir_read(&dir, "0000000000000002.log", &before));
    repair("0000000000000002.log will be cut to 218 bytes.\n"
           "2 segments, from 0000000000000003.log to 0000000000000004.log, will be moved aside.\n"
           "The manifest will say no more than what is left.\n" ALL_IS_KEPT);
    expect_good(150);
    cr_assert(log_dir_read(&dir, "0000000000000002.log" KEPT, &kept));
    cr_assert(log_dir_read(&dir, "0000000000000002.log", &left));
    cr_expect(bytes_equal(buf_bytes(&kept), buf_bytes(&before)));
    cr_expect(bytes_equal(buf_bytes(&left), bytes_prefix(buf_bytes(&before), HEAD + FRAME)));
    cr_assert_eq(stat(path, &status), 0);
    cr_expect_eq(status.st_mode & 0777, 0640, "who could read it can still");
    cr_expect(is_there("0000000000000003.log" KEPT) && is_there("0000000000000004.log" KEPT));
    cr_expect(is_there(MANIFEST_NAME KEPT));
    cr_expect_not(is_there("0000000000000003.log"));
    cr_expect_not(check.manifest.has_end, "the log does not go to that end any more");
    cr_expect_eq(check.manifest.first, 1);
    buf_deinit(&before);
    buf_deinit(&kept);
    buf_deinit(&left);
}

Test(log_repair, moves_a_segment_without_head_and_later_ones_aside)
{
    make_four(50, 1, 0);
    log_dir_spoil(&dir, 3, 20);
    repair("2 segments, from 0000000000000003.log to 0000000000000004.log, will be moved "
           "aside.\n" ALL_IS_KEPT);
    expect_good(200);
    cr_expect_not(is_there(MANIFEST_NAME KEPT), "it was right");
}

Test(log_repair, moves_what_follows_a_missing_segment_aside)
{
    make_four(50, 1, 0);
    log_dir_remove(&dir, 3);
    repair("0000000000000004.log will be moved aside.\n" ALL_IS_KEPT);
    expect_good(200);
}

Test(log_repair, takes_an_orderly_end_back_that_was_not_reached)
{
    make_four(50, 1, 400);
    log_dir_cut(&dir, 4, HEAD + FRAME);
    repair("The manifest will say no more than what is left.\n" ALL_IS_KEPT);
    expect_good(350);
    cr_expect_not(check.manifest.has_end);
}

Test(log_repair, needs_no_segments_when_the_damage_is_before_the_base)
{
    make_four(180, 2, 0);
    log_dir_spoil(&dir, 2, HEAD + 3);
    repair("4 segments, from 0000000000000001.log to 0000000000000004.log, will be moved aside.\n"
           "The manifest will say no more than what is left.\n" ALL_IS_KEPT);
    expect_good(180);
    cr_expect_eq(check.manifest.first, 0);
    cr_expect_eq(check.list.count, 0);
}

Test(log_repair, goes_on_from_an_older_segment_when_the_first_that_is_needed_has_no_head)
{
    make_four(100, 2, 0);
    log_dir_spoil(&dir, 2, 20);
    repair("3 segments, from 0000000000000002.log to 0000000000000004.log, will be moved aside.\n"
           "The manifest will say no more than what is left.\n" ALL_IS_KEPT);
    expect_good(100);
    cr_expect_eq(check.manifest.first, 1);
    cr_expect_eq(check.list.count, 1);
}

Test(log_repair, moves_older_segments_aside_when_only_those_are_damaged)
{
    make_four(250, 3, 400);
    log_dir_spoil(&dir, 2, HEAD + 3);
    repair("2 segments, from 0000000000000001.log to 0000000000000002.log, will be moved "
           "aside.\n" ALL_IS_KEPT);
    expect_good(400);
    cr_expect(check.manifest.has_end);
}

Test(log_repair, goes_by_the_place_of_the_snapshot)
{
    make_four(50, 1, 0);
    log_dir_name_base(&dir, "d.rdb");
    log_dir_write_snapshot(&dir, "d.rdb", "250");
    log_dir_spoil(&dir, 2, HEAD + 3);
    repair("2 segments, from 0000000000000001.log to 0000000000000002.log, will be moved "
           "aside.\n" ALL_IS_KEPT);
    expect_good(400);
    log_dir_spoil(&dir, 3, HEAD + 3);
    repair("2 segments, from 0000000000000003.log to 0000000000000004.log, will be moved aside.\n"
           "The manifest will say no more than what is left.\n" ALL_IS_KEPT);
    expect_good(250);
    cr_expect_eq(check.manifest.base_offset, 250, "no segment leads there any more");
}

Test(log_repair, forgets_histories_that_begin_behind_the_cut)
{
    struct manifest manifest = {.base_history = log_dir_history('a'), .first = 1};
    struct history_id a = log_dir_history('a');
    struct history_id b = log_dir_history('b');
    struct buf text = {0};

    log_dir_add(&dir, 1, "a", 0, 100);
    log_dir_add(&dir, 2, "ba", 100, 200);
    log_dir_add(&dir, 3, "cb", 200, 300);
    lineage_add(&manifest.lineage, &a, 100);
    lineage_add(&manifest.lineage, &b, 200);
    manifest_format(&manifest, &text);
    log_dir_write(&dir, MANIFEST_NAME, buf_bytes(&text));
    buf_deinit(&text);
    log_dir_spoil(&dir, 2, HEAD + FRAME + 3);
    repair("0000000000000002.log will be cut to 218 bytes.\n"
           "0000000000000003.log will be moved aside.\n"
           "The manifest will say no more than what is left.\n" ALL_IS_KEPT);
    expect_good(150);
    cr_expect_eq(check.history.text[0], 'b');
    cr_assert_eq(check.manifest.lineage.count, 1);
    cr_expect_eq(check.manifest.lineage.items[0].end, 100);
}

Test(log_repair, that_was_broken_off_can_be_begun_again)
{
    struct log_plan plan;
    struct errmsg error = {0};

    make_four(50, 1, 400);
    log_dir_spoil(&dir, 2, HEAD + FRAME + 40);
    run();
    cr_assert(log_repair_plan(&check, &plan, &error));
    log_dir_write(&dir, "0000000000000002.log" KEPT, BYTES_LITERAL("of another repair"));
    cr_expect_not(log_repair_run(&plan, dir.log, 1700000000, &error));
    cr_expect_str_eq(error.text, "keeping 0000000000000002.log: File exists");
    run();
    cr_assert(log_repair_plan(&check, &plan, &error));
    cr_expect(log_repair_run(&plan, dir.log, 1700000001, &error), "%s", error.text);
    run();
    expect_good(150);
}

static void expect_refused(const char *reason)
{
    struct log_plan plan;
    struct errmsg error = {0};

    run();
    cr_expect_not(log_repair_plan(&check, &plan, &error));
    cr_expect_str_eq(error.text, reason);
}

Test(log_repair, does_nothing_where_it_is_of_no_use)
{
    struct log_plan plan = {0};
    struct errmsg error = {0};

    make_four(50, 1, 0);
    expect_refused("Nothing has to be repaired");
    log_dir_cut(&dir, 4, HEAD + 7);
    expect_refused("Nothing has to be repaired");
    log_dir_write(&dir, MANIFEST_NAME, BYTES_LITERAL("x"));
    expect_refused("This cannot be repaired here: a start needs what is not there");
    check.verdict = LOG_UNREADABLE;
    cr_expect_not(log_repair_plan(&check, &plan, &error));
    cr_expect_str_eq(error.text, "What cannot be read is not repaired");
    cr_expect_not(log_repair_run(&plan, "/not/there", 0, &error));
    cr_expect_str_eq(error.text, "opening /not/there: No such file or directory");
}

/* Turn a bit, cut, remove. */
static void do_harm(struct rng *rng)
{
    uint64_t number = 1 + rng_below(rng, 5);
    uint64_t kind = rng_below(rng, 4);
    size_t place = (size_t)rng_below(rng, HEAD + 2 * FRAME);
    char name[SEGMENT_NAME_SIZE];

    segment_format_name(number, name);
    if (!is_there(name)) {
        return;
    }
    if (kind == 0) {
        log_dir_remove(&dir, number);
    } else if (kind == 1) {
        log_dir_cut(&dir, number, place);
    } else {
        log_dir_cut(&dir, number, HEAD + 2 * FRAME);
        log_dir_spoil(&dir, number, place);
    }
}

Test(log_repair, leaves_a_log_that_a_start_takes_whatever_was_damaged)
{
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int round = 0; round < 300; round++) {
        uint64_t start = rng_below(&rng, 501);
        uint64_t good;
        int repairs = 0;

        log_dir_close(&dir);
        log_dir_open(&dir);
        for (uint64_t i = 1; i <= 5; i++) {
            log_dir_add(&dir, i, "a", (i - 1) * 100, i * 100);
        }
        log_dir_write_manifest(&dir, start, start < 500 ? start / 100 + 1 : 5,
                               rng_one_in(&rng, 2) ? 500 : 0);
        for (uint64_t harm = 1 + rng_below(&rng, 3); harm > 0; harm--) {
            do_harm(&rng);
        }
        run();
        good = check.offset;
        while (check.verdict == LOG_DAMAGED && check.damage.number != 0) {
            struct log_plan plan;
            struct errmsg error = {0};

            SEED_ASSERT(++repairs < 10, seed);
            SEED_ASSERT(log_repair_plan(&check, &plan, &error), seed);
            SEED_ASSERT(log_repair_run(&plan, dir.log, 1700000000 + repairs, &error), seed);
            run();
            SEED_ASSERT(check.offset == good, seed);
        }
        /* Without any segment that has the place there is nothing to begin with. */
        SEED_ASSERT(check.verdict < LOG_DAMAGED || repairs == 0, seed);
        SEED_ASSERT(check.offset >= start, seed);
    }
}
