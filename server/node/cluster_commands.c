/* SPDX-License-Identifier: MIT */
/* CLUSTER subcommands that change something, and those about slots and keys. */
#include "node/state.h"

#include "base/mem.h"
#include "base/num.h"
#include "cluster/admin.h"
#include "spec/slot.h"

static struct cluster_call call_of(struct node *node, struct errmsg *error)
{
    return (struct cluster_call){
        .now = node->now.mono,
        .actions = &node->cluster_actions,
        .error = error,
        .has_keys = keyspace_count_all(node->keyspace) > 0,
    };
}

static void answer_epoch(struct resp_writer *reply, const char *what, uint64_t epoch)
{
    struct buf text = {0};

    buf_printf(&text, "%s %llu", what, (unsigned long long)epoch);
    resp_write_simple(reply, buf_text(&text));
    buf_deinit(&text);
}

static void answer(struct node *node, const struct session *s, struct resp_writer *reply)
{
    if (s->last_command->id == COMMAND_CLUSTER_BUMPEPOCH) {
        answer_epoch(reply, "BUMPED", cluster_my_epoch(node->cluster));
    } else {
        resp_write_ok(reply);
    }
}

/* Carry out what the core asked for, then answer: when the nodes file has to tell of it, as soon
 * as it does. */
static void finish(struct node *node, struct call *call, const struct cluster_call *admin,
                   bool is_ok)
{
    cluster_side_act(node);
    if (!is_ok) {
        reply_error(node, call, "ERR %s", admin->error->text);
    } else if (admin->file_sequence > 0) {
        call->session->wait_offset = admin->file_sequence;
        waiting_hold(node, call->session, HOLD_NODES, MONO_NEVER);
    } else {
        answer(node, call->session, call->reply);
    }
}

void cluster_commands_on_file(struct node *node, uint64_t sequence, const char *problem)
{
    LIST_FOR_EACH_SAFE (item, &node->held) {
        struct session *s = CONTAINER_OF(item, struct session, held);
        struct resp_writer reply = session_writer(s);

        if (s->hold != HOLD_NODES || s->wait_offset > sequence) {
            continue;
        }
        if (problem == NULL) {
            answer(node, s, &reply);
        } else {
            resp_write_error(&reply, "ERR error saving the cluster node config: %s", problem);
        }
        node_touch(node, s);
        waiting_release(node, s);
    }
}

void control_cluster(struct node *node, struct call *call)
{
    reply_unknown_sub(node, call);
}

void control_cluster_meet(struct node *node, struct call *call)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    int64_t port;
    int64_t bus_port = 0;

    if (!has_cluster(node, call)) {
        return;
    }
    if (call->arg_count > 5) {
        reply_sub_misused(node, call);
        return;
    }
    if (!num_parse_i64(call->args[3], &port)) {
        reply_error(node, call, "ERR Invalid TCP base port specified: %.*s",
                    call->args[3].len < 64 ? (int)call->args[3].len : 64, call->args[3].data);
        return;
    }
    if (call->arg_count == 5 && !num_parse_i64(call->args[4], &bus_port)) {
        reply_error(node, call, "ERR Invalid TCP bus port specified: %.*s",
                    call->args[4].len < 64 ? (int)call->args[4].len : 64, call->args[4].data);
        return;
    }
    finish(node, call, &admin, cluster_meet(node->cluster, &admin, call->args[2], port, bus_port));
}

void control_cluster_forget(struct node *node, struct call *call)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);

    if (has_cluster(node, call)) {
        finish(node, call, &admin, cluster_forget(node->cluster, &admin, call->args[2]));
    }
}

/* ---- slots ------------------------------------------------------------------------------------ */

