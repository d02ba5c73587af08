/* SPDX-License-Identifier: MIT */
/* Groups and consumers of streams: XGROUP. */
#include "base/num.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"

enum {
    KEY_WORD = 2,
    GROUP_WORD = 3,
    ID_WORD = 4,
    CONSUMER_WORD = 4,
    FIRST_OPTION = 5,
    CREATE_WORDS_MAX = 8, /* options come twice, but not more of them than there are */
    SETID_WORDS_MAX = 7,
};

struct group_options {
    bool makes_stream;
    uint64_t entries_read;
};

static void reply_no_such_stream(struct exec *x)
{
    resp_write_error(x->reply, "ERR The XGROUP subcommand requires the key to exist. Note that for "
                               "CREATE you may want to use the MKSTREAM option to create an empty "
                               "stream automatically.");
}

static void reply_wrong_words(struct exec *x)
{
    resp_write_error(x->reply,
                     "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try XGROUP "
                     "HELP.",
                     BYTES_ARGS(x->args[1]));
}

/* The stream of KEY_WORD, which must be there; its group may be missing. */
static bool find(struct exec *x, struct stream_group_found *out)
{
    if (!stream_group_lookup_write(x, KEY_WORD, x->args[GROUP_WORD], out)) {
        return false;
    }
    if (out->stream == NULL) {
        reply_no_such_stream(x);
        return false;
    }
    return true;
}

static bool find_group(struct exec *x, struct stream_group_found *out)
{
    if (!find(x, out)) {
        return false;
    }
    if (out->group == NULL) {
        resp_write_error(x->reply, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                         BYTES_ARGS(x->args[GROUP_WORD]), BYTES_ARGS(out->ref.bytes));
        return false;
    }
    return true;
}

static bool read_options(struct exec *x, bool may_make_stream, struct group_options *out)
{
    *out = (struct group_options){.entries_read = STREAM_READ_UNKNOWN};
    for (size_t i = FIRST_OPTION; i < x->arg_count; i++) {
        int64_t read;

        if (may_make_stream && argument_is(x, i, "MKSTREAM")) {
            out->makes_stream = true;
        } else if (argument_is(x, i, "ENTRIESREAD") && i + 1 < x->arg_count) {
            if (!argument_i64(x, ++i, &read)) {
                return false;
            }
            if (read < -1) {
                resp_write_error(x->reply, "ERR value for ENTRIESREAD must be positive or -1");
                return false;
            }
            out->entries_read = read == -1 ? STREAM_READ_UNKNOWN : (uint64_t)read;
        } else {
            reply_wrong_words(x);
            return false;
        }
    }
    return true;
}

/* An id, or `$` for the last one of the stream, which may be missing. */
static bool read_id(struct exec *x, const struct stream *s, struct stream_id *out)
{
    if (bytes_equal_text(x->args[ID_WORD], "$")) {
        *out = s != NULL ? stream_marks(s).last_id : STREAM_ID_MIN;
        return true;
    }
    return argument_stream_id(x, ID_WORD, 0, out);
}

/* The same, or the lowest or the highest there is: what SETID takes and CREATE does not. */
static bool read_new_id(struct exec *x, const struct stream *s, struct stream_id *out)
{
    bool is_lowest = bytes_equal_text(x->args[ID_WORD], "-");

    if (is_lowest || bytes_equal_text(x->args[ID_WORD], "+")) {
        *out = is_lowest ? STREAM_ID_MIN : STREAM_ID_MAX;
        return true;
    }
    return read_id(x, s, out);
}

enum exec_result cmd_xgroup_create(struct exec *x)
{
    struct stream_group_found found;
    struct group_options options;
    struct value_edit edit;
    struct stream_id id;

