/* SPDX-License-Identifier: MIT */
/* Config files: any bytes are refused with a reason or taken; what was taken is written back by
 * CONFIG REWRITE as a file that gives the same configuration. */
#include "tests/fuzz/fuzz.h"

#include "base/assert.h"
#include "config/config_reader.h"

static void compare(const struct config *a, const struct config *b)
{
    for (size_t i = 0; config_option_at(i) != NULL; i++) {
        struct buf value_a = {0};
        struct buf value_b = {0};
        bool has_a = config_get(a, config_option_at(i)->name, &value_a);
        bool has_b = config_get(b, config_option_at(i)->name, &value_b);

        ASSERT(has_a && has_b);
        ASSERT(bytes_equal(buf_bytes(&value_a), buf_bytes(&value_b)));
        buf_deinit(&value_a);
        buf_deinit(&value_b);
    }
}

static bool read_text(struct config *config, struct bytes text, struct buf *problems)
{
    struct config_reader reader = {.config = config};
    bool is_ok;

    config_read_text(&reader, text, "fuzz");
    is_ok = reader.problems.len == 0;
    buf_append_bytes(problems, buf_bytes(&reader.problems));
    config_reader_deinit(&reader);
    return is_ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct buf problems = {0};

    config_init(&config);
    if (read_text(&config, bytes_make(data, size), &problems)) {
        struct config again;
        struct buf text = {0};

        config_rewrite(&config, NULL, bytes_make(data, size), &text);
        config_init(&again);
        ASSERT(read_text(&again, buf_bytes(&text), &problems));
        compare(&config, &again);
        if (!config_validate(&again, &problems)) {
            ASSERT(problems.len > 0);
        }
        buf_deinit(&text);
        config_deinit(&again);
    } else {
        ASSERT(problems.len > 0);
    }
    buf_deinit(&problems);
    config_deinit(&config);
    return 0;
}
