/* SPDX-License-Identifier: MIT */
/* Birth, name and end of a node. */
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

Test(life, begins_now_with_a_name_of_hex_digits)
{
    struct alone *a = alone_new(NULL, 0);
    const struct life *life = &a->node->life;

    cr_assert_eq(life->started_at.us, a->now_us);
    cr_assert_eq(life->pid, 1);
    cr_assert_eq(strspn(life->run_id, "0123456789abcdef"), RUN_ID_LEN);
    cr_assert_not(life->is_freeing || life->has_exited);
    alone_free(a);
}

Test(life, names_no_two_links_alike_and_none_as_those_that_come_in)
{
    struct alone *a = alone_new(NULL, 0);
    uint64_t last = 0;

    for (int i = 0; i < 100; i++) {
        uint64_t link = life_new_link(a->node);

        cr_assert_gt(link, last);
        cr_assert_lt(link, (uint64_t)ENV_LINK_INCOMING);
        last = link;
    }
    alone_free(a);
}

Test(life, ends_by_telling_the_world_the_code)
{
    struct alone *a = alone_new(NULL, 0);

    life_exit(a->node, 3);
    cr_assert(a->node->life.has_exited);
    cr_assert(a->has_exited);
    cr_assert_eq(a->exit_code, 3);
    alone_free(a);
}

Test(life, begins_once, .signal = SIGABRT)
{
    life_init(alone_new(NULL, 0)->node, 1);
}

Test(life, is_given_up_once, .signal = SIGABRT)
{
    struct alone *a = alone_new(NULL, 0);

    life_begin_to_free(a->node);
    life_begin_to_free(a->node);
}

Test(life, has_no_end_to_announce_while_it_is_given_up, .signal = SIGABRT)
{
    struct alone *a = alone_new(NULL, 0);

    life_begin_to_free(a->node);
    life_exit(a->node, 0);
}
