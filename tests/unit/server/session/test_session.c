/* SPDX-License-Identifier: MIT */
/* Sessions against their header's promises. */
#include "session/session.h"

#include <criterion/criterion.h>
#include <signal.h>

static struct session *make(struct session_table *table)
{
    struct session_peer peer = {.address = "127.0.0.1:5000", .local = "127.0.0.1:6379", .fd = 9};

    return session_new(table, &peer, (struct mono_time){.us = 5000000});
}

Test(session, has_an_id_of_its_own_and_is_found_by_it)
{
    struct session_table table;
    struct session *first;
    struct session *second;
    uint64_t id;

    session_table_init(&table);
    first = make(&table);
    second = make(&table);
    cr_assert_neq(first->id, second->id);
    cr_assert_eq(session_find(&table, second->id), second);
    id = first->id;
    session_free(&table, first);
    cr_assert_null(session_find(&table, id));
    cr_assert_eq(table.count, 1);
    session_free(&table, second);
    session_table_deinit(&table);
}

Test(session, gives_its_output_in_order_however_little_is_written)
{
    struct session_table table;
    struct session *s;
    struct buf seen = {0};

    session_table_init(&table);
    s = make(&table);
    for (int i = 0; i < 200000; i++) {
        buf_append_byte(&s->output.buf, (char)(i % 251));
    }
    while (session_output_pending(s) > 0) {
        struct bytes output;
        size_t len = session_output_pending(s) < 777 ? session_output_pending(s) : 777;

        cr_assert_eq(session_output(s, &output, 1), 1);
        buf_append_bytes(&seen, bytes_prefix(output, len));
        session_output_done(&table, s, len);
    }
    cr_assert_eq(seen.len, 200000);
    for (size_t i = 0; i < seen.len; i++) {
        cr_assert_eq(seen.data[i], (char)(i % 251));
    }
    cr_assert_eq(s->output.done, 200000);
    buf_deinit(&seen);
    session_free(&table, s);
    session_table_deinit(&table);
}

/* Replies "small", a block, "small", another block. */
static void answer_with_blocks(struct session *s, struct block *block, struct buf *expected)
{
    struct resp_writer writer = session_writer(s);
    struct resp_writer copier = {.out = expected, .version = 2};

    for (int i = 0; i < 3; i++) {
        resp_write_simple(&writer, "small");
        resp_write_bulk_block(&writer, block);
        resp_write_simple(&copier, "small");
        resp_write_bulk(&copier, block_contents(block));
    }
}

Test(session, sends_blocks_in_their_place_without_a_copy_however_little_is_written)
{
    struct session_table table;
    struct session *s;
    struct block *block = block_new((struct bytes){0}, RESP_PIECE_MIN);
    struct buf seen = {0};
    struct buf expected = {0};
    struct bytes pieces[3];

    session_table_init(&table);
    s = make(&table);
    memset(block->data, 'b', RESP_PIECE_MIN);
    block->len = RESP_PIECE_MIN;
    answer_with_blocks(s, block, &expected);
    cr_assert_eq(session_output_pending(s), expected.len);
    cr_assert_eq(block->holders, 4);
    cr_assert_eq(session_output(s, pieces, 3), 3);
    cr_assert_eq(pieces[1].data, block->data);
    while (session_output_pending(s) > 0) {
        size_t count = session_output(s, pieces, 3);
        size_t len = count > 1 ? pieces[0].len + 1 : (pieces[0].len + 1) / 2;

        for (size_t i = 0, left = len; i < count && left > 0; i++) {
            size_t part = left < pieces[i].len ? left : pieces[i].len;

            buf_append_bytes(&seen, bytes_prefix(pieces[i], part));
            left -= part;
        }
        session_output_done(&table, s, len);
    }
    cr_assert(bytes_equal(buf_bytes(&seen), buf_bytes(&expected)));
    cr_assert_eq(block->holders, 1);
    block_release(block);
    buf_deinit(&seen);
    buf_deinit(&expected);
    session_free(&table, s);
    session_table_deinit(&table);
}

