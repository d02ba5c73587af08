/* SPDX-License-Identifier: MIT */
/* Checksums of data: what they depend on, and what not. */
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct digest digest_of(const struct node *node)
{
    struct digest digest = {.types = keyspace_types(node->data.keyspace), .lanes = DIGEST_LANES};

    digest_all(node, &digest);
    return digest;
}

/* The digest of a node that was sent the lines. */
static struct digest after(const char *lines)
{
    struct alone *a = alone_new(NULL, 0);
    struct digest digest;

    alone_connect(a, 0);
    alone_pass(a, 0, 0, bytes_from_text(lines));
    digest = digest_of(a->node);
    alone_free(a);
    return digest;
}

static bool are_equal(const char *some, const char *others)
{
    struct digest one = after(some);
    struct digest other = after(others);

    return memcmp(one.sums, other.sums, sizeof(one.sums)) == 0;
}

Test(digest, is_the_same_whatever_the_order)
{
    cr_assert(are_equal("SET a 1\r\nSET b x\r\nSELECT 2\r\nSET c y\r\n",
                        "SELECT 2\r\nSET c y\r\nSELECT 0\r\nSET b x\r\nSET a 1\r\n"));
}

Test(digest, of_nothing_is_zero)
{
    struct digest digest = after("SET a 1\r\nDEL a\r\n");

    for (size_t i = 0; i < DIGEST_LANES; i++) {
        cr_assert_eq(digest.sums[i], 0);
    }
}

Test(digest, depends_on_key_value_database_and_expiry)
{
    cr_expect_not(are_equal("SET a 1\r\n", "SET b 1\r\n"));
    cr_expect_not(are_equal("SET a 1\r\n", "SET a 2\r\n"));
    cr_expect_not(are_equal("SET a 1\r\n", "SELECT 1\r\nSET a 1\r\n"));
    cr_expect_not(are_equal("SET a 1\r\n", "SET a 1 PXAT 1900000000000\r\n"));
    cr_expect_not(are_equal("SET a b\r\nSET c d\r\n", "SET a d\r\nSET c b\r\n"));
}

Test(digest, of_a_value_is_the_same_under_every_key)
{
    struct alone *a = alone_new(NULL, 0);
    struct digest digests[2];
    static const char *const keys[] = {"a", "b"};

    alone_connect(a, 0);
    alone_pass(a, 0, 0, BYTES_LITERAL("SET a text\r\nSET b text\r\n"));
    for (size_t i = 0; i < 2; i++) {
        struct keyspace *ks = a->node->data.keyspace;
        struct key_ref ref = keyspace_ref(ks, 0, bytes_from_text(keys[i]));

        digests[i] = (struct digest){
            .types = keyspace_types(ks), .lanes = DIGEST_LANES, .is_value_only = true};
        digest_entry(&digests[i], keyspace_find_any(ks, &ref));
    }
    cr_assert_neq(digests[0].sums[0], 0);
    cr_assert_arr_eq(digests[0].sums, digests[1].sums, sizeof(digests[0].sums));
    alone_free(a);
}

Test(digest, has_lanes_that_differ_and_only_those_that_are_wanted)
{
    struct alone *a = alone_new(NULL, 0);
    struct digest all;
    struct digest one = {.types = keyspace_types(a->node->data.keyspace), .lanes = 1};

    alone_connect(a, 0);
    alone_pass(a, 0, 0, BYTES_LITERAL("SET a text\r\n"));
    all = digest_of(a->node);
    digest_all(a->node, &one);
    cr_assert_eq(one.sums[0], all.sums[0]);
    cr_assert(one.sums[1] == 0 && one.sums[2] == 0);
    cr_assert(all.sums[0] != all.sums[1] && all.sums[1] != all.sums[2]);
    alone_free(a);
}

Test(digest, has_at_least_one_lane, .signal = SIGABRT)
{
    struct alone *a = alone_new(NULL, 0);
    struct digest none = {.types = keyspace_types(a->node->data.keyspace)};

    alone_connect(a, 0);
    alone_pass(a, 0, 0, BYTES_LITERAL("SET a text\r\n"));
    digest_all(a->node, &none);
}
