/* SPDX-License-Identifier: MIT */
/* Words to rules and back.  Asking them is in acl_ask.c. */
#include "session/acl_rules.h"

#include "base/assert.h"
#include "base/num.h"
#include "spec/command_docs.h"

#include <stdlib.h>

const char *acl_status_text(enum acl_status status)
{
    static const char *const texts[] = {
        [ACL_OK] = "OK",
        [ACL_SYNTAX] = "Syntax error",
        [ACL_UNKNOWN_COMMAND] = "Unknown command or category name in ACL",
        [ACL_KEYS_ARE_ALL] =
            "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does "
            "not "
            "have any effect. Try 'resetkeys' to start with an empty list of patterns",
        [ACL_CHANNELS_ARE_ALL] =
            "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and "
            "does "
            "not have any effect. Try 'resetchannels' to start with an empty list of channels",
        [ACL_FIRST_ARG_OF_SUB] = "Allowing first-arg of a subcommand is not supported",
        [ACL_NO_SUCH_PASSWORD] =
            "The password you are trying to remove from the user does not exist",
        [ACL_BAD_HASH] = "The password hash must be exactly 64 characters and contain only "
                         "lowercase hexadecimal characters",
    };

    ASSERT((size_t)status < ARRAY_COUNT(texts));
    return texts[status];
}

/* ---- life ------------------------------------------------------------------------------------- */

void acl_rules_init(struct acl_rules *rules, bool has_channels)
{
    *rules =
        (struct acl_rules){.flags = ACL_ALL_DATABASES | (has_channels ? ACL_ALL_CHANNELS : 0U)};
}

void acl_rules_deinit(struct acl_rules *rules)
{
    acl_words_clear(&rules->words);
    acl_patterns_clear(&rules->keys);
    acl_patterns_clear(&rules->channels);
    VEC_DEINIT(&rules->databases);
    *rules = (struct acl_rules){0};
}

void acl_rules_copy(const struct acl_rules *rules, struct acl_rules *out)
{
    *out = (struct acl_rules){.flags = rules->flags};
    memcpy(out->commands, rules->commands, sizeof(out->commands));
    acl_words_copy(&rules->words, &out->words);
    acl_patterns_copy(&rules->keys, &out->keys);
    acl_patterns_copy(&rules->channels, &out->channels);
    for (size_t i = 0; i < rules->databases.count; i++) {
        VEC_PUSH(&out->databases, rules->databases.items[i]);
    }
}

/* ---- commands --------------------------------------------------------------------------------- */

/* Rules are words with blanks between them, also in files. */
static bool has_blank(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0' || text.data[i] == ' ' ||
            (text.data[i] >= '\t' && text.data[i] <= '\r')) {
            return true;
        }
    }
    return false;
}

static void set_bit(struct acl_rules *rules, enum command_id id, bool is_allowed)
{
    const struct command_spec *spec = command_spec(id);

    if (spec->kind != COMMAND_SUB) {
        acl_words_end_first_args(&rules->words, bytes_from_text(spec->name));
    }
    if (is_allowed) {
        bitset_add(rules->commands, id);
    } else {
        bitset_remove(rules->commands, id);
    }
}

/* A command, and with it all its subcommands. */
static void set_command(struct acl_rules *rules, const struct command_spec *spec, bool is_allowed)
{
    set_bit(rules, spec->id, is_allowed);
    for (int id = 0; spec->kind == COMMAND_CONTROL && id < COMMAND_COUNT; id++) {
        if (command_spec((enum command_id)id)->parent == spec->id) {
            set_bit(rules, (enum command_id)id, is_allowed);
        }
    }
}

static void set_all(struct acl_rules *rules, bool is_allowed)
{
    acl_words_clear(&rules->words);
    memset(rules->commands, 0, sizeof(rules->commands));
    for (int id = 0; is_allowed && id < COMMAND_COUNT; id++) {
        bitset_add(rules->commands, (size_t)id);
    }
    rules->flags &= ~(uint32_t)ACL_BEGINS_WITH_ALL;
    rules->flags |= is_allowed ? ACL_BEGINS_WITH_ALL : 0U;
}

