/* SPDX-License-Identifier: MIT */
/* Pending entries of groups that go to other consumers: XCLAIM, XAUTOCLAIM.  An entry that is pending but was
 * deleted from the stream is acknowledged instead. */
#include "base/assert.h"
#include "base/num.h"
#include "base/vec.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"

enum {
    KEY_WORD = 1,
    GROUP_WORD = 2,
    CONSUMER_WORD = 3,
    IDLE_WORD = 4,
    FIRST_ID = 5,
    AUTO_COUNT = 100, /* entries that XAUTOCLAIM claims at most, without COUNT, */
    AUTO_LOOKS = 10,  /* and how many are looked at for each */
};

struct claim {
    struct stream_group_found found;
    struct value_edit edit;
    struct stream_consumer *consumer; /* who gets them */
    int64_t min_idle_ms;
    int64_t time_ms;     /* of the delivery */
    int64_t retry_count; /* negative: one more than before */
    bool is_forced;      /* also what is not pending */
    bool is_just_id;
};

static bool read_idle(struct exec *x, struct claim *out)
{
    if (!num_parse_i64(x->args[IDLE_WORD], &out->min_idle_ms)) {
        resp_write_error(x->reply, "ERR Invalid min-idle-time argument for %s",
                         x->spec->id == COMMAND_XCLAIM ? "XCLAIM" : "XAUTOCLAIM");
        return false;
    }
    out->min_idle_ms = out->min_idle_ms < 0 ? 0 : out->min_idle_ms;
    return true;
}

/* The consumer gets it. */
static void take(struct exec *x, struct claim *claim, struct stream_pending *pending)
{
    pending->consumer = claim->consumer;
    pending->delivered_at_ms = claim->time_ms;
    if (claim->retry_count >= 0) {
        pending->delivery_count = (uint64_t)claim->retry_count;
    } else if (!claim->is_just_id) {
        pending->delivery_count += pending->delivery_count < STREAM_COUNTER_MAX ? 1 : 0;
    }
    stream_pending_put(&claim->edit.draft, claim->found.group, pending);
    stream_consumer_note_active(x, claim->consumer);
    effect_pending(x, &claim->found, pending);
}

static void drop(struct exec *x, struct claim *claim, struct stream_id id)
{
    (void)stream_pending_remove(&claim->edit.draft, claim->found.group, id);
    effect_acknowledged(x, claim->found.ref.bytes, claim->found.group, id);
}

static void reply_ids(struct exec *x, const struct claim *claim, const struct stream_id *ids,
                      size_t count)
{
    resp_write_array(x->reply, count);
    for (size_t i = 0; i < count; i++) {
        struct stream_entry entry;

        if (claim->is_just_id) {
            reply_stream_id(x, ids[i]);
        } else {
            bool is_there = stream_find(claim->found.stream, ids[i], &entry);

            ASSERT(is_there);
            reply_stream_entry(x, &entry);
        }
    }
}

/* ---- XCLAIM ------------------------------------------------------------------------------------------ */

struct claim_options {
    size_t id_count;
    bool has_last_id;
    struct stream_id last_id;
};

static bool read_number(struct exec *x, size_t index, const char *option, int64_t *out)
{
    if (num_parse_i64(x->args[index], out)) {
        return true;
    }
    resp_write_error(x->reply, "ERR Invalid %s option argument for XCLAIM", option);
    return false;
}

/* The option at *index. */
static bool read_option(struct exec *x, size_t *index, struct claim *claim,
                        struct claim_options *out)
{
    bool has_value = *index + 1 < x->arg_count;
    size_t at = *index;
    int64_t idle_ms;

