/* SPDX-License-Identifier: MIT */
/* What the command line asked for.
 *
 * Texts are borrowed from the command line, but for user and password, which options own (those
 * of a URI are decoded). */
#ifndef STARLING_CLI_OPTIONS_H
#define STARLING_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "cli/flags.h"
#include "cli/log_show.h"
#include "cli/render.h"
#include "io/addr.h"

#define CLI_VERSION "0.1.0"

enum options_mode {
    OPTIONS_COMMAND, /* the words are a command; without words the REPL */
    OPTIONS_HELP,
    OPTIONS_VERSION,
    OPTIONS_PIPE,
    OPTIONS_SCAN,
    OPTIONS_BIGKEYS,
    OPTIONS_MEMKEYS,
    OPTIONS_KEYSTATS,
    OPTIONS_HOTKEYS,
    OPTIONS_STAT,
    OPTIONS_LATENCY,
    OPTIONS_LATENCY_HISTORY,
    OPTIONS_LATENCY_DIST,
    OPTIONS_INTRINSIC_LATENCY,
    OPTIONS_LRU_TEST,
    OPTIONS_RDB,
    OPTIONS_FUNCTIONS_RDB,
    OPTIONS_REPLICA,
    OPTIONS_BACKUP,
    OPTIONS_IMPORT,
    OPTIONS_CHECK_LOG,
    OPTIONS_CLUSTER, /* the words are the subcommand and its arguments */
    OPTIONS_BENCH,   /* the words are the benchmark's own flags and command */
};

/* What --cluster rebalance makes even. */
enum cluster_measure {
    CLUSTER_BY_SLOTS,
    CLUSTER_BY_KEYS,
    CLUSTER_BY_MEMORY,
    CLUSTER_BY_LOAD,
};

enum {
    CLUSTER_WEIGHTS_MAX = 256,
};

struct options {
    enum options_mode mode;

    char host[ADDR_HOST_TEXT];
    int64_t port;
    const char *unix_path;    /* or NULL */
    char *user;               /* owned, or NULL: the default user */
    char *password;           /* owned, or NULL */
    bool is_password_visible; /* given on the command line, where others may see it */
    bool has_no_auth_warning;
    bool asks_password; /* --askpass: no other password counts */
    bool is_verbose;
    int64_t db;
    int64_t protocol;   /* 0: whatever the server begins with, else 2 or 3 */
    int64_t timeout_ms; /* of connecting and of each reply; 0: none */

    int64_t repeat;  /* negative: without end */
    bool has_repeat; /* else repeat is -1 and the mode decides */
    int64_t interval_ms;
    bool has_interval; /* else interval_ms is 0 and the mode decides */
    bool follows_redirects;
    bool reads_last_word;  /* -x */
    const char *stdin_tag; /* -X: the word that standard input replaces, or NULL */
    bool fails_on_error;   /* -e */
    bool has_quoted_words; /* words of the command may be quoted */

    bool has_format; /* asked for, not derived from the terminal */
    struct render_options render;
    bool shows_pushes;

    const char *pattern;
    bool has_quoted_pattern;
    const char *type;
    int64_t scan_count;     /* 0: the server's */
    int64_t memory_samples; /* of MEMORY USAGE; negative: the server's, 0: all */
    int64_t top_count;      /* keys that --keystats lists */
    int64_t pipe_timeout_ms;
    const char *rdb_path; /* "-": standard output */
    const char *log_dir;  /* of --check-log */
    const char *backup_dir;
    const char *import_path;
    bool replaces;       /* --import: keys that are there */
    bool follows_stream; /* --backup goes on */
    bool shows_log;
    struct log_range shown; /* of the log */
    bool repairs;
    bool says_yes;        /* to what --repair asks */
    int64_t intrinsic_ms; /* how long the system's own latency is measured */
    int64_t lru_keys;

    int64_t cluster_replicas;
    int64_t cluster_timeout_ms;
    bool cluster_yes;
    const char *cluster_from; /* ids, with commas between them, or "all"; NULL: to be asked for;
                                 import: host:port */
    const char *cluster_from_user; /* import: of that server; borrowed, or NULL */
    const char *cluster_from_password;
    bool cluster_from_asks_password;
    bool cluster_follows;     /* import: what is written there meanwhile, too */
    bool cluster_copies;      /* import: keys stay there; they always do */
    const char *cluster_to;   /* an id; NULL: to be asked for */
    int64_t cluster_slots;    /* 0: to be asked for */
    int64_t cluster_pipeline; /* keys of one MIGRATE */
    bool cluster_replaces;
    bool cluster_by_slot;
    bool cluster_dry_run;
    bool cluster_uses_empty;
    double cluster_threshold_percent;
    enum cluster_measure cluster_measure;
    const char *cluster_weights[CLUSTER_WEIGHTS_MAX]; /* "id=number" */
    size_t cluster_weight_count;
    bool cluster_as_replica;
    const char *cluster_primary_id; /* NULL: the one with fewest replicas */
    bool cluster_joins_owners;      /* fix: of slots with more than one owner */
    bool cluster_without_missing;   /* fix: though primaries cannot be reached */
    bool cluster_watches;           /* map: again and again */

    char *const *words;
    size_t word_count;
};

/* What else decides: handed in, so that parsing can be tested. */
struct options_surroundings {
    const char *password; /* from the environment, or NULL */
    bool is_terminal;     /* standard output */
};

/* False, and a message, when the command line makes no sense.  Call deinit in either case. */
MUST_USE bool options_parse(struct options *options, struct flag_words words,
                            const struct options_surroundings *surroundings, struct errmsg *error);
/* Copies the text; of --askpass. */
void options_set_password(struct options *options, struct bytes password);
void options_deinit(struct options *options);
/* Append usage and every option, as --help prints them. */
void options_write_help(struct buf *out);

#endif
