/* SPDX-License-Identifier: MIT */
#include "cluster/proof.h"

#include "cluster/frame.h"

#include <criterion/criterion.h>

#include <string.h>

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Both ends of a link. */
struct pair {
    struct proof opener;
    struct proof acceptor;
    struct proof_self a;
    struct proof_self b;
    struct proof_secrets opener_secrets;
    struct proof_secrets acceptor_secrets;
    struct rng rng;
    struct buf hello;
    struct buf welcome;
    struct errmsg error;
};

static struct proof_self self_of(const char *id, uint64_t start)
{
    struct proof_self self = {.start = start};

    cr_assert(cluster_id_parse(bytes_from_text(id), &self.node));
    return self;
}

static struct pair pair_of(const char *opener, const char *acceptor)
{
    struct pair p = {
        .a = self_of(ID_A, 1),
        .b = self_of(ID_B, 2),
        .opener_secrets = {.current = bytes_from_text(opener)},
        .acceptor_secrets = {.current = bytes_from_text(acceptor)},
    };

    rng_init(&p.rng, 7);
    return p;
}

static void pair_deinit(struct pair *p)
{
    buf_deinit(&p->hello);
    buf_deinit(&p->welcome);
}

/* Greetings go both ways; false when one side refuses. */
static bool greet(struct pair *p)
{
    buf_clear(&p->hello);
    buf_clear(&p->welcome);
    proof_greet(&p->opener, &p->a, &p->opener_secrets, &p->rng, &p->hello);
    return proof_answer(&p->acceptor, buf_bytes(&p->hello), &p->b, &p->acceptor_secrets, &p->rng,
                        &p->welcome, &p->error) &&
           proof_take_welcome(&p->opener, buf_bytes(&p->welcome), &p->opener_secrets, &p->error);
}

/* A frame of this link: its content does not matter here. */
static struct buf sealed(struct proof *proof)
{
    struct buf frame = {0};

    frame_encode_head(&frame, FRAME_PING, 0, FRAME_HEAD_BYTES + 4 + FRAME_SEAL_BYTES);
    buf_append_text(&frame, "body");
    proof_seal(proof, &frame, 0);
    return frame;
}

/* What one end seals the other opens. */
static bool passes(struct pair *p, struct proof *from, struct proof *to)
{
    struct buf frame = sealed(from);
    bool is_open = proof_open(to, buf_bytes(&frame), &p->error);

    buf_deinit(&frame);
    return is_open;
}

Test(proof, of_both_ends_with_one_secret_lets_frames_pass_both_ways)
{
    static const char *const secrets[] = {"", "our secret"};

    for (size_t i = 0; i < ARRAY_COUNT(secrets); i++) {
        struct pair p = pair_of(secrets[i], secrets[i]);

        cr_assert(greet(&p));
        cr_expect_eq(p.acceptor.phase, PROOF_GREETED, "not before the opener has proven it");
        for (int round = 0; round < 3; round++) {
            cr_expect(passes(&p, &p.opener, &p.acceptor));
            cr_expect(passes(&p, &p.acceptor, &p.opener));
        }
        cr_expect_eq(p.acceptor.phase, PROOF_DONE);
        cr_expect(cluster_id_equal(&p.acceptor.peer.node, &p.a.node));
        cr_expect(cluster_id_equal(&p.opener.peer.node, &p.b.node));
        cr_expect_eq(p.opener.peer.start, 2);
        proof_check(&p.opener);
        proof_check(&p.acceptor);
        pair_deinit(&p);
    }
}

Test(proof, fails_at_the_opener_when_the_secrets_differ)
{
    static const struct {
        const char *opener, *acceptor, *reason;
    } cases[] = {
        {"one", "two", "the other side has another cluster-secret"                },
        {"one", "",    "the other side has a cluster-secret, and none is set here"},
        {"",    "two", "the other side has no cluster-secret"                     },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct pair p = pair_of(cases[i].opener, cases[i].acceptor);

        cr_expect_not(greet(&p));
        cr_expect_str_eq(p.error.text, cases[i].reason);
        cr_expect_neq(p.opener.phase, PROOF_DONE);
        pair_deinit(&p);
    }
}

