/* SPDX-License-Identifier: MIT */
/* One slot after the other; the line of progress counts keys, since slots may differ by any factor. */
#include "cli/slot_mover.h"

#include "base/num.h"
#include "cli/connect.h"
#include "cli/slot_migration.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_MS = 200,
    LOOK_MS = 50,
    ANSWER_MS = 5000, /* beyond the server's own limit of MIGRATE */
    MIGRATE_WORDS = 16,
    RETRY_MS = 100,
    RETRIES_MS = 6000, /* a node that has lost its lease serves again, or is replaced */
};

void slot_mover_open(struct slot_mover *mover, const struct options *options,
                     const struct cluster_view *view)
{
    *mover = (struct slot_mover){
        .options = options,
        .view = view,
        .replaces = options->cluster_replaces,
        .goes_by_slot = options->cluster_by_slot,
    };
    interrupt_open(&mover->interrupt);
}

void slot_mover_close(struct slot_mover *mover)
{
    interrupt_close(&mover->interrupt);
}

/* ---- progress ---------------------------------------------------------------------------------- */

struct progress {
    const struct view_node *from;
    const struct view_node *to;
    size_t slot_count;
    size_t slots_done;
    uint64_t key_count; /* about: more may come while the move goes on */
    uint64_t keys_done;
    struct mono_time begun_at;
    struct mono_time shown_at;
    bool is_terminal;
};

/* Append "1:02" or so. */
static void write_time_left(struct buf *out, const struct progress *p, double seconds)
{
    double share = p->key_count > 0 && p->keys_done < p->key_count
                       ? (double)p->keys_done / (double)p->key_count
                       : (double)p->slots_done / (double)p->slot_count;
    double left = share > 0 ? seconds / share - seconds : 0;

    if (share > 0) {
        buf_printf(out, ", %d:%02d left", (int)left / 60, (int)left % 60);
    }
}

static void show(struct progress *p, bool is_over)
{
    struct mono_time now = clock_mono_now();
    double seconds = (double)mono_ms_between(p->begun_at, now) / 1000;
    struct buf line = {0};

    if (!is_over && (!p->is_terminal || mono_ms_between(p->shown_at, now) < LINE_MS)) {
        return;
    }
    p->shown_at = now;
    buf_printf(&line, "%s:%u -> %s:%u: %zu of %zu slots, %" PRIu64 " keys", p->from->info.host,
               p->from->info.port, p->to->info.host, p->to->info.port, p->slots_done, p->slot_count,
               p->keys_done);
    if (seconds > 0.05) {
        buf_printf(&line, ", %.0f keys/s", (double)p->keys_done / seconds);
    }
    if (is_over) {
        buf_printf(&line, ", %.1f s", seconds);
    } else {
        write_time_left(&line, p, seconds);
    }
    printf("%s%s%s", p->is_terminal ? "\r\x1b[K" : "", buf_text(&line), is_over ? "\n" : "");
    fflush(stdout);
    buf_deinit(&line);
}

/* ---- one slot ---------------------------------------------------------------------------------- */

bool slot_mover_set(const struct view_node *node, size_t slot, const char *how, const char *id,
                    struct errmsg *error)
{
    char number[NUM_I64_TEXT + 1];
    const char *const words[] = {"CLUSTER", "SETSLOT", number, how, id};
    struct errmsg reason = {0};

    snprintf(number, sizeof(number), "%zu", slot);
    if (!connect_order(node->client, words, id == NULL ? 4 : 5, &reason)) {
        errmsg_set(error, "CLUSTER SETSLOT %zu %s at %s:%u: %s", slot, how, node->info.host,
                   node->info.port, reason.text);
        return false;
    }
    return true;
}

bool slot_mover_fetch_keys(const struct view_node *node, size_t slot, int64_t count,
                           struct resp_value *out, struct errmsg *error)
{
    char slot_text[NUM_I64_TEXT + 1];
    char count_text[NUM_I64_TEXT + 1];
    const char *const words[] = {"CLUSTER", "GETKEYSINSLOT", slot_text, count_text};

    snprintf(slot_text, sizeof(slot_text), "%zu", slot);
    snprintf(count_text, sizeof(count_text), "%" PRId64, count);
    if (!connect_call(node->client, words, ARRAY_COUNT(words), out, error)) {
        errmsg_wrap(error, "CLUSTER GETKEYSINSLOT %zu at %s:%u", slot, node->info.host,
                    node->info.port);
        return false;
    }
    return true;
}

