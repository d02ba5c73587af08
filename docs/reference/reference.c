/* SPDX-License-Identifier: MIT */
/* Pages that are made from the tables of the source: what stands in a table is written once.
 *
 *     reference metrics      docs/metrics.md
 *     reference directives   docs/directives.md
 *     reference conf         a config file with every directive and its default
 *     reference man-conf     the manual page of config files
 *     reference commands     the names of all commands, a line each
 *
 * `make docs` writes the pages of docs, `make install` installs the others; `make lint` says when a
 * page is not what the tables say. */
#include "config/config.h"
#include "spec/command.h"
#include "stats/metrics.h"

#include <inttypes.h>

#include <stdio.h>
#include <string.h>

static const char *kind_name(enum metric_kind kind)
{
    static const char *const names[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_RATIO] = "gauge",
        [METRIC_SECONDS] = "counter", [METRIC_HUMAN] = "text",  [METRIC_TEXT] = "text",
        [METRIC_LINES] = "lines",     [METRIC_TALLY] = "lines",
    };

    return names[kind];
}

static const char *when_text(enum metric_when when)
{
    switch (when) {
    case METRIC_WHEN_LOADING:
        return " (while loading)";
    case METRIC_WHEN_REPLICA:
        return " (replica)";
    case METRIC_WHEN_SYNCING:
        return " (during a full resync)";
    case METRIC_WHEN_LINK_DOWN:
        return " (replica without a link)";
    case METRIC_WHEN_MIN_REPLICAS:
        return " (with `min-replicas-to-write`)";
    case METRIC_WHEN_SYNC_REPLICAS:
        return " (with `sync-replicas`)";
    case METRIC_WHEN_LINK_ERROR:
        return " (replica that stopped following)";
    case METRIC_WHEN_ALWAYS:
        break;
    }
    return "";
}

static void print_metrics_section(enum metric_section section)
{
    struct metric_section_info info = metric_section_info(section);
    bool has_rows = false;

    printf("\n## %s\n\n`INFO %s`%s\n", info.title, info.name,
           info.is_default ? "" : ", shown when asked for or with `INFO all`");
    for (size_t i = 0; metric_at(i) != NULL; i++) {
        const struct metric *row = metric_at(i);

        if (row->section != section) {
            continue;
        }
        if (!has_rows) {
            printf("\n| name | kind | unit | what it is |\n|---|---|---|---|\n");
            has_rows = true;
        }
        printf("| `%s%s` | %s | %s | %s%s |\n", row->name,
               row->kind == METRIC_LINES || row->kind == METRIC_TALLY ? "…" : "",
               kind_name(row->kind), row->unit, row->sentence, when_text(row->when));
    }
    if (!has_rows) {
        printf("\nEmpty: the section is there for tools that look for it.\n");
    }
}

static void print_metrics(void)
{
    printf("# Metrics\n\n"
           "What `INFO` tells, section by section. Names are those of Redis where it has them. A "
           "counter\n"
           "only grows until the server ends or `CONFIG RESETSTAT`; a gauge goes up and down; "
           "lines are as\n"
           "many as there are things to tell of, each beginning with the name.\n\n"
           "This page is made from `server/stats/metrics.def`.\n");
    for (int section = 0; section < METRICS_SECTION_COUNT; section++) {
        print_metrics_section((enum metric_section)section);
    }
}

/* ---- directives --------------------------------------------------------------------------------- */

enum row_kind {
    ROW_GROUP,
    ROW_BOOL,
    ROW_NUMBER,
    ROW_SIZE,
    ROW_TEXT,
    ROW_NAME,
    ROW_WORDS,
    ROW_CHOICE,
};

static const struct row {
    enum row_kind kind;
    const char *name; /* of a group: its title */
    const char *initial;
    int64_t least;
    int64_t greatest;
    const char *words;
    const char *help;
} rows[] = {
#define GROUP(title) {.kind = ROW_GROUP, .name = (title)},
#define OPTION(row_kind, field, row_name, when, row_initial, row_least, row_greatest, row_words,   \
               row_help)                                                                           \
    {.kind = ROW_##row_kind,                                                                       \
     .name = (row_name),                                                                           \
     .initial = (row_initial),                                                                     \
     .least = (row_least),                                                                         \
     .greatest = (row_greatest),                                                                   \
     .words = (row_words),                                                                         \
     .help = (row_help)},
#include "config/options.def"
#undef GROUP
#undef OPTION
};

/* The words of a choice, one behind the other. */
static void print_words(const char *words, const char *between)
{
    for (; *words != '\0'; words++) {
        if (*words == '|') {
            fputs(between, stdout);
        } else {
            putchar(*words);
        }
    }
}

