/* SPDX-License-Identifier: MIT */
/* council/shard_lineage: whose data are the shard's, and how much of it. */
#include "council/shard_lineage.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct history_id history(const char *name)
{
    struct history_id id = {0};

    snprintf(id.text, sizeof(id.text), "%s", name);
    return id;
}

/* "A 700 B 900": left one after the other. */
static struct lineage lineage_from(const char *text)
{
    struct lineage lineage = {0};
    char name[HISTORY_ID_LEN + 1];
    unsigned long long end;
    int len;

    while (sscanf(text, " %40s %llu%n", name, &end, &len) == 2) {
        struct history_id id = history(name);

        lineage_add(&lineage, &id, end);
        text += len;
    }
    return lineage;
}

static struct shard_record record_of(const char *lineage, const char *name)
{
    return (struct shard_record){
        .version = 1, .history = history(name), .lineage = lineage_from(lineage)};
}

static struct shard_data data_of(const char *lineage, const char *name, uint64_t offset)
{
    struct lineage own = lineage_from(lineage);
    struct history_id id = history(name);

    return shard_data_make(&id, offset, &own);
}

static struct buf text_of(const struct shard_record *record)
{
    struct buf text = {0};

    for (size_t i = 0; i < record->lineage.count; i++) {
        buf_printf(&text, "%s %llu ", record->lineage.items[i].history.text,
                   (unsigned long long)record->lineage.items[i].end);
    }
    buf_append_text(&text, record->history.text);
    return text;
}

Test(shard_lineage, says_what_of_somebodys_data_is_the_shards)
{
    static const struct {
        const char *lineage;
        const char *history;
        uint64_t offset;
        struct shard_place place;
    } cases[] = {
        {"",                  "C", 950,  {950, true, true} },
        {"A 700 B 900",       "C", 0,    {0, true, true}   },
        {"",                  "A", 650,  {650, true, true} },
        {"",                  "A", 700,  {700, true, true} },
        {"",                  "A", 701,  {700, true, false}}, /* a tail */
        {"A 700",             "B", 900,  {900, true, true} },
        {"A 700",             "B", 2000, {900, true, false}},
        {"A 700 B 900 C 950", "D", 960,  {950, true, true} }, /* it has restarted */
        {"C 950 D 960",       "E", 960,  {950, true, true} }, /* twice */
        {"A 600",             "D", 5000, {600, true, false}}, /* went another way */
        {"A 720",             "D", 5000, {700, true, false}},
        {"A 700 B 800",       "D", 5000, {800, true, false}},
        {"",                  "E", 5000, {0, false, false} },
        {"D 100",             "E", 5000, {0, false, false} },
        {"",                  "",  0,    {0, false, false} },
    };
    struct shard_record record = record_of("A 700 B 900", "C");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct shard_data data = data_of(cases[i].lineage, cases[i].history, cases[i].offset);
        struct shard_place place = shard_place_of(&record, &data);

        cr_expect_eq(place.offset, cases[i].place.offset, "case %zu", i);
        cr_expect_eq(place.is_of_shard, cases[i].place.is_of_shard, "case %zu", i);
        cr_expect_eq(place.has_no_tail, cases[i].place.has_no_tail, "case %zu", i);
    }
}

Test(shard_lineage, of_a_record_grows_by_what_its_primary_goes_on_from)
{
    static const struct {
        const char *lineage;
        const char *history;
        const char *grown;
    } cases[] = {
        {"",                  "C", "A 700 B 900 C"            }, /* whose own log knows no more */
        {"A 700 B 900",       "C", "A 700 B 900 C"            },
        {"A 700 B 900 C 950", "D", "A 700 B 900 C 950 D"      },
        {"C 950 D 960",       "E", "A 700 B 900 C 950 D 960 E"},
        {"A 700",             "B", "A 700 B"                  }, /* what C had is given up */
        {"A 700 B 850",       "D", "A 700 B 850 D"            },
        {"A 720 X 730",       "D", "A 720 X 730 D"            }, /* with the tail that it has */
        {"X 100",             "Y", "X 100 Y"                  }, /* another life */
        {"",                  "Y", "Y"                        },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct shard_record record = record_of("A 700 B 900", "C");
        struct lineage own = lineage_from(cases[i].lineage);
        struct history_id id = history(cases[i].history);
        struct buf text;

        shard_record_grow(&record, &id, &own);
        text = text_of(&record);
        cr_expect(bytes_equal(buf_bytes(&text), bytes_from_text(cases[i].grown)), "case %zu: %.*s",
                  i, BYTES_ARGS(buf_bytes(&text)));
        buf_deinit(&text);
    }
}

Test(shard_lineage, of_a_record_that_has_grown_holds_the_data_that_it_grew_from)
{
    struct shard_record record = record_of("", "h0");

    for (int i = 0; i < 100; i++) {
        struct lineage own = record.lineage;
        char name[16];
        struct history_id next;
        struct shard_data data;

        lineage_add(&own, &record.history, (uint64_t)i * 10);
        data = shard_data_make(&record.history, (uint64_t)i * 10, &record.lineage);
        snprintf(name, sizeof(name), "h%d", i + 1);
        next = history(name);
        shard_record_grow(&record, &next, &own);
        cr_expect(shard_place_of(&record, &data).has_no_tail);
        cr_expect_eq(shard_place_of(&record, &data).offset, (uint64_t)i * 10);
        cr_expect_leq(record.lineage.count, (size_t)SHARD_RECORD_ANCESTORS);
    }
}

Test(shard_lineage, of_data_comes_back_from_the_wire_and_nothing_else_does)
{
    struct shard_data data = data_of("A 1 B 2 C 3 D 4", "E", 5);
    struct shard_data back = {0};
    struct buf bytes = {0};
    struct decoder d;

    cr_expect_eq(data.ancestor_count, SHARD_DATA_ANCESTORS, "the newest");
    cr_expect_str_eq(data.ancestors[0].history.text, "B");
    shard_ancestors_encode(&bytes, &data);
    d = decoder_make(buf_bytes(&bytes));
    shard_ancestors_decode(&d, &back);
    cr_assert(decoder_is_ok(&d) && decoder_left(&d) == 0);
    cr_assert_eq(back.ancestor_count, SHARD_DATA_ANCESTORS);
    cr_expect_eq(memcmp(back.ancestors, data.ancestors, sizeof(back.ancestors)), 0);
    for (size_t len = 0; len < bytes.len; len++) {
        d = decoder_make(bytes_prefix(buf_bytes(&bytes), len));
        shard_ancestors_decode(&d, &back);
        cr_expect_not(decoder_is_ok(&d), "cut to %zu bytes", len);
    }
    for (int wrong = 0; wrong < 4; wrong++) {
        struct shard_data odd = data;

        odd.ancestors[1].history = wrong == 0 ? odd.ancestors[0].history : odd.ancestors[1].history;
        odd.ancestors[1].history = wrong == 1 ? history("") : odd.ancestors[1].history;
        odd.ancestors[1].end = wrong == 2 ? 1 : odd.ancestors[1].end;
        buf_clear(&bytes);
        shard_ancestors_encode(&bytes, &odd);
        bytes.data[0] = wrong == 3 ? SHARD_DATA_ANCESTORS + 1 : bytes.data[0];
        d = decoder_make(buf_bytes(&bytes));
        shard_ancestors_decode(&d, &back);
        cr_expect_not(decoder_is_ok(&d), "case %d", wrong);
    }
    buf_deinit(&bytes);
}
