/* SPDX-License-Identifier: MIT */
/* COMMAND: the command table as clients read it. */
#include "control/answer.h"
#include "control/control.h"
#include "node/inside.h"

#include "base/glob.h"
#include "spec/command_docs.h"

#include <stdio.h>

static void write_full_name(struct resp_writer *w, const struct command_spec *spec)
{
    char name[COMMAND_FULL_NAME_SIZE];

    command_full_name(spec, name, sizeof(name));
    resp_write_bulk_text(w, name);
}

struct flag_name {
    uint32_t flag;
    const char *name;
};

/* Told beside the flags of a row; it follows from where its keys are. */
enum {
    FLAG_MOVES_KEYS = 1 << 30
};

static const struct flag_name flag_names[] = {
    {COMMAND_FLAG_WRITE,             "write"            },
    {COMMAND_FLAG_READONLY,          "readonly"         },
    {COMMAND_FLAG_DENYOOM,           "denyoom"          },
    {COMMAND_FLAG_ADMIN,             "admin"            },
    {COMMAND_FLAG_LOADING,           "loading"          },
    {COMMAND_FLAG_STALE,             "stale"            },
    {COMMAND_FLAG_FAST,              "fast"             },
    {COMMAND_FLAG_PUBSUB,            "pubsub"           },
    {COMMAND_FLAG_NO_AUTH,           "no_auth"          },
    {COMMAND_FLAG_BLOCKING,          "blocking"         },
    {COMMAND_FLAG_NOSCRIPT,          "noscript"         },
    {COMMAND_FLAG_NO_ASYNC,          "no_async_loading" },
    {COMMAND_FLAG_NO_MULTI,          "no_multi"         },
    {COMMAND_FLAG_SKIP_SLOWLOG,      "skip_slowlog"     },
    {COMMAND_FLAG_ALLOW_BUSY,        "allow_busy"       },
    {COMMAND_FLAG_NO_MANDATORY_KEYS, "no_mandatory_keys"},
    {FLAG_MOVES_KEYS,                "movablekeys"      },
};

static const struct flag_name access_names[] = {
    {KEY_ACCESS_RO,         "RO"            },
    {KEY_ACCESS_RW,         "RW"            },
    {KEY_ACCESS_OW,         "OW"            },
    {KEY_ACCESS_RM,         "RM"            },
    {KEY_ACCESS_ACCESS,     "access"        },
    {KEY_ACCESS_UPDATE,     "update"        },
    {KEY_ACCESS_INSERT,     "insert"        },
    {KEY_ACCESS_DELETE,     "delete"        },
    {KEY_ACCESS_VARIABLE,   "variable_flags"},
    {KEY_ACCESS_INCOMPLETE, "incomplete"    },
    {KEY_ACCESS_NOT_KEY,    "not_key"       },
};

static void write_flags(struct resp_writer *w, const struct flag_name *names, size_t name_count,
                        uint32_t flags)
{
    size_t count = 0;

    for (size_t i = 0; i < name_count; i++) {
        count += (flags & names[i].flag) != 0;
    }
    resp_write_set(w, count);
    for (size_t i = 0; i < name_count; i++) {
        if (flags & names[i].flag) {
            resp_write_simple(w, names[i].name);
        }
    }
}

static void write_categories(struct resp_writer *w, uint32_t categories)
{
    size_t count = 0;

    for (size_t i = 0; i < CATEGORY_COUNT; i++) {
        count += (categories >> i) & 1;
    }
    resp_write_set(w, count);
    for (size_t i = 0; i < CATEGORY_COUNT; i++) {
        if ((categories >> i) & 1) {
            char name[32];

            snprintf(name, sizeof(name), "@%s", category_name(i));
            resp_write_simple(w, name);
        }
    }
}

static void write_tips(struct resp_writer *w, const char *tips)
{
    struct bytes rest = bytes_from_text(tips);
    struct bytes word;
    size_t count = 0;

    while (bytes_next_word(&rest, ' ').len > 0) {
        count++;
    }
    rest = bytes_from_text(tips);
    resp_write_set(w, count);
    while ((word = bytes_next_word(&rest, ' ')).len > 0) {
        resp_write_bulk(w, word);
    }
}

static void write_text_field(struct resp_writer *w, const char *name, const char *text)
{
    resp_write_bulk_text(w, name);
    resp_write_bulk_text(w, text);
}

