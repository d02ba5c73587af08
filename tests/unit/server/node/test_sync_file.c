/* SPDX-License-Identifier: MIT */
/* Full resyncs of peers that must be told the size of the payload first. */
#include "base/attr.h"
#include "base/num.h"
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct alone *start(void)
{
    struct alone *a = alone_new(&(struct alone_option){"enable-debug-command", "yes"}, 1);

    for (size_t i = 0; i < ALONE_CLIENTS; i++) {
        alone_connect(a, i);
    }
    return a;
}

static void send(struct alone *a, size_t client, const char *request)
{
    alone_pass(a, 1000, client, bytes_from_text(request));
    alone_settle(a, 200);
}

/* Take line ends and the head "$<n>" off the front: the payload's size. */
static uint64_t take_head(struct bytes *out)
{
    uint64_t size = 0;
    size_t end;

    while (out->len > 0 && out->data[0] == '\n') {
        *out = bytes_from(*out, 1);
    }
    end = bytes_find_byte(*out, '\r');
    cr_assert(end != SIZE_MAX && out->data[0] == '$');
    cr_assert(num_parse_u64(bytes_prefix(bytes_from(*out, 1), end - 1), &size));
    *out = bytes_from(*out, end + 2);
    return size;
}

static bool has_file(const struct alone *a)
{
    return a->disk.files.count > 0;
}

Test(sync_file, a_bare_sync_gets_the_size_the_payload_and_then_the_stream)
{
    struct alone *a = start();
    struct buf out;
    struct bytes left;
    uint64_t size;

    send(a, 0, "DEBUG POPULATE 20000 key 100\r\n"); /* more than one piece */
    send(a, 1, "SYNC\r\n");
    send(a, 0, "SET k behind\r\n");
    out = alone_take(a, 1);
    left = buf_bytes(&out);
    size = take_head(&left);
    cr_assert(size > 2000000 && left.len > size);
    cr_assert(bytes_has_prefix(left, "REDIS0009"));
    left = bytes_from(left, (size_t)size);
    cr_assert(bytes_has_prefix(left, "*2\r\n$6\r\nSELECT\r\n"), "%.60s", left.data);
    cr_assert_not_null(strstr(left.data, "behind"));
    cr_assert_not(has_file(a), "it is removed afterwards");
    buf_deinit(&out);
    alone_free(a);
}

Test(sync_file, psync_without_capa_eof_gets_the_line_and_a_size)
{
    struct alone *a = start();
    struct buf out;
    struct bytes left;

    send(a, 0, "SET k v\r\n");
    send(a, 1, "REPLCONF listening-port 1\r\nPSYNC ? -1\r\n");
    out = alone_take(a, 1);
    left = buf_bytes(&out);
    cr_assert(bytes_has_prefix(left, "+OK\r\n"));
    left = bytes_from(left, 5);
    while (left.len > 0 && left.data[0] == '\n') {
        left = bytes_from(left, 1);
    }
    cr_assert(bytes_has_prefix(left, "+FULLRESYNC "));
    left = bytes_from(left, bytes_find_byte(left, '\n') + 1);
    cr_assert_eq(take_head(&left), left.len);
    buf_deinit(&out);
    alone_free(a);
}

Test(sync_file, writes_during_the_image_come_behind_it)
{
    struct alone *a = start();
    struct buf out;
    struct bytes left;

    a->is_disk_slow = true;
    send(a, 1, "SYNC\r\n");
    send(a, 0, "SET k meanwhile\r\n");
    send(a, 2, "SYNC\r\n"); /* the next image has it */
    a->is_disk_slow = false;
    alone_settle(a, 200);
    out = alone_take(a, 1);
    left = buf_bytes(&out);
    left = bytes_from(left, (size_t)take_head(&left));
    cr_assert_not_null(memmem(left.data, left.len, "meanwhile", 9));
    buf_deinit(&out);
    out = alone_take(a, 2);
    left = buf_bytes(&out);
    cr_assert_eq(take_head(&left), left.len);
    cr_assert_not_null(memmem(left.data, left.len, "meanwhile", 9));
    buf_deinit(&out);
    alone_free(a);
}

Test(sync_file, that_cannot_be_written_ends_the_connection_and_nothing_else)
{
    struct alone *a = start();
    struct buf out;

    a->disk.fault = DISK_BROKEN;
    send(a, 1, "SYNC\r\n");
    cr_assert_null(a->clients[1].session);
    a->disk.fault = DISK_WELL;
    alone_connect(a, 1);
    send(a, 1, "SYNC\r\n");
    out = alone_take(a, 1);
    cr_assert_not_null(memmem(out.data, out.len, "REDIS0009", 9));
    buf_deinit(&out);
    alone_free(a);
}

