/* SPDX-License-Identifier: MIT */
/* Glob patterns as KEYS and SCAN take them: * ? [abc] [^a] [a-z] and backslash. */
#ifndef STARLING_BASE_GLOB_H
#define STARLING_BASE_GLOB_H

#include <stdbool.h>

#include "base/bytes.h"

/* Time is at most proportional to pattern length times text length. */
bool glob_match(struct bytes pattern, struct bytes text);
bool glob_match_nocase(struct bytes pattern, struct bytes text);

#endif
