/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/command/fixture.h"

#include "base/mem.h"
#include "tests/types/byte_list.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    ARENA_BYTES = 1 << 28,
    DATABASES = 16,
};

struct fixture *fixture_new(bool is_cluster)
{
    struct fixture *f = mem_alloc_zeroed(MEM_TEST, sizeof(*f));

    rng_init(&f->rng, 1);
    f->writer = (struct resp_writer){.out = &f->reply, .version = 2};
    f->x = (struct exec){
        .keyspace =
            keyspace_new(&(struct keyspace_options){.is_cluster = is_cluster,
                                                    .database_count = is_cluster ? 1 : DATABASES,
                                                    .hash_seed = 7,
                                                    .arena_bytes = ARENA_BYTES,
                                                    .types = &byte_list_types}),
        .database_count = is_cluster ? 1 : DATABASES,
        .is_primary = true,
        .is_cluster = is_cluster,
        .now = {.unix_ms = 1000000000},
        .rng = &f->rng,
        .reply = &f->writer,
        .effects = &f->effects,
        .stats = &f->stats,
    };
    return f;
}

void fixture_free(struct fixture *f)
{
    mem_free(MEM_BUFFER, f->x.block.words);
    keyspace_check(f->x.keyspace);
    keyspace_free(f->x.keyspace);
    effects_deinit(&f->effects);
    buf_deinit(&f->reply);
    buf_deinit(&f->text);
    buf_deinit(&f->shown);
    mem_free(MEM_TEST, f);
}

void fixture_put_list(struct fixture *f, const char *key)
{
    struct key_ref ref = keyspace_ref(f->x.keyspace, 0, bytes_from_text(key));

    byte_list_put(f->x.keyspace, &ref, "abc");
}

void fixture_run_words(struct fixture *f, const struct bytes *words, size_t count)
{
    buf_clear(&f->reply);
    effects_begin(&f->effects, (struct bytes){0}, words, count);
    f->x.spec = command_find(words[0]);
    if (f->x.spec != NULL && command_has_subcommands(f->x.spec)) {
        f->x.spec = command_find_sub(f->x.spec, words[1]);
    }
    cr_assert(f->x.spec != NULL && command_arity_fits(f->x.spec, count));
    f->x.args = words;
    f->x.arg_count = count;
    exec_set_clock(&f->x);
    mem_free(MEM_BUFFER, f->x.block.words);
    f->x.block = (struct exec_block){0};
    f->result = exec_run(&f->x);
}

void fixture_run(struct fixture *f, const char *request)
{
    size_t count = 0;
    struct bytes left;

    buf_clear(&f->text);
    buf_append_text(&f->text, request);
    left = buf_bytes(&f->text);
    for (;;) {
        struct bytes word = bytes_next_word(&left, ' ');

        if (word.len == 0) {
            break;
        }
        cr_assert(count < FIXTURE_WORDS);
        f->words[count++] = bytes_equal_text(word, "\"\"") ? (struct bytes){"", 0} : word;
    }
    fixture_run_words(f, f->words, count);
}

const char *fixture_reply(struct fixture *f)
{
    buf_clear(&f->shown);
    for (size_t i = 0; i < f->reply.len; i++) {
        if (f->reply.data[i] == '\r') {
            buf_append_byte(&f->shown, '|');
        } else if (f->reply.data[i] != '\n') {
            buf_append_byte(&f->shown, f->reply.data[i]);
        }
    }
    return buf_text(&f->shown);
}

/* Read the number behind the type byte of a RESP line, and move behind the line. */
static size_t read_count(struct bytes *at, char type)
{
    size_t count = 0;
    size_t i = 1;

    cr_assert(at->len > 3 && at->data[0] == type);
    while (at->data[i] != '\r') {
        count = count * 10 + (size_t)(at->data[i++] - '0');
    }
    *at = bytes_from(*at, i + 2);
    return count;
}

const char *fixture_effects(struct fixture *f)
{
    struct bytes at = effects_bytes(&f->effects);

    buf_clear(&f->shown);
    for (uint32_t i = 0; i < f->effects.count; i++) {
        size_t words = read_count(&at, '*');

        buf_append_text(&f->shown, i == 0 ? "" : "; ");
        for (size_t word = 0; word < words; word++) {
            size_t len = read_count(&at, '$');

            buf_append_text(&f->shown, word == 0 ? "" : " ");
            buf_append_bytes(&f->shown, bytes_prefix(at, len));
            at = bytes_from(at, len + 2);
        }
    }
    cr_assert(at.len == 0);
    return buf_text(&f->shown);
}

void fixture_expect(struct fixture *f, const char *request, const char *reply)
{
    fixture_run(f, request);
    cr_assert_str_eq(fixture_reply(f), reply, "%s\n  gave      %s\n  expected  %s", request,
                     fixture_reply(f), reply);
}

void fixture_expect_cases(struct fixture *f, const struct fixture_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct fixture_case *c = &cases[i];

        fixture_expect(f, c->request, c->reply);
        if (c->effects != NULL) {
            cr_assert_str_eq(fixture_effects(f), c->effects, "%s\n  changed   %s\n  expected  %s",
                             c->request, fixture_effects(f), c->effects);
        }
    }
}
