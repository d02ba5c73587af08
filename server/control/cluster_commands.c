/* SPDX-License-Identifier: MIT */
/* CLUSTER subcommands that change something, and those about slots and keys. */
#include "control/answer.h"
#include "control/control.h"
#include "node/inside.h"

#include "base/mem.h"
#include "base/num.h"
#include "cluster/admin.h"
#include "spec/slot.h"

#include <stdio.h>

static struct cluster_call call_of(struct node *node, struct errmsg *error)
{
    return (struct cluster_call){
        .now = node->now.mono,
        .actions = cluster_side_actions(node),
        .error = error,
        .has_keys = keyspace_count_all(node->data.keyspace) > 0,
    };
}

/* Carry out what the core asked for, then answer: when the nodes file has to tell of it, as soon
 * as it does. */
static void finish_with(struct node *node, struct request *request,
                        const struct cluster_call *admin, const char *answer)
{
    if (node->transaction.is_on) {
        transaction_note_slots(node, admin->file_sequence); /* which acts when all have run */
    } else {
        cluster_side_act(node);
    }
    if (answer == NULL) {
        reply_error(request, "ERR %s", admin->error->text);
    } else if (admin->file_sequence > 0 && !node->transaction.is_on) {
        waiting_for_nodes_file(node, request->session, admin->file_sequence, answer);
    } else {
        resp_write_simple(request->reply, answer);
    }
}

static void finish(struct node *node, struct request *request, const struct cluster_call *admin,
                   bool is_ok)
{
    finish_with(node, request, admin, is_ok ? "OK" : NULL);
}

void control_cluster(struct node *node, struct request *request)
{
    (void)node;
    reply_unknown_sub(request);
}

void control_cluster_meet(struct node *node, struct request *request)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    int64_t port;
    int64_t bus_port = 0;

    if (!answer_has_cluster(node, request)) {
        return;
    }
    if (request->arg_count > 5) {
        reply_sub_misused(request);
        return;
    }
    if (!num_parse_i64(request->args[3], &port)) {
        reply_error(request, "ERR Invalid TCP base port specified: %.*s",
                    request->args[3].len < 64 ? (int)request->args[3].len : 64,
                    request->args[3].data);
        return;
    }
    if (request->arg_count == 5 && !num_parse_i64(request->args[4], &bus_port)) {
        reply_error(request, "ERR Invalid TCP bus port specified: %.*s",
                    request->args[4].len < 64 ? (int)request->args[4].len : 64,
                    request->args[4].data);
        return;
    }
    finish(node, request, &admin,
           cluster_meet(node->cluster, &admin, request->args[2], port, bus_port));
}

void control_cluster_forget(struct node *node, struct request *request)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);

    if (answer_has_cluster(node, request)) {
        finish(node, request, &admin, cluster_forget(node->cluster, &admin, request->args[2]));
    }
}

/* ---- slots ------------------------------------------------------------------------------------ */

static bool parse_slot(struct node *node, struct request *request, struct bytes word,
                       uint16_t *slot)
{
    int64_t number;

    (void)node;
    if (!num_parse_i64(word, &number) || number < 0 || number >= SLOT_COUNT) {
        reply_error(request, "ERR Invalid or out of range slot");
        return false;
    }
    *slot = (uint16_t)number;
    return true;
}

struct slot_list {
    uint16_t *items;
    size_t count;
    size_t cap;
};

static void list_slot(struct slot_list *list, uint16_t slot)
{
    VEC_PUSH(list, slot);
}

static bool list_single_slots(struct node *node, struct request *request, struct slot_list *list)
{
    for (size_t i = 2; i < request->arg_count; i++) {
        uint16_t slot;

        if (!parse_slot(node, request, request->args[i], &slot)) {
            return false;
        }
        list_slot(list, slot);
    }
    return true;
}

static bool list_ranges(struct node *node, struct request *request, struct slot_list *list)
{
    if (request->arg_count % 2 != 0) {
        reply_error(request, "ERR wrong number of arguments for 'cluster|%s' command",
                    request->spec->name);
        return false;
    }
    for (size_t i = 2; i < request->arg_count; i += 2) {
        uint16_t first;
        uint16_t last;

        if (!parse_slot(node, request, request->args[i], &first) ||
            !parse_slot(node, request, request->args[i + 1], &last)) {
            return false;
        }
        if (first > last || list->count + (size_t)(last - first) + 1 > 2 * SLOT_COUNT) {
            reply_error(request, "ERR start slot number %u is greater than end slot number %u",
                        first, last);
            return false;
        }
        for (unsigned slot = first; slot <= last; slot++) {
            list_slot(list, (uint16_t)slot);
        }
    }
    return true;
}

