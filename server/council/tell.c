/* SPDX-License-Identifier: MIT */
#include "council/tell.h"

#include "base/assert.h"
#include "council/post.h"
#include "council/record_table.h"

void tell_record(struct council *c, const struct cluster_id *to, const struct record_state *r)
{
    struct council_message m = {.type = COUNCIL_LEARN, .record = r->id, .ballot = r->known_ballot};

    if (ballot_is_none(&r->known_ballot)) {
        return; /* what another council agreed says nothing here */
    }
    m.value = buf_bytes(&r->known);
    post_send(c, to, &m, 0);
}

void council_tell(struct council *c, struct mono_time now, const struct cluster_id *to,
                  const struct cluster_id *shard)
{
    struct record_state *r = record_find(c, shard);

    c->now = now;
    if (r != NULL) {
        tell_record(c, to, r);
    }
}

void council_ask(struct council *c, struct mono_time now, const struct cluster_id *shard)
{
    size_t count = seats_count(&c->seats);

    c->now = now;
    for (size_t i = 0; i < count; i++) {
        struct council_message m = {.type = COUNCIL_ASK, .record = *shard};
        const struct cluster_id *node = &seats_at(&c->seats, i)->node;

        if (!cluster_id_equal(node, &c->me)) {
            post_send(c, node, &m, 0);
        }
    }
}

void tell_these_seats(struct council *c, const struct cluster_id *to, const struct seats *seats,
                      const struct ballot *ballot)
{
    struct council_message m = {.type = COUNCIL_LEARN, .ballot = *ballot};
    struct buf value = {0};

    seats_encode(&value, seats);
    m.value = buf_bytes(&value);
    post_send(c, to, &m, 0);
    buf_deinit(&value);
}

void tell_seats(struct council *c, const struct cluster_id *to)
{
    if (c->seats.generation > 0) {
        tell_these_seats(c, to, &c->seats, &c->seats_ballot);
    }
}

void council_tell_members(struct council *c, struct mono_time now, const struct cluster_id *shard)
{
    ASSERT(!cluster_id_is_none(shard));
    c->now = now;
    tell_everybody(c, shard);
}

void tell_everybody(struct council *c, const struct cluster_id *record)
{
    size_t count = seats_count(&c->seats);

    for (size_t i = 0; i < count; i++) {
        const struct cluster_id *node = &seats_at(&c->seats, i)->node;

        if (cluster_id_equal(node, &c->me)) {
            continue;
        }
        if (cluster_id_is_none(record)) {
            tell_seats(c, node);
        } else {
            council_tell(c, c->now, node, record);
        }
    }
}
