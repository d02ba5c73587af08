/* SPDX-License-Identifier: MIT */
/* The nodes file as text, there and back. */
#include "cluster/nodes_file.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "base/num.h"
#include "cluster/council_side.h"
#include "cluster/facts.h"
#include "cluster/forgotten.h"
#include "cluster/nodes.h"
#include "cluster/slots.h"

#include <inttypes.h>

struct parser {
    struct cluster *c;
    struct errmsg *error;
    size_t line_number;
    bool has_vars;
    VEC(struct bytes) council; /* its lines, for when we know who we are */
};

void nodes_file_format_slots(const struct cluster *c, const struct cluster_node *node,
                             struct buf *out)
{
    uint32_t told = 0;

    for (size_t first = 0;
         (first = bitset_next(node->slots, SLOT_COUNT, first, true)) < SLOT_COUNT;) {
        size_t end = bitset_next(node->slots, SLOT_COUNT, first, false);

        told += (uint32_t)(end - first);
        if (first + 1 == end) {
            buf_printf(out, " %zu", first);
        } else {
            buf_printf(out, " %zu-%zu", first, end - 1);
        }
        first = end;
    }
    ASSERT(told == node->slot_count);
    for (size_t i = 0; node == c->me && i < c->moves.count; i++) {
        const struct slot_move *move = &c->moves.items[i];

        buf_printf(out, " [%u-%c-%s]", move->slot, move->is_import ? '<' : '>', move->peer.text);
    }
}

static void format_line(const struct cluster *c, const struct cluster_node *node, struct buf *out)
{
    bool is_primary = node_is_primary(node);

    ASSERT(!node->is_in_handshake);
    buf_printf(out, "%s %s:%u@%u,%s,shard-id=%s", node->id.text, node->address.ip,
               node->address.port, node->address.bus_port, node->address.hostname,
               node->shard.text);
    if (node->is_named_by_itself) {
        buf_append_text(out, ",announced=yes");
    }
    if (node->admission != 0) {
        buf_printf(out, ",admission=%" PRIu64, node->admission);
    }
    buf_printf(out, " %s%s %s 0 0 %" PRIu64 " connected", node == c->me ? "myself," : "",
               is_primary ? "master" : "slave", is_primary ? "-" : node->primary.text,
               node->config_epoch);
    nodes_file_format_slots(c, node, out);
    buf_append_byte(out, '\n');
}

void nodes_file_format(const struct cluster *c, struct buf *out)
{
    ASSERT(c->nodes.items[0] == c->me);
    for (size_t i = 0; i < c->nodes.count; i++) {
        if (!c->nodes.items[i]->is_in_handshake) {
            format_line(c, c->nodes.items[i], out);
        }
    }
    council_format(c->council, out);
    buf_printf(out, "vars currentEpoch %" PRIu64 " lastVoteEpoch 0", c->current_epoch);
    for (size_t i = 0; i < c->forgotten.count; i++) {
        const struct forgotten *record = &c->forgotten.items[i];

        if (!record->is_admitted && mono_is_before(c->now, record->until)) {
            buf_printf(out, " forgotten %s:%" PRIu64 ":%" PRId64, record->id.text,
                       record->admission, mono_ms_between(c->now, record->until));
        }
    }
    buf_append_byte(out, '\n');
}

static bool fail(struct parser *p, const char *reason)
{
    ASSERT(reason[0] != '\0');
    errmsg_set(p->error, "nodes file, line %zu: %s", p->line_number, reason);
    return false;
}

/* "a,b,c": cut the next part off, which may be empty. */
static struct bytes next_part(struct bytes *rest)
{
    size_t end = bytes_find_byte(*rest, ',');
    struct bytes part;

    if (end == SIZE_MAX) {
        part = *rest;
        *rest = (struct bytes){0};
        return part;
    }
    part = bytes_prefix(*rest, end);
    *rest = bytes_from(*rest, end + 1);
    return part;
}

static bool parse_port(struct bytes text, uint16_t *out)
{
    uint64_t value;

    if (!num_parse_u64(text, &value) || value > UINT16_MAX) {
        return false;
    }
    *out = (uint16_t)value;
    return true;
}

