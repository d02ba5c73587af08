/* SPDX-License-Identifier: MIT */
/* An owner and its members, joined by two connections each, on clocks that differ by 1 percent: messages are late, nodes
 * stand still, connections break, the owner's own lease ends.  Whatever happens, a read shows nothing that is older than
 * what anybody was told before it began. */
#include "copies/borrower.h"
#include "copies/lender.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MEMBERS = 4,
    KEYS = 3,
    LANE_MAX = 4096,
    STEPS = 20000,
    OWN_LEASE_MS = 400,
};

enum letter_kind {
    LETTER_ASK,
    LETTER_GRANT,
    LETTER_INVALIDATE,
    LETTER_ALL,
    LETTER_ACK,
    LETTER_FETCH,
    LETTER_VALUE,
    LETTER_REFUSED
};

struct letter {
    enum letter_kind kind;
    int key;
    uint64_t version;
    int64_t ms;
    int64_t at_us; /* it arrives */
};

/* One direction of a connection: in order. */
struct lane {
    struct letter items[LANE_MAX];
    size_t first, end;
    int64_t last_us;
};

/* A value that waits at the owner until it may be shown. */
struct held {
    int member;
    int key;
    uint64_t version;
};

struct side {
    struct borrower borrower;
    int64_t rate_ppm;
    int64_t stands_until_us;
    struct lane control_in, control_out, data_in, data_out; /* seen from the member */
    uint64_t versions[KEYS];                                /* of the value that it has */
    bool is_up;
    int64_t learns_at_us; /* that its connection is gone; 0: it is not */
    struct cluster_id id;
};

struct world {
    struct rng rng;
    int64_t now_us;
    struct lender lender;
    uint64_t link_number;
    uint64_t links[MEMBERS];
    uint64_t old_links
        [MEMBERS]; /* that the members have closed, and the owner has not heard of it; 0: none */
    struct side sides[MEMBERS];
    uint64_t offset;
    uint64_t versions[KEYS]; /* at the owner */
    uint64_t told[KEYS];     /* the greatest that anybody was shown */
    VEC(struct held) held;   /* FETCHes that wait */
    VEC(struct held) writes; /* replies that wait */
    int64_t owner_stands_until_us;
    int64_t own_until_us; /* of the owner's own lease, */
    int64_t no_renewal_until_us;
    uint64_t reads, from_copies;
};

static const char *const names[KEYS] = {"a", "b", "c"};

static struct mono_time clock_of(const struct world *w, int64_t rate_ppm)
{
    return (struct mono_time){.us = 1000000 + w->now_us + w->now_us / 1000000 * rate_ppm +
                                    w->now_us % 1000000 * rate_ppm / 1000000};
}

static struct mono_time owner_clock(const struct world *w)
{
    return clock_of(w, 0);
}

static struct mono_time member_clock(const struct world *w, int m)
{
    return clock_of(w, w->sides[m].rate_ppm);
}

static void post(struct world *w, struct lane *lane, struct letter letter)
{
    int64_t late_us = (int64_t)rng_below(&w->rng, rng_one_in(&w->rng, 20) ? 60000 : 2000);

    letter.at_us = w->now_us + late_us > lane->last_us ? w->now_us + late_us : lane->last_us;
    lane->last_us = letter.at_us;
    cr_assert_lt(lane->end - lane->first, LANE_MAX);
    lane->items[lane->end++ % LANE_MAX] = letter;
}

static bool next(const struct world *w, struct lane *lane, struct letter *out)
{
    if (lane->first == lane->end || lane->items[lane->first % LANE_MAX].at_us > w->now_us) {
        return false;
    }
    *out = lane->items[lane->first++ % LANE_MAX];
    return true;
}

/* ---- the owner ---------------------------------------------------------------------------------- */

static int member_of_link(const struct world *w, uint64_t link)
{
    for (int m = 0; m < MEMBERS; m++) {
        if (w->links[m] == link) {
            return m;
        }
    }
    return -1;
}

