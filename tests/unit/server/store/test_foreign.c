/* SPDX-License-Identifier: MIT */
/* store/foreign: each form by hand, and damaged in every way. */
#include "store/foreign.h"

#include "base/codec.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdlib.h>

#define LIT(text) BYTES_LITERAL(text)

static struct buf lines;

/* All elements as text: integers bare, strings in quotes; or what is wrong. */
static const char *read_all(enum foreign_form form, struct bytes blob)
{
    /* In memory of its exact size, so that a sanitizer sees the first byte read beyond it. */
    char *exact = malloc(blob.len + 1);
    struct foreign f;
    struct packed_item item;
    struct errmsg error = {0};
    uint64_t count = 0;

    if (blob.len > 0) {
        memcpy(exact + 1, blob.data, blob.len);
    }
    buf_clear(&lines);
    if (!foreign_open(&f, form, bytes_make(exact + 1, blob.len), &error)) {
        free(exact);
        buf_append_text(&lines, error.text);
        cr_assert_neq(lines.len, 0);
        return buf_text(&lines);
    }
    for (; foreign_next(&f, &item); count++) {
        buf_append_text(&lines, count > 0 ? " " : "");
        if (item.is_integer) {
            buf_append_i64(&lines, item.integer);
        } else {
            buf_append_byte(&lines, '"');
            buf_append_bytes(&lines, item.text);
            buf_append_byte(&lines, '"');
        }
    }
    cr_assert_eq(count, f.count);
    cr_assert_not(foreign_next(&f, &item));
    free(exact);
    return buf_text(&lines);
}

static void check_texts(enum foreign_form form, const struct bytes (*cases)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_assert_str_eq(read_all(form, cases[i][0]), cases[i][1].data);
    }
    buf_deinit(&lines);
}

#define CHECK_TEXTS(form, cases) check_texts(form, cases, ARRAY_COUNT(cases))

/* ---- each form -------------------------------------------------------------------------------- */

Test(foreign, every_kind_of_element_of_a_ziplist_is_read)
{
    static const struct bytes cases[][2] = {
        {LIT("\x0b\0\0\0\x0a\0\0\0\0\0\xff"),                             LIT("")          },
        {LIT("\x0f\0\0\0\x0a\0\0\0\x01\0\0\x02"
             "ab\xff"),
         LIT("\"ab\"")                                                                     },
        {LIT("\x0d\0\0\0\x0a\0\0\0\x01\0\0\0\xff"),                       LIT("\"\"")      },
        {LIT("\x10\0\0\0\x0a\0\0\0\x01\0\0\x40\x02"
             "ab\xff"),
         LIT("\"ab\"")                                                                     },
        {LIT("\x13\0\0\0\x0a\0\0\0\x01\0\0\x80\0\0\0\x02"
             "ab\xff"),
         LIT("\"ab\"")                                                                     },
        {LIT("\x0e\0\0\0\x0a\0\0\0\x01\0\0\xfe\x80\xff"),                 LIT("-128")      },
        {LIT("\x0f\0\0\0\x0a\0\0\0\x01\0\0\xc0\xff\x7f\xff"),             LIT("32767")     },
        {LIT("\x10\0\0\0\x0a\0\0\0\x01\0\0\xf0\0\0\x80\xff"),             LIT("-8388608")  },
        {LIT("\x11\0\0\0\x0a\0\0\0\x01\0\0\xd0\xff\xff\xff\x7f\xff"),     LIT("2147483647")},
        {LIT("\x15\0\0\0\x0a\0\0\0\x01\0\0\xe0\0\0\0\0\0\0\0\x80\xff"),
         LIT("-9223372036854775808")                                                       },
        {LIT("\x0d\0\0\0\x0a\0\0\0\x01\0\0\xf1\xff"),                     LIT("0")         },
        {LIT("\x0d\0\0\0\x0a\0\0\0\x01\0\0\xfd\xff"),                     LIT("12")        },
        {LIT("\x13\0\0\0\x10\0\0\0\x03\0\0\xf2\x02\x02"
             "ab\x04\xf3\xff"),
         LIT("1 \"ab\" 2")                                                                 },
 /* The size before takes five bytes, though one would do; a count of 65535. */
        {LIT("\x13\0\0\0\x0c\0\0\0\xff\xff\0\xf2\xfe\x02\0\0\0\xf3\xff"), LIT("1 2")       },
 /* An integer that is stored as text. */
        {LIT("\x10\0\0\0\x0a\0\0\0\x01\0\0\x03-12\xff"),                  LIT("-12")       },
        {LIT("\x0f\0\0\0\x0a\0\0\0\x01\0\0\x02"
             "07\xff"),
         LIT("\"07\"")                                                                     },
    };

    CHECK_TEXTS(FOREIGN_ZIPLIST, cases);
}