static enum acl_status set_category(struct acl_rules *rules, struct bytes name, bool is_allowed)
{
    size_t index = 0;

    if (bytes_equal_nocase(name, "@all")) {
        set_all(rules, is_allowed);
        return ACL_OK;
    }
    while (index < CATEGORY_COUNT &&
           !bytes_equal_nocase(bytes_from(name, 1), category_name(index))) {
        index++;
    }
    if (index == CATEGORY_COUNT) {
        return ACL_UNKNOWN_COMMAND;
    }
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        if (command_categories(spec) & (UINT32_C(1) << index)) {
            set_command(rules, spec, is_allowed);
        }
    }
    acl_words_add(&rules->words, is_allowed, name);
    return ACL_OK;
}

/* "select|0": a command without subcommands, and the word behind its name. */
static enum acl_status add_first_arg(struct acl_rules *rules, struct bytes name)
{
    size_t last = name.len;
    const struct command_spec *spec;

    while (name.data[last - 1] != '|') {
        last--;
    }
    spec = command_find_full(bytes_prefix(name, last - 1));
    if (spec != NULL && spec->kind != COMMAND_SUB && last == name.len) {
        return ACL_SYNTAX;
    }
    if (spec == NULL || (spec->kind == COMMAND_CONTROL && command_has_subcommands(spec))) {
        return ACL_UNKNOWN_COMMAND;
    }
    if (spec->kind == COMMAND_SUB) {
        return ACL_FIRST_ARG_OF_SUB;
    }
    if (has_blank(name)) {
        return ACL_SYNTAX;
    }
    acl_words_add_first_arg(&rules->words, name);
    return ACL_OK;
}

static enum acl_status set_commands(struct acl_rules *rules, struct bytes name, bool is_allowed)
{
    const struct command_spec *spec;
    char full[COMMAND_FULL_NAME_SIZE];

    if (name.len > 0 && name.data[0] == '@') {
        return set_category(rules, name, is_allowed);
    }
    spec = command_find_full(name);
    if (spec == NULL) {
        return is_allowed && bytes_find_byte(name, '|') != SIZE_MAX ? add_first_arg(rules, name)
                                                                    : ACL_UNKNOWN_COMMAND;
    }
    set_command(rules, spec, is_allowed);
    command_full_name(spec, full, sizeof(full));
    acl_words_add(&rules->words, is_allowed, bytes_from_text(full));
    return ACL_OK;
}

/* ---- patterns and databases ------------------------------------------------------------------- */

/* "~..." is for both; "%R~...", "%W~...", "%RW~..." say what for. */
static enum acl_status add_keys(struct acl_rules *rules, struct bytes word)
{
    uint32_t access = word.data[0] == '~' ? ACL_READS | ACL_WRITES : 0;
    size_t at = 1;
    struct bytes text;

    if (rules->flags & ACL_ALL_KEYS) {
        return ACL_KEYS_ARE_ALL;
    }
    for (; word.data[0] == '%' && at < word.len; at++) {
        char c = word.data[at];
        uint32_t more = c == 'R' || c == 'r' ? ACL_READS : c == 'W' || c == 'w' ? ACL_WRITES : 0;

        if (c == '~' && access != 0) {
            at++;
            break;
        }
        if (more == 0 || (access & more) != 0) {
            return ACL_SYNTAX;
        }
        access |= more;
    }
    text = bytes_from(word, at);
    if (access == 0 || has_blank(text)) {
        return ACL_SYNTAX;
    }
    acl_patterns_add(&rules->keys, text, access);
    return ACL_OK;
}

