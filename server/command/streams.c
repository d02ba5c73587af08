/* SPDX-License-Identifier: MIT */
/* Commands of streams that know no group and do not wait. */
#include "base/vec.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"
#include "command/stream_iid.h"
#include "command/stream_losses.h"
#include "command/stream_trim.h"

/* ---- XADD ------------------------------------------------------------------------------------------- */

/* How the id of a new entry is told. */
enum id_form {
    ID_WHOLE,
    ID_NEXT_OF_MS, /* "ms-*" */
    ID_NEXT,       /* "*" */
};

struct add_options {
    struct stream_trim_options trim;
    struct stream_iid_options iid;
    bool only_existing;
    enum id_form id_form;
    struct stream_id id;
    size_t id_word;
};

static bool read_id(struct exec *x, size_t index, struct add_options *out)
{
    struct bytes text = x->args[index];

    out->id_word = index;
    if (bytes_equal_text(text, "*")) {
        out->id_form = ID_NEXT;
        return true;
    }
    if (text.len > 2 && text.data[text.len - 1] == '*' && text.data[text.len - 2] == '-' &&
        stream_number_parse(bytes_prefix(text, text.len - 2), &out->id.ms)) {
        out->id_form = ID_NEXT_OF_MS;
        return true;
    }
    return argument_stream_id(x, index, 0, &out->id);
}

/* Does it only say what a producer has added before?  That is how replicas are told. */
static bool is_record(const struct exec *x, const struct add_options *options)
{
    return options->iid.is_wanted && !options->iid.is_hashed && options->id_form == ID_WHOLE &&
           x->arg_count == options->id_word + 1;
}

static bool read_options(struct exec *x, struct add_options *out)
{
    size_t at = 2;

    while (at < x->arg_count && !bytes_equal_text(x->args[at], "*")) {
        enum stream_trim_word word;
        enum stream_iid_word iid_word;

        if (argument_is(x, at, "NOMKSTREAM")) {
            out->only_existing = true;
            at++;
            continue;
        }
        iid_word = stream_iid_read(x, &at, &out->iid);
        if (iid_word == STREAM_IID_REFUSED) {
            return false;
        }
        if (iid_word == STREAM_IID_TAKEN) {
            continue;
        }
        word = stream_trim_read(x, &at, 1, &out->trim);
        if (word == STREAM_TRIM_REFUSED) {
            return false;
        }
        if (word == STREAM_TRIM_OTHER) {
            break;
        }
    }
    if (at == x->arg_count) {
        out->id_word = at;
    } else if (!read_id(x, at, out)) {
        return false;
    }
    return stream_trim_check(x, &out->trim) &&
           (is_record(x, out) || stream_iid_check_id(x, &out->iid, out->id_form == ID_NEXT));
}

/* The id of the new entry; false after an error reply. */
static bool choose_id(struct exec *x, const struct add_options *options, struct stream_id last,
                      struct stream_id *out)
{
    *out = options->id;
    if (stream_id_compare(last, STREAM_ID_MAX) == 0) {
        resp_write_error(x->reply,
                         "ERR The stream has exhausted the last possible ID, unable to add "
                         "more items");
        return false;
    }
    if (options->id_form == ID_NEXT) {
        *out = (struct stream_id){.ms = (uint64_t)x->now.unix_ms};
        if (stream_id_compare(*out, last) <= 0) {
            *out = last;
            (void)stream_id_next(out);
        }
    } else if (options->id_form == ID_NEXT_OF_MS && out->ms == last.ms &&
               last.sequence < UINT64_MAX) {
        out->sequence = last.sequence + 1;
    }
    if (stream_id_compare(*out, last) <= 0) {
        resp_write_error(x->reply,
                         "ERR The ID specified in XADD is equal or smaller than the target "
                         "stream top item");
        return false;
    }
    return true;
}

static bool fits(const struct exec *x, size_t first)
{
    uint64_t size = 0;

    for (size_t i = first; i < x->arg_count; i++) {
        size += x->args[i].len;
    }
    return size <= STREAM_ENTRY_BYTES_MAX;
}

/* The request with the id, and the trimming as what came of it. */
static void effect_add(struct exec *x, const struct add_options *options, const struct stream *s,
                       struct bytes id)
{
    char scratch[STREAM_ID_TEXT];
    VEC(struct bytes) words = {0};

