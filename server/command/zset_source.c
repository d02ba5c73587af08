/* SPDX-License-Identifier: MIT */
#include "command/zset_source.h"

#include "command/lookup.h"
#include "store/value_set.h"

enum {
    SET_STEP = 64, /* members of a set between looks whether there are enough */
};

bool zset_read(struct exec *x, struct zset_view *out)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;

    if (!lookup_read_type(x, &ref, VALUE_ZSET, &e)) {
        return false;
    }
    *out = zset_view_of(e);
    return true;
}

bool zset_source_open(struct exec *x, size_t index, struct zset_source *out)
{
    struct key_ref ref = lookup_ref(x, index);
    struct entry *e = lookup_read(x, &ref);

    *out = (struct zset_source){.weight = 1};
    if (e != NULL && entry_type(e) == VALUE_SET) {
        out->is_set = true;
        out->set = entry_value(e);
        out->count = set_count(&out->set);
        return true;
    }
    if (e != NULL && entry_type(e) != VALUE_ZSET) {
        reply_wrong_type(x);
        return false;
    }
    out->view = zset_view_of(e);
    out->count = zset_count(&out->view);
    return true;
}

bool zset_source_find(const struct zset_source *source, struct bytes name, double *score)
{
    if (source->is_set) {
        *score = 1;
        return set_has(&source->set, name);
    }
    return zset_find(&source->view, name, score);
}

struct set_visit {
    zset_source_visit_fn *visit;
    void *context;
    bool is_enough;
};

static void visit_set_member(void *context, struct bytes member)
{
    struct set_visit *to = context;

    if (!to->is_enough) {
        to->is_enough = !to->visit(to->context, &(struct zset_element){member, 1});
    }
}

void zset_source_visit(const struct zset_source *source, zset_source_visit_fn *visit, void *context)
{
    struct set_visit to = {visit, context, source->count == 0};
    struct zset_cursor cursor;
    struct zset_element element;
    uint64_t position = 0;

    if (!source->is_set) {
        zset_seek(&source->view, 0, &cursor);
        while (zset_next(&cursor, &element) && visit(context, &element)) {
        }
        return;
    }
    while (!to.is_enough) {
        position = set_scan(&source->set, position, SET_STEP, visit_set_member, &to);
        to.is_enough = to.is_enough || position == 0;
    }
}
