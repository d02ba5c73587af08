/* SPDX-License-Identifier: MIT */
/* CONFIG GET, SET, REWRITE, RESETSTAT. */
#include "control/answer.h"
#include "control/client.h"
#include "control/control.h"
#include "node/inside.h"

#include "base/glob.h"
#include "base/mem.h"
#include "config/config_reader.h"

static bool is_asked_for(const struct request *request, const char *name)
{
    for (size_t i = 2; i < request->arg_count; i++) {
        if (glob_match_nocase(request->args[i], bytes_from_text(name))) {
            return true;
        }
    }
    return false;
}

void control_config(struct node *node, struct request *request)
{
    (void)node;
    reply_unknown_sub(request);
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

void control_config_get(struct node *node, struct request *request)
{
    struct resp_writer *w = request->reply;
    VEC(const char *) names = {0};
    struct buf value = {0};
    const char *name;

    for (size_t i = 0; (name = name_at(i)) != NULL; i++) {
        if (is_asked_for(request, name)) {
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

static bool is_named_before(const struct request *request, size_t at)
{
    const struct config_option *option = config_option_find(request->args[at]);

    for (size_t i = 2; i < at; i += 2) {
        if (config_option_find(request->args[i]) == option) {
            return true;
        }
    }
    return false;
}

/* Set all pairs in a copy; false after an error was replied. */
static bool set_pairs(struct node *node, struct request *request, struct config *next)
{
    for (size_t i = 2; i < request->arg_count; i += 2) {
        const struct config_option *option = config_option_find(request->args[i]);
        struct errmsg error = {0};

        if (option == NULL || option->is_refused) {
            char shown[65];

            bytes_to_text(request->args[i], shown, sizeof(shown));
            reply_error(request, "ERR Unknown option or number of arguments for CONFIG SET - '%s'",
                        shown);
            return false;
        }
        if (is_named_before(request, i)) {
            errmsg_set(&error, "duplicate parameter");
        } else if (is_protected(option) &&
                   !gates_allow(request->session, node->config.enable_protected_configs)) {
            errmsg_set(&error, "can't set protected config");
        } else if (config_set(next, option->name, request->args[i + 1], CONFIG_FROM_LIVE, &error)) {
            continue;
        }
        reply_error(request, "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
                    option->name, error.text);
        return false;
    }
    return true;
}

/* Even when it is what it was: the default user may have got another password since. */
static bool names_requirepass(const struct request *request)
{
    for (size_t i = 2; i < request->arg_count; i += 2) {
        if (bytes_equal_nocase(request->args[i], "requirepass")) {
            return true;
        }
    }
    return false;
}

/* All pairs or none: the new configuration takes the old one's place only when the world has taken it,
 * too. */
/* While the data is being loaded its end decides. */
static bool begin_log(struct node *node, struct config *next, struct errmsg *error)
{
    if (!next->appendonly || node->config.appendonly || load_is_at_start(&node->loading) ||
        disk_base_turn_on(node, error)) {
        return true;
    }
    /* The rest has happened by now. */
    next->appendonly = false;
    node_take_config(node, next);
    return false;
}

void control_config_set(struct node *node, struct request *request)
{
    struct config next;
    const char *culprit = "";
    struct errmsg error = {0};

    if (request->arg_count % 2 != 0) {
        reply_error(request, "ERR wrong number of arguments for 'config|set' command");
        return;
    }
    config_copy(&node->config, &next);
    if (set_pairs(node, request, &next)) {
        if (node->env.apply_config != NULL &&
            !node->env.apply_config(node->env.context, &node->config, &next, &culprit, &error)) {
            reply_error(request, "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
                        culprit, error.text);
        } else if (!begin_log(node, &next, &error)) {
            reply_error(request,
                        "ERR CONFIG SET failed (possibly related to argument 'appendonly') - %s",
                        error.text);
        } else {
            node_take_config(node, &next);
            if (names_requirepass(request)) {
                users_take_requirepass(node);
            }
            resp_write_ok(request->reply);
        }
    }
    config_deinit(&next);
}

void control_config_resetstat(struct node *node, struct request *request)
{
    node_reset_stats(node);
    resp_write_ok(request->reply);
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

void control_config_rewrite(struct node *node, struct request *request)
{
    const struct fs *fs = node->env.fs;
    struct config_files files = {.context = node, .read = read_included, .list = list_included};
    struct buf old_text = {0};
    struct buf new_text = {0};
    struct errmsg error = {0};
    enum fs_status status;

    if (node->config.file == NULL) {
        reply_error(request, "ERR The server is running without a config file");
        return;
    }
    if (files_is_writing(node, FILE_CONFIG)) {
        reply_error(request, "ERR Rewriting config file: already in progress");
        return;
    }
    status = fs->read_file(fs->ctx, node->config.file, CONFIG_FILE_MAX, &old_text, &error);
    if (status != FS_OK && status != FS_MISSING) {
        reply_error(request, "ERR Rewriting config file: %s", error.text);
    } else {
        struct config now;

        config_copy(&node->config, &now);
        users_to_config(node, &now);
        config_rewrite(&now, &files, buf_bytes(&old_text), &new_text);
        config_deinit(&now);
        files_begin(node, FILE_CONFIG, node->config.file);
        files_append(node, FILE_CONFIG, &new_text);
        files_commit(node, FILE_CONFIG);
        waiting_hold(node, request->session, HOLD_CONFIG, MONO_NEVER);
    }
    buf_deinit(&old_text);
    buf_deinit(&new_text);
}

void control_config_help(struct node *node, struct request *request)
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
    answer_help(request, lines, ARRAY_COUNT(lines));
}
