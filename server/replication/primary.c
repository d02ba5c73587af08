/* SPDX-License-Identifier: MIT */
/* Decisions about replicas; nothing here touches a byte of the log. */
#include "replication/primary.h"

#include "base/assert.h"
#include "base/num.h"
#include "base/phases.h"

#include <inttypes.h>
#include <string.h>

enum {
    NEWLINE_PERIOD_MS = 1000,
};

static void move(struct feed *feed, enum feed_phase to)
{
    static const uint32_t allowed[] = {
        [FEED_HANDSHAKE] = PHASE_TO(FEED_WAIT_SNAPSHOT) | PHASE_TO(FEED_ONLINE),
        [FEED_WAIT_SNAPSHOT] = PHASE_TO(FEED_SNAPSHOT),
        [FEED_SNAPSHOT] = PHASE_TO(FEED_WAIT_ACK) | PHASE_TO(FEED_ONLINE),
        [FEED_WAIT_ACK] = PHASE_TO(FEED_ONLINE),
        [FEED_ONLINE] = 0,
    };

    ASSERT(to != feed->phase);
    ASSERT((allowed[feed->phase] & PHASE_TO(to)) != 0);
    feed->phase = to;
    feed_check(feed);
}

void feed_init(struct feed *feed, struct mono_time now, struct bytes peer_ip)
{
    *feed = (struct feed){.acked_at = now, .heard_at = now, .newline_at = now};
    bytes_to_text(peer_ip, feed->peer_ip, sizeof(feed->peer_ip));
}

void feed_heard(struct feed *feed, struct mono_time now)
{
    feed->heard_at = now;
}

/* ---- REPLCONF --------------------------------------------------------------------------------- */

/* What was not sent cannot have come: such a word must not count for those who wait. */
static bool can_be_acked(const struct feed *feed, uint64_t offset)
{
    ASSERT(feed->acked_offset <= feed->cursor);
    return offset <= feed->cursor;
}

/* It is shown in lists whose parts are separated by blanks, commas and line ends. */
static bool is_plain_text(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~' || text.data[i] == ',') {
            return false;
        }
    }
    return true;
}

static void take_ack(struct feed *feed, struct mono_time now, uint64_t offset)
{
    if (offset > feed->acked_offset && can_be_acked(feed, offset)) {
        feed->acked_offset = offset;
    }
    feed->acked_at = now;
    if (feed->phase == FEED_WAIT_ACK) {
        move(feed, FEED_ONLINE);
    }
    ASSERT(feed->acked_offset <= feed->cursor);
}

static bool take_option(struct feed *feed, struct mono_time now, struct bytes option,
                        struct bytes value, struct errmsg *error)
{
    uint64_t number;

    if (bytes_equal_nocase(option, "ack") || bytes_equal_nocase(option, "fack")) {
        if (!num_parse_u64(value, &number)) {
            errmsg_set(error, "value is not an integer or out of range");
            return false;
        }
        if (bytes_equal_nocase(option, "ack")) {
            take_ack(feed, now, number);
        } else if (number > feed->acked_synced_offset && can_be_acked(feed, number)) {
            feed->acked_synced_offset = number;
        }
    } else if (bytes_equal_nocase(option, "listening-port")) {
        if (!num_parse_u64(value, &number) || number > UINT16_MAX) {
            errmsg_set(error, "value is not an integer or out of range");
            return false;
        }
        feed->listening_port = (uint16_t)number;
    } else if (bytes_equal_nocase(option, "ip-address")) {
        if (value.len >= sizeof(feed->announced_ip)) {
            errmsg_set(error,
                       "REPLCONF ip-address provided by replica instance is too long: %zu "
                       "bytes",
                       value.len);
            return false;
        }
        if (!is_plain_text(value)) {
            errmsg_set(error, "REPLCONF ip-address is no address");
            return false;
        }
        bytes_to_text(value, feed->announced_ip, sizeof(feed->announced_ip));
    } else if (bytes_equal_nocase(option, "capa")) {
        feed->capabilities |= bytes_equal_nocase(value, "eof") ? FEED_CAPA_EOF : 0U;
        feed->capabilities |= bytes_equal_nocase(value, "psync2") ? FEED_CAPA_PSYNC2 : 0U;
        feed->capabilities |= bytes_equal_nocase(value, "rewind") ? FEED_CAPA_REWIND : 0U;
        feed->capabilities |= bytes_equal_nocase(value, "backup") ? FEED_CAPA_BACKUP : 0U;
    } else if (bytes_equal_nocase(option, "memory")) {
        if (feed->phase != FEED_HANDSHAKE || !num_parse_u64(value, &feed->memory)) {
            errmsg_set(error, "REPLCONF memory is no number, or comes too late");
            return false;
        }
    } else if (bytes_equal_nocase(option, "version")) {
        value = is_plain_text(value) ? value : BYTES_LITERAL("?");
        bytes_to_text(value, feed->version, sizeof(feed->version));
    } else if (!bytes_equal_nocase(option, "getack")) {
        char shown[64];

        bytes_to_text(option, shown, sizeof(shown));
        errmsg_set(error, "Unrecognized REPLCONF option: %s", shown);
        return false;
    }
    return true;
}

