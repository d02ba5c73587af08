/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/persist/sample_stream.h"

#include "store/stream_group.h"
#include "tests/unit/server/persist/sample.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

static void expect_id(struct stream_id id, const struct json *expected)
{
    char text[64];

    snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, id.ms, id.sequence);
    cr_assert(bytes_equal_text(buf_bytes(&expected->text), text), "%s, not %.*s", text,
              (int)expected->text.len, expected->text.data);
}

static void expect_number(uint64_t number, const struct json *expected)
{
    char text[32];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    cr_assert(bytes_equal_text(buf_bytes(&expected->text), text), "%s, not %.*s", text,
              (int)expected->text.len, expected->text.data);
}

static void expect_text(struct bytes text, const struct json *expected)
{
    struct buf wanted = sample_bytes(expected);

    cr_assert(bytes_equal(text, buf_bytes(&wanted)), "not \"%.*s\"", (int)wanted.len, wanted.data);
    buf_deinit(&wanted);
}

/* expected: the id, then names and values in turn. */
static void expect_entry(struct stream_entry *e, const struct json *expected)
{
    const struct json *pairs = &expected->members[1].value;
    struct packed_item name;
    struct packed_item value;
    char scratch[PACKED_SCRATCH];

    expect_id(e->id, &expected->members[0].value);
    cr_assert_eq(2 * e->pair_count, pairs->count);
    for (size_t i = 0; stream_entry_next(e, &name, &value); i += 2) {
        expect_text(packed_item_text(&name, scratch), &pairs->members[i].value);
        expect_text(packed_item_text(&value, scratch), &pairs->members[i + 1].value);
    }
}

static void expect_entries(const struct stream *s, const struct json *expected)
{
    struct stream_range all = {.last = STREAM_ID_MAX};
    struct stream_reader r;
    struct stream_entry e;

    stream_read(s, &all, &r);
    for (size_t i = 0; i < expected->count; i++) {
        cr_assert(stream_next(&r, &e));
        expect_entry(&e, &expected->members[i].value);
    }
    cr_assert_not(stream_next(&r, &e));
}

static void expect_info(const struct stream *s, const struct json *info)
{
    struct stream_marks marks = stream_marks(s);

    expect_number(stream_count(s), json_member(info, "length"));
    expect_number(marks.entries_added, json_member(info, "entries-added"));
    expect_id(marks.last_id, json_member(info, "last-generated-id"));
    expect_id(marks.max_deleted_id, json_member(info, "max-deleted-entry-id"));
    expect_id(stream_first_id(s), json_member(info, "recorded-first-entry-id"));
}

/* expected: id, consumer and number of deliveries of each. */
static void expect_pending(const struct stream_group *g, const struct json *expected)
{
    struct stream_pending_reader r;
    struct stream_pending pending;

    cr_assert_eq(stream_group_pending_count(g), expected->count);
    stream_pending_read(g, NULL, STREAM_ID_MIN, STREAM_ID_MAX, &r);
    for (size_t i = 0; i < expected->count; i++) {
        const struct json *one = &expected->members[i].value;

        cr_assert(stream_pending_next(&r, &pending));
        expect_id(pending.id, &one->members[0].value);
        expect_text(stream_consumer_name(pending.consumer), &one->members[1].value);
        expect_number(pending.delivery_count, &one->members[2].value);
        cr_assert_gt(pending.delivered_at_ms, INT64_C(1700000000000));
        cr_assert_leq(pending.delivered_at_ms, stream_consumer_seen_at_ms(pending.consumer));
    }
}

static void expect_group(const struct stream *s, const struct json *expected)
{
    const struct json *consumers = json_member(expected, "consumers");
    const struct json *read = json_member(expected, "entries-read");
    struct buf name = sample_bytes(json_member(expected, "name"));
    struct stream_group *g = stream_group_find(s, buf_bytes(&name));

    cr_assert_not_null(g);
    expect_id(stream_group_last_id(g), json_member(expected, "last-delivered-id"));
    if (read->kind == JSON_NULL) {
        cr_assert_eq(stream_group_entries_read(g), STREAM_READ_UNKNOWN);
    } else {
        expect_number(stream_group_entries_read(g), read);
    }
    cr_assert_eq(stream_group_consumer_count(g), consumers->count);
    for (size_t i = 0; i < consumers->count; i++) {
        expect_text(stream_consumer_name(stream_consumer_at(g, i)), &consumers->members[i].value);
    }
    expect_pending(g, json_member(expected, "pel"));
    buf_deinit(&name);
}

void sample_expect_stream_value(const struct stream *s, const struct json_member *member)
{
    const struct json *groups = json_member(&member->value, "groups");

    expect_entries(s, json_member(&member->value, "value"));
    expect_info(s, json_member(&member->value, "info"));
    cr_assert_eq(stream_group_count(s), groups->count);
    for (size_t i = 0; i < groups->count; i++) {
        expect_group(s, &groups->members[i].value);
    }
}
