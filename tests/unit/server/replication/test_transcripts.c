/* SPDX-License-Identifier: MIT */
/* What a replica does and says, and each move of its phase, one line after another. */
#include "replication/replica.h"

#include <criterion/criterion.h>

#include <string.h>

#define OURS   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define THEIRS "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MARKER "0123456789abcdefghijklmnopqrstuvwxyzABCD"

struct transcript {
    struct replica *replica;
    struct actions actions;
    struct mono_time now;
    struct buf lines;
};

static const char *phase_name(enum replica_phase phase)
{
    switch (phase) {
    case REPLICA_IDLE:
        return "idle";
    case REPLICA_WAITING:
        return "waiting";
    case REPLICA_CONNECTING:
        return "connecting";
    case REPLICA_HANDSHAKE:
        return "handshake";
    case REPLICA_WAIT_SNAPSHOT:
        return "wait for the snapshot";
    case REPLICA_LOADING:
        return "loading";
    case REPLICA_STREAMING:
        return "streaming";
    }
    return "";
}

static void step(struct transcript *t, struct replica_event event)
{
    enum replica_phase before = replica_get_phase(t->replica);
    enum replica_phase after;

    actions_clear(&t->actions);
    replica_step(t->replica, t->now, &event, &t->actions);
    for (size_t i = 0; i < t->actions.count; i++) {
        actions_describe(&t->actions, i, &t->lines);
    }
    after = replica_get_phase(t->replica);
    if (after != before) {
        buf_printf(&t->lines, "[%s -> %s]\n", phase_name(before), phase_name(after));
    }
}

static void hear(struct transcript *t, const char *text)
{
    step(t, (struct replica_event){.type = REPLICA_EVENT_BYTES, .bytes = bytes_from_text(text)});
}

static void tick(struct transcript *t, int64_t ms)
{
    t->now = mono_add_ms(t->now, ms);
    step(t, (struct replica_event){.type = REPLICA_EVENT_TICK, .position.offset = 1200});
}

static struct transcript start(const char *password)
{
    struct replica_settings settings = {
        .timeout_ms = 60000, .announce_port = 6380, .primary_auth = password};
    struct transcript t = {.replica = replica_new(&settings, 3), .now = {.us = 1000000}};

    step(&t, (struct replica_event){.type = REPLICA_EVENT_START, .host = "p", .port = 7});
    return t;
}

/* The link is up; history "": nothing to go on from. */
static void link_up(struct transcript *t, const char *history)
{
    struct replica_event up = {.type = REPLICA_EVENT_LINK_UP, .position.offset = 1200};

    bytes_to_text(bytes_from_text(history), up.position.history.text,
                  sizeof(up.position.history.text));
    step(t, up);
}

/* Up to and with PSYNC, which is not taken down. */
static struct transcript introduced(const char *history)
{
    struct transcript t = start(NULL);

    link_up(&t, history);
    hear(&t, "+PONG\r\n");
    hear(&t, "+OK\r\n+OK\r\n");
    buf_clear(&t.lines);
    return t;
}

static void expect_and_end(struct transcript *t, const char *lines)
{
    cr_expect_str_eq(buf_text(&t->lines), lines, "told:\n%s", buf_text(&t->lines));
    replica_free(t->replica);
    actions_deinit(&t->actions);
    buf_deinit(&t->lines);
}

Test(replica_transcript, a_replica_that_can_go_on_asks_for_the_byte_behind_its_log)
{
    struct transcript t = start(NULL);

    link_up(&t, OURS);
    hear(&t, "+PONG\r\n");
    hear(&t, "+OK\r\n+OK\r\n");
    hear(&t, "+CONTINUE\r\n");
    expect_and_end(&t, "log notice following the primary p:7\n"
                       "connect p:7\n"
                       "[idle -> connecting]\n"
                       "send PING\n"
                       "[connecting -> handshake]\n"
                       "send REPLCONF listening-port 6380; REPLCONF capa eof capa psync2\n"
                       "send PSYNC aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1201\n"
                       "log notice asking to go on from history "
                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, offset 1200\n"
                       "log notice partial resync from offset 1200\n"
                       "go on: history aaaaaaaa at 1200\n"
                       "send REPLCONF ACK 1200\n"
                       "[handshake -> streaming]\n");
}

Test(replica_transcript, a_replica_whose_primary_took_over_adopts_its_history)
{
    struct transcript t = introduced(OURS);

    hear(&t, "+CONTINUE " THEIRS "\r\n*1\r\n$4\r\nPING\r\n");
    expect_and_end(&t, "log notice the history goes on as bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
                       "from offset 1200\n"
                       "go on: history bbbbbbbb at 1200\n"
                       "send REPLCONF ACK 1200\n"
                       "stream: 14 bytes\n"
                       "[handshake -> streaming]\n");
}

