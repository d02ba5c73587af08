/* SPDX-License-Identifier: MIT */
/* Reading strings, and changing parts of them. */
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"

enum exec_result cmd_get(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;

    if (lookup_read_type(x, &ref, VALUE_STRING, &e)) {
        reply_entry(x, e);
    }
    return EXEC_DONE;
}

enum exec_result cmd_mget(struct exec *x)
{
    resp_write_array(x->reply, x->arg_count - 1);
    for (size_t i = 1; i < x->arg_count; i++) {
        struct key_ref ref = lookup_ref(x, i);
        const struct entry *e = lookup_read(x, &ref);

        /* What is no string is as good as not there. */
        reply_entry(x, e != NULL && entry_type(e) == VALUE_STRING ? e : NULL);
    }
    return EXEC_DONE;
}

enum exec_result cmd_strlen(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;

    if (lookup_read_type(x, &ref, VALUE_STRING, &e)) {
        resp_write_integer(x->reply, e == NULL ? 0 : (int64_t)entry_string_len(e));
    }
    return EXEC_DONE;
}

/* A place counted from the end when negative, as one counted from the start; below 0 when it
 * lies before the start. */
static int64_t from_start(int64_t index, int64_t len)
{
    return index < 0 ? index + len : index;
}

enum exec_result cmd_getrange(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    char scratch[INTEGER_SCRATCH];
    struct bytes value = {0};
    struct entry *e;
    int64_t start;
    int64_t end;

    if (!argument_i64(x, 2, &start) || !argument_i64(x, 3, &end)) {
        return EXEC_DONE;
    }
    if (!lookup_read_type(x, &ref, VALUE_STRING, &e)) {
        return EXEC_DONE;
    }
    if (e != NULL) {
        value = entry_string(e, scratch);
    }
    if (start < 0 && end < 0 && start > end) {
        resp_write_bulk(x->reply, (struct bytes){0});
        return EXEC_DONE;
    }
    start = from_start(start, (int64_t)value.len);
    end = from_start(end, (int64_t)value.len);
    start = start < 0 ? 0 : start;
    end = end < 0 ? 0 : end;
    end = end < (int64_t)value.len ? end : (int64_t)value.len - 1;
    if (start > end) {
        resp_write_bulk(x->reply, (struct bytes){0});
        return EXEC_DONE;
    }
    resp_write_bulk(x->reply,
                    bytes_prefix(bytes_from(value, (size_t)start), (size_t)(end - start) + 1));
    return EXEC_DONE;
}

enum exec_result cmd_substr(struct exec *x)
{
    return cmd_getrange(x);
}

static bool is_size_allowed(struct exec *x, uint64_t start, size_t len)
{
    if (len > STRING_MAX_BYTES || start > STRING_MAX_BYTES - len) {
        resp_write_error(x->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        return false;
    }
    return true;
}

enum exec_result cmd_append(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct bytes tail = x->args[2];
    struct entry *e;
    struct value_edit edit;
    size_t old_len;

    if (!lookup_write_type(x, &ref, VALUE_STRING, &e)) {
        return EXEC_DONE;
    }
    if (e == NULL) {
        keyspace_set(x->keyspace, &ref, tail, EXPIRE_NEVER);
        notify(x, EVENT_STRING, "append", ref.bytes);
        effects_add_verbatim(x->effects);
        resp_write_integer(x->reply, (int64_t)tail.len);
        return EXEC_DONE;
    }
    old_len = entry_string_len(e);
    if (!is_size_allowed(x, old_len, tail.len)) {
        return EXEC_DONE;
    }
    keyspace_open_string(x->keyspace, &ref, old_len + tail.len, &edit);
    if (tail.len > 0) {
        memcpy(edit.data + old_len, tail.data, tail.len);
    }
    keyspace_close(x->keyspace, &edit);
    notify(x, EVENT_STRING, "append", ref.bytes);
    effects_add_verbatim(x->effects);
    resp_write_integer(x->reply, (int64_t)(old_len + tail.len));
    return EXEC_DONE;
}

enum exec_result cmd_setrange(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct bytes part = x->args[3];
    struct entry *e;
    struct value_edit edit;
    int64_t offset;
    size_t end;
    size_t old_len;

    if (!argument_i64(x, 2, &offset)) {
        return EXEC_DONE;
    }
    if (offset < 0) {
        resp_write_error(x->reply, "ERR offset is out of range");
        return EXEC_DONE;
    }
    if (!lookup_write_type(x, &ref, VALUE_STRING, &e)) {
        return EXEC_DONE;
    }
    old_len = e == NULL ? 0 : entry_string_len(e);
    if (part.len == 0) {
        resp_write_integer(x->reply, (int64_t)old_len);
        return EXEC_DONE;
    }
    if (!is_size_allowed(x, (uint64_t)offset, part.len)) {
        return EXEC_DONE;
    }
    if (e == NULL) {
        keyspace_set(x->keyspace, &ref, (struct bytes){0}, EXPIRE_NEVER);
    }
    end = (size_t)offset + part.len;
    keyspace_open_string(x->keyspace, &ref, end, &edit);
    memcpy(edit.data + offset, part.data, part.len);
    keyspace_close(x->keyspace, &edit);
    notify(x, EVENT_STRING, "setrange", ref.bytes);
    effects_add_verbatim(x->effects);
    resp_write_integer(x->reply, (int64_t)(end > old_len ? end : old_len));
    return EXEC_DONE;
}