enum feed_result feed_take_replconf(struct feed *feed, struct mono_time now,
                                    const struct bytes *words, size_t count, struct errmsg *error)
{
    bool is_ack = count > 0 &&
                  (bytes_equal_nocase(words[0], "ack") || bytes_equal_nocase(words[0], "getack"));

    ASSERT(words != NULL || count == 0);
    feed->heard_at = now;
    if (count % 2 != 0) {
        errmsg_set(error, "syntax error");
        return FEED_REPLY_ERROR;
    }
    for (size_t i = 0; i < count; i += 2) {
        if (!take_option(feed, now, words[i], words[i + 1], error)) {
            /* Nothing but requests may go to an online replica: an odd ACK is passed over. */
            return is_ack ? FEED_REPLY_NONE : FEED_REPLY_ERROR;
        }
    }
    return is_ack ? FEED_REPLY_NONE : FEED_REPLY_OK;
}

/* ---- PSYNC ------------------------------------------------------------------------------------ */

enum psync_decision psync_decide(const struct feed_log_facts *facts, struct bytes id,
                                 struct bytes offset, uint64_t *out_offset, struct errmsg *reason)
{
    struct history_id history;
    int64_t wanted;
    uint64_t have;
    uint64_t end;

    ASSERT(facts->start <= facts->end);
    if (!num_parse_i64(offset, &wanted)) {
        errmsg_set(reason, "value is not an integer or out of range");
        return PSYNC_INVALID;
    }
    if (bytes_equal_text(id, "?") || wanted < 1) {
        errmsg_set(reason, "it has nothing to go on from");
        return PSYNC_FULL;
    }
    have = (uint64_t)wanted - 1; /* what the replica has, as an offset of the log */
    if (!history_id_is(&facts->history, id)) {
        if (!history_id_parse(id, &history) || !lineage_find(facts->lineage, &history, &end)) {
            errmsg_set(reason, "it has another history");
            return PSYNC_FULL;
        }
        if (have > end && facts->takes_rewind && end >= facts->start) {
            *out_offset = end;
            return PSYNC_REWIND;
        }
        if (have > end) {
            errmsg_set(reason,
                       "it went on to %" PRIu64 " in a history that is ours up to %" PRIu64 " only",
                       have, end);
            return PSYNC_FULL;
        }
    }
    if (have < facts->start || have > facts->end) {
        errmsg_set(reason, "it asks for %" PRIu64 ", the log holds %" PRIu64 " to %" PRIu64, have,
                   facts->start, facts->end);
        return PSYNC_FULL;
    }
    *out_offset = have;
    return PSYNC_CONTINUE;
}

void feed_start_full(struct feed *feed, struct mono_time now)
{
    feed->acked_offset = 0;
    feed->acked_synced_offset = 0;
    move(feed, FEED_WAIT_SNAPSHOT);
    feed->newline_at = now;
    feed->heard_at = now;
    ASSERT(feed->acked_offset <= feed->cursor);
}

