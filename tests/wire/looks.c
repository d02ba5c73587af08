/* SPDX-License-Identifier: MIT */
/* Verbs that look at a server from outside: what it has written to its log, how it has ended. */
#include "tests/wire/script.h"

#include "base/num.h"
#include "persist/posix_file.h"

#include <stdio.h>

enum {
    LOG_MAX_BYTES = 16 * 1024 * 1024,
    LOOK_FOR_MS = 10000,
    LOOK_EVERY_MS = 20,
};

/* How many lines match; the pattern may stand anywhere in a line. */
static int64_t count_lines(struct script *script, const struct named_server *s,
                           struct bytes expected)
{
    struct buf pattern = {0};
    struct buf log = {0};
    char path[SERVER_PATH_MAX + 8];
    struct bytes rest;
    int64_t count = 0;

    buf_printf(&pattern, "*%.*s*", BYTES_ARGS(expected));
    snprintf(path, sizeof(path), "%s/log", s->server.dir);
    if (posix_read_file(path, LOG_MAX_BYTES, &log, NULL) == FS_OK) {
        rest = buf_bytes(&log);
        while (rest.len > 0) {
            size_t end = bytes_find_byte(rest, '\n');
            struct bytes line = bytes_prefix(rest, end < rest.len ? end : rest.len);

            count += script_matches(script, buf_bytes(&pattern), line);
            rest = bytes_from(rest, end < rest.len ? end + 1 : rest.len);
        }
    }
    buf_deinit(&pattern);
    buf_deinit(&log);
    return count;
}

void look_log(struct script *script, struct bytes rest)
{
    struct bytes request;
    struct bytes expected;
    struct bytes word;
    struct named_server *s;
    int64_t until = support_now_ms() + LOOK_FOR_MS;
    int64_t wanted = -1; /* at least one */
    int64_t found;

    script_split_expectation(rest, &request, &expected);
    s = script_find_server(script, bytes_next_word(&request, ' '));
    word = bytes_trim(request);
    if (s == NULL || (word.len > 0 && !num_parse_i64(word, &wanted))) {
        script_fail(script, "log needs a server, perhaps a number, and a pattern");
        return;
    }
    if (expected.len >= 2 && expected.data[0] == '"' && expected.data[expected.len - 1] == '"') {
        expected = bytes_prefix(bytes_from(expected, 1), expected.len - 2);
    }
    while ((found = count_lines(script, s, expected)) < (wanted < 0 ? 1 : wanted) &&
           support_now_ms() < until) {
        support_pause_ms(LOOK_EVERY_MS);
    }
    if (wanted < 0 ? found == 0 : found != wanted) {
        script_fail(script, "%lld lines of the log say: %.*s", (long long)found,
                    BYTES_ARGS(expected));
    }
}

void look_end(struct script *script, struct bytes rest)
{
    struct bytes request;
    struct bytes expected;
    struct named_server *s;
    char how[32];
    int status;

    script_split_expectation(rest, &request, &expected);
    s = script_find_server(script, bytes_trim(request));
    if (s == NULL || !server_wait_end(&s->server, LOOK_FOR_MS, &status)) {
        script_fail(script, "%.*s did not end", BYTES_ARGS(request));
        return;
    }
    snprintf(how, sizeof(how), "%d", status);
    script_drop_conns(script, s->name);
    if (!script_matches(script, expected, bytes_from_text(how))) {
        script_fail(script, "%s ended with status %s", s->name, how);
    }
}
