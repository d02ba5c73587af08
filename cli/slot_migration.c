/* SPDX-License-Identifier: MIT */
#include "cli/slot_migration.h"

#include "base/num.h"
#include "cli/connect.h"

#include <stdio.h>
#include <string.h>

/* ---- the list ---------------------------------------------------------------------------------- */

static struct bytes field(const struct resp_value *map, const char *name)
{
    for (size_t i = 0; i + 1 < map->child_count; i += 2) {
        if (bytes_equal_text(resp_value_bytes(&map->children[i]), name)) {
            return resp_value_bytes(&map->children[i + 1]);
        }
    }
    return (struct bytes){0};
}

static uint64_t number(const struct resp_value *map, const char *name)
{
    for (size_t i = 0; i + 1 < map->child_count; i += 2) {
        if (bytes_equal_text(resp_value_bytes(&map->children[i]), name) &&
            map->children[i + 1].type == RESP_INTEGER && map->children[i + 1].integer > 0) {
            return (uint64_t)map->children[i + 1].integer;
        }
    }
    return 0;
}

static enum slot_migration_state state_of(struct bytes word)
{
    static const struct {
        const char *word;
        enum slot_migration_state state;
    } ends[] = {
        {"success",   SLOT_MIGRATION_SUCCESS  },
        {"cancelled", SLOT_MIGRATION_CANCELLED},
        {"failed",    SLOT_MIGRATION_FAILED   },
    };

    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        if (bytes_equal_text(word, ends[i].word)) {
            return ends[i].state;
        }
    }
    return SLOT_MIGRATION_ON;
}

bool slot_migration_parse(const struct resp_value *entry, struct slot_migration *out)
{
    struct bytes runs = field(entry, "slot_ranges");
    struct bytes message = field(entry, "message");

    *out =
        (struct slot_migration){.state = state_of(field(entry, "state")),
                                .keys = number(entry, "keys"),
                                .is_import = bytes_equal_text(field(entry, "operation"), "IMPORT")};
    bytes_to_text(field(entry, "name"), out->name, sizeof(out->name));
    bytes_to_text(field(entry, "state"), out->step, sizeof(out->step));
    bytes_to_text(field(entry, "source_node"), out->from_id, sizeof(out->from_id));
    bytes_to_text(field(entry, "target_node"), out->to_id, sizeof(out->to_id));
    errmsg_set(&out->message, "%.*s", BYTES_ARGS(message));
    for (struct bytes run; (run = bytes_next_word(&runs, ' ')).len > 0;) {
        uint16_t first;
        uint16_t last;

        if (!map_parse_run(run, &first, &last)) {
            return false;
        }
        for (uint32_t slot = first; slot <= last; slot++) {
            bitset_add(out->slots, slot);
        }
    }
    return out->name[0] != '\0';
}

void slot_migration_find(const struct resp_value *reply, struct slot_migration *migration)
{
    migration->state = SLOT_MIGRATION_UNKNOWN;
    for (size_t i = 0; i < reply->child_count; i++) {
        struct slot_migration found;

        if (slot_migration_parse(&reply->children[i], &found) &&
            strcmp(found.name, migration->name) == 0) {
            *migration = found;
            return;
        }
    }
}

static bool has_name(const struct resp_value *reply, struct bytes name)
{
    for (size_t i = 0; i < reply->child_count; i++) {
        if (bytes_equal(field(&reply->children[i], "name"), name)) {
            return true;
        }
    }
    return false;
}

bool slot_migration_find_new(const struct resp_value *reply, const struct resp_value *before,
                             char out[SLOT_MIGRATION_NAME])
{
    for (size_t i = 0; i < reply->child_count; i++) {
        struct bytes name = field(&reply->children[i], "name");

        if (bytes_equal_text(field(&reply->children[i], "operation"), "EXPORT") && name.len > 0 &&
            !has_name(before, name)) {
            bytes_to_text(name, out, SLOT_MIGRATION_NAME);
            return true;
        }
    }
    return false;
}

/* ---- calls ------------------------------------------------------------------------------------- */

bool slot_migration_fetch(const struct view_node *node, struct resp_value *out,
                          struct errmsg *error)
{
    static const char *const words[] = {"CLUSTER", "GETSLOTMIGRATIONS"};

    return connect_call(node->client, words, ARRAY_COUNT(words), out, error);
}

bool slot_migration_is_not_known(const struct errmsg *error)
{
    return bytes_has_prefix(bytes_from_text(error->text), "ERR ");
}

