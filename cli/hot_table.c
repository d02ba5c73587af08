/* SPDX-License-Identifier: MIT */
#include "cli/hot_table.h"

#include "base/num.h"
#include "cli/cluster_view.h"
#include "cli/quoted.h"

#include <inttypes.h>
#include <stdlib.h>

static uint64_t number_of(const struct resp_value *map, const char *name)
{
    const struct resp_value *value = resp_value_find(map, name);

    return value != NULL && value->type == RESP_INTEGER && value->integer > 0
               ? (uint64_t)value->integer
               : 0;
}

void hot_table_add(struct hot_table *table, const char *node, struct bytes key, uint64_t rate)
{
    struct hot_row row = {.rate = rate};

    buf_append_bytes(&row.key, key);
    buf_append_text(&row.node, node);
    VEC_PUSH(&table->rows, row);
}

bool hot_table_add_reply(struct hot_table *table, const char *node, const struct resp_value *reply)
{
    if (reply->type != RESP_ARRAY) {
        return false;
    }
    for (size_t i = 0; i < reply->child_count; i++) {
        const struct resp_value *map = &reply->children[i];
        const struct resp_value *key = resp_value_find(map, "key");
        struct hot_row *row;

        if (key == NULL) {
            return false;
        }
        hot_table_add(table, node, resp_value_bytes(key), number_of(map, "qps"));
        row = &table->rows.items[table->rows.count - 1];
        row->db = number_of(map, "db");
        row->reads = number_of(map, "reads");
        row->writes = number_of(map, "writes");
        row->bytes = number_of(map, "bytes");
        row->slot = number_of(map, "slot");
        row->copied = number_of(map, "copied");
        row->is_of_cluster = resp_value_find(map, "slot") != NULL;
        if (resp_value_find(map, "reason") != NULL) {
            buf_append_bytes(&row->reason, resp_value_bytes(resp_value_find(map, "reason")));
        }
    }
    return true;
}

/* 0 when it is not there. */
static uint64_t info_number(struct bytes info, const char *name)
{
    struct bytes text;
    uint64_t number;

    return view_find_field(info, name, &text) && num_parse_u64(text, &number) ? number : 0;
}

void hot_table_add_info(struct hot_table *table, const char *node, struct bytes info)
{
    struct hot_node row = {
        .hot_slots = info_number(info, "hot_slots"),
        .lent_keys = info_number(info, "hot_lent_keys"),
        .copies = info_number(info, "hot_copies"),
        .copy_reads = info_number(info, "hot_copy_reads"),
        .forwards = info_number(info, "hot_forwards"),
        .busy_percent = info_number(info, "hot_node_busy_percent"),
    };

    if (row.hot_slots + row.lent_keys + row.copies + row.copy_reads + row.forwards > 0) {
        buf_append_text(&row.node, node);
        VEC_PUSH(&table->nodes, row);
    }
}

static int compare(const void *a, const void *b)
{
    const struct hot_row *x = a;
    const struct hot_row *y = b;

    if (x->rate != y->rate) {
        return x->rate > y->rate ? -1 : 1;
    }
    if (!bytes_equal(buf_bytes(&x->key), buf_bytes(&y->key))) {
        return bytes_compare(buf_bytes(&x->key), buf_bytes(&y->key));
    }
    return bytes_compare(buf_bytes(&x->node), buf_bytes(&y->node));
}

void hot_table_sort(struct hot_table *table)
{
    if (table->rows.count > 0) {
        qsort(table->rows.items, table->rows.count, sizeof(table->rows.items[0]), compare);
    }
}

/* Percent of the key's reads, at all nodes together, that are this row's. */
static unsigned share_of(const struct hot_table *table, const struct hot_row *row)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < table->rows.count; i++) {
        const struct hot_row *other = &table->rows.items[i];

        if (other->db == row->db && bytes_equal(buf_bytes(&other->key), buf_bytes(&row->key))) {
            sum += other->reads;
        }
    }
    return sum > 0 ? (unsigned)((row->reads * 100 + sum / 2) / sum) : 0;
}

static bool is_of_cluster(const struct hot_table *table)
{
    for (size_t i = 0; i < table->rows.count; i++) {
        if (table->rows.items[i].is_of_cluster) {
            return true;
        }
    }
    return false;
}

static void write_nodes(const struct hot_table *table, struct buf *out)
{
    if (table->nodes.count == 0) {
        return;
    }
    buf_printf(out, "\n%-21s %5s %10s %10s %10s %12s %12s\n", "node", "busy", "hot slots",
               "lent keys", "copies", "copy reads", "passed on");
    for (size_t i = 0; i < table->nodes.count; i++) {
        const struct hot_node *node = &table->nodes.items[i];

        buf_printf(out,
                   "%-21.*s %4" PRIu64 "%% %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %12" PRIu64
                   " %12" PRIu64 "\n",
                   (int)node->node.len, node->node.data, node->busy_percent, node->hot_slots,
                   node->lent_keys, node->copies, node->copy_reads, node->forwards);
    }
}

static void write_row(const struct hot_table *table, const struct hot_row *row, bool with_cluster,
                      struct buf *out)
{
    buf_printf(out, "%10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %12" PRIu64 " %-21.*s %3" PRIu64 " ",
               row->rate, row->reads, row->writes, row->bytes, (int)row->node.len, row->node.data,
               row->db);
    if (with_cluster) {
        buf_printf(out, "%5" PRIu64 " %4u%% %6" PRIu64 " ", row->slot, share_of(table, row),
                   row->copied);
    }
    quoted_encode(out, buf_bytes(&row->key));
    if (row->reason.len > 0) {
        buf_printf(out, "  %.*s", (int)row->reason.len, row->reason.data);
    }
    buf_append_byte(out, '\n');
}

void hot_table_write(const struct hot_table *table, struct buf *out)
{
    bool with_cluster = is_of_cluster(table);

    if (table->rows.count == 0) {
        buf_append_text(out, "No hot keys.\n");
    } else {
        buf_printf(out, "%10s %10s %10s %12s %-21s %3s ", "ops/s", "reads/s", "writes/s", "bytes/s",
                   "node", "db");
        if (with_cluster) {
            buf_printf(out, "%5s %5s %6s ", "slot", "share", "copied");
        }
        buf_append_text(out, with_cluster ? "key  copying\n" : "key\n");
    }
    for (size_t i = 0; i < table->rows.count; i++) {
        write_row(table, &table->rows.items[i], with_cluster, out);
    }
    write_nodes(table, out);
}

void hot_table_write_frequencies(const struct hot_table *table, size_t max, struct buf *out)
{
    for (size_t i = 0; i < table->rows.count && i < max; i++) {
        buf_printf(out,
                   "hot key found with counter: %" PRIu64 "\tkeyname: ", table->rows.items[i].rate);
        quoted_encode(out, buf_bytes(&table->rows.items[i].key));
        buf_append_byte(out, '\n');
    }
}

void hot_table_deinit(struct hot_table *table)
{
    for (size_t i = 0; i < table->rows.count; i++) {
        buf_deinit(&table->rows.items[i].key);
        buf_deinit(&table->rows.items[i].node);
        buf_deinit(&table->rows.items[i].reason);
    }
    VEC_DEINIT(&table->rows);
    for (size_t i = 0; i < table->nodes.count; i++) {
        buf_deinit(&table->nodes.items[i].node);
    }
    VEC_DEINIT(&table->nodes);
}
