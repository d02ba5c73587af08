/* SPDX-License-Identifier: MIT */
/* The configuration against its headers' promises. */
#include "config/config.h"

#include <criterion/criterion.h>

#include "config/config_reader.h"

static void expect(const struct config *config, const char *name, const char *value)
{
    struct buf text = {0};

    cr_assert(config_get(config, name, &text), "no directive %s", name);
    cr_assert_str_eq(buf_text(&text), value, "%s is '%s', not '%s'", name, buf_text(&text), value);
    buf_deinit(&text);
}

/* Read as a file; what is wrong with it stays in *problems. */
static bool read_file(struct config *config, const char *text, struct buf *problems)
{
    struct config_reader reader = {.config = config};

    config_read_text(&reader, bytes_from_text(text), "test.conf");
    buf_append_bytes(problems, buf_bytes(&reader.problems));
    config_reader_deinit(&reader);
    return problems->len == 0;
}

static void must_read(struct config *config, const char *text)
{
    struct buf problems = {0};

    cr_assert(read_file(config, text, &problems), "%s", buf_text(&problems));
}

static void expect_refused(const char *text, const char *message)
{
    struct config config;
    struct buf problems = {0};

    config_init(&config);
    cr_assert(!read_file(&config, text, &problems), "accepted: %s", text);
    cr_assert(strstr(buf_text(&problems), message) != NULL, "'%s' lacks '%s'", buf_text(&problems),
              message);
    buf_deinit(&problems);
    config_deinit(&config);
}

static void set_live(struct config *config, const char *name, const char *value)
{
    struct errmsg error = {0};

    cr_assert(config_set(config, name, bytes_from_text(value), CONFIG_FROM_LIVE, &error),
              "%s %s: %s", name, value, error.text);
}

static void expect_live_error(const char *name, const char *value, const char *message)
{
    struct config config;
    struct errmsg error = {0};

    config_init(&config);
    cr_assert(!config_set(&config, name, bytes_from_text(value), CONFIG_FROM_LIVE, &error),
              "accepted: %s %s", name, value);
    cr_assert_str_eq(error.text, message);
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
    expect(&config, "maxmemory", "0");
    cr_assert_eq(config.save_point_count, 3);
    config_deinit(&config);
}

Test(config, no_name_stands_in_the_tables_twice)
{
    for (size_t i = 0; config_option_at(i) != NULL; i++) {
        cr_expect_eq(config_option_find(bytes_from_text(config_option_at(i)->name)),
                     config_option_at(i), "%s", config_option_at(i)->name);
    }
    for (size_t i = 0; config_alias_at(i) != NULL; i++) {
        const struct config_option *option =
            config_option_find(bytes_from_text(config_alias_at(i)));

        cr_assert_not_null(option, "%s", config_alias_at(i));
        cr_expect_str_neq(option->name, config_alias_at(i));
    }
}

Test(config, every_directive_takes_its_own_value_back)
{
    struct config config;

    config_init(&config);
    for (size_t i = 0; config_option_at(i) != NULL; i++) {
        const struct config_option *option = config_option_at(i);
        struct buf value = {0};
        struct errmsg error = {0};

        config_get(&config, option->name, &value);
        if (option->is_refused) {
            cr_expect(
                !config_set(&config, option->name, buf_bytes(&value), CONFIG_FROM_START, &error));
        } else {
            cr_expect(
                config_set(&config, option->name, buf_bytes(&value), CONFIG_FROM_START, &error),
                "%s %s: %s", option->name, buf_text(&value), error.text);
            expect(&config, option->name, buf_text(&value));
        }
        buf_deinit(&value);
    }
    config_deinit(&config);
}

Test(config, reads_a_file_with_comments_quotes_and_several_save_lines)
{
    struct config config;

    config_init(&config);
    must_read(&config, "# a comment\n  port   7001 \nsave 900 1\nsave 60 100\r\n"
                       "requirepass \"a b\\\"c\"\nbind 127.0.0.1 ::1\nreplicaof localhost 6380\n");
    expect(&config, "port", "7001");
    expect(&config, "save", "900 1 60 100");
    expect(&config, "requirepass", "a b\"c");
    expect(&config, "bind", "127.0.0.1 ::1");
    expect(&config, "slaveof", "localhost 6380");
    config_deinit(&config);
}

