/* SPDX-License-Identifier: MIT */
#include "tests/differential/events.h"

#include "base/assert.h"
#include "resp/value.h"

#include <stdlib.h>

#define KEYSPACE_CHANNELS "__keyspace@"
#define MARK_CHANNEL      "__keymark"

static bool ask_line(struct pair *pair, enum side side, const char *line, const char *wanted,
                     struct errmsg *error)
{
    struct command command = {0};
    struct replies replies = {0};
    bool is_fine;

    command_set(&command, line);
    is_fine = pair_ask(pair, side, 2, &command, 1, &replies, error);
    if (is_fine && !bytes_has_prefix(replies_at(&replies, 0), wanted)) {
        errmsg_set(error, "%s refuses: %s", side_name(side), line);
        is_fine = false;
    }
    command_deinit(&command);
    buf_deinit(&replies.bytes);
    return is_fine;
}

bool events_start(struct events *events, struct pair *pair, struct errmsg *error)
{
    command_set(&events->mark, "PUBLISH " MARK_CHANNEL " .");
    for (int side = OURS; side < SIDE_COUNT; side++) {
        struct buf reply = {0};
        bool is_fine;

        if (!ask_line(pair, (enum side)side, "CONFIG SET notify-keyspace-events KEg$lshzxetdnm",
                      "+OK", error)) {
            return false;
        }
        events->listeners[side] = pair_connect(pair, (enum side)side, error);
        if (events->listeners[side] == NULL) {
            return false;
        }
        client_send_texts(events->listeners[side], 2, "PSUBSCRIBE", "__key*");
        is_fine = pair_read(events->listeners[side], &reply, error);
        buf_deinit(&reply);
        if (!is_fine) {
            return false;
        }
    }
    return true;
}

void events_deinit(struct events *events)
{
    for (int side = OURS; side < SIDE_COUNT; side++) {
        if (events->listeners[side] != NULL) {
            client_close(events->listeners[side]);
        }
        for (size_t i = 0; i < BATCH_MAX; i++) {
            buf_deinit(&events->texts[side][i]);
        }
    }
    events_forget(events);
    command_deinit(&events->mark);
    VEC_DEINIT(&events->expired);
}

void events_mark(const struct events *events, const struct command *commands, size_t count,
                 struct command *out)
{
    out[0] = events->mark;
    for (size_t i = 0; i < count; i++) {
        out[2 * i + 1] = commands[i];
        out[2 * i + 2] = events->mark;
    }
}

/* ---- reading ------------------------------------------------------------------------------------ */

static void note_expired(struct events *events, enum side side, struct bytes text)
{
    struct expired_key fresh = {.balance = 0};
    size_t i = 0;

    while (i < events->expired.count &&
           !bytes_equal(buf_bytes(&events->expired.items[i].name), text)) {
        i++;
    }
    if (i == events->expired.count) {
        buf_append_bytes(&fresh.name, text);
        VEC_PUSH(&events->expired, fresh);
    }
    events->expired.items[i].balance += side == OURS ? 1 : -1;
}

static struct bytes behind_colon(struct bytes text)
{
    return bytes_from(text, bytes_find_byte(text, ':') + 1);
}

/* One message, of which its text is kept, or NULL for one that belongs to no command. */
static void take_message(struct events *events, enum side side, const struct resp_value *message,
                         struct buf *text)
{
    struct bytes channel = resp_value_bytes(&message->children[2]);
    struct bytes payload = resp_value_bytes(&message->children[3]);
    bool is_of_key = bytes_has_prefix(channel, KEYSPACE_CHANNELS);
    struct buf line = {0};

    if (bytes_equal_text(is_of_key ? payload : behind_colon(channel), "expired")) {
        /* Another database may have it by then. */
        buf_append_text(&line, is_of_key ? "on its channel: " : "on the channel of the event: ");
        command_print_bytes(&line, is_of_key ? behind_colon(channel) : payload, SIZE_MAX);
        note_expired(events, side, buf_bytes(&line));
    } else if (text != NULL) {
        command_print_bytes(text, channel, SIZE_MAX);
        buf_append_byte(text, ' ');
        command_print_bytes(text, payload, SIZE_MAX);
        buf_append_byte(text, '\n');
    }
    buf_deinit(&line);
}

