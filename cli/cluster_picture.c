/* SPDX-License-Identifier: MIT */
#include "cli/cluster_picture.h"

#include "base/num.h"
#include "cli/connect.h"
#include "cli/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CELLS = 64,
    CELL_SLOTS = SLOT_COUNT / CELLS,
    NAME_COLUMN = 24,
    WATCH_MS = 1000,
    NUMBER_SIZE = 32,
};

/* ---- drawing ----------------------------------------------------------------------------------- */

enum cell {
    CELL_NONE,
    CELL_SOME,
    CELL_ALL,
    CELL_OUT,
    CELL_IN,
    CELL_KINDS
};

static const char *const cell_marks[2][CELL_KINDS] = {
    {".",        "+",            "#",            ">",            "<"           },
    {"\xc2\xb7", "\xe2\x96\x92", "\xe2\x96\x88", "\xe2\x86\x92", "\xe2\x86\x90"},
};

/* 1234567 becomes "1.2M". */
static const char *shorten(double number, const char *unit, char out[NUMBER_SIZE])
{
    static const char *const letters[] = {"", "k", "M", "G", "T"};
    size_t letter = 0;

    while (number >= 1000 && letter + 1 < ARRAY_COUNT(letters)) {
        number /= 1000;
        letter++;
    }
    snprintf(out, NUMBER_SIZE, letter > 0 && number < 100 ? "%.1f%s%s" : "%.0f%s%s", number,
             letters[letter], unit);
    return out;
}

static bool has_any_of_cell(const uint64_t slots[SLOT_PLAN_WORDS], size_t index)
{
    return bitset_next(slots, (index + 1) * CELL_SLOTS, index * CELL_SLOTS, true) <
           (index + 1) * CELL_SLOTS;
}

/* By themselves; else CELL_NONE. */
static enum cell moving_cell_of(const struct picture_node *node, const struct cluster_moves *moves,
                                size_t index)
{
    for (size_t i = 0; i < moves->items.count; i++) {
        const struct slot_migration *told = &moves->items.items[i].told;
        bool is_out = strcmp(told->from_id, node->info->id) == 0;

        if ((is_out || strcmp(told->to_id, node->info->id) == 0) &&
            has_any_of_cell(told->slots, index)) {
            return is_out ? CELL_OUT : CELL_IN;
        }
    }
    return CELL_NONE;
}

static enum cell cell_of(const struct picture_node *node, const struct cluster_moves *moves,
                         size_t index)
{
    enum cell moving;
    size_t has = 0;

    for (size_t i = 0; node->map != NULL && i < node->map->open_slots.count; i++) {
        const struct map_open_slot *open = &node->map->open_slots.items[i];

        if (open->slot / CELL_SLOTS == index && cluster_map_is_own(node->map, open)) {
            return open->is_migrating ? CELL_OUT : CELL_IN;
        }
    }
    moving = moving_cell_of(node, moves, index);
    if (moving != CELL_NONE) {
        return moving;
    }
    for (size_t slot = index * CELL_SLOTS; slot < (index + 1) * CELL_SLOTS; slot++) {
        has += bitset_has(node->info->slots, slot) ? 1 : 0;
    }
    if (has == 0) {
        return CELL_NONE;
    }
    return has == CELL_SLOTS ? CELL_ALL : CELL_SOME;
}

static void draw_name(const struct picture_node *node, const char *before, struct buf *out)
{
    size_t start = out->len;

    buf_printf(out, "%s%s:%u", before, node->info->host, node->info->port);
    while (out->len - start < NAME_COLUMN) {
        buf_append_byte(out, ' ');
    }
    buf_append_byte(out, ' ');
}

static void draw_state(const struct picture_node *node, struct buf *out)
{
    if (!node->facts.is_reached) {
        buf_append_text(out, "  CANNOT BE REACHED");
    } else if ((node->info->flags & MAP_FAIL) != 0) {
        buf_append_text(out, "  marked as failed");
    }
}

