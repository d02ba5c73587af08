/* SPDX-License-Identifier: MIT */
/* A load that costs less than any server: requests rendered once, replies counted by their size.
 *
 * A request is a fixed text in which only the digits of some numbers are written anew, and its
 * reply has a size, or a number of lines, that is known beforehand.  Each connection sends a pipeline in
 * one write, waits for all its replies, and sends again: a closed loop.  One thread, one epoll.
 *
 * Invariants:  (1) every reply begins and ends as it must, else the run ends with its text
 *              (2) when load_run returns true, no request is under way
 * A struct load owns its connections; a request may be used by many loads. */
#ifndef STARLING_TESTS_BENCH_LOAD_H
#define STARLING_TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/hist.h"

enum load_command {
    LOAD_GET, /* of one key or, with several, MGET */
    LOAD_SET, /* or MSET */
    LOAD_INCR,
};

enum load_protocol {
    LOAD_RESP,
    LOAD_MEMCACHED, /* its text protocol; SET and INCR of one key only */
};

enum {
    LOAD_KEYS_MAX = 10,
    LOAD_KEY_BYTES = 16, /* "key:000000000042" */
    LOAD_VALUE_MAX = 64,
    LOAD_KEY_LIMIT = 100000000, /* keys are numbered below */
};

struct load_shape {
    enum load_command command;
    enum load_protocol protocol;
    size_t key_count;     /* of one request; 0 is 1 */
    const char *prefix;   /* of keys, four bytes; NULL is "key:" */
    struct bytes value;   /* what SET writes, what GET and INCR find */
    uint32_t ttl_seconds; /* SET of one key only; 0: the key stays */
};

/* Where a number is written into a request: (number / divide + add), as so many digits. */
struct load_place {
    size_t at;
    size_t digits; /* the last so many of twelve */
    uint32_t divide;
    uint32_t add;
};

struct load_request {
    struct buf text;
    struct load_place places[LOAD_KEYS_MAX];
    size_t place_count;
    bool is_one_number; /* all places are of the same number; else each has one of its own */
    struct buf reply;   /* to a request for any key; when it has lines, how it begins */
    size_t line_count;  /* the reply has so many lines of any length; 0: it has a size */
};

/* What to do in one run. */
struct load_task {
    const struct load_request *request;
    size_t pipeline;
    uint64_t request_count; /* rounded up to whole pipelines */
    uint64_t key_count;     /* numbers 0 to key_count - 1 */
    bool is_in_order;       /* all of them in turn, from first_key; else random ones */
    uint64_t first_key;
    const struct load_request
        *greeting;           /* measure_cost has each connection send it first; may be NULL */
    struct hist *latency_us; /* of whole pipelines; may be NULL */
};

struct load_result {
    uint64_t request_count;
    int64_t wall_us;
};

struct load;

/* A value of up to LOAD_VALUE_MAX bytes, there for ever. */
struct bytes load_value(size_t len);
void load_request_init(struct load_request *request, const struct load_shape *shape);
/* Words between spaces.  {n} in them is the number of the request, as twelve digits; {n/500}
 * is it divided; {rank} and {rank+9} are six digits of it and 100000, and what is added.  Requests that
 * go together, as one, have a semicolon between them.  The reply begins as told and has so many lines. */
void load_request_init_text(struct load_request *request, const char *words, const char *begin,
                            size_t line_count);
void load_request_deinit(struct load_request *request);
/* Write the number of a key over its twelve digits. */
void load_put_digits(char *digits, uint32_t key);

/* Connections to a port of loopback; NULL, and a message, when they cannot be made. */
MUST_USE struct load *load_open(uint16_t port, size_t connection_count, struct errmsg *error);
void load_close(struct load *load);
/* False, and a message, on a wrong reply, a lost connection or a silence of half a minute. */
MUST_USE bool load_run(struct load *load, const struct load_task *task, struct load_result *out,
                       struct errmsg *error);
/* Send so many of a request, over a few connections of its own, fast: its numbers in turn. */
MUST_USE bool load_fill_request(uint16_t port, const struct load_request *request, uint64_t count,
                                uint64_t numbers, struct errmsg *error);
/* Write keys 0 to key_count - 1 of the shape, over a few connections of its own, fast. */
MUST_USE bool load_fill(uint16_t port, const struct load_shape *shape, uint64_t key_count,
                        struct errmsg *error);

#endif
