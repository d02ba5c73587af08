/* SPDX-License-Identifier: MIT */
/* The tests by name, and one after the other through the engine. */
#include "cli/bench.h"

#include "base/mem.h"
#include "cli/bench_engine.h"
#include "cli/bench_idle.h"
#include "cli/bench_options.h"
#include "cli/bench_report.h"
#include "cli/bench_threads.h"
#include "cli/print.h"
#include "io/clock.h"
#include "spec/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    TEST_WORDS = 4,
    MANY_KEYS = 10, /* of mset and mget */
};

#define KEY "key:{tag}:__rand_int__"

/* A repeated test has the words behind the first MANY_KEYS times. */
struct bench_test {
    const char *name;
    const char *title;
    const char *words[TEST_WORDS];
    bool is_repeated;
};

static const struct bench_test tests[] = {
    {"ping_inline", "PING_INLINE",    {NULL},                                            false},
    {"ping_mbulk",  "PING_MBULK",     {"PING"},                                          false},
    {"set",         "SET",            {"SET", KEY, "__data__"},                          false},
    {"get",         "GET",            {"GET", KEY},                                      false},
    {"incr",        "INCR",           {"INCR", "counter:{tag}:__rand_int__"},            false},
    {"append",      "APPEND",         {"APPEND", "text:{tag}:__rand_int__", "__data__"}, false},
    {"getset",      "GETSET",         {"GETSET", KEY, "__data__"},                       false},
    {"setex",       "SETEX",          {"SETEX", KEY, "3600", "__data__"},                false},
    {"mset",        "MSET (10 keys)", {"MSET", KEY, "__data__"},                         true },
    {"mget",        "MGET (10 keys)", {"MGET", KEY},                                     true },
    {"exists",      "EXISTS",         {"EXISTS", KEY},                                   false},
    {"expire",      "EXPIRE",         {"EXPIRE", KEY, "3600"},                           false},
    {"del",         "DEL",            {"DEL", KEY},                                      false},
};

struct bench_run {
    struct options *options;
    struct bench_options bench;
    struct bench_nodes nodes;
    struct interrupt interrupt;
    struct rng rng;
    struct buf data; /* a value */
    struct buf report;
    enum bench_report_style style;
    struct bench_result *result;
    bool has_errors;
};

/* Is it in the comma separated list?  "ping" stands for both. */
static bool is_chosen(const char *list, const char *name)
{
    struct bytes rest = bytes_from_text(list != NULL ? list : name);

    for (;;) {
        struct bytes word = bytes_next_word(&rest, ',');

        if (word.len == 0) {
            return false;
        }
        if (bytes_equal_nocase(word, name) ||
            (bytes_equal_nocase(word, "ping") && strncmp(name, "ping_", 5) == 0)) {
            return true;
        }
    }
}

/* Every word of the list must be a test. */
static bool check_list(const char *list, struct errmsg *error)
{
    struct bytes rest = bytes_from_text(list != NULL ? list : "");

    for (;;) {
        struct bytes word = bytes_next_word(&rest, ',');
        bool is_known = bytes_equal_nocase(word, "ping");

        if (word.len == 0) {
            return true;
        }
        for (size_t i = 0; i < ARRAY_COUNT(tests); i++) {
            is_known |= bytes_equal_nocase(word, tests[i].name);
        }
        if (!is_known) {
            errmsg_set(error, "There is no test '%.*s'; --bench --help lists them",
                       word.len < 40 ? (int)word.len : 40, word.data);
            return false;
        }
    }
}

/* ---- running ----------------------------------------------------------------------------------- */

static bool run_request(struct bench_run *run, const char *title,
                        const struct bench_request *request, struct errmsg *error)
{
    struct bench_job job = {
        .title = title,
        .options = run->options,
        .bench = &run->bench,
        .request = request,
        .nodes = &run->nodes,
        .rng = &run->rng,
        .interrupt = &run->interrupt,
        .shows_progress = isatty(STDOUT_FILENO) != 0 && run->style != BENCH_REPORT_CSV,
    };
    bool is_ok =
        (run->bench.threads > 1 ? bench_threads_run : bench_engine_run)(&job, run->result, error);

    if (!is_ok && run->result->replies == 0) {
        return false;
    }
    buf_clear(&run->report);
    bench_report_write(&run->report, run->style, title, &run->bench, run->result);
    print_buf(&run->report);
    run->has_errors |= run->result->errors > 0;
    if (is_ok && ferror(stdout) != 0) {
        errmsg_set(error, "cannot write to standard output");
        return false;
    }
    return is_ok;
}

static bool run_words(struct bench_run *run, const char *title, const struct bytes *words,
                      size_t word_count, struct errmsg *error)
{
    struct bench_request request = {0};
    bool is_ok;

    bench_request_build(&request, words, word_count, buf_bytes(&run->data), run->nodes.is_cluster);
    is_ok = run_request(run, title, &request, error);
    bench_request_deinit(&request);
    return is_ok;
}