static void send_outbox(struct world *w)
{
    for (size_t i = 0; i < w->lender.outbox.count; i++) {
        const struct lender_message *message = &w->lender.outbox.items[i];
        int m = member_of_link(w, message->link);
        struct letter letter = {.kind = message->is_all ? LETTER_ALL : LETTER_INVALIDATE,
                                .version = message->version};

        if (m >= 0) {
            if (!message->is_all) {
                letter.key = w->lender.outbox_keys.data[message->key_at] - 'a';
            }
            post(w, &w->sides[m].control_in, letter);
        }
    }
    lender_clear_outbox(&w->lender);
}

static bool owner_serves(const struct world *w)
{
    return w->now_us < w->own_until_us;
}

/* What may be shown is: replies to writes, and values to members. */
static void release(struct world *w)
{
    uint64_t limit = lender_limit(&w->lender, owner_clock(w));

    for (size_t i = 0; i < w->writes.count;) {
        const struct held *write = &w->writes.items[i];

        if (write->version > limit) {
            i++;
            continue;
        }
        if (owner_serves(w) && w->told[write->key] < write->version) {
            w->told[write->key] = write->version;
        }
        VEC_REMOVE_AT(&w->writes, i);
    }
    for (size_t i = 0; i < w->held.count; i++) {
        struct held fetch = w->held.items[i];

        if (fetch.version > limit) {
            break; /* one after the other, as on a connection */
        }
        post(w, &w->sides[fetch.member].data_in,
             (struct letter){.kind = LETTER_VALUE, .key = fetch.key, .version = fetch.version});
        memmove(w->held.items, w->held.items + 1, (w->held.count - 1) * sizeof(w->held.items[0]));
        w->held.count--;
        i--;
    }
}

/* The log grows: changes are of other versions than calls to give all back. */
static uint64_t grow(struct world *w)
{
    w->offset = lender_version_at(lender_offset_of(w->offset) + 1);
    return w->offset;
}

/* One key, or several in one version, as a transaction does. */
static void owner_write(struct world *w)
{
    int first = (int)rng_below(&w->rng, KEYS);
    int count = rng_one_in(&w->rng, 2) ? 1 : 1 + (int)rng_below(&w->rng, KEYS);

    if (!owner_serves(w)) {
        return;
    }
    (void)grow(w);
    for (int i = 0; i < count; i++) {
        int key = (first + i) % KEYS;

        w->versions[key] = w->offset;
        (void)lender_note_change(&w->lender, owner_clock(w), bytes_from_text(names[key]),
                                 w->offset);
        VEC_PUSH(&w->writes, ((struct held){.key = key, .version = w->offset}));
    }
}

/* A client of the owner's own reads: it is told when what it reads may be shown. */
static void owner_read(struct world *w)
{
    int key = (int)rng_below(&w->rng, KEYS);
    uint64_t change =
        lender_change_of(&w->lender, lender_hash(&w->lender, bytes_from_text(names[key])));

    if (!owner_serves(w)) {
        return;
    }
    cr_assert_geq(w->versions[key], w->told[key]);
    if (change <= lender_limit(&w->lender, owner_clock(w)) && w->told[key] < w->versions[key]) {
        w->told[key] = w->versions[key];
    }
}

static void owner_take(struct world *w, int m, const struct letter *letter)
{
    int peer = letter->kind == LETTER_FETCH ? lender_find(&w->lender, &w->sides[m].id)
                                            : lender_find_link(&w->lender, w->links[m]);
    int64_t ms;

    if (peer == LENDER_NOBODY) {
        return;
    }
    switch (letter->kind) {
    case LETTER_ASK:
        ms = lender_grant(&w->lender, peer, owner_clock(w), BORROWER_LEASE_MS,
                          (w->own_until_us - w->now_us) / 1000);
        post(w, &w->sides[m].control_in, (struct letter){.kind = LETTER_GRANT, .ms = ms});
        break;
    case LETTER_ACK:
        lender_take_ack(&w->lender, peer, letter->version);
        break;
    case LETTER_FETCH:
        if (!owner_serves(w) ||
            !lender_lend(&w->lender, peer, owner_clock(w), bytes_from_text(names[letter->key]))) {
            post(w, &w->sides[m].data_in,
                 (struct letter){.kind = LETTER_REFUSED, .key = letter->key});
        } else {
            VEC_PUSH(&w->held,
                     ((struct held){.member = m, .key = letter->key, .version = w->offset}));
        }
        break;
    case LETTER_GRANT:
    case LETTER_INVALIDATE:
    case LETTER_ALL:
    case LETTER_VALUE:
    case LETTER_REFUSED:
        cr_assert_fail("no letter for an owner");
    }
}