Test(config, words_are_quoted_as_in_redis_conf)
{
    struct config config;

    config_init(&config);
    must_read(&config,
              "requirepass \"\\x41\\n\\t\\\\\"\nmasterauth 'it\\'s \\n'\nlogfile a\"b c\"\n");
    expect(&config, "requirepass", "A\n\t\\");
    expect(&config, "masterauth", "it's \\n");
    expect(&config, "logfile", "ab c");
    config_deinit(&config);
    expect_refused("requirepass \"a\"b\n", "unbalanced quotes");
    expect_refused("requirepass a b\n", "requirepass: wrong number of arguments");
    expect_refused("requirepass\n", "requirepass: wrong number of arguments");
    expect_refused("requirepass \"a\\x00b\"\n", "zero bytes");
}

Test(config, names_file_line_and_reason_of_what_it_refuses)
{
    expect_refused("port 1\nnosuch 2\n", "test.conf:2: unknown directive 'nosuch'");
    expect_refused("port=1\n", "unknown directive 'port=1': write 'port 1'");
    expect_refused("port 70000\n", "test.conf:1: port: argument must be between 0 and 65535");
    expect_refused("cluster-announce-hostname a_b\n",
                   "Hostnames may only contain alphanumeric characters, hyphens or dots");
    expect_refused("cluster-announce-ip node1\n", "argument must be an IPv4 or IPv6 address");
    expect_refused("cluster-announce-ip 999.1.1.1\n", "argument must be an IPv4 or IPv6 address");
    expect_refused("timeout soon\n", "couldn't be parsed into an integer");
    expect_refused("cluster-enabled maybe\n", "must be 'yes' or 'no'");
    expect_refused("requirepass \"x\n", "unbalanced quotes");
    expect_refused("repl-backlog-size 1parsec\n", "must be a memory value");
    expect_refused("loglevel loud\n", "must be one of the following: debug, verbose, notice");
    expect_refused("save 1\n", "Invalid save parameters");
    expect_refused("dbfilename ../x\n", "can't be a path");
    expect_refused("unixsocketperm 9\n", "octal");
    expect_refused("replicaof host\n", "wrong number of arguments");
    expect_refused("replicaof host 0\n", "Invalid master port");
}

Test(config, tells_all_problems_of_a_file_at_once_and_no_values)
{
    struct config config;
    struct buf problems = {0};

    config_init(&config);
    cr_assert(!read_file(&config, "port x\nrequirepass secret word\ntimeout 5\nnosuch secret\n",
                         &problems));
    cr_assert_str_eq(buf_text(&problems),
                     "test.conf:1: port: argument couldn't be parsed into an integer\n"
                     "test.conf:2: requirepass: wrong number of arguments\n"
                     "test.conf:4: unknown directive 'nosuch'\n");
    expect(&config, "timeout", "5");
    buf_deinit(&problems);
    config_deinit(&config);
}

Test(config, what_this_server_does_not_do_is_refused_with_the_reason)
{
    expect_refused("tls-port 6380\n", "no TLS");
    expect_refused("loadmodule /x.so\n", "no modules");
    expect_refused("user\n", "user: wrong number of arguments");
    expect_refused("user a \"~x y\"\n", "user: words of a user have no blanks and no zero bytes");
    expect_live_error("tls-port", "6380",
                      "not supported: there is no TLS: put a TLS proxy in front");
}

