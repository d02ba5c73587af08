/* SPDX-License-Identifier: MIT */
/* What memory is made of. */
#include "control/memory.h"

#include <criterion/criterion.h>

enum {
    MB = 1024 * 1024,
};

/* A server with some data, as the system and malloc may see it. */
static struct memory_facts some_facts(void)
{
    struct memory_facts facts = {.clients_normal = 2 * MB, .clients_replicas = 1 * MB};

    facts.keyspace[KEYSPACE_ENTRIES] = 70 * MB;
    facts.keyspace[KEYSPACE_ENTRIES_FREE] = 5 * MB;
    facts.keyspace[KEYSPACE_BUCKETS] = 9 * MB;
    facts.keyspace[KEYSPACE_DIRECTORIES] = 1 * MB;
    facts.keyspace[KEYSPACE_LARGE] = 20 * MB;
    facts.by_tag[MEM_STORE] = 22 * MB;
    facts.by_tag[MEM_LOG] = 10 * MB;
    facts.by_tag[MEM_BUFFER] = 3 * MB;
    facts.by_tag[MEM_SESSION] = 1 * MB;
    facts.by_tag[MEM_NET] = 1 * MB;
    facts.process.resident = 130 * MB;
    facts.process.files = 2 * MB;
    facts.process.heap = 60 * MB;
    facts.process.heap_free = 24 * MB;
    facts.process.heap_resident = 42 * MB;
    facts.process.mapped = 2 * MB;
    facts.process.untouched = 1 * MB;
    return facts;
}

static int64_t sum_of_parts(const struct memory_report *report)
{
    int64_t sum = 0;

    for (int i = 0; i < MEMORY_PART_COUNT; i++) {
        sum += report->parts[i];
    }
    return sum;
}

Test(memory, the_parts_sum_up_to_what_is_resident)
{
    struct memory_facts facts = some_facts();
    struct memory_report report;

    memory_explain(&facts, &report);
    cr_assert_eq(report.resident, 130 * MB);
    cr_assert_eq(sum_of_parts(&report), 130 * MB);
    cr_assert_eq(report.parts[MEMORY_ENTRIES], 70 * MB);
    cr_assert_eq(report.parts[MEMORY_STORE], 1 * MB, "of 22, 1 is directories, 20 large values");
    cr_assert_eq(report.parts[MEMORY_BUFFERS], 1 * MB, "of 3 and 1, clients have 3");
    cr_assert_eq(report.parts[MEMORY_NETWORK], 0, "never touched");
    cr_assert_eq(report.parts[MEMORY_MALLOC_OVERHEAD], 1 * MB, "36 and 2 in use, 37 asked for");
    cr_assert_eq(report.parts[MEMORY_MALLOC_FREE], 6 * MB, "of 24, 18 were given back");
    cr_assert_eq(report.parts[MEMORY_UNEXPLAINED], 1 * MB);
}

Test(memory, free_memory_of_malloc_counts_as_resident_when_nothing_else_is_known)
{
    struct memory_facts facts = some_facts();
    struct memory_report report;

    facts.process.heap_resident = 0;
    memory_explain(&facts, &report);
    cr_assert_eq(report.parts[MEMORY_MALLOC_FREE], 24 * MB);
    cr_assert_eq(sum_of_parts(&report), report.resident);
}

Test(memory, of_an_unknown_process_the_known_parts_are_the_whole)
{
    struct memory_facts facts = some_facts();
    struct memory_report report;

    facts.process = (struct env_memory){0};
    memory_explain(&facts, &report);
    cr_assert_eq(report.parts[MEMORY_UNEXPLAINED], 0);
    cr_assert_eq(report.parts[MEMORY_MALLOC_OVERHEAD], 0);
    cr_assert_eq(report.resident, (70 + 5 + 9 + 22 + 10 + 4 + 1) * MB);
    cr_assert_eq(sum_of_parts(&report), report.resident);
}
