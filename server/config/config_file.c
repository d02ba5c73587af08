/* SPDX-License-Identifier: MIT */
/* Config files: one directive a line, # comments, words quoted with " or ' as in requests. */
#include "config/config.h"

#include "base/mem.h"

#include <stdio.h>

/* Cut one word, unquoting it into out; false when a quote is not closed. */
static bool next_word(struct bytes *rest, struct buf *out, bool *found)
{
    char quote = '\0';

    *rest = bytes_trim(*rest);
    *found = rest->len > 0;
    if (rest->len > 0 && (rest->data[0] == '"' || rest->data[0] == '\'')) {
        quote = rest->data[0];
        *rest = bytes_from(*rest, 1);
    }
    while (rest->len > 0) {
        char c = rest->data[0];

        *rest = bytes_from(*rest, 1);
        if (quote != '\0' && c == quote) {
            return rest->len == 0 || rest->data[0] == ' ' || rest->data[0] == '\t';
        }
        if (quote == '\0' && (c == ' ' || c == '\t')) {
            return true;
        }
        if (quote == '"' && c == '\\' && rest->len > 0) {
            c = rest->data[0];
            *rest = bytes_from(*rest, 1);
        }
        buf_append_byte(out, c);
    }
    return quote == '\0';
}

/* Directive and value of a line; an empty name for comments and blank lines. */
static bool split_line(struct bytes line, struct buf *name, struct buf *value)
{
    bool found;

    buf_clear(name);
    buf_clear(value);
    line = bytes_trim(line);
    if (line.len == 0 || line.data[0] == '#') {
        return true;
    }
    if (!next_word(&line, name, &found)) {
        return false;
    }
    for (;;) {
        size_t before = value->len;

        if (before > 0) {
            buf_append_byte(value, ' ');
        }
        if (!next_word(&line, value, &found)) {
            return false;
        }
        if (!found) {
            value->len = before;
            return true;
        }
    }
}

static struct bytes next_line(struct bytes *rest)
{
    size_t end = bytes_find_byte(*rest, '\n');
    struct bytes line = bytes_prefix(*rest, end < rest->len ? end : rest->len);

    *rest = bytes_from(*rest, end < rest->len ? end + 1 : rest->len);
    return line;
}

/* save and client-output-buffer-limit may stand on several lines, which add up. */
static bool set_from_line(struct config *config, struct buf *name, struct buf *value,
                          bool *has_save, struct errmsg *error)
{
    struct buf joined = {0};
    bool is_set;

    /* A name with a zero byte in it would be taken for what stands before that. */
    if (bytes_find_byte(buf_bytes(name), '\0') != SIZE_MAX) {
        errmsg_set(error, "a directive's name holds a zero byte");
        return false;
    }
    if (bytes_equal_nocase(buf_bytes(name), "save") && *has_save && value->len > 0) {
        buf_printf(&joined, "%s ", config->save);
    }
    *has_save = *has_save || bytes_equal_nocase(buf_bytes(name), "save");
    buf_append_bytes(&joined, buf_bytes(value));
    is_set = config_set(config, buf_text(name), buf_bytes(&joined), CONFIG_FROM_START, error);
    buf_deinit(&joined);
    return is_set;
}

bool config_parse(struct config *config, struct bytes text, const char *file_name,
                  struct errmsg *error)
{
    struct buf name = {0};
    struct buf value = {0};
    bool has_save = false;
    bool is_ok = true;

    for (int number = 1; text.len > 0 && is_ok; number++) {
        struct bytes line = next_line(&text);

        if (!split_line(line, &name, &value)) {
            errmsg_set(error, "unbalanced quotes");
            is_ok = false;
        } else if (name.len > 0) {
            is_ok = set_from_line(config, &name, &value, &has_save, error);
        }
        if (!is_ok) {
            char shown[128];

            bytes_to_text(bytes_trim(line), shown, sizeof(shown));
            errmsg_wrap(error, "%s, line %d: \"%s\"", file_name, number, shown);
        }
    }
    buf_deinit(&name);
    buf_deinit(&value);
    return is_ok;
}

