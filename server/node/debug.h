/* SPDX-License-Identifier: MIT */
/* What the files of DEBUG share. */
#ifndef STARLING_NODE_DEBUG_H
#define STARLING_NODE_DEBUG_H

#include <stdbool.h>

struct call;
struct node;

/* The data is no longer what the log has made: no replica may go on from it. */
void debug_begin_history(struct node *node, const char *reason);

/* debug_reload.c: DEBUG RELOAD, and the end of its save. */
void debug_reload(struct node *node, struct call *call);
void debug_reload_saved(struct node *node, bool is_ok);

#endif
