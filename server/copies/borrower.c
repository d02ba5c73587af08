/* SPDX-License-Identifier: MIT */
#include "copies/borrower.h"

#include "base/assert.h"
#include "base/mem.h"

void borrower_init(struct borrower *b, uint64_t seed)
{
    *b = (struct borrower){.keys.seed = seed};
    list_init(&b->by_use);
    list_init(&b->refused);
}

static struct borrowed *find(const struct borrower *b, struct bytes name)
{
    struct hashtable_node *n = hashtable_find(&b->keys, name);

    return n != NULL ? CONTAINER_OF(n, struct borrowed, by_name) : NULL;
}

const struct borrowed *borrower_find(const struct borrower *b, struct bytes key)
{
    return find(b, key);
}

/* It is VALID, or REFUSED, no more. */
static void end_state(struct borrower *b, struct borrowed *key)
{
    ASSERT(b->bytes >= key->bytes);
    list_remove(&key->listed);
    b->bytes -= key->bytes;
    key->bytes = 0;
}

static void forget(struct borrower *b, struct borrowed *key)
{
    end_state(b, key);
    hashtable_remove(&b->keys, &key->by_name);
    buf_deinit(&key->name);
    mem_free(MEM_NODE, key);
}

static void forget_all(struct borrower *b)
{
    struct hashtable_node *next;

    for (struct hashtable_node *n = hashtable_next(&b->keys, NULL); n != NULL; n = next) {
        next = hashtable_next(&b->keys, n);
        forget(b, CONTAINER_OF(n, struct borrowed, by_name));
    }
}

void borrower_deinit(struct borrower *b)
{
    forget_all(b);
    hashtable_deinit(&b->keys);
}

/* ---- the connection and the lease --------------------------------------------------------------- */

void borrower_link_up(struct borrower *b)
{
    ASSERT(b->keys.count == 0);
    b->is_linked = true;
    b->is_asking = false;
    b->asked_at = (struct mono_time){0};
    b->until = (struct mono_time){0};
}

void borrower_link_down(struct borrower *b)
{
    forget_all(b);
    b->is_linked = false;
    b->is_asking = false;
    b->until = (struct mono_time){0};
}

struct mono_time borrower_ask_at(const struct borrower *b)
{
    return b->is_linked && !b->is_asking
               ? mono_add_ms(b->asked_at, BORROWER_LEASE_MS / BORROWER_RENEWALS)
               : MONO_NEVER;
}

bool borrower_is_to_ask(const struct borrower *b, struct mono_time now)
{
    return mono_is_due(borrower_ask_at(b), now);
}

void borrower_note_asked(struct borrower *b, struct mono_time now)
{
    ASSERT(b->is_linked && !b->is_asking);
    b->is_asking = true;
    b->asked_at = now;
}

void borrower_take_lease(struct borrower *b, int64_t granted_ms)
{
    struct mono_time until = b->asked_at;

    if (!b->is_asking) {
        return;
    }
    b->is_asking = false;
    if (granted_ms > BORROWER_LEASE_MS) {
        granted_ms = BORROWER_LEASE_MS;
    }
    until.us += granted_ms * 1000 - granted_ms * 1000 / BORROWER_DRIFT_PART; /* (2) */
    if (granted_ms > 0 && mono_is_before(b->until, until)) {
        b->until = until;
    }
}

bool borrower_has_lease(const struct borrower *b, struct mono_time now)
{
    return mono_is_before(now, b->until);
}

/* ---- keys --------------------------------------------------------------------------------------- */

/* Of one that is VALID: may it be shown?  Without a lease not now, and yet again under the next, without being asked
 * for (5). */
static bool is_shown(const struct borrower *b, const struct borrowed *key, struct mono_time now)
{
    return borrower_has_lease(b, now) && !mono_is_due(key->until, now);
}

static void use(struct borrower *b, struct borrowed *key)
{
    if (b->by_use.prev != &key->listed) { /* else it was used last */
        list_remove(&key->listed);
        list_add_tail(&b->by_use, &key->listed);
    }
}

bool borrower_serves(struct borrower *b, struct mono_time now, struct bytes key, uint64_t hash)
{
    struct hashtable_node *n = hashtable_find_hashed(&b->keys, key, hash);
    struct borrowed *found = n != NULL ? CONTAINER_OF(n, struct borrowed, by_name) : NULL;

    if (found == NULL || found->state != BORROWED_VALID || !is_shown(b, found, now)) {
        return false;
    }
    use(b, found);
    return true;
}

enum borrowed_state borrower_look(struct borrower *b, struct mono_time now, struct bytes key)
{
    struct borrowed *found = find(b, key);

    if (found == NULL) {
        return BORROWED_NOT;
    }
    if (found->state == BORROWED_VALID) {
        if (!is_shown(b, found, now)) {
            return BORROWED_NOT;
        }
        use(b, found);
    }
    if (found->state == BORROWED_REFUSED && mono_is_due(found->until, now)) {
        return BORROWED_NOT;
    }
    return found->state;
}

