/* SPDX-License-Identifier: MIT */
#include "council/ballot.h"
#include "council/council.h"
#include "council/message.h"
#include "council/shard_record.h"

#include <criterion/criterion.h>

static struct cluster_id id_of(char letter)
{
    struct cluster_id id = {0};

    memset(id.text, letter, CLUSTER_ID_LEN);
    return id;
}

static struct shard_record sample(void)
{
    struct shard_record record = {
        .shard = id_of('a'),
        .version = 7,
        .epoch = 3,
        .primary = id_of('b'),
        .holders = {id_of('c'), id_of('d')},
        .holder_count = 2,
    };
    struct history_id older = {.text = "older"};

    memset(record.history.text, 'h', HISTORY_ID_LEN);
    lineage_add(&record.lineage, &older, 4000);
    for (size_t slot = 100; slot < 200; slot++) {
        bitset_add(record.slots, slot);
    }
    bitset_add(record.slots, SLOT_COUNT - 1);
    return record;
}

static bool is_same(const struct shard_record *a, const struct shard_record *b)
{
    return a->version == b->version && a->epoch == b->epoch &&
           cluster_id_equal(&a->shard, &b->shard) && cluster_id_equal(&a->primary, &b->primary) &&
           a->holder_count == b->holder_count && history_id_equal(&a->history, &b->history) &&
           a->lineage.count == b->lineage.count &&
           memcmp(a->slots, b->slots, sizeof(a->slots)) == 0 && a->move_count == b->move_count &&
           memcmp(a->moves, b->moves, a->move_count * sizeof(a->moves[0])) == 0 &&
           shard_ranges_equal(&a->ranges, &b->ranges);
}

static void add_move(struct shard_record *record, uint16_t slot, enum shard_move_kind kind)
{
    struct shard_move *move = &record->moves[record->move_count++];

    move->slot = slot;
    move->kind = kind;
    move->peer = id_of('e');
}

static bool comes_back(const struct shard_record *record)
{
    struct buf bytes = {0};
    struct decoder d;
    struct shard_record back;
    bool is_ok;

    shard_record_encode(&bytes, record);
    d = decoder_make(buf_bytes(&bytes));
    shard_record_decode(&d, &back);
    is_ok = decoder_is_ok(&d) && decoder_left(&d) == 0 && is_same(record, &back);
    buf_deinit(&bytes);
    return is_ok;
}

Test(shard_record, comes_back_from_its_bytes_whatever_slots_it_has)
{
    struct shard_record record = sample();

    cr_expect(comes_back(&record));
    memset(record.slots, 0, sizeof(record.slots));
    cr_expect(comes_back(&record), "no slot");
    for (size_t slot = 0; slot < SLOT_COUNT; slot += 2) {
        bitset_add(record.slots, slot);
    }
    cr_expect(comes_back(&record), "every other slot");
    memset(record.slots, 0xff, sizeof(record.slots));
    cr_expect(comes_back(&record), "all slots");
}

Test(shard_record, that_is_cut_or_makes_no_sense_is_refused)
{
    struct shard_record record = sample();
    struct buf bytes = {0};
    struct shard_record back;
    struct decoder d;

    shard_record_encode(&bytes, &record);
    for (size_t len = 0; len < bytes.len; len++) {
        d = decoder_make(bytes_prefix(buf_bytes(&bytes), len));
        shard_record_decode(&d, &back);
        cr_expect_not(decoder_is_ok(&d), "cut to %zu bytes", len);
    }
    record.holders[1] = record.holders[0];
    cr_expect_not(shard_record_makes_sense(&record), "a holder twice");
    record.holders[1] = record.primary;
    cr_expect_not(shard_record_makes_sense(&record), "the primary among the holders");
    buf_deinit(&bytes);
}

Test(ballot, steps_of_a_round_lie_before_the_next_greater_one_of_anybody)
{
    /* Each is above those before it. */
    const struct ballot order[] = {
        {.round = 9,        .by = id_of('2')},
        {.round = 9,        .step = 1,        .by = id_of('2')},
        {.round = 9,                 .step = BALLOT_STEP_MAX,                        .by = id_of('2')},
        {.round = 9, .by = id_of('3')},
        {.round = 9, .step = 1,                        .by = id_of('3')},
        {.round = 10,        .by = id_of('1')},
    };

    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        struct buf bytes = {0};
        struct decoder d;
        struct ballot back;

        ballot_encode(&bytes, &order[i]);
        d = decoder_make(buf_bytes(&bytes));
        ballot_decode(&d, &back);
        cr_expect(decoder_is_ok(&d) && ballot_equal(&back, &order[i]), "%zu", i);
        for (size_t j = 0; j < ARRAY_COUNT(order); j++) {
            cr_expect_eq(ballot_is_above(&order[i], &order[j]), i > j, "%zu %zu", i, j);
        }
        buf_deinit(&bytes);
    }
}

