/* SPDX-License-Identifier: MIT */
/* A snapshot of another server and what that server said of each of its keys (tests/samples). */
#ifndef STARLING_TESTS_PERSIST_SAMPLE_H
#define STARLING_TESTS_PERSIST_SAMPLE_H

#include "base/buf.h"
#include "store/keyspace.h"
#include "tests/support/json.h"

struct sample {
    const char *name;
    struct buf rdb;
    struct json json;
    const struct json *keys; /* in it */
};

void sample_open(struct sample *s, const char *name);
void sample_close(struct sample *s);

/* The bytes that a name or a value stands for; the caller's to free. */
struct buf sample_key(const struct json_member *member);
struct buf sample_bytes(const struct json *value);
struct buf sample_base64(struct bytes text);

/* Assert that the entry has the type and the value that the other server said. */
void sample_expect(const struct value_types *types, const struct entry *e,
                   const struct json_member *member);

/* Assert the same of the serialized form of a value, without its RDB type; false when the type has no compact
 * form. */
bool sample_expect_compact(uint8_t rdb_type, struct bytes body, const struct json_member *member);

/* Assert the same of the entries of a stream, which its serialized form begins with; false when it is none. */
bool sample_expect_stream(uint8_t rdb_type, struct bytes body, const struct json_member *member);

#endif
