/* SPDX-License-Identifier: MIT */
/* What a folder says about the backup in it: a small text file, written as a whole and put in place by a rename.
 *
 *     starling-backup 1
 *     of <host:port>                  where it was begun from, for people
 *     end <history> <offset>          at least so far it goes; "end -": the first part never became whole
 *     crc <8 hex digits>              crc32c of the lines before */
#ifndef STARLING_CLI_BACKUP_STATE_H
#define STARLING_CLI_BACKUP_STATE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "cli/sync.h"
#include "io/addr.h"

#define BACKUP_STATE_NAME "backup.state"

enum {
    BACKUP_STATE_VERSION = 1,
    BACKUP_STATE_MAX_BYTES = 4096,
};

struct backup_state {
    char source[ADDR_TEXT];
    struct sync_place end; /* no history: unfinished */
};

static inline bool backup_state_is_whole(const struct backup_state *state)
{
    return !history_id_is_empty(&state->end.history);
}

/* Append the text. */
void backup_state_format(const struct backup_state *state, struct buf *out);
/* *out is untouched unless all is well; error says what is wrong. */
MUST_USE bool backup_state_parse(struct bytes text, struct backup_state *out, struct errmsg *error);

#endif
