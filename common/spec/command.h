/* SPDX-License-Identifier: MIT */
/* The command table: facts about commands, no behaviour.
 *
 * Commands are numbered: data commands first, then control commands, then subcommands, each
 * in the order of commands.def.  The table is constant. */
#ifndef STARLING_SPEC_COMMAND_H
#define STARLING_SPEC_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define DATA(id, ...)        COMMAND_##id,
#define CONTROL(id, ...)     COMMAND_##id,
#define SUB(parent, id, ...) COMMAND_##parent##_##id,
#define DATA_SUB             SUB
enum command_id {
#include "spec/commands.def"
    COMMAND_COUNT
};
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB

enum command_flags {
    COMMAND_FLAG_WRITE = 1 << 0,    /* may change data */
    COMMAND_FLAG_READONLY = 1 << 1, /* reads data */
    COMMAND_FLAG_DENYOOM = 1 << 2,  /* may add data: refused when memory is short */
    COMMAND_FLAG_ADMIN = 1 << 3,
    COMMAND_FLAG_FAST = 1 << 4,     /* constant or logarithmic time */
    COMMAND_FLAG_LOADING = 1 << 5,  /* allowed while data is being loaded */
    COMMAND_FLAG_STALE = 1 << 6,    /* allowed on a replica that must not serve stale data */
    COMMAND_FLAG_NO_AUTH = 1 << 7,  /* allowed before authentication */
    COMMAND_FLAG_BLOCKING = 1 << 8, /* its reply may be held */
    COMMAND_FLAG_DANGEROUS = 1 << 9,
    COMMAND_FLAG_NOSCRIPT = 1 << 10,          /* not in scripts */
    COMMAND_FLAG_NO_ASYNC = 1 << 11,          /* not while a replica loads beside its old data */
    COMMAND_FLAG_NO_MULTI = 1 << 12,          /* not in transactions */
    COMMAND_FLAG_ALLOW_BUSY = 1 << 13,        /* also while a script runs for too long */
    COMMAND_FLAG_NO_MANDATORY_KEYS = 1 << 14, /* a request may have no keys at all */
    COMMAND_FLAG_PUBSUB = 1 << 15,            /* about channels; what it names are none of keys */
    COMMAND_FLAG_SKIP_SLOWLOG = 1 << 16, /* what it runs is noted there, not the command itself */
};

/* How the keys of a request are found. */
enum key_form {
    KEY_FORM_NONE,    /* there are none */
    KEY_FORM_RANGE,   /* at places that are the same in every request, the other forms' move */
    KEY_FORM_COUNTED, /* a word says how many follow it; perhaps one more stands before that word */
    KEY_FORM_HALF,    /* of the words behind a keyword, the first half */
    KEY_FORM_OPTION,  /* one at a fixed place, perhaps one more behind a keyword, which may stand
                       * anywhere among the options */
    KEY_FORM_SORTING, /* the same; there are more, but their names are known to the command alone */
    KEY_FORM_LISTED,  /* one at a fixed place; when that is empty, all words behind a keyword */
};

/* What a command does to the value of a key. */
enum key_access {
    KEY_ACCESS_RO = 1 << 0,     /* reads it */
    KEY_ACCESS_RW = 1 << 1,     /* reads and changes it */
    KEY_ACCESS_OW = 1 << 2,     /* overwrites it */
    KEY_ACCESS_RM = 1 << 3,     /* removes it */
    KEY_ACCESS_ACCESS = 1 << 4, /* its content is told, or copied to another key */
    KEY_ACCESS_UPDATE = 1 << 5,
    KEY_ACCESS_INSERT = 1 << 6,
    KEY_ACCESS_DELETE = 1 << 7,
    KEY_ACCESS_VARIABLE = 1 << 8,   /* less of this with some options */
    KEY_ACCESS_INCOMPLETE = 1 << 9, /* there may be keys that cannot be found in this way */
    KEY_ACCESS_NOT_KEY = 1 << 10,   /* it is a channel, which is routed as a key is */
};

