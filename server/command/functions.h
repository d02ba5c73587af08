/* SPDX-License-Identifier: MIT */
/* The function of every data command and subcommand, cmd_<function>, as commands.def lists them.  Each sees its
 * arity fulfilled, writes one reply and adds its effects, or says that it has to wait (command/exec.h). */
#ifndef STARLING_COMMAND_FUNCTIONS_H
#define STARLING_COMMAND_FUNCTIONS_H

#include "command/exec.h"

#define DATA(id, function, ...) enum exec_result cmd_##function(struct exec *x);
#define CONTROL(...)
#define SUB(...)
#define DATA_SUB(parent, id, function, ...) enum exec_result cmd_##function(struct exec *x);
#include "spec/commands.def"
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB

/* The function of a data command. */
exec_fn *function_of_command(enum command_id id);

#endif