Test(foreign, every_kind_of_element_of_a_listpack_is_read)
{
    static const struct bytes cases[][2] = {
        {LIT("\x07\0\0\0\0\0\xff"),                                           LIT("")           },
        {LIT("\x09\0\0\0\x01\0\x7f\x01\xff"),                                 LIT("127")        },
        {LIT("\x09\0\0\0\x01\0\x80\x01\xff"),                                 LIT("\"\"")       },
        {LIT("\x0b\0\0\0\x01\0\x82"
             "ab\x03\xff"),
         LIT("\"ab\"")                                                                          },
        {LIT("\x0a\0\0\0\x01\0\xd0\0\x02\xff"),                               LIT("-4096")      },
        {LIT("\x0a\0\0\0\x01\0\xcf\xff\x02\xff"),                             LIT("4095")       },
        {LIT("\x0c\0\0\0\x01\0\xe0\x02"
             "ab\x04\xff"),
         LIT("\"ab\"")                                                                          },
        {LIT("\x0f\0\0\0\x01\0\xf0\x02\0\0\0"
             "ab\x07\xff"),
         LIT("\"ab\"")                                                                          },
        {LIT("\x0b\0\0\0\x01\0\xf1\0\x80\x03\xff"),                           LIT("-32768")     },
        {LIT("\x0c\0\0\0\x01\0\xf2\xff\xff\x7f\x04\xff"),                     LIT("8388607")    },
        {LIT("\x0d\0\0\0\x01\0\xf3\0\0\0\x80\x05\xff"),                       LIT("-2147483648")},
        {LIT("\x11\0\0\0\x01\0\xf4\xff\xff\xff\xff\xff\xff\xff\x7f\x09\xff"),
         LIT("9223372036854775807")                                                             },
        {LIT("\x0e\0\0\0\xff\xff\x01\x01\x02\x01\x81z\x02\xff"),              LIT("1 2 \"z\"")  },
 /* An integer that is stored as text. */
        {LIT("\x0b\0\0\0\x01\0\x82"
             "12\x03\xff"),
         LIT("12")                                                                              },
    };

    CHECK_TEXTS(FOREIGN_LISTPACK, cases);
}

Test(foreign, zipmaps_are_read_with_their_spare_bytes)
{
    static const struct bytes cases[][2] = {
        {LIT("\0\xff"),                           LIT("")                 },
        {LIT("\x01\x01"
             "a\x01\0b\xff"),
         LIT("\"a\" \"b\"")                                               },
        {LIT("\x02\x03"
             "foo\x03\x02"
             "bar..\0\0\0\xff"),
         LIT("\"foo\" \"bar\" \"\" \"\"")                                 },
        {LIT("\x01\x01"
             "a\x02\x01"
             "17.\xff"),
         LIT("\"a\" 17")                                                  },
        {LIT("\xfe\x01"
             "a\x01\0b\xff"),
         LIT("\"a\" \"b\"")                                               },
 /* What would be the end elsewhere is the data of a value. */
        {LIT("\x01\x01\xff\x01\x01\xff\xff\xff"), LIT("\"\xff\" \"\xff\"")},
    };

    CHECK_TEXTS(FOREIGN_ZIPMAP, cases);
}

