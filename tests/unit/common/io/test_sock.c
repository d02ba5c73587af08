/* SPDX-License-Identifier: MIT */
/* io/sock over loopback. */
#include "io/sock.h"

#include "tests/unit/common/io/pair.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct ends {
    int listener;
    int client;
    int server;
    struct addr at;
};

static struct ends connect_ends(const char *host)
{
    struct ends ends;

    ends.listener = pair_listen(host, &ends.at);
    ends.client = pair_connect(&ends.at);
    ends.server = pair_accept(ends.listener);
    return ends;
}

static void close_ends(struct ends *ends)
{
    sock_close(ends->client);
    sock_close(ends->server);
    sock_close(ends->listener);
}

Test(sock, bytes_travel_both_ways)
{
    struct ends ends = connect_ends("127.0.0.1");
    struct bytes pieces[] = {BYTES_LITERAL("one "), BYTES_LITERAL(""), BYTES_LITERAL("two")};
    struct buf in = {0};
    size_t written;

    cr_assert_eq(sock_write(ends.client, BYTES_LITERAL("hello"), &written, NULL), SOCK_OK);
    cr_assert_eq(written, 5);
    pair_read_exactly(ends.server, &in, 5);
    cr_assert(bytes_equal_text(buf_bytes(&in), "hello"));
    buf_clear(&in);
    cr_assert_eq(sock_write_pieces(ends.server, pieces, 3, &written, NULL), SOCK_OK);
    cr_assert_eq(written, 7);
    pair_read_exactly(ends.client, &in, 7);
    cr_assert(bytes_equal_text(buf_bytes(&in), "one two"));
    buf_deinit(&in);
    close_ends(&ends);
}

Test(sock, both_ends_know_their_addresses)
{
    struct ends ends = connect_ends("127.0.0.1");
    struct addr client;
    struct addr server;

    cr_assert(sock_local_addr(ends.client, &client) && sock_local_addr(ends.server, &server));
    cr_assert(addr_equal(&server, &ends.at));
    cr_assert(addr_is_loopback(&client) && !addr_equal(&client, &server));
    close_ends(&ends);
}

Test(sock, nothing_to_read_is_no_error_and_a_closed_peer_is_told)
{
    struct ends ends = connect_ends("127.0.0.1");
    struct errmsg error = {0};
    char byte;
    size_t got;

    cr_assert_eq(sock_read(ends.server, &byte, 1, &got, &error), SOCK_AGAIN);
    cr_assert_eq(got, 0);
    sock_close(ends.client);
    ends.client = -1;
    cr_assert(sock_wait(ends.server, true, false, PATIENCE_MS));
    cr_assert_eq(sock_read(ends.server, &byte, 1, &got, &error), SOCK_CLOSED);
    close_ends(&ends);
}

Test(sock, writing_to_a_closed_peer_is_a_status_not_a_signal)
{
    struct ends ends = connect_ends("127.0.0.1");
    enum sock_status status = SOCK_OK;
    size_t written;

    sock_close(ends.server);
    ends.server = -1;
    for (int i = 0; i < 1000 && status == SOCK_OK; i++) {
        status = sock_write(ends.client, BYTES_LITERAL("into the void"), &written, NULL);
    }
    cr_assert_eq(status, SOCK_CLOSED);
    close_ends(&ends);
}

Test(sock, a_full_pipe_says_again)
{
    static const char block[256 * 1024];
    struct ends ends = connect_ends("127.0.0.1");
    enum sock_status status = SOCK_OK;
    size_t written;

    for (int i = 0; i < 1000 && status == SOCK_OK; i++) {
        status = sock_write(ends.client, bytes_make(block, sizeof(block)), &written, NULL);
    }
    cr_assert_eq(status, SOCK_AGAIN);
    cr_assert(!sock_wait(ends.client, false, true, 0));
    close_ends(&ends);
}

Test(sock, no_waiting_connection_is_again)
{
    struct addr at;
    int listener = pair_listen("127.0.0.1", &at);
    int fd;

    cr_assert_eq(sock_accept(listener, &fd, NULL, NULL), SOCK_AGAIN);
    sock_close(listener);
}

Test(sock, a_port_in_use_and_a_refused_connection_are_explained)
{
    struct sock_listen_options options = {.backlog = 1};
    struct errmsg error = {0};
    struct addr at;
    int listener = pair_listen("127.0.0.1", &at);
    enum sock_status status;
    int fd;

    cr_assert_eq(sock_listen(&at, &options, &error), -1);
    cr_assert_not_null(strstr(error.text, "cannot listen on 127.0.0.1:"));
    sock_close(listener);
    status = sock_connect_start(&at, NULL, &fd, &error);
    if (status == SOCK_AGAIN) {
        cr_assert(sock_wait(fd, false, true, PATIENCE_MS));
        status = sock_connect_outcome(fd, &error);
        sock_close(fd);
    }
    cr_assert_eq(status, SOCK_ERROR);
    cr_assert_not_null(strstr(error.text, "Connection refused"), "%s", error.text);
}

Test(sock, paths_replace_stale_sockets_but_no_other_files)
{
    struct sock_listen_options options = {.backlog = 4, .unix_mode = 0600};
    char dir[] = "/tmp/starling-sock-XXXXXX";
    char path[100];
    struct errmsg error = {0};
    struct stat info;
    struct addr at;

    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    cr_assert(addr_from_path(&at, path));
    for (int round = 0; round < 2; round++) {
        int listener = sock_listen(&at, &options, NULL);
        int client = pair_connect(&at);

        cr_assert_eq(stat(path, &info), 0);
        cr_assert_eq(info.st_mode & 0777, 0600);
        cr_assert_eq(sock_listen(&at, &options, &error), -1, "a living listener keeps its path");
        cr_assert_not_null(strstr(error.text, "Address already in use"), "%s", error.text);
        cr_assert_null(strstr(error.text, ":0"), "a path has no port: %s", error.text);
        sock_close(client);
        sock_close(listener);
    }
    unlink(path);
    fclose(fopen(path, "w"));
    cr_assert_eq(sock_listen(&at, &options, NULL), -1);
    unlink(path);
    rmdir(dir);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

Test(sock, keepalive_and_nodelay_reach_the_kernel)
{
    struct ends ends = connect_ends("127.0.0.1");

    sock_set_nodelay(ends.client, true);
    sock_set_keepalive(ends.client, 300);
    cr_assert_neq(option_of(ends.client, IPPROTO_TCP, TCP_NODELAY), 0);
    cr_assert_neq(option_of(ends.client, SOL_SOCKET, SO_KEEPALIVE), 0);
    cr_assert_eq(option_of(ends.client, IPPROTO_TCP, TCP_KEEPIDLE), 300);
    cr_assert_eq(option_of(ends.client, IPPROTO_TCP, TCP_KEEPINTVL), 100);
    cr_assert_eq(option_of(ends.client, IPPROTO_TCP, TCP_KEEPCNT), 3);
    sock_set_keepalive(ends.client, 0);
    cr_assert_eq(option_of(ends.client, SOL_SOCKET, SO_KEEPALIVE), 0);
    close_ends(&ends);
}