void borrower_note_wanted(struct borrower *b, struct bytes key)
{
    struct borrowed *found = find(b, key);

    if (found == NULL) {
        found = mem_alloc_zeroed(MEM_NODE, sizeof(*found));
        buf_append_bytes(&found->name, key);
        hashtable_add(&b->keys, &found->by_name, buf_bytes(&found->name));
    }
    ASSERT(found->state != BORROWED_ASKED);
    end_state(b, found);
    found->state = BORROWED_ASKED;
    found->least = found->version;
}

bool borrower_take_value(struct borrower *b, struct mono_time now, struct bytes key,
                         const struct borrowed_value *value)
{
    struct borrowed *found = find(b, key);

    if (found == NULL || found->state != BORROWED_ASKED) {
        return false;
    }
    if (value->version < found->least) {
        b->too_old++;
        forget(b, found);
        return false;
    }
    found->state = BORROWED_VALID;
    found->version = value->version;
    found->until = value->expires;
    found->came_at = now;
    found->bytes = value->bytes;
    b->bytes += value->bytes;
    list_add_tail(&b->by_use, &found->listed);
    return true;
}

/* Times come in their order, and so do the ends of refusals. */
static void refuse(struct borrower *b, struct borrowed *key, struct mono_time now)
{
    list_add_tail(&b->refused, &key->listed);
    key->state = BORROWED_REFUSED;
    key->until = mono_add_ms(now, BORROWER_REFUSED_MS);
}

void borrower_take_refusal(struct borrower *b, struct mono_time now, struct bytes key)
{
    struct borrowed *found = find(b, key);

    if (found != NULL && found->state == BORROWED_ASKED) {
        refuse(b, found, now);
    }
}

static void invalidate(struct borrower *b, struct borrowed *key, uint64_t version)
{
    switch (key->state) {
    case BORROWED_VALID:
        b->invalidated++;
        forget(b, key);
        break;
    case BORROWED_ASKED:
        key->least = key->least > version ? key->least : version;
        break;
    case BORROWED_NOT:
    case BORROWED_REFUSED:
        break;
    }
}

void borrower_invalidate(struct borrower *b, struct bytes key, uint64_t version)
{
    struct borrowed *found = find(b, key);

    if (found != NULL) {
        invalidate(b, found, version);
    }
}

void borrower_invalidate_all(struct borrower *b, uint64_t version)
{
    struct hashtable_node *next;

    for (struct hashtable_node *n = hashtable_next(&b->keys, NULL); n != NULL; n = next) {
        next = hashtable_next(&b->keys, n);
        invalidate(b, CONTAINER_OF(n, struct borrowed, by_name), version);
    }
}

void borrower_drop(struct borrower *b, struct bytes key)
{
    struct borrowed *found = find(b, key);

    if (found != NULL && found->state != BORROWED_ASKED) {
        forget(b, found);
    }
}

void borrower_evict(struct borrower *b, struct mono_time now, struct bytes key)
{
    struct borrowed *found = find(b, key);

    ASSERT(found != NULL && found->state == BORROWED_VALID);
    if (mono_ms_between(found->came_at, now) >= BORROWER_REFUSED_MS) {
        forget(b, found);
        return;
    }
    end_state(b, found);
    refuse(b, found, now);
}

const struct borrowed *borrower_oldest(const struct borrower *b)
{
    return list_is_empty(&b->by_use) ? NULL : CONTAINER_OF(b->by_use.next, struct borrowed, listed);
}

void borrower_tick(struct borrower *b, struct mono_time now)
{
    while (!list_is_empty(&b->refused)) {
        struct borrowed *key = CONTAINER_OF(b->refused.next, struct borrowed, listed);

        if (!mono_is_due(key->until, now)) {
            return;
        }
        forget(b, key);
    }
}

static size_t count_of(const struct list *keys, enum borrowed_state state)
{
    struct mono_time until = {0};
    size_t count = 0;

    LIST_FOR_EACH (item, keys) {
        const struct borrowed *key = CONTAINER_OF(item, struct borrowed, listed);

        ASSERT(key->state == state);
        ASSERT(state != BORROWED_REFUSED || !mono_is_before(key->until, until));
        until = key->until;
        count++;
    }
    return count;
}

void borrower_check(const struct borrower *b)
{
    size_t listed = count_of(&b->by_use, BORROWED_VALID) + count_of(&b->refused, BORROWED_REFUSED);
    size_t bytes = 0;

    ASSERT(b->is_linked || b->keys.count == 0); /* (5) */
    HASHTABLE_FOR_EACH (n, &b->keys) {
        const struct borrowed *key = CONTAINER_OF_CONST(n, struct borrowed, by_name);

        ASSERT(key->state != BORROWED_NOT);
        ASSERT((key->state != BORROWED_ASKED) == list_is_linked(&key->listed));
        ASSERT(key->state == BORROWED_VALID || key->bytes == 0);
        listed -= list_is_linked(&key->listed);
        bytes += key->bytes;
    }
    ASSERT(listed == 0);
    ASSERT(bytes == b->bytes);
}
