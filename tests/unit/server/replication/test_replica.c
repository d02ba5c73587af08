/* SPDX-License-Identifier: MIT */
/* Transcripts of a replica: events in, and what it did as text. */
#include "replication/replica.h"

#include "base/mem.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OURS   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define THEIRS "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MARKER "0123456789abcdefghijklmnopqrstuvwxyzABCD"

struct trace {
    struct replica *replica;
    struct actions actions;
    struct mono_time now;
    struct buf sent;    /* requests as words between blanks, one a line */
    struct buf payload; /* of the snapshot */
    struct buf stream;
    struct buf moves; /* the other actions, one a line */
};

static struct trace trace_new_with(const struct replica_settings *settings)
{
    return (struct trace){.replica = replica_new(settings, 3), .now = {.us = 1000000}};
}

static struct trace trace_new(void)
{
    return trace_new_with(&(struct replica_settings){.timeout_ms = 60000, .announce_port = 6380});
}

static void trace_deinit(struct trace *t)
{
    replica_free(t->replica);
    actions_deinit(&t->actions);
    buf_deinit(&t->sent);
    buf_deinit(&t->payload);
    buf_deinit(&t->stream);
    buf_deinit(&t->moves);
}

/* "*2\r\n$4\r\nPING..." as "PING ...": every other line is a word. */
static void note_request(struct trace *t, struct bytes request)
{
    while (request.len > 0) {
        size_t end = bytes_find_byte(request, '\n');
        struct bytes line = bytes_trim(bytes_prefix(request, end));

        if (line.len > 0 && line.data[0] == '*') {
            buf_append_text(&t->sent, t->sent.len > 0 ? "\n" : "");
        } else if (line.len > 0 && line.data[0] != '$') {
            buf_append_bytes(&t->sent, line);
            buf_append_byte(&t->sent, ' ');
        } else if (line.len == 0) {
            buf_append_text(&t->sent, "(newline)");
        }
        request = bytes_from(request, end + 1);
    }
}

static void note(struct trace *t, const struct replica_action *action)
{
    struct bytes bytes = replica_action_bytes(&t->actions, action);

    switch (action->type) {
    case REPLICA_ACTION_CONNECT:
        buf_printf(&t->moves, "connect %s:%u\n", bytes.data, action->port);
        break;
    case REPLICA_ACTION_CLOSE:
        buf_append_text(&t->moves, "close\n");
        break;
    case REPLICA_ACTION_SEND:
        note_request(t, bytes);
        break;
    case REPLICA_ACTION_SNAPSHOT_BEGIN:
        buf_printf(&t->moves, "begin %.4s %" PRIu64 " %" PRId64 "\n", action->position.history.text,
                   action->position.offset, (int64_t)action->size);
        break;
    case REPLICA_ACTION_SNAPSHOT_BYTES:
        buf_append_bytes(&t->payload, bytes);
        break;
    case REPLICA_ACTION_SNAPSHOT_END:
        buf_printf(&t->moves, "end %.4s %" PRIu64 "\n", action->position.history.text,
                   action->position.offset);
        break;
    case REPLICA_ACTION_SNAPSHOT_ABORT:
        buf_append_text(&t->moves, "abort\n");
        break;
    case REPLICA_ACTION_CONTINUE:
        buf_printf(&t->moves, "continue %.4s %" PRIu64 "\n", action->position.history.text,
                   action->position.offset);
        break;
    case REPLICA_ACTION_REWIND:
        buf_printf(&t->moves, "rewind %.4s %" PRIu64 "\n", action->position.history.text,
                   action->position.offset);
        break;
    case REPLICA_ACTION_STREAM:
        buf_append_bytes(&t->stream, bytes);
        break;
    case REPLICA_ACTION_LOG:
        break;
    }
}

static void step(struct trace *t, struct replica_event event)
{
    actions_clear(&t->actions);
    replica_step(t->replica, t->now, &event, &t->actions);
    for (size_t i = 0; i < t->actions.count; i++) {
        note(t, replica_action_at(&t->actions, i));
    }
    replica_check(t->replica);
}

static void say(struct trace *t, const char *text)
{
    step(t, (struct replica_event){.type = REPLICA_EVENT_BYTES, .bytes = bytes_from_text(text)});
}

