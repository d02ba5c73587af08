/* SPDX-License-Identifier: MIT */
/* Names of keys: few of each kind, so that commands meet. */
#include "tests/differential/draw.h"

#include "base/assert.h"

#include <stdio.h>

enum {
    KINDS_MIXED = 7, /* those that are not apart come first */
};

/* The names of keys of a kind: the letter with a digit. */
struct key_kind {
    const char *kind;
    char letter;
    unsigned count;
    bool is_apart; /* only its own commands write to it, and they to nothing else */
};

static const struct key_kind key_kinds[] = {
    {"$string", 's', 4, false},
    {"$bits",   'b', 3, false},
    {"$hash",   'h', 3, false},
    {"$list",   'l', 3, false},
    {"$set",    't', 4, false},
    {"$zset",   'z', 4, false},
    {"$stream", 'e', 3, false},
    {"$geo",    'g', 2, true },
    {"$hll",    'p', 3, true },
    {"$lex",    'x', 2, true },
    {"$lcs",    'c', 3, true },
};
/* No NUL first: a stock server takes that for an end of a range, which is 0 then. */
static const struct bytes special_keys[] = {
    {"",           0},
    {"\xff\0\r\n", 4}
};

static void add_key_of(struct filling *f, const struct key_kind *kind)
{
    char name[2] = {kind->letter, (char)('1' + below(f, kind->count))};

    command_add(f->command, bytes_make(name, 2));
}

void add_any_key(struct filling *f)
{
    const struct key_kind *kind = &PICK(f, key_kinds);

    if (happens(f, 4)) {
        command_add(f->command, PICK(f, special_keys));
    } else if (happens(f, 3)) {
        command_add_text(f->command, "none");
    } else {
        add_key_of(f, kind->is_apart ? &key_kinds[below(f, KINDS_MIXED)] : kind);
    }
}

static void add_key(struct filling *f, const struct key_kind *kind)
{
    if (!kind->is_apart && happens(f, 8)) {
        add_any_key(f);
    } else {
        add_key_of(f, kind);
    }
}

static const struct key_kind *find_key_kind(struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(key_kinds); i++) {
        if (bytes_equal_text(name, key_kinds[i].kind)) {
            return &key_kinds[i];
        }
    }
    return NULL;
}

/* A number of keys, and so many of them; the number is wrong now and then. */
static void add_counted_keys(struct filling *f, const struct key_kind *kind)
{
    uint64_t count = 1 + below(f, 3);

    if (happens(f, 90)) {
        add_number(f, (int64_t)count);
    } else if (happens(f, 50)) {
        add_between(f, -1, 5);
    } else {
        add_wide_number(f);
    }
    for (uint64_t i = 0; i < count; i++) {
        add_key(f, kind);
    }
}

bool add_keys(struct filling *f, struct bytes kind)
{
    const struct key_kind *key = find_key_kind(kind);

    if (key != NULL) {
        add_key(f, key);
    } else if (bytes_has_prefix(kind, "$n:")) {
        char name[16];

        snprintf(name, sizeof(name), "$%.*s", BYTES_ARGS(bytes_from(kind, 3)));
        key = find_key_kind(bytes_from_text(name));
        ASSERT(key != NULL);
        add_counted_keys(f, key);
    }
    return key != NULL;
}

size_t words_all_keys(struct bytes out[WORDS_KEYS_MAX])
{
    static const char names[] =
        "s1s2s3s4b1b2b3h1h2h3l1l2l3t1t2t3t4z1z2z3z4e1e2e3g1g2p1p2p3x1x2c1c2c3";
    size_t count = 0;

    for (const char *at = names; *at != '\0'; at += 2) {
        out[count++] = bytes_make(at, 2);
    }
    for (size_t i = 0; i < COUNT_OF(special_keys); i++) {
        out[count++] = special_keys[i];
    }
    out[count++] = BYTES_LITERAL("none");
    ASSERT(count <= WORDS_KEYS_MAX);
    return count;
}
