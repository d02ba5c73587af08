/* SPDX-License-Identifier: MIT */
#include "cli/backup_state.h"

#include "base/crc.h"
#include "base/num.h"

#include <inttypes.h>

static const char first_word[] = "starling-backup";

void backup_state_format(const struct backup_state *state, struct buf *out)
{
    size_t start = out->len;

    buf_printf(out, "%s %d\nof %s\n", first_word, BACKUP_STATE_VERSION, state->source);
    if (backup_state_is_whole(state)) {
        buf_printf(out, "end %s %" PRIu64 "\n", state->end.history.text, state->end.offset);
    } else {
        buf_append_text(out, "end -\n");
    }
    buf_printf(out, "crc %08" PRIx32 "\n", crc32c(0, bytes_from(buf_bytes(out), start)));
}

/* The line is "name value". */
static bool take_line(struct bytes *rest, const char *name, struct bytes *value)
{
    struct bytes line = bytes_next_field(rest, '\n');
    struct bytes word = bytes_next_field(&line, ' ');

    *value = line;
    return bytes_equal_text(word, name);
}

static bool parse_end(struct bytes value, struct sync_place *end)
{
    struct bytes history = bytes_next_field(&value, ' ');

    *end = (struct sync_place){0};
    if (bytes_equal_text(history, "-")) {
        return value.len == 0;
    }
    return history_id_parse(history, &end->history) && num_parse_u64(value, &end->offset);
}

bool backup_state_parse(struct bytes text, struct backup_state *out, struct errmsg *error)
{
    struct backup_state state = {0};
    struct buf again = {0};
    struct bytes rest = text;
    struct bytes value;
    uint64_t version;
    bool is_good;

    if (!take_line(&rest, first_word, &value) || !num_parse_u64(value, &version)) {
        errmsg_set(error, "it does not begin as the state of a backup");
        return false;
    }
    if (version > BACKUP_STATE_VERSION) {
        errmsg_set(error, "it has version %" PRIu64 ", and versions up to %d are known", version,
                   BACKUP_STATE_VERSION);
        return false;
    }
    is_good = take_line(&rest, "of", &value) && value.len < sizeof(state.source);
    if (is_good) {
        bytes_to_text(value, state.source, sizeof(state.source));
        is_good = take_line(&rest, "end", &value) && parse_end(value, &state.end);
    }
    if (is_good) {
        backup_state_format(&state, &again); /* there is one way to say it */
        is_good = bytes_equal(buf_bytes(&again), text);
    }
    buf_deinit(&again);
    if (!is_good) {
        errmsg_set(error, "it is damaged");
        return false;
    }
    *out = state;
    return true;
}
