/* SPDX-License-Identifier: MIT */
/* Killing a primary, measuring how long its slots are without one, and its return. */
#include "tests/demo/demo.h"

#include "io/clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    TAKEOVER_LIMIT_MS = 30000,
    POLL_MS = 1,
};

static bool accepts_write(struct demo *demo, size_t node, const char *key)
{
    char reply[DEMO_TEXT];

    return demo_ask_text(demo, node, reply, 3, "SET", key, "first after the take-over") &&
           strcmp(reply, "OK") == 0;
}

bool takeover_run(struct demo *demo, const struct demo_range *range, struct takeover *out)
{
    struct mono_time killed_at;
    char key[64];

    *out = (struct takeover){.victim = range->primary, .heir = range->replica};
    if (range->replica == DEMO_NODES) {
        errmsg_set(&demo->error, "the primary on port %u has no replica",
                   (unsigned)demo->servers[range->primary].port);
        return false;
    }
    demo_tag_in(range, out->tag);
    snprintf(key, sizeof(key), "{%s}:takeover", out->tag);
    demo_disconnect(demo, out->victim);
    killed_at = clock_mono_now();
    server_signal(&demo->servers[out->victim], SIGKILL);
    while (!accepts_write(demo, out->heir, key)) {
        if (mono_ms_between(killed_at, clock_mono_now()) > TAKEOVER_LIMIT_MS) {
            errmsg_set(&demo->error, "the replica on port %u did not take over within %d seconds",
                       (unsigned)demo->servers[out->heir].port, TAKEOVER_LIMIT_MS / 1000);
            return false;
        }
        support_pause_ms(POLL_MS);
    }
    out->elapsed_us = clock_mono_now().us - killed_at.us;
    return true;
}

static bool is_replica_in_sync(struct demo *demo, size_t node)
{
    char role[DEMO_TEXT];
    char link[DEMO_TEXT];

    return demo_field(demo, node, "replication", "role", role) && strcmp(role, "slave") == 0 &&
           demo_field(demo, node, "replication", "master_link_status", link) &&
           strcmp(link, "up") == 0;
}

bool takeover_bring_back(struct demo *demo, const struct takeover *takeover)
{
    int64_t until = support_now_ms() + DEMO_HEAL_MS;
    struct server *s = &demo->servers[takeover->victim];

    if (!server_start(s, &demo->error)) {
        return false;
    }
    while (!is_replica_in_sync(demo, takeover->victim)) {
        if (support_now_ms() > until) {
            errmsg_set(&demo->error,
                       "the old primary on port %u is not a replica in sync after %d "
                       "seconds",
                       (unsigned)s->port, DEMO_HEAL_MS / 1000);
            return false;
        }
        support_pause_ms(POLL_MS);
    }
    return true;
}

bool takeover_compare(struct demo *demo, const struct takeover *takeover, char digest[DEMO_TEXT])
{
    int64_t until = support_now_ms() + DEMO_HEAL_MS;
    char other[DEMO_TEXT];

    do {
        if (!demo_ask_text(demo, takeover->heir, digest, 2, "DEBUG", "DIGEST") ||
            !demo_ask_text(demo, takeover->victim, other, 2, "DEBUG", "DIGEST")) {
            return false;
        }
        if (strcmp(digest, other) == 0) {
            return true;
        }
        support_pause_ms(POLL_MS);
    } while (support_now_ms() < until);
    errmsg_set(&demo->error, "the data differs: %s on port %u, %s on port %u", digest,
               (unsigned)demo->servers[takeover->heir].port, other,
               (unsigned)demo->servers[takeover->victim].port);
    return false;
}
