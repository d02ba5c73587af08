/* SPDX-License-Identifier: MIT */
/* MEMORY: what it is used for, what is wrong with it, giving some of it back. */
#include "control/answer.h"
#include "control/control.h"
#include "control/memory.h"
#include "node/inside.h"

#include "base/num.h"

#include <stdio.h>

enum {
    REDIS_FIELDS = 27,            /* of MEMORY STATS, in the order of Redis */
    TINY_BYTES = 5 * 1024 * 1024, /* MEMORY DOCTOR does not look at less */
    MUCH_BYTES = 16 * 1024 * 1024,
    MUCH_PERCENT = 10,
    SIZE_TEXT = 32,
};

void control_memory(struct node *node, struct request *request)
{
    (void)node;
    reply_unknown_sub(request);
}

void control_memory_usage(struct node *node, struct request *request)
{
    struct key_ref ref = keyspace_ref(node->data.keyspace, request->session->db, request->args[2]);
    struct entry *e = keyspace_find(node->data.keyspace, &ref, node->now.unix_ms);
    bool has_samples = request->arg_count == 5 && bytes_equal_nocase(request->args[3], "SAMPLES");
    int64_t samples = 0;

    if (has_samples && !num_parse_i64(request->args[4], &samples)) {
        reply_error(request, "ERR value is not an integer or out of range");
    } else if ((request->arg_count != 3 && !has_samples) || samples < 0) {
        reply_error(request, "ERR syntax error");
    } else if (e == NULL) {
        resp_write_null(request->reply);
    } else {
        resp_write_integer(request->reply, (int64_t)keyspace_entry_bytes(node->data.keyspace, e));
    }
}

/* ---- STATS ------------------------------------------------------------------------------------ */

static void stat_bytes(struct resp_writer *w, const char *name, int64_t value)
{
    resp_write_bulk_text(w, name);
    resp_write_integer(w, value);
}

static void stat_ratio(struct resp_writer *w, const char *name, double part, double of,
                       double factor)
{
    resp_write_bulk_text(w, name);
    resp_write_double(w, of != 0 ? part / of * factor : 0);
}

/* "<name><ratio>" and "<name><bytes>": what is larger, and by how much. */
static void stat_excess(struct resp_writer *w, const char *ratio_name, const char *bytes_name,
                        int64_t larger, int64_t smaller)
{
    stat_ratio(w, ratio_name, (double)larger, (double)smaller, 1);
    stat_bytes(w, bytes_name, larger - smaller);
}

static int64_t sum_of(const struct memory_report *report, enum memory_part first,
                      enum memory_part last)
{
    int64_t sum = 0;

    for (int i = (int)first; i <= (int)last; i++) {
        sum += report->parts[i];
    }
    return sum;
}

/* What Redis counts as overhead: all but the data. */
static int64_t overhead_of(struct node *node, const struct memory_report *report)
{
    return (int64_t)node->data.startup_memory + (int64_t)oplog_memory(node->journal.log) +
           report->parts[MEMORY_CLIENTS] + report->parts[MEMORY_CLIENTS_REPLICAS] +
           sum_of(report, MEMORY_BUCKETS, MEMORY_BUCKETS_FREE) + report->parts[MEMORY_PAGES_INDEX] +
           report->parts[MEMORY_DIRECTORIES];
}

static void write_data_fields(struct node *node, const struct memory_report *report, int64_t used,
                              struct resp_writer *w)
{
    int64_t keys = (int64_t)keyspace_count_all(node->data.keyspace);
    int64_t startup = (int64_t)node->data.startup_memory;
    int64_t overhead = overhead_of(node, report);
    int64_t dataset = used > overhead ? used - overhead : 0;
    int64_t net = used > startup ? used - startup : 0;

    stat_bytes(w, "peak.allocated", (int64_t)node->data.peak_memory);
    stat_bytes(w, "total.allocated", used);
    stat_bytes(w, "startup.allocated", startup);
    stat_bytes(w, "replication.backlog", (int64_t)oplog_memory(node->journal.log));
    stat_bytes(w, "clients.slaves", report->parts[MEMORY_CLIENTS_REPLICAS]);
    stat_bytes(w, "clients.normal", report->parts[MEMORY_CLIENTS]);
    stat_bytes(w, "cluster.links", (int64_t)bus_links_memory(node));
    stat_bytes(w, "aof.buffer", 0);
    stat_bytes(w, "lua.caches", 0);
    stat_bytes(w, "functions.caches", 0);
    stat_bytes(w, "overhead.total", overhead);
    stat_bytes(w, "keys.count", keys);
    stat_bytes(w, "keys.bytes-per-key", keys > 0 ? net / keys : 0);
    stat_bytes(w, "dataset.bytes", dataset);
    stat_ratio(w, "dataset.percentage", (double)dataset, (double)net, 100);
    stat_ratio(w, "peak.percentage", (double)used, (double)node->data.peak_memory, 100);
}

/* The allocators are the slab and malloc: what is in use, the pages that hold it, all they have. */
static void write_allocator_fields(const struct memory_report *report, int64_t used,
                                   struct resp_writer *w)
{
    const int64_t *parts = report->parts;
    int64_t unused = parts[MEMORY_ENTRIES_FREE] + parts[MEMORY_BUCKETS_FREE] +
                     parts[MEMORY_MALLOC_OVERHEAD] + parts[MEMORY_MALLOC_FREE];
    int64_t kept = parts[MEMORY_PAGES_IDLE] + parts[MEMORY_PAGES_INDEX];
    int64_t resident = sum_of(report, MEMORY_ENTRIES, MEMORY_MALLOC_FREE);
    int64_t active = resident - kept;
    int64_t allocated = active - unused;

