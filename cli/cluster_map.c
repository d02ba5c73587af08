/* SPDX-License-Identifier: MIT */
/* A line of CLUSTER NODES:
 *   <id> <host:port@bus[,hostname...]> <flags> <primary|-> <ping> <pong> <epoch> <link> <slot> ...
 * where a slot is n, a-b, [n->-id] (migrating) or [n-<-id] (importing). */
#include "cli/cluster_map.h"

#include "base/num.h"

#include <stdlib.h>
#include <string.h>

void cluster_map_deinit(struct cluster_map *map)
{
    VEC_DEINIT(&map->nodes);
    VEC_DEINIT(&map->open_slots);
}

/* ---- CLUSTER NODES ----------------------------------------------------------------------------- */

static bool parse_slot(struct bytes text, uint16_t *out)
{
    uint64_t slot;

    if (!num_parse_u64(text, &slot) || slot >= SLOT_COUNT) {
        return false;
    }
    *out = (uint16_t)slot;
    return true;
}

static void add_slot(struct map_node *node, uint16_t slot)
{
    if (!bitset_has(node->slots, slot)) {
        bitset_add(node->slots, slot);
        node->slot_count++;
    }
}

bool map_parse_run(struct bytes word, uint16_t *first, uint16_t *last)
{
    size_t dash = bytes_find_byte(word, '-');

    if (dash == SIZE_MAX) {
        if (!parse_slot(word, first)) {
            return false;
        }
        *last = *first;
        return true;
    }
    return parse_slot(bytes_prefix(word, dash), first) &&
           parse_slot(bytes_from(word, dash + 1), last);
}

static bool parse_slots(struct map_node *node, struct bytes word)
{
    uint16_t first;
    uint16_t last;

    if (!map_parse_run(word, &first, &last)) {
        return false;
    }
    for (uint32_t slot = first; slot <= last; slot++) {
        add_slot(node, (uint16_t)slot);
    }
    return true;
}

/* word is "[93->-id]" or "[77-<-id]". */
static bool parse_open_slot(struct cluster_map *map, struct bytes word)
{
    struct map_open_slot open = {.node = map->nodes.count};
    size_t dash = bytes_find_byte(word, '-');
    struct bytes peer;

    if (word.data[word.len - 1] != ']' || dash == SIZE_MAX || word.len - dash < 4 ||
        word.data[dash + 2] != '-' ||
        !parse_slot(bytes_make(word.data + 1, dash - 1), &open.slot)) {
        return false;
    }
    open.is_migrating = word.data[dash + 1] == '>';
    peer = bytes_from(word, dash + 3);
    bytes_to_text(bytes_prefix(peer, peer.len - 1), open.peer_id, sizeof(open.peer_id));
    VEC_PUSH(&map->open_slots, open);
    return true;
}

static uint32_t parse_flags(struct bytes text)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } names[] = {
        {"myself",    MAP_MYSELF   },
        {"master",    MAP_PRIMARY  },
        {"primary",   MAP_PRIMARY  },
        {"slave",     MAP_REPLICA  },
        {"replica",   MAP_REPLICA  },
        {"fail",      MAP_FAIL     },
        {"fail?",     MAP_PFAIL    },
        {"handshake", MAP_HANDSHAKE},
        {"noaddr",    MAP_NOADDR   },
        {"arbiter",   MAP_ARBITER  },
    };
    uint32_t flags = 0;
    struct bytes rest = text;

    for (;;) {
        struct bytes word = bytes_next_word(&rest, ',');

        if (word.len == 0) {
            return flags;
        }
        for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
            if (bytes_equal_text(word, names[i].name)) {
                flags |= names[i].flag;
            }
        }
    }
}

