/* SPDX-License-Identifier: MIT */
/* segment/segment_list. */
#include "segment/segment_list.h"

#include "base/crc.h"
#include "tests/unit/common/segment/folder.h"

#include <criterion/criterion.h>

static struct folder folder;
static struct segment_list list;
static struct errmsg error;

static void set_up(void)
{
    folder_init(&folder);
    list = (struct segment_list){0};
    error = (struct errmsg){0};
}

static void tear_down(void)
{
    segment_list_check(&list);
    segment_list_deinit(&list);
    folder_deinit(&folder);
}

TestSuite(segment_list, .init = set_up, .fini = tear_down);

static bool load(void)
{
    return segment_list_load(&list, &folder.source, &error);
}

static size_t find(char history, uint64_t offset)
{
    struct history_id id = folder_history(history);

    return segment_list_find(&list, &id, offset);
}

Test(segment_list, of_no_folder_is_empty)
{
    cr_assert(load());
    cr_expect_eq(list.count, 0);
    cr_expect_eq(segment_list_size(&list), 0);
    cr_expect_eq(segment_list_first_offset(&list), UINT64_MAX);
    cr_expect_eq(find('a', 0), SIZE_MAX);
    cr_expect_eq(segment_list_index(&list, 1), SIZE_MAX);
}

Test(segment_list, is_in_order_whatever_order_the_folder_has)
{
    folder_begin(&folder, 11, 'a', '\0', 100);
    folder_append(&folder, 11, 100, 150, 100);
    folder_begin(&folder, 9, 'a', '\0', 0);
    folder_begin(&folder, 10, 'a', '\0', 50);
    cr_assert(load(), "%s", error.text);
    cr_assert_eq(list.count, 3);
    cr_expect_eq(list.items[0].number, 9);
    cr_expect_eq(list.items[2].number, 11);
    cr_expect_eq(list.items[2].head.start, 100);
    cr_expect_eq(list.items[2].size_bytes, SEGMENT_HEAD_BYTES + SEGMENT_FRAME_HEAD_BYTES + 50);
    cr_expect_eq(segment_list_size(&list), 3 * SEGMENT_HEAD_BYTES + SEGMENT_FRAME_HEAD_BYTES + 50);
    cr_expect_eq(segment_list_index(&list, 10), 1);
    cr_expect_eq(segment_list_index(&list, 8), SIZE_MAX);
    cr_expect_eq(segment_list_index(&list, 12), SIZE_MAX);
}

static void cut_head_of_the_second(void)
{
    folder_segment(&folder, 2)->len = 135;
}

static void garble_head_of_the_second(void)
{
    folder_segment(&folder, 2)->data[20] ^= 1;
}

/* Of another version, and good. */
static void make_newer(struct buf *bytes)
{
    uint32_t sum;

    bytes->data[8] = 2;
    sum = crc32c(0, bytes_prefix(buf_bytes(bytes), SEGMENT_HEAD_BYTES - 4));
    for (int i = 0; i < 4; i++) {
        bytes->data[SEGMENT_HEAD_BYTES - 4 + i] = (char)(sum >> 8 * i);
    }
}

static void make_the_second_newer(void)
{
    make_newer(folder_segment(&folder, 2));
}

static void make_the_third_newer(void)
{
    make_newer(folder_segment(&folder, 3));
}

static void remove_the_second(void)
{
    folder_remove(&folder, 2);
}

static void make_the_second_unreadable(void)
{
    folder.bad_name = "0000000000000002.log";
}

static void make_the_folder_unreadable(void)
{
    folder.is_bad = true;
}