void feed_start_snapshot(struct feed *feed, struct mono_time now,
                         const struct replication_position *position, struct buf *out)
{
    ASSERT(!history_id_is_empty(&position->history));
    move(feed, FEED_SNAPSHOT);
    feed->cursor = position->offset;
    feed->heard_at = now;
    feed->memory += feed->memory != 0 ? 1 : 0; /* as the replica counts, when it has loaded it */
    buf_printf(out, "+FULLRESYNC %s %" PRIu64 "\r\n", position->history.text, position->offset);
}

void feed_start_continue(struct feed *feed, struct mono_time now,
                         const struct replication_position *position, struct buf *out)
{
    ASSERT(!history_id_is_empty(&position->history));
    feed->cursor = position->offset;
    feed->acked_offset = position->offset;
    move(feed, FEED_ONLINE);
    feed->acked_at = now;
    feed->heard_at = now;
    if (feed->capabilities & FEED_CAPA_PSYNC2) {
        buf_printf(out, "+CONTINUE %s\r\n", position->history.text);
    } else {
        buf_append_text(out, "+CONTINUE\r\n");
    }
    ASSERT(feed->acked_offset <= feed->cursor);
}

void feed_format_payload_head(struct feed *feed, uint64_t size, struct bytes marker,
                              struct buf *out)
{
    ASSERT(feed->phase == FEED_SNAPSHOT);
    feed->is_eof_payload = size == REPLICATION_SIZE_UNKNOWN;
    if (feed->is_eof_payload) {
        ASSERT(marker.len == FEED_MARKER_LEN);
        buf_append_text(out, "$EOF:");
        buf_append_bytes(out, marker);
        buf_append_text(out, "\r\n");
    } else {
        buf_printf(out, "$%" PRIu64 "\r\n", size);
    }
}

void feed_end_snapshot(struct feed *feed, struct mono_time now)
{
    ASSERT(feed->phase == FEED_SNAPSHOT);
    move(feed, feed->is_eof_payload ? FEED_WAIT_ACK : FEED_ONLINE);
    feed->acked_at = now;
    feed->heard_at = now;
}

/* ---- time ------------------------------------------------------------------------------------- */

enum feed_due feed_tick(struct feed *feed, struct mono_time now, int64_t timeout_ms)
{
    ASSERT(timeout_ms > 0);
    switch (feed->phase) {
    case FEED_HANDSHAKE:
        return FEED_DUE_NOTHING;
    case FEED_WAIT_SNAPSHOT:
        if (mono_ms_between(feed->newline_at, now) < NEWLINE_PERIOD_MS) {
            return FEED_DUE_NOTHING;
        }
        feed->newline_at = now;
        return FEED_DUE_NEWLINE;
    case FEED_SNAPSHOT:
    case FEED_WAIT_ACK:
    case FEED_ONLINE:
        break;
    }
    return mono_ms_between(feed->heard_at, now) > timeout_ms ? FEED_DUE_CLOSE : FEED_DUE_NOTHING;
}

bool primary_ping_is_due(struct mono_time *last_ping_at, struct mono_time now, int64_t period_ms)
{
    ASSERT(period_ms > 0);
    if (mono_ms_between(*last_ping_at, now) < period_ms) {
        return false;
    }
    *last_ping_at = now;
    return true;
}

/* ---- over all feeds --------------------------------------------------------------------------- */

bool feed_is_replica(const struct feed *feed)
{
    return feed->phase == FEED_ONLINE && (feed->capabilities & FEED_CAPA_BACKUP) == 0 &&
           !feed->is_over;
}

static bool is_same_node(const struct feed *a, const struct feed *b)
{
    const char *ip_a = a->announced_ip[0] != '\0' ? a->announced_ip : a->peer_ip;
    const char *ip_b = b->announced_ip[0] != '\0' ? b->announced_ip : b->peer_ip;

    if (a->introduction.is_proven || b->introduction.is_proven) {
        return a->introduction.is_proven && b->introduction.is_proven &&
               cluster_id_equal(&a->introduction.replica, &b->introduction.replica);
    }
    return a->listening_port != 0 && a->listening_port == b->listening_port && ip_a[0] != '\0' &&
           strcmp(ip_a, ip_b) == 0;
}

struct question {
    uint64_t acked_offset;
    uint64_t synced_offset;
    struct mono_time heard_since;
};

