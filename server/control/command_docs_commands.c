/* SPDX-License-Identifier: MIT */
/* COMMAND DOCS: what the table says of commands to people, their arguments as a tree. */
#include "control/control.h"
#include "node/inside.h"

#include "spec/command_docs.h"
#include "spec/syntax.h"

static const char *type_name(const struct syntax_node *node)
{
    static const char *const names[] = {
        [SYNTAX_STRING] = "string",       [SYNTAX_KEY] = "key",
        [SYNTAX_INTEGER] = "integer",     [SYNTAX_DOUBLE] = "double",
        [SYNTAX_UNIX_TIME] = "unix-time", [SYNTAX_PATTERN] = "pattern",
    };

    switch (node->kind) {
    case SYNTAX_TOKEN:
        return "pure-token";
    case SYNTAX_BLOCK:
        return "block";
    case SYNTAX_ONEOF:
        return "oneof";
    case SYNTAX_WORD:
        break;
    }
    return names[syntax_type_of(node->name)];
}

static void write_name(struct resp_writer *w, const struct syntax_node *node)
{
    char name[64];
    size_t len = node->token.len < sizeof(name) ? node->token.len : sizeof(name);

    if (node->name.len > 0) {
        resp_write_bulk(w, node->name);
    } else if (node->token.len == 0) {
        resp_write_bulk_text(w, node->kind == SYNTAX_ONEOF ? "choice" : "block");
    } else { /* by its token, as a lower case word */
        for (size_t i = 0; i < len; i++) {
            char c = node->token.data[i];

            name[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
        }
        resp_write_bulk(w, bytes_make(name, len));
    }
}

static size_t chain_length(const struct syntax *syntax, int first)
{
    size_t count = 0;

    for (int at = first; at != SYNTAX_NONE; at = syntax->nodes[at].next) {
        count++;
    }
    return count;
}

/* The argument itself; its children are written by the caller. */
static void write_argument(struct resp_writer *w, const struct syntax_node *node, int *key_count)
{
    bool is_key = node->kind == SYNTAX_WORD && syntax_type_of(node->name) == SYNTAX_KEY;
    size_t flag_count = (size_t)node->is_optional + node->is_multiple;

    resp_write_map(w, 2 + (size_t)is_key + (node->token.len > 0) + (flag_count > 0) +
                          (node->first_child != SYNTAX_NONE));
    resp_write_bulk_text(w, "name");
    write_name(w, node);
    resp_write_bulk_text(w, "type");
    resp_write_bulk_text(w, type_name(node));
    if (is_key) {
        resp_write_bulk_text(w, "key_spec_index");
        resp_write_integer(w, (*key_count)++);
    }
    if (node->token.len > 0) {
        resp_write_bulk_text(w, "token");
        resp_write_bulk(w, node->token);
    }
    if (flag_count > 0) {
        resp_write_bulk_text(w, "flags");
        resp_write_set(w, flag_count);
        if (node->is_optional) {
            resp_write_simple(w, "optional");
        }
        if (node->is_multiple) {
            resp_write_simple(w, "multiple");
        }
    }
}

/* The tree from the top down, left to right, with the way back up on a stack. */
static void write_arguments(struct resp_writer *w, const struct syntax *syntax)
{
    int way[SYNTAX_NODES_MAX];
    size_t depth = 0;
    int key_count = 0;
    int at = syntax->first;

    resp_write_array(w, chain_length(syntax, at));
    while (at != SYNTAX_NONE) {
        const struct syntax_node *node = &syntax->nodes[at];

        write_argument(w, node, &key_count);
        if (node->first_child != SYNTAX_NONE) {
            resp_write_bulk_text(w, "arguments");
            resp_write_array(w, chain_length(syntax, node->first_child));
            way[depth++] = node->next;
            at = node->first_child;
        } else {
            at = node->next;
        }
        while (at == SYNTAX_NONE && depth > 0) {
            at = way[--depth];
        }
    }
}

/* The map of one command; what is_container adds is written by the caller. */
static void write_docs(struct resp_writer *w, const struct command_spec *spec, bool is_container)
{
    struct command_docs docs = command_docs(spec->id);
    bool is_replaced = docs.replaced_since[0] != '\0';
    struct syntax syntax;
    bool has_arguments =
        !is_container && syntax_parse(spec->arguments, &syntax) && syntax.first != SYNTAX_NONE;

    resp_write_map(w, 4U + (is_replaced ? 3U : 0U) + has_arguments + is_container);
    resp_write_bulk_text(w, "summary");
    resp_write_bulk_text(w, spec->summary);
    resp_write_bulk_text(w, "since");
    resp_write_bulk_text(w, spec->since);
    resp_write_bulk_text(w, "group");
    resp_write_bulk_text(w, command_group_name(spec->group));
    resp_write_bulk_text(w, "complexity");
    resp_write_bulk_text(w, docs.complexity);
    if (is_replaced) {
        resp_write_bulk_text(w, "doc_flags");
        resp_write_set(w, 1);
        resp_write_simple(w, "deprecated");
        resp_write_bulk_text(w, "deprecated_since");
        resp_write_bulk_text(w, docs.replaced_since);
        resp_write_bulk_text(w, "replaced_by");
        resp_write_bulk_text(w, docs.replaced_by);
    }
    if (has_arguments) {
        resp_write_bulk_text(w, "arguments");
        write_arguments(w, &syntax);
    }
}

static void write_command(struct resp_writer *w, const struct command_spec *spec)
{
    char name[COMMAND_FULL_NAME_SIZE];
    size_t sub_count = spec->kind == COMMAND_SUB ? 0 : command_sub_count(spec);

    command_full_name(spec, name, sizeof(name));
    resp_write_bulk_text(w, name);
    write_docs(w, spec, sub_count > 0);
    if (sub_count == 0) {
        return;
    }
    resp_write_bulk_text(w, "subcommands");
    resp_write_map(w, sub_count);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *sub = command_spec((enum command_id)id);

        if (sub->kind == COMMAND_SUB && sub->parent == spec->id) {
            command_full_name(sub, name, sizeof(name));
            resp_write_bulk_text(w, name);
            write_docs(w, sub, false);
        }
    }
}

void control_command_docs(struct node *node, struct request *request)
{
    size_t found = 0;

    (void)node;
    for (size_t i = 2; i < request->arg_count; i++) {
        found += command_find_full(request->args[i]) != NULL;
    }
    resp_write_map(request->reply, request->arg_count == 2 ? command_top_count() : found);
    for (size_t i = 2; i < request->arg_count; i++) {
        const struct command_spec *spec = command_find_full(request->args[i]);

        if (spec != NULL) {
            write_command(request->reply, spec);
        }
    }
    for (int id = 0; request->arg_count == 2 && id < COMMAND_COUNT; id++) {
        if (command_spec((enum command_id)id)->kind != COMMAND_SUB) {
            write_command(request->reply, command_spec((enum command_id)id));
        }
    }
}
