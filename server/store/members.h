/* SPDX-License-Identifier: MIT */
/* Members by name: the inside of large hashes, sets and sorted sets.
 *
 * A table as that of the key space (store/table.h), which grows and shrinks in small steps, so that
 * neither an insertion nor a removal is ever a long one; of members (store/member.h) in a slab
 * that all large values of a key space share.
 *
 * Invariants:  (1) a member's name is there once
 *              (2) bytes are exact: objects as the slab hands them out, buckets, shards, blocks
 *              (3) a position of a scan is one in the order of hashes: who is there from its begin to
 *                  its end is visited once, whatever comes and goes meanwhile
 * Members are borrowed until the next change of the same members; one that a structure beside them
 * refers to stays where it is until it is removed or gets another value or expiry.  All-zero but for the space is empty.  Owns all members.  Loop thread only. */
#ifndef STARLING_STORE_MEMBERS_H
#define STARLING_STORE_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/rng.h"
#include "store/member.h"
#include "store/value_space.h"

struct members {
    struct value_space *space;
    struct table table;
    int64_t due_ms; /* see members_next_expiry_ms; without meaning while none expires */
};

static inline struct members members_make(struct value_space *space)
{
    return (struct members){.space = space};
}

static inline uint64_t members_count(const struct members *members)
{
    return members->table.count;
}

/* Those with an expiry. */
static inline uint64_t members_volatile_count(const struct members *members)
{
    return members->table.volatile_count;
}

/* The member or NULL. */
struct member *members_find(const struct members *members, struct bytes name);
/* Add, or replace as a whole; the plan's blocks are made here.  True when it is new.  The plan's bytes
 * must not be the old member's. */
bool members_put(struct members *members, const struct member_plan *plan, struct member **out);
/* Another expiry, or EXPIRE_NEVER.  False when there is no such member. */
bool members_set_expiry(struct members *members, struct bytes name, int64_t expire_at_ms);
/* The member is about to get another score in place (member_put_score). */
void members_before_change(struct members *members, struct bytes name);
/* False when there was none. */
bool members_remove(struct members *members, struct bytes name);
/* Any member, each about as likely; there is one. */
struct member *members_random(const struct members *members, struct rng *rng);

typedef void members_visit_fn(void *context, const struct member *m);
/* Visit about count members from the position on (0 starts); the next one, 0 at the end.  Positions have
 * 48 bits.  visit must not change the members. */
uint64_t members_scan(const struct members *members, uint64_t position, size_t count,
                      members_visit_fn *visit, void *context);
/* Visit count different members, or all if there are no more, each choice about as likely. */
void members_sample(const struct members *members, struct rng *rng, uint64_t count,
                    members_visit_fn *visit, void *context);
/* Visit members whose expiry has come, at most max, looking at about budget of them; returns how many.  A
 * look at all of them makes members_next_expiry_ms exact. */
size_t members_find_expired(struct members *members, int64_t now_ms, size_t budget, size_t max,
                            members_visit_fn *visit, void *context);
/* No member expires before; INT64_MAX when none does. */
static inline int64_t members_next_expiry_ms(const struct members *members)
{
    return members->table.volatile_count > 0 ? members->due_ms : INT64_MAX;
}

/* What they take, struct members aside. */
size_t members_bytes(const struct members *members);
/* Free members while the budget, in entries (store/value.h), lasts; true when none is left. */
bool members_free(struct members *members, size_t *budget);
/* Assert every invariant; slow. */
void members_check(const struct members *members);

#endif