Test(replica_transcript, a_replica_without_history_loads_a_snapshot_and_then_streams)
{
    struct transcript t = introduced("");

    hear(&t, "+FULLRESYNC " THEIRS " 9000\r\n");
    hear(&t, "\n$10\r\n01234");
    hear(&t, "56789STREAM");
    step(&t,
         (struct replica_event){.type = REPLICA_EVENT_SNAPSHOT_LOADED, .position.offset = 9000});
    expect_and_end(&t, "log notice full resync: history bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
                       "from offset 9000\n"
                       "[handshake -> wait for the snapshot]\n"
                       "snapshot begins: history bbbbbbbb at 9000, 10 bytes\n"
                       "snapshot: 5 bytes\n"
                       "[wait for the snapshot -> loading]\n"
                       "snapshot: 5 bytes\n"
                       "snapshot is whole: history bbbbbbbb at 9000\n"
                       "log notice full resync done: history "
                       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb from offset 9000\n"
                       "send REPLCONF ACK 9000\n"
                       "stream: 6 bytes\n"
                       "[loading -> streaming]\n");
}

Test(replica_transcript, a_snapshot_of_unknown_size_ends_with_its_marker)
{
    struct transcript t = introduced(OURS);

    hear(&t, "+FULLRESYNC " THEIRS " 9000\r\n$EOF:" MARKER "\r\n");
    hear(&t, "0123456789" MARKER);
    step(&t,
         (struct replica_event){.type = REPLICA_EVENT_SNAPSHOT_LOADED, .position.offset = 9000});
    expect_and_end(&t, "log notice full resync: history bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
                       "from offset 9000\n"
                       "snapshot begins: history bbbbbbbb at 9000, up to a marker\n"
                       "[handshake -> loading]\n"
                       "snapshot: 10 bytes\n"
                       "snapshot is whole: history bbbbbbbb at 9000\n"
                       "log notice full resync done: history "
                       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb from offset 9000\n"
                       "send REPLCONF ACK 9000\n"
                       "[loading -> streaming]\n");
}

Test(replica_transcript, a_primary_that_is_loading_is_asked_again_later)
{
    struct transcript t = introduced(OURS);

    hear(&t, "-LOADING Redis is loading the dataset in memory\r\n");
    tick(&t, 100);
    expect_and_end(&t, "log notice the primary answered PSYNC with: -LOADING Redis is loading the "
                       "dataset in memory\n"
                       "log notice link to the primary p:7 given up: it will be ready later\n"
                       "close\n"
                       "[handshake -> waiting]\n"
                       "connect p:7\n"
                       "[waiting -> connecting]\n");
}

Test(replica_transcript, a_primary_that_refuses_to_synchronise_is_left)
{
    struct transcript t = introduced(OURS);

    hear(&t, "-ERR unknown command\r\n");
    expect_and_end(&t, "log warning the primary answered PSYNC with: -ERR unknown command\n"
                       "log warning link to the primary p:7 given up: it refused to synchronise\n"
                       "close\n"
                       "[handshake -> waiting]\n");
}

Test(replica_transcript, a_password_that_is_refused_ends_the_handshake)
{
    struct transcript t = start("wrong");

    link_up(&t, OURS);
    hear(&t, "-NOAUTH Authentication required.\r\n");
    hear(&t, "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    expect_and_end(
        &t, "log notice following the primary p:7\n"
            "connect p:7\n"
            "[idle -> connecting]\n"
            "send PING\n"
            "[connecting -> handshake]\n"
            "send AUTH (secret); REPLCONF listening-port 6380; REPLCONF capa eof capa psync2\n"
            "log warning the primary answered AUTH with: -WRONGPASS invalid "
            "username-password pair or user is disabled.\n"
            "log warning link to the primary p:7 given up: it refused our password\n"
            "close\n"
            "[handshake -> waiting]\n");
}

Test(replica_transcript, a_full_resync_of_no_history_is_not_believed)
{
    struct transcript t = introduced(OURS);

    hear(&t, "+FULLRESYNC not-a-history 9000\r\n");
    expect_and_end(
        &t, "log warning link to the primary p:7 given up: its FULLRESYNC cannot be understood\n"
            "close\n"
            "[handshake -> waiting]\n");
}

