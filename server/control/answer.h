/* SPDX-License-Identifier: MIT */
/* Answers and arguments that several families of commands have in common. */
#ifndef STARLING_CONTROL_ANSWER_H
#define STARLING_CONTROL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct node;
struct request;

/* The lines of a HELP. */
void answer_help(struct request *request, const char *const *lines, size_t count);
/* Outside cluster mode: say so and return false. */
MUST_USE bool answer_has_cluster(const struct node *node, struct request *request);
/* Argument index as a time to wait; false after an error reply. */
MUST_USE bool answer_read_timeout(struct request *request, size_t index, int64_t *ms);

#endif
