/* SPDX-License-Identifier: MIT */
#include "stats/prometheus.h"

#include <criterion/criterion.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME   "[a-zA-Z_:][a-zA-Z0-9_:]*"
#define STRING "\"([^\"\\]|\\\\|\\\"|\\n)*\""
#define LABELS "(\\{" NAME "=" STRING "(," NAME "=" STRING ")*\\})?"

/* A strict reader of the format: HELP, TYPE, then the samples of one family, each family once. */
struct reader {
    regex_t help, type, sample;
    char families[512][160];
    size_t family_count;
    char family[160];
    char type_word[16];
    size_t sample_count;
    bool has_type;
};

static void compile(regex_t *re, const char *pattern)
{
    cr_assert_eq(regcomp(re, pattern, REG_EXTENDED), 0, "%s", pattern);
}

static void begin_family(struct reader *r, const char *line)
{
    cr_assert(r->family_count == 0 || r->sample_count > 0, "%s has no samples", r->family);
    sscanf(line, "# HELP %159s", r->family);
    for (size_t i = 0; i < r->family_count; i++) {
        cr_assert_str_neq(r->families[i], r->family, "a family twice");
    }
    snprintf(r->families[r->family_count++], sizeof(r->families[0]), "%s", r->family);
    r->sample_count = 0;
    r->has_type = false;
}

static void read_line(struct reader *r, const char *line)
{
    size_t len = strlen(r->family);
    char name[160];

    if (regexec(&r->help, line, 0, NULL, 0) == 0) {
        begin_family(r, line);
    } else if (regexec(&r->type, line, 0, NULL, 0) == 0) {
        cr_assert(sscanf(line, "# TYPE %159s %15s", name, r->type_word) == 2 && !r->has_type);
        cr_assert_str_eq(name, r->family);
        cr_assert_eq(strcmp(r->type_word, "counter") == 0,
                     len > 6 && strcmp(r->family + len - 6, "_total") == 0, "%s", r->family);
        r->has_type = true;
    } else {
        cr_assert_eq(regexec(&r->sample, line, 0, NULL, 0), 0, "no sample: %s", line);
        cr_assert(r->has_type && strncmp(line, r->family, len) == 0 && strchr(" {", line[len]),
                  "not of %s: %s", r->family, line);
        r->sample_count++;
    }
}

static void read_all(const char *text)
{
    struct reader *r = calloc(1, sizeof(*r));
    char *copy = strdup(text);

    compile(&r->help, "^# HELP starling_" NAME " [^\r]+$");
    compile(&r->type, "^# TYPE " NAME " (counter|gauge)$");
    compile(&r->sample, "^" NAME LABELS " -?[0-9]+(\\.[0-9]+)?(e[-+][0-9]+)?$");
    cr_assert(text[0] == '\0' || text[strlen(text) - 1] == '\n');
    for (char *line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        read_line(r, line);
    }
    regfree(&r->help);
    regfree(&r->type);
    regfree(&r->sample);
    free(copy);
    free(r);
}

static void write_all(const struct metrics *m, struct buf *out)
{
    for (int i = 0; i < METRICS_SECTION_COUNT; i++) {
        prometheus_write_section(m, (enum metric_section)i, out);
    }
}

static bool has(struct buf *out, const char *line)
{
    char wanted[256];

    snprintf(wanted, sizeof(wanted), "\n%s\n", line);
    return strstr(buf_text(out), wanted) != NULL;
}

Test(prometheus, every_metric_of_the_table_reads_by_the_rules_of_the_format)
{
    struct metrics m = {
        .holds = UINT32_MAX,
        .cmdstat = BYTES_LITERAL("cmdstat_get:calls=3,usec=1500,usec_per_call=0.50\r\n"
                                 "cmdstat_client|list:calls=1,usec=2,usec_per_call=2.00\r\n"),
        .slave = BYTES_LITERAL("slave0:ip=::1,port=7001,state=online,offset=9,lag=0\r\n"),
        .db = BYTES_LITERAL("db0:keys=5,expires=1,avg_ttl=10\r\n"),
        .errorstat = BYTES_LITERAL("errorstat_ERR:count=2\r\n"),
        .mem_heap = BYTES_LITERAL("mem_heap_net:12\r\n"),
        .latency_percentiles_usec =
            BYTES_LITERAL("latency_percentiles_usec_get:p50=1.003,p99.9=2.007\r\n")};
    struct buf out = {0};

    write_all(&m, &out);
    read_all(buf_text(&out));
    cr_assert(has(&out, "starling_cmdstat_calls_total{cmdstat=\"get\"} 3"));
    cr_assert(has(&out, "starling_cmdstat_calls_total{cmdstat=\"client|list\"} 1"));
    cr_assert(has(&out, "starling_cmdstat_seconds_total{cmdstat=\"get\"} 0.0015"));
    cr_assert(has(&out, "starling_cmdstat_usec_per_call{cmdstat=\"get\"} 0.5"));
    cr_assert(has(&out, "starling_slave_offset{slave=\"0\"} 9"));
    cr_assert(has(&out, "starling_slave_info{slave=\"0\",ip=\"::1\",state=\"online\"} 1"));
    cr_assert(has(&out, "starling_db_keys{db=\"0\"} 5"));
    cr_assert(has(&out, "starling_errorstat_count_total{errorstat=\"ERR\"} 2"));
    cr_assert(has(&out, "starling_mem_heap_bytes{mem_heap=\"net\"} 12"));
    buf_deinit(&out);
}

Test(prometheus, names_end_in_the_unit_and_times_are_in_seconds)
{
    struct metrics m = {.total_net_input_bytes = 7,
                        .total_commands_processed = 8,
                        .used_memory = 9,
                        .server_time_usec = 1500000,
                        .expire_cycle_cpu_milliseconds = 250,
                        .used_cpu_sys = 2500000,
                        .rdb_last_bgsave_time_sec = -1};
    struct buf out = {0};

    write_all(&m, &out);
    cr_assert(has(&out, "starling_net_input_bytes_total 7"));
    cr_assert(has(&out, "starling_commands_processed_total 8"));
    cr_assert(has(&out, "starling_used_memory_bytes 9"));
    cr_assert(has(&out, "starling_server_time_seconds 1.500000"));
    cr_assert(has(&out, "starling_expire_cycle_cpu_seconds_total 0.250000"));
    cr_assert(has(&out, "starling_used_cpu_sys_seconds_total 2.500000"));
    cr_assert(has(&out, "starling_rdb_last_bgsave_time_seconds -1"));
    cr_assert_null(strstr(buf_text(&out), "_human"));
    buf_deinit(&out);
}

Test(prometheus, escapes_what_would_end_a_label_and_shows_no_byte_outside_ascii)
{
    struct metrics m = {.config_file = "/a\"b\\c\nd\xff"};
    struct buf out = {0};

    write_all(&m, &out);
    read_all(buf_text(&out));
    cr_assert_not_null(strstr(buf_text(&out), "config_file=\"/a\\\"b\\\\c\\nd?\""));
    buf_deinit(&out);
}

Test(prometheus, leaves_out_what_does_not_hold_and_lines_that_are_not_there)
{
    struct metrics m = {0};
    struct buf out = {0};

    write_all(&m, &out);
    read_all(buf_text(&out));
    cr_assert_null(strstr(buf_text(&out), "master_link"));
    cr_assert_null(strstr(buf_text(&out), "cmdstat"));
    buf_deinit(&out);
}
