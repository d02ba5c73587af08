/* SPDX-License-Identifier: MIT */
#include "cli/hotkeys.h"

#include "cli/cluster_view.h"
#include "cli/connect.h"
#include "cli/hot_table.h"
#include "cli/interrupt.h"
#include "cli/print.h"
#include "cli/scanner.h"

#include <stdio.h>

enum {
    FREQUENCIES_SHOWN = 16,
    KEPT_MAX = 4096, /* frequencies, before the lower half is forgotten */
    REST_MS = 1000,  /* between two tables, when nothing else is said */
};

/* Ask one server.  False, and a message, when it does not know. */
static bool ask(struct hot_table *table, const char *node, struct client *client,
                struct errmsg *error)
{
    static const char *const words[] = {"HOTKEYS", "GET"};
    struct resp_value reply;
    bool is_fine;

    if (!connect_call(client, words, 2, &reply, error)) {
        return false;
    }
    is_fine = hot_table_add_reply(table, node, &reply);
    resp_value_deinit(&reply);
    if (!is_fine) {
        errmsg_set(error, "%s measures keys for somebody: HOTKEYS RESET ends that", node);
    }
    return is_fine;
}

/* What the node does with copies; a server that knows of none has no such section. */
static void ask_for_copies(struct hot_table *table, const char *node, struct client *client)
{
    static const char *const words[] = {"INFO", "hotcopies"};
    struct errmsg error;
    struct resp_value reply;

    if (connect_call(client, words, 2, &reply, &error)) {
        hot_table_add_info(table, node, resp_value_bytes(&reply));
        resp_value_deinit(&reply);
    }
}

/* Every node of the cluster that can be reached; how many answered. */
static size_t ask_all(struct hot_table *table, const struct cluster_view *view)
{
    size_t count = 0;

    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct view_node *node = &view->nodes.items[i];
        char name[ADDR_TEXT];
        struct errmsg error = node->error;

        snprintf(name, sizeof(name), "%s:%u", node->info.host, (unsigned)node->info.port);
        if (node->client != NULL && ask(table, name, node->client, &error)) {
            ask_for_copies(table, name, node->client);
            count++;
        } else {
            fprintf(stderr, "%s: %s\n", name, error.text);
        }
    }
    return count;
}

/* ---- servers that do not look for hot keys ------------------------------------------------------ */

static void keep_best(struct hot_table *table)
{
    if (table->rows.count < KEPT_MAX) {
        return;
    }
    hot_table_sort(table);
    while (table->rows.count > FREQUENCIES_SHOWN) {
        struct hot_row *row = &table->rows.items[--table->rows.count];

        buf_deinit(&row->key);
        buf_deinit(&row->node);
        buf_deinit(&row->reason);
    }
}

/* A key that is gone meanwhile has no frequency; an error would come for each of the others, too. */
static enum connection_status read_frequencies(struct connection *connection,
                                               struct hot_table *table,
                                               const struct resp_value *names, struct errmsg *error)
{
    enum connection_status status = CONNECTION_OK;

    for (size_t i = 0; i < names->child_count; i++) {
        const struct bytes words[] = {BYTES_LITERAL("OBJECT"), BYTES_LITERAL("FREQ"),
                                      resp_value_bytes(&names->children[i])};

        client_send(connection->client, words, 3);
    }
    for (size_t i = 0; status == CONNECTION_OK && i < names->child_count; i++) {
        struct resp_value reply;

        status = connection_read(connection, &reply, error);
        if (status != CONNECTION_OK) {
            break;
        }
        if (reply.type == RESP_INTEGER) {
            hot_table_add(table, "", resp_value_bytes(&names->children[i]),
                          (uint64_t)reply.integer);
        } else if (reply.type == RESP_FAILURE) {
            errmsg_set(error, "Error: %.*s", (int)reply.text.len, reply.text.data);
            status = CONNECTION_LOST;
        }
        resp_value_deinit(&reply);
    }
    return status;
}

static enum connection_status scan_all(struct connection *connection, struct scanner *scanner,
                                       struct hot_table *table, struct errmsg *error)
{
    enum connection_status status;

