/* SPDX-License-Identifier: MIT */
#include "command/zset_result.h"

#include "base/assert.h"
#include "command/events.h"
#include "command/lookup.h"

enum {
    EFFECT_PAIRS = 128, /* of one ZADD */
};

void zset_reply_begin(struct exec *x, uint64_t count, bool with_scores)
{
    resp_write_array(x->reply, with_scores && x->reply->version < 3 ? count * 2 : count);
}

void zset_reply_element(struct exec *x, const struct zset_element *element, bool with_scores)
{
    if (with_scores && x->reply->version >= 3) {
        resp_write_array(x->reply, 2);
    }
    resp_write_bulk(x->reply, element->name);
    if (with_scores) {
        resp_write_double(x->reply, element->score);
    }
}

void zset_reply_span(struct exec *x, const struct zset_view *view, struct zset_span span,
                     const struct zset_range *range, bool with_scores)
{
    struct zset_cursor cursor;
    struct zset_element element;

    zset_reply_begin(x, span.count, with_scores);
    if (span.count == 0) {
        return;
    }
    zset_seek(view, range->is_reverse ? span.first + span.count - 1 : span.first, &cursor);
    for (uint64_t i = 0; i < span.count; i++) {
        bool is_there =
            range->is_reverse ? zset_previous(&cursor, &element) : zset_next(&cursor, &element);

        ASSERT(is_there);
        zset_reply_element(x, &element, with_scores);
    }
}

struct bytes zset_score_text(char scratch[ZSET_SCORE_TEXT], double score)
{
    return bytes_make(scratch, num_format_f64_17g(scratch, score));
}

/* ---- a result ------------------------------------------------------------------------------------ */

void zset_result_init(struct zset_result *result, struct exec *x)
{
    *result = (struct zset_result){
        .draft = {.space = keyspace_values(x->keyspace), .type = VALUE_ZSET}
    };
    result->draft.packed = &result->packed;
}

void zset_result_deinit(struct zset_result *result)
{
    value_draft_clear(&result->draft);
    buf_deinit(&result->packed);
}

static uint64_t store(struct zset_result *result, struct exec *x, const struct key_ref *to,
                      const char *event, bool *is_changed)
{
    struct zset_view view = zset_view_of_draft(&result->draft);
    uint64_t count = zset_count(&view);
    struct value value;

    if (count == 0) {
        *is_changed = lookup_write(x, to) != NULL && keyspace_remove(x->keyspace, to);
        if (*is_changed) {
            notify(x, EVENT_GENERIC, "del", to->bytes);
        }
        return 0;
    }
    *is_changed = true;
    zset_end_whole(&result->draft);
    value = value_draft_view(&result->draft);
    note_replace(x, to, VALUE_ZSET);
    keyspace_put(x->keyspace, to, &value, EXPIRE_NEVER);
    notify(x, EVENT_ZSET, event, to->bytes);
    result->draft.memory = NULL;
    return count;
}

uint64_t zset_result_store_verbatim(struct zset_result *result, struct exec *x,
                                    const struct key_ref *to, const char *event)
{
    bool is_changed;
    uint64_t count = store(result, x, to, event, &is_changed);

    if (count > 0) {
        effects_add_verbatim(x->effects);
    } else if (is_changed) {
        effect_del(x, to->bytes);
    }
    return count;
}

/* DEL, and ZADDs of some members each. */
static void effect_zset(struct exec *x, struct bytes key, const struct zset_view *view)
{
    char scores[EFFECT_PAIRS][ZSET_SCORE_TEXT];
    struct bytes words[2 + 2 * EFFECT_PAIRS] = {BYTES_LITERAL("ZADD"), key};
    struct buf names = {0}; /* those of packed members do not outlive the next one */
    struct zset_cursor cursor;
    struct zset_element element;
    bool is_more;

    effect_del(x, key);
    zset_seek(view, 0, &cursor);
    is_more = zset_next(&cursor, &element);
    while (is_more) {
        size_t count = 2;
        size_t at = 0;

        buf_clear(&names);
        while (is_more && count < ARRAY_COUNT(words)) {
            words[count] = zset_score_text(scores[(count - 2) / 2], element.score);
            words[count + 1].len = element.name.len;
            buf_append_bytes(&names, element.name);
            count += 2;
            is_more = zset_next(&cursor, &element);
        }
        for (size_t i = 3; i < count; i += 2) {
            words[i].data = names.data + at;
            at += words[i].len;
        }
        effects_add(x->effects, words, count);
    }
    buf_deinit(&names);
}

uint64_t zset_result_store_explicit(struct zset_result *result, struct exec *x,
                                    const struct key_ref *to, const char *event)
{
    bool is_changed;
    uint64_t count = store(result, x, to, event, &is_changed);

    if (count > 0) {
        struct zset_view view = zset_view_of(keyspace_find_any(x->keyspace, to));

        effect_zset(x, to->bytes, &view);
    } else if (is_changed) {
        effect_del(x, to->bytes);
    }
    return count;
}

void effect_zadd(struct exec *x, struct bytes key, struct bytes name, double score)
{
    char scratch[ZSET_SCORE_TEXT];
    const struct bytes words[] = {BYTES_LITERAL("ZADD"), key, zset_score_text(scratch, score),
                                  name};

    effects_add(x->effects, words, ARRAY_COUNT(words));
}
