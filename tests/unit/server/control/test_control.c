/* SPDX-License-Identifier: MIT */
/* The table that a node gets at its birth. */
#include "control/control.h"

#include "control/info.h"
#include "tests/unit/answers.h"

#include <signal.h>
#include <string.h>

Test(control, has_a_function_for_every_command_that_is_not_about_data_and_for_no_other)
{
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        cr_expect_eq(control_table.run[id] != NULL, !spec->is_data, "%s", spec->name);
    }
}

Test(control, describes_a_node_by_info)
{
    struct alone *a = answers_start(NULL, 0);
    struct buf described = {0};
    struct buf info = {0};
    size_t server_len;

    cr_assert_eq(control_table.describe, info_describe);
    node_describe(a->node, &described);
    info_write(a->node, NULL, 0, &info);
    server_len = (size_t)(strstr(buf_text(&info), "# Clients") - buf_text(&info));
    cr_assert(bytes_equal(bytes_prefix(buf_bytes(&described), server_len),
                          bytes_prefix(buf_bytes(&info), server_len)));
    cr_assert(bytes_has_prefix(buf_bytes(&info), "# Server\r\n"));
    buf_deinit(&described);
    buf_deinit(&info);
    alone_free(a);
}

static void refuse(struct node *node, struct request *request)
{
    (void)node;
    (void)request;
}

/* A table with a hole, or one too many, is found before the first client comes. */
static void start_with(const struct node_controls *controls)
{
    struct env env = {0};
    struct config config;
    struct errmsg error;

    config_init(&config);
    (void)node_new(&(struct node_options){.config = &config, .controls = controls, .env = &env},
                   &error);
}

Test(control, a_table_without_one_of_them_is_a_bug, .signal = SIGABRT)
{
    struct node_controls controls = control_table;

    controls.run[COMMAND_PING] = NULL;
    start_with(&controls);
}

Test(control, a_table_with_a_data_command_is_a_bug, .signal = SIGABRT)
{
    struct node_controls controls = control_table;

    controls.run[COMMAND_GET] = refuse;
    start_with(&controls);
}
