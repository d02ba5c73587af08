/* SPDX-License-Identifier: MIT */
/* Sets are small: everything is a loop over at most nine seats. */
#include "council/seats.h"

#include "base/assert.h"

const struct seat *seat_set_find(const struct seat_set *set, const struct cluster_id *node)
{
    ASSERT(set->count <= COUNCIL_SEATS_MAX);
    for (size_t i = 0; i < set->count; i++) {
        if (cluster_id_equal(&set->items[i].node, node)) {
            return &set->items[i];
        }
    }
    return NULL;
}

size_t seat_set_majority(const struct seat_set *set)
{
    return set->count / 2 + 1;
}

bool seats_has(const struct seats *seats, const struct cluster_id *node)
{
    return seat_set_find(&seats->members, node) != NULL ||
           seat_set_find(&seats->previous, node) != NULL;
}

uint64_t seats_key_of(const struct seats *seats, const struct cluster_id *node)
{
    const struct seat *seat = seat_set_find(&seats->members, node);

    if (seat == NULL) {
        seat = seat_set_find(&seats->previous, node);
    }
    return seat != NULL ? seat->key : 0;
}

bool seats_has_key(const struct seats *seats, const struct cluster_id *node, uint64_t key)
{
    return key != 0 && seats_key_of(seats, node) == key;
}

size_t seats_count(const struct seats *seats)
{
    size_t count = seats->members.count;

    for (size_t i = 0; i < seats->previous.count; i++) {
        count += seat_set_find(&seats->members, &seats->previous.items[i].node) == NULL ? 1 : 0;
    }
    ASSERT(count <= COUNCIL_SEATS_MAX + 1);
    return count;
}

const struct seat *seats_at(const struct seats *seats, size_t index)
{
    if (index < seats->members.count) {
        return &seats->members.items[index];
    }
    /* One that leaves is the only one that is not among the members. */
    for (size_t i = 0; i < seats->previous.count; i++) {
        if (seat_set_find(&seats->members, &seats->previous.items[i].node) == NULL) {
            return &seats->previous.items[i];
        }
    }
    ASSERT(false);
    return NULL;
}

static uint32_t bit_of(const struct seats *seats, const struct cluster_id *node)
{
    size_t count = seats_count(seats);

    for (size_t i = 0; i < count; i++) {
        if (cluster_id_equal(&seats_at(seats, i)->node, node)) {
            return UINT32_C(1) << i;
        }
    }
    return 0;
}

void seats_count_vote(const struct seats *seats, const struct cluster_id *node,
                      struct seat_votes *votes)
{
    votes->bits |= bit_of(seats, node);
}

bool seats_has_voted(const struct seats *seats, const struct cluster_id *node,
                     const struct seat_votes *votes)
{
    return (votes->bits & bit_of(seats, node)) != 0;
}

bool seats_have_majority(const struct seats *seats, const struct seat_set *set,
                         const struct seat_votes *votes)
{
    size_t count = 0;

    for (size_t i = 0; i < set->count; i++) {
        count += seats_has_voted(seats, &set->items[i].node, votes) ? 1 : 0;
    }
    return count >= seat_set_majority(set);
}

bool seats_is_quorum(const struct seats *seats, const struct seat_votes *votes)
{
    ASSERT(seats->generation > 0);
    return seats_have_majority(seats, &seats->members, votes) &&
           (!seats_is_handing_over(seats) || seats_have_majority(seats, &seats->previous, votes));
}

struct seats seats_found(const struct cluster_id *council, const struct seat *founder)
{
    struct seats seats = {.council = *council, .generation = 1};

    seats.members.items[seats.members.count++] = *founder;
    ASSERT(seats_makes_sense(&seats));
    return seats;
}

static struct seats next(const struct seats *seats)
{
    struct seats out = *seats;

    ASSERT(seats->generation > 0 && seats->generation < UINT64_MAX);
    ASSERT(cluster_id_is_none(&seats->gone_over_to));
    out.generation++;
    return out;
}

struct seats seats_with(const struct seats *seats, const struct seat *seat)
{
    struct seats out = next(seats);

    ASSERT(!seats_is_handing_over(seats));
    ASSERT(seats->members.count < COUNCIL_SEATS_MAX);
    ASSERT(!seats_has(seats, &seat->node) && seat->key != 0);
    out.previous = seats->members;
    out.members.items[out.members.count++] = *seat;
    return out;
}

