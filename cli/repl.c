/* SPDX-License-Identifier: MIT */
/* Lines come from the editor or, without a terminal, from standard input as it is; what they mean
 * is the same. */
#include "cli/repl.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/split.h"
#include "cli/docs.h"
#include "cli/edit.h"
#include "cli/execute.h"
#include "cli/hints.h"
#include "cli/history.h"
#include "cli/interrupt.h"
#include "cli/preferences.h"
#include "cli/print.h"
#include "cli/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PROMPT_TEXT = ADDR_TEXT + 64,
    READ_STEP = 4096,
    DOCS_MS = 1000, /* for what the server says about its commands */
    ESCAPE_MS = 50, /* within which the rest of an escape sequence comes */
    LINE_MAX_BYTES = 512 * 1024 * 1024,
};

struct repl {
    const struct options *options;
    struct connection connection;
    struct executor executor;
    struct interrupt interrupt;
    struct history history;
    struct buf history_path; /* empty: not kept */
    struct edit edit;
    struct terminal terminal;
    struct buf keys; /* read from the terminal and not yet understood */
    struct buf in;   /* read from elsewhere, beginning with a line that is not whole */
    struct split split;
    bool can_edit;
    struct preferences preferences;
    struct docs docs; /* of the server, for commands that are not in our table */
    bool has_docs;    /* they were asked for, with whatever outcome */
    bool is_over;
    bool has_failed; /* with -e: a reply was an error; or no connection */
};

/* ---- prompt ------------------------------------------------------------------------------------ */

static void write_prompt(const struct repl *repl, char out[PROMPT_TEXT])
{
    char where[ADDR_TEXT];
    char db[NUM_I64_TEXT + 4] = "";

    if (repl->connection.client == NULL) {
        snprintf(out, PROMPT_TEXT, "not connected> ");
        return;
    }
    connection_format(&repl->connection, where);
    if (repl->connection.db != 0) {
        snprintf(db, sizeof(db), "[%" PRId64 "]", repl->connection.db);
    }
    snprintf(out, PROMPT_TEXT, "%s%s%s> ", where, db,
             repl->executor.is_in_transaction ? "(TX)" : "");
}

/* ---- lines from the editor --------------------------------------------------------------------- */

/* Ask the server about its commands, once, over a connection of its own: the session may be in the
 * midst of a transaction.  A server that does not answer soon is not asked again. */
static void fetch_docs(struct repl *repl)
{
    static const char *const words[] = {"COMMAND", "DOCS"};
    struct errmsg error;
    struct client *client;
    struct resp_value reply;

    if (repl->has_docs || repl->connection.client == NULL) {
        return;
    }
    repl->has_docs = true;
    client = connection_open_second(&repl->connection, DOCS_MS, &error);
    if (client != NULL && connect_call(client, words, ARRAY_COUNT(words), &reply, &error)) {
        docs_take(&repl->docs, &reply);
        resp_value_deinit(&reply);
    }
    client_close(client);
}

static void forget_docs(struct repl *repl)
{
    docs_deinit(&repl->docs);
    repl->has_docs = false;
}

static void write_hint(struct repl *repl, struct buf *hint)
{
    struct bytes line = buf_bytes(&repl->edit.text);
    struct bytes rest = line;
    struct bytes name = bytes_next_word(&rest, ' ');

    if (hints_know(name)) {
        hints_write(line, hint);
        return;
    }
    if (name.len > 0 && name.len < line.len) { /* the name is whole */
        fetch_docs(repl);
        docs_write_hint(&repl->docs, line, hint);
    }
}

static void show_line(struct repl *repl, bool is_end)
{
    char prompt[PROMPT_TEXT];
    struct buf out = {0};
    struct buf hint = {0};
    struct edit_view view = {.prompt = prompt, .columns = terminal_columns(), .has_colour = true};

    write_prompt(repl, prompt);
    if (repl->preferences.has_hints && !is_end) {
        write_hint(repl, &hint);
        view.hint = buf_bytes(&hint);
    }
    if (is_end) {
        edit_draw_end(&repl->edit, &view, &out);
        buf_append_byte(&out, '\n');
    } else {
        edit_draw(&repl->edit, &view, &out);
    }
    print_buf(&out);
    buf_deinit(&out);
    buf_deinit(&hint);
}

