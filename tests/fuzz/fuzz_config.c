/* SPDX-License-Identifier: MIT */
/* Config files: any bytes are refused with a reason or taken; what was taken is written back by
 * CONFIG REWRITE as a file that gives the same configuration. */
#include "tests/fuzz/fuzz.h"

#include "base/assert.h"
#include "config/config.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct errmsg error = {0};

    config_init(&config);
    if (config_parse(&config, bytes_make(data, size), "fuzz", &error)) {
        struct config again;
        struct buf text = {0};
        bool is_read;

        config_rewrite(&config, bytes_make(data, size), &text);
        config_init(&again);
        is_read = config_parse(&again, buf_bytes(&text), "rewritten", &error);
        ASSERT(is_read);
        compare(&config, &again);
        if (!config_validate(&again, &error)) {
            ASSERT(error.text[0] != 0);
        }
        buf_deinit(&text);
        config_deinit(&again);
    } else {
        ASSERT(error.text[0] != '\0');
    }
    config_deinit(&config);
    return 0;
}