    if (!read_options(x, true, &options) ||
        !stream_group_lookup_write(x, KEY_WORD, x->args[GROUP_WORD], &found)) {
        return EXEC_DONE;
    }
    if (found.stream == NULL && !options.makes_stream) {
        reply_no_such_stream(x);
        return EXEC_DONE;
    }
    if (x->arg_count > CREATE_WORDS_MAX) {
        reply_wrong_words(x);
        return EXEC_DONE;
    }
    if (!read_id(x, found.stream, &id)) {
        return EXEC_DONE;
    }
    if (found.group != NULL) {
        resp_write_error(x->reply, "BUSYGROUP Consumer Group name already exists");
        return EXEC_DONE;
    }
    stream_group_open(x, &found, &edit);
    (void)stream_open(&edit.draft);
    (void)stream_group_create(&edit.draft, x->args[GROUP_WORD], id, options.entries_read);
    (void)keyspace_close(x->keyspace, &edit);
    notify(x, EVENT_STREAM, "xgroup-create", found.ref.bytes);
    effects_add_verbatim(x->effects);
    resp_write_ok(x->reply);
    return EXEC_DONE;
}

enum exec_result cmd_xgroup_setid(struct exec *x)
{
    struct stream_group_found found;
    struct group_options options;
    struct value_edit edit;
    struct stream_id id;

    if (!read_options(x, false, &options) || !find_group(x, &found)) {
        return EXEC_DONE;
    }
    if (x->arg_count > SETID_WORDS_MAX) {
        reply_wrong_words(x);
        return EXEC_DONE;
    }
    if (!read_new_id(x, found.stream, &id)) {
        return EXEC_DONE;
    }
    stream_group_open(x, &found, &edit);
    stream_group_set(&edit.draft, found.group, id, options.entries_read);
    (void)keyspace_close(x->keyspace, &edit);
    notify(x, EVENT_STREAM, "xgroup-setid", found.ref.bytes);
    effects_add_verbatim(x->effects);
    resp_write_ok(x->reply);
    return EXEC_DONE;
}

enum exec_result cmd_xgroup_destroy(struct exec *x)
{
    struct stream_group_found found;
    struct value_edit edit;

    if (!find(x, &found)) {
        return EXEC_DONE;
    }
    if (found.group != NULL) {
        stream_group_open(x, &found, &edit);
        (void)stream_group_destroy(&edit.draft, x->args[GROUP_WORD]);
        (void)keyspace_close(x->keyspace, &edit);
        notify(x, EVENT_STREAM, "xgroup-destroy", found.ref.bytes);
        effects_add_verbatim(x->effects);
    }
    resp_write_integer(x->reply, found.group != NULL ? 1 : 0);
    return EXEC_DONE;
}

enum exec_result cmd_xgroup_createconsumer(struct exec *x)
{
    struct stream_group_found found;
    struct value_edit edit;
    bool is_new;

    if (!find_group(x, &found)) {
        return EXEC_DONE;
    }
    is_new = stream_consumer_find(found.group, x->args[CONSUMER_WORD]) == NULL;
    if (is_new) {
        stream_group_open(x, &found, &edit);
        (void)stream_consumer_create(&edit.draft, found.group, x->args[CONSUMER_WORD],
                                     x->now.unix_ms);
        (void)keyspace_close(x->keyspace, &edit);
        notify(x, EVENT_STREAM, "xgroup-createconsumer", found.ref.bytes);
        effects_add_verbatim(x->effects);
    }
    resp_write_integer(x->reply, is_new ? 1 : 0);
    return EXEC_DONE;
}

enum exec_result cmd_xgroup_delconsumer(struct exec *x)
{
    struct stream_group_found found;
    struct value_edit edit;
    uint64_t pending = 0;

    if (!find_group(x, &found)) {
        return EXEC_DONE;
    }
    if (stream_consumer_find(found.group, x->args[CONSUMER_WORD]) != NULL) {
        stream_group_open(x, &found, &edit);
        (void)stream_consumer_delete(&edit.draft, found.group, x->args[CONSUMER_WORD], &pending);
        (void)keyspace_close(x->keyspace, &edit);
        notify(x, EVENT_STREAM, "xgroup-delconsumer", found.ref.bytes);
        effects_add_verbatim(x->effects);
    }
    resp_write_integer(x->reply, (int64_t)pending);
    return EXEC_DONE;
}