    *index += 1;
    if (argument_is(x, at, "FORCE")) {
        claim->is_forced = true;
    } else if (argument_is(x, at, "JUSTID")) {
        claim->is_just_id = true;
    } else if (has_value && argument_is(x, at, "IDLE")) {
        *index += 1;
        if (!read_number(x, at + 1, "IDLE", &idle_ms)) {
            return false;
        }
        claim->time_ms = idle_ms < 0 ? x->now.unix_ms : x->now.unix_ms - idle_ms;
    } else if (has_value && argument_is(x, at, "TIME")) {
        *index += 1;
        return read_number(x, at + 1, "TIME", &claim->time_ms);
    } else if (has_value && argument_is(x, at, "RETRYCOUNT")) {
        *index += 1;
        return read_number(x, at + 1, "RETRYCOUNT", &claim->retry_count);
    } else if (has_value && argument_is(x, at, "LASTID")) {
        *index += 1;
        out->has_last_id = true;
        return argument_stream_id(x, at + 1, 0, &out->last_id);
    } else {
        resp_write_error(x->reply, "ERR Unrecognized XCLAIM option '%.*s'",
                         BYTES_ARGS(x->args[at]));
        return false;
    }
    return true;
}

static bool read_options(struct exec *x, struct claim *claim, struct claim_options *out)
{
    struct stream_id id;
    size_t at = FIRST_ID;

    while (at < x->arg_count && stream_id_parse(x->args[at], 0, &id)) {
        at++;
    }
    out->id_count = at - FIRST_ID;
    claim->retry_count = -1;
    claim->time_ms = x->now.unix_ms;
    while (at < x->arg_count) {
        if (!read_option(x, &at, claim, out)) {
            return false;
        }
    }
    /* A primary has done that by its own clock, which may be ahead of ours. */
    if (!x->from_primary && (claim->time_ms < 0 || claim->time_ms > x->now.unix_ms)) {
        claim->time_ms = x->now.unix_ms;
    }
    return true;
}

/* Claim one; true when the consumer has got it. */
static bool claim_one(struct exec *x, struct claim *claim, struct stream_id id)
{
    struct stream_pending pending = {.id = id, .delivery_count = 1};
    bool is_pending = stream_pending_find(claim->found.group, id, &pending);

    if (!stream_find(claim->found.stream, id, NULL)) {
        if (is_pending) {
            drop(x, claim, id);
        }
        return false;
    }
    if (!is_pending && !claim->is_forced) {
        return false;
    }
    if (is_pending && pending.consumer != NULL && claim->min_idle_ms > 0 &&
        stream_elapsed_ms(x, pending.delivered_at_ms) < claim->min_idle_ms) {
        return false;
    }
    take(x, claim, &pending);
    return true;
}

enum exec_result cmd_xclaim(struct exec *x)
{
    struct claim_options options = {0};
    struct claim claim = {0};
    VEC(struct stream_id) ids = {0};

    if (!stream_group_lookup_there(x, KEY_WORD, x->args[GROUP_WORD], &claim.found) ||
        !read_idle(x, &claim) || !read_options(x, &claim, &options)) {
        return EXEC_DONE;
    }
    stream_group_open(x, &claim.found, &claim.edit);
    claim.consumer = stream_consumer_see(x, &claim.edit, &claim.found, x->args[CONSUMER_WORD]);
    if (options.has_last_id &&
        stream_id_compare(options.last_id, stream_group_last_id(claim.found.group)) > 0) {
        stream_group_set(&claim.edit.draft, claim.found.group, options.last_id,
                         stream_group_entries_read(claim.found.group));
        effect_group(x, &claim.found);
    }
    for (size_t i = 0; i < options.id_count; i++) {
        struct stream_id id;
        bool is_read = stream_id_parse(x->args[FIRST_ID + i], 0, &id);

        ASSERT(is_read);
        if (claim_one(x, &claim, id)) {
            VEC_PUSH(&ids, id);
        }
    }
    reply_ids(x, &claim, ids.items, ids.count);
    (void)keyspace_close(x->keyspace, &claim.edit);
    VEC_DEINIT(&ids);
    return EXEC_DONE;
}

/* ---- XAUTOCLAIM -------------------------------------------------------------------------------------- */

