/* SPDX-License-Identifier: MIT */
/* A list of bytes: a type of value that is there for tests only.
 *
 * It proves that whatever deals with values goes through the type's table (store/value.h), and shows how
 * small a type can be.  Freeing costs an entry for each element; each is an item of the serialized form. */
#ifndef STARLING_TESTS_BYTE_LIST_H
#define STARLING_TESTS_BYTE_LIST_H

#include "base/bytes.h"
#include "store/keyspace.h"
#include "store/value.h"

#define BYTE_LIST ((enum value_type)BYTE_LIST_NUMBER)

enum {
    BYTE_LIST_NUMBER = VALUE_TYPE_MAX - 1,
    BYTE_LIST_RDB_TYPE = 30,
};

/* Those of a server, and lists of bytes. */
extern const struct value_types byte_list_types;

/* A list of these. */
struct value byte_list_value(const char *elements);
void byte_list_append(struct value_draft *draft, char element);
/* Borrowed until the next change. */
struct bytes byte_list_elements(const struct entry *e);
/* Set the key to a list of these. */
void byte_list_put(struct keyspace *ks, const struct key_ref *ref, const char *elements);

#endif
