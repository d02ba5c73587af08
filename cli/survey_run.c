/* SPDX-License-Identifier: MIT */
/* The keys of a step of SCAN are asked about together: a pipeline for their types, and one for the rest.  A key
 * that goes meanwhile is not counted. */
#include "cli/survey_run.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"
#include "cli/interrupt.h"
#include "cli/print.h"
#include "cli/scanner.h"
#include "cli/survey.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    STEPS_PER_REST = 100,
};

struct survey_run {
    const struct options *options;
    struct connection connection;
    struct interrupt interrupt;
    struct scanner scanner;
    struct survey *survey;
    struct buf out;
    uint64_t total; /* keys, as the server said in the beginning */
    VEC(struct survey_key) keys;
    VEC(struct resp_value) types; /* their replies: the keys' types point there */
};

static enum survey_kind kind_of(enum options_mode mode)
{
    return mode == OPTIONS_BIGKEYS   ? SURVEY_SIZES
           : mode == OPTIONS_MEMKEYS ? SURVEY_MEMORY
                                     : SURVEY_BOTH;
}

static void ask(struct survey_run *run, const char *command, struct bytes key)
{
    const struct bytes words[] = {bytes_from_text(command), key};

    client_send(run->connection.client, words, 2);
}

static void ask_memory(struct survey_run *run, struct bytes key)
{
    struct bytes words[5] = {BYTES_LITERAL("MEMORY"), BYTES_LITERAL("USAGE"), key};
    char number[NUM_I64_TEXT + 1];
    size_t count = 3;

    if (run->options->memory_samples >= 0) {
        snprintf(number, sizeof(number), "%" PRId64, run->options->memory_samples);
        words[count++] = BYTES_LITERAL("SAMPLES");
        words[count++] = bytes_from_text(number);
    }
    client_send(run->connection.client, words, count);
}

static void forget_keys(struct survey_run *run)
{
    for (size_t i = 0; i < run->types.count; i++) {
        resp_value_deinit(&run->types.items[i]);
    }
    run->types.count = 0;
    run->keys.count = 0;
}

static enum connection_status read_types(struct survey_run *run, const struct resp_value *names,
                                         struct errmsg *error)
{
    for (size_t i = 0; i < names->child_count; i++) {
        ask(run, "TYPE", resp_value_bytes(&names->children[i]));
    }
    for (size_t i = 0; i < names->child_count; i++) {
        struct survey_key key = {.name = resp_value_bytes(&names->children[i])};
        struct resp_value reply;
        enum connection_status status = connection_read(&run->connection, &reply, error);

        if (status != CONNECTION_OK) {
            return status;
        }
        VEC_PUSH(&run->types, reply);
        key.type = resp_value_bytes(&reply);
        if (reply.type == RESP_SIMPLE && !bytes_equal_text(key.type, "none")) {
            VEC_PUSH(&run->keys, key);
        }
    }
    return CONNECTION_OK;
}

/* A number, or 0 and *is_there = false where the key is gone.  An error ends it all: it would for every key. */
static enum connection_status read_amount(struct survey_run *run, uint64_t *out, bool *is_there,
                                          struct errmsg *error)
{
    struct resp_value reply;
    enum connection_status status = connection_read(&run->connection, &reply, error);

    if (status != CONNECTION_OK) {
        return status;
    }
    *is_there = *is_there && reply.type == RESP_INTEGER;
    *out = reply.type == RESP_INTEGER && reply.integer > 0 ? (uint64_t)reply.integer : 0;
    if (reply.type == RESP_FAILURE && !bytes_has_prefix(resp_value_bytes(&reply), "WRONGTYPE")) {
        errmsg_set(error, "%.*s", (int)reply.text.len, reply.text.data);
        status = CONNECTION_LOST;
    }
    resp_value_deinit(&reply);
    return status;
}

static void add(struct survey_run *run, const struct survey_key *key)
{
    if (survey_add(run->survey, key)) {
        survey_write_progress(run->survey, key, run->total, &run->out);
    }
}

