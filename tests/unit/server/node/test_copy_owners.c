/* SPDX-License-Identifier: MIT */
/* node/copy_owners: copies of one key that two nodes have lent, one after the other. */
#include "node/copy_owners.h"

#include "lone_node.h"
#include "node/copy_lapses.h"
#include "node/inside.h"
#include "session/tracking.h"
#include "store/value.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define KEY BYTES_LITERAL("k")

enum {
    LEASE_MS = 30,
};

/* A primary to which both lanes are open. */
static struct copy_owner *add_owner(struct lone_node *w, char name, uint64_t control_link)
{
    struct cluster_id id = {{0}};
    struct copy_owner *owner;

    memset(id.text, name, CLUSTER_ID_LEN);
    owner = copy_owners_get(w->node, &id);
    owner->control = (struct peer_lane){.phase = PEER_LANE_OPEN, .link = control_link};
    owner->data = (struct peer_lane){.phase = PEER_LANE_OPEN, .link = control_link + 1};
    borrower_link_up(&owner->borrower);
    return owner;
}

static void ask_for_key(struct lone_node *w, struct copy_owner *owner)
{
    const struct peer_answer answer = {.kind = PEER_ANSWER_VALUE, .kept_len = KEY.len};

    borrower_note_wanted(&owner->borrower, KEY);
    copy_owners_ask(w->node, &owner->data, "FETCH", KEY, &answer);
}

/* Values are dumped before there are owners: none of them is kept by a pass in which no slot is hot. */
enum text {
    TEXT_OLD,
    TEXT_NEW,
    TEXT_LATE,
    TEXT_COUNT
};

static const char *const texts[TEXT_COUNT] = {"old", "new", "late"};

struct loan {
    struct lone_node *w;
    struct buf dumps[TEXT_COUNT];
    struct copy_owner *before; /* a take-over, */
    struct copy_owner *after;  /* and since then */
};

static void dump(struct keyspace *keyspace, struct buf *out)
{
    struct key_ref ref = keyspace_ref(keyspace, 0, KEY);
    const struct entry *e = keyspace_find_any(keyspace, &ref);

    cr_assert_not_null(e);
    value_dump(keyspace_types(keyspace), e, out);
}

/* What the owner was asked is answered: the string, of that version. */
static void answer(struct loan *l, struct copy_owner *owner, enum text text, int version)
{
    struct buf reply = {0};

    buf_printf(&reply, "*3\r\n:%d\r\n:-1\r\n$%zu\r\n", version, l->dumps[text].len);
    buf_append_bytes(&reply, buf_bytes(&l->dumps[text]));
    buf_append_text(&reply, "\r\n");
    cr_assert(copy_owners_link_input(l->w->node, owner->data.link, buf_bytes(&reply)));
    buf_deinit(&reply);
}

static void invalidate(struct lone_node *w, const struct copy_owner *owner, int version)
{
    struct buf push = {0};

    buf_printf(&push, ">3\r\n$10\r\ninvalidate\r\n:%d\r\n$1\r\nk\r\n", version);
    cr_assert(copy_owners_link_input(w->node, owner->control.link, buf_bytes(&push)));
    buf_deinit(&push);
}

static bool is_valid(const struct copy_owner *owner)
{
    const struct borrowed *found = borrower_find(&owner->borrower, KEY);

    return found != NULL && found->state == BORROWED_VALID;
}

/* The copy is the string. */
static void expect_copy(const struct loan *l, enum text text)
{
    struct buf copy = {0};

    dump(l->w->node->copy_values.keyspace, &copy);
    cr_assert(bytes_equal(buf_bytes(&copy), buf_bytes(&l->dumps[text])), "it is not '%s'",
              texts[text]);
    copy_owners_check(l->w->node);
    buf_deinit(&copy);
}

