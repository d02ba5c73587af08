/* SPDX-License-Identifier: MIT */
/* Expired keys: the primary removes them as they are met and tells the replicas; a replica
 * hides them from its clients, and shows them to its primary's stream. */
#include "command/lookup.h"

#include "command/events.h"
#include "store/usage.h"

enum {
    WINDOW_WORDS_MIN = 8, /* a request of fewer words is not worth a window */
};

/* Key number nth and those behind it are hashed and fetched. */
static void fill_window(const struct exec *x, size_t nth)
{
    struct key_window *window = x->window;
    struct command_keys keys = command_keys(x->spec, x->args, x->arg_count);

    window->first = nth;
    window->count = 0;
    for (size_t i = nth; i < keys.count && window->count < KEY_WINDOW; i++) {
        window->refs[window->count++] =
            keyspace_ref(x->keyspace, x->db, x->args[command_key_at(&keys, i)]);
    }
    keyspace_prefetch_buckets(x->keyspace, window->refs, window->count);
    keyspace_prefetch_entries(x->keyspace, window->refs, window->count);
}

struct key_ref lookup_ref_late(const struct exec *x, size_t index, size_t nth)
{
    if (x->window == NULL || x->arg_count < WINDOW_WORDS_MIN ||
        x->spec->key_form != KEY_FORM_RANGE) {
        return keyspace_ref(x->keyspace, x->db, x->args[index]);
    }
    if (nth - x->window->first >= x->window->count) {
        fill_window(x, nth);
    }
    return x->window->refs[nth - x->window->first];
}

bool lookup_is_visible(const struct exec *x, const struct entry *e)
{
    return x->from_primary || !entry_is_expired(e, x->now.unix_ms);
}

static struct entry *find(struct exec *x, const struct key_ref *ref)
{
    struct entry *e = keyspace_find_any(x->keyspace, ref);

    if (e == NULL || lookup_is_visible(x, e)) {
        return e;
    }
    if (x->is_primary) {
        keyspace_remove_expired(x->keyspace, ref);
        effect_del(x, ref->bytes);
        x->stats->expired_keys++;
    }
    return NULL;
}

static void touch(const struct exec *x, struct entry *e)
{
    if (e != NULL && !x->no_touch) {
        keyspace_touch(x->keyspace, e);
    }
}

static inline struct entry *peek(struct exec *x, const struct key_ref *ref, bool is_heard)
{
    struct entry *e = find(x, ref);

    if (e != NULL) {
        x->stats->keyspace_hits++;
        return e;
    }
    x->stats->keyspace_misses++;
    if (is_heard) {
        notify(x, EVENT_MISS, "keymiss", ref->bytes);
    }
    return NULL;
}

struct entry *lookup_peek(struct exec *x, const struct key_ref *ref)
{
    return peek(x, ref, true);
}

struct entry *lookup_peek_unheard(struct exec *x, const struct key_ref *ref)
{
    return peek(x, ref, false);
}

struct entry *lookup_read(struct exec *x, const struct key_ref *ref)
{
    struct entry *e = lookup_peek(x, ref);

    touch(x, e);
    return e;
}

struct entry *lookup_write(struct exec *x, const struct key_ref *ref)
{
    struct entry *e = find(x, ref);

    touch(x, e);
    return e;
}

