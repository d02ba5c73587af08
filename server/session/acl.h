/* SPDX-License-Identifier: MIT */
/* All users, by name, and the text of a file of them.
 *
 * Invariants:  (1) names ascend as bytes do, none is there twice
 *              (2) there is always a user "default", who is never removed
 *              (3) a user stays where it is for as long as it is there, however its rules change: sessions
 *                  point to it
 * Owns the users.  Pure: knows no session, no file, no clock. */
#ifndef STARLING_SESSION_ACL_H
#define STARLING_SESSION_ACL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "session/acl_user.h"

struct acl {
    VEC(struct acl_user *) users;
    struct acl_user *default_user;
    bool has_channels;     /* acl-pubsub-default is allchannels: of users that are new */
    bool has_default_line; /* a file has told of the default user */
};

/* One user, "default", who may do everything; without a password when that is empty. */
void acl_init(struct acl *acl, bool has_channels, struct bytes password);
void acl_deinit(struct acl *acl);

/* NULL when there is none. */
struct acl_user *acl_find(const struct acl *acl, struct bytes name);
/* May a user be called so? */
bool acl_name_is_valid(struct bytes name);
/* Make a user, or change one, all words or none: false, with the reason as ACL SETUSER says it. */
MUST_USE bool acl_set(struct acl *acl, struct bytes name, const struct bytes *words, size_t count,
                      struct errmsg *error);
/* Nobody may point to it any more. */
void acl_remove(struct acl *acl, struct acl_user *user);
/* The password of the default user, and no other; empty: none is asked for. */
void acl_set_default_password(struct acl *acl, struct bytes password);
/* Is everybody the default user without having said anything? */
bool acl_is_open(const struct acl *acl);

/* A user of a file, words[0] its name, as it says: "default" forgets what it was before.  False: there is
 * one already that the file told of, or the words are refused. */
MUST_USE bool acl_add_line(struct acl *acl, const struct bytes *words, size_t count,
                           struct errmsg *error);
/* Lines "user NAME WORDS".  Adds what is wrong to problems, in the words of ACL LOAD; path is for them. */
void acl_add_text(struct acl *acl, struct bytes text, const char *path, struct buf *problems);
/* "user NAME WORDS", without a line end. */
void acl_format_user(const struct acl_user *user, struct buf *out);

void acl_check(const struct acl *acl);

#endif
