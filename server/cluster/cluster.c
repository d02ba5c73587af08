/* SPDX-License-Identifier: MIT */
/* Birth and death of a cluster core, and the one door: an event is handed to whom it concerns,
 * between the two halves of a step (step.h). */
#include "cluster/cluster.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/bus.h"
#include "cluster/council_side.h"
#include "cluster/data.h"
#include "cluster/facts.h"
#include "cluster/links.h"
#include "cluster/manual.h"
#include "cluster/moves.h"
#include "cluster/nodes.h"
#include "cluster/nodes_file.h"
#include "cluster/range_facts.h"
#include "cluster/receive.h"
#include "cluster/seeds.h"
#include "cluster/shard.h"
#include "cluster/step.h"
#include "cluster/sync_set.h"

#include <inttypes.h>

enum {
    FILE_RETRY_MS = 500,
};

static bool check_settings(const struct cluster_settings *s, struct errmsg *error)
{
    struct bytes ip = bytes_from_text(s->announce_ip != NULL ? s->announce_ip : "");
    struct bytes name = bytes_from_text(s->announce_hostname != NULL ? s->announce_hostname : "");

    struct bytes seed_text = bytes_from_text(s->seeds != NULL ? s->seeds : "");
    struct seed_list seeds;

    if (!seeds_parse(seed_text, &seeds, error)) {
        return false;
    }
    if (ip.len > 0 && !cluster_ip_is_valid(ip)) {
        errmsg_set(error, "cluster-announce-ip is not an address");
        return false;
    }
    if (name.len > 0 && !cluster_hostname_is_valid(name)) {
        errmsg_set(error, "cluster-announce-hostname may have letters, digits, dots, hyphens and "
                          "underscores, and at most 255 of them");
        return false;
    }
    if (s->node_timeout_ms < CLUSTER_NODE_TIMEOUT_MIN_MS ||
        s->node_timeout_ms > CLUSTER_NODE_TIMEOUT_MAX_MS) {
        errmsg_set(error, "cluster-node-timeout must be between %d and %d ms",
                   CLUSTER_NODE_TIMEOUT_MIN_MS, CLUSTER_NODE_TIMEOUT_MAX_MS);
        return false;
    }
    return true;
}

static void adopt_secrets(struct cluster *c, const struct cluster_settings *s)
{
    c->is_secret_changed = c->is_secret_changed || !bytes_equal(buf_bytes(&c->secret), s->secret) ||
                           !bytes_equal(buf_bytes(&c->previous_secret), s->previous_secret);
    buf_clear(&c->secret);
    buf_append_bytes(&c->secret, s->secret);
    buf_clear(&c->previous_secret);
    buf_append_bytes(&c->previous_secret, s->previous_secret);
}

static void adopt_settings(struct cluster *c, const struct cluster_settings *s)
{
    struct cluster_config *config = &c->config;
    struct errmsg error;
    bool is_ok = seeds_parse(bytes_from_text(s->seeds != NULL ? s->seeds : ""), &c->seeds, &error);

    ASSERT(is_ok); /* check_settings has seen to it */

    ASSERT(s->node_timeout_ms >= CLUSTER_NODE_TIMEOUT_MIN_MS);
    ASSERT(s->node_timeout_ms <= CLUSTER_NODE_TIMEOUT_MAX_MS);
    bytes_to_text(bytes_from_text(s->announce_ip != NULL ? s->announce_ip : ""),
                  config->announce_ip, sizeof(config->announce_ip));
    bytes_to_text(bytes_from_text(s->announce_hostname != NULL ? s->announce_hostname : ""),
                  config->announce_hostname, sizeof(config->announce_hostname));
    config->node_timeout_ms = s->node_timeout_ms;
    config->require_full_coverage = s->require_full_coverage;
    config->allow_reads_when_down = s->allow_reads_when_down;
    config->replica_no_failover = s->replica_no_failover;
    config->is_arbiter = s->is_arbiter;
    config->allow_migration = s->allow_migration;
    config->migration_barrier = s->migration_barrier;
    config->replica_validity_factor = s->replica_validity_factor;
    config->replica_ping_period_ms = s->replica_ping_period_ms;
    config->sync_replicas = s->sync_replicas;
    config->preferred_endpoint = s->preferred_endpoint;
    adopt_secrets(c, s);
}

