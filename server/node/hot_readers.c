/* SPDX-License-Identifier: MIT */
#include "node/hot_readers.h"

#include "cluster/report.h"
#include "copies/view.h"
#include "node/inside.h"
#include "session/hot_reads.h"

enum {
    NAMELESS_REQUESTS = 16, /* of a slot, in a fraction of a second: nobody types that, */
    NAMELESS_LIFE = 256,    /* nor so many on a connection */
};

/* ---- the map ------------------------------------------------------------------------------------ */

static enum view_kind kind_for(const struct node *node, const struct session *s)
{
    struct bytes name = buf_bytes(&s->lib_name);

    if (node->config.hot_slot_view == HOT_SLOT_VIEW_OFF ||
        (node->config.hot_slot_view == HOT_SLOT_VIEW_KNOWN && !view_can_be_taught(name))) {
        return VIEW_AS_IT_IS;
    }
    return view_kind_of(name);
}

static const struct cluster_id *draw(const struct node *node, const struct session *s,
                                     const struct hot_slot *hot)
{
    const struct view_client client = {.kind = kind_for(node, s),
                                       .address = bytes_from_text(s->peer.address)};

    return client.kind == VIEW_AS_IT_IS ? NULL : view_draw(hot, &client);
}

const struct cluster_id *hot_readers_view(const struct node *node, const struct session *s,
                                          uint16_t slot)
{
    const struct hot_known *known = hot_copies_known(node, slot);

    return known != NULL ? draw(node, s, &known->hot) : NULL;
}

/* ---- who is sent on ----------------------------------------------------------------------------- */

static struct spread_reader *reader_of(struct session *s, uint16_t slot)
{
    return hot_reads_get(&s->hot_reads, slot);
}

static bool count(struct node *node, const struct hot_known *known, struct session *s)
{
    return spread_count(known, node->now.mono, cluster_my_id(node->cluster),
                        reader_of(s, known->hot.slot));
}

bool hot_readers_count(struct node *node, struct session *s, uint16_t slot)
{
    const struct hot_known *known;

    if (!hot_copies_note_request(node, slot)) {
        return false;
    }
    known = hot_copies_known(node, slot);
    return known != NULL && count(node, known, s);
}

bool hot_readers_are_counted(struct node *node, uint16_t slot)
{
    const struct hot_known *known = hot_copies_known(node, slot);

    return known != NULL && node->role.is_primary &&
           mono_ms_between(known->epoch_heard_at, node->now.mono) < SPREAD_UNTIL_MS &&
           spread_is_over(&known->hot, cluster_my_id(node->cluster));
}

/* Owners' requests were counted as they were read; members' come this way, all of them. */
static bool is_to_be_judged(struct node *node, const struct hot_known *known, struct session *s)
{
    if (!cluster_id_equal(&known->hot.owner, cluster_my_id(node->cluster))) {
        return count(node, known, s);
    }
    return spread_can_judge(known, node->now.mono, reader_of(s, known->hot.slot));
}

static bool is_plain_read(const struct request *request)
{
    return (request->spec->flags & COMMAND_FLAG_READONLY) != 0 &&
           (request->session->flags & (SESSION_IN_MULTI | SESSION_TRACKING)) == 0;
}

/* It has not said what it is, and it might yet be somebody who types: it is not judged before that is known. */
static bool may_be_typed(struct session *s, uint16_t slot)
{
    return s->lib_name.len == 0 && s->command_count < NAMELESS_LIFE &&
           reader_of(s, slot)->requests < NAMELESS_REQUESTS;
}

/* Does the client keep to a MOVED?  One that has not said what it is may be none of a cluster's: only those are sent on that
 * ask as programs do (may_be_typed), from where such a one has asked for the map, and each connection once.  A member that passes on what it was
 * asked is no client: its own would get the MOVED. */
static bool bears_it(const struct node *node, const struct session *s)
{
    if (s->feed != NULL) {
        return false;
    }
    if (s->lib_name.len == 0) {
        return node->config.hot_teach != HOT_TEACH_KNOWN && (s->flags & SESSION_SENT_ON) == 0 &&
               hot_askers_have_nameless(node, s);
    }
    return view_can_be_taught(buf_bytes(&s->lib_name)) && hot_askers_have(node, s);
}

/* Whereto the client may be sent on, NULL: nowhere. */
static const struct cluster_id *other_for(const struct node *node, const struct session *s,
                                          const struct hot_slot *hot)
{
    const struct cluster_id *id;

    if (node->config.hot_teach == HOT_TEACH_OFF || !bears_it(node, s)) {
        return NULL;
    }
    id = draw(node, s, hot);
    return id == NULL || cluster_id_equal(id, cluster_my_id(node->cluster)) ? NULL : id;
}

/* What the connection has asked in 1000 seconds, by all of its life. */
static uint64_t asked(const struct node *node, const struct session *s)
{
    int64_t ms = mono_ms_between(s->created_at, node->now.mono);

    return ms > 0 ? (s->command_count + 1) * 1000000 / (uint64_t)ms : 0;
}

/* It bears it, and there is somewhere to go: does it go? */
static bool judge(struct node *node, struct hot_known *known, struct session *s)
{
    return spread_sends_on(known, node->now.mono, cluster_my_id(node->cluster),
                           reader_of(s, known->hot.slot), asked(node, s));
}

bool hot_readers_send_on(struct node *node, const struct request *request, uint16_t slot,
                         struct cluster_node_view *out)
{
    struct hot_known *known = hot_copies_known(node, slot);
    struct session *s = request->session;
    const struct cluster_id *id;
    size_t index;

    if (known == NULL || !is_to_be_judged(node, known, s) || !is_plain_read(request) ||
        may_be_typed(s, slot)) {
        return false;
    }
    id = other_for(node, s, &known->hot);
    if (id == NULL ||
        !cluster_find_node(node->cluster, bytes_make(id->text, CLUSTER_ID_LEN), &index)) {
        reader_of(s, slot)->judged = known->hot.number;
        return false;
    }
    if (!judge(node, known, s)) {
        return false;
    }
    cluster_node_at(node->cluster, index, node->now, out);
    s->flags |= SESSION_SENT_ON;
    node->hot_readers.sent_on++;
    return true;
}
