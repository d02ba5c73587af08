/* SPDX-License-Identifier: MIT */
/* The configuration against its header's promises. */
#include "config/config.h"

#include <criterion/criterion.h>

static void expect(const struct config *config, const char *name, const char *value)
{
    struct buf text = {0};

    cr_assert(config_get(config, name, &text), "no directive %s", name);
    cr_assert_str_eq(buf_text(&text), value, "%s is '%s', not '%s'", name, buf_text(&text), value);
    buf_deinit(&text);
}

static void expect_refused(const char *text, const char *message)
{
    struct config config;
    struct errmsg error = {0};

    config_init(&config);
    cr_assert(!config_parse(&config, bytes_from_text(text), "test.conf", &error));
    cr_assert(strstr(error.text, message) != NULL, "'%s' lacks '%s'", error.text, message);
    config_deinit(&config);
}

Test(config, starts_with_the_defaults_of_the_table)
{
    struct config config;

    config_init(&config);
    expect(&config, "port", "6379");
    expect(&config, "cluster-node-timeout", "1000");
    expect(&config, "repl-backlog-size", "10485760");
    expect(&config, "save", "3600 1 300 100 60 10000");
    cr_assert_eq(config.save_point_count, 3);
    config_deinit(&config);
}

Test(config, reads_a_file_with_comments_quotes_and_several_save_lines)
{
    struct config config;
    struct errmsg error = {0};
    const char *text = "# a comment\n  port   7001 \nsave 900 1\nsave 60 100\r\n"
                       "requirepass \"a b\\\"c\"\nbind 127.0.0.1 ::1\nreplicaof localhost 6380\n";

    config_init(&config);
    cr_assert(config_parse(&config, bytes_from_text(text), "test.conf", &error), "%s", error.text);
    expect(&config, "port", "7001");
    expect(&config, "save", "900 1 60 100");
    expect(&config, "requirepass", "a b\"c");
    expect(&config, "bind", "127.0.0.1 ::1");
    expect(&config, "slaveof", "localhost 6380");
    config_deinit(&config);
}

Test(config, names_file_line_and_reason_of_what_it_refuses)
{
    expect_refused("port 1\nnosuch 2\n", "test.conf, line 2: \"nosuch 2\": unknown directive");
    expect_refused("cluster-announce-hostname a_b\n",
                   "Hostnames may only contain alphanumeric characters, hyphens or dots");
    expect_refused("cluster-announce-ip node1\n", "argument must be an IPv4 or IPv6 address");
    expect_refused("cluster-announce-ip 999.1.1.1\n", "argument must be an IPv4 or IPv6 address");
    expect_refused("port 70000\n", "line 1: \"port 70000\": argument must be between 0 and 65535");
    expect_refused("timeout soon\n", "couldn't be parsed into an integer");
    expect_refused("cluster-enabled maybe\n", "must be 'yes' or 'no'");
    expect_refused("requirepass \"x\n", "unbalanced quotes");
    expect_refused("repl-backlog-size 1parsec\n", "must be a memory value");
    expect_refused("appendonly yes\n", "must be one of: no");
    expect_refused("save 1\n", "Invalid save parameters");
    expect_refused("dbfilename ../x\n", "can't be a path");
    expect_refused("client-output-buffer-limit nobody 1 1 1\n", "Unrecognized client limit class");
}

Test(config, keeps_its_value_when_a_new_one_is_refused)
{
    struct config config;
    struct errmsg error;

    config_init(&config);
    cr_assert(!config_set(&config, "maxclients", bytes_from_text("0"), CONFIG_FROM_LIVE, &error));
    expect(&config, "maxclients", "10000");
    cr_assert(!config_set(&config, "port", bytes_from_text("1"), CONFIG_FROM_LIVE, &error));
    cr_assert_str_eq(error.text, "can't set immutable config");
    cr_assert(config_set(&config, "MAXCLIENTS", bytes_from_text("5"), CONFIG_FROM_LIVE, &error));
    expect(&config, "maxclients", "5");
    config_deinit(&config);
}

Test(config, sets_limits_of_one_class_and_keeps_the_others)
{
    struct config config;
    struct errmsg error;

    config_init(&config);
    cr_assert(config_set(&config, "client-output-buffer-limit",
                         bytes_from_text("slave 1mb 512kb 10"), CONFIG_FROM_LIVE, &error));
    cr_assert_eq(config.output_limits[OUTPUT_REPLICA].hard_bytes, 1024 * 1024);
    cr_assert_eq(config.output_limits[OUTPUT_REPLICA].soft_seconds, 10);
    expect(&config, "client-output-buffer-limit",
           "normal 0 0 0 replica 1048576 524288 10 pubsub 33554432 8388608 60");
    config_deinit(&config);
}

Test(config, rewrites_known_lines_in_place_and_keeps_comments)
{
    struct config config;
    struct errmsg error;
    struct buf out = {0};
    const char *old = "# mine\nport 7001\nsave 900 1\nsave 60 2\n# end\n";

    config_init(&config);
    cr_assert(config_parse(&config, bytes_from_text(old), "x", &error));
    cr_assert(config_set(&config, "timeout", bytes_from_text("9"), CONFIG_FROM_LIVE, &error));
    config_rewrite(&config, bytes_from_text(old), &out);
    cr_assert_str_eq(buf_text(&out), "# mine\nport 7001\nsave 900 1 60 2\n# end\ntimeout 9\n");
    buf_deinit(&out);
    config_deinit(&config);
}

Test(config, refuses_what_does_not_make_sense_together)
{
    static const char *const texts[] = {
        "port 0\n",
        "cluster-enabled yes\nreplicaof localhost 1\n",
        "cluster-enabled yes\nport 60000\n",
        "replicaof localhost\n",
    };

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct config config;
        struct errmsg error = {0};

        config_init(&config);
        cr_assert(config_parse(&config, bytes_from_text(texts[i]), "x", &error), "%s", error.text);
        cr_assert(!config_validate(&config, &error), "accepted: %s", texts[i]);
        cr_assert(error.text[0] != '\0');
        config_deinit(&config);
    }
}