Test(foreign, intsets_of_all_widths_are_read)
{
    static const struct bytes cases[][2] = {
        {LIT("\x02\0\0\0\0\0\0\0"),                                                     LIT("")              },
        {LIT("\x02\0\0\0\x03\0\0\0\0\x80\0\0\xff\x7f"),                                 LIT("-32768 0 32767")},
        {LIT("\x04\0\0\0\x02\0\0\0\xff\xff\xff\xff\0\0\x01\0"),                         LIT("-1 65536")      },
        {LIT("\x08\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\x80\xff\xff\xff\xff\xff\xff\xff\x7f"),
         LIT("-9223372036854775808 9223372036854775807")                                                     },
    };

    CHECK_TEXTS(FOREIGN_INTSET, cases);
}

/* ---- large ones --------------------------------------------------------------------------------- */

static void put_listpack(struct buf *out, struct bytes elements, uint16_t count)
{
    encode_u32_le(out, (uint32_t)(elements.len + 7));
    encode_u16_le(out, count);
    buf_append_bytes(out, elements);
    encode_u8(out, 0xff);
}

static void put_length(struct buf *out, size_t len)
{
    encode_u8(out, (uint8_t)(len < 254 ? len : 254));
    if (len >= 254) {
        encode_u32_le(out, (uint32_t)len);
    }
}

/* A ziplist of strings of the given lengths, full of 'x'. */
static void put_ziplist(struct buf *out, const size_t *lens, size_t count, uint16_t announced)
{
    struct buf elements = {0};
    size_t before = 0;
    size_t last = 0;

    for (size_t i = 0; i < count; i++) {
        last = elements.len;
        put_length(&elements, before);
        if (lens[i] < 64) {
            encode_u8(&elements, (uint8_t)lens[i]);
        } else if (lens[i] < 16384) {
            encode_u16_be(&elements, (uint16_t)(0x4000 | lens[i]));
        } else {
            encode_u8(&elements, 0x80);
            encode_u32_be(&elements, (uint32_t)lens[i]);
        }
        memset(buf_reserve(&elements, lens[i]), 'x', lens[i]);
        elements.len += lens[i];
        before = elements.len - last;
    }
    encode_u32_le(out, (uint32_t)(elements.len + 11));
    encode_u32_le(out, (uint32_t)(last + 10));
    encode_u16_le(out, announced);
    buf_append_bytes(out, buf_bytes(&elements));
    encode_u8(out, 0xff);
    buf_deinit(&elements);
}

Test(foreign, strings_of_every_length_class_are_read)
{
    static const size_t lens[] = {0, 63, 64, 16383, 16384, 251, 70000, 4095, 4096, 1};
    struct buf ziplist = {0};
    struct buf elements = {0};
    struct buf listpack = {0};
    struct foreign forms[2];
    struct packed_item item;

    put_ziplist(&ziplist, lens, ARRAY_COUNT(lens), ARRAY_COUNT(lens));
    for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
        char *text = malloc(lens[i] + 1);

        memset(text, 'x', lens[i]);
        item = packed_item(bytes_make(text, lens[i]));
        packed_append(&elements, &item);
        free(text);
    }
    put_listpack(&listpack, buf_bytes(&elements), ARRAY_COUNT(lens));
    cr_assert(foreign_open(&forms[0], FOREIGN_ZIPLIST, buf_bytes(&ziplist), NULL));
    cr_assert(foreign_open(&forms[1], FOREIGN_LISTPACK, buf_bytes(&listpack), NULL));
    for (size_t form = 0; form < 2; form++) {
        for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
            cr_assert(foreign_next(&forms[form], &item));
            cr_assert_eq(item.text.len, lens[i]);
            cr_assert(lens[i] == 0 || item.text.data[lens[i] - 1] == 'x');
        }
        cr_assert_not(foreign_next(&forms[form], &item));
    }
    buf_deinit(&ziplist);
    buf_deinit(&elements);
    buf_deinit(&listpack);
}

