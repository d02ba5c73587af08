/* SPDX-License-Identifier: MIT */
#include "control/control.h"

#include "control/info.h"

const struct node_controls control_table = {
    .run =
        {
#define DATA(...)
#define CONTROL(id, function, ...)     [COMMAND_##id] = control_##function,
#define SUB(parent, id, function, ...) [COMMAND_##parent##_##id] = control_##function,
#define DATA_SUB(...)
#include "spec/commands.def"
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB
        },
    .describe = info_describe,
    .write_metrics = info_write_metrics,
};
