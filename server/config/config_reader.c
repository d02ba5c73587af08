/* SPDX-License-Identifier: MIT */
/* Lines to directives. */
#include "config/config_reader.h"

#include "base/glob.h"
#include "base/mem.h"
#include "base/split.h"

#include <stdlib.h>
#include <string.h>

void config_reader_deinit(struct config_reader *reader)
{
    buf_deinit(&reader->problems);
    VEC_DEINIT(&reader->user_depths);
}

struct bytes config_next_line(struct bytes *rest)
{
    size_t end = bytes_find_byte(*rest, '\n');
    struct bytes line = bytes_prefix(*rest, end < rest->len ? end : rest->len);

    *rest = bytes_from(*rest, end < rest->len ? end + 1 : rest->len);
    return line;
}

/* ---- include ---------------------------------------------------------------------------------- */

struct names {
    VEC(char *) items;
    struct bytes pattern;
};

static void collect(void *context, const char *name)
{
    struct names *names = context;
    bool is_hidden = name[0] == '.' && (names->pattern.len == 0 || names->pattern.data[0] != '.');

    if (!is_hidden && glob_match(names->pattern, bytes_from_text(name))) {
        VEC_PUSH(&names->items, mem_strdup(MEM_NODE, name));
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_wildcard(struct bytes text)
{
    return bytes_find_byte(text, '*') != SIZE_MAX || bytes_find_byte(text, '?') != SIZE_MAX ||
           bytes_find_byte(text, '[') != SIZE_MAX;
}

static size_t folder_len(struct bytes path)
{
    size_t len = path.len;

    while (len > 0 && path.data[len - 1] != '/') {
        len--;
    }
    return len;
}

static bool include_file(struct config_reader *reader, const char *path, struct errmsg *error)
{
    struct buf text = {0};
    bool is_read = reader->files->read(reader->files->context, path, &text, error);

    if (is_read) {
        config_read_text(reader, buf_bytes(&text), path);
    }
    buf_deinit(&text);
    return is_read;
}

static bool include_matching(struct config_reader *reader, struct bytes path, struct errmsg *error)
{
    size_t len = folder_len(path);
    struct names names = {.pattern = bytes_from(path, len)};
    struct buf at = {0};
    bool is_ok;

    buf_append_bytes(&at, len > 0 ? bytes_prefix(path, len) : BYTES_LITERAL("./"));
    is_ok = reader->files->list(reader->files->context, buf_text(&at), collect, &names, error);
    if (names.items.count > 0) {
        qsort(names.items.items, names.items.count, sizeof(char *), compare_names);
    }
    for (size_t i = 0; i < names.items.count; i++) {
        buf_clear(&at);
        buf_append_bytes(&at, bytes_prefix(path, len));
        buf_append_text(&at, names.items.items[i]);
        is_ok = is_ok && include_file(reader, buf_text(&at), error);
        mem_free(MEM_NODE, names.items.items[i]);
    }
    VEC_DEINIT(&names.items);
    buf_deinit(&at);
    return is_ok;
}

static bool include(struct config_reader *reader, struct bytes word, const char *from,
                    struct errmsg *error)
{
    struct bytes own = bytes_from_text(from);
    struct buf path = {0};
    bool is_ok;

    if (reader->depth == CONFIG_INCLUDE_DEPTH) {
        errmsg_set(error, "files include each other more than %d deep", CONFIG_INCLUDE_DEPTH);
        return false;
    }
    if (reader->files == NULL || word.len == 0 || bytes_find_byte(word, '\0') != SIZE_MAX) {
        errmsg_set(error, "no file can be included here");
        return false;
    }
    if (word.data[0] != '/') {
        buf_append_bytes(&path, bytes_prefix(own, folder_len(own)));
    }
    buf_append_bytes(&path, word);
    reader->depth++;
    is_ok = has_wildcard(bytes_from(word, folder_len(word)))
                ? include_matching(reader, buf_bytes(&path), error)
                : include_file(reader, buf_text(&path), error);
    reader->depth--;
    buf_deinit(&path);
    return is_ok;
}

/* ---- directives ------------------------------------------------------------------------------- */

static char *copy_word(struct bytes word)
{
    char *text = mem_alloc(MEM_NODE, word.len + 1);

    bytes_to_text(word, text, word.len + 1);
    return text;
}

static bool rename_command(struct config *config, struct bytes from, struct bytes to,
                           struct errmsg *error)
{
    if (from.len == 0 || bytes_find_byte(from, '\0') != SIZE_MAX ||
        bytes_find_byte(to, '\0') != SIZE_MAX) {
        errmsg_set(error, "no name of a command");
        return false;
    }
    VEC_PUSH(&config->renames,
             ((struct config_rename){.from = copy_word(from), .to = copy_word(to)}));
    return true;
}

/* Save points of one source add up; save "" forgets them. */
static bool set_save(struct config_reader *reader, const struct bytes *words, size_t count,
                     struct errmsg *error)
{
    struct buf joined = {0};
    struct bytes whole;
    bool is_set;

    if (reader->has_save && !(count == 1 && words[0].len == 0)) {
        buf_append_text(&joined, reader->config->save);
    }
    for (size_t i = 0; i < count; i++) {
        buf_append_byte(&joined, ' ');
        buf_append_bytes(&joined, words[i]);
    }
    whole = buf_bytes(&joined);
    is_set =
        config_set_words(reader->config, BYTES_LITERAL("save"), &whole, count > 0 ? 1 : 0, error);
    reader->has_save = reader->has_save || is_set;
    buf_deinit(&joined);
    return is_set;
}

/* Whose user the text declares. */
static struct bytes user_name(struct bytes text)
{
    return bytes_next_field(&text, ' ');
}

/* A file knows better than those that it includes, wherever it does so: CONFIG REWRITE writes all users into
 * one file.  Twice in one, or in two that stand beside each other, is left as it is, to be refused. */
static void put_user(struct config_reader *reader, struct bytes text)
{
    struct config *config = reader->config;
    size_t first = config->users.count - reader->user_depths.count;

    for (size_t i = 0; i < reader->user_depths.count; i++) {
        int depth = reader->user_depths.items[i];
        char **user = &config->users.items[first + i];

        if (depth == reader->depth ||
            !bytes_equal(user_name(bytes_from_text(*user)), user_name(text))) {
            continue;
        }
        if (depth > reader->depth) {
            mem_free(MEM_NODE, *user);
            *user = copy_word(text);
            reader->user_depths.items[i] = reader->depth;
        }
        return;
    }
    config_add_user(config, text);
    VEC_PUSH(&reader->user_depths, reader->depth);
}

/* What the rules mean is known above; here they are words. */
static bool add_user(struct config_reader *reader, const struct bytes *words, size_t count,
                     struct errmsg *error)
{
    struct buf text = {0};
    bool is_fine = count > 0;

    for (size_t i = 0; is_fine && i < count; i++) {
        is_fine = bytes_find_byte(words[i], '\0') == SIZE_MAX &&
                  bytes_find_byte(words[i], ' ') == SIZE_MAX;
        buf_append_text(&text, i > 0 ? " " : "");
        buf_append_bytes(&text, words[i]);
    }
    if (is_fine) {
        put_user(reader, buf_bytes(&text));
    } else {
        errmsg_set(error, count > 0 ? "words of a user have no blanks and no zero bytes"
                                    : "wrong number of arguments");
    }
    buf_deinit(&text);
    return is_fine;
}

static bool set_directive(struct config_reader *reader, const struct bytes *words, size_t count,
                          const char *path, struct errmsg *error)
{
    struct bytes name = words[0];

    bool is_include = bytes_equal_nocase(name, "include");

    if (is_include || bytes_equal_nocase(name, "rename-command")) {
        if (count != (is_include ? 2 : 3)) {
            errmsg_set(error, "wrong number of arguments");
            return false;
        }
        return is_include ? include(reader, words[1], path, error)
                          : rename_command(reader->config, words[1], words[2], error);
    }
    if (bytes_equal_nocase(name, "user")) {
        return add_user(reader, words + 1, count - 1, error);
    }
    if (bytes_equal_nocase(name, "save")) {
        return set_save(reader, words + 1, count - 1, error);
    }
    return config_set_words(reader->config, name, words + 1, count - 1, error);
}

/* Names, never values: those may be secrets. */
static void add_problem(struct config_reader *reader, struct bytes name, const struct errmsg *error)
{
    if (config_option_find(name) != NULL || bytes_equal_nocase(name, "include") ||
        bytes_equal_nocase(name, "rename-command") || bytes_equal_nocase(name, "user")) {
        buf_printf(&reader->problems, "%.*s: ", BYTES_ARGS(name));
    }
    buf_printf(&reader->problems, "%s\n", error->text);
}

void config_read_text(struct config_reader *reader, struct bytes text, const char *path)
{
    struct split split = {0};

    for (int number = 1; text.len > 0; number++) {
        struct bytes line = bytes_trim(config_next_line(&text));
        struct errmsg error = {0};
        struct bytes name = {0};
        bool is_ok = true;

        if (line.len == 0 || line.data[0] == '#') {
            continue;
        }
        if (!split_line(&split, line)) {
            errmsg_set(&error, "unbalanced quotes in configuration line");
            is_ok = false;
        } else if (split.words.count > 0) {
            name = split.words.items[0];
            is_ok = set_directive(reader, split.words.items, split.words.count, path, &error);
        }
        if (!is_ok) {
            buf_printf(&reader->problems, "%s:%d: ", path, number);
            add_problem(reader, name, &error);
        }
    }
    split_deinit(&split);
}

static bool is_flag(const char *word)
{
    return strncmp(word, "--", 2) == 0 && word[2] != '\0';
}

void config_read_flags(struct config_reader *reader, const char *const *flags, size_t count)
{
    VEC(struct bytes) words = {0};
    struct split split = {0};

    for (size_t i = 0; i < count;) {
        const char *flag = flags[i++];
        struct errmsg error = {0};
        bool is_ok =
            is_flag(flag) && split_line(&split, bytes_from_text(flag + 2)) && split.words.count > 0;

        words.count = 0;
        for (size_t k = 0; is_ok && k < split.words.count; k++) {
            VEC_PUSH(&words, split.words.items[k]);
        }
        for (; i < count && !is_flag(flags[i]); i++) {
            VEC_PUSH(&words, bytes_from_text(flags[i]));
        }
        if (!is_ok) {
            errmsg_set(&error, "'%s' is no directive: those begin with --", flag);
        } else {
            /* As redis-server has it: --save alone is --save "". */
            if (words.count == 1 && bytes_equal_nocase(words.items[0], "save")) {
                VEC_PUSH(&words, bytes_from_text(""));
            }
            is_ok = set_directive(reader, words.items, words.count, "", &error);
        }
        if (!is_ok) {
            buf_append_text(&reader->problems, "command line: ");
            add_problem(reader, words.count > 0 ? words.items[0] : (struct bytes){0}, &error);
        }
    }
    VEC_DEINIT(&words);
    split_deinit(&split);
}
