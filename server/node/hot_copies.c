/* SPDX-License-Identifier: MIT */
#include "node/hot_copies.h"

#include "base/assert.h"
#include "base/codec.h"
#include "cluster/report.h"
#include "cluster/route.h"
#include "node/inside.h"
#include "store/entry.h"

enum {
    LOOK_MS = 1000,
    LOOKED_AT_KEYS = 16, /* the hottest */
    ABOUT_A_SLOT = 1,    /* the first byte of what is announced */
    ABOUT_ASKERS = 2,
    ABOUT_SEARCH = 3, /* who has room? */
    ABOUT_LOAD = 4,   /* the answer */
};

/* The time of hot keys. */
static int64_t now_ms(const struct node *node)
{
    return node->now.mono.us / 1000;
}

void hot_copies_deinit(struct node *node)
{
    hot_slots_deinit(&node->hot_copies.known);
    buf_deinit(&node->hot_copies.outgoing);
}

bool hot_copies_are_on(const struct node *node)
{
    return node->config.hot_copies != HOT_COPIES_OFF && node->role.is_primary;
}

/* ---- as an owner -------------------------------------------------------------------------------- */

/* Its place among our own; how many there are: it is none. */
static size_t place_of(const struct hot_copies *hot, uint16_t slot)
{
    size_t place = promotion_place(&hot->promotion, slot);

    ASSERT(place == hot_copies_own_count(hot) || hot->own[place].hot.slot == slot);
    return place;
}

static struct hot_own *find_own(struct hot_copies *hot, uint16_t slot)
{
    size_t place = place_of(hot, slot);

    return place < hot_copies_own_count(hot) ? &hot->own[place] : NULL;
}

const struct hot_own *hot_copies_own(const struct node *node, uint16_t slot)
{
    const struct hot_copies *hot = &node->hot_copies;
    size_t place = place_of(hot, slot);

    return place < hot_copies_own_count(hot) ? &hot->own[place] : NULL;
}

bool hot_copies_lends(const struct node *node, uint16_t slot, const struct entry *value,
                      size_t bytes)
{
    return hot_copies_are_on(node) && hot_copies_own(node, slot) != NULL &&
           cluster_serves_plainly(node->cluster, slot) &&
           bytes <= (size_t)node->config.hot_copy_max_bytes &&
           (value == NULL || !entry_is_volatile(value)); /* its fields expire by our clock alone */
}

static struct hot_member *find_member(struct hot_own *own, const struct cluster_id *node)
{
    const struct hot_member *found = hot_slot_member(&own->hot, node);

    return found != NULL ? &own->hot.members[found - own->hot.members] : NULL;
}

void hot_copies_note_reads(struct node *node, const struct cluster_id *member, uint16_t slot,
                           uint64_t reads)
{
    struct hot_own *own = find_own(&node->hot_copies, slot);
    struct hot_member *found = own != NULL ? find_member(own, member) : NULL;

    if (found != NULL) {
        found->has_accepted = true;
        found->served += reads;
        own->member_reads += reads;
    }
}

void hot_copies_note_joined(struct node *node, const struct cluster_id *member)
{
    struct hot_copies *hot = &node->hot_copies;

    for (size_t i = 0; i < hot_copies_own_count(hot); i++) {
        struct hot_member *found = find_member(&hot->own[i], member);

        if (found != NULL) {
            found->has_accepted = false;
        }
    }
}

static bool is_still_owner(const struct node *node, const struct hot_slot *hot)
{
    const struct cluster_id *owner = cluster_slot_owner(node->cluster, hot->slot);

    return owner != NULL && cluster_id_equal(owner, &hot->owner);
}

bool hot_copies_note_request(struct node *node, uint16_t slot)
{
    struct hot_own *own = find_own(&node->hot_copies, slot);

    if (own != NULL) {
        own->hot.owner_served++;
    }
    return own != NULL;
}

struct hot_known *hot_copies_known(const struct node *node, uint16_t slot)
{
    struct hot_known *known = hot_slots_known(&node->hot_copies.known, node->now.mono, slot);

    return known != NULL && is_still_owner(node, &known->hot) ? known : NULL;
}

/* It leaves at the end of the pass. */
static void post_about(struct node *node, uint8_t about, struct bytes text)
{
    struct buf *outgoing = &node->hot_copies.outgoing;

    encode_u32_be(outgoing, (uint32_t)(sizeof(about) + text.len));
    encode_u8(outgoing, about);
    buf_append_bytes(outgoing, text);
}

bool hot_copies_take_outgoing(struct node *node, struct buf *message)
{
    struct buf *outgoing = &node->hot_copies.outgoing;
    struct decoder d = decoder_make(buf_bytes(outgoing));
    size_t len;

    if (outgoing->len == 0) {
        return false;
    }
    len = decode_u32_be(&d);
    buf_append_bytes(message, decode_bytes(&d, len));
    buf_consume(outgoing, sizeof(uint32_t) + len);
    return true;
}