/* "host:port@bus,hostname": of the host name there is no use, as a client may reach either. */
static bool parse_address(struct map_node *node, struct bytes text)
{
    size_t at = bytes_find_byte(text, '@');
    size_t comma = bytes_find_byte(text, ',');
    size_t end = at != SIZE_MAX ? at : comma != SIZE_MAX ? comma : text.len;
    size_t colon = end;
    uint64_t port;

    while (colon > 0 && text.data[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0 || colon > sizeof(node->host) ||
        !num_parse_u64(bytes_make(text.data + colon, end - colon), &port) || port > 65535) {
        return false;
    }
    bytes_to_text(bytes_prefix(text, colon - 1), node->host, sizeof(node->host));
    node->port = (uint16_t)port;
    if (at != SIZE_MAX && at < comma) {
        struct bytes bus =
            bytes_from(bytes_prefix(text, comma < text.len ? comma : text.len), at + 1);

        node->bus_port = num_parse_u64(bus, &port) && port <= 65535 ? (uint16_t)port : 0;
    }
    return true;
}

static bool parse_line(struct cluster_map *map, struct bytes line)
{
    struct map_node node = {0};
    struct bytes rest = line;
    struct bytes id = bytes_next_word(&rest, ' ');
    struct bytes address = bytes_next_word(&rest, ' ');
    struct bytes flags = bytes_next_word(&rest, ' ');
    struct bytes primary = bytes_next_word(&rest, ' ');
    struct bytes epoch;
    struct bytes word;

    (void)bytes_next_word(&rest, ' '); /* ping sent */
    (void)bytes_next_word(&rest, ' '); /* pong received */
    epoch = bytes_next_word(&rest, ' ');
    node.is_linked = bytes_equal_text(bytes_next_word(&rest, ' '), "connected");
    node.flags = parse_flags(flags);
    if (id.len != MAP_ID_TEXT - 1 || !num_parse_u64(epoch, &node.config_epoch)) {
        return false;
    }
    if (!parse_address(&node, address) && (node.flags & MAP_NOADDR) == 0) {
        return false;
    }
    bytes_to_text(id, node.id, sizeof(node.id));
    if (!bytes_equal_text(primary, "-")) {
        bytes_to_text(primary, node.primary_id, sizeof(node.primary_id));
    }
    while ((word = bytes_next_word(&rest, ' ')).len > 0) {
        if (word.data[0] == '[' ? !parse_open_slot(map, word) : !parse_slots(&node, word)) {
            return false;
        }
    }
    VEC_PUSH(&map->nodes, node);
    return true;
}

bool cluster_map_parse_nodes(struct cluster_map *map, struct bytes text, struct errmsg *error)
{
    map->nodes.count = 0;
    map->open_slots.count = 0;
    for (;;) {
        struct bytes line = bytes_next_word(&text, '\n');

        if (line.len == 0) {
            return true;
        }
        line = bytes_trim(line);
        if (line.len > 0 && !parse_line(map, line)) {
            errmsg_set(error, "a line of CLUSTER NODES cannot be understood: %.*s",
                       line.len < 200 ? (int)line.len : 200, line.data);
            return false;
        }
    }
}

/* ---- CLUSTER SLOTS ----------------------------------------------------------------------------- */

/* The node of [host, port, id, ...], added when it is new; NULL when it makes no sense. */
static struct map_node *add_slots_node(struct cluster_map *map, const struct resp_value *entry,
                                       uint32_t role)
{
    struct map_node node = {.flags = role};
    bool has_host;

    if (entry->type != RESP_ARRAY || entry->child_count < 2 ||
        entry->children[1].type != RESP_INTEGER || entry->children[1].integer < 1 ||
        entry->children[1].integer > 65535) {
        return NULL;
    }
    has_host = entry->children[0].type == RESP_BULK && entry->children[0].text.len > 0;
    if (has_host && !bytes_equal_text(resp_value_bytes(&entry->children[0]), "?")) {
        bytes_to_text(resp_value_bytes(&entry->children[0]), node.host, sizeof(node.host));
    }
    node.port = (uint16_t)entry->children[1].integer;
    if (entry->child_count > 2 && entry->children[2].type == RESP_BULK) {
        bytes_to_text(resp_value_bytes(&entry->children[2]), node.id, sizeof(node.id));
    }
    for (size_t i = 0; i < map->nodes.count; i++) {
        struct map_node *known = &map->nodes.items[i];

        if (known->port == node.port && strcmp(known->host, node.host) == 0 &&
            strcmp(known->id, node.id) == 0) {
            return known;
        }
    }
    VEC_PUSH(&map->nodes, node);
    return &map->nodes.items[map->nodes.count - 1];
}

static bool parse_slots_entry(struct cluster_map *map, const struct resp_value *entry)
{
    const struct resp_value *children = entry->children;
    struct map_node *primary;

    if (entry->type != RESP_ARRAY || entry->child_count < 3 || children[0].type != RESP_INTEGER ||
        children[1].type != RESP_INTEGER || children[0].integer < 0 ||
        children[1].integer >= SLOT_COUNT || children[0].integer > children[1].integer) {
        return false;
    }
    primary = add_slots_node(map, &children[2], MAP_PRIMARY);
    if (primary == NULL) {
        return false;
    }
    for (int64_t slot = children[0].integer; slot <= children[1].integer; slot++) {
        add_slot(primary, (uint16_t)slot);
    }
    for (size_t i = 3; i < entry->child_count; i++) {
        if (add_slots_node(map, &children[i], MAP_REPLICA) == NULL) {
            return false;
        }
    }
    return true;
}

bool cluster_map_parse_slots(struct cluster_map *map, const struct resp_value *reply,
                             struct errmsg *error)
{
    map->nodes.count = 0;
    map->open_slots.count = 0;
    if (reply->type == RESP_FAILURE) {
        errmsg_set(error, "%.*s", (int)reply->text.len, reply->text.data);
        return false;
    }
    for (size_t i = 0; i < reply->child_count; i++) {
        if (!parse_slots_entry(map, &reply->children[i])) {
            errmsg_set(error, "the reply of CLUSTER SLOTS cannot be understood");
            return false;
        }
    }
    return true;
}

/* ---- questions --------------------------------------------------------------------------------- */

struct map_node *cluster_map_find(const struct cluster_map *map, const char *id)
{
    for (size_t i = 0; i < map->nodes.count; i++) {
        if (strcmp(map->nodes.items[i].id, id) == 0) {
            return &map->nodes.items[i];
        }
    }
    return NULL;
}

struct map_node *cluster_map_myself(const struct cluster_map *map)
{
    for (size_t i = 0; i < map->nodes.count; i++) {
        if ((map->nodes.items[i].flags & MAP_MYSELF) != 0) {
            return &map->nodes.items[i];
        }
    }
    return NULL;
}

void map_node_add_slots(const struct map_node *node, uint64_t set[BITSET_WORDS(SLOT_COUNT)])
{
    for (size_t word = 0; word < BITSET_WORDS(SLOT_COUNT); word++) {
        set[word] |= node->slots[word];
    }
}

size_t cluster_map_count_covered(const struct cluster_map *map)
{
    uint64_t covered[BITSET_WORDS(SLOT_COUNT)] = {0};

    for (size_t i = 0; i < map->nodes.count; i++) {
        map_node_add_slots(&map->nodes.items[i], covered);
    }
    return bitset_count(covered, ARRAY_COUNT(covered));
}

void map_write_slots(const uint64_t set[BITSET_WORDS(SLOT_COUNT)], struct buf *out)
{
    bool is_first = true;

    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        uint32_t last = slot;

        if (!bitset_has(set, slot)) {
            continue;
        }
        while (last + 1 < SLOT_COUNT && bitset_has(set, last + 1)) {
            last++;
        }
        buf_printf(out, last == slot ? "%s[%u]" : "%s[%u-%u]", is_first ? "" : ",", slot, last);
        is_first = false;
        slot = last;
    }
}

static int compare_ids(const void *a, const void *b)
{
    const struct map_node *const *left = a;
    const struct map_node *const *right = b;

    return strcmp((*left)->id, (*right)->id);
}

void cluster_map_write_signature(const struct cluster_map *map, struct buf *out)
{
    VEC(const struct map_node *) sorted = {0};

    for (size_t i = 0; i < map->nodes.count; i++) {
        if ((map->nodes.items[i].flags & MAP_HANDSHAKE) == 0) {
            VEC_PUSH(&sorted, &map->nodes.items[i]);
        }
    }
    if (sorted.count > 0) {
        qsort(sorted.items, sorted.count, sizeof(*sorted.items), compare_ids);
    }
    for (size_t i = 0; i < sorted.count; i++) {
        const struct map_node *node = sorted.items[i];

        buf_printf(out, "%s %s %s ", node->id, (node->flags & MAP_REPLICA) != 0 ? "S" : "M",
                   node->primary_id);
        map_write_slots(node->slots, out);
        buf_append_byte(out, '\n');
    }
    VEC_DEINIT(&sorted);
}
