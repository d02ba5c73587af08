/* SPDX-License-Identifier: MIT */
/* What a client may do only when the configuration says so. */
#include "base/attr.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <string.h>

/* Where a client is, and the start of the replies it gets. */
struct visit {
    const char *allowed; /* both directives */
    bool is_remote;
    const char *debug;
    const char *config;
};

static void expect(struct alone *a, const char *request, const char *reply)
{
    struct buf out;

    alone_pass(a, 1000, 0, bytes_from_text(request));
    out = alone_take(a, 0);
    cr_assert(bytes_has_prefix(buf_bytes(&out), reply), "%s gives %s, not %s", request,
              buf_text(&out), reply);
    buf_deinit(&out);
}

static void run_visit(const struct visit *visit)
{
    const struct alone_option options[] = {
        {"enable-debug-command",     visit->allowed},
        {"enable-protected-configs", visit->allowed},
        {"protected-mode",           "no"          },
    };
    struct alone *a = alone_new(options, ARRAY_COUNT(options));

    alone_connect(a, 0);
    a->clients[0].session->peer.is_loopback = !visit->is_remote;
    expect(a, "DEBUG CHECK\r\n", visit->debug);
    expect(a, "CONFIG SET maxclients 100 dbfilename other.rdb\r\n", visit->config);
    expect(a, "CONFIG SET enable-debug-command yes\r\n", "-ERR CONFIG SET failed");
    alone_free(a);
}

Test(protected, commands_and_directives_are_for_whom_the_configuration_names)
{
    static const char no_debug[] = "-ERR DEBUG command not allowed.";
    static const char no_config[] = "-ERR CONFIG SET failed (possibly related to argument "
                                    "'dbfilename') - can't set protected config";
    static const struct visit visits[] = {
        {"no",    false, no_debug, no_config},
        {"no",    true,  no_debug, no_config},
        {"local", false, "+OK",    "+OK"    },
        {"local", true,  no_debug, no_config},
        {"yes",   true,  "+OK",    "+OK"    },
    };

    for (size_t i = 0; i < ARRAY_COUNT(visits); i++) {
        run_visit(&visits[i]);
    }
}

Test(protected, a_stranger_learns_that_debug_is_off_before_he_is_asked_for_a_password)
{
    struct alone *a = alone_new(&(struct alone_option){"requirepass", "secret"}, 1);

    alone_connect(a, 0);
    expect(a, "DEBUG CHECK\r\n", "-ERR DEBUG command not allowed.");
    expect(a, "CONFIG SET dbfilename x\r\n", "-NOAUTH");
    alone_free(a);
}
