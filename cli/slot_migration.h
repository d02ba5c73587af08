/* SPDX-License-Identifier: MIT */
/* Moves of slots that servers carry out by themselves: CLUSTER MIGRATESLOTS at the source, how far they are, and taking
 * them back.  What a reply says is parsed apart, purely. */
#ifndef STARLING_CLI_SLOT_MIGRATION_H
#define STARLING_CLI_SLOT_MIGRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "cli/cluster_view.h"
#include "cli/slot_plan.h"
#include "resp/value.h"

enum {
    SLOT_MIGRATION_NAME = 41,     /* 40 hex digits, terminated */
    SLOT_MIGRATION_RUNS_MAX = 64, /* runs of slots in one */
    SLOT_MIGRATION_STEP = 32,     /* a word that tells how far it is, terminated */
};

enum slot_migration_state {
    SLOT_MIGRATION_UNKNOWN, /* it is not in the list */
    SLOT_MIGRATION_ON,
    SLOT_MIGRATION_SUCCESS,
    SLOT_MIGRATION_CANCELLED,
    SLOT_MIGRATION_FAILED,
};

struct slot_migration {
    char name[SLOT_MIGRATION_NAME];
    enum slot_migration_state state;
    uint64_t
        keys; /* that the asked one has, the target those that came so far; 0 where it does not tell */
    struct errmsg message;
    bool is_import;                 /* to the asked one, else away from it */
    char step[SLOT_MIGRATION_STEP]; /* the state in the server's own word */
    char from_id[MAP_ID_TEXT];
    char to_id[MAP_ID_TEXT];
    uint64_t slots[SLOT_PLAN_WORDS];
};

enum slot_migration_start {
    SLOT_MIGRATION_STARTED,
    SLOT_MIGRATION_NOT_KNOWN, /* the server has no such command */
    SLOT_MIGRATION_REFUSED,   /* the message says why */
};

/* Have the source move the slots.  *out is the migration as it began. */
MUST_USE enum slot_migration_start slot_migration_begin(const struct view_node *from,
                                                        const struct view_node *to,
                                                        const uint64_t slots[SLOT_PLAN_WORDS],
                                                        struct slot_migration *out,
                                                        struct errmsg *error);
/* Take so many of the slots, from the lowest on, as one migration can have; false when there were none. */
MUST_USE bool slot_migration_take(uint64_t slots[SLOT_PLAN_WORDS], uint64_t out[SLOT_PLAN_WORDS]);
/* How far is it?  False when the source cannot be asked. */
MUST_USE bool slot_migration_look(const struct view_node *from, struct slot_migration *migration,
                                  struct errmsg *error);
/* Take back all that the source is moving. */
void slot_migration_cancel(const struct view_node *from);

/* CLUSTER GETSLOTMIGRATIONS: an array of moves, those that are over included.  The caller releases *out when true is returned. */
MUST_USE bool slot_migration_fetch(const struct view_node *node, struct resp_value *out,
                                   struct errmsg *error);
/* Is that what a server says that does not know these commands? */
MUST_USE bool slot_migration_is_not_known(const struct errmsg *error);
/* One entry of the reply; false when it makes no sense. */
MUST_USE bool slot_migration_parse(const struct resp_value *entry, struct slot_migration *out);
/* What a reply of CLUSTER GETSLOTMIGRATIONS says of that one; UNKNOWN when it is not there. */
void slot_migration_find(const struct resp_value *reply, struct slot_migration *migration);
/* The name of a migration out of the node that the list does not have among `before`; false when there is none. */
MUST_USE bool slot_migration_find_new(const struct resp_value *reply,
                                      const struct resp_value *before,
                                      char out[SLOT_MIGRATION_NAME]);

#endif