    stat_bytes(w, "allocator.allocated", allocated);
    stat_bytes(w, "allocator.active", active);
    stat_bytes(w, "allocator.resident", resident);
    stat_excess(w, "allocator-fragmentation.ratio", "allocator-fragmentation.bytes", active,
                allocated);
    stat_excess(w, "allocator-rss.ratio", "allocator-rss.bytes", resident, active);
    stat_excess(w, "rss-overhead.ratio", "rss-overhead.bytes", report->resident, resident);
    stat_excess(w, "fragmentation", "fragmentation.bytes", report->resident, used);
}

void control_memory_stats(struct node *node, struct request *request)
{
    struct resp_writer *w = request->reply;
    struct memory_facts facts;
    struct memory_report report;
    int64_t used = (int64_t)data_note_memory(node);

    memory_collect(node, &facts);
    memory_explain(&facts, &report);
    resp_write_map(w, REDIS_FIELDS + 1 + MEMORY_PART_COUNT);
    write_data_fields(node, &report, used, w);
    write_allocator_fields(&report, used, w);
    stat_bytes(w, "resident.total", report.resident);
    for (int i = 0; i < MEMORY_PART_COUNT; i++) {
        char name[64];

        snprintf(name, sizeof(name), "resident.%s", memory_part_name((enum memory_part)i));
        stat_bytes(w, name, report.parts[i]);
    }
}

/* ---- DOCTOR ----------------------------------------------------------------------------------- */

static const char *size_text(int64_t bytes, char out[SIZE_TEXT])
{
    num_format_size(out, SIZE_TEXT, bytes > 0 ? (uint64_t)bytes : 0);
    return out;
}

static bool is_much(int64_t bytes, int64_t of)
{
    return bytes > MUCH_BYTES && bytes > of / 100 * MUCH_PERCENT;
}

/* Is the part large, and should not be?  The log is as long as it is configured to be. */
static bool is_finding(const struct memory_report *report, enum memory_part part)
{
    int64_t bytes = report->parts[part];

    if (memory_part_advice(part) == NULL || !is_much(bytes, report->resident)) {
        return false;
    }
    return part != MEMORY_LOG || bytes > sum_of(report, MEMORY_ENTRIES, MEMORY_STORE);
}

static unsigned write_findings(const struct memory_report *report, struct buf *out)
{
    char size[SIZE_TEXT];
    unsigned count = 0;

    for (int i = 0; i < MEMORY_PART_COUNT; i++) {
        enum memory_part part = (enum memory_part)i;

        if (is_finding(report, part)) {
            buf_printf(out, "* resident.%s, %s: %s.\n", memory_part_name(part),
                       size_text(report->parts[i], size), memory_part_advice(part));
            count++;
        }
    }
    return count;
}

static void diagnose(struct node *node, struct buf *out)
{
    struct memory_facts facts;
    struct memory_report report;
    int64_t used = (int64_t)data_note_memory(node);
    int64_t peak = (int64_t)node->data.peak_memory;
    char size1[SIZE_TEXT];
    char size2[SIZE_TEXT];
    unsigned count;

    if (used < TINY_BYTES) {
        buf_printf(out, "Only %s are in use: there is nothing to be found out about so little.\n",
                   size_text(used, size1));
        return;
    }
    memory_collect(node, &facts);
    memory_explain(&facts, &report);
    buf_printf(out, "%s are in use, %s are resident.\n", size_text(used, size1),
               size_text(report.resident, size2));
    count = write_findings(&report, out);
    if (count == 0) {
        buf_append_text(out, "Nothing takes more memory than it should.\n");
    }
    if (is_much(peak - used, peak)) {
        buf_printf(out, "At its peak %s were in use.\n", size_text(peak, size1));
    }
}

void control_memory_doctor(struct node *node, struct request *request)
{
    struct buf text = {0};

    diagnose(node, &text);
    resp_write_verbatim(request->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

/* ---- PURGE, MALLOC-STATS ---------------------------------------------------------------------- */

void control_memory_purge(struct node *node, struct request *request)
{
    keyspace_release_memory(node->data.keyspace);
    node->env.release_memory(node->env.context);
    resp_write_ok(request->reply);
}

static void write_size_classes(const struct keyspace *ks, struct buf *out)
{
    struct keyspace_size_class class;

    buf_append_text(out, "kind     object size     pages      objects  of them live     full\n");
    for (unsigned i = 0; keyspace_size_class(ks, i, &class); i++) {
        uint64_t objects = (uint64_t) class.pages * class.capacity;

        if (class.pages > 0) {
            buf_printf(out, "%-8s %11zu %9u %12llu %13llu %7.1f%%\n",
                       class.is_entries ? "entries" : "buckets", class.object_bytes, class.pages,
                       (unsigned long long)objects, (unsigned long long)class.live,
                       100.0 * (double)class.live / (double)objects);
        }
    }
}

void control_memory_malloc_stats(struct node *node, struct request *request)
{
    struct env_memory process;
    struct buf text = {0};

    node->env.memory(node->env.context, &process);
    buf_append_text(&text, "slab\n\n");
    write_size_classes(node->data.keyspace, &text);
    buf_printf(&text,
               "\nmalloc\n\n"
               "heap           %zu\nheap resident  %zu\nheap free      %zu\nmapped         %zu\n",
               process.heap, process.heap_resident, process.heap_free, process.mapped);
    resp_write_verbatim(request->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

void control_memory_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "DOCTOR",
        "    Return memory problems reports.",
        "MALLOC-STATS",
        "    Return internal statistics report from the memory allocator.",
        "PURGE",
        "    Give back what is not in use, at once.",
        "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}