bool slot_migration_take(uint64_t slots[SLOT_PLAN_WORDS], uint64_t out[SLOT_PLAN_WORDS])
{
    size_t slot = bitset_next(slots, SLOT_COUNT, 0, true);
    bool has_any = slot < SLOT_COUNT;

    memset(out, 0, SLOT_PLAN_WORDS * sizeof(out[0]));
    for (size_t run = 0; run < SLOT_MIGRATION_RUNS_MAX && slot < SLOT_COUNT; run++) {
        size_t end = bitset_next(slots, SLOT_COUNT, slot, false);

        for (; slot < end; slot++) {
            bitset_remove(slots, slot);
            bitset_add(out, slot);
        }
        slot = bitset_next(slots, SLOT_COUNT, end, true);
    }
    return has_any;
}

static bool order(const struct view_node *from, const struct view_node *to,
                  const uint64_t slots[SLOT_PLAN_WORDS], struct errmsg *error)
{
    VEC(const char *) words = {0};
    VEC(uint16_t) ends = {0};
    char(*texts)[8];
    bool is_ok;

    for (size_t slot = bitset_next(slots, SLOT_COUNT, 0, true); slot < SLOT_COUNT;) {
        size_t end = bitset_next(slots, SLOT_COUNT, slot, false);

        VEC_PUSH(&ends, (uint16_t)slot);
        VEC_PUSH(&ends, (uint16_t)(end - 1));
        slot = bitset_next(slots, SLOT_COUNT, end, true);
    }
    texts = mem_alloc(MEM_CLI, (ends.count + 1) * sizeof(*texts));
    VEC_PUSH(&words, "CLUSTER");
    VEC_PUSH(&words, "MIGRATESLOTS");
    VEC_PUSH(&words, "SLOTSRANGE");
    for (size_t i = 0; i < ends.count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%u", ends.items[i]);
        VEC_PUSH(&words, texts[i]);
    }
    VEC_PUSH(&words, "NODE");
    VEC_PUSH(&words, to->info.id);
    is_ok = connect_order(from->client, words.items, words.count, error);
    mem_free(MEM_CLI, texts);
    VEC_DEINIT(&ends);
    VEC_DEINIT(&words);
    return is_ok;
}

enum slot_migration_start slot_migration_begin(const struct view_node *from,
                                               const struct view_node *to,
                                               const uint64_t slots[SLOT_PLAN_WORDS],
                                               struct slot_migration *out, struct errmsg *error)
{
    struct resp_value before;
    struct resp_value after;
    bool is_found;

    *out = (struct slot_migration){0};
    if (!slot_migration_fetch(from, &before, error)) {
        return slot_migration_is_not_known(error) ? SLOT_MIGRATION_NOT_KNOWN
                                                  : SLOT_MIGRATION_REFUSED;
    }
    if (!order(from, to, slots, error)) {
        resp_value_deinit(&before);
        errmsg_wrap(error, "CLUSTER MIGRATESLOTS at %s:%u", from->info.host, from->info.port);
        return SLOT_MIGRATION_REFUSED;
    }
    if (!slot_migration_fetch(from, &after, error)) {
        resp_value_deinit(&before);
        return SLOT_MIGRATION_REFUSED;
    }
    is_found = slot_migration_find_new(&after, &before, out->name);
    slot_migration_find(&after, out);
    resp_value_deinit(&before);
    resp_value_deinit(&after);
    if (!is_found) {
        errmsg_set(error, "the move that %s:%u has begun is not in its list", from->info.host,
                   from->info.port);
        return SLOT_MIGRATION_REFUSED;
    }
    return SLOT_MIGRATION_STARTED;
}

bool slot_migration_look(const struct view_node *from, struct slot_migration *migration,
                         struct errmsg *error)
{
    struct resp_value reply;

    if (!slot_migration_fetch(from, &reply, error)) {
        errmsg_wrap(error, "CLUSTER GETSLOTMIGRATIONS at %s:%u", from->info.host, from->info.port);
        return false;
    }
    slot_migration_find(&reply, migration);
    resp_value_deinit(&reply);
    return true;
}

void slot_migration_cancel(const struct view_node *from)
{
    static const char *const words[] = {"CLUSTER", "CANCELSLOTMIGRATIONS"};
    struct errmsg ignored = {0};

    if (!connect_order(from->client, words, ARRAY_COUNT(words), &ignored)) {
        return; /* there is nothing on the move any more */
    }
}
