/* SPDX-License-Identifier: MIT */
#include "command/stream_trim.h"

#include "base/num.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"
#include "command/stream_losses.h"
#include "store/value_space.h"

enum {
    LIMIT_NODES = 100, /* without LIMIT so many nodes' worth of entries go at a time, */
    LIMIT_MIN = 10000,
    LIMIT_MAX = 1000000,
};

static enum stream_trim_word refuse(struct exec *x, const char *error)
{
    resp_write_error(x->reply, "%s", error);
    return STREAM_TRIM_REFUSED;
}

static bool read_count(struct exec *x, size_t index, const char *name, uint64_t *out)
{
    int64_t count;

    if (!argument_i64(x, index, &count)) {
        return false;
    }
    if (count < 0) {
        resp_write_error(x->reply, "ERR The %s argument must be >= 0.", name);
        return false;
    }
    *out = (uint64_t)count;
    return true;
}

/* MAXLEN|MINID [=|~] threshold */
static enum stream_trim_word read_strategy(struct exec *x, size_t *index, size_t behind,
                                           struct stream_trim_options *options)
{
    size_t at = *index + 1;
    bool is_by_id = argument_is(x, *index, "MINID");

    if (options->is_wanted) {
        return refuse(x, "ERR syntax error, MAXLEN and MINID options at the same time are not "
                         "compatible");
    }
    options->is_wanted = true;
    options->first_word = *index;
    options->trim.is_by_id = is_by_id;
    if (at + 1 + behind < x->arg_count + behind && x->args[at].len == 1 &&
        (x->args[at].data[0] == '~' || x->args[at].data[0] == '=')) {
        options->trim.is_approximate = x->args[at].data[0] == '~';
        at++;
    }
    if (is_by_id ? !argument_stream_id(x, at, 0, &options->trim.min_id)
                 : !read_count(x, at, "MAXLEN", &options->trim.max_count)) {
        return STREAM_TRIM_REFUSED;
    }
    *index = at + 1;
    options->word_count = *index - options->first_word;
    return STREAM_TRIM_TAKEN;
}

enum stream_trim_word stream_trim_read(struct exec *x, size_t *index, size_t behind,
                                       struct stream_trim_options *options)
{
    if (*index < x->arg_count && argument_stream_refs(x, *index, &options->refs)) {
        if (options->has_refs) {
            return refuse(x, "ERR syntax error");
        }
        options->has_refs = true;
        *index += 1;
        return STREAM_TRIM_TAKEN;
    }
    if (*index + 1 >= x->arg_count) {
        return STREAM_TRIM_OTHER;
    }
    if (argument_is(x, *index, "MAXLEN") || argument_is(x, *index, "MINID")) {
        return read_strategy(x, index, behind, options);
    }
    if (argument_is(x, *index, "LIMIT")) {
        if (!read_count(x, *index + 1, "LIMIT", &options->trim.limit)) {
            return STREAM_TRIM_REFUSED;
        }
        options->has_limit = true;
        *index += 2;
        return STREAM_TRIM_TAKEN;
    }
    return STREAM_TRIM_OTHER;
}

bool stream_trim_check(struct exec *x, struct stream_trim_options *options)
{
    uint64_t nodes = LIMIT_NODES * keyspace_values(x->keyspace)->limits.stream_node_max_entries;

    if (options->has_limit && options->trim.limit != 0 && !options->is_wanted) {
        resp_write_error(x->reply, "ERR syntax error, LIMIT cannot be used without specifying a "
                                   "trimming strategy");
        return false;
    }
    if (options->has_limit && !options->trim.is_approximate) {
        resp_write_error(x->reply,
                         "ERR syntax error, LIMIT cannot be used without the special ~ option");
        return false;
    }
    if (options->trim.is_approximate && !options->has_limit) {
        options->trim.limit = nodes == 0 ? LIMIT_MIN : nodes < LIMIT_MAX ? nodes : LIMIT_MAX;
    }
    return true;
}

size_t stream_trim_words(const struct stream_trim_options *options, const struct stream *s,
                         struct bytes words[3], char *scratch)
{
    bool is_by_id =
        options->trim.is_by_id && stream_count(s) > 0; /* without entries there is no id */

    words[0] = bytes_from_text(is_by_id ? "MINID" : "MAXLEN");
    words[1] = BYTES_LITERAL("=");
    if (is_by_id) {
        words[2] = stream_id_text(stream_first_id(s), scratch);
    } else {
        words[2] = bytes_make(scratch, num_format_u64(scratch, stream_count(s)));
    }
    return 3;
}

/* ---- XTRIM ------------------------------------------------------------------------------------------- */

static bool read_options(struct exec *x, struct stream_trim_options *out)
{
    for (size_t at = 2; at < x->arg_count;) {
        switch (stream_trim_read(x, &at, 0, out)) {
        case STREAM_TRIM_TAKEN:
            break;
        case STREAM_TRIM_OTHER:
            reply_syntax_error(x);
            return false;
        case STREAM_TRIM_REFUSED:
            return false;
        }
    }
    if (!out->is_wanted && out->trim.limit == 0) {
        resp_write_error(x->reply,
                         "ERR syntax error, XTRIM must be called with a trimming strategy");
        return false;
    }
    return stream_trim_check(x, out);
}

/* What went one by one is told as losses. */
static void effect_trim(struct exec *x, const struct stream_trim_options *options,
                        const struct stream *s)
{
    char scratch[STREAM_ID_TEXT];
    struct bytes words[2 + 3] = {BYTES_LITERAL("XTRIM"), x->args[1]};

    if (options->refs == STREAM_REFS_ACKED) {
        return;
    }
    if (!options->trim.is_approximate && !options->has_refs) {
        effects_add_verbatim(x->effects);
        return;
    }
    (void)stream_trim_words(options, s, words + 2, scratch);
    effects_add(x->effects, words, ARRAY_COUNT(words));
}

enum exec_result cmd_xtrim(struct exec *x)
{
    struct stream_trim_options options = {0};
    struct key_ref ref = lookup_ref(x, 1);
    struct stream_losses losses;
    const struct stream *s;
    struct value_edit edit;
    struct entry *e;
    uint64_t count = 0;

    if (!read_options(x, &options) || !stream_lookup_write(x, &ref, &e, &s)) {
        return EXEC_DONE;
    }
    if (s != NULL) {
        stream_losses_begin(&losses, options.refs);
        keyspace_open(x->keyspace, &ref, e, VALUE_STREAM, &edit);
        count = stream_trim_refs(&edit.draft, &options.trim, &losses.removal);
        if (count > 0) {
            effect_trim(x, &options, s);
        }
        stream_losses_end(x, &losses, ref.bytes);
        (void)keyspace_close(x->keyspace, &edit);
    }
    if (count > 0) {
        notify(x, EVENT_STREAM, "xtrim", ref.bytes);
    }
    resp_write_integer(x->reply, (int64_t)count);
    return EXEC_DONE;
}
