/* SPDX-License-Identifier: MIT */
/* What COMMAND DOCS of a server says about commands: for those that our own table lacks.
 *
 * Arguments become one text like those of the table: "key [NX|XX] [EX seconds|PX milliseconds]".
 * Owns its texts; all-zero is empty.  Pure. */
#ifndef STARLING_CLI_DOCS_H
#define STARLING_CLI_DOCS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/vec.h"
#include "resp/value.h"

struct docs_entry {
    struct buf name; /* lower case; of a subcommand "container|sub" */
    struct buf arguments;
    struct buf summary;
    struct buf since;
    struct buf group;
};

struct docs {
    VEC(struct docs_entry) entries;
};

void docs_deinit(struct docs *docs);
/* Add what a reply of COMMAND DOCS says; a reply that makes no sense adds nothing. */
void docs_take(struct docs *docs, const struct resp_value *reply);
/* By name, and subcommand (empty: none), case folded; NULL when the server did not say. */
const struct docs_entry *docs_find(const struct docs *docs, struct bytes name, struct bytes sub);
/* Append the arguments that are still missing in the line, as hints_write does. */
void docs_write_hint(const struct docs *docs, struct bytes line, struct buf *out);
/* Append help on the command; false when it is not known here either. */
bool docs_write_help(const struct docs *docs, const struct bytes *words, size_t word_count,
                     struct buf *out);

#endif