/* More bytes of the keyboard.  INTERRUPT_TIMEOUT: none came in time; INTERRUPT_CAME: the end. */
static enum interrupt_wait read_keys(struct repl *repl, int64_t timeout_ms)
{
    enum interrupt_wait wait = interrupt_wait(&repl->interrupt, STDIN_FILENO, false, timeout_ms);
    ssize_t got;

    if (wait != INTERRUPT_READY) {
        return wait;
    }
    got = read(STDIN_FILENO, buf_reserve(&repl->keys, READ_STEP), READ_STEP);
    if (got <= 0) {
        return got < 0 && (errno == EINTR || errno == EAGAIN) ? INTERRUPT_TIMEOUT : INTERRUPT_CAME;
    }
    repl->keys.len += (size_t)got;
    return INTERRUPT_READY;
}

/* The next key, waiting for it; EDIT_END when there will be no more. */
static enum edit_outcome next_key(struct repl *repl)
{
    for (;;) {
        struct key key;
        size_t len = key_decode(buf_bytes(&repl->keys), false, &key);
        enum edit_outcome outcome;
        enum interrupt_wait wait;

        if (len == 0) {
            if (repl->keys.len == 0) {
                show_line(repl, false); /* once all keys that came together are in */
            }
            wait = read_keys(repl, repl->keys.len > 0 ? ESCAPE_MS : -1);
            if (wait == INTERRUPT_CAME) {
                return EDIT_END;
            }
            if (wait == INTERRUPT_READY || repl->keys.len == 0) {
                continue;
            }
            len = key_decode(buf_bytes(&repl->keys), true, &key);
            len = len > 0 ? len : repl->keys.len;
        }
        outcome = edit_key(&repl->edit, &key);
        buf_consume(&repl->keys, len);
        if (outcome != EDIT_GOES_ON) {
            return outcome;
        }
    }
}

/* False at the end. */
static bool edit_line(struct repl *repl)
{
    edit_reset(&repl->edit);
    if (!terminal_make_raw(&repl->terminal)) {
        return false;
    }
    for (;;) {
        enum edit_outcome outcome = next_key(repl);

        if (outcome == EDIT_CLEAR_SCREEN) {
            fputs("\x1b[H\x1b[2J", stdout);
            continue;
        }
        show_line(repl, true);
        terminal_restore(&repl->terminal);
        if (outcome == EDIT_INTERRUPTED && repl->edit.text.len > 0) {
            edit_reset(&repl->edit); /* the line is given up, not the program */
            return true;
        }
        return outcome == EDIT_LINE;
    }
}

/* ---- lines from elsewhere ---------------------------------------------------------------------- */

/* Move the next line of standard input into the editor's text; false at the end. */
static bool read_line(struct repl *repl)
{
    size_t searched = 0;

    edit_reset(&repl->edit);
    for (;;) {
        size_t end = bytes_find_byte(bytes_from(buf_bytes(&repl->in), searched), '\n');
        ssize_t got;

        if (end != SIZE_MAX) {
            end += searched;
            buf_append(&repl->edit.text, repl->in.data, end);
            buf_consume(&repl->in, end + 1);
            return true;
        }
        searched = repl->in.len;
        if (searched > LINE_MAX_BYTES) {
            fputs("A line is too long.\n", stderr);
            repl->has_failed = true;
            return false;
        }
        got = read(STDIN_FILENO, buf_reserve(&repl->in, READ_STEP), READ_STEP);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) { /* the last line may lack its end */
            buf_append_bytes(&repl->edit.text, buf_bytes(&repl->in));
            buf_clear(&repl->in);
            return repl->edit.text.len > 0;
        }
        repl->in.len += (size_t)got;
    }
}

static bool next_line(struct repl *repl)
{
    char prompt[PROMPT_TEXT];

    if (repl->can_edit) {
        return edit_line(repl);
    }
    if (isatty(STDIN_FILENO) != 0) {
        write_prompt(repl, prompt);
        fputs(prompt, stdout);
        fflush(stdout);
    }
    return read_line(repl);
}

/* ---- what a line means ------------------------------------------------------------------------- */

