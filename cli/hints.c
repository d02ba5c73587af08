/* SPDX-License-Identifier: MIT */
/* The arguments of a command are one text, such as "key value [NX|XX] [EX seconds|PX ms]": its
 * tokens are split at blanks outside brackets. */
#include "cli/hints.h"

#include "base/attr.h"
#include "spec/command_docs.h"

#include <ctype.h>

static const char *const own_words[] = {"help", "clear", "quit", "exit", "connect"};

static bool has_prefix_nocase(const char *name, struct bytes prefix)
{
    for (size_t i = 0; i < prefix.len; i++) {
        if (name[i] == '\0' || tolower((unsigned char)prefix.data[i]) != name[i]) {
            return false;
        }
    }
    return true;
}

static bool is_blank(char c)
{
    return isspace((unsigned char)c) != 0;
}

/* The next word between blanks; quotes mean nothing here, as names have none. */
static struct bytes next_word(struct bytes *rest)
{
    size_t start = 0;
    size_t end;
    struct bytes word;

    while (start < rest->len && is_blank(rest->data[start])) {
        start++;
    }
    end = start;
    while (end < rest->len && !is_blank(rest->data[end])) {
        end++;
    }
    word = bytes_make(start > 0 ? rest->data + start : rest->data, end - start);
    *rest = bytes_from(*rest, end);
    return word;
}

/* ---- completion -------------------------------------------------------------------------------- */

/* Names to choose from, counted down: the one where left reaches 0 is the n-th. */
struct choice {
    struct bytes head; /* the line in front of the word */
    struct bytes stem; /* what is typed of it */
    size_t left;
    struct buf *out;
};

static bool offer(struct choice *choice, const char *mark, const char *name)
{
    bool is_lower = choice->stem.len == 0 || islower((unsigned char)choice->stem.data[0]) != 0;

    if (!has_prefix_nocase(name, choice->stem)) {
        return false;
    }
    if (choice->left > 0) {
        choice->left--;
        return false;
    }
    buf_append_bytes(choice->out, choice->head);
    buf_append_text(choice->out, mark);
    for (const char *at = name; *at != '\0'; at++) {
        buf_append_byte(choice->out, is_lower ? *at : (char)toupper((unsigned char)*at));
    }
    return true;
}

/* Commands, or the subcommands of parent. */
static bool offer_commands(struct choice *choice, const struct command_spec *parent)
{
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);
        bool is_candidate = parent == NULL
                                ? spec->kind != COMMAND_SUB
                                : spec->kind == COMMAND_SUB && spec->parent == parent->id;

        if (is_candidate && offer(choice, "", spec->name)) {
            return true;
        }
    }
    return false;
}

static bool offer_groups(struct choice *choice)
{
    for (size_t i = 0; i < COMMAND_GROUP_COUNT; i++) {
        if (offer(choice, "@", command_group_name((enum command_group)i))) {
            return true;
        }
    }
    return false;
}

static bool offer_first(struct choice *choice)
{
    if (choice->stem.len == 0) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(own_words); i++) {
        if (offer(choice, "", own_words[i])) {
            return true;
        }
    }
    return offer_commands(choice, NULL);
}

bool hints_complete(struct bytes line, size_t n, struct buf *out)
{
    size_t start = line.len;
    struct choice choice = {.left = n, .out = out};
    struct bytes rest;
    struct bytes first;
    const struct command_spec *spec;

    while (start > 0 && !is_blank(line.data[start - 1])) {
        start--;
    }
    choice.head = bytes_prefix(line, start);
    choice.stem = bytes_from(line, start);
    rest = choice.head;
    first = next_word(&rest);
    if (first.len == 0) {
        return offer_first(&choice);
    }
    if (bytes_equal_nocase(first, "help") || bytes_equal_text(first, "?")) {
        struct bytes second = next_word(&rest);

        if (second.len == 0 && choice.stem.len > 0 && choice.stem.data[0] == '@') {
            choice.stem = bytes_from(choice.stem, 1);
            return offer_groups(&choice);
        }
        spec = second.len > 0 ? command_find(second) : NULL;
        return second.len > 0 && spec == NULL ? false : offer_commands(&choice, spec);
    }
    spec = command_find(first);
    return spec != NULL && next_word(&rest).len == 0 && offer_commands(&choice, spec);
}

/* ---- hints ------------------------------------------------------------------------------------- */

/* The next token of the arguments, brackets kept together. */
static struct bytes next_token(struct bytes *rest)
{
    size_t start = 0;
    size_t end;
    int depth = 0;
    struct bytes token;

    while (start < rest->len && rest->data[start] == ' ') {
        start++;
    }
    for (end = start; end < rest->len && (depth > 0 || rest->data[end] != ' '); end++) {
        depth += rest->data[end] == '[' ? 1 : rest->data[end] == ']' ? -1 : 0;
    }
    token = bytes_make(start > 0 ? rest->data + start : rest->data, end - start);
    *rest = bytes_from(*rest, end);
    return token;
}

