/* SPDX-License-Identifier: MIT */
#include "net/descriptors.h"

#include "base/num.h"

#include <sys/resource.h>

static uint64_t reserve_of(const struct config *config)
{
    return config->cluster_enabled ? DESCRIPTORS_RESERVED_BUS : DESCRIPTORS_RESERVED;
}

uint64_t descriptors_limit(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : 0;
}

/* As many as wanted, or as many as the system grants; how many that are. */
static uint64_t raise_to(uint64_t wanted)
{
    struct rlimit limit;
    struct rlimit higher = {.rlim_cur = (rlim_t)wanted, .rlim_max = (rlim_t)wanted};

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return descriptors_limit();
    }
    /* Beyond the hard limit only the privileged get. */
    if (limit.rlim_max >= wanted || setrlimit(RLIMIT_NOFILE, &higher) != 0) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : (rlim_t)wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return descriptors_limit();
        }
    }
    return descriptors_limit();
}

bool descriptors_fit(struct config *config, const struct logger *logger, struct errmsg *error)
{
    uint64_t reserve = reserve_of(config);
    uint64_t granted = raise_to((uint64_t)config->maxclients + reserve);
    char text[NUM_I64_TEXT + 1];

    if (granted >= (uint64_t)config->maxclients + reserve) {
        return true;
    }
    if (granted <= reserve) {
        errmsg_set(
            error,
            "the system lets this process open %llu files, of which it needs %llu for itself: "
            "raise 'ulimit -n'",
            (unsigned long long)granted, (unsigned long long)reserve);
        return false;
    }
    log_line(
        logger, LOG_WARNING,
        "maxclients has been reduced from %lld to %llu: the system lets this process open %llu "
        "files; raise 'ulimit -n' for more",
        (long long)config->maxclients, (unsigned long long)(granted - reserve),
        (unsigned long long)granted);
    return config_set(config, "maxclients",
                      bytes_make(text, num_format_u64(text, granted - reserve)), CONFIG_FROM_START,
                      error);
}

bool descriptors_raise(const struct config *config, struct errmsg *error)
{
    uint64_t reserve = reserve_of(config);
    uint64_t granted = raise_to((uint64_t)config->maxclients + reserve);

    if (granted >= (uint64_t)config->maxclients + reserve) {
        return true;
    }
    errmsg_set(error,
               "The operating system is not able to handle the specified number of clients, try "
               "with %lld",
               granted > reserve ? (long long)(granted - reserve) : 0LL);
    return false;
}
