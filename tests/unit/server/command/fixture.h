/* SPDX-License-Identifier: MIT */
/* A key space with commands run on it, for the tests of this folder.
 *
 * A request is a line of words parted by blanks; "" is an empty word.  A reply is compared as it is
 * on the wire, with '|' for each line end; effects as "SET k v; DEL x". */
#ifndef STARLING_TESTS_COMMAND_FIXTURE_H
#define STARLING_TESTS_COMMAND_FIXTURE_H

#include "base/attr.h"
#include "command/exec.h"

enum {
    FIXTURE_WORDS = 64, /* of a request, at most */
};

struct fixture {
    struct exec x;
    enum exec_result result; /* of the last request */
    struct effects effects;
    struct exec_stats stats;
    struct rng rng;
    struct resp_writer writer;
    struct buf reply;
    struct buf text; /* the request's words */
    struct bytes words[FIXTURE_WORDS];
    struct buf shown;
};

struct fixture_case {
    const char *request;
    const char *reply;
    const char *effects; /* NULL: not compared */
};

/* A primary with 16 databases, or a cluster's; the time is 1000000 s after the epoch. */
struct fixture *fixture_new(bool is_cluster);
void fixture_free(struct fixture *f);
/* Run the request in the database of f->x.db. */
void fixture_run(struct fixture *f, const char *request);
void fixture_run_words(struct fixture *f, const struct bytes *words, size_t count);
/* The reply and the effects of the last request, as described above. */
const char *fixture_reply(struct fixture *f);
const char *fixture_effects(struct fixture *f);
void fixture_expect(struct fixture *f, const char *request, const char *reply);
/* Fails when reply or effects differ. */
void fixture_expect_cases(struct fixture *f, const struct fixture_case *cases, size_t count);

/* Put a value that is no string (tests/types/byte_list.h) under the key. */
void fixture_put_list(struct fixture *f, const char *key);

/* The cases, in order, on a fresh key space outside cluster mode, */
#define RUN_CASES(cases)                                                                           \
    do {                                                                                           \
        struct fixture *f = fixture_new(false);                                                    \
                                                                                                   \
        fixture_expect_cases(f, (cases), ARRAY_COUNT(cases));                                      \
        fixture_free(f);                                                                           \
    } while (0)

/* and where a key `list` holds no string. */
#define RUN_CASES_WITH_LIST(cases)                                                                 \
    do {                                                                                           \
        struct fixture *f = fixture_new(false);                                                    \
                                                                                                   \
        fixture_put_list(f, "list");                                                               \
        fixture_expect_cases(f, (cases), ARRAY_COUNT(cases));                                      \
        fixture_free(f);                                                                           \
    } while (0)

#endif
