/* SPDX-License-Identifier: MIT */
/* cli/options and cli/bench_options: command lines. */
#include "cli/options.h"

#include "base/mem.h"
#include "cli/bench_options.h"

#include <criterion/criterion.h>

enum {
    WORDS_MAX = 16,
};

struct line {
    struct options options;
    struct errmsg error;
    char texts[WORDS_MAX][64];
    char *words[WORDS_MAX];
    bool is_ok;
};

static void parse(struct line *line, const struct options_surroundings *around, const char *text)
{
    struct bytes rest = bytes_from_text(text);
    size_t count = 0;
    struct bytes word;

    *line = (struct line){0};
    while ((word = bytes_next_word(&rest, ' ')).len > 0) {
        bytes_to_text(word, line->texts[count], sizeof(line->texts[count]));
        line->words[count] = line->texts[count];
        count++;
    }
    line->is_ok =
        options_parse(&line->options, (struct flag_words){.words = line->words, .count = count},
                      around, &line->error);
}

static void finish(struct line *line)
{
    options_deinit(&line->options);
    cr_assert_eq(mem_used_total(), 0);
}

static void expect_refused(const char *text, const char *message)
{
    const struct options_surroundings around = {0};
    struct line line;

    parse(&line, &around, text);
    cr_assert_not(line.is_ok, "taken: %s", text);
    cr_assert_not_null(strstr(line.error.text, message), "%s", line.error.text);
    finish(&line);
}

Test(options, without_flags_it_is_the_usual_server_and_a_format_by_terminal)
{
    const struct options_surroundings terminal = {.is_terminal = true};
    const struct options_surroundings pipe = {.is_terminal = false};
    struct line line;

    parse(&line, &terminal, "");
    cr_assert(line.is_ok);
    cr_assert_str_eq(line.options.host, "127.0.0.1");
    cr_assert_eq(line.options.port, 6379);
    cr_assert_eq(line.options.render.format, RENDER_TTY);
    finish(&line);
    parse(&line, &pipe, "get k");
    cr_assert_eq(line.options.render.format, RENDER_RAW);
    cr_assert_eq(line.options.word_count, 2);
    finish(&line);
}

Test(options, flags_end_where_the_command_begins)
{
    const struct options_surroundings around = {0};
    struct line line;

    parse(&line, &around, "-h example.org -p 7001 -n 2 -c -i 0.25 -r 5 get -n");
    cr_assert(line.is_ok);
    cr_assert_str_eq(line.options.host, "example.org");
    cr_assert_eq(line.options.port, 7001);
    cr_assert_eq(line.options.db, 2);
    cr_assert_eq(line.options.interval_ms, 250);
    cr_assert_eq(line.options.repeat, 5);
    cr_assert(line.options.follows_redirects);
    cr_assert_eq(line.options.word_count, 2);
    cr_assert_str_eq(line.options.words[1], "-n");
    finish(&line);
}

Test(options, a_uri_gives_user_password_host_port_and_db)
{
    const struct options_surroundings around = {0};
    struct line line;

    parse(&line, &around, "-u redis://al%40ce:p%3Aw@h.example:7002/3 ping");
    cr_assert(line.is_ok);
    cr_assert_str_eq(line.options.user, "al@ce");
    cr_assert_str_eq(line.options.password, "p:w");
    cr_assert_str_eq(line.options.host, "h.example");
    cr_assert_eq(line.options.port, 7002);
    cr_assert_eq(line.options.db, 3);
    finish(&line);
}

Test(options, parts_of_a_uri_may_be_left_out)
{
    const struct options_surroundings around = {0};
    struct line line;

    parse(&line, &around, "-u redis://secret@[::1]:9 ping");
    cr_assert(line.is_ok);
    cr_assert_null(line.options.user);
    cr_assert_str_eq(line.options.password, "secret");
    cr_assert_str_eq(line.options.host, "::1");
    cr_assert_eq(line.options.port, 9);
    finish(&line);
}

Test(options, the_environment_gives_a_password_unless_there_is_one)
{
    const struct options_surroundings around = {.password = "quiet"};
    struct line line;

    parse(&line, &around, "ping");
    cr_assert_str_eq(line.options.password, "quiet");
    cr_assert_not(line.options.is_password_visible);
    finish(&line);
    parse(&line, &around, "-a loud ping");
    cr_assert_str_eq(line.options.password, "loud");
    cr_assert(line.options.is_password_visible);
    finish(&line);
}

Test(options, json_asks_for_resp3_unless_resp2_is_asked_for)
{
    const struct options_surroundings around = {0};
    struct line line;

    parse(&line, &around, "--json ping");
    cr_assert_eq(line.options.protocol, 3);
    finish(&line);
    parse(&line, &around, "-2 --json ping");
    cr_assert_eq(line.options.protocol, 2);
    finish(&line);
}

