/* SPDX-License-Identifier: MIT */
/* The stream of a server as requests for a cluster. */
#include "cli/import_stream.h"

#include "resp/writer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Words between spaces, requests between semicolons, as the stream has them. */
static struct buf stream_of(const char *lines)
{
    struct buf out = {0};
    struct bytes rest = bytes_from_text(lines);

    while (rest.len > 0) {
        struct bytes line = bytes_next_field(&rest, ';');
        struct bytes words[16];
        size_t count = 0;

        while (line.len > 0) {
            words[count++] = bytes_next_field(&line, ' ');
        }
        resp_write_request(&out, words, count);
    }
    return out;
}

/* What comes out is told in the same way; an error behind it, after a bar. */
static void expect(const char *lines, const char *expected)
{
    struct buf in = stream_of(lines);

    /* whole, and byte by byte */
    for (size_t piece = 1; piece <= in.len; piece += in.len - 1) {
        struct import_stream stream = {0};
        struct buf out = {0};
        struct buf wanted = {0};
        struct errmsg error = {0};
        bool is_ok = true;
        const char *bar = strchr(expected, '|');
        char requests[256];

        snprintf(requests, sizeof(requests), "%.*s",
                 (int)(bar != NULL ? (size_t)(bar - expected) : strlen(expected)), expected);
        wanted = stream_of(requests);
        for (size_t at = 0; is_ok && at < in.len; at += piece) {
            struct bytes rest = bytes_from(buf_bytes(&in), at);

            is_ok = import_stream_take(
                &stream, bytes_prefix(rest, piece < rest.len ? piece : rest.len), &out, &error);
        }
        cr_expect(bytes_equal(buf_bytes(&out), buf_bytes(&wanted)), "%s became %s", lines,
                  buf_text(&out));
        cr_expect_eq(is_ok, bar == NULL, "%s: %s", lines, error.text);
        cr_expect(bar == NULL || strstr(error.text, bar + 1) != NULL, "%s", error.text);
        cr_expect(!is_ok || stream.taken_bytes == in.len);
        import_stream_deinit(&stream);
        buf_deinit(&out);
        buf_deinit(&wanted);
    }
    buf_deinit(&in);
}

Test(import_stream, passes_what_is_about_one_slot)
{
    expect("SET a 1;PING;REPLCONF GETACK *;INCR b;PUBLISH channel x", "SET a 1;INCR b");
    expect("MSET {t}a 1 {t}b 2", "MSET {t}a 1 {t}b 2");
    expect("XADD s 1-1 f v;XGROUP CREATE s g 0", "XADD s 1-1 f v;XGROUP CREATE s g 0");
}

Test(import_stream, takes_transactions_apart)
{
    expect("MULTI;SET a 1;SET b 2;EXEC", "SET a 1;SET b 2");
}

Test(import_stream, removes_keys_one_by_one)
{
    expect("DEL a b c;UNLINK {t}a {t}b", "DEL a;DEL b;DEL c;UNLINK {t}a {t}b");
}

Test(import_stream, ends_with_what_a_cluster_cannot_do)
{
    expect("SET a 1;MSET a 1 b 2;SET c 3", "SET a 1|MSET with keys of several slots, 'a' and 'b'");
    expect("SET a 1;FLUSHALL", "SET a 1|FLUSHALL, which names no key");
    expect("SELECT 0;SET a 1;SELECT 3;SET a 1", "SET a 1|database 3");
    expect("NOSUCH a", "|NOSUCH, which names no key that is known");
}

Test(import_stream, does_not_mind_another_database_that_is_only_looked_at)
{
    expect("SELECT 3;PING;SELECT 0;SET a 1", "SET a 1");
}
