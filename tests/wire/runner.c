/* SPDX-License-Identifier: MIT */
/* Runs wire scripts: real servers, one readable file a feature.
 *
 *     run [--verbose] SCRIPT ...
 *
 * A script is lines of five verbs and two helpers; # begins a comment.
 *
 *     start a b(replica of a) c(cluster, cluster-node-timeout 500)
 *           servers on free ports; options in brackets, separated by commas: "replica of NAME",
 *           "cluster", "redis" (Debian's redis-server instead), "fails TEXT" (must not start, and
 *           say TEXT), "config NAME" (a file of its folder goes before the flags), "descriptors N"
 *           (so many may it have open), "notify path" or "notify abstract" (it has a supervisor), or a directive and its value ("" for an empty one)
 *     a> SET k v        < +OK
 *           send a request, expect a reply: +simple, -error, :integer, text of a bulk, (nil),
 *           [array elements in brackets]; * and ? match as in KEYS
 *     eventually 15s  a> ROLE  < [master *]
 *           the same, again and again until it is so
 *     stop a [term|kill|pause|resume|hangup]
 *     start a           starts a stopped server again, same port, same folder
 *     raw a "bytes\r\n" < expected     bytes as they are, on a connection of its own; "(closed)" stands
 *           at the end of what came when the server has closed it
 *     cli ARGS ...      < expected     our cli; its output must match, {a} is the port of a
 *     server ARGS ...   < expected     the same with our server, for arguments with which it ends
 *     shell COMMAND     < expected     a line for the shell; our programs are in its PATH
 *     file a NAME "bytes"              put a file into the folder of a stopped server
 *     copy a NAME FILE                 the same from a file beside the script
 *     content a NAME    < expected     wait until a file of its folder matches ("log": its output;
 *           "(no file)" when it is gone)
 *     move a FROM TO                   rename a file of its folder
 *     notified a        < expected     wait until what it told its supervisor matches
 *     queue a N REQUEST                send a request N times on a connection of its own, read nothing
 *     drain a           < expected     read what came back: "X of N answered +OK"
 *     descriptors a N                  so many may a running server have open from now on
 *     strangers a N     < expected     open N connections to the bus port, until "N stay open"
 *     crowd a N         < expected     open N connections at once, PING on each: "N answered"
 *     logged a [N]      < pattern      some line of its log, or exactly N of them, match
 *     ended a           < 139          it ends by itself, with this status (as a shell counts it)
 *
 * In requests and expectations {a} is the port of server a.  conn a#2> opens a second
 * connection: any name behind # is a connection of its own. */
#include "tests/wire/script.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/glob.h"
#include "base/mem.h"
#include "base/num.h"
#include "persist/posix_file.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    RETRY_MS = 20,
};

void script_fail(struct script *script, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(script->problem, sizeof(script->problem), format, args);
    va_end(args);
}

struct named_server *script_find_server(struct script *script, struct bytes name)
{
    for (int i = 0; i < SERVERS_MAX; i++) {
        if (script->servers[i].is_used && bytes_equal_text(name, script->servers[i].name)) {
            return &script->servers[i];
        }
    }
    return NULL;
}

