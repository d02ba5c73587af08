/* SPDX-License-Identifier: MIT */
/* Values in their places: defaults, setting, getting, copies. */
#include "config/config.h"

#include "base/assert.h"
#include "base/mem.h"
#include "config/option.h"

static void *field_of(struct config *config, const struct option *option)
{
    return (char *)config + option->field;
}

static const void *const_field_of(const struct config *config, const struct option *option)
{
    return (const char *)config + option->field;
}

/* Where the text of an option is, NULL when it has none. */
static char **text_of(struct config *config, const struct option *option)
{
    if (option->rule != RULE_OWN) {
        return &config->foreign[option_foreign_index(option)];
    }
    return option_is_text(option) ? field_of(config, option) : NULL;
}

static void replace_text(char **field, struct buf *text)
{
    mem_free(MEM_NODE, *field);
    *field = mem_strdup(MEM_NODE, buf_text(text));
}

static bool set_own(struct config *config, const struct option *option, struct option_value *value,
                    struct errmsg *error)
{
    switch (option->kind) {
    case KIND_BOOL:
        *(bool *)field_of(config, option) = value->number != 0;
        break;
    case KIND_NUMBER:
    case KIND_SIZE:
        *(int64_t *)field_of(config, option) = value->number;
        break;
    case KIND_CHOICE:
        *(int *)field_of(config, option) = (int)value->number;
        break;
    case KIND_TEXT:
    case KIND_NAME:
    case KIND_WORDS:
        if (!option_check(config, option, &value->text, error)) {
            return false;
        }
        replace_text(field_of(config, option), &value->text);
        break;
    }
    return true;
}

static bool set_foreign(struct config *config, const struct option *option,
                        struct option_value *value, enum config_source source, struct errmsg *error)
{
    size_t index = option_foreign_index(option);

    if (!option_is_text(option)) {
        option_format(option, value->number, &value->text);
    }
    if (option->rule == RULE_NEVER ||
        (option->rule == RULE_ONLY && strcmp(buf_text(&value->text), option->initial) != 0)) {
        errmsg_set(error, "not supported: %s", option->public.help);
        return false;
    }
    config->is_foreign_given[index] |= source == CONFIG_FROM_START;
    replace_text(&config->foreign[index], &value->text);
    return true;
}

static bool set(struct config *config, const struct option *option, struct bytes text,
                enum config_source source, struct errmsg *error)
{
    struct option_value value = {0};
    bool is_set = option_parse(option, text, &value, error);

    if (is_set) {
        is_set = option->rule == RULE_OWN ? set_own(config, option, &value, error)
                                          : set_foreign(config, option, &value, source, error);
    }
    buf_deinit(&value.text);
    return is_set;
}

void config_init(struct config *config)
{
    *config = (struct config){0};
    for (size_t i = 0; option_at(i) != NULL; i++) {
        struct errmsg error = {0};

        if (option_at(i)->rule == RULE_OWN) {
            bool is_set = set(config, option_at(i), bytes_from_text(option_at(i)->initial),
                              CONFIG_FROM_LIVE, &error);

            ASSERT(is_set);
        }
    }
}

static void free_renames(struct config *config)
{
    for (size_t i = 0; i < config->renames.count; i++) {
        mem_free(MEM_NODE, config->renames.items[i].from);
        mem_free(MEM_NODE, config->renames.items[i].to);
    }
    VEC_DEINIT(&config->renames);
}

void config_drop_users(struct config *config)
{
    for (size_t i = 0; i < config->users.count; i++) {
        mem_free(MEM_NODE, config->users.items[i]);
    }
    VEC_DEINIT(&config->users);
}

void config_add_user(struct config *config, struct bytes text)
{
    char *user = mem_alloc(MEM_NODE, text.len + 1);

    ASSERT(bytes_find_byte(text, '\0') == SIZE_MAX);
    bytes_to_text(text, user, text.len + 1);
    VEC_PUSH(&config->users, user);
}

void config_deinit(struct config *config)
{
    ASSERT(config != NULL);
    for (size_t i = 0; option_at(i) != NULL; i++) {
        char **text = text_of(config, option_at(i));

        if (text != NULL) {
            mem_free(MEM_NODE, *text);
        }
    }
    free_renames(config);
    config_drop_users(config);
    mem_free(MEM_NODE, config->file);
    *config = (struct config){0};
}

