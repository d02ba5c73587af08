/* SPDX-License-Identifier: MIT */
/* Rules about what clients say of themselves, shared by HELLO and CLIENT. */
#ifndef STARLING_CONTROL_CLIENT_H
#define STARLING_CONTROL_CLIENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"

/* Printable ASCII without blanks, or empty. */
bool client_name_is_valid(struct bytes name);
void client_set_text(struct buf *field, struct bytes text);

#endif
