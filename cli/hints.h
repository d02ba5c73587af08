/* SPDX-License-Identifier: MIT */
/* What the command table knows, for the person at the keyboard: completions, argument hints and
 * help.  Pure. */
#ifndef STARLING_CLI_HINTS_H
#define STARLING_CLI_HINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "spec/command.h"

/* The n-th completion of the command, subcommand, or topic of help, that line ends with; false
 * when there are not so many. */
bool hints_complete(struct bytes line, size_t n, struct buf *out);
/* Append the arguments that are still missing, a blank in front unless line ends with one. */
void hints_write(struct bytes line, struct buf *out);
/* The same for any arguments: rest is what stands in line behind the command's name. */
void hints_write_missing(struct bytes line, struct bytes rest, struct bytes arguments,
                         struct buf *out);
/* Is it a command of the table, or a word that the prompt takes for itself? */
bool hints_know(struct bytes name);
/* Append what help says: words are those behind "help". */
void hints_write_help(const struct bytes *words, size_t word_count, struct buf *out);

#endif
