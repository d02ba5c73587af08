/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/council/scene.h"

#include <criterion/criterion.h>

#include <string.h>

struct cluster_id scene_id(char letter)
{
    struct cluster_id id = {0};

    memset(id.text, letter, CLUSTER_ID_LEN);
    return id;
}

struct scene scene_begin(void)
{
    struct scene s = {.now = {.us = 5000000}, .shard = scene_id('5')};
    struct council_options options = {.seed = 1, .timeout_ms = TIMEOUT_MS};

    for (int i = 0; i < NODES; i++) {
        s.nodes[i] = scene_id((char)('a' + i));
    }
    options.me = s.nodes[ME];
    s.council = council_new(&options, s.now);
    return s;
}

void scene_finish(struct scene *s)
{
    council_check(s->council);
    council_free(s->council);
    buf_deinit(&s->sent);
}

void scene_save(struct scene *s)
{
    council_saved(s->council, s->now, council_changes(s->council));
}

void scene_hear(struct scene *s, int from, struct council_message m)
{
    struct buf bytes = {0};

    m.council = council_seats(s->council)->council;
    m.generation = council_seats(s->council)->generation;
    council_message_encode(&bytes, &m);
    council_receive(s->council, s->now, &s->nodes[from], buf_bytes(&bytes));
    buf_deinit(&bytes);
}

size_t scene_take(struct scene *s, enum council_message_type type, struct council_message *out)
{
    struct cluster_id to;
    struct bytes bytes;
    size_t count = 0;

    while (council_next_message(s->council, &to, &bytes)) {
        struct council_message m;

        cr_assert(council_message_decode(bytes, &m));
        if (m.type == type) {
            buf_clear(&s->sent);
            buf_append_bytes(&s->sent, bytes);
            cr_assert(council_message_decode(buf_bytes(&s->sent), out));
            count++;
        }
    }
    return count;
}

void scene_learn_seats(struct scene *s, const struct seats *seats)
{
    struct buf value = {0};
    struct council_message m = {
        .type = COUNCIL_LEARN, .ballot = {.round = 9, .by = s->nodes[ANN]}
    };

    seats_encode(&value, seats);
    m.value = buf_bytes(&value);
    scene_hear(s, ANN, m);
    buf_deinit(&value);
}

struct scene scene_begin_with_three_seats(void)
{
    struct scene s = scene_begin();
    struct seats seats = *council_seats(s.council);

    seats.generation = 5;
    for (int i = ANN; i < NODES; i++) {
        seats.members.items[seats.members.count++] =
            (struct seat){.node = s.nodes[i], .key = (uint64_t)i};
    }
    scene_learn_seats(&s, &seats);
    cr_assert_eq(council_seats(s.council)->members.count, 3);
    scene_save(&s);
    return s;
}

struct shard_record scene_record_of(const struct scene *s, int primary, uint64_t version)
{
    struct shard_record record = {
        .shard = s->shard, .version = version, .epoch = version, .primary = s->nodes[primary]};

    memset(record.history.text, 'h', HISTORY_ID_LEN);
    bitset_add(record.slots, 1);
    return record;
}

void scene_hear_value(struct scene *s, int from, struct council_message m,
                      const struct shard_record *record)
{
    struct buf value = {0};

    shard_record_encode(&value, record);
    m.value = buf_bytes(&value);
    scene_hear(s, from, m);
    buf_deinit(&value);
}

struct council_message scene_question(const struct scene *s, enum council_message_type type, int by,
                                      uint64_t round)
{
    return (struct council_message){
        .type = type,
        .record = s->shard,
        .ballot = {.round = round, .by = s->nodes[by]},
        .sent_us = 1,
        .length_ms = type == COUNCIL_ACCEPT || type == COUNCIL_LEASE ? TIMEOUT_MS : 0,
        .start = (uint64_t)by,
    };
}

enum council_answer scene_ask(struct scene *s, int from, const struct council_message *m,
                              enum council_message_type type)
{
    struct council_message reply = {.answer = COUNCIL_ANSWER_END};

    scene_hear(s, from, *m);
    scene_save(s);
    cr_expect_eq(scene_take(s, type, &reply), 1);
    return reply.answer;
}

struct scene scene_begin_asking_for_lease(struct council_message *ask)
{
    struct scene s = scene_begin_with_three_seats();
    struct shard_record mine = scene_record_of(&s, ME, 1);

    *ask = (struct council_message){0};
    council_want_lease(s.council, s.now, &s.shard);
    scene_hear_value(&s, ANN, scene_question(&s, COUNCIL_LEARN, ANN, 7), &mine);
    scene_save(&s);
    council_tick(s.council, s.now);
    scene_save(&s);
    cr_assert_gt(scene_take(&s, COUNCIL_LEASE, ask), 0);
    return s;
}
