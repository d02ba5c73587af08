/* SPDX-License-Identifier: MIT */
/* The table and the setting of single options; reading and rewriting of files is in
 * config_file.c. */
#include "config/config.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"

#include <arpa/inet.h>

enum {
    BUS_PORT_OFFSET = 10000,
    HOSTNAME_SIZE = 256,
};

enum option_kind {
    KIND_BOOL,
    KIND_NUMBER,
    KIND_SIZE,
    KIND_TEXT,
    KIND_CHOICE,
};

enum option_when {
    WHEN_START,
    WHEN_LIVE,
};

struct option {
    struct config_option public;
    enum option_kind kind;
    size_t field;
    const char *initial;
    int64_t least;
    int64_t greatest;
    const char *words;
};

#define OPTION(kind_, field_, name_, when_, initial_, least_, greatest_, words_, help_)            \
    {                                                                                              \
        .public = {.name = (name_), .help = (help_), .is_live = WHEN_##when_ == WHEN_LIVE},        \
        .kind = KIND_##kind_,                                                                      \
        .field = offsetof(struct config, field_),                                                  \
        .initial = (initial_),                                                                     \
        .least = (least_),                                                                         \
        .greatest = (greatest_),                                                                   \
        .words = (words_),                                                                         \
},
static const struct option options[] = {
#include "config/options.def"
};
#undef OPTION

/* Older names of the same options. */
static const struct {
    const char *alias;
    const char *name;
} aliases[] = {
    {"slaveof",                       "replicaof"                      },
    {"primaryauth",                   "masterauth"                     },
    {"primaryuser",                   "masteruser"                     },
    {"slave-read-only",               "replica-read-only"              },
    {"slave-serve-stale-data",        "replica-serve-stale-data"       },
    {"slave-priority",                "replica-priority"               },
    {"slave-announce-ip",             "replica-announce-ip"            },
    {"slave-announce-port",           "replica-announce-port"          },
    {"repl-ping-slave-period",        "repl-ping-replica-period"       },
    {"min-slaves-to-write",           "min-replicas-to-write"          },
    {"min-slaves-max-lag",            "min-replicas-max-lag"           },
    {"cluster-slave-no-failover",     "cluster-replica-no-failover"    },
    {"cluster-slave-validity-factor", "cluster-replica-validity-factor"},
};

static const struct option *find(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
        if (bytes_equal_nocase(name, options[i].public.name)) {
            return &options[i];
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(aliases); i++) {
        if (bytes_equal_nocase(name, aliases[i].alias)) {
            return find(bytes_from_text(aliases[i].name));
        }
    }
    return NULL;
}

static void *field_of(struct config *config, const struct option *option)
{
    return (char *)config + option->field;
}

static const void *const_field_of(const struct config *config, const struct option *option)
{
    return (const char *)config + option->field;
}

static bool parse_save(struct config *config, struct bytes text, struct errmsg *error)
{
    struct save_point points[CONFIG_SAVE_POINTS_MAX] = {{0}};
    size_t count = 0;

    for (struct bytes word = bytes_next_word(&text, ' '); word.len > 0;
         word = bytes_next_word(&text, ' ')) {
        struct bytes second = bytes_next_word(&text, ' ');
        struct save_point point;

        if (count == CONFIG_SAVE_POINTS_MAX || !num_parse_i64(word, &point.seconds) ||
            !num_parse_i64(second, &point.changes) || point.seconds < 1 || point.changes < 0) {
            errmsg_set(error, "Invalid save parameters");
            return false;
        }
        points[count++] = point;
    }
    memcpy(config->save_points, points, count * sizeof(points[0]));
    config->save_point_count = count;
    return true;
}

static bool parse_output_class(struct bytes word, enum output_class *class)
{
    static const struct {
        const char *name;
        enum output_class class;
    } names[] = {
        {"normal",  OUTPUT_NORMAL },
        {"replica", OUTPUT_REPLICA},
        {"slave",   OUTPUT_REPLICA},
        {"pubsub",  OUTPUT_PUBSUB },
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (bytes_equal_nocase(word, names[i].name)) {
            *class = names[i].class;
            return true;
        }
    }
    return false;
}

static bool parse_output_limits(struct config *config, struct bytes text, struct errmsg *error)
{
    struct output_limit limits[OUTPUT_CLASS_COUNT];

    memcpy(limits, config->output_limits, sizeof(limits));
    for (struct bytes word = bytes_next_word(&text, ' '); word.len > 0;
         word = bytes_next_word(&text, ' ')) {
        struct bytes hard = bytes_next_word(&text, ' ');
        struct bytes soft = bytes_next_word(&text, ' ');
        struct bytes seconds = bytes_next_word(&text, ' ');
        enum output_class class;

        if (!parse_output_class(word, &class)) {
            errmsg_set(error, "Unrecognized client limit class: the user specified a class that is "
                              "not normal, replica or pubsub");
            return false;
        }
        if (!num_parse_size(hard, &limits[class].hard_bytes) ||
            !num_parse_size(soft, &limits[class].soft_bytes) ||
            !num_parse_i64(seconds, &limits[class].soft_seconds) ||
            limits[class].soft_seconds < 0) {
            errmsg_set(error, "Error in hard, soft or soft_seconds setting in buffer limit "
                              "configuration");
            return false;
        }
    }
    memcpy(config->output_limits, limits, sizeof(limits));
    return true;
}

/* The canonical text of the limits, since one CONFIG SET may name only some classes. */
static void format_output_limits(const struct config *config, struct buf *out)
{
    static const char *const names[] = {"normal", "replica", "pubsub"};

    for (int class = 0; class < OUTPUT_CLASS_COUNT; class ++) {
        const struct output_limit *limit = &config->output_limits[class];

        buf_printf(out, "%s%s %llu %llu %lld", class > 0 ? " " : "", names[class],
                   (unsigned long long)limit->hard_bytes, (unsigned long long)limit->soft_bytes,
                   (long long)limit->soft_seconds);
    }
}

static bool check_hostname(struct bytes text, struct errmsg *error)
{
    if (text.len >= HOSTNAME_SIZE) {
        errmsg_set(error, "Hostnames must be less than %d characters", HOSTNAME_SIZE);
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.data[i];

        if (!(ch >= '0' && ch <= '9') && !(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z') &&
            ch != '-' && ch != '.') {
            errmsg_set(error,
                       "Hostnames may only contain alphanumeric characters, hyphens or dots");
            return false;
        }
    }
    return true;
}

static bool check_ip(struct bytes text, struct errmsg *error)
{
    unsigned char raw[sizeof(struct in6_addr)];
    char copy[INET6_ADDRSTRLEN];

    bytes_to_text(text, copy, sizeof(copy));
    if (text.len == 0 || (text.len < sizeof(copy) && (inet_pton(AF_INET, copy, raw) == 1 ||
                                                      inet_pton(AF_INET6, copy, raw) == 1))) {
        return true;
    }
    errmsg_set(error, "argument must be an IPv4 or IPv6 address");
    return false;
}

static bool set_text(struct config *config, const struct option *option, struct bytes value,
                     struct errmsg *error)
{
    char **field = field_of(config, option);
    struct buf text = {0};

    if (bytes_find_byte(value, '\0') != SIZE_MAX || bytes_find_byte(value, '\n') != SIZE_MAX) {
        errmsg_set(error, "argument must not hold line ends or zero bytes");
        return false;
    }
    if (option->field == offsetof(struct config, cluster_announce_hostname) &&
        !check_hostname(value, error)) {
        return false;
    }
    if (option->field == offsetof(struct config, cluster_announce_ip) && !check_ip(value, error)) {
        return false;
    }
    if (option->field == offsetof(struct config, save) && !parse_save(config, value, error)) {
        return false;
    }
    if (option->field == offsetof(struct config, dbfilename) &&
        (value.len == 0 || bytes_find_byte(value, '/') != SIZE_MAX)) {
        errmsg_set(error, "dbfilename can't be a path, just a filename");
        return false;
    }
    if (option->field == offsetof(struct config, client_output_buffer_limit)) {
        if (!parse_output_limits(config, value, error)) {
            return false;
        }
        format_output_limits(config, &text);
    } else {
        buf_append_bytes(&text, value);
    }
    mem_free(MEM_NODE, *field);
    *field = mem_strdup(MEM_NODE, buf_text(&text));
    buf_deinit(&text);
    return true;
}

static bool set_number(struct config *config, const struct option *option, struct bytes value,
                       struct errmsg *error)
{
    int64_t *field = field_of(config, option);
    uint64_t size;
    int64_t number;

    if (option->kind == KIND_SIZE) {
        if (!num_parse_size(value, &size) || size > INT64_MAX) {
            errmsg_set(error, "argument must be a memory value");
            return false;
        }
        number = (int64_t)size;
    } else if (!num_parse_i64(value, &number)) {
        errmsg_set(error, "argument couldn't be parsed into an integer");
        return false;
    }
    if (number < option->least || number > option->greatest) {
        errmsg_set(error, "argument must be between %lld and %lld inclusive",
                   (long long)option->least, (long long)option->greatest);
        return false;
    }
    *field = number;
    return true;
}

static bool set_choice(struct config *config, const struct option *option, struct bytes value,
                       struct errmsg *error)
{
    int *field = field_of(config, option);
    struct bytes words = bytes_from_text(option->words);
    int index = 0;

    for (struct bytes word = bytes_next_word(&words, '|'); word.len > 0;
         word = bytes_next_word(&words, '|'), index++) {
        if (bytes_equal(word, value)) {
            *field = index;
            return true;
        }
    }
    errmsg_set(error, "argument must be one of: %s", option->words);
    return false;
}

static bool set_bool(struct config *config, const struct option *option, struct bytes value,
                     struct errmsg *error)
{
    bool *field = field_of(config, option);

    if (!bytes_equal_nocase(value, "yes") && !bytes_equal_nocase(value, "no")) {
        errmsg_set(error, "argument must be 'yes' or 'no'");
        return false;
    }
    *field = bytes_equal_nocase(value, "yes");
    return true;
}

static bool set(struct config *config, const struct option *option, struct bytes value,
                struct errmsg *error)
{
    switch (option->kind) {
    case KIND_BOOL:
        return set_bool(config, option, value, error);
    case KIND_NUMBER:
    case KIND_SIZE:
        return set_number(config, option, value, error);
    case KIND_TEXT:
        return set_text(config, option, value, error);
    case KIND_CHOICE:
        return set_choice(config, option, value, error);
    }
    ASSERT(false);
    return false;
}

void config_init(struct config *config)
{
    *config = (struct config){0};
    for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
        struct errmsg error = {0};
        bool is_set = set(config, &options[i], bytes_from_text(options[i].initial), &error);

        ASSERT(is_set);
    }
}

void config_deinit(struct config *config)
{
    for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
        if (options[i].kind == KIND_TEXT) {
            mem_free(MEM_NODE, *(char **)field_of(config, &options[i]));
        }
    }
    mem_free(MEM_NODE, config->file);
    *config = (struct config){0};
}