enum command_group {
    COMMAND_GROUP_GENERIC,
    COMMAND_GROUP_STRING,
    COMMAND_GROUP_LIST,
    COMMAND_GROUP_HASH,
    COMMAND_GROUP_SET,
    COMMAND_GROUP_SORTED_SET,
    COMMAND_GROUP_STREAM,
    COMMAND_GROUP_BITMAP,
    COMMAND_GROUP_HYPERLOGLOG,
    COMMAND_GROUP_GEO,
    COMMAND_GROUP_PUBSUB,
    COMMAND_GROUP_TRANSACTIONS,
    COMMAND_GROUP_CONNECTION,
    COMMAND_GROUP_SERVER,
    COMMAND_GROUP_REPLICATION,
    COMMAND_GROUP_CLUSTER,
    COMMAND_GROUP_COUNT,
};

enum command_kind {
    COMMAND_DATA,
    COMMAND_CONTROL,
    COMMAND_SUB,
};

struct command_spec {
    enum command_id id;
    enum command_kind kind;
    enum command_id parent; /* of a subcommand; else the command itself */
    enum command_group group;
    bool is_data;     /* runs in server/command; never true of a container */
    const char *name; /* lower case; of a subcommand without its parent's */
    int arity;
    uint32_t flags;
    enum key_form key_form;
    int first_key, last_key, key_step; /* of keys that do not move; all 0 when each does */
    uint16_t first_access;             /* enum key_access: of the first key, */
    uint16_t rest_access;              /* and of those behind it */
    int key_number;                    /* COUNTED: the word that says how many keys follow, */
    int key_number_step;               /* one in so many words */
    const char *key_words[2];          /* other forms: the keyword, or one of the two, */
    int key_words_from;                /* which is not looked for before this word */
    const char *since;
    const char *arguments;
    const char *summary;
};

/* The row of an id. */
const struct command_spec *command_spec(enum command_id id);
/* By name, case folded; NULL when there is none.  One probe. */
const struct command_spec *command_find(struct bytes name);
/* The subcommand of a container; NULL when there is none. */
const struct command_spec *command_find_sub(const struct command_spec *parent, struct bytes name);
bool command_has_subcommands(const struct command_spec *spec);
/* What words call whose first is spec's name: a subcommand where it has some; NULL when there is none, or no spec. */
const struct command_spec *command_called(const struct command_spec *spec,
                                          const struct bytes *words, size_t count);
size_t command_sub_count(const struct command_spec *spec);
/* How many commands there are, without subcommands. */
size_t command_top_count(void);
/* "get" or "client|list": of any row, and back; NULL when there is none. */
enum {
    COMMAND_FULL_NAME_SIZE = 64
};
void command_full_name(const struct command_spec *spec, char *out, size_t size);
const struct command_spec *command_find_full(struct bytes name);
/* Does a request of so many words (with the command's name) fit? */
bool command_arity_fits(const struct command_spec *spec, size_t word_count);

static inline bool command_has_keys(const struct command_spec *spec)
{
    return spec->key_form != KEY_FORM_NONE;
}

/* One key, at the same place in each request that is long enough for the command? */
static inline bool command_has_one_key(const struct command_spec *spec)
{
    return spec->key_form == KEY_FORM_RANGE && spec->first_key == spec->last_key;
}

/* May keys stand at other places than first_key and so on tell? */
static inline bool command_moves_keys(const struct command_spec *spec)
{
    return spec->key_form > KEY_FORM_RANGE;
}

/* May it read keys besides those that can be found, by names that are made of values? */
static inline bool command_has_hidden_keys(const struct command_spec *spec)
{
    return spec->key_form == KEY_FORM_SORTING;
}

/* Where the keys of a request are: the first is word first, number i > 0 is word
 * rest + (i - 1) * step; each i < count is there.  All-zero when the request has no keys, ends before
 * the first, or says how many there are in a way that cannot be: that request is refused by its command. */
struct command_keys {
    size_t first;
    size_t count;
    size_t step;
    size_t rest;
};
struct command_keys command_keys(const struct command_spec *spec, const struct bytes *words,
                                 size_t word_count);

/* What the request does to its key number i: enum key_access, without VARIABLE. */
uint32_t command_key_access(const struct command_spec *spec, const struct bytes *words,
                            size_t word_count, size_t i);

/* The word that is key number i. */
static inline size_t command_key_at(const struct command_keys *keys, size_t i)
{
    return i == 0 ? keys->first : keys->rest + (i - 1) * keys->step;
}

#endif
