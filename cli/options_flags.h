/* SPDX-License-Identifier: MIT */
/* The flags of the program as tables. */
#ifndef STARLING_CLI_OPTIONS_FLAGS_H
#define STARLING_CLI_OPTIONS_FLAGS_H

#include <stddef.h>

#include "cli/flags.h"

/* All groups; they fill a struct options. */
const struct flag_table *options_flags(size_t *count);
/* The first group: where the server is and who we are; the benchmark takes these too. */
const struct flag_table *options_connection_flags(void);

#endif