static void announce(struct node *node, const struct hot_slot *hot)
{
    struct buf text = {0};

    hot_slots_take(&node->hot_copies.known, node->now.mono, hot, cluster_my_id(node->cluster),
                   &(struct cluster_id){0});
    hot_slot_encode(hot, &text);
    post_about(node, ABOUT_A_SLOT, buf_bytes(&text));
    buf_deinit(&text);
}

/* Of what changes a later one is greater, also after a start, and when the clock of the wall was set back. */
static void raise_epoch(struct node *node, struct hot_slot *hot)
{
    uint64_t now = (uint64_t)node->now.unix_ms;
    uint64_t *last = &node->hot_copies.last_epoch;

    *last = now > *last ? now : *last + 1;
    hot->epoch = *last;
}

void hot_copies_note_left(struct node *node, const struct cluster_id *member)
{
    struct hot_copies *hot = &node->hot_copies;

    for (size_t i = 0; i < hot_copies_own_count(hot); i++) {
        struct hot_member *found = find_member(&hot->own[i], member);

        if (found != NULL && found->is_ready) {
            found->is_ready = false;
            found->has_accepted = false;
            spread_forget(&hot->own[i].hot);
            raise_epoch(node, &hot->own[i].hot);
            announce(node, &hot->own[i].hot);
        }
    }
}

static void end_own(struct node *node, size_t index, const char *why)
{
    struct hot_copies *hot = &node->hot_copies;
    struct hot_own *own = &hot->own[index];

    node_log(node, LOG_NOTICE, "slot %u is hot no more: %s", own->hot.slot, why);
    own->hot.member_count = 0;
    raise_epoch(node, &own->hot);
    announce(node, &own->hot);
    promotion_end(&hot->promotion, own->hot.slot);
    *own = hot->own[hot_copies_own_count(
        hot)]; /* as the last one's promotion has come to this place */
    hot->demoted++;
}

static void end_all(struct node *node, const char *why)
{
    while (hot_copies_own_count(&node->hot_copies) > 0) {
        end_own(node, 0, why);
    }
}

void hot_copies_note_stateful(struct node *node, uint16_t slot)
{
    struct hot_copies *hot = &node->hot_copies;

    promotion_bar(&hot->promotion, node->now.mono, slot);
    for (size_t i = hot_copies_own_count(hot); i-- > 0;) {
        if (hot->own[i].hot.slot == slot) {
            end_own(node, i, promotion_answer_text(PROMOTION_STATEFUL));
        }
    }
}

/* Is it known who has room?  Else all are asked, and it is by the next look. */
static bool knows_room(struct node *node)
{
    if (hot_members_are_to_ask(node)) {
        post_about(node, ABOUT_SEARCH, (struct bytes){0});
    }
    return hot_members_know_room(node);
}

/* ---- once a second ------------------------------------------------------------------------------ */

static struct promotion_rules rules_of(const struct node *node)
{
    return (struct promotion_rules){.min_reads = (uint64_t)node->config.hot_copies_min_rate,
                                    .min_busy = (unsigned)node->config.hot_copies_min_busy,
                                    .primaries = hot_members_count(node)};
}

static bool is_lendable(const struct node *node, const struct key_ref *ref)
{
    const struct entry *e = keyspace_find_any(node->data.keyspace, ref);

    return e == NULL || (!entry_is_volatile(e) && keyspace_entry_bytes(node->data.keyspace, e) <=
                                                      (size_t)node->config.hot_copy_max_bytes);
}

static struct promotion_load load_of(const struct node *node, const struct top_key *key)
{
    struct hot_keys_rate rate = hot_keys_rate(&node->hot.keys, key, now_ms(node));
    struct key_ref ref = keyspace_ref(node->data.keyspace, 0, top_key_bytes(key));
    const struct hot_own *own = hot_copies_own(node, (uint16_t)key->slot);

    return (struct promotion_load){.slot = (uint16_t)key->slot,
                                   .reads = rate.reads + (own != NULL ? own->member_rate : 0),
                                   .writes = rate.writes,
                                   .is_lendable =
                                       key->key_len > TOP_KEYS_BYTES || is_lendable(node, &ref)};
}

static void begin_own(struct node *node, const struct hot_slot *slot, size_t members)
{
    struct hot_copies *hot = &node->hot_copies;

    promotion_begin(&hot->promotion, slot->slot, members);
    hot->own[hot_copies_own_count(hot) - 1] = (struct hot_own){.hot = *slot};
    hot->promoted++;
}

