/* SPDX-License-Identifier: MIT */
#include "council/record_table.h"

#include "base/assert.h"

#include <string.h>

struct record_state *record_find(const struct council *c, const struct cluster_id *id)
{
    struct hashtable_node *found;

    ASSERT(!cluster_id_is_none(id));
    found = hashtable_find(&c->records, bytes_make(id->text, CLUSTER_ID_LEN));
    return found == NULL ? NULL : CONTAINER_OF(found, struct record_state, by_id);
}

struct record_state *record_get(struct council *c, const struct cluster_id *id)
{
    struct record_state *r;

    if (cluster_id_is_none(id)) {
        return &c->own_record;
    }
    r = record_find(c, id);
    if (r == NULL) {
        r = mem_alloc_zeroed(MEM_CLUSTER, sizeof(*r));
        r->id = *id;
        r->promised_until = COUNCIL_LONG_AGO;
        r->former_until = COUNCIL_LONG_AGO;
        r->forced_until = COUNCIL_LONG_AGO;
        hashtable_add(&c->records, &r->by_id, bytes_make(r->id.text, CLUSTER_ID_LEN));
    }
    return r;
}

struct record_state *record_next(const struct council *c, struct record_state *previous)
{
    struct hashtable_node *next =
        hashtable_next(&c->records, previous == NULL ? NULL : &previous->by_id);

    return next == NULL ? NULL : CONTAINER_OF(next, struct record_state, by_id);
}

static bool is_next_seats(const struct council *c, struct bytes value)
{
    struct decoder d = decoder_make(value);
    struct seats seats;

    seats_decode(&d, &seats);
    return decoder_is_ok(&d) && decoder_left(&d) == 0 && seats.generation < COUNCIL_NUMBER_MAX &&
           cluster_id_equal(&seats.council, &c->seats.council);
}

bool record_value_is_valid(const struct council *c, const struct cluster_id *record,
                           struct bytes value, struct shard_record *out)
{
    struct decoder d = decoder_make(value);

    if (cluster_id_is_none(record)) {
        return is_next_seats(c, value);
    }
    shard_record_decode(&d, out);
    return decoder_is_ok(&d) && decoder_left(&d) == 0 && cluster_id_equal(&out->shard, record) &&
           out->version < COUNCIL_NUMBER_MAX && out->epoch < COUNCIL_NUMBER_MAX;
}

static void add_claims(uint64_t *claims, const uint64_t *more)
{
    for (size_t i = 0; i < SHARD_SLOT_WORDS; i++) {
        claims[i] |= more[i];
    }
}

void record_promise(struct council *c, struct record_state *r, const struct ballot *ballot)
{
    ASSERT(!ballot_is_above(&r->promised, ballot));
    if (!ballot_equal(&r->promised, ballot)) {
        r->promised = *ballot;
        council_changed(c);
    }
}

static void set_accepted(struct council *c, struct record_state *r, const struct ballot *ballot,
                         struct bytes value)
{
    r->accepted = *ballot;
    buf_clear(&r->value);
    buf_append_bytes(&r->value, value);
    if (ballot_is_above(ballot, &r->promised)) {
        r->promised = *ballot;
    }
    council_changed(c);
}

bool record_accept(struct council *c, struct record_state *r, const struct ballot *ballot,
                   struct bytes value, const struct shard_record *shard)
{
    ASSERT(!ballot_is_above(&r->promised, ballot));
    if (ballot_equal(&r->accepted, ballot)) {
        return bytes_equal(buf_bytes(&r->value), value);
    }
    set_accepted(c, r, ballot, value);
    if (shard != NULL) {
        add_claims(r->claims, shard->slots);
    }
    return true;
}

/* Is it behind us what was accepted up to there?  It was agreed before the newest agreed record, or never can be. */
static bool is_settled(const struct record_state *r, const struct ballot *accepted)
{
    return !ballot_is_none(accepted) && !ballot_is_none(&r->known_ballot) &&
           !ballot_is_above(accepted, &r->known_ballot);
}