/* Both have lent the key, the one that owns it now last. */
static void begin_after(struct loan *l, const char *lines)
{
    *l = (struct loan){.w = lone_node_new()};
    (void)lone_node_ask(l->w, lines);
    for (int i = 0; i < TEXT_COUNT; i++) {
        char request[64];

        snprintf(request, sizeof(request), "SET k %s\n", texts[i]);
        cr_assert_str_eq(lone_node_ask(l->w, request), "+OK|");
        dump(l->w->node->data.keyspace, &l->dumps[i]);
    }
    l->before = add_owner(l->w, 'a', 101);
    l->after = add_owner(l->w, 'b', 201);
    ask_for_key(l->w, l->before);
    answer(l, l->before, TEXT_OLD, 5);
    expect_copy(l, TEXT_OLD);
    ask_for_key(l->w, l->after);
    answer(l, l->after, TEXT_NEW, 3);
}

static void begin(struct loan *l)
{
    begin_after(l, "PING\n");
}

static void end(struct loan *l)
{
    for (int i = 0; i < TEXT_COUNT; i++) {
        buf_deinit(&l->dumps[i]);
    }
    lone_node_free(l->w);
}

Test(copy_owners, a_key_is_borrowed_of_the_last_who_lent_it)
{
    struct loan l;

    begin(&l);
    cr_assert(is_valid(l.after));
    cr_assert_not(is_valid(l.before));
    expect_copy(&l, TEXT_NEW);
    end(&l);
}

Test(copy_owners, what_the_owner_before_has_to_say_leaves_the_copy_of_the_one_after)
{
    struct loan l;

    begin(&l);
    invalidate(l.w, l.before, 9);
    cr_assert(is_valid(l.after));
    expect_copy(&l, TEXT_NEW);
    cr_assert(copy_owners_link_down(l.w->node, l.before->control.link));
    cr_assert(is_valid(l.after));
    expect_copy(&l, TEXT_NEW);
    invalidate(l.w, l.after, 10);
    cr_assert_not(is_valid(l.after));
    cr_assert_eq(copy_values_count(l.w->node), 0);
    end(&l);
}

Test(copy_owners, a_late_answer_of_the_owner_before_is_not_served_as_the_one_afters)
{
    struct loan l;

    begin(&l);
    ask_for_key(l.w, l.before);
    answer(&l, l.before, TEXT_LATE, 7);
    cr_assert_not(is_valid(l.after), "it is asked again");
    ask_for_key(l.w, l.after);
    answer(&l, l.after, TEXT_NEW, 3);
    cr_assert(is_valid(l.after));
    expect_copy(&l, TEXT_NEW);
    end(&l);
}

/* ---- room --------------------------------------------------------------------------------------- */

static enum borrowed_state state_of(const struct copy_owner *owner, struct bytes key)
{
    const struct borrowed *found = borrower_find(&owner->borrower, key);

    return found != NULL ? found->state : BORROWED_NOT;
}

Test(copy_owners, a_value_larger_than_all_copies_may_be_is_refused_and_others_stay)
{
    struct loan l;

    begin(&l);
    invalidate(l.w, l.after, 4);
    l.w->node->config.hot_copies_max_memory = 10;
    ask_for_key(l.w, l.after);
    answer(&l, l.after, TEXT_LATE, 7);
    cr_expect_eq(state_of(l.after, KEY), BORROWED_REFUSED, "else it is fetched again for ever");
    cr_expect_eq(copy_values_count(l.w->node), 0);
    copy_owners_check(l.w->node);
    end(&l);
}

Test(copy_owners, who_waits_for_a_slot_asks_again_when_what_was_said_of_it_has_lapsed)
{
    struct lone_node *w = lone_node_new();
    struct hot_slots *known = &w->node->hot_copies.known;
    const struct hot_slot hot = {.slot = 7, .epoch = 1, .member_count = 1};
    const struct cluster_id none = {{0}};

    hot_slots_take(known, w->node->now.mono, &hot, &none, &none);
    copy_owners_tick(w->node);
    waiting_hold(w->node, w->client, HOLD_COPY, MONO_NEVER);
    copy_owners_tick(w->node);
    cr_expect(w->client->flags & SESSION_HELD, "nothing has changed");
    hot_slots_tick(known, mono_add_ms(w->node->now.mono, HOT_LAPSE_MS));
    copy_owners_tick(w->node);
    cr_expect_not(w->client->flags & SESSION_HELD);
    lone_node_free(w);
}

/* ---- what owners are told ----------------------------------------------------------------------- */

