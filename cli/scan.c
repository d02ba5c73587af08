/* SPDX-License-Identifier: MIT */
/* SCAN from cursor to cursor until it is 0 again. */
#include "cli/scan.h"

#include "base/num.h"
#include "base/vec.h"
#include "cli/connect.h"
#include "cli/interrupt.h"
#include "cli/print.h"
#include "cli/quoted.h"
#include "cli/render.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    CURSOR_TEXT = 32,
};

static void print_keys(const struct resp_value *keys, enum render_format format, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < keys->child_count; i++) {
        struct bytes key = resp_value_bytes(&keys->children[i]);

        if (format == RENDER_RAW) {
            buf_append_bytes(out, key);
        } else {
            quoted_encode(out, key);
        }
        buf_append_byte(out, '\n');
    }
    print_buf(out);
}

/* One step; the cursor moves on. */
static bool scan_step(struct connection *connection, struct bytes pattern, char cursor[CURSOR_TEXT],
                      struct buf *out, struct errmsg *error)
{
    const struct options *options = connection->options;
    struct bytes words[8] = {BYTES_LITERAL("SCAN"), bytes_from_text(cursor)};
    size_t count = 2;
    char number[NUM_I64_TEXT + 1];
    struct resp_value reply;
    bool is_ok;

    if (options->pattern != NULL) {
        words[count++] = BYTES_LITERAL("MATCH");
        words[count++] = pattern;
    }
    if (options->scan_count > 0) {
        snprintf(number, sizeof(number), "%" PRId64, options->scan_count);
        words[count++] = BYTES_LITERAL("COUNT");
        words[count++] = bytes_from_text(number);
    }
    if (options->type != NULL) {
        words[count++] = BYTES_LITERAL("TYPE");
        words[count++] = bytes_from_text(options->type);
    }
    if (connection_call(connection, words, count, &reply, error) != CONNECTION_OK) {
        return false;
    }
    is_ok = reply.type == RESP_ARRAY && reply.child_count == 2 &&
            reply.children[0].text.len < CURSOR_TEXT;
    if (is_ok) {
        print_keys(&reply.children[1], options->render.format, out);
        bytes_to_text(resp_value_bytes(&reply.children[0]), cursor, CURSOR_TEXT);
    } else if (reply.type == RESP_FAILURE) {
        errmsg_set(error, "%.*s", (int)reply.text.len, reply.text.data);
    } else {
        errmsg_set(error, "the reply of SCAN cannot be understood");
    }
    resp_value_deinit(&reply);
    return is_ok;
}

/* The pattern as it goes to the server. */
static bool find_pattern(const struct options *options, struct buf *out, struct errmsg *error)
{
    if (options->pattern == NULL) {
        return true;
    }
    if (!options->has_quoted_pattern && !options->has_quoted_words) {
        buf_append_text(out, options->pattern);
        return true;
    }
    if (!quoted_decode(options->pattern, out)) {
        errmsg_set(error, "Invalid quoted string: %.200s", options->pattern);
        return false;
    }
    return true;
}

int scan_run(const struct options *options)
{
    struct buf pattern = {0};
    struct connection connection;
    struct errmsg error = {0};
    struct buf out = {0};
    char cursor[CURSOR_TEXT] = "0";
    bool is_ok;

    connection_init(&connection, options, NULL);
    is_ok = find_pattern(options, &pattern, &error) && connection_open(&connection, &error);
    while (is_ok) {
        is_ok = scan_step(&connection, buf_bytes(&pattern), cursor, &out, &error);
        if (bytes_equal_text(bytes_from_text(cursor), "0")) {
            break;
        }
        if (options->interval_ms > 0) {
            interrupt_sleep(NULL, options->interval_ms);
        }
    }
    connection_close(&connection);
    buf_deinit(&out);
    buf_deinit(&pattern);
    if (!is_ok) {
        fprintf(stderr, "%s\n", error.text);
    }
    return is_ok ? 0 : 1;
}