Test(foreign, long_names_and_values_of_a_zipmap_are_read)
{
    static const char text[70000 + 255];
    static const size_t lens[] = {253, 254, 255, 256, 70000, 0};
    struct buf blob = {0};
    struct packed_item item;
    struct foreign f;

    encode_u8(&blob, ARRAY_COUNT(lens));
    for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
        put_length(&blob, lens[i]);
        buf_append(&blob, text, lens[i]);
        put_length(&blob, lens[ARRAY_COUNT(lens) - 1 - i]);
        encode_u8(&blob, 255);
        buf_append(&blob, text, lens[ARRAY_COUNT(lens) - 1 - i] + 255);
    }
    encode_u8(&blob, 0xff);
    cr_assert(foreign_open(&f, FOREIGN_ZIPMAP, buf_bytes(&blob), NULL));
    for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
        cr_assert(foreign_next(&f, &item) && item.text.len == lens[i]);
        cr_assert(foreign_next(&f, &item) && item.text.len == lens[ARRAY_COUNT(lens) - 1 - i]);
    }
    cr_assert_not(foreign_next(&f, &item));
    buf_deinit(&blob);
}

Test(foreign, what_is_too_many_to_announce_is_counted)
{
    static size_t lens[70000];
    struct buf blob = {0};
    struct buf elements = {0};
    struct packed_item item = packed_item_integer(1);
    struct foreign f;

    put_ziplist(&blob, lens, ARRAY_COUNT(lens), 65535);
    cr_assert(foreign_open(&f, FOREIGN_ZIPLIST, buf_bytes(&blob), NULL));
    cr_assert_eq(f.count, 70000);
    buf_clear(&blob);
    for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
        packed_append(&elements, &item);
    }
    put_listpack(&blob, buf_bytes(&elements), 65535);
    cr_assert(foreign_open(&f, FOREIGN_LISTPACK, buf_bytes(&blob), NULL));
    cr_assert_eq(f.count, 70000);
    buf_clear(&blob);
    encode_u8(&blob, 254);
    for (size_t i = 0; i < 300; i++) {
        buf_append(&blob, "\x01n\x01\0v", 5);
    }
    encode_u8(&blob, 0xff);
    cr_assert(foreign_open(&f, FOREIGN_ZIPMAP, buf_bytes(&blob), NULL));
    cr_assert_eq(f.count, 600);
    buf_deinit(&blob);
    buf_deinit(&elements);
}

/* ---- damage --------------------------------------------------------------------------------------- */

Test(foreign, a_damaged_ziplist_is_refused_with_the_reason)
{
    static const struct bytes cases[][2] = {
        {LIT(""),                                                     LIT("damaged ziplist: 0 bytes are too few")         },
        {LIT("\x0a\0\0\0\x0a\0\0\0\0\xff"),                           LIT("damaged ziplist: 10 bytes are too few")        },
        {LIT("\x0b\0\0\0\x0a\0\0\0\0\0\xfe"),                         LIT("damaged ziplist: the last byte is not the end")},
        {LIT("\x0c\0\0\0\x0a\0\0\0\0\0\xff"),
         LIT("damaged ziplist: 12 bytes are announced, 11 are there")                                                     },
        {LIT("\x0d\0\0\0\x0b\0\0\0\x01\0\0\xf1\xff"),
         LIT("damaged ziplist: the last element is said to be at 11, and is at 10")                                       },
        {LIT("\x0d\0\0\0\x0a\0\0\0\x02\0\0\xf1\xff"),
         LIT("damaged ziplist: 2 elements are announced, 1 are there")                                                    },
        {LIT("\x0d\0\0\0\x0a\0\0\0\x01\0\x01\xf1\xff"),
         LIT("damaged ziplist: the element at 10 says that 1 bytes lie before it, not 0")                                 },
        {LIT("\x0d\0\0\0\x0a\0\0\0\x01\0\0\x81\xff"),
         LIT("damaged ziplist: the element at 10 is cut off or of no known kind")                                         },
        {LIT("\x0d\0\0\0\x0a\0\0\0\x01\0\0\xc1\xff"),
         LIT("damaged ziplist: the element at 10 is cut off or of no known kind")                                         },
        {LIT("\x0d\0\0\0\x0a\0\0\0\x01\0\0\x01\xff"),
         LIT("damaged ziplist: the element at 10 is cut off or of no known kind")                                         },
        {LIT("\x0c\0\0\0\x0a\0\0\0\x01\0\0\xff"),
         LIT("damaged ziplist: the element at 10 is cut off or of no known kind")                                         },
        {LIT("\x11\0\0\0\x0a\0\0\0\x01\0\0\x80\xff\xff\xff\xff\xff"),
         LIT("damaged ziplist: the element at 10 is cut off or of no known kind")                                         },
 /* An end in the middle. */
        {LIT("\x0e\0\0\0\x0a\0\0\0\x01\0\0\xf1\xff\xff"),
         LIT("damaged ziplist: the element at 12 is cut off or of no known kind")                                         },
    };

    CHECK_TEXTS(FOREIGN_ZIPLIST, cases);
}