Test(replica_transcript, a_payload_that_breaks_off_is_thrown_away)
{
    struct transcript t = introduced("");

    hear(&t, "+FULLRESYNC " THEIRS " 9000\r\n$10\r\n0123");
    step(&t, (struct replica_event){.type = REPLICA_EVENT_LINK_DOWN, .reason = "reset by peer"});
    expect_and_end(&t, "log notice full resync: history bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
                       "from offset 9000\n"
                       "snapshot begins: history bbbbbbbb at 9000, 10 bytes\n"
                       "snapshot: 4 bytes\n"
                       "[handshake -> loading]\n"
                       "log notice link to the primary p:7 is down: reset by peer\n"
                       "snapshot is thrown away\n"
                       "[loading -> waiting]\n");
}

Test(replica_transcript, something_else_than_a_payload_ends_the_attempt)
{
    struct transcript t = introduced("");

    hear(&t, "+FULLRESYNC " THEIRS " 9000\r\n*1\r\n");
    expect_and_end(&t, "log notice full resync: history bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
                       "from offset 9000\n"
                       "log warning link to the primary p:7 given up: it sent something else where "
                       "a snapshot should begin\n"
                       "close\n"
                       "[handshake -> waiting]\n");
}

Test(replica_transcript, a_snapshot_that_cannot_be_loaded_is_asked_for_again)
{
    struct transcript t = introduced("");

    hear(&t, "+FULLRESYNC " THEIRS " 9000\r\n$3\r\nbad");
    step(&t, (struct replica_event){.type = REPLICA_EVENT_SNAPSHOT_FAILED,
                                    .reason = "the checksum does not match"});
    tick(&t, 100);
    expect_and_end(&t, "log notice full resync: history bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
                       "from offset 9000\n"
                       "snapshot begins: history bbbbbbbb at 9000, 3 bytes\n"
                       "snapshot: 3 bytes\n"
                       "snapshot is whole: history bbbbbbbb at 9000\n"
                       "[handshake -> loading]\n"
                       "log warning link to the primary p:7 given up: the checksum does not match\n"
                       "close\n"
                       "[loading -> waiting]\n"
                       "connect p:7\n"
                       "[waiting -> connecting]\n");
}

Test(replica_transcript, a_primary_that_does_not_accept_is_given_up_after_five_seconds)
{
    struct transcript t = start(NULL);

    tick(&t, 5000);
    tick(&t, 1);
    expect_and_end(
        &t,
        "log notice following the primary p:7\n"
        "connect p:7\n"
        "[idle -> connecting]\n"
        "log warning link to the primary p:7 given up: it does not accept the connection in time\n"
        "close\n"
        "[connecting -> waiting]\n");
}

Test(replica_transcript, a_primary_that_goes_silent_in_the_stream_is_given_up_after_the_timeout)
{
    struct transcript t = introduced(OURS);

    hear(&t, "+CONTINUE\r\n");
    tick(&t, 60000);
    tick(&t, 1);
    expect_and_end(&t, "log notice partial resync from offset 1200\n"
                       "go on: history aaaaaaaa at 1200\n"
                       "send REPLCONF ACK 1200\n"
                       "[handshake -> streaming]\n"
                       "send REPLCONF ACK 1200\n"
                       "log warning link to the primary p:7 given up: it is silent for too long\n"
                       "close\n"
                       "[streaming -> waiting]\n");
}

Test(replica_transcript, a_line_without_end_ends_the_handshake)
{
    struct transcript t = start(NULL);
    char line[5000];

    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    link_up(&t, OURS);
    hear(&t, line);
    expect_and_end(&t, "log notice following the primary p:7\n"
                       "connect p:7\n"
                       "[idle -> connecting]\n"
                       "send PING\n"
                       "[connecting -> handshake]\n"
                       "log warning link to the primary p:7 given up: it sent a line that is too "
                       "long for the handshake\n"
                       "close\n"
                       "[handshake -> waiting]\n");
}

Test(replica_transcript, another_primary_is_followed_at_once_and_nothing_of_the_old_one_stays)
{
    struct transcript t = introduced("");

    hear(&t, "+FULLRESYNC " THEIRS " 9000\r\n$10\r\n0123");
    step(&t, (struct replica_event){.type = REPLICA_EVENT_START, .host = "q", .port = 8});
    expect_and_end(&t, "log notice full resync: history bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
                       "from offset 9000\n"
                       "snapshot begins: history bbbbbbbb at 9000, 10 bytes\n"
                       "snapshot: 4 bytes\n"
                       "[handshake -> loading]\n"
                       "snapshot is thrown away\n"
                       "close\n"
                       "log notice following the primary q:8\n"
                       "connect q:8\n"
                       "[loading -> connecting]\n");
}
