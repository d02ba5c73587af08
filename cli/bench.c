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
    TEST_WORDS = 6,
    MANY_KEYS = 10, /* of mset and mget */
};

#define KEY     "key:{tag}:__rand_int__"
#define ELEMENT "element:__rand_int__"

/* A test whose name begins with "family_" is chosen by its family's name, too; what makes a family's data
 * runs whenever one of it does.  A repeated test has the words behind the first MANY_KEYS times. */
struct bench_test {
    const char *name; /* NULL: makes the data of the family */
    const char *title;
    const char *words[TEST_WORDS];
    const char *family;
    bool is_repeated;
};

/* clang-format off */
static const struct bench_test tests[] = {
    {"ping_inline", "PING_INLINE", {NULL}, "ping", false},
    {"ping_mbulk", "PING_MBULK", {"PING"}, "ping", false},
    {"set", "SET", {"SET", KEY, "__data__"}, NULL, false},
    {"get", "GET", {"GET", KEY}, NULL, false},
    {"incr", "INCR", {"INCR", "counter:{tag}:__rand_int__"}, NULL, false},
    {"append", "APPEND", {"APPEND", "text:{tag}:__rand_int__", "__data__"}, NULL, false},
    {"getset", "GETSET", {"GETSET", KEY, "__data__"}, NULL, false},
    {"setex", "SETEX", {"SETEX", KEY, "3600", "__data__"}, NULL, false},
    {"lpush", "LPUSH", {"LPUSH", "mylist{tag}", "__data__"}, NULL, false},
    {"rpush", "RPUSH", {"RPUSH", "mylist{tag}", "__data__"}, NULL, false},
    {"lpop", "LPOP", {"LPOP", "mylist{tag}"}, NULL, false},
    {"rpop", "RPOP", {"RPOP", "mylist{tag}"}, NULL, false},
    {"sadd", "SADD", {"SADD", "myset{tag}", ELEMENT}, NULL, false},
    {"sismember", "SISMEMBER", {"SISMEMBER", "myset{tag}", ELEMENT}, NULL, false},
    {"hset", "HSET", {"HSET", "myhash{tag}", ELEMENT, "__data__"}, NULL, false},
    {"hget", "HGET", {"HGET", "myhash{tag}", ELEMENT}, NULL, false},
    {"spop", "SPOP", {"SPOP", "myset{tag}"}, NULL, false},
    {"zadd", "ZADD", {"ZADD", "myzset{tag}", "__rand_int__", ELEMENT}, NULL, false},
    {"zrank", "ZRANK", {"ZRANK", "myzset{tag}", ELEMENT}, NULL, false},
    {"zpopmin", "ZPOPMIN", {"ZPOPMIN", "myzset{tag}"}, NULL, false},
    {NULL, "LPUSH (needed to benchmark LRANGE)", {"LPUSH", "mylist{tag}", "__data__"}, "lrange", false},
    {"lrange_100", "LRANGE_100 (first 100 elements)", {"LRANGE", "mylist{tag}", "0", "99"}, "lrange", false},
    {"lrange_300", "LRANGE_300 (first 300 elements)", {"LRANGE", "mylist{tag}", "0", "299"}, "lrange", false},
    {"lrange_500", "LRANGE_500 (first 500 elements)", {"LRANGE", "mylist{tag}", "0", "499"}, "lrange", false},
    {"lrange_600", "LRANGE_600 (first 600 elements)", {"LRANGE", "mylist{tag}", "0", "599"}, "lrange", false},
    {"mset", "MSET (10 keys)", {"MSET", KEY, "__data__"}, NULL, true},
    {"mget", "MGET (10 keys)", {"MGET", KEY}, NULL, true},
    {"xadd", "XADD", {"XADD", "mystream{tag}", "*", "myfield", "__data__"}, NULL, false},
    {"setbit", "SETBIT", {"SETBIT", "bits:{tag}:__rand_int__", "1000", "1"}, NULL, false},
    {"pfadd", "PFADD", {"PFADD", "visitors{tag}", ELEMENT}, NULL, false},
    {"geoadd", "GEOADD", {"GEOADD", "places{tag}", "13.361389", "38.115556", ELEMENT}, NULL, false},
    {"exists", "EXISTS", {"EXISTS", KEY}, NULL, false},
    {"expire", "EXPIRE", {"EXPIRE", KEY, "3600"}, NULL, false},
    {"del", "DEL", {"DEL", KEY}, NULL, false},
};
/* clang-format on */

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

/* Does the word of a list stand for the test? */
static bool is_meant(struct bytes word, const struct bench_test *test)
{
    if (test->family != NULL) {
        size_t len = strlen(test->family);

        if (bytes_equal_nocase(word, test->family)) {
            return true;
        }
        if (test->name == NULL) {
            return word.len >= len && bytes_equal_nocase(bytes_prefix(word, len), test->family);
        }
    }
    return test->name != NULL && bytes_equal_nocase(word, test->name);
}

/* Is it in the comma separated list?  Without one all are. */
static bool is_chosen(const char *list, const struct bench_test *test)
{
    struct bytes rest = bytes_from_text(list != NULL ? list : "");
    bool is_meant_by_any = list == NULL;
    struct bytes word;

    while ((word = bytes_next_word(&rest, ',')).len > 0) {
        is_meant_by_any |= is_meant(word, test);
    }
    return is_meant_by_any;
}

/* Every word of the list must be a test. */
static bool check_list(const char *list, struct errmsg *error)
{
    struct bytes rest = bytes_from_text(list != NULL ? list : "");

    for (;;) {
        struct bytes word = bytes_next_word(&rest, ',');
        bool is_known = false;

        if (word.len == 0) {
            return true;
        }
        for (size_t i = 0; i < ARRAY_COUNT(tests); i++) {
            is_known |= tests[i].name != NULL && is_meant(word, &tests[i]);
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
        if (!is_chosen(run->bench.tests, &tests[i])) {
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
