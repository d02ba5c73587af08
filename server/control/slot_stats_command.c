/* SPDX-License-Identifier: MIT */
/* CLUSTER SLOT-STATS: rows of the slots of this node's shard, by number or in the order of one of their numbers. */
#include "control/answer.h"
#include "control/control.h"
#include "node/inside.h"

#include "base/num.h"
#include "base/vec.h"

#include <stdlib.h>

static const char *const metric_names[] = {
    [SLOT_METRIC_KEYS] = "key-count",      [SLOT_METRIC_MEMORY] = "memory-bytes",
    [SLOT_METRIC_READS] = "reads",         [SLOT_METRIC_WRITES] = "writes",
    [SLOT_METRIC_IN] = "network-bytes-in", [SLOT_METRIC_OUT] = "network-bytes-out",
};

static bool is_told(const struct node *node, size_t metric)
{
    return metric == SLOT_METRIC_KEYS || metric == SLOT_METRIC_MEMORY ||
           node->slot_usage.slots != NULL;
}

static void write_row(const struct node *node, struct resp_writer *w, unsigned slot,
                      size_t slot_count)
{
    size_t told = 0;

    for (size_t i = 0; i < SLOT_METRICS; i++) {
        told += is_told(node, i) ? 1 : 0;
    }
    resp_write_array(w, 2);
    resp_write_integer(w, slot);
    resp_write_map(w, told);
    for (size_t i = 0; i < SLOT_METRICS; i++) {
        if (is_told(node, i)) {
            resp_write_bulk_text(w, metric_names[i]);
            resp_write_integer(
                w, (int64_t)slot_report_metric(node, slot, (enum slot_metric)i, slot_count));
        }
    }
}

/* ---- SLOTSRANGE -------------------------------------------------------------------------------- */

static bool parse_slot(struct request *request, struct bytes word, unsigned *slot)
{
    int64_t number;

    if (!num_parse_i64(word, &number) || number < 0 || number >= SLOT_COUNT) {
        reply_error(request, "ERR Invalid or out of range slot");
        return false;
    }
    *slot = (unsigned)number;
    return true;
}

static void tell_range(struct node *node, struct request *request)
{
    unsigned first;
    unsigned last;
    size_t count = 0;

    if (request->arg_count != 5) {
        reply_error(request, "ERR syntax error");
        return;
    }
    if (!parse_slot(request, request->args[3], &first) ||
        !parse_slot(request, request->args[4], &last)) {
        return;
    }
    if (first > last) {
        reply_error(request, "ERR Start slot number %u is greater than end slot number %u", first,
                    last);
        return;
    }
    for (unsigned slot = first; slot <= last; slot++) {
        count += slot_report_covers(node, slot) ? 1 : 0;
    }
    resp_write_array(request->reply, count);
    for (unsigned slot = first; slot <= last; slot++) {
        if (slot_report_covers(node, slot)) {
            write_row(node, request->reply, slot, count);
        }
    }
}

/* ---- ORDERBY ----------------------------------------------------------------------------------- */

struct order {
    enum slot_metric metric;
    bool is_ascending;
    int64_t limit;
};

static bool parse_metric(const struct node *node, struct request *request, enum slot_metric *out)
{
    for (size_t i = 0; i < ARRAY_COUNT(metric_names); i++) {
        if (bytes_equal_nocase(request->args[3], metric_names[i]) && is_told(node, i)) {
            *out = (enum slot_metric)i;
            return true;
        }
    }
    reply_error(request, "ERR Unrecognized sort metric for ORDERBY.");
    return false;
}

static bool parse_limit(struct request *request, struct bytes word, int64_t *out)
{
    if (!num_parse_i64(word, out)) {
        reply_error(request, "ERR value is not an integer or out of range");
        return false;
    }
    if (*out < 1 || *out > SLOT_COUNT) {
        reply_error(request, "ERR Limit has to lie in between 1 and %d (maximum number of slots).",
                    SLOT_COUNT);
        return false;
    }
    return true;
}

static bool parse_order(const struct node *node, struct request *request, struct order *order)
{
    bool has_limit = false;
    bool has_direction = false;

    *order = (struct order){.limit = SLOT_COUNT};
    if (!parse_metric(node, request, &order->metric)) {
        return false;
    }
    for (size_t i = 4; i < request->arg_count; i++) {
        struct bytes word = request->args[i];

        if (bytes_equal_nocase(word, "LIMIT") && !has_limit && i + 1 < request->arg_count) {
            has_limit = true;
            if (!parse_limit(request, request->args[++i], &order->limit)) {
                return false;
            }
        } else if ((bytes_equal_nocase(word, "ASC") || bytes_equal_nocase(word, "DESC")) &&
                   !has_direction) {
            has_direction = true;
            order->is_ascending = bytes_equal_nocase(word, "ASC");
        } else {
            reply_error(request, "ERR syntax error");
            return false;
        }
    }
    return true;
}

struct ranked_slot {
    unsigned slot;
    uint64_t value;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked_slot *left = a;
    const struct ranked_slot *right = b;

    if (left->value != right->value) {
        return left->value < right->value ? -1 : 1;
    }
    return left->slot < right->slot ? -1 : 1;
}

static int by_value_descending(const void *a, const void *b)
{
    const struct ranked_slot *left = a;
    const struct ranked_slot *right = b;

    if (left->value != right->value) {
        return left->value > right->value ? -1 : 1;
    }
    return left->slot < right->slot ? -1 : 1;
}

static void tell_ordered(struct node *node, struct request *request)
{
    VEC(struct ranked_slot) ranked = {0};
    struct order order;
    size_t total = 0;
    size_t told;

    if (!parse_order(node, request, &order)) {
        return;
    }
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        total += slot_report_covers(node, slot) ? 1 : 0;
    }
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        if (slot_report_covers(node, slot)) {
            struct ranked_slot item = {slot, slot_report_metric(node, slot, order.metric, total)};

            VEC_PUSH(&ranked, item);
        }
    }
    if (ranked.count > 0) {
        qsort(ranked.items, ranked.count, sizeof(*ranked.items),
              order.is_ascending ? by_value : by_value_descending);
    }
    told = ranked.count < (size_t)order.limit ? ranked.count : (size_t)order.limit;
    resp_write_array(request->reply, told);
    for (size_t i = 0; i < told; i++) {
        write_row(node, request->reply, ranked.items[i].slot, total);
    }
    VEC_DEINIT(&ranked);
}

void control_cluster_slot_stats(struct node *node, struct request *request)
{
    if (!answer_has_cluster(node, request)) {
        return;
    }
    if (bytes_equal_nocase(request->args[2], "SLOTSRANGE")) {
        tell_range(node, request);
    } else if (bytes_equal_nocase(request->args[2], "ORDERBY")) {
        tell_ordered(node, request);
    } else {
        reply_error(request, "ERR syntax error");
    }
}
