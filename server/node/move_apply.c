/* SPDX-License-Identifier: MIT */
#include "node/move_apply.h"

#include "base/assert.h"
#include "move/filter.h"
#include "node/inside.h"

static const struct resp_limits limits = {
    .max_args = 1024 * 1024,
    .max_bulk_bytes = UINT64_C(4) * 1024 * 1024 * 1024,
    .max_inline_bytes = 64 * 1024,
    .max_depth = 8,
};

/* Around what is being applied. */
struct applying {
    struct node *node;
    const uint64_t *slots;
    struct buf replies; /* thrown away */
    bool is_in_multi;
};

static void refuse(struct errmsg *error, struct bytes name, const char *why)
{
    errmsg_set(error, "the source sent '%.*s', %s", (int)(name.len < 64 ? name.len : 64), name.data,
               why);
}

static bool run(struct applying *a, const struct bytes *args, size_t count, struct errmsg *error)
{
    const struct command_spec *spec = command_index_find(&a->node->stream_commands, args[0]);
    struct resp_writer reply = {.out = &a->replies, .version = 2};
    struct streamed_command command = {.args = args, .arg_count = count};
    char why[128];

    if (spec != NULL && command_has_subcommands(spec)) {
        spec = count > 1 ? command_find_sub(spec, args[1]) : NULL;
    }
    if (spec == NULL || !spec->is_data || !command_arity_fits(spec, count)) {
        refuse(error, args[0], "which is not known here");
        return false;
    }
    if (filter_judge(a->slots, args, count) != FILTER_PASS) {
        refuse(error, args[0], "which is not about the slots that move");
        return false;
    }
    command.spec = spec;
    buf_clear(&a->replies);
    call_for_move(a->node, &command, &reply);
    if (a->replies.len > 2 && a->replies.data[0] == '-') {
        bytes_to_text(bytes_make(a->replies.data + 1, a->replies.len - 3), why, sizeof(why));
        refuse(error, args[0], why);
        return false;
    }
    return true;
}

static bool take(struct applying *a, const struct bytes *args, size_t count, struct errmsg *error)
{
    if (count == 0) {
        return true;
    }
    if (bytes_equal_nocase(args[0], "MULTI") && !a->is_in_multi) {
        a->is_in_multi = true;
        journal_begin(a->node);
        return true;
    }
    if (bytes_equal_nocase(args[0], "EXEC") && a->is_in_multi) {
        a->is_in_multi = false;
        journal_end(a->node);
        return true;
    }
    return run(a, args, count, error);
}

bool move_apply(struct node *node, const uint64_t *slots, struct bytes requests,
                struct errmsg *error)
{
    struct applying a = {.node = node, .slots = slots};
    struct resp_reader reader = {0};
    struct resp_words words = {0};
    bool is_fine = true;

    ASSERT(journal_is_open(node) && !node->journal.is_in_transaction);
    while (requests.len > 0 && is_fine) {
        struct resp_request request;
        enum resp_status status =
            resp_read_request(&reader, requests, &limits, &words, &request, error);

        if (status != RESP_OK) {
            errmsg_set(error, "the source sent what is no whole request");
            is_fine = false;
            break;
        }
        is_fine = take(&a, words.items + request.first_word, request.word_count, error);
        requests = bytes_from(requests, request.raw.len);
        words.count = 0;
        resp_reader_recycle(&reader);
    }
    if (a.is_in_multi) {
        journal_end(node); /* what was executed is in the log, whatever became of the rest */
        if (is_fine) {
            errmsg_set(error, "the source sent a transaction without an end");
        }
        is_fine = false;
    }
    resp_reader_deinit(&reader);
    VEC_DEINIT(&words);
    buf_deinit(&a.replies);
    return is_fine;
}