Test(council_message, of_every_type_comes_back)
{
    for (int type = 1; type < COUNCIL_TYPE_END; type++) {
        struct council_message message = {
            .type = (enum council_message_type)type,
            .answer = COUNCIL_WAIT,
            .is_own = true,
            .council = id_of('1'),
            .generation = 5,
            .record = id_of('2'),
            .ballot = {.round = 9, .by = id_of('3')},
            .sent_us = 77,
            .length_ms = 1000,
            .wait_ms = 10,
            .start = 3,
            .value = BYTES_LITERAL("value"),
            .claims = BYTES_LITERAL("claims"),
        };
        struct council_message back;
        struct buf bytes = {0};

        council_message_encode(&bytes, &message);
        cr_assert(council_message_decode(buf_bytes(&bytes), &back));
        cr_expect_eq(back.type, message.type);
        cr_expect_eq(back.answer, COUNCIL_WAIT);
        cr_expect(back.is_own && !back.is_forced);
        cr_expect(ballot_equal(&back.ballot, &message.ballot));
        cr_expect_eq(back.wait_ms, 10);
        cr_expect(bytes_equal(back.value, message.value));
        cr_expect(bytes_equal(back.claims, message.claims));
        for (size_t len = 0; len < bytes.len; len++) {
            cr_expect_not(council_message_decode(bytes_prefix(buf_bytes(&bytes), len), &back));
        }
        buf_deinit(&bytes);
    }
}

static struct council *alone(const char *lines)
{
    struct council_options options = {.me = id_of('a'), .seed = 1, .timeout_ms = 1000};
    struct council *c = council_new(&options, (struct mono_time){.us = 1});
    struct bytes rest = bytes_from_text(lines);
    struct errmsg error;

    while (rest.len > 0) {
        size_t end = bytes_find_byte(rest, '\n');

        cr_assert(council_parse_line(c, bytes_prefix(rest, end), &error), "%s", error.text);
        rest = bytes_from(rest, end + 1);
    }
    return c;
}

Test(council_file, of_one_life_is_that_of_the_next)
{
    struct council *first = alone("");
    struct council *second;
    struct buf text = {0};
    struct buf again = {0};

    council_format(first, &text);
    second = alone(buf_text(&text));
    council_format(second, &again);
    cr_expect_str_eq(buf_text(&again), buf_text(&text));
    cr_expect(council_is_member(second), "it has its seat again");
    council_free(first);
    council_free(second);
    buf_deinit(&text);
    buf_deinit(&again);
}

Test(council_file, that_is_damaged_is_refused)
{
    static const char *const lines[] = {
        "council ",         "council what 00",   "council state",
        "council state 0",  "council state zz",  "council state 00",
        "council seats 00", "council record 00", "council state 00000000000000000000000000000000",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct council *c = alone("");
        struct errmsg error = {0};

        cr_expect_not(council_parse_line(c, bytes_from_text(lines[i]), &error), "%s", lines[i]);
        cr_expect_neq(error.text[0], '\0');
        council_free(c);
    }
}

/* As every version has written it: what is known and what is claimed each with its slots. */
static void write_line(const struct shard_record *known, const uint64_t *claims, struct buf *out)
{
    struct ballot ballot = {.round = 5, .by = id_of('b')};
    struct buf raw = {0};
    struct buf value = {0};

    shard_record_encode(&value, known);
    cluster_id_encode(&raw, &known->shard);
    ballot_encode(&raw, &ballot);
    ballot_encode(&raw, &(struct ballot){0});
    encode_u32_be(&raw, 0);
    ballot_encode(&raw, &ballot);
    encode_u32_be(&raw, (uint32_t)value.len);
    buf_append_bytes(&raw, buf_bytes(&value));
    shard_slots_encode(&raw, claims);
    buf_append_text(out, "council record ");
    for (size_t i = 0; i < raw.len; i++) {
        buf_printf(out, "%02x", (unsigned char)raw.data[i]);
    }
    buf_deinit(&raw);
    buf_deinit(&value);
}

