/* SPDX-License-Identifier: MIT */
#include "copies/view.h"

#include "base/assert.h"
#include "base/hash.h"
#include "copies/spread.h"

#include <math.h>

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

/* Weighted rendezvous hashing: of a number drawn for each from the exponential distribution with its weight for rate, the
 * least; its node comes first with a chance in proportion to its weight, whoever else there is. */
static double time_of(uint64_t client, uint16_t slot, const struct spread_share *share)
{
    uint64_t seed = client ^ ((uint64_t)slot << 48);
    uint64_t hash = hash_bytes(bytes_make(share->node->text, CLUSTER_ID_LEN), seed);
    double drawn = ((double)(hash >> 12) + 0.5) / (double)(UINT64_C(1) << 52); /* in (0, 1) */

    return -log(drawn) / (double)share->room;
}

const struct cluster_id *view_draw(const struct hot_slot *hot, const struct view_client *client)
{
    struct spread_share shares[SPREAD_SHARES_MAX];
    bool is_by_address = client->kind == VIEW_BY_ADDRESS;
    struct bytes who = is_by_address ? without_port(client->address) : client->address;
    uint64_t hash = hash_bytes(who, hot->slot);
    const struct cluster_id *best = &hot->owner;
    double best_time = INFINITY;
    size_t count;

    if (client->kind == VIEW_AS_IT_IS) {
        return best;
    }
    count = spread_shares(hot, shares);
    for (size_t i = 0; i < count; i++) {
        double time;

        shares[i].room = is_by_address ? 1 : shares[i].room;
        time = shares[i].room > 0 ? time_of(hash, hot->slot, &shares[i]) : INFINITY;
        if (time < best_time) {
            best = shares[i].node;
            best_time = time;
        }
    }
    return best;
}