static char *copy_text(const char *text)
{
    return text != NULL ? mem_strdup(MEM_NODE, text) : NULL;
}

void config_copy(const struct config *config, struct config *out)
{
    *out = *config;
    for (size_t i = 0; option_at(i) != NULL; i++) {
        char **text = text_of(out, option_at(i));

        if (text != NULL) {
            *text = copy_text(*text);
        }
    }
    memset(&out->renames, 0, sizeof(out->renames));
    for (size_t i = 0; i < config->renames.count; i++) {
        VEC_PUSH(&out->renames,
                 ((struct config_rename){.from = copy_text(config->renames.items[i].from),
                                         .to = copy_text(config->renames.items[i].to)}));
    }
    memset(&out->users, 0, sizeof(out->users));
    for (size_t i = 0; i < config->users.count; i++) {
        config_add_user(out, bytes_from_text(config->users.items[i]));
    }
    out->file = copy_text(config->file);
}

static const struct option *find_or_refuse(struct bytes name, struct errmsg *error)
{
    const struct option *option = option_find(name);
    size_t equals = bytes_find_byte(name, '=');
    struct bytes before = bytes_prefix(name, equals < name.len ? equals : name.len);

    if (option == NULL && before.len < name.len && option_find(before) != NULL) {
        errmsg_set(error, "unknown directive '%.*s': write '%.*s %.*s'",
                   (int)(name.len < 128 ? name.len : 128), name.data, BYTES_ARGS(before),
                   (int)(name.len < 128 ? name.len - equals - 1 : 0), name.data + equals + 1);
    } else if (option == NULL) {
        errmsg_set(error, "unknown directive '%.*s'", (int)(name.len < 128 ? name.len : 128),
                   name.data);
    }
    return option;
}

bool config_set(struct config *config, const char *name, struct bytes value,
                enum config_source source, struct errmsg *error)
{
    const struct option *option = find_or_refuse(bytes_from_text(name), error);

    if (option == NULL) {
        return false;
    }
    if (source == CONFIG_FROM_LIVE && !option->public.is_live) {
        errmsg_set(error, "can't set immutable config");
        return false;
    }
    return set(config, option, value, source, error);
}

bool config_set_words(struct config *config, struct bytes name, const struct bytes *words,
                      size_t word_count, struct errmsg *error)
{
    const struct option *option = find_or_refuse(name, error);
    struct buf joined = {0};
    bool is_set = false;

    if (option == NULL) {
        return false;
    }
    if (word_count == 0 || (word_count > 1 && option->kind != KIND_WORDS)) {
        errmsg_set(error, "wrong number of arguments");
        return false;
    }
    for (size_t i = 0; i < word_count; i++) {
        if (word_count > 1 && words[i].len == 0) {
            errmsg_set(error, "one of its arguments is empty");
            goto out;
        }
        buf_printf(&joined, "%s", i > 0 ? " " : "");
        buf_append_bytes(&joined, words[i]);
    }
    is_set = set(config, option, buf_bytes(&joined), CONFIG_FROM_START, error);
out:
    buf_deinit(&joined);
    return is_set;
}

static int64_t number_of(const struct config *config, const struct option *option)
{
    if (option->kind == KIND_BOOL) {
        return *(const bool *)const_field_of(config, option);
    }
    if (option->kind == KIND_CHOICE) {
        return *(const int *)const_field_of(config, option);
    }
    return *(const int64_t *)const_field_of(config, option);
}

bool config_get(const struct config *config, const char *name, struct buf *out)
{
    const struct option *option = option_find(bytes_from_text(name));
    const char *text;

    if (option == NULL) {
        return false;
    }
    if (option->rule != RULE_OWN) {
        text = config->foreign[option_foreign_index(option)];
        buf_append_text(out, text != NULL ? text : option->initial);
    } else if (option_is_text(option)) {
        buf_append_text(out, *(char *const *)const_field_of(config, option));
    } else {
        option_format(option, number_of(config, option), out);
    }
    return true;
}
