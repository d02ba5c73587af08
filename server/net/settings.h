/* SPDX-License-Identifier: MIT */
/* The configuration that a process starts with: a file, standard input, the command line, each
 * winning over those before it. */
#ifndef STARLING_NET_SETTINGS_H
#define STARLING_NET_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "config/config.h"

/* Words are those behind the program's name: [FILE] [--NAME VALUE ...] [-].  config holds the
 * defaults before.  False when something is wrong: problems gets a line for each. */
MUST_USE bool settings_read(struct config *config, const char *const *words, size_t count,
                            struct buf *problems);

#endif
