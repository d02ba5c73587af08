/* SPDX-License-Identifier: MIT */
/* COMMAND: the command table as clients read it. */
#include "node/state.h"

#include "base/glob.h"

static const char *group_name(enum command_group group)
{
    static const char *const names[] = {
        [COMMAND_GROUP_GENERIC] = "generic",         [COMMAND_GROUP_STRING] = "string",
        [COMMAND_GROUP_CONNECTION] = "connection",   [COMMAND_GROUP_SERVER] = "server",
        [COMMAND_GROUP_REPLICATION] = "replication", [COMMAND_GROUP_CLUSTER] = "cluster",
    };

    return names[group];
}

static void write_full_name(struct resp_writer *w, const struct command_spec *spec)
{
    if (spec->kind == COMMAND_SUB) {
        resp_write_bulk_printf(w, "%s|%s", command_spec(spec->parent)->name, spec->name);
    } else {
        resp_write_bulk_text(w, spec->name);
    }
}

struct flag_name {
    uint32_t flag;
    const char *name;
};

static const struct flag_name flag_names[] = {
    {COMMAND_FLAG_WRITE,    "write"   },
    {COMMAND_FLAG_READONLY, "readonly"},
    {COMMAND_FLAG_DENYOOM,  "denyoom" },
    {COMMAND_FLAG_ADMIN,    "admin"   },
    {COMMAND_FLAG_LOADING,  "loading" },
    {COMMAND_FLAG_STALE,    "stale"   },
    {COMMAND_FLAG_FAST,     "fast"    },
    {COMMAND_FLAG_NO_AUTH,  "no_auth" },
    {COMMAND_FLAG_BLOCKING, "blocking"},
};

/* The ACL categories follow from group and flags. */
static size_t categories(const struct command_spec *spec, const char *out[8])
{
    size_t count = 0;
    uint32_t flags = spec->flags;

    if (flags & COMMAND_FLAG_WRITE) {
        out[count++] = "@write";
    }
    if (flags & COMMAND_FLAG_READONLY) {
        out[count++] = "@read";
    }
    if (spec->group == COMMAND_GROUP_GENERIC && spec->id != COMMAND_WAIT) {
        out[count++] = "@keyspace";
    }
    if (spec->group == COMMAND_GROUP_STRING) {
        out[count++] = "@string";
    }
    if (spec->group == COMMAND_GROUP_CONNECTION) {
        out[count++] = "@connection";
    }
    if (flags & COMMAND_FLAG_ADMIN) {
        out[count++] = "@admin";
    }
    if (flags & (COMMAND_FLAG_ADMIN | COMMAND_FLAG_DANGEROUS)) {
        out[count++] = "@dangerous";
    }
    out[count++] = (flags & COMMAND_FLAG_FAST) ? "@fast" : "@slow";
    return count;
}

static size_t sub_count(const struct command_spec *spec)
{
    size_t count = 0;

    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *sub = command_spec((enum command_id)id);

        count += sub->kind == COMMAND_SUB && sub->parent == spec->id;
    }
    return count;
}

/* One element of COMMAND INFO; subs are written by the caller, so that nothing recurses. */
static void write_row(struct resp_writer *w, const struct command_spec *spec)
{
    const char *names[8];
    size_t count = 0;

    resp_write_array(w, 10);
    write_full_name(w, spec);
    resp_write_integer(w, spec->arity);
    for (size_t i = 0; i < ARRAY_COUNT(flag_names); i++) {
        count += (spec->flags & flag_names[i].flag) != 0;
    }
    resp_write_set(w, count);
    for (size_t i = 0; i < ARRAY_COUNT(flag_names); i++) {
        if (spec->flags & flag_names[i].flag) {
            resp_write_simple(w, flag_names[i].name);
        }
    }
    resp_write_integer(w, spec->first_key);
    resp_write_integer(w, spec->last_key);
    resp_write_integer(w, spec->key_step);
    count = categories(spec, names);
    resp_write_set(w, count);
    for (size_t i = 0; i < count; i++) {
        resp_write_simple(w, names[i]);
    }
    resp_write_array(w, 0); /* tips */
    resp_write_array(w, 0); /* key specifications: first, last and step say it all */
}

static void write_info(struct resp_writer *w, const struct command_spec *spec)
{
    write_row(w, spec);
    resp_write_array(w, sub_count(spec));
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *sub = command_spec((enum command_id)id);

        if (sub->kind == COMMAND_SUB && sub->parent == spec->id) {
            write_row(w, sub);
            resp_write_array(w, 0);
        }
    }
}

static size_t top_count(void)
{
    size_t count = 0;

    for (int id = 0; id < COMMAND_COUNT; id++) {
        count += command_spec((enum command_id)id)->kind != COMMAND_SUB;
    }
    return count;
}

/* "get", "client|list", or NULL. */
static const struct command_spec *find_full(struct bytes name)
{
    size_t bar = bytes_find_byte(name, '|');
    const struct command_spec *spec =
        command_find(bytes_prefix(name, bar < name.len ? bar : name.len));

    if (spec == NULL || bar >= name.len) {
        return spec;
    }
    return command_has_subcommands(spec) ? command_find_sub(spec, bytes_from(name, bar + 1)) : NULL;
}

void control_command(struct node *node, struct call *call)
{
    (void)node;
    resp_write_array(call->reply, top_count());
    for (int id = 0; id < COMMAND_COUNT; id++) {
        if (command_spec((enum command_id)id)->kind != COMMAND_SUB) {
            write_info(call->reply, command_spec((enum command_id)id));
        }
    }
}

void control_command_count(struct node *node, struct call *call)
{
    (void)node;
    resp_write_integer(call->reply, (int64_t)top_count());
}

