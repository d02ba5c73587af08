/* SPDX-License-Identifier: MIT */
/* The in-sync set, and where it stands in a record. */
#include "council/shard_record.h"

#include <criterion/criterion.h>

#include <string.h>

static struct cluster_id id_of(char letter)
{
    struct cluster_id id = {0};

    memset(id.text, letter, CLUSTER_ID_LEN);
    return id;
}

static struct shard_sync_member member_of(char letter, uint64_t memory)
{
    return (struct shard_sync_member){.node = id_of(letter), .memory = memory};
}

static struct shard_record sample(void)
{
    struct shard_record record = {
        .shard = id_of('a'),
        .version = 7,
        .epoch = 3,
        .primary = id_of('b'),
        .holders = {id_of('c'), id_of('d')                                    },
        .holder_count = 2,
        .sync = { .required = 1,
                    .count = 2,
                    .members = {member_of('c', 5), member_of('d', UINT64_MAX)}},
    };

    memset(record.history.text, 'f', HISTORY_ID_LEN);
    return record;
}

static void expect_back(const struct shard_record *record)
{
    struct buf bytes = {0};
    struct shard_record back;
    struct decoder d;

    shard_record_encode(&bytes, record);
    d = decoder_make(buf_bytes(&bytes));
    shard_record_decode(&d, &back);
    cr_expect(decoder_is_ok(&d) && decoder_left(&d) == 0);
    cr_expect(shard_sync_equal(&record->sync, &back.sync));
    cr_expect_eq(back.move_count, record->move_count);
    buf_deinit(&bytes);
}

Test(shard_sync, comes_back_from_the_bytes_of_its_record_with_moves_and_without)
{
    struct shard_record record = sample();

    expect_back(&record);
    record.move_count = 1;
    record.moves[0] = (struct shard_move){.slot = 9, .kind = SHARD_MOVE_OUT, .peer = id_of('e')};
    expect_back(&record);
    record.sync.count = 0;
    expect_back(&record);
    record.sync = (struct shard_sync){0};
    expect_back(&record);
}

Test(shard_sync, a_record_without_one_has_the_bytes_that_it_always_had)
{
    struct shard_record record = sample();
    struct buf with = {0};
    struct buf without = {0};

    shard_record_encode(&with, &record);
    record.sync = (struct shard_sync){0};
    shard_record_encode(&without, &record);
    cr_expect_eq(with.len - without.len, 3 + 2 * 28, "tag, required, members");
    cr_expect(bytes_has_prefix(buf_bytes(&with), buf_text(&without)) ||
              memcmp(with.data, without.data, without.len) == 0);
    cr_expect_eq(with.data[without.len], 2);
    buf_deinit(&with);
    buf_deinit(&without);
}

/* What is wrong with the section, from its tag on. */
static bool is_refused(size_t at, char byte)
{
    struct shard_record record = sample();
    struct buf bytes = {0};
    struct shard_record back;
    struct decoder d;
    bool is_refused;
    size_t tag;

    shard_record_encode(&bytes, &record);
    tag = bytes.len - (3 + 2 * 28);
    bytes.data[tag + at] = byte;
    d = decoder_make(buf_bytes(&bytes));
    shard_record_decode(&d, &back);
    is_refused = !decoder_is_ok(&d) || decoder_left(&d) > 0;
    buf_deinit(&bytes);
    return is_refused;
}

Test(shard_sync, what_cannot_be_one_is_refused)
{
    cr_expect(!is_refused(0, 2), "nothing is wrong");
    cr_expect(is_refused(0, 3), "a section that is not known");
    cr_expect(is_refused(1, 0), "without a number it is not written");
    cr_expect(is_refused(1, SHARD_SYNC_MAX + 1), "more than there can be");
    cr_expect(is_refused(2, 1), "bytes are left over");
    cr_expect(is_refused(2, SHARD_SYNC_MAX + 1), "too many members");
    cr_expect(is_refused(3, 0x11), "a member that is no holder");
}

Test(shard_sync, sections_come_once_and_in_order)
{
    struct shard_record record = sample();
    struct buf bytes = {0};
    struct buf twice = {0};
    struct shard_record back;
    struct decoder d;

    shard_record_encode(&bytes, &record);
    buf_append_bytes(&twice, buf_bytes(&bytes));
    buf_append(&twice, bytes.data + bytes.len - (3 + 2 * 28), 3 + 2 * 28);
    d = decoder_make(buf_bytes(&twice));
    shard_record_decode(&d, &back);
    cr_expect(!decoder_is_ok(&d));
    buf_deinit(&twice);
    buf_deinit(&bytes);
}

Test(shard_sync, a_node_with_another_memory_takes_its_own_place)
{
    struct shard_sync sync = sample().sync;
    struct shard_sync_member again = member_of('c', 6);
    struct shard_sync_member before = member_of('c', 5);

    cr_expect(shard_sync_permits(&sync, &before));
    cr_expect(!shard_sync_permits(&sync, &again));
    cr_expect(shard_sync_add(&sync, &again));
    cr_expect_eq(sync.count, 2);
    cr_expect(!shard_sync_has(&sync, &before));
    cr_expect(shard_sync_has(&sync, &again));
    shard_sync_remove(&sync, &again.node);
    cr_expect_eq(sync.count, 1);
    cr_expect(!shard_sync_permits(&sync, &again));
    sync = (struct shard_sync){0};
    cr_expect(shard_sync_permits(&sync, &again), "nobody is asked for");
}

Test(shard_sync, the_order_of_members_says_nothing)
{
    struct shard_sync a = sample().sync;
    struct shard_sync b = a;

    b.members[0] = a.members[1];
    b.members[1] = a.members[0];
    cr_expect(shard_sync_equal(&a, &b));
    b.members[0].memory--;
    cr_expect(!shard_sync_equal(&a, &b));
    b = a;
    b.required++;
    cr_expect(!shard_sync_equal(&a, &b));
}

Test(shard_sync, memories_of_one_life_are_told_from_those_of_another)
{
    cr_expect(shard_memory_is_of(100, 100));
    cr_expect(shard_memory_is_of(107, 100));
    cr_expect(!shard_memory_is_of(99, 100));
    cr_expect(shard_memory_is_of(3, UINT64_MAX - 3), "numbers go round");
}