Test(copy_owners, reads_are_counted_by_slot_and_those_of_too_many_slots_are_not)
{
    static struct copy_uses uses;

    for (uint16_t slot = 0; slot < COPY_USES_MAX + 3; slot++) {
        copy_uses_note(&uses, slot);
        copy_uses_note(&uses, 0);
    }
    cr_expect_eq(uses.count, COPY_USES_MAX);
    cr_expect_eq(uses.items[0].reads, COPY_USES_MAX + 4);
    cr_expect_eq(uses.items[COPY_USES_MAX - 1].slot, COPY_USES_MAX - 1);
    cr_expect_eq(uses.items[COPY_USES_MAX - 1].reads, 1);
}

/* Announced by this node, and to it as the one member; members: 0, it is over. */
static void announce(struct node *node, uint16_t slot, uint64_t epoch, size_t members)
{
    const struct cluster_id *me = cluster_my_id(node->cluster);
    struct hot_slot hot = {.slot = slot, .owner = *me, .epoch = epoch, .member_count = members};

    hot.members[0].node = *me;
    hot_slots_take(&node->hot_copies.known, node->now.mono, &hot, me, me);
}

Test(copy_owners, of_too_many_slots_the_owner_is_told_of_those_that_are_hot)
{
    enum {
        OVER = 60,
        HOT = 16,
    };
    struct errmsg error = {0};
    struct lone_node *w = lone_node_new_clustered(false, &error);
    static struct copy_uses uses;
    unsigned hot = 0;

    cr_assert_not_null(w, "%s", error.text);
    (void)lone_node_ask(w, "CLUSTER ADDSLOTSRANGE 0 16383\n");
    for (uint16_t slot = 0; slot < OVER + HOT; slot++) {
        announce(w->node, slot, 1, 1);
    }
    for (uint16_t slot = 0; slot < OVER; slot++) {
        announce(w->node, slot, 2, 0);
    }
    copy_uses_gather(w->node, cluster_my_id(w->node->cluster), &uses);
    cr_expect_eq(uses.count, COPY_USES_MAX, "%zu", uses.count);
    for (size_t i = 0; i < uses.count; i++) {
        hot += uses.items[i].slot >= OVER;
    }
    cr_expect_eq(hot, HOT, "%u", hot);
    lone_node_free(w);
}

/* ---- clients that keep what they have read ------------------------------------------------------- */

/* Owners are let go in the first whole pass, as no slot is hot. */
static void begin_and_keep(struct loan *l)
{
    struct lone_node *w;

    begin_after(l, "HELLO 3\nCLIENT TRACKING ON\n");
    w = l->w;
    tracking_note_read(&w->node->invalidation.tracking, w->client, KEY);
    l->after->borrower.until = mono_add_ms(w->node->now.mono, LEASE_MS);
}

Test(copy_owners, who_keeps_what_it_has_read_is_told_at_the_end_of_the_lease_before_it_is_answered)
{
    struct loan l;

    begin_and_keep(&l);
    l.w->now_ns += (int64_t)LEASE_MS * 1000000;
    cr_expect_str_eq(lone_node_ask(l.w, "PING\n"), ">2|$10|invalidate|*1|$1|k|+PONG|");
    end(&l);
}

Test(copy_owners, a_lease_that_is_over_is_told_of_once_and_the_next_one_again)
{
    struct loan l;
    struct node *node;

    begin_and_keep(&l);
    node = l.w->node;
    for (int i = 0; i < 2; i++) {
        copy_lapses_tell(node);
        cr_expect_not(copy_lapses_are_due(node));
        cr_expect_eq(copy_lapses_wake_at(node).us, l.after->borrower.until.us);
        l.w->now_ns += (int64_t)LEASE_MS * 1000000;
        cr_expect(copy_lapses_are_due(node), "this pass has begun before");
        node->now.mono = mono_add_ms(node->now.mono, LEASE_MS);
        copy_lapses_tell(node);
        cr_expect_not(copy_lapses_are_due(node));
        cr_expect(is_valid(l.after), "for the next lease");
        cr_expect_eq(copy_lapses_wake_at(node).us, MONO_NEVER.us);
        l.after->borrower.until = mono_add_ms(node->now.mono, LEASE_MS);
    }
    end(&l);
}