void control_command_info(struct node *node, struct call *call)
{
    if (call->arg_count == 2) {
        control_command(node, call);
        return;
    }
    resp_write_array(call->reply, call->arg_count - 2);
    for (size_t i = 2; i < call->arg_count; i++) {
        const struct command_spec *spec = find_full(call->args[i]);

        if (spec != NULL) {
            write_info(call->reply, spec);
        } else {
            resp_write_null_array(call->reply);
        }
    }
}

static void write_docs(struct resp_writer *w, const struct command_spec *spec)
{
    resp_write_map(w, 4);
    resp_write_bulk_text(w, "summary");
    resp_write_bulk_text(w, spec->summary);
    resp_write_bulk_text(w, "since");
    resp_write_bulk_text(w, spec->since);
    resp_write_bulk_text(w, "group");
    resp_write_bulk_text(w, group_name(spec->group));
}

static void write_all_docs(struct resp_writer *w, const struct command_spec *spec)
{
    write_full_name(w, spec);
    write_docs(w, spec);
    resp_write_bulk_text(w, "subcommands");
    resp_write_map(w, sub_count(spec));
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *sub = command_spec((enum command_id)id);

        if (sub->kind == COMMAND_SUB && sub->parent == spec->id) {
            write_full_name(w, sub);
            write_docs(w, sub);
            resp_write_bulk_text(w, "syntax");
            resp_write_bulk_text(w, sub->arguments);
        }
    }
}

void control_command_docs(struct node *node, struct call *call)
{
    size_t found = 0;

    (void)node;
    for (size_t i = 2; i < call->arg_count; i++) {
        found += find_full(call->args[i]) != NULL;
    }
    resp_write_map(call->reply, call->arg_count == 2 ? top_count() : found);
    for (size_t i = 2; i < call->arg_count; i++) {
        const struct command_spec *spec = find_full(call->args[i]);

        if (spec != NULL) {
            write_all_docs(call->reply, spec);
        }
    }
    for (int id = 0; call->arg_count == 2 && id < COMMAND_COUNT; id++) {
        if (command_spec((enum command_id)id)->kind != COMMAND_SUB) {
            write_all_docs(call->reply, command_spec((enum command_id)id));
        }
    }
}

static bool has_category(const struct command_spec *spec, struct bytes wanted)
{
    const char *names[8];
    size_t count = categories(spec, names);

    for (size_t i = 0; i < count; i++) {
        if (bytes_equal_nocase(wanted, names[i] + 1)) {
            return true;
        }
    }
    return false;
}

static bool is_listed(const struct call *call, const struct command_spec *spec)
{
    if (spec->kind == COMMAND_SUB) {
        return false;
    }
    if (call->arg_count == 2) {
        return true;
    }
    if (bytes_equal_nocase(call->args[3], "ACLCAT")) {
        return has_category(spec, call->args[4]);
    }
    return bytes_equal_nocase(call->args[3], "PATTERN") &&
           glob_match_nocase(call->args[4], bytes_from_text(spec->name));
}

void control_command_list(struct node *node, struct call *call)
{
    size_t count = 0;

    if (call->arg_count != 2 &&
        (call->arg_count != 5 || !bytes_equal_nocase(call->args[2], "FILTERBY") ||
         (!bytes_equal_nocase(call->args[3], "MODULE") &&
          !bytes_equal_nocase(call->args[3], "ACLCAT") &&
          !bytes_equal_nocase(call->args[3], "PATTERN")))) {
        reply_error(node, call, "ERR syntax error");
        return;
    }
    for (int id = 0; id < COMMAND_COUNT; id++) {
        count += is_listed(call, command_spec((enum command_id)id));
    }
    resp_write_array(call->reply, count);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        if (is_listed(call, command_spec((enum command_id)id))) {
            resp_write_bulk_text(call->reply, command_spec((enum command_id)id)->name);
        }
    }
}

void control_command_getkeys(struct node *node, struct call *call)
{
    const struct command_spec *spec = command_find(call->args[2]);
    size_t words = call->arg_count - 2;
    struct command_keys keys;

    if (spec == NULL) {
        reply_error(node, call, "ERR Invalid command specified");
        return;
    }
    if (command_has_subcommands(spec) && words >= 2) {
        const struct command_spec *sub = command_find_sub(spec, call->args[3]);

        spec = sub != NULL ? sub : spec;
    }
    if (spec->first_key == 0) {
        reply_error(node, call, "ERR The command has no key arguments");
        return;
    }
    if (!command_arity_fits(spec, words)) {
        reply_error(node, call, "ERR Invalid number of arguments specified for command");
        return;
    }
    keys = command_keys(spec, words);
    if (keys.count == 0) {
        reply_error(node, call, "ERR The command has no key arguments");
        return;
    }
    resp_write_array(call->reply, keys.count);
    for (size_t i = 0; i < keys.count; i++) {
        resp_write_bulk(call->reply, call->args[2 + keys.first + i * keys.step]);
    }
}

void control_command_help(struct node *node, struct call *call)
{
    static const char *const lines[] = {
        "COMMAND [<subcommand> [<arg> [value] [opt] ...]]. Subcommands are:",
        "(no subcommand)",
        "    Return details about all commands.",
        "COUNT",
        "    Return the number of commands.",
        "DOCS [<command-name> ...]",
        "    Return documentation about commands.",
        "GETKEYS <full-command>",
        "    Return the keys of a full command.",
        "INFO [<command-name> ...]",
        "    Return details about commands.",
        "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
        "    Return the names of commands.",
    };

    (void)node;
    reply_help(call, lines, ARRAY_COUNT(lines));
}
