/* SPDX-License-Identifier: MIT */
/* The differential test: our server and a stock one are sent the same random commands, and have to say the
 * same.
 *
 *     run [--commands N] [--seed S] [--family hashes,sets] [--differences N] [--verbose]
 *
 * After a difference both are emptied and the run goes on, until it has found so many (one, unless told
 * otherwise).  Commands that either does not know are left out. */
#include "tests/differential/run.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "io/clock.h"
#include "resp/value.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char stock_program[] = "redis-server";
/* What the exceptions were written for. */
static const char stock_version[] = "redis_version:7.0.";

enum {
    COMMANDS_DEFAULT = 100000,
    RANDOM_ONE_IN = 3, /* batches */
    DUMP_ONE_IN = 4,
    EVERYTHING_ONE_IN = 40,
    EMPTY_ONE_IN = 120,
};

static const struct family *const families[] = {
    &family_strings, &family_bits,  &family_keys, &family_hashes, &family_sets,
    &family_lists,   &family_zsets, &family_geo,  &family_sort,   &family_streams,
};

static bool parse_options(struct run *run, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        uint64_t *number = strcmp(argv[i], "--commands") == 0      ? &run->commands
                           : strcmp(argv[i], "--seed") == 0        ? &run->seed
                           : strcmp(argv[i], "--differences") == 0 ? &run->differences_wanted
                                                                   : NULL;

        if (strcmp(argv[i], "--verbose") == 0) {
            run->is_verbose = true;
        } else if (strcmp(argv[i], "--family") == 0 && value != NULL) {
            run->families = value;
            i++;
        } else if (number == NULL || value == NULL ||
                   !num_parse_u64(bytes_from_text(value), number)) {
            fprintf(stderr,
                    "usage: %s [--commands N] [--seed S] [--family NAME,NAME] [--differences N] "
                    "[--verbose]\n",
                    argv[0]);
            return false;
        } else {
            i++;
        }
    }
    return true;
}

/* The replies of one server to a line, borrowed until the next. */
static struct bytes ask_line(struct run *run, enum side side, const char *line)
{
    struct command command = {0};
    struct errmsg error;
    struct bytes reply = {0};

    command_set(&command, line);
    if (pair_ask(&run->pair, side, 2, &command, 1, &run->replies[side], &error)) {
        reply = replies_at(&run->replies[side], 0);
    } else {
        printf("%s\n", error.text);
    }
    command_deinit(&command);
    return reply;
}

static bool is_known(struct run *run, struct bytes name)
{
    for (int side = OURS; side < SIDE_COUNT; side++) {
        char line[64];

        snprintf(line, sizeof(line), "COMMAND INFO %.*s", BYTES_ARGS(name));
        if (!bytes_has_prefix(ask_line(run, (enum side)side, line), "*1\r\n*1")) {
            return false;
        }
    }
    return true;
}

/* Whether both know every command that the shape may begin with. */
static bool is_shape_known(struct run *run, const struct shape *shape)
{
    struct bytes rest = bytes_from_text(shape->text);
    struct bytes word = bytes_next_word(&rest, ' ');

    if ((shape->flags & SHAPE_UNKNOWN) != 0) {
        return true;
    }
    if (word.data[0] != '(') {
        return is_known(run, word);
    }
    while ((word = bytes_next_word(&rest, ' ')).data[0] != ')') {
        if (word.data[0] != '|' && !is_known(run, word)) {
            return false;
        }
    }
    return true;
}

static bool is_wanted(const struct run *run, const struct family *family)
{
    struct bytes rest = bytes_from_text(run->families != NULL ? run->families : "");

    if (run->families == NULL) {
        return true;
    }
    while (rest.len > 0) {
        if (bytes_equal_text(bytes_next_field(&rest, ','), family->name)) {
            return true;
        }
    }
    return false;
}

static void choose_shapes(struct run *run)
{
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        size_t known = 0;

        for (size_t i = 0; i < families[f]->count && is_wanted(run, families[f]); i++) {
            const struct shape *shape = &families[f]->shapes[i];

            if (is_shape_known(run, shape)) {
                ASSERT(run->shape_count < SHAPES_MAX);
                run->shapes[run->shape_count++] = shape;
                run->weight += shape->weight;
                known++;
            } else if (known > 0) {
                printf("left out, as one of the servers does not know it: %s\n", shape->text);
            }
        }
        if (known == 0 && is_wanted(run, families[f])) {
            printf("the family %s is left out: one of the servers does not know its commands\n",
                   families[f]->name);
        }
        run->family_count += known > 0;
    }
}

static const struct shape *pick_shape(struct run *run)
{
    uint64_t at = rng_below(&run->rng, run->weight);

    for (size_t i = 0;; i++) {
        if (at < run->shapes[i]->weight) {
            return run->shapes[i];
        }
        at -= run->shapes[i]->weight;
    }
}

static bool goes_on(const struct run *run)
{
    return !run->is_broken && run->differences < run->differences_wanted;
}

/* SORT of a stock server leaves a sorted set in its large form, which keeps the sign of a zero, however
 * small the set is.  Stored anew it is in the form that its size asks for. */