static void draw_primary(const struct picture_node *node, const struct cluster_moves *moves,
                         bool is_utf8, struct buf *out)
{
    const struct picture_facts *facts = &node->facts;
    char keys[NUMBER_SIZE];
    char memory[NUMBER_SIZE];
    char ops[NUMBER_SIZE];

    draw_name(node, "", out);
    for (size_t i = 0; i < CELLS; i++) {
        buf_append_text(out, cell_marks[is_utf8][cell_of(node, moves, i)]);
    }
    buf_printf(out, " %5zu slots", node->info->slot_count);
    if (facts->is_reached) {
        buf_printf(out, "  %6s keys  %7s  %6s", shorten((double)facts->keys, "", keys),
                   shorten((double)facts->memory_bytes, "B", memory),
                   shorten((double)facts->ops, "/s", ops));
    }
    draw_state(node, out);
    buf_append_byte(out, '\n');
}

static void draw_replica(const struct picture_node *replica, const struct picture_node *primary,
                         struct buf *out)
{
    char lag[NUMBER_SIZE];
    char ops[NUMBER_SIZE];

    draw_name(replica, "  + ", out);
    if (!replica->facts.is_reached) {
        draw_state(replica, out);
    } else if (!replica->facts.is_linked) {
        buf_append_text(out, "replica, NOT LINKED to its primary");
    } else {
        int64_t behind = primary->facts.offset - replica->facts.offset;

        buf_printf(out, "replica, %s behind, %s",
                   shorten(behind > 0 ? (double)behind : 0, "B", lag),
                   shorten((double)replica->facts.ops, "/s", ops));
        draw_state(replica, out);
    }
    buf_append_byte(out, '\n');
}

/* Those that both sides tell of count once. */
static size_t count_moving(const struct picture_node *nodes, size_t count,
                           const struct cluster_moves *moves)
{
    uint64_t moving[SLOT_PLAN_WORDS] = {0};

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; nodes[i].map != NULL && j < nodes[i].map->open_slots.count; j++) {
            const struct map_open_slot *open = &nodes[i].map->open_slots.items[j];

            if (cluster_map_is_own(nodes[i].map, open)) {
                bitset_add(moving, open->slot);
            }
        }
    }
    for (size_t i = 0; i < moves->items.count; i++) {
        for (size_t word = 0; word < SLOT_PLAN_WORDS; word++) {
            moving[word] |= moves->items.items[i].told.slots[word];
        }
    }
    return bitset_count(moving, SLOT_PLAN_WORDS);
}

static void draw_head(const struct picture_node *nodes, size_t count,
                      const struct cluster_moves *moves, struct buf *out)
{
    uint64_t covered[BITSET_WORDS(SLOT_COUNT)] = {0};
    size_t primaries = 0;

    for (size_t i = 0; i < count; i++) {
        primaries += view_is_data_primary(nodes[i].info) ? 1 : 0;
        map_node_add_slots(nodes[i].info, covered);
    }
    buf_printf(out, "%zu nodes, %zu primaries, %zu of %d slots covered, %zu on the move\n", count,
               primaries, bitset_count(covered, ARRAY_COUNT(covered)), SLOT_COUNT,
               count_moving(nodes, count, moves));
    buf_printf(out, "%*s%-16d%-16d%-16d%-16d%d\n", NAME_COLUMN + 1, "", 0, SLOT_COUNT / 4,
               SLOT_COUNT / 2, SLOT_COUNT / 4 * 3, SLOT_COUNT);
}

void picture_draw(const struct picture_node *nodes, size_t count, const struct cluster_moves *moves,
                  bool is_utf8, struct buf *out)
{
    draw_head(nodes, count, moves, out);
    for (size_t i = 0; i < count; i++) {
        if ((nodes[i].info->flags & MAP_ARBITER) != 0) {
            draw_name(&nodes[i], "", out);
            buf_append_text(out, "arbiter");
            draw_state(&nodes[i], out);
            buf_append_byte(out, '\n');
        }
        if (!view_is_data_primary(nodes[i].info)) {
            continue;
        }
        draw_primary(&nodes[i], moves, is_utf8, out);
        for (size_t j = 0; j < count; j++) {
            if ((nodes[j].info->flags & MAP_REPLICA) != 0 &&
                strcmp(nodes[j].info->primary_id, nodes[i].info->id) == 0) {
                draw_replica(&nodes[j], &nodes[i], out);
            }
        }
    }
    for (size_t i = 0; i < moves->items.count; i++) {
        cluster_move_write(&moves->items.items[i], out);
        buf_append_byte(out, '\n');
    }
}

