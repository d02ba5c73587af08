/* SPDX-License-Identifier: MIT */
/* Which words of a request nobody but the server may see: what the slow log keeps and monitors are shown has
 * "(redacted)" instead.
 *
 * Words are not parsed as the command would, so that a request that fails gives nothing away either.  The
 * command is known by its row in the table, not by what it was called: it may have been renamed. */
#ifndef STARLING_STATS_SECRETS_H
#define STARLING_STATS_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct command_spec;

/* May requests of the command, which is the subcommand where there is one, have any? */
bool secrets_may_be_in(const struct command_spec *spec);
/* Replace them among the request's words, or its first ones: the arguments of AUTH and of ACL SETUSER, user and
 * password of HELLO and of MIGRATE, values of directives that hold secrets or are not known in CONFIG SET, the words of the
 * command that ACL DRYRUN and COMMAND GETKEYS are about. */
void secrets_redact(const struct command_spec *spec, struct bytes *args, size_t count);

#endif
