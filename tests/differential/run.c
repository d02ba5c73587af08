/* SPDX-License-Identifier: MIT */
#include "tests/differential/run.h"

#include "base/assert.h"
#include "persist/posix_file.h"
#include "tests/differential/compare.h"

#include <stdio.h>
#include <string.h>

enum {
    HISTORY_SHOWN = 12,
    REPLY_SHOWN = 600,
    LOG_SHOWN = 30000,
};

void run_remember(struct run *run, const struct command *command, const char *to)
{
    struct buf *line = &run->history[run->history_count++ % HISTORY_MAX];

    buf_clear(line);
    buf_append_text(line, to);
    command_print(line, command);
    buf_append_byte(line, ' ');
    if (run->is_verbose) {
        printf("%s\n", buf_text(line));
        fflush(stdout);
    }
}

/* Whether the line of history names a key that the command names; the keys stand between blanks. */
static bool shares_key(struct buf *line, const struct command *command)
{
    struct bytes keys[WORDS_KEYS_MAX];
    size_t count = words_all_keys(keys);
    bool is_shared = false;

    for (size_t i = 0; i < count && !is_shared; i++) {
        for (size_t w = 1; w < command->count && !is_shared; w++) {
            if (bytes_equal(command_word(command, w), keys[i])) {
                struct buf text = {0};

                buf_append_byte(&text, ' ');
                if (keys[i].len == 0) {
                    buf_append_text(&text, "\"\"");
                }
                command_print_bytes(&text, keys[i], SIZE_MAX);
                buf_append_byte(&text, ' ');
                is_shared = strstr(buf_text(line), buf_text(&text)) != NULL;
                buf_deinit(&text);
            }
        }
    }
    return is_shared;
}

static void print_history(struct run *run, const struct command *command)
{
    const char *lines[HISTORY_SHOWN];
    size_t count = 0;

    for (uint64_t back = 0;
         back < HISTORY_MAX && back < run->history_count && count < HISTORY_SHOWN; back++) {
        struct buf *line = &run->history[(run->history_count - 1 - back) % HISTORY_MAX];

        if (shares_key(line, command)) {
            lines[count++] = buf_text(line);
        }
    }
    while (count > 0) {
        printf("    %s\n", lines[--count]);
    }
}

static void print_reply(const char *name, struct bytes reply)
{
    struct buf text = {0};

    command_print_bytes(&text, reply, REPLY_SHOWN);
    printf("  %-16s %s\n", name, buf_text(&text));
    buf_deinit(&text);
}

/* Whatever comes next begins with the same on both sides. */
static void begin_anew(struct run *run)
{
    struct command flush = {0};
    struct errmsg error;

    command_set(&flush, "FLUSHALL");
    if (!pair_ask_both(&run->pair, 2, &flush, 1, run->replies, &error)) {
        printf("%s\n", error.text);
        run->is_broken = true;
    }
    run->history_count = 0;
    events_forget(&run->events);
    command_deinit(&flush);
}

void run_report(struct run *run, const struct command *command, const char *what, struct bytes ours,
                struct bytes stock)
{
    struct buf text = {0};

    run->differences++;
    command_print(&text, command);
    printf("difference %llu, %s, after %llu commands:\n  %s\n",
           (unsigned long long)run->differences, what, (unsigned long long)run->sent,
           buf_text(&text));
    print_reply("starling-server:", ours);
    print_reply("stock server:", stock);
    printf("  the last commands on these keys:\n");
    print_history(run, command);
    printf("  again: STARLING_BIN=%s build/release/tests/differential/run --seed %llu --commands "
           "%llu%s%s\n",
           server_bin_dir(), (unsigned long long)run->seed, (unsigned long long)run->commands,
           run->families != NULL ? " --family " : "", run->families != NULL ? run->families : "");
    buf_deinit(&text);
    fflush(stdout);
    begin_anew(run);
}

/* The end of what the server has logged, which tells why it is gone. */
static void print_log(const struct server *s)
{
    char path[SERVER_PATH_MAX + 8];
    struct buf log = {0};

    snprintf(path, sizeof(path), "%s/log", s->dir);
    if (posix_read_file(path, 10 * 1024 * 1024, &log, NULL) == FS_OK) {
        size_t from = log.len > LOG_SHOWN ? log.len - LOG_SHOWN : 0;

        printf("---- log of starling-server\n%s\n", buf_text(&log) + from);
    }
    buf_deinit(&log);
}

static void print_broken(struct run *run, const struct command *commands, size_t count,
                         const char *why)
{
    struct buf text = {0};

    run->is_broken = true;
    run->differences++;
    printf("%s, after %llu commands and during these:\n", why, (unsigned long long)run->sent);
    for (size_t i = 0; i < count; i++) {
        buf_clear(&text);
        command_print(&text, &commands[i]);
        printf("    %s\n", buf_text(&text));
    }
    printf("  again: STARLING_BIN=%s build/release/tests/differential/run --seed %llu --commands "
           "%llu%s%s\n",
           server_bin_dir(), (unsigned long long)run->seed, (unsigned long long)run->commands,
           run->families != NULL ? " --family " : "", run->families != NULL ? run->families : "");
    buf_deinit(&text);
    print_log(&run->pair.servers[OURS]);
}

/* The reply to the command at the index: each has a mark before it. */
static struct bytes reply_at(const struct run *run, enum side side, size_t index)
{
    return replies_at(&run->replies[side], 2 * index + 1);
}

static bool ask(struct run *run, int protocol, const struct command *commands, size_t count)
{
    struct command marked[REPLIES_MAX];
    struct errmsg error;

    ASSERT(count <= BATCH_MAX);
    events_mark(&run->events, commands, count, marked);
    if (pair_ask_both(&run->pair, protocol, marked, 2 * count + 1, run->replies, &error) &&
        events_read(&run->events, count, &error)) {
        return true;
    }
    print_broken(run, commands, count, error.text);
    return false;
}

static bool compare_reply(struct run *run, const struct command *command, size_t index,
                          const char *what, const struct exception **used)
{
    struct bytes ours = reply_at(run, OURS, index);
    struct bytes stock = reply_at(run, STOCK, index);

    if (!compare_replies(command, ours, stock, used)) {
        run_report(run, command, what, ours, stock);
        return false;
    }
    /* What differs in its reply as it should may have done something else. */
    if (*used == NULL && !events_are_same(&run->events, command, index, used)) {
        run_report(run, command, "in events", buf_bytes(&run->events.texts[OURS][index]),
                   buf_bytes(&run->events.texts[STOCK][index]));
        return false;
    }
    return true;
}

bool run_batch(struct run *run, int protocol, const struct command *commands, size_t count)
{
    char what[32];

    snprintf(what, sizeof(what), "in RESP%d", protocol);
    if (!ask(run, protocol, commands, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct exception *used;

        run_remember(run, &commands[i], "");
        if (!compare_reply(run, &commands[i], i, what, &used)) {
            return false;
        }
        run->meant += used != NULL;
        if (used != NULL && run->is_verbose) {
            printf("  excepted: %s\n", used->reason);
        }
        if (used != NULL && used->parts) {
            begin_anew(run);
            break;
        }
    }
    return true;
}
