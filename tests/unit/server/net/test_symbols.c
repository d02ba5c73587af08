/* SPDX-License-Identifier: MIT */
#include "net/symbols.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(symbols, name_the_functions_of_this_program)
{
    struct symbols symbols = symbols_open();
    size_t offset;
    const char *name = symbols_find(&symbols, (uintptr_t)symbols_close + 1, &offset);

    cr_assert_not_null(name);
    cr_assert_str_eq(name, "symbols_close");
    cr_assert_eq(offset, 1);
    cr_assert_null(symbols_find(&symbols, (uintptr_t)malloc, &offset), "a library's");
    cr_assert_null(symbols_find(&symbols, 0, &offset));
    cr_assert_null(symbols_find(&symbols, (uintptr_t)&symbols, &offset));
    symbols_close(&symbols);
    cr_assert_null(symbols_find(&symbols, (uintptr_t)symbols_close, &offset));
}
