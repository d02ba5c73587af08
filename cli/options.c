/* SPDX-License-Identifier: MIT */
/* Flag by flag; some change how the words behind them are read. */
#include "cli/options.h"

#include "base/mem.h"
#include "cli/options_flags.h"

#include <ctype.h>
#include <string.h>

enum {
    PORT_DEFAULT = 6379,
    PIPE_TIMEOUT_MS = 30 * 1000,
    TOP_COUNT = 10,
    CLUSTER_TIMEOUT_MS = 60 * 1000,
    CLUSTER_PIPELINE = 10,
    CLUSTER_THRESHOLD_PERCENT = 2,
};

/* ---- the command line -------------------------------------------------------------------------- */

static void take_words(struct options *o, struct flag_words *rest, size_t count)
{
    o->words = rest->words;
    o->word_count = count;
    rest->words += count;
    rest->count -= count;
}

/* --cluster takes words up to the next flag; those of call may be negative numbers. */
static void take_cluster_words(struct options *o, struct flag_words *rest)
{
    bool is_call = rest->count > 0 && strcmp(rest->words[0], "call") == 0;
    size_t count = 0;

    while (count < rest->count) {
        const char *word = rest->words[count];
        bool is_number = is_call && isdigit((unsigned char)(word[0] == '-' ? word[1] : '0')) != 0;

        if (word[0] == '-' && !is_number) {
            break;
        }
        count++;
    }
    take_words(o, rest, count);
}

static enum flag_outcome take_flag(struct options *o, struct flag_words *rest, struct errmsg *error)
{
    size_t count;
    const struct flag_table *tables = options_flags(&count);

    if (strcmp(rest->words[0], "-h") == 0 && rest->count == 1) {
        o->mode = OPTIONS_HELP;
        rest->words++;
        rest->count--;
        return FLAG_TAKEN;
    }
    for (size_t i = 0; i < count; i++) {
        enum flag_outcome outcome = flags_take(&tables[i], o, rest, error);

        if (outcome != FLAG_UNKNOWN) {
            return outcome;
        }
    }
    return FLAG_UNKNOWN;
}

static bool take_all(struct options *o, struct flag_words rest, struct errmsg *error)
{
    while (rest.count > 0) {
        enum options_mode mode = o->mode;

        if (mode == OPTIONS_CLUSTER && o->cluster_weight_count > 0 &&
            strchr(rest.words[0], '=') != NULL) {
            if (!options_take_weight(o, rest.words[0], error)) {
                return false;
            }
            rest.words++; /* more behind one flag, as redis-cli takes them */
            rest.count--;
            continue;
        }
        if (rest.words[0][0] != '-') {
            if (mode != OPTIONS_COMMAND && mode != OPTIONS_HELP && mode != OPTIONS_VERSION) {
                errmsg_set(error, "Unexpected word '%s'", rest.words[0]);
                return false;
            }
            take_words(o, &rest, rest.count);
            return true;
        }
        switch (take_flag(o, &rest, error)) {
        case FLAG_TAKEN:
            break;
        case FLAG_UNKNOWN:
            errmsg_set(error, "Unrecognized option or bad number of args for: '%s'", rest.words[0]);
            return false;
        case FLAG_BAD:
            return false;
        }
        if (o->mode == OPTIONS_CLUSTER && mode != OPTIONS_CLUSTER) {
            take_cluster_words(o, &rest);
        } else if (o->mode == OPTIONS_BENCH) {
            take_words(o, &rest, rest.count);
        }
    }
    return true;
}

bool options_parse(struct options *o, struct flag_words words,
                   const struct options_surroundings *surroundings, struct errmsg *error)
{
    *o = (struct options){
        .host = "127.0.0.1",
        .port = PORT_DEFAULT,
        .repeat = -1,
        .memory_samples = -1,
        .top_count = TOP_COUNT,
        .shows_pushes = surroundings->is_terminal,
        .render = {.delimiter = "\n", .terminator = "\n"},
        .pipe_timeout_ms = PIPE_TIMEOUT_MS,
        .cluster_timeout_ms = CLUSTER_TIMEOUT_MS,
        .cluster_pipeline = CLUSTER_PIPELINE,
        .cluster_threshold_percent = CLUSTER_THRESHOLD_PERCENT,
    };
    if (!take_all(o, words, error)) {
        return false;
    }
    if (!o->has_format) {
        o->render.format = surroundings->is_terminal ? RENDER_TTY : RENDER_RAW;
    }
    if (o->asks_password) {
        mem_free(MEM_CLI, o->password);
        o->password = NULL;
        o->is_password_visible = false;
    } else if (o->password == NULL && surroundings->password != NULL) {
        o->password = mem_strdup(MEM_CLI, surroundings->password);
    }
    if ((o->repairs || o->says_yes) && o->mode != OPTIONS_CHECK_LOG) {
        errmsg_set(error, "Options --repair and --yes go with --check-log");
        return false;
    }
    if ((o->shows_log && (o->mode != OPTIONS_CHECK_LOG || o->repairs)) ||
        ((o->shown.has_from || o->shown.has_to) && !o->shows_log)) {
        errmsg_set(error, "Option --show goes with --check-log, without --repair, and --from and "
                          "--to with --show");
        return false;
    }
    if (o->replaces && o->mode != OPTIONS_IMPORT) {
        errmsg_set(error, "Option --replace goes with --import");
        return false;
    }
    if (o->follows_stream && o->mode != OPTIONS_BACKUP) {
        errmsg_set(error, "Option --follow goes with --backup");
        return false;
    }
    if (o->reads_last_word && o->stdin_tag != NULL) {
        errmsg_set(error, "Options -x and -X are mutually exclusive.");
        return false;
    }
    return true;
}

void options_set_password(struct options *o, struct bytes password)
{
    mem_free(MEM_CLI, o->password);
    o->password = mem_alloc(MEM_CLI, password.len + 1);
    bytes_to_text(password, o->password, password.len + 1);
}

void options_deinit(struct options *o)
{
    mem_free(MEM_CLI, o->user);
    mem_free(MEM_CLI, o->password);
    *o = (struct options){0};
}

void options_write_help(struct buf *out)
{
    size_t count;
    const struct flag_table *tables = options_flags(&count);

    buf_append_text(out,
                    "starling-cli " CLI_VERSION "\n"
                    "\n"
                    "Usage: starling-cli [OPTIONS] [command [argument ...]]\n"
                    "Without a command it reads commands, with editing when there is a terminal.\n"
                    "\n");
    flags_write_help(tables, count, out);
    buf_append_text(
        out, "\n"
             "Examples\n"
             "  starling-cli -n 2 set greeting hello\n"
             "  starling-cli -x set picture < picture.png\n"
             "  starling-cli -r 100 -i 1 info memory\n"
             "  starling-cli --scan --pattern 'user:*' --count 1000\n"
             "  starling-cli --pipe < commands.txt\n"
             "  starling-cli --cluster create n1:7001 n2:7001 n3:7001\n"
             "\n"
             "Exit code: 0, or 1 when there is no connection, the command line is wrong, a mode\n"
             "failed, or with -e a reply was an error.  Of --check-log: 0 good, 1 torn tail,\n"
             "2 damage, 3 cannot be read.\n");
}