void reply_wrong_type(struct exec *x)
{
    resp_write_error(x->reply, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

static bool has_type(struct exec *x, const struct entry *e, enum value_type type)
{
    if (LIKELY(e == NULL || entry_type(e) == type)) {
        return true;
    }
    reply_wrong_type(x);
    return false;
}

bool lookup_read_type(struct exec *x, const struct key_ref *ref, enum value_type type,
                      struct entry **out)
{
    *out = lookup_read(x, ref);
    return has_type(x, *out, type);
}

bool lookup_write_type(struct exec *x, const struct key_ref *ref, enum value_type type,
                       struct entry **out)
{
    *out = lookup_write(x, ref);
    return has_type(x, *out, type);
}

void lookup_note_replace(struct exec *x, const struct key_ref *ref, enum value_type type)
{
    const struct entry *e = find(x, ref);

    if (e == NULL) {
        return;
    }
    notify_in(x, x->is_cluster ? 0 : ref->table, EVENT_OVERWRITTEN, "overwritten", ref->bytes);
    if (entry_type(e) != type) {
        notify_in(x, x->is_cluster ? 0 : ref->table, EVENT_TYPE_CHANGED, "type_changed",
                  ref->bytes);
    }
}

void lookup_open(struct exec *x, const struct key_ref *ref, enum value_type type,
                 struct value_edit *out)
{
    struct entry *e = keyspace_find_any(x->keyspace, ref);

    keyspace_open(x->keyspace, ref, e != NULL && lookup_is_visible(x, e) ? e : NULL, type, out);
}

bool argument_i64(struct exec *x, size_t index, int64_t *out)
{
    if (num_parse_i64(x->args[index], out)) {
        return true;
    }
    resp_write_error(x->reply, "ERR value is not an integer or out of range");
    return false;
}

bool argument_random_count(struct exec *x, size_t index, int64_t *out)
{
    if (!argument_i64(x, index, out)) {
        return false;
    }
    if (*out == INT64_MIN) {
        resp_write_error(x->reply, "ERR value is out of range, value must between "
                                   "-9223372036854775807 and 9223372036854775807");
        return false;
    }
    return true;
}

bool argument_key_count(struct exec *x, size_t index, size_t *out)
{
    int64_t count;

    if (!num_parse_i64(x->args[index], &count) || count < 1) {
        resp_write_error(x->reply, "ERR numkeys should be greater than 0");
        return false;
    }
    if ((uint64_t)count > x->arg_count - index - 1) {
        resp_write_error(x->reply, "ERR Number of keys can't be greater than number of args");
        return false;
    }
    *out = (size_t)count;
    return true;
}

bool argument_db(struct exec *x, size_t index, unsigned *out)
{
    int64_t db;

    if (!argument_i64(x, index, &db)) {
        return false;
    }
    if (db < INT32_MIN || db > INT32_MAX) {
        resp_write_error(x->reply, "ERR value is out of range, value must between "
                                   "-2147483648 and 2147483647");
        return false;
    }
    if (db < 0 || db >= x->database_count) {
        resp_write_error(x->reply, "ERR DB index is out of range");
        return false;
    }
    *out = (unsigned)db;
    return true;
}

bool argument_is(const struct exec *x, size_t index, const char *word)
{
    return bytes_equal_nocase(x->args[index], word);
}

void reply_syntax_error(struct exec *x)
{
    resp_write_error(x->reply, "ERR syntax error");
}

void reply_entry(struct exec *x, const struct entry *e)
{
    char scratch[INTEGER_SCRATCH];

    if (e == NULL) {
        resp_write_null(x->reply);
    } else if (entry_string_block(e) != NULL) {
        resp_write_bulk_block(x->reply, entry_string_block(e));
    } else {
        resp_write_bulk(x->reply, entry_string(e, scratch));
    }
}

void effect_del(struct exec *x, struct bytes key)
{
    const struct bytes words[] = {BYTES_LITERAL("DEL"), key};

    effects_add(x->effects, words, 2);
}

void effect_set(struct exec *x, struct bytes key, struct bytes value, bool keep_ttl,
                int64_t expire_at_ms)
{
    char text[NUM_I64_TEXT];
    struct bytes words[5] = {BYTES_LITERAL("SET"), key, value};
    size_t count = 3;

    if (keep_ttl) {
        words[count++] = BYTES_LITERAL("KEEPTTL");
    } else if (expire_at_ms != EXPIRE_NEVER) {
        words[count++] = BYTES_LITERAL("PXAT");
        words[count++] = bytes_make(text, num_format_i64(text, expire_at_ms));
    }
    effects_add(x->effects, words, count);
}

void effect_expiry(struct exec *x, struct bytes key, int64_t expire_at_ms)
{
    char text[NUM_I64_TEXT];
    const struct bytes words[] = {BYTES_LITERAL("PEXPIREAT"), key,
                                  bytes_make(text, num_format_i64(text, expire_at_ms))};

    effects_add(x->effects, words, 3);
}