static bool run_test(struct bench_run *run, const struct bench_test *test, struct errmsg *error)
{
    VEC(struct bytes) words = {0};
    size_t rounds = test->is_repeated ? MANY_KEYS : 1;
    bool is_ok;

    if (test->words[0] == NULL) {
        struct bench_request request = {0};

        bench_request_build_raw(&request, BYTES_LITERAL("PING\r\n"));
        is_ok = run_request(run, test->title, &request, error);
        bench_request_deinit(&request);
        return is_ok;
    }
    VEC_PUSH(&words, bytes_from_text(test->words[0]));
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 1; i < TEST_WORDS && test->words[i] != NULL; i++) {
            VEC_PUSH(&words, bytes_from_text(test->words[i]));
        }
    }
    is_ok = run_words(run, test->title, words.items, words.count, error);
    VEC_DEINIT(&words);
    return is_ok;
}

/* In a cluster, keys without a hash tag of ours would belong to any node. */
static bool check_tags(const struct bench_run *run, struct errmsg *error)
{
    const struct command_spec *spec = command_find(bytes_from_text(run->bench.words[0]));

    if (!run->nodes.is_cluster || (spec != NULL && !command_has_keys(spec))) {
        return true;
    }
    for (size_t i = 1; i < run->bench.word_count; i++) {
        if (strstr(run->bench.words[i], "{tag}") != NULL) {
            return true;
        }
    }
    errmsg_set(error, "With --cluster the keys of your command need {tag} in them");
    return false;
}

static bool run_own_command(struct bench_run *run, struct errmsg *error)
{
    VEC(struct bytes) words = {0};
    struct buf title = {0};
    bool is_ok = check_tags(run, error);

    for (size_t i = 0; i < run->bench.word_count; i++) {
        VEC_PUSH(&words, bytes_from_text(run->bench.words[i]));
        buf_printf(&title, "%s%s", i > 0 ? " " : "", run->bench.words[i]);
    }
    is_ok = is_ok && run_words(run, buf_text(&title), words.items, words.count, error);
    VEC_DEINIT(&words);
    buf_deinit(&title);
    return is_ok;
}

static bool run_tests(struct bench_run *run, struct errmsg *error)
{
    for (size_t i = 0; i < ARRAY_COUNT(tests); i++) {
        if (!is_chosen(run->bench.tests, tests[i].name)) {
            continue;
        }
        if (!run_test(run, &tests[i], error)) {
            return false;
        }
        if (run->result->was_interrupted) {
            break;
        }
    }
    return true;
}

static bool run_all(struct bench_run *run, struct errmsg *error)
{
    if (!check_list(run->bench.tests, error) ||
        !bench_nodes_open(&run->nodes, run->options, run->bench.is_cluster, error)) {
        return false;
    }
    bench_report_write_head(&run->report, run->style);
    print_buf(&run->report);
    do {
        if (!(run->bench.word_count > 0 ? run_own_command : run_tests)(run, error)) {
            return false;
        }
    } while (run->bench.is_endless && !run->result->was_interrupted);
    return true;
}

static void init(struct bench_run *run)
{
    uint64_t seed = (uint64_t)run->bench.seed;

    rng_init(&run->rng, seed != 0 ? seed : (uint64_t)clock_mono_now().us);
    memset(buf_reserve(&run->data, (size_t)run->bench.data_size), 'x',
           (size_t)run->bench.data_size);
    run->data.len = (size_t)run->bench.data_size;
    run->style = run->options->render.format == RENDER_CSV ? BENCH_REPORT_CSV
                 : run->bench.is_quiet                     ? BENCH_REPORT_QUIET
                                                           : BENCH_REPORT_FULL;
    run->result = mem_alloc_zeroed(MEM_CLI, sizeof(*run->result));
    interrupt_open(&run->interrupt);
}

int bench_run(struct options *options)
{
    struct bench_run run = {.options = options};
    struct errmsg error = {0};
    int exit_code = 1;

    if (!bench_options_parse(&run.bench, options, &error)) {
        fprintf(stderr, "%s\nTry starling-cli --bench --help.\n", error.text);
        return 1;
    }
    if (run.bench.is_help) {
        bench_options_write_help(&run.report);
        print_buf(&run.report);
        buf_deinit(&run.report);
        return 0;
    }
    init(&run);
    if (run.bench.is_idle) {
        exit_code = bench_idle_run(options, &run.bench, &run.interrupt);
    } else if (!run_all(&run, &error)) {
        fprintf(stderr, "%s\n", error.text);
    } else {
        exit_code = run.has_errors || run.result->was_interrupted ? 1 : 0;
    }
    bench_nodes_deinit(&run.nodes);
    interrupt_close(&run.interrupt);
    mem_free(MEM_CLI, run.result);
    buf_deinit(&run.data);
    buf_deinit(&run.report);
    return exit_code;
}
