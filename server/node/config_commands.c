/* SPDX-License-Identifier: MIT */
/* CONFIG GET, SET, REWRITE, RESETSTAT. */
#include "node/client.h"
#include "node/state.h"

#include "base/glob.h"
#include "base/mem.h"

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

/* An alias is answered under the name it was asked by, unless a pattern asked. */
static const struct config_option *alias_at(const struct call *call, size_t i)
{
    const struct config_option *option = config_option_find(call->args[i]);

    return option != NULL && !bytes_equal_nocase(call->args[i], option->name) ? option : NULL;
}

void control_config_get(struct node *node, struct call *call)
{
    struct resp_writer *w = call->reply;
    struct buf value = {0};
    size_t count = 0;

    for (size_t i = 0; config_option_at(i) != NULL; i++) {
        count += is_asked_for(call, config_option_at(i)->name);
    }
    for (size_t i = 2; i < call->arg_count; i++) {
        count += alias_at(call, i) != NULL;
    }
    resp_write_map(w, count);
    for (size_t i = 0; config_option_at(i) != NULL; i++) {
        const char *name = config_option_at(i)->name;

        if (is_asked_for(call, name)) {
            buf_clear(&value);
            config_get(&node->config, name, &value);
            resp_write_bulk_text(w, name);
            resp_write_bulk(w, buf_bytes(&value));
        }
    }
    for (size_t i = 2; i < call->arg_count; i++) {
        if (alias_at(call, i) != NULL) {
            buf_clear(&value);
            config_get(&node->config, alias_at(call, i)->name, &value);
            resp_write_bulk(w, call->args[i]);
            resp_write_bulk(w, buf_bytes(&value));
        }
    }
    buf_deinit(&value);
}

/* Whoever sets these makes the server write where he likes. */
static bool is_protected(const struct config_option *option)
{
    return strcmp(option->name, "dir") == 0 || strcmp(option->name, "dbfilename") == 0;
}

/* Several pairs are set together or not at all: what was set is put back on failure. */
void control_config_set(struct node *node, struct call *call)
{
    struct buf *old;
    size_t pairs = (call->arg_count - 2) / 2;
    size_t done = 0;
    struct errmsg error;
    bool is_ok = true;

    if (call->arg_count % 2 != 0) {
        reply_error(node, call, "ERR wrong number of arguments for 'config|set' command");
        return;
    }
    old = mem_alloc_zeroed(MEM_NODE, pairs * sizeof(*old));
    for (; is_ok && done < pairs; done++) {
        const struct config_option *option = config_option_find(call->args[2 + 2 * done]);

        if (option == NULL) {
            char shown[65];

            bytes_to_text(call->args[2 + 2 * done], shown, sizeof(shown));
            reply_error(node, call,
                        "ERR Unknown option or number of arguments for CONFIG SET - '%s'", shown);
            is_ok = false;
            break;
        }
        if (is_protected(option) &&
            !client_is_allowed(call->session, node->config.enable_protected_configs)) {
            reply_error(node, call,
                        "ERR CONFIG SET failed (possibly related to argument '%s') - can't set "
                        "protected config",
                        option->name);
            is_ok = false;
            break;
        }
        config_get(&node->config, option->name, &old[done]);
        if (!config_set(&node->config, option->name, call->args[3 + 2 * done], CONFIG_FROM_LIVE,
                        &error)) {
            reply_error(node, call,
                        "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
                        option->name, error.text);
            is_ok = false;
            break;
        }
    }
    for (size_t i = done; !is_ok && i-- > 0;) {
        const struct config_option *option = config_option_find(call->args[2 + 2 * i]);

        if (!config_set(&node->config, option->name, buf_bytes(&old[i]), CONFIG_FROM_LIVE,
                        &error)) {
            node_log(node, LOG_WARNING, "cannot restore %s: %s", option->name, error.text);
        }
    }
    for (size_t i = 0; i < pairs; i++) {
        buf_deinit(&old[i]);
    }
    mem_free(MEM_NODE, old);
    if (is_ok) {
        apply_config(node);
        resp_write_simple(call->reply, "OK");
    }
}

void control_config_resetstat(struct node *node, struct call *call)
{
    size_t peak = node->stats.peak_memory;

    node->stats = (struct node_stats){.peak_memory = peak, .rates_at = node->now.mono};
    timing_reset_stats(&node->timing);
    resp_write_simple(call->reply, "OK");
}

void control_config_rewrite(struct node *node, struct call *call)
{
    const struct fs *fs = node->env.fs;
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
    status = fs->read_file(fs->ctx, node->config.file, CONFIG_FILE_MAX_BYTES, &old_text, &error);
    if (status != FS_OK && status != FS_MISSING) {
        reply_error(node, call, "ERR Rewriting config file: %s", error.text);
    } else {
        config_rewrite(&node->config, buf_bytes(&old_text), &new_text);
        node->rewrite_file = fs->write_begin(fs->ctx, node->config.file);
        fs->write_append(fs->ctx, node->rewrite_file, &new_text);
        fs->write_commit(fs->ctx, node->rewrite_file, node->config.file);
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
