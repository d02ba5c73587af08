/* SPDX-License-Identifier: MIT */
/* Who is told of changes, and of which. */
#include "base/attr.h"
#include "base/buf.h"
#include "store/walk.h"
#include "tests/types/byte_list.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>

/* Events as text: "came k; went k; ". */
static void note(void *context, enum keyspace_event event, unsigned table, struct bytes key)
{
    static const char *const names[] = {
        [KEYSPACE_KEY_CAME] = "came",         [KEYSPACE_KEY_CHANGED] = "changed",
        [KEYSPACE_KEY_WENT] = "went",         [KEYSPACE_KEY_EXPIRED] = "expired",
        [KEYSPACE_TABLE_FLUSHED] = "flushed", [KEYSPACE_TABLE_SWAPPED] = "swapped",
    };

    buf_printf(context, "%s %u:%.*s; ", names[event], table, BYTES_ARGS(key));
}

struct watched {
    struct keyspace *ks;
    struct buf events;
};

static void expect(struct watched *w, const char *events)
{
    cr_assert_str_eq(buf_text(&w->events), events);
    buf_clear(&w->events);
}

static struct key_ref ref_of(const struct watched *w, const char *key)
{
    return keyspace_ref(w->ks, 0, bytes_from_text(key));
}

static void begin(struct watched *w, bool is_cluster)
{
    *w = (struct watched){.ks = space_new(is_cluster)};
    keyspace_observe(w->ks, OBSERVER_OF_WAITING, &(struct keyspace_observer){note, &w->events});
}

static void end(struct watched *w)
{
    expect(w, "");
    space_free(w->ks);
    buf_deinit(&w->events);
}

Test(observer, is_told_of_keys_that_come_change_and_go)
{
    struct watched w;
    struct key_ref k;

    begin(&w, false);
    k = ref_of(&w, "k");
    space_set(w.ks, 0, "k", "v");
    expect(&w, "came 0:k; ");
    space_set(w.ks, 0, "k", "w");
    expect(&w, "changed 0:k; ");
    space_set(w.ks, 0, "k", "a value that needs more memory than the one before");
    expect(&w, "changed 0:k; ");
    keyspace_set_integer(w.ks, &k, 1, EXPIRE_NEVER);
    keyspace_set_integer(w.ks, &k, 2, EXPIRE_NEVER);
    expect(&w, "changed 0:k; changed 0:k; ");
    keyspace_set_expiry(w.ks, &k, 5);
    expect(&w, "changed 0:k; ");
    byte_list_put(w.ks, &k, "abc");
    expect(&w, "changed 0:k; ");
    cr_assert(keyspace_remove(w.ks, &k));
    expect(&w, "went 0:k; ");
    cr_assert_not(keyspace_remove(w.ks, &k));
    byte_list_put(w.ks, &k, "abc");
    expect(&w, "came 0:k; ");
    cr_assert(keyspace_remove_expired(w.ks, &k));
    expect(&w, "expired 0:k; ");
    end(&w);
}

Test(observer, is_told_of_a_change_in_place_when_the_value_is_closed)
{
    struct watched w;
    struct value_edit edit;
    struct key_ref k;

    begin(&w, false);
    k = ref_of(&w, "k");
    space_set(w.ks, 0, "k", "v");
    buf_clear(&w.events);
    for (size_t len = 10; len < 10000; len *= 10) {
        keyspace_open_string(w.ks, &k, len, &edit);
        expect(&w, "");
        keyspace_close(w.ks, &edit);
        expect(&w, "changed 0:k; ");
    }
    byte_list_put(w.ks, &k, "abc");
    buf_clear(&w.events);
    keyspace_open(w.ks, &k, keyspace_find_any(w.ks, &k), BYTE_LIST, &edit);
    expect(&w, "");
    keyspace_close(w.ks, &edit);
    expect(&w, "");
    keyspace_open(w.ks, &k, keyspace_find_any(w.ks, &k), BYTE_LIST, &edit);
    byte_list_append(&edit.draft, 'd');
    expect(&w, "");
    keyspace_close(w.ks, &edit);
    expect(&w, "changed 0:k; ");
    end(&w);
}