Test(config, limits_of_memory_take_what_other_servers_do_and_refuse_the_rest_in_their_words)
{
    static const struct {
        const char *name;
        const char *value;
        const char *error; /* NULL: taken, and shown as */
        const char *shown;
    } cases[] = {
        {"maxmemory",                   "100mb",             NULL,                                                  "104857600"        },
        {"maxmemory",                   "1k",                NULL,                                                  "1000"             },
        {"maxmemory",                   "abc",               "argument must be a memory value",                     ""                 },
        {"maxmemory",                   "-1",                "argument must be a memory value",                     ""                 },
        {"maxmemory",                   "1.5mb",             "argument must be a memory value",                     ""                 },
        {"maxmemory",                   "",                  "argument must be a memory value",                     ""                 },
        {"maxmemory-policy",            "Allkeys-LRU",       NULL,                                                  "allkeys-lru"      },
        {"maxmemory-policy",            "best",
         "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, "
         "volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction",                                      ""                 },
        {"shutdown-on-sigterm",         "now Save failover", NULL,                                                  "save now failover"},
        {"maxmemory-samples",           "64",                NULL,                                                  "64"               },
        {"maxmemory-samples",           "0",                 "argument must be between 1 and 2147483647 inclusive", ""                 },
        {"maxmemory-samples",           "2147483648",        "argument must be between 1 and 2147483647 inclusive",
         ""                                                                                                                            },
        {"maxmemory-samples",           "x",                 "argument couldn't be parsed into an integer",         ""                 },
        {"maxmemory-eviction-tenacity", "100",               NULL,                                                  "100"              },
        {"maxmemory-eviction-tenacity", "101",               "argument must be between 0 and 100 inclusive",        ""                 },
        {"maxmemory-eviction-tenacity", "-1",                "argument must be between 0 and 100 inclusive",        ""                 },
        {"lfu-log-factor",              "0",                 NULL,                                                  "0"                },
        {"lfu-log-factor",              "-1",                "argument must be between 0 and 2147483647 inclusive", ""                 },
        {"lfu-log-factor",              "1.5",               "argument couldn't be parsed into an integer",         ""                 },
        {"lfu-decay-time",              "2147483647",        NULL,                                                  "2147483647"       },
        {"lfu-decay-time",              "2147483648",        "argument must be between 0 and 2147483647 inclusive", ""                 },
        {"maxmemory-clients",           "1mb",               NULL,                                                  "1048576"          },
        {"maxmemory-clients",           "5%",                NULL,                                                  "5%"               },
        {"maxmemory-clients",           "100%",              NULL,                                                  "100%"             },
        {"maxmemory-clients",           "101%",              "percentage argument must be less or equal to 100",    ""                 },
        {"maxmemory-clients",           "-1%",               "argument must be a memory or percent value",          ""                 },
        {"maxmemory-clients",           "5x%",               "argument must be a memory or percent value",          ""                 },
        {"maxmemory-clients",           "%",                 "argument must be a memory or percent value",          ""                 },
        {"maxmemory-clients",           "-1",                "argument must be a memory or percent value",          ""                 },
        {"maxmemory-clients",           "abc",               "argument must be a memory or percent value",          ""                 },
        {"maxmemory-clients",           "",                  "argument must be a memory or percent value",          ""                 },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config config;

        if (cases[i].error != NULL) {
            expect_live_error(cases[i].name, cases[i].value, cases[i].error);
            continue;
        }
        config_init(&config);
        set_live(&config, cases[i].name, cases[i].value);
        expect(&config, cases[i].name, cases[i].shown);
        config_deinit(&config);
    }
}

Test(config, classes_of_events_are_letters_and_shown_in_their_order)
{
    static const char wrong[] = "Invalid event class character. Use 'Ag$lshzxetdnKEmoc'.";
    static const struct {
        const char *value;
        const char *shown; /* NULL: refused */
    } cases[] = {
        {"",                  ""          },
        {"KEA",               "AKE"       },
        {"A",                 "A"         },
        {"gglE",              "glE"       },
        {"Elshd",             "lshdE"     },
        {"mnEK",              "nKEm"      },
        {"KEAnm",             "AnKEm"     },
        {"Kg$lshzxed",        "g$lshzxedK"},
        {"Kg$lshzxet",        "g$lshzxetK"},
        {"dtexzhsl$gEK",      "AKE"       },
        {"coEK",              "KEoc"      },
        {"KEAmnoc",           "AnKEmoc"   },
        {"KEX",               NULL        },
        {"K ",                NULL        },
        {"a",                 NULL        },
        {"KEg$lshzxetdmnoc1", NULL        },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config config;

        if (cases[i].shown == NULL) {
            expect_live_error("notify-keyspace-events", cases[i].value, wrong);
            continue;
        }
        config_init(&config);
        set_live(&config, "notify-keyspace-events", cases[i].value);
        expect(&config, "notify-keyspace-events", cases[i].shown);
        cr_assert_eq(config.event_classes != 0, cases[i].value[0] != '\0');
        config_deinit(&config);
    }
    expect_refused("notify-keyspace-events KEA!\n", wrong);
}