Test(foreign, a_damaged_listpack_is_refused_with_the_reason)
{
    static const struct bytes cases[][2] = {
        {LIT("\x06\0\0\0\0\0"),               LIT("damaged listpack: 6 bytes are too few")               },
        {LIT("\x07\0\0\0\0\0\0"),             LIT("damaged listpack: the last byte is not the end")      },
        {LIT("\x08\0\0\0\0\0\xff"),           LIT("damaged listpack: 8 bytes are announced, 7 are there")},
        {LIT("\x09\0\0\0\0\0\x01\x01\xff"),
         LIT("damaged listpack: 0 elements are announced, 1 are there")                                  },
        {LIT("\x09\0\0\0\x01\0\x01\x02\xff"),
         LIT("damaged listpack: the size behind a packed element is wrong")                              },
        {LIT("\x08\0\0\0\x01\0\x01\xff"),     LIT("damaged listpack: a packed element is cut off")       },
        {LIT("\x09\0\0\0\x01\0\xf5\x01\xff"), LIT("damaged listpack: a packed element is cut off")       },
        {LIT("\x08\0\0\0\0\0\xff\xff"),       LIT("damaged listpack: a packed element is cut off")       },
    };

    CHECK_TEXTS(FOREIGN_LISTPACK, cases);
}

Test(foreign, a_damaged_zipmap_is_refused_with_the_reason)
{
    static const struct bytes cases[][2] = {
        {LIT("\0"),                        LIT("damaged zipmap: 1 bytes are too few")         },
        {LIT("\0\0"),                      LIT("damaged zipmap: the last byte is not the end")},
        {LIT("\x01\x01"
             "a\xff"),
         LIT("damaged zipmap: element 1 is cut off")                                          },
        {LIT("\x01\x02"
             "a\xff"),
         LIT("damaged zipmap: element 0 is cut off")                                          },
        {LIT("\x01\x01"
             "a\x01\x01"
             "b\xff"),
         LIT("damaged zipmap: element 1 is cut off")                                          },
        {LIT("\x01\x01"
             "a\x01\xff"),
         LIT("damaged zipmap: element 1 is cut off")                                          },
        {LIT("\x02\x01"
             "a\x01\0b\xff"),
         LIT("damaged zipmap: 2 elements are announced, 1 are there")                         },
        {LIT("\x01\xfe\xff\xff\xff\xff"
             "a\xff"),
         LIT("damaged zipmap: element 0 is cut off")                                          },
        {LIT("\x01\x01"
             "a\x01\0b\xff\xff"),
         LIT("damaged zipmap: element 2 is cut off")                                          },
 /* Five bytes for what one could say. */
        {LIT("\x01\xfe\x01\0\0\0"
             "a\x01\0b\xff"),
         LIT("damaged zipmap: element 0 is cut off")                                          },
    };

    CHECK_TEXTS(FOREIGN_ZIPMAP, cases);
}

