/* SPDX-License-Identifier: MIT */
/* Control commands: what is asked of the node as a whole, or of the connection, rather than of data.
 * A file a family; the table is handed to the node at its birth.
 *
 * A control command reads what it likes of a node (node/inside.h) and changes it through the functions of
 * its parts alone.  It writes one reply, or holds the session. */
#ifndef STARLING_CONTROL_CONTROL_H
#define STARLING_CONTROL_CONTROL_H

#include "node/node.h"

struct request;

extern const struct node_controls control_table;

/* One function a row of commands.def. */
#define DATA(...)
#define CONTROL(id, function, ...)     control_fn control_##function;
#define SUB(parent, id, function, ...) control_fn control_##function;
#define DATA_SUB(...)
#include "spec/commands.def"
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB

#endif