bool config_set(struct config *config, const char *name, struct bytes value,
                enum config_source source, struct errmsg *error)
{
    const struct option *option = find(bytes_from_text(name));

    if (option == NULL) {
        errmsg_set(error, "unknown directive '%s'", name);
        return false;
    }
    if (source == CONFIG_FROM_LIVE && !option->public.is_live) {
        errmsg_set(error, "can't set immutable config");
        return false;
    }
    return set(config, option, value, error);
}

bool config_get(const struct config *config, const char *name, struct buf *out)
{
    const struct option *option = find(bytes_from_text(name));
    struct bytes words;

    if (option == NULL) {
        return false;
    }
    switch (option->kind) {
    case KIND_BOOL:
        buf_append_text(out, *(const bool *)const_field_of(config, option) ? "yes" : "no");
        break;
    case KIND_NUMBER:
    case KIND_SIZE:
        buf_append_i64(out, *(const int64_t *)const_field_of(config, option));
        break;
    case KIND_TEXT:
        buf_append_text(out, *(char *const *)const_field_of(config, option));
        break;
    case KIND_CHOICE:
        words = bytes_from_text(option->words);
        for (int i = *(const int *)const_field_of(config, option); i > 0; i--) {
            bytes_next_word(&words, '|');
        }
        buf_append_bytes(out, bytes_next_word(&words, '|'));
        break;
    }
    return true;
}

const struct config_option *config_option_at(size_t index)
{
    return index < ARRAY_COUNT(options) ? &options[index].public : NULL;
}

const struct config_option *config_option_find(struct bytes name)
{
    const struct option *option = find(name);

    return option != NULL ? &option->public : NULL;
}

uint16_t config_bus_port(const struct config *config)
{
    if (!config->cluster_enabled) {
        return 0;
    }
    return (uint16_t)(config->cluster_port != 0 ? config->cluster_port
                                                : config->port + BUS_PORT_OFFSET);
}
