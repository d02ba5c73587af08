/* SPDX-License-Identifier: MIT */
/* Whole sessions with a whole node: requests from the table of commands with words of every kind,
 * bytes as they are, cut anywhere, from several clients, a primary and replicas, while time passes and
 * the disk fails.
 *
 * Whatever comes, the node's invariants hold, what a client is sent is well-formed, and nothing is
 * left behind when the node is gone.
 *
 * Input: one byte of choices, then steps: a byte that says what, and what that needs. */
#include "tests/fuzz/fuzz.h"

#include "base/assert.h"
#include "base/mem.h"
#include "resp/value.h"
#include "resp/writer.h"
#include "tests/alone/alone.h"
#include "tests/alone/words.h"

enum choices {
    WITH_PASSWORD = 1 << 0,
    IN_CLUSTER = 1 << 1, /* together with IS_REPLICA: its checks take their time */
    WITH_SLOTS = 1 << 2,
    IS_REPLICA = 1 << 3,
    IS_WRITABLE = 1 << 4,
    WITH_SAVE_POINTS = 1 << 5,
    IS_SLOW_LOGGED = 1 << 6,
};

enum step {
    STEP_REQUEST, /* the usual one: whatever is not below */
    STEP_RAW,
    STEP_INLINE,
    STEP_TIME,
    STEP_CONNECT,
    STEP_DISCONNECT,
    STEP_LEAD,
    STEP_STREAM,
    STEP_STREAM_RAW,
    STEP_DISK,
    STEP_CHECK,
    STEP_KINDS = 32,
};

enum {
    WORDS_MAX = 7,
    STEPS_MAX = 400,
    SETTLE_PASSES = 20,
};

struct play {
    struct bytes input;
    struct alone *alone;
    bool is_opaque[ALONE_CLIENTS]; /* it became a replica: no replies come any more */
    struct buf unsent[ALONE_CLIENTS];
    struct bytes words[WORDS_MAX];
    size_t word_count;
};

static uint8_t next(struct play *p)
{
    uint8_t byte = p->input.len > 0 ? (uint8_t)p->input.data[0] : 0;

    p->input = bytes_from(p->input, p->input.len > 0 ? 1 : 0);
    return byte;
}

/* Up to 255 bytes of the input as they are. */
static struct bytes next_bytes(struct play *p)
{
    size_t len = next(p);
    struct bytes bytes = bytes_prefix(p->input, len < p->input.len ? len : p->input.len);

    p->input = bytes_from(p->input, bytes.len);
    return bytes;
}

static bool is_in_cluster(uint8_t choices)
{
    return (choices & (IN_CLUSTER | IS_REPLICA)) == (IN_CLUSTER | IS_REPLICA);
}

static struct alone *start(uint8_t choices)
{
    struct alone_option options[8] = {
        {"proto-max-bulk-len", "1mb"}
    };
    size_t count = 1;

    if (choices & WITH_PASSWORD) {
        options[count++] = (struct alone_option){"requirepass", "secret"};
    }
    if (is_in_cluster(choices)) {
        options[count++] = (struct alone_option){"cluster-enabled", "yes"};
    } else if (choices & IS_REPLICA) {
        options[count++] = (struct alone_option){"replicaof", "127.0.0.1 7000"};
    }
    if (choices & IS_WRITABLE) {
        options[count++] = (struct alone_option){"replica-read-only", "no"};
    }
    if (choices & WITH_SAVE_POINTS) {
        options[count++] = (struct alone_option){"save", "1 1"};
    }
    if (choices & IS_SLOW_LOGGED) {
        options[count++] = (struct alone_option){"slowlog-log-slower-than", "0"};
    }
    return alone_new(options, count);
}

static void make_words(struct play *p)
{
    const struct command_spec *spec = command_spec((enum command_id)(next(p) % COMMAND_COUNT));
    size_t count = next(p) % (WORDS_MAX + 1);
    size_t at = 0;

    if (spec->kind == COMMAND_SUB) {
        p->words[at++] = bytes_from_text(command_spec(spec->parent)->name);
    }
    p->words[at++] = bytes_from_text(spec->name);
    while (at < count) {
        uint8_t which = next(p);

        p->words[at++] = which == 255 ? next_bytes(p) : words_at(which);
    }
    p->word_count = at;
}