typedef bool slots_fn(struct cluster *cluster, struct cluster_call *call, const uint16_t *slots,
                      size_t count);

static void change_slots(struct node *node, struct request *request, bool takes_ranges,
                         slots_fn *change)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    struct slot_list list = {0};

    if (!answer_has_cluster(node, request)) {
        return;
    }
    if (takes_ranges ? list_ranges(node, request, &list)
                     : list_single_slots(node, request, &list)) {
        finish(node, request, &admin, change(node->cluster, &admin, list.items, list.count));
    }
    VEC_DEINIT(&list);
}

void control_cluster_addslots(struct node *node, struct request *request)
{
    change_slots(node, request, false, cluster_add_slots);
}

void control_cluster_addslotsrange(struct node *node, struct request *request)
{
    change_slots(node, request, true, cluster_add_slots);
}

void control_cluster_delslots(struct node *node, struct request *request)
{
    change_slots(node, request, false, cluster_del_slots);
}

void control_cluster_delslotsrange(struct node *node, struct request *request)
{
    change_slots(node, request, true, cluster_del_slots);
}

void control_cluster_flushslots(struct node *node, struct request *request)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);

    if (answer_has_cluster(node, request)) {
        finish(node, request, &admin, cluster_flush_slots(node->cluster, &admin));
    }
}

static bool parse_setslot(struct request *request, enum cluster_setslot_kind *kind)
{
    static const struct {
        const char *word;
        enum cluster_setslot_kind kind;
        size_t arg_count;
    } forms[] = {
        {"MIGRATING", CLUSTER_SETSLOT_MIGRATING, 5},
        {"IMPORTING", CLUSTER_SETSLOT_IMPORTING, 5},
        {"STABLE",    CLUSTER_SETSLOT_STABLE,    4},
        {"NODE",      CLUSTER_SETSLOT_NODE,      5},
    };

    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        if (bytes_equal_nocase(request->args[3], forms[i].word) &&
            request->arg_count == forms[i].arg_count) {
            *kind = forms[i].kind;
            return true;
        }
    }
    reply_error(request,
                "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP");
    return false;
}

/* Does it change what this node owns?  Else it is news that comes by the bus as well. */
static bool concerns_us(const struct node *node, uint16_t slot, enum cluster_setslot_kind kind,
                        struct bytes id)
{
    return kind != CLUSTER_SETSLOT_NODE || cluster_owns_slot(node->cluster, slot) ||
           bytes_equal(id, bytes_from_text(cluster_my_id(node->cluster)->text));
}

void control_cluster_setslot(struct node *node, struct request *request)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    enum cluster_setslot_kind kind;
    struct bytes id = {0};
    bool is_concerned;
    uint16_t slot;

    if (!answer_has_cluster(node, request) || !parse_slot(node, request, request->args[2], &slot) ||
        !parse_setslot(request, &kind)) {
        return;
    }
    if (kind != CLUSTER_SETSLOT_STABLE) {
        id = request->args[4];
    }
    admin.has_keys = keyspace_slot_count(node->data.keyspace, slot) > 0;
    is_concerned = concerns_us(node, slot, kind, id);
    if (!cluster_set_slot(node->cluster, &admin, slot, kind, id)) {
        finish_with(node, request, &admin, NULL);
        return;
    }
    if (node->transaction.is_on) {
        finish_with(node, request, &admin, "OK");
        return;
    }
    cluster_side_act(node);
    waiting_for_slot(node, request->session, slot,
                     kind == CLUSTER_SETSLOT_NODE ? id : (struct bytes){0}, admin.file_sequence,
                     !is_concerned);
}

void control_cluster_keyslot(struct node *node, struct request *request)
{
    if (answer_has_cluster(node, request)) {
        resp_write_integer(request->reply, slot_of_key(request->args[2]));
    }
}

void control_cluster_countkeysinslot(struct node *node, struct request *request)
{
    int64_t slot;

    if (!answer_has_cluster(node, request)) {
        return;
    }
    if (!num_parse_i64(request->args[2], &slot)) {
        reply_error(request, "ERR value is not an integer or out of range");
    } else if (slot < 0 || slot >= SLOT_COUNT) {
        reply_error(request, "ERR Invalid slot");
    } else {
        bool is_hidden = keyspace_is_hidden(node->data.keyspace, (unsigned)slot);

        resp_write_integer(
            request->reply,
            is_hidden ? 0 : (int64_t)keyspace_slot_count(node->data.keyspace, (unsigned)slot));
    }
}