static void promote(struct node *node, uint16_t slot, size_t members)
{
    struct hot_copies *hot = &node->hot_copies;
    struct hot_own *own = find_own(hot, slot);
    struct hot_slot chosen = {.slot = slot, .owner = *cluster_my_id(node->cluster)};

    if (own != NULL) {
        promotion_begin(&hot->promotion, slot, members);
        chosen = own->hot;
    }
    if (chosen.member_count >= members || !knows_room(node)) {
        return;
    }
    hot->is_without_room = !hot_members_choose(node, &chosen, members);
    if (hot->is_without_room) {
        return;
    }
    spread_forget(&chosen);
    raise_epoch(node, &chosen);
    node_log(node, LOG_NOTICE, "slot %u is %s: %zu other nodes serve it, too", slot,
             own == NULL ? "hot" : "still hot", chosen.member_count);
    if (own == NULL) {
        begin_own(node, &chosen, members);
    } else {
        own->hot = chosen;
    }
}

/* A hotter key of the slot decides: what ends it being hot is not to be undone by the next one. */
static bool is_hottest_of_slot(const struct top_key *const *keys, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (keys[i]->slot == keys[index]->slot && keys[i]->db == keys[index]->db) {
            return false;
        }
    }
    return true;
}

static void look_at_keys(struct node *node)
{
    struct hot_copies *hot = &node->hot_copies;
    const struct promotion_rules rules = rules_of(node);
    const struct top_key *keys[TOP_KEYS];
    size_t count = hot_keys_list(&node->hot.keys, keys, LOOKED_AT_KEYS);

    for (size_t i = 0; i < count; i++) {
        const struct promotion_load load = load_of(node, keys[i]);
        size_t members = 0;

        if (cluster_owns_slot(node->cluster, load.slot) && keys[i]->db == 0 &&
            is_hottest_of_slot(keys, i) &&
            promotion_judge(&hot->promotion, node->now.mono, &rules, &load, hot->busy, &members) ==
                PROMOTION_YES) {
            promote(node, load.slot, members);
        }
    }
}

/* The hottest key of the slot, as far as it is known; members read it, too. */
static struct promotion_load load_of_slot(const struct node *node, const struct hot_own *own)
{
    struct promotion_load load = {
        .slot = own->hot.slot, .reads = own->member_rate, .is_lendable = true};
    const struct top_key *keys[TOP_KEYS];
    size_t count = hot_keys_list(&node->hot.keys, keys, TOP_KEYS);

    for (size_t i = 0; i < count; i++) {
        if (keys[i]->slot == own->hot.slot && keys[i]->db == 0) {
            return load_of(node, keys[i]);
        }
    }
    return load;
}

static void look_at_own(struct node *node, int64_t passed_ms)
{
    struct hot_copies *hot = &node->hot_copies;
    const struct promotion_rules rules = rules_of(node);

    for (size_t i = hot_copies_own_count(hot); i-- > 0;) {
        struct hot_own *own = &hot->own[i];
        struct promotion_load load;

        own->member_rate = (own->member_rate + own->member_reads) / 2;
        own->member_reads = 0;
        load = load_of_slot(node, own);
        if (!cluster_owns_slot(node->cluster, own->hot.slot)) {
            end_own(node, i, "it is another node's");
        } else if (promotion_is_over(&hot->promotion, node->now.mono, &rules, &load)) {
            end_own(node, i, "it is read less, written more, or too large now");
        } else {
            bool must = hot_members_look(node, &own->hot);

            if (spread_look(&own->hot, &own->rounds, node->now.mono, passed_ms, must)) {
                raise_epoch(node, &own->hot);
            }
            announce(node, &own->hot);
        }
    }
}

static void look_at_load(struct node *node, int64_t passed_us)
{
    struct env_cpu cpu = {0};
    int64_t used_us;

    if (node->env.cpu != NULL) {
        node->env.cpu(node->env.context, &cpu);
    }
    used_us = cpu.loop_user_us + cpu.loop_system_us;
    node->hot_copies.busy =
        passed_us > 0 ? (unsigned)((used_us - node->hot_copies.cpu_us) * 100 / passed_us) : 0;
    node->hot_copies.cpu_us = used_us;
}

/* Who has asked for the map, when others do not know yet. */
static void tell_askers(struct node *node)
{
    struct buf text = {0};

    if (hot_askers_take_new(node, &text)) {
        post_about(node, ABOUT_ASKERS, buf_bytes(&text));
    }
    buf_deinit(&text);
}

