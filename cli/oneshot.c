/* SPDX-License-Identifier: MIT */
/* Signals keep their usual effect here: Ctrl-C ends the program at once. */
#include "cli/oneshot.h"

#include "base/vec.h"
#include "cli/connect.h"
#include "cli/execute.h"
#include "cli/quoted.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    READ_STEP = 64 * 1024,
};

struct words {
    VEC(struct bytes) items;
    struct buf input;   /* what came from standard input */
    struct buf decoded; /* quoted words, one behind the other */
};

static bool read_input(struct buf *out, struct errmsg *error)
{
    for (;;) {
        ssize_t got = read(STDIN_FILENO, buf_reserve(out, READ_STEP), READ_STEP);

        if (got < 0) {
            errmsg_set(error, "cannot read standard input");
            return false;
        }
        if (got == 0) {
            return true;
        }
        out->len += (size_t)got;
    }
}

/* The buffer has room already: texts do not grow by being decoded, and words point into it. */
static bool decode_word(struct words *words, const char *word, struct errmsg *error)
{
    size_t start = words->decoded.len;

    if (!quoted_decode(word, &words->decoded)) {
        errmsg_set(error, "Invalid quoted string: %.200s", word);
        return false;
    }
    VEC_PUSH(&words->items, bytes_make(words->decoded.data + start, words->decoded.len - start));
    return true;
}

static void reserve_decoded(struct words *words, const struct options *options)
{
    size_t len = 0;

    for (size_t i = 0; i < options->word_count; i++) {
        len += strlen(options->words[i]);
    }
    buf_reserve(&words->decoded, len);
}

static bool collect_words(struct words *words, const struct options *options, struct errmsg *error)
{
    bool is_tag_seen = false;

    if ((options->reads_last_word || options->stdin_tag != NULL) &&
        !read_input(&words->input, error)) {
        return false;
    }
    if (options->has_quoted_words) {
        reserve_decoded(words, options);
    }
    for (size_t i = 0; i < options->word_count; i++) {
        const char *word = options->words[i];

        if (options->stdin_tag != NULL && strcmp(word, options->stdin_tag) == 0) {
            VEC_PUSH(&words->items, buf_bytes(&words->input));
            is_tag_seen = true;
        } else if (options->has_quoted_words) {
            if (!decode_word(words, word, error)) {
                return false;
            }
        } else {
            VEC_PUSH(&words->items, bytes_from_text(word));
        }
    }
    if (options->stdin_tag != NULL && !is_tag_seen) {
        errmsg_set(error, "Using -X option but stdin tag not match.");
        return false;
    }
    if (options->reads_last_word) {
        VEC_PUSH(&words->items, buf_bytes(&words->input));
    }
    return true;
}

static int run(struct executor *executor, const struct words *words, struct errmsg *error)
{
    const struct options *options = executor->options;
    int64_t repeat = options->has_repeat ? options->repeat : 1;

    for (int64_t i = 0; repeat < 0 || i < repeat; i++) {
        if (i > 0 && options->interval_ms > 0) {
            interrupt_sleep(NULL, options->interval_ms);
        }
        if (execute(executor, words->items.items, words->items.count, error) != EXECUTE_OK) {
            return 1;
        }
        if (executor->was_error && options->fails_on_error) {
            return 1;
        }
        if (ferror(stdout) != 0) {
            errmsg_set(error, "cannot write to standard output");
            return 1;
        }
    }
    return 0;
}

int oneshot_run(const struct options *options)
{
    struct words words = {0};
    struct connection connection;
    struct executor executor = {
        .options = options,
        .connection = &connection,
        .splits_errors = options->fails_on_error,
    };
    struct errmsg error = {0};
    int exit_code = 1;

    connection_init(&connection, options, NULL);
    if (collect_words(&words, options, &error)) {
        exit_code = run(&executor, &words, &error);
    }
    if (error.text[0] != '\0' && exit_code != 0) {
        fprintf(stderr, "%s\n", error.text);
    }
    connection_close(&connection);
    executor_deinit(&executor);
    VEC_DEINIT(&words.items);
    buf_deinit(&words.input);
    buf_deinit(&words.decoded);
    return exit_code;
}