static void print_values(const struct row *row)
{
    switch (row->kind) {
    case ROW_GROUP:
        break;
    case ROW_BOOL:
        printf("yes, no");
        break;
    case ROW_NUMBER:
        printf(row->greatest == INT64_MAX ? "from %" PRId64 : "%" PRId64 " to ", row->least);
        if (row->greatest != INT64_MAX) {
            printf("%" PRId64, row->greatest);
        }
        break;
    case ROW_SIZE:
        printf("bytes, from %" PRId64, row->least);
        break;
    case ROW_TEXT:
        printf("text");
        break;
    case ROW_NAME:
        printf("text, not empty");
        break;
    case ROW_WORDS:
        printf("words");
        break;
    case ROW_CHOICE:
        print_words(row->words, ", ");
        break;
    }
}

static void print_directives(void)
{
    printf("# Directives\n\n"
           "Every directive of a config file, of the command line and of `CONFIG GET`. Those "
           "marked live\n"
           "can be changed with `CONFIG SET` while the server runs.\n"
           "[configuration.md](configuration.md) tells how they are read and written.\n\n"
           "This page is made from `server/config/options.def`.\n");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        const struct config_option *option;

        if (row->kind == ROW_GROUP) {
            printf("\n## %s\n\n| directive | default | values | live | what for |\n"
                   "|---|---|---|---|---|\n",
                   row->name);
            continue;
        }
        option = config_option_find(bytes_from_text(row->name));
        printf("| `%s` | ", row->name);
        printf(row->initial[0] != '\0' ? "`%s`" : "empty", row->initial);
        printf(" | ");
        print_values(row);
        printf(" | %s | %s |\n", option->is_live ? "yes" : "", row->help);
    }
}

/* A comment of several lines, none too long. */
static void print_comment(const char *text)
{
    size_t column = 0;

    for (const char *word = text; *word != '\0';) {
        size_t len = strcspn(word, " ");

        if (column == 0 || column + len > 90) {
            printf(column == 0 ? "#" : "\n#");
            column = 1;
        }
        printf(" %.*s", (int)len, word);
        column += len + 1;
        word += len + strspn(word + len, " ");
    }
    putchar('\n');
}

static void print_conf(void)
{
    printf("# Starling: every directive, with its default behind a #.\n"
           "#\n"
           "#     starling-server FILE [--DIRECTIVE VALUE ...]\n"
           "#\n"
           "# The command line wins over this file, CONFIG SET changes a running server, CONFIG "
           "REWRITE\n"
           "# writes the values that differ from their defaults back into it.  Sizes take units: "
           "1kb is 1024\n"
           "# bytes, 1k is 1000.  Words with blanks stand in quotes.\n");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];

        if (row->kind == ROW_GROUP) {
            printf("\n################ %s\n", row->name);
            continue;
        }
        putchar('\n');
        print_comment(row->help);
        if (row->kind == ROW_CHOICE) {
            printf("# One of: ");
            print_words(row->words, ", ");
            putchar('\n');
        }
        printf("#%s %s\n", row->name, row->initial[0] != '\0' ? row->initial : "\"\"");
    }
}

/* ---- manual page -------------------------------------------------------------------------------- */

/* Text for troff: no line begins with a dot, no dash is a hyphen. */
static void print_troff(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '-') {
            fputs("\\-", stdout);
        } else if (*text == '\\') {
            fputs("\\e", stdout);
        } else {
            putchar(*text);
        }
    }
}

static void print_man_conf(void)
{
    printf(
        ".TH STARLING.CONF 5\n.SH NAME\nstarling.conf \\- configuration of starling\\-server(1)\n"
        ".SH DESCRIPTION\nOne directive a line; # begins a comment; words with blanks stand in\n"
        "double or single quotes.  Names are those of redis.conf.  Sizes take units: 1kb is 1024\n"
        "bytes, 1k is 1000.\n");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];

        if (row->kind == ROW_GROUP) {
            printf(".SH %s\n", row->name);
            continue;
        }
        printf(".TP\n.B ");
        print_troff(row->name);
        putchar('\n');
        print_troff(row->help);
        if (row->kind == ROW_CHOICE) {
            printf(": ");
            print_words(row->words, ", ");
        }
        printf(".\nDefault: ");
        print_troff(row->initial[0] != '\0' ? row->initial : "empty");
        putchar('\n');
    }
    printf(".SH SEE ALSO\nstarling\\-server(1), starling\\-cli(1)\n");
}

static void print_commands(void)
{
    for (int id = 0; id < COMMAND_COUNT; id++) {
        char name[COMMAND_FULL_NAME_SIZE];

        command_full_name(command_spec((enum command_id)id), name, sizeof(name));
        for (char *c = name; *c != '\0'; c++) {
            *c = *c == '|' ? ' ' : *c;
        }
        printf("%s\n", name);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } pages[] = {
        {"metrics",    print_metrics   },
        {"directives", print_directives},
        {"conf",       print_conf      },
        {"man-conf",   print_man_conf  },
        {"commands",   print_commands  },
    };

    for (size_t i = 0; argc == 2 && i < ARRAY_COUNT(pages); i++) {
        if (strcmp(argv[1], pages[i].name) == 0) {
            pages[i].print();
            return 0;
        }
    }
    fprintf(stderr, "usage: reference metrics|directives|conf|man-conf|commands\n");
    return 2;
}