static bool read_side(struct events *events, enum side side, size_t count, struct errmsg *error)
{
    struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct buf *texts = events->texts[side];
    size_t marks = 0;
    struct buf bytes = {0};
    bool is_fine = true;

    for (size_t i = 0; i < count; i++) {
        buf_clear(&texts[i]);
    }
    while (is_fine && marks < count + 1) {
        struct resp_value message = {0};
        size_t consumed;

        buf_clear(&bytes);
        is_fine =
            pair_read(events->listeners[side], &bytes, error) &&
            resp_value_read(buf_bytes(&bytes), &limits, &message, &consumed, error) == RESP_OK;
        if (is_fine) {
            ASSERT(message.child_count == 4);
            if (bytes_equal_text(resp_value_bytes(&message.children[2]), MARK_CHANNEL)) {
                marks++;
            } else {
                take_message(events, side, &message, marks > 0 ? &texts[marks - 1] : NULL);
            }
            resp_value_deinit(&message);
        }
    }
    buf_deinit(&bytes);
    return is_fine;
}

bool events_read(struct events *events, size_t count, struct errmsg *error)
{
    for (int side = OURS; side < SIDE_COUNT; side++) {
        if (!read_side(events, (enum side)side, count, error)) {
            errmsg_wrap(error, "events of %s", side_name((enum side)side));
            return false;
        }
    }
    return true;
}

static int compare_lines(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* Sorting is what SORT does to elements that come in no order: in that it looks at the keys of its patterns. */
static bool is_in_no_order(const struct command *command)
{
    return command_is(command, "SORT") || command_is(command, "SORT_RO");
}

static bool are_same_lines(struct bytes ours, struct bytes stock)
{
    VEC(struct bytes) lines[SIDE_COUNT] = {0};
    bool is_same = ours.len == stock.len;

    while (is_same && ours.len > 0) {
        VEC_PUSH(&lines[OURS], bytes_next_word(&ours, '\n'));
    }
    while (is_same && stock.len > 0) {
        VEC_PUSH(&lines[STOCK], bytes_next_word(&stock, '\n'));
    }
    is_same = is_same && lines[OURS].count == lines[STOCK].count;
    for (int side = OURS; is_same && side < SIDE_COUNT; side++) {
        if (lines[side].count > 1) {
            qsort(lines[side].items, lines[side].count, sizeof(struct bytes), compare_lines);
        }
    }
    for (size_t i = 0; is_same && i < lines[OURS].count; i++) {
        is_same = bytes_equal(lines[OURS].items[i], lines[STOCK].items[i]);
    }
    VEC_DEINIT(&lines[OURS]);
    VEC_DEINIT(&lines[STOCK]);
    return is_same;
}

bool events_are_same(const struct events *events, const struct command *command, size_t index,
                     const struct exception **used)
{
    struct bytes ours = buf_bytes(&events->texts[OURS][index]);
    struct bytes stock = buf_bytes(&events->texts[STOCK][index]);

    *used = NULL;
    if (is_in_no_order(command) && are_same_lines(ours, stock)) {
        return true;
    }
    /* 7.0 does not know the id +, and looks at no key behind it. */
    if (command_is(command, "XREAD") && command_has_word(command, "+") && stock.len <= ours.len &&
        bytes_equal(bytes_prefix(ours, stock.len), stock)) {
        return true;
    }
    return compare_events(command, ours, stock, used);
}

/* ---- what has expired ----------------------------------------------------------------------------- */

struct buf *events_unbalanced(struct events *events)
{
    for (size_t i = 0; i < events->expired.count; i++) {
        if (events->expired.items[i].balance != 0) {
            return &events->expired.items[i].name;
        }
    }
    return NULL;
}

void events_forget(struct events *events)
{
    for (size_t i = 0; i < events->expired.count; i++) {
        buf_deinit(&events->expired.items[i].name);
    }
    events->expired.count = 0;
}
