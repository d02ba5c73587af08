/* SPDX-License-Identifier: MIT */
/* The users of a node: who a session acts as, whether it may, and what comes of a change of the rules.
 *
 * Sessions whose user is allowed everything have no SESSION_LIMITED and are never asked; for the others
 * users_allow is a gate.  Passwords are slowed down, not locked out: after several that were wrong, an address
 * waits for each further answer.
 *
 * Invariants:  (1) every session has a user of the table
 *              (2) SESSION_LIMITED is set exactly while its user is not unlimited
 * Owns the users, and the log of what was refused. */
#ifndef STARLING_NODE_USERS_H
#define STARLING_NODE_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/errmsg.h"
#include "session/acl.h"
#include "session/acl_log.h"

struct config;
struct node;
struct request;
struct session;

#define USERS_WRONG_PASSWORD "WRONGPASS invalid username-password pair or user is disabled."

enum {
    USERS_GUESSERS = 256, /* addresses that are remembered */
};

/* Wrong passwords of one address. */
struct guesser {
    uint64_t address; /* hashed: who shares it by chance waits as well */
    uint32_t count;
    struct mono_time last_at;
};

struct users {
    struct acl acl;
    struct acl_log log;
    struct guesser guessers[USERS_GUESSERS];
};

void users_init(struct node *node);
void users_deinit(struct node *node);
/* Take those of user directives, or of the file. */
MUST_USE bool users_start(struct node *node, struct errmsg *error);
/* The configuration has changed. */
void users_configure(struct node *node);
/* requirepass was set: it is the one password of the default user. */
void users_take_requirepass(struct node *node);

/* ---- sessions -------------------------------------------------------------------------------- */

/* The session is new, or as if it were. */
void users_log_out(struct node *node, struct session *s);
/* It acts as the user from now on; false: it may not, and nothing has changed.  Within a transaction it is
 * false as well when the answer would have to wait: there nobody guesses faster than elsewhere. */
MUST_USE bool users_log_in(struct node *node, struct session *s, struct bytes name,
                           struct bytes password);
/* That was false: it is noted, and told, perhaps later. */
void users_refuse_log_in(struct node *node, struct request *request, struct bytes name);
/* May the session's user do it?  Else the answer was given. */
bool users_allow(struct node *node, struct request *request);
/* What a user who may run SORT is refused of it, in words, or NULL: names made from values are names of
 * keys that nobody has asked for. */
const char *users_refuse_sort(const struct acl_user *user, const struct acl_question *question);

/* ---- changes --------------------------------------------------------------------------------- */

/* The user's rules were changed; clients that listen to what it may not hear are closed. */
void users_changed(struct node *node, const struct acl_user *user, const struct session *self);
/* Its clients are closed. */
void users_remove(struct node *node, struct acl_user *user, const struct session *self);
/* Those of the file, all or none: false, with what is wrong with it. */
MUST_USE bool users_load(struct node *node, const struct session *self, struct buf *problems);
/* Begin to write the file; those who wait with HOLD_ACL are answered. */
void users_save(struct node *node);
void users_saved(struct node *node, bool is_ok, const struct errmsg *error);
/* Lines "user ..." of the configuration, as all users are now. */
void users_to_config(const struct node *node, struct config *config);

void users_check(const struct node *node);

#endif
