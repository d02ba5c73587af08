/* SPDX-License-Identifier: MIT */
/* Searching for members near a point: GEOSEARCH and its older spellings, told or stored.
 *
 * Distances are computed here alone: what is stored travels as scores. */
#include "base/vec.h"
#include "command/functions.h"
#include "command/geo_args.h"
#include "command/lookup.h"
#include "command/zset_result.h"
#include "store/zset.h"

#include <stdlib.h>

enum {
    POLYGON_VERTICES_MIN = 3,
};

enum sort {
    SORT_NONE,
    SORT_NEAREST,
    SORT_FARTHEST,
};

/* What a command of this family is. */
struct form {
    size_t source;     /* the argument that is the key */
    size_t options;    /* the first argument that may be an option */
    bool is_search;    /* center and shape are options */
    bool stores;       /* GEOSEARCHSTORE */
    bool takes_store;  /* STORE and STOREDIST are options */
    bool is_by_member; /* of the older ones: the center is a member */
};

struct found {
    size_t name_at; /* in the names */
    size_t name_len;
    double score;
    double distance;
    size_t number; /* the how-manieth */
};

struct search {
    struct form form;
    struct zset_view view;
    bool is_there; /* the key */
    struct geo_shape shape;
    double unit;
    bool has_center, has_member, has_radius, has_box, has_polygon;
    VEC(struct geo_point) vertices; /* of the polygon */
    bool with_distance, with_hash, with_point;
    bool takes_any;
    enum sort sort;
    int64_t count; /* 0: all */
    size_t store;  /* the argument that is the key of the result; 0: none */
    bool stores_distance;
    VEC(struct found) found;
    struct buf names; /* one behind the other */
};

/* ---- arguments --------------------------------------------------------------------------------------- */

/* The center is where the member is; nobody minds when there is no key. */
static bool read_member(struct exec *x, struct search *s, size_t index)
{
    double score;

    s->has_member = true;
    if (!s->is_there) {
        return true;
    }
    if (!zset_find(&s->view, x->args[index], &score)) {
        resp_write_error(x->reply, "ERR could not decode requested zset member");
        return false;
    }
    s->shape.center = geo_point_of_score(score);
    return true;
}

static bool read_count(struct exec *x, struct search *s, size_t index)
{
    if (!argument_i64(x, index, &s->count)) {
        return false;
    }
    if (s->count <= 0) {
        resp_write_error(x->reply, "ERR COUNT must be > 0");
        return false;
    }
    return true;
}

enum option {
    OPTION_OTHER, /* none of these */
    OPTION_READ,
    OPTION_REFUSED, /* after an error reply */
};

static enum option read_if(bool is_read, size_t *i, size_t words)
{
    *i += words;
    return is_read ? OPTION_READ : OPTION_REFUSED;
}

/* What says how members are told. */
static enum option read_manner(struct exec *x, struct search *s, size_t *i)
{
    size_t left = x->arg_count - *i - 1;

    if (argument_is(x, *i, "WITHDIST")) {
        s->with_distance = true;
    } else if (argument_is(x, *i, "WITHHASH")) {
        s->with_hash = true;
    } else if (argument_is(x, *i, "WITHCOORD")) {
        s->with_point = true;
    } else if (argument_is(x, *i, "ANY")) {
        s->takes_any = true;
    } else if (argument_is(x, *i, "ASC")) {
        s->sort = SORT_NEAREST;
    } else if (argument_is(x, *i, "DESC")) {
        s->sort = SORT_FARTHEST;
    } else if (left >= 1 && argument_is(x, *i, "COUNT")) {
        return read_if(read_count(x, s, *i + 1), i, 1);
    } else if (s->form.stores && argument_is(x, *i, "STOREDIST")) {
        s->stores_distance = true;
    } else {
        return OPTION_OTHER;
    }
    return OPTION_READ;
}

/* How many vertices a polygon has, and where they are; *words: how many words that takes. */
static bool read_polygon(struct exec *x, struct search *s, size_t index, size_t *words)
{
    int64_t count;

    if (!argument_i64(x, index, &count)) {
        return false;
    }
    if (count < POLYGON_VERTICES_MIN) {
        resp_write_error(x->reply, "ERR a polygon has at least %d vertices", POLYGON_VERTICES_MIN);
        return false;
    }
    if ((uint64_t)count > (x->arg_count - index - 1) / 2) {
        reply_syntax_error(x);
        return false;
    }
    for (size_t i = 0; i < (size_t)count; i++) {
        struct geo_point point;

        if (!geo_read_point(x, index + 1 + 2 * i, &point)) {
            return false;
        }
        VEC_PUSH(&s->vertices, point);
    }
    *words = 1 + 2 * (size_t)count;
    return true;
}

/* A polygon has a center of its own. */
static enum option read_place_of_polygon(struct exec *x, struct search *s, size_t *i)
{
    size_t words = 0;
    bool is_read = read_polygon(x, s, *i + 1, &words);