/* The ip is announced, or learned again from the others: an old one may no longer be ours. */
static void adopt_own_address(struct cluster *c, const struct cluster_settings *s)
{
    struct cluster_address *mine = &c->me->address;

    ASSERT(c->me == c->nodes.items[0]);
    if (c->config.announce_ip[0] != '\0') {
        bytes_to_text(bytes_from_text(c->config.announce_ip), mine->ip, sizeof(mine->ip));
    }
    bytes_to_text(bytes_from_text(c->config.announce_hostname), mine->hostname,
                  sizeof(mine->hostname));
    mine->port = s->port;
    mine->bus_port = s->bus_port;
}

static bool begin_fresh(struct cluster *c, const struct cluster_options *options,
                        struct errmsg *error)
{
    struct cluster_id id = {0};

    ASSERT(c->nodes.count == 0);
    if (options->node_id == NULL) {
        rng_hex(&c->rng, id.text, CLUSTER_ID_LEN);
    } else if (!cluster_id_parse(bytes_from_text(options->node_id), &id)) {
        errmsg_set(error, "the node id must be 40 lower-case hex digits");
        return false;
    }
    c->me = nodes_add(c, &id, &(struct cluster_address){0});
    ASSERT(c->me != NULL);
    rng_hex(&c->rng, c->me->shard.text, CLUSTER_ID_LEN);
    council_side_found(c);
    return true;
}

static bool check_arbiter(const struct cluster *c, struct errmsg *error)
{
    if (!c->config.is_arbiter || (node_is_primary(c->me) && c->me->slot_count == 0)) {
        return true;
    }
    errmsg_set(error, "this node %s: it cannot become an arbiter (cluster-arbiter yes)",
               node_is_primary(c->me) ? "owns slots" : "is a replica");
    return false;
}

static bool begin(struct cluster *c, const struct cluster_options *options, struct errmsg *error)
{
    if (!check_settings(&options->settings, error)) {
        return false;
    }
    adopt_settings(c, &options->settings);
    if (options->nodes_file.len == 0) {
        if (!begin_fresh(c, options, error)) {
            return false;
        }
    } else {
        if (!nodes_file_parse(c, options->nodes_file, error)) {
            return false;
        }
        c->is_file_dirty = false;
        c->me->address.ip[0] = '\0';
    }
    if (!check_arbiter(c, error)) {
        return false;
    }
    adopt_own_address(c, &options->settings);
    c->me->is_arbiter = c->config.is_arbiter;
    council_side_note_saved(c);
    c->is_follow_due = !node_is_primary(c->me);
    c->loses_slots = false;
    ASSERT(c->me->config_epoch <= c->current_epoch);
    ASSERT(c->assigned_count <= SLOT_COUNT);
    return true;
}

struct cluster *cluster_new(const struct cluster_options *options, struct mono_time now,
                            struct errmsg *error)
{
    struct cluster *c = mem_alloc_zeroed(MEM_CLUSTER, sizeof(*c));

    rng_init(&c->rng, options->seed);
    c->start = rng_u64(&c->rng) | 1;
    c->now = now;
    c->started_at = now;
    c->stepped_at = now;
    c->next_tick_at = now;
    c->turn_at = now;
    c->turn_cursor = (size_t)(c->start >> 32); /* or all would greet the same node at a time */
    c->refusal_logged_at = MONO_LONG_AGO;
    c->twice_at = MONO_LONG_AGO;
    c->rejoin_at = MONO_LONG_AGO;
    c->doubted_at = MONO_LONG_AGO;
    c->file_retry_at = MONO_LONG_AGO;
    c->orphans_at = MONO_LONG_AGO;
    c->primary_gone_since = MONO_NEVER;
    c->seeds_at = MONO_NEVER;
    c->is_tick_wanted = true;
    if (!begin(c, options, error)) {
        cluster_free(c);
        return NULL;
    }
    ASSERT(c->out == NULL && c->nodes.items[0] == c->me);
    return c;
}

