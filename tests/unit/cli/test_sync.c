/* SPDX-License-Identifier: MIT */
/* cli/sync: a snapshot that arrives in pieces, from a server in a thread. */
#include "cli/sync.h"

#include "base/buf.h"
#include "base/mem.h"
#include "io/sock.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#define MARK "0123456789012345678901234567890123456789"

struct primary {
    const char *request; /* that is waited for */
    int listener;
    const char *sent; /* after SYNC */
    size_t piece;     /* bytes written at once */
};

static void *serve(void *argument)
{
    struct primary *primary = argument;
    struct buf seen = {0};
    size_t moved;
    size_t len = strlen(primary->sent);
    int fd = -1;

    cr_assert(sock_wait(primary->listener, true, false, 10000));
    cr_assert_eq(sock_accept(primary->listener, &fd, NULL, NULL), SOCK_OK);
    while (seen.len < strlen(primary->request) && sock_wait(fd, true, false, 10000) &&
           sock_read_append(fd, &seen, 4096, &moved, NULL) == SOCK_OK) {
    }
    /* Who has read its answer may go before the rest is written. */
    for (size_t at = 0; at < len; at += primary->piece) {
        size_t left = len - at < primary->piece ? len - at : primary->piece;

        if (sock_write(fd, bytes_make(primary->sent + at, left), &moved, NULL) != SOCK_OK) {
            break;
        }
        cr_assert_eq(moved, left);
    }
    cr_assert_str_eq(buf_text(&seen), primary->request);
    sock_close(fd);
    buf_deinit(&seen);
    return NULL;
}

struct outcome {
    struct buf payload;
    struct buf rest; /* the stream behind it */
    struct errmsg error;
    bool is_ok;
};

static void run(struct outcome *outcome, const char *sent, size_t piece_len)
{
    const struct sock_listen_options how = {.backlog = 4};
    struct primary primary = {.request = "*1\r\n$4\r\nSYNC\r\n", .sent = sent, .piece = piece_len};
    struct client_options to = {.host = "127.0.0.1", .timeout_ms = 10000};
    struct sync sync = {0};
    struct bytes piece;
    struct addr at;
    pthread_t thread;

    *outcome = (struct outcome){0};
    cr_assert(addr_parse(&at, "127.0.0.1", 0));
    primary.listener = sock_listen(&at, &how, NULL);
    cr_assert(sock_local_addr(primary.listener, &at));
    to.port = addr_port(&at);
    cr_assert_eq(pthread_create(&thread, NULL, serve, &primary), 0);
    sync.client = client_open(&to, &outcome->error);
    cr_assert_not_null(sync.client);
    outcome->is_ok = sync_begin(&sync, &outcome->error);
    while (outcome->is_ok && !sync.is_over) {
        outcome->is_ok = sync_next(&sync, &piece, &outcome->error);
        buf_append_bytes(&outcome->payload, piece);
    }
    while (outcome->is_ok && client_wait_input(sync.client, &outcome->error) == CLIENT_OK) {
    }
    buf_append_bytes(&outcome->rest, client_input(sync.client));
    client_close(sync.client);
    pthread_join(thread, NULL);
    sock_close(primary.listener);
}

static void finish(struct outcome *outcome)
{
    buf_deinit(&outcome->payload);
    buf_deinit(&outcome->rest);
    cr_assert_eq(mem_used_total(), 0);
}

Test(sync, a_payload_with_its_size_in_front_ends_there)
{
    for (size_t piece = 1; piece < 24; piece += 4) {
        struct outcome o;

        run(&o, "\n\n$12\r\nREDIS\r\n\n0009*1\r\n$4\r\nPING\r\n", piece);
        cr_assert(o.is_ok, "%s", o.error.text);
        cr_assert_str_eq(buf_text(&o.payload), "REDIS\r\n\n0009");
        cr_assert_str_eq(buf_text(&o.rest), "*1\r\n$4\r\nPING\r\n");
        finish(&o);
    }
}

Test(sync, a_payload_with_a_mark_behind_it_ends_in_front_of_the_mark)
{
    /* What looks like the beginning of the mark is payload. */
    static const char sent[] = "\n$EOF:" MARK "\r\nREDIS01234567890123x" MARK "*1\r\n";

    for (size_t piece = 1; piece < sizeof(sent); piece += 9) {
        struct outcome o;

        run(&o, sent, piece);
        cr_assert(o.is_ok, "%s", o.error.text);
        cr_assert_str_eq(buf_text(&o.payload), "REDIS01234567890123x");
        cr_assert_str_eq(buf_text(&o.rest), "*1\r\n");
        finish(&o);
    }
}

Test(sync, an_empty_payload_is_whole_at_once)
{
    struct outcome o;

    run(&o, "$EOF:" MARK "\r\n" MARK, 1024);
    cr_assert(o.is_ok, "%s", o.error.text);
    cr_assert_eq(o.payload.len, 0);
    finish(&o);
}