    s->has_polygon = true;
    if (is_read) {
        s->shape.vertices = s->vertices.items;
        s->shape.vertex_count = s->vertices.count;
        s->shape.center = geo_middle(s->vertices.items, s->vertices.count);
    }
    return read_if(is_read, i, words);
}

/* What says where they are looked for, of the newer commands. */
static enum option read_place(struct exec *x, struct search *s, size_t *i)
{
    size_t left = x->arg_count - *i - 1;

    if (s->has_polygon) {
        return OPTION_OTHER;
    }
    if (left >= 1 && !s->has_center && !s->has_member && !s->has_radius && !s->has_box &&
        argument_is(x, *i, "BYPOLYGON")) {
        return read_place_of_polygon(x, s, i);
    }
    if (left >= 1 && !s->has_center && argument_is(x, *i, "FROMMEMBER")) {
        return read_if(read_member(x, s, *i + 1), i, 1);
    }
    if (left >= 2 && !s->has_member && argument_is(x, *i, "FROMLONLAT")) {
        s->has_center = true;
        return read_if(geo_read_point(x, *i + 1, &s->shape.center), i, 2);
    }
    if (left >= 2 && !s->has_box && argument_is(x, *i, "BYRADIUS")) {
        s->has_radius = true;
        return read_if(geo_read_radius(x, *i + 1, &s->shape, &s->unit), i, 2);
    }
    if (left >= 3 && !s->has_radius && argument_is(x, *i, "BYBOX")) {
        s->has_box = true;
        s->shape.is_box = true;
        return read_if(geo_read_box(x, *i + 1, &s->shape, &s->unit), i, 3);
    }
    return OPTION_OTHER;
}

/* Where the older ones store what they find. */
static enum option read_store(struct exec *x, struct search *s, size_t *i)
{
    bool is_distance = argument_is(x, *i, "STOREDIST");

    if (*i + 1 == x->arg_count || (!is_distance && !argument_is(x, *i, "STORE"))) {
        return OPTION_OTHER;
    }
    s->store = *i + 1;
    s->stores_distance = is_distance;
    return read_if(true, i, 1);
}

static bool read_options(struct exec *x, struct search *s)
{
    for (size_t i = s->form.options; i < x->arg_count; i++) {
        enum option option = read_manner(x, s, &i);

        if (option == OPTION_OTHER && s->form.is_search) {
            option = read_place(x, s, &i);
        }
        if (option == OPTION_OTHER && s->form.takes_store) {
            option = read_store(x, s, &i);
        }
        if (option == OPTION_OTHER) {
            reply_syntax_error(x);
        }
        if (option != OPTION_READ) {
            return false;
        }
    }
    return true;
}