bool config_validate(const struct config *config, struct errmsg *error)
{
    struct bytes target = bytes_from_text(config->replicaof);
    struct bytes host = bytes_next_word(&target, ' ');

    if (config->port == 0 && config->unixsocket[0] == '\0') {
        errmsg_set(error, "port is 0 and no unixsocket is given: nowhere to listen");
        return false;
    }
    if (config->cluster_enabled && config->replicaof[0] != '\0') {
        errmsg_set(error, "replicaof directive not allowed in cluster mode");
        return false;
    }
    if (config->cluster_enabled && config->port == 0) {
        errmsg_set(error, "cluster mode needs a TCP port");
        return false;
    }
    if (config->cluster_enabled && config->cluster_port == 0 && config->port > 55535) {
        errmsg_set(error, "port + 10000 is no port: give cluster-port");
        return false;
    }
    if (host.len > 0 && bytes_trim(target).len == 0) {
        errmsg_set(error, "replicaof needs a host and a port");
        return false;
    }
    return true;
}

/* Would the value be read back as it is without quotes: words with one blank between? */
static bool is_plain(struct bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        bool is_between = i > 0 && i + 1 < value.len && value.data[i - 1] != ' ';

        if (c == '"' || c == '\'' || c == '\\' || c < ' ' || c > '~' || (c == ' ' && !is_between)) {
            return false;
        }
    }
    return value.len > 0;
}

static void append_line(const struct config *config, const char *name, struct buf *out)
{
    struct buf value = {0};

    config_get(config, name, &value);
    buf_printf(out, "%s ", name);
    if (is_plain(buf_bytes(&value))) {
        buf_append_bytes(out, buf_bytes(&value));
    } else {
        buf_append_byte(out, '"');
        for (size_t i = 0; i < value.len; i++) {
            if (value.data[i] == '"' || value.data[i] == '\\') {
                buf_append_byte(out, '\\');
            }
            buf_append_byte(out, value.data[i]);
        }
        buf_append_byte(out, '"');
    }
    buf_append_byte(out, '\n');
    buf_deinit(&value);
}

static bool differs(const struct config *a, const struct config *b, const char *name)
{
    struct buf value_a = {0};
    struct buf value_b = {0};
    bool is_different;

    config_get(a, name, &value_a);
    config_get(b, name, &value_b);
    is_different = !bytes_equal(buf_bytes(&value_a), buf_bytes(&value_b));
    buf_deinit(&value_a);
    buf_deinit(&value_b);
    return is_different;
}

static size_t index_of(const struct config_option *wanted)
{
    size_t i = 0;

    while (config_option_at(i) != wanted) {
        i++;
    }
    return i;
}

enum {
    OPTIONS_MAX = 256
};

void config_rewrite(const struct config *config, struct bytes old_text, struct buf *out)
{
    struct config defaults;
    bool written[OPTIONS_MAX] = {false};
    struct buf name = {0};
    struct buf value = {0};

    config_init(&defaults);
    while (old_text.len > 0) {
        struct bytes line = next_line(&old_text);
        const struct config_option *option = NULL;

        if (split_line(line, &name, &value) && name.len > 0) {
            option = config_option_find(buf_bytes(&name));
        }
        if (option == NULL) {
            buf_append_bytes(out, line);
            buf_append_byte(out, '\n');
        } else if (!written[index_of(option)]) {
            written[index_of(option)] = true;
            append_line(config, option->name, out);
        }
    }
    for (size_t i = 0; config_option_at(i) != NULL; i++) {
        const char *option = config_option_at(i)->name;

        if (!written[i] && differs(config, &defaults, option)) {
            append_line(config, option, out);
        }
    }
    buf_deinit(&name);
    buf_deinit(&value);
    config_deinit(&defaults);
}