/* {name} becomes the port of the server, {name.bus} its bus port, {name.dir} its folder. */
static void expand(struct script *script, struct bytes text, struct buf *out)
{
    while (text.len > 0) {
        size_t close = text.data[0] == '{' ? bytes_find_byte(text, '}') : SIZE_MAX;

        if (close != SIZE_MAX && close > 1) {
            struct bytes name = bytes_prefix(bytes_from(text, 1), close - 1);
            size_t dot = bytes_find_byte(name, '.');
            struct named_server *s =
                script_find_server(script, bytes_prefix(name, dot < name.len ? dot : name.len));

            if (s != NULL) {
                struct bytes part = dot < name.len ? bytes_from(name, dot + 1) : (struct bytes){0};

                if (bytes_equal_text(part, "dir")) {
                    buf_append_text(out, s->server.dir);
                } else {
                    buf_append_i64(out,
                                   s->server.port + (bytes_equal_text(part, "bus") ? 10000 : 0));
                }
                text = bytes_from(text, close + 1);
                continue;
            }
        }
        buf_append_byte(out, text.data[0]);
        text = bytes_from(text, 1);
    }
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One escape of a quoted word; *at stands behind the backslash. */
static void unescape(struct bytes line, size_t *at, struct buf *out)
{
    char c = line.data[*at];

    if (c == 'x' && *at + 2 < line.len && hex_digit(line.data[*at + 1]) >= 0 &&
        hex_digit(line.data[*at + 2]) >= 0) {
        buf_append_byte(out,
                        (char)(hex_digit(line.data[*at + 1]) * 16 + hex_digit(line.data[*at + 2])));
        *at += 3;
        return;
    }
    buf_append_byte(out, c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c);
    (*at)++;
}

/* Words of a line, quoted ones unescaped; the bytes live in storage. */
size_t script_split_words(struct bytes line, struct buf storage[WORDS_MAX],
                          struct bytes words[WORDS_MAX])
{
    size_t count = 0;
    size_t at = 0;

    while (count < WORDS_MAX) {
        bool is_quoted;

        while (at < line.len && line.data[at] == ' ') {
            at++;
        }
        if (at >= line.len) {
            break;
        }
        is_quoted = line.data[at] == '"';
        at += is_quoted ? 1 : 0;
        while (at < line.len && line.data[at] != (is_quoted ? '"' : ' ')) {
            if (is_quoted && line.data[at] == '\\' && at + 1 < line.len) {
                at++;
                unescape(line, &at, &storage[count]);
            } else {
                buf_append_byte(&storage[count], line.data[at++]);
            }
        }
        at += is_quoted ? 1 : 0;
        words[count] = buf_bytes(&storage[count]);
        count++;
    }
    return count;
}

void script_free_words(struct buf storage[WORDS_MAX])
{
    for (int i = 0; i < WORDS_MAX; i++) {
        buf_deinit(&storage[i]);
    }
}

static void render(const struct resp_value *value, struct buf *out)
{
    switch (value->type) {
    case RESP_SIMPLE:
        buf_append_byte(out, '+');
        buf_append_bytes(out, resp_value_bytes(value));
        break;
    case RESP_FAILURE:
        buf_append_byte(out, '-');
        buf_append_bytes(out, resp_value_bytes(value));
        break;
    case RESP_INTEGER:
    case RESP_BOOLEAN:
        buf_printf(out, ":%lld", (long long)value->integer);
        break;
    case RESP_NULL:
        buf_append_text(out, "(nil)");
        break;
    case RESP_DOUBLE:
        buf_printf(out, "%.17g", value->number);
        break;
    case RESP_BULK:
    case RESP_VERBATIM:
    case RESP_BIG_NUMBER:
        buf_append_bytes(out, resp_value_bytes(value));
        break;
    case RESP_ARRAY:
    case RESP_MAP:
    case RESP_SET:
    case RESP_PUSH:
        buf_append_byte(out, '[');
        for (size_t i = 0; i < value->child_count; i++) {
            if (i > 0) {
                buf_append_byte(out, ' ');
            }
            render(&value->children[i], out);
        }
        buf_append_byte(out, ']');
        break;
    }
}

/* ---- connections ------------------------------------------------------------------------------ */

static struct client *conn_of(struct script *script, struct bytes name)
{
    size_t hash = bytes_find_byte(name, '#');
    struct named_server *s =
        script_find_server(script, bytes_prefix(name, hash < name.len ? hash : name.len));
    struct errmsg error;

    if (s == NULL) {
        script_fail(script, "there is no server '%.*s'", BYTES_ARGS(name));
        return NULL;
    }
    for (int i = 0; i < CONNS_MAX; i++) {
        struct named_conn *conn = &script->conns[i];

        if (conn->client != NULL && bytes_equal_text(name, conn->name)) {
            return conn->client;
        }
    }
    for (int i = 0; i < CONNS_MAX; i++) {
        struct named_conn *conn = &script->conns[i];

        if (conn->client == NULL) {
            conn->client = server_connect(&s->server, &error);
            bytes_to_text(name, conn->name, sizeof(conn->name));
            if (conn->client == NULL) {
                script_fail(script, "%s: %s", conn->name, error.text);
            }
            return conn->client;
        }
    }
    script_fail(script, "too many connections");
    return NULL;
}

/* Of a server that was stopped, or a connection that broke. */
void script_drop_conns(struct script *script, const char *server)
{
    for (int i = 0; i < CONNS_MAX; i++) {
        struct named_conn *conn = &script->conns[i];
        size_t len = strlen(server);

        if (conn->client != NULL && strncmp(conn->name, server, len) == 0 &&
            (conn->name[len] == '\0' || conn->name[len] == '#')) {
            client_close(conn->client);
            conn->client = NULL;
        }
    }
}

/* One request and its reply as text; a broken connection is the reply "(closed)". */
static void ask(struct script *script, struct bytes name, struct bytes request, struct buf *reply)
{
    struct buf storage[WORDS_MAX] = {{0}};
    struct bytes words[WORDS_MAX];
    struct resp_value value;
    struct errmsg error;
    struct client *client = conn_of(script, name);

    if (client == NULL) {
        return;
    }
    if (client_call(client, words, script_split_words(request, storage, words), &value, &error) ==
        CLIENT_OK) {
        render(&value, reply);
        resp_value_deinit(&value);
    } else {
        char text[32];

        bytes_to_text(name, text, sizeof(text));
        buf_append_text(reply, "(closed)");
        script_drop_conns(script, text);
    }
    script_free_words(storage);
}

bool script_matches(struct script *script, struct bytes expected, struct bytes reply)
{
    struct buf pattern = {0};
    bool is_match;

    if (expected.len >= 2 && expected.data[0] == '"' && expected.data[expected.len - 1] == '"') {
        expected = bytes_prefix(bytes_from(expected, 1), expected.len - 2);
    }
    expand(script, expected, &pattern);
    /* Brackets are classes to a glob; here they are arrays. */
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.data[i] == '[') {
            pattern.data[i] = '?';
        }
    }
    is_match = glob_match(buf_bytes(&pattern), reply);
    buf_deinit(&pattern);
    return is_match;
}

