/* SPDX-License-Identifier: MIT */
/* Members with coordinates: sorted sets whose scores are geohashes. */
#include "base/vec.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/geo_args.h"
#include "command/lookup.h"
#include "command/zset_result.h"
#include "command/zset_source.h"
#include "store/zset.h"

enum {
    WORDS_EACH = 3, /* longitude, latitude and member */
};

/* ---- GEOADD ------------------------------------------------------------------------------------------ */

struct add_options {
    bool only_new;      /* NX */
    bool only_existing; /* XX */
    bool count_changed; /* CH */
};

static size_t read_options(const struct exec *x, struct add_options *out)
{
    size_t i = 2;

    for (; i < x->arg_count; i++) {
        if (argument_is(x, i, "NX")) {
            out->only_new = true;
        } else if (argument_is(x, i, "XX")) {
            out->only_existing = true;
        } else if (argument_is(x, i, "CH")) {
            out->count_changed = true;
        } else {
            break;
        }
    }
    return i;
}

/* All scores, or false after an error reply. */
struct scores {
    VEC(double) items;
};

static bool read_scores(struct exec *x, size_t first, struct scores *out)
{
    for (size_t i = first; i < x->arg_count; i += WORDS_EACH) {
        struct geo_point point;

        if (!geo_read_point(x, i, &point)) {
            return false;
        }
        VEC_PUSH(&out->items, (double)geohash_of(point));
    }
    return true;
}

/* The scores travel: they are what replicas need not compute. */
static void add_members(struct exec *x, const struct add_options *options, size_t first,
                        const struct scores *scores)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct value_edit edit;
    int64_t added = 0;
    int64_t updated = 0;

    lookup_open(x, &ref, VALUE_ZSET, &edit);
    for (size_t i = 0; i < scores->items.count; i++) {
        struct bytes name = x->args[first + i * WORDS_EACH + 2];
        struct zset_view view = zset_view_of_draft(&edit.draft);
        double old;
        bool is_there = zset_find(&view, name, &old);
        enum zset_change change = ZSET_SAME;

        if (is_there ? !options->only_new : !options->only_existing) {
            change = zset_put(&edit.draft, name, scores->items.items[i]);
        }
        added += change == ZSET_ADDED;
        updated += change == ZSET_UPDATED;
        if (change != ZSET_SAME) {
            effect_zadd(x, ref.bytes, name, scores->items.items[i]);
        }
    }
    (void)keyspace_close(x->keyspace, &edit);
    if (added + updated > 0) {
        notify(x, EVENT_ZSET, "zadd", ref.bytes);
    }
    resp_write_integer(x->reply, options->count_changed ? added + updated : added);
}

enum exec_result cmd_geoadd(struct exec *x)
{
    struct add_options options = {0};
    struct scores scores = {0};
    struct key_ref ref = lookup_ref(x, 1);
    size_t first = read_options(x, &options);
    struct entry *e;

    if ((x->arg_count - first) % WORDS_EACH != 0 || first == x->arg_count ||
        (options.only_new && options.only_existing)) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if (read_scores(x, first, &scores) && lookup_write_type(x, &ref, VALUE_ZSET, &e)) {
        add_members(x, &options, first, &scores);
    }
    VEC_DEINIT(&scores.items);
    return EXEC_DONE;
}

/* ---- looking ----------------------------------------------------------------------------------------- */

enum exec_result cmd_geopos(struct exec *x)
{
    struct zset_view view;

    if (!zset_read(x, &view)) {
        return EXEC_DONE;
    }
    resp_write_array(x->reply, x->arg_count - 2);
    for (size_t i = 2; i < x->arg_count; i++) {
        double score;

        if (zset_find(&view, x->args[i], &score)) {
            geo_reply_point(x, geo_point_of_score(score));
        } else {
            resp_write_null_array(x->reply);
        }
    }
    return EXEC_DONE;
}

enum exec_result cmd_geohash(struct exec *x)
{
    struct zset_view view;

    if (!zset_read(x, &view)) {
        return EXEC_DONE;
    }
    resp_write_array(x->reply, x->arg_count - 2);
    for (size_t i = 2; i < x->arg_count; i++) {
        char text[GEOHASH_TEXT];
        double score;

        if (zset_find(&view, x->args[i], &score)) {
            geohash_format(geo_point_of_score(score), text);
            resp_write_bulk(x->reply, bytes_make(text, sizeof(text)));
        } else {
            resp_write_null(x->reply);
        }
    }
    return EXEC_DONE;
}

enum exec_result cmd_geodist(struct exec *x)
{
    struct zset_view view;
    double unit = 1;
    double a;
    double b;

    if (x->arg_count > 5) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if ((x->arg_count == 5 && !geo_read_unit(x, 4, &unit)) || !zset_read(x, &view)) {
        return EXEC_DONE;
    }
    if (zset_find(&view, x->args[2], &a) && zset_find(&view, x->args[3], &b)) {
        geo_reply_distance(x, geo_distance(geo_point_of_score(a), geo_point_of_score(b)), unit);
    } else {
        resp_write_null(x->reply);
    }
    return EXEC_DONE;
}
