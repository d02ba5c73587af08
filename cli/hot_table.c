/* SPDX-License-Identifier: MIT */
#include "cli/hot_table.h"

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
    }
    return true;
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

void hot_table_write(const struct hot_table *table, struct buf *out)
{
    if (table->rows.count == 0) {
        buf_append_text(out, "No hot keys.\n");
        return;
    }
    buf_printf(out, "%10s %10s %10s %12s %-21s %3s %s\n", "ops/s", "reads/s", "writes/s", "bytes/s",
               "node", "db", "key");
    for (size_t i = 0; i < table->rows.count; i++) {
        const struct hot_row *row = &table->rows.items[i];

        buf_printf(out,
                   "%10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %12" PRIu64 " %-21.*s %3" PRIu64 " ",
                   row->rate, row->reads, row->writes, row->bytes, (int)row->node.len,
                   row->node.data, row->db);
        quoted_encode(out, buf_bytes(&row->key));
        buf_append_byte(out, '\n');
    }
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
    }
    VEC_DEINIT(&table->rows);
}
