/* SPDX-License-Identifier: MIT */
/* Columns as wide as their names, figures to the right. */
#include "tests/bench/report.h"

#include "base/assert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum {
    FIGURE_WIDTH = 9
};

static void read_cpu_model(char *out, size_t size)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[256];

    snprintf(out, size, "unknown processor");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(out, size, "%s", colon + 2);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

void report_machine(void)
{
    char model[128];
    struct utsname kernel = {0};

    read_cpu_model(model, sizeof(model));
    uname(&kernel);
    printf("%s, %s %s\n", model, kernel.sysname, kernel.release);
}

size_t report_add_column(struct report *report, const char *name)
{
    ASSERT(report->column_count < REPORT_COLUMNS_MAX && report->row_count == 0);
    snprintf(report->columns[report->column_count], REPORT_NAME_MAX, "%s", name);
    return report->column_count++;
}

size_t report_add_row(struct report *report, const char *name)
{
    ASSERT(report->row_count < REPORT_ROWS_MAX);
    snprintf(report->rows[report->row_count], REPORT_NAME_MAX, "%s", name);
    for (size_t i = 0; i < report->column_count; i++) {
        report->cells[report->row_count][i] = NAN;
    }
    return report->row_count++;
}

static int decimals_of(double value)
{
    int decimals = 2;

    for (double limit = 10; value >= limit && decimals > 0; limit *= 10) {
        decimals--;
    }
    for (double limit = 1; value < limit && value > 0 && decimals < 5; limit /= 10) {
        decimals++;
    }
    return decimals;
}

static int width_of(const struct report *report, size_t column)
{
    int len = (int)strlen(report->columns[column]);

    return 2 + (len > FIGURE_WIDTH ? len : FIGURE_WIDTH);
}

void report_print(const struct report *report)
{
    int first = 0;

    for (size_t row = 0; row < report->row_count; row++) {
        int len = (int)strlen(report->rows[row]);

        first = len > first ? len : first;
    }
    printf("\n%s\n%*s", report->title, first, "");
    for (size_t column = 0; column < report->column_count; column++) {
        printf("%*s", width_of(report, column), report->columns[column]);
    }
    for (size_t row = 0; row < report->row_count; row++) {
        printf("\n%-*s", first, report->rows[row]);
        for (size_t column = 0; column < report->column_count; column++) {
            double cell = report->cells[row][column];

            if (isnan(cell)) {
                printf("%*s", width_of(report, column), "-");
            } else {
                printf("%*.*f", width_of(report, column), decimals_of(cell), cell);
            }
        }
    }
    printf("\n");
    fflush(stdout);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

double report_median(double *values, size_t count)
{
    if (count == 0) {
        return NAN;
    }
    qsort(values, count, sizeof(*values), compare);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}
