/* SPDX-License-Identifier: MIT */
/* Entries that are deleted, and what is pending that is acknowledged: XDEL, XDELEX, XACK, XACKDEL. */
#include "base/assert.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"
#include "command/stream_losses.h"

enum {
    KEY_WORD = 1,
    GROUP_WORD = 2,
    DELETED = 1, /* what is replied of an id */
    NOT_THERE = -1,
    KEPT = 2,
};

enum exec_result cmd_xdel(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, KEY_WORD);
    struct stream_ids ids = {0};
    const struct stream *s;
    struct value_edit edit;
    struct entry *e;
    int64_t count = 0;

    if (!stream_lookup_write(x, &ref, &e, &s)) {
        return EXEC_DONE;
    }
    if (s == NULL) {
        resp_write_integer(x->reply, 0);
        return EXEC_DONE;
    }
    if (argument_stream_ids(x, KEY_WORD + 1, x->arg_count, &ids)) {
        keyspace_open(x->keyspace, &ref, e, VALUE_STREAM, &edit);
        for (size_t i = 0; i < ids.count; i++) {
            count += stream_delete(&edit.draft, ids.items[i]) ? 1 : 0;
        }
        (void)keyspace_close(x->keyspace, &edit);
        if (count > 0) {
            effects_add_verbatim(x->effects);
            notify(x, EVENT_STREAM, "xdel", ref.bytes);
        }
        resp_write_integer(x->reply, count);
    }
    VEC_DEINIT(&ids);
    return EXEC_DONE;
}

enum exec_result cmd_xack(struct exec *x)
{
    struct stream_group_found found;
    struct stream_ids ids = {0};
    struct value_edit edit;
    int64_t count = 0;

    if (!stream_group_lookup(x, KEY_WORD, x->args[GROUP_WORD], &found)) {
        return EXEC_DONE;
    }
    if (found.group == NULL) {
        resp_write_integer(x->reply, 0);
        return EXEC_DONE;
    }
    if (argument_stream_ids(x, GROUP_WORD + 1, x->arg_count, &ids)) {
        stream_group_open(x, &found, &edit);
        for (size_t i = 0; i < ids.count; i++) {
            count += stream_pending_remove(&edit.draft, found.group, ids.items[i]) ? 1 : 0;
        }
        (void)keyspace_close(x->keyspace, &edit);
        if (count > 0) {
            effects_add_verbatim(x->effects);
        }
        resp_write_integer(x->reply, count);
    }
    VEC_DEINIT(&ids);
    return EXEC_DONE;
}

/* ---- XDELEX, XACKDEL --------------------------------------------------------------------------------- */

/* [KEEPREF|DELREF|ACKED] IDS numids id [id ...], the word perhaps behind the ids. */
struct delete_options {
    enum stream_refs refs;
    struct stream_ids ids;
};

/* Ids that were read are kept also when something behind them is refused. */
static bool read_options(struct exec *x, size_t at, struct delete_options *out)
{
    bool has_refs = false;

    while (at < x->arg_count) {
        if (!has_refs && argument_stream_refs(x, at, &out->refs)) {
            has_refs = true;
            at++;
        } else if (out->ids.count == 0 && argument_is(x, at, "IDS")) {
            if (!argument_stream_ids_counted(x, &at, &out->ids)) {
                return false;
            }
        } else if (out->ids.count > 0) {
            reply_wrong_id_count(x);
            return false;
        } else {
            reply_syntax_error(x);
            return false;
        }
    }
    if (out->ids.count == 0) {
        resp_write_error(x->reply, "ERR IDS option is required");
        return false;
    }
    return true;
}

/* Take one entry out; what is to be replied. */
static int delete_one(struct value_edit *edit, struct stream_losses *losses, struct stream_id id)
{
    switch (stream_remove(&edit->draft, id, &losses->removal)) {
    case STREAM_REMOVED:
        VEC_PUSH(&losses->deleted, id);
        break;
    case STREAM_REMOVED_NONE:
        return NOT_THERE;
    case STREAM_REMOVED_NEEDED:
        return KEPT;
    }
    return DELETED;
}

static void notify_deleted(const struct exec *x, const struct stream_losses *losses,
                           struct bytes key)
{
    if (losses->deleted.count > 0) {
        notify(x, EVENT_STREAM, "xdel", key);
    }
}

static void reply_none(struct exec *x, size_t count)
{
    resp_write_array(x->reply, count);
    for (size_t i = 0; i < count; i++) {
        resp_write_integer(x->reply, NOT_THERE);
    }
}

enum exec_result cmd_xdelex(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, KEY_WORD);
    struct delete_options options = {0};
    struct stream_losses losses;
    const struct stream *s;
    struct value_edit edit;
    struct entry *e;

    if (read_options(x, KEY_WORD + 1, &options) && stream_lookup_write(x, &ref, &e, &s)) {
        if (s == NULL) {
            reply_none(x, options.ids.count);
        } else {
            stream_losses_begin(&losses, options.refs);
            keyspace_open(x->keyspace, &ref, e, VALUE_STREAM, &edit);
            resp_write_array(x->reply, options.ids.count);
            for (size_t i = 0; i < options.ids.count; i++) {
                resp_write_integer(x->reply, delete_one(&edit, &losses, options.ids.items[i]));
            }
            notify_deleted(x, &losses, ref.bytes);
            stream_losses_end(x, &losses, ref.bytes);
            (void)keyspace_close(x->keyspace, &edit);
        }
    }
    VEC_DEINIT(&options.ids);
    return EXEC_DONE;
}

/* What was deleted before it was acknowledged is as good as deleted. */
static int acknowledge_one(struct value_edit *edit, struct stream_group *group,
                           struct stream_losses *losses, struct stream_id id)
{
    struct stream_dropped acknowledged = {group, id};

    if (!stream_pending_remove(&edit->draft, group, id)) {
        return NOT_THERE;
    }
    VEC_PUSH(&losses->dropped, acknowledged);
    return delete_one(edit, losses, id) == KEPT ? KEPT : DELETED;
}

enum exec_result cmd_xackdel(struct exec *x)
{
    struct delete_options options = {0};
    struct stream_group_found found;
    struct stream_losses losses;
    struct value_edit edit;

    if (read_options(x, GROUP_WORD + 1, &options) &&
        stream_group_lookup(x, KEY_WORD, x->args[GROUP_WORD], &found)) {
        if (found.group == NULL) {
            reply_none(x, options.ids.count);
        } else {
            stream_losses_begin(&losses, options.refs);
            stream_group_open(x, &found, &edit);
            resp_write_array(x->reply, options.ids.count);
            for (size_t i = 0; i < options.ids.count; i++) {
                resp_write_integer(
                    x->reply, acknowledge_one(&edit, found.group, &losses, options.ids.items[i]));
            }
            notify_deleted(x, &losses, found.ref.bytes);
            stream_losses_end(x, &losses, found.ref.bytes);
            (void)keyspace_close(x->keyspace, &edit);
        }
    }
    VEC_DEINIT(&options.ids);
    return EXEC_DONE;
}
