/* SPDX-License-Identifier: MIT */
/* DEBUG RELOAD: the data is saved and read back, by what saves and loads it always.
 *
 *     RELOAD        pause all clients --> save --> load into a new key space --> go on
 *     NOSAVE                                       load what lies there
 *
 * The save is the one that runs beside the commands, so nobody may write meanwhile; the loading is
 * done at once. */
#ifndef STARLING_NODE_RELOAD_H
#define STARLING_NODE_RELOAD_H

#include <stdbool.h>

struct node;
struct session;

enum reload_option {
    RELOAD_NOSAVE = 1 << 0,
    RELOAD_NOFLUSH = 1 << 1,
    RELOAD_MERGE = 1 << 2,
};

struct reload {
    bool is_on;       /* the save is under way */
    unsigned options; /* enum reload_option */
};

/* Is the data being loaded or saved, so that it cannot be loaded again now? */
bool reload_is_blocked(const struct node *node);
/* Load what lies there at once.  NULL, or what to tell the client. */
const char *reload_now(struct node *node, unsigned options);
/* Save first; the session is held until the data is back. */
void reload_begin(struct node *node, struct session *s, unsigned options);
/* A save is over. */
void reload_saved(struct node *node, bool is_ok);

void reload_check(const struct node *node);

#endif
