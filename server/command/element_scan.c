/* SPDX-License-Identifier: MIT */
#include "command/element_scan.h"

#include "base/assert.h"
#include "base/glob.h"
#include "command/lookup.h"

enum {
    COUNT_DEFAULT = 10,
    FIRST_OPTION = 3,
};

/* COUNT at argument i; false after an error reply. */
static bool read_count(struct exec *x, size_t i, struct element_scan *out)
{
    int64_t count;

    if (!argument_i64(x, i + 1, &count)) {
        return false;
    }
    if (count < 1) {
        reply_syntax_error(x);
        return false;
    }
    out->count = (size_t)count;
    return true;
}

bool element_scan_read_cursor(struct exec *x, struct element_scan *out)
{
    *out = (struct element_scan){.count = COUNT_DEFAULT};
    if (!num_parse_u64(x->args[2], &out->cursor)) {
        resp_write_error(x->reply, "ERR invalid cursor");
        return false;
    }
    return true;
}

void element_scan_refuse(struct exec *x, size_t i)
{
    if (argument_is(x, i, "NOVALUES")) {
        resp_write_error(x->reply, "ERR NOVALUES option can only be used in HSCAN");
    } else if (argument_is(x, i, "NOSCORES")) {
        resp_write_error(x->reply, "ERR NOSCORES option can only be used in ZSCAN");
    } else {
        reply_syntax_error(x);
    }
}

bool element_scan_read(struct exec *x, const char *names_word, struct element_scan *out)
{
    for (size_t i = FIRST_OPTION; i < x->arg_count; i++) {
        bool has_word = i + 1 < x->arg_count;

        if (has_word && argument_is(x, i, "COUNT")) {
            if (!read_count(x, i, out)) {
                return false;
            }
            i++;
        } else if (has_word && argument_is(x, i, "MATCH")) {
            out->pattern = x->args[i + 1];
            out->has_pattern = !bytes_equal_text(out->pattern, "*");
            i++;
        } else if (names_word != NULL && argument_is(x, i, names_word)) {
            out->only_names = true;
        } else {
            element_scan_refuse(x, i);
            return false;
        }
    }
    return true;
}

bool element_scan_takes(const struct element_scan *scan, struct bytes name)
{
    return !scan->has_pattern || glob_match(scan->pattern, name);
}

void reply_list_begin(struct reply_list *list, const struct exec *x)
{
    *list = (struct reply_list){.writer = {.version = x->reply->version}};
    list->writer.out = &list->bytes;
}

void reply_list_add(struct reply_list *list, struct bytes text)
{
    resp_write_bulk(&list->writer, text);
    list->count++;
}

void reply_list_end(struct reply_list *list, struct exec *x, enum reply_list_kind kind)
{
    switch (kind) {
    case REPLY_LIST_ARRAY:
        resp_write_array(x->reply, list->count);
        break;
    case REPLY_LIST_SET:
        resp_write_set(x->reply, list->count);
        break;
    case REPLY_LIST_MAP:
        ASSERT(list->count % 2 == 0);
        resp_write_map(x->reply, list->count / 2);
        break;
    }
    buf_append_bytes(x->reply->out, buf_bytes(&list->bytes));
    buf_deinit(&list->bytes);
}

void element_scan_reply(struct exec *x, uint64_t cursor, struct reply_list *list)
{
    resp_write_array(x->reply, 2);
    resp_write_bulk_printf(x->reply, "%llu", (unsigned long long)cursor);
    reply_list_end(list, x, REPLY_LIST_ARRAY);
}

void element_scan_reply_nothing(struct exec *x)
{
    struct reply_list none;

    reply_list_begin(&none, x);
    element_scan_reply(x, 0, &none);
}
