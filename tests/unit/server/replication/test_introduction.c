/* SPDX-License-Identifier: MIT */
/* A replica and a primary tell each other who they are, before anything else. */
#include "replication/introduction.h"

#include <criterion/criterion.h>

#include <string.h>

enum {
    WORDS_MAX = 16,
};

struct meeting {
    struct introduction replica;
    struct introduction primary;
    struct introduction_self replica_self;
    struct introduction_self primary_self;
    struct cluster_id expected;
    struct rng rng;
    struct buf request;
    struct buf line;
    struct errmsg error;
};

static struct cluster_id id_of(char digit)
{
    struct cluster_id id = {0};

    memset(id.text, digit, CLUSTER_ID_LEN);
    return id;
}

/* a is to replicate from b, of the shard c. */
static struct meeting meeting_of(const char *replica_secret, const char *primary_secret)
{
    struct meeting m = {
        .replica_self = {.node = id_of('a'),
                         .shard = id_of('c'),
                         .secret = bytes_from_text(replica_secret)},
        .primary_self = {.node = id_of('b'),
                         .shard = id_of('c'),
                         .secret = bytes_from_text(primary_secret)},
        .expected = id_of('b'),
    };

    rng_init(&m.rng, 3);
    return m;
}

static void meeting_deinit(struct meeting *m)
{
    buf_deinit(&m->request);
    buf_deinit(&m->line);
}

/* What the replica has put into m->request arrives at the primary. */
static void deliver(struct meeting *m)
{
    struct bytes words[WORDS_MAX];
    struct bytes rest = bytes_trim(buf_bytes(&m->request));
    size_t count = 0;

    (void)bytes_next_word(&rest, '\n');
    while (rest.len > 0 && count < WORDS_MAX) {
        (void)bytes_next_word(&rest, '\n');
        words[count++] = bytes_trim(bytes_next_word(&rest, '\n'));
    }
    cr_assert(bytes_equal_text(words[0], "REPLCONF"));
    cr_assert(introduction_is(words + 1, count - 1));
    buf_clear(&m->line);
    introduction_take(&m->primary, &m->primary_self, words + 1, count - 1, &m->rng, &m->line);
    buf_clear(&m->request);
}

static void begin(struct meeting *m)
{
    introduction_begin(&m->replica, &m->replica_self, &m->expected, &m->rng, &m->request);
    deliver(m);
}

static bool answer(struct meeting *m)
{
    return introduction_take_answer(&m->replica, &m->replica_self, buf_bytes(&m->line), &m->request,
                                    &m->error);
}

Test(introduction, of_two_nodes_of_a_shard_with_one_secret_proves_both)
{
    static const char *const secrets[] = {"", "our secret"};

    for (size_t i = 0; i < ARRAY_COUNT(secrets); i++) {
        struct meeting m = meeting_of(secrets[i], secrets[i]);

        cr_expect(introduction_permits(&m.primary), "a stock replica says nothing");
        begin(&m);
        cr_expect_not(introduction_permits(&m.primary), "not before it has proven it");
        cr_assert(answer(&m), "%s", m.error.text);
        deliver(&m);
        cr_expect_str_eq(buf_text(&m.line), "+OK");
        cr_expect(introduction_permits(&m.primary));
        cr_expect(cluster_id_equal(&m.primary.replica, &m.replica_self.node));
        meeting_deinit(&m);
    }
}

Test(introduction, to_another_node_or_another_shard_is_refused)
{
    struct meeting m = meeting_of("s", "s");

    m.primary_self.node = id_of('d');
    begin(&m);
    cr_expect(bytes_has_prefix(buf_bytes(&m.line), "-OTHERNODE this is node dddd"));
    cr_expect_not(introduction_permits(&m.primary));
    m.primary_self.node = id_of('b');
    m.primary_self.shard = id_of('e');
    begin(&m);
    cr_expect(bytes_has_prefix(buf_bytes(&m.line), "-OTHERSHARD this node is of shard eeee"));
    cr_expect_not(introduction_permits(&m.primary));
    meeting_deinit(&m);
}

Test(introduction, with_another_secret_fails_on_both_sides)
{
    struct meeting m = meeting_of("one", "two");
    struct meeting liar = meeting_of("two", "two");

    begin(&m);
    cr_expect_not(answer(&m));
    cr_expect_not_null(strstr(m.error.text, "another cluster-secret"));
    /* A replica that does not care what the primary proves. */
    begin(&liar);
    cr_assert(answer(&liar));
    liar.primary_self.secret = BYTES_LITERAL("one");
    deliver(&liar);
    cr_expect(bytes_has_prefix(buf_bytes(&liar.line), "-OTHERSECRET"));
    cr_expect_not(introduction_permits(&liar.primary));
    meeting_deinit(&liar);
    meeting_deinit(&m);
}

Test(introduction, works_with_the_previous_secret_of_either_side)
{
    for (int i = 0; i < 2; i++) {
        struct meeting m = meeting_of(i == 0 ? "new" : "old", i == 0 ? "old" : "new");
        struct introduction_self *changed = i == 0 ? &m.replica_self : &m.primary_self;

        changed->previous_secret = BYTES_LITERAL("old");
        begin(&m);
        cr_assert(answer(&m), "%s", m.error.text);
        deliver(&m);
        cr_expect_str_eq(buf_text(&m.line), "+OK");
        meeting_deinit(&m);
    }
}

Test(introduction, answers_that_were_recorded_or_are_none_prove_nothing)
{
    static const char *const lines[] = {
        "+OK",
        "+NODE",
        "+NODE bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "+NODE dddddddddddddddddddddddddddddddddddddddd x y",
        "-ERR Unrecognized REPLCONF option: node",
    };
    struct meeting m = meeting_of("s", "s");
    struct buf recorded = {0};

    begin(&m);
    buf_append_bytes(&recorded, buf_bytes(&m.line));
    begin(&m);
    buf_clear(&m.line);
    buf_append_bytes(&m.line, buf_bytes(&recorded));
    cr_expect_not(answer(&m));
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        buf_clear(&m.line);
        buf_append_text(&m.line, lines[i]);
        cr_expect_not(answer(&m), "%s", lines[i]);
    }
    buf_deinit(&recorded);
    meeting_deinit(&m);
}

Test(introduction, a_proof_is_good_for_one_try)
{
    static const char wrong[] = "0000000000000000000000000000000000000000000000000000000000000000";
    struct bytes words[] = {BYTES_LITERAL("node-proof"), BYTES_LITERAL(wrong)};
    struct meeting m = meeting_of("s", "s");

    begin(&m);
    cr_assert(answer(&m));
    introduction_take(&m.primary, &m.primary_self, words, 2, &m.rng, &m.line);
    deliver(&m);
    cr_expect_not(introduction_permits(&m.primary));
    meeting_deinit(&m);
}
