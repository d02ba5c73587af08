/* SPDX-License-Identifier: MIT */
/* A council whose other nodes say anything at any time: it keeps its invariants, what it would write can be read again, and
 * what it holds in memory stays small.
 *
 * Input: steps, of a byte that chooses and some that say how.  A message has every field chosen apart: as in the
 * last message that we sent, of a few that are worth trying, or any.  Input that ends is read on as zeros. */
#include "tests/fuzz/fuzz.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/mem.h"
#include "council/council.h"

#include <string.h>

enum {
    STEPS_MAX = 400,
    NODES = 4, /* ourselves first */
    MEMORY_MAX = 4 * 1024 * 1024,
};

struct input {
    const uint8_t *data;
    size_t left;
};

struct state {
    struct input in;
    struct council *council;
    struct mono_time now;
    struct cluster_id nodes[NODES];
    struct council_message sent; /* the last that we sent */
    struct buf sent_bytes;
    struct buf value;
    struct buf claims;
};

static uint8_t next(struct state *s)
{
    if (s->in.left == 0) {
        return 0;
    }
    s->in.left--;
    return *s->in.data++;
}

static struct cluster_id make_id(uint8_t seed)
{
    struct cluster_id id = {0};

    for (size_t i = 0; i < CLUSTER_ID_LEN; i++) {
        id.text[i] = "0123456789abcdef"[(seed >> (i % 2 * 4)) & 15];
    }
    return id;
}

static struct cluster_id any_id(struct state *s, const struct cluster_id *sent)
{
    uint8_t choice = next(s);

    if (choice < 96) {
        return *sent;
    }
    if (choice < 160) {
        return s->nodes[choice % NODES];
    }
    return choice < 192 ? (struct cluster_id){0} : make_id(choice);
}

static uint64_t any_number(struct state *s, uint64_t sent)
{
    static const uint64_t odd[] = {
        0,
        1,
        2,
        1000,
        UINT32_MAX,
        UINT64_MAX / 2 - 1,
        UINT64_MAX / 2,
        UINT64_MAX - 1,
        UINT64_MAX,
        INT64_MAX - 1000000,
    };
    uint8_t choice = next(s);

    if (choice < 128) {
        return sent;
    }
    if (choice < 192) {
        return sent + choice % 8 - 3;
    }
    return choice < 240 ? odd[choice % (sizeof(odd) / sizeof(odd[0]))] : choice;
}

static int64_t any_length(struct state *s, int64_t sent)
{
    static const int64_t lengths[] = {0, 1, 100, COUNCIL_LENGTH_MAX_MS};
    uint8_t choice = next(s);

    return choice < 128 ? sent : lengths[choice % 4];
}

static struct ballot any_ballot(struct state *s, const struct ballot *sent)
{
    struct ballot ballot = *sent;

    if (next(s) < 128) {
        return ballot;
    }
    ballot.round = any_number(s, sent->round);
    ballot.by = any_id(s, &sent->by);
    if (ballot.round == 0 || cluster_id_is_none(&ballot.by)) {
        ballot = (struct ballot){0};
    }
    return ballot;
}

static struct shard_record any_record(struct state *s)
{
    struct shard_record record = {.shard = any_id(s, &s->sent.record),
                                  .version = any_number(s, s->sent.version),
                                  .epoch = any_number(s, 1),
                                  .primary = s->nodes[next(s) % NODES]};

    memset(record.history.text, 'h', HISTORY_ID_LEN);
    for (uint32_t slot = next(s); slot % 16 != 15; slot++) {
        bitset_add(record.slots, slot);
    }
    return record;
}

static void add_seats(struct state *s, struct seat_set *set, uint8_t which)
{
    for (size_t i = 0; i < NODES; i++) {
        if ((which >> i & 1) != 0) {
            struct seat seat = {.node = s->nodes[i], .key = i + 1};

            if (i == 0 && next(s) < 128) {
                seat.key = council_get_hint(s->council).seat_key;
            }
            set->items[set->count++] = seat;
        }
    }
}

static struct seats any_seats(struct state *s)
{
    const struct seats *ours = council_seats(s->council);
    struct seats seats = {.council = any_id(s, &ours->council),
                          .generation = any_number(s, ours->generation + 1)};

