/* SPDX-License-Identifier: MIT */
#include "cluster/gossip.h"

#include <criterion/criterion.h>

#include <string.h>

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct gossip_entry named = {
    .id = {ID_A              },
    .address = { .ip = "10.1.2.3", .hostname = "a.example", .port = 6379, .bus_port = 16379},
    .flags = GOSSIP_PRIMARY | GOSSIP_FAILED,
};
static const struct gossip_entry bare = {
    .id = {ID_B          },
      .address = { .port = 1, .bus_port = 2}
};

static struct buf body_of_two(void)
{
    struct buf body = {0};

    gossip_begin(&body);
    gossip_add(&body, &named);
    gossip_add(&body, &bare);
    return body;
}

Test(gossip, comes_back_entry_by_entry_as_it_was_added)
{
    struct buf body = body_of_two();
    struct gossip_reader reader = gossip_read(buf_bytes(&body));
    struct gossip_entry entry;

    cr_expect(gossip_is_valid(buf_bytes(&body)));
    cr_assert(gossip_next(&reader, &entry));
    cr_expect(cluster_id_equal(&entry.id, &named.id));
    cr_expect(cluster_address_equal(&entry.address, &named.address));
    cr_expect_eq(entry.flags, named.flags);
    cr_assert(gossip_next(&reader, &entry));
    cr_expect(cluster_id_equal(&entry.id, &bare.id));
    cr_expect_str_eq(entry.address.ip, "");
    cr_expect_not(gossip_next(&reader, &entry));
    cr_expect_not(gossip_next(&reader, &entry), "nor ever after");
    buf_deinit(&body);
}

Test(gossip, without_entries_is_valid_and_without_a_body_is_not)
{
    struct buf body = {0};
    struct gossip_reader nothing = gossip_read((struct bytes){0});
    struct gossip_entry entry;

    gossip_begin(&body);
    cr_expect(gossip_is_valid(buf_bytes(&body)));
    cr_expect_eq(gossip_count(buf_bytes(&body)), 0);
    cr_expect_not(gossip_is_valid((struct bytes){0}));
    cr_expect_not(gossip_next(&nothing, &entry));
    buf_deinit(&body);
}

Test(gossip, that_is_cut_or_has_bytes_left_over_is_not_valid)
{
    struct buf body = body_of_two();

    for (size_t len = 0; len < body.len; len++) {
        cr_expect_not(gossip_is_valid(bytes_make(body.data, len)), "%zu bytes", len);
    }
    buf_append_byte(&body, 'x');
    cr_expect_not(gossip_is_valid(buf_bytes(&body)));
    buf_deinit(&body);
}

Test(gossip, about_nobody_or_with_a_text_that_is_no_address_is_not_valid)
{
    struct buf body = body_of_two();
    char *ip = memmem(body.data, body.len, "10.1.2.3", 8);

    cr_assert_not_null(ip);
    ip[1] = ' ';
    cr_expect_not(gossip_is_valid(buf_bytes(&body)));
    ip[1] = '0';
    cr_expect(gossip_is_valid(buf_bytes(&body)));
    memset(body.data + 2, 0, CLUSTER_RAW_ID_BYTES);
    cr_expect_not(gossip_is_valid(buf_bytes(&body)));
    buf_deinit(&body);
}

Test(gossip, of_more_nodes_than_fit_is_not_valid)
{
    struct buf body = {0};

    gossip_begin(&body);
    for (int i = 0; i < GOSSIP_ENTRIES_MAX; i++) {
        gossip_add(&body, &bare);
    }
    cr_expect(gossip_is_valid(buf_bytes(&body)));
    cr_expect_eq(gossip_count(buf_bytes(&body)), GOSSIP_ENTRIES_MAX);
    /* One more, by hand: a hundred and one. */
    buf_append_bytes(&body, bytes_make(body.data + 2, (body.len - 2) / GOSSIP_ENTRIES_MAX));
    body.data[1] = GOSSIP_ENTRIES_MAX + 1;
    cr_expect_not(gossip_is_valid(buf_bytes(&body)));
    buf_deinit(&body);
}
