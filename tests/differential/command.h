/* SPDX-License-Identifier: MIT */
/* One command to be sent: words that own their bytes.  All-zero is an empty one. */
#ifndef STARLING_TESTS_DIFFERENTIAL_COMMAND_H
#define STARLING_TESTS_DIFFERENTIAL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"

struct command {
    struct buf *words;
    size_t count; /* of words in use; those behind keep their memory */
    size_t cap;
};

void command_clear(struct command *command);
void command_deinit(struct command *command);
/* Append a word. */
void command_add(struct command *command, struct bytes word);
void command_add_text(struct command *command, const char *text);
/* Empty, with the words of a line that are parted by single blanks. */
void command_set(struct command *command, const char *line);
void command_copy(struct command *to, const struct command *from);
struct bytes command_word(const struct command *command, size_t index);
bool command_is(const struct command *command, const char *name);
bool command_has_word(const struct command *command, const char *word);
/* Append as a line for people: bytes that are not printable escaped, words beyond 80 bytes cut. */
void command_print(struct buf *out, const struct command *command);
/* Append bytes in that manner, at most limit of them. */
void command_print_bytes(struct buf *out, struct bytes bytes, size_t limit);

#endif