static bool make_after_sort(const struct command *sort, struct command *out)
{
    if ((!command_is(sort, "SORT") && !command_is(sort, "SORT_RO")) || sort->count < 2) {
        return false;
    }
    command_set(out, "ZRANGESTORE");
    command_add(out, command_word(sort, 1));
    command_add(out, command_word(sort, 1));
    command_add_text(out, "0");
    command_add_text(out, "-1");
    return true;
}

/* As many commands at random, and some that belong to them; returns how many there are. */
static size_t make_batch(struct run *run, size_t wanted, struct command *commands)
{
    size_t count = 0;

    ASSERT(wanted < BATCH_MAX);
    while (count < wanted) {
        shape_make(pick_shape(run), &run->rng, &commands[count]);
        count++;
        count += run->knows_zsets && make_after_sort(&commands[count - 1], &commands[count]);
    }
    return count;
}

static void run_all(struct run *run)
{
    struct command *commands = mem_alloc_zeroed(MEM_TEST, BATCH_MAX * sizeof(*commands));

    while (run->sent < run->commands && goes_on(run)) {
        size_t count = 1 + (size_t)rng_below(&run->rng, BATCH_MAX - 1);

        count = count < run->commands - run->sent ? count : (size_t)(run->commands - run->sent);
        count = make_batch(run, count, commands);
        run->sent += count;
        run_batch(run, 2 + (int)rng_below(&run->rng, 2), commands, count);
        if (goes_on(run) && rng_one_in(&run->rng, RANDOM_ONE_IN)) {
            check_random(run);
        }
        if (goes_on(run) && rng_one_in(&run->rng, DUMP_ONE_IN)) {
            check_dump(run);
        }
        if (goes_on(run) && rng_one_in(&run->rng, EVERYTHING_ONE_IN)) {
            check_everything(run);
        }
        if (goes_on(run) && rng_one_in(&run->rng, EMPTY_ONE_IN)) {
            command_set(&commands[0], "FLUSHALL");
            run_batch(run, 2, commands, 1);
            events_forget(&run->events);
        }
    }
    if (goes_on(run)) {
        check_everything(run);
    }
    if (goes_on(run)) {
        check_import(run);
    }
    for (size_t i = 0; i < BATCH_MAX; i++) {
        command_deinit(&commands[i]);
    }
    mem_free(MEM_TEST, commands);
}

static void free_run(struct run *run)
{
    for (size_t i = 0; i < HISTORY_MAX; i++) {
        buf_deinit(&run->history[i]);
    }
    mem_free(MEM_TEST, run->history);
    buf_deinit(&run->replies[OURS].bytes);
    buf_deinit(&run->replies[STOCK].bytes);
    events_deinit(&run->events);
    pair_stop(&run->pair);
    mem_free(MEM_TEST, run);
}

/* How many families were compared, and how many differences there were. */
static int finish(struct run *run, size_t passed)
{
    bool has_failed = run->differences > 0;

    printf("%zu passed, %llu failed\n", passed, (unsigned long long)run->differences);
    free_run(run);
    return has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_pair(struct run *run)
{
    const char *version;
    struct buf info = {0};

    buf_append_bytes(&info, ask_line(run, STOCK, "INFO server"));
    version = strstr(buf_text(&info), stock_version);
    buf_deinit(&info);
    if (version == NULL) {
        printf("the %s that is installed is not 7.0: there is nothing to compare with\n",
               stock_program);
        return finish(run, 0);
    }
    printf("seed %llu\n", (unsigned long long)run->seed);
    choose_shapes(run);
    if (run->shape_count == 0) {
        printf("there is no such family\n");
        run->differences = 1;
        return finish(run, 0);
    }
    fflush(stdout);
    run->knows_lists = is_known(run, BYTES_LITERAL("LRANGE"));
    run->knows_zsets = is_known(run, BYTES_LITERAL("ZRANGE"));
    run->knows_streams = is_known(run, BYTES_LITERAL("XGROUP"));
    rng_init(&run->rng, run->seed);
    run_all(run);
    printf("%llu commands of %zu families; %llu replies differ as they should\n",
           (unsigned long long)run->sent, run->family_count, (unsigned long long)run->meant);
    return finish(run, run->differences == 0 ? run->family_count : 0);
}

int main(int argc, char **argv)
{
    struct run *run = mem_alloc_zeroed(MEM_TEST, sizeof(*run));
    struct errmsg error;

    signal(SIGPIPE, SIG_IGN);
    run->history = mem_alloc_zeroed(MEM_TEST, HISTORY_MAX * sizeof(*run->history));
    run->seed = (uint64_t)clock_mono_now().us % 1000000007;
    run->commands = COMMANDS_DEFAULT;
    run->differences_wanted = 1;
    if (!parse_options(run, argc, argv)) {
        free_run(run);
        return 2;
    }
    if (system("command -v redis-server >/dev/null 2>&1") != 0) {
        printf("no %s is installed: there is nothing to compare with\n", stock_program);
        return finish(run, 0);
    }
    if (!pair_start(&run->pair, stock_program, &error) ||
        !events_start(&run->events, &run->pair, &error)) {
        printf("%s\n", error.text);
        run->differences = 1;
        return finish(run, 0);
    }
    return run_pair(run);
}
