/* SPDX-License-Identifier: MIT */
/* Collecting the facts, and dividing resident memory up by them. */
#include "control/memory.h"

#include "control/control.h"
#include "node/inside.h"

static const struct {
    const char *name;
    const char *advice;
} parts[MEMORY_PART_COUNT] = {
#define MEMORY_PART(id, name, advice) [MEMORY_##id] = {name, advice},
#include "control/memory.def"
#undef MEMORY_PART
};

const char *memory_part_name(enum memory_part part)
{
    ASSERT(part < MEMORY_PART_COUNT);
    return parts[part].name;
}

const char *memory_part_advice(enum memory_part part)
{
    ASSERT(part < MEMORY_PART_COUNT);
    return parts[part].advice;
}

/* ---- facts ------------------------------------------------------------------------------------ */

static void add_keyspace(struct node *node, struct keyspace *ks, struct memory_facts *facts)
{
    size_t found[KEYSPACE_PART_COUNT];

    keyspace_explain(ks, &node->rng, found);
    for (int i = 0; i < KEYSPACE_PART_COUNT; i++) {
        facts->keyspace[i] += found[i];
    }
}

void memory_collect(struct node *node, struct memory_facts *out)
{
    *out = (struct memory_facts){0};
    add_keyspace(node, node->data.keyspace, out);
    if (node->loading.target != NULL && node->loading.target != node->data.keyspace) {
        add_keyspace(node, node->loading.target, out);
    }
    for (int tag = 0; tag < MEM_TAG_COUNT; tag++) {
        out->by_tag[tag] = mem_used((enum mem_tag)tag);
    }
    LIST_FOR_EACH (item, &node->sessions.all) {
        const struct session *s = CONTAINER_OF(item, struct session, all);

        if (s->flags & SESSION_REPLICA) {
            out->clients_replicas += session_memory(s);
        } else {
            out->clients_normal += session_memory(s);
        }
    }
    node->env.memory(node->env.context, &out->process);
}

/* ---- parts ------------------------------------------------------------------------------------ */

static void explain_heap(const struct memory_facts *facts, int64_t *out)
{
    const size_t *tag = facts->by_tag;

    out[MEMORY_STORE] = (int64_t)tag[MEM_STORE];
    for (int i = KEYSPACE_DIRECTORIES; i < KEYSPACE_PART_COUNT; i++) {
        out[MEMORY_STORE] -= (int64_t)facts->keyspace[i];
    }
    out[MEMORY_LOG] = (int64_t)tag[MEM_LOG];
    out[MEMORY_CLIENTS] = (int64_t)facts->clients_normal;
    out[MEMORY_CLIENTS_REPLICAS] = (int64_t)facts->clients_replicas;
    out[MEMORY_BUFFERS] = (int64_t)(tag[MEM_SESSION] + tag[MEM_BUFFER]) -
                          (int64_t)(facts->clients_normal + facts->clients_replicas);
    out[MEMORY_NETWORK] = (int64_t)tag[MEM_NET] - (int64_t)facts->process.untouched;
    out[MEMORY_CLUSTER] = (int64_t)tag[MEM_CLUSTER];
    out[MEMORY_REPLICATION] = (int64_t)tag[MEM_REPLICATION];
    out[MEMORY_SNAPSHOT] = (int64_t)tag[MEM_SNAPSHOT];
    out[MEMORY_NODE] = (int64_t)tag[MEM_NODE];
    out[MEMORY_CONTAINERS] = (int64_t)(tag[MEM_BASE] + tag[MEM_CLI] + tag[MEM_TEST]);
}

/* Of what malloc has beyond what was asked of it, its free memory may have been given back. */
static void explain_malloc(const struct memory_facts *facts, int64_t *out)
{
    const struct env_memory *process = &facts->process;
    int64_t in_use = (int64_t)process->heap - (int64_t)process->heap_free;
    int64_t free_resident = (int64_t)process->heap_resident - in_use;
    int64_t asked = 0;

    if (process->heap + process->mapped == 0) {
        return;
    }
    for (int tag = 0; tag < MEM_TAG_COUNT; tag++) {
        asked += (int64_t)facts->by_tag[tag];
    }
    if (process->heap_resident == 0 || free_resident > (int64_t)process->heap_free) {
        free_resident = (int64_t)process->heap_free;
    }
    out[MEMORY_MALLOC_FREE] = free_resident > 0 ? free_resident : 0;
    out[MEMORY_MALLOC_OVERHEAD] = in_use + (int64_t)process->mapped - asked;
}

void memory_explain(const struct memory_facts *facts, struct memory_report *out)
{
    int64_t sum = 0;

    _Static_assert((int)MEMORY_STORE == (int)KEYSPACE_PART_COUNT &&
                       (int)MEMORY_DEAD_LARGE == (int)KEYSPACE_DEAD_LARGE,
                   "the parts of the key space come first");
    *out = (struct memory_report){0};
    for (int i = 0; i < KEYSPACE_PART_COUNT; i++) {
        out->parts[i] = (int64_t)facts->keyspace[i];
    }
    explain_heap(facts, out->parts);
    explain_malloc(facts, out->parts);
    out->parts[MEMORY_FILES] = (int64_t)facts->process.files;
    out->parts[MEMORY_STACK] = (int64_t)facts->process.stack;
    for (int i = 0; i < MEMORY_PART_COUNT; i++) {
        sum += out->parts[i];
    }
    out->resident = facts->process.resident > 0 ? (int64_t)facts->process.resident : sum;
    out->parts[MEMORY_UNEXPLAINED] = out->resident - sum;
}