void cluster_free(struct cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    ASSERT(cluster->out == NULL);
    council_side_deinit(cluster);
    links_free_all(cluster);
    nodes_free_all(cluster);
    VEC_DEINIT(&cluster->forgotten);
    VEC_DEINIT(&cluster->moves);
    buf_deinit(&cluster->secret);
    buf_deinit(&cluster->previous_secret);
    buf_deinit(&cluster->prepared);
    buf_deinit(&cluster->frame_bytes);
    buf_deinit(&cluster->body_bytes);
    buf_deinit(&cluster->message_bytes);
    mem_free(MEM_CLUSTER, cluster);
}

bool cluster_configure(struct cluster *cluster, const struct cluster_settings *settings,
                       struct errmsg *error)
{
    struct cluster *c = cluster;

    ASSERT(c->out == NULL);
    if (!check_settings(settings, error)) {
        return false;
    }
    adopt_settings(c, settings);
    adopt_own_address(c, settings);
    council_set_timeout(c->council, c->config.node_timeout_ms);
    c->is_routing_changed = true;
    nodes_changed(c);
    bus_announce(c);
    return true;
}

static void on_file_written(struct cluster *c, uint64_t sequence)
{
    c->file_reported = sequence > c->file_reported ? sequence : c->file_reported;
    if (sequence > c->file_written) {
        bool was_awaited = c->file_written < c->hold_sequence;

        ASSERT(sequence <= c->file_sequence);
        c->file_written = sequence;
        if (was_awaited && sequence >= c->hold_sequence) {
            bus_announce(c); /* what could not be said before */
        }
        council_side_file_written(c, sequence);
    }
}

static void on_file_failed(struct cluster *c, uint64_t sequence)
{
    c->file_reported = sequence > c->file_reported ? sequence : c->file_reported;
    ASSERT(c->file_written <= c->file_sequence);
    ASSERT(c->file_sequence > 0);
    c->is_file_dirty = true;
    c->file_retry_at = mono_add_ms(c->now, FILE_RETRY_MS);
}

static void on_link(struct cluster *c, const struct cluster_event *event)
{
    struct cluster_node *node = nodes_find_number(c, event->link.number);

    ASSERT(event->type == CLUSTER_EVENT_LINK_UP || event->type == CLUSTER_EVENT_LINK_DOWN);
    if (node == NULL || event->link.is_incoming) {
        return; /* forgotten meanwhile */
    }
    if (event->type == CLUSTER_EVENT_LINK_UP) {
        links_on_up(c, node, event->peer_ip);
    } else {
        links_on_down(c, node, event->reason);
    }
}

void cluster_step(struct cluster *cluster, struct mono_time now, const struct cluster_event *event,
                  struct actions *actions)
{
    struct cluster *c = cluster;

    ASSERT(event->type != CLUSTER_EVENT_STATUS || event->status != NULL);
    step_begin(c, now, actions);
    switch (event->type) {
    case CLUSTER_EVENT_TICK:
        break;
    case CLUSTER_EVENT_LINK_UP:
    case CLUSTER_EVENT_LINK_DOWN:
        on_link(c, event);
        break;
    case CLUSTER_EVENT_FRAME:
        receive_frame(c, event);
        break;
    case CLUSTER_EVENT_INCOMING_CLOSED:
        links_drop_incoming(c, event->link.number);
        break;
    case CLUSTER_EVENT_FILE_WRITTEN:
        on_file_written(c, event->sequence);
        break;
    case CLUSTER_EVENT_FILE_FAILED:
        on_file_failed(c, event->sequence);
        break;
    case CLUSTER_EVENT_STATUS:
        c->is_status_wanted = false;
        data_take_status(c, event->status);
        sync_set_take_facts(c);
        moves_note_keys(c, event->status->filled_slots);
        ranges_note_keys(c, event->status->filled_slots);
        c->status.filled_slots = NULL;
        manual_on_status(c);
        shard_on_status(c);
        break;
    }
    step_end(c);
    ASSERT(c->out == NULL);
}

void cluster_format_file(const struct cluster *cluster, struct buf *out)
{
    nodes_file_format(cluster, out);
}
