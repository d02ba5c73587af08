/* SPDX-License-Identifier: MIT */
#include "base/buf_queue.h"

#include "base/rng.h"

#include <criterion/criterion.h>

static void append(struct buf_queue *queue, size_t len, char fill)
{
    struct buf *end = buf_queue_end(queue);

    memset(buf_reserve(end, len), fill, len);
    end->len += len;
}

Test(buf_queue, gives_out_in_order_what_came_whatever_the_sizes)
{
    struct buf_queue queue = {0};
    struct buf out = {0};
    struct rng rng;
    size_t sent = 0;

    rng_init(&rng, 1);
    for (int i = 0; i < 20000; i++) {
        size_t len = rng_below(&rng, 100) == 0 ? 20000 : 1 + rng_below(&rng, 50);

        for (size_t at = 0; at < len; at++) {
            buf_append_byte(buf_queue_end(&queue), (char)((sent + at) % 251));
        }
        sent += len;
        if (rng_below(&rng, 3) == 0) {
            buf_queue_give(&queue, 1 + rng_below(&rng, 30000), &out);
        }
    }
    while (!buf_queue_is_empty(&queue)) {
        size_t before = out.len;

        buf_queue_give(&queue, 777, &out);
        cr_assert(out.len > before && out.len - before <= 777);
    }
    cr_assert_eq(out.len, sent);
    for (size_t at = 0; at < sent; at++) {
        cr_assert_eq(out.data[at], (char)(at % 251));
    }
    buf_deinit(&out);
    buf_queue_deinit(&queue);
}

Test(buf_queue, what_came_is_never_moved)
{
    struct buf_queue queue = {0};
    const char *first;

    append(&queue, BUF_QUEUE_PART, 'a');
    first = queue.parts.items[0].data;
    for (int i = 0; i < 1000; i++) {
        append(&queue, BUF_QUEUE_PART, 'b');
    }
    cr_expect_eq(queue.parts.count, 1001);
    cr_expect_eq(queue.parts.items[0].data, first);
    buf_queue_deinit(&queue);
    cr_expect(buf_queue_is_empty(&queue));
}

Test(buf_queue, an_end_without_bytes_is_nothing_to_give)
{
    struct buf_queue queue = {0};
    struct buf out = {0};

    cr_expect(buf_queue_is_empty(&queue));
    (void)buf_queue_end(&queue);
    cr_expect(buf_queue_is_empty(&queue));
    append(&queue, 5, 'x');
    cr_expect_not(buf_queue_is_empty(&queue));
    buf_queue_give(&queue, 100, &out);
    cr_expect(buf_queue_is_empty(&queue));
    cr_expect_eq(out.len, 5);
    buf_deinit(&out);
    buf_queue_deinit(&queue);
}
