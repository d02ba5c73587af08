/* SPDX-License-Identifier: MIT */
#include "stats/metrics.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *section_text(const struct metrics *metrics, enum metric_section section)
{
    static struct buf out;

    buf_clear(&out);
    metrics_write_section(metrics, section, &out);
    return buf_text(&out);
}

Test(metrics, each_row_has_a_name_of_its_own_and_a_sentence_and_stands_with_its_section)
{
    enum metric_section last = METRICS_SERVER;

    for (size_t i = 0; metric_at(i) != NULL; i++) {
        const struct metric *row = metric_at(i);

        size_t len = strlen(row->sentence);

        cr_expect(len > 0 && row->sentence[len - 1] != '.', "%s has no sentence", row->name);
        cr_expect_geq(row->section, last, "%s stands in the wrong section", row->name);
        last = row->section;
        for (size_t k = 0; k < i; k++) {
            cr_expect_str_neq(metric_at(k)->name, row->name);
        }
    }
}

Test(metrics, every_kind_is_shown_as_tools_parse_it)
{
    struct metrics m = {
        .used_memory = 1572864,
        .used_memory_human = 1572864,
        .used_memory_peak_perc = 86.218,
        .mem_fragmentation_ratio = 1.5,
        .used_cpu_user = 12000345,
        .expired_keys = UINT64_MAX,
        .role = "master",
        .db = BYTES_LITERAL("db0:keys=1\r\ndb3:keys=2\r\n"),
    };
    static const struct {
        enum metric_section section;
        const char *line;
    } cases[] = {
        {METRICS_MEMORY,      "\r\nused_memory:1572864\r\n"               },
        {METRICS_MEMORY,      "\r\nused_memory_human:1.50M\r\n"           },
        {METRICS_MEMORY,      "\r\nused_memory_peak_perc:86.22%\r\n"      },
        {METRICS_MEMORY,      "\r\nmem_fragmentation_ratio:1.50\r\n"      },
        {METRICS_MEMORY,      "\r\nmaxmemory_policy:\r\n"                 },
        {METRICS_CPU,         "\r\nused_cpu_user:12.000345\r\n"           },
        {METRICS_STATS,       "\r\nexpired_keys:18446744073709551615\r\n" },
        {METRICS_STATS,       "\r\nexpired_stale_perc:0.00\r\n"           },
        {METRICS_REPLICATION, "# Replication\r\nrole:master\r\n"          },
        {METRICS_KEYSPACE,    "# Keyspace\r\ndb0:keys=1\r\ndb3:keys=2\r\n"},
        {METRICS_MODULES,     "# Modules\r\n"                             },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *text = section_text(&m, cases[i].section);

        cr_expect_not_null(strstr(text, cases[i].line), "no '%s' in:\n%s", cases[i].line, text);
    }
}

Test(metrics, what_belongs_to_a_condition_is_shown_only_while_it_holds)
{
    static const struct {
        enum metric_when when;
        enum metric_section section;
        const char *name;
    } cases[] = {
        {METRIC_WHEN_LOADING,      METRICS_PERSISTENCE, "\r\nloading_eta_seconds:"           },
        {METRIC_WHEN_REPLICA,      METRICS_REPLICATION, "\r\nmaster_host:"                   },
        {METRIC_WHEN_SYNCING,      METRICS_REPLICATION, "\r\nmaster_sync_read_bytes:"        },
        {METRIC_WHEN_LINK_DOWN,    METRICS_REPLICATION, "\r\nmaster_link_down_since_seconds:"},
        {METRIC_WHEN_LINK_ERROR,   METRICS_REPLICATION, "\r\nmaster_link_error:"             },
        {METRIC_WHEN_MIN_REPLICAS, METRICS_REPLICATION, "\r\nmin_slaves_good_slaves:"        },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct metrics m = {.holds = 0};

        cr_expect_null(strstr(section_text(&m, cases[i].section), cases[i].name), "%s",
                       cases[i].name);
        m.holds = cases[i].when;
        cr_expect_not_null(strstr(section_text(&m, cases[i].section), cases[i].name), "%s",
                           cases[i].name);
    }
}
