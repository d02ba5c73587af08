/* SPDX-License-Identifier: MIT */
/* What of a log is about slots that move: each command of the table, and whole logs cut anywhere. */
#include "move/filter.h"

#include "base/bitset.h"
#include "resp/writer.h"
#include "spec/command.h"
#include "spec/slot.h"

#include <criterion/criterion.h>

#include <string.h>

enum {
    WORDS = 8,
};

typedef uint64_t slot_set[BITSET_WORDS(SLOT_COUNT)];

/* Words of a request of the command, its keys all `key` where they stand at fixed places; how many keys it has. */
static size_t make_request(const struct command_spec *spec, const char *key,
                           struct bytes words[WORDS])
{
    struct command_keys keys;

    words[0] = bytes_from_text(spec->name);
    for (size_t i = 1; i < WORDS; i++) {
        words[i] = BYTES_LITERAL("1"); /* also: how many keys follow */
    }
    keys = command_keys(spec, words, WORDS);
    for (size_t i = 0; i < keys.count; i++) {
        words[command_key_at(&keys, i)] = bytes_from_text(key);
    }
    return keys.count;
}

Test(filter, of_every_command_with_keys_those_within_the_slots_pass_and_others_do_not)
{
    slot_set slots = {0};
    unsigned with_keys = 0;

    bitset_add(slots, slot_of_key(BYTES_LITERAL("in")));
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);
        struct bytes words[WORDS];

        if (spec->kind == COMMAND_SUB || !spec->is_data || make_request(spec, "in", words) == 0) {
            continue;
        }
        with_keys++;
        cr_expect_eq(filter_judge(slots, words, WORDS), FILTER_PASS, "%s", spec->name);
        (void)make_request(spec, "out", words);
        cr_expect_eq(filter_judge(slots, words, WORDS), FILTER_DROP, "%s", spec->name);
    }
    cr_expect(with_keys > 150, "%u commands were tried", with_keys);
}

Test(filter, what_names_no_key_is_dropped_and_what_removes_all_ends_it)
{
    static const struct {
        const char *word;
        enum filter_verdict verdict;
    } cases[] = {
        {"SELECT",   FILTER_DROP },
        {"PING",     FILTER_DROP },
        {"PUBLISH",  FILTER_DROP },
        {"SPUBLISH", FILTER_DROP },
        {"REPLCONF", FILTER_DROP },
        {"nosuch",   FILTER_DROP },
        {"FLUSHALL", FILTER_FLUSH},
        {"flushdb",  FILTER_FLUSH},
    };
    slot_set slots;

    memset(slots, 0xff, sizeof(slots));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes words[] = {bytes_from_text(cases[i].word), BYTES_LITERAL("0"),
                                BYTES_LITERAL("0")};

        cr_expect_eq(filter_judge(slots, words, 3), cases[i].verdict, "%s", cases[i].word);
    }
}

static void add(struct buf *log, const char *line)
{
    struct bytes rest = bytes_from_text(line);
    struct bytes words[WORDS];
    size_t count = 0;

    while (rest.len > 0) {
        words[count++] = bytes_next_word(&rest, ' ');
    }
    resp_write_request(log, words, count);
}

static void sample(struct buf *log, struct buf *expected)
{
    static const struct {
        const char *line;
        bool passes;
    } lines[] = {
        {"SELECT 0",       false},
        {"SET in 1",       true },
        {"SET out 1",      false},
        {"MULTI",          false}, /* of which one request is left */
        {"SET out 2",      false},
        {"SET in 2",       true },
        {"EXEC",           false},
        {"MULTI",          true },
        {"INCR in",        true },
        {"SET out 3",      false},
        {"APPEND in {in}", true },
        {"EXEC",           true },
        {"MULTI",          false},
        {"SET out 4",      false},
        {"EXEC",           false},
        {"DEL {in}2 in",   true },
        {"PING",           false},
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        add(log, lines[i].line);
        if (lines[i].passes) {
            add(expected, lines[i].line);
        }
    }
}

Test(filter, a_log_cut_anywhere_gives_the_same_requests_and_whole_transactions)
{
    struct buf log = {0};
    struct buf expected = {0};
    slot_set slots = {0};

    bitset_add(slots, slot_of_key(BYTES_LITERAL("in")));
    sample(&log, &expected);
    for (size_t cut = 0; cut <= log.len; cut++) {
        struct filter filter;
        struct errmsg error = {0};
        struct buf out = {0};

        filter_init(&filter, slots);
        cr_assert_eq(filter_take(&filter, bytes_prefix(buf_bytes(&log), cut), &out, &error),
                     FILTER_OK);
        cr_assert_eq(filter_take(&filter, bytes_from(buf_bytes(&log), cut), &out, &error),
                     FILTER_OK);
        cr_expect(filter.in.len == 0 && !filter.is_in_multi, "nothing is held back");
        cr_expect(bytes_equal(buf_bytes(&out), buf_bytes(&expected)), "cut at %zu", cut);
        filter_deinit(&filter);
        buf_deinit(&out);
    }
    buf_deinit(&log);
    buf_deinit(&expected);
}

Test(filter, keys_within_and_without_in_one_request_are_an_error)
{
    struct buf log = {0};
    struct buf out = {0};
    struct errmsg error = {0};
    slot_set slots = {0};
    struct filter filter;

    bitset_add(slots, slot_of_key(BYTES_LITERAL("in")));
    filter_init(&filter, slots);
    add(&log, "DEL in out");
    cr_expect_eq(filter_take(&filter, buf_bytes(&log), &out, &error), FILTER_ERROR);
    cr_expect_neq(error.text[0], '\0');
    filter_deinit(&filter);
    buf_deinit(&log);
    buf_deinit(&out);
}