Test(segment_list, that_cannot_be_is_refused_with_the_file_and_the_reason)
{
    static const struct {
        void (*spoil)(void);
        const char *text;
    } cases[] = {
        {cut_head_of_the_second,     "0000000000000002.log: its head is cut off"                         },
        {garble_head_of_the_second,  "0000000000000002.log: the checksum of its head is wrong"           },
        {make_the_second_newer,
         "0000000000000002.log: it has version 2, and versions up to 1 are known"                        },
        {make_the_third_newer,
         "0000000000000003.log: it has version 2, and versions up to 1 are known"                        },
        {remove_the_second,          "0000000000000002.log is missing, and 0000000000000003.log is there"},
        {make_the_second_unreadable, "0000000000000002.log: the file is bad"                             },
        {make_the_folder_unreadable, "the folder is bad"                                                 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        folder_deinit(&folder);
        folder_init(&folder);
        for (uint64_t number = 1; number <= 3; number++) {
            folder_begin(&folder, number, 'a', '\0', number);
        }
        cr_assert(load());
        cases[i].spoil();
        cr_expect_not(load());
        cr_expect_str_eq(error.text, cases[i].text);
        cr_expect_eq(list.count, 0);
    }
}

Test(segment_list, takes_a_last_one_without_a_good_head_as_torn)
{
    folder_begin(&folder, 1, 'a', '\0', 0);
    folder_begin(&folder, 2, 'a', '\0', 10);
    for (size_t len = 0; len < SEGMENT_HEAD_BYTES; len++) {
        folder_segment(&folder, 2)->len = len;
        cr_assert(load(), "%s", error.text);
        cr_expect_eq(list.count, 2);
        cr_expect(list.items[1].is_torn);
        cr_expect_str_empty(error.text);
        cr_expect_not(segment_list_is_continued(&list, 0));
        cr_expect_eq(find('a', 10), 0);
        cr_expect_eq(segment_list_first_offset(&list), 0);
    }
    segment_list_remove_last(&list);
    cr_expect_eq(list.count, 1);
}

Test(segment_list, grows_and_is_cut_with_the_log)
{
    struct segment_head head = {.history = folder_history('a'), .start = 7};

    segment_list_add(&list, 5, &head);
    segment_list_grow(&list, 100);
    head.start = 90;
    segment_list_add(&list, 6, &head);
    cr_expect_eq(segment_list_size(&list), 2 * SEGMENT_HEAD_BYTES + 100);
    cr_expect_eq(segment_list_first_offset(&list), 7);
    segment_list_remove_first(&list);
    cr_expect_eq(list.items[0].number, 6);
    cr_expect_eq(segment_list_first_offset(&list), 90);
    segment_list_remove_last(&list);
    cr_expect_eq(list.count, 0);
    segment_list_add(&list, 7, &head);
    segment_list_clear(&list);
    cr_expect_eq(list.count, 0);
}

/* Histories:    a 0   a 100 | b 190 (of a)   b 190 | c 500 (of nobody)   c 600 */
static void make_histories(void)
{
    folder_begin(&folder, 1, 'a', '\0', 0);
    folder_begin(&folder, 2, 'a', '\0', 100);
    folder_begin(&folder, 3, 'b', 'a', 190);
    folder_begin(&folder, 4, 'b', '\0', 190);
    folder_begin(&folder, 5, 'c', '\0', 500);
    folder_begin(&folder, 6, 'c', '\0', 600);
    cr_assert(load(), "%s", error.text);
}

Test(segment_list, is_continued_by_the_same_history_and_by_a_child_at_its_end)
{
    static const bool is_continued[] = {true, true, true, false, true, false};

    make_histories();
    for (size_t i = 0; i < 6; i++) {
        cr_expect_eq(segment_list_is_continued(&list, i), is_continued[i], "%zu", i);
    }
    cr_expect_eq(segment_list_chain_end(&list, 0), 4);
    cr_expect_eq(segment_list_chain_end(&list, 3), 4);
    cr_expect_eq(segment_list_chain_end(&list, 4), 6);
    cr_expect_eq(segment_list_first_offset(&list), 500);
    segment_list_remove_last(&list);
    segment_list_remove_last(&list);
    cr_expect_eq(segment_list_first_offset(&list), 0);
    segment_list_remove_first(&list);
    segment_list_remove_first(&list);
    cr_expect_eq(segment_list_first_offset(&list), 190, "the later one is right about that");
}

Test(segment_list, is_not_continued_by_one_that_begins_before_it)
{
    folder_begin(&folder, 1, 'a', '\0', 0);
    folder_begin(&folder, 2, 'a', '\0', 100);
    folder_begin(&folder, 3, 'a', '\0', 0);
    folder_begin(&folder, 4, 'a', '\0', 100);
    cr_assert(load());
    cr_expect_not(segment_list_is_continued(&list, 1));
    cr_expect(segment_list_is_misplaced(&list, 2));
    cr_expect_not(segment_list_is_misplaced(&list, 0));
    cr_expect_not(segment_list_is_misplaced(&list, 1));
    cr_expect_not(segment_list_is_misplaced(&list, 3));
}

Test(segment_list, has_one_misplaced_also_when_the_history_has_changed_since)
{
    folder_begin(&folder, 1, 'a', '\0', 0);
    folder_begin(&folder, 2, 'a', '\0', 100);
    folder_begin(&folder, 3, 'b', 'a', 200);
    folder_begin(&folder, 4, 'a', '\0', 0);
    cr_assert(load());
    cr_expect(segment_list_is_misplaced(&list, 3));
    cr_expect_not(segment_list_is_misplaced(&list, 2));
}

Test(segment_list, is_not_continued_by_a_child_that_begins_elsewhere)
{
    struct segment_head head = {
        .history = folder_history('b'),
        .parent = folder_history('a'),
        .parent_end = 200,
        .start = 201,
    };

    folder_begin(&folder, 1, 'a', '\0', 0);
    segment_write_head(folder_segment(&folder, 2), &head);
    cr_assert(load());
    cr_expect_not(segment_list_is_continued(&list, 0));
    cr_expect_eq(find('a', 200), 0);
    cr_expect_eq(find('a', 201), 0);
}

Test(segment_list, finds_the_newest_one_that_has_a_byte)
{
    static const struct {
        char history;
        uint64_t offset;
        size_t index;
    } cases[] = {
        {'a',  0,          0       },
        {'a',  99,         0       },
        {'a',  100,        1       },
        {'a',  190,        2       },
        {'a',  191,        SIZE_MAX}, /* void: the log went on from 190 */
        {'b',  189,        SIZE_MAX},
        {'b',  190,        3       },
        {'b',  200,        3       },
        {'b',  UINT64_MAX, 3       },
        {'c',  499,        SIZE_MAX},
        {'c',  500,        4       },
        {'c',  700,        5       },
        {'d',  0,          SIZE_MAX},
        {'\0', 0,          SIZE_MAX},
    };

    make_histories();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(find(cases[i].history, cases[i].offset), cases[i].index, "%c %llu",
                     cases[i].history, (unsigned long long)cases[i].offset);
    }
}

Test(segment_list, finds_the_end_of_a_parent_in_its_child)
{
    folder_begin(&folder, 1, 'a', '\0', 0);
    folder_begin(&folder, 2, 'b', 'a', 200);
    cr_assert(load());
    cr_expect_eq(find('a', 199), 0);
    cr_expect_eq(find('a', 200), 1);
    cr_expect_eq(find('a', 201), SIZE_MAX);
    cr_expect_eq(find('b', 200), 1);
    segment_list_remove_first(&list);
    cr_expect_eq(find('a', 200), 0);
    cr_expect_eq(find('a', 199), SIZE_MAX);
}
