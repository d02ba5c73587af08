/* SPDX-License-Identifier: MIT */
/* store/foreign_stream: nodes by hand, and damaged in every way. */
#include "store/foreign_stream.h"

#include "base/codec.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdlib.h>

#define LIT(text) BYTES_LITERAL(text)

static struct buf lines;

static void put_item(const struct packed_item *item)
{
    char scratch[PACKED_SCRATCH];

    buf_append_bytes(&lines, packed_item_text(item, scratch));
    buf_append_text(&lines, item->is_integer ? "!" : "");
}

static void put_entry(struct foreign_entry e)
{
    struct packed_item name;
    struct packed_item value;

    buf_printf(&lines, "%s%" PRIu64 "-%" PRIu64, e.is_deleted ? "deleted " : "", e.id.ms,
               e.id.sequence);
    while (foreign_entry_next(&e, &name, &value)) {
        buf_append_text(&lines, " ");
        put_item(&name);
        buf_append_text(&lines, "=");
        put_item(&value);
    }
    buf_append_text(&lines, "\n");
}

/* All entries as lines, integers with an exclamation mark; or what is wrong.  id: of 16 bytes. */
static const char *read_all(struct bytes id, struct bytes listpack)
{
    /* In memory of its exact size, so that a sanitizer sees the first byte read beyond it. */
    char *exact = malloc(listpack.len + 1);
    struct foreign_node n;
    struct foreign_entry e;
    struct errmsg error = {0};
    uint64_t count = 0;

    memcpy(exact + 1, listpack.data, listpack.len);
    buf_clear(&lines);
    if (!foreign_node_open(&n, id, bytes_make(exact + 1, listpack.len), &error)) {
        buf_append_text(&lines, error.text);
    } else {
        while (foreign_node_next(&n, &e)) {
            put_entry(e);
            count++;
        }
        cr_assert_eq(count, n.live_count + n.deleted_count);
        cr_assert_not(foreign_node_next(&n, &e));
    }
    free(exact);
    return buf_text(&lines);
}

/* A listpack of words: integers, and texts that are none. */
static struct buf listpack_of(const char *words)
{
    struct bytes rest = bytes_from_text(words);
    struct buf elements = {0};
    struct buf out = {0};
    uint16_t count = 0;

    for (struct bytes word; (word = bytes_next_word(&rest, ' ')).len > 0; count++) {
        struct packed_item item = packed_item(word);

        packed_append(&elements, &item);
    }
    encode_u32_le(&out, (uint32_t)(elements.len + 7));
    encode_u16_le(&out, count);
    buf_append_bytes(&out, buf_bytes(&elements));
    encode_u8(&out, 0xff);
    buf_deinit(&elements);
    return out;
}

#define ID_5_3 LIT("\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x03")

static const char *read_words(const char *words)
{
    struct buf listpack = listpack_of(words);
    const char *text = read_all(ID_5_3, buf_bytes(&listpack));

    buf_deinit(&listpack);
    return text;
}

Test(foreign_stream, entries_are_read_with_the_names_of_the_head_and_their_own)
{
    static const struct {
        const char *words;
        const char *lines;
    } cases[] = {
        {"2 0 1 k 0  2 0 0 v 4  2 0 1 w 4",         "5-3 k=v\n5-4 k=w\n"                },
        {"2 0 1 a 0  2 0 0 1 4  0 0 1 2 b 2 c 3 8", "5-3 a=1!\n5-4 b=2! c=3!\n"         },
        {"1 1 1 a 0  3 0 0 1 4  2 1 0 2 4",         "deleted 5-3 a=1!\n6-3 a=2!\n"      },
        {"0 2 1 a 0  1 0 0 1 b x 6  3 1 0 y 4",     "deleted 5-3 b=x\ndeleted 6-3 a=y\n"},
 /* A sequence below that of the id. */
        {"1 0 1 a 0  2 100000 -3 v 4",              "100005-0 a=v\n"                    },
 /* Many names, one of them an integer; a name twice. */
        {"1 0 3 a 7 a 0  2 0 0 x y z 6",            "5-3 a=x 7!=y a=z\n"                },
        {"0 0 0 0",                                 ""                                  },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_assert_str_eq(read_words(cases[i].words), cases[i].lines);
    }
    buf_deinit(&lines);
}

/* The node of a stream of another server with XADD, a deletion and other names. */
static const struct bytes real_id = LIT("\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01");
static const struct bytes real =
    LIT("\x26\0\0\0\x0f\0\x01\x01\x01\x01\x01\x01\x81\x61\x02\0\x01\x03\x01\0"
        "\x01\0\x01\x01\x01\x04\x01\x02\x01\x01\x01\0\x01\x02\x01\x04\x01\xff");