struct key_list {
    struct resp_writer writer;
    struct buf text;
    size_t count;
    size_t wanted;
};

static void list_key(void *context, const struct entry *e)
{
    struct key_list *list = context;

    if (list->count < list->wanted) {
        resp_write_bulk(&list->writer, entry_key(e));
        list->count++;
    }
}

void control_cluster_getkeysinslot(struct node *node, struct request *request)
{
    struct key_list list = {0};
    int64_t slot;
    int64_t count;
    uint64_t cursor = 0;

    if (!answer_has_cluster(node, request)) {
        return;
    }
    if (!num_parse_i64(request->args[2], &slot) || !num_parse_i64(request->args[3], &count)) {
        reply_error(request, "ERR value is not an integer or out of range");
        return;
    }
    if (slot < 0 || slot >= SLOT_COUNT || count < 0) {
        reply_error(request, "ERR Invalid slot or number of keys");
        return;
    }
    list.writer = (struct resp_writer){.out = &list.text, .version = request->session->protocol};
    list.wanted = keyspace_is_hidden(node->data.keyspace, (unsigned)slot) ? 0 : (size_t)count;
    do {
        cursor = keyspace_scan_slot(node->data.keyspace, (unsigned)slot, cursor,
                                    list.wanted - list.count, list_key, &list);
    } while (cursor != 0 && list.count < list.wanted);
    resp_write_array(request->reply, list.count);
    buf_append_bytes(request->reply->out, buf_bytes(&list.text));
    buf_deinit(&list.text);
}

/* ---- roles and epochs ------------------------------------------------------------------------- */

void control_cluster_replicate(struct node *node, struct request *request)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);

    if (answer_has_cluster(node, request)) {
        finish(node, request, &admin, cluster_replicate(node->cluster, &admin, request->args[2]));
    }
}

void control_cluster_failover(struct node *node, struct request *request)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    enum cluster_failover_kind kind = CLUSTER_FAILOVER_AGREED;

    if (!answer_has_cluster(node, request)) {
        return;
    }
    if (request->arg_count > 3) {
        reply_sub_misused(request);
        return;
    }
    if (request->arg_count == 3 && bytes_equal_nocase(request->args[2], "FORCE")) {
        kind = CLUSTER_FAILOVER_FORCE;
    } else if (request->arg_count == 3 && bytes_equal_nocase(request->args[2], "TAKEOVER")) {
        kind = CLUSTER_FAILOVER_TAKEOVER;
    } else if (request->arg_count != 2) {
        reply_error(request, "ERR syntax error");
        return;
    }
    finish(node, request, &admin, cluster_failover(node->cluster, &admin, kind));
}

void control_cluster_reset(struct node *node, struct request *request)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    bool is_hard = request->arg_count == 3 && bytes_equal_nocase(request->args[2], "HARD");

    if (!answer_has_cluster(node, request)) {
        return;
    }
    if (request->arg_count > 3) {
        reply_sub_misused(request);
        return;
    }
    if (request->arg_count == 3 && !is_hard && !bytes_equal_nocase(request->args[2], "SOFT")) {
        reply_error(request, "ERR syntax error");
        return;
    }
    finish(node, request, &admin, cluster_reset(node->cluster, &admin, is_hard));
}

void control_cluster_set_config_epoch(struct node *node, struct request *request)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    int64_t epoch;

    if (!answer_has_cluster(node, request)) {
        return;
    }
    if (!num_parse_i64(request->args[2], &epoch)) {
        reply_error(request, "ERR value is not an integer or out of range");
        return;
    }
    finish(node, request, &admin, cluster_set_config_epoch(node->cluster, &admin, epoch));
}

void control_cluster_bumpepoch(struct node *node, struct request *request)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    char text[HOLD_ANSWER_SIZE];
    bool is_bumped;
    uint64_t epoch;

    if (!answer_has_cluster(node, request)) {
        return;
    }
    if (cluster_bump_epoch(node->cluster, &admin, &is_bumped, &epoch)) {
        snprintf(text, sizeof(text), "%s %llu", is_bumped ? "BUMPED" : "STILL",
                 (unsigned long long)epoch);
        finish_with(node, request, &admin, text);
    } else {
        finish_with(node, request, &admin, NULL);
    }
}

void control_cluster_saveconfig(struct node *node, struct request *request)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);

    if (answer_has_cluster(node, request)) {
        finish(node, request, &admin, cluster_save_config(node->cluster, &admin));
    }
}
