/* SPDX-License-Identifier: MIT */
#include "copies/view.h"

#include "base/assert.h"
#include "base/hash.h"

/* A name begins with this.  Others count as by connection, and are not taught: they may be no cluster clients. */
static const struct {
    const char *name;
    enum view_kind kind;
    bool can_be_taught;
} libraries[] = {
    {"redis-py",       VIEW_BY_CONNECTION, true },
    {"go-redis",       VIEW_BY_CONNECTION, true },
    {"ioredis",        VIEW_BY_CONNECTION, true },
    {"node-redis",     VIEW_BY_CONNECTION, true },
    {"jedis",          VIEW_BY_CONNECTION, true },
    {"redis-rs",       VIEW_BY_CONNECTION, true },
    {"starling-bench", VIEW_BY_CONNECTION, true },
    {"Glide",          VIEW_BY_ADDRESS,    true },
    {"redis-rb",       VIEW_BY_ADDRESS,    false},
    {"rueidis",        VIEW_BY_ADDRESS,    false},
    {"starling-cli",   VIEW_AS_IT_IS,      false},
    {"redis-cli",      VIEW_AS_IT_IS,      false},
    {"valkey-cli",     VIEW_AS_IT_IS,      false},
};

static int find(struct bytes lib_name)
{
    for (size_t i = 0; i < ARRAY_COUNT(libraries); i++) {
        struct bytes name = bytes_from_text(libraries[i].name);

        if (lib_name.len >= name.len &&
            bytes_equal_nocase(bytes_prefix(lib_name, name.len), libraries[i].name)) {
            return (int)i;
        }
    }
    return -1;
}

enum view_kind view_kind_of(struct bytes lib_name)
{
    int index = find(lib_name);

    return index < 0 ? VIEW_BY_CONNECTION : libraries[index].kind;
}

bool view_can_be_taught(struct bytes lib_name)
{
    int index = find(lib_name);

    return index >= 0 && libraries[index].can_be_taught;
}

static struct bytes without_port(struct bytes address)
{
    for (size_t i = address.len; i-- > 0;) {
        if (address.data[i] == ':') {
            return bytes_prefix(address, i);
        }
    }
    return address;
}

static uint64_t score_of(const struct hot_slot *hot, uint64_t client, const struct cluster_id *node)
{
    uint64_t seed = client ^ ((uint64_t)hot->slot << 48);

    return hash_bytes(bytes_make(node->text, CLUSTER_ID_LEN), seed);
}

const struct cluster_id *view_draw(const struct hot_slot *hot, const struct view_client *client)
{
    struct bytes who =
        client->kind == VIEW_BY_ADDRESS ? without_port(client->address) : client->address;
    uint64_t hash = hash_bytes(who, hot->slot);
    const struct cluster_id *best = &hot->owner;
    uint64_t best_score;

    if (client->kind == VIEW_AS_IT_IS) {
        return best;
    }
    best_score = score_of(hot, hash, best);
    for (size_t i = 0; i < hot->member_count; i++) {
        uint64_t score = score_of(hot, hash, &hot->members[i].node);

        if (hot->members[i].is_ready && score > best_score) {
            best = &hot->members[i].node;
            best_score = score;
        }
    }
    return best;
}
