/* SPDX-License-Identifier: MIT */
/* One cluster core alone, with its actions, for tests that need no network. */
#ifndef STARLING_TESTS_UNIT_CLUSTER_CORE_H
#define STARLING_TESTS_UNIT_CLUSTER_CORE_H

#include "cluster/admin.h"
#include "cluster/cluster.h"
#include "cluster/report.h"
#include "cluster/route.h"

#define CORE_ID  "000102030405060708090a0b0c0d0e0f10111213"
#define OTHER_ID "ffeeddccbbaa99887766554433221100ffeeddcc"

struct core {
    struct cluster *cluster;
    struct actions actions;
    struct mono_time now;
    struct errmsg error;
};

/* file: a nodes file, or "".  cluster is NULL when it was refused, error says why. */
struct core core_new(const char *file);
struct core core_new_with(const char *file, const struct cluster_settings *settings);
void core_deinit(struct core *core);
struct cluster_call core_call(struct core *core);
/* A tick after ms; the actions of it alone are then in the list. */
void core_tick(struct core *core, int64_t ms);
void core_save(struct core *core);
/* The action of this type, the newest one, or NULL. */
const struct cluster_action *core_find(const struct core *core, enum cluster_action_type type);
/* Does CLUSTER INFO have this line?  Without its end. */
/* Until what follows from what was asked is done: the slots that it owns are agreed. */
void core_settle(struct core *core);
bool core_tells(const struct core *core, const char *line);
/* Own all slots and be ready to serve them. */
void core_own_everything(struct core *core);

#endif
