/* SPDX-License-Identifier: MIT */
/* What clients of a node alone (tests/alone) ask and are answered, in tests: a line or several for
 * a pass, and '|' for each line end of an answer. */
#ifndef STARLING_TESTS_UNIT_ANSWERS_H
#define STARLING_TESTS_UNIT_ANSWERS_H

#include <criterion/criterion.h>

#include "base/glob.h"
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <string.h>

enum {
    ANSWERS_PASSES = 200, /* until nothing more is to be done */
};

/* A node with its clients connected. */
static inline struct alone *answers_start(const struct alone_option *options, size_t count)
{
    struct alone *a = alone_new(options, count);

    for (size_t i = 0; i < ALONE_CLIENTS; i++) {
        alone_connect(a, i);
    }
    return a;
}

/* From now on the node has a file of users, which need not be there. */
static inline void answers_give_aclfile(struct alone *a)
{
    struct errmsg error = {0};

    cr_assert(config_set(&a->node->config, "aclfile", BYTES_LITERAL("users.acl"), CONFIG_FROM_START,
                         &error),
              "%s", error.text);
}

/* The client sends the lines, in one pass, and nothing else happens. */
static inline void answers_send(struct alone *a, size_t client, const char *lines)
{
    alone_pass(a, 1000, client, bytes_from_text(lines));
}

/* Passes in which nobody sends, so many milliseconds apart. */
static inline void answers_idle(struct alone *a, int passes, int64_t ms)
{
    for (int i = 0; i < passes; i++) {
        alone_pass(a, ms * 1000, ALONE_CLIENTS, (struct bytes){0});
    }
}

/* What the client was answered since the last look; the caller's to deinit. */
static inline struct buf answers_take(struct alone *a, size_t client)
{
    struct buf out = alone_take(a, client);
    size_t len = 0;

    for (size_t i = 0; i < out.len; i++) {
        if (out.data[i] != '\n') {
            out.data[len++] = out.data[i] == '\r' ? '|' : out.data[i];
        }
    }
    out.len = len;
    return out;
}

/* Fails when what the client was answered does not match; * and ? as in KEYS. */
static inline void answers_match(struct alone *a, size_t client, const char *pattern)
{
    struct buf out = answers_take(a, client);

    cr_expect(glob_match(bytes_from_text(pattern), buf_bytes(&out)), "answered %.2000s, not %s",
              buf_text(&out), pattern);
    buf_deinit(&out);
}

/* Client 0 asks, and is answered once everything has settled. */
static inline void answers_expect(struct alone *a, const char *line, const char *pattern)
{
    struct buf input = {0};
    struct buf out;

    buf_printf(&input, "%s\r\n", line);
    alone_pass(a, 1000, 0, buf_bytes(&input));
    alone_settle(a, ANSWERS_PASSES);
    out = answers_take(a, 0);
    cr_expect(glob_match(bytes_from_text(pattern), buf_bytes(&out)), "%s gives %.2000s, not %s",
              line, buf_text(&out), pattern);
    buf_deinit(&out);
    buf_deinit(&input);
}

/* A node that is a cluster by itself, once it serves all slots. */
static inline struct alone *answers_start_cluster(void)
{
    const struct alone_option options[] = {
        {"cluster-enabled",      "yes"},
        {"enable-debug-command", "yes"}
    };
    struct alone *a = answers_start(options, 2);
    struct node_facts facts = {0};

    answers_expect(a, "CLUSTER ADDSLOTSRANGE 0 16383", "+OK|");
    for (int i = 0; i < ANSWERS_PASSES && !(facts.may_write && facts.cluster_ok); i++) {
        answers_idle(a, 1, 100);
        node_facts(a->node, &facts);
    }
    cr_assert(facts.may_write && facts.cluster_ok);
    return a;
}

/* Client 0 sends the lines, so much later, and is answered in the same pass: exactly this. */
static inline void answers_exactly(struct alone *a, int64_t later_us, const char *lines,
                                   const char *answer)
{
    struct buf out;

    alone_pass(a, later_us, 0, bytes_from_text(lines));
    out = alone_take(a, 0);
    cr_assert_str_eq(buf_text(&out), answer, "%s", lines);
    buf_deinit(&out);
}

/* The client sends the lines, and once everything has settled the part is in what it was answered. */
static inline void answers_contain(struct alone *a, size_t client, const char *lines,
                                   const char *part)
{
    struct buf out;

    answers_send(a, client, lines);
    alone_settle(a, ANSWERS_PASSES);
    out = alone_take(a, client);
    cr_expect_not_null(strstr(buf_text(&out), part), "%s gives %s", lines, buf_text(&out));
    buf_deinit(&out);
}

struct answers_case {
    const char *line;
    const char *pattern;
};

/* One after the other, of client 0. */
static inline void answers_expect_all(struct alone *a, const struct answers_case *cases,
                                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        answers_expect(a, cases[i].line, cases[i].pattern);
    }
}

/* What a client asks, and is told in the same pass; without a request: what it was told meanwhile. */
struct answers_step {
    size_t client;
    const char *request;
    const char *told;
};

/* One after the other; the node's invariants hold at the end. */
static inline void answers_play(struct alone *a, const struct answers_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf line = {0};
        struct buf out;

        if (steps[i].request != NULL) {
            buf_printf(&line, "%s\r\n", steps[i].request);
            answers_send(a, steps[i].client, buf_text(&line));
        }
        out = answers_take(a, steps[i].client);
        cr_expect(glob_match(bytes_from_text(steps[i].told), buf_bytes(&out)),
                  "step %zu, %s: told %.2000s, not %s", i, buf_text(&line), buf_text(&out),
                  steps[i].told);
        buf_deinit(&out);
        buf_deinit(&line);
    }
    node_check(a->node);
}

/* Has the disk of the node such a file? */
static inline bool answers_has_file(const struct alone *a, const char *name)
{
    return disk_find(&a->disk, name) != NULL;
}

#endif
