/* SPDX-License-Identifier: MIT */
/* Streams of the samples: their entries, and what is known of them, of their groups and of what is pending. */
#ifndef STARLING_TESTS_PERSIST_SAMPLE_STREAM_H
#define STARLING_TESTS_PERSIST_SAMPLE_STREAM_H

#include "store/stream.h"
#include "tests/support/json.h"

/* Assert that the stream is what the other server said of it. */
void sample_expect_stream_value(const struct stream *s, const struct json_member *member);

#endif
