/* SPDX-License-Identifier: MIT */
/* The verbs that start and stop servers. */
#include "tests/wire/script.h"

#include "base/num.h"
#include "persist/posix_file.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_option(struct script *script, struct server *s, struct bytes option,
                       struct buf *must_say)
{
    struct buf expanded = {0};
    struct buf text = {0};
    struct bytes rest;
    struct bytes name;

    script_expand(script, bytes_trim(option), &expanded);
    rest = buf_bytes(&expanded);
    if (bytes_has_prefix(rest, "replica of ")) {
        struct named_server *primary = script_find_server(script, bytes_from(rest, 11));

        if (primary == NULL) {
            script_fail(script, "replica of nobody known");
        } else {
            buf_printf(&text, "127.0.0.1 %u", (unsigned)primary->server.port);
            server_add_arg(s, "--replicaof");
            server_add_arg(s, buf_text(&text));
        }
    } else if (bytes_equal_text(rest, "cluster")) {
        server_add_arg(s, "--cluster-enabled");
        server_add_arg(s, "yes");
    } else if (bytes_equal_text(rest, "redis")) {
        snprintf(s->program, sizeof(s->program), "redis-server");
        if (system("command -v redis-server >/dev/null 2>&1") != 0) {
            script->is_skipped = true;
            script_fail(script, "skipped: it needs Debian's redis-server, which is not installed");
        }
    } else if (bytes_has_prefix(rest, "descriptors ")) {
        if (!num_parse_u64(bytes_from(rest, 12), &s->descriptors)) {
            script_fail(script, "descriptors needs a number");
        }
    } else if (bytes_has_prefix(rest, "config ")) {
        bytes_to_text(bytes_from(rest, 7), s->config_file, sizeof(s->config_file));
    } else if (bytes_has_prefix(rest, "fails ")) {
        buf_append_bytes(must_say, bytes_from(rest, 6));
    } else if (rest.len > 0) {
        name = bytes_next_word(&rest, ' ');
        buf_printf(&text, "--%.*s", BYTES_ARGS(name));
        server_add_arg(s, buf_text(&text));
        buf_clear(&text);
        rest = bytes_trim(rest);
        if (rest.len >= 2 && rest.data[0] == '"' && rest.data[rest.len - 1] == '"') {
            rest = bytes_make(rest.data + 1, rest.len - 2);
        }
        buf_append_bytes(&text, rest);
        server_add_arg(s, buf_text(&text));
    }
    buf_deinit(&text);
    buf_deinit(&expanded);
}

static void start_failing(struct script *script, struct server *s, struct buf *must_say)
{
    struct errmsg error = {0};
    char path[SERVER_PATH_MAX + 8];
    struct buf log = {0};
    int status = 0;

    if (!server_launch(s, &error) || !server_wait_end(s, 20000, &status)) {
        script_fail(script, "the server should have refused to start: %s", error.text);
        return;
    }
    snprintf(path, sizeof(path), "%s/log", s->dir);
    if (posix_read_file(path, 1024 * 1024, &log, &error) != FS_OK) {
        script_fail(script, "no log: %s", error.text);
    } else if (status == 0 || strstr(buf_text(&log), buf_text(must_say)) == NULL) {
        script_fail(script, "status %d and no '%s' in: %s", status, buf_text(must_say),
                    buf_text(&log));
    }
    buf_deinit(&log);
}

struct named_server *starting_make_server(struct script *script, struct bytes name)
{
    char program[SERVER_PATH_MAX];
    struct errmsg error;

    snprintf(program, sizeof(program), "%s/starling-server", server_bin_dir());
    for (int i = 0; i < SERVERS_MAX; i++) {
        struct named_server *s = &script->servers[i];

        if (!s->is_used) {
            s->is_used = true;
            bytes_to_text(name, s->name, sizeof(s->name));
            if (!server_prepare(&s->server, program, &error)) {
                script_fail(script, "%s", error.text);
                return NULL;
            }
            return s;
        }
    }
    script_fail(script, "too many servers");
    return NULL;
}

static void start_one(struct script *script, struct bytes name, struct bytes options)
{
    struct named_server *s = script_find_server(script, name);
    struct errmsg error = {0};
    struct buf must_say = {0};

    if (s == NULL) {
        s = starting_make_server(script, name);
    }
    if (s == NULL) {
        return;
    }
    for (struct bytes option = bytes_next_word(&options, ','); option.len > 0;
         option = bytes_next_word(&options, ',')) {
        if (bytes_has_prefix(bytes_trim(option), "notify ")) {
            life_notify(script, s, bytes_from(bytes_trim(option), 7));
        } else {
            add_option(script, &s->server, option, &must_say);
        }
    }
    if (must_say.len > 0) {
        start_failing(script, &s->server, &must_say);
    } else if (script->problem[0] == '\0' && !server_start(&s->server, &error)) {
        script_fail(script, "%s", error.text);
    }
    buf_deinit(&must_say);
}

void starting_start(struct script *script, struct bytes rest)
{
    while (rest.len > 0 && script->problem[0] == '\0') {
        size_t end = 0;
        size_t open;
        struct bytes name;
        struct bytes options = {0};

        rest = bytes_trim(rest);
        while (end < rest.len && rest.data[end] != ' ') {
            if (rest.data[end] == '(') {
                end = bytes_find_byte(rest, ')');
                if (end == SIZE_MAX) {
                    script_fail(script, "a bracket is not closed");
                    return;
                }
            }
            end++;
        }
        name = bytes_prefix(rest, end);
        open = bytes_find_byte(name, '(');
        if (open != SIZE_MAX) {
            options = bytes_prefix(bytes_from(name, open + 1), name.len - open - 2);
            name = bytes_prefix(name, open);
        }
        start_one(script, name, options);
        rest = bytes_from(rest, end);
    }
}

void starting_stop(struct script *script, struct bytes rest)
{
    struct bytes name = bytes_next_word(&rest, ' ');
    struct bytes how = bytes_next_word(&rest, ' ');
    struct named_server *s = script_find_server(script, name);

    if (s == NULL) {
        script_fail(script, "there is no server '%.*s'", BYTES_ARGS(name));
        return;
    }
    if (bytes_equal_text(how, "pause")) {
        server_signal(&s->server, SIGSTOP);
        return;
    }
    if (bytes_equal_text(how, "hangup")) {
        kill(s->server.pid, SIGHUP);
        return;
    }
    if (bytes_equal_text(how, "resume")) {
        server_signal(&s->server, SIGCONT);
        return;
    }
    script_drop_conns(script, s->name);
    if (bytes_equal_text(how, "kill")) {
        server_signal(&s->server, SIGKILL);
    } else if (server_signal(&s->server, SIGTERM) != 0) {
        script_fail(script, "%s did not end well", s->name);
    }
}
