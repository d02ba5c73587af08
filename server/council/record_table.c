/* SPDX-License-Identifier: MIT */
#include "council/record_table.h"

#include "base/assert.h"

#include <string.h>

enum {
    RECORDS_DECODED = 8, /* that many stay so */
};

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

/* ---- what is agreed ------------------------------------------------------------------------------- */

static void decode_known(const struct record_state *r, struct shard_record *out)
{
    struct decoder d = decoder_make(buf_bytes(&r->known));

    shard_record_decode(&d, out);
    ASSERT(decoder_is_ok(&d));
}

const struct shard_record *record_known(const struct council *c, struct record_state *r)
{
    if (r->known.len == 0) {
        return NULL;
    }
    if (r->decoded == NULL) {
        r->decoded = mem_alloc(MEM_CLUSTER, sizeof(*r->decoded));
        decode_known(r, r->decoded);
        VEC_PUSH(&c->record_cache->decoded, r);
    }
    return r->decoded;
}

void record_set_known(struct council *c, struct record_state *r, const struct shard_record *shard)
{
    bool is_moving = shard->move_count > 0 || shard->ranges.count > 0;

    buf_clear(&r->known);
    shard_record_encode(&r->known, shard);
    buf_clear(&r->known_slots);
    shard_slots_encode(&r->known_slots, shard->slots);
    r->known_version = shard->version;
    r->known_primary = shard->primary;
    c->moving_count += is_moving ? 1 : 0;
    c->moving_count -= r->is_moving ? 1 : 0;
    r->is_moving = is_moving;
    if (r->decoded != NULL) {
        decode_known(r, r->decoded);
    }
}

void record_tidy(struct council *c, const struct cluster_id *but)
{
    struct record_cache *cache = c->record_cache;

    if (but != NULL && cache->decoded.count <= RECORDS_DECODED) {
        return; /* few are looked at all the time */
    }
    for (size_t i = cache->decoded.count; i-- > 0;) {
        struct record_state *r = cache->decoded.items[i];

        if (but == NULL || !cluster_id_equal(&r->id, but)) {
            mem_free(MEM_CLUSTER, r->decoded);
            r->decoded = NULL;
            VEC_REMOVE_AT(&cache->decoded, i);
        }
    }
}

/* ---- what a member said ---------------------------------------------------------------------------- */

struct bytes record_claims(const struct record_state *r)
{
    static const char none[] = {0, 0};

    if (r->claims.len > 0) {
        return buf_bytes(&r->claims);
    }
    return r->known_slots.len > 0 ? buf_bytes(&r->known_slots) : bytes_make(none, sizeof(none));
}

static void decode_claims(const struct record_state *r, uint64_t claims[SHARD_SLOT_WORDS])
{
    struct decoder d = decoder_make(record_claims(r));

    shard_slots_decode(&d, claims);
    ASSERT(decoder_is_ok(&d));
}

void record_set_claims(struct record_state *r, const uint64_t claims[SHARD_SLOT_WORDS])
{
    buf_clear(&r->claims);
    shard_slots_encode(&r->claims, claims);
    if (bytes_equal(buf_bytes(&r->claims), buf_bytes(&r->known_slots))) {
        buf_deinit(&r->claims);
    }
}

/* True when there are any among them that were none before. */
static bool add_claims(struct record_state *r, const uint64_t *more)
{
    uint64_t claims[SHARD_SLOT_WORDS];
    bool is_more = false;

    decode_claims(r, claims);
    for (size_t i = 0; i < SHARD_SLOT_WORDS; i++) {
        is_more = is_more || (more[i] & ~claims[i]) != 0;
        claims[i] |= more[i];
    }
    if (is_more) {
        record_set_claims(r, claims);
    }
    return is_more;
}