Test(foreign_stream, what_another_server_wrote_is_read)
{
    cr_assert_str_eq(read_all(real_id, real), "deleted 1-1 a=1!\n2-1 a=2!\n");
    buf_deinit(&lines);
}

Test(foreign_stream, the_last_ids_there_are_can_be_read)
{
    struct buf listpack = listpack_of("2 0 1 k 0  2 0 0 v 4  2 0 1 w 4");

    cr_assert_str_eq(
        read_all(LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe"),
                 buf_bytes(&listpack)),
        "18446744073709551615-18446744073709551614 k=v\n"
        "18446744073709551615-18446744073709551615 k=w\n");
    cr_assert_str_eq(
        read_all(LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
                 buf_bytes(&listpack)),
        "damaged node of a stream: the id of entry 1 is not above the one before");
    buf_deinit(&listpack);
    buf_deinit(&lines);
}

Test(foreign_stream, a_damaged_node_is_refused_with_the_reason)
{
    static const struct {
        const char *words;
        const char *error;
    } cases[] = {
        {"",                                           "its head is damaged"                                          },
        {"1",                                          "its head is damaged"                                          },
        {"1 0 2 a 0",                                  "its head is damaged"                                          },
        {"1 0 1 a x",                                  "its head is damaged"                                          },
        {"1 0 1 a 1",                                  "its head is damaged"                                          },
        {"-1 0 1 a 0",                                 "its head is damaged"                                          },
        {"0 x 1 a 0",                                  "its head is damaged"                                          },
        {"0 0 9223372036854775807 a 0",                "its head is damaged"                                          },
        {"1 0 1 k 0  2 0 0 v 5",                       "entry 0 is damaged"                                           },
        {"1 0 1 k 0  4 0 0 v 4",                       "entry 0 is damaged"                                           },
        {"1 0 1 k 0  -1 0 0 v 4",                      "entry 0 is damaged"                                           },
        {"1 0 1 k 0  2 0 0 v",                         "entry 0 is damaged"                                           },
        {"1 0 1 k 0  2 0 0",                           "entry 0 is damaged"                                           },
        {"1 0 1 k 0  2 x 0 v 4",                       "entry 0 is damaged"                                           },
        {"1 0 1 k 0  2",                               "entry 0 is damaged"                                           },
        {"2 0 1 k 0  2 0 0 v 4  0 0 1 2 b x 6",        "entry 1 is damaged"                                           },
        {"1 0 1 k 0  0 0 0 4611686018427387904 b x 6", "entry 0 is damaged"                                           },
        {"1 0 1 k 0  0 0 0 -1 6",                      "entry 0 is damaged"                                           },
        {"1 0 1 k 0  2 0 -1 v 4",                      "the id of entry 0 is not above the one before"                },
        {"1 0 1 k 0  2 -1 0 v 4",                      "the id of entry 0 is not above the one before"                },
        {"2 0 1 k 0  2 0 0 v 4  2 0 0 w 4",            "the id of entry 1 is not above the one before"                },
        {"2 0 1 k 0  2 9 9 v 4  2 9 8 w 4",            "the id of entry 1 is not above the one before"                },
        {"2 0 1 k 0  2 0 0 v 4",                       "2 entries and 0 deleted ones are announced, 1 and 0 are there"},
        {"1 0 1 k 0  3 0 0 v 4",                       "1 entries and 0 deleted ones are announced, 0 and 1 are there"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *prefix = "damaged node of a stream: ";
        const char *text = read_words(cases[i].words);

        cr_assert(strncmp(text, prefix, strlen(prefix)) == 0, "%s: %s", cases[i].words, text);
        cr_assert_str_eq(text + strlen(prefix), cases[i].error);
    }
    cr_assert_str_eq(read_all(LIT("\0\0\0\0\0\0\0\x01"), real),
                     "damaged node of a stream: its id has 8 bytes");
    cr_assert_str_eq(read_all(real_id, bytes_prefix(real, 6)),
                     "damaged node of a stream: 6 bytes are too few");
    buf_deinit(&lines);
}

Test(foreign_stream, whatever_is_done_to_a_byte_what_is_accepted_can_be_walked)
{
    char damaged[64];
    size_t accepted = 0;

    memcpy(damaged, real.data, real.len);
    for (size_t at = 0; at < real.len; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            damaged[at] = (char)byte;
            accepted +=
                strstr(read_all(real_id, bytes_make(damaged, real.len)), "node") == NULL ? 1 : 0;
        }
        damaged[at] = real.data[at];
        cr_assert(strstr(read_all(real_id, bytes_prefix(real, at)), "damaged") != NULL);
    }
    cr_assert_gt(accepted, 100);
    buf_deinit(&lines);
}