/* ---- verbs ------------------------------------------------------------------------------------ */

static void add_option(struct script *script, struct server *s, struct bytes option,
                       struct buf *must_say)
{
    struct buf expanded = {0};
    struct buf text = {0};
    struct bytes rest;
    struct bytes name;

    expand(script, bytes_trim(option), &expanded);
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

static struct named_server *make_server(struct script *script, struct bytes name)
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
        s = make_server(script, name);
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

static void do_start(struct script *script, struct bytes rest)
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

static void do_stop(struct script *script, struct bytes rest)
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

/* Split "NAME> REQUEST < EXPECTED"; the expectation may be missing. */
void script_split_expectation(struct bytes line, struct bytes *request, struct bytes *expected)
{
    *expected = (struct bytes){0};
    *request = line;
    for (size_t i = 0; i + 2 < line.len; i++) {
        if (line.data[i] == ' ' && line.data[i + 1] == '<' && line.data[i + 2] == ' ') {
            *request = bytes_trim(bytes_prefix(line, i));
            *expected = bytes_trim(bytes_from(line, i + 3));
        }
    }
}

static void do_ask(struct script *script, struct bytes line, int64_t limit_ms)
{
    size_t arrow = bytes_find_byte(line, '>');
    struct bytes name = bytes_prefix(line, arrow);
    struct bytes request;
    struct bytes expected;
    struct buf expanded = {0};
    struct buf reply = {0};
    int64_t until = support_now_ms() + limit_ms;

    script_split_expectation(bytes_from(line, arrow + 1), &request, &expected);
    expand(script, request, &expanded);
    for (;;) {
        buf_clear(&reply);
        script->problem[0] = '\0';
        ask(script, name, buf_bytes(&expanded), &reply);
        if (script->problem[0] == '\0' && !script_matches(script, expected, buf_bytes(&reply))) {
            script_fail(script, "expected %.*s, got %.600s", BYTES_ARGS(expected),
                        buf_text(&reply));
        }
        if (script->problem[0] == '\0' || support_now_ms() >= until) {
            break;
        }
        support_pause_ms(RETRY_MS);
    }
    buf_deinit(&expanded);
    buf_deinit(&reply);
}

static void do_eventually(struct script *script, struct bytes rest)
{
    struct bytes limit = bytes_next_word(&rest, ' ');
    int64_t seconds;

    if (limit.len < 2 || limit.data[limit.len - 1] != 's' ||
        !num_parse_i64(bytes_prefix(limit, limit.len - 1), &seconds)) {
        script_fail(script, "eventually needs a time such as 15s");
        return;
    }
    do_ask(script, bytes_trim(rest), seconds * 1000);
}

/* Bytes as they are; the reply is whatever comes until the server closes or a second is over. */
static void do_raw(struct script *script, struct bytes rest)
{
    struct buf storage[WORDS_MAX] = {{0}};
    struct bytes words[WORDS_MAX];
    struct bytes request;
    struct bytes expected;
    struct named_server *s;
    struct errmsg error;
    struct client *client;
    struct buf got = {0};
    bool is_open = true;

    script_split_expectation(rest, &request, &expected);
    if (script_split_words(request, storage, words) != 2 ||
        (s = script_find_server(script, words[0])) == NULL ||
        (client = server_connect(&s->server, &error)) == NULL) {
        script_fail(script, "raw needs a server that runs and bytes");
        script_free_words(storage);
        return;
    }
    client_set_timeout_ms(client, 1000);
    client_send_raw(client, words[1]);
    while (is_open && !(expected.len > 0 && script_matches(script, expected, buf_bytes(&got)))) {
        is_open = client_wait_input(client, &error) == CLIENT_OK;
        buf_append_bytes(&got, client_input(client));
        client_consume(client, client_input(client).len);
        for (size_t i = 0; i < got.len; i++) {
            got.data[i] = got.data[i] == '\r' || got.data[i] == '\n' ? ' ' : got.data[i];
        }
    }
    buf_append_text(&got, is_open ? "" : "(closed)");
    if (!script_matches(script, expected, buf_bytes(&got))) {
        script_fail(script, "expected %.*s, got %.600s", BYTES_ARGS(expected), buf_text(&got));
    }
    client_close(client);
    buf_deinit(&got);
    script_free_words(storage);
}

/* One of our programs, or what the shell makes of a line (NULL); the output must match. */
static void run_program(struct script *script, const char *program, struct bytes rest)
{
    struct bytes request;
    struct bytes expected;
    struct buf command = {0};
    struct buf output = {0};
    FILE *pipe;
    int status;

    script_split_expectation(rest, &request, &expected);
    if (program != NULL) {
        buf_printf(&command, "%s/%s ", server_bin_dir(), program);
    } else {
        buf_printf(&command, "PATH=%s:$PATH; { ", server_bin_dir());
    }
    expand(script, request, &command);
    buf_append_text(&command, program != NULL ? " 2>&1 < /dev/null" : "; } 2>&1 < /dev/null");
    pipe = popen(buf_text(&command), "re");
    if (pipe == NULL) {
        script_fail(script, "cannot run %s", buf_text(&command));
    } else {
        size_t got;

        do {
            got = fread(buf_reserve(&output, 4096), 1, 4096, pipe);
            output.len += got;
        } while (got > 0);
        status = pclose(pipe);
        while (output.len > 0 && output.data[output.len - 1] == '\n') {
            output.len--;
        }
        if (!script_matches(script, expected, buf_bytes(&output))) {
            script_fail(script, "expected %.*s, got (status %d) %.800s", BYTES_ARGS(expected),
                        WEXITSTATUS(status), buf_text(&output));
        }
    }
    buf_deinit(&command);
    buf_deinit(&output);
}

static void put_file(struct script *script, struct bytes server, struct bytes name,
                     struct bytes content)
{
    struct named_server *s = script_find_server(script, server);
    struct buf expanded = {0};
    char path[2 * SERVER_PATH_MAX];
    FILE *file;

