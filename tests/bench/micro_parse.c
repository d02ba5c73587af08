/* SPDX-License-Identifier: MIT */
/* Reading requests, and finding their command. */
#include "tests/bench/micro.h"

#include "base/assert.h"
#include "base/mem.h"
#include "resp/request.h"
#include "spec/command_index.h"

enum {
    PIPELINE = 16,
};

/* ---- the reader -------------------------------------------------------------------------------*/

struct reading {
    struct resp_reader reader;
    struct resp_words words;
    struct buf input; /* a pipeline */
};

static void *begin_reading(const struct micro *micro, uint64_t key_count)
{
    struct reading *state = mem_alloc_zeroed(MEM_TEST, sizeof(*state));
    struct load_shape shape = {.command = micro->command,
                               .key_count = micro->keys_each,
                               .value = load_value(LOAD_VALUE_MAX)};
    struct load_request request;

    (void)key_count;
    load_request_init(&request, &shape);
    for (int i = 0; i < PIPELINE; i++) {
        buf_append_bytes(&state->input, buf_bytes(&request.text));
    }
    load_request_deinit(&request);
    return state;
}

static void run_reading(void *context, uint64_t count)
{
    struct reading *state = context;
    struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct bytes rest = {0};

    for (uint64_t i = 0; i < count; i++) {
        struct resp_request request;
        struct errmsg error;
        enum resp_status status;

        if (rest.len == 0) {
            state->words.count = 0;
            resp_reader_recycle(&state->reader);
            rest = buf_bytes(&state->input);
        }
        status = resp_read_request(&state->reader, rest, &limits, &state->words, &request, &error);
        ASSERT(status == RESP_OK);
        rest = bytes_from(rest, request.raw.len);
    }
}

static void end_reading(void *context)
{
    struct reading *state = context;

    resp_reader_deinit(&state->reader);
    buf_deinit(&state->input);
    VEC_DEINIT(&state->words);
    mem_free(MEM_TEST, state);
}

/* ---- the command table ------------------------------------------------------------------------*/

static void *begin_lookup(const struct micro *micro, uint64_t key_count)
{
    struct command_index *index = mem_alloc(MEM_TEST, sizeof(*index));

    (void)micro;
    (void)key_count;
    command_index_init(index);
    return index;
}

static void run_lookup(void *context, uint64_t count)
{
    static const char *const names[] = {"GET",  "SET", "MGET",   "MSET",
                                        "INCR", "del", "expire", "ttl"};
    struct bytes words[ARRAY_COUNT(names)];

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        words[i] = bytes_from_text(names[i]);
    }
    for (uint64_t i = 0; i < count; i++) {
        const struct command_spec *spec =
            command_index_find(context, words[i % ARRAY_COUNT(words)]);

        ASSERT(spec != NULL);
    }
}

static void end_lookup(void *context)
{
    mem_free(MEM_TEST, context);
}

const struct micro *micro_parse_at(size_t index)
{
    static const struct micro all[] = {
        {"reader-get",  "read a GET",                 10000000, begin_reading, run_reading, end_reading, LOAD_GET,
         1                                                                                                           },
        {"reader-set",  "read a SET of 64 bytes",     10000000, begin_reading, run_reading, end_reading,
         LOAD_SET,                                                                                                 1 },
        {"reader-mget", "read an MGET of 10",         2000000,  begin_reading, run_reading, end_reading,
         LOAD_GET,                                                                                                 10},
        {"lookup",      "find a command by its name", 50000000, begin_lookup,  run_lookup,  end_lookup,  0,
         0                                                                                                           },
    };

    return index < ARRAY_COUNT(all) ? &all[index] : NULL;
}
