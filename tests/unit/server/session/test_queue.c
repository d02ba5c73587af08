/* SPDX-License-Identifier: MIT */
/* Requests behind MULTI, against the header's promises. */
#include "session/queue.h"

#include "base/attr.h"
#include "session/session.h"

#include <criterion/criterion.h>

#include <string.h>

struct queueing {
    struct session_table table;
    struct session *s;
};

static void begin(struct queueing *q)
{
    struct session_peer peer = {.address = "127.0.0.1:5000"};

    session_table_init(&q->table);
    q->s = session_new(&q->table, &peer, (struct mono_time){.us = 1});
}

static void end(struct queueing *q)
{
    session_table_check(&q->table);
    session_free(&q->table, q->s);
    session_table_deinit(&q->table);
}

/* A request of two words, as it came. */
static void add(struct queueing *q, const char *raw, size_t word1, size_t len1, size_t word2,
                size_t len2)
{
    struct bytes bytes = bytes_from_text(raw);
    struct bytes words[2] = {bytes_make(bytes.data + word1, len1),
                             bytes_make(bytes.data + word2, len2)};

    queue_add(q->s, &(struct queue_request){.spec = command_spec(COMMAND_GET),
                                            .words = words,
                                            .word_count = 2,
                                            .raw = bytes});
}

static void expect_words(const struct queue *queue, size_t index, const char *word1,
                         const char *word2)
{
    struct bytes words[2];

    cr_assert_eq(queue->items.items[index].word_count, 2);
    queue_words(queue, &queue->items.items[index], words);
    cr_expect(bytes_equal_text(words[0], word1) && bytes_equal_text(words[1], word2));
}

Test(queue, gives_words_back_as_they_came_however_much_is_queued_behind)
{
    struct queueing q;

    begin(&q);
    queue_begin(q.s);
    add(&q, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", 8, 3, 17, 1);
    for (int i = 0; i < 1000; i++) {
        add(&q, "*2\r\n$3\r\nget\r\n$2\r\nbc\r\n", 8, 3, 17, 2);
    }
    cr_expect_eq(queue_count(q.s), 1001);
    expect_words(q.s->queue, 0, "GET", "a");
    expect_words(q.s->queue, 1000, "get", "bc");
    cr_expect(bytes_equal_text(queue_raw(q.s->queue, &q.s->queue->items.items[0]),
                               "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"));
    cr_expect_eq(queue_bytes(q.s), 20 + 1000 * 21);
    cr_expect_geq(session_memory(q.s), sizeof(*q.s) + queue_bytes(q.s));
    end(&q);
}

Test(queue, keeps_the_words_alone_of_an_inline_request)
{
    struct bytes words[2] = {BYTES_LITERAL("GET"), BYTES_LITERAL("a\0b")};
    struct bytes out[2];
    struct queueing q;

    begin(&q);
    queue_begin(q.s);
    queue_add(q.s, &(struct queue_request){.spec = command_spec(COMMAND_GET),
                                           .words = words,
                                           .word_count = 2,
                                           .raw = BYTES_LITERAL("GET \"a\\x00b\"\r\n"),
                                           .is_inline = true});
    queue_words(q.s->queue, &q.s->queue->items.items[0], out);
    cr_expect(bytes_equal(out[1], words[1]));
    cr_expect_eq(queue_bytes(q.s), 6);
    end(&q);
}

Test(queue, is_empty_and_small_after_the_transaction_and_ready_for_the_next)
{
    struct queueing q;

    begin(&q);
    cr_expect_eq(queue_count(q.s), -1);
    queue_begin(q.s);
    cr_expect_eq(queue_count(q.s), 0);
    for (int i = 0; i < 10000; i++) {
        add(&q, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", 8, 3, 17, 1);
    }
    queue_spoil(q.s);
    cr_expect_eq(q.s->queue->command_flags, command_spec(COMMAND_GET)->flags);
    queue_end(q.s);
    cr_expect_eq(queue_count(q.s), -1);
    cr_expect_eq(queue_bytes(q.s), 0);
    cr_expect_lt(queue_memory(q.s), 32 * 1024);
    cr_expect_eq(q.s->flags & SESSION_IN_MULTI, 0);
    queue_begin(q.s);
    cr_expect_not(q.s->queue->is_spoiled);
    cr_expect_eq(q.s->queue->command_flags, 0);
    end(&q);
}