static void report(struct repl *repl, const struct errmsg *error)
{
    fflush(stdout);
    fprintf(stderr, "%s\n", error->text);
    repl->has_failed = true;
}

/* Find out, before anything is sent, that the server has gone meanwhile: then it is safe to
 * connect again, unless the command was meant for a transaction that is gone too. */
static bool can_send(struct repl *repl)
{
    struct errmsg error = {0};

    if (repl->connection.client == NULL ||
        client_pump(repl->connection.client, &error) == CLIENT_OK) {
        return true;
    }
    connection_close(&repl->connection);
    fputs("The connection was lost; connecting again.\n", stderr);
    if (repl->executor.is_in_transaction) {
        repl->executor.is_in_transaction = false;
        repl->has_failed = true;
        fputs("The transaction is lost with it; this command was not sent.\n", stderr);
        return false;
    }
    return true;
}

static void run_command(struct repl *repl, const struct bytes *words, size_t word_count,
                        int64_t repeat)
{
    struct errmsg error = {0};

    if (!can_send(repl)) {
        return;
    }
    for (int64_t i = 0; i < repeat; i++) {
        if (i > 0 && repl->options->interval_ms > 0 &&
            !interrupt_sleep(&repl->interrupt, repl->options->interval_ms)) {
            return;
        }
        switch (execute(&repl->executor, words, word_count, &error)) {
        case EXECUTE_OK:
            repl->has_failed |= repl->executor.was_error && repl->options->fails_on_error;
            break;
        case EXECUTE_LOST:
            report(repl, &error);
            if (connection_open(&repl->connection, &error)) {
                fputs("Connected again; whether the command was carried out is not known.\n",
                      stderr);
            }
            return;
        case EXECUTE_INTERRUPTED:
            puts("");
            if (!connection_open(&repl->connection, &error)) {
                report(repl, &error);
            }
            return;
        }
    }
}

static void connect_to(struct repl *repl, const struct bytes *words, size_t word_count)
{
    char host[ADDR_HOST_TEXT];
    struct errmsg error = {0};
    uint64_t port;

    if (word_count != 3 || words[1].len == 0 || words[1].len >= sizeof(host) ||
        !num_parse_u64(words[2], &port) || port == 0 || port > 65535) {
        puts("Use: connect <host> <port>");
        return;
    }
    bytes_to_text(words[1], host, sizeof(host));
    connection_move(&repl->connection, host, (uint16_t)port);
    forget_docs(repl);
    repl->executor.is_in_transaction = false;
    if (!connection_open(&repl->connection, &error)) {
        report(repl, &error);
    }
}

static void set_preference(struct repl *repl, const struct bytes *words, size_t word_count)
{
    struct errmsg error = {0};

    if (!preferences_set(&repl->preferences, words, word_count, &error)) {
        puts(error.text);
    }
}

static void print_help(struct repl *repl, const struct bytes *words, size_t word_count)
{
    struct buf out = {0};
    bool is_known =
        word_count == 0 || words[0].len == 0 || words[0].data[0] == '@' || hints_know(words[0]);

    if (!is_known) {
        fetch_docs(repl);
    }
    if (is_known || !docs_write_help(&repl->docs, words, word_count, &out)) {
        hints_write_help(words, word_count, &out);
    }
    print_buf(&out);
    buf_deinit(&out);
}

/* True when the words were for us. */
static bool run_own_word(struct repl *repl, const struct bytes *words, size_t word_count)
{
    if (bytes_equal_nocase(words[0], "quit") || bytes_equal_nocase(words[0], "exit")) {
        repl->is_over = true;
    } else if (bytes_equal_nocase(words[0], "clear") && word_count == 1) {
        fputs(repl->can_edit ? "\x1b[H\x1b[2J" : "", stdout);
        fflush(stdout);
    } else if (bytes_equal_nocase(words[0], "help") || bytes_equal_text(words[0], "?")) {
        print_help(repl, words + 1, word_count - 1);
    } else if (bytes_equal_nocase(words[0], "connect")) {
        connect_to(repl, words, word_count);
    } else if (bytes_equal_nocase(words[0], ":set")) {
        set_preference(repl, words, word_count);
    } else {
        return false;
    }
    return true;
}