Test(copy_owners, the_end_of_a_lease_is_of_no_interest_to_who_keeps_nothing)
{
    struct loan l;

    begin(&l);
    l.after->borrower.until = mono_add_ms(l.w->node->now.mono, LEASE_MS);
    cr_expect_eq(copy_lapses_wake_at(l.w->node).us, MONO_NEVER.us);
    l.w->now_ns += (int64_t)LEASE_MS * 1000000;
    cr_expect_not(copy_lapses_are_due(l.w->node));
    end(&l);
}

/* ---- owners that do not answer ------------------------------------------------------------------- */

enum {
    LOST_MS = COPY_OWNERS_LOST_TIMEOUTS * 1000, /* of the node timeout that a node begins with */
    STEP_MS = 100,
};

/* A node that is a member of a slot of an owner, and has passed a request on to it. */
struct member {
    struct lone_node *w;
    struct node *node;
    struct copy_owner *owner;
};

static void pass_on(struct member *m)
{
    const struct peer_answer answer = {
        .kind = PEER_ANSWER_CALL, .session = m->w->client->id, .asked_at = m->node->now.mono};

    peer_lane_pass_on(m->node, &m->owner->data, BYTES_LITERAL("PING\r\n"), &answer);
}

static void begin_member(struct member *m)
{
    struct errmsg error = {0};
    struct cluster_id me;

    *m = (struct member){.w = lone_node_new_clustered(false, &error)};
    cr_assert_not_null(m->w, "%s", error.text);
    m->node = m->w->node;
    (void)lone_node_ask(m->w, "CLUSTER ADDSLOTSRANGE 0 16383\n");
    waiting_release(m->node,
                    m->w->client); /* that nobody agrees to the slots is not looked at here */
    announce(m->node, 7, 1, 1);
    m->owner = add_owner(m->w, 'a', 101);
    me = *cluster_my_id(m->node->cluster);
    m->owner->address.node = me; /* as if it were another node's */
    pass_on(m);
    copy_owners_tick(m->node);
    cr_assert_eq(peer_lane_awaited(&m->owner->control), 1, "it is asked for a lease");
}

static void pass_time(struct member *m, int64_t ms)
{
    m->node->now.mono = mono_add_ms(m->node->now.mono, ms);
    announce(m->node, 7, 1, 1);
    copy_owners_tick(m->node);
}

static void answer_on(struct member *m, const struct peer_lane *lane, const char *text)
{
    cr_assert(copy_owners_link_input(m->node, lane->link, bytes_from_text(text)));
}

Test(copy_owners, an_owner_that_lives_may_hold_what_was_passed_on_for_long)
{
    struct member m;

    begin_member(&m);
    for (int i = 0; i < 10 * LOST_MS / STEP_MS; i++) {
        if (peer_lane_awaited(&m.owner->control) > 0) {
            answer_on(&m, &m.owner->control, ":250\r\n");
        }
        pass_time(&m, STEP_MS);
        cr_assert_eq(m.owner->data.phase, PEER_LANE_OPEN, "after %d ms", (i + 1) * STEP_MS);
    }
    cr_expect_eq(peer_lane_awaited(&m.owner->data), 1);
    lone_node_free(m.w);
}

Test(copy_owners, an_owner_of_which_nothing_comes_is_lost_after_two_node_timeouts)
{
    struct member m;

    begin_member(&m);
    pass_time(&m, LOST_MS - 1);
    cr_expect_eq(m.owner->data.phase, PEER_LANE_OPEN);
    cr_expect_not(copy_owners_is_lost(m.node, m.owner));
    pass_time(&m, 1);
    cr_expect_eq(m.owner->data.phase, PEER_LANE_CLOSED);
    cr_expect(copy_owners_is_lost(m.node, m.owner), "who waits is told at once");
    lone_node_free(m.w);
}

Test(copy_owners, what_comes_on_either_lane_tells_that_the_owner_lives)
{
    struct member m;

    begin_member(&m);
    pass_time(&m, LOST_MS - 1);
    answer_on(&m, &m.owner->data, "+PO");
    pass_time(&m, LOST_MS - 1);
    cr_expect_eq(m.owner->data.phase, PEER_LANE_OPEN);
    pass_time(&m, 1);
    cr_expect_eq(m.owner->data.phase, PEER_LANE_CLOSED);
    lone_node_free(m.w);
}

