/* SPDX-License-Identifier: MIT */
#include "stats/secrets.h"

#include "base/assert.h"
#include "base/attr.h"
#include "config/config.h"
#include "spec/command.h"

static bool is_secret_directive(struct bytes directive)
{
    static const char *const secrets[] = {
        "requirepass",
        "masterauth",
        "masteruser",
        "cluster-secret",
        "cluster-secret-previous",
        "tls-key-file-pass",
        "tls-client-key-file-pass",
    };
    const struct config_option *option = config_option_find(directive);

    for (size_t i = 0; option != NULL && i < ARRAY_COUNT(secrets); i++) {
        if (bytes_equal_text(bytes_from_text(option->name), secrets[i])) {
            return true;
        }
    }
    return false;
}

/* ---- is word i one? --------------------------------------------------------------------------- */

static bool in_auth(const struct bytes *args, size_t i)
{
    (void)args;
    return i >= 1;
}

static bool in_hello(const struct bytes *args, size_t i)
{
    return (i >= 2 && bytes_equal_nocase(args[i - 1], "AUTH")) ||
           (i >= 3 && bytes_equal_nocase(args[i - 2], "AUTH"));
}

/* Of a directive that is not known here it is not known either whether it is one. */
static bool in_config_set(const struct bytes *args, size_t i)
{
    bool is_value = i % 2 == 1;

    return i >= 3 && (is_secret_directive(args[i - 1]) ||
                      (is_value && config_option_find(args[i - 1]) == NULL));
}

/* Those of the command that is asked about. */
static bool in_acl_dryrun(const struct bytes *args, size_t i)
{
    (void)args;
    return i >= 4;
}

static bool in_command_getkeys(const struct bytes *args, size_t i)
{
    (void)args;
    return i >= 3;
}

/* Whom it is about is nobody's business either. */
static bool in_acl_setuser(const struct bytes *args, size_t i)
{
    (void)args;
    return i >= 2;
}

static bool in_migrate(const struct bytes *args, size_t i)
{
    enum {
        OPTIONS = 6, /* where they begin */
    };

    return (i > OPTIONS && (bytes_equal_nocase(args[i - 1], "AUTH") ||
                            bytes_equal_nocase(args[i - 1], "AUTH2"))) ||
           (i > OPTIONS + 1 && bytes_equal_nocase(args[i - 2], "AUTH2"));
}

typedef bool is_secret_fn(const struct bytes *args, size_t i);

/* By name, since some are known to the rules before they are to the table. */
static is_secret_fn *rule_of(const struct command_spec *spec)
{
    static const struct {
        const char *name;
        is_secret_fn *is_secret;
    } rules[] = {
        {"auth",                    in_auth           },
        {"hello",                   in_hello          },
        {"config|set",              in_config_set     },
        {"acl|setuser",             in_acl_setuser    },
        {"acl|dryrun",              in_acl_dryrun     },
        {"command|getkeys",         in_command_getkeys},
        {"command|getkeysandflags", in_command_getkeys},
        {"migrate",                 in_migrate        },
    };
    char name[COMMAND_FULL_NAME_SIZE];

    command_full_name(spec, name, sizeof(name));
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
        if (strcmp(name, rules[i].name) == 0) {
            return rules[i].is_secret;
        }
    }
    return NULL;
}

bool secrets_may_be_in(const struct command_spec *spec)
{
    return rule_of(spec) != NULL;
}

void secrets_redact(const struct command_spec *spec, struct bytes *args, size_t count)
{
    is_secret_fn *is_secret = rule_of(spec);

    ASSERT(count > 0);
    /* The last ones first: what is asked about has not been replaced yet. */
    for (size_t i = count - 1; is_secret != NULL && i > 0; i--) {
        if (is_secret(args, i)) {
            args[i] = BYTES_LITERAL("(redacted)");
        }
    }
}