static struct council *council_of_line(struct bytes line)
{
    struct council_options options = {.me = id_of('f'), .seed = 1, .timeout_ms = 1000};
    struct council *council = council_new(&options, (struct mono_time){.us = 1});
    struct errmsg error;

    cr_assert(council_parse_line(council, line, &error), "%s", error.text);
    return council;
}

static void expect_line_back(const struct council *council, struct buf *line)
{
    struct buf text = {0};

    council_format(council, &text);
    cr_expect_not_null(strstr(buf_text(&text), buf_text(line)));
    buf_deinit(&text);
}

Test(council_file, has_each_record_again_byte_for_byte_whether_its_claims_are_its_slots_or_more)
{
    struct shard_record record = sample();
    uint64_t claims[SHARD_SLOT_WORDS];

    memcpy(claims, record.slots, sizeof(claims));
    for (int more = 0; more < 3; more++) {
        struct buf line = {0};
        struct council *council;

        write_line(&record, claims, &line);
        council = council_of_line(buf_bytes(&line));
        expect_line_back(council, &line);
        council_check(council);
        council_free(council);
        buf_deinit(&line);
        for (size_t slot = (size_t)more; slot < SLOT_COUNT; slot += 2) {
            bitset_add(claims, slot);
        }
    }
}

Test(council, a_record_that_nobody_looks_at_any_more_is_the_same_when_somebody_does)
{
    struct shard_record record = sample();
    struct buf line = {0};
    struct council *council;

    add_move(&record, 150, SHARD_MOVE_OUT);
    write_line(&record, record.slots, &line);
    council = council_of_line(buf_bytes(&line));
    cr_expect(council_has_moves(council));
    for (int i = 0; i < 2; i++) {
        const struct shard_record *found = council_find(council, &record.shard);

        cr_assert_not_null(found);
        cr_expect(is_same(found, &record));
        council_check(council);
        council_tidy(council, i == 0 ? &record.primary : &record.shard);
        council_check(council);
    }
    council_free(council);
    buf_deinit(&line);
}

Test(shard_record, a_set_of_slots_overlaps_another_as_its_bytes_do)
{
    struct shard_record record = sample();
    struct buf few = {0};
    struct buf many = {0};
    uint64_t every_other[SHARD_SLOT_WORDS] = {0};

    for (size_t slot = 0; slot < SLOT_COUNT; slot += 2) {
        bitset_add(every_other, slot);
    }
    shard_slots_encode(&few, record.slots);
    shard_slots_encode(&many, every_other);
    for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
        uint64_t one[SHARD_SLOT_WORDS] = {0};

        bitset_add(one, slot);
        cr_assert_eq(shard_slots_overlap(buf_bytes(&few), one), bitset_has(record.slots, slot));
        cr_assert_eq(shard_slots_overlap(buf_bytes(&many), one), slot % 2 == 0);
    }
    buf_deinit(&few);
    buf_deinit(&many);
}

Test(shard_record, comes_back_with_its_slots_on_the_move)
{
    struct shard_record record = sample();

    for (uint16_t i = 0; i < SHARD_MOVES_MAX; i++) {
        add_move(&record, (uint16_t)(i * 3), (enum shard_move_kind)(i % SHARD_MOVE_KINDS));
        cr_expect(comes_back(&record), "%u moves", i + 1);
    }
}

Test(shard_record, makes_no_sense_with_a_slot_that_moves_twice_or_nowhere)
{
    struct shard_record record = sample();

    add_move(&record, 5, SHARD_MOVE_OUT);
    cr_expect(shard_record_makes_sense(&record));
    add_move(&record, 5, SHARD_MOVE_IN);
    cr_expect_not(shard_record_makes_sense(&record));
    record.moves[1].slot = SLOT_COUNT;
    cr_expect_not(shard_record_makes_sense(&record));
    record.moves[1].slot = 6;
    cr_expect(shard_record_makes_sense(&record));
    record.moves[1].peer = (struct cluster_id){0};
    cr_expect_not(shard_record_makes_sense(&record));
}

static struct shard_range *add_range(struct shard_record *record, char id, uint16_t first,
                                     uint16_t last)
{
    struct shard_range *range = &record->ranges.items[record->ranges.count++];

    *range = (struct shard_range){.id = id_of(id),
                                  .shard = id_of('e'),
                                  .node = id_of('f'),
                                  .runs = {{first, last}},
                                  .run_count = 1};
    return range;
}