Test(options, cluster_takes_words_up_to_the_next_flag)
{
    const struct options_surroundings around = {0};
    struct line line;

    parse(&line, &around, "--cluster create a:1 b:2 --cluster-replicas 1 --cluster-yes -a x");
    cr_assert(line.is_ok);
    cr_assert_eq(line.options.mode, OPTIONS_CLUSTER);
    cr_assert_eq(line.options.word_count, 3);
    cr_assert_eq(line.options.cluster_replicas, 1);
    cr_assert(line.options.cluster_yes);
    finish(&line);
    parse(&line, &around, "--cluster call a:1 getrange k 0 -1 -a x");
    cr_assert(line.is_ok);
    cr_assert_eq(line.options.word_count, 6);
    finish(&line);
}

Test(options, what_makes_no_sense_is_refused_with_a_reason)
{
    expect_refused("--bogus", "'--bogus'");
    expect_refused("-p", "Unrecognized option or bad number of args for: '-p'");
    expect_refused("-p 70000", "from 1 to 65535");
    expect_refused("-i soon", "-i takes seconds");
    expect_refused("-u http://x", "redis://");
    expect_refused("-u redis://x:port", "port");
    expect_refused("-u redis://x/db", "database");
    expect_refused("-x -X t get t", "mutually exclusive");
    expect_refused("--scan extra", "'extra'");
    expect_refused("--show-pushes perhaps get", "'perhaps'");
}

Test(bench_options, flags_after_bench_are_the_benchmarks)
{
    const struct options_surroundings around = {0};
    struct bench_options bench;
    struct line line;

    parse(&line, &around, "-p 7001 --bench -c 5 -n 10 -P 4 -r 100 -d 8 -t set,get -q");
    cr_assert(line.is_ok);
    cr_assert_eq(line.options.mode, OPTIONS_BENCH);
    cr_assert(bench_options_parse(&bench, &line.options, &line.error), "%s", line.error.text);
    cr_assert_eq(line.options.port, 7001);
    cr_assert_eq(bench.clients, 5);
    cr_assert_eq(bench.requests, 10);
    cr_assert_eq(bench.pipeline, 4);
    cr_assert_eq(bench.keyspace, 100);
    cr_assert_eq(bench.data_size, 8);
    cr_assert_str_eq(bench.tests, "set,get");
    cr_assert(bench.is_quiet);
    finish(&line);
}

Test(bench_options, connection_flags_and_a_command_of_the_users_own_are_taken)
{
    const struct options_surroundings around = {0};
    struct bench_options bench;
    struct line line;

    parse(&line, &around, "--bench -p 7009 -a pw --seconds 2 --dbnum 3 set k{tag} __data__");
    cr_assert(bench_options_parse(&bench, &line.options, &line.error), "%s", line.error.text);
    cr_assert_eq(line.options.port, 7009);
    cr_assert_eq(line.options.db, 3);
    cr_assert_str_eq(line.options.password, "pw");
    cr_assert_eq(bench.seconds_ms, 2000);
    cr_assert_eq(bench.requests, 0);
    cr_assert_eq(bench.word_count, 3);
    finish(&line);
}

Test(bench_options, what_makes_no_sense_is_refused)
{
    static const char *const lines[] = {"--bench -c 0", "--bench --bogus", "--bench -t set get k",
                                        "--bench -s /x --cluster", "--bench -n"};
    const struct options_surroundings around = {0};

    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        struct bench_options bench;
        struct line line;

        parse(&line, &around, lines[i]);
        cr_assert(line.is_ok);
        cr_assert_not(bench_options_parse(&bench, &line.options, &line.error), "%s", lines[i]);
        cr_assert_neq(line.error.text[0], '\0');
        finish(&line);
    }
}

Test(options, a_log_is_checked_and_repaired_by_flags_of_their_own)
{
    const struct options_surroundings around = {0};
    struct line line;

    parse(&line, &around, "--check-log /srv/data --repair --yes");
    cr_assert(line.is_ok, "%s", line.error.text);
    cr_assert_eq(line.options.mode, OPTIONS_CHECK_LOG);
    cr_assert_str_eq(line.options.log_dir, "/srv/data");
    cr_assert(line.options.repairs && line.options.says_yes);
    finish(&line);
    parse(&line, &around, "--check-log .");
    cr_assert(line.is_ok);
    cr_assert_not(line.options.repairs || line.options.says_yes);
    finish(&line);
    expect_refused("--repair", "--repair and --yes go with --check-log");
    expect_refused("--yes get a", "--repair and --yes go with --check-log");
    expect_refused("--check-log", "--check-log");
    expect_refused("--check-log . word", "Unexpected word 'word'");
}
