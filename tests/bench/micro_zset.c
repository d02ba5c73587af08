/* SPDX-License-Identifier: MIT */
/* A large sorted set, without anything around it.  The end of each run prints what a member takes. */
#include "tests/bench/micro.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/rng.h"
#include "store/keyspace.h"
#include "store/members.h"
#include "store/rank_tree.h"

#include <stdio.h>

enum {
    SEED = 42,
    NAME_TEXT = 24,
    RANGE = 10, /* members read from a random rank on */
};

#define ARENA_BYTES (UINT64_C(8) << 30)
#define SCORES      UINT64_C(1000000000)

struct zset_state {
    struct value_space space;
    struct members members;
    struct rank_tree tree;
    struct rng rng;
    uint64_t added;
    char name[NAME_TEXT];
};

static struct bytes name_of(struct zset_state *z, uint64_t number)
{
    int len = snprintf(z->name, sizeof(z->name), "m:%010llu", (unsigned long long)number);

    return bytes_make(z->name, (size_t)len);
}

static void add(struct zset_state *z)
{
    struct member_plan plan = {.name = name_of(z, z->added++),
                               .score = (double)rng_below(&z->rng, SCORES),
                               .has_score = true,
                               .expire_at_ms = EXPIRE_NEVER};
    struct member *m;

    (void)members_put(&z->members, &plan, &m);
    rank_tree_insert(&z->tree, m);
}

static void *begin_zset(const struct micro *micro, uint64_t key_count)
{
    struct zset_state *z = mem_alloc_zeroed(MEM_TEST, sizeof(*z));

    (void)micro;
    value_space_init(&z->space, &value_types_builtin, SEED, ARENA_BYTES);
    z->members = members_make(&z->space);
    z->tree = rank_tree_make(&z->space);
    rng_init(&z->rng, SEED);
    while (z->added < key_count) {
        add(z);
    }
    return z;
}

static void end_zset(void *context)
{
    struct zset_state *z = context;
    size_t budget = SIZE_MAX;

    fprintf(stderr, "  a member takes %.2f bytes of the tree, %.2f of the table (%llu members)\n",
            (double)z->tree.bytes / (double)z->tree.count,
            (double)members_bytes(&z->members) / (double)z->tree.count,
            (unsigned long long)z->tree.count);
    if (!rank_tree_free(&z->tree, &budget) || !members_free(&z->members, &budget)) {
        ASSERT(false);
    }
    value_space_deinit(&z->space);
    mem_free(MEM_TEST, z);
}

static void run_add(void *context, uint64_t count)
{
    while (count-- > 0) {
        add(context);
    }
}

static struct member *random_member(struct zset_state *z)
{
    return members_find(&z->members, name_of(z, rng_below(&z->rng, z->added)));
}

static void run_score(void *context, uint64_t count)
{
    struct zset_state *z = context;

    while (count-- > 0) {
        struct member *m = random_member(z);

        rank_tree_remove(&z->tree, m);
        member_put_score(m, (double)rng_below(&z->rng, SCORES));
        rank_tree_insert(&z->tree, m);
    }
}

static void run_rank(void *context, uint64_t count)
{
    struct zset_state *z = context;

    while (count-- > 0) {
        const struct member *m = random_member(z);
        struct rank_bound bound = rank_bound_member(member_score(m), member_name(m), false);

        ASSERT(rank_tree_count_before(&z->tree, &bound) < z->tree.count);
    }
}

static void run_range(void *context, uint64_t count)
{
    struct zset_state *z = context;

    while (count-- > 0) {
        struct rank_cursor cursor = rank_tree_seek(&z->tree, rng_below(&z->rng, z->tree.count));

        for (int i = 0; i < RANGE && rank_cursor_next(&cursor) != NULL; i++) {
        }
    }
}

const struct micro *micro_zset_at(size_t index)
{
    static const struct micro all[] = {
        {"zset-add",   "add a member with a random score", 500000,  begin_zset, run_add,   end_zset, 0,
         0                                                                                               },
        {"zset-score", "give a random member another one", 500000,  begin_zset, run_score, end_zset,
         0,                                                                                             0},
        {"zset-rank",  "find the rank of a random member", 1000000, begin_zset, run_rank,  end_zset,
         0,                                                                                             0},
        {"zset-range", "read 10 members from a rank on",   1000000, begin_zset, run_range, end_zset,
         0,                                                                                             0},
    };

    return index < ARRAY_COUNT(all) ? &all[index] : NULL;
}
