/* SPDX-License-Identifier: MIT */
/* A load that costs less than any server: requests rendered once, replies counted by their size.
 *
 * A request is a fixed text in which only the twelve digits of each key are written anew, and its
 * reply has a size (or is one line) that is known beforehand.  Each connection sends a pipeline in
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

struct load_request {
    struct buf text;
    size_t digits_at[LOAD_KEYS_MAX];
    size_t key_count;
    struct buf reply; /* to a request for any key */
    bool is_line;     /* the reply is one line of any length */
};

/* What to do in one run. */
struct load_task {
    const struct load_request *request;
    size_t pipeline;
    uint64_t request_count; /* rounded up to whole pipelines */
    uint64_t key_count;     /* keys 0 to key_count - 1 */
    bool is_in_order;       /* all keys in turn, from first_key; else random ones */
    uint64_t first_key;
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
void load_request_deinit(struct load_request *request);
/* Write the number of a key over its twelve digits. */
void load_put_digits(char *digits, uint32_t key);

/* Connections to a port of loopback; NULL, and a message, when they cannot be made. */
MUST_USE struct load *load_open(uint16_t port, size_t connection_count, struct errmsg *error);
void load_close(struct load *load);
/* False, and a message, on a wrong reply, a lost connection or a silence of half a minute. */
MUST_USE bool load_run(struct load *load, const struct load_task *task, struct load_result *out,
                       struct errmsg *error);
/* Write keys 0 to key_count - 1 of the shape, over a few connections of its own, fast. */
MUST_USE bool load_fill(uint16_t port, const struct load_shape *shape, uint64_t key_count,
                        struct errmsg *error);

#endif
