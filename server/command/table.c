/* SPDX-License-Identifier: MIT */
/* Command to function. */
#include "base/assert.h"
#include "base/attr.h"
#include "command/functions.h"

#define DATA(id, function, ...) [COMMAND_##id] = cmd_##function,
#define CONTROL(...)
#define SUB(...)
#define DATA_SUB(parent, id, function, ...) [COMMAND_##parent##_##id] = cmd_##function,
static exec_fn *const functions[] = {
#include "spec/commands.def"
};
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB

exec_fn *function_of_command(enum command_id id)
{
    ASSERT(id < ARRAY_COUNT(functions));
    return functions[id];
}