Test(observer, sees_a_renamed_key_go_and_come)
{
    struct watched w;
    struct key_ref from;
    struct key_ref to;

    begin(&w, false);
    from = ref_of(&w, "from");
    to = keyspace_ref(w.ks, 3, BYTES_LITERAL("to"));
    space_set(w.ks, 0, "from", "v");
    buf_clear(&w.events);
    keyspace_move(w.ks, &from, &to);
    expect(&w, "went 0:from; came 3:to; ");
    space_set(w.ks, 0, "from", "v");
    buf_clear(&w.events);
    keyspace_move(w.ks, &from, &to);
    expect(&w, "went 0:from; changed 3:to; ");
    keyspace_copy(w.ks, keyspace_find_any(w.ks, &to), &from);
    expect(&w, "came 0:from; ");
    end(&w);
}

Test(observer, is_told_once_of_a_database_that_is_flushed_or_swapped)
{
    struct watched w;

    begin(&w, false);
    space_set_many(w.ks, 2, 0, 100, EXPIRE_NEVER);
    buf_clear(&w.events);
    keyspace_swap(w.ks, 2, 5);
    expect(&w, "swapped 2:; swapped 5:; ");
    keyspace_swap(w.ks, 2, 2);
    keyspace_flush(w.ks, 2);
    expect(&w, "");
    keyspace_flush(w.ks, 5);
    expect(&w, "flushed 5:; ");
    space_set_many(w.ks, 1, 0, 100, EXPIRE_NEVER);
    buf_clear(&w.events);
    keyspace_flush_all(w.ks);
    expect(&w, "flushed 1:; ");
    end(&w);
}

Test(observer, is_told_of_the_slot_in_cluster_mode)
{
    struct watched w;
    struct key_ref ref;

    begin(&w, true);
    ref = ref_of(&w, "foo");
    cr_assert_eq(ref.table, 12182);
    space_set(w.ks, 0, "foo", "v");
    expect(&w, "came 12182:foo; ");
    keyspace_flush_slot(w.ks, 12182);
    expect(&w, "flushed 12182:; ");
    end(&w);
}

static void take(void *context, unsigned db, const struct entry *e)
{
    buf_printf(context, "walked %u:%.*s; ", db, BYTES_ARGS(entry_key(e)));
}

Test(observer, and_walk_are_both_told_and_either_may_end_first)
{
    struct watched w;
    struct key_ref k;

    begin(&w, false);
    k = ref_of(&w, "k");
    space_set(w.ks, 0, "k", "v");
    buf_clear(&w.events);
    walk_start(w.ks, &(struct walk_options){.sink = take, .context = &w.events});
    space_set(w.ks, 0, "k", "w");
    expect(&w, "walked 0:k; changed 0:k; ");
    walk_cancel(w.ks);
    space_set(w.ks, 0, "k", "v");
    expect(&w, "changed 0:k; ");
    walk_start(w.ks, &(struct walk_options){.sink = take, .context = &w.events});
    keyspace_observe(w.ks, OBSERVER_OF_WAITING, NULL);
    keyspace_set_integer(w.ks, &k, 5, EXPIRE_NEVER);
    expect(&w, "walked 0:k; ");
    cr_assert(walk_step(w.ks, 10));
    space_set(w.ks, 0, "k", "v");
    end(&w);
}

Test(observer, the_short_way_for_integers_is_closed_while_somebody_listens)
{
    struct watched w;
    struct key_ref k;

    begin(&w, false);
    k = ref_of(&w, "k");
    space_set(w.ks, 0, "k", "5");
    buf_clear(&w.events);
    cr_assert_not(keyspace_update_integer(w.ks, keyspace_find_any(w.ks, &k), 6));
    keyspace_observe(w.ks, OBSERVER_OF_WAITING, NULL);
    cr_assert(keyspace_update_integer(w.ks, keyspace_find_any(w.ks, &k), 6));
    end(&w);
}