Test(foreign, a_damaged_intset_is_refused_with_the_reason)
{
    static const struct bytes cases[][2] = {
        {LIT("\x02\0\0\0\0\0\0"),                           LIT("damaged intset: 7 bytes are too few")            },
        {LIT("\x03\0\0\0\0\0\0\0"),                         LIT("damaged intset: integers of 3 bytes are unknown")},
        {LIT("\0\0\0\0\0\0\0\0"),                           LIT("damaged intset: integers of 0 bytes are unknown")},
        {LIT("\x02\0\0\0\x02\0\0\0\x01\0"),
         LIT("damaged intset: 2 integers of 2 bytes are announced, 2 bytes are there")                            },
        {LIT("\x08\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0"),
         LIT("damaged intset: 4294967295 integers of 8 bytes are announced, 8 bytes are there")                   },
        {LIT("\x02\0\0\0\x02\0\0\0\x01\0\x01\0"),
         LIT("damaged intset: the integers are not in ascending order")                                           },
        {LIT("\x02\0\0\0\x02\0\0\0\x01\0\xff\xff"),
         LIT("damaged intset: the integers are not in ascending order")                                           },
        {LIT("\x02\0\0\0\x01\0\0\0\x01\0\0"),
         LIT("damaged intset: 1 integers of 2 bytes are announced, 3 bytes are there")                            },
    };

    CHECK_TEXTS(FOREIGN_INTSET, cases);
}

static const struct {
    enum foreign_form form;
    struct bytes blob;
} samples[] = {
    {FOREIGN_ZIPLIST,  LIT("\x23\0\0\0\x1c\0\0\0\x06\0\0\xf2\x02\x02"
                          "ab\x04\x03\x33.5\x05\xc0\x10\x27\x04\xfe\xfe\x03\x40\x03"
                          "xyz\xff")                             },
    {FOREIGN_LISTPACK, LIT("\x1c\0\0\0\x05\0\x82"
                           "ab\x03\x05\x01\xc5\x39\x02\xf1\x10\x27\x03\xe0\x05"
                           "hello\x07\xff")                     },
    {FOREIGN_ZIPMAP,   LIT("\x02\x03"
                         "foo\x03\x02"
                         "bar..\x01"
                         "a\x02\x01"
                         "17.\xff")                               },
    {FOREIGN_INTSET,   LIT("\x04\0\0\0\x03\0\0\0\xff\xff\xff\xff\x07\0\0\0\0\0\x01\0")},
};

Test(foreign, whatever_is_done_to_a_byte_what_is_accepted_can_be_walked)
{
    size_t accepted = 0;

    for (size_t s = 0; s < ARRAY_COUNT(samples); s++) {
        char damaged[64];
        size_t len = samples[s].blob.len;

        memcpy(damaged, samples[s].blob.data, len);
        cr_assert(strstr(read_all(samples[s].form, samples[s].blob), "damaged") == NULL, "%zu: %s",
                  s, buf_text(&lines));
        for (size_t at = 0; at < len; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                damaged[at] = (char)byte;
                /* Also as any of the other forms. */
                for (size_t form = 0; form < ARRAY_COUNT(samples); form++) {
                    const char *text = read_all((enum foreign_form)form, bytes_make(damaged, len));

                    accepted += strstr(text, "damaged") == NULL ? 1 : 0;
                }
            }
            damaged[at] = samples[s].blob.data[at];
        }
    }
    cr_assert_gt(accepted, 1000);
    buf_deinit(&lines);
}

Test(foreign, what_is_cut_off_anywhere_is_refused)
{
    for (size_t s = 0; s < ARRAY_COUNT(samples); s++) {
        for (size_t len = 0; len < samples[s].blob.len; len++) {
            struct bytes cut = bytes_prefix(samples[s].blob, len);

            cr_assert(strstr(read_all(samples[s].form, cut), "damaged") != NULL);
            cr_assert(strstr(read_all(samples[s].form, bytes_from(samples[s].blob, len + 1)),
                             "damaged") != NULL);
        }
    }
    buf_deinit(&lines);
}

