/* SPDX-License-Identifier: MIT */
/* CONFIG GET, SET, REWRITE, RESETSTAT. */
#include "node/client.h"
#include "node/state.h"

#include "base/glob.h"
#include "base/mem.h"
#include "config/config_reader.h"

static bool is_asked_for(const struct call *call, const char *name)
{
    for (size_t i = 2; i < call->arg_count; i++) {
        if (glob_match_nocase(call->args[i], bytes_from_text(name))) {
            return true;
        }
    }
    return false;
}

void control_config(struct node *node, struct call *call)
{
    reply_unknown_sub(node, call);
}

/* Names in the order of the tables, then older names; NULL behind the end. */
static const char *name_at(size_t index)
{
    size_t count = 0;

    for (size_t i = 0; config_option_at(i) != NULL; i++) {
        if (!config_option_at(i)->is_refused && count++ == index) {
            return config_option_at(i)->name;
        }
    }
    return config_alias_at(index - count);
}

void control_config_get(struct node *node, struct call *call)
{
    struct resp_writer *w = call->reply;
    VEC(const char *) names = {0};
    struct buf value = {0};
    const char *name;

    for (size_t i = 0; (name = name_at(i)) != NULL; i++) {
        if (is_asked_for(call, name)) {
            VEC_PUSH(&names, name);
        }
    }
    resp_write_map(w, names.count);
    for (size_t i = 0; i < names.count; i++) {
        buf_clear(&value);
        config_get(&node->config, names.items[i], &value);
        resp_write_bulk_text(w, names.items[i]);
        resp_write_bulk(w, buf_bytes(&value));
    }
    buf_deinit(&value);
    VEC_DEINIT(&names);
}

/* Whoever sets these makes the server write where he likes. */
static bool is_protected(const struct config_option *option)
{
    return strcmp(option->name, "dir") == 0 || strcmp(option->name, "dbfilename") == 0;
}

static bool is_named_before(const struct call *call, size_t at)
{
    const struct config_option *option = config_option_find(call->args[at]);

    for (size_t i = 2; i < at; i += 2) {
        if (config_option_find(call->args[i]) == option) {
            return true;
        }
    }
    return false;
}

/* Set all pairs in a copy; false after an error was replied. */
static bool set_pairs(struct node *node, struct call *call, struct config *next)
{
    for (size_t i = 2; i < call->arg_count; i += 2) {
        const struct config_option *option = config_option_find(call->args[i]);
        struct errmsg error = {0};

        if (option == NULL || option->is_refused) {
            char shown[65];

            bytes_to_text(call->args[i], shown, sizeof(shown));
            reply_error(node, call,
                        "ERR Unknown option or number of arguments for CONFIG SET - '%s'", shown);
            return false;
        }
        if (is_named_before(call, i)) {
            errmsg_set(&error, "duplicate parameter");
        } else if (is_protected(option) &&
                   !client_is_allowed(call->session, node->config.enable_protected_configs)) {
            errmsg_set(&error, "can't set protected config");
        } else if (config_set(next, option->name, call->args[i + 1], CONFIG_FROM_LIVE, &error)) {
            continue;
        }
        reply_error(node, call, "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
                    option->name, error.text);
        return false;
    }
    return true;
}

/* All pairs or none: the new configuration takes the old one's place only when the world has taken it,
 * too. */
void control_config_set(struct node *node, struct call *call)
{
    struct config next;
    const char *culprit = "";
    struct errmsg error = {0};

    if (call->arg_count % 2 != 0) {
        reply_error(node, call, "ERR wrong number of arguments for 'config|set' command");
        return;
    }
    config_copy(&node->config, &next);
    if (set_pairs(node, call, &next)) {
        if (node->env.apply_config != NULL &&
            !node->env.apply_config(node->env.context, &node->config, &next, &culprit, &error)) {
            reply_error(node, call,
                        "ERR CONFIG SET failed (possibly related to argument '%s') - %s", culprit,
                        error.text);
        } else {
            struct config old = node->config;

            node->config = next;
            next = old;
            apply_config(node);
            resp_write_ok(call->reply);
        }
    }
    config_deinit(&next);
}

void control_config_resetstat(struct node *node, struct call *call)
{
    size_t peak = node->stats.peak_memory;

    node->stats = (struct node_stats){.peak_memory = peak, .rates_at = node->now.mono};
    timing_reset_stats(&node->timing);
    resp_write_ok(call->reply);
}

static bool read_included(void *context, const char *path, struct buf *out, struct errmsg *error)
{
    const struct fs *fs = ((struct node *)context)->env.fs;

    return fs->read_file(fs->ctx, path, CONFIG_FILE_MAX, out, error) == FS_OK;
}

static bool list_included(void *context, const char *folder, config_name_fn *on_name,
                          void *name_context, struct errmsg *error)
{
    const struct fs *fs = ((struct node *)context)->env.fs;

    return fs->list(fs->ctx, folder, on_name, name_context, error) == FS_OK;
}

void control_config_rewrite(struct node *node, struct call *call)
{
    const struct fs *fs = node->env.fs;
    struct config_files files = {.context = node, .read = read_included, .list = list_included};
    struct buf old_text = {0};
    struct buf new_text = {0};
    struct errmsg error = {0};
    enum fs_status status;

    if (node->config.file == NULL) {
        reply_error(node, call, "ERR The server is running without a config file");
        return;
    }
    if (node->rewrite_file != FS_NO_FILE) {
        reply_error(node, call, "ERR Rewriting config file: already in progress");
        return;
    }
    status = fs->read_file(fs->ctx, node->config.file, CONFIG_FILE_MAX, &old_text, &error);
    if (status != FS_OK && status != FS_MISSING) {
        reply_error(node, call, "ERR Rewriting config file: %s", error.text);
    } else {
        config_rewrite(&node->config, &files, buf_bytes(&old_text), &new_text);
        node->rewrite_file = fs->write_begin(fs->ctx, node->config.file);
        fs->write_append(fs->ctx, node->rewrite_file, &new_text);
        fs->write_commit(fs->ctx, node->rewrite_file);
        waiting_hold(node, call->session, HOLD_CONFIG, MONO_NEVER);
    }
    buf_deinit(&old_text);
    buf_deinit(&new_text);
}

void control_config_help(struct node *node, struct call *call)
{
    static const char *const lines[] = {
        "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GET <pattern> [<pattern> ...]",
        "    Return parameters matching the glob-like patterns and their values.",
        "SET <directive> <value> [<directive> <value> ...]",
        "    Set the configuration directives to the values.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
    };

    (void)node;
    reply_help(call, lines, ARRAY_COUNT(lines));
}
