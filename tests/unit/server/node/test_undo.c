/* SPDX-License-Identifier: MIT */
/* Going back at start to a place in the log, and what is kept of what was behind it. */
#include "node/inside.h"
#include "segment/segment.h"
#include "tests/unit/answers.h"

#include <stdio.h>

static const struct alone_option logged[] = {
    {"appendonly",            "yes"  },
    {"repl-log-segment-size", "4096" },
    {"repl-backlog-size",     "16384"},
};

static struct alone *start_on(const struct disk *disk, int64_t now_us,
                              const struct log_place *until)
{
    struct alone_past past = {.disk = disk, .seed = 79, .now_us = now_us, .until = until};
    struct alone *a = alone_new_after(logged, ARRAY_COUNT(logged), &past);

    if (a->node != NULL && alone_load(a)) {
        alone_connect(a, 0);
    }
    return a;
}

/* The node ends, and another one starts on its disk. */
static struct alone *again(struct alone *a, const struct log_place *until)
{
    struct alone *next = start_on(&a->disk, a->now_us, until);

    alone_free(a);
    return next;
}

static struct log_place offset_place(uint64_t offset)
{
    return (struct log_place){.offset = offset};
}

/* ---- a log of some requests ------------------------------------------------------------------- */

enum {
    STEPS = 40,
};

struct past {
    struct alone *a;
    uint64_t offsets[STEPS + 1]; /* behind each step, */
    uint64_t digests[STEPS + 1]; /* and the data there */
    int64_t times[STEPS + 1];    /* Unix ms */
};

/* Each step is a request or a transaction and is on disk before the next one, a second later. */
static void make_past(struct past *past)
{
    static const char *const requests[] = {
        "SET a%d 1\r\n",
        "MULTI\r\nRPUSH l %d\r\nINCR n\r\nSET m 1 EX 1000\r\nEXEC\r\n",
        "HSET h f%d 1\r\n",
        "SELECT 3\r\nSET in3 %d\r\nSELECT 0\r\n",
    };

    past->a = answers_start(logged, ARRAY_COUNT(logged));
    for (int i = 0; i <= STEPS; i++) {
        struct buf lines = {0};

        if (i == STEPS / 2) {
            buf_append_text(&lines, "FLUSHALL\r\n");
        } else if (i > 0) {
            buf_printf(&lines, requests[i % 4], i);
        }
        answers_send(past->a, 0, buf_text(&lines));
        answers_idle(past->a, 4, 1);
        past->offsets[i] = oplog_end(past->a->node->journal.log);
        past->digests[i] = node_digest(past->a->node);
        past->times[i] = past->a->node->now.unix_ms;
        answers_idle(past->a, 1, 1000);
        buf_deinit(&lines);
        lines = answers_take(past->a, 0);
        buf_deinit(&lines);
    }
    answers_idle(past->a, 3, 1000);
    cr_assert_eq(past->a->node->disk_log.durable, past->offsets[STEPS]);
}

/* The last step that ends at or before the offset. */
static int step_at(const struct past *past, uint64_t offset)
{
    int step = 0;

    while (step < STEPS && past->offsets[step + 1] <= offset) {
        step++;
    }
    return step;
}

static bool same_file(const struct disk *a, const char *name_a, const struct disk *b,
                      const char *name_b)
{
    const struct disk_file *first = disk_find(a, name_a);
    const struct disk_file *second = disk_find(b, name_b);

    return first != NULL && second != NULL &&
           bytes_equal(buf_bytes(&first->content), buf_bytes(&second->content));
}

/* Is all that the disk had in its folder to be found in the other one's folder of that name? */
static void expect_aside(const struct disk *before, const struct disk *after, const char *folder)
{
    for (size_t i = 0; i < before->files.count; i++) {
        char path[2 * DISK_NAME_MAX];

        snprintf(path, sizeof(path), "%s/%s", folder, before->files.items[i].name);
        cr_assert(same_file(before, before->files.items[i].name, after, path), "%s", path);
    }
}

/* ---- where it goes ---------------------------------------------------------------------------- */

Test(undo, has_at_every_offset_the_whole_requests_before_it_and_keeps_the_rest)
{
    struct past past;

    make_past(&past);
    for (uint64_t offset = past.offsets[0]; offset < past.offsets[STEPS]; offset++) {
        struct log_place place = offset_place(offset);
        struct alone *b = start_on(&past.a->disk, past.a->now_us, &place);
        int step = step_at(&past, offset);

        cr_assert_not(b->has_exited, "%s", buf_text(&b->warnings));
        cr_assert_eq(node_digest(b->node), past.digests[step], "%llu", (unsigned long long)offset);
        cr_assert_leq(oplog_end(b->node->journal.log), offset);
        cr_assert_geq(oplog_end(b->node->journal.log), past.offsets[step]); /* or behind a SELECT */
        cr_assert_not_null(strstr(buf_text(&b->warnings), "went back to offset"));
        expect_aside(&past.a->disk, &b->disk, b->node->undo.folder);
        b = again(b, NULL);
        cr_assert_eq(node_digest(b->node), past.digests[step], "nothing comes back by itself");
        alone_free(b);
    }
    alone_free(past.a);
}

