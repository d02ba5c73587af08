/* SPDX-License-Identifier: MIT */
/* What single parts take.
 *
 *     micro [NAME [COUNT]] [--keys N]     all parts, those whose names begin with NAME, one COUNT
 *     micro growth [COUNT]                the longest insert while a table grows to COUNT keys
 *     micro --list                        the names
 *
 * Printed are nanoseconds of processor time per operation, the median of five runs, or one run when
 * COUNT is given: count.sh does so to count instructions. */
#include "tests/bench/micro.h"

#include "base/num.h"
#include "tests/bench/report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    RUNS = 5,
    KEYS = 1000000,
    GROWTH_KEYS = 10000000,
};

struct options {
    const char *name;
    uint64_t count; /* 0: each part's own */
    uint64_t keys;
    bool is_list;
};

static const struct micro *micro_at(size_t index)
{
    static const struct micro *(*const files[])(size_t index) = {micro_parse_at, micro_store_at,
                                                                 micro_dispatch_at, micro_zset_at};

    for (size_t file = 0; file < ARRAY_COUNT(files); file++) {
        size_t count = 0;

        while (files[file](count) != NULL) {
            count++;
        }
        if (index < count) {
            return files[file](index);
        }
        index -= count;
    }
    return NULL;
}

/* Of this thread: what others do to the machine costs time, but little of ours. */
static double cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void measure(const struct micro *micro, const struct options *options)
{
    uint64_t count = options->count > 0 ? options->count : micro->count;
    size_t runs = options->count > 0 ? 1 : RUNS;
    double samples[RUNS];

    for (size_t i = 0; i < runs; i++) {
        void *state = micro->begin(micro, options->keys);
        double start_ns = cpu_ns();

        micro->run(state, count);
        samples[i] = (cpu_ns() - start_ns) / (double)count;
        micro->end(state);
    }
    printf("%-24s %9.1f ns  %s\n", micro->name, report_median(samples, runs), micro->operation);
    fflush(stdout);
}

static bool parse_options(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct bytes word = bytes_from_text(argv[i]);

        if (bytes_equal_text(word, "--list")) {
            o->is_list = true;
        } else if (bytes_equal_text(word, "--keys") && i + 1 < argc) {
            if (!num_parse_u64(bytes_from_text(argv[++i]), &o->keys) || o->keys == 0) {
                return false;
            }
        } else if (o->name == NULL && argv[i][0] != '-') {
            o->name = argv[i];
        } else if (o->count > 0 || !num_parse_u64(word, &o->count) || o->count == 0) {
            return false;
        }
    }
    return o->keys < LOAD_KEY_LIMIT / 4;
}

static bool run(const struct options *o)
{
    bool is_found = false;

    for (size_t i = 0; micro_at(i) != NULL; i++) {
        const struct micro *micro = micro_at(i);

        if (o->name == NULL || strncmp(micro->name, o->name, strlen(o->name)) == 0) {
            is_found = true;
            if (o->is_list) {
                printf("%s\n", micro->name);
            } else {
                measure(micro, o);
            }
        }
    }
    if (!o->is_list && (o->name == NULL || strcmp(o->name, "growth") == 0)) {
        is_found = true;
        micro_growth(o->count > 0 ? o->count : GROWTH_KEYS);
    }
    return is_found;
}

int main(int argc, char **argv)
{
    struct options options = {.keys = KEYS};

    if (!parse_options(&options, argc, argv) || !run(&options)) {
        fprintf(stderr, "usage: micro [NAME [COUNT]] [--keys N] | --list\n");
        return 2;
    }
    return 0;
}
