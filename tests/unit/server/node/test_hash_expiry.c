/* SPDX-License-Identifier: MIT */
/* Fields of hashes that expire, in a whole node: what replicas get, and how they are removed. */
#include "base/attr.h"
#include "base/rng.h"
#include "node/inside.h"
#include "store/value_hash.h"
#include "tests/unit/answers.h"
#include "tests/unit/seed.h"

#include <stdio.h>

enum {
    BATCHES = 300,
    COMMANDS = 200, /* of a batch */
    MANY = 100000,
    SLICE = 200, /* fields that one pass removes at most */
};

/* Commands on few hashes, small and large, and few fields; times of which many are soon over. */
static void add_command(struct rng *rng, struct buf *out)
{
    static const char *const shapes[] = {
        "HPEXPIRE h%u %u FIELDS 2 f%u f%u\r\n",
        "HPEXPIRE h%u %u LT FIELDS 2 f%u f%u\r\n",
        "HPEXPIRE h%u %u GT FIELDS 2 f%u f%u\r\n",
        "HSETEX h%u PX %u FIELDS 1 f%u %u\r\n",
        "HSETEX h%u KEEPTTL FIELDS 1 f%u %u\r\n",
        "HGETEX h%u PX %u FIELDS 2 f%u f%u\r\n",
        "HGETEX h%u PERSIST FIELDS 1 f%u\r\n",
        "HPERSIST h%u FIELDS 1 f%u\r\n",
        "HGETDEL h%u FIELDS 1 f%u\r\n",
        "HSET h%u f%u %u\r\n",
        "HSETNX h%u f%u %u\r\n",
        "HDEL h%u f%u\r\n",
        "HINCRBY h%u f%u %u\r\n",
        "HINCRBYFLOAT h%u f%u %u.5\r\n",
        "COPY h%u h%u REPLACE\r\n",
        "RENAME h%u h%u\r\n",
    };
    /* The last two, which replace a whole hash, are rare. */
    size_t kinds = ARRAY_COUNT(shapes) - (rng_below(rng, 50) == 0 ? 0 : 2);
    const char *shape = shapes[rng_below(rng, kinds)];
    unsigned hash = (unsigned)rng_below(rng, 4);
    unsigned fields = hash % 2 == 0 ? 10 : 500;

    for (const char *at = shape; *at != '\0'; at++) {
        unsigned below = fields;

        if (at[0] != '%') {
            buf_append_byte(out, *at);
            continue;
        }
        at++;
        if (at[-2] == 'h') {
            below = 4;
        } else if (at[-2] == ' ') {
            below = 2000;
        }
        buf_append_i64(out, (int64_t)(below == 4 && shape[0] != 'C' && shape[0] != 'R'
                                          ? hash
                                          : rng_below(rng, below)));
    }
}

/* The replica gets what the primary's log has from the offset on. */
static void feed(struct alone *replica, const struct alone *primary, uint64_t *offset)
{
    struct bytes piece;

    while (*offset < oplog_end(primary->node->journal.log)) {
        cr_assert_eq(oplog_read(primary->node->journal.log, *offset, SIZE_MAX, &piece), OPLOG_OK);
        alone_primary_sends(replica, piece);
        *offset += piece.len;
    }
}

static struct digest digest_of(const struct node *node)
{
    struct digest digest = {.types = keyspace_types(node->data.keyspace), .lanes = DIGEST_LANES};

    digest_all(node, &digest);
    return digest;
}

Test(hash_expiry, a_replica_has_equal_hashes_whatever_expires_and_whatever_its_clock_says,
     .timeout = 120)
{
    uint64_t seed = seed_get();
    struct alone *primary = answers_start(NULL, 0);
    struct alone *replica = alone_new(&(struct alone_option){"replicaof", "127.0.0.1 7000"}, 1);
    uint64_t offset = oplog_end(primary->node->journal.log);
    struct buf lines = {0};
    struct rng rng;

    rng_init(&rng, seed);
    cr_assert(alone_lead(replica));
    for (int i = 0; i < BATCHES; i++) {
        struct digest one;
        struct digest other;
        struct buf answers;

        buf_clear(&lines);
        for (int k = 0; k < COMMANDS; k++) {
            add_command(&rng, &lines);
        }
        upkeep_set_expiring(primary->node, rng_below(&rng, 3) > 0);
        alone_pass(primary, (int64_t)rng_below(&rng, 300000), 0, buf_bytes(&lines));
        answers = alone_take(primary, 0);
        SEED_ASSERT(strstr(buf_text(&answers), "-ERR unknown") == NULL, seed);
        buf_deinit(&answers);
        feed(replica, primary, &offset);
        /* Its clock runs otherwise: that decides nothing. */
        alone_pass(replica, (int64_t)rng_below(&rng, 600000), ALONE_CLIENTS, (struct bytes){0});
        one = digest_of(primary->node);
        other = digest_of(replica->node);
        SEED_ASSERT(memcmp(one.sums, other.sums, sizeof(one.sums)) == 0, seed);
    }
    keyspace_check(primary->node->data.keyspace);
    keyspace_check(replica->node->data.keyspace);
    cr_assert_gt(primary->node->counters.exec.expired_fields, 1000);
    cr_assert_eq(replica->node->counters.exec.expired_fields, 0);
    buf_deinit(&lines);
    alone_free(replica);
    alone_free(primary);
}

static uint64_t field_count(const struct alone *a)
{
    struct key_ref ref = keyspace_ref(a->node->data.keyspace, 0, BYTES_LITERAL("h"));
    const struct entry *e = keyspace_find_any(a->node->data.keyspace, &ref);
    struct value hash;

    if (e == NULL) {
        return 0;
    }
    hash = entry_value(e);
    return hash_count(&hash);
}

/* A hash of MANY fields that are all due a second from now. */
static struct alone *start_many(void)
{
    struct alone *a = answers_start(NULL, 0);
    struct buf lines = {0};

    upkeep_set_expiring(a->node, false);
    for (unsigned i = 0; i < MANY; i++) {
        buf_printf(&lines, "HSETEX h PX 1000 FIELDS 1 f:%u x\r\n", i);
        if (i % 1000 == 999) {
            struct buf answers;

            alone_pass(a, 0, 0, buf_bytes(&lines));
            answers = alone_take(a, 0);
            buf_deinit(&answers);
            buf_clear(&lines);
        }
    }
    buf_deinit(&lines);
    cr_assert_eq(field_count(a), MANY);
    return a;
}

Test(hash_expiry, very_many_fields_due_at_once_are_removed_a_slice_a_pass, .timeout = 120)
{
    struct alone *a = start_many();
    uint64_t left = MANY;
    int passes = 0;

    answers_idle(a, 1, 1000);
    cr_assert_eq(field_count(a), MANY);
    upkeep_set_expiring(a->node, true);
    answers_idle(a, 1, 100);
    left = field_count(a);
    while (left > 0) {
        uint64_t before = left;

        answers_idle(a, 1, 1);
        left = field_count(a);
        cr_assert_leq(before - left, SLICE);
        cr_assert_lt(passes++, 2 * MANY / SLICE);
    }
    answers_expect(a, "EXISTS h", ":0|");
    cr_assert_eq(a->node->counters.exec.expired_fields, MANY);
    alone_free(a);
}
