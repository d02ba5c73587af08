/* SPDX-License-Identifier: MIT */
/* Maps come as maps or, in RESP2, as flat arrays; resp_value_find takes both.  Arguments nest at
 * most as deep as the reader of replies allows. */
#include "cli/docs.h"

#include "cli/hints.h"

#include <ctype.h>

static void write_argument(const struct resp_value *argument, struct buf *out);

static struct bytes text_of(const struct resp_value *map, const char *key)
{
    const struct resp_value *value = resp_value_find(map, key);

    return value != NULL ? resp_value_bytes(value) : (struct bytes){0};
}

static bool has_flag(const struct resp_value *argument, const char *flag)
{
    const struct resp_value *flags = resp_value_find(argument, "flags");

    for (size_t i = 0; flags != NULL && i < flags->child_count; i++) {
        if (resp_value_is_text(&flags->children[i], flag)) {
            return true;
        }
    }
    return false;
}

/* ---- arguments as text -------------------------------------------------------------------------- */

static void write_list(const struct resp_value *list, char between, struct buf *out)
{
    for (size_t i = 0; list != NULL && i < list->child_count; i++) {
        if (i > 0) {
            buf_append_byte(out, between);
        }
        write_argument(&list->children[i], out);
    }
}

/* What stands for the argument, without token, repetition and brackets. */
static void write_value(const struct resp_value *argument, struct buf *out)
{
    const struct resp_value *children = resp_value_find(argument, "arguments");
    struct bytes type = text_of(argument, "type");
    struct bytes display = text_of(argument, "display_text");

    if (bytes_equal_text(type, "oneof")) {
        write_list(children, '|', out);
    } else if (bytes_equal_text(type, "block")) {
        write_list(children, ' ', out);
    } else {
        buf_append_bytes(out, display.len > 0 ? display : text_of(argument, "name"));
    }
}

static void write_argument(const struct resp_value *argument, struct buf *out)
{
    struct bytes token = text_of(argument, "token");
    bool is_optional = has_flag(argument, "optional");
    bool repeats_token = has_flag(argument, "multiple_token");
    struct buf value = {0};

    if (!bytes_equal_text(text_of(argument, "type"), "pure-token")) {
        write_value(argument, &value);
    }
    buf_append_text(out, is_optional ? "[" : "");
    buf_append_bytes(out, token);
    buf_append_text(out, token.len > 0 && value.len > 0 ? " " : "");
    buf_append_bytes(out, buf_bytes(&value));
    if (has_flag(argument, "multiple")) {
        buf_append_text(out, " [");
        buf_append_bytes(out, repeats_token ? token : (struct bytes){0});
        buf_append_text(out, repeats_token && token.len > 0 && value.len > 0 ? " " : "");
        buf_append_bytes(out, buf_bytes(&value));
        buf_append_text(out, " ...]");
    }
    buf_append_text(out, is_optional ? "]" : "");
    buf_deinit(&value);
}

/* ---- entries ------------------------------------------------------------------------------------ */

void docs_deinit(struct docs *docs)
{
    for (size_t i = 0; i < docs->entries.count; i++) {
        struct docs_entry *entry = &docs->entries.items[i];

        buf_deinit(&entry->name);
        buf_deinit(&entry->arguments);
        buf_deinit(&entry->summary);
        buf_deinit(&entry->since);
        buf_deinit(&entry->group);
    }
    VEC_DEINIT(&docs->entries);
}

static void add(struct docs *docs, struct bytes name, const struct resp_value *doc)
{
    struct docs_entry entry = {0};

    for (size_t i = 0; i < name.len; i++) {
        buf_append_byte(&entry.name, (char)tolower((unsigned char)name.data[i]));
    }
    write_list(resp_value_find(doc, "arguments"), ' ', &entry.arguments);
    buf_append_bytes(&entry.summary, text_of(doc, "summary"));
    buf_append_bytes(&entry.since, text_of(doc, "since"));
    buf_append_bytes(&entry.group, text_of(doc, "group"));
    VEC_PUSH(&docs->entries, entry);
}

void docs_take(struct docs *docs, const struct resp_value *reply)
{
    for (size_t i = 0; i + 1 < reply->child_count; i += 2) {
        const struct resp_value *doc = &reply->children[i + 1];
        const struct resp_value *subs = resp_value_find(doc, "subcommands");

        add(docs, resp_value_bytes(&reply->children[i]), doc);
        for (size_t at = 0; subs != NULL && at + 1 < subs->child_count; at += 2) {
            add(docs, resp_value_bytes(&subs->children[at]), &subs->children[at + 1]);
        }
    }
}

const struct docs_entry *docs_find(const struct docs *docs, struct bytes name, struct bytes sub)
{
    struct buf full = {0};
    const struct docs_entry *found = NULL;

    buf_append_bytes(&full, name);
    if (sub.len > 0) {
        buf_append_byte(&full, '|');
        buf_append_bytes(&full, sub);
    }
    for (size_t i = 0; i < docs->entries.count && found == NULL; i++) {
        struct docs_entry *entry = &docs->entries.items[i];

        if (bytes_equal_nocase(buf_bytes(&full), buf_text(&entry->name))) {
            found = entry;
        }
    }
    buf_deinit(&full);
    return found;
}

/* ---- for the person at the keyboard ------------------------------------------------------------- */

void docs_write_hint(const struct docs *docs, struct bytes line, struct buf *out)
{
    struct bytes rest = line;
    struct bytes name = bytes_next_word(&rest, ' ');
    struct bytes behind_sub = rest;
    struct bytes sub = bytes_next_word(&behind_sub, ' ');
    const struct docs_entry *entry = name.len > 0 ? docs_find(docs, name, (struct bytes){0}) : NULL;
    const struct docs_entry *sub_entry =
        entry != NULL && sub.len > 0 ? docs_find(docs, name, sub) : NULL;

    if (sub_entry != NULL) {
        hints_write_missing(line, behind_sub, buf_bytes(&sub_entry->arguments), out);
    } else if (entry != NULL) {
        hints_write_missing(line, rest, buf_bytes(&entry->arguments), out);
    }
}

bool docs_write_help(const struct docs *docs, const struct bytes *words, size_t word_count,
                     struct buf *out)
{
    const struct docs_entry *entry =
        docs_find(docs, words[0], word_count > 1 ? words[1] : (struct bytes){0});

    if (entry == NULL) {
        return false;
    }
    buf_append_text(out, "\n  ");
    for (size_t i = 0; i < entry->name.len; i++) {
        char c = entry->name.data[i];

        buf_append_byte(out, c == '|' ? ' ' : (char)toupper((unsigned char)c));
    }
    buf_append_text(out, entry->arguments.len > 0 ? " " : "");
    buf_append_bytes(out, buf_bytes(&entry->arguments));
    buf_append_text(out, "\n  summary: ");
    buf_append_bytes(out, buf_bytes(&entry->summary));
    buf_append_text(out, "\n  since: ");
    buf_append_bytes(out, buf_bytes(&entry->since));
    buf_append_text(out, "\n  group: ");
    buf_append_bytes(out, buf_bytes(&entry->group));
    buf_append_text(out, "\n\n");
    return true;
}
