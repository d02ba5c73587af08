/* SPDX-License-Identifier: MIT */
/* What the resident memory of the process is made of (node/memory.def has the parts).
 *
 * The facts come from those who hold the memory: the key space counts its slab, malloc is counted
 * by tags (base/mem.h), sessions know their buffers, and struct env tells what the system and
 * malloc itself see.  What they leave open is the part "unexplained", which may be negative: memory
 * that was asked for and never touched is not resident. */
#ifndef STARLING_CONTROL_MEMORY_H
#define STARLING_CONTROL_MEMORY_H

#include <stdint.h>

#include "base/mem.h"
#include "node/env.h"
#include "store/keyspace.h"

struct node;

enum memory_part {
#define MEMORY_PART(id, name, advice) MEMORY_##id,
#include "control/memory.def"
#undef MEMORY_PART
    MEMORY_PART_COUNT
};

struct memory_facts {
    size_t keyspace[KEYSPACE_PART_COUNT];
    size_t by_tag[MEM_TAG_COUNT];
    size_t clients_normal; /* sessions and their buffers */
    size_t clients_replicas;
    struct env_memory process;
};

struct memory_report {
    int64_t resident; /* the sum of all parts */
    int64_t parts[MEMORY_PART_COUNT];
};

const char *memory_part_name(enum memory_part part);
/* What to say when the part is large, or NULL. */
const char *memory_part_advice(enum memory_part part);
/* Reads some thousand entries and asks the system: 1 ms, and perhaps 20 for each GB of the heap. */
void memory_collect(struct node *node, struct memory_facts *out);
/* Where the system's figures are unknown (0), the parts that are known make up the whole. */
void memory_explain(const struct memory_facts *facts, struct memory_report *out);

#endif
