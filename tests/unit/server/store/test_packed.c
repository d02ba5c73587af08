/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/rng.h"
#include "store/packed.h"

#include <criterion/criterion.h>
#include <string.h>

static struct packed_item text_item(const char *text)
{
    return packed_item(bytes_from_text(text));
}

static void append(struct buf *buf, const char *text)
{
    struct packed_item item = text_item(text);

    packed_append(buf, &item);
}

static const uint8_t *start(const struct buf *buf)
{
    return (const uint8_t *)buf->data;
}

static const uint8_t *end(const struct buf *buf)
{
    return (const uint8_t *)buf->data + buf->len;
}

static void expect(const struct buf *buf, const char *words)
{
    const uint8_t *at = start(buf);
    struct buf joined = {0};

    while (at < end(buf)) {
        char scratch[PACKED_SCRATCH];
        struct packed_item item;

        at = packed_read(at, &item);
        buf_append_bytes(&joined, packed_item_text(&item, scratch));
        buf_append_byte(&joined, ' ');
    }
    cr_assert_str_eq(buf_text(&joined), words);
    buf_deinit(&joined);
}

Test(packed, integers_take_the_bytes_that_a_listpack_gives_them)
{
    static const struct {
        const char *text;
        const char *coding;
        size_t len;
    } cases[] = {
        {"0",                    "\x00\x01",                                 2 },
        {"127",                  "\x7f\x01",                                 2 },
        {"128",                  "\xc0\x80\x02",                             3 },
        {"-1",                   "\xdf\xff\x02",                             3 },
        {"4095",                 "\xcf\xff\x02",                             3 },
        {"-4096",                "\xd0\x00\x02",                             3 },
        {"4096",                 "\xf1\x00\x10\x03",                         4 },
        {"-32768",               "\xf1\x00\x80\x03",                         4 },
        {"32768",                "\xf2\x00\x80\x00\x04",                     5 },
        {"-8388608",             "\xf2\x00\x00\x80\x04",                     5 },
        {"8388608",              "\xf3\x00\x00\x80\x00\x05",                 6 },
        {"-2147483648",          "\xf3\x00\x00\x00\x80\x05",                 6 },
        {"2147483648",           "\xf4\x00\x00\x00\x80\x00\x00\x00\x00\x09", 10},
        {"-9223372036854775808", "\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09", 10},
        {"9223372036854775807",  "\xf4\xff\xff\xff\xff\xff\xff\xff\x7f\x09", 10},
        {"",                     "\x80\x01",                                 2 },
        {"ab",
         "\x82"
         "ab\x03",                                                           4 },
        {"01",
         "\x82"
         "01\x03",                                                           4 },
        {"-0",                   "\x82-0\x03",                               4 },
        {"9223372036854775808",
         "\x93"
         "9223372036854775808\x14",                                          21},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf buf = {0};
        struct packed_item item = text_item(cases[i].text);

        packed_append(&buf, &item);
        cr_assert_eq(buf.len, cases[i].len, "%s", cases[i].text);
        cr_assert_eq(packed_size(&item), cases[i].len);
        cr_assert_arr_eq(buf.data, cases[i].coding, buf.len);
        cr_assert_eq(packed_next(start(&buf)), end(&buf));
        cr_assert_eq(packed_previous(end(&buf)), start(&buf));
        cr_assert(packed_is(start(&buf), &item));
        buf_deinit(&buf);
    }
}

Test(packed, strings_of_any_length_are_read_from_both_ends)
{
    static const size_t lens[] = {0,    1,    62,    63,    64,      126,     127,    4094,
                                  4095, 4096, 16378, 16379, 2097145, 2097146, 2097147};
    char *text = mem_alloc(MEM_TEST, 2097147);

    memset(text, 'x', 2097147);
    for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
        struct packed_item item = packed_item(bytes_make(text, lens[i]));
        struct packed_item back;
        struct buf buf = {0};
        uint64_t count;
        bool is_canonical;

        append(&buf, "before");
        packed_append(&buf, &item);
        cr_assert_eq(packed_read(packed_next(start(&buf)), &back), end(&buf));
        cr_assert(bytes_equal(back.text, item.text) && !back.is_integer);
        cr_assert_eq(packed_previous(end(&buf)), packed_next(start(&buf)));
        cr_assert(packed_check(buf_bytes(&buf), &count, &is_canonical, NULL));
        cr_assert(count == 2 && is_canonical);
        buf_deinit(&buf);
    }
    mem_free(MEM_TEST, text);
}

Test(packed, elements_are_inserted_replaced_and_erased_anywhere)
{
    struct packed_item items[] = {text_item("x"), text_item("70000")};
    struct buf buf = {0};
    size_t second;

    append(&buf, "a");
    append(&buf, "300");
    append(&buf, "c");
    expect(&buf, "a 300 c ");
    second = (size_t)(packed_next(start(&buf)) - start(&buf));
    second = packed_insert(&buf, second, items, 2);
    expect(&buf, "a x 70000 300 c ");
    (void)packed_replace(&buf, second, &items[0]);
    expect(&buf, "a x 70000 x c ");
    packed_erase(&buf, 0, (size_t)(packed_skip(start(&buf), 2) - start(&buf)));
    expect(&buf, "70000 x c ");
    packed_erase(&buf, 0, buf.len);
    cr_assert_eq(buf.len, 0);
    buf_deinit(&buf);
}

Test(packed, a_search_looks_at_every_stepth_element)
{
    struct packed_item a = text_item("a");
    struct packed_item seven = text_item("7");
    struct packed_item none = text_item("none");
    struct buf buf = {0};

    append(&buf, "7");
    append(&buf, "a");
    append(&buf, "a");
    append(&buf, "7");
    cr_assert_eq(packed_find(start(&buf), end(&buf), &a, 1), packed_skip(start(&buf), 1));
    cr_assert_eq(packed_find(start(&buf), end(&buf), &a, 2), packed_skip(start(&buf), 2));
    cr_assert_eq(packed_find(packed_next(start(&buf)), end(&buf), &seven, 2),
                 packed_skip(start(&buf), 3));
    cr_assert_null(packed_find(start(&buf), end(&buf), &none, 1));
    buf_deinit(&buf);
}

Test(packed, elements_that_are_cut_off_or_sized_wrongly_are_refused)
{
    struct buf buf = {0};
    uint64_t count;
    bool is_canonical;

    append(&buf, "abc");
    append(&buf, "123456789012");
    append(&buf, "5000");
    append(&buf, "0123456789012345678901234567890123456789012345678901234567890123456789");
    cr_assert(packed_check(buf_bytes(&buf), &count, &is_canonical, NULL));
    cr_assert_eq(count, 4);
    for (size_t len = 1; len < buf.len; len++) {
        bool is_between = false;

        for (const uint8_t *at = start(&buf); at < end(&buf); at = packed_next(at)) {
            is_between = is_between || at == start(&buf) + len;
        }
        cr_assert_eq(packed_check(bytes_prefix(buf_bytes(&buf), len), &count, &is_canonical, NULL),
                     is_between);
    }
    cr_assert(!packed_check(BYTES_LITERAL("\xff\x01"), &count, &is_canonical, NULL));
    cr_assert(!packed_check(BYTES_LITERAL("\x81g\x03"), &count, &is_canonical, NULL));
    cr_assert(packed_check(BYTES_LITERAL("\x81"
                                         "7\x02"),
                           &count, &is_canonical, NULL));
    cr_assert(!is_canonical);
    buf_deinit(&buf);
}