static void tick(struct trace *t, int64_t ms, uint64_t offset)
{
    t->now = mono_add_ms(t->now, ms);
    step(t, (struct replica_event){.type = REPLICA_EVENT_TICK, .position.offset = offset});
}

static void link_up(struct trace *t, const char *history, uint64_t offset)
{
    struct replica_event up = {.type = REPLICA_EVENT_LINK_UP, .position.offset = offset};

    bytes_to_text(bytes_from_text(history), up.position.history.text,
                  sizeof(up.position.history.text));
    step(t, (struct replica_event){.type = REPLICA_EVENT_START, .host = "p", .port = 7});
    step(t, up);
}

/* Up to and with PSYNC. */
static void introduce(struct trace *t, const char *history, uint64_t offset)
{
    link_up(t, history, offset);
    say(t, "+PONG\r\n");
    say(t, "+OK\r\n+OK\r\n");
}

static void expect(struct trace *t, struct buf *what, const char *text)
{
    (void)t;
    cr_expect_str_eq(buf_text(what), text);
    buf_clear(what);
}

static enum replica_phase phase_of(const struct trace *t)
{
    return replica_get_phase(t->replica);
}

Test(replica, introduces_itself_and_asks_to_go_on_with_the_byte_behind_its_log)
{
    struct trace t = trace_new();

    link_up(&t, OURS, 1200);
    expect(&t, &t.moves, "connect p:7\n");
    expect(&t, &t.sent, "PING ");
    say(&t, "+PONG\r\n");
    expect(&t, &t.sent, "REPLCONF listening-port 6380 \nREPLCONF capa eof capa psync2 ");
    say(&t, "+OK\r\n");
    expect(&t, &t.sent, "");
    say(&t, "+OK\r\n");
    expect(&t, &t.sent, "PSYNC " OURS " 1201 ");
    trace_deinit(&t);
}

static struct trace introduced_with_rewind(void)
{
    struct trace t = trace_new_with(
        &(struct replica_settings){.timeout_ms = 60000, .announce_port = 6380, .can_rewind = true});

    link_up(&t, OURS, 1200);
    say(&t, "+PONG\r\n");
    buf_clear(&t.sent);
    say(&t, "+OK\r\n+OK\r\n");
    buf_clear(&t.moves);
    return t;
}

Test(replica, that_is_told_to_go_back_does_so_and_asks_again)
{
    struct trace t = introduced_with_rewind();

    expect(&t, &t.sent, "PSYNC " OURS " 1201 ");
    say(&t, "-REWIND " OURS " 700\r\n");
    expect(&t, &t.moves, "rewind aaaa 700\nclose\n");
    cr_expect_eq(replica_get_phase(t.replica), REPLICA_WAITING);
    trace_deinit(&t);
}

Test(replica, goes_back_only_where_that_makes_sense)
{
    static const char *const odd[] = {
        "-REWIND\r\n",
        "-REWIND " OURS "\r\n",
        "-REWIND " OURS " 1200\r\n", /* no way back */
        "-REWIND " OURS " -1\r\n",
        "-REWIND " OURS " x\r\n",
        "-REWIND " THEIRS " 700\r\n", /* not what it asked for */
    };

    for (size_t i = 0; i < ARRAY_COUNT(odd); i++) {
        struct trace t = introduced_with_rewind();

        say(&t, odd[i]);
        expect(&t, &t.moves, "close\n");
        trace_deinit(&t);
    }
}