Test(sync_file, is_our_process_s_alone_and_keeps_it_in_the_folder)
{
    struct alone *a = start();

    cr_assert_not(node_needs_folder(a->node));
    a->is_disk_slow = true;
    send(a, 1, "SYNC\r\n");
    cr_assert_str_eq(a->disk.files.items[0].name, "temp-1-sync-payload.rdb");
    cr_assert(node_needs_folder(a->node));
    a->is_disk_slow = false;
    alone_settle(a, 200);
    cr_assert_not(node_needs_folder(a->node) || has_file(a));
    alone_free(a);
}

Test(sync_file, goes_through_its_phases_and_keeps_the_log_until_it_is_sent)
{
    struct alone *a = start();
    const struct sync_file *sync = &a->node->sync_file;

    send(a, 0, "DEBUG POPULATE 20000 key 100\r\n");
    cr_expect_eq(sync_file_keep_from(a->node), UINT64_MAX);
    a->is_disk_slow = true;
    alone_pass(a, 1000, 1, BYTES_LITERAL("SYNC\r\n"));
    cr_expect_eq(sync->phase, SYNC_FILE_WALKING);
    cr_expect_eq(sync_file_keep_from(a->node), sync->position.offset);
    for (int i = 0; i < 200 && sync->phase == SYNC_FILE_WALKING; i++) {
        alone_pass(a, 1000, ALONE_CLIENTS, (struct bytes){0});
    }
    cr_expect_eq(sync->phase, SYNC_FILE_COMMITTING);
    cr_expect_eq(sync_file_keep_from(a->node), sync->position.offset);
    sync_file_check(a->node);
    a->is_disk_slow = false;
    alone_settle(a, 200);
    cr_expect_eq(sync->phase, SYNC_FILE_NONE);
    cr_expect_not(has_file(a));
    alone_free(a);
}

Test(sync_file, who_comes_while_it_is_made_waits_for_the_next_one)
{
    struct alone *a = start();
    struct buf out;

    send(a, 0, "DEBUG POPULATE 20000 key 100\r\n");
    a->is_disk_slow = true;
    alone_pass(a, 1000, 1, BYTES_LITERAL("SYNC\r\n"));
    alone_pass(a, 1000, 2, BYTES_LITERAL("SYNC\r\n"));
    cr_expect(replicas_outgoing(a->clients[1].session->feed)->is_by_file);
    cr_expect_not(replicas_outgoing(a->clients[2].session->feed)->is_by_file);
    a->is_disk_slow = false;
    alone_settle(a, 400);
    out = alone_take(a, 2);
    cr_expect_gt(out.len, 20000 * 100, "it has got a payload, too");
    buf_deinit(&out);
    alone_free(a);
}

Test(sync_file, who_tells_late_that_it_takes_any_size_gets_the_file_that_is_made)
{
    struct alone *a = start();
    struct buf out;

    send(a, 0, "SET k v\r\n");
    a->is_disk_slow = true;
    send(a, 1, "SYNC\r\n");
    cr_assert_eq(a->node->sync_file.phase, SYNC_FILE_COMMITTING);
    send(a, 1, "REPLCONF capa eof\r\n");
    cr_assert_eq(a->clients[1].session->feed->phase, FEED_WAIT_SNAPSHOT);
    sync_file_check(a->node);
    a->is_disk_slow = false;
    alone_settle(a, 200);
    out = alone_take(a, 1);
    cr_assert_not_null(memmem(out.data, out.len, "REDIS0009", 9));
    cr_assert_eq(a->clients[1].session->feed->phase, FEED_ONLINE);
    buf_deinit(&out);
    alone_free(a);
}

Test(sync_file, keeps_no_log_for_those_who_were_dropped)
{
    struct alone *a = start();

    a->is_disk_slow = true;
    send(a, 1, "SYNC\r\n");
    cr_assert_eq(a->node->sync_file.phase, SYNC_FILE_COMMITTING);
    cr_assert_neq(sync_file_keep_from(a->node), UINT64_MAX);
    replicas_drop_all(a->node, "for a test");
    cr_assert_eq(sync_file_keep_from(a->node), UINT64_MAX);
    a->is_disk_slow = false;
    alone_settle(a, 200);
    cr_assert_eq(a->node->sync_file.phase, SYNC_FILE_NONE);
    alone_free(a);
}

Test(sync_file, that_is_done_before_it_was_begun_is_a_bug, .signal = SIGABRT)
{
    sync_file_done(start()->node, false, &(struct errmsg){.text = "no"});
}