/* ---- by RDB type ---------------------------------------------------------------------------------- */

Test(foreign, a_type_decides_the_form_and_what_belongs_together)
{
    static const struct bytes one = LIT("\x09\0\0\0\x01\0\x01\x01\xff");
    static const struct bytes two = LIT("\x0b\0\0\0\x02\0\x01\x01\x02\x01\xff");
    static const struct bytes three = LIT("\x0d\0\0\0\x03\0\x01\x01\x02\x01\x03\x01\xff");
    static const struct {
        uint8_t type;
        struct bytes blob;
        const char *error; /* NULL: it is good */
    } cases[] = {
        {9,   LIT("\x01\x01\x61\x01\0b\xff"),                      NULL                                             },
        {9,   LIT("\0\xff"),                                       "damaged zipmap: 0 elements are no whole value"  },
        {10,  LIT("\x0d\0\0\0\x0a\0\0\0\x01\0\0\xf1\xff"),         NULL                                             },
        {14,  LIT("\x0d\0\0\0\x0a\0\0\0\x01\0\0\xf1\xff"),         NULL                                             },
        {12,  LIT("\x0d\0\0\0\x0a\0\0\0\x01\0\0\xf1\xff"),
         "damaged ziplist: 1 elements are no whole value"                                                           },
        {13,  LIT("\x0d\0\0\0\x0a\0\0\0\x01\0\0\xf1\xff"),
         "damaged ziplist: 1 elements are no whole value"                                                           },
        {13,  LIT("\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf1\x02\xf1\xff"), NULL                                             },
        {11,  LIT("\x02\0\0\0\x01\0\0\0\x01\0"),                   NULL                                             },
        {11,  LIT("\x02\0\0\0\0\0\0\0"),                           "damaged intset: 0 elements are no whole value"  },
        {16,  one,                                                 "damaged listpack: 1 elements are no whole value"},
        {16,  two,                                                 NULL                                             },
        {17,  two,                                                 NULL                                             },
        {17,  three,                                               "damaged listpack: 3 elements are no whole value"},
        {18,  one,                                                 NULL                                             },
        {20,  three,                                               NULL                                             },
        {20,  LIT("\x07\0\0\0\0\0\xff"),                           "damaged listpack: 0 elements are no whole value"},
        {25,  two,                                                 "damaged listpack: 2 elements are no whole value"},
        {25,  three,                                               NULL                                             },
        {20,  LIT(""),                                             "damaged listpack: 0 bytes are too few"          },
        {0,   one,                                                 "type 0 has no compact form"                     },
        {15,  one,                                                 "type 15 has no compact form"                    },
        {255, one,                                                 "type 255 has no compact form"                   },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct foreign f;
        struct errmsg error = {0};
        bool is_good = foreign_open_rdb(&f, cases[i].type, cases[i].blob, &error);

        cr_assert_eq(is_good, cases[i].error == NULL, "case %zu: %s", i, error.text);
        cr_assert_str_eq(error.text, is_good ? "" : cases[i].error);
    }
}

Test(foreign, a_listpack_of_plain_elements_is_taken_as_it_is)
{
    static const struct bytes blob = LIT("\x0b\0\0\0\x02\0\x01\x01\x02\x01\xff");
    static const struct bytes as_text = LIT("\x0a\0\0\0\x01\0\x81\x31\x02\xff");
    struct bytes elements;
    uint64_t count;
    bool is_canonical;

    cr_assert(foreign_listpack(blob, &elements, &count, &is_canonical, NULL));
    cr_assert(elements.data == blob.data + 6 && elements.len == 4);
    cr_assert(count == 2 && is_canonical);
    cr_assert(foreign_listpack(as_text, &elements, &count, &is_canonical, NULL));
    cr_assert(count == 1 && !is_canonical);
    cr_assert_not(foreign_listpack(bytes_from(blob, 1), &elements, &count, &is_canonical, NULL));
}
