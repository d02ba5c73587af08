/* SPDX-License-Identifier: MIT */
/* May a request go on?  This is on the way of every request of a user that is not allowed everything. */
#include "base/assert.h"
#include "base/num.h"
#include "session/acl_rules.h"

static bool has_first_arg(const struct acl_rules *rules, const struct acl_question *question)
{
    return question->arg_count > 1 && question->spec->kind != COMMAND_SUB &&
           acl_words_have_first_arg(&rules->words, bytes_from_text(question->spec->name),
                                    question->args[1]);
}

static bool allows_command(const struct acl_rules *rules, const struct acl_question *question)
{
    const struct command_spec *spec = question->spec;

    return LIKELY(bitset_has(rules->commands, spec->id)) ||
           (spec->flags & COMMAND_FLAG_NO_AUTH) != 0 || has_first_arg(rules, question);
}

/* ---- databases -------------------------------------------------------------------------------- */

static bool allows_database(const struct acl_rules *rules, uint64_t db)
{
    for (size_t i = 0; i < rules->databases.count; i++) {
        if (rules->databases.items[i] == db) {
            return true;
        }
    }
    return false;
}

/* A word that is no number of a database is the command's to refuse. */
static bool allows_database_word(const struct acl_rules *rules, const struct acl_question *question,
                                 size_t word)
{
    int64_t db;

    return word >= question->arg_count || !num_parse_i64(question->args[word], &db) || db < 0 ||
           allows_database(rules, (uint64_t)db);
}

/* The word behind DB in COPY, which may be there more than once; 0: none is refused. */
static size_t refused_copy(const struct acl_rules *rules, const struct acl_question *question)
{
    for (size_t i = 3; i + 1 < question->arg_count; i++) {
        if (bytes_equal_nocase(question->args[i], "DB") &&
            !allows_database_word(rules, question, i + 1)) {
            return i + 1;
        }
    }
    return 0;
}

/* What is done to all databases at once. */
static bool is_about_all_databases(enum command_id id)
{
    return id == COMMAND_FLUSHALL || id == COMMAND_CLUSTER_MIGRATESLOTS ||
           id == COMMAND_CLUSTER_CANCELSLOTMIGRATIONS || id == COMMAND_CLUSTER_MIGRATION;
}

/* Is it about what the database has?  What names keys is, whoever runs it (MIGRATE, WATCH, MEMORY USAGE); channels of
 * shards are keys for their slot alone. */
static bool is_about_database(const struct command_spec *spec)
{
    return spec->is_data || (command_has_keys(spec) && (spec->flags & COMMAND_FLAG_PUBSUB) == 0);
}

static struct acl_answer ask_databases(const struct acl_rules *rules,
                                       const struct acl_question *question)
{
    enum command_id id = question->spec->id;
    struct acl_answer refused = {.verdict = ACL_NO_DATABASE};

    if (is_about_all_databases(id)) {
        return refused;
    }
    if (id == COMMAND_SELECT || id == COMMAND_SWAPDB) {
        refused.word = allows_database_word(rules, question, 1) ? 2 : 1;
        return refused.word == 1 ||
                       (id == COMMAND_SWAPDB && !allows_database_word(rules, question, 2))
                   ? refused
                   : (struct acl_answer){0};
    }
    if (!is_about_database(question->spec)) {
        return (struct acl_answer){0};
    }
    if (!allows_database(rules, question->db)) {
        return refused;
    }
    if (id == COMMAND_MOVE && !allows_database_word(rules, question, 2)) {
        refused.word = 2;
        return refused;
    }
    refused.word = id == COMMAND_COPY ? refused_copy(rules, question) : 0;
    return refused.word > 0 ? refused : (struct acl_answer){0};
}

/* ---- keys ------------------------------------------------------------------------------------- */

/* What is told of a value is read, what changes it writes; a key that is only looked at asks for neither. */
static uint32_t access_of(uint32_t key_access)
{
    uint32_t access = key_access & KEY_ACCESS_ACCESS ? ACL_READS : 0U;

    if (key_access & (KEY_ACCESS_INSERT | KEY_ACCESS_DELETE | KEY_ACCESS_UPDATE)) {
        access |= ACL_WRITES;
    }
    return access;
}

static struct acl_answer ask_keys(const struct acl_rules *rules,
                                  const struct acl_question *question)
{
    const struct command_spec *spec = question->spec;
    struct command_keys keys = command_keys(spec, question->args, question->arg_count);

    for (size_t i = 0; i < keys.count; i++) {
        size_t word = command_key_at(&keys, i);
        uint32_t access = command_key_access(spec, question->args, question->arg_count, i);

        ASSERT(word < question->arg_count);
        if ((access & KEY_ACCESS_NOT_KEY) == 0 &&
            !acl_patterns_match(&rules->keys, question->args[word], access_of(access))) {
            return (struct acl_answer){.verdict = ACL_NO_KEY, .word = word};
        }
    }
    return (struct acl_answer){0};
}

/* ---- channels --------------------------------------------------------------------------------- */

bool acl_rules_allow_channel(const struct acl_rules *rules, struct bytes name, bool is_pattern)
{
    if (rules->flags & ACL_ALL_CHANNELS) {
        return true;
    }
    /* Which names two patterns have in common is not asked: it has to be the same text. */
    return is_pattern ? acl_patterns_find(&rules->channels, name) != NULL
                      : acl_patterns_match(&rules->channels, name, 0);
}

/* How many words behind the command's name are channels. */
static size_t channel_words(const struct acl_question *question)
{
    switch ((int)question->spec->id) {
    case COMMAND_SUBSCRIBE:
    case COMMAND_SSUBSCRIBE:
    case COMMAND_PSUBSCRIBE:
        return question->arg_count - 1;
    case COMMAND_PUBLISH:
    case COMMAND_SPUBLISH:
        return 1;
    default:
        return 0; /* who listens no more needs no right to */
    }
}

static struct acl_answer ask_channels(const struct acl_rules *rules,
                                      const struct acl_question *question)
{
    size_t count = channel_words(question);

    ASSERT(count < question->arg_count);
    for (size_t word = 1; word <= count; word++) {
        if (!acl_rules_allow_channel(rules, question->args[word],
                                     question->spec->id == COMMAND_PSUBSCRIBE)) {
            return (struct acl_answer){.verdict = ACL_NO_CHANNEL, .word = word};
        }
    }
    return (struct acl_answer){0};
}

struct acl_answer acl_rules_ask(const struct acl_rules *rules, const struct acl_question *question)
{
    struct acl_answer answer = {0};

    if (!allows_command(rules, question)) {
        return (struct acl_answer){.verdict = ACL_NO_COMMAND};
    }
    if ((rules->flags & ACL_ALL_DATABASES) == 0) {
        answer = ask_databases(rules, question);
    }
    if (answer.verdict == ACL_ALLOWED && (rules->flags & ACL_ALL_KEYS) == 0 &&
        command_has_keys(question->spec)) {
        answer = ask_keys(rules, question);
    }
    if (answer.verdict == ACL_ALLOWED && (rules->flags & ACL_ALL_CHANNELS) == 0 &&
        (question->spec->flags & COMMAND_FLAG_PUBSUB) != 0) {
        answer = ask_channels(rules, question);
    }
    return answer;
}
