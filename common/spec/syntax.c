/* SPDX-License-Identifier: MIT */
/* A descent with one function a rule of the grammar; its depth is bounded by groups. */
#include "spec/syntax.h"

#include "base/assert.h"
#include "base/attr.h"

struct parser {
    struct bytes rest;
    struct syntax *out;
    int depth;
};

/* Siblings that are being linked. */
struct chain {
    int first, last;
    int count;
};

static const struct chain empty_chain = {.first = SYNTAX_NONE, .last = SYNTAX_NONE};

static bool parse_text(struct parser *p, char end, struct chain *out, bool *is_choice);

static int new_node(struct parser *p, enum syntax_kind kind)
{
    int index = p->out->count;

    if (index == SYNTAX_NODES_MAX) {
        return SYNTAX_NONE;
    }
    p->out->nodes[index] =
        (struct syntax_node){.kind = kind, .first_child = SYNTAX_NONE, .next = SYNTAX_NONE};
    p->out->count++;
    return index;
}

static void chain_add(struct parser *p, struct chain *chain, int index)
{
    if (chain->first == SYNTAX_NONE) {
        chain->first = index;
    } else {
        p->out->nodes[chain->last].next = index;
    }
    chain->last = index;
    chain->count++;
}

static char peek(struct parser *p)
{
    while (p->rest.len > 0 && p->rest.data[0] == ' ') {
        p->rest = bytes_from(p->rest, 1);
    }
    return p->rest.len > 0 ? p->rest.data[0] : '\0';
}

static bool is_delimiter(char c)
{
    return c == ' ' || c == '|' || c == '[' || c == ']' || c == '<' || c == '>';
}

static struct bytes take_word(struct parser *p)
{
    struct bytes word = p->rest;
    size_t len = 0;

    while (len < word.len && !is_delimiter(word.data[len])) {
        len++;
    }
    p->rest = bytes_from(p->rest, len);
    return bytes_prefix(word, len);
}

static bool is_token(struct bytes word)
{
    bool has_upper = false;

    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] >= 'a' && word.data[i] <= 'z') {
            return false;
        }
        has_upper = has_upper || (word.data[i] >= 'A' && word.data[i] <= 'Z');
    }
    return has_upper;
}

/* One node for a chain: the node itself when it is alone, else a block or a choice. */
static int join(struct parser *p, const struct chain *chain, bool is_choice)
{
    int index;

    if (chain->count == 1) {
        return chain->first;
    }
    index = new_node(p, is_choice ? SYNTAX_ONEOF : SYNTAX_BLOCK);
    if (index != SYNTAX_NONE) {
        p->out->nodes[index].first_child = chain->first;
    }
    return index;
}

/* The last items of the option, when they are what "..." repeats; how many, 0 for none. */
static int repeated_items(const struct parser *p, const struct chain *option,
                          const struct chain *group)
{
    int at = option->first;
    int item = group->first;

    if (group->count > option->count) {
        return 0;
    }
    for (int skip = option->count - group->count; skip > 0; skip--) {
        at = p->out->nodes[at].next;
    }
    for (; item != SYNTAX_NONE; item = p->out->nodes[item].next, at = p->out->nodes[at].next) {
        const struct syntax_node *a = &p->out->nodes[at];
        const struct syntax_node *b = &p->out->nodes[item];

        if (a->kind != SYNTAX_WORD || b->kind != SYNTAX_WORD || !bytes_equal(a->name, b->name)) {
            return 0;
        }
    }
    return group->count;
}

/* Make one block of the last count items of the option. */
static bool fold_last(struct parser *p, struct chain *option, int count)
{
    struct chain kept = empty_chain;
    struct chain folded = empty_chain;
    int at = option->first;
    int total = option->count;
    int block;

    for (int i = 0; i < total; i++) {
        int next = p->out->nodes[at].next;

        p->out->nodes[at].next = SYNTAX_NONE;
        chain_add(p, i < total - count ? &kept : &folded, at);
        at = next;
    }
    block = join(p, &folded, false);
    if (block == SYNTAX_NONE) {
        return false;
    }
    p->out->nodes[block].is_multiple = true;
    chain_add(p, &kept, block);
    *option = kept;
    return true;
}

