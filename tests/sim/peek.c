/* SPDX-License-Identifier: MIT */
/* The version that a node has of a client's key, whatever its type: read as the node would, without asking it. */
#include "tests/sim/world.h"

#include "base/num.h"
#include "node/inside.h"
#include "store/stream.h"
#include "store/value_hash.h"
#include "store/zset.h"

static uint64_t stream_version(const struct value *value)
{
    return stream_marks(stream_of(value)).last_id.ms;
}

/* Of elements of a list, the first. */
static void take_element(void *context, const struct value_element *element)
{
    uint64_t *version = context;

    if (*version == 0 && !num_parse_u64(element->name, version)) {
        *version = 0;
    }
}

static bool list_version(const struct entry *e, uint64_t *version)
{
    *version = 0;
    (void)value_ops_of(&value_types_builtin, e)->walk(e, 0, 1, take_element, version);
    return *version > 0;
}

static void take_greatest(void *context, const struct value_element *element)
{
    uint64_t *version = context;
    uint64_t member;

    if (num_parse_u64(element->name, &member) && member > *version) {
        *version = member;
    }
}

static bool greatest_version(const struct entry *e, uint64_t *version)
{
    uint64_t cursor = 0;

    *version = 0;
    do {
        cursor =
            value_ops_of(&value_types_builtin, e)->walk(e, cursor, 100, take_greatest, version);
    } while (cursor != 0);
    return *version > 0;
}

static bool zset_version(const struct entry *e, uint64_t *version)
{
    struct zset_view view = zset_view_of(e);
    double score;

    if (!zset_find(&view, BYTES_LITERAL("version"), &score)) {
        return greatest_version(e, version); /* a place for each */
    }
    *version = (uint64_t)score;
    return true;
}

/* In decimal, or in seven bytes behind a zero. */
static bool string_version(struct bytes text, uint64_t *version)
{
    *version = 0;
    if (text.len == 0 || text.data[0] != '\0') {
        return num_parse_u64(text, version);
    }
    for (size_t i = 0; i < text.len; i++) {
        *version = *version << 8 | (unsigned char)text.data[i];
    }
    return true;
}

bool check_peek(const struct sim_node *n, const char *key, uint64_t *version)
{
    struct key_ref ref = keyspace_ref(n->node->data.keyspace, 0, bytes_from_text(key));
    const struct entry *e = keyspace_find_any(n->node->data.keyspace, &ref);
    char scratch[NUM_I64_TEXT + 1];
    struct hash_found found;
    struct value value;

    if (e == NULL) {
        return false;
    }
    if (entry_type(e) == VALUE_STRING) {
        return string_version(entry_string(e, scratch), version);
    }
    value = entry_value(e);
    switch (entry_type(e)) {
    case VALUE_LIST:
        return list_version(e, version);
    case VALUE_HASH:
        return hash_find(&value, BYTES_LITERAL("version"), &found) &&
               num_parse_u64(found.value, version);
    case VALUE_ZSET:
        return zset_version(e, version);
    case VALUE_STREAM:
        *version = stream_version(&value);
        return true;
    case VALUE_SET:
        return greatest_version(e, version);
    case VALUE_STRING:
        break;
    }
    return false;
}