static bool is_counted(const struct feed *feed, const struct question *question)
{
    return feed != NULL && feed_is_replica(feed) && feed->acked_offset >= question->acked_offset &&
           feed->acked_synced_offset >= question->synced_offset &&
           !mono_is_before(feed->acked_at, question->heard_since);
}

static size_t count_nodes(const struct feed *const *feeds, size_t count,
                          const struct question *question)
{
    size_t found = 0;

    ASSERT(feeds != NULL || count == 0);
    for (size_t i = 0; i < count; i++) {
        bool is_known = false;

        if (!is_counted(feeds[i], question)) {
            continue;
        }
        for (size_t k = 0; k < i && !is_known; k++) {
            is_known = is_counted(feeds[k], question) && is_same_node(feeds[k], feeds[i]);
        }
        found += !is_known;
    }
    ASSERT(found <= count);
    return found;
}

#define ANY_TIME ((struct mono_time){.us = INT64_MIN})

size_t feeds_count_acked(const struct feed *const *feeds, size_t count, uint64_t offset)
{
    return count_nodes(feeds, count,
                       &(struct question){.acked_offset = offset, .heard_since = ANY_TIME});
}

size_t feeds_count_synced(const struct feed *const *feeds, size_t count, uint64_t offset)
{
    return count_nodes(feeds, count,
                       &(struct question){.synced_offset = offset, .heard_since = ANY_TIME});
}

size_t feeds_count_good(const struct feed *const *feeds, size_t count, struct mono_time now,
                        int64_t max_lag_ms)
{
    return count_nodes(feeds, count,
                       &(struct question){.heard_since = mono_add_ms(now, -max_lag_ms)});
}

bool feeds_find_acked(const struct feed *const *feeds, size_t count, const struct cluster_id *node,
                      uint64_t memory, bool synced, uint64_t *out)
{
    bool is_found = false;

    *out = 0;
    for (size_t i = 0; i < count; i++) {
        const struct feed *feed = feeds[i];
        uint64_t acked;

        if (feed == NULL || !feed_is_replica(feed) || feed->memory != memory ||
            !feed->introduction.is_proven || !cluster_id_equal(&feed->introduction.replica, node)) {
            continue;
        }
        acked = synced ? feed->acked_synced_offset : feed->acked_offset;
        *out = acked > *out ? acked : *out;
        is_found = true;
    }
    return is_found;
}

uint64_t feeds_oldest_cursor(const struct feed *const *feeds, size_t count)
{
    uint64_t oldest = UINT64_MAX;

    ASSERT(feeds != NULL || count == 0);
    for (size_t i = 0; i < count; i++) {
        bool reads_log = feeds[i] != NULL &&
                         (feeds[i]->phase == FEED_SNAPSHOT || feeds[i]->phase == FEED_WAIT_ACK ||
                          feeds[i]->phase == FEED_ONLINE);

        if (reads_log && feeds[i]->cursor < oldest) {
            oldest = feeds[i]->cursor;
        }
    }
    return oldest;
}

const char *feed_phase_name(enum feed_phase phase)
{
    switch (phase) {
    case FEED_HANDSHAKE:
    case FEED_WAIT_SNAPSHOT:
        return "wait_bgsave";
    case FEED_SNAPSHOT:
    case FEED_WAIT_ACK:
        return "send_bulk";
    case FEED_ONLINE:
        return "online";
    }
    ASSERT(false);
    return "";
}

void feed_check(const struct feed *feed)
{
    bool reads_log =
        feed->phase == FEED_SNAPSHOT || feed->phase == FEED_WAIT_ACK || feed->phase == FEED_ONLINE;

    ASSERT(feed->acked_offset <= feed->cursor);
    ASSERT(feed->acked_synced_offset <= feed->cursor);
    ASSERT(reads_log || feed->acked_offset == 0);
    ASSERT(feed->phase != FEED_WAIT_ACK || feed->is_eof_payload);
    ASSERT(memchr(feed->announced_ip, '\0', sizeof(feed->announced_ip)) != NULL);
    ASSERT(memchr(feed->version, '\0', sizeof(feed->version)) != NULL);
}
