/* SPDX-License-Identifier: MIT */
#include "cli/scan.h"

#include "cli/interrupt.h"
#include "cli/print.h"
#include "cli/quoted.h"
#include "cli/render.h"
#include "cli/scanner.h"

#include <stdio.h>

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

static bool scan(const struct options *options, struct scanner *scanner, struct errmsg *error)
{
    struct buf out = {0};
    bool is_ok;

    for (;;) {
        struct resp_value reply;

        is_ok = scanner_step(scanner, &reply, error) == CONNECTION_OK;
        if (!is_ok) {
            break;
        }
        print_keys(&reply.children[1], options->render.format, &out);
        resp_value_deinit(&reply);
        if (scanner_is_done(scanner)) {
            break;
        }
        if (options->interval_ms > 0) {
            interrupt_sleep(NULL, options->interval_ms);
        }
    }
    buf_deinit(&out);
    return is_ok;
}

int scan_run(const struct options *options)
{
    struct connection connection;
    struct scanner scanner;
    struct errmsg error = {0};
    bool is_ok;

    connection_init(&connection, options, NULL);
    is_ok = scanner_init(&scanner, &connection, &error) && connection_open(&connection, &error) &&
            scan(options, &scanner, &error);
    connection_close(&connection);
    scanner_deinit(&scanner);
    if (!is_ok) {
        fprintf(stderr, "%s\n", error.text);
    }
    return is_ok ? 0 : 1;
}