/* "ip:port@bus port"; the ip may be empty, or hold colons. */
static bool parse_endpoint(struct parser *p, struct bytes text, struct cluster_address *out)
{
    size_t at = bytes_find_byte(text, '@');
    size_t colon = at;
    struct bytes ip;

    if (at == SIZE_MAX) {
        return fail(p, "the address has no bus port");
    }
    while (colon > 0 && text.data[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        return fail(p, "the address has no port");
    }
    ASSERT(colon <= at);
    ip = bytes_prefix(text, colon - 1);
    if (ip.len > 0 && !cluster_ip_is_valid(ip)) {
        return fail(p, "the address is not one");
    }
    if (!parse_port(bytes_make(text.data + colon, at - colon), &out->port) ||
        !parse_port(bytes_from(text, at + 1), &out->bus_port)) {
        return fail(p, "a port is not a number up to 65535");
    }
    bytes_to_text(ip, out->ip, sizeof(out->ip));
    return true;
}

static bool parse_extra(struct parser *p, struct bytes part, struct cluster_node *node)
{
    if (bytes_has_prefix(part, "shard-id=")) {
        if (!cluster_id_parse(bytes_from(part, strlen("shard-id=")), &node->shard)) {
            return fail(p, "the shard id is not 40 hex digits");
        }
    } else if (bytes_equal_text(part, "announced=yes")) {
        node->is_named_by_itself = true;
    } else if (bytes_has_prefix(part, "admission=")) {
        if (!num_parse_u64(bytes_from(part, strlen("admission=")), &node->admission)) {
            return fail(p, "the admission is not a number");
        }
    } else if (part.len > 0 && bytes_find_byte(part, '=') == SIZE_MAX) {
        return fail(p, "the address has a part that is not key=value");
    }
    return true;
}

static bool parse_address(struct parser *p, struct bytes word, struct cluster_node *node)
{
    struct bytes endpoint = next_part(&word);
    struct bytes hostname = next_part(&word);

    if (!parse_endpoint(p, endpoint, &node->address)) {
        return false;
    }
    if (hostname.len > 0 && !cluster_hostname_is_valid(hostname)) {
        return fail(p, "the hostname is not one");
    }
    bytes_to_text(hostname, node->address.hostname, sizeof(node->address.hostname));
    while (word.len > 0) {
        if (!parse_extra(p, next_part(&word), node)) {
            return false;
        }
    }
    return true;
}

static bool parse_flags(struct parser *p, struct bytes word, struct cluster_node *node,
                        bool *is_replica)
{
    static const char *const harmless[] = {"master", "fail?",      "fail",   "handshake",
                                           "noaddr", "nofailover", "noflags"};

    *is_replica = false;
    ASSERT(p->c->me != node);
    while (word.len > 0) {
        struct bytes flag = next_part(&word);
        bool is_known = false;

        if (bytes_equal_text(flag, "myself")) {
            if (p->c->me != NULL) {
                return fail(p, "a second node is flagged as myself");
            }
            p->c->me = node;
            continue;
        }
        if (bytes_equal_text(flag, "slave")) {
            *is_replica = true;
            continue;
        }
        for (size_t i = 0; i < ARRAY_COUNT(harmless); i++) {
            is_known = is_known || bytes_equal_text(flag, harmless[i]);
        }
        if (!is_known) {
            return fail(p, "a flag is not known");
        }
    }
    return true;
}

static bool parse_slot(struct bytes text, uint16_t *out)
{
    uint64_t value;

    if (!num_parse_u64(text, &value) || value >= SLOT_COUNT) {
        return false;
    }
    *out = (uint16_t)value;
    ASSERT(*out < SLOT_COUNT);
    return true;
}

/* "[slot->-id]" or "[slot-<-id]" */
static bool parse_move(struct parser *p, struct bytes word)
{
    size_t dash = bytes_find_byte(word, '-');
    struct slot_move move = {0};

    ASSERT(word.len > 0 && word.data[0] == '[');
    if (dash == SIZE_MAX || word.len != dash + 3 + CLUSTER_ID_LEN + 1 ||
        word.data[word.len - 1] != ']' || word.data[dash + 2] != '-' ||
        (word.data[dash + 1] != '<' && word.data[dash + 1] != '>') ||
        !parse_slot(bytes_make(word.data + 1, dash - 1), &move.slot) ||
        !cluster_id_parse(bytes_make(word.data + dash + 3, CLUSTER_ID_LEN), &move.peer)) {
        return fail(p, "a slot on the move is malformed");
    }
    move.is_import = word.data[dash + 1] == '<';
    slots_set_move(p->c, &move);
    ASSERT(slots_find_move(p->c, move.slot) != NULL);
    return true;
}

static bool parse_range(struct parser *p, struct bytes word, struct cluster_node *node)
{
    size_t dash = bytes_find_byte(word, '-');
    struct bytes last_text = dash == SIZE_MAX ? word : bytes_from(word, dash + 1);
    uint16_t first;
    uint16_t last;

    ASSERT(word.len > 0);
    if (!parse_slot(dash == SIZE_MAX ? word : bytes_prefix(word, dash), &first) ||
        !parse_slot(last_text, &last) || first > last) {
        return fail(p, "a range of slots is malformed");
    }
    if (!node_is_primary(node)) {
        return fail(p, "a replica has slots");
    }
    for (uint32_t slot = first; slot <= last; slot++) {
        if (p->c->owner[slot] != NULL) {
            return fail(p, "a slot has two owners");
        }
        slots_bind(p->c, (uint16_t)slot, node);
    }
    ASSERT(node->slot_count > (uint32_t)(last - first));
    return true;
}

/* "id:admission:ms left" */
static bool parse_forgotten(struct parser *p, struct bytes word)
{
    struct bytes id_text = bytes_next_word(&word, ':');
    struct bytes admission_text = bytes_next_word(&word, ':');
    struct bytes left_text = bytes_next_word(&word, ':');
    struct cluster_id id;
    uint64_t admission;
    uint64_t left_ms;

    if (!cluster_id_parse(id_text, &id) || !num_parse_u64(admission_text, &admission) ||
        !num_parse_u64(left_text, &left_ms) || left_ms > CLUSTER_FORGOTTEN_MS || word.len > 0) {
        return fail(p, "a forgotten node is malformed");
    }
    forgotten_note(p->c, &id, admission, mono_add_ms(p->c->now, (int64_t)left_ms));
    return true;
}

static bool parse_vars(struct parser *p, struct bytes line)
{
    struct bytes key;

    ASSERT(!p->has_vars);
    p->has_vars = true;
    while ((key = bytes_next_word(&line, ' ')).len > 0) {
        struct bytes value = bytes_next_word(&line, ' ');
        uint64_t ignored = 0; /* lastVoteEpoch, which files of version 0.1 need */
        uint64_t *into;

        if (bytes_equal_text(key, "forgotten")) {
            if (!parse_forgotten(p, value)) {
                return false;
            }
            continue;
        }
        into = bytes_equal_text(key, "currentEpoch")    ? &p->c->current_epoch
               : bytes_equal_text(key, "lastVoteEpoch") ? &ignored
                                                        : NULL;

        if (into == NULL || !num_parse_u64(value, into)) {
            return fail(p, "the vars are malformed");
        }
    }
    return true;
}

static bool parse_role(struct parser *p, struct bytes *line, struct cluster_node *node)
{
    bool is_replica;
    struct bytes flags = bytes_next_word(line, ' ');
    struct bytes primary = bytes_next_word(line, ' ');

    if (!parse_flags(p, flags, node, &is_replica)) {
        return false;
    }
    if (!is_replica) {
        return bytes_equal_text(primary, "-") || fail(p, "a primary has a primary");
    }
    if (!cluster_id_parse(primary, &node->primary) || cluster_id_equal(&node->primary, &node->id)) {
        return fail(p, "the id of the primary is not one");
    }
    ASSERT(!node_is_primary(node));
    return true;
}

static bool parse_node(struct parser *p, struct bytes line)
{
    struct cluster_node *node;
    struct cluster_id id;
    struct bytes word;

    if (!cluster_id_parse(bytes_next_word(&line, ' '), &id)) {
        return fail(p, "the node id is not 40 hex digits");
    }
    if (nodes_find(p->c, &id) != NULL) {
        return fail(p, "the node is listed twice");
    }
    node = nodes_add(p->c, &id, &(struct cluster_address){0});
    if (node == NULL) {
        return fail(p, "there are too many nodes");
    }
    ASSERT(node->slot_count == 0);
    if (!parse_address(p, bytes_next_word(&line, ' '), node) || !parse_role(p, &line, node)) {
        return false;
    }
    (void)bytes_next_word(&line, ' '); /* ping sent */
    (void)bytes_next_word(&line, ' '); /* pong received */
    if (!num_parse_u64(bytes_next_word(&line, ' '), &node->config_epoch)) {
        return fail(p, "the config epoch is not a number");
    }
    if (bytes_next_word(&line, ' ').len == 0) {
        return fail(p, "the line is cut");
    }
    while ((word = bytes_next_word(&line, ' ')).len > 0) {
        if (word.data[0] == '[' ? !parse_move(p, word) : !parse_range(p, word, node)) {
            return false;
        }
    }
    return true;
}

static bool parse_lines(struct parser *p, struct bytes text)
{
    while (text.len > 0) {
        size_t end = bytes_find_byte(text, '\n');
        struct bytes line;

        p->line_number++;
        if (end == SIZE_MAX) {
            return fail(p, "the file ends inside a line");
        }
        if (p->has_vars) {
            return fail(p, "there is something behind the vars");
        }
        line = bytes_prefix(text, end);
        text = bytes_from(text, end + 1);
        if (bytes_has_prefix(line, "council ")) {
            VEC_PUSH(&p->council, line);
            continue;
        }
        if (bytes_has_prefix(line, "vars ") ? !parse_vars(p, bytes_from(line, strlen("vars ")))
                                            : !parse_node(p, line)) {
            return false;
        }
    }
    return true;
}

static bool check_whole(struct parser *p)
{
    struct cluster *c = p->c;

    if (!p->has_vars) {
        return fail(p, "the vars line is missing: the file is cut");
    }
    if (c->me == NULL) {
        return fail(p, "no node is flagged as myself");
    }
    for (size_t i = 0; i < c->nodes.count; i++) {
        if (c->nodes.items[i]->config_epoch > c->current_epoch) {
            return fail(p, "a config epoch is beyond currentEpoch");
        }
    }
    ASSERT(c->nodes.count > 0);
    return true;
}

/* A file of version 0.1 has none of its lines: a council is founded, and joins others like that of a new node. */
static bool parse_council(struct parser *p)
{
    council_side_found(p->c);
    for (size_t i = 0; i < p->council.count; i++) {
        if (!council_parse_line(p->c->council, p->council.items[i], p->error)) {
            errmsg_wrap(p->error, "nodes file");
            return false;
        }
    }
    if (p->council.count > 0) {
        council_restarted(p->c->council, p->c->now);
        p->c->has_formed = council_seats(p->c->council)->members.count > 1;
    }
    return true;
}

static bool parse_whole(struct parser *p, struct bytes text)
{
    return parse_lines(p, text) && check_whole(p) && parse_council(p);
}

bool nodes_file_parse(struct cluster *c, struct bytes text, struct errmsg *error)
{
    struct parser p = {.c = c, .error = error};
    bool is_ok;

    ASSERT(c->me == NULL);
    ASSERT(c->nodes.count == 0);
    is_ok = parse_whole(&p, text);
    VEC_DEINIT(&p.council);
    if (!is_ok) {
        return false;
    }
    for (size_t i = 0; i < c->nodes.count; i++) {
        if (c->nodes.items[i] == c->me) {
            c->nodes.items[i] = c->nodes.items[0];
            c->nodes.items[0] = c->me;
        }
    }
    ASSERT(c->nodes.items[0] == c->me);
    return true;
}