Test(session, lets_go_of_blocks_that_are_never_sent)
{
    struct session_table table;
    struct session *s;
    struct block *block = block_new((struct bytes){0}, RESP_PIECE_MIN);
    struct buf expected = {0};
    size_t mark;

    session_table_init(&table);
    s = make(&table);
    block->len = RESP_PIECE_MIN;
    answer_with_blocks(s, block, &expected);
    mark = s->output.buf.len;
    answer_with_blocks(s, block, &expected);
    cr_assert_eq(block->holders, 7);
    output_cut(&s->output, mark);
    cr_assert_eq(block->holders, 4);
    cr_assert_eq(session_output_pending(s), expected.len / 2);
    session_free(&table, s);
    cr_assert_eq(block->holders, 1);
    block_release(block);
    buf_deinit(&expected);
    session_table_deinit(&table);
}

Test(session, has_no_buffer_while_there_is_nothing_to_send)
{
    struct session_table table;
    struct session *first;
    struct session *second;
    const char *warm;

    session_table_init(&table);
    first = make(&table);
    second = make(&table);
    session_take_buffer(&table, first);
    warm = first->output.buf.data;
    buf_append_text(&first->output.buf, "+OK\r\n");
    session_output_done(&table, first, 5);
    cr_assert_eq(first->output.buf.cap, 0);
    session_take_buffer(&table, second);
    cr_assert_eq(second->output.buf.data, warm);
    session_free(&table, first);
    session_free(&table, second);
    session_table_deinit(&table);
}

Test(session, is_touched_once_until_it_is_taken_and_never_when_closed)
{
    struct session_table table;
    struct session *first;
    struct session *second;

    session_table_init(&table);
    first = make(&table);
    second = make(&table);
    session_touch(&table, second);
    session_touch(&table, first);
    session_touch(&table, second);
    session_table_check(&table);
    cr_assert_eq(session_take_touched(&table), second);
    cr_assert_eq(session_take_touched(&table), first);
    cr_assert_null(session_take_touched(&table));
    first->flags |= SESSION_CLOSED;
    session_touch(&table, first);
    cr_assert_null(session_take_touched(&table));
    session_table_check(&table);
    session_free(&table, first);
    session_free(&table, second);
    session_table_deinit(&table);
}

Test(session, leaves_the_touched_when_it_goes)
{
    struct session_table table;
    struct session *s;

    session_table_init(&table);
    s = make(&table);
    session_touch(&table, s);
    session_free(&table, s);
    cr_assert_null(session_take_touched(&table));
    session_table_deinit(&table);
}

Test(session, must_have_been_let_go_before_it_is_freed, .signal = SIGABRT)
{
    struct session_table table;
    struct session *s;

    session_table_init(&table);
    s = make(&table);
    s->flags |= SESSION_HELD;
    session_free(&table, s);
}

Test(session, must_be_gone_before_the_table_is, .signal = SIGABRT)
{
    struct session_table table;

    session_table_init(&table);
    make(&table);
    session_table_deinit(&table);
}

Test(session, describes_itself_as_client_list_does)
{
    struct session_table table;
    struct session *s;
    struct buf text = {0};

    session_table_init(&table);
    s = make(&table);
    s->flags = SESSION_CLUSTER_READONLY;
    buf_append_text(&s->name, "me");
    session_describe(s, (struct mono_time){.us = 8500000}, &text);
    cr_assert(strstr(buf_text(&text), "id=1 addr=127.0.0.1:5000 laddr=127.0.0.1:6379 fd=9 name=me "
                                      "age=3 idle=3 flags=r capa= db=0") == text.data,
              "%s", text.data);
    buf_deinit(&text);
    session_free(&table, s);
    session_table_deinit(&table);
}
