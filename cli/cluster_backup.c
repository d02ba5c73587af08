/* SPDX-License-Identifier: MIT */
/* Names of files and fields are those of redis-cli, so that tools for its backups read ours. */
#include "cli/cluster_backup.h"

#include "base/bitset.h"
#include "cli/rdb.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FOLDER_MODE = 0755,
    SILENCE_MS = 120 * 1000, /* while a server prepares its snapshot */
};

/* ---- nodes.json --------------------------------------------------------------------------------- */

static void write_slots(const struct map_node *node, struct buf *out)
{
    const char *separator = "";

    for (size_t first = bitset_next(node->slots, SLOT_COUNT, 0, true); first < SLOT_COUNT;) {
        size_t end = bitset_next(node->slots, SLOT_COUNT, first, false);

        buf_printf(out, "%s[%zu,%zu]", separator, first, end - 1);
        separator = ",";
        first = bitset_next(node->slots, SLOT_COUNT, end, true);
    }
}

/* Slots on the move, as the node says itself. */
static void write_open_slots(const struct view_node *node, bool is_migrating, struct buf *out)
{
    const char *separator = "";
    size_t start = out->len;

    for (size_t i = 0; i < node->map.open_slots.count; i++) {
        const struct map_open_slot *open = &node->map.open_slots.items[i];

        if (open->is_migrating == is_migrating && cluster_map_is_own(&node->map, open)) {
            buf_printf(out, "%s\"%u\": \"%s\"",
                       out->len > start
                           ? separator
                           : (is_migrating ? ",\n    \"migrating\": {" : ",\n    \"importing\": {"),
                       open->slot, open->peer_id);
            separator = ",";
        }
    }
    buf_append_text(out, out->len > start ? "}" : "");
}

static void write_node(const struct view_node *node, struct buf *out)
{
    const struct map_node *info = &node->info;

    buf_printf(out, "  {\n    \"name\": \"%s\",\n    \"host\": \"%s\",\n    \"port\": %u,\n",
               info->id, info->host, info->port);
    if (info->primary_id[0] != '\0') {
        buf_printf(out, "    \"replicate\": \"%s\",\n", info->primary_id);
    } else {
        buf_append_text(out, "    \"replicate\": null,\n");
    }
    buf_append_text(out, "    \"slots\": [");
    write_slots(info, out);
    buf_printf(out, "],\n    \"slots_count\": %zu,\n    \"flags\": \"%s%s\",\n", info->slot_count,
               (info->flags & MAP_REPLICA) != 0 ? "slave" : "master",
               (info->flags & MAP_ARBITER) != 0 ? ",arbiter" : "");
    buf_printf(out, "    \"current_epoch\": %" PRIu64, info->config_epoch);
    write_open_slots(node, true, out);
    write_open_slots(node, false, out);
    buf_append_text(out, "\n  }");
}

void cluster_backup_write_nodes(const struct cluster_view *view, struct buf *out)
{
    buf_append_text(out, "[\n");
    for (size_t i = 0; i < view->nodes.count; i++) {
        write_node(&view->nodes.items[i], out);
        buf_append_text(out, i + 1 < view->nodes.count ? ",\n" : "\n");
    }
    buf_append_text(out, "]\n");
}

/* Under another name first: what stands under its own is whole. */
static bool save_nodes(const struct cluster_view *view, const char *folder)
{
    struct buf text = {0};
    struct buf path = {0};
    struct buf partial = {0};
    FILE *file;
    bool is_ok;

    cluster_backup_write_nodes(view, &text);
    buf_printf(&path, "%s/nodes.json", folder);
    buf_printf(&partial, "%s/nodes.json.partial", folder);
    file = fopen(buf_text(&partial), "we");
    is_ok = file != NULL && fwrite(text.data, 1, text.len, file) == text.len;
    is_ok = (file == NULL || fclose(file) == 0) && is_ok &&
            rename(buf_text(&partial), buf_text(&path)) == 0;
    if (!is_ok) {
        view_say(VIEW_BAD, "Cannot write %s: %s", buf_text(&path), strerror(errno));
    }
    buf_deinit(&text);
    buf_deinit(&path);
    buf_deinit(&partial);
    return is_ok;
}

/* ---- snapshots ---------------------------------------------------------------------------------- */

static bool save_primary(const struct view_node *node, const char *folder)
{
    struct errmsg error = node->error;
    struct buf path = {0};
    uint64_t bytes;
    bool is_ok = false;

    view_say(VIEW_STEP, "Node %s:%u -> Saving RDB...", node->info.host, node->info.port);
    buf_printf(&path, "%s/redis-node-%s-%u-%s.rdb", folder, node->info.host, node->info.port,
               node->info.id);
    if (node->client != NULL) {
        client_set_timeout_ms(node->client, SILENCE_MS);
        is_ok = rdb_save(node->client, buf_text(&path), &bytes, &error);
    }
    if (is_ok) {
        printf("%s: %" PRIu64 " bytes\n", buf_text(&path), bytes);
    } else {
        view_say(VIEW_BAD, "Node %s:%u was not saved: %s", node->info.host, node->info.port,
                 error.text);
    }
    buf_deinit(&path);
    return is_ok;
}

static bool save_all(const struct cluster_view *view, const char *folder)
{
    bool is_ok = true;

    if (mkdir(folder, FOLDER_MODE) != 0 && errno != EEXIST) {
        view_say(VIEW_BAD, "Cannot make the folder %s: %s", folder, strerror(errno));
        return false;
    }
    is_ok = save_nodes(view, folder);
    for (size_t i = 0; i < view->nodes.count; i++) {
        if (view_is_data_primary(&view->nodes.items[i].info)) {
            is_ok = save_primary(&view->nodes.items[i], folder) && is_ok;
        }
    }
    return is_ok;
}

int cluster_backup(const struct cluster_target *target, const char *folder)
{
    struct cluster_view view = {0};
    bool is_whole;
    bool is_saved;

    if (!cluster_open(&view, target)) {
        cluster_view_close(&view);
        return 1;
    }
    is_whole = cluster_check_view(&view) == 0;
    is_saved = save_all(&view, folder);
    if (!is_whole) {
        view_say(VIEW_WARN, "Something is wrong with the cluster, see above: the backup may lack "
                            "what the nodes do not agree about");
    }
    if (is_saved) {
        view_say(VIEW_GOOD, "Backup created into: %s", folder);
    } else {
        view_say(VIEW_BAD, "The backup in %s is not complete", folder);
    }
    cluster_view_close(&view);
    return is_saved && is_whole ? 0 : 1;
}