static void write_integer_field(struct resp_writer *w, const char *name, int number)
{
    resp_write_bulk_text(w, name);
    resp_write_integer(w, number);
}

/* The beginning of one place where a request has keys: what is done to them, and how the place is found. */
static void begin_key_spec(struct resp_writer *w, uint32_t access, const char *search)
{
    resp_write_map(w, 3);
    resp_write_bulk_text(w, "flags");
    write_flags(w, access_names, ARRAY_COUNT(access_names), access);
    resp_write_bulk_text(w, "begin_search");
    resp_write_map(w, 2);
    write_text_field(w, "type", search);
    resp_write_bulk_text(w, "spec");
}

static void write_search_index(struct resp_writer *w, uint32_t access, int index)
{
    begin_key_spec(w, access, "index");
    resp_write_map(w, 1);
    write_integer_field(w, "index", index);
}

static void write_search_keyword(struct resp_writer *w, uint32_t access, const char *word, int from)
{
    begin_key_spec(w, access, "keyword");
    resp_write_map(w, 2);
    write_text_field(w, "keyword", word);
    write_integer_field(w, "startfrom", from);
}

/* The keys from there on up to last (counted from there; negative: from the end), or one in limit
 * of the words that are left. */
static void write_find_range(struct resp_writer *w, int last, int step, int limit)
{
    resp_write_bulk_text(w, "find_keys");
    resp_write_map(w, 2);
    write_text_field(w, "type", "range");
    resp_write_bulk_text(w, "spec");
    resp_write_map(w, 3);
    write_integer_field(w, "lastkey", last);
    write_integer_field(w, "keystep", step);
    write_integer_field(w, "limit", limit);
}

static void write_find_counted(struct resp_writer *w, int step)
{
    resp_write_bulk_text(w, "find_keys");
    resp_write_map(w, 2);
    write_text_field(w, "type", "keynum");
    resp_write_bulk_text(w, "spec");
    resp_write_map(w, 3);
    write_integer_field(w, "keynumidx", 0);
    write_integer_field(w, "firstkey", 1);
    write_integer_field(w, "keystep", step);
}

/* Keys that these words cannot describe. */
static void write_unknown(struct resp_writer *w, uint32_t access)
{
    begin_key_spec(w, access, "unknown");
    resp_write_map(w, 0);
    resp_write_bulk_text(w, "find_keys");
    resp_write_map(w, 2);
    write_text_field(w, "type", "unknown");
    resp_write_bulk_text(w, "spec");
    resp_write_map(w, 0);
}

static void write_range_specs(struct resp_writer *w, const struct command_spec *spec)
{
    int last = spec->last_key >= 0 ? spec->last_key - spec->first_key : spec->last_key;

    if (spec->first_access == spec->rest_access) {
        resp_write_set(w, 1);
        write_search_index(w, spec->first_access, spec->first_key);
        write_find_range(w, last, spec->key_step, 0);
        return;
    }
    resp_write_set(w, 2);
    write_search_index(w, spec->first_access, spec->first_key);
    write_find_range(w, 0, spec->key_step, 0);
    write_search_index(w, spec->rest_access, spec->first_key + spec->key_step);
    write_find_range(w, last > 0 ? last - spec->key_step : last, spec->key_step, 0);
}

static void write_counted_specs(struct resp_writer *w, const struct command_spec *spec)
{
    resp_write_set(w, spec->first_key == 0 ? 1 : 2);
    if (spec->first_key != 0) {
        write_search_index(w, spec->first_access, spec->first_key);
        write_find_range(w, 0, 1, 0);
    }
    write_search_index(w, spec->rest_access, spec->key_number);
    write_find_counted(w, spec->key_number_step);
}

static void write_option_specs(struct resp_writer *w, const struct command_spec *spec)
{
    size_t count = spec->key_words[1] != NULL ? 2 : 1;

    resp_write_set(w, 1 + count);
    write_search_index(w, spec->first_access, spec->first_key);
    write_find_range(w, 0, 1, 0);
    for (size_t i = 0; i < count; i++) {
        write_search_keyword(w, spec->rest_access, spec->key_words[i], spec->key_words_from);
        write_find_range(w, 0, 1, 0);
    }
}

