/* SPDX-License-Identifier: MIT */
/* The tables, and names that are looked up in them. */
#include "config/option.h"

#define GROUP(title)
#define OPTION(kind_, field_, name_, when_, initial_, least_, greatest_, words_, help_)            \
    {                                                                                              \
        .public = {.name = (name_), .help = (help_), .is_live = WHEN_##when_},                     \
        .kind = KIND_##kind_,                                                                      \
        .rule = RULE_OWN,                                                                          \
        .field = offsetof(struct config, field_),                                                  \
        .initial = (initial_),                                                                     \
        .least = (least_),                                                                         \
        .greatest = (greatest_),                                                                   \
        .words = (words_),                                                                         \
},
#define WHEN_START false
#define WHEN_LIVE  true
static const struct option own_options[] = {
#include "config/options.def"
};
#undef OPTION
#undef GROUP
#undef WHEN_START
#undef WHEN_LIVE

#define FOREIGN(kind_, rule_, name_, initial_, words_, why_)                                       \
    {                                                                                              \
        .public = {.name = (name_),                                                                \
                   .help = (why_),                                                                 \
                   .is_live = true,                                                                \
                   .is_foreign = true,                                                             \
                   .is_refused = RULE_##rule_ == RULE_NEVER},                                      \
        .kind = KIND_##kind_,                                                                      \
        .rule = RULE_##rule_,                                                                      \
        .initial = (initial_),                                                                     \
        .least = INT64_MIN,                                                                        \
        .greatest = INT64_MAX,                                                                     \
        .words = (words_),                                                                         \
    },
static const struct option foreign_options[] = {
#include "config/foreign.def"
};
#undef FOREIGN

/* Older names of the same options. */
static const struct {
    const char *alias;
    const char *name;
} aliases[] = {
    {"slaveof",                           "replicaof"                      },
    {"primaryauth",                       "masterauth"                     },
    {"primaryuser",                       "masteruser"                     },
    {"slave-read-only",                   "replica-read-only"              },
    {"slave-serve-stale-data",            "replica-serve-stale-data"       },
    {"slave-priority",                    "replica-priority"               },
    {"slave-announce-ip",                 "replica-announce-ip"            },
    {"slave-announce-port",               "replica-announce-port"          },
    {"slave-lazy-flush",                  "replica-lazy-flush"             },
    {"slave-ignore-maxmemory",            "replica-ignore-maxmemory"       },
    {"repl-ping-slave-period",            "repl-ping-replica-period"       },
    {"min-slaves-to-write",               "min-replicas-to-write"          },
    {"min-slaves-max-lag",                "min-replicas-max-lag"           },
    {"cluster-slave-no-failover",         "cluster-replica-no-failover"    },
    {"cluster-slave-validity-factor",     "cluster-replica-validity-factor"},
    {"hash-max-ziplist-entries",          "hash-max-listpack-entries"      },
    {"hash-max-ziplist-value",            "hash-max-listpack-value"        },
    {"list-max-ziplist-size",             "list-max-listpack-size"         },
    {"zset-max-ziplist-entries",          "zset-max-listpack-entries"      },
    {"zset-max-ziplist-value",            "zset-max-listpack-value"        },
    {"commandlog-execution-slower-than",  "slowlog-log-slower-than"        },
    {"commandlog-slow-execution-max-len", "slowlog-max-len"                },
    {"lua-time-limit",                    "busy-reply-threshold"           },
    {"server_cpulist",                    "server-cpulist"                 },
    {"bio_cpulist",                       "bio-cpulist"                    },
    {"aof_rewrite_cpulist",               "aof-rewrite-cpulist"            },
    {"bgsave_cpulist",                    "bgsave-cpulist"                 },
};

const struct option *option_at(size_t index)
{
    if (index < ARRAY_COUNT(own_options)) {
        return &own_options[index];
    }
    index -= ARRAY_COUNT(own_options);
    return index < ARRAY_COUNT(foreign_options) ? &foreign_options[index] : NULL;
}

size_t option_foreign_index(const struct option *option)
{
    return (size_t)(option - foreign_options);
}

const struct option *option_find(struct bytes name)
{
    for (size_t i = 0; option_at(i) != NULL; i++) {
        if (bytes_equal_nocase(name, option_at(i)->public.name)) {
            return option_at(i);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(aliases); i++) {
        if (bytes_equal_nocase(name, aliases[i].alias)) {
            return option_find(bytes_from_text(aliases[i].name));
        }
    }
    return NULL;
}

const struct config_option *config_option_at(size_t index)
{
    const struct option *option = option_at(index);

    return option != NULL ? &option->public : NULL;
}

const char *config_alias_at(size_t index)
{
    return index < ARRAY_COUNT(aliases) ? aliases[index].alias : NULL;
}

const struct config_option *config_option_find(struct bytes name)
{
    const struct option *option = option_find(name);

    return option != NULL ? &option->public : NULL;
}

void config_list_without_effect(const struct config *config, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_COUNT(foreign_options); i++) {
        if (config->is_foreign_given[i] && foreign_options[i].rule == RULE_ANY) {
            buf_printf(out, "%s%s", out->len > 0 ? ", " : "", foreign_options[i].public.name);
        }
    }
}

/* ---- help ------------------------------------------------------------------------------------- */

#define GROUP(title_) {.title = (title_)},
#define OPTION(kind_, field_, name_, when_, initial_, least_, greatest_, words_, help_)            \
    {.name = (name_)},
static const struct {
    const char *title;
    const char *name;
} help_lines[] = {
#include "config/options.def"
};
#undef OPTION
#undef GROUP

void config_write_help(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_COUNT(help_lines); i++) {
        const struct option *option;

        if (help_lines[i].title != NULL) {
            buf_printf(out, "\n%s\n", help_lines[i].title);
            continue;
        }
        option = option_find(bytes_from_text(help_lines[i].name));
        buf_printf(out, "  --%-32s %s", option->public.name, option->public.help);
        if (option->kind == KIND_CHOICE) {
            buf_printf(out, ": %s", option->words);
        }
        buf_printf(out, " [%s]\n", option->initial[0] != '\0' ? option->initial : "\"\"");
    }
}
