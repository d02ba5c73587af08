/* SPDX-License-Identifier: MIT */
/* base/log. */
#include "base/log.h"

#include "base/bytes.h"

#include <criterion/criterion.h>

struct sink {
    int lines;
    enum log_level level;
    char last[100];
};

static void keep(void *context, enum log_level level, const char *line)
{
    struct sink *sink = context;

    sink->lines++;
    sink->level = level;
    bytes_to_text(bytes_from_text(line), sink->last, sizeof(sink->last));
}

Test(log, lines_below_the_threshold_are_dropped)
{
    struct sink sink = {0};
    struct logger logger = {.threshold = LOG_NOTICE, .sink = keep, .sink_context = &sink};

    log_line(&logger, LOG_VERBOSE, "dropped");
    cr_assert_eq(sink.lines, 0);
    log_line(&logger, LOG_WARNING, "kept %d", 7);
    cr_assert_eq(sink.lines, 1);
    cr_assert_eq(sink.level, LOG_WARNING);
    cr_assert_str_eq(sink.last, "kept 7");
}

Test(log, no_logger_swallows_everything)
{
    log_line(NULL, LOG_WARNING, "nobody hears %s", "this");
    cr_assert_str_eq(log_level_name(LOG_NOTICE), "notice");
}