Test(config, directives_without_effect_are_remembered_and_listed)
{
    struct config config;
    struct buf names = {0};

    config_init(&config);
    must_read(&config, "activerehashing NO\naof-load-truncated no\nmaxmemory 0\n"
                       "list-compress-depth 5\n");
    config_list_without_effect(&config, &names);
    cr_assert_str_eq(buf_text(&names), "aof-load-truncated, activerehashing, list-compress-depth");
    expect(&config, "activerehashing", "no");
    expect(&config, "aof-load-truncated", "no");
    expect(&config, "list-compress-depth", "5");
    set_live(&config, "lazyfree-lazy-expire", "Yes");
    expect(&config, "lazyfree-lazy-expire", "yes");
    buf_deinit(&names);
    config_deinit(&config);
}

Test(config, an_empty_value_opens_nothing)
{
    struct config config;
    struct buf problems = {0};

    config_init(&config);
    must_read(&config, "bind \"\"\n");
    expect(&config, "bind", "");
    cr_assert(!config_validate(&config, &problems));
    cr_assert_not_null(strstr(buf_text(&problems), "nowhere to listen"));
    buf_deinit(&problems);
    config_deinit(&config);
    expect_refused("bind -\n", "no address");
    expect_refused("bind 127.0.0.1 \"\"\n", "one of its arguments is empty");
    expect_refused("bind\n", "wrong number of arguments");
    expect_refused("port \"\"\n", "integer");
    expect_refused("dir \"\"\n", "must not be empty");
    expect_refused("dbfilename \"\"\n", "must not be empty");
    expect_refused("cluster-config-file \"\"\n", "must not be empty");
    expect_refused("unixsocketperm \"\"\n", "octal");
    expect_refused("protected-mode \"\"\n", "'yes' or 'no'");
    expect_refused("client-output-buffer-limit \"\"\n", "Wrong number of arguments");
}

Test(config, keeps_its_value_when_a_new_one_is_refused)
{
    struct config config;
    struct errmsg error;

    config_init(&config);
    cr_assert(!config_set(&config, "maxclients", bytes_from_text("0"), CONFIG_FROM_LIVE, &error));
    expect(&config, "maxclients", "10000");
    set_live(&config, "MAXCLIENTS", "5");
    expect(&config, "maxclients", "5");
    config_deinit(&config);
    expect_live_error("unixsocket", "x", "can't set immutable config");
}

Test(config, words_of_a_choice_and_yes_or_no_come_in_any_case)
{
    struct config config;

    config_init(&config);
    must_read(&config, "loglevel Warning\nprotected-mode NO\ncluster-preferred-endpoint-type IP\n");
    expect(&config, "loglevel", "warning");
    expect(&config, "protected-mode", "no");
    config_deinit(&config);
}