Test(proof, works_by_the_previous_secret_of_either_side_and_by_the_new_one_where_both_have_it)
{
    static const struct {
        const char *opener, *opener_previous, *acceptor, *acceptor_previous, *by;
    } cases[] = {
        {"new", "old", "old", "",    "old"},
        {"old", "",    "new", "old", "old"},
        {"new", "old", "new", "old", "new"},
        {"new", "",    "new", "old", "new"},
        {"new", "old", "new", "",    "new"},
        {"old", "new", "new", "old", "old"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct pair p = pair_of(cases[i].opener, cases[i].acceptor);

        p.opener_secrets.previous = bytes_from_text(cases[i].opener_previous);
        p.acceptor_secrets.previous = bytes_from_text(cases[i].acceptor_previous);
        cr_assert(greet(&p), "case %zu", i);
        cr_expect(passes(&p, &p.opener, &p.acceptor));
        cr_expect(passes(&p, &p.acceptor, &p.opener));
        cr_expect_eq(p.opener.keys[0].mark, proof_mark(bytes_from_text(cases[i].by)));
        cr_expect_eq(p.acceptor.keys[0].mark, proof_mark(bytes_from_text(cases[i].by)));
        pair_deinit(&p);
    }
}

Test(proof, of_an_opener_is_not_given_by_a_frame_with_another_secret)
{
    struct pair p = pair_of("the secret", "the secret");
    struct pair thief = pair_of("a guess", "a guess");

    cr_assert(greet(&p));
    cr_assert(greet(&thief));
    /* Who has seen the greetings, and guesses. */
    memcpy(thief.opener.greeting, p.opener.greeting, sizeof(p.opener.greeting));
    cr_expect_not(passes(&p, &thief.opener, &p.acceptor));
    cr_expect_str_eq(p.error.text, "it does not prove the cluster-secret");
    cr_expect_eq(p.acceptor.phase, PROOF_GREETED);
    cr_expect(passes(&p, &p.opener, &p.acceptor), "the true one still does");
    pair_deinit(&thief);
    pair_deinit(&p);
}

Test(proof, a_frame_passes_once_and_in_one_direction_and_on_its_link_alone)
{
    struct pair p = pair_of("s", "s");
    struct pair other = pair_of("s", "s");
    struct buf frame;

    rng_init(&other.rng, 8);
    cr_assert(greet(&p) && greet(&other));
    cr_assert(passes(&other, &other.opener, &other.acceptor));
    frame = sealed(&p.opener);
    cr_expect(proof_open(&p.acceptor, buf_bytes(&frame), &p.error));
    cr_expect_not(proof_open(&p.acceptor, buf_bytes(&frame), &p.error));
    cr_expect_str_eq(p.error.text, "its number does not rise");
    cr_expect_not(proof_open(&p.opener, buf_bytes(&frame), &p.error), "shown to its own sender");
    cr_expect_not(proof_open(&other.acceptor, buf_bytes(&frame), &p.error));
    cr_expect_str_eq(p.error.text, "it is not of this link");
    buf_deinit(&frame);
    pair_deinit(&other);
    pair_deinit(&p);
}

Test(proof, a_recorded_conversation_proves_nothing_to_who_draws_another_nonce)
{
    struct pair p = pair_of("s", "s");
    struct proof again;
    struct buf welcome = {0};
    struct buf frame;

    cr_assert(greet(&p));
    frame = sealed(&p.opener);
    cr_assert(proof_answer(&again, buf_bytes(&p.hello), &p.b, &p.acceptor_secrets, &p.rng, &welcome,
                           &p.error));
    cr_expect_not(proof_open(&again, buf_bytes(&frame), &p.error));
    proof_greet(&again, &p.a, &p.opener_secrets, &p.rng, &p.hello);
    cr_expect_not(proof_take_welcome(&again, buf_bytes(&p.welcome), &p.opener_secrets, &p.error));
    buf_deinit(&welcome);
    buf_deinit(&frame);
    pair_deinit(&p);
}

Test(proof, any_bit_of_a_frame_that_is_changed_is_noticed)
{
    struct pair p = pair_of("s", "s");
    struct buf frame;

    cr_assert(greet(&p));
    frame = sealed(&p.opener);
    for (size_t i = 0; i < frame.len * 8; i++) {
        frame.data[i / 8] ^= (char)(1 << i % 8);
        cr_expect_not(proof_open(&p.acceptor, buf_bytes(&frame), &p.error), "bit %zu", i);
        frame.data[i / 8] ^= (char)(1 << i % 8);
    }
    cr_expect(proof_open(&p.acceptor, buf_bytes(&frame), &p.error));
    buf_deinit(&frame);
    pair_deinit(&p);
}

Test(proof, greetings_that_are_changed_cut_off_or_not_asked_for_are_refused)
{
    struct pair p = pair_of("s", "s");
    struct proof fresh = {0};

    cr_assert(greet(&p));
    cr_expect_not(proof_take_welcome(&fresh, buf_bytes(&p.welcome), &p.opener_secrets, &p.error));
    cr_expect_not(
        proof_take_welcome(&p.opener, buf_bytes(&p.welcome), &p.opener_secrets, &p.error));
    for (size_t i = 0; i < p.welcome.len * 8; i++) {
        struct proof opener = {.phase = PROOF_GREETED};

        memcpy(opener.greeting, p.hello.data, p.hello.len);
        p.welcome.data[i / 8] ^= (char)(1 << i % 8);
        cr_expect_not(
            proof_take_welcome(&opener, buf_bytes(&p.welcome), &p.opener_secrets, &p.error),
            "bit %zu", i);
        p.welcome.data[i / 8] ^= (char)(1 << i % 8);
    }
    for (size_t len = 0; len < p.hello.len; len++) {
        cr_expect_not(proof_answer(&fresh, bytes_prefix(buf_bytes(&p.hello), len), &p.b,
                                   &p.acceptor_secrets, &p.rng, &p.welcome, &p.error));
    }
    pair_deinit(&p);
}