static enum acl_status add_channels(struct acl_rules *rules, struct bytes text)
{
    if (rules->flags & ACL_ALL_CHANNELS) {
        return ACL_CHANNELS_ARE_ALL;
    }
    if (has_blank(text)) {
        return ACL_SYNTAX;
    }
    acl_patterns_add(&rules->channels, text, 0);
    return ACL_OK;
}

static int compare_databases(const void *a, const void *b)
{
    unsigned first = *(const unsigned *)a;
    unsigned second = *(const unsigned *)b;

    return first < second ? -1 : first > second;
}

/* "0,1": these and no others. */
static enum acl_status set_databases(struct acl_rules *rules, struct bytes list)
{
    VEC(unsigned) numbers = {0};
    size_t kept = 0;
    bool goes_on = true;

    while (goes_on) {
        size_t comma = bytes_find_byte(list, ',');
        int64_t number;

        goes_on = comma != SIZE_MAX;
        if (!num_parse_i64(bytes_prefix(list, goes_on ? comma : list.len), &number) || number < 0 ||
            number >= ACL_DATABASES_MAX || numbers.count == ACL_DATABASES_MAX) {
            VEC_DEINIT(&numbers);
            return ACL_SYNTAX;
        }
        list = bytes_from(list, goes_on ? comma + 1 : list.len);
        VEC_PUSH(&numbers, (unsigned)number);
    }
    qsort(numbers.items, numbers.count, sizeof(*numbers.items), compare_databases);
    rules->databases.count = 0;
    for (size_t i = 0; i < numbers.count; i++) {
        if (i == 0 || numbers.items[i] != numbers.items[kept - 1]) {
            numbers.items[kept++] = numbers.items[i];
            VEC_PUSH(&rules->databases, numbers.items[i]);
        }
    }
    rules->flags &= ~(uint32_t)ACL_ALL_DATABASES;
    VEC_DEINIT(&numbers);
    return ACL_OK;
}

static void set_flag(struct acl_rules *rules, enum acl_rules_flags flag, bool is_all)
{
    if (flag == ACL_ALL_KEYS) {
        acl_patterns_clear(&rules->keys);
    } else if (flag == ACL_ALL_CHANNELS) {
        acl_patterns_clear(&rules->channels);
    } else {
        VEC_DEINIT(&rules->databases);
    }
    rules->flags = (rules->flags & ~(uint32_t)flag) | (is_all ? (uint32_t)flag : 0);
}

/* Words that stand for themselves; false: it is none of them. */
static bool set_named(struct acl_rules *rules, struct bytes word)
{
    static const struct {
        const char *name;
        enum acl_rules_flags flag;
        bool is_all;
    } names[] = {
        {"allkeys",       ACL_ALL_KEYS,      true },
        {"~*",            ACL_ALL_KEYS,      true },
        {"resetkeys",     ACL_ALL_KEYS,      false},
        {"allchannels",   ACL_ALL_CHANNELS,  true },
        {"&*",            ACL_ALL_CHANNELS,  true },
        {"resetchannels", ACL_ALL_CHANNELS,  false},
        {"alldbs",        ACL_ALL_DATABASES, true },
        {"resetdbs",      ACL_ALL_DATABASES, false},
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (bytes_equal_nocase(word, names[i].name)) {
            set_flag(rules, names[i].flag, names[i].is_all);
            return true;
        }
    }
    if (bytes_equal_nocase(word, "allcommands") || bytes_equal_nocase(word, "nocommands")) {
        set_all(rules, bytes_equal_nocase(word, "allcommands"));
        return true;
    }
    return false;
}

enum acl_status acl_rules_set(struct acl_rules *rules, struct bytes word)
{
    if (word.len == 0 || set_named(rules, word)) {
        return ACL_OK;
    }
    if (word.len >= 3 && bytes_equal_nocase(bytes_prefix(word, 3), "db=")) {
        return set_databases(rules, bytes_from(word, 3));
    }
    switch (word.data[0]) {
    case '~':
    case '%':
        return add_keys(rules, word);
    case '&':
        return add_channels(rules, bytes_from(word, 1));
    case '+':
    case '-':
        return set_commands(rules, bytes_from(word, 1), word.data[0] == '+');
    default:
        return ACL_SYNTAX;
    }
}

