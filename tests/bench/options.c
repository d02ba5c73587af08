/* SPDX-License-Identifier: MIT */
#include "tests/bench/options.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>

static bool print_usage(const char *program, const struct option_spec *specs, size_t count)
{
    fprintf(stderr, "usage: %s", program);
    for (size_t i = 0; i < count; i++) {
        const struct option_spec *spec = &specs[i];

        fprintf(stderr, " [%s%s%s]%s", spec->flag, spec->argument != NULL ? " " : "",
                spec->argument != NULL ? spec->argument : "", spec->texts != NULL ? "..." : "");
    }
    fprintf(stderr, "\n");
    return false;
}

static const struct option_spec *find(const struct option_spec *specs, size_t count,
                                      const char *flag)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(specs[i].flag, flag) == 0) {
            return &specs[i];
        }
    }
    return NULL;
}

static bool take_value(const struct option_spec *spec, const char *value)
{
    if (spec->number != NULL) {
        uint64_t number;

        if (!num_parse_u64(bytes_from_text(value), &number) || number == 0 || number > spec->most) {
            return false;
        }
        *spec->number = number;
    } else if (spec->text != NULL) {
        *spec->text = value;
    } else if (spec->texts->count < OPTION_TEXTS_MAX) {
        spec->texts->items[spec->texts->count++] = value;
    } else {
        return false;
    }
    return true;
}

bool options_parse(const char *program, const struct option_spec *specs, size_t count, int argc,
                   char **argv)
{
    for (int i = 1; i < argc; i++) {
        const struct option_spec *spec = find(specs, count, argv[i]);

        if (spec != NULL && spec->is_set != NULL) {
            *spec->is_set = true;
        } else if (spec == NULL || i + 1 == argc || !take_value(spec, argv[++i])) {
            return print_usage(program, specs, count);
        }
    }
    return true;
}

bool options_list_has(const char *names, const char *name)
{
    struct bytes rest = bytes_from_text(names);
    struct bytes word;

    while ((word = bytes_next_word(&rest, ',')).len > 0) {
        if (bytes_equal_text(word, name)) {
            return true;
        }
    }
    return false;
}