/* ---- asking ------------------------------------------------------------------------------------ */

static int64_t number_of(struct bytes info, const char *name)
{
    struct bytes text;
    int64_t number = 0;

    return view_find_field(info, name, &text) && num_parse_i64(text, &number) ? number : 0;
}

static struct picture_facts ask(const struct view_node *node)
{
    static const char *const info_words[] = {"INFO"};
    static const char *const size_words[] = {"DBSIZE"};
    bool is_replica = (node->info.flags & MAP_REPLICA) != 0;
    struct picture_facts facts = {0};
    struct resp_value reply;
    struct errmsg ignored = {0};
    struct bytes text;

    if (node->client == NULL || !connect_call(node->client, info_words, 1, &reply, &ignored)) {
        return facts;
    }
    facts.is_reached = true;
    text = resp_value_bytes(&reply);
    facts.memory_bytes = number_of(text, "used_memory");
    facts.ops = number_of(text, "instantaneous_ops_per_sec");
    facts.offset = number_of(text, is_replica ? "slave_repl_offset" : "master_repl_offset");
    if (view_find_field(resp_value_bytes(&reply), "master_link_status", &text)) {
        facts.is_linked = bytes_equal_text(text, "up");
    }
    resp_value_deinit(&reply);
    if (connect_call(node->client, size_words, 1, &reply, &ignored)) {
        facts.keys = reply.integer;
        resp_value_deinit(&reply);
    }
    return facts;
}

static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && value[0] != '\0') {
            return strstr(value, "UTF-8") != NULL || strstr(value, "utf8") != NULL;
        }
    }
    return false;
}

static int draw_once(const struct cluster_target *target, struct buf *out)
{
    struct cluster_view view = {0};
    VEC(struct picture_node) nodes = {0};
    struct cluster_moves moves = {0};
    uint64_t covered[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct errmsg error = {0};
    bool is_whole = cluster_open(&view, target);

    for (size_t i = 0; i < view.nodes.count; i++) {
        const struct view_node *node = &view.nodes.items[i];
        struct picture_node drawn = {&node->info, node->client != NULL ? &node->map : NULL,
                                     ask(node)};

        is_whole &= drawn.facts.is_reached;
        map_node_add_slots(&node->info, covered);
        VEC_PUSH(&nodes, drawn);
    }
    if (!cluster_moves_look(&moves, &view, &error)) {
        buf_printf(out, "%s\n", error.text);
    }
    if (nodes.count > 0) {
        picture_draw(nodes.items, nodes.count, &moves, locale_is_utf8(), out);
    }
    cluster_moves_deinit(&moves);
    VEC_DEINIT(&nodes);
    cluster_view_close(&view);
    return is_whole && bitset_count(covered, ARRAY_COUNT(covered)) == SLOT_COUNT ? 0 : 1;
}

int cluster_picture(const struct cluster_target *target)
{
    struct interrupt interrupt;
    struct buf out = {0};
    int exit_code = draw_once(target, &out);

    print_buf(&out);
    if (target->options->cluster_watches) {
        interrupt_open(&interrupt);
        while (interrupt_sleep(&interrupt, WATCH_MS)) {
            buf_clear(&out);
            buf_append_text(&out, isatty(STDOUT_FILENO) != 0 ? "\x1b[H\x1b[2J" : "\n");
            exit_code = draw_once(target, &out);
            print_buf(&out);
            fflush(stdout);
        }
        interrupt_close(&interrupt);
    }
    buf_deinit(&out);
    return exit_code;
}