Test(shard_record, comes_back_with_its_ranges_on_the_move_beside_single_slots_and_without)
{
    struct shard_record record = sample();

    for (unsigned i = 0; i < SHARD_RANGES_MAX; i++) {
        struct shard_range *range =
            add_range(&record, (char)('1' + i), (uint16_t)(i * 1000), (uint16_t)(i * 1000 + 300));

        range->kind = (enum shard_range_kind)(i % SHARD_RANGE_KINDS);
        for (; range->run_count < SLOT_RUNS_MAX; range->run_count++) {
            uint16_t slot = (uint16_t)(i * 1000 + 310 + 4 * range->run_count);

            range->runs[range->run_count] = (struct slot_run){slot, (uint16_t)(slot + 2)};
        }
        cr_expect(comes_back(&record), "%u ranges", i + 1);
    }
    add_move(&record, 16000, SHARD_MOVE_OUT);
    cr_expect(comes_back(&record), "and a slot on the move");
}

Test(shard_record, without_ranges_has_the_bytes_that_it_had_before_there_were_any)
{
    struct shard_record record = sample();
    struct buf bytes = {0};
    size_t before;

    shard_record_encode(&bytes, &record);
    before = bytes.len;
    add_move(&record, 5, SHARD_MOVE_IN);
    buf_clear(&bytes);
    shard_record_encode(&bytes, &record);
    cr_expect_eq(bytes.len, before + 2 + 23);
    cr_expect_eq(memcmp(bytes.data + before, "\0\1\0\5\1", 5), 0, "two bytes count the moves");
    buf_deinit(&bytes);
}

Test(shard_record, with_sections_that_do_not_rise_or_are_not_known_is_refused)
{
    static const char *const tails[] = {"\1\0\0\0", "\0\0\0\0", "\7\0", "\1"};
    static const size_t lens[] = {4, 4, 2, 1};

    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        struct shard_record record = sample();
        struct buf bytes = {0};
        struct decoder d;
        struct shard_record back;

        shard_record_encode(&bytes, &record);
        buf_append(&bytes, tails[i], lens[i]);
        d = decoder_make(buf_bytes(&bytes));
        shard_record_decode(&d, &back);
        cr_expect_not(decoder_is_ok(&d), "tail %zu", i);
        buf_deinit(&bytes);
    }
}

Test(shard_record, makes_no_sense_with_ranges_that_overlap_touch_or_come_twice)
{
    struct shard_record record = sample();
    struct shard_range *range = add_range(&record, '1', 10, 20);

    cr_expect(shard_record_makes_sense(&record));
    add_range(&record, '2', 20, 30);
    cr_expect_not(shard_record_makes_sense(&record), "a slot is in two");
    record.ranges.items[1].runs[0].first = 21;
    cr_expect(shard_record_makes_sense(&record));
    record.ranges.items[1].id = id_of('1');
    cr_expect_not(shard_record_makes_sense(&record), "one id");
    record.ranges.count = 1;
    range->runs[range->run_count++] = (struct slot_run){21, 22};
    cr_expect_not(shard_record_makes_sense(&record), "runs touch");
    range->runs[1] = (struct slot_run){30, SLOT_COUNT};
    cr_expect_not(shard_record_makes_sense(&record), "no such slot");
    range->run_count = 0;
    cr_expect_not(shard_record_makes_sense(&record), "no slot at all");
}

Test(shard_ranges, a_set_of_slots_becomes_runs_and_back)
{
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    uint64_t back[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct shard_range range = {0};
    struct buf text = {0};

    cr_expect_not(shard_range_set_slots(&range, slots), "no slot");
    for (size_t slot = 5; slot < 300; slot++) {
        bitset_add(slots, slot);
    }
    bitset_add(slots, 0);
    bitset_add(slots, SLOT_COUNT - 1);
    cr_assert(shard_range_set_slots(&range, slots));
    shard_range_add_to(&range, back);
    cr_expect_eq(memcmp(slots, back, sizeof(slots)), 0);
    cr_expect_eq(shard_range_slot_count(&range), 297);
    shard_range_format(&range, &text);
    cr_expect_str_eq(buf_text(&text), "0 5-299 16383");
    buf_deinit(&text);
    for (size_t slot = 0; slot < SLOT_COUNT; slot += 2) {
        bitset_add(slots, slot);
    }
    cr_expect_not(shard_range_set_slots(&range, slots), "too many runs");
}