/* What "..." becomes until its group is closed: a word without a name. */
static bool is_repeat_mark(const struct syntax_node *node)
{
    return node->kind == SYNTAX_WORD && node->name.len == 0;
}

/* Take the mark off the end. */
static struct chain without_mark(struct parser *p, const struct chain *group)
{
    struct chain items = empty_chain;

    for (int at = group->first, next; at != group->last; at = next) {
        next = p->out->nodes[at].next;
        p->out->nodes[at].next = SYNTAX_NONE;
        chain_add(p, &items, at);
    }
    return items;
}

/* What stands between [ and ], or < and >. */
static bool parse_group(struct parser *p, struct chain *option, bool is_optional)
{
    struct chain inside = empty_chain;
    bool is_choice = false;
    bool repeats;
    int node;

    p->rest = bytes_from(p->rest, 1);
    if (++p->depth > SYNTAX_DEPTH_MAX ||
        !parse_text(p, is_optional ? ']' : '>', &inside, &is_choice)) {
        return false;
    }
    p->depth--;
    repeats = is_repeat_mark(&p->out->nodes[inside.last]);
    if (repeats) {
        int count;

        inside = without_mark(p, &inside);
        count = repeated_items(p, option, &inside);
        if (count > 0) {
            return fold_last(p, option, count);
        }
    }
    node = inside.count > 0 ? join(p, &inside, is_choice) : SYNTAX_NONE;
    if (node == SYNTAX_NONE) {
        return false;
    }
    p->out->nodes[node].is_optional = is_optional;
    p->out->nodes[node].is_multiple = p->out->nodes[node].is_multiple || repeats;
    chain_add(p, option, node);
    return true;
}

static bool parse_word(struct parser *p, struct chain *option)
{
    struct bytes word = take_word(p);
    bool is_mark = bytes_equal_text(word, "...");
    int node = new_node(p, !is_mark && is_token(word) ? SYNTAX_TOKEN : SYNTAX_WORD);

    if (node == SYNTAX_NONE || word.len == 0) {
        return false;
    }
    if (p->out->nodes[node].kind == SYNTAX_TOKEN) {
        p->out->nodes[node].token = word;
    } else if (!is_mark) {
        p->out->nodes[node].name = word;
    }
    chain_add(p, option, node);
    return true;
}

/* Give a token in front to what follows it. */
static bool attach_token(struct parser *p, struct chain *option)
{
    const struct syntax_node *token = &p->out->nodes[option->first];
    struct chain rest = {.first = token->next, .last = option->last, .count = option->count - 1};
    int node;

    if (option->count < 2 || token->kind != SYNTAX_TOKEN) {
        return true;
    }
    if (is_repeat_mark(&p->out->nodes[option->last])) {
        return false; /* a token that may be repeated: no command has that */
    }
    node = join(p, &rest, false);
    if (node == SYNTAX_NONE) {
        return false;
    }
    if (p->out->nodes[node].token.len == 0) { /* else two tokens in a row: they stay two items */
        p->out->nodes[node].token = token->token;
        *option = empty_chain;
        chain_add(p, option, node);
    }
    return true;
}

static bool parse_option(struct parser *p, char end, struct chain *out)
{
    char c;

    *out = empty_chain;
    while ((c = peek(p)) != end && c != '|' && c != '\0') {
        bool is_group = c == '[' || c == '<';

        if (is_group ? !parse_group(p, out, c == '[') : !parse_word(p, out)) {
            return false;
        }
    }
    return out->count > 0;
}

