/* SPDX-License-Identifier: MIT */
/* The flags of the program as tables. */
#ifndef STARLING_CLI_OPTIONS_FLAGS_H
#define STARLING_CLI_OPTIONS_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "cli/flags.h"

struct options;

/* All groups; they fill a struct options. */
const struct flag_table *options_flags(size_t *count);
/* The first group: where the server is and who we are; the benchmark takes these too. */
const struct flag_table *options_connection_flags(void);
/* "<node id>=<weight>" of --cluster-weight. */
MUST_USE bool options_take_weight(struct options *options, const char *value, struct errmsg *error);

#endif