bool slot_mover_is_refused_for_now(const char *text)
{
    static const char *const codes[] = {"CLUSTERDOWN ", "TRYAGAIN ", "LOADING ", "MASTERDOWN "};
    static const char of_target[] = "replied with error: ";
    const char *inner = strstr(text, of_target);
    const char *code = inner != NULL ? inner + sizeof(of_target) - 1 : text;

    for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
        if (strncmp(code, codes[i], strlen(codes[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* A command of the mover at one of both sides, again while it is refused for a moment. */
static bool order(const struct slot_mover *mover, const struct view_node *node,
                  const struct bytes *words, size_t count, struct errmsg *error)
{
    struct mono_time start = clock_mono_now();

    while (!connect_order_words(node->client, words, count, error)) {
        if (!slot_mover_is_refused_for_now(error->text) ||
            mono_ms_between(start, clock_mono_now()) >= RETRIES_MS ||
            !interrupt_sleep(&mover->interrupt, RETRY_MS)) {
            return false;
        }
    }
    return true;
}

bool slot_mover_migrate(const struct slot_mover *mover, const struct view_node *from,
                        const struct view_node *to, const struct bytes *keys, size_t key_count,
                        struct errmsg *error)
{
    const struct options *options = mover->options;
    char port[NUM_I64_TEXT + 1];
    char timeout[NUM_I64_TEXT + 1];
    struct bytes head[MIGRATE_WORDS] = {BYTES_LITERAL("MIGRATE"),
                                        bytes_from_text(to->info.host),
                                        {0},
                                        BYTES_LITERAL(""),
                                        BYTES_LITERAL("0")};
    size_t count = 6;
    VEC(struct bytes) words = {0};
    bool is_ok;

    snprintf(port, sizeof(port), "%u", to->info.port);
    snprintf(timeout, sizeof(timeout), "%" PRId64, options->cluster_timeout_ms);
    head[2] = bytes_from_text(port);
    head[5] = bytes_from_text(timeout);
    if (mover->replaces) {
        head[count++] = BYTES_LITERAL("REPLACE");
    }
    if (options->password != NULL) {
        head[count++] = options->user != NULL ? BYTES_LITERAL("AUTH2") : BYTES_LITERAL("AUTH");
        if (options->user != NULL) {
            head[count++] = bytes_from_text(options->user);
        }
        head[count++] = bytes_from_text(options->password);
    }
    head[count++] = BYTES_LITERAL("KEYS");
    for (size_t i = 0; i < count; i++) {
        VEC_PUSH(&words, head[i]);
    }
    for (size_t i = 0; i < key_count; i++) {
        VEC_PUSH(&words, keys[i]);
    }
    client_set_timeout_ms(from->client, options->cluster_timeout_ms + ANSWER_MS);
    is_ok = order(mover, from, words.items, words.count, error);
    client_set_timeout_ms(from->client, connect_node_timeout_ms(options));
    if (!is_ok) {
        errmsg_wrap(error, "MIGRATE from %s:%u to %s:%u", from->info.host, from->info.port,
                    to->info.host, to->info.port);
    }
    VEC_DEINIT(&words);
    return is_ok;
}

/* Which of them went is not looked at: the next look at the slot tells. */
static bool migrate_all(const struct slot_mover *mover, const struct progress *p,
                        const struct resp_value *keys, struct errmsg *error)
{
    VEC(struct bytes) names = {0};
    bool is_ok;

    for (size_t i = 0; i < keys->child_count; i++) {
        VEC_PUSH(&names, resp_value_bytes(&keys->children[i]));
    }
    is_ok = slot_mover_migrate(mover, p->from, p->to, names.items, names.count, error);
    VEC_DEINIT(&names);
    return is_ok;
}

static bool move_keys(struct slot_mover *mover, struct progress *p, size_t slot,
                      struct errmsg *error)
{
    for (;;) {
        struct resp_value keys;
        size_t count;
        bool is_ok;

        if (!slot_mover_fetch_keys(p->from, slot, mover->options->cluster_pipeline, &keys, error)) {
            return false;
        }
        count = keys.child_count;
        is_ok = count == 0 || migrate_all(mover, p, &keys, error);
        resp_value_deinit(&keys);
        if (!is_ok || count == 0) {
            return is_ok;
        }
        mover->keys += count;
        p->keys_done += count;
        show(p, false);
    }
}

bool slot_mover_move_keys(struct slot_mover *mover, const struct view_node *from,
                          const struct view_node *to, size_t slot, struct errmsg *error)
{
    struct progress p = {.from = from, .to = to, .slot_count = 1};

    p.begun_at = clock_mono_now();
    return move_keys(mover, &p, slot, error);
}

/* The others hear of it anyhow, a moment later: what they say is not waited for. */
static void tell_others(const struct slot_mover *mover, const struct progress *p, size_t slot)
{
    for (size_t i = 0; i < mover->view->nodes.count; i++) {
        const struct view_node *node = &mover->view->nodes.items[i];
        struct errmsg ignored = {0};

        if (node != p->from && node != p->to && node->client != NULL &&
            view_is_data_primary(&node->info)) {
            (void)slot_mover_set(node, slot, "NODE", p->to->info.id, &ignored);
        }
    }
}

/* Keys of a move that was broken off before may be there already: they are found again only while it imports the slot. */
static bool may_have_keys(const struct view_node *node, size_t slot)
{
    struct resp_value keys;
    struct errmsg ignored = {0};
    bool has_keys;

    if (!slot_mover_fetch_keys(node, slot, 1, &keys, &ignored)) {
        return true;
    }
    has_keys = keys.child_count > 0;
    resp_value_deinit(&keys);
    return has_keys;
}

static bool move_slot(struct slot_mover *mover, struct progress *p, size_t slot,
                      struct errmsg *error)
{
    if (!slot_mover_set(p->to, slot, "IMPORTING", p->from->info.id, error) ||
        !slot_mover_set(p->from, slot, "MIGRATING", p->to->info.id, error)) {
        struct errmsg ignored = {0};

        if (!may_have_keys(p->to, slot)) {
            (void)slot_mover_set(p->to, slot, "STABLE", NULL, &ignored);
        }
        return false;
    }
    if (!move_keys(mover, p, slot, error) ||
        !slot_mover_set(p->to, slot, "NODE", p->to->info.id, error) ||
        !slot_mover_set(p->from, slot, "NODE", p->to->info.id, error)) {
        errmsg_wrap(error, "Slot %zu stays on the move, --cluster fix brings it to its end", slot);
        return false;
    }
    tell_others(mover, p, slot);
    return true;
}

/* ---- many -------------------------------------------------------------------------------------- */

/* How many keys do these slots have?  0 when nobody says. */
static uint64_t count_keys(const struct view_node *node, const uint64_t slots[SLOT_PLAN_WORDS])
{
    uint64_t sum = 0;
    struct errmsg ignored = {0};

    for (size_t slot = bitset_next(slots, SLOT_COUNT, 0, true); slot < SLOT_COUNT;
         slot = bitset_next(slots, SLOT_COUNT, slot + 1, true)) {
        char number[NUM_I64_TEXT + 1];

        snprintf(number, sizeof(number), "%zu", slot);
        client_send_texts(node->client, 3, "CLUSTER", "COUNTKEYSINSLOT", number);
    }
    for (size_t i = bitset_count(slots, SLOT_PLAN_WORDS); i > 0; i--) {
        struct resp_value reply;

        if (client_read(node->client, &reply, &ignored) != CLIENT_OK) {
            return 0;
        }
        sum += reply.type == RESP_INTEGER && reply.integer > 0 ? (uint64_t)reply.integer : 0;
        resp_value_deinit(&reply);
    }
    return sum;
}

/* Slot by slot, with what any server of the kind has. */
static enum slot_mover_status move_each(struct slot_mover *mover, struct progress *p,
                                        const uint64_t slots[SLOT_PLAN_WORDS], struct errmsg *error)
{
    for (size_t slot = bitset_next(slots, SLOT_COUNT, 0, true); slot < SLOT_COUNT;
         slot = bitset_next(slots, SLOT_COUNT, slot + 1, true)) {
        if (interrupt_wait(&mover->interrupt, -1, false, 0) == INTERRUPT_CAME) {
            return SLOT_MOVER_INTERRUPTED;
        }
        if (!move_slot(mover, p, slot, error)) {
            return SLOT_MOVER_FAILED;
        }
        p->slots_done++;
        mover->slots++;
        show(p, false);
    }
    return SLOT_MOVER_OK;
}

/* Does the target say that all of them are its own? */
static bool has_all(const struct view_node *to, const uint64_t slots[SLOT_PLAN_WORDS])
{
    struct cluster_map map = {0};
    struct errmsg ignored = {0};
    bool has = cluster_view_fetch_map(to->client, &map, &ignored);

    for (size_t word = 0; has && word < SLOT_PLAN_WORDS; word++) {
        has = (slots[word] & ~cluster_map_myself(&map)->slots[word]) == 0;
    }
    cluster_map_deinit(&map);
    return has;
}

/* How many keys of it have come; the source has all of them until it has none. */
static uint64_t count_arrived(const struct progress *p, const struct slot_migration *migration)
{
    struct slot_migration at_target = *migration;
    struct errmsg ignored = {0};

    return slot_migration_look(p->to, &at_target, &ignored) ? at_target.keys : 0;
}

/* The servers do it; here is only looked at how far they are. */
static enum slot_mover_status follow(struct slot_mover *mover, struct progress *p,
                                     struct slot_migration *migration,
                                     const uint64_t slots[SLOT_PLAN_WORDS], uint64_t keys,
                                     struct errmsg *error)
{
    const uint64_t before = p->keys_done;
    bool is_cancelled = false;

    while (migration->state == SLOT_MIGRATION_ON) {
        if (interrupt_wait(&mover->interrupt, -1, false, LOOK_MS) == INTERRUPT_CAME &&
            !is_cancelled) {
            slot_migration_cancel(p->from);
            is_cancelled = true;
        }
        if (!slot_migration_look(p->from, migration, error)) {
            errmsg_wrap(error,
                        "The move from %s:%u to %s:%u goes on without us (--cluster map shows how "
                        "far it is, --cluster wait waits for it)",
                        p->from->info.host, p->from->info.port, p->to->info.host, p->to->info.port);
            return SLOT_MOVER_FAILED;
        }
        if (p->is_terminal && migration->state == SLOT_MIGRATION_ON) {
            p->keys_done = before + count_arrived(p, migration);
            show(p, false);
        }
    }
    p->keys_done = before;
    if (migration->state == SLOT_MIGRATION_SUCCESS || has_all(p->to, slots)) {
        size_t count = bitset_count(slots, SLOT_PLAN_WORDS);

        p->slots_done += count;
        p->keys_done += keys;
        mover->slots += count;
        mover->keys += keys;
        return is_cancelled ? SLOT_MOVER_INTERRUPTED : SLOT_MOVER_OK;
    }
    errmsg_set(error, "The move from %s:%u to %s:%u was given up: %s", p->from->info.host,
               p->from->info.port, p->to->info.host, p->to->info.port,
               migration->message.text[0] != '\0' ? migration->message.text : "it was cancelled");
    return is_cancelled ? SLOT_MOVER_INTERRUPTED : SLOT_MOVER_FAILED;
}

/* In as many moves as it takes. */
static enum slot_mover_status move_together(struct slot_mover *mover, struct progress *p,
                                            const uint64_t slots[SLOT_PLAN_WORDS],
                                            struct errmsg *error)
{
    enum slot_mover_status status = SLOT_MOVER_OK;
    uint64_t left[SLOT_PLAN_WORDS];
    uint64_t some[SLOT_PLAN_WORDS];

    memcpy(left, slots, sizeof(left));
    while (status == SLOT_MOVER_OK && slot_migration_take(left, some)) {
        uint64_t keys = count_keys(p->from, some);
        struct slot_migration migration;

        switch (slot_migration_begin(p->from, p->to, some, &migration, error)) {
        case SLOT_MIGRATION_STARTED:
            status = follow(mover, p, &migration, some, keys, error);
            break;
        case SLOT_MIGRATION_NOT_KNOWN:
            return move_each(mover, p, slots, error);
        case SLOT_MIGRATION_REFUSED:
            return SLOT_MOVER_FAILED;
        }
    }
    return status;
}

enum slot_mover_status slot_mover_move(struct slot_mover *mover, const struct view_node *from,
                                       const struct view_node *to,
                                       const uint64_t slots[SLOT_PLAN_WORDS], struct errmsg *error)
{
    struct progress p = {
        .from = from,
        .to = to,
        .slot_count = bitset_count(slots, SLOT_PLAN_WORDS),
        .key_count = count_keys(from, slots),
        .is_terminal = isatty(STDOUT_FILENO) != 0,
    };
    enum slot_mover_status status;

    p.begun_at = clock_mono_now();
    if (interrupt_wait(&mover->interrupt, -1, false, 0) == INTERRUPT_CAME) {
        return SLOT_MOVER_INTERRUPTED;
    }
    status = mover->goes_by_slot ? move_each(mover, &p, slots, error)
                                 : move_together(mover, &p, slots, error);
    show(&p, true);
    return status;
}