Test(replica, sends_all_that_it_was_told_to_say_about_itself)
{
    struct trace t = trace_new_with(&(struct replica_settings){.timeout_ms = 60000,
                                                               .announce_port = 1,
                                                               .announce_ip = "10.0.0.5",
                                                               .primary_user = "joe",
                                                               .primary_auth = "pw",
                                                               .version = "7.2.4"});

    link_up(&t, "", 0);
    buf_clear(&t.sent);
    say(&t, "-NOAUTH Authentication required.\r\n");
    expect(&t, &t.sent,
           "AUTH joe pw \nREPLCONF listening-port 1 \nREPLCONF ip-address 10.0.0.5 \n"
           "REPLCONF capa eof capa psync2 \nREPLCONF version 7.2.4 ");
    say(&t, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n-ERR Unrecognized REPLCONF option: version\r\n");
    expect(&t, &t.sent, "PSYNC ? -1 ");
    trace_deinit(&t);
}

Test(replica, gives_up_and_retries_when_its_password_is_wrong)
{
    struct trace t = trace_new_with(&(struct replica_settings){
        .timeout_ms = 60000, .announce_port = 1, .primary_auth = "wrong"});

    link_up(&t, "", 0);
    say(&t, "-NOAUTH Authentication required.\r\n");
    buf_clear(&t.moves);
    say(&t, "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    expect(&t, &t.moves, "close\n");
    cr_expect_eq(phase_of(&t), REPLICA_WAITING);
    tick(&t, 2000, 0);
    expect(&t, &t.moves, "connect p:7\n");
    trace_deinit(&t);
}

Test(replica, streams_from_its_offset_when_the_primary_can_go_on)
{
    struct trace t = trace_new();

    introduce(&t, OURS, 1200);
    buf_clear(&t.moves);
    buf_clear(&t.sent);
    say(&t, "+CONTINUE\r\n*1\r\n$4\r\nPING\r\n");
    expect(&t, &t.moves, "continue aaaa 1200\n");
    expect(&t, &t.stream, "*1\r\n$4\r\nPING\r\n");
    expect(&t, &t.sent, "REPLCONF ACK 1200 ");
    cr_expect_eq(phase_of(&t), REPLICA_STREAMING);
    say(&t, "\nmore");
    expect(&t, &t.stream, "\nmore");
    trace_deinit(&t);
}

Test(replica, adopts_a_history_that_goes_on_under_a_new_id)
{
    struct trace t = trace_new();

    introduce(&t, OURS, 1200);
    buf_clear(&t.moves);
    say(&t, "+CONTINUE " THEIRS "\r\n");
    expect(&t, &t.moves, "continue bbbb 1200\n");
    trace_deinit(&t);
}

Test(replica, loads_a_sized_snapshot_and_then_streams_what_follows_it)
{
    struct trace t = trace_new();

    introduce(&t, "", 0);
    buf_clear(&t.moves);
    buf_clear(&t.sent);
    say(&t, "\n\n+FULLRESYNC " THEIRS " 9000\r\n");
    cr_expect_eq(phase_of(&t), REPLICA_WAIT_SNAPSHOT);
    say(&t, "\n$10\r\n0123456789STREAM");
    expect(&t, &t.moves, "begin bbbb 9000 10\nend bbbb 9000\n");
    expect(&t, &t.payload, "0123456789");
    expect(&t, &t.stream, "");
    step(&t,
         (struct replica_event){.type = REPLICA_EVENT_SNAPSHOT_LOADED, .position.offset = 9000});
    expect(&t, &t.sent, "REPLCONF ACK 9000 ");
    expect(&t, &t.stream, "STREAM");
    cr_expect_eq(phase_of(&t), REPLICA_STREAMING);
    trace_deinit(&t);
}

/* The same conversation behind PSYNC, cut into pieces of one size. */
static void receive_in_pieces(size_t piece, const char *text, const char *expected_payload)
{
    struct trace t = trace_new();
    struct bytes rest = bytes_from_text(text);

    introduce(&t, "", 0);
    buf_clear(&t.moves);
    while (rest.len > 0) {
        size_t len = rest.len < piece ? rest.len : piece;
        char *exact = mem_alloc(MEM_TEST, len);

        memcpy(exact, rest.data, len);
        step(&t,
             (struct replica_event){.type = REPLICA_EVENT_BYTES, .bytes = bytes_make(exact, len)});
        mem_free(MEM_TEST, exact);
        rest = bytes_from(rest, len);
    }
    cr_assert_not_null(strstr(buf_text(&t.moves), "end bbbb 77\n"), "piece %zu", piece);
    cr_expect_str_eq(buf_text(&t.payload), expected_payload, "piece %zu", piece);
    step(&t, (struct replica_event){.type = REPLICA_EVENT_SNAPSHOT_LOADED, .position.offset = 77});
    cr_expect_str_eq(buf_text(&t.stream), "*1\r\n$4\r\nPING\r\n", "piece %zu", piece);
    trace_deinit(&t);
}

#define HEAD "+FULLRESYNC " THEIRS " 77\r\n\n\n"
#define TAIL "*1\r\n$4\r\nPING\r\n"
/* A payload that holds most of the marker, twice, and ends with its beginning. */
#define TRICKY                                                                                     \
    "x0123456789abcdefghijklmnopqrstuvwxyzABC?"                                                    \
    "0123456789abcdefghijklmno0123456789abcdefghijklm"

Test(replica, cuts_a_sized_payload_right_whatever_the_pieces)
{
    for (size_t piece = 1; piece < 130; piece++) {
        receive_in_pieces(piece, HEAD "$12\r\nthe snapshot" TAIL, "the snapshot");
    }
}

Test(replica, cuts_a_marked_payload_right_whatever_the_pieces)
{
    for (size_t piece = 1; piece < 260; piece++) {
        receive_in_pieces(piece, HEAD "$EOF:" MARKER "\r\n" TRICKY MARKER TAIL, TRICKY);
    }
}

Test(replica, takes_an_empty_marked_payload)
{
    for (size_t piece = 1; piece < 130; piece++) {
        receive_in_pieces(piece, HEAD "$EOF:" MARKER "\r\n" MARKER TAIL, "");
    }
}

Test(replica, throws_away_half_a_snapshot_when_the_link_breaks)
{
    struct trace t = trace_new();

    introduce(&t, "", 0);
    say(&t, "+FULLRESYNC " THEIRS " 9000\r\n$10\r\n01234");
    buf_clear(&t.moves);
    step(&t, (struct replica_event){.type = REPLICA_EVENT_LINK_DOWN, .reason = "reset"});
    cr_expect_not_null(strstr(buf_text(&t.moves), "abort\n"));
    cr_expect_eq(phase_of(&t), REPLICA_WAITING);
    trace_deinit(&t);
}

Test(replica, retries_when_a_snapshot_cannot_be_loaded)
{
    struct trace t = trace_new();

    introduce(&t, "", 0);
    say(&t, "+FULLRESYNC " THEIRS " 9000\r\n$3\r\nabc");
    buf_clear(&t.moves);
    step(&t, (struct replica_event){.type = REPLICA_EVENT_SNAPSHOT_FAILED, .reason = "checksum"});
    cr_expect_not_null(strstr(buf_text(&t.moves), "close\n"));
    tick(&t, 2000, 0);
    cr_expect_not_null(strstr(buf_text(&t.moves), "connect p:7\n"));
    trace_deinit(&t);
}

Test(replica, comes_again_later_after_any_refusal_of_psync)
{
    static const char *const answers[] = {
        "-NOMASTERLINK Can't SYNC while not connected with my master\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-ERR unknown command\r\n",
        "+FULLRESYNC short 1\r\n",
        "+FULLRESYNC " THEIRS " x\r\n",
        "hello\r\n",
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct trace t = trace_new();

        introduce(&t, OURS, 5);
        buf_clear(&t.moves);
        say(&t, answers[i]);
        cr_expect_eq(phase_of(&t), REPLICA_WAITING, "%s", answers[i]);
        expect(&t, &t.moves, "close\n");
        tick(&t, 2000, 0);
        expect(&t, &t.moves, "connect p:7\n");
        trace_deinit(&t);
    }
}

Test(replica, refuses_what_is_no_payload)
{
    static const char *const heads[] = {"$x\r\n", "$EOF:short\r\n", "payload\r\n", "$-1\r\n",
                                        "-ERR no\r\n"};

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct trace t = trace_new();

        introduce(&t, "", 0);
        say(&t, "+FULLRESYNC " THEIRS " 9000\r\n");
        say(&t, heads[i]);
        cr_expect_eq(phase_of(&t), REPLICA_WAITING, "%s", heads[i]);
        trace_deinit(&t);
    }
}

Test(replica, refuses_a_line_without_end)
{
    struct trace t = trace_new();
    char junk[1001];

    memset(junk, 'x', sizeof(junk) - 1);
    junk[sizeof(junk) - 1] = '\0';
    link_up(&t, "", 0);
    for (int i = 0; i < 200 && phase_of(&t) == REPLICA_HANDSHAKE; i++) {
        say(&t, junk);
    }
    cr_expect_eq(phase_of(&t), REPLICA_WAITING);
    trace_deinit(&t);
}

Test(replica, acknowledges_each_second_and_when_asked)
{
    struct trace t = trace_new();

    introduce(&t, OURS, 10);
    say(&t, "+CONTINUE\r\n");
    buf_clear(&t.sent);
    tick(&t, 999, 20);
    expect(&t, &t.sent, "");
    tick(&t, 1, 25);
    expect(&t, &t.sent, "REPLCONF ACK 25 ");
    step(&t, (struct replica_event){.type = REPLICA_EVENT_GETACK, .position.offset = 31});
    expect(&t, &t.sent, "REPLCONF ACK 31 ");
    trace_deinit(&t);
}

Test(replica, sends_newlines_while_a_snapshot_comes_in)
{
    struct trace t = trace_new();

    introduce(&t, "", 0);
    say(&t, "+FULLRESYNC " THEIRS " 9000\r\n$10\r\n0123");
    tick(&t, 1000, 0);
    buf_clear(&t.sent);
    tick(&t, 1000, 0);
    expect(&t, &t.sent, "(newline)");
    trace_deinit(&t);
}

Test(replica, drops_a_primary_that_is_silent_for_too_long)
{
    struct trace t = trace_new();

    introduce(&t, OURS, 10);
    say(&t, "+CONTINUE\r\n");
    buf_clear(&t.moves);
    tick(&t, 59000, 10);
    cr_expect_eq(phase_of(&t), REPLICA_STREAMING);
    tick(&t, 1001, 10);
    expect(&t, &t.moves, "close\n");
    cr_expect_eq(phase_of(&t), REPLICA_WAITING);
    trace_deinit(&t);
}

Test(replica, backs_off_from_a_tenth_of_a_second_to_two_seconds_at_most)
{
    struct trace t = trace_new();
    int64_t longest_ms = 0;

    step(&t, (struct replica_event){.type = REPLICA_EVENT_START, .host = "p", .port = 7});
    for (int i = 0; i < 12; i++) {
        int64_t wait_ms;

        step(&t, (struct replica_event){.type = REPLICA_EVENT_LINK_DOWN, .reason = "refused"});
        wait_ms = mono_ms_between(t.now, t.actions.wake_at);
        cr_expect(i > 0 || (wait_ms >= 50 && wait_ms <= 200), "first after %d ms", (int)wait_ms);
        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
        t.now = t.actions.wake_at;
        tick(&t, 0, 0);
        cr_assert_eq(phase_of(&t), REPLICA_CONNECTING);
    }
    cr_expect_geq(longest_ms, 800);
    cr_expect_leq(longest_ms, 2000);
    trace_deinit(&t);
}

Test(replica, follows_another_primary_at_once)
{
    struct trace t = trace_new();

    introduce(&t, OURS, 10);
    say(&t, "+CONTINUE\r\n");
    buf_clear(&t.moves);
    step(&t, (struct replica_event){.type = REPLICA_EVENT_START, .host = "q", .port = 8});
    expect(&t, &t.moves, "close\nconnect q:8\n");
    trace_deinit(&t);
}

Test(replica, that_was_stopped_does_nothing_any_more)
{
    struct trace t = trace_new();

    introduce(&t, OURS, 10);
    buf_clear(&t.moves);
    step(&t, (struct replica_event){.type = REPLICA_EVENT_STOP});
    expect(&t, &t.moves, "close\n");
    cr_expect_eq(t.actions.wake_at.us, MONO_NEVER.us);
    say(&t, "+CONTINUE\r\n");
    tick(&t, 100000, 0);
    expect(&t, &t.moves, "");
    cr_expect_eq(phase_of(&t), REPLICA_IDLE);
    trace_deinit(&t);
}

Test(replica, reports_its_link_as_info_and_role_show_it)
{
    struct trace t = trace_new();

    cr_expect_str_eq(replica_get_report(t.replica).role_state, "connect");
    introduce(&t, "", 0);
    cr_expect_str_eq(replica_get_report(t.replica).role_state, "handshake");
    say(&t, "+FULLRESYNC " THEIRS " 9000\r\n$10\r\n0123");
    cr_expect_str_eq(replica_get_report(t.replica).role_state, "sync");
    cr_expect_eq(replica_get_report(t.replica).snapshot_received, 4);
    cr_expect_eq(replica_get_report(t.replica).snapshot_size, 10);
    say(&t, "456789");
    step(&t,
         (struct replica_event){.type = REPLICA_EVENT_SNAPSHOT_LOADED, .position.offset = 9000});
    cr_expect(replica_get_report(t.replica).is_link_up);
    cr_expect_str_eq(replica_get_report(t.replica).role_state, "connected");
    trace_deinit(&t);
}
