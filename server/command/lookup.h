/* SPDX-License-Identifier: MIT */
/* What command functions share: looking keys up under the rules of expiry, reading arguments,
 * adding the usual effects. */
#ifndef STARLING_COMMAND_LOOKUP_H
#define STARLING_COMMAND_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/num.h"
#include "command/exec.h"

enum {
    STRING_MAX_BYTES = 512 * 1024 * 1024,
    INTEGER_SCRATCH = NUM_I64_TEXT + 1,
};

/* The same as lookup_ref, for a key that was not hashed before: nth of the request's keys. */
struct key_ref lookup_ref_late(const struct exec *x, size_t index, size_t nth);

/* The key that is argument index, in the selected database. */
static inline struct key_ref lookup_ref(const struct exec *x, size_t index)
{
    size_t step_bits = x->spec->key_step == 2;
    size_t nth = (index - (size_t)x->spec->first_key) >> step_bits;

    return LIKELY(nth < x->key_count) ? x->keys[nth] : lookup_ref_late(x, index, nth);
}

/* The entry or NULL when there is none for this caller (command/exec.h on expiry).
 *   read:   counts as a hit or miss and as use
 *   peek:   counts as a hit or miss only; unheard: a miss is not told to who listens
 *   write:  counts as use only
 * A borrow until the next change. */
struct entry *lookup_read(struct exec *x, const struct key_ref *ref);
struct entry *lookup_peek(struct exec *x, const struct key_ref *ref);
struct entry *lookup_peek_unheard(struct exec *x, const struct key_ref *ref);
struct entry *lookup_write(struct exec *x, const struct key_ref *ref);
/* The same for commands that are about values of one type: false after the reply -WRONGTYPE when the key
 * holds another. */
MUST_USE bool lookup_read_type(struct exec *x, const struct key_ref *ref, enum value_type type,
                               struct entry **out);
MUST_USE bool lookup_write_type(struct exec *x, const struct key_ref *ref, enum value_type type,
                                struct entry **out);
/* Open what the caller would find, or an empty value, for change; it was looked up before, and is of the type. */
void lookup_open(struct exec *x, const struct key_ref *ref, enum value_type type,
                 struct value_edit *out);
/* The whole value is about to be replaced by one of the type: an expired one in its place goes before, and who
 * listens is told. */
void lookup_note_replace(struct exec *x, const struct key_ref *ref, enum value_type type);
static inline void note_replace(struct exec *x, const struct key_ref *ref, enum value_type type)
{
    if (UNLIKELY(x->events != NULL)) {
        lookup_note_replace(x, ref, type);
    }
}
/* Would the caller see the entry?  Changes nothing. */
bool lookup_is_visible(const struct exec *x, const struct entry *e);

/* Argument index as an integer; false after an error reply. */
MUST_USE bool argument_i64(struct exec *x, size_t index, int64_t *out);
/* As how many random elements are wanted, negative for such as may repeat. */
MUST_USE bool argument_random_count(struct exec *x, size_t index, int64_t *out);
/* As the number of keys that follow it. */
MUST_USE bool argument_key_count(struct exec *x, size_t index, size_t *out);
/* As the number of a database. */
MUST_USE bool argument_db(struct exec *x, size_t index, unsigned *out);
bool argument_is(const struct exec *x, size_t index, const char *word);
void reply_syntax_error(struct exec *x);
void reply_wrong_type(struct exec *x);
void reply_entry(struct exec *x, const struct entry *e);

/* DEL key */
void effect_del(struct exec *x, struct bytes key);
/* SET key value [PXAT ms | KEEPTTL]; expire_at_ms counts when the expiry is not kept */
void effect_set(struct exec *x, struct bytes key, struct bytes value, bool keep_ttl,
                int64_t expire_at_ms);
/* PEXPIREAT key ms */
void effect_expiry(struct exec *x, struct bytes key, int64_t expire_at_ms);

#endif