Test(copy_owners, what_is_left_on_a_held_lane_by_clients_is_limited_and_others_wait_for_room)
{
    struct member m;
    size_t count = 1;

    begin_member(&m);
    for (; copy_owners_can_ask(m.owner); count++) {
        cr_assert_lt(count, 100000);
        pass_on(&m);
    }
    waiting_hold(m.node, m.w->client, HOLD_COPY, MONO_NEVER);
    for (size_t i = 0; i < count / 2; i++) {
        cr_assert_not(copy_owners_can_ask(m.owner), "%zu of %zu were answered", i, count);
        answer_on(&m, &m.owner->data, "+PONG\r\n");
    }
    cr_expect(copy_owners_can_ask(m.owner));
    cr_expect_not(m.w->client->flags & SESSION_HELD);
    lone_node_free(m.w);
}

Test(copy_owners, large_requests_fill_a_lane_sooner)
{
    struct member m;
    struct buf large = {0};
    const struct peer_answer answer = {.kind = PEER_ANSWER_CALL};

    begin_member(&m);
    (void)buf_reserve(&large, 1 << 20);
    large.len = 1 << 20;
    memset(large.data, 'x', large.len);
    for (int i = 0; i < 64; i++) {
        cr_assert(copy_owners_can_ask(m.owner));
        peer_lane_pass_on(m.node, &m.owner->data, buf_bytes(&large), &answer);
    }
    cr_expect_not(copy_owners_can_ask(m.owner));
    buf_deinit(&large);
    lone_node_free(m.w);
}

/* ---- what clients that keep what they have read are told of what was passed on --------------------- */

static void expect_told(const char *tracking, const char *request, const char *expected)
{
    struct lone_node *w = lone_node_new();

    (void)lone_node_ask(w, "HELLO 3\n");
    cr_assert_str_eq(lone_node_ask(w, tracking), "+OK|");
    waiting_hold(w->node, w->client, HOLD_FORWARD, MONO_NEVER);
    waiting_on_forwarded(w->node, w->client, BYTES_LITERAL("+reply\r\n"), bytes_from_text(request));
    cr_expect_str_eq(lone_node_ask(w, "PING\n"), expected, "%s: %s", tracking, w->shown.data);
    lone_node_free(w);
}

#define PUSH(keys) "+reply|>2|$10|invalidate|" keys "|+PONG|"
#define SET_K      "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$1\r\nv\r\n"
#define MGET_K_L   "*3\r\n$4\r\nMGET\r\n$1\r\nk\r\n$1\r\nl\r\n"
#define XGROUP_K   "*4\r\n$6\r\nxgroup\r\n$7\r\nDESTROY\r\n$1\r\nk\r\n$1\r\ng\r\n"
#define SORT_K     "*2\r\n$4\r\nSORT\r\n$1\r\nk\r\n"

Test(copy_owners, who_keeps_what_it_reads_is_told_of_the_keys_of_what_was_passed_on)
{
    expect_told("CLIENT TRACKING ON\n", SET_K, PUSH("*1|$1|k"));
    expect_told("CLIENT TRACKING ON\n", MGET_K_L, PUSH("*2|$1|k|$1|l"));
    expect_told("CLIENT TRACKING ON\n", XGROUP_K, PUSH("*1|$1|k"));
    expect_told("CLIENT TRACKING ON\n", "", PUSH("_"));     /* a transaction */
    expect_told("CLIENT TRACKING ON\n", SORT_K, PUSH("_")); /* other keys may be among it */
}

Test(copy_owners, who_is_not_told_of_its_own_writes_is_told_of_its_reads_alone)
{
    expect_told("CLIENT TRACKING ON NOLOOP\n", SET_K, "+reply|+PONG|");
    expect_told("CLIENT TRACKING ON NOLOOP\n", MGET_K_L, PUSH("*2|$1|k|$1|l"));
    expect_told("CLIENT TRACKING ON NOLOOP\n", "", PUSH("_"));
    /* It may keep what it writes, and nobody here hears of what others write to that. */
    expect_told("CLIENT TRACKING ON BCAST NOLOOP\n", SET_K, PUSH("*1|$1|k"));
}