void record_copy(struct council *c, struct record_state *r, const struct ballot *accepted,
                 struct bytes value, const uint64_t *claims)
{
    if (ballot_is_above(accepted, &r->accepted)) {
        set_accepted(c, r, accepted, value);
    }
    if (is_settled(r, accepted)) {
        return;
    }
    for (size_t i = 0; i < SHARD_SLOT_WORDS; i++) {
        if ((claims[i] & ~r->claims[i]) != 0) {
            add_claims(r->claims, claims);
            council_changed(c);
            return;
        }
    }
}

/* As long as something was accepted behind the newest agreed record, what came in between may be agreed, too. */
static void renew_claims(struct record_state *r)
{
    struct decoder d = decoder_make(buf_bytes(&r->value));
    struct shard_record value = {0};

    if (r->value.len > 0) {
        shard_record_decode(&d, &value);
        ASSERT(decoder_is_ok(&d));
    }
    if (value.version <= r->known.version) {
        memset(r->claims, 0, sizeof(r->claims));
    }
    add_claims(r->claims, r->known.slots);
}

bool record_learn(struct council *c, struct record_state *r, const struct ballot *ballot,
                  const struct shard_record *shard, struct bytes value)
{
    ASSERT(!cluster_id_is_none(&r->id));
    ASSERT(cluster_id_equal(&r->id, &shard->shard));
    if (shard->version <= r->known.version) {
        return false;
    }
    r->known = *shard;
    r->known_ballot = *ballot;
    if (!ballot_is_above(&r->promised, ballot) && ballot_is_above(ballot, &r->accepted)) {
        set_accepted(c, r, ballot, value);
    }
    renew_claims(r);
    council_changed(c);
    return true;
}

const struct record_state *record_find_claim(const struct council *c,
                                             const struct shard_record *shard)
{
    for (struct record_state *r = record_next(c, NULL); r != NULL; r = record_next(c, r)) {
        for (size_t i = 0; i < SHARD_SLOT_WORDS; i++) {
            if ((r->claims[i] & shard->slots[i]) != 0 && !cluster_id_equal(&r->id, &shard->shard)) {
                return r;
            }
        }
    }
    return NULL;
}

static void forget(struct record_state *r)
{
    r->promised = (struct ballot){0};
    r->accepted = (struct ballot){0};
    r->known_ballot = (struct ballot){0};
    r->promised_until = COUNCIL_LONG_AGO;
    r->former_until = COUNCIL_LONG_AGO;
    r->forced_until = COUNCIL_LONG_AGO;
    r->holder = (struct cluster_id){0};
    r->holder_ballot = (struct ballot){0};
    memset(r->claims, 0, sizeof(r->claims));
    buf_deinit(&r->value);
}

void record_forget_promises(struct council *c)
{
    forget(&c->own_record);
    for (struct record_state *r = record_next(c, NULL); r != NULL; r = record_next(c, r)) {
        forget(r);
    }
    council_changed(c);
}

void record_free_all(struct council *c)
{
    struct record_state *r;

    while ((r = record_next(c, NULL)) != NULL) {
        hashtable_remove(&c->records, &r->by_id);
        buf_deinit(&r->value);
        mem_free(MEM_CLUSTER, r);
    }
    hashtable_deinit(&c->records);
    buf_deinit(&c->own_record.value);
}

void record_check(const struct council *c)
{
    ASSERT(cluster_id_is_none(&c->own_record.id));
    ASSERT(!ballot_is_above(&c->own_record.accepted, &c->own_record.promised)); /* (2) */
    for (struct record_state *r = record_next(c, NULL); r != NULL; r = record_next(c, r)) {
        ASSERT(record_find(c, &r->id) == r);
        ASSERT(!ballot_is_above(&r->accepted, &r->promised));
        ASSERT(ballot_is_none(&r->accepted) == (r->value.len == 0));
        ASSERT(!ballot_is_above(&r->holder_ballot, &r->promised)); /* (4) */
        for (size_t i = 0; i < SHARD_SLOT_WORDS && !ballot_is_none(&r->known_ballot); i++) {
            ASSERT((r->known.slots[i] & ~r->claims[i]) == 0); /* (3) */
        }
    }
}
