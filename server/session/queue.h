/* SPDX-License-Identifier: MIT */
/* The requests of a session behind MULTI, as bytes, until EXEC runs them or DISCARD drops them.
 *
 *     bytes   what came on the wire, request behind request; of an inline one its words alone
 *     words   where each word lies in bytes, request behind request
 *
 * Invariants:  (1) a session is marked SESSION_IN_MULTI exactly from queue_begin to queue_end
 *              (2) every word lies within the bytes of its request
 *              (3) outside a transaction nothing is queued, and little memory is kept
 * Owned by its session. */
#ifndef STARLING_SESSION_QUEUE_H
#define STARLING_SESSION_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/vec.h"
#include "spec/command.h"

struct session;

struct queue_span {
    size_t start; /* in the queue's bytes */
    size_t len;
};

struct queue_item {
    const struct command_spec *spec;
    size_t first_word;
    size_t word_count;
    struct queue_span raw;
    bool is_inline;
};

struct queue {
    struct buf bytes;
    VEC(struct queue_item) items;
    VEC(struct queue_span) words;
    uint32_t command_flags; /* of all that is queued */
    bool is_spoiled;        /* something was refused while queueing: EXEC does nothing */
    struct buf kept;        /* what EXEC is to answer as soon as its session is no longer held */
};

/* A request to be queued; what it points to is copied. */
struct queue_request {
    const struct command_spec *spec;
    const struct bytes *words;
    size_t word_count;
    struct bytes raw; /* the words of one that is not inline lie in here */
    bool is_inline;
};

void queue_begin(struct session *s);
void queue_add(struct session *s, const struct queue_request *request);
/* Something could not be queued. */
void queue_spoil(struct session *s);
/* The transaction is over: what is queued goes. */
void queue_end(struct session *s);
/* The session is about to go. */
void queue_free(struct session *s);

/* The words of an item, as many as it has, into out; borrowed until the queue changes. */
void queue_words(const struct queue *queue, const struct queue_item *item, struct bytes *out);
struct bytes queue_raw(const struct queue *queue, const struct queue_item *item);

/* How many requests are queued, or -1 outside a transaction. */
int64_t queue_count(const struct session *s);
/* Bytes that clients have sent, and memory for them and what is known of them. */
size_t queue_bytes(const struct session *s);
size_t queue_memory(const struct session *s);

void queue_check(const struct session *s);

#endif