static void owner_step(struct world *w)
{
    struct letter letter;

    if (w->owner_stands_until_us > w->now_us) {
        return;
    }
    for (int m = 0; m < MEMBERS; m++) {
        while (next(w, &w->sides[m].control_out, &letter) ||
               next(w, &w->sides[m].data_out, &letter)) {
            owner_take(w, m, &letter);
        }
    }
    if (rng_one_in(&w->rng, 12)) {
        owner_write(w);
    }
    owner_read(w);
    if (rng_one_in(&w->rng, 500)) {
        (void)lender_note_all_changed(&w->lender, owner_clock(w), grow(w));
    }
    if (rng_one_in(&w->rng, 300)) {
        lender_recall(&w->lender, owner_clock(w), w->offset);
    } else if (rng_one_in(&w->rng, 20)) {
        lender_end_recall(&w->lender);
    }
    lender_tick(&w->lender, owner_clock(w));
    lender_check(&w->lender);
    send_outbox(w);
    release(w);
}

static void clear_lanes(struct side *side)
{
    struct lane *lanes[] = {&side->control_in, &side->control_out, &side->data_in, &side->data_out};

    for (size_t i = 0; i < 4; i++) {
        lanes[i]->first = lanes[i]->end;
    }
}

/* Our lease is over: somebody else writes, and we find that in our data when we serve again.  Members learn of it later. */
static void take_over(struct world *w)
{
    int key = (int)rng_below(&w->rng, KEYS);

    cr_assert(!owner_serves(w));
    for (int m = 0; m < MEMBERS; m++) {
        lender_leave(&w->lender, w->links[m], owner_clock(w));
        w->links[m] = 0;
        if (w->sides[m].is_up && w->sides[m].learns_at_us == 0) {
            w->sides[m].learns_at_us = w->now_us + 1 + (int64_t)rng_below(&w->rng, 1000000);
        }
        clear_lanes(&w->sides[m]);
    }
    w->held.count = 0;
    w->writes.count = 0;
    w->versions[key] = grow(w);
    w->told[key] = w->offset;
}

/* ---- a member ----------------------------------------------------------------------------------- */

static void take_value(struct world *w, int m, const struct letter *letter)
{
    struct side *side = &w->sides[m];
    const struct borrowed_value value = {
        .version = letter->version, .expires = MONO_NEVER, .bytes = 1};

    if (borrower_take_value(&side->borrower, member_clock(w, m),
                            bytes_from_text(names[letter->key]), &value)) {
        side->versions[letter->key] = letter->version;
    }
}

static void member_take(struct world *w, int m, const struct letter *letter)
{
    struct side *side = &w->sides[m];
    struct bytes name = bytes_from_text(names[letter->key]);

    switch (letter->kind) {
    case LETTER_GRANT:
        borrower_take_lease(&side->borrower, letter->ms);
        break;
    case LETTER_INVALIDATE:
        borrower_invalidate(&side->borrower, name, letter->version);
        post(w, &side->control_out,
             (struct letter){.kind = LETTER_ACK, .version = letter->version});
        break;
    case LETTER_ALL:
        borrower_invalidate_all(&side->borrower, letter->version);
        post(w, &side->control_out,
             (struct letter){.kind = LETTER_ACK, .version = letter->version});
        break;
    case LETTER_VALUE:
        take_value(w, m, letter);
        break;
    case LETTER_REFUSED:
        borrower_take_refusal(&side->borrower, member_clock(w, m), name);
        break;
    case LETTER_ASK:
    case LETTER_ACK:
    case LETTER_FETCH:
        cr_assert_fail("no letter for a member");
    }
}

