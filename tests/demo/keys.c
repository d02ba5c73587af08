/* SPDX-License-Identifier: MIT */
/* Many keys, written and read as a cluster client does: each request goes to the primary of its
 * slot, in pipelines. */
#include "tests/demo/demo.h"

#include "base/crc.h"
#include "spec/slot.h"

#include <stdio.h>
#include <string.h>

enum {
    PIPELINE = 200,
};

int64_t demo_slot(const char *key)
{
    return crc16(0, bytes_from_text(key)) % SLOT_COUNT;
}

void demo_tag_in(const struct demo_range *range, char out[32])
{
    int64_t slot;
    unsigned i = 0;

    do {
        snprintf(out, 32, "t%u", i++);
        slot = demo_slot(out);
    } while (slot < range->first_slot || slot > range->last_slot);
}

/* One sweep over all keys, and the pipeline to the primary that it is at. */
struct sweep {
    struct demo *demo;
    const struct demo_map *map;
    bool is_write;
    int key_count;
    int done_count;
    struct client *client;
    int numbers[PIPELINE];
    size_t pending_count;
};

static void value_of(int number, char out[32])
{
    snprintf(out, 32, "value %d", number * 7);
}

static bool read_one(struct sweep *sweep, int number)
{
    struct resp_value reply;
    struct errmsg *error = &sweep->demo->error;
    char expected[32] = "OK";
    bool is_right;

    if (client_read(sweep->client, &reply, error) != CLIENT_OK) {
        errmsg_wrap(error, "key tour:%d", number);
        return false;
    }
    if (!sweep->is_write) {
        value_of(number, expected);
    }
    is_right = resp_value_is_text(&reply, expected);
    if (!is_right) {
        errmsg_set(error, "key tour:%d: '%s' came instead of '%s'", number, buf_text(&reply.text),
                   expected);
    }
    sweep->done_count += is_right;
    resp_value_deinit(&reply);
    return is_right;
}

static bool flush(struct sweep *sweep)
{
    bool is_ok = true;

    for (size_t i = 0; i < sweep->pending_count; i++) {
        char key[32];
        char value[32];

        snprintf(key, sizeof(key), "tour:%d", sweep->numbers[i]);
        value_of(sweep->numbers[i], value);
        if (sweep->is_write) {
            client_send_texts(sweep->client, 3, "SET", key, value);
        } else {
            client_send_texts(sweep->client, 2, "GET", key);
        }
    }
    for (size_t i = 0; i < sweep->pending_count && is_ok; i++) {
        is_ok = read_one(sweep, sweep->numbers[i]);
    }
    sweep->pending_count = 0;
    return is_ok;
}

static bool run_for_primary(struct sweep *sweep, size_t primary)
{
    bool is_ok = true;

    sweep->client = server_connect(&sweep->demo->servers[primary], &sweep->demo->error);
    if (sweep->client == NULL) {
        return false;
    }
    for (int number = 0; number < sweep->key_count && is_ok; number++) {
        char key[32];
        const struct demo_range *range;

        snprintf(key, sizeof(key), "tour:%d", number);
        range = demo_find_range(sweep->map, demo_slot(key));
        if (range == NULL || range->primary != primary) {
            continue;
        }
        sweep->numbers[sweep->pending_count++] = number;
        is_ok = sweep->pending_count < PIPELINE || flush(sweep);
    }
    is_ok = is_ok && flush(sweep);
    client_close(sweep->client);
    return is_ok;
}

static bool run_for_all(struct sweep *sweep)
{
    bool is_done[DEMO_NODES] = {false};

    for (size_t i = 0; i < sweep->map->count; i++) {
        size_t primary = sweep->map->ranges[i].primary;

        if (!is_done[primary] && !run_for_primary(sweep, primary)) {
            return false;
        }
        is_done[primary] = true;
    }
    if (sweep->done_count != sweep->key_count) {
        errmsg_set(&sweep->demo->error, "%d of %d keys belong to slots that nobody serves",
                   sweep->key_count - sweep->done_count, sweep->key_count);
        return false;
    }
    return true;
}

bool demo_write_keys(struct demo *demo, const struct demo_map *map, int count)
{
    struct sweep sweep = {.demo = demo, .map = map, .is_write = true, .key_count = count};

    return run_for_all(&sweep);
}

bool demo_check_keys(struct demo *demo, const struct demo_map *map, int count)
{
    struct sweep sweep = {.demo = demo, .map = map, .is_write = false, .key_count = count};

    return run_for_all(&sweep);
}
