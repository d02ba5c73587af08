/* SPDX-License-Identifier: MIT */
#include "command/hash_open.h"

#include "command/events.h"
#include "command/lookup.h"

/* Up to when what has expired is not seen. */
static int64_t seen_from_ms(const struct exec *x)
{
    return x->from_primary ? 0 : x->now.unix_ms;
}

struct value hash_of_entry(const struct exec *x, const struct entry *e)
{
    struct value hash = entry_value(e);

    hash.now_ms = seen_from_ms(x);
    return hash;
}

bool hash_lookup(struct exec *x, struct value *out)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;

    if (!lookup_read_type(x, &ref, VALUE_HASH, &e)) {
        return false;
    }
    *out = e != NULL ? hash_of_entry(x, e) : (struct value){.type = VALUE_HASH};
    return true;
}

bool hash_open(struct exec *x, struct key_ref *ref, struct value_edit *out)
{
    struct entry *e;

    *ref = lookup_ref(x, 1);
    if (!lookup_write_type(x, ref, VALUE_HASH, &e)) {
        return false;
    }
    keyspace_open(x->keyspace, ref, e, VALUE_HASH, out);
    out->draft.now_ms = seen_from_ms(x);
    return true;
}

void hash_drop_expired(struct exec *x, struct value_edit *edit, struct bytes field)
{
    const struct bytes words[] = {BYTES_LITERAL("HDEL"), edit->ref.bytes, field};
    struct value hash;
    struct hash_found found;

    if (LIKELY(!edit->draft.is_volatile)) {
        return;
    }
    hash = value_draft_view(&edit->draft);
    hash.now_ms = 0;
    if (hash_find(&hash, field, &found) && found.expire_at_ms != 0 &&
        found.expire_at_ms <= edit->draft.now_ms) {
        (void)hash_remove(&edit->draft, field);
        effects_add(x->effects, words, ARRAY_COUNT(words));
        x->stats->expired_fields++;
        notify(x, EVENT_HASH, "hexpired", edit->ref.bytes);
    }
}

void reply_hash_value(struct exec *x, const struct hash_found *found)
{
    if (found->block != NULL) {
        resp_write_bulk_block(x->reply, found->block);
    } else {
        resp_write_bulk(x->reply, found->value);
    }
}