/* Ask what the kind wants of the keys whose types are known, and count them. */
static enum connection_status read_amounts(struct survey_run *run, struct errmsg *error)
{
    bool wants_size = run->survey->kind != SURVEY_MEMORY;
    bool wants_memory = run->survey->kind != SURVEY_SIZES;

    for (size_t i = 0; i < run->keys.count; i++) {
        const struct survey_key *key = &run->keys.items[i];
        const char *command = survey_size_command(key->type);

        if (wants_size && command != NULL) {
            ask(run, command, key->name);
        }
        if (wants_memory) {
            ask_memory(run, key->name);
        }
    }
    for (size_t i = 0; i < run->keys.count; i++) {
        struct survey_key *key = &run->keys.items[i];
        enum connection_status status = CONNECTION_OK;
        bool is_there = true;

        if (wants_size && survey_size_command(key->type) != NULL) {
            status = read_amount(run, &key->size, &is_there, error);
        }
        if (status == CONNECTION_OK && wants_memory) {
            status = read_amount(run, &key->memory, &is_there, error);
        }
        if (status != CONNECTION_OK) {
            return status;
        }
        if (is_there) {
            add(run, key);
        }
    }
    return CONNECTION_OK;
}

static enum connection_status step(struct survey_run *run, struct errmsg *error)
{
    struct resp_value reply;
    enum connection_status status = scanner_step(&run->scanner, &reply, error);

    if (status != CONNECTION_OK) {
        return status;
    }
    status = read_types(run, &reply.children[1], error);
    if (status == CONNECTION_OK) {
        status = read_amounts(run, error);
    }
    forget_keys(run);
    resp_value_deinit(&reply);
    print_buf(&run->out);
    buf_clear(&run->out);
    return status;
}

static enum connection_status count_keys(struct survey_run *run, struct errmsg *error)
{
    const struct bytes words[] = {BYTES_LITERAL("DBSIZE")};
    struct resp_value reply;
    enum connection_status status = connection_call(&run->connection, words, 1, &reply, error);

    if (status == CONNECTION_OK) {
        run->total = reply.type == RESP_INTEGER ? (uint64_t)reply.integer : 0;
        resp_value_deinit(&reply);
    }
    return status;
}

static enum connection_status look_at_all(struct survey_run *run, struct errmsg *error)
{
    enum connection_status status = count_keys(run, error);

    for (uint64_t steps = 1; status == CONNECTION_OK; steps++) {
        status = step(run, error);
        if (status != CONNECTION_OK || scanner_is_done(&run->scanner)) {
            break;
        }
        if (run->options->interval_ms > 0 && steps % STEPS_PER_REST == 0 &&
            !interrupt_sleep(&run->interrupt, run->options->interval_ms)) {
            status = CONNECTION_INTERRUPTED;
        }
    }
    return status;
}

int survey_run(const struct options *options)
{
    struct survey_run run = {.options = options};
    enum connection_status status = CONNECTION_LOST;
    struct errmsg error = {0};

    run.survey = mem_alloc(MEM_CLI, sizeof(*run.survey));
    survey_init(run.survey, kind_of(options->mode), (size_t)options->top_count);
    interrupt_open(&run.interrupt);
    connection_init(&run.connection, options, &run.interrupt);
    if (scanner_init(&run.scanner, &run.connection, &error) &&
        connection_open(&run.connection, &error)) {
        survey_write_head(run.survey, &run.out);
        status = look_at_all(&run, &error);
    }
    if (status != CONNECTION_LOST) {
        survey_write_summary(run.survey, &run.out);
    }
    print_buf(&run.out);
    if (status == CONNECTION_LOST) {
        fprintf(stderr, "%s\n", error.text);
    }
    connection_close(&run.connection);
    interrupt_close(&run.interrupt);
    scanner_deinit(&run.scanner);
    survey_deinit(run.survey);
    mem_free(MEM_CLI, run.survey);
    VEC_DEINIT(&run.keys);
    VEC_DEINIT(&run.types);
    buf_deinit(&run.out);
    return status == CONNECTION_OK ? 0 : 1;
}
