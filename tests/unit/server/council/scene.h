/* SPDX-License-Identifier: MIT */
/* One council, ME, and two other nodes who say to it what a test has them say.
 *
 * Time stands still, and what is to be on disk is there when a test says so.  scene_finish ends what a scene_begin... has begun. */
#ifndef STARLING_TESTS_UNIT_COUNCIL_SCENE_H
#define STARLING_TESTS_UNIT_COUNCIL_SCENE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "council/council.h"
#include "council/message.h"

enum {
    ME,
    ANN,
    BOB,
    NODES,
    TIMEOUT_MS = 100,
};

struct scene {
    struct council *council;
    struct mono_time now;
    struct cluster_id nodes[NODES];
    struct cluster_id shard;
    struct buf sent; /* the last message that left */
};

struct cluster_id scene_id(char letter);
/* A council of one. */
struct scene scene_begin(void);
/* ME, ANN and BOB have seats. */
struct scene scene_begin_with_three_seats(void);
/* The same, and we are agreed to be the primary; *ask is how we ask for the lease. */
struct scene scene_begin_asking_for_lease(struct council_message *ask);
void scene_finish(struct scene *s);

/* All that was to be written is on disk. */
void scene_save(struct scene *s);
/* A message of our council comes; the same with a record. */
void scene_hear(struct scene *s, int from, struct council_message m);
void scene_hear_value(struct scene *s, int from, struct council_message m,
                      const struct shard_record *record);
/* ANN says that these seats are agreed. */
void scene_learn_seats(struct scene *s, const struct seats *seats);
/* How many messages of this type leave; *out is the last of them, and valid until the next call. */
size_t scene_take(struct scene *s, enum council_message_type type, struct council_message *out);

struct shard_record scene_record_of(const struct scene *s, int primary, uint64_t version);
/* About the scene's shard, under a ballot of that node. */
struct council_message scene_question(const struct scene *s, enum council_message_type type, int by,
                                      uint64_t round);
/* Hear it, save, and take the one answer, of that type. */
enum council_answer scene_ask(struct scene *s, int from, const struct council_message *m,
                              enum council_message_type type);

#endif
