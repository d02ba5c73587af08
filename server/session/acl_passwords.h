/* SPDX-License-Identifier: MIT */
/* The passwords of a user, in the order in which they were given.  Kept are their SHA-256 alone.
 *
 * Invariants:  (1) no password is there twice
 *              (2) to add and to remove one takes as long among many as among few
 * Owned by value and may be moved; owns its passwords.  All-zero is empty. */
#ifndef STARLING_SESSION_ACL_PASSWORDS_H
#define STARLING_SESSION_ACL_PASSWORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/hashtable.h"
#include "base/sha256.h"

enum {
    ACL_PASSWORD_TEXT = 2 * SHA256_SIZE + 1 /* in hex, and the zero behind */
};

struct acl_password {
    struct hashtable_node by_hash; /* its key is the hash */
    struct acl_password *older, *newer;
    uint8_t hash[SHA256_SIZE];
};

struct acl_passwords {
    struct acl_password *oldest, *newest; /* a list with ends: a ring could not be moved */
    struct hashtable by_hash;
};

void acl_passwords_clear(struct acl_passwords *passwords);
/* *out, which holds nothing yet, becomes the same. */
void acl_passwords_copy(const struct acl_passwords *passwords, struct acl_passwords *out);

/* One that is there already keeps its place. */
void acl_passwords_add(struct acl_passwords *passwords, const uint8_t hash[SHA256_SIZE]);
/* False: it is not there. */
MUST_USE bool acl_passwords_remove(struct acl_passwords *passwords,
                                   const uint8_t hash[SHA256_SIZE]);
/* Is one of them the password?  Takes as long for each password of the same length. */
bool acl_passwords_admit(const struct acl_passwords *passwords, struct bytes password);

static inline size_t acl_passwords_count(const struct acl_passwords *passwords)
{
    return passwords->by_hash.count;
}

/* False: hex are not the 64 lowercase digits of a hash. */
MUST_USE bool acl_password_parse(struct bytes hex, uint8_t hash[SHA256_SIZE]);
/* The hash as those digits, and the zero behind. */
void acl_password_format(const struct acl_password *password, char out[ACL_PASSWORD_TEXT]);

void acl_passwords_check(const struct acl_passwords *passwords);

#endif
