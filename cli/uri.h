/* SPDX-License-Identifier: MIT */
/* redis://[[user]:password@][host[:port]][/db] */
#ifndef STARLING_CLI_URI_H
#define STARLING_CLI_URI_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "cli/options.h"

/* Set what the URI names; the rest of the options stays.  False, and a message, when it is none. */
MUST_USE bool uri_parse(struct options *options, const char *uri, struct errmsg *error);

#endif
