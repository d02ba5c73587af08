/* SPDX-License-Identifier: MIT */
/* What the log has behind the snapshot, executed again at start; and read for replicas that are far behind. */
#include "base/attr.h"
#include "node/inside.h"
#include "segment/segment.h"
#include "tests/unit/answers.h"

#include <stdio.h>

static const struct alone_option logged[] = {
    {"appendonly",        "yes"  },
    {"repl-backlog-size", "16384"},
};

static struct alone *again(struct alone *a)
{
    struct alone_past past = {.disk = &a->disk, .seed = 79, .now_us = a->now_us};
    struct alone *next = alone_new_after(logged, ARRAY_COUNT(logged), &past);

    if (next->node != NULL && alone_load(next)) {
        alone_connect(next, 0);
    }
    alone_free(a);
    return next;
}

static struct buf file_of(struct alone *a, const char *path)
{
    struct buf out = {0};
    struct errmsg error = {0};

    cr_assert_eq(a->disk.fs.read_file(&a->disk, path, 1 << 24, &out, &error), FS_OK);
    return out;
}

Test(replay, brings_back_what_every_kind_of_request_did)
{
    struct alone *a = answers_start(logged, ARRAY_COUNT(logged));
    uint64_t digest;

    answers_send(a, 0,
                 "SET s 1\r\nINCR s\r\nRPUSH l a b c\r\nLPOP l\r\nHSET h f 1 g 2\r\nHDEL h f\r\n"
                 "SADD t 1 2 x\r\nSPOP t\r\nZADD z 1 a 2 b\r\nZINCRBY z 1.5 a\r\nXADD x * f v\r\n"
                 "SELECT 3\r\nSET other 1\r\nEXPIRE other 1000\r\nMULTI\r\nSET m 1\r\nDEL m\r\n"
                 "SET n 1\r\nEXEC\r\nSELECT 0\r\nSET gone 1 PX 1\r\nRENAME s r\r\nCOPY r r2\r\n");
    answers_idle(a, 5, 500);
    digest = node_digest(a->node);
    a = again(a);
    cr_expect_eq(node_digest(a->node), digest);
    cr_expect_eq(a->node->replay.end, oplog_end(a->node->journal.log));
    alone_free(a);
}

Test(replay, executes_no_half_of_a_transaction)
{
    struct alone *a = answers_start(logged, ARRAY_COUNT(logged));
    const char *path = "appendonlydir/0000000000000001.log";
    struct errmsg error = {0};
    struct buf text;
    struct segment_frame frame;
    struct buf cut = {0};
    struct bytes stream =
        BYTES_LITERAL("*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n");

    answers_expect(a, "SET whole 1", "+OK|");
    answers_idle(a, 3, 1000);
    frame = (struct segment_frame){.start = oplog_end(a->node->journal.log), .bytes = stream};
    text = file_of(a, path);
    buf_append_bytes(&cut, buf_bytes(&text));
    segment_write_frame(&cut, &frame);
    cr_assert_eq(a->disk.fs.write_whole(&a->disk, path, buf_bytes(&cut), &error), FS_OK);
    buf_deinit(&text);
    buf_deinit(&cut);
    a = again(a);
    cr_expect_not(a->has_exited);
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 1);
    answers_expect(a, "SET behind 1", "+OK|");
    answers_idle(a, 3, 1000);
    a = again(a);
    answers_expect(a, "MGET whole a behind", "*3|$1|1|$-1|$1|1|");
    alone_free(a);
}

Test(replay, refuses_a_log_with_damage_and_says_where)
{
    struct alone *a = answers_start(logged, ARRAY_COUNT(logged));
    const char *path = "appendonlydir/0000000000000001.log";
    struct errmsg error = {0};
    struct buf text;

    answers_expect(a, "SET first 1", "+OK|");
    answers_idle(a, 3, 1000);
    answers_expect(a, "SET second 1", "+OK|");
    answers_idle(a, 3, 1000);
    answers_expect(a, "SET third 1", "+OK|");
    answers_idle(a, 3, 1000);
    text = file_of(a, path);
    text.data[SEGMENT_HEAD_BYTES + SEGMENT_FRAME_HEAD_BYTES + 3] ^= 1;
    cr_assert_eq(a->disk.fs.write_whole(&a->disk, path, buf_bytes(&text), &error), FS_OK);
    buf_deinit(&text);
    a = again(a);
    cr_expect(a->has_exited);
    cr_expect_not_null(strstr(buf_text(&a->warnings), "0000000000000001.log is damaged at byte"));
    alone_free(a);
}

Test(replay, leaves_the_log_on_disk_to_be_read_by_who_is_far_behind)
{
    struct alone *a = answers_start(logged, ARRAY_COUNT(logged));
    struct disk_feed feed = {0};
    struct errmsg error = {0};
    uint64_t offset = 0;
    struct bytes piece;
    char line[128];

    for (int i = 0; i < 4000; i++) {
        snprintf(line, sizeof(line), "SET key:%d %060d\r\n", i, i);
        answers_send(a, 0, line);
    }
    answers_idle(a, 10, 500);
    cr_assert_gt(oplog_start(a->node->journal.log), 0, "memory has the end alone");
    cr_expect_eq(disk_feed_start(a->node), 0);
    cr_expect(disk_feed_has(a->node, 0));
    while (offset < oplog_start(a->node->journal.log)) {
        cr_assert(disk_feed_read(a->node, &feed, offset, &piece, &error), "%s", error.text);
        offset += piece.len;
    }
    disk_feed_close(&feed);
    cr_expect_leq(offset, oplog_end(a->node->journal.log));
    alone_free(a);
}