static void keep(struct repl *repl)
{
    struct errmsg error = {0};

    if (!repl->can_edit) {
        return;
    }
    history_add(&repl->history, buf_bytes(&repl->edit.text));
    if (repl->history_path.len > 0 &&
        !history_save(&repl->history, buf_text(&repl->history_path), &error)) {
        fprintf(stderr, "The history cannot be kept: %s\n", error.text);
        buf_clear(&repl->history_path);
    }
}

static void run_line(struct repl *repl)
{
    const struct bytes *words;
    size_t word_count;
    int64_t repeat = 1;

    if (!split_line(&repl->split, buf_bytes(&repl->edit.text))) {
        puts("Invalid argument(s)");
        repl->has_failed |= repl->options->fails_on_error;
        return;
    }
    words = repl->split.words.items;
    word_count = repl->split.words.count;
    if (word_count == 0) {
        return;
    }
    /* "5 auth ..." holds a secret as much as "auth ..." does: look behind the number. */
    if (word_count > 1 && num_parse_i64(words[0], &repeat)) {
        if (repeat < 1) {
            puts("Use a count of at least 1 in front of a command");
            return;
        }
        words++;
        word_count--;
    }
    if (!history_is_secret(words, word_count)) {
        keep(repl);
    }
    if (!run_own_word(repl, words, word_count)) {
        run_command(repl, words, word_count, repeat);
    }
}

/* ---- beginning and end ------------------------------------------------------------------------- */

/* Of the file that the environment names, else of the one in the home folder. */
static void load_preferences(struct repl *repl, const char *home)
{
    const char *named = getenv("STARLINGCLI_RCFILE");
    struct buf path = {0};
    struct buf complaints = {0};

    if (named != NULL && named[0] != '\0') {
        buf_append_text(&path, named);
    } else if (home != NULL) {
        buf_printf(&path, "%s/.starlingclirc", home);
    }
    if (path.len > 0) {
        preferences_load(&repl->preferences, buf_text(&path), &complaints);
    }
    fprintf(stderr, "%s", buf_text(&complaints));
    buf_deinit(&path);
    buf_deinit(&complaints);
}

static void init(struct repl *repl, const struct options *options)
{
    const char *home = getenv("HOME");
    struct errmsg error = {0};

    *repl = (struct repl){
        .options = options,
        .interrupt = {.fd = -1},
        .can_edit = terminal_can_edit(getenv("TERM")),
        .preferences = {.has_hints = true},
    };
    if (repl->can_edit) {
        interrupt_open(&repl->interrupt);
        load_preferences(repl, home);
    }
    connection_init(&repl->connection, options, &repl->interrupt);
    repl->executor = (struct executor){
        .options = options,
        .connection = &repl->connection,
    };
    edit_init(&repl->edit, &repl->history, hints_complete);
    if (repl->can_edit && home != NULL) {
        buf_printf(&repl->history_path, "%s/.starling_cli_history", home);
        if (!history_load(&repl->history, buf_text(&repl->history_path), &error)) {
            fprintf(stderr, "%s\n", error.text);
        }
    }
}

static void deinit(struct repl *repl)
{
    terminal_restore(&repl->terminal);
    docs_deinit(&repl->docs);
    connection_close(&repl->connection);
    executor_deinit(&repl->executor);
    interrupt_close(&repl->interrupt);
    edit_deinit(&repl->edit);
    history_deinit(&repl->history);
    buf_deinit(&repl->history_path);
    buf_deinit(&repl->keys);
    buf_deinit(&repl->in);
    split_deinit(&repl->split);
}

int repl_run(const struct options *options)
{
    struct repl *repl = mem_alloc(MEM_CLI, sizeof(*repl));
    struct errmsg error = {0};
    int exit_code;

    init(repl, options);
    if (!connection_open(&repl->connection, &error)) {
        report(repl, &error);
        repl->is_over = !repl->can_edit && isatty(STDIN_FILENO) == 0;
    }
    while (!repl->is_over && next_line(repl)) {
        run_line(repl);
    }
    /* At the keyboard, errors were seen; a script wants to know. */
    exit_code = repl->has_failed && isatty(STDIN_FILENO) == 0 ? 1 : 0;
    deinit(repl);
    mem_free(MEM_CLI, repl);
    return exit_code;
}
