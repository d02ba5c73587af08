/* SPDX-License-Identifier: MIT */
/* A wire script while it runs, shared by the files of the runner. */
#ifndef STARLING_TESTS_WIRE_SCRIPT_H
#define STARLING_TESTS_WIRE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "tests/support/server.h"

enum {
    SERVERS_MAX = 12,
    CONNS_MAX = 32,
    WORDS_MAX = 64,
};

struct named_server {
    char name[16];
    struct server server;
    bool is_used;
    int notify_fd; /* 0: none */
    struct buf notified;
};

struct named_conn {
    char name[32];
    struct client *client;
};

struct script {
    struct client *queue; /* of the verbs queue and drain */
    int64_t queued;
    const char *path;
    int line;
    struct named_server servers[SERVERS_MAX];
    struct named_conn conns[CONNS_MAX];
    char problem[1024];
    bool is_skipped; /* it needs a program that is not installed */
};

/* Close the connections to a server that ends. */
void script_drop_conns(struct script *script, const char *server);
/* The script fails here; the first words stay. */
void script_fail(struct script *script, const char *format, ...) PRINTF_LIKE(2, 3);
struct named_server *script_find_server(struct script *script, struct bytes name);

/* text.c: what lines and replies look like. */

/* {name} becomes the port of the server, {name.bus} its bus port, {name.dir} its folder. */
void script_expand(struct script *script, struct bytes text, struct buf *out);
/* Words of a line, quoted ones unescaped; the bytes live in storage. */
size_t script_split_words(struct bytes line, struct buf storage[WORDS_MAX],
                          struct bytes words[WORDS_MAX]);
void script_free_words(struct buf storage[WORDS_MAX]);
/* Split "REQUEST < EXPECTED"; the expectation may be missing. */
void script_split_expectation(struct bytes line, struct bytes *request, struct bytes *expected);
void script_render(const struct resp_value *value, struct buf *out);
bool script_matches(struct script *script, struct bytes expected, struct bytes reply);

/* starting.c: the verbs that start and stop servers. */
/* Its place and folder, before it runs; NULL, and the script fails, when there are too many. */
struct named_server *starting_make_server(struct script *script, struct bytes name);
void starting_start(struct script *script, struct bytes rest);
void starting_stop(struct script *script, struct bytes rest);

/* life.c: what a server does to files and to who supervises it. */
void life_content(struct script *script, struct bytes rest);
void life_move(struct script *script, struct bytes rest);
/* How its $NOTIFY_SOCKET is named: "path" or "abstract". */
void life_notify(struct script *script, struct named_server *s, struct bytes how);
void life_notified(struct script *script, struct bytes rest);
void life_forget(struct named_server *s);

/* load.c: the verbs that bring many requests or many connections. */
void load_queue(struct script *script, struct bytes rest);
void load_drain(struct script *script, struct bytes rest);
void load_strangers(struct script *script, struct bytes rest);
void load_descriptors(struct script *script, struct bytes rest);
void load_crowd(struct script *script, struct bytes rest);

/* looks.c: the verbs that look at a server from outside. */
void look_log(struct script *script, struct bytes rest);
void look_end(struct script *script, struct bytes rest);

#endif