    s = s != NULL ? s : make_server(script, server);
    if (s == NULL) {
        return;
    }
    expand(script, content, &expanded);
    snprintf(path, sizeof(path), "%s/%.*s", s->server.dir, BYTES_ARGS(name));
    file = fopen(path, "we");
    if (file == NULL || fwrite(expanded.data, 1, expanded.len, file) != expanded.len ||
        fclose(file) != 0) {
        script_fail(script, "cannot write %s", path);
    }
    buf_deinit(&expanded);
}

static void do_file(struct script *script, struct bytes rest)
{
    struct buf storage[WORDS_MAX] = {{0}};
    struct bytes words[WORDS_MAX];

    if (script_split_words(rest, storage, words) == 3) {
        put_file(script, words[0], words[1], words[2]);
    } else {
        script_fail(script, "file needs a server, a name and bytes");
    }
    script_free_words(storage);
}

static void do_copy(struct script *script, struct bytes rest)
{
    struct bytes server = bytes_next_word(&rest, ' ');
    struct bytes name = bytes_next_word(&rest, ' ');
    struct bytes source = bytes_trim(rest);
    const char *slash = strrchr(script->path, '/');
    struct buf path = {0};
    struct buf text = {0};
    struct errmsg error;

    buf_append(&path, script->path, slash != NULL ? (size_t)(slash - script->path) + 1 : 0);
    buf_append_bytes(&path, source);
    if (posix_read_file(buf_text(&path), 1024 * 1024, &text, &error) != FS_OK) {
        script_fail(script, "%s", error.text);
    } else {
        put_file(script, server, name, buf_bytes(&text));
    }
    buf_deinit(&path);
    buf_deinit(&text);
}

static void run_line(struct script *script, struct bytes line)
{
    struct bytes rest = line;
    struct bytes verb;

    line = bytes_trim(line);
    if (line.len == 0 || line.data[0] == '#') {
        return;
    }
    rest = line;
    verb = bytes_next_word(&rest, ' ');
    if (bytes_equal_text(verb, "start")) {
        do_start(script, rest);
    } else if (bytes_equal_text(verb, "stop")) {
        do_stop(script, rest);
    } else if (bytes_equal_text(verb, "eventually")) {
        do_eventually(script, rest);
    } else if (bytes_equal_text(verb, "raw")) {
        do_raw(script, rest);
    } else if (bytes_equal_text(verb, "cli")) {
        run_program(script, "starling-cli", rest);
    } else if (bytes_equal_text(verb, "shell")) {
        run_program(script, NULL, rest);
    } else if (bytes_equal_text(verb, "server")) {
        run_program(script, "starling-server", rest);
    } else if (bytes_equal_text(verb, "file")) {
        do_file(script, rest);
    } else if (bytes_equal_text(verb, "copy")) {
        do_copy(script, rest);
    } else if (bytes_equal_text(verb, "content")) {
        life_content(script, rest);
    } else if (bytes_equal_text(verb, "move")) {
        life_move(script, rest);
    } else if (bytes_equal_text(verb, "notified")) {
        life_notified(script, rest);
    } else if (bytes_equal_text(verb, "queue")) {
        load_queue(script, rest);
    } else if (bytes_equal_text(verb, "drain")) {
        load_drain(script, rest);
    } else if (bytes_equal_text(verb, "strangers")) {
        load_strangers(script, rest);
    } else if (bytes_equal_text(verb, "descriptors")) {
        load_descriptors(script, rest);
    } else if (bytes_equal_text(verb, "crowd")) {
        load_crowd(script, rest);
    } else if (bytes_equal_text(verb, "logged")) {
        look_log(script, rest);
    } else if (bytes_equal_text(verb, "ended")) {
        look_end(script, rest);
    } else if (verb.len > 1 && verb.data[verb.len - 1] == '>') {
        do_ask(script, line, 0);
    } else {
        script_fail(script, "unknown verb '%.*s'", BYTES_ARGS(verb));
    }
}

/* ---- scripts ---------------------------------------------------------------------------------- */

static void print_logs(struct script *script)
{
    for (int i = 0; i < SERVERS_MAX; i++) {
        struct named_server *s = &script->servers[i];
        char path[SERVER_PATH_MAX + 8];
        struct buf log = {0};

        if (!s->is_used) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/log", s->server.dir);
        if (posix_read_file(path, 10 * 1024 * 1024, &log, NULL) == FS_OK) {
            size_t from = log.len > 3000 ? log.len - 3000 : 0;

            printf("---- log of %s\n%s\n", s->name, buf_text(&log) + from);
        }
        buf_deinit(&log);
    }
}

enum outcome {
    OUTCOME_PASSED,
    OUTCOME_FAILED,
    OUTCOME_SKIPPED,
};

static enum outcome run_script(const char *path, bool is_verbose)
{
    struct script *script = mem_alloc_zeroed(MEM_TEST, sizeof(*script));
    struct buf text = {0};
    struct errmsg error;
    struct bytes rest;
    enum outcome outcome = OUTCOME_PASSED;

