/* SPDX-License-Identifier: MIT */
/* segment/manifest. */
#include "segment/manifest.h"

#include "base/crc.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccc"

static struct manifest sample(void)
{
    struct manifest manifest = {
        .base = "dump.rdb",
        .base_history = {A},
        .base_offset = 650,
        .first = 12,
        .has_end = true,
        .end_history = {C},
        .end_offset = UINT64_MAX,
    };

    lineage_add(&manifest.lineage, &(struct history_id){A}, 700);
    lineage_add(&manifest.lineage, &(struct history_id){B}, 700);
    return manifest;
}

Test(manifest, is_written_as_a_fact_a_line)
{
    struct manifest manifest = sample();
    struct buf text = {0};

    manifest_format(&manifest, &text);
    cr_expect_str_eq(buf_text(&text), "starling-log 1\n"
                                      "base dump.rdb " A " 650\n"
                                      "first 12\n"
                                      "fork " A " 700\n"
                                      "fork " B " 700\n"
                                      "end " C " 18446744073709551615\n"
                                      "crc 3a957ad0\n");
    buf_deinit(&text);
}

Test(manifest, is_read_as_it_was_written)
{
    struct manifest manifest = sample();
    struct manifest again;
    struct errmsg error = {0};
    struct buf text = {0};

    manifest_format(&manifest, &text);
    cr_assert_eq(manifest_parse(buf_bytes(&text), &again, &error), SEGMENT_OK);
    cr_expect_str_eq(again.base, "dump.rdb");
    cr_expect_str_eq(again.base_history.text, A);
    cr_expect_eq(again.base_offset, 650);
    cr_expect_eq(again.first, 12);
    cr_expect_eq(again.lineage.count, 2);
    cr_expect_str_eq(again.lineage.items[1].history.text, B);
    cr_expect_eq(again.lineage.items[1].end, 700);
    cr_expect(again.has_end);
    cr_expect_str_eq(again.end_history.text, C);
    cr_expect_eq(again.end_offset, UINT64_MAX);
    cr_expect_str_empty(error.text);
    buf_deinit(&text);
}

Test(manifest, without_base_forks_and_end_is_short)
{
    struct manifest manifest = {.base_history = {A}};
    struct manifest again = sample();
    struct buf text = {0};

    manifest_format(&manifest, &text);
    cr_expect_eq(strncmp(buf_text(&text), "starling-log 1\nbase - " A " 0\nfirst 0\ncrc ", 71), 0);
    cr_assert_eq(manifest_parse(buf_bytes(&text), &again, NULL), SEGMENT_OK);
    cr_expect_str_empty(again.base);
    cr_expect_eq(again.first, 0);
    cr_expect_eq(again.lineage.count, 0);
    cr_expect_not(again.has_end);
    buf_deinit(&text);
}

Test(manifest, keeps_any_name_of_a_file)
{
    static const char *const names[] = {
        "-", "--", "my dump.rdb", "%", "%20", "\n", "\x7f\x80\xff", " ", "d\xc3\xbcmp.rdb",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct manifest manifest = {.base_history = {A}};
        struct buf text = {0};

        snprintf(manifest.base, sizeof(manifest.base), "%s", names[i]);
        manifest_format(&manifest, &text);
        cr_assert_eq(manifest_parse(buf_bytes(&text), &manifest, NULL), SEGMENT_OK, "%zu", i);
        cr_expect_str_eq(manifest.base, names[i]);
        buf_deinit(&text);
    }
}

Test(manifest, keeps_the_longest_name_and_the_longest_lineage)
{
    struct manifest manifest = {.base_history = {A}};
    struct manifest again;
    struct buf text = {0};

    memset(manifest.base, '\n', sizeof(manifest.base) - 1);
    for (unsigned i = 0; i < LINEAGE_MAX; i++) {
        struct history_id id = {0};

        snprintf(id.text, sizeof(id.text), "%u", i);
        lineage_add(&manifest.lineage, &id, i);
    }
    manifest_format(&manifest, &text);
    cr_assert_leq(text.len, MANIFEST_MAX_BYTES);
    cr_assert_eq(manifest_parse(buf_bytes(&text), &again, NULL), SEGMENT_OK);
    cr_expect_str_eq(again.base, manifest.base);
    cr_expect_eq(again.lineage.count, LINEAGE_MAX);
    buf_deinit(&text);
}

Test(manifest, that_is_cut_or_changed_anywhere_is_damaged)
{
    struct manifest manifest = sample();
    struct manifest again = {.first = 5};
    struct buf text = {0};

    manifest_format(&manifest, &text);
    for (size_t i = 0; i < text.len; i++) {
        struct errmsg error = {0};

        cr_expect_eq(manifest_parse(bytes_prefix(buf_bytes(&text), i), &again, &error),
                     SEGMENT_DAMAGED, "%zu", i);
        cr_expect_str_eq(error.text, "the checksum in its last line is not there, or wrong");
        text.data[i] ^= 1;
        cr_expect_eq(manifest_parse(buf_bytes(&text), &again, NULL), SEGMENT_DAMAGED, "%zu", i);
        text.data[i] ^= 1;
    }
    cr_expect_eq(again.first, 5, "untouched");
    buf_deinit(&text);
}