    do {
        struct resp_value reply;

        status = scanner_step(scanner, &reply, error);
        if (status == CONNECTION_OK) {
            status = read_frequencies(connection, table, &reply.children[1], error);
            resp_value_deinit(&reply);
            keep_best(table);
        }
    } while (status == CONNECTION_OK && !scanner_is_done(scanner));
    return status;
}

static int run_by_frequency(const struct options *options)
{
    struct hot_table table = {0};
    struct interrupt interrupt;
    struct connection connection;
    struct scanner scanner;
    struct errmsg error = {0};
    struct buf out = {0};
    enum connection_status status = CONNECTION_LOST;

    interrupt_open(&interrupt);
    connection_init(&connection, options, &interrupt);
    if (scanner_init(&scanner, &connection, &error) && connection_open(&connection, &error)) {
        status = scan_all(&connection, &scanner, &table, &error);
    }
    if (status == CONNECTION_LOST) {
        fprintf(stderr, "%s\n", error.text);
    } else {
        hot_table_sort(&table);
        hot_table_write_frequencies(&table, FREQUENCIES_SHOWN, &out);
        print_buf(&out);
    }
    connection_close(&connection);
    interrupt_close(&interrupt);
    scanner_deinit(&scanner);
    hot_table_deinit(&table);
    buf_deinit(&out);
    return status == CONNECTION_OK ? 0 : 1;
}

/* ---- the whole ------------------------------------------------------------------------------------ */

static bool ask_one(struct hot_table *table, const struct options *options, struct errmsg *error)
{
    struct interrupt interrupt;
    struct connection connection;
    char name[ADDR_TEXT];
    bool is_fine = false;

    interrupt_open(&interrupt);
    connection_init(&connection, options, &interrupt);
    connection_format(&connection, name);
    if (connection_open(&connection, error)) {
        is_fine = ask(table, name, connection.client, error);
    }
    connection_close(&connection);
    interrupt_close(&interrupt);
    return is_fine;
}

static bool is_unknown_command(const struct errmsg *error)
{
    return strstr(error->text, "unknown command") != NULL;
}

/* Ask, and print what is known now.  False, and a message unless the server has no HOTKEYS: then *is_unknown. */
static bool show(const struct options *options, bool *is_unknown)
{
    struct hot_table table = {0};
    struct cluster_view view = {0};
    struct errmsg error = {0};
    struct buf out = {0};
    bool is_fine;

    *is_unknown = false;
    if (options->unix_path == NULL &&
        cluster_view_open(&view, options, options->host, (uint16_t)options->port, &error)) {
        is_fine = ask_all(&table, &view) > 0;
        cluster_view_close(&view);
    } else {
        is_fine = ask_one(&table, options, &error);
        *is_unknown = !is_fine && is_unknown_command(&error);
        if (!is_fine && !*is_unknown) {
            fprintf(stderr, "%s\n", error.text);
        }
    }
    hot_table_sort(&table);
    if (is_fine) {
        hot_table_write(&table, &out);
        print_buf(&out);
        fflush(stdout);
    }
    hot_table_deinit(&table);
    buf_deinit(&out);
    return is_fine;
}

/* False: it was interrupted. */
static bool rest(const struct options *options)
{
    struct interrupt interrupt;
    bool goes_on;

    interrupt_open(&interrupt);
    goes_on = interrupt_sleep(&interrupt, options->has_interval ? options->interval_ms : REST_MS);
    interrupt_close(&interrupt);
    return goes_on;
}

int hotkeys_run(const struct options *options)
{
    int64_t times = options->has_repeat || options->has_interval ? options->repeat : 1;
    bool is_unknown;

    for (int64_t i = 0; (times < 0 || i < times) && ferror(stdout) == 0; i++) {
        if (i > 0) {
            if (!rest(options)) {
                break;
            }
            puts("");
        }
        if (!show(options, &is_unknown)) {
            return is_unknown ? run_by_frequency(options) : 1;
        }
    }
    return 0;
}
