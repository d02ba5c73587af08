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

enum preferred_endpoint {
    ENDPOINT_IP,
    ENDPOINT_HOSTNAME,
    ENDPOINT_UNKNOWN,
};

/* Values of enable-debug-command and enable-protected-configs. */
enum config_protection {
    PROTECTION_NOBODY,
    PROTECTION_EVERYBODY,
    PROTECTION_LOCAL,
};

#define CONFIG_FIELD_BOOL(field)   bool field;
#define CONFIG_FIELD_NUMBER(field) int64_t field;
#define CONFIG_FIELD_SIZE(field)   int64_t field;
#define CONFIG_FIELD_TEXT(field)   char *field;
#define CONFIG_FIELD_CHOICE(field) int field;
#define OPTION(kind, field, name, when, initial, least, greatest, words, help)                     \
    CONFIG_FIELD_##kind(field)
struct config {
#include "config/options.def"
    /* Derived from the texts of save and client-output-buffer-limit. */
    struct save_point save_points[CONFIG_SAVE_POINTS_MAX];
    size_t save_point_count;
    struct output_limit output_limits[OUTPUT_CLASS_COUNT];
    char *file; /* path of the file that was read, or NULL */
};
#undef OPTION

enum config_source {
    CONFIG_FROM_START, /* file or command line: everything may be set */
    CONFIG_FROM_LIVE,  /* CONFIG SET: only what may change while running */
};

/* One option as a reader of the table sees it. */
struct config_option {
    const char *name;
    const char *help;
    bool is_live;
};

void config_init(struct config *config); /* defaults */
void config_deinit(struct config *config);
MUST_USE bool config_set(struct config *config, const char *name, struct bytes value,
                         enum config_source source, struct errmsg *error);
/* The value as CONFIG GET shows it, appended; false when there is no such directive. */
bool config_get(const struct config *config, const char *name, struct buf *out);
/* The table in its order; NULL behind the end.  Aliases (slaveof ...) are not in it. */
const struct config_option *config_option_at(size_t index);
/* The option of a name or alias, case folded, or NULL. */
const struct config_option *config_option_find(struct bytes name);

/* Read directives from the text of a file; name is for messages only. */
MUST_USE bool config_parse(struct config *config, struct bytes text, const char *name,
                           struct errmsg *error);
/* Does the whole make sense together?  For the end of start-up. */
MUST_USE bool config_validate(const struct config *config, struct errmsg *error);
/* The bus port to listen on, 0 outside cluster mode. */
uint16_t config_bus_port(const struct config *config);
/* The old text of the file with the values that differ from defaults put into it: known lines are
 * replaced where they stand, new ones appended, comments kept. */
void config_rewrite(const struct config *config, struct bytes old_text, struct buf *out);

#endif