struct seats seats_without(const struct seats *seats, const struct cluster_id *node)
{
    struct seats out = next(seats);

    ASSERT(!seats_is_handing_over(seats));
    ASSERT(seats->members.count > 1);
    ASSERT(seats_has(seats, node));
    out.previous = seats->members;
    out.members.count = 0;
    for (size_t i = 0; i < seats->members.count; i++) {
        if (!cluster_id_equal(&seats->members.items[i].node, node)) {
            out.members.items[out.members.count++] = seats->members.items[i];
        }
    }
    ASSERT(out.members.count == seats->members.count - 1);
    return out;
}

struct seats seats_settled(const struct seats *seats)
{
    struct seats out = next(seats);

    ASSERT(seats_is_handing_over(seats));
    out.previous = (struct seat_set){0};
    return out;
}

struct seats seats_ended(const struct seats *seats, const struct cluster_id *other)
{
    struct seats out = next(seats);

    ASSERT(!seats_is_handing_over(seats));
    ASSERT(!cluster_id_is_none(other) && !cluster_id_equal(other, &seats->council));
    out.gone_over_to = *other;
    return out;
}

static void encode_set(struct buf *out, const struct seat_set *set)
{
    encode_u8(out, (uint8_t)set->count);
    for (size_t i = 0; i < set->count; i++) {
        cluster_id_encode(out, &set->items[i].node);
        encode_u64_be(out, set->items[i].key);
    }
}

static void decode_set(struct decoder *d, struct seat_set *out)
{
    size_t count = decode_u8(d);

    *out = (struct seat_set){0};
    if (count > COUNCIL_SEATS_MAX) {
        d->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        cluster_id_decode(d, &out->items[i].node);
        out->items[i].key = decode_u64_be(d);
    }
    out->count = count;
}

void seats_encode(struct buf *out, const struct seats *seats)
{
    ASSERT(seats_makes_sense(seats));
    cluster_id_encode(out, &seats->council);
    encode_u64_be(out, seats->generation);
    encode_set(out, &seats->members);
    encode_set(out, &seats->previous);
    cluster_id_encode(out, &seats->gone_over_to);
}

void seats_decode(struct decoder *d, struct seats *out)
{
    cluster_id_decode(d, &out->council);
    out->generation = decode_u64_be(d);
    decode_set(d, &out->members);
    decode_set(d, &out->previous);
    cluster_id_decode(d, &out->gone_over_to);
    if (!decoder_is_ok(d) || !seats_makes_sense(out)) {
        d->failed = true;
        *out = (struct seats){0};
    }
}

static bool is_set(const struct seat_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct seat *seat = &set->items[i];

        if (cluster_id_is_none(&seat->node) || seat->key == 0 ||
            seat_set_find(set, &seat->node) != seat) {
            return false;
        }
    }
    return true;
}

/* Those of a that b has, with the same key. */
static size_t count_common(const struct seat_set *a, const struct seat_set *b)
{
    size_t count = 0;

    for (size_t i = 0; i < a->count; i++) {
        const struct seat *other = seat_set_find(b, &a->items[i].node);

        count += other != NULL && other->key == a->items[i].key ? 1 : 0;
    }
    return count;
}

static bool is_one_change(const struct seat_set *from, const struct seat_set *to)
{
    size_t common = count_common(from, to);
    size_t smaller = from->count < to->count ? from->count : to->count;
    size_t greater = from->count < to->count ? to->count : from->count;

    return common == smaller && greater == smaller + 1;
}

bool seats_makes_sense(const struct seats *seats)
{
    bool has_council = seats->generation > 0;

    if (cluster_id_is_none(&seats->council) == has_council ||
        (seats->members.count > 0) != has_council || !is_set(&seats->members) ||
        !is_set(&seats->previous)) {
        return false;
    }
    return !seats_is_handing_over(seats) || (cluster_id_is_none(&seats->gone_over_to) &&
                                             is_one_change(&seats->previous, &seats->members));
}

static bool set_equal(const struct seat_set *a, const struct seat_set *b)
{
    return a->count == b->count && count_common(a, b) == a->count;
}

bool seats_equal(const struct seats *a, const struct seats *b)
{
    return cluster_id_equal(&a->council, &b->council) && a->generation == b->generation &&
           set_equal(&a->members, &b->members) && set_equal(&a->previous, &b->previous) &&
           cluster_id_equal(&a->gone_over_to, &b->gone_over_to);
}