void record_promise(struct council *c, struct record_state *r, const struct ballot *ballot)
{
    ASSERT(!ballot_is_above(&r->promised, ballot));
    if (!ballot_equal(&r->promised, ballot)) {
        r->promised = *ballot;
        council_changed(c);
        r->said_change = c->changes;
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
    r->said_change = c->changes;
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
        (void)add_claims(r, shard->slots);
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
    if (add_claims(r, claims)) {
        council_changed(c);
        r->said_change = c->changes;
    }
}

/* As long as something was accepted behind the newest agreed record, what came in between may be agreed, too. */
static void renew_claims(struct record_state *r, const struct shard_record *known,
                         uint64_t claims[SHARD_SLOT_WORDS])
{
    struct decoder d = decoder_make(buf_bytes(&r->value));
    struct shard_record value = {0};

    if (r->value.len > 0) {
        shard_record_decode(&d, &value);
        ASSERT(decoder_is_ok(&d));
    }
    for (size_t i = 0; i < SHARD_SLOT_WORDS; i++) {
        claims[i] = (value.version <= known->version ? 0 : claims[i]) | known->slots[i];
    }
    record_set_claims(r, claims);
}

bool record_learn(struct council *c, struct record_state *r, const struct ballot *ballot,
                  const struct shard_record *shard, struct bytes value)
{
    uint64_t claims[SHARD_SLOT_WORDS];

    ASSERT(!cluster_id_is_none(&r->id));
    ASSERT(cluster_id_equal(&r->id, &shard->shard));
    /* What another council agreed before says nothing about what this one did, however much newer it seems. */
    if (shard->version <= r->known_version && !ballot_is_none(&r->known_ballot)) {
        return false;
    }
    decode_claims(r, claims);
    record_set_known(c, r, shard);
    r->known_ballot = *ballot;
    if (!ballot_is_above(&r->promised, ballot) && ballot_is_above(ballot, &r->accepted)) {
        set_accepted(c, r, ballot, value);
    }
    renew_claims(r, shard, claims);
    council_changed(c);
    return true;
}

const struct record_state *record_find_claim(const struct council *c,
                                             const struct shard_record *shard)
{
    for (struct record_state *r = record_next(c, NULL); r != NULL; r = record_next(c, r)) {
        if (!cluster_id_equal(&r->id, &shard->shard) &&
            shard_slots_overlap(record_claims(r), shard->slots)) {
            return r;
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
    record_set_claims(r, (const uint64_t[SHARD_SLOT_WORDS]){0});
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

static void release(struct record_state *r)
{
    buf_deinit(&r->known);
    buf_deinit(&r->known_slots);
    buf_deinit(&r->value);
    buf_deinit(&r->claims);
}

void record_free_all(struct council *c)
{
    struct record_state *r;

    record_tidy(c, NULL);
    VEC_DEINIT(&c->record_cache->decoded);
    mem_free(MEM_CLUSTER, c->record_cache);
    while ((r = record_next(c, NULL)) != NULL) {
        hashtable_remove(&c->records, &r->by_id);
        release(r);
        mem_free(MEM_CLUSTER, r);
    }
    hashtable_deinit(&c->records);
    release(&c->own_record);
}

static void check_known(const struct record_state *r)
{
    struct shard_record known;
    struct buf bytes = {0};
    uint64_t claims[SHARD_SLOT_WORDS];

    ASSERT((r->known.len == 0) == (r->known_version == 0));
    ASSERT(r->known.len > 0 || ballot_is_none(&r->known_ballot));
    if (r->known.len == 0) {
        return;
    }
    decode_known(r, &known);
    ASSERT(known.version == r->known_version);
    shard_record_encode(&bytes, r->decoded != NULL ? r->decoded : &known);
    ASSERT(bytes_equal(buf_bytes(&bytes), buf_bytes(&r->known))); /* (4) */
    buf_deinit(&bytes);
    decode_claims(r, claims);
    for (size_t i = 0; i < SHARD_SLOT_WORDS && !ballot_is_none(&r->known_ballot); i++) {
        ASSERT((known.slots[i] & ~claims[i]) == 0); /* (3) */
    }
}

void record_check(const struct council *c)
{
    size_t moving_count = 0;

    ASSERT(cluster_id_is_none(&c->own_record.id));
    ASSERT(!ballot_is_above(&c->own_record.accepted, &c->own_record.promised)); /* (2) */
    for (struct record_state *r = record_next(c, NULL); r != NULL; r = record_next(c, r)) {
        ASSERT(record_find(c, &r->id) == r);
        ASSERT(!ballot_is_above(&r->accepted, &r->promised));
        ASSERT(ballot_is_none(&r->accepted) == (r->value.len == 0));
        ASSERT(!ballot_is_above(&r->holder_ballot, &r->promised)); /* (5) */
        check_known(r);
        moving_count += r->is_moving ? 1 : 0;
    }
    ASSERT(moving_count == c->moving_count);
}
