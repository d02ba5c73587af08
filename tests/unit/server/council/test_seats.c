/* SPDX-License-Identifier: MIT */
#include "council/seats.h"

#include <criterion/criterion.h>

#include <stdio.h>

static struct cluster_id id_of(char letter)
{
    struct cluster_id id = {0};

    memset(id.text, letter, CLUSTER_ID_LEN);
    return id;
}

static struct seat seat_of(char letter)
{
    return (struct seat){.node = id_of(letter), .key = (uint64_t)letter};
}

/* A settled council of these nodes, a letter each. */
static struct seats council_of(const char *letters)
{
    struct cluster_id council = id_of('9');
    struct seat founder = seat_of(letters[0]);
    struct seats seats = seats_found(&council, &founder);

    for (const char *at = letters + 1; *at != '\0'; at++) {
        struct seat seat = seat_of(*at);

        seats = seats_with(&seats, &seat);
        seats = seats_settled(&seats);
    }
    return seats;
}

static bool is_quorum(const struct seats *seats, const char *letters)
{
    struct seat_votes votes = {0};

    for (const char *at = letters; *at != '\0'; at++) {
        struct cluster_id node = id_of(*at);

        seats_count_vote(seats, &node, &votes);
    }
    return seats_is_quorum(seats, &votes);
}

Test(seats, are_decided_by_more_than_half_of_them)
{
    static const struct {
        const char *members;
        const char *votes;
        bool is_quorum;
    } cases[] = {
        {"a",     "",    false},
        {"a",     "a",   true },
        {"a",     "b",   false},
        {"ab",    "a",   false},
        {"ab",    "ab",  true },
        {"abc",   "a",   false},
        {"abc",   "ac",  true },
        {"abc",   "xyz", false},
        {"abcd",  "ab",  false},
        {"abcd",  "abd", true },
        {"abc",   "aa",  false},
        {"abcde", "cde", true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seats seats = council_of(cases[i].members);

        cr_expect_eq(is_quorum(&seats, cases[i].votes), cases[i].is_quorum, "%s of %s",
                     cases[i].votes, cases[i].members);
    }
}

Test(seats, that_change_are_decided_by_a_majority_before_and_one_after)
{
    struct seats old = council_of("abc");
    struct seat seat = seat_of('d');
    struct cluster_id gone = id_of('c');
    struct seats larger = seats_with(&old, &seat);
    struct seats smaller = seats_without(&old, &gone);

    cr_expect(is_quorum(&larger, "abd"));
    cr_expect_not(is_quorum(&larger, "ad"), "two of four");
    cr_expect_not(is_quorum(&larger, "cd"));
    cr_expect(is_quorum(&smaller, "ab"));
    cr_expect_not(is_quorum(&smaller, "ac"), "one of the two that stay");
    cr_expect_eq(seats_count(&smaller), 3, "whoever leaves is asked until it has left");
}

/* Every set of votes that is enough in one generation meets every one that is enough in the next. */
Test(seats, of_one_generation_and_the_next_have_no_two_majorities_apart)
{
    static const char *const councils[] = {"a", "ab", "abc", "abcd", "abcde"};
    static const char all[] = "abcdef";

    for (size_t i = 0; i < sizeof(councils) / sizeof(councils[0]); i++) {
        struct seats old = council_of(councils[i]);
        struct seat seat = seat_of('f');
        struct seats joint = seats_with(&old, &seat);

        for (unsigned a = 0; a < 64; a++) {
            char of_a[7] = "";
            char of_rest[7] = "";
            size_t count = 0;

            for (size_t n = 0; n < 6; n++) {
                if ((a >> n & 1) != 0) {
                    of_a[count++] = all[n];
                } else {
                    of_rest[n - count] = all[n];
                }
            }
            cr_expect_not(is_quorum(&old, of_a) && is_quorum(&joint, of_rest), "%s and %s", of_a,
                          of_rest);
        }
    }
}

Test(seats, come_back_from_their_bytes)
{
    struct seats old = council_of("abcde");
    struct seat seat = seat_of('f');
    struct seats seats = seats_with(&old, &seat);
    struct seats back;
    struct buf bytes = {0};
    struct decoder d;

    seats_encode(&bytes, &seats);
    d = decoder_make(buf_bytes(&bytes));
    seats_decode(&d, &back);
    cr_expect(decoder_is_ok(&d) && decoder_left(&d) == 0);
    cr_expect(seats_equal(&seats, &back));
    for (size_t len = 0; len < bytes.len; len++) {
        d = decoder_make(bytes_prefix(buf_bytes(&bytes), len));
        seats_decode(&d, &back);
        cr_expect_not(decoder_is_ok(&d), "cut to %zu bytes", len);
    }
    buf_deinit(&bytes);
}

Test(seats, make_no_sense_when_a_change_is_more_than_one_seat)
{
    struct seats seats = council_of("abc");
    struct seats other = council_of("ade");

    cr_expect(seats_makes_sense(&seats));
    seats.previous = other.members;
    cr_expect_not(seats_makes_sense(&seats));
    seats.previous = seats.members;
    cr_expect_not(seats_makes_sense(&seats), "nothing changed");
    seats.previous.items[seats.previous.count++] = seat_of('a');
    cr_expect_not(seats_makes_sense(&seats), "a node with two seats");
}

Test(seats, are_not_known_by_the_node_alone_but_by_its_key)
{
    struct seats seats = council_of("abc");
    struct cluster_id node = id_of('b');

    cr_expect(seats_has_key(&seats, &node, 'b'));
    cr_expect_not(seats_has_key(&seats, &node, 'x'));
}