Test(undo, has_at_every_time_what_was_written_until_then)
{
    struct past past;

    make_past(&past);
    for (int step = 0; step < STEPS; step++) {
        struct log_place place = {.is_time = true, .unix_ms = past.times[step] + 500};
        struct alone *b = start_on(&past.a->disk, past.a->now_us, &place);

        cr_assert_not(b->has_exited, "%s", buf_text(&b->warnings));
        cr_assert_eq(node_digest(b->node), past.digests[step], "%d", step);
        alone_free(b);
    }
    alone_free(past.a);
}

Test(undo, goes_on_in_a_history_of_its_own_which_survives)
{
    struct past past;
    struct log_place place;
    struct history_id history;
    struct history_id before;
    uint64_t end = 0;

    make_past(&past);
    place = offset_place(past.offsets[STEPS / 2 - 1]);
    before = *oplog_history(past.a->node->journal.log);
    past.a = again(past.a, &place);
    history = *oplog_history(past.a->node->journal.log);
    cr_expect_not(history_id_equal(&history, &before));
    cr_expect(oplog_history_end(past.a->node->journal.log, &before, &end));
    cr_expect_eq(end, place.offset, "who knows more of it is recognised");
    answers_expect(past.a, "SET behind 1", "+OK|");
    answers_idle(past.a, 3, 1000);
    past.a = again(past.a, NULL);
    answers_expect(past.a, "MGET behind a4", "*2|$1|1|$1|1|");
    cr_expect(oplog_history_end(past.a->node->journal.log, &before, &end));
    cr_expect_eq(end, place.offset);
    answers_expect(past.a, "SET behind 2", "+OK|");
    answers_expect(past.a, "BGSAVE", "+Background saving started|");
    answers_idle(past.a, 5, 1000);
    past.a = again(past.a, NULL);
    answers_expect(past.a, "MGET behind a4", "*2|$1|2|$1|1|");
    alone_free(past.a);
}

Test(undo, can_be_done_again_with_an_earlier_place_and_in_the_folder_that_was_kept_with_a_later_one)
{
    struct past past;
    struct log_place late;
    struct log_place early;
    struct alone *b;
    char first[UNDO_FOLDER_SIZE];

    make_past(&past);
    late = offset_place(past.offsets[30]);
    early = offset_place(past.offsets[10]);
    b = start_on(&past.a->disk, past.a->now_us, &late);
    cr_assert_eq(node_digest(b->node), past.digests[30]);
    bytes_to_text(bytes_from_text(b->node->undo.folder), first, sizeof(first));
    b = again(b, &early);
    cr_assert_not(b->has_exited, "%s", buf_text(&b->warnings));
    cr_assert_eq(node_digest(b->node), past.digests[10]);
    cr_expect_str_neq(b->node->undo.folder, first);
    expect_aside(&past.a->disk, &b->disk, first);
    alone_free(b);
    alone_free(past.a);
}

Test(undo, goes_back_before_damage)
{
    struct past past;
    struct log_place place;
    struct errmsg error = {0};
    struct buf text = {0};
    const char *path = "appendonlydir/0000000000000001.log";

    make_past(&past);
    place = offset_place(past.offsets[3]);
    cr_assert_eq(past.a->disk.fs.read_file(&past.a->disk, path, 1 << 20, &text, &error), FS_OK);
    /* The frame of the next step. */
    text.data[SEGMENT_HEAD_BYTES + 3 * SEGMENT_FRAME_HEAD_BYTES + past.offsets[3] + 8] ^= 1;
    cr_assert_eq(past.a->disk.fs.write_whole(&past.a->disk, path, buf_bytes(&text), &error), FS_OK);
    buf_deinit(&text);
    past.a = again(past.a, &place);
    cr_assert_not(past.a->has_exited, "%s", buf_text(&past.a->warnings));
    cr_expect_eq(node_digest(past.a->node), past.digests[3]);
    alone_free(past.a);
}

/* ---- what is refused -------------------------------------------------------------------------- */

/* It does not start, says why, and the disk is as it was. */
static void expect_refused(const struct disk *disk, int64_t now_us, const struct log_place *place,
                           const char *reason)
{
    struct alone *b = start_on(disk, now_us, place);

    cr_assert(b->has_exited, "%s", reason);
    cr_expect_not_null(strstr(buf_text(&b->warnings), reason), "%s", buf_text(&b->warnings));
    cr_expect_eq(b->disk.files.count, disk->files.count);
    for (size_t i = 0; i < disk->files.count; i++) {
        const char *name = disk->files.items[i].name;

        cr_expect(same_file(disk, name, &b->disk, name), "%s", name);
    }
    alone_free(b);
}

