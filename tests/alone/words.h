/* SPDX-License-Identifier: MIT */
/* Words that requests are made of: keys, numbers at every edge, options, names of subcommands,
 * binary and odd text.  For tests that send what nobody would. */
#ifndef STARLING_TESTS_ALONE_WORDS_H
#define STARLING_TESTS_ALONE_WORDS_H

#include "base/buf.h"
#include "base/bytes.h"
#include "spec/command.h"

size_t words_count(void);
/* Constant. */
struct bytes words_at(size_t index);
/* A subcommand's name, by any number; the word of that number when the command has none. */
struct bytes words_sub(const struct command_spec *parent, size_t number);

/* The words as an inline request: each in quotes, with escapes, and the line end. */
void words_write_inline(const struct bytes *words, size_t count, struct buf *out);

#endif
