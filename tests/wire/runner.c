/* SPDX-License-Identifier: MIT */
/* Runs wire scripts: real servers, one readable file a feature.
 *
 *     run [--verbose | --jobs N] SCRIPT ...        N of them at a time, 1 without
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

#include "tests/wire/beside.h"

#include "base/buf.h"
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
        script_render(&value, reply);
        resp_value_deinit(&value);
    } else {
        char text[32];

        bytes_to_text(name, text, sizeof(text));
        buf_append_text(reply, "(closed)");
        script_drop_conns(script, text);
    }
    script_free_words(storage);
}

/* ---- verbs ------------------------------------------------------------------------------------ */

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
    script_expand(script, request, &expanded);
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
    script_expand(script, request, &command);
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

    s = s != NULL ? s : starting_make_server(script, server);
    if (s == NULL) {
        return;
    }
    script_expand(script, content, &expanded);
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
        starting_start(script, rest);
    } else if (bytes_equal_text(verb, "stop")) {
        starting_stop(script, rest);
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

static int run_quietly(const char *path)
{
    return (int)run_script(path, false);
}

int main(int argc, char **argv)
{
    bool is_verbose = argc > 1 && strcmp(argv[1], "--verbose") == 0;
    bool has_jobs = argc > 2 && strcmp(argv[1], "--jobs") == 0;
    int first = is_verbose ? 2 : has_jobs ? 3 : 1;
    size_t count = argc > first ? (size_t)(argc - first) : 0;
    int *results = mem_alloc_zeroed(MEM_TEST, (count + 1) * sizeof(*results));
    uint64_t jobs = 1;
    int passed = 0;
    int failed = 0;

    signal(SIGPIPE, SIG_IGN);
    if (has_jobs &&
        (!num_parse_u64(bytes_from_text(argv[2]), &jobs) || jobs < 1 || jobs > BESIDE_JOBS_MAX)) {
        fprintf(stderr, "--jobs needs a number from 1 to %d\n", BESIDE_JOBS_MAX);
        return EXIT_FAILURE;
    }
    if (jobs > 1) {
        beside_run(argv + first, count, (size_t)jobs, run_quietly, results);
    } else {
        for (size_t i = 0; i < count; i++) {
            results[i] = (int)run_script(argv[first + (int)i], is_verbose);
            fflush(stdout);
        }
    }
    for (size_t i = 0; i < count; i++) {
        passed += results[i] == OUTCOME_PASSED;
        failed += results[i] != OUTCOME_PASSED && results[i] != OUTCOME_SKIPPED;
    }
    mem_free(MEM_TEST, results);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
