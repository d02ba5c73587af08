/* SPDX-License-Identifier: MIT */
/* MIGRATE: keys go to another server, and are removed here when that has said that it has them.
 *
 *     connecting --- link up ---> sending --- all answered ---> idle, for the next MIGRATE to the same server
 *          |                         |
 *          +---- link down, or no answer in time: closed ----+
 *
 * The loop goes on meanwhile, only the client waits (HOLD_MOVE).  Values are read when the link is up.  From then on
 * until it is known what became of them their keys are read as before, but not changed: such a request waits
 * (HOLD_MOVING).  So what is removed here is what the other server has.  When that is never known, since the link broke
 * or the time was up, the keys stay here; the other server may have them, too.
 *
 * Invariants:  (1) a key is in `moving` once, and exactly while a link that is sending has it
 *              (2) an idle link has no keys, and nothing is awaited on it */
#ifndef STARLING_NODE_MIGRATE_H
#define STARLING_NODE_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/hashtable.h"

struct node;
struct request;
struct session;
struct migrate_link;

struct migrate {
    struct migrate_link **links;
    size_t count;
    size_t cap;
    struct hashtable moving; /* keys on their way, of whatever database */
};

/* What MIGRATE was asked; words are borrowed. */
struct migrate_call {
    struct bytes host;
    uint16_t port;
    int64_t db;
    int64_t timeout_ms; /* without any answer */
    bool is_copy;
    bool is_replace;
    struct bytes user; /* empty: the password alone */
    struct bytes password;
    bool has_password;
    const struct bytes *keys;
    size_t key_count;
};

/* Hold the session until it is done.  The link may be one that is there. */
void migrate_begin(struct node *node, struct session *s, const struct migrate_call *call);
/* Is the key there?  One that has expired is removed. */
bool migrate_has_key(struct node *node, unsigned db, struct bytes key);

/* Are any keys on their way? */
bool migrate_is_moving(const struct node *node);
/* Would the request change a key that is on its way? */
bool migrate_is_in_the_way(const struct node *node, const struct request *request);

/* What happened on a link; false: it is none of ours. */
MUST_USE bool migrate_link_up(struct node *node, uint64_t link);
MUST_USE bool migrate_link_input(struct node *node, uint64_t link, struct bytes input);
MUST_USE bool migrate_link_down(struct node *node, uint64_t link);
/* End what took too long, and links that nobody has used for a while. */
void migrate_tick(struct node *node);
struct mono_time migrate_wake_at(const struct node *node);
/* The session is about to go: its keys go on. */
void migrate_forget(struct node *node, const struct session *s);
void migrate_deinit(struct node *node);
void migrate_check(const struct node *node);

#endif
