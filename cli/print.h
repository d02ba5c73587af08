/* SPDX-License-Identifier: MIT */
/* Finished text onto standard output. */
#ifndef STARLING_CLI_PRINT_H
#define STARLING_CLI_PRINT_H

#include "base/buf.h"

/* Write all of text and flush; text may be empty. */
void print_buf(const struct buf *text);

#endif
