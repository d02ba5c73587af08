/* SPDX-License-Identifier: MIT */
/* base/assert: a bug stops the process in every flavour. */
#include "base/assert.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(assert, a_false_condition_aborts, .signal = SIGABRT)
{
    ASSERT(1 + 1 == 3);
}

Test(assert, a_true_condition_evaluates_once)
{
    int calls = 0;

    ASSERT(++calls == 1);
    cr_assert_eq(calls, 1);
}