/* What was read has to be as new as what anybody was told before.  A value has the version of the whole log: the key's own is
 * the last one up to there. */
static void member_read(struct world *w, int m)
{
    struct side *side = &w->sides[m];
    int key = (int)rng_below(&w->rng, KEYS);
    struct bytes name = bytes_from_text(names[key]);

    w->reads++;
    switch (borrower_look(&side->borrower, member_clock(w, m), name)) {
    case BORROWED_VALID:
        w->from_copies++;
        cr_assert_geq(side->versions[key], w->told[key],
                      "member %d serves version %llu of %s, and %llu was told", m,
                      (unsigned long long)side->versions[key], names[key],
                      (unsigned long long)w->told[key]);
        break;
    case BORROWED_NOT:
        if (borrower_has_lease(&side->borrower, member_clock(w, m))) {
            borrower_note_wanted(&side->borrower, name);
            post(w, &side->data_out, (struct letter){.kind = LETTER_FETCH, .key = key});
        }
        break;
    case BORROWED_ASKED:
    case BORROWED_REFUSED:
        break;
    }
}

static void drop_held(struct world *w, int m)
{
    for (size_t i = w->held.count; i-- > 0;) {
        if (w->held.items[i].member == m) {
            memmove(w->held.items + i, w->held.items + i + 1,
                    (w->held.count - 1 - i) * sizeof(w->held.items[0]));
            w->held.count--;
        }
    }
}

/* Each end learns of it, and what was on its way is gone, but for what the owner still holds. */
static void break_link(struct world *w, int m)
{
    struct side *side = &w->sides[m];

    if (!side->is_up) {
        return;
    }
    side->is_up = false;
    side->learns_at_us = 0;
    clear_lanes(side);
    borrower_link_down(&side->borrower);
    lender_leave(&w->lender, w->links[m], owner_clock(w));
    w->links[m] = 0;
    drop_held(w, m);
}

/* The owner learns of it at once, the member later. */
static void lose_link(struct world *w, int m)
{
    struct side *side = &w->sides[m];

    if (!side->is_up || side->learns_at_us != 0) {
        return;
    }
    side->learns_at_us = w->now_us + 1 + (int64_t)rng_below(&w->rng, 1000000);
    clear_lanes(side);
    lender_leave(&w->lender, w->links[m], owner_clock(w));
    w->links[m] = 0;
    drop_held(w, m);
}

/* The member closes it; the owner learns of it later, perhaps after the member has joined again. */
static void close_link(struct world *w, int m)
{
    struct side *side = &w->sides[m];

    if (!side->is_up || side->learns_at_us != 0 || w->old_links[m] != 0) {
        return;
    }
    side->is_up = false;
    clear_lanes(side);
    borrower_link_down(&side->borrower);
    w->old_links[m] = w->links[m];
    w->links[m] = 0;
    drop_held(w, m);
}

static void hear_of_closed(struct world *w)
{
    for (int m = 0; m < MEMBERS; m++) {
        if (w->old_links[m] != 0 && rng_one_in(&w->rng, 50)) {
            lender_leave(&w->lender, w->old_links[m], owner_clock(w));
            w->old_links[m] = 0;
        }
    }
}

static void join(struct world *w, int m)
{
    if (!w->sides[m].is_up &&
        lender_join(&w->lender, &w->sides[m].id, w->link_number + 1) != LENDER_NOBODY) {
        w->links[m] = ++w->link_number;
        w->sides[m].is_up = true;
        borrower_link_up(&w->sides[m].borrower);
    }
}