void hints_write_missing(struct bytes line, struct bytes rest, struct bytes arguments,
                         struct buf *out)
{
    while (next_word(&rest).len > 0) {
        struct bytes before = arguments;
        struct bytes token = next_token(&arguments);

        if (token.len > 0 && token.data[0] == '[') {
            arguments = before; /* which option was meant, words alone do not say */
            break;
        }
    }
    arguments = bytes_trim(arguments);
    if (arguments.len > 0) {
        buf_append_text(out, is_blank(line.data[line.len - 1]) ? "" : " ");
        buf_append_bytes(out, arguments);
    }
}

void hints_write(struct bytes line, struct buf *out)
{
    struct bytes rest = line;
    const struct command_spec *spec = command_find(next_word(&rest));
    const struct command_spec *sub = NULL;
    struct bytes after_sub = rest;

    if (spec == NULL || line.len == 0) {
        return;
    }
    if (command_has_subcommands(spec)) {
        sub = command_find_sub(spec, next_word(&after_sub));
    }
    if (sub != NULL) {
        rest = after_sub;
        spec = sub;
    }
    hints_write_missing(line, rest, bytes_from_text(spec->arguments), out);
}

bool hints_know(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_COUNT(own_words); i++) {
        if (bytes_equal_nocase(name, own_words[i])) {
            return true;
        }
    }
    return command_find(name) != NULL || bytes_equal_text(name, "?") ||
           bytes_equal_nocase(name, ":set");
}

/* ---- help -------------------------------------------------------------------------------------- */

static void write_command(const struct command_spec *spec, bool has_group, struct buf *out)
{
    buf_append_text(out, "\n  ");
    if (spec->kind == COMMAND_SUB) {
        const struct command_spec *parent = command_spec(spec->parent);

        for (const char *at = parent->name; *at != '\0'; at++) {
            buf_append_byte(out, (char)toupper((unsigned char)*at));
        }
        buf_append_byte(out, ' ');
    }
    for (const char *at = spec->name; *at != '\0'; at++) {
        buf_append_byte(out, (char)toupper((unsigned char)*at));
    }
    buf_printf(out, "%s%s\n  summary: %s\n  since: %s\n", spec->arguments[0] != '\0' ? " " : "",
               spec->arguments, spec->summary, spec->since);
    if (has_group) {
        buf_printf(out, "  group: %s\n", command_group_name(spec->group));
    }
}

static void write_group(struct bytes name, struct buf *out)
{
    size_t group = 0;

    while (group < COMMAND_GROUP_COUNT &&
           !bytes_equal_nocase(name, command_group_name((enum command_group)group))) {
        group++;
    }
    if (group == COMMAND_GROUP_COUNT) {
        buf_append_text(out, "There is no such group of commands. Groups:");
        for (size_t i = 0; i < COMMAND_GROUP_COUNT; i++) {
            buf_printf(out, " @%s", command_group_name((enum command_group)i));
        }
        buf_append_byte(out, '\n');
        return;
    }
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        if ((size_t)spec->group == group) {
            write_command(spec, false, out);
        }
    }
    buf_append_byte(out, '\n');
}

static void write_topic(const struct bytes *words, size_t word_count, struct buf *out)
{
    const struct command_spec *spec = command_find(words[0]);
    const struct command_spec *sub =
        spec != NULL && word_count > 1 ? command_find_sub(spec, words[1]) : NULL;

    if (spec == NULL || (word_count > 1 && sub == NULL)) {
        buf_append_text(out, "There is no help about that; \"help @<group>\" lists commands.\n");
        return;
    }
    write_command(sub != NULL ? sub : spec, true, out);
    for (int id = 0; sub == NULL && id < COMMAND_COUNT; id++) {
        const struct command_spec *other = command_spec((enum command_id)id);

        if (other->kind == COMMAND_SUB && other->parent == spec->id) {
            write_command(other, false, out);
        }
    }
    buf_append_byte(out, '\n');
}

void hints_write_help(const struct bytes *words, size_t word_count, struct buf *out)
{
    if (word_count > 0 && words[0].len > 0 && words[0].data[0] == '@') {
        write_group(bytes_from(words[0], 1), out);
        return;
    }
    if (word_count > 0) {
        write_topic(words, word_count, out);
        return;
    }
    buf_append_text(out, "starling-cli\n"
                         "To get help about Starling commands type:\n"
                         "      \"help @<group>\" to get a list of commands in <group>\n"
                         "      \"help <command>\" for help on <command>\n"
                         "      \"help <tab>\" to get a list of possible help topics\n"
                         "      \"<count> <command>\" to repeat a command\n"
                         "      \"connect <host> <port>\" to talk to another server\n"
                         "      \":set hints\" and \":set nohints\" to show or hide the arguments\n"
                         "      \"clear\" to clear the screen\n"
                         "      \"quit\" to exit\n");
}
