/* SPDX-License-Identifier: MIT */
#include "tests/differential/command.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

enum {
    WORD_SHOWN = 80,
    WORDS_SHOWN = 40,
};

void command_clear(struct command *command)
{
    command->count = 0;
}

void command_deinit(struct command *command)
{
    for (size_t i = 0; i < command->cap; i++) {
        buf_deinit(&command->words[i]);
    }
    mem_free(MEM_TEST, command->words);
    *command = (struct command){0};
}

void command_add(struct command *command, struct bytes word)
{
    if (command->count == command->cap) {
        size_t cap = command->cap == 0 ? 16 : 2 * command->cap;

        command->words = mem_realloc(MEM_TEST, command->words, cap * sizeof(*command->words));
        memset(command->words + command->cap, 0, (cap - command->cap) * sizeof(*command->words));
        command->cap = cap;
    }
    buf_clear(&command->words[command->count]);
    buf_append_bytes(&command->words[command->count++], word);
}

void command_add_text(struct command *command, const char *text)
{
    command_add(command, bytes_from_text(text));
}

void command_set(struct command *command, const char *line)
{
    struct bytes rest = bytes_from_text(line);

    command_clear(command);
    while (rest.len > 0) {
        command_add(command, bytes_next_field(&rest, ' '));
    }
}

void command_copy(struct command *to, const struct command *from)
{
    command_clear(to);
    for (size_t i = 0; i < from->count; i++) {
        command_add(to, command_word(from, i));
    }
}

struct bytes command_word(const struct command *command, size_t index)
{
    ASSERT(index < command->count);
    return buf_bytes(&command->words[index]);
}

bool command_is(const struct command *command, const char *name)
{
    return command->count > 0 && bytes_equal_nocase(command_word(command, 0), name);
}

bool command_has_word(const struct command *command, const char *word)
{
    for (size_t i = 1; i < command->count; i++) {
        if (bytes_equal_nocase(command_word(command, i), word)) {
            return true;
        }
    }
    return false;
}

void command_print_bytes(struct buf *out, struct bytes bytes, size_t limit)
{
    for (size_t i = 0; i < bytes.len && i < limit; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];

        if (byte >= ' ' && byte < 127 && byte != '"' && byte != '\\') {
            buf_append_byte(out, (char)byte);
        } else {
            buf_printf(out, "\\x%02x", byte);
        }
    }
    if (bytes.len > limit) {
        buf_printf(out, "...(%zu bytes)", bytes.len);
    }
}

void command_print(struct buf *out, const struct command *command)
{
    for (size_t i = 0; i < command->count && i < WORDS_SHOWN; i++) {
        struct bytes word = command_word(command, i);
        bool is_quoted = word.len == 0 || bytes_find_byte(word, ' ') != SIZE_MAX;

        buf_append_text(out, i > 0 ? " " : "");
        buf_append_text(out, is_quoted ? "\"" : "");
        command_print_bytes(out, word, WORD_SHOWN);
        buf_append_text(out, is_quoted ? "\"" : "");
    }
    if (command->count > WORDS_SHOWN) {
        buf_printf(out, " ...(%zu words)", command->count);
    }
}