    add_seats(s, &seats.members, next(s));
    if (next(s) < 128) {
        seats.previous = ours->members;
    } else if (next(s) < 64) {
        seats.gone_over_to = any_id(s, &seats.council);
    }
    return seats;
}

static struct bytes any_value(struct state *s)
{
    uint8_t choice = next(s);
    struct shard_record record;
    struct seats seats;

    buf_clear(&s->value);
    if (choice < 32) {
        return s->sent.value;
    }
    if (choice < 144) {
        record = any_record(s);
        if (shard_record_makes_sense(&record)) {
            shard_record_encode(&s->value, &record);
        }
    } else if (choice < 224) {
        seats = any_seats(s);
        if (seats_makes_sense(&seats)) {
            seats_encode(&s->value, &seats);
        }
    } else {
        while (choice-- > 240) {
            buf_append_byte(&s->value, (char)next(s));
        }
    }
    return buf_bytes(&s->value);
}

static struct bytes any_claims(struct state *s)
{
    uint64_t slots[SHARD_SLOT_WORDS] = {0};

    buf_clear(&s->claims);
    if (next(s) < 192) {
        bitset_add(slots, next(s));
        shard_slots_encode(&s->claims, slots);
    }
    return buf_bytes(&s->claims);
}

static void receive(struct state *s)
{
    const struct council_message *sent = &s->sent;
    struct council_message m = {.type = 1 + next(s) % (COUNCIL_TYPE_END - 1)};
    uint8_t choice = next(s);
    size_t from = 1 + choice % (NODES - 1);
    struct buf bytes = {0};

    m.answer = choice < 128 ? COUNCIL_YES : choice % COUNCIL_ANSWER_END;
    m.is_own = (choice & 1) != 0;
    m.is_forced = (choice & 2) != 0;
    m.council = any_id(s, &council_seats(s->council)->council);
    m.generation = any_number(s, council_seats(s->council)->generation);
    m.record = any_id(s, &sent->record);
    m.ballot = any_ballot(s, &sent->ballot);
    m.accepted = any_ballot(s, &sent->ballot);
    m.version = any_number(s, sent->version);
    m.sent_us = (int64_t)any_number(s, (uint64_t)sent->sent_us);
    m.length_ms = any_length(s, sent->length_ms);
    m.wait_ms = any_length(s, 0);
    m.start = any_number(s, sent->start);
    m.holder = any_id(s, &sent->holder);
    m.value = any_value(s);
    m.claims = any_claims(s);
    council_message_encode(&bytes, &m);
    if (council_is_takeover(buf_bytes(&bytes)) && next(s) < 32) {
        council_defer(s->council, s->now, &s->nodes[from], buf_bytes(&bytes), 100);
    } else {
        council_receive(s->council, s->now, &s->nodes[from], buf_bytes(&bytes));
    }
    buf_deinit(&bytes);
}

static void hear(struct state *s)
{
    struct council_hint own = council_get_hint(s->council);
    struct council_hint hint = {.council = any_id(s, &own.council),
                                .generation = any_number(s, own.generation),
                                .seat_key = any_number(s, own.seat_key),
                                .seat_count = next(s)};

    council_hear(s->council, s->now, &s->nodes[1 + next(s) % (NODES - 1)], &hint);
}

static void set_candidates(struct state *s)
{
    struct council_candidate candidates[NODES];
    size_t count = 0;

    for (size_t i = 0; i < NODES; i++) {
        uint8_t how = next(s);

        if ((how & 1) == 0) {
            candidates[count++] = (struct council_candidate){
                .node = s->nodes[i],
                .seat_key = i == 0 ? council_get_hint(s->council).seat_key : i + 1,
                .host = how & 2,
                .is_reachable = (how & 12) == 0,
                .is_gone = (how & 48) == 16,
                .is_primary = (how & 64) != 0,
            };
        }
    }
    council_set_candidates(s->council, candidates, count);
}

