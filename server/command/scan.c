/* SPDX-License-Identifier: MIT */
/* Going through all keys: SCAN and KEYS, and slot by slot: CLUSTERSCAN. */
#include "base/glob.h"
#include "base/sha256.h"
#include "base/vec.h"
#include "command/element_scan.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/scan_cursor.h"

#include <string.h>

enum {
    SCAN_COUNT_DEFAULT = 10,
};

/* The keys found: borrowed, for nothing changes before they are in the reply. */
struct found {
    const struct exec *x;
    struct bytes pattern;
    bool has_pattern;
    const struct value_kind
        *kind;        /* the type that was asked for; NULL: any, or one that no entry has */
    bool is_excluded; /* the latter */
    uint16_t *slot; /* of CLUSTERSCAN: the only one that was asked for; NULL: of another command */
    VEC(struct bytes) keys;
};

static void take_key(void *context, const struct entry *e)
{
    struct found *found = context;
    struct bytes key = entry_key(e);

    if (found->is_excluded || (found->kind != NULL && entry_type(e) != found->kind->type) ||
        !lookup_is_visible(found->x, e) ||
        (found->has_pattern && !glob_match(found->pattern, key))) {
        return;
    }
    VEC_PUSH(&found->keys, key);
}

/* And forget them. */
static void reply_keys(struct exec *x, struct found *found)
{
    resp_write_array(x->reply, found->keys.count);
    for (size_t i = 0; i < found->keys.count; i++) {
        resp_write_bulk(x->reply, found->keys.items[i]);
    }
    VEC_DEINIT(&found->keys);
}

static void use_pattern(struct found *found, struct bytes pattern)
{
    found->pattern = pattern;
    found->has_pattern = !bytes_equal_text(pattern, "*");
}

/* A slot behind SLOT; false after an error reply. */
static bool read_slot(struct exec *x, struct bytes text, uint16_t *out)
{
    int64_t slot;

    if (!num_parse_i64(text, &slot) || slot < 0 || slot >= SLOT_COUNT) {
        resp_write_error(x->reply, "ERR Invalid or out of range slot");
        return false;
    }
    *out = (uint16_t)slot;
    return true;
}

/* TYPE of CLUSTERSCAN has to name one. */
static bool read_kind(struct exec *x, struct found *found, struct bytes name)
{
    found->kind = value_kind_by_name(keyspace_types(x->keyspace), name);
    found->is_excluded = found->kind == NULL;
    if (found->is_excluded && found->slot != NULL) {
        resp_write_error(x->reply, "ERR unknown type name");
        return false;
    }
    return true;
}

/* Read the options behind the cursor; false after an error reply. */
static bool read_scan(struct exec *x, struct found *found, int64_t *count)
{
    for (size_t i = 2; i < x->arg_count; i += 2) {
        if (i + 1 >= x->arg_count) {
            element_scan_refuse(x, i);
            return false;
        }
        if (argument_is(x, i, "COUNT")) {
            if (!argument_i64(x, i + 1, count)) {
                return false;
            }
            if (*count < 1) {
                reply_syntax_error(x);
                return false;
            }
        } else if (argument_is(x, i, "MATCH")) {
            use_pattern(found, x->args[i + 1]);
        } else if (argument_is(x, i, "TYPE")) {
            if (!read_kind(x, found, x->args[i + 1])) {
                return false;
            }
        } else if (found->slot != NULL && argument_is(x, i, "SLOT")) {
            if (!read_slot(x, x->args[i + 1], found->slot)) {
                return false;
            }
        } else {
            element_scan_refuse(x, i);
            return false;
        }
    }
    return true;
}

enum exec_result cmd_scan(struct exec *x)
{
    struct found found = {.x = x};
    int64_t count = SCAN_COUNT_DEFAULT;
    uint64_t cursor;

    if (!num_parse_u64(x->args[1], &cursor)) {
        resp_write_error(x->reply, "ERR invalid cursor");
        return EXEC_DONE;
    }
    if (!read_scan(x, &found, &count)) {
        return EXEC_DONE;
    }
    cursor = keyspace_scan(x->keyspace, x->db, cursor, (size_t)count, take_key, &found);
    resp_write_array(x->reply, 2);
    resp_write_bulk_printf(x->reply, "%llu", (unsigned long long)cursor);
    reply_keys(x, &found);
    return EXEC_DONE;
}

