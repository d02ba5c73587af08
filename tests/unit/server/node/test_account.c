/* SPDX-License-Identifier: MIT */
#include "node/account.h"

#include "base/buf.h"
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>

enum {
    NODES = 12,
    VALUE_BYTES = 100 * 1000,
    VALUES = 20,
};

static void run(struct alone *a, const char *request)
{
    struct buf out;

    alone_pass(a, 0, 0, bytes_from_text(request));
    out = alone_take(a, 0);
    buf_deinit(&out);
}

static void fill(struct alone *a)
{
    struct buf request = {0};

    for (int i = 0; i < VALUES; i++) {
        buf_clear(&request);
        buf_printf(&request, "*3\r\n$3\r\nSET\r\n$2\r\n%02d\r\n$%d\r\n", i, VALUE_BYTES);
        for (int b = 0; b < VALUE_BYTES; b++) {
            buf_append_byte(&request, 'x');
        }
        buf_append_text(&request, "\r\n");
        run(a, buf_text(&request));
    }
    buf_deinit(&request);
}

static size_t data_of(const struct alone *a)
{
    struct memory_account account;

    account_take(a->node, &account);
    return account.data;
}

Test(account, twelve_nodes_in_one_process_each_know_their_own_memory)
{
    struct alone *nodes[NODES];
    size_t before[NODES];

    for (int i = 0; i < NODES; i++) {
        nodes[i] = alone_new(NULL, 0);
        alone_connect(nodes[i], 0);
    }
    for (int i = 0; i < NODES; i++) {
        before[i] = data_of(nodes[i]);
    }
    fill(nodes[5]);
    for (int i = 0; i < NODES; i++) {
        if (i == 5) {
            cr_assert_geq(data_of(nodes[i]), before[i] + (size_t)VALUES * VALUE_BYTES);
        } else {
            cr_assert_eq(data_of(nodes[i]), before[i], "node %d", i);
        }
    }
    run(nodes[5], "FLUSHALL\r\n");
    alone_pass(nodes[5], 1000 * 1000, ALONE_CLIENTS, (struct bytes){0});
    alone_settle(nodes[5], 10000);
    cr_assert_lt(data_of(nodes[5]), before[5] + (size_t)VALUES * VALUE_BYTES / 4,
                 "but for a few empty pages, what is gone counts no more");
    for (int i = 0; i < NODES; i++) {
        alone_free(nodes[i]);
    }
}

Test(account, parts_are_those_of_the_node)
{
    struct alone *a = alone_new(NULL, 0);
    struct memory_account empty;
    struct memory_account account;

    account_take(a->node, &empty);
    alone_connect(a, 0);
    fill(a);
    account_take(a->node, &account);
    cr_assert_geq(account.data, empty.data + (size_t)VALUES * VALUE_BYTES);
    cr_assert_gt(account.clients, empty.clients);
    cr_assert_gt(account.log, empty.log);
    cr_assert_eq(account.bus, 0);
    cr_assert_eq(account_sum(&account), account.data + account.log + account.clients);
    alone_free(a);
}

Test(account, data_that_a_full_resync_replaces_counts_until_it_is_freed)
{
    struct alone *a = alone_new(NULL, 0);
    struct keyspace *fresh;
    size_t before;

    alone_connect(a, 0);
    fill(a);
    before = data_of(a);
    fresh = data_new_keyspace(a->node);
    data_replace(a->node, fresh);
    cr_assert_geq(data_of(a), before);
    data_free_retired(a->node);
    cr_assert_lt(data_of(a), before);
    alone_free(a);
}
