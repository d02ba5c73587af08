/* SPDX-License-Identifier: MIT */
/* A user: who may log in as it, and what it may do.
 *
 * A request is allowed when the user's own rules, or those of one
 * of its selectors, allow all of it.
 *
 * Invariants:  (1) nopass is set only while there is no password
 *              (2) is_unlimited is what the rules say: there is nothing that it may not do
 * Opaque to nobody, changed through these functions alone.  Owns everything of it. */
#ifndef STARLING_SESSION_ACL_USER_H
#define STARLING_SESSION_ACL_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "session/acl_passwords.h"
#include "session/acl_rules.h"

enum acl_user_flags {
    ACL_USER_ON = 1 << 0,
    ACL_USER_NOPASS = 1 << 1,
    ACL_USER_SKIP_SANITIZE = 1 << 2, /* payloads are checked all the same */
    ACL_USER_SANITIZE = 1 << 3,
};

struct acl_user {
    uint32_t flags;
    bool is_unlimited;
    struct acl_rules rules;
    VEC(struct acl_rules *) selectors;
    struct acl_passwords passwords;
    struct buf name;
};

/* Nobody can log in as it, and it may do nothing; channels: acl-pubsub-default. */
struct acl_user *acl_user_new(struct bytes name, bool has_channels);
void acl_user_free(struct acl_user *user);
struct acl_user *acl_user_copy(const struct acl_user *user);

/* Words as ACL SETUSER takes them, those of a selector in one or in several.  False, with the reason as
 * ACL SETUSER says it: the user may have been changed in part, and is of no use. */
MUST_USE bool acl_user_set_all(struct acl_user *user, const struct bytes *words, size_t count,
                               bool has_channels, struct errmsg *error);

/* The same for a line of a file: words that are refused are passed over.  What is wrong is appended to
 * problems, a line for each unknown command, and one for the first of all else, which does not show the word:
 * it may be secret.  False: there was something. */
MUST_USE bool acl_user_set_line(struct acl_user *user, const struct bytes *words, size_t count,
                                bool has_channels, struct buf *problems);

/* May somebody with this password log in?  Takes as long for each password of the same length. */
bool acl_user_admits(const struct acl_user *user, struct bytes password);

struct acl_answer acl_user_ask(const struct acl_user *user, const struct acl_question *question);
/* Are all keys open to reading, for who may run the command? */
bool acl_user_reads_all_keys(const struct acl_user *user, const struct acl_question *question);
bool acl_user_allows_channel(const struct acl_user *user, struct bytes name, bool is_pattern);

/* "on", "nopass" and so on: the name of flag number index, when the user has it; NULL behind the last. */
enum {
    ACL_USER_FLAG_NAMES = 5
};
const char *acl_user_flag(const struct acl_user *user, size_t index);
/* What is written behind the user's name in a file. */
void acl_user_format(const struct acl_user *user, struct buf *out);

void acl_user_check(const struct acl_user *user);

#endif