static bool check_options(struct exec *x, const struct search *s)
{
    if (s->store != 0 && (s->with_distance || s->with_hash || s->with_point)) {
        resp_write_error(x->reply,
                         "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                         s->form.stores ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
        return false;
    }
    if (s->form.is_search && !s->has_center && !s->has_member && !s->has_polygon) {
        resp_write_error(x->reply,
                         "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %.*s",
                         BYTES_ARGS(x->args[0]));
        return false;
    }
    if (s->form.is_search && !s->has_radius && !s->has_box && !s->has_polygon) {
        resp_write_error(
            x->reply, "ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for %.*s",
            BYTES_ARGS(x->args[0]));
        return false;
    }
    if (s->takes_any && s->count == 0) {
        resp_write_error(x->reply, "ERR the ANY argument requires COUNT argument");
        return false;
    }
    return true;
}

/* Center and radius of the older ones stand before the options.  Where there is no key, the radius around
 * a member is not even read. */
static bool read_older(struct exec *x, struct search *s)
{
    if (s->form.is_by_member) {
        return read_member(x, s, 2) && (!s->is_there || geo_read_radius(x, 3, &s->shape, &s->unit));
    }
    return geo_read_point(x, 2, &s->shape.center) && geo_read_radius(x, 4, &s->shape, &s->unit);
}

/* ---- searching --------------------------------------------------------------------------------------- */

static bool is_enough(const struct search *s)
{
    return s->takes_any && s->found.count >= (uint64_t)s->count;
}

static void search_span(struct search *s, struct geo_span span)
{
    struct rank_bound low = rank_bound_score((double)span.low, false);
    struct rank_bound high = rank_bound_score((double)span.high, false);
    uint64_t rank = zset_count_before(&s->view, &low);
    uint64_t end = zset_count_before(&s->view, &high);
    struct zset_cursor cursor;
    struct zset_element element;

    zset_seek(&s->view, rank, &cursor);
    for (; rank < end && !is_enough(s) && zset_next(&cursor, &element); rank++) {
        struct found found = {.name_at = s->names.len,
                              .name_len = element.name.len,
                              .score = element.score,
                              .number = s->found.count};

        if (geo_shape_has(&s->shape, geo_point_of_score(element.score), &found.distance)) {
            buf_append_bytes(&s->names, element.name);
            VEC_PUSH(&s->found, found);
        }
    }
}

static int compare_nearest(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;

    if (x->distance != y->distance) {
        return x->distance < y->distance ? -1 : 1;
    }
    return (x->number > y->number) - (x->number < y->number);
}

static int compare_farthest(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;

    if (x->distance != y->distance) {
        return x->distance > y->distance ? -1 : 1;
    }
    return (x->number > y->number) - (x->number < y->number);
}

static void find_members(struct search *s)
{
    struct geo_span spans[GEOHASH_CELLS];
    size_t count = geo_shape_spans(&s->shape, spans);
    enum sort sort = s->sort;

    for (size_t i = 0; i < count && !is_enough(s); i++) {
        search_span(s, spans[i]);
    }
    if (s->count > 0 && !s->takes_any && sort == SORT_NONE) {
        sort = SORT_NEAREST;
    }
    if (sort != SORT_NONE && s->found.count > 1) {
        qsort(s->found.items, s->found.count, sizeof(s->found.items[0]),
              sort == SORT_NEAREST ? compare_nearest : compare_farthest);
    }
    if (s->count > 0 && (uint64_t)s->count < s->found.count) {
        s->found.count = (size_t)s->count;
    }
}

/* ---- results ----------------------------------------------------------------------------------------- */

static struct bytes name_of(const struct search *s, const struct found *found)
{
    return bytes_prefix(bytes_from(buf_bytes(&s->names), found->name_at), found->name_len);
}

static void reply_found(struct exec *x, const struct search *s)
{
    size_t extras = (size_t)s->with_distance + (size_t)s->with_hash + (size_t)s->with_point;

    resp_write_array(x->reply, s->found.count);
    for (size_t i = 0; i < s->found.count; i++) {
        const struct found *found = &s->found.items[i];

        if (extras > 0) {
            resp_write_array(x->reply, extras + 1);
        }
        resp_write_bulk(x->reply, name_of(s, found));
        if (s->with_distance) {
            geo_reply_distance(x, found->distance, s->unit);
        }
        if (s->with_hash) {
            resp_write_integer(x->reply, (int64_t)found->score);
        }
        if (s->with_point) {
            geo_reply_point(x, geo_point_of_score(found->score));
        }
    }
}

static void store_found(struct exec *x, const struct search *s)
{
    bool is_search = x->spec->id == COMMAND_GEOSEARCHSTORE;
    const char *event = is_search ? "geosearchstore" : "georadiusstore";
    struct key_ref to = lookup_ref(x, s->store);
    struct zset_result result;

    zset_result_init(&result, x);
    for (size_t i = 0; i < s->found.count; i++) {
        const struct found *found = &s->found.items[i];

        (void)zset_put(&result.draft, name_of(s, found),
                       s->stores_distance ? found->distance / s->unit : found->score);
    }
    resp_write_integer(x->reply, (int64_t)zset_result_store_explicit(&result, x, &to, event));
    zset_result_deinit(&result);
}

static void run(struct exec *x, struct search *s)
{
    if (s->is_there) {
        find_members(s);
    }
    if (s->store != 0) {
        store_found(x, s);
    } else {
        reply_found(x, s);
    }
}

static enum exec_result search(struct exec *x, struct form form)
{
    struct search s = {.form = form, .unit = 1, .store = form.stores ? 1 : 0};
    struct key_ref from = lookup_ref(x, form.source);
    struct entry *e;

    if (!lookup_read_type(x, &from, VALUE_ZSET, &e)) {
        return EXEC_DONE;
    }
    s.view = zset_view_of(e);
    s.is_there = e != NULL;
    if ((form.is_search || read_older(x, &s)) && read_options(x, &s) && check_options(x, &s)) {
        run(x, &s);
    }
    VEC_DEINIT(&s.vertices);
    VEC_DEINIT(&s.found);
    buf_deinit(&s.names);
    return EXEC_DONE;
}

enum exec_result cmd_geosearch(struct exec *x)
{
    return search(x, (struct form){.source = 1, .options = 2, .is_search = true});
}

enum exec_result cmd_geosearchstore(struct exec *x)
{
    return search(x, (struct form){.source = 2, .options = 3, .is_search = true, .stores = true});
}

enum exec_result cmd_georadius(struct exec *x)
{
    return search(x, (struct form){.source = 1, .options = 6, .takes_store = true});
}

enum exec_result cmd_georadius_ro(struct exec *x)
{
    return search(x, (struct form){.source = 1, .options = 6});
}

enum exec_result cmd_georadiusbymember(struct exec *x)
{
    return search(
        x, (struct form){.source = 1, .options = 5, .takes_store = true, .is_by_member = true});
}

enum exec_result cmd_georadiusbymember_ro(struct exec *x)
{
    return search(x, (struct form){.source = 1, .options = 5, .is_by_member = true});
}