Test(undo, of_nothing_is_refused_and_so_is_what_was_before_the_snapshot)
{
    struct past past;
    struct log_place place;

    make_past(&past);
    place = offset_place(past.offsets[STEPS]);
    expect_refused(&past.a->disk, past.a->now_us, &place, "nothing is behind offset");
    place = offset_place(UINT64_MAX);
    expect_refused(&past.a->disk, past.a->now_us, &place, "nothing is behind offset 1844674407370");
    place = (struct log_place){.is_time = true, .unix_ms = past.times[STEPS] + 500};
    expect_refused(&past.a->disk, past.a->now_us, &place, "nothing is behind 20");
    answers_expect(past.a, "BGSAVE", "+Background saving started|");
    answers_idle(past.a, 5, 1000);
    answers_expect(past.a, "SET behind 1", "+OK|");
    answers_idle(past.a, 3, 1000);
    place = offset_place(past.offsets[STEPS] - 1);
    expect_refused(&past.a->disk, past.a->now_us, &place, "is before the snapshot dump.rdb");
    place = (struct log_place){.is_time = true, .unix_ms = past.times[10]};
    expect_refused(&past.a->disk, past.a->now_us, &place, "is before the snapshot dump.rdb");
    place.unix_ms = past.a->node->now.unix_ms - 3500; /* behind the snapshot, before the write */
    past.a = again(past.a, &place);
    cr_expect_not(past.a->has_exited, "%s", buf_text(&past.a->warnings));
    answers_expect(past.a, "GET behind", "$-1|");
    alone_free(past.a);
}

Test(undo, to_the_same_place_is_refused_whatever_came_since)
{
    struct past past;
    struct log_place place;
    char folder[UNDO_FOLDER_SIZE];

    make_past(&past);
    place = offset_place(past.offsets[10] + 1);
    past.a = again(past.a, &place);
    bytes_to_text(bytes_from_text(past.a->node->undo.folder), folder, sizeof(folder));
    expect_refused(&past.a->disk, past.a->now_us, &place, folder);
    answers_expect(past.a, "SET behind 1", "+OK|");
    answers_idle(past.a, 3, 1000);
    expect_refused(&past.a->disk, past.a->now_us, &place, folder);
    alone_free(past.a);
}

Test(undo, is_refused_where_others_would_bring_all_back_and_where_there_is_no_log)
{
    static const struct {
        struct alone_option option;
        const char *reason;
    } cases[] = {
        {{"cluster-enabled", "yes"},      "--until cannot be used in cluster mode"},
        {{"replicaof", "127.0.0.1 7000"}, "--until cannot be used on a replica"   },
        {{"appenddirname", "another"},    "there is no log in another"            },
    };
    struct past past;
    struct log_place place;

    make_past(&past);
    place = offset_place(past.offsets[10]);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alone_past was = {
            .disk = &past.a->disk, .seed = 7, .now_us = past.a->now_us, .until = &place};
        struct alone *b = alone_new_after(&cases[i].option, 1, &was);

        cr_expect_null(b->node);
        cr_expect_not_null(strstr(buf_text(&b->warnings), cases[i].reason), "%s",
                           buf_text(&b->warnings));
        alone_free(b);
    }
    alone_free(past.a);
}

/* ---- when it is cut short --------------------------------------------------------------------- */

enum {
    CUTS_MAX = 200,
};

static struct disk cuts[CUTS_MAX];
static size_t cut_count;

static void note_cut(void *owner)
{
    struct alone *a = owner;

    cr_assert_lt(cut_count, CUTS_MAX);
    disk_copy(&cuts[cut_count++], &a->disk);
}

Test(undo, that_is_cut_short_anywhere_loses_nothing_and_can_be_done_again)
{
    struct past past;
    struct log_place place;
    struct alone *b;
    struct alone_past was;
    char folder[UNDO_FOLDER_SIZE];

    make_past(&past);
    place = offset_place(past.offsets[10]);
    was = (struct alone_past){
        .disk = &past.a->disk, .seed = 5, .now_us = past.a->now_us, .until = &place};
    b = alone_new_after(logged, ARRAY_COUNT(logged), &was);
    b->disk.on_change = note_cut;
    b->disk.owner = b;
    cr_assert(alone_load(b));
    cr_expect_gt(cut_count, 8);
    bytes_to_text(bytes_from_text(b->node->undo.folder), folder, sizeof(folder));
    for (size_t i = 0; i < cut_count; i++) {
        struct alone *plain = start_on(&cuts[i], past.a->now_us, NULL);
        struct alone *repeated;
        bool is_done;

        cr_assert_not(plain->has_exited, "%zu: %s", i, buf_text(&plain->warnings));
        is_done = node_digest(plain->node) == past.digests[10];
        repeated = start_on(&cuts[i], past.a->now_us, &place);
        if (!repeated->has_exited) {
            cr_expect_eq(node_digest(repeated->node), past.digests[10], "%zu", i);
        } else {
            cr_expect(is_done, "%zu: %s", i, buf_text(&repeated->warnings));
        }
        expect_aside(&past.a->disk, &repeated->disk, folder);
        alone_free(plain);
        alone_free(repeated);
        disk_deinit(&cuts[i]);
    }
    b->disk.on_change = NULL;
    alone_free(b);
    alone_free(past.a);
}