/* The keys that patterns lead to, and an option whose word could as well be such a pattern. */
static void write_sorting_specs(struct resp_writer *w, const struct command_spec *spec)
{
    bool has_option = spec->key_words[0] != NULL;

    resp_write_set(w, has_option ? 3 : 2);
    write_search_index(w, spec->first_access, spec->first_key);
    write_find_range(w, 0, 1, 0);
    write_unknown(w, spec->first_access);
    if (has_option) {
        write_unknown(w, spec->rest_access);
    }
}

/* The list, which is at the end, is looked for from there. */
static void write_listed_specs(struct resp_writer *w, const struct command_spec *spec)
{
    resp_write_set(w, 2);
    write_search_index(w, spec->first_access, spec->first_key);
    write_find_range(w, 0, 1, 0);
    write_search_keyword(w, spec->rest_access | KEY_ACCESS_INCOMPLETE, spec->key_words[0], -2);
    write_find_range(w, -1, 1, 0);
}

static void write_key_specs(struct resp_writer *w, const struct command_spec *spec)
{
    switch (spec->key_form) {
    case KEY_FORM_NONE:
        resp_write_set(w, 0);
        break;
    case KEY_FORM_RANGE:
        write_range_specs(w, spec);
        break;
    case KEY_FORM_COUNTED:
        write_counted_specs(w, spec);
        break;
    case KEY_FORM_HALF:
        resp_write_set(w, 1);
        write_search_keyword(w, spec->rest_access, spec->key_words[0], spec->key_words_from);
        write_find_range(w, -1, 1, 2);
        break;
    case KEY_FORM_OPTION:
        write_option_specs(w, spec);
        break;
    case KEY_FORM_SORTING:
        write_sorting_specs(w, spec);
        break;
    case KEY_FORM_LISTED:
        write_listed_specs(w, spec);
        break;
    }
}

/* One element of COMMAND INFO; subs are written by the caller, so that nothing recurses. */
static void write_row(struct resp_writer *w, const struct command_spec *spec)
{
    resp_write_array(w, 10);
    write_full_name(w, spec);
    resp_write_integer(w, spec->arity);
    write_flags(w, flag_names, ARRAY_COUNT(flag_names),
                spec->flags | (command_moves_keys(spec) ? FLAG_MOVES_KEYS : 0));
    resp_write_integer(w, spec->first_key);
    resp_write_integer(w, spec->last_key);
    resp_write_integer(w, spec->key_step);
    write_categories(w, command_categories(spec));
    write_tips(w, command_docs(spec->id).tips);
    write_key_specs(w, spec);
}

/* As elsewhere: in RESP3 none are an empty set, and some an array. */
static void write_sub_count(struct resp_writer *w, size_t count)
{
    if (count == 0) {
        resp_write_set(w, 0);
    } else {
        resp_write_array(w, count);
    }
}

static void write_info(struct resp_writer *w, const struct command_spec *spec)
{
    write_row(w, spec);
    write_sub_count(w, command_sub_count(spec));
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *sub = command_spec((enum command_id)id);

        if (sub->kind == COMMAND_SUB && sub->parent == spec->id) {
            write_row(w, sub);
            write_sub_count(w, 0);
        }
    }
}

void control_command(struct node *node, struct request *request)
{
    (void)node;
    resp_write_array(request->reply, command_top_count());
    for (int id = 0; id < COMMAND_COUNT; id++) {
        if (command_spec((enum command_id)id)->kind != COMMAND_SUB) {
            write_info(request->reply, command_spec((enum command_id)id));
        }
    }
}

void control_command_count(struct node *node, struct request *request)
{
    (void)node;
    resp_write_integer(request->reply, (int64_t)command_top_count());
}

void control_command_info(struct node *node, struct request *request)
{
    if (request->arg_count == 2) {
        control_command(node, request);
        return;
    }
    resp_write_array(request->reply, request->arg_count - 2);
    for (size_t i = 2; i < request->arg_count; i++) {
        const struct command_spec *spec = command_find_full(request->args[i]);

        if (spec != NULL) {
            write_info(request->reply, spec);
        } else {
            resp_write_null_array(request->reply);
        }
    }
}

static bool has_category(const struct command_spec *spec, struct bytes wanted)
{
    uint32_t categories = command_categories(spec);

    for (size_t i = 0; i < CATEGORY_COUNT; i++) {
        if (((categories >> i) & 1) && bytes_equal_nocase(wanted, category_name(i))) {
            return true;
        }
    }
    return false;
}

