/* SPDX-License-Identifier: MIT */
/* Writing a configuration back into the text that it came from. */
#include "base/mem.h"
#include "base/split.h"
#include "config/config_reader.h"
#include "config/option.h"

static void append_line(const struct config *config, const struct option *option, struct buf *out)
{
    struct buf value = {0};
    struct bytes rest;

    config_get(config, option->public.name, &value);
    buf_append_text(out, option->public.name);
    rest = buf_bytes(&value);
    do {
        struct bytes word = option->kind == KIND_WORDS ? bytes_next_word(&rest, ' ') : rest;

        buf_append_byte(out, ' ');
        split_append_word(out, word);
    } while (option->kind == KIND_WORDS && rest.len > 0);
    buf_append_byte(out, '\n');
    buf_deinit(&value);
}

static bool differs(const struct config *a, const struct config *b, const struct option *option)
{
    struct buf value_a = {0};
    struct buf value_b = {0};
    bool is_different;

    config_get(a, option->public.name, &value_a);
    config_get(b, option->public.name, &value_b);
    is_different = !bytes_equal(buf_bytes(&value_a), buf_bytes(&value_b));
    buf_deinit(&value_a);
    buf_deinit(&value_b);
    return is_different;
}

static size_t index_of(const struct option *wanted)
{
    size_t i = 0;

    while (option_at(i) != wanted) {
        i++;
    }
    return i;
}

/* The option that a line sets, or NULL. */
static const struct option *option_of(struct split *split, struct bytes line)
{
    line = bytes_trim(line);
    if (line.len == 0 || line.data[0] == '#' || !split_line(split, line) ||
        split->words.count == 0) {
        return NULL;
    }
    return option_find(split->words.items[0]);
}

/* A line that says "user ...", which is replaced by all users of now. */
static bool is_of_users(struct split *split, struct bytes line)
{
    line = bytes_trim(line);
    return line.len > 0 && line.data[0] != '#' && split_line(split, line) &&
           split->words.count > 0 && bytes_equal_nocase(split->words.items[0], "user");
}

static void append_user(struct bytes rest, struct buf *out)
{
    buf_append_text(out, "user");
    while (rest.len > 0) {
        buf_append_byte(out, ' ');
        split_append_word(out, bytes_next_field(&rest, ' '));
    }
    buf_append_byte(out, '\n');
}

static void append_users(const struct config *config, struct buf *out)
{
    for (size_t i = 0; i < config->users.count; i++) {
        append_user(bytes_from_text(config->users.items[i]), out);
    }
}

static bool has_user(const struct config *config, struct bytes name)
{
    for (size_t i = 0; i < config->users.count; i++) {
        struct bytes rest = bytes_from_text(config->users.items[i]);

        if (bytes_equal(bytes_next_field(&rest, ' '), name)) {
            return true;
        }
    }
    return false;
}

/* Users of included files that are no more cannot be unsaid, but be denied everything; the default user is
 * as it is without a line. */
static void append_lost_users(const struct config *config, const struct config *result,
                              struct buf *out)
{
    for (size_t i = 0; i < result->users.count; i++) {
        struct bytes rest = bytes_from_text(result->users.items[i]);
        struct bytes name = bytes_next_field(&rest, ' ');
        struct buf line = {0};

        if (has_user(config, name)) {
            continue;
        }
        if (!bytes_equal_text(name, "default")) {
            buf_printf(&line, "%.*s off", BYTES_ARGS(name));
        } else if (config->requirepass[0] == '\0') {
            buf_append_text(&line, "default on nopass ~* &* +@all");
        } else {
            buf_printf(&line, "default on >%s ~* &* +@all", config->requirepass);
        }
        append_user(buf_bytes(&line), out);
        buf_deinit(&line);
    }
}

static void append_differing(const struct config *config, const struct config *other,
                             const bool *is_written, struct buf *out)
{
    for (size_t i = 0; option_at(i) != NULL; i++) {
        if (option_at(i)->rule != RULE_NEVER && !(is_written != NULL && is_written[i]) &&
            differs(config, other, option_at(i))) {
            append_line(config, option_at(i), out);
        }
    }
}

/* What an included file sets may stand behind a line of this one, or be a default by now: read
 * what was written, and say at the end what came out otherwise. */
static void settle(const struct config *config, const struct config_files *files, struct buf *out)
{
    struct config result;
    struct config_reader reader = {.config = &result, .files = files};

    config_init(&result);
    config_read_text(&reader, buf_bytes(out), config->file != NULL ? config->file : "");
    /* Save points would be added to those of the included file. */
    if (strcmp(config->save, result.save) != 0) {
        buf_append_text(out, "save \"\"\n");
    }
    append_differing(config, &result, NULL, out);
    append_lost_users(config, &result, out);
    config_reader_deinit(&reader);
    config_deinit(&result);
}

void config_rewrite(const struct config *config, const struct config_files *files,
                    struct bytes old_text, struct buf *out)
{
    struct config defaults;
    bool *is_written;
    struct split split = {0};
    size_t count = 0;
    bool has_users = false;

    while (option_at(count) != NULL) {
        count++;
    }
    is_written = mem_alloc_zeroed(MEM_NODE, count * sizeof(*is_written));
    config_init(&defaults);
    while (old_text.len > 0) {
        struct bytes line = config_next_line(&old_text);
        const struct option *option = option_of(&split, line);

        if (option == NULL && is_of_users(&split, line)) {
            if (!has_users) {
                append_users(config, out);
            }
            has_users = true;
        } else if (option == NULL) {
            buf_append_bytes(out, line);
            buf_append_byte(out, '\n');
        } else if (!is_written[index_of(option)]) {
            is_written[index_of(option)] = true;
            append_line(config, option, out);
        }
    }
    append_differing(config, &defaults, is_written, out);
    if (!has_users) {
        append_users(config, out);
    }
    settle(config, files, out);
    split_deinit(&split);
    mem_free(MEM_NODE, is_written);
    config_deinit(&defaults);
}
