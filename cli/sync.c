/* SPDX-License-Identifier: MIT */
/* As the mark may arrive in two pieces, the last bytes of what has come are held back until more
 * comes: they could be its beginning. */
#include "cli/sync.h"

#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool wait_input(struct sync *sync, struct errmsg *error)
{
    switch (client_wait_input(sync->client, error)) {
    case CLIENT_OK:
        return true;
    case CLIENT_TIMEOUT:
        errmsg_set(error, "Server did not answer in time");
        break;
    case CLIENT_CLOSED:
        errmsg_set(error, "Server closed the connection");
        break;
    case CLIENT_ERROR:
        break;
    }
    return false;
}

bool sync_configure(struct sync *sync, const char *name, const char *value, bool *is_refused,
                    struct errmsg *error)
{
    const struct bytes words[] = {BYTES_LITERAL("REPLCONF"), bytes_from_text(name),
                                  bytes_from_text(value)};
    struct resp_value reply;
    enum client_status status;

    fprintf(stderr, "sending REPLCONF %s %s\n", name, value);
    status = client_call(sync->client, words, ARRAY_COUNT(words), &reply, error);
    if (status != CLIENT_OK) {
        if (status == CLIENT_CLOSED) {
            errmsg_set(error, "Server closed the connection");
        }
        return false;
    }
    if (is_refused != NULL) {
        *is_refused = reply.type == RESP_FAILURE;
    }
    if (reply.type == RESP_FAILURE) {
        fprintf(stderr, "REPLCONF %s error: %.*s\n", name, (int)reply.text.len, reply.text.data);
    }
    resp_value_deinit(&reply);
    return true;
}

/* "$123", "$EOF:<mark>", or the reason why there is no payload. */
static bool read_header(struct sync *sync, struct bytes line, struct errmsg *error)
{
    if (line.len > 0 && line.data[0] == '-') {
        errmsg_set(error, "SYNC with master failed: %.*s", BYTES_ARGS(line));
        return false;
    }
    if (bytes_has_prefix(line, "$EOF:") && line.len == strlen("$EOF:") + SYNC_MARK) {
        sync->has_mark = true;
        memcpy(sync->mark, line.data + strlen("$EOF:"), SYNC_MARK);
        return true;
    }
    if (!bytes_has_prefix(line, "$") || !num_parse_u64(bytes_from(line, 1), &sync->total_bytes)) {
        errmsg_set(error, "what came is not the beginning of a snapshot: '%.*s'",
                   line.len < 60 ? (int)line.len : 60, line.data);
        return false;
    }
    return true;
}

/* Wait for a line that says something: empty ones keep the connection alive. */
static bool read_line(struct sync *sync, struct buf *line, struct errmsg *error)
{
    buf_clear(line);
    while (line->len == 0) {
        struct bytes in = client_input(sync->client);
        size_t end = bytes_find_byte(in, '\n');

        if (end == SIZE_MAX) {
            if (!wait_input(sync, error)) {
                return false;
            }
            continue;
        }
        buf_append_bytes(line, bytes_trim(bytes_prefix(in, end)));
        client_consume(sync->client, end + 1);
    }
    return true;
}

/* "+FULLRESYNC <id> <offset>", "+CONTINUE <id>", "+CONTINUE". */
static bool read_answer(struct bytes line, bool *is_full, struct sync_place *from,
                        struct errmsg *error)
{
    struct bytes rest = line;
    struct bytes word = bytes_next_field(&rest, ' ');
    struct bytes id = bytes_next_field(&rest, ' ');

    *is_full = bytes_equal_text(word, "+FULLRESYNC");
    if (*is_full) {
        if (history_id_parse(id, &from->history) && num_parse_u64(rest, &from->offset)) {
            return true;
        }
    } else if (bytes_equal_text(word, "+CONTINUE")) {
        if (id.len == 0 || history_id_parse(id, &from->history)) {
            return true;
        }
    }
    errmsg_set(error, "the server answers PSYNC with '%.*s'", line.len < 80 ? (int)line.len : 80,
               line.data);
    return false;
}

bool sync_ask(struct sync *sync, const struct sync_place *have, bool *is_full,
              struct sync_place *from, struct errmsg *error)
{
    bool has_place = !history_id_is_empty(&have->history);
    char offset[24] = "-1";
    struct buf line = {0};
    bool is_ok;

    if (has_place) {
        snprintf(offset, sizeof(offset), "%" PRIu64, have->offset + 1); /* counted from 1 there */
    }
    client_send_texts(sync->client, 3, "PSYNC", has_place ? have->history.text : "?", offset);
    *from = *have;
    is_ok = read_line(sync, &line, error) && read_answer(buf_bytes(&line), is_full, from, error);
    buf_deinit(&line);
    return is_ok;
}

bool sync_begin_payload(struct sync *sync, struct errmsg *error)
{
    struct buf line = {0};
    bool is_ok = read_line(sync, &line, error) && read_header(sync, buf_bytes(&line), error);

    buf_deinit(&line);
    return is_ok;
}

bool sync_begin(struct sync *sync, struct errmsg *error)
{
    client_send_texts(sync->client, 1, "SYNC");
    return sync_begin_payload(sync, error);
}

/* How many bytes of in belong to the payload for sure; *ends: the payload ends behind them. */
static size_t payload_bytes(const struct sync *sync, struct bytes in, bool *ends)
{
    const char *mark;

    if (!sync->has_mark) {
        uint64_t left = sync->total_bytes - sync->taken_bytes;

        *ends = in.len >= left;
        return *ends ? (size_t)left : in.len;
    }
    mark = in.len >= SYNC_MARK ? memmem(in.data, in.len, sync->mark, SYNC_MARK) : NULL;
    *ends = mark != NULL;
    if (mark != NULL) {
        return (size_t)(mark - in.data);
    }
    return in.len >= SYNC_MARK ? in.len - SYNC_MARK + 1 : 0;
}

bool sync_next(struct sync *sync, struct bytes *piece, struct errmsg *error)
{
    *piece = (struct bytes){0};
    while (!sync->is_over) {
        struct bytes in = client_input(sync->client);
        bool ends;
        size_t len = payload_bytes(sync, in, &ends);

        if (len > 0) {
            *piece = bytes_prefix(in, len);
            client_consume(sync->client, len);
            sync->taken_bytes += len;
            return true;
        }
        if (ends) {
            client_consume(sync->client, sync->has_mark ? SYNC_MARK : 0);
            sync->is_over = true;
        } else if (!wait_input(sync, error)) {
            return false;
        }
    }
    return true;
}
