/* SPDX-License-Identifier: MIT */
#include "tests/differential/shapes.h"

#include "base/assert.h"

#include <string.h>

enum {
    DEPTH_MAX = 8,
    SPOILED_ONE_IN = 8,
    BARE_ONE_IN = 60,
    REPEAT_MAX = 3,
};

/* A literal word; a fifth of them in a case of its own. */
static void add_literal(struct filling *f, struct bytes word)
{
    command_add(f->command, word);
    if (rng_one_in(f->rng, 5)) {
        struct buf *added = &f->command->words[f->command->count - 1];

        for (size_t i = 0; i < added->len; i++) {
            if (added->data[i] >= 'A' && added->data[i] <= 'Z' && rng_one_in(f->rng, 2)) {
                added->data[i] = (char)(added->data[i] + 'a' - 'A');
            }
        }
    }
}

/* How many alternatives there are up to the bracket that closes. */
static size_t count_alternatives(struct bytes rest)
{
    size_t count = 1;
    int depth = 0;

    while (rest.len > 0) {
        struct bytes word = bytes_next_word(&rest, ' ');

        if (word.len != 1) {
            continue;
        }
        if (strchr("[{(", word.data[0]) != NULL) {
            depth++;
        } else if (strchr("]})", word.data[0]) != NULL && depth-- == 0) {
            break;
        } else if (word.data[0] == '|' && depth == 0) {
            count++;
        }
    }
    return count;
}

static void make_words(struct filling *f, struct bytes *rest, bool is_made, int depth);

/* The inside of a bracket that has just opened, up to and with its end.  The tables nest three deep at
 * most, which bounds the recursion. */
static void make_bracket(struct filling *f, struct bytes *rest, char open, int depth, bool is_made)
{
    struct bytes start = *rest;

    if (open == '(') {
        size_t count = count_alternatives(*rest);
        size_t chosen = (size_t)rng_below(f->rng, count);

        for (size_t i = 0; i < count; i++) {
            make_words(f, rest, is_made && i == chosen, depth + 1);
        }
    } else if (open == '[') {
        make_words(f, rest, rng_one_in(f->rng, 2) && is_made, depth + 1);
    } else {
        uint64_t times = rng_below(f->rng, REPEAT_MAX + 1);

        make_words(f, rest, is_made && times > 0, depth + 1);
        for (uint64_t i = 1; i < times && is_made; i++) {
            struct bytes again = start;

            make_words(f, &again, true, depth + 1);
        }
    }
}

static void make_words(struct filling *f, struct bytes *rest, bool is_made, int depth)
{
    ASSERT(depth < DEPTH_MAX);
    while (rest->len > 0) {
        struct bytes word = bytes_next_word(rest, ' ');

        if (word.len == 1 && strchr("]})|", word.data[0]) != NULL) {
            return;
        }
        if (word.len == 1 && strchr("[{(", word.data[0]) != NULL) {
            make_bracket(f, rest, word.data[0], depth, is_made);
        } else if (is_made && word.data[0] == '$') {
            words_add(f, word);
        } else if (is_made) {
            add_literal(f, word);
        }
    }
}

static void drop_word(struct command *command, size_t at)
{
    struct buf dropped = command->words[at];

    memmove(&command->words[at], &command->words[at + 1],
            (command->count - at - 1) * sizeof(*command->words));
    command->words[--command->count] = dropped;
}

/* Make it a command that its author did not mean. */
static void spoil(struct filling *f)
{
    struct command *command = f->command;
    size_t at = command->count > 1 ? 1 + (size_t)rng_below(f->rng, command->count - 1) : 0;
    size_t other = command->count > 1 ? 1 + (size_t)rng_below(f->rng, command->count - 1) : 0;
    struct buf kept;

    switch (at == 0 ? 0 : rng_below(f->rng, 5)) {
    case 0:
        words_add_junk(f);
        break;
    case 1:
        drop_word(command, at);
        break;
    case 2:
        words_add_junk(f);
        kept = command->words[at];
        command->words[at] = command->words[--command->count];
        command->words[command->count] = kept;
        break;
    case 3:
        kept = command->words[at];
        command->words[at] = command->words[other];
        command->words[other] = kept;
        break;
    default:
        kept = (struct buf){0};
        buf_append_bytes(&kept, command_word(command, at));
        command_add(command, buf_bytes(&kept));
        buf_deinit(&kept);
        break;
    }
}

void shape_make(const struct shape *shape, struct rng *rng, struct command *command)
{
    struct filling f = {.rng = rng, .command = command};
    struct bytes rest = bytes_from_text(shape->text);

    command_clear(command);
    make_words(&f, &rest, true, 0);
    if (rng_one_in(rng, BARE_ONE_IN)) {
        command->count = 1;
    } else if ((shape->flags & SHAPE_EXACT) == 0 && rng_one_in(rng, SPOILED_ONE_IN)) {
        spoil(&f);
    }
}
