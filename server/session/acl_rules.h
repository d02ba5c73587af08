/* SPDX-License-Identifier: MIT */
/* One set of rules about what may be done: commands, keys, channels, databases.
 *
 * A user has one, and perhaps further ones ("selectors"), each of which may allow a request by itself.  Rules
 * are words, as ACL SETUSER takes them; each changes the set at once, and what it comes to is compiled: a bit
 * a command and subcommand, patterns with what they are for (acl_patterns.h).  How the set is written is kept
 * beside it (acl_words.h).
 *
 * Invariants:  (1) no pattern of keys while all keys are allowed, nor of channels, nor a database
 *              (2) the words that it is written as make the same set again
 *              (3) databases ascend, none is there twice
 * Owned by value; owns its texts. */
#ifndef STARLING_SESSION_ACL_RULES_H
#define STARLING_SESSION_ACL_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bitset.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/vec.h"
#include "session/acl_patterns.h"
#include "session/acl_words.h"
#include "spec/command.h"

enum acl_rules_flags {
    ACL_ALL_KEYS = 1 << 0,
    ACL_ALL_CHANNELS = 1 << 1,
    ACL_ALL_DATABASES = 1 << 2,
    ACL_BEGINS_WITH_ALL = 1 << 3, /* its first word about commands is +@all, else -@all */
};

/* What a pattern of keys is for. */
enum acl_access {
    ACL_READS = 1 << 0,
    ACL_WRITES = 1 << 1,
};

struct acl_rules {
    uint32_t flags;
    uint64_t commands[BITSET_WORDS(COMMAND_COUNT)];
    struct acl_words words; /* about commands, behind +@all or -@all */
    struct acl_patterns keys;
    struct acl_patterns channels;
    VEC(unsigned) databases;
};

enum acl_status {
    ACL_OK = 0,
    ACL_SYNTAX,
    ACL_UNKNOWN_COMMAND, /* or category */
    ACL_KEYS_ARE_ALL,    /* a pattern would add nothing */
    ACL_CHANNELS_ARE_ALL,
    ACL_FIRST_ARG_OF_SUB,
    ACL_NO_SUCH_PASSWORD, /* of users: session/acl_user.h */
    ACL_BAD_HASH,
};
/* The status in words. */
const char *acl_status_text(enum acl_status status);

enum {
    ACL_DATABASES_MAX = 1024 * 1024, /* no number of a database is as great */
};

/* Nothing is allowed, but for what asks for no rights; every database. */
void acl_rules_init(struct acl_rules *rules, bool has_channels);
void acl_rules_deinit(struct acl_rules *rules);
/* *out, which holds nothing yet, becomes the same. */
void acl_rules_copy(const struct acl_rules *rules, struct acl_rules *out);
/* One word; when it is refused nothing has changed. */
MUST_USE enum acl_status acl_rules_set(struct acl_rules *rules, struct bytes word);
/* Is everything allowed? */
bool acl_rules_allow_all(const struct acl_rules *rules);

/* Who may not do it, in the order of how far a request came. */
enum acl_verdict {
    ACL_ALLOWED = 0,
    ACL_NO_COMMAND,
    ACL_NO_DATABASE,
    ACL_NO_KEY,
    ACL_NO_CHANNEL,
};

struct acl_question {
    const struct command_spec *spec; /* the subcommand's, when there is one */
    const struct bytes *args;        /* as many as the command's arity asks for */
    size_t arg_count;
    unsigned db; /* selected */
};

struct acl_answer {
    enum acl_verdict verdict;
    size_t
        word; /* the key or channel that is refused; of a database its number, or the selected one's 0 */
};

struct acl_answer acl_rules_ask(const struct acl_rules *rules, const struct acl_question *question);
/* May a client listen to the channel, or to a pattern that is written so? */
bool acl_rules_allow_channel(const struct acl_rules *rules, struct bytes name, bool is_pattern);

/* As words: keys, channels, databases, commands; and each of them alone, as ACL GETUSER has it. */
void acl_rules_format(const struct acl_rules *rules, struct buf *out);
void acl_rules_format_keys(const struct acl_rules *rules, struct buf *out);
void acl_rules_format_channels(const struct acl_rules *rules, struct buf *out);
void acl_rules_format_databases(const struct acl_rules *rules, struct buf *out);
void acl_rules_format_commands(const struct acl_rules *rules, struct buf *out);

void acl_rules_check(const struct acl_rules *rules);

#endif
