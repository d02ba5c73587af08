/* SPDX-License-Identifier: MIT */
/* Rules about what clients say of themselves, shared by HELLO and CLIENT. */
#ifndef STARLING_NODE_CLIENT_H
#define STARLING_NODE_CLIENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"

struct session;

/* Does a directive such as enable-debug-command (enum config_protection) let the client do it? */
bool client_is_allowed(const struct session *s, int protection);
/* Printable ASCII without blanks, or empty. */
bool client_name_is_valid(struct bytes name);
void client_set_text(struct buf *field, struct bytes text);

#endif
