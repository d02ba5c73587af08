/* SPDX-License-Identifier: MIT */
/* Where a stock server 7.0 answers otherwise than we do, on purpose. */
#include "tests/differential/compare.h"

const struct exception exceptions[] = {
    {"OBJECT", "$8\r\nlistpack\r\n", "$9\r\nhashtable\r\n",
     "small sets are listpacks since 7.2, hash tables in 7.0"},
    {"OBJECT", "$8\r\nlistpack\r\n", "$9\r\nquicklist\r\n",
     "small lists are listpacks since 7.2, quicklists in 7.0"},
};

const size_t exception_count = sizeof(exceptions) / sizeof(exceptions[0]);
