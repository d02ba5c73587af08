/* SPDX-License-Identifier: MIT */
/* cli/execute: redirections; cli/connect: what is said first, against a server in a thread. */
#include "cli/execute.h"

#include "base/mem.h"
#include "io/sock.h"

#include <criterion/criterion.h>
#include <pthread.h>

Test(execute, redirections_are_read_from_errors)
{
    struct redirection to;

    cr_assert(execute_parse_redirection(BYTES_LITERAL("MOVED 12 h.example:7001"), &to));
    cr_assert(!to.is_ask && to.slot == 12 && to.port == 7001);
    cr_assert_str_eq(to.host, "h.example");
    cr_assert(execute_parse_redirection(BYTES_LITERAL("ASK 3 ::1:7002"), &to));
    cr_assert(to.is_ask && to.port == 7002);
    cr_assert_str_eq(to.host, "::1");
}

Test(execute, a_redirection_without_host_means_the_same_host)
{
    struct redirection to;

    cr_assert(execute_parse_redirection(BYTES_LITERAL("MOVED 1 :7003"), &to));
    cr_assert_str_eq(to.host, "");
    cr_assert_eq(to.port, 7003);
}

Test(execute, other_errors_are_no_redirections)
{
    static const char *const others[] = {"ERR no",          "MOVED",       "MOVED x h:1",
                                         "MOVED 99999 h:1", "MOVED 1 h",   "MOVED 1 h:0",
                                         "MOVED 1 :x",      "MOVEDX 1 h:1"};
    struct redirection to;

    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        cr_assert_not(execute_parse_redirection(bytes_from_text(others[i]), &to), "%s", others[i]);
    }
}

Test(execute, replies_that_are_text_for_people_are_known)
{
    const struct bytes info[] = {BYTES_LITERAL("INFO"), BYTES_LITERAL("server")};
    const struct bytes nodes[] = {BYTES_LITERAL("cluster"), BYTES_LITERAL("NODES")};
    const struct bytes get[] = {BYTES_LITERAL("get"), BYTES_LITERAL("nodes")};

    cr_assert(execute_is_plain_text(info, 2));
    cr_assert(execute_is_plain_text(nodes, 2));
    cr_assert_not(execute_is_plain_text(nodes, 1));
    cr_assert_not(execute_is_plain_text(get, 2));
}

/* ---- a server that expects certain bytes and answers with others -------------------------------- */

struct script {
    int listener;
    const char *expected;
    const char *answer;
    struct buf seen;
};

/* Requests come one by one, each when the one before was answered; a line of answers for each. */
static void *serve(void *argument)
{
    struct script *script = argument;
    struct bytes answers = bytes_from_text(script->answer);
    size_t moved;
    int fd = -1;

    if (!sock_wait(script->listener, true, false, 10000) ||
        sock_accept(script->listener, &fd, NULL, NULL) != SOCK_OK) {
        return NULL;
    }
    while (script->seen.len < strlen(script->expected) && sock_wait(fd, true, false, 10000) &&
           sock_read_append(fd, &script->seen, 4096, &moved, NULL) == SOCK_OK) {
        struct bytes line = bytes_next_word(&answers, '\n');

        if (line.len > 0 && (sock_write(fd, line, &moved, NULL) != SOCK_OK ||
                             sock_write(fd, BYTES_LITERAL("\n"), &moved, NULL) != SOCK_OK)) {
            break;
        }
    }
    sock_close(fd);
    return NULL;
}

static void start(struct script *script, struct options *options, pthread_t *thread)
{
    const struct sock_listen_options how = {.backlog = 4};
    struct addr at;

    *options = (struct options){.host = "127.0.0.1", .timeout_ms = 10000};
    cr_assert(addr_parse(&at, "127.0.0.1", 0));
    script->listener = sock_listen(&at, &how, NULL);
    cr_assert_geq(script->listener, 0);
    cr_assert(sock_local_addr(script->listener, &at));
    options->port = addr_port(&at);
    cr_assert_eq(pthread_create(thread, NULL, serve, script), 0);
}

static void stop(struct script *script, pthread_t thread)
{
    pthread_join(thread, NULL);
    cr_assert_str_eq(buf_text(&script->seen), script->expected);
    buf_deinit(&script->seen);
    sock_close(script->listener);
    cr_assert_eq(mem_used_total(), 0);
}

Test(connect, a_connection_authenticates_then_chooses_protocol_and_database)
{
    char user[] = "al";
    char password[] = "pw";
    struct script script = {
        .expected = "*3\r\n$4\r\nAUTH\r\n$2\r\nal\r\n$2\r\npw\r\n*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"
                    "*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n*1\r\n$4\r\nPING\r\n",
        .answer = "+OK\r\n+OK\r\n+OK\r\n+PONG\r\n",
    };
    struct options options;
    struct connection connection;
    struct resp_value reply;
    struct errmsg error = {0};
    const struct bytes ping = BYTES_LITERAL("PING");
    pthread_t thread;

    start(&script, &options, &thread);
    options.user = user;
    options.password = password;
    options.protocol = 3;
    options.db = 5;
    connection_init(&connection, &options, NULL);
    cr_assert(connection_open(&connection, &error), "%s", error.text);
    cr_assert_eq(connection_call(&connection, &ping, 1, &reply, &error), CONNECTION_OK);
    cr_assert(resp_value_is_text(&reply, "PONG"));
    resp_value_deinit(&reply);
    connection_close(&connection);
    stop(&script, thread);
}

Test(connect, a_server_that_closes_is_a_lost_connection_with_a_reason)
{
    struct script script = {.expected = "*1\r\n$4\r\nPING\r\n", .answer = ""};
    struct options options;
    struct connection connection;
    struct resp_value reply;
    struct errmsg error = {0};
    const struct bytes ping = BYTES_LITERAL("PING");
    pthread_t thread;

    start(&script, &options, &thread);
    connection_init(&connection, &options, NULL);
    cr_assert(connection_open(&connection, &error), "%s", error.text);
    cr_assert_eq(connection_call(&connection, &ping, 1, &reply, &error), CONNECTION_LOST);
    cr_assert_str_eq(error.text, "Server closed the connection");
    cr_assert_null(connection.client);
    stop(&script, thread);
}

Test(connect, moving_to_another_server_closes_and_forgets_the_path)
{
    struct options options = {.host = "a", .port = 1, .unix_path = "/x.sock"};
    struct connection connection;
    char text[ADDR_TEXT];

    connection_init(&connection, &options, NULL);
    connection_format(&connection, text);
    cr_assert_str_eq(text, "/x.sock");
    connection_move(&connection, "::1", 7001);
    connection_format(&connection, text);
    cr_assert_str_eq(text, "[::1]:7001");
    connection_move(&connection, connection.host, 7002);
    connection_format(&connection, text);
    cr_assert_str_eq(text, "[::1]:7002");
}