    script->path = path;
    if (posix_read_file(path, 1024 * 1024, &text, &error) != FS_OK) {
        script_fail(script, "%s", error.text);
    }
    rest = buf_bytes(&text);
    while (rest.len > 0 && script->problem[0] == '\0') {
        size_t end = bytes_find_byte(rest, '\n');
        struct bytes line = bytes_prefix(rest, end < rest.len ? end : rest.len);

        rest = bytes_from(rest, end < rest.len ? end + 1 : rest.len);
        script->line++;
        if (is_verbose) {
            printf("%s:%d: %.*s\n", path, script->line, BYTES_ARGS(line));
            fflush(stdout);
        }
        run_line(script, line);
    }
    if (script->is_skipped) {
        printf("%s: %s\n", path, script->problem);
        outcome = OUTCOME_SKIPPED;
    } else if (script->problem[0] != '\0') {
        printf("%s:%d: %s\n  again: build/release/tests/wire/run --verbose %s\n", path,
               script->line, script->problem, path);
        print_logs(script);
        outcome = OUTCOME_FAILED;
    }
    for (int i = 0; i < CONNS_MAX; i++) {
        if (script->conns[i].client != NULL) {
            client_close(script->conns[i].client);
        }
    }
    if (script->queue != NULL) {
        client_close(script->queue);
    }
    for (int i = 0; i < SERVERS_MAX; i++) {
        if (script->servers[i].is_used) {
            life_forget(&script->servers[i]);
            server_cleanup(&script->servers[i].server);
        }
    }
    buf_deinit(&text);
    mem_free(MEM_TEST, script);
    return outcome;
}

int main(int argc, char **argv)
{
    bool is_verbose = argc > 1 && strcmp(argv[1], "--verbose") == 0;
    int passed = 0;
    int failed = 0;

    signal(SIGPIPE, SIG_IGN);
    for (int i = is_verbose ? 2 : 1; i < argc; i++) {
        enum outcome outcome = run_script(argv[i], is_verbose);

        passed += outcome == OUTCOME_PASSED;
        failed += outcome == OUTCOME_FAILED;
        fflush(stdout);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
