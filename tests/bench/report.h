/* SPDX-License-Identifier: MIT */
/* Figures as tables on standard output. */
#ifndef STARLING_TESTS_BENCH_REPORT_H
#define STARLING_TESTS_BENCH_REPORT_H

#include <stddef.h>

enum {
    REPORT_ROWS_MAX = 32,
    REPORT_COLUMNS_MAX = 16,
    REPORT_NAME_MAX = 48,
};

/* Rows and columns are named, cells without a figure are NAN.  All-zero is empty. */
struct report {
    const char *title;
    char rows[REPORT_ROWS_MAX][REPORT_NAME_MAX];
    size_t row_count;
    char columns[REPORT_COLUMNS_MAX][REPORT_NAME_MAX];
    size_t column_count;
    double cells[REPORT_ROWS_MAX][REPORT_COLUMNS_MAX];
};

/* Processor and kernel, in one line. */
void report_machine(void);
/* Add one; its cells are NAN.  Columns first, then rows. */
size_t report_add_column(struct report *report, const char *name);
size_t report_add_row(struct report *report, const char *name);
/* Figures have three significant digits, or more when they are large. */
void report_print(const struct report *report);
/* The middle one, NAN of none; sorts the values. */
double report_median(double *values, size_t count);

#endif