static bool parse_slot(struct node *node, struct call *call, struct bytes word, uint16_t *slot)
{
    int64_t number;

    if (!num_parse_i64(word, &number) || number < 0 || number >= SLOT_COUNT) {
        reply_error(node, call, "ERR Invalid or out of range slot");
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

static bool list_single_slots(struct node *node, struct call *call, struct slot_list *list)
{
    for (size_t i = 2; i < call->arg_count; i++) {
        uint16_t slot;

        if (!parse_slot(node, call, call->args[i], &slot)) {
            return false;
        }
        list_slot(list, slot);
    }
    return true;
}

static bool list_ranges(struct node *node, struct call *call, struct slot_list *list)
{
    if (call->arg_count % 2 != 0) {
        reply_error(node, call, "ERR wrong number of arguments for 'cluster|%s' command",
                    call->spec->name);
        return false;
    }
    for (size_t i = 2; i < call->arg_count; i += 2) {
        uint16_t first;
        uint16_t last;

        if (!parse_slot(node, call, call->args[i], &first) ||
            !parse_slot(node, call, call->args[i + 1], &last)) {
            return false;
        }
        if (first > last || list->count + (size_t)(last - first) + 1 > 2 * SLOT_COUNT) {
            reply_error(node, call, "ERR start slot number %u is greater than end slot number %u",
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

static void change_slots(struct node *node, struct call *call, bool takes_ranges, slots_fn *change)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    struct slot_list list = {0};

    if (!has_cluster(node, call)) {
        return;
    }
    if (takes_ranges ? list_ranges(node, call, &list) : list_single_slots(node, call, &list)) {
        finish(node, call, &admin, change(node->cluster, &admin, list.items, list.count));
    }
    VEC_DEINIT(&list);
}

void control_cluster_addslots(struct node *node, struct call *call)
{
    change_slots(node, call, false, cluster_add_slots);
}

void control_cluster_addslotsrange(struct node *node, struct call *call)
{
    change_slots(node, call, true, cluster_add_slots);
}

void control_cluster_delslots(struct node *node, struct call *call)
{
    change_slots(node, call, false, cluster_del_slots);
}

void control_cluster_delslotsrange(struct node *node, struct call *call)
{
    change_slots(node, call, true, cluster_del_slots);
}

void control_cluster_flushslots(struct node *node, struct call *call)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);

    if (has_cluster(node, call)) {
        finish(node, call, &admin, cluster_flush_slots(node->cluster, &admin));
    }
}

void control_cluster_keyslot(struct node *node, struct call *call)
{
    if (has_cluster(node, call)) {
        resp_write_integer(call->reply, slot_of_key(call->args[2]));
    }
}

void control_cluster_countkeysinslot(struct node *node, struct call *call)
{
    int64_t slot;

    if (!has_cluster(node, call)) {
        return;
    }
    if (!num_parse_i64(call->args[2], &slot)) {
        reply_error(node, call, "ERR value is not an integer or out of range");
    } else if (slot < 0 || slot >= SLOT_COUNT) {
        reply_error(node, call, "ERR Invalid slot");
    } else {
        resp_write_integer(call->reply,
                           (int64_t)keyspace_slot_count(node->keyspace, (unsigned)slot));
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

void control_cluster_getkeysinslot(struct node *node, struct call *call)
{
    struct key_list list = {0};
    int64_t slot;
    int64_t count;
    uint64_t cursor = 0;

    if (!has_cluster(node, call)) {
        return;
    }
    if (!num_parse_i64(call->args[2], &slot) || !num_parse_i64(call->args[3], &count)) {
        reply_error(node, call, "ERR value is not an integer or out of range");
        return;
    }
    if (slot < 0 || slot >= SLOT_COUNT || count < 0) {
        reply_error(node, call, "ERR Invalid slot or number of keys");
        return;
    }
    list.writer = (struct resp_writer){.out = &list.text, .version = call->session->protocol};
    list.wanted = (size_t)count;
    do {
        cursor = keyspace_scan_slot(node->keyspace, (unsigned)slot, cursor,
                                    list.wanted - list.count, list_key, &list);
    } while (cursor != 0 && list.count < list.wanted);
    resp_write_array(call->reply, list.count);
    buf_append_bytes(call->reply->out, buf_bytes(&list.text));
    buf_deinit(&list.text);
}

/* ---- roles and epochs ------------------------------------------------------------------------- */

void control_cluster_replicate(struct node *node, struct call *call)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);

    if (has_cluster(node, call)) {
        finish(node, call, &admin, cluster_replicate(node->cluster, &admin, call->args[2]));
    }
}

void control_cluster_failover(struct node *node, struct call *call)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    enum cluster_failover_kind kind = CLUSTER_FAILOVER_AGREED;

    if (!has_cluster(node, call)) {
        return;
    }
    if (call->arg_count > 3) {
        reply_sub_misused(node, call);
        return;
    }
    if (call->arg_count == 3 && bytes_equal_nocase(call->args[2], "FORCE")) {
        kind = CLUSTER_FAILOVER_FORCE;
    } else if (call->arg_count == 3 && bytes_equal_nocase(call->args[2], "TAKEOVER")) {
        kind = CLUSTER_FAILOVER_TAKEOVER;
    } else if (call->arg_count != 2) {
        reply_error(node, call, "ERR syntax error");
        return;
    }
    finish(node, call, &admin, cluster_failover(node->cluster, &admin, kind));
}

void control_cluster_reset(struct node *node, struct call *call)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    bool is_hard = call->arg_count == 3 && bytes_equal_nocase(call->args[2], "HARD");

    if (!has_cluster(node, call)) {
        return;
    }
    if (call->arg_count > 3) {
        reply_sub_misused(node, call);
        return;
    }
    if (call->arg_count == 3 && !is_hard && !bytes_equal_nocase(call->args[2], "SOFT")) {
        reply_error(node, call, "ERR syntax error");
        return;
    }
    finish(node, call, &admin, cluster_reset(node->cluster, &admin, is_hard));
}

void control_cluster_set_config_epoch(struct node *node, struct call *call)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    int64_t epoch;

    if (!has_cluster(node, call)) {
        return;
    }
    if (!num_parse_i64(call->args[2], &epoch)) {
        reply_error(node, call, "ERR value is not an integer or out of range");
        return;
    }
    finish(node, call, &admin, cluster_set_config_epoch(node->cluster, &admin, epoch));
}

void control_cluster_bumpepoch(struct node *node, struct call *call)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);
    bool is_bumped;
    uint64_t epoch;

    if (!has_cluster(node, call)) {
        return;
    }
    if (!cluster_bump_epoch(node->cluster, &admin, &is_bumped, &epoch) || is_bumped) {
        finish(node, call, &admin, is_bumped);
        return;
    }
    cluster_side_act(node);
    answer_epoch(call->reply, "STILL", epoch);
}

void control_cluster_saveconfig(struct node *node, struct call *call)
{
    struct errmsg error = {0};
    struct cluster_call admin = call_of(node, &error);

    if (has_cluster(node, call)) {
        finish(node, call, &admin, cluster_save_config(node->cluster, &admin));
    }
}