static void member_step(struct world *w, int m)
{
    struct side *side = &w->sides[m];
    struct letter letter;

    if (side->stands_until_us > w->now_us) {
        return;
    }
    if (side->learns_at_us != 0 && side->learns_at_us <= w->now_us) {
        break_link(w, m);
    }
    if (!side->is_up) {
        if (rng_one_in(&w->rng, 10)) {
            join(w, m);
        }
        return;
    }
    while (next(w, &side->control_in, &letter) || next(w, &side->data_in, &letter)) {
        member_take(w, m, &letter);
    }
    if (borrower_is_to_ask(&side->borrower, member_clock(w, m))) {
        borrower_note_asked(&side->borrower, member_clock(w, m));
        post(w, &side->control_out, (struct letter){.kind = LETTER_ASK});
    }
    for (int i = 0; i < 4; i++) {
        member_read(w, m);
    }
    if (rng_one_in(&w->rng, 200)) {
        borrower_drop(&side->borrower, bytes_from_text(names[rng_below(&w->rng, KEYS)]));
    }
    borrower_tick(&side->borrower, member_clock(w, m));
    borrower_check(&side->borrower);
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static void fail_something(struct world *w)
{
    int m = (int)rng_below(&w->rng, MEMBERS);

    switch (rng_below(&w->rng, 6)) {
    case 0:
        w->sides[m].stands_until_us = w->now_us + (int64_t)rng_below(&w->rng, 600000);
        break;
    case 1:
        break_link(w, m);
        break;
    case 2:
        lose_link(w, m);
        break;
    case 3:
        w->owner_stands_until_us = w->now_us + (int64_t)rng_below(&w->rng, 300000);
        break;
    case 4:
        close_link(w, m);
        break;
    default:
        w->no_renewal_until_us = w->now_us + (int64_t)rng_below(&w->rng, 2000000);
        break;
    }
}

static void run(uint64_t seed, uint64_t *reads, uint64_t *from_copies)
{
    struct world *w = calloc(1, sizeof(*w));

    rng_init(&w->rng, seed);
    lender_init(&w->lender, seed);
    for (int m = 0; m < MEMBERS; m++) {
        borrower_init(&w->sides[m].borrower, seed + (uint64_t)m);
        w->sides[m].rate_ppm = rng_one_in(&w->rng, 2) ? -10000 : 10000;
        snprintf(w->sides[m].id.text, sizeof(w->sides[m].id.text), "%040d", m);
    }
    for (int step = 0; step < STEPS; step++) {
        w->now_us += 1 + (int64_t)rng_below(&w->rng, 2000);
        if (w->no_renewal_until_us < w->now_us && rng_one_in(&w->rng, 10)) {
            w->own_until_us = w->now_us + OWN_LEASE_MS * 1000;
        }
        owner_step(w);
        hear_of_closed(w);
        for (int m = 0; m < MEMBERS; m++) {
            member_step(w, m);
        }
        if (rng_one_in(&w->rng, 200)) {
            fail_something(w);
        }
        if (!owner_serves(w) && rng_one_in(&w->rng, 50)) {
            take_over(w);
        }
    }
    *reads += w->reads;
    *from_copies += w->from_copies;
    for (int m = 0; m < MEMBERS; m++) {
        borrower_deinit(&w->sides[m].borrower);
    }
    lender_deinit(&w->lender);
    VEC_DEINIT(&w->held);
    VEC_DEINIT(&w->writes);
    free(w);
}

Test(copies, no_read_shows_less_than_what_anybody_was_told_before, .timeout = 300)
{
    const char *given = getenv("STARLING_SEED");
    uint64_t reads = 0;
    uint64_t from_copies = 0;

    if (given != NULL) {
        run(strtoull(given, NULL, 10), &reads, &from_copies);
        return;
    }
    for (uint64_t seed = 1; seed <= 60; seed++) {
        run(seed, &reads, &from_copies);
    }
    cr_assert_gt(from_copies, reads / 10, "%llu of %llu", (unsigned long long)from_copies,
                 (unsigned long long)reads);
}