bool acl_rules_allow_all(const struct acl_rules *rules)
{
    const uint32_t all = ACL_ALL_KEYS | ACL_ALL_CHANNELS | ACL_ALL_DATABASES;

    return (rules->flags & all) == all &&
           bitset_count(rules->commands, ARRAY_COUNT(rules->commands)) == COMMAND_COUNT;
}

/* ---- as words --------------------------------------------------------------------------------- */

void acl_rules_format_keys(const struct acl_rules *rules, struct buf *out)
{
    if (rules->flags & ACL_ALL_KEYS) {
        buf_append_text(out, "~*");
    }
    for (size_t i = 0; i < rules->keys.all.count; i++) {
        const struct acl_pattern *pattern = rules->keys.all.items[i];

        buf_append_text(out, i > 0 ? " " : "");
        buf_append_text(out, pattern->access == ACL_READS    ? "%R~"
                             : pattern->access == ACL_WRITES ? "%W~"
                             : bytes_equal_text(acl_pattern_text(pattern), "*")
                                 ? "%RW~" /* "~*" would drop the other patterns */
                                 : "~");
        buf_append_bytes(out, acl_pattern_text(pattern));
    }
}

void acl_rules_format_channels(const struct acl_rules *rules, struct buf *out)
{
    if (rules->flags & ACL_ALL_CHANNELS) {
        buf_append_text(out, "&*");
    }
    for (size_t i = 0; i < rules->channels.all.count; i++) {
        buf_append_text(out, i > 0 ? " &" : "&");
        buf_append_bytes(out, acl_pattern_text(rules->channels.all.items[i]));
    }
}

void acl_rules_format_databases(const struct acl_rules *rules, struct buf *out)
{
    if (rules->flags & ACL_ALL_DATABASES) {
        buf_append_text(out, "alldbs");
    } else if (rules->databases.count == 0) {
        buf_append_text(out, "resetdbs");
    }
    for (size_t i = 0; i < rules->databases.count; i++) {
        buf_printf(out, "%s%u", i > 0 ? "," : "db=", rules->databases.items[i]);
    }
}

void acl_rules_format_commands(const struct acl_rules *rules, struct buf *out)
{
    buf_append_text(out, rules->flags & ACL_BEGINS_WITH_ALL ? "+@all" : "-@all");
    acl_words_format(&rules->words, out);
}

void acl_rules_format(const struct acl_rules *rules, struct buf *out)
{
    size_t before = out->len;

    acl_rules_format_keys(rules, out);
    buf_append_text(out, out->len > before ? " " : "");
    if ((rules->flags & ACL_ALL_CHANNELS) == 0) {
        buf_append_text(out, "resetchannels ");
    }
    before = out->len;
    acl_rules_format_channels(rules, out);
    buf_append_text(out, out->len > before ? " " : "");
    if ((rules->flags & ACL_ALL_DATABASES) == 0) {
        acl_rules_format_databases(rules, out);
        buf_append_byte(out, ' ');
    }
    acl_rules_format_commands(rules, out);
}

void acl_rules_check(const struct acl_rules *rules)
{
    ASSERT(rules->keys.all.count == 0 || (rules->flags & ACL_ALL_KEYS) == 0);
    ASSERT(rules->channels.all.count == 0 || (rules->flags & ACL_ALL_CHANNELS) == 0);
    ASSERT(rules->databases.count == 0 || (rules->flags & ACL_ALL_DATABASES) == 0);
    for (size_t i = 1; i < rules->databases.count; i++) {
        ASSERT(rules->databases.items[i - 1] < rules->databases.items[i]);
    }
    acl_words_check(&rules->words);
    acl_patterns_check(&rules->keys);
    acl_patterns_check(&rules->channels);
}
