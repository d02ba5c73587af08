/* SPDX-License-Identifier: MIT */
/* The rows of command_docs.def, and what follows from those of commands.def. */
#include "spec/command_docs.h"

#include "base/assert.h"
#include "base/attr.h"

#define DOC(id, doc_complexity, doc_tips, doc_since, doc_by)                                       \
    [COMMAND_##id] = {.complexity = (doc_complexity),                                              \
                      .tips = (doc_tips),                                                          \
                      .replaced_since = (doc_since),                                               \
                      .replaced_by = (doc_by)},
static const struct command_docs docs[COMMAND_COUNT] = {
#include "spec/command_docs.def"
};
#undef DOC

struct command_docs command_docs(enum command_id id)
{
    const struct command_docs plain = {
        .complexity = "O(1)", .tips = "", .replaced_since = "", .replaced_by = ""};

    ASSERT(id < COMMAND_COUNT);
    return docs[id].complexity != NULL ? docs[id] : plain;
}

/* Commands whose categories their group does not tell. */
static uint32_t further_categories(enum command_id id)
{
    switch ((int)id) {
    case COMMAND_DBSIZE:
    case COMMAND_FLUSHALL:
    case COMMAND_FLUSHDB:
    case COMMAND_RESTORE_ASKING:
    case COMMAND_SWAPDB:
        return CATEGORY_KEYSPACE;
    case COMMAND_SORT:
    case COMMAND_SORT_RO:
        return CATEGORY_LIST | CATEGORY_SET | CATEGORY_SORTED_SET;
    case COMMAND_ASKING:
    case COMMAND_COMMAND:
    case COMMAND_READONLY:
    case COMMAND_READWRITE:
    case COMMAND_WAIT:
    case COMMAND_WAITAOF:
        return CATEGORY_CONNECTION;
    case COMMAND_LASTSAVE:
    case COMMAND_ROLE:
        return CATEGORY_ADMIN;
    default:
        return 0;
    }
}

/* Of the generic ones. */
static bool is_about_keys(enum command_id id)
{
    return id != COMMAND_WAIT && id != COMMAND_WAITAOF && id != COMMAND_SORT &&
           id != COMMAND_SORT_RO;
}

static uint32_t group_categories(const struct command_spec *spec)
{
    switch (spec->group) {
    case COMMAND_GROUP_GENERIC:
        return is_about_keys(spec->id) ? CATEGORY_KEYSPACE : 0;
    case COMMAND_GROUP_STRING:
        return CATEGORY_STRING;
    case COMMAND_GROUP_LIST:
        return CATEGORY_LIST;
    case COMMAND_GROUP_HASH:
        return CATEGORY_HASH;
    case COMMAND_GROUP_SET:
        return CATEGORY_SET;
    case COMMAND_GROUP_SORTED_SET:
        return CATEGORY_SORTED_SET;
    case COMMAND_GROUP_STREAM:
        return CATEGORY_STREAM;
    case COMMAND_GROUP_BITMAP:
        return CATEGORY_BITMAP;
    case COMMAND_GROUP_HYPERLOGLOG:
        return CATEGORY_HYPERLOGLOG;
    case COMMAND_GROUP_GEO:
        return CATEGORY_GEO;
    case COMMAND_GROUP_CONNECTION:
        return CATEGORY_CONNECTION;
    case COMMAND_GROUP_TRANSACTIONS:
        return CATEGORY_TRANSACTION;
    case COMMAND_GROUP_PUBSUB: /* those that have the flag */
    case COMMAND_GROUP_SERVER:
    case COMMAND_GROUP_REPLICATION:
    case COMMAND_GROUP_CLUSTER:
    case COMMAND_GROUP_COUNT:
        break;
    }
    return 0;
}

uint32_t command_categories(const struct command_spec *spec)
{
    uint32_t flags = spec->flags;
    uint32_t all;

    /* Those who hold others together can do nothing themselves. */
    if (spec->kind == COMMAND_CONTROL && spec->id != COMMAND_COMMAND &&
        command_has_subcommands(spec)) {
        return CATEGORY_SLOW;
    }
    all = group_categories(spec) | further_categories(spec->parent);

    all |= (flags & COMMAND_FLAG_WRITE) != 0 ? CATEGORY_WRITE : 0;
    all |= (flags & COMMAND_FLAG_READONLY) != 0 ? CATEGORY_READ : 0;
    all |= (flags & COMMAND_FLAG_ADMIN) != 0 ? CATEGORY_ADMIN : 0;
    all |= (flags & COMMAND_FLAG_PUBSUB) != 0 ? CATEGORY_PUBSUB : 0;
    all |= (flags & COMMAND_FLAG_BLOCKING) != 0 ? CATEGORY_BLOCKING : 0;
    all |= (flags & (COMMAND_FLAG_ADMIN | COMMAND_FLAG_DANGEROUS)) != 0 ? CATEGORY_DANGEROUS : 0;
    all |= (flags & COMMAND_FLAG_FAST) != 0 ? CATEGORY_FAST : CATEGORY_SLOW;
    return all;
}

const char *category_name(size_t index)
{
    static const char *const names[CATEGORY_COUNT] = {
        "keyspace", "read",   "write",       "string", "connection", "admin",       "dangerous",
        "fast",     "slow",   "blocking",    "list",   "hash",       "set",         "sortedset",
        "stream",   "bitmap", "hyperloglog", "geo",    "pubsub",     "transaction", "scripting"};

    ASSERT(index < CATEGORY_COUNT);
    return names[index];
}

const char *command_group_name(enum command_group group)
{
    static const char *const names[] = {
        [COMMAND_GROUP_GENERIC] = "generic",
        [COMMAND_GROUP_STRING] = "string",
        [COMMAND_GROUP_LIST] = "list",
        [COMMAND_GROUP_HASH] = "hash",
        [COMMAND_GROUP_SET] = "set",
        [COMMAND_GROUP_SORTED_SET] = "sorted-set",
        [COMMAND_GROUP_STREAM] = "stream",
        [COMMAND_GROUP_BITMAP] = "bitmap",
        [COMMAND_GROUP_HYPERLOGLOG] = "hyperloglog",
        [COMMAND_GROUP_GEO] = "geo",
        [COMMAND_GROUP_PUBSUB] = "pubsub",
        [COMMAND_GROUP_TRANSACTIONS] = "transactions",
        [COMMAND_GROUP_CONNECTION] = "connection",
        [COMMAND_GROUP_SERVER] = "server",
        [COMMAND_GROUP_REPLICATION] = "replication",
        [COMMAND_GROUP_CLUSTER] = "cluster",
    };

    ASSERT((size_t)group < ARRAY_COUNT(names));
    return names[group];
}