/* The slot of all keys that the pattern can match; SLOT_NONE when that cannot be told: a hash tag of plain letters has to
 * stand behind nothing but such. */
static uint16_t slot_of_pattern(const struct found *found)
{
    size_t open = SIZE_MAX;

    for (size_t i = 0; found->has_pattern && i < found->pattern.len; i++) {
        char c = found->pattern.data[i];

        if (c == '*' || c == '?' || c == '[' || c == '\\') {
            break;
        }
        if (c == '{' && open == SIZE_MAX) {
            open = i;
        } else if (c == '}' && open != SIZE_MAX) {
            return i > open + 1 ? slot_of_key(found->pattern) : SLOT_NONE;
        }
    }
    return SLOT_NONE;
}

/* Of this process alone: a later one has another order of keys.  One cannot tell from it what the order rests on. */
static uint64_t own_fingerprint(const struct exec *x)
{
    uint64_t hash = keyspace_ref(x->keyspace, 0, BYTES_LITERAL("CLUSTERSCAN")).hash;
    uint8_t digest[SHA256_SIZE];
    uint64_t fingerprint;

    sha256(bytes_make(&hash, sizeof(hash)), digest);
    memcpy(&fingerprint, digest, sizeof(fingerprint));
    return fingerprint | 1;
}

/* Of all that follow the cursor's slot, with only: of that one alone. */
static uint16_t next_slot(uint16_t slot, uint16_t only)
{
    uint16_t next = slot == SLOT_NONE ? 0 : slot + 1;

    if (only != SLOT_NONE) {
        next = slot == SLOT_NONE || slot < only ? only : SLOT_NONE;
    }
    return next < SLOT_COUNT ? next : SLOT_NONE;
}

/* Go on in the cursor's slot; true at its end. */
static bool scan_in_slot(const struct exec *x, struct scan_cursor *cursor, struct found *found,
                         size_t count)
{
    uint64_t own = own_fingerprint(x);
    uint64_t place = cursor->fingerprint == own ? cursor->place : 0;

    cursor->fingerprint = own;
    cursor->place = keyspace_scan_slot(x->keyspace, cursor->slot, place, count, take_key, found);
    return cursor->place == 0;
}

enum exec_result cmd_clusterscan(struct exec *x)
{
    uint16_t only = SLOT_NONE;
    struct found found = {.x = x, .slot = &only};
    struct scan_cursor cursor;
    int64_t count = SCAN_COUNT_DEFAULT;
    char text[SCAN_CURSOR_TEXT];
    bool is_over = true;

    if (!x->is_cluster) {
        resp_write_error(x->reply, "ERR This instance has cluster support disabled");
        return EXEC_DONE;
    }
    if (!scan_cursor_parse(x->args[1], &cursor)) {
        resp_write_error(x->reply, "ERR Invalid cursor");
        return EXEC_DONE;
    }
    if (!read_scan(x, &found, &count)) {
        return EXEC_DONE;
    }
    if (only == SLOT_NONE) {
        only = slot_of_pattern(&found);
    }
    if (cursor.slot != SLOT_NONE && (only == SLOT_NONE || cursor.slot == only)) {
        is_over = scan_in_slot(x, &cursor, &found, (size_t)count);
    }
    if (is_over) {
        cursor = (struct scan_cursor){.slot = next_slot(cursor.slot, only)};
    }
    scan_cursor_format(&cursor, text);
    resp_write_array(x->reply, 2);
    resp_write_bulk(x->reply, bytes_from_text(text));
    reply_keys(x, &found);
    return EXEC_DONE;
}

enum exec_result cmd_keys(struct exec *x)
{
    struct found found = {.x = x};
    uint64_t cursor = 0;

    use_pattern(&found, x->args[1]);
    do {
        cursor = keyspace_scan(x->keyspace, x->db, cursor, SIZE_MAX, take_key, &found);
    } while (cursor != 0);
    reply_keys(x, &found);
    return EXEC_DONE;
}