static void propose(struct state *s)
{
    struct cluster_id shard = any_id(s, &s->sent.record);

    if (!cluster_id_is_none(&shard)) {
        council_propose(s->council, s->now, &shard, (enum council_change)(next(s) % 4));
    }
}

/* As an owner does: what was read grows, or stays as it is. */
static void put(struct state *s, const struct cluster_id *shard)
{
    const struct shard_record *known = council_find(s->council, shard);
    struct shard_record record;
    uint8_t choice = next(s);

    if (!council_read(s->council, &record)) {
        return;
    }
    if (choice > 224 || (choice >= 192 && shard_record_is_none(&record))) {
        council_give_up(s->council);
        return;
    }
    if (choice < 192) {
        uint64_t version = record.version;

        version = known != NULL && known->version > version ? known->version : version;
        record = shard_record_is_none(&record) ? any_record(s) : record;
        record.shard = *shard;
        record.version = version + 1;
        record.primary = s->nodes[choice < 128 ? 0 : choice % NODES];
    }
    council_put(s->council, s->now, &record);
}

/* The file of nodes says all, and is read by the next start. */
static void restart(struct state *s, bool is_real)
{
    struct council_options options = {.me = s->nodes[0], .seed = 2, .timeout_ms = 100};
    struct council *again = council_new(&options, s->now);
    struct buf text = {0};
    struct bytes rest;
    struct errmsg error;

    council_format(s->council, &text);
    rest = buf_bytes(&text);
    while (rest.len > 0) {
        size_t end = bytes_find_byte(rest, '\n');

        ASSERT(council_parse_line(again, bytes_prefix(rest, end), &error));
        rest = bytes_from(rest, end + 1);
    }
    council_restarted(again, s->now);
    council_check(again);
    buf_deinit(&text);
    if (is_real) {
        council_free(s->council);
        s->council = again;
    } else {
        council_free(again);
    }
}

static void look(struct state *s)
{
    struct council_news news;
    struct cluster_id to;
    struct bytes bytes;

    while (council_next_news(s->council, &news)) {
        if (news.type == COUNCIL_NEWS_READ) {
            put(s, &news.shard);
        }
    }
    while (council_next_message(s->council, &to, &bytes)) {
        ASSERT(!cluster_id_equal(&to, &s->nodes[0]));
        buf_clear(&s->sent_bytes);
        buf_append_bytes(&s->sent_bytes, bytes);
        ASSERT(council_message_decode(buf_bytes(&s->sent_bytes), &s->sent));
    }
    council_check(s->council);
    ASSERT(mem_used_total() < MEMORY_MAX);
}

static void step(struct state *s)
{
    uint8_t choice = next(s);

    switch (choice % 16) {
    case 0:
        s->now = mono_add_ms(s->now, choice / 4);
        council_tick(s->council, s->now);
        break;
    case 1:
    case 2:
        council_saved(s->council, s->now, council_changes(s->council));
        break;
    case 3:
        hear(s);
        break;
    case 4:
        set_candidates(s);
        break;
    case 5:
        propose(s);
        break;
    case 6: {
        struct cluster_id shard = any_id(s, &s->sent.record);

        council_want_lease(s->council, s->now, &shard);
        break;
    }
    case 7:
        restart(s, choice > 128);
        break;
    case 8:
        council_set_timeout(s->council, choice < 64 ? 1 : choice);
        if (choice > 240) {
            council_seize(s->council, s->now);
        }
        break;
    default:
        receive(s);
        break;
    }
    look(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t used = mem_used_total();
    struct council_options options = {.seed = 1, .timeout_ms = 100};
    struct state s = {
        .in = {.data = data, .left = size},
          .now = {.us = 5000000           }
    };

    for (size_t i = 0; i < NODES; i++) {
        s.nodes[i] = make_id((uint8_t)(0x11 * (i + 1)));
    }
    options.me = s.nodes[0];
    s.council = council_new(&options, s.now);
    for (int i = 0; i < STEPS_MAX && s.in.left > 0; i++) {
        step(&s);
    }
    council_free(s.council);
    buf_deinit(&s.sent_bytes);
    buf_deinit(&s.value);
    buf_deinit(&s.claims);
    ASSERT(mem_used_total() == used);
    return 0;
}
