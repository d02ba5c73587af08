/* SPDX-License-Identifier: MIT */
/* What is redacted of requests, and what is not. */
#include "stats/secrets.h"

#include "base/attr.h"
#include "base/buf.h"
#include "spec/command.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    WORDS_MAX = 12
};

struct secrets_case {
    const char *command; /* as command_full_name has it */
    const char *words[WORDS_MAX];
    const char *shown;
};

static void expect_shown(const struct secrets_case *c)
{
    /* A command that is not in the table yet is known by its name all the same. */
    const struct command_spec unknown = {.kind = COMMAND_DATA, .name = c->command};
    const struct command_spec *spec = command_find_full(bytes_from_text(c->command));
    struct bytes args[WORDS_MAX];
    struct buf shown = {0};
    size_t count = 0;

    for (; c->words[count] != NULL; count++) {
        args[count] = bytes_from_text(c->words[count]);
    }
    if (spec == NULL && strchr(c->command, '|') != NULL) {
        return; /* a container that is not there has no name that it could be known by */
    }
    secrets_redact(spec != NULL ? spec : &unknown, args, count);
    for (size_t i = 0; i < count; i++) {
        buf_append_text(&shown, i > 0 ? " " : "");
        buf_append_bytes(&shown, args[i]);
    }
    cr_expect_str_eq(buf_text(&shown), c->shown, "%s", buf_text(&shown));
    buf_deinit(&shown);
}

Test(secrets, passwords_and_what_stands_beside_them_are_redacted)
{
    static const struct secrets_case cases[] = {
        {"auth",                    {"auth", "secret"},                               "auth (redacted)"                   },
        {"auth",                    {"AUTH", "user", "secret"},                       "AUTH (redacted) (redacted)"        },
        {"auth",                    {"renamed", "secret"},                            "renamed (redacted)"                },
        {"hello",
         {"HELLO", "3", "auth", "default", "secret", "setname", "x"},
         "HELLO 3 auth (redacted) (redacted) setname x"                                                                   },
        {"hello",                   {"hello", "9", "AUTH", "a", "b"},                 "hello 9 AUTH (redacted) (redacted)"},
        {"hello",
         {"hello", "3", "AUTH", "auth", "b", "setname", "x"},
         "hello 3 AUTH (redacted) (redacted) (redacted) x"                                                                },
        {"hello",                   {"HELLO", "3", "AUTH", "secret"},                 "HELLO 3 AUTH (redacted)"           },
        {"config|set",
         {"CONFIG", "SET", "hz", "5", "requirepass", "secret"},
         "CONFIG SET hz 5 requirepass (redacted)"                                                                         },
        {"config|set",
         {"config", "set", "MasterAuth", "secret", "hz", "5"},
         "config set MasterAuth (redacted) hz 5"                                                                          },
        {"config|set",
         {"config", "set", "primaryauth", "secret"},
         "config set primaryauth (redacted)"                                                                              },
        {"config|set",              {"config", "set", "masteruser", "bob"},           "config set masteruser (redacted)"  },
        {"config|set",
         {"config", "set", "cluster-secret", "s"},
         "config set cluster-secret (redacted)"                                                                           },
        {"config|set",
         {"config", "set", "nosuch", "masterauth", "secret"},
         "config set nosuch (redacted) (redacted)"                                                                        },
        {"acl|setuser",
         {"ACL", "SETUSER", "bob", "on", ">secret"},
         "ACL SETUSER (redacted) (redacted) (redacted)"                                                                   },
        {"config|set",
         {"config", "set", "tls-key-file-pass", "secret"},
         "config set tls-key-file-pass (redacted)"                                                                        },
        {"acl|dryrun",
         {"ACL", "DRYRUN", "bob", "AUTH", "secret"},
         "ACL DRYRUN bob AUTH (redacted)"                                                                                 },
        {"command|getkeys",
         {"COMMAND", "GETKEYS", "AUTH", "secret"},
         "COMMAND GETKEYS AUTH (redacted)"                                                                                },
        {"command|getkeysandflags",
         {"COMMAND", "GETKEYSANDFLAGS", "HELLO", "3"},
         "COMMAND GETKEYSANDFLAGS HELLO (redacted)"                                                                       },
        {"migrate",
         {"MIGRATE", "h", "1", "k", "0", "9", "AUTH", "secret"},
         "MIGRATE h 1 k 0 9 AUTH (redacted)"                                                                              },
        {"migrate",
         {"migrate", "h", "1", "", "0", "9", "COPY", "auth2", "u", "secret", "KEYS"},
         "migrate h 1  0 9 COPY auth2 (redacted) (redacted) KEYS"                                                         },
        {"migrate",
         {"migrate", "h", "1", "", "0", "9", "AUTH2", "u"},
         "migrate h 1  0 9 AUTH2 (redacted)"                                                                              },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        expect_shown(&cases[i]);
    }
}

Test(secrets, everything_else_is_left_as_it_is)
{
    static const struct secrets_case cases[] = {
        {"set",        {"SET", "requirepass", "auth", "x"},              "SET requirepass auth x"   },
        {"config|get", {"CONFIG", "GET", "requirepass"},                 "CONFIG GET requirepass"   },
        {"config|set", {"CONFIG", "SET", "maxclients", "100"},           "CONFIG SET maxclients 100"},
        {"hello",      {"HELLO", "3", "SETNAME", "x"},                   "HELLO 3 SETNAME x"        },
        {"config",     {"CONFIG"},                                       "CONFIG"                   },
        {"auth",       {"AUTH"},                                         "AUTH"                     },
        {"migrate",
         {"MIGRATE", "auth", "auth2", "auth", "auth", "9", "KEYS", "k"},
         "MIGRATE auth auth2 auth auth 9 KEYS k"                                                    },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        expect_shown(&cases[i]);
    }
}

Test(secrets, most_commands_have_none)
{
    cr_expect(secrets_may_be_in(command_spec(COMMAND_AUTH)));
    cr_expect(secrets_may_be_in(command_spec(COMMAND_CONFIG_SET)));
    cr_expect_not(secrets_may_be_in(command_spec(COMMAND_CONFIG_GET)));
    cr_expect_not(secrets_may_be_in(command_spec(COMMAND_SET)));
}