Test(config, sets_limits_of_one_class_and_keeps_the_others)
{
    struct config config;

    config_init(&config);
    set_live(&config, "client-output-buffer-limit", "replica 1mb 512kb 10");
    cr_assert_eq(config.output_limits[OUTPUT_REPLICA].hard_bytes, 1024 * 1024);
    cr_assert_eq(config.output_limits[OUTPUT_REPLICA].soft_seconds, 10);
    expect(&config, "client-output-buffer-limit",
           "normal 0 0 0 slave 1048576 524288 10 pubsub 33554432 8388608 60");
    config_deinit(&config);
    expect_live_error("client-output-buffer-limit", "normal 1 2",
                      "Wrong number of arguments in buffer limit configuration.");
    expect_live_error("client-output-buffer-limit", "master 1 2 3",
                      "Invalid client class specified in buffer limit configuration.");
    expect_live_error("client-output-buffer-limit", "normal 1 x 3",
                      "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
}

Test(config, save_points_add_up_within_a_source_and_a_later_source_wins)
{
    struct config config;
    struct config_reader flags = {.config = &config};
    const char *const words[] = {"--save", "5", "6", "--save", "7 8"};
    const char *const nothing[] = {"--save", "--timeout", "1"};

    config_init(&config);
    must_read(&config, "save 900 1\nsave \"\"\nsave 60 2 30 3\n");
    expect(&config, "save", "60 2 30 3");
    config_read_flags(&flags, words, ARRAY_COUNT(words));
    cr_assert_eq(flags.problems.len, 0);
    expect(&config, "save", "5 6 7 8");
    flags.has_save = false;
    config_read_flags(&flags, nothing, ARRAY_COUNT(nothing));
    cr_assert_eq(flags.problems.len, 0);
    expect(&config, "save", "");
    cr_assert_eq(config.save_point_count, 0);
    config_deinit(&config);
}

Test(config, flags_may_be_one_word_or_several)
{
    struct config config;
    struct config_reader flags = {.config = &config};
    const char *const words[] = {
        "--timeout 5", "--bind",   "127.0.0.1", "::1",  "--requirepass", "a b",
        "--port=7000", "--nosuch", "1",         "--hz", "--replicaof x", "y"};

    config_init(&config);
    config_read_flags(&flags, words, ARRAY_COUNT(words));
    expect(&config, "timeout", "5");
    expect(&config, "bind", "127.0.0.1 ::1");
    expect(&config, "requirepass", "a b");
    cr_assert_str_eq(buf_text(&flags.problems),
                     "command line: unknown directive 'port=7000': write 'port 7000'\n"
                     "command line: unknown directive 'nosuch'\n"
                     "command line: hz: wrong number of arguments\n"
                     "command line: replicaof: Invalid master port\n");
    config_reader_deinit(&flags);
    config_deinit(&config);
}

Test(config, a_copy_has_texts_of_its_own)
{
    struct config config;
    struct config copy;

    config_init(&config);
    must_read(&config, "requirepass one\nactiverehashing no\nrename-command DEBUG \"\"\n");
    config_copy(&config, &copy);
    set_live(&copy, "requirepass", "two");
    set_live(&copy, "activerehashing", "yes");
    expect(&config, "requirepass", "one");
    expect(&config, "activerehashing", "no");
    config_deinit(&config);
    expect(&copy, "requirepass", "two");
    cr_assert_str_eq(copy.renames.items[0].from, "DEBUG");
    cr_assert_str_eq(copy.renames.items[0].to, "");
    config_deinit(&copy);
}

Test(config, refuses_what_does_not_make_sense_together)
{
    static const char *const texts[] = {
        "port 0\n",
        "cluster-enabled yes\nreplicaof localhost 1\n",
        "cluster-enabled yes\nport 60000\n",
        "cluster-enabled yes\ndbfilename nodes.conf\n",
        "cluster-enabled yes\nbind \"\"\nunixsocket /x\n",
        "cluster-enabled yes\nbind *\n",
        "cluster-enabled yes\nbind 127.0.0.1 -10.0.0.1\n",
        "cluster-enabled yes\nbind 127.example\n",
        "cluster-secret-previous old\n",
    };

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct config config;
        struct buf problems = {0};

        config_init(&config);
        must_read(&config, texts[i]);
        cr_assert(!config_validate(&config, &problems), "accepted: %s", texts[i]);
        cr_assert(problems.len > 0);
        buf_deinit(&problems);
        config_deinit(&config);
    }
}

Test(config, a_replica_hears_several_signs_of_life_within_the_timeout_of_its_link)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"",                                              10000},
        {"repl-ping-replica-period 3\n",                  3000 },
        {"repl-timeout 5\n",                              1666 },
        {"repl-timeout 1\nrepl-ping-replica-period 60\n", 333  },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config config;

        config_init(&config);
        must_read(&config, cases[i].text);
        cr_assert_eq(config_replica_ping_ms(&config), cases[i].ms);
        config_deinit(&config);
    }
}
