/* SPDX-License-Identifier: MIT */
#include "cli/scanner.h"

#include "base/num.h"
#include "cli/quoted.h"

#include <inttypes.h>
#include <stdio.h>

bool scanner_init(struct scanner *scanner, struct connection *connection, struct errmsg *error)
{
    const struct options *options = connection->options;

    *scanner = (struct scanner){.connection = connection, .cursor = "0"};
    if (options->pattern == NULL) {
        return true;
    }
    if (!options->has_quoted_pattern && !options->has_quoted_words) {
        buf_append_text(&scanner->pattern, options->pattern);
        return true;
    }
    if (!quoted_decode(options->pattern, &scanner->pattern)) {
        errmsg_set(error, "Invalid quoted string: %.200s", options->pattern);
        return false;
    }
    return true;
}

void scanner_deinit(struct scanner *scanner)
{
    buf_deinit(&scanner->pattern);
}

bool scanner_is_done(const struct scanner *scanner)
{
    return bytes_equal_text(bytes_from_text(scanner->cursor), "0");
}

enum connection_status scanner_step(struct scanner *scanner, struct resp_value *reply,
                                    struct errmsg *error)
{
    const struct options *options = scanner->connection->options;
    struct bytes words[8] = {BYTES_LITERAL("SCAN"), bytes_from_text(scanner->cursor)};
    size_t count = 2;
    char number[NUM_I64_TEXT + 1];
    enum connection_status status;

    if (options->pattern != NULL) {
        words[count++] = BYTES_LITERAL("MATCH");
        words[count++] = buf_bytes(&scanner->pattern);
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
    status = connection_call(scanner->connection, words, count, reply, error);
    if (status != CONNECTION_OK) {
        return status;
    }
    if (reply->type == RESP_ARRAY && reply->child_count == 2 &&
        reply->children[0].text.len < SCANNER_CURSOR_TEXT &&
        reply->children[1].type == RESP_ARRAY) {
        bytes_to_text(resp_value_bytes(&reply->children[0]), scanner->cursor, SCANNER_CURSOR_TEXT);
        return CONNECTION_OK;
    }
    if (reply->type == RESP_FAILURE) {
        errmsg_set(error, "%.*s", (int)reply->text.len, reply->text.data);
    } else {
        errmsg_set(error, "the reply of SCAN cannot be understood");
    }
    resp_value_deinit(reply);
    return CONNECTION_LOST;
}