    if (options->id_form == ID_WHOLE && !options->trim.trim.is_approximate &&
        !options->trim.has_refs && !options->iid.is_wanted) {
        effects_add_verbatim(x->effects);
        return;
    }
    VEC_RESERVE(&words, x->arg_count + 3);
    VEC_PUSH(&words, x->args[0]);
    VEC_PUSH(&words, x->args[1]);
    if (options->trim.refs == STREAM_REFS_ACKED) {
        /* What went is told one by one. */
    } else if (options->trim.trim.is_approximate) {
        words.count += stream_trim_words(&options->trim, s, words.items + words.count, scratch);
    } else {
        for (size_t i = 0; i < options->trim.word_count; i++) {
            VEC_PUSH(&words, x->args[options->trim.first_word + i]);
        }
    }
    VEC_PUSH(&words, id);
    for (size_t i = options->id_word + 1; i < x->arg_count; i++) {
        VEC_PUSH(&words, x->args[i]);
    }
    effects_add(x->effects, words.items, words.count);
    VEC_DEINIT(&words);
}

static void add(struct exec *x, const struct add_options *options, const struct key_ref *ref,
                struct entry *e, struct stream_id id)
{
    size_t first = options->id_word + 1;
    char scratch[STREAM_ID_TEXT];
    struct stream_losses losses;
    struct value_edit edit;
    const struct stream *s;
    struct bytes text;
    uint64_t trimmed = 0;

    stream_losses_begin(&losses, options->trim.refs);
    keyspace_open(x->keyspace, ref, e, VALUE_STREAM, &edit);
    s = stream_open(&edit.draft);
    stream_append(&edit.draft, id, x->args + first, (x->arg_count - first) / 2);
    if (options->trim.is_wanted) {
        trimmed = stream_trim_refs(&edit.draft, &options->trim.trim, &losses.removal);
    }
    text = stream_id_text(id, scratch);
    resp_write_bulk(x->reply, text);
    effect_add(x, options, s, text);
    stream_losses_end(x, &losses, ref->bytes);
    stream_iid_note(x, &options->iid, &edit.draft, id, text);
    (void)keyspace_close(x->keyspace, &edit);
    notify(x, EVENT_STREAM, "xadd", ref->bytes);
    if (trimmed > 0) {
        notify(x, EVENT_STREAM, "xtrim", ref->bytes);
    }
}

enum exec_result cmd_xadd(struct exec *x)
{
    struct add_options options = {0};
    struct key_ref ref = lookup_ref(x, 1);
    const struct stream *s;
    struct stream_id id;
    struct entry *e;

    if (!read_options(x, &options)) {
        return EXEC_DONE;
    }
    if (is_record(x, &options)) {
        if (stream_iid_record(x, options.iid.producer, options.iid.iid, options.id_word)) {
            resp_write_bulk(x->reply, x->args[options.id_word]);
        }
        return EXEC_DONE;
    }
    if (x->arg_count < options.id_word + 3 || (x->arg_count - options.id_word) % 2 == 0) {
        resp_write_error(x->reply, "ERR wrong number of arguments for 'xadd' command");
        return EXEC_DONE;
    }
    if (options.id_form == ID_WHOLE && stream_id_is_zero(options.id)) {
        resp_write_error(x->reply, "ERR The ID specified in XADD must be greater than 0-0");
        return EXEC_DONE;
    }
    if (!stream_lookup_write(x, &ref, &e, &s)) {
        return EXEC_DONE;
    }
    if (e == NULL && options.only_existing) {
        resp_write_null(x->reply);
    } else if (stream_iid_reply_known(x, &options.iid, s, options.id_word + 1)) {
        return EXEC_DONE;
    } else if (!fits(x, options.id_word + 1)) {
        resp_write_error(x->reply, "ERR Elements are too large to be stored");
    } else if (choose_id(x, &options, s != NULL ? stream_marks(s).last_id : STREAM_ID_MIN, &id)) {
        add(x, &options, &ref, e, id);
    }
    return EXEC_DONE;
}

/* ---- XLEN, XRANGE, XREVRANGE ------------------------------------------------------------------------- */

enum exec_result cmd_xlen(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    const struct stream *s;

    if (stream_lookup(x, &ref, &s)) {
        resp_write_integer(x->reply, s != NULL ? (int64_t)stream_count(s) : 0);
    }
    return EXEC_DONE;
}

/* COUNT count, negative ones being 0; without it UINT64_MAX. */
static bool read_count(struct exec *x, size_t first, uint64_t *out)
{
    int64_t count;

    *out = UINT64_MAX;
    for (size_t i = first; i < x->arg_count; i += 2) {
        if (!argument_is(x, i, "COUNT") || i + 1 == x->arg_count) {
            reply_syntax_error(x);
            return false;
        }
        if (!argument_i64(x, i + 1, &count)) {
            return false;
        }
        *out = count > 0 ? (uint64_t)count : 0;
    }
    return true;
}