static enum segment_status parse(const char *lines, struct errmsg *error)
{
    struct buf text = {0};
    struct manifest manifest;
    enum segment_status status;

    buf_append_text(&text, lines);
    buf_printf(&text, "crc %08" PRIx32 "\n", crc32c(0, buf_bytes(&text)));
    status = manifest_parse(buf_bytes(&text), &manifest, error);
    buf_deinit(&text);
    return status;
}

#define FIRST "starling-log 1\n"
#define BASE  FIRST "base dump.rdb " A " 0\n"

Test(manifest, with_lines_that_make_no_sense_is_refused_with_a_reason)
{
    static const struct {
        const char *lines;
        enum segment_status status;
        const char *text;
    } cases[] = {
        {"\n",                                                 SEGMENT_DAMAGED, "it does not begin as the manifest of a log"},
        {"starling-log\n",                                     SEGMENT_DAMAGED, "it does not begin as the manifest of a log"},
        {"starling-log 0\n",                                   SEGMENT_DAMAGED, "it does not begin as the manifest of a log"},
        {"starling-log -1\n",                                  SEGMENT_DAMAGED, "it does not begin as the manifest of a log"},
        {"starling-log 2\nwhatever\n",                         SEGMENT_NEWER,
         "it has version 2, and versions up to 1 are known"                                                                 },
        {FIRST,                                                SEGMENT_DAMAGED, "line 2 is not what should stand there"     },
        {FIRST "first 1\n",                                    SEGMENT_DAMAGED, "line 2 is not what should stand there"     },
        {FIRST "base  " A " 0\nfirst 1\n",                     SEGMENT_DAMAGED,
         "line 2 is not what should stand there"                                                                            },
        {FIRST "base %2 " A " 0\nfirst 1\n",                   SEGMENT_DAMAGED,
         "line 2 is not what should stand there"                                                                            },
        {FIRST "base %00 " A " 0\nfirst 1\n",                  SEGMENT_DAMAGED,
         "line 2 is not what should stand there"                                                                            },
        {FIRST "base a " A "a 0\nfirst 1\n",                   SEGMENT_DAMAGED,
         "line 2 is not what should stand there"                                                                            },
        {FIRST "base a " A " 0 \nfirst 1\n",                   SEGMENT_DAMAGED,
         "line 2 is not what should stand there"                                                                            },
        {FIRST "base a " A " 18446744073709551616\nfirst 1\n", SEGMENT_DAMAGED,
         "line 2 is not what should stand there"                                                                            },
        {BASE,                                                 SEGMENT_DAMAGED, "line 3 is not what should stand there"     },
        {BASE "first -1\n",                                    SEGMENT_DAMAGED, "line 3 is not what should stand there"     },
        {BASE "first 1000000000000001\n",                      SEGMENT_DAMAGED, "line 3 is not what should stand there"     },
        {BASE "first 1\nmore\n",                               SEGMENT_DAMAGED, "line 4 is not what should stand there"     },
        {BASE "first 1\nfork " A "\n",                         SEGMENT_DAMAGED, "line 4 is not what should stand there"     },
        {BASE "first 1\nfork " A " 7\nfork " A " 8\n",         SEGMENT_DAMAGED,
         "line 5 is not what should stand there"                                                                            },
        {BASE "first 1\nfork " A " 7\nfork " B " 6\n",         SEGMENT_DAMAGED,
         "line 5 is not what should stand there"                                                                            },
        {BASE "first 1\nend " A " 7\nfork " B " 8\n",          SEGMENT_DAMAGED,
         "line 4 is not what should stand there"                                                                            },
        {BASE "first 1\nend " A " 7\nend " A " 7\n",           SEGMENT_DAMAGED,
         "line 4 is not what should stand there"                                                                            },
        {BASE "first 1\n\n",                                   SEGMENT_DAMAGED, "line 4 is not what should stand there"     },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct errmsg error = {0};

        cr_expect_eq(parse(cases[i].lines, &error), cases[i].status, "%zu", i);
        cr_expect_str_eq(error.text, cases[i].text, "%zu", i);
    }
    cr_expect_eq(parse(BASE "first 1\n", NULL), SEGMENT_OK);
}

Test(manifest, that_is_too_long_is_damaged)
{
    struct buf text = {0};

    buf_append_text(&text, BASE "first 1\n");
    for (unsigned i = 0; text.len < MANIFEST_MAX_BYTES; i++) {
        buf_printf(&text, "fork %u %u\n", i, i);
    }
    cr_expect_eq(parse(buf_text(&text), NULL), SEGMENT_DAMAGED);
    buf_deinit(&text);
}