Test(sync, what_is_no_snapshot_is_refused_with_the_reason)
{
    static const char *const cases[][2] = {
        {"-NOMASTERLINK Can't SYNC\r\n", "NOMASTERLINK"},
        {"+OK\r\n",                      "'+OK'"       },
        {"$x\r\n",                       "'$x'"        },
        {"$EOF:short\r\n",               "'$EOF:short'"},
        {"$10\r\nREDIS",                 "closed"      },
        {"$EOF:" MARK "\r\nREDIS",       "closed"      },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct outcome o;

        run(&o, cases[i][0], 1024);
        cr_assert_not(o.is_ok, "%s", cases[i][0]);
        cr_assert_not_null(strstr(o.error.text, cases[i][1]), "%s", o.error.text);
        finish(&o);
    }
}

/* ---- PSYNC -------------------------------------------------------------------------------------- */

#define HISTORY "0123456789abcdef0123456789abcdef01234567"
#define OTHER   "76543210fedcba9876543210fedcba9876543210"

struct asked {
    struct sync_place have;
    const char *request;
    const char *answer;
};

struct answered {
    struct sync_place from;
    struct errmsg error;
    bool is_full;
    bool is_ok;
};

static struct answered ask(const struct asked *asked)
{
    const struct sock_listen_options how = {.backlog = 4};
    struct primary primary = {.request = asked->request, .sent = asked->answer, .piece = 3};
    struct client_options to = {.host = "127.0.0.1", .timeout_ms = 10000};
    struct answered answered = {0};
    struct sync sync = {0};
    struct addr at;
    pthread_t thread;

    cr_assert(addr_parse(&at, "127.0.0.1", 0));
    primary.listener = sock_listen(&at, &how, NULL);
    cr_assert(sock_local_addr(primary.listener, &at));
    to.port = addr_port(&at);
    cr_assert_eq(pthread_create(&thread, NULL, serve, &primary), 0);
    sync.client = client_open(&to, &answered.error);
    cr_assert_not_null(sync.client);
    answered.is_ok =
        sync_ask(&sync, &asked->have, &answered.is_full, &answered.from, &answered.error);
    client_close(sync.client);
    pthread_join(thread, NULL);
    sock_close(primary.listener);
    return answered;
}

#define NOTHING_ASKED "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n"
#define ASKED         "*3\r\n$5\r\nPSYNC\r\n$40\r\n" HISTORY "\r\n$2\r\n43\r\n"

Test(sync, that_has_a_place_asks_for_the_byte_behind_it_and_is_told_where_it_goes_on)
{
    const struct sync_place place = {{HISTORY}, 42};
    static const struct {
        const char *answer;
        const char *history;
        uint64_t offset;
        bool is_full;
    } cases[] = {
        {"\n\n+CONTINUE\r\n",                   HISTORY, 42, false},
        {"+CONTINUE " HISTORY "\r\n",           HISTORY, 42, false},
        {"\n+CONTINUE " OTHER "\r\n*1\r\n",     OTHER,   42, false},
        {"\n+FULLRESYNC " OTHER " 7\r\n$3\r\n", OTHER,   7,  true },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct answered a = ask(&(struct asked){place, ASKED, cases[i].answer});

        cr_assert(a.is_ok, "%s", a.error.text);
        cr_expect_eq(a.is_full, cases[i].is_full);
        cr_expect_str_eq(a.from.history.text, cases[i].history);
        cr_expect_eq(a.from.offset, cases[i].offset);
    }
}

Test(sync, that_has_no_place_asks_for_all)
{
    struct answered a = ask(&(struct asked){
        {{""}, 0},
        NOTHING_ASKED, "+FULLRESYNC " HISTORY " 99\r\n"
    });

    cr_assert(a.is_ok, "%s", a.error.text);
    cr_expect(a.is_full);
    cr_expect_eq(a.from.offset, 99);
}

Test(sync, passes_on_what_is_no_answer)
{
    static const char *const answers[] = {
        "-NOMASTERLINK Can't SYNC while not connected\r\n",
        "+FULLRESYNC\r\n",
        "+FULLRESYNC " HISTORY "\r\n",
        "+FULLRESYNC short 9\r\n",
        "+FULLRESYNC " HISTORY " -9\r\n",
        "+CONTINUE short\r\n",
        "+OK\r\n",
    };

    for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
        struct answered a = ask(&(struct asked){
            {{""}, 0},
            NOTHING_ASKED, answers[i]
        });

        cr_expect_not(a.is_ok, "%s", answers[i]);
        cr_expect_not_null(strstr(a.error.text, "the server answers PSYNC with"), "%s",
                           a.error.text);
    }
}