static enum exec_result range(struct exec *x, bool is_reverse)
{
    struct stream_range range = {.is_reverse = is_reverse};
    struct key_ref ref = lookup_ref(x, 1);
    const struct stream *s;
    uint64_t limit;

    if (!argument_stream_first(x, is_reverse ? 3 : 2, &range.first) ||
        !argument_stream_last(x, is_reverse ? 2 : 3, &range.last) || !read_count(x, 4, &limit) ||
        !stream_lookup(x, &ref, &s)) {
        return EXEC_DONE;
    }
    if (s == NULL) {
        resp_write_array(x->reply, 0);
    } else if (limit == 0) {
        resp_write_null_array(x->reply);
    } else {
        reply_stream_range(x, s, &range, limit);
    }
    return EXEC_DONE;
}

enum exec_result cmd_xrange(struct exec *x)
{
    return range(x, false);
}

enum exec_result cmd_xrevrange(struct exec *x)
{
    return range(x, true);
}

/* ---- XSETID -------------------------------------------------------------------------------------------- */

/* What XSETID is to set besides the last id. */
struct set_options {
    struct stream_id last_id;
    struct stream_id max_deleted_id;
    int64_t entries_added; /* negative: not given */
};

static bool read_set_options(struct exec *x, struct set_options *out)
{
    out->entries_added = -1;
    if (!argument_stream_id(x, 2, 0, &out->last_id)) {
        return false;
    }
    for (size_t i = 3; i < x->arg_count; i += 2) {
        if (i + 1 == x->arg_count) {
            reply_syntax_error(x);
            return false;
        }
        if (argument_is(x, i, "ENTRIESADDED")) {
            if (!argument_i64(x, i + 1, &out->entries_added)) {
                return false;
            }
            if (out->entries_added < 0) {
                resp_write_error(x->reply, "ERR entries_added must be positive");
                return false;
            }
        } else if (argument_is(x, i, "MAXDELETEDID")) {
            if (!argument_stream_id(x, i + 1, 0, &out->max_deleted_id)) {
                return false;
            }
            if (stream_id_compare(out->last_id, out->max_deleted_id) < 0) {
                resp_write_error(x->reply, "ERR The ID specified in XSETID is smaller than the "
                                           "provided max_deleted_entry_id");
                return false;
            }
        } else {
            reply_syntax_error(x);
            return false;
        }
    }
    return true;
}

/* Is that possible for this stream?  The error, or NULL. */
static const char *why_not(const struct stream *s, const struct set_options *options)
{
    static const struct stream_range whole = {
        .last = {UINT64_MAX, UINT64_MAX},
          .is_reverse = true
    };
    struct stream_reader reader;
    struct stream_entry top;

    if (stream_id_compare(options->last_id, stream_marks(s).max_deleted_id) < 0) {
        return "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
    }
    stream_read(s, &whole, &reader);
    if (stream_next(&reader, &top)) {
        if (stream_id_compare(options->last_id, top.id) < 0) {
            return "ERR The ID specified in XSETID is smaller than the target stream top item";
        }
        if (options->entries_added >= 0 && (uint64_t)options->entries_added < stream_count(s)) {
            return "ERR The entries_added specified in XSETID is smaller than the target stream "
                   "length";
        }
    }
    return NULL;
}

enum exec_result cmd_xsetid(struct exec *x)
{
    struct set_options options = {0};
    struct key_ref ref = lookup_ref(x, 1);
    struct stream_marks marks;
    const struct stream *s;
    struct value_edit edit;
    struct entry *e;
    const char *error;

    if (!read_set_options(x, &options) || !stream_lookup_write(x, &ref, &e, &s)) {
        return EXEC_DONE;
    }
    error = s == NULL ? "ERR no such key" : why_not(s, &options);
    if (error != NULL) {
        resp_write_error(x->reply, "%s", error);
        return EXEC_DONE;
    }
    marks = stream_marks(s);
    marks.last_id = options.last_id;
    if (options.entries_added >= 0) {
        marks.entries_added = (uint64_t)options.entries_added;
    }
    if (!stream_id_is_zero(options.max_deleted_id)) {
        marks.max_deleted_id = options.max_deleted_id;
    }
    keyspace_open(x->keyspace, &ref, e, VALUE_STREAM, &edit);
    stream_put_marks(&edit.draft, &marks);
    (void)keyspace_close(x->keyspace, &edit);
    notify(x, EVENT_STREAM, "xsetid", ref.bytes);
    effects_add_verbatim(x->effects);
    resp_write_ok(x->reply);
    return EXEC_DONE;
}
