/* SPDX-License-Identifier: MIT */
/* Whether two replies to one command are the same: byte by byte, unless the command has a rule. */
#ifndef STARLING_TESTS_DIFFERENTIAL_COMPARE_H
#define STARLING_TESTS_DIFFERENTIAL_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "tests/differential/command.h"

/* A difference that is known. */
struct exception {
    const char *command; /* in upper case, "*" for all */
    const char *ours;    /* patterns that the replies match, as they are on the wire */
    const char *stock;
    const char *reason;
    bool parts; /* the data are not the same afterwards: both begin anew */
};

extern const struct exception exceptions[];
extern const size_t exception_count;
/* Of events: the patterns are of what they say, a line for each message. */
extern const struct exception event_exceptions[];
extern const size_t event_exception_count;

/* *used is the exception for whose sake they are taken as the same, else NULL. */
bool compare_replies(const struct command *command, struct bytes ours, struct bytes stock,
                     const struct exception **used);

bool compare_events(const struct command *command, struct bytes ours, struct bytes stock,
                    const struct exception **used);

#endif