void hot_copies_tick(struct node *node)
{
    struct hot_copies *hot = &node->hot_copies;
    int64_t passed_us;

    if (node->cluster == NULL || mono_ms_between(hot->looked_at, node->now.mono) < LOOK_MS) {
        return;
    }
    passed_us = node->now.mono.us - hot->looked_at.us;
    look_at_load(node, passed_us);
    hot->looked_at = node->now.mono;
    hot_slots_tick(&hot->known, node->now.mono);
    if (hot->known.count > 0) {
        tell_askers(node);
    }
    if (!hot_copies_are_on(node)) {
        end_all(node, "copies are turned off");
        return;
    }
    if (cluster_has_lease(node->cluster, node->now.mono)) {
        hot_keys_settle(&node->hot.keys, now_ms(node));
        look_at_keys(node);
        look_at_own(node, passed_us / 1000);
    }
}

struct mono_time hot_copies_wake_at(const struct node *node)
{
    if (node->hot_copies.outgoing.len > 0) {
        return node->now.mono;
    }
    return hot_copies_own_count(&node->hot_copies) > 0 || node->hot_copies.known.count > 0
               ? mono_add_ms(node->hot_copies.looked_at, LOOK_MS)
               : MONO_NEVER;
}

void hot_copies_configure(struct node *node)
{
    if (node->cluster != NULL && !hot_copies_are_on(node)) {
        end_all(node, "copies are turned off");
    }
}

enum promotion_answer hot_copies_judge(const struct node *node, const struct top_key *key)
{
    const struct promotion_rules rules = rules_of(node);
    const struct promotion_load load = load_of(node, key);
    const struct hot_copies *hot = &node->hot_copies;
    enum promotion_answer answer;
    size_t members;

    answer = promotion_judge(&hot->promotion, node->now.mono, &rules, &load, hot->busy, &members);
    return answer == PROMOTION_YES && hot->is_without_room &&
                   hot_copies_own(node, load.slot) == NULL
               ? PROMOTION_NO_ROOM
               : answer;
}

/* ---- as a member -------------------------------------------------------------------------------- */

/* Only its owner says of a slot whether it is hot. */
static void take_slot(struct node *node, const struct cluster_id *sender, struct bytes message)
{
    struct hot_slot hot;
    const struct cluster_id *owner;
    const struct cluster_id *primary = cluster_my_primary_id(node->cluster);

    if (!hot_slot_decode(message, &hot) || hot.slot >= SLOT_COUNT) {
        return;
    }
    owner = cluster_slot_owner(node->cluster, hot.slot);
    if (owner == NULL || !cluster_id_equal(owner, sender)) {
        return;
    }
    hot.owner = *sender;
    hot_slots_take(&node->hot_copies.known, node->now.mono, &hot, cluster_my_id(node->cluster),
                   primary);
}

/* An owner looks for members. */
static void answer_search(struct node *node)
{
    struct buf text = {0};

    if (hot_members_answer(node, node->hot_copies.busy, &text)) {
        post_about(node, ABOUT_LOAD, buf_bytes(&text));
    }
    buf_deinit(&text);
}

void hot_copies_take(struct node *node, const struct cluster_id *sender, struct bytes message)
{
    struct decoder d = decoder_make(message);

    switch (decode_u8(&d)) {
    case ABOUT_A_SLOT:
        take_slot(node, sender, bytes_from(message, 1));
        break;
    case ABOUT_ASKERS:
        hot_askers_hear(node, bytes_from(message, 1));
        break;
    case ABOUT_SEARCH:
        answer_search(node);
        break;
    case ABOUT_LOAD:
        hot_members_take_answer(node, sender, bytes_from(message, 1));
        break;
    default:
        break; /* of a newer version */
    }
}

const struct hot_slot *hot_copies_accepted(const struct node *node, uint16_t slot)
{
    const struct hot_slot *hot = hot_slots_accepted(&node->hot_copies.known, node->now.mono, slot);

    return hot != NULL && is_still_owner(node, hot) ? hot : NULL;
}

bool hot_copies_is_member_of(const struct node *node, const struct cluster_id *owner)
{
    const struct hot_slots *known = &node->hot_copies.known;

    for (size_t i = 0; i < known->count; i++) {
        const struct hot_slot *hot = &known->items[i]->hot;

        if (cluster_id_equal(&hot->owner, owner) && is_still_owner(node, hot) &&
            hot_slots_find(known, node->now.mono, hot->slot) != NULL &&
            hot_slot_member(hot, cluster_my_id(node->cluster)) != NULL) {
            return true;
        }
    }
    return false;
}

bool hot_copies_accepts_of(const struct node *node, const struct cluster_id *owner)
{
    const struct hot_slots *known = &node->hot_copies.known;

    for (size_t i = 0; i < known->count; i++) {
        const struct hot_slot *hot = &known->items[i]->hot;

        if (cluster_id_equal(&hot->owner, owner) && is_still_owner(node, hot) &&
            hot_slots_accepted(known, node->now.mono, hot->slot) != NULL) {
            return true;
        }
    }
    return false;
}