static bool is_listed(const struct request *request, const struct command_spec *spec)
{
    char name[COMMAND_FULL_NAME_SIZE];

    if (request->arg_count == 2) {
        return true;
    }
    if (bytes_equal_nocase(request->args[3], "ACLCAT")) {
        return has_category(spec, request->args[4]);
    }
    command_full_name(spec, name, sizeof(name));
    return bytes_equal_nocase(request->args[3], "PATTERN") &&
           glob_match_nocase(request->args[4], bytes_from_text(name));
}

void control_command_list(struct node *node, struct request *request)
{
    size_t count = 0;

    (void)node;
    if (request->arg_count != 2 &&
        (request->arg_count != 5 || !bytes_equal_nocase(request->args[2], "FILTERBY") ||
         (!bytes_equal_nocase(request->args[3], "MODULE") &&
          !bytes_equal_nocase(request->args[3], "ACLCAT") &&
          !bytes_equal_nocase(request->args[3], "PATTERN")))) {
        reply_error(request, "ERR syntax error");
        return;
    }
    for (int id = 0; id < COMMAND_COUNT; id++) {
        count += is_listed(request, command_spec((enum command_id)id));
    }
    resp_write_array(request->reply, count);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        if (is_listed(request, command_spec((enum command_id)id))) {
            write_full_name(request->reply, command_spec((enum command_id)id));
        }
    }
}

/* The command whose request stands behind COMMAND GETKEYS, and its keys; NULL when the answer was
 * an error. */
static const struct command_spec *find_request(struct node *node, struct request *request,
                                               struct command_keys *keys)
{
    const struct command_spec *spec = command_find(request->args[2]);
    size_t words = request->arg_count - 2;

    (void)node;
    if (spec != NULL && command_has_subcommands(spec) && words >= 2) {
        const struct command_spec *sub = command_find_sub(spec, request->args[3]);

        spec =
            sub == NULL && spec->id == COMMAND_DEBUG ? spec : sub; /* no table has those of DEBUG */
    }
    if (spec == NULL) {
        reply_error(request, "ERR Invalid command specified");
        return NULL;
    }
    *keys = command_keys(spec, request->args + 2, words);
    if (!command_has_keys(spec) || (spec->first_access & KEY_ACCESS_NOT_KEY) != 0) {
        reply_error(request, "ERR The command has no key arguments");
    } else if (!command_arity_fits(spec, words)) {
        reply_error(request, "ERR Invalid number of arguments specified for command");
    } else if (keys->count == 0 && !(spec->flags & COMMAND_FLAG_NO_MANDATORY_KEYS)) {
        reply_error(request, "ERR Invalid arguments specified for command");
    } else {
        return spec;
    }
    return NULL;
}

void control_command_getkeys(struct node *node, struct request *request)
{
    struct command_keys keys;

    if (find_request(node, request, &keys) == NULL) {
        return;
    }
    resp_write_array(request->reply, keys.count);
    for (size_t i = 0; i < keys.count; i++) {
        resp_write_bulk(request->reply, request->args[2 + command_key_at(&keys, i)]);
    }
}

void control_command_getkeysandflags(struct node *node, struct request *request)
{
    struct command_keys keys;
    const struct command_spec *spec = find_request(node, request, &keys);

    if (spec == NULL) {
        return;
    }
    resp_write_array(request->reply, keys.count);
    for (size_t i = 0; i < keys.count; i++) {
        resp_write_array(request->reply, 2);
        resp_write_bulk(request->reply, request->args[2 + command_key_at(&keys, i)]);
        write_flags(request->reply, access_names, ARRAY_COUNT(access_names),
                    command_key_access(spec, request->args + 2, request->arg_count - 2, i));
    }
}

void control_command_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "COMMAND [<subcommand> [<arg> [value] [opt] ...]]. Subcommands are:",
        "(no subcommand)",
        "    Return details about all commands.",
        "COUNT",
        "    Return the number of commands.",
        "DOCS [<command-name> ...]",
        "    Return documentation about commands.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys of a full command, and what it does to each.",
        "GETKEYS <full-command>",
        "    Return the keys of a full command.",
        "INFO [<command-name> ...]",
        "    Return details about commands.",
        "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
        "    Return the names of commands.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}