/* What the client was sent is a row of whole values, unless it is a replica now. */
static void check_output(struct play *p, size_t client)
{
    const struct session *s = p->alone->clients[client].session;
    struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct buf out = alone_take(p->alone, client);
    struct bytes left = buf_bytes(&out);

    p->is_opaque[client] = p->is_opaque[client] || (s != NULL && (s->flags & SESSION_REPLICA) != 0);
    while (left.len > 0 && !p->is_opaque[client] && s != NULL) {
        struct resp_value value = {0};
        struct errmsg error = {0};
        size_t consumed = 0;
        enum resp_status status = resp_value_read(left, &limits, &value, &consumed, &error);

        ASSERT(status == RESP_OK);
        resp_value_deinit(&value);
        left = bytes_from(left, consumed);
    }
    buf_deinit(&out);
}

static void pass(struct play *p, int64_t later_us, size_t client, struct bytes input)
{
    alone_pass(p->alone, later_us, client, input);
    for (size_t i = 0; i < ALONE_CLIENTS; i++) {
        check_output(p, i);
    }
}

/* Requests pile up and go out together, in pieces cut by the input. */
static void send_to(struct play *p, size_t client)
{
    struct buf *unsent = &p->unsent[client];
    uint8_t cut = next(p);
    size_t at = 0;

    if (cut < 128 && unsent->len < 4096) {
        return;
    }
    while (at < unsent->len) {
        size_t left = unsent->len - at;
        size_t piece = cut == 255 ? left : 1 + (size_t)(cut - 128 + at * 7) % left;

        pass(p, 100, client, bytes_make(unsent->data + at, piece));
        at += piece;
    }
    buf_clear(unsent);
}

static void connect_client(struct play *p, size_t client)
{
    buf_clear(&p->unsent[client]);
    p->is_opaque[client] = false;
    alone_connect(p->alone, client);
}

static void stream(struct play *p, struct bytes bytes)
{
    if (p->alone->is_primary_link_up && bytes.len > 0) {
        alone_primary_sends(p->alone, bytes);
    }
}

static void stream_request(struct play *p)
{
    struct buf request = {0};

    make_words(p);
    resp_write_request(&request, p->words, p->word_count);
    stream(p, buf_bytes(&request));
    buf_deinit(&request);
}

static void step(struct play *p)
{
    uint8_t what = next(p);
    size_t client = what >> 6;

    switch ((enum step)(what % STEP_KINDS)) {
    case STEP_RAW:
        buf_append_bytes(&p->unsent[client], next_bytes(p));
        send_to(p, client);
        break;
    case STEP_INLINE:
        make_words(p);
        words_write_inline(p->words, p->word_count, &p->unsent[client]);
        send_to(p, client);
        break;
    case STEP_TIME:
        pass(p, INT64_C(1) << next(p) % 34, ALONE_CLIENTS, (struct bytes){0});
        break;
    case STEP_CONNECT:
        connect_client(p, client);
        break;
    case STEP_DISCONNECT:
        alone_disconnect(p->alone, client);
        break;
    case STEP_LEAD:
        (void)alone_lead(p->alone);
        break;
    case STEP_STREAM:
        stream_request(p);
        break;
    case STEP_STREAM_RAW:
        stream(p, next_bytes(p));
        break;
    case STEP_DISK:
        p->alone->disk.fault = client == 1 ? DISK_BROKEN : DISK_WELL;
        p->alone->is_disk_slow = client == 2;
        break;
    case STEP_CHECK:
        node_check(p->alone->node);
        break;
    case STEP_REQUEST:
    case STEP_KINDS:
    default:
        make_words(p);
        resp_write_request(&p->unsent[client], p->words, p->word_count);
        send_to(p, client);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play play = {.input = bytes_make(data, size)};
    uint8_t choices = next(&play);

    play.alone = start(choices);
    for (size_t i = 0; i < ALONE_CLIENTS; i++) {
        connect_client(&play, i);
    }
    if (is_in_cluster(choices) && (choices & WITH_SLOTS)) {
        pass(&play, 1000, 0, BYTES_LITERAL("CLUSTER ADDSLOTSRANGE 0 16383\r\n"));
        for (int i = 0; i < SETTLE_PASSES; i++) {
            pass(&play, 200000, ALONE_CLIENTS, (struct bytes){0});
        }
    }
    for (int i = 0; i < STEPS_MAX && play.input.len > 0 && !play.alone->has_exited; i++) {
        step(&play);
    }
    alone_settle(play.alone, SETTLE_PASSES);
    for (size_t i = 0; i < ALONE_CLIENTS; i++) {
        buf_deinit(&play.unsent[i]);
    }
    alone_free(play.alone);
    ASSERT(mem_used_total() == 0);
    return 0;
}