/* What a look through the pending entries comes to. */
struct auto_claim {
    struct claim claim;
    struct stream_id from;
    uint64_t count;
    struct stream_id next; /* where the next one may go on; 0-0: nowhere */
    VEC(struct stream_id) taken;
    VEC(struct stream_id) deleted;
};

static bool read_auto_options(struct exec *x, struct auto_claim *out)
{
    out->count = AUTO_COUNT;
    out->claim.retry_count = -1;
    out->claim.time_ms = x->now.unix_ms;
    for (size_t i = FIRST_ID + 1; i < x->arg_count; i++) {
        int64_t count;

        if (argument_is(x, i, "JUSTID")) {
            out->claim.is_just_id = true;
        } else if (argument_is(x, i, "COUNT") && i + 1 < x->arg_count) {
            if (!num_parse_i64(x->args[++i], &count) || count < 1 ||
                count > INT64_MAX / (int64_t)sizeof(struct stream_id)) {
                resp_write_error(x->reply, "ERR COUNT must be > 0");
                return false;
            }
            out->count = (uint64_t)count;
        } else {
            reply_syntax_error(x);
            return false;
        }
    }
    return true;
}

static void look(struct exec *x, struct auto_claim *a)
{
    uint64_t looks = a->count > UINT64_MAX / AUTO_LOOKS ? UINT64_MAX : a->count * AUTO_LOOKS;
    struct stream_pending_reader reader;
    struct stream_pending pending;
    bool is_there;

    stream_pending_read(a->claim.found.group, NULL, a->from, STREAM_ID_MAX, &reader);
    while ((is_there = stream_pending_next(&reader, &pending)) && looks-- > 0 &&
           a->taken.count + a->deleted.count < a->count) {
        bool is_deleted = !stream_find(a->claim.found.stream, pending.id, NULL);
        struct stream_id behind = pending.id;

        if (!is_deleted && pending.consumer != NULL &&
            stream_elapsed_ms(x, pending.delivered_at_ms) < a->claim.min_idle_ms) {
            continue;
        }
        if (is_deleted) {
            VEC_PUSH(&a->deleted, pending.id);
            drop(x, &a->claim, pending.id);
        } else {
            VEC_PUSH(&a->taken, pending.id);
            take(x, &a->claim, &pending);
        }
        /* A change makes the reader void. */
        if (!stream_id_next(&behind)) {
            is_there = false;
            break;
        }
        stream_pending_read(a->claim.found.group, NULL, behind, STREAM_ID_MAX, &reader);
    }
    a->next = is_there ? pending.id : STREAM_ID_MIN;
}

enum exec_result cmd_xautoclaim(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, KEY_WORD);
    struct auto_claim a = {0};

    /* That there is no such key is told even when the words are refused, whatever is replied. */
    (void)lookup_read(x, &ref);
    if (!read_idle(x, &a.claim) || !argument_stream_first(x, FIRST_ID, &a.from) ||
        !read_auto_options(x, &a) ||
        !stream_group_lookup_write(x, KEY_WORD, x->args[GROUP_WORD], &a.claim.found) ||
        !stream_group_is_there(x, x->args[GROUP_WORD], &a.claim.found)) {
        return EXEC_DONE;
    }
    stream_group_open(x, &a.claim.found, &a.claim.edit);
    a.claim.consumer =
        stream_consumer_see(x, &a.claim.edit, &a.claim.found, x->args[CONSUMER_WORD]);
    look(x, &a);
    resp_write_array(x->reply, 3);
    reply_stream_id(x, a.next);
    reply_ids(x, &a.claim, a.taken.items, a.taken.count);
    resp_write_array(x->reply, a.deleted.count);
    for (size_t i = 0; i < a.deleted.count; i++) {
        reply_stream_id(x, a.deleted.items[i]);
    }
    (void)keyspace_close(x->keyspace, &a.claim.edit);
    VEC_DEINIT(&a.taken);
    VEC_DEINIT(&a.deleted);
    return EXEC_DONE;
}
