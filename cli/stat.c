/* SPDX-License-Identifier: MIT */
/* All numbers are from INFO; what a server does not report is shown as 0. */
#include "cli/stat.h"

#include "base/num.h"
#include "cli/cluster_view.h"
#include "cli/connect.h"
#include "cli/interrupt.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    LINES_PER_HEAD = 20,
    INTERVAL_MS = 1000,
    CELL = 32,
};

static int64_t number_of(struct bytes info, const char *name)
{
    struct bytes text;
    int64_t value = 0;

    if (view_find_field(info, name, &text) && !num_parse_i64(text, &value)) {
        value = 0;
    }
    return value;
}

/* The sum over the lines "dbN:keys=count,...". */
static int64_t count_keys(struct bytes info)
{
    int64_t sum = 0;

    for (;;) {
        struct bytes line = bytes_next_word(&info, '\n');
        size_t at = bytes_find_byte(line, '=');
        int64_t keys;

        if (line.len == 0) {
            return sum;
        }
        if (bytes_has_prefix(line, "db") && at != SIZE_MAX) {
            struct bytes rest = bytes_from(line, at + 1);
            size_t end = bytes_find_byte(rest, ',');

            if (num_parse_i64(bytes_prefix(rest, end != SIZE_MAX ? end : rest.len), &keys)) {
                sum += keys;
            }
        }
    }
}

static void print_line(struct bytes info, int64_t *requests_before)
{
    int64_t requests = number_of(info, "total_commands_processed");
    char memory[CELL];
    char load[CELL * 2];

    num_format_size(memory, sizeof(memory), (uint64_t)number_of(info, "used_memory"));
    snprintf(load, sizeof(load), "%" PRId64 " (+%" PRId64 ")", requests,
             *requests_before == 0 ? 0 : requests - *requests_before);
    printf("%-10" PRId64 " %-8s %-7" PRId64 " %-7" PRId64 " %-19s %-11" PRId64 "\n",
           count_keys(info), memory, number_of(info, "connected_clients"),
           number_of(info, "blocked_clients"), load, number_of(info, "total_connections_received"));
    fflush(stdout);
    *requests_before = requests;
}

static enum connection_status show(struct connection *connection, int64_t *requests_before,
                                   struct errmsg *error)
{
    const struct bytes info = BYTES_LITERAL("INFO");
    struct resp_value reply;
    enum connection_status status = connection_call(connection, &info, 1, &reply, error);

    if (status != CONNECTION_OK) {
        return status;
    }
    if (reply.type == RESP_FAILURE) {
        errmsg_set(error, "%.*s", (int)reply.text.len, reply.text.data);
        connection_close(connection);
        status = CONNECTION_LOST;
    } else {
        print_line(resp_value_bytes(&reply), requests_before);
    }
    resp_value_deinit(&reply);
    return status;
}

int stat_run(const struct options *options)
{
    struct interrupt interrupt;
    struct connection connection;
    struct errmsg error = {0};
    int64_t requests_before = 0;
    int64_t interval_ms = options->has_interval ? options->interval_ms : INTERVAL_MS;
    enum connection_status status = CONNECTION_LOST;

    interrupt_open(&interrupt);
    connection_init(&connection, options, &interrupt);
    if (connection_open(&connection, &error)) {
        status = CONNECTION_OK;
    }
    for (int64_t i = 0; status == CONNECTION_OK && ferror(stdout) == 0 &&
                        (options->repeat < 0 || i < options->repeat);
         i++) {
        if (i > 0 && !interrupt_sleep(&interrupt, interval_ms)) {
            break;
        }
        if (i % LINES_PER_HEAD == 0) {
            puts("------- data ------ --------------------- load --------------------\n"
                 "keys       mem      clients blocked requests            connections");
        }
        status = show(&connection, &requests_before, &error);
    }
    connection_close(&connection);
    interrupt_close(&interrupt);
    if (status == CONNECTION_LOST) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    return 0;
}
