/* SPDX-License-Identifier: MIT */
/* The configuration: directives with redis.conf's names, from a file, the command line or
 * CONFIG SET, all by one table (options.def).
 *
 * Invariants:  every field always holds a value that its directive accepts.
 * A value: owns its texts.  Errors name directive and reason; those of a file its line too. */
#ifndef STARLING_CONFIG_CONFIG_H
#define STARLING_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/vec.h"

enum {
    CONFIG_SAVE_POINTS_MAX = 16,
    CONFIG_PERCENTILES_MAX = 16,
};

/* Classes of client-output-buffer-limit. */
enum output_class {
    OUTPUT_NORMAL,
    OUTPUT_REPLICA,
    OUTPUT_PUBSUB,
    OUTPUT_CLASS_COUNT
};

struct output_limit {
    uint64_t hard_bytes; /* 0: none */
    uint64_t soft_bytes;
    int64_t soft_seconds;
};

struct save_point {
    int64_t seconds;
    int64_t changes;
};

/* What all clients together may take; both 0: there is no limit. */
struct clients_memory {
    uint64_t bytes;
    int64_t percent; /* of maxmemory */
};

/* Values of maxmemory-policy. */
enum memory_policy {
    POLICY_VOLATILE_LRU,
    POLICY_VOLATILE_LFU,
    POLICY_VOLATILE_RANDOM,
    POLICY_VOLATILE_TTL,
    POLICY_ALLKEYS_LRU,
    POLICY_ALLKEYS_LFU,
    POLICY_ALLKEYS_RANDOM,
    POLICY_NOEVICTION,
};

/* Values of appendfsync. */
enum log_sync {
    APPENDFSYNC_ALWAYS,
    APPENDFSYNC_EVERYSEC,
    APPENDFSYNC_NO,
};

enum preferred_endpoint {
    ENDPOINT_IP,
    ENDPOINT_HOSTNAME,
    ENDPOINT_UNKNOWN,
};

/* Values of hot-copies, hot-teach, and hot-slot-view. */
enum hot_copies_mode {
    HOT_COPIES_OFF,
    HOT_COPIES_AUTO,
};

enum hot_teach_mode {
    HOT_TEACH_OFF,
    HOT_TEACH_MOVED,
    HOT_TEACH_KNOWN,
};

enum hot_slot_view_mode {
    HOT_SLOT_VIEW_OFF,
    HOT_SLOT_VIEW_KNOWN,
    HOT_SLOT_VIEW_ALL,
};

/* Values of enable-debug-command and enable-protected-configs. */
enum config_protection {
    PROTECTION_NOBODY,
    PROTECTION_EVERYBODY,
    PROTECTION_LOCAL,
};

/* How many directives foreign.def has. */
#define FOREIGN(kind, rule, name, initial, words, why) +1
enum {
    CONFIG_FOREIGN_COUNT = 0
#include "config/foreign.def"
};
#undef FOREIGN

/* A command's new name; an empty one: the command is not there for clients. */
struct config_rename {
    char *from;
    char *to;
};

#define CONFIG_FIELD_BOOL(field)   bool field;
#define CONFIG_FIELD_NUMBER(field) int64_t field;
#define CONFIG_FIELD_SIZE(field)   int64_t field;
#define CONFIG_FIELD_TEXT(field)   char *field;
#define CONFIG_FIELD_NAME(field)   char *field;
#define CONFIG_FIELD_WORDS(field)  char *field;
#define CONFIG_FIELD_CHOICE(field) int field;
#define GROUP(title)
#define OPTION(kind, field, name, when, initial, least, greatest, words, help)                     \
    CONFIG_FIELD_##kind(field)
struct config {
#include "config/options.def"
    /* Derived from the texts of save, client-output-buffer-limit, maxmemory-clients,
     * latency-tracking-info-percentiles and notify-keyspace-events. */
    struct save_point save_points[CONFIG_SAVE_POINTS_MAX];
    size_t save_point_count;
    struct output_limit output_limits[OUTPUT_CLASS_COUNT];
    struct clients_memory clients_memory;
    double percentiles[CONFIG_PERCENTILES_MAX]; /* 0 to 100 */
    size_t percentile_count;
    uint32_t event_classes;              /* bits of enum event_class */
    char *foreign[CONFIG_FOREIGN_COUNT]; /* NULL: the default */
    bool is_foreign_given[CONFIG_FOREIGN_COUNT];
    VEC(struct config_rename) renames;
    VEC(char *) users; /* of user directives: name and rules, one blank between words */
    char *file;        /* path of the file that was read, or NULL */
};
#undef OPTION
#undef GROUP

enum config_source {
    CONFIG_FROM_START, /* file or command line: everything may be set */
    CONFIG_FROM_LIVE,  /* CONFIG SET: only what may change while running */
};

/* One option as a reader of the tables sees it. */
struct config_option {
    const char *name;
    const char *help; /* of a foreign one: why it does nothing, or is refused */
    bool is_live;
    bool is_foreign;
    bool is_refused; /* always: it has no value */
};

void config_init(struct config *config); /* defaults */
void config_deinit(struct config *config);
/* *out, which holds nothing yet, becomes the same with texts of its own. */
void config_copy(const struct config *config, struct config *out);
/* value is the text that CONFIG SET would be given: several words are separated by blanks. */
MUST_USE bool config_set(struct config *config, const char *name, struct bytes value,
                         enum config_source source, struct errmsg *error);
/* As a line of a file: one word, or several where the directive takes several. */
MUST_USE bool config_set_words(struct config *config, struct bytes name, const struct bytes *words,
                               size_t word_count, struct errmsg *error);
/* What user directives have said is replaced: a line's words behind "user", one blank between them. */
void config_drop_users(struct config *config);
void config_add_user(struct config *config, struct bytes text);
/* The value as CONFIG GET shows it, appended; false when there is no such directive. */
bool config_get(const struct config *config, const char *name, struct buf *out);
/* The tables in their order, options.def first; NULL behind the end.  Aliases are not in it. */
const struct config_option *config_option_at(size_t index);
/* Older names (slaveof ...) in their order; NULL behind the end. */
const char *config_alias_at(size_t index);
/* The option of a name or alias, case folded, or NULL. */
const struct config_option *config_option_find(struct bytes name);
/* The names of foreign directives that were given at start and do nothing, separated by commas. */
void config_list_without_effect(const struct config *config, struct buf *out);
/* A text for people: groups of directives, what each is for, its default. */
void config_write_help(struct buf *out);

/* Add what is wrong with the whole, a line each; true when nothing is.  For the end of start-up. */
MUST_USE bool config_validate(const struct config *config, struct buf *problems);
/* The bus port to listen on, 0 outside cluster mode. */
uint16_t config_bus_port(const struct config *config);
/* Milliseconds between two signs of life in the stream: repl-ping-replica-period, but always some within
 * repl-timeout, so that no link without writes is taken for a dead one. */
int64_t config_replica_ping_ms(const struct config *config);

#endif