/* Up to end, which is taken ('\0': the end of all). */
static bool parse_text(struct parser *p, char end, struct chain *out, bool *is_choice)
{
    struct chain option;
    struct chain choices = empty_chain;

    *is_choice = false;
    do {
        int node;

        if (!parse_option(p, end, &option)) {
            return false;
        }
        *is_choice = *is_choice || peek(p) == '|';
        if (!*is_choice && p->depth == 0) {
            break; /* a list */
        }
        if (!attach_token(p, &option)) {
            return false;
        }
        if (!*is_choice) {
            break;
        }
        node = join(p, &option, false);
        if (node == SYNTAX_NONE) {
            return false;
        }
        chain_add(p, &choices, node);
        if (peek(p) != '|') {
            break;
        }
        p->rest = bytes_from(p->rest, 1);
    } while (true);
    if (peek(p) != end) {
        return false;
    }
    p->rest = bytes_from(p->rest, end != '\0');
    *out = *is_choice ? choices : option;
    return true;
}

bool syntax_parse(const char *text, struct syntax *out)
{
    struct parser p = {.rest = bytes_from_text(text), .out = out};
    struct chain chain;
    bool is_choice;

    out->count = 0;
    out->first = SYNTAX_NONE;
    if (peek(&p) == '\0') {
        return true;
    }
    if (!parse_text(&p, '\0', &chain, &is_choice)) {
        return false;
    }
    out->first = is_choice ? join(&p, &chain, true) : chain.first;
    ASSERT(out->first != SYNTAX_NONE || out->count == SYNTAX_NODES_MAX);
    return out->first != SYNTAX_NONE;
}

enum syntax_type syntax_type_of(struct bytes name)
{
    static const struct {
        const char *name;
        enum syntax_type type;
    } types[] = {
        {"key",          SYNTAX_KEY    },
        {"key1",         SYNTAX_KEY    },
        {"key2",         SYNTAX_KEY    },
        {"newkey",       SYNTAX_KEY    },
        {"source",       SYNTAX_KEY    },
        {"destination",  SYNTAX_KEY    },
        {"pattern",      SYNTAX_PATTERN},
        {"number",       SYNTAX_DOUBLE },
        {"seconds",      SYNTAX_INTEGER},
        {"milliseconds", SYNTAX_INTEGER},
        {"decrement",    SYNTAX_INTEGER},
        {"increment",    SYNTAX_INTEGER},
        {"start",        SYNTAX_INTEGER},
        {"end",          SYNTAX_INTEGER},
        {"offset",       SYNTAX_INTEGER},
        {"count",        SYNTAX_INTEGER},
        {"cursor",       SYNTAX_INTEGER},
        {"ttl",          SYNTAX_INTEGER},
        {"frequency",    SYNTAX_INTEGER},
        {"db",           SYNTAX_INTEGER},
        {"index",        SYNTAX_INTEGER},
        {"index1",       SYNTAX_INTEGER},
        {"index2",       SYNTAX_INTEGER},
        {"timeout",      SYNTAX_INTEGER},
        {"numreplicas",  SYNTAX_INTEGER},
        {"slot",         SYNTAX_INTEGER},
        {"bit",          SYNTAX_INTEGER},
        {"integer",      SYNTAX_INTEGER},
        {"length",       SYNTAX_INTEGER},
        {"numkeys",      SYNTAX_INTEGER},
        {"port",         SYNTAX_INTEGER},
        {"protover",     SYNTAX_INTEGER},
        {"client-id",    SYNTAX_INTEGER},
        {"maxage",       SYNTAX_INTEGER},
        {"config-epoch", SYNTAX_INTEGER},
    };

    if (bytes_has_prefix(name, "unix-time-")) {
        return SYNTAX_UNIX_TIME;
    }
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (bytes_equal_text(name, types[i].name)) {
            return types[i].type;
        }
    }
    return SYNTAX_STRING;
}
